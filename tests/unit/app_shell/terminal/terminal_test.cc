// SPDX-License-Identifier: Apache-2.0
// The real `flexvpn` on a terminal, in a script and as one command, against a real node without a kernel.
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "unit/app_shell/terminal/node_server.h"
#include "unit/app_shell/terminal/pty.h"

namespace flexvpn::shell {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kConfig[] = R"(
hostname hub
crypto ikev2 keyring KR
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key a-very-secret-key
)";

class Flexvpn : public testing::Test {
 protected:
  Flexvpn() : dir_(absl::StrCat(testing::TempDir(), "/shell-", getpid())) {
    std::filesystem::create_directories(dir_);
    server_ = std::make_unique<NodeServer>(socket(), kConfig);
    mark_ = geteuid() == 0 ? "#" : ">";
  }
  ~Flexvpn() override { std::filesystem::remove_all(dir_); }
  std::string socket() const { return absl::StrCat(dir_, "/control.sock"); }
  std::string history() const { return absl::StrCat(dir_, "/state/flexvpn/history"); }
  std::vector<std::string> Environment(const std::string& term) const {
    return {absl::StrCat("FLEXVPN_SOCKET=", socket()), absl::StrCat("XDG_STATE_HOME=", dir_, "/state"),
            absl::StrCat("TERM=", term), "INPUTRC=/dev/null"};
  }
  std::unique_ptr<Pty> Prompt(const std::string& term = "dumb") {
    auto p = std::make_unique<Pty>(std::vector<std::string>{FLEXVPN_SHELL}, Environment(term));
    p->Expect(absl::StrCat("hub", mark_));
    return p;
  }
  struct Result {
    int status;
    std::string out, err;
  };
  // Runs a line of sh with the shell as $F.
  Result Run(const std::string& line) const {
    const std::string out = absl::StrCat(dir_, "/out"), err = absl::StrCat(dir_, "/err");
    const int status = system(absl::StrCat("cd ", dir_, "; export FLEXVPN_SOCKET=", socket(),
                                           " F=", FLEXVPN_SHELL, "; { ", line, "; } >", out, " 2>", err)
                                  .c_str());
    return {WEXITSTATUS(status), Read(out), Read(err)};
  }
  static std::string Read(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(absl::StrCat(dir_, "/", name)) << text;
  }

  std::string dir_, mark_;
  std::unique_ptr<NodeServer> server_;
};

TEST_F(Flexvpn, AQuestionMarkHelpsWithoutEnterAndTheLineStays) {
  auto t = Prompt();
  t->Send("clear ?");
  t->Expect("clear ?\n  crypto  encryption: IKEv2, IPsec, certificates\n  ip      IPv4\n");
  t->Expect(absl::StrCat("hub", mark_, "clear "));
  t->Send("ip nh?");
  t->Expect("nh?\nnhrp\n");
  t->Expect(absl::StrCat("hub", mark_, "clear ip nh"));
}

TEST_F(Flexvpn, TabCompletesAWordOrShowsTheChoices) {
  auto t = Prompt();
  t->Send("sh\tcry\tike\ts\t");
  t->Expect("show crypto ikev2 ");
  t->Expect("sa ");
  t->Expect("session");
  t->Send("a\n");
  t->Expect(absl::StrCat("hub", mark_));
}

TEST_F(Flexvpn, TheCaretStandsBelowTheWordAtThePrompt) {
  auto t = Prompt();
  t->Send("show crypto ikev2 sesion\n");
  t->Expect("show crypto ikev2 sesion\n                      ^\n% Invalid input detected at '^' marker.\n");
  t->Expect("did you mean 'session'?");
}

TEST_F(Flexvpn, CtrlCDropsTheLineAndCtrlDLeaves) {
  auto t = Prompt();
  t->Send("show crypto\x03");
  t->Expect(absl::StrCat("^C\nhub", mark_));
  t->Send("show version | include ^FlexVPN|uptime\n");
  t->Expect(absl::StrCat("hub", mark_));
  t->Send("\x04");
  EXPECT_EQ(t->Wait(), 0);
}

TEST_F(Flexvpn, LongOutputComesAPageAtATime) {
  auto t = Prompt();
  t->Send("show running-config all\n");
  const std::string first = t->Expect(" --More-- ");
  EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 1 + 23);
  t->Send("\n");
  const std::string line = t->Expect(" --More-- ");
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  t->Send("q");
  t->Expect(absl::StrCat("hub", mark_));
  t->Send("terminal length 0\nshow running-config all\n");
  t->Expect("terminal length 0");
  EXPECT_THAT(t->Expect(absl::StrCat("end\nhub", mark_)), Not(HasSubstr("--More--")));
}

