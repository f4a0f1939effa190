// SPDX-License-Identifier: Apache-2.0
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <semaphore>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "os/control/client.h"
#include "os/control/frame.h"
#include "os/control/server.h"
#include "os/loop/loop.h"

namespace flexvpn::os {
namespace {

TEST(Frame, EveryTruncationWaitsForMore) {
  const std::string whole = EncodeFrame("{\"version\":1}");
  for (size_t n = 0; n < whole.size(); ++n) {
    std::string part = whole.substr(0, n);
    auto frame = TakeFrame(part, kMaxRequest);
    ASSERT_TRUE(frame.ok());
    EXPECT_FALSE(frame->has_value()) << n;
    EXPECT_EQ(part.size(), n);
  }
  std::string two = whole + whole;
  EXPECT_EQ(**TakeFrame(two, kMaxRequest), "{\"version\":1}");
  EXPECT_EQ(two, whole);
}

TEST(Frame, AnAnnouncedLengthOverTheLimitIsAnErrorAtOnce) {
  std::string huge("\xff\xff\xff\xff", 4);
  EXPECT_FALSE(TakeFrame(huge, kMaxRequest).ok());
}

class ControlSocket : public testing::Test {
 protected:
  void SetUp() override {
    path_ = absl::StrCat(testing::TempDir(), "/control-", getpid(), ".sock");
    loop_ = *Loop::Make();
    auto server = ControlServer::Make(*loop_, path_, [this](const ControlRequest& r) {
      EXPECT_EQ(r.uid, geteuid());
      server_->Respond(r.connection, absl::StrCat("echo ", r.body));
    });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    thread_ = std::thread([this] { loop_->Run([] { return std::nullopt; }); });
  }
  void TearDown() override {
    loop_->Post([this] { loop_->Stop(); });
    thread_.join();
    server_.reset();
    EXPECT_NE(access(path_.c_str(), F_OK), 0) << "socket file left behind";
  }
  std::string path_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<ControlServer> server_;
  std::thread thread_;
};

TEST_F(ControlSocket, AnswersRequestsInOrder) {
  auto client = ControlClient::Connect(path_);
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ(*client->Call("one"), "echo one");
  EXPECT_EQ(*client->Call("two"), "echo two");
}

TEST_F(ControlSocket, CarriesAnswersLargerThanASocketBuffer) {
  auto client = ControlClient::Connect(path_);
  const std::string large(kMaxRequest - 16, 'x');
  for (int i = 0; i < 50; ++i) ASSERT_EQ(client->Call(large)->size(), large.size() + 5);
}

TEST_F(ControlSocket, RootMaySendAWholeConfiguration) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  auto client = ControlClient::Connect(path_);
  const std::string large(kMaxAdministratorRequest, 'x');
  const auto answer = client->Call(large);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->size(), large.size() + 5);
}

TEST_F(ControlSocket, ATooLongRequestEndsThatConnectionOnly) {
  auto bad = ControlClient::Connect(path_);
  EXPECT_FALSE(bad->Call(std::string((geteuid() == 0 ? kMaxAdministratorRequest : kMaxRequest) + 1, 'x')).ok());
  auto good = ControlClient::Connect(path_);
  EXPECT_EQ(*good->Call("still here"), "echo still here");
}

TEST_F(ControlSocket, ThousandsOfPipelinedRequestsAreAnsweredWithoutRecursion) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, path_.size());
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  constexpr size_t kRequests = 16000;  // empty frames, four octets each
  const std::string all(kRequests * 4, '\0');
  ASSERT_EQ(send(fd, all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
  shutdown(fd, SHUT_WR);
  std::string answers;
  char buffer[65536];
  for (ssize_t n; (n = recv(fd, buffer, sizeof buffer, 0)) > 0;) answers.append(buffer, static_cast<size_t>(n));
  close(fd);
  EXPECT_EQ(answers.size(), kRequests * (4 + 5));  // "echo " each, then the server closes
}

// A connection that asks "stream N" is pushed N events after the answer; "ended" tells how many connections have ended.
class EventSocket : public testing::Test {
 protected:
  void SetUp() override {
    path_ = absl::StrCat(testing::TempDir(), "/events-", getpid(), ".sock");
    loop_ = *Loop::Make();
    server_ = *ControlServer::Make(*loop_, path_, [this](const ControlRequest& r) { On(r); });
    server_->SetClosed([this](uint64_t) { ++ended_; });
    thread_ = std::thread([this] { loop_->Run([] { return std::nullopt; }); });
  }
  void TearDown() override {
    loop_->Post([this] { loop_->Stop(); });
    thread_.join();
  }
  void On(const ControlRequest& r) {
    if (r.body == "ended") return server_->Respond(r.connection, absl::StrCat(ended_));
    server_->Respond(r.connection, absl::StrCat("answer ", r.body));
    if (!absl::StartsWith(r.body, "stream ")) return;
    int n = 0;
    (void)absl::SimpleAtoi(r.body.substr(7), &n);
    for (int i = 0; i < n; ++i) server_->Push(r.connection, absl::StrCat("event ", i, std::string(1000, '.')));
    pushed_.release();
  }
  std::string path_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<ControlServer> server_;
  std::thread thread_;
  int ended_ = 0;
  std::counting_semaphore<> pushed_{0};  // streams that are over for the server
};

TEST_F(EventSocket, EventsFollowTheAnswerInOrder) {
  auto client = ControlClient::Connect(path_);
  EXPECT_EQ(*client->Call("stream 3"), "answer stream 3");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client->Receive()->substr(0, 8), absl::StrCat("event ", i, "."));
}

