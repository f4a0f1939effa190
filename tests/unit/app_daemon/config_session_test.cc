// SPDX-License-Identifier: Apache-2.0
// The configuration session as the control socket sees it; the node is a variable, the clock an argument.
#include "app/daemon/config_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "scratch.h"

namespace flexvpn::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using std::chrono::minutes;

constexpr char kFile[] = R"(! written by hand
hostname hub
crypto ikev2 keyring K
 peer A
  address 192.0.2.1
  pre-shared-key key-of-a
interface Tunnel0
 ip address 10.0.0.1 255.255.255.252
 ip mtu 1400
 tunnel source eth0
 tunnel destination 192.0.2.1
 tunnel protection ipsec profile P
crypto ikev2 profile P
 match identity remote fqdn domain example.net
 authentication local pre-share
 authentication remote pre-share
 keyring local K
crypto ipsec profile P
 set ikev2-profile P
)";

class Session : public testing::Test, public RunningConfig {
 protected:
  Session() {
    file_ = dir_.path() + "/flexvpn.conf";
    state_ = dir_.path() + "/state/default";
    Spill(file_, kFile);
    running_ = config::Parse(kFile).model;
    session_.emplace(ConfigSession::Paths{file_, state_}, nullptr, *this);
  }
  const config::Model& Running() const override { return running_; }
  node::Node::Restarts Apply(LoadedConfig config) override {
    running_ = std::move(config.model);
    ++applied_;
    return {1, 3};
  }
  ConfigSession::Answer Do(const std::string& words, const std::vector<std::string>& lines = {}) {
    return session_->Handle(words, lines, now_);
  }
  int Mtu() const { return running_.interfaces.at("Tunnel0").mtu; }
  static std::vector<std::string> SetMtu(int mtu) { return {"interface Tunnel0", absl::StrCat(" ip mtu ", mtu)}; }
  void Pass(Duration d) {
    now_ += d;
    session_->OnTick(now_);
  }

  Scratch dir_;
  std::string file_, state_;
  config::Model running_;
  int applied_ = 0;
  Instant now_{};
  std::optional<ConfigSession> session_;
};

TEST_F(Session, CheckAndDiffChangeNothing) {
  const auto check = Do("commit check", SetMtu(1380));
  EXPECT_TRUE(check.ok);
  EXPECT_EQ(check.text, "no errors; commit would change 1 object\n  changed  interface Tunnel0\n");
  EXPECT_EQ(check.data["changes"][0], (show::Json{{"kind", "changed"}, {"object", "interface Tunnel0"}}));
  const auto diff = Do("show configuration diff", SetMtu(1380));
  EXPECT_TRUE(diff.ok);
  EXPECT_EQ(diff.text, "--- running-config\n+++ candidate\n interface Tunnel0\n- ip mtu 1400\n+ ip mtu 1380\n");
  EXPECT_EQ(diff.data["diff"], " interface Tunnel0\n- ip mtu 1400\n+ ip mtu 1380\n");
  EXPECT_EQ(applied_, 0);
  EXPECT_EQ(Mtu(), 1400);
  EXPECT_FALSE(std::filesystem::exists(state_));
}

TEST_F(Session, ErrorsAreToldWithTheirPlaceAndNothingChanges) {
  for (const char* command : {"commit", "commit check", "commit confirmed 5", "show configuration diff"}) {
    const auto a = Do(command, {"interface Tunnel0", " ip mtu 1380", " ip mtuu 1380"});
    EXPECT_FALSE(a.ok) << command;
    EXPECT_THAT(a.text, StartsWith("candidate:3:5: error: ")) << command;
    EXPECT_THAT(a.text, HasSubstr("  3 |  ip mtuu 1380\n    |     ^\n")) << command;
    EXPECT_THAT(a.text, HasSubstr("% 1 error in the candidate: nothing was changed\n")) << command;
    EXPECT_EQ(a.data["diagnostics"][0]["line"], 3) << command;
    EXPECT_EQ(a.data["diagnostics"][0]["severity"], "error") << command;
  }
  // A certificate that cannot be read is an error of the candidate as well.
  const auto a = Do("commit", {"crypto pki trustpoint TP", " ca-file /nonexistent/ca.pem"});
  EXPECT_FALSE(a.ok);
  EXPECT_THAT(a.text, HasSubstr("candidate:2:2: error: crypto pki trustpoint 'TP': /nonexistent/ca.pem"));
  EXPECT_EQ(applied_, 0);
  EXPECT_FALSE(session_->NextDeadline().has_value());
}

