// SPDX-License-Identifier: Apache-2.0
#include "os/http/fetcher.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace flexvpn::os {
namespace {

using Clock = std::chrono::steady_clock;

struct CloseEasy {
  void operator()(CURL* c) const { curl_easy_cleanup(c); }
};
struct CloseMulti {
  void operator()(CURLM* c) const { curl_multi_cleanup(c); }
};
struct FreeList {
  void operator()(curl_slist* l) const { curl_slist_free_all(l); }
};

struct FreeInterfaces {
  void operator()(ifaddrs* i) const { freeifaddrs(i); }
};

struct Transfer {
  net::FetchRequest request;
  HttpFetcher::Done done;
  Clock::time_point deadline;
  Bytes answer;
  bool too_long = false, refused = false;
  std::array<char, CURL_ERROR_SIZE> error{};
  std::unique_ptr<curl_slist, FreeList> headers;
  std::unique_ptr<CURL, CloseEasy> easy;
};

bool IsOwnOrLink4(uint32_t a) {  // host order
  const uint32_t top = a >> 24;
  return top == 0 || top == 127 || (a >> 16) == 0xa9fe || top >= 224;
}

// Addresses no stranger may make us talk to: of this machine, of its link (clouds keep secrets there), of
// groups.
bool IsOwnOrLink(const sockaddr* address) {
  if (address->sa_family == AF_INET)
    return IsOwnOrLink4(ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr));
  if (address->sa_family != AF_INET6) return true;
  const in6_addr& a = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&a) || IN6_IS_ADDR_V4COMPAT(&a)) {
    uint32_t last = 0;
    std::copy_n(&a.s6_addr[12], 4, reinterpret_cast<uint8_t*>(&last));
    return IsOwnOrLink4(ntohl(last));
  }
  return IN6_IS_ADDR_LOOPBACK(&a) || IN6_IS_ADDR_UNSPECIFIED(&a) || IN6_IS_ADDR_LINKLOCAL(&a) ||
         IN6_IS_ADDR_MULTICAST(&a);
}

// One that an interface has now.
bool IsOfAnInterface(const sockaddr* address) {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return true;  // who knows
  const std::unique_ptr<ifaddrs, FreeInterfaces> owner(all);
  for (const ifaddrs* i = all; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != address->sa_family) continue;
    if (address->sa_family == AF_INET &&
        reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr ==
            reinterpret_cast<const sockaddr_in*>(i->ifa_addr)->sin_addr.s_addr)
      return true;
    if (address->sa_family == AF_INET6 &&
        IN6_ARE_ADDR_EQUAL(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr,
                           &reinterpret_cast<const sockaddr_in6*>(i->ifa_addr)->sin6_addr))
      return true;
  }
  return false;
}