TEST_F(EventSocket, AClientThatDoesNotReadLosesEventsAndIsToldHowMany) {
  constexpr int kEvents = 20000;  // 20 MB: more than socket and queue hold
  auto client = ControlClient::Connect(path_);
  EXPECT_EQ(*client->Call(absl::StrCat("stream ", kEvents)), absl::StrCat("answer stream ", kEvents));
  ASSERT_TRUE(pushed_.try_acquire_for(std::chrono::seconds(30)));  // who reads meanwhile may keep up
  int seen = 0, lost = 0;
  size_t octets = 0;
  while (seen + lost < kEvents) {
    const auto frame = client->Receive();
    ASSERT_TRUE(frame.ok()) << frame.status() << " after " << seen;
    constexpr absl::string_view kLost = "{\"version\":1,\"event\":\"lost\",\"lines\":";
    if (absl::StartsWith(*frame, kLost)) {
      int n = 0;
      ASSERT_TRUE(absl::SimpleAtoi(frame->substr(kLost.size(), frame->size() - kLost.size() - 1), &n)) << *frame;
      lost += n;
    } else {
      EXPECT_EQ(frame->substr(0, frame->find('.')), absl::StrCat("event ", seen + lost));
      ++seen;
      octets += frame->size();
    }
  }
  EXPECT_GT(lost, 0);
  EXPECT_GT(octets, ControlServer::kMaxEvents / 2);
  EXPECT_EQ(*client->Call("more"), "answer more");  // nothing is wrong with the connection
}

TEST_F(EventSocket, ARequestIsAnsweredBeforeTheEventsThatWait) {
  auto client = ControlClient::Connect(path_);
  ASSERT_EQ(*client->Call("stream 20000"), "answer stream 20000");
  ASSERT_TRUE(client->Send("now").ok());
  ASSERT_EQ(*ControlClient::Connect(path_)->Call("x"), "answer x");  // the server has seen it by now
  while (*client->Receive() != "answer now") {
  }
  EXPECT_EQ(client->Receive()->substr(0, 6), "event ");  // those of the queue come after it
}

TEST_F(EventSocket, TheEndOfAConnectionIsTold) {
  auto other = ControlClient::Connect(path_);
  EXPECT_EQ(*other->Call("ended"), "0");
  ASSERT_EQ(*ControlClient::Connect(path_)->Call("stream 1"), "answer stream 1");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (*other->Call("ended") == "0") ASSERT_LT(std::chrono::steady_clock::now(), deadline);
}

TEST_F(ControlSocket, ASecondServerIsRefusedWhileTheFirstLives) {
  auto loop = *Loop::Make();
  EXPECT_FALSE(ControlServer::Make(*loop, path_, [](const ControlRequest&) {}).ok());
  EXPECT_EQ(access(path_.c_str(), F_OK), 0);
}

// With one group the file's mode and group keep others out.
struct stat SocketFile(const std::string& group, std::string* warning) {
  const std::string path = absl::StrCat(testing::TempDir(), "/mode-", getpid(), ".sock");
  auto loop = *Loop::Make();
  auto server = ControlServer::Make(*loop, path, [](const ControlRequest&) {}, ControlGroups{group, ""});
  EXPECT_TRUE(server.ok()) << server.status();
  struct stat s {};
  EXPECT_EQ(stat(path.c_str(), &s), 0);
  *warning = (*server)->warning();
  return s;
}

TEST(ControlSocketFile, IsTheOwnersAloneWithoutTheGroup) {
  std::string warning;
  EXPECT_EQ(SocketFile("no-such-group-here", &warning).st_mode & 0777u, 0600u);
  EXPECT_EQ(warning, "");
}

TEST(ControlSocketFile, IsOpenToTheGroupIfThereIsOne) {
  const gid_t mine = getegid() == 0 ? 1 : getegid();  // root may give it to any group
  const group* g = getgrgid(mine);
  if (g == nullptr) GTEST_SKIP() << "no group " << mine;
  std::string warning;
  const struct stat s = SocketFile(g->gr_name, &warning);
  EXPECT_EQ(s.st_mode & 0777u, 0660u);
  EXPECT_EQ(s.st_gid, mine);
  EXPECT_EQ(warning, "");
}

TEST(ControlClient, SaysThatTheDaemonIsNotRunning) {
  auto client = ControlClient::Connect(absl::StrCat(testing::TempDir(), "/nobody.sock"));
  ASSERT_FALSE(client.ok());
  EXPECT_NE(std::string(client.status().message()).find("not running"), std::string::npos) << client.status();
}

}  // namespace
}  // namespace flexvpn::os
