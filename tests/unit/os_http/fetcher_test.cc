// SPDX-License-Identifier: Apache-2.0
// libcurl against a small HTTP server on the loopback interface.
#include "os/http/fetcher.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace flexvpn::os {
namespace {

using ::testing::HasSubstr;

// Answers each connection by what `reply` makes of the request; "" = says nothing until the end.
class Server {
 public:
  explicit Server(std::function<std::string(const std::string& request)> reply) : reply_(std::move(reply)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_ANY);
    socklen_t size = sizeof a;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&a), size) != 0 || listen(listener_, 64) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size) != 0)
      abort();
    port_ = ntohs(a.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Server() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (std::thread& t : sessions_) t.join();
    close(listener_);
  }
  std::string Url(const std::string& path = "/x") const {
    return absl::StrCat("http://127.0.0.1:", port_, path);
  }
  int connections() const { return connections_; }
  int most_at_once() const { return most_; }
  void Release() {  // those that wait in silence
    std::lock_guard<std::mutex> lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }

 private:
  void Serve() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return Release();
      ++connections_;
      sessions_.emplace_back([this, fd] { Talk(fd); });
    }
  }
  void Talk(int fd) {
    const int at_once = ++open_;
    for (int most = most_; at_once > most && !most_.compare_exchange_weak(most, at_once);) {
    }
    const std::string request = Read(fd);
    const std::string answer = reply_(request);
    if (answer.empty()) {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [&] { return released_; });
    }
    for (size_t done = 0; done < answer.size();) {
      const ssize_t n = send(fd, answer.data() + done, answer.size() - done, MSG_NOSIGNAL);
      if (n <= 0) break;
      done += static_cast<size_t>(n);
    }
    --open_;
    close(fd);
  }
  static std::string Read(int fd) {
    std::string got;
    char buffer[4096];
    for (;;) {
      const size_t end = got.find("\r\n\r\n");
      if (end != std::string::npos) {
        size_t length = 0;
        if (const size_t at = got.find("Content-Length: "); at != std::string::npos)
          length = static_cast<size_t>(atol(got.c_str() + at + 16));
        if (got.size() >= end + 4 + length) return got;
      }
      const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0) return got;
      got.append(buffer, static_cast<size_t>(n));
    }
  }

  std::function<std::string(const std::string&)> reply_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int> connections_{0}, open_{0}, most_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool released_ = false;
  std::thread thread_;
  std::vector<std::thread> sessions_;
};

std::string Ok(const std::string& body) {
  return absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", body.size(), "\r\nConnection: close\r\n\r\n",
                      body);
}
std::string RedirectTo(const std::string& where) {
  return absl::StrCat("HTTP/1.1 302 Found\r\nLocation: ", where,
                      "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

// Answers in the order they came.
class Waiter {
 public:
  HttpFetcher::Done Slot() {
    return [this](absl::StatusOr<Bytes> r) {
      std::lock_guard<std::mutex> lock(mutex_);
      answers_.push_back(std::move(r));
      changed_.notify_all();
    };
  }
  std::vector<absl::StatusOr<Bytes>> Wait(size_t count) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return answers_.size() >= count; });
    return answers_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<absl::StatusOr<Bytes>> answers_;
};

class FetcherTest : public testing::Test {
 protected:
  absl::StatusOr<Bytes> Get(net::FetchRequest request, Duration timeout = seconds(20)) {
    if (request.max_size == 0) request.max_size = 1000;
    Waiter waiter;
    fetcher_->Fetch(request, timeout, waiter.Slot());
    return waiter.Wait(1)[0];
  }
  std::string Why(net::FetchRequest request, Duration timeout = seconds(20)) {
    return std::string(Get(std::move(request), timeout).status().message());
  }
  std::unique_ptr<HttpFetcher> fetcher_ = *HttpFetcher::Make();
};