curl_socket_t OpenSocket(void* data, curlsocktype, curl_sockaddr* address) {
  auto& t = *static_cast<Transfer*>(data);
  if (t.request.stranger && (IsOwnOrLink(&address->addr) || IsOfAnInterface(&address->addr))) {
    t.refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

size_t Receive(char* data, size_t, size_t size, void* to) {
  auto& t = *static_cast<Transfer*>(to);
  if (size > t.request.max_size - t.answer.size()) {
    t.too_long = true;
    return 0;
  }
  t.answer.insert(t.answer.end(), data, data + size);
  return size;
}

absl::Status Outcome(const Transfer& t, CURLcode code) {
  if (t.too_long || code == CURLE_FILESIZE_EXCEEDED)
    return absl::ResourceExhaustedError(
        absl::StrCat("the answer is longer than ", t.request.max_size, " octets"));
  if (t.refused)
    return absl::PermissionDeniedError("the URL leads to an address of this machine or its link");
  if (code == CURLE_OK) return absl::OkStatus();
  if (code == CURLE_OPERATION_TIMEDOUT) return absl::DeadlineExceededError("no answer in time");
  const char* why = t.error[0] != '\0' ? t.error.data() : curl_easy_strerror(code);
  return absl::UnavailableError(why);
}

// Those who take turns with each other.
struct Lane {
  explicit Lane(size_t n) : most(n) {}
  size_t most, active = 0;
  std::deque<std::unique_ptr<Transfer>> waiting;
};

class CurlFetcher final : public HttpFetcher {
 public:
  explicit CurlFetcher(CURLM* multi) : multi_(multi), thread_([this] { Work(); }) {}
  ~CurlFetcher() override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    curl_multi_wakeup(multi_.get());
    thread_.join();
  }

  void Fetch(const net::FetchRequest& request, Duration timeout, Done done) override {
    auto t = std::make_unique<Transfer>();
    t->request = request;
    t->done = std::move(done);
    t->deadline = Clock::now() + timeout;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      incoming_.push_back(std::move(t));
    }
    curl_multi_wakeup(multi_.get());
  }

 private:
  void Work() {
    while (TakeIncoming()) {
      StartWaiting();
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      TakeFinished();
      StartWaiting();
      curl_multi_poll(multi_.get(), nullptr, 0, 1000, nullptr);  // curl's own timers shorten it
    }
    for (auto& [easy, t] : active_) curl_multi_remove_handle(multi_.get(), easy);
    active_.clear();
  }

  bool TakeIncoming() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      for (auto& t : incoming_) {
        std::deque<std::unique_ptr<Transfer>>& waiting = LaneOf(*t).waiting;
        (waiting.size() < kMaxWaiting ? waiting : refused_).push_back(std::move(t));
      }
      incoming_.clear();
      if (stop_) return false;
    }
    for (auto& t : std::exchange(refused_, {}))
      t->done(absl::ResourceExhaustedError("too many fetches are waiting"));
    return true;
  }

  Lane& LaneOf(const Transfer& t) { return t.request.stranger ? strangers_ : others_; }

  void StartWaiting() {
    StartWaiting(others_);
    StartWaiting(strangers_);
  }

  void StartWaiting(Lane& lane) {
    while (!lane.waiting.empty()) {
      const std::unique_ptr<Transfer>& first = lane.waiting.front();
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(first->deadline - Clock::now());
      if (left.count() <= 0) {
        first->done(absl::DeadlineExceededError("no answer in time: too many fetches at once"));
      } else if (lane.active >= lane.most) {
        return;
      } else {
        Start(std::move(lane.waiting.front()), left.count());
      }
      lane.waiting.pop_front();
    }
  }

  void Start(std::unique_ptr<Transfer> t, long limit_ms) {
    if (!net::IsFetchable(t->request.url))
      return t->done(absl::InvalidArgumentError("not a URL to fetch from"));
    t->easy.reset(curl_easy_init());
    CURL* easy = t->easy.get();
    if (easy == nullptr || !Prepare(*t, limit_ms) || curl_multi_add_handle(multi_.get(), easy) != CURLM_OK)
      return t->done(absl::UnavailableError("libcurl refuses the request"));
    ++LaneOf(*t).active;
    active_[easy] = std::move(t);
  }

  static bool Prepare(Transfer& t, long limit_ms) {
    CURL* easy = t.easy.get();
    bool good = true;
    auto set = [&](CURLoption option, auto value) {
      good &= curl_easy_setopt(easy, option, value) == CURLE_OK;
    };
    set(CURLOPT_URL, t.request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, t.request.stranger ? 0L : 1L);
    set(CURLOPT_MAXREDIRS, 3L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT_MS, limit_ms);
    set(CURLOPT_FAILONERROR, 1L);
    set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(t.request.max_size));
    set(CURLOPT_FORBID_REUSE, 1L);
    set(CURLOPT_USERAGENT, "flexvpnd");
    set(CURLOPT_ERRORBUFFER, t.error.data());
    set(CURLOPT_WRITEFUNCTION, &Receive);
    set(CURLOPT_WRITEDATA, &t);
    set(CURLOPT_OPENSOCKETFUNCTION, &OpenSocket);
    set(CURLOPT_OPENSOCKETDATA, &t);
    if (t.request.body.empty()) return good;
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, t.request.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(t.request.body.size()));
    t.headers.reset(
        curl_slist_append(nullptr, absl::StrCat("Content-Type: ", t.request.content_type).c_str()));
    if (t.headers == nullptr) return false;
    set(CURLOPT_HTTPHEADER, t.headers.get());
    return good;
  }

  void TakeFinished() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      const auto it = active_.find(message->easy_handle);
      if (it == active_.end()) continue;
      const std::unique_ptr<Transfer> t = std::move(it->second);
      active_.erase(it);
      --LaneOf(*t).active;
      curl_multi_remove_handle(multi_.get(), t->easy.get());
      // A redirection that is not followed has a body, too, but no answer.
      long status = 0;
      curl_easy_getinfo(t->easy.get(), CURLINFO_RESPONSE_CODE, &status);
      absl::Status outcome = Outcome(*t, code);
      if (outcome.ok() && status != 200)
        outcome = absl::UnavailableError(absl::StrCat("HTTP status ", status));
      if (outcome.ok())
        t->done(std::move(t->answer));
      else
        t->done(std::move(outcome));
    }
  }

  std::unique_ptr<CURLM, CloseMulti> multi_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Transfer>> incoming_;  // under the mutex, with stop_
  bool stop_ = false;
  Lane others_{kParallel}, strangers_{kParallelStrangers};
  std::deque<std::unique_ptr<Transfer>> refused_;
  std::map<CURL*, std::unique_ptr<Transfer>> active_;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpFetcher>> HttpFetcher::Make() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  CURLM* multi = ready == CURLE_OK ? curl_multi_init() : nullptr;
  if (multi == nullptr) return absl::UnavailableError("libcurl cannot be used");
  return std::make_unique<CurlFetcher>(multi);
}

}  // namespace flexvpn::os
