// SPDX-License-Identifier: Apache-2.0
// What the shell does with lines; the daemon is played by a function that writes down what it is asked.
#include "app/shell/session.h"

#include "absl/strings/str_join.h"
#include "app/shell/history.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flexvpn::shell {
namespace {

using show::Json;
using testing::ElementsAre;
using testing::HasSubstr;

class Shell : public testing::Test {
 protected:
  Session Make(bool privileged = true, bool json = false) {
    return Session(
        {privileged, json, false},
        [this](const std::string& c, const std::vector<std::string>* l, Form) -> absl::StatusOr<Answer> {
          if (c == "show version") return Answer{true, "version\n", {{"hostname", hostname_}}, administrator_};
          asked_.push_back(l == nullptr ? c : absl::StrCat(c, " [", absl::StrJoin(*l, "|"), "]"));
          if (!reachable_) return absl::UnavailableError("nobody there");
          return answer_;
        },
        [this](const std::string& q) {
          asked_.push_back(q);
          return reply_;
        });
  }
  std::string hostname_ = "hub";
  std::optional<bool> administrator_;
  bool reachable_ = true;
  Answer answer_{true, "one\ntwo\n", {{"n", 2}}};
  std::optional<std::string> reply_;
  std::vector<std::string> asked_;
};

TEST_F(Shell, ThePromptHasTheNameTheRightsAndTheMode) {
  Session root = Make();
  EXPECT_EQ(root.Prompt(), "flexvpn#");
  EXPECT_TRUE(root.Learn().ok());
  EXPECT_EQ(root.Prompt(), "hub#");
  EXPECT_TRUE(root.Execute("conf t").ok);
  EXPECT_EQ(root.Prompt(), "hub(config)#");
  root.Execute("crypto ikev2 profile P");
  EXPECT_EQ(root.Prompt(), "hub(config-ikev2-profile)#");
  Session user = Make(false);
  EXPECT_TRUE(user.Learn().ok());
  EXPECT_EQ(user.Prompt(), "hub>");
}

TEST_F(Shell, SendsCommandsAndFiltersTheirOutput) {
  Session s = Make();
  EXPECT_EQ(s.Execute("show ip nhrp | include tw").text, "two\n");
  EXPECT_EQ(s.Execute("show ip nhrp | json").text, "{\n  \"n\": 2\n}\n");
  EXPECT_THAT(asked_, ElementsAre("show ip nhrp", "show ip nhrp"));
  EXPECT_EQ(Make(true, true).Execute("show ip nhrp").text, "{\n  \"n\": 2\n}\n");
}

TEST_F(Shell, OnlyShowCommandsAreFiltered) {
  Session s = Make();
  const Outcome o = s.Execute("clear ip nhrp | include x");
  EXPECT_FALSE(o.ok);
  EXPECT_EQ(o.column, 15);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(Shell, TheDaemonsCaretStandsInTheLineAsTyped) {
  Session s = Make();
  answer_ = {false,
             "unused",
             {{"error", "Invalid input detected at '^' marker."},
              {"input", "show foo"},
              {"column", 6},
              {"hint", "h"}}};
  const Outcome plain = s.Execute("  show foo");
  EXPECT_EQ(plain.column, 8);
  EXPECT_EQ(WithInput(plain), "  show foo\n       ^\n% Invalid input detected at '^' marker.\n  hint: h\n");
  s.Execute("configure terminal");
  EXPECT_EQ(s.Execute("do  show foo").column, 10);
}

TEST_F(Shell, WhatTheTreeDoesNotKnowTheDaemonMayKnow) {
  Session s = Make();
  EXPECT_TRUE(s.Execute("frobnicate all").ok);
  EXPECT_THAT(asked_, ElementsAre("frobnicate all"));
}

TEST_F(Shell, TheDaemonNotThereIsToldApart) {
  reachable_ = false;
  Session s = Make();
  const Outcome o = s.Execute("show ip nhrp");
  EXPECT_TRUE(o.unreachable);
  EXPECT_EQ(o.text, "% nobody there\n");
}

TEST_F(Shell, EmptyLinesAndCommentsAreNothing) {
  Session s = Make();
  for (const char* l : {"", "   ", "! a comment", "\t"}) EXPECT_TRUE(s.Execute(l).ok) << l;
  EXPECT_TRUE(asked_.empty());
}

TEST_F(Shell, WhoMayNotConfigureHearsItFromTheDaemon) {
  Session s = Make(false);
  answer_ = {false, "% permission denied\n", {{"error", "permission denied"}}};
  const Outcome o = s.Execute("conf t");
  EXPECT_FALSE(o.ok);
  EXPECT_EQ(o.text, "% permission denied\n");
  EXPECT_THAT(asked_, ElementsAre("configure terminal"));
  EXPECT_FALSE(s.configuring());
  EXPECT_FALSE(s.Execute("enable").ok);
}

TEST_F(Shell, AnAdministratorNeedNotBeRoot) {
  Session s = Make(false);
  administrator_ = true;
  EXPECT_TRUE(s.Execute("configure terminal").ok);
  EXPECT_TRUE(s.configuring());
  EXPECT_THAT(asked_, ElementsAre());
  Session prompt = Make(false);
  EXPECT_TRUE(prompt.Learn().ok());
  EXPECT_EQ(prompt.Prompt(), "hub#");
  administrator_ = false;
  EXPECT_TRUE(prompt.Learn().ok());
  EXPECT_EQ(prompt.Prompt(), "hub>");
}

TEST_F(Shell, TerminalLengthAndWidthAreKept) {
  Session s = Make();
  EXPECT_EQ(s.length(), -1);
  s.Execute("term len 0");
  s.Execute("term wid 132");
  EXPECT_EQ(s.length(), 0);
  EXPECT_EQ(s.width(), 132);
}

TEST_F(Shell, LinesGoWithCommitDiffAndCheck) {
  Session s = Make();
  s.Execute("conf t");
  s.Execute("interface Tunnel0");
  s.Execute("ip mtu 1400");
  EXPECT_TRUE(s.Execute("show configuration diff").ok);
  EXPECT_TRUE(s.Execute("commit check").ok);
  hostname_ = "spoke";
  EXPECT_TRUE(s.Execute("commit confirmed 5").ok);
  EXPECT_EQ(s.Prompt(), "spoke(config-if)#");
  EXPECT_TRUE(s.Execute("comm").ok);
  EXPECT_THAT(asked_, ElementsAre("show configuration diff [interface Tunnel0| ip mtu 1400]",
                                  "commit check [interface Tunnel0| ip mtu 1400]",
                                  "commit confirmed 5 [interface Tunnel0| ip mtu 1400]", "comm []"));
}

TEST_F(Shell, ARefusedCommitKeepsTheLines) {
  Session s = Make();
  s.Execute("conf t");
  s.Execute("hostname x");
  answer_ = {false, "% line 1: no\n", {{"error", "no"}}};
  const Outcome o = s.Execute("commit");
  EXPECT_FALSE(o.ok);
  EXPECT_EQ(o.text, "% line 1: no\n");
  answer_.ok = true;
  s.Execute("commit");
  EXPECT_THAT(asked_, ElementsAre("commit [hostname x]", "commit [hostname x]"));
}

TEST_F(Shell, WordsOfTheShellDoNotHideConfigurationLines) {
  Session s = Make();
  s.Execute("conf t");
  s.Execute("interface Tunnel0");
  EXPECT_TRUE(s.Execute("sh").ok);  // shutdown
  s.Execute("do show ip nhrp");
  s.Execute("sho ip nhrp");
  s.Execute("show configuration diff");
  EXPECT_THAT(asked_,
              ElementsAre("show ip nhrp", "sho ip nhrp", "show configuration diff [interface Tunnel0| sh]"));
}

TEST_F(Shell, LeavingAsksAboutWhatIsNotCommitted) {
  for (const auto& [reply, configuring, committed] : {std::tuple("yes", false, true),
                                                      {"n", false, false},
                                                      {"cancel", true, false},
                                                      {"", true, false},
                                                      {"perhaps", true, false}}) {
    asked_.clear();
    Session s = Make();
    EXPECT_TRUE(s.Learn().ok());
    s.Execute("conf t");
    s.Execute("interface Tunnel0");
    reply_ = reply;
    EXPECT_TRUE(s.Execute("end").ok);
    EXPECT_EQ(s.configuring(), configuring) << reply;
    EXPECT_EQ(asked_.size(), committed ? 2u : 1u) << reply;
    EXPECT_EQ(s.Prompt(), configuring ? "hub(config-if)#" : "hub#");
  }
}

TEST_F(Shell, WhereNobodyAnswersLeavingIsAnError) {
  Session s = Make();
  s.Execute("conf t");
  s.Execute("hostname x");
  EXPECT_FALSE(s.Execute("end").ok);
  EXPECT_FALSE(s.Execute("exit").ok);
  EXPECT_FALSE(s.Finish().ok);
  EXPECT_TRUE(s.Finish().ok);
}

TEST_F(Shell, AbortForgetsAndLeaves) {
  Session s = Make();
  s.Execute("conf t");
  s.Execute("hostname x");
  EXPECT_TRUE(s.Execute("abort").ok);
  EXPECT_FALSE(s.configuring());
  s.Execute("conf t");
  EXPECT_TRUE(s.Execute("end").ok);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(Shell, ExitGoesOutOneModeAtATime) {
  Session s = Make();
  s.Execute("conf t");
  s.Execute("crypto ikev2 keyring K");
  s.Execute("peer P");
  EXPECT_EQ(s.Prompt(), "flexvpn(config-ikev2-keyring-peer)#");
  s.Execute("exit");
  EXPECT_EQ(s.Prompt(), "flexvpn(config-ikev2-keyring)#");
  s.Execute("exit");
  EXPECT_EQ(s.Prompt(), "flexvpn(config)#");
  EXPECT_FALSE(s.Execute("do exit").ok);
  s.Execute("abort");
  EXPECT_TRUE(s.Execute("exit").leave);
  for (const char* l : {"quit", "logout", "ex"}) EXPECT_TRUE(Make().Execute(l).leave) << l;
}

TEST_F(Shell, AnErrorInAConfigurationLineShowsNoKey) {
  Session s = Make();
  s.Execute("conf t");
  s.Execute("crypto ikev2 keyring K");
  s.Execute("peer P");
  const Outcome o = s.Execute("pre-shared-key quarz and more");
  EXPECT_FALSE(o.ok);
  EXPECT_THAT(WithInput(o), testing::Not(HasSubstr("quarz")));
  EXPECT_THAT(o.text, testing::Not(HasSubstr("quarz")));
}

TEST(History, NeverHoldsKeys) {
  EXPECT_TRUE(Remembers("show crypto ikev2 sa"));
  EXPECT_FALSE(Remembers("   "));
  EXPECT_FALSE(Remembers(" pre-shared-key quarz"));
  EXPECT_FALSE(Remembers("username bob password 0 quarz"));
  EXPECT_FALSE(Remembers("key config-key password-encrypt quarz"));
}

TEST(HelpAt, KnowsTheModeTheShellsWordsAndDo) {
  using config::ModeId;
  const auto words = [](const Modes& m, const char* line) { return CompletionsAt(m, line); };
  EXPECT_THAT(words({}, "conf"), ElementsAre("configure"));
  EXPECT_THAT(words({}, "show crypto ikev2 sa | ex"), ElementsAre("exclude"));
  EXPECT_THAT(words({ModeId::kRoot}, "ab"), ElementsAre("abort"));
  EXPECT_THAT(words({ModeId::kRoot, ModeId::kInterface}, "do show ver"), ElementsAre("version"));
  EXPECT_THAT(words({ModeId::kRoot, ModeId::kInterface}, "show ver"), ElementsAre("version"));
  EXPECT_THAT(words({ModeId::kRoot, ModeId::kInterface}, "tunnel prot"), ElementsAre("protection"));
  EXPECT_THAT(words({ModeId::kRoot, ModeId::kInterface}, "crypto ikev2 prof"), ElementsAre("profile"));
  EXPECT_EQ(HelpAt({}, "show ip nhrp ").items.back().word, "<cr>");
}

TEST(FormatHelp, IsThatOfIos) {
  EXPECT_EQ(FormatHelp(HelpAt({}, "clear "), "clear ", 4, 80),
            "  crypto  encryption: IKEv2, IPsec, certificates\n"
            "  ip      IPv4\n"
            "  ipv6    IPv6\n");
  EXPECT_EQ(FormatHelp(HelpAt({}, "e"), "e", 4, 80), "enable  exit\n");
  EXPECT_EQ(FormatHelp(HelpAt({}, "show foo "), "show foo ", 4, 80),
            "         ^\n% Invalid input detected at '^' marker.\n");
  EXPECT_EQ(FormatHelp(HelpAt({}, "zzz"), "zzz", 4, 80), "% Unrecognized command\n");
}

}  // namespace
}  // namespace flexvpn::shell
