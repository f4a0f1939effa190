// SPDX-License-Identifier: Apache-2.0
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

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
  const std::string large(kMaxRootRequest, 'x');
  const auto answer = client->Call(large);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->size(), large.size() + 5);
}

TEST_F(ControlSocket, ATooLongRequestEndsThatConnectionOnly) {
  auto bad = ControlClient::Connect(path_);
  EXPECT_FALSE(bad->Call(std::string((geteuid() == 0 ? kMaxRootRequest : kMaxRequest) + 1, 'x')).ok());
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

TEST_F(ControlSocket, ASecondServerIsRefusedWhileTheFirstLives) {
  auto loop = *Loop::Make();
  EXPECT_FALSE(ControlServer::Make(*loop, path_, [](const ControlRequest&) {}).ok());
  EXPECT_EQ(access(path_.c_str(), F_OK), 0);
}

// The file's mode and group are all that keeps others out.
struct stat SocketFile(const std::string& group, std::string* warning) {
  const std::string path = absl::StrCat(testing::TempDir(), "/mode-", getpid(), ".sock");
  auto loop = *Loop::Make();
  auto server = ControlServer::Make(*loop, path, [](const ControlRequest&) {}, group);
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
