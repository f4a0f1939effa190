// SPDX-License-Identifier: Apache-2.0
// Who may connect to the control socket and as what: real processes of other users ask the real server.
#include "os/control/peer.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "os/control/client.h"
#include "os/control/frame.h"
#include "os/control/server.h"
#include "os/loop/loop.h"

namespace flexvpn::os {
namespace {

using testing::HasSubstr;

constexpr gid_t kOperatorGid = 1, kAdminGid = 2;  // groups that every system has; what they are for does not matter
constexpr uid_t kUser = 4242;
constexpr gid_t kOwnGid = 4242;

std::string GroupName(gid_t gid) {
  const group* g = getgrgid(gid);
  return g == nullptr ? "" : g->gr_name;
}

struct Who {
  uid_t uid = kUser;
  gid_t gid = kOwnGid;
  std::vector<gid_t> supplementary = {};
};

// What a process of `who` is answered; the error if it is not.
std::string AskAs(const Who& who, const std::string& path, const std::string& request = "who") {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    std::string said = "cannot become another user";
    if (setgroups(who.supplementary.size(), who.supplementary.data()) == 0 && setresgid(who.gid, who.gid, who.gid) == 0 &&
        setresuid(who.uid, who.uid, who.uid) == 0) {
      auto client = ControlClient::Connect(path);
      auto answer = client.ok() ? client->Call(request) : client.status();
      said = answer.ok() ? *answer : absl::StrCat("error: ", answer.status().message());
    }
    const ssize_t n = write(ends[1], said.data(), said.size());
    _exit(n < 0 ? 1 : 0);
  }
  close(ends[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) said.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return said;
}

class Users : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to be other users";
    operators_ = GroupName(kOperatorGid);
    administrators_ = GroupName(kAdminGid);
    if (operators_.empty() || administrators_.empty()) GTEST_SKIP() << "no groups 1 and 2";
    path_ = absl::StrCat(testing::TempDir(), "/users-", getpid(), ".sock");
  }
  void Serve(const ControlGroups& groups) {
    loop_ = *Loop::Make();
    auto server = ControlServer::Make(
        *loop_, path_,
        [this](const ControlRequest& r) {
          if (r.body == "refused") return server_->Respond(r.connection, absl::StrCat(server_->refused()));
          server_->Respond(r.connection, absl::StrCat("user ", r.uid, r.role == Role::kAdministrator ? " changes" : " looks",
                                                      r.role == server_->RoleOf(r.connection) ? "" : " or not"));
        },
        groups);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    thread_ = std::thread([this] { loop_->Run([] { return std::nullopt; }); });
  }
  void TearDown() override {
    if (!thread_.joinable()) return;
    loop_->Post([this] { loop_->Stop(); });
    thread_.join();
  }
  mode_t Mode() const {
    struct stat s {};
    EXPECT_EQ(stat(path_.c_str(), &s), 0);
    return s.st_mode & 0777u;
  }
  std::string path_, operators_, administrators_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<ControlServer> server_;
  std::thread thread_;
};

TEST_F(Users, WithoutGroupsRootAloneComesIn) {
  Serve({"no-such-group-here", ""});
  EXPECT_EQ(Mode(), 0600u);
  EXPECT_EQ(AskAs({0, 0}, path_), "user 0 changes");
  EXPECT_THAT(AskAs({.supplementary = {kOperatorGid, kAdminGid}}, path_), HasSubstr("error: "));
  EXPECT_EQ(server_->warning(), "");
}

TEST_F(Users, WithOneGroupTheKernelKeepsStrangersOut) {
  Serve({operators_, "no-such-group-here"});
  EXPECT_EQ(Mode(), 0660u);
  EXPECT_EQ(AskAs({.gid = kOperatorGid}, path_), "user 4242 looks");
  EXPECT_EQ(AskAs({.supplementary = {77, kOperatorGid}}, path_), "user 4242 looks");
  EXPECT_THAT(AskAs({.supplementary = {kAdminGid}}, path_), HasSubstr("Unix groups flexvpn and flexvpn-admin may connect"));
  EXPECT_EQ(AskAs({0, 0}, path_, "refused"), "0");
  EXPECT_THAT(server_->warning(), HasSubstr("there is no Unix group 'no-such-group-here'"));
}

