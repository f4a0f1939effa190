// SPDX-License-Identifier: Apache-2.0
// Lines of the shell: abbreviations, and errors as IOS says them.
#include "core/config/exec.h"

#include "gtest/gtest.h"

namespace flexvpn::config {
namespace {

TEST(ParseExec, WritesAbbreviatedKeywordsInFull) {
  EXPECT_EQ(ParseExec("sh cry ike sa det").words, "show crypto ikev2 sa detailed");
  EXPECT_EQ(ParseExec("  SHOW\tIP nhrp  ").words, "show ip nhrp");
  EXPECT_EQ(ParseExec("cl cry ike sa rem 192.0.2.1").words, "clear crypto ikev2 sa remote 192.0.2.1");
}

TEST(ParseExec, AnExactWordIsNeverAmbiguous) {
  EXPECT_EQ(ParseExec("show dataplane sas").words, "show dataplane sas");
  EXPECT_EQ(ParseExec("show crypto ikev2 sa").words, "show crypto ikev2 sa");
}

TEST(ParseExec, PointsAtTheWordThatDoesNotFitAndNamesTheNearest) {
  const ExecLine l = ParseExec("show crypto ikev2 sesion");
  EXPECT_EQ(l.command, nullptr);
  EXPECT_EQ(l.error.message, "Invalid input detected at '^' marker.");
  EXPECT_EQ(l.error.input, "show crypto ikev2 sesion");
  EXPECT_EQ(l.error.column, 19);
  EXPECT_EQ(l.error.hint, "did you mean 'session'?");
}

TEST(ParseExec, PointsAtAWordTooManyAndAtAnArgumentOfTheWrongKind) {
  EXPECT_EQ(ParseExec("show version now").error.column, 14);
  const ExecLine l = ParseExec("clear crypto ikev2 sa remote nonsense");
  EXPECT_EQ(l.error.column, 30);
  EXPECT_EQ(l.error.hint, "expected an IP address");
}

TEST(ParseExec, SaysWhatAnAmbiguousWordCouldBe) {
  const ExecLine l = ParseExec("show crypto i sa");
  EXPECT_EQ(l.command, nullptr);
  EXPECT_EQ(l.error.message, "Ambiguous command: \"show crypto i sa\"");
  EXPECT_EQ(l.error.hint, "could be 'ikev2', 'ipsec'");
}

TEST(ParseExec, SaysWhatIsMissing) {
  for (const char* line : {"", "   ", "show", "show crypto ikev2", "clear crypto ikev2 sa remote", "rekey crypto"}) {
    const ExecLine l = ParseExec(line);
    EXPECT_EQ(l.command, nullptr) << line;
    EXPECT_EQ(l.error.message, "Incomplete command.") << line;
    EXPECT_EQ(l.error.column, 0) << line;
  }
  EXPECT_EQ(ParseExec("show crypto ikev2 diagnose").error.hint, "expected 'error'");
}

TEST(ParseExec, ShowsNothingATerminalWouldObey) {
  const ExecLine l = ParseExec("show \x1b[2J");
  EXPECT_EQ(l.error.input, "show ?[2J");
  EXPECT_EQ(l.error.column, 6);
}

TEST(ParseExec, RefusesALineWithoutEnd) {
  EXPECT_EQ(ParseExec(std::string(100000, 'x')).error.message, "Line longer than 4096 octets.");
}

TEST(ParseExec, KnowsWhoMayDoIt) {
  EXPECT_FALSE(ParseExec("show running-config").command->privileged);
  EXPECT_TRUE(ParseExec("clear ip nhrp").command->privileged);
  EXPECT_TRUE(ParseExec("rekey crypto ipsec sa").command->privileged);
  EXPECT_EQ(ParseExec("exit").command->place, Place::kShell);
}

}  // namespace
}  // namespace flexvpn::config