TEST_F(Session, CommitPutsItInForceAndRollbackTakesItBack) {
  const auto a = Do("commit", SetMtu(1380));
  EXPECT_TRUE(a.ok);
  EXPECT_EQ(a.text, "in force: 1 object changed, 1 of 3 sessions restarted\n  changed  interface Tunnel0\n");
  EXPECT_EQ(a.data["restarted"], 1);
  EXPECT_EQ(Mtu(), 1380);
  EXPECT_EQ(Slurp(file_), kFile);  // until write memory
  EXPECT_TRUE(Do("commit", SetMtu(1300)).ok);
  const auto what = Do("rollback check 2");
  EXPECT_EQ(what.text, "--- running-config\n+++ rollback 2\n interface Tunnel0\n- ip mtu 1300\n+ ip mtu 1400\n");
  EXPECT_EQ(Mtu(), 1300);
  EXPECT_TRUE(Do("rollback 2").ok);
  EXPECT_EQ(running_, config::Parse(kFile).model);
  EXPECT_TRUE(Do("rollback 1").ok);  // the rollback rolled back
  EXPECT_EQ(Mtu(), 1300);
  EXPECT_EQ(Do("rollback 9").text, "% no revision 9: 1 to 4 are kept\n  hint: show archive\n");
  EXPECT_EQ(Do("commit", SetMtu(1300)).text, "no changes to commit\n");
}

TEST_F(Session, HistorySurvivesTheDaemon) {
  Do("commit", SetMtu(1380));
  session_.emplace(ConfigSession::Paths{file_, state_}, nullptr, *this);
  EXPECT_TRUE(Do("rollback 1").ok);
  EXPECT_EQ(Mtu(), 1400);
}

TEST_F(Session, AnUnconfirmedCommitIsTakenBackInTime) {
  const auto a = Do("commit confirmed 5", SetMtu(1380));
  EXPECT_TRUE(a.ok);
  EXPECT_THAT(a.text, HasSubstr("without 'commit' within 5 minutes the configuration before returns\n"));
  EXPECT_EQ(session_->NextDeadline(), now_ + minutes(5));
  EXPECT_THAT(Do("show archive").text, HasSubstr("returns in 300 s"));
  Pass(minutes(5) - seconds(1));
  EXPECT_EQ(Mtu(), 1380);
  Pass(seconds(1));
  EXPECT_EQ(Mtu(), 1400);
  EXPECT_FALSE(session_->NextDeadline().has_value());
  Pass(minutes(60));
  EXPECT_EQ(applied_, 2);
  EXPECT_TRUE(Do("rollback 1").ok);  // what was taken back is not lost
  EXPECT_EQ(Mtu(), 1380);
}

TEST_F(Session, CommitConfirms) {
  Do("commit confirmed 5", SetMtu(1380));
  EXPECT_EQ(Do("commit").text, "confirmed: the running configuration stays\n");
  Pass(minutes(60));
  EXPECT_EQ(Mtu(), 1380);
  // With lines as well: they go on top.
  Do("commit confirmed 5", SetMtu(1300));
  Do("commit", {"hostname other"});
  Pass(minutes(60));
  EXPECT_EQ(Mtu(), 1300);
  EXPECT_EQ(running_.hostname, "other");
  EXPECT_EQ(Do("commit").text, "no changes to commit\n");
}