TEST_F(FetcherTest, GetsABody) {
  std::string seen;
  Server server([&](const std::string& request) {
    seen = request;
    return Ok("the list");
  });
  const auto answer = Get({server.Url("/ca.crl?x=1")});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(ToString(*answer), "the list");
  EXPECT_THAT(seen, HasSubstr("GET /ca.crl?x=1 HTTP/1.1"));
}

TEST_F(FetcherTest, PostsABodyWithItsType) {
  std::string seen;
  Server server([&](const std::string& request) {
    seen = request;
    return Ok("answer");
  });
  ASSERT_TRUE(Get({server.Url(), {'a', 0, 'b'}, "application/ocsp-request"}).ok());
  EXPECT_THAT(seen, HasSubstr("POST /x HTTP/1.1"));
  EXPECT_THAT(seen, HasSubstr("Content-Type: application/ocsp-request\r\n"));
  EXPECT_TRUE(absl::EndsWith(seen, absl::string_view("\r\n\r\na\0b", 7)));
}

TEST_F(FetcherTest, TakesNoMoreThanAskedForAnnouncedOrNot) {
  Server announced([](const std::string&) { return Ok(std::string(1001, 'x')); });
  EXPECT_THAT(Why({announced.Url()}), HasSubstr("longer than 1000 octets"));
  Server endless([](const std::string&) {
    return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + std::string(1 << 20, 'x');
  });
  EXPECT_THAT(Why({endless.Url()}), HasSubstr("longer than 1000 octets"));
  Server exact([](const std::string&) { return Ok(std::string(1000, 'x')); });
  EXPECT_TRUE(Get({exact.Url()}).ok());
}