TEST_F(Flexvpn, TheHistoryIsPrivateAndHoldsNoKeys) {
  {
    auto t = Prompt();
    t->Send("show ip nhrp\nkey quarz\nexit\n");
    EXPECT_EQ(t->Wait(), 0);
  }
  EXPECT_EQ(Read(history()), "show ip nhrp\nexit\n");
  struct stat s {};
  ASSERT_EQ(stat(history().c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777u, 0600u);
  auto t = Prompt("xterm");
  t->Send("\x1b[A\x1b[A\n");  // up, up: the line before last
  t->Expect("show ip nhrp");
}

TEST_F(Flexvpn, ConfigurationModeChecksEachLineAndCommits) {
  if (geteuid() != 0) GTEST_SKIP() << "configuration needs root";
  auto t = Prompt();
  t->Send("conf t\n");
  t->Expect("hub(config)#");
  t->Send("interface Tunnel0\n");
  t->Expect("hub(config-if)#");
  t->Send("ip mtu 99999\n");
  t->Expect("ip mtu 99999\n                      ^\n% '99999': must be a number from");
  t->Expect("hub(config-if)#");
  t->Send("tunnel ?");
  t->Expect("  destination ");
  t->Expect("  protection ");
  t->Expect("hub(config-if)#tunnel ");
  t->Send("\x03");  // the terminal drops what was typed ahead: wait for the prompt
  t->Expect("^C\n");
  t->Expect("hub(config-if)#");
  t->Send("ip mtu 1400\nhostname spoke\nend\n");
  t->Expect("commit them? [yes/no/cancel]: ");
  t->Send("yes\n");
  t->Expect("3 lines committed\n");
  t->Expect("spoke#");
  t->Send("show running-config | section Tunnel0\n");
  t->Expect("\ninterface Tunnel0\n");
  t->Expect(" ip mtu 1400\n");
  t->Send("conf t\nhostname x\n");
  t->Expect("hostname x\nspoke(config)#");
  t->Send("\x1a");  // Ctrl-Z
  t->Expect("commit them? [yes/no/cancel]: ");
  t->Send("no\n");
  t->Expect("spoke#");
}

TEST_F(Flexvpn, ABannerIsTypedAsText) {
  if (geteuid() != 0) GTEST_SKIP() << "configuration needs root";
  auto t = Prompt();
  t->Send("conf t\nbanner motd #\n");
  t->Expect("Enter TEXT message.  End with the character '#'.\n");
  t->Send("Who are you?\n#\ncommit\n");
  t->Expect("3 lines committed\n");
}

TEST_F(Flexvpn, PastedLinesAreTakenOneByOne) {
  if (geteuid() != 0) GTEST_SKIP() << "configuration needs root";
  auto t = Prompt("xterm");
  t->Send("conf t\n");
  t->Expect("hub(config)#");
  t->Send("\x1b[200~interface Tunnel5\n description what?\n\tip mtu 1300\n\x1b[201~\n");
  t->Expect("hub(config-if)#");
  t->Send("commit\n");
  t->Expect("3 lines committed");
}

TEST_F(Flexvpn, TheDaemonGoneIsSaidAndTheShellStays) {
  auto t = Prompt();
  server_.reset();
  t->Send("show ip nhrp\n");
  t->Expect("flexvpnd is not running there");
  server_ = std::make_unique<NodeServer>(socket(), "hostname again\n");
  t->Send("show running-config | include ^hostname\n");
  t->Expect("hostname again");
}

TEST_F(Flexvpn, MonitorDrawsUntilQ) {
  auto t = Prompt("xterm");
  t->Send("monitor\n");
  t->Expect("Sessions: 0");
  t->Expect("q ends");
  t->Send("q");
  t->Expect(absl::StrCat("hub", mark_));
}

constexpr char kDropped[] = "IKEv2-ERROR: dropped from 203.0.113.9:500: malformed header";

TEST_F(Flexvpn, ALineOfDebuggingComesAboveTheLineThatIsTyped) {
  if (geteuid() != 0) GTEST_SKIP() << "debugging needs root";
  for (const char* term : {"dumb", "xterm"}) {
    auto t = Prompt(term);
    t->Send("debug crypto ikev2 error\n");
    t->Expect("IKEv2 error debugging is on");
    t->Expect("hub#");
    t->Send("show running-config | incl");
    t->Expect("incl");
    server_->Datagram();
    t->Expect(kDropped);
    t->Expect("hub#show running-config | incl");  // drawn again
    t->Send("ude hostname\n");
    t->Expect("hostname hub");
    t->Send("undebug all\n");
    t->Expect("All possible debugging has been turned off");
    server_->Datagram();
    t->Send("show debugging\n");
    EXPECT_THAT(t->Expect("No debugging is on"), Not(HasSubstr("IKEv2-ERROR"))) << term;
  }
}

TEST_F(Flexvpn, WhatCameDuringACommandIsPrintedBeforeTheNextPrompt) {
  if (geteuid() != 0) GTEST_SKIP() << "debugging needs root";
  auto t = Prompt();
  t->Send("debug crypto ikev2 error\n");
  t->Expect("hub#");
  t->Send("show running-config all\n");
  t->Expect(" --More-- ");
  server_->Datagram(20);
  t->Send("q");
  for (int i = 0; i < 20; ++i) t->Expect(kDropped);
  t->Expect("hub#");
}

TEST_F(Flexvpn, DebuggingByOneCommandLastsUntilCtrlC) {
  if (geteuid() != 0) GTEST_SKIP() << "debugging needs root";
  {
    Pty t({FLEXVPN_SHELL, "debug", "crypto", "ikev2", "error"}, Environment("dumb"));
    t.Expect("IKEv2 error debugging is on\n");
    server_->Datagram();
    t.Expect(kDropped);
    EXPECT_THAT(Run("$F show debugging").out, HasSubstr("  IKEv2 error debugging is on\n"));
    t.Send("\x03");
    t.Wait();
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (Run("$F show debugging").out != "No debugging is on\n")
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
}

TEST_F(Flexvpn, TheEndOfTheDaemonEndsDebugging) {
  if (geteuid() != 0) GTEST_SKIP() << "debugging needs root";
  auto t = Prompt();
  t->Send("debug nhrp\n");
  t->Expect("NHRP protocol debugging is on\n");
  t->Expect("hub#");
  server_.reset();
  t->Expect("% debugging has ended: the daemon closed the connection\n");
  t->Expect("hub#");
}

TEST_F(Flexvpn, AScriptDoesNotDebug) {
  const Result r = Run("echo debug nhrp | $F");
  EXPECT_EQ(r.status, 1);
  EXPECT_THAT(r.err, HasSubstr("type it in the shell, or 'flexvpn debug ...'"));
}

TEST_F(Flexvpn, OneCommandMayHaveFiltersAndHasAnExitStatus) {
  const Result count = Run("$F 'show running-config | count keyring'");
  EXPECT_EQ(count.status, 0);
  EXPECT_EQ(count.out, "Number of lines which match regexp = 1\n");
  EXPECT_EQ(Run("$F show running-config \\| include hostname").out, "hostname hub\n");
  const Result bad = Run("$F show crypto foo");
  EXPECT_EQ(bad.status, 1);
  EXPECT_EQ(bad.out, "");
  EXPECT_THAT(bad.err, HasSubstr("show crypto foo\n            ^\n% Invalid input"));
  const Result json = Run("$F --json show crypto foo");
  EXPECT_EQ(json.status, 1);
  EXPECT_THAT(json.out, HasSubstr("\"column\": 13"));
  EXPECT_EQ(Run("$F --socket /nowhere show version").status, 69);
  EXPECT_EQ(Run("$F --frobnicate").status, 64);
  EXPECT_EQ(Run("$F configure terminal").status, geteuid() == 0 ? 64 : 1);
}

// The daemon says who may what; the shell's own user does not matter.
TEST_F(Flexvpn, OperatorsLookAdministratorsConfigureStrangersAreTurnedAway) {
  const group* g = getgrgid(1);
  const std::string operators = g == nullptr ? "" : g->gr_name;
  g = getgrgid(2);
  const std::string administrators = g == nullptr ? "" : g->gr_name;
  if (geteuid() != 0 || operators.empty() || administrators.empty())
    GTEST_SKIP() << "needs root to be other users, and groups 1 and 2";
  server_.reset();
  server_ = std::make_unique<NodeServer>(socket(), kConfig, os::ControlGroups{operators, administrators});
  Write("script", "configure terminal\nhostname spoke\ncommit\nend\nshow running-config | include hostname\n");
  const std::string as = "setpriv --reuid=4242 --regid=4242 ";
  const std::string denied = absl::StrCat("needs root or membership of the Unix group ", administrators, "\n");

  const std::string look = as + "--groups=1 $F ";
  EXPECT_THAT(Run(look + "show running-config").out, HasSubstr("<removed>"));
  EXPECT_EQ(Run(look + "clear ip nhrp").err, absl::StrCat("% permission denied: 'clear ip nhrp' ", denied));
  EXPECT_EQ(Run(look + "commit").err, absl::StrCat("% permission denied: 'commit' ", denied));
  EXPECT_EQ(Run(look + "enable").err, absl::StrCat("% permission denied: 'enable' ", denied));
  const Result script = Run(look + "-f script");
  EXPECT_EQ(script.status, 1);
  EXPECT_THAT(script.err, HasSubstr(absl::StrCat("% permission denied: 'configure terminal' ", denied)));

  const std::string change = as + "--groups=77,2 $F ";
  EXPECT_THAT(Run(change + "show running-config").out, HasSubstr("a-very-secret-key"));
  EXPECT_EQ(Run(change + "-f script").out, "1 lines committed\nhostname spoke\n");

  const Result stranger = Run(as + "--clear-groups $F show version");
  EXPECT_EQ(stranger.status, 1);
  EXPECT_THAT(stranger.err, HasSubstr("% permission denied: root and members of the Unix group"));
}

TEST_F(Flexvpn, HelpListsTheCommandsOfTheTree) {
  const Result r = Run("$F --help");
  EXPECT_EQ(r.status, 0);
  for (const char* c :
       {"show crypto ikev2 session [detailed]", "configure terminal", "terminal length <0-512>"})
    EXPECT_THAT(r.out, HasSubstr(absl::StrCat("\n  ", c, " ")));
}

TEST_F(Flexvpn, CompletionForOtherShellsNeedsNoDaemon) {
  server_.reset();
  EXPECT_THAT(Run("$F --complete 'show crypto ikev2 s'").out, HasSubstr("sa\nsession\n"));
  EXPECT_EQ(Run("$F --complete 'sh ip nhrp | '").out, "begin\ncount\nexclude\ninclude\njson\nsection\n");
}

TEST_F(Flexvpn, BashCompletesWords) {
  const std::string with =
      absl::StrCat("bash -c 'PATH=$(dirname $F):$PATH; . ", FLEXVPN_SOURCE_DIR, "/packaging/flexvpn.bash; ");
  const auto complete = [&](const std::string& words, int at, const std::string& line) {
    return Run(absl::StrCat(with, "COMP_WORDS=(", words, "); COMP_CWORD=", at, "; COMP_LINE=\"", line,
                            "\"; COMP_POINT=${#COMP_LINE}; _flexvpn; printf \"%s\\n\" \"${COMPREPLY[@]}\"'"))
        .out;
  };
  EXPECT_THAT(complete("flexvpn show crypto ikev2 s", 4, "flexvpn show crypto ikev2 s"),
              HasSubstr("sa\nsession\n"));
  EXPECT_THAT(complete("flexvpn --json sh ip \"\"", 4, "flexvpn --json sh ip "), HasSubstr("nhrp\nroute\n"));
  EXPECT_EQ(complete("flexvpn --js", 1, "flexvpn --js"), "--json\n");
}

TEST_F(Flexvpn, AScriptEndsAtItsFirstErrorAndNamesTheLine) {
  Write("s",
        "! a comment\n\nshow running-config | include hostname\nshow foo\nshow running-config | count "
        "hostname\n");
  for (const char* how : {"$F -f s", "$F -f - <s", "$F <s"}) {
    const Result r = Run(how);
    EXPECT_EQ(r.status, 1) << how;
    EXPECT_EQ(r.out, "hostname hub\n") << how;
    EXPECT_THAT(r.err, HasSubstr(":4: error\nshow foo\n     ^\n% Invalid input")) << how;
  }
  const Result all = Run("$F --keep-going -f s");
  EXPECT_EQ(all.status, 1);
  EXPECT_EQ(all.out, "hostname hub\nNumber of lines which match regexp = 1\n");
  EXPECT_EQ(Run("$F -f missing").status, 64);
}

TEST_F(Flexvpn, AScriptConfiguresAndMustCommit) {
  if (geteuid() != 0) GTEST_SKIP() << "configuration needs root";
  Write("good",
        "configure terminal\nhostname spoke\ninterface Tunnel0\n ip mtu 1400\ncommit\nend\nshow "
        "running-config | include hostname\n");
  const Result good = Run("$F -f good");
  EXPECT_EQ(good.status, 0) << good.err;
  EXPECT_EQ(good.out, "3 lines committed\nhostname spoke\n");
  Write("open", "configure terminal\nhostname x\n");
  const Result open = Run("$F -f open");
  EXPECT_EQ(open.status, 1);
  EXPECT_THAT(open.err, HasSubstr("'commit' or 'abort' first"));
  Write("bad", "configure terminal\ninterface Tunnel0\n ip mtu 99999\ncommit\n");
  const Result bad = Run("$F -f bad");
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.err, HasSubstr("bad:3: error\n ip mtu 99999\n        ^\n"));
}

}  // namespace
}  // namespace flexvpn::shell