TEST_F(Session, AChainOfUnconfirmedCommitsReturnsToItsBeginning) {
  Do("commit confirmed", SetMtu(1380));
  EXPECT_EQ(session_->NextDeadline(), now_ + minutes(10));
  Pass(minutes(9));
  Do("commit confirmed 3", SetMtu(1300));
  EXPECT_EQ(session_->NextDeadline(), now_ + minutes(3));
  Pass(minutes(2));
  EXPECT_EQ(Do("commit confirmed 7").text, "no changes; without 'commit' within 7 minutes the configuration before returns\n");
  Pass(minutes(6));
  EXPECT_EQ(Mtu(), 1300);
  Pass(minutes(1));
  EXPECT_EQ(Mtu(), 1400);
}

TEST_F(Session, WriteMemorySavesWhatTheDaemonStartsFrom) {
  Do("commit", {"crypto ikev2 keyring K", " peer B", "  address 192.0.2.2", "  pre-shared-key key-of-b"});
  const auto a = Do("write memory");
  EXPECT_TRUE(a.ok) << a.text;
  EXPECT_EQ(a.text, absl::StrCat("Building configuration...\n[OK]\nsaved to ", file_,
                                 "\ncomments are not saved; the file as it was is kept in ", file_, ".orig\n"));
  EXPECT_EQ(Slurp(file_ + ".orig"), kFile);
  EXPECT_EQ(ModeOf(file_), 0600u);
  EXPECT_EQ(ModeOf(file_ + ".orig"), 0600u);
  const config::ParseResult read = config::Parse(Slurp(file_));
  EXPECT_TRUE(read.ok());
  EXPECT_EQ(read.model, running_);
  EXPECT_THAT(Slurp(file_), HasSubstr("pre-shared-key 0 key-of-b"));
  EXPECT_EQ(Do("show configuration diff").text, "running-config does not differ from startup-config\n");
  Do("commit", SetMtu(1380));
  EXPECT_EQ(Do("show configuration diff").text,
            "--- startup-config\n+++ running-config\n interface Tunnel0\n- ip mtu 1400\n+ ip mtu 1380\n");
  // The second time the original stays what it was.
  EXPECT_EQ(Do("copy running-config startup-config").data["notes"].size(), 0u);
  EXPECT_EQ(Slurp(file_ + ".orig"), kFile);
  const auto archive = Do("show archive");
  EXPECT_EQ(archive.data["startup"].size(), 2u);
  EXPECT_EQ(Slurp(archive.data["startup"][1]["file"]), kFile);
}

TEST_F(Session, WriteMemoryKeepsALinkALink) {
  std::filesystem::create_directory(dir_.path() + "/real");
  std::filesystem::rename(file_, dir_.path() + "/real/hub.conf");
  std::filesystem::create_symlink(dir_.path() + "/real/hub.conf", file_);
  EXPECT_TRUE(Do("write").ok);
  EXPECT_TRUE(std::filesystem::is_symlink(file_));
  EXPECT_THAT(Slurp(dir_.path() + "/real/hub.conf"), StartsWith("! Saved by flexvpnd"));
}

TEST_F(Session, WhereNothingCanBeWrittenItIsSaid) {
  session_.emplace(ConfigSession::Paths{"/proc/version", state_}, nullptr, *this);
  const auto a = Do("write memory");
  EXPECT_FALSE(a.ok);
  EXPECT_THAT(a.text, StartsWith("% not saved: /proc/version.orig"));
  EXPECT_THAT(a.text, HasSubstr("under systemd: ReadWritePaths=/proc\n"));
  // A commit is more important than its history.
  Spill(dir_.path() + "/blocked", "");
  session_.emplace(ConfigSession::Paths{file_, dir_.path() + "/blocked"}, nullptr, *this);
  const auto b = Do("commit", SetMtu(1380));
  EXPECT_TRUE(b.ok);
  EXPECT_EQ(Mtu(), 1380);
  EXPECT_THAT(b.text, HasSubstr("warning: the configuration before this one is not kept for rollback: "));
}