TEST_F(FetcherTest, ErrorsOfTheServerAreErrors) {
  Server missing([](const std::string&) { return "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"; });
  EXPECT_THAT(Why({missing.Url()}), HasSubstr("404"));
  Server empty([](const std::string&) { return "HTTP/1.1 204 No Content\r\n\r\n"; });
  EXPECT_THAT(Why({empty.Url()}), HasSubstr("HTTP status 204"));
  Server garbage([](const std::string&) { return "\x01\x02\x03\x04 what\r\n"; });
  EXPECT_FALSE(Get({garbage.Url()}).ok());
  Server cut([](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"; });
  EXPECT_FALSE(Get({cut.Url()}).ok());
  std::string closed;
  {
    Server gone([](const std::string&) { return Ok(""); });
    closed = gone.Url();
  }
  EXPECT_FALSE(Get({closed}).ok());
}

TEST_F(FetcherTest, SilenceEndsAtTheDeadline) {
  Server silent([](const std::string&) { return ""; });
  EXPECT_EQ(Get({silent.Url()}, milliseconds(200)).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(FetcherTest, NothingButHttpIsFetchedNotEvenByRedirection) {
  for (const char* url :
       {"file:///etc/hostname", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "dict://127.0.0.1/"})
    EXPECT_EQ(Get({url}).status().code(), absl::StatusCode::kInvalidArgument) << url;
  for (const char* url : {"file:///etc/hostname", "ftp://127.0.0.1/x", "gopher://127.0.0.1/"}) {
    Server server([&](const std::string&) { return RedirectTo(url); });
    EXPECT_FALSE(Get({server.Url()}).ok()) << url;
  }
}

TEST_F(FetcherTest, FollowsAFewRedirections) {
  Server target([](const std::string&) { return Ok("here"); });
  Server server([&](const std::string&) { return RedirectTo(target.Url()); });
  const auto answer = Get({server.Url()});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(ToString(*answer), "here");
  Server* self = nullptr;
  Server loop([&](const std::string&) { return RedirectTo(self->Url()); });
  self = &loop;
  EXPECT_FALSE(Get({loop.Url()}).ok());
  EXPECT_EQ(loop.connections(), 4);
}

TEST_F(FetcherTest, AStrangerLeadsUsNeitherToOurselvesNorAlongRedirections) {
  Server server([](const std::string&) { return Ok("secret"); });
  net::FetchRequest request{server.Url()};
  request.stranger = true;
  EXPECT_THAT(Why(request), HasSubstr("address of this machine"));
  const std::string port = server.Url().substr(server.Url().rfind(':'));
  for (const char* host : {"localhost", "127.1", "0.0.0.0", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]",
                           "[::]", "[::1]", "169.254.169.254", "224.0.0.1", "[fe80::1]"}) {
    request.url = absl::StrCat("http://", host, port);
    EXPECT_FALSE(Get(request, seconds(2)).ok()) << host;
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(FetcherTest, AStrangerLeadsUsToNoAddressOfAnInterface) {
  Server server([](const std::string&) { return Ok("secret"); });
  const std::string port = server.Url("").substr(server.Url("").rfind(':'));
  std::vector<std::string> own;
  ifaddrs* all = nullptr;
  ASSERT_EQ(getifaddrs(&all), 0);
  for (const ifaddrs* i = all; i != nullptr; i = i->ifa_next) {
    char text[INET_ADDRSTRLEN];
    if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET) continue;
    own.push_back(
        inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(i->ifa_addr)->sin_addr, text, sizeof text));
  }
  freeifaddrs(all);
  for (const std::string& address : own) {
    net::FetchRequest request{absl::StrCat("http://", address, port, "/")};
    EXPECT_TRUE(Get(request).ok()) << address;  // others may
    request.stranger = true;
    EXPECT_THAT(Why(request), HasSubstr("address of this machine")) << address;
  }
  EXPECT_EQ(server.connections(), static_cast<int>(own.size()));
}

TEST_F(FetcherTest, RunsAFewAtOnceAndAllOfThemInTheEnd) {
  constexpr size_t kCount = 40;
  Server server([](const std::string&) { return Ok("x"); });
  Waiter waiter;
  for (size_t i = 0; i < kCount; ++i) fetcher_->Fetch({server.Url(), {}, "", 10}, seconds(30), waiter.Slot());
  for (const auto& answer : waiter.Wait(kCount)) EXPECT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(server.connections(), static_cast<int>(kCount));
  EXPECT_LE(server.most_at_once(), static_cast<int>(HttpFetcher::kParallel));
}

TEST_F(FetcherTest, WaitingForATurnCountsInTheTime) {
  Server silent([](const std::string&) { return ""; });
  Waiter waiter;
  for (size_t i = 0; i < HttpFetcher::kParallel + 3; ++i)
    fetcher_->Fetch({silent.Url(), {}, "", 10}, milliseconds(300), waiter.Slot());
  for (const auto& answer : waiter.Wait(HttpFetcher::kParallel + 3))
    EXPECT_EQ(answer.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_LE(silent.connections(), static_cast<int>(HttpFetcher::kParallel));
}

TEST_F(FetcherTest, MoreThanMayWaitAreRefusedAtOnce) {
  Server silent([](const std::string&) { return ""; });
  Waiter waiter;
  const size_t count = HttpFetcher::kMaxWaiting + HttpFetcher::kParallel + 50;
  for (size_t i = 0; i < count; ++i) fetcher_->Fetch({silent.Url(), {}, "", 10}, seconds(2), waiter.Slot());
  size_t refused = 0;
  for (const auto& answer : waiter.Wait(count))
    refused += answer.status().code() == absl::StatusCode::kResourceExhausted ? 1 : 0;
  EXPECT_GE(refused, 1u);
}

TEST_F(FetcherTest, EndsWhileTransfersAreUnderWay) {
  Server silent([](const std::string&) { return ""; });
  Waiter waiter;
  for (int i = 0; i < 20; ++i) fetcher_->Fetch({silent.Url(), {}, "", 10}, seconds(60), waiter.Slot());
  while (silent.connections() == 0) std::this_thread::yield();
  fetcher_.reset();
}

}  // namespace
}  // namespace flexvpn::os