TEST_F(Users, AdministratorsAloneNeedNoOperators) {
  Serve({"no-such-group-here", administrators_});
  EXPECT_EQ(Mode(), 0660u);
  EXPECT_EQ(AskAs({.supplementary = {kAdminGid}}, path_), "user 4242 changes");
  EXPECT_THAT(AskAs({.supplementary = {kOperatorGid}}, path_), HasSubstr("error: "));
}

TEST_F(Users, WithBothGroupsEachHasItsRights) {
  Serve({operators_, administrators_});
  EXPECT_EQ(Mode(), 0666u);
  EXPECT_EQ(AskAs({0, 0}, path_), "user 0 changes");
  EXPECT_EQ(AskAs({.gid = kOperatorGid}, path_), "user 4242 looks");
  EXPECT_EQ(AskAs({.supplementary = {kOperatorGid}}, path_), "user 4242 looks");
  EXPECT_EQ(AskAs({.gid = kAdminGid}, path_), "user 4242 changes");
  EXPECT_EQ(AskAs({.supplementary = {kAdminGid}}, path_), "user 4242 changes");
  EXPECT_EQ(AskAs({.gid = kOperatorGid, .supplementary = {kAdminGid}}, path_), "user 4242 changes");
  EXPECT_EQ(AskAs({0, 0}, path_, "refused"), "0");
}

TEST_F(Users, AStrangerIsToldWhyAndCounted) {
  Serve({operators_, administrators_});
  const std::string why = absl::StrCat("permission denied: root and members of the Unix group ", operators_, " or ",
                                       administrators_, " may connect");
  EXPECT_EQ(AskAs({}, path_), absl::StrCat("{\"data\":{\"error\":\"", why, "\"},\"ok\":false,\"text\":\"% ", why,
                                           "\\n\",\"version\":1}"));
  EXPECT_EQ(AskAs({.supplementary = {77, 78}}, path_, std::string(1024 * 1024, 'x')), AskAs({}, path_));
  EXPECT_EQ(AskAs({0, 0}, path_, "refused"), "3");
}

TEST_F(Users, AMemberOfVeryManyGroupsIsFoundInAllOfThem) {
  Serve({operators_, administrators_});
  std::vector<gid_t> many;
  for (gid_t g = 0; g < 5000; ++g) many.push_back(100000 + g);
  EXPECT_THAT(AskAs({.supplementary = many}, path_), HasSubstr("permission denied"));
  many.push_back(kAdminGid);
  EXPECT_EQ(AskAs({.supplementary = many}, path_), "user 4242 changes");
}

TEST_F(Users, ManyStrangersAtOnceTakeNobodysPlace) {
  Serve({operators_, administrators_});
  for (int i = 0; i < 200; ++i) ASSERT_THAT(AskAs({}, path_), HasSubstr("permission denied"));
  EXPECT_EQ(AskAs({.gid = kOperatorGid}, path_), "user 4242 looks");
}

TEST_F(Users, OnlyAdministratorsMaySendAWholeConfiguration) {
  Serve({operators_, administrators_});
  const std::string large(kMaxRequest + 1, 'x');
  EXPECT_THAT(AskAs({.gid = kOperatorGid}, path_, large), HasSubstr("error: "));
  EXPECT_EQ(AskAs({.gid = kAdminGid}, path_, large), "user 4242 changes");
}

TEST(RoleOf, TheHighestRightCountsAndNoGroupIsNobodysGroup) {
  const ControlGids both{1, 2}, none{};
  EXPECT_EQ(RoleOf({0, {}}, none, 0), Role::kAdministrator);
  EXPECT_EQ(RoleOf({5, {5}}, none, 0), Role::kStranger);
  EXPECT_EQ(RoleOf({5, {0}}, none, 0), Role::kStranger);  // root's group is not root
  EXPECT_EQ(RoleOf({5, {5}}, none, 5), Role::kOperator);
  EXPECT_EQ(RoleOf({5, {1}}, both, 0), Role::kOperator);
  EXPECT_EQ(RoleOf({5, {1, 2}}, both, 0), Role::kAdministrator);
  EXPECT_EQ(RoleOf({5, {2}}, both, 5), Role::kAdministrator);
  EXPECT_EQ(RoleOf({5, {3}}, both, 0), Role::kStranger);
}

TEST(CredentialsOf, IsAnErrorForWhatIsNoUnixSocket) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_FALSE(CredentialsOf(ends[0]).ok());
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace flexvpn::os