TEST_F(Session, ReloadIsAChangeLikeOthers) {
  Do("commit confirmed 5", SetMtu(1380));
  Spill(file_, absl::StrCat(kFile, "hostname new\n"));
  EXPECT_TRUE(session_->Reload());
  EXPECT_EQ(running_.hostname, "new");
  EXPECT_EQ(Mtu(), 1400);
  Pass(minutes(60));
  EXPECT_EQ(running_.hostname, "new");
  EXPECT_TRUE(Do("rollback 1").ok);
  EXPECT_EQ(Mtu(), 1380);
  Spill(file_, "interface Tunnel0\n ip mtuu 5\n");
  EXPECT_FALSE(session_->Reload());
  EXPECT_EQ(Mtu(), 1380);
  EXPECT_THAT(Do("show configuration diff").text, HasSubstr("has errors"));
}

TEST_F(Session, WithAMasterKeyNoFileHoldsAKeyInClear) {
  EXPECT_TRUE(Do("commit", {"password encryption aes"}).ok);
  EXPECT_THAT(Do("show configuration diff", {"no crypto ikev2 keyring K", "no crypto ikev2 profile P", "no crypto ipsec profile P",
                                             "no interface Tunnel0"}).text,
              HasSubstr("pre-shared-key 0 key-of-a"));  // no master key yet
  EXPECT_THAT(Do("key config-key password-encrypt").text, HasSubstr(state_ + "/master-key"));
  EXPECT_EQ(ModeOf(state_ + "/master-key"), 0600u);
  EXPECT_FALSE(Do("key config-key password-encrypt").ok);
  const auto diff = Do("show configuration diff", {"crypto ikev2 keyring K", " peer A", "  pre-shared-key new-key"});
  EXPECT_THAT(diff.text, HasSubstr("-  pre-shared-key 6 "));
  EXPECT_THAT(diff.text, Not(HasSubstr("new-key")));
  EXPECT_TRUE(Do("commit", SetMtu(1380)).ok);
  EXPECT_TRUE(Do("write memory").ok);
  EXPECT_THAT(Slurp(file_), HasSubstr("password encryption aes\n"));
  EXPECT_THAT(Slurp(file_), HasSubstr("  pre-shared-key 6 "));
  EXPECT_THAT(Slurp(file_), Not(HasSubstr("key-of-a")));
  EXPECT_THAT(Slurp(Do("show archive").data["rollback"][0]["file"]), Not(HasSubstr("key-of-a")));
  EXPECT_TRUE(Do("rollback 1").ok);
  EXPECT_EQ(Mtu(), 1400);
  EXPECT_EQ(running_.keyrings.at("K").peers[0].local_key, ToSecret(AsView("key-of-a")));
  // The next daemon reads the key from its file.
  auto key = MasterKey::Load(state_ + "/master-key");
  ASSERT_TRUE(key.ok());
  const auto again = LoadConfig(file_, key->get());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->model.keyrings, running_.keyrings);
  // Without it the file is read, but the peer has no key.
  const auto without = LoadConfig(file_, nullptr);
  ASSERT_TRUE(without.has_value());
  EXPECT_TRUE(without->model.keyrings.at("K").peers[0].local_key.empty());
}

TEST_F(Session, OnlyCandidatesHaveLines) {
  for (const char* command : {"rollback 1", "write memory", "show archive"}) {
    const auto a = Do(command, {"hostname x"});
    EXPECT_FALSE(a.ok);
    EXPECT_THAT(a.text, HasSubstr("takes no lines")) << command;
  }
  EXPECT_EQ(running_.hostname, "hub");
}

}  // namespace
}  // namespace flexvpn::app
