// SPDX-License-Identifier: Apache-2.0
// Lines typed in configuration mode: which mode they lead to, what is wrong with them, what is sent in the
// end.
#include "app/shell/candidate.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/config/grammar.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flexvpn::shell {
namespace {

using config::Diagnostic;
using config::ModeId;
using testing::ElementsAre;

void Type(Candidate& c, std::initializer_list<const char*> lines) {
  for (const char* l : lines)
    for (const Diagnostic& d : c.Add(l))
      EXPECT_NE(d.severity, Diagnostic::Severity::kError) << l << ": " << d.message;
}

TEST(Candidate, FollowsTheModesAndIndentsByThem) {
  Candidate c;
  Type(c, {"crypto ikev2 keyring KR", "peer ANY", "address 0.0.0.0 0.0.0.0", "pre-shared-key k"});
  EXPECT_EQ(c.mode(), ModeId::kKeyringPeer);
  Type(c, {"crypto ikev2 profile P"});
  EXPECT_EQ(c.mode(), ModeId::kProfile);
  Type(c, {"dpd 10 2 periodic", "hostname x"});
  EXPECT_EQ(c.mode(), ModeId::kRoot);
  EXPECT_THAT(c.lines(), ElementsAre("crypto ikev2 keyring KR", " peer ANY", "  address 0.0.0.0 0.0.0.0",
                                     "  pre-shared-key k", "crypto ikev2 profile P", " dpd 10 2 periodic",
                                     "hostname x"));
}

TEST(Candidate, ALineWithAnErrorChangesNothingAndIsPointedAt) {
  Candidate c;
  Type(c, {"interface Tunnel0"});
  const std::vector<Diagnostic> said = c.Add("  ip mtu 99999");
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].severity, Diagnostic::Severity::kError);
  EXPECT_EQ(said[0].where.column, 10);
  EXPECT_EQ(c.mode(), ModeId::kInterface);
  EXPECT_THAT(c.lines(), ElementsAre("interface Tunnel0"));
}

TEST(Candidate, AWordOnlyTheHandlerKnowsIsFoundAtOnce) {
  Candidate c;
  Type(c, {"crypto ikev2 proposal P"});
  const std::vector<Diagnostic> said = c.Add("encryption aes-cbc-257");
  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0].message, testing::HasSubstr("aes-cbc-257"));
  EXPECT_EQ(said[0].where.column, 12);
}

TEST(Candidate, WhatIsNamedMayBeInForceAlready) {
  Candidate c;
  Type(c, {"no crypto ikev2 profile OLD", "crypto ipsec profile default", "set ikev2-profile ELSEWHERE",
           "no interface Tunnel9"});
  EXPECT_EQ(c.mode(), ModeId::kRoot);
}

TEST(Candidate, AWarningIsTold) {
  Candidate c;
  Type(c, {"crypto ikev2 proposal P"});
  const std::vector<Diagnostic> said = c.Add("group 2");
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].severity, Diagnostic::Severity::kWarning);
  EXPECT_EQ(c.lines().size(), 2u);
}

TEST(Candidate, ExitIsWrittenSoThatTheDaemonStandsWhereTheUserStands) {
  Candidate c;
  Type(c, {"crypto ikev2 keyring KR", "peer A"});
  EXPECT_TRUE(c.Exit());
  EXPECT_EQ(c.mode(), ModeId::kKeyring);
  Type(c, {"peer B"});
  c.ToTop();
  EXPECT_FALSE(c.Exit());
  EXPECT_THAT(c.lines(),
              ElementsAre("crypto ikev2 keyring KR", " peer A", " exit", " peer B", " exit", "exit"));
}

TEST(Candidate, AfterACommitTheModeStaysAndIsEnteredAgainByTheNextLine) {
  Candidate c;
  Type(c, {"crypto ikev2 keyring KR", "peer A"});
  c.Clear();
  EXPECT_TRUE(c.empty());
  EXPECT_EQ(c.mode(), ModeId::kKeyringPeer);
  Type(c, {"address 192.0.2.1", "address 192.0.2.2"});
  EXPECT_THAT(c.lines(), ElementsAre("crypto ikev2 keyring KR", " peer A", "  address 192.0.2.1",
                                     "  address 192.0.2.2"));
  c.Clear();
  c.ToTop();
  EXPECT_TRUE(c.empty()) << absl::StrJoin(c.lines(), "\n");
}

TEST(Candidate, LinesOfOtherSubsystemsStayWithTheirBlock) {
  Candidate c;
  Type(c, {"router bgp 65000", "neighbor 10.0.0.1 remote-as 65001", "hostname x"});
  EXPECT_THAT(c.lines(), ElementsAre("router bgp 65000", " neighbor 10.0.0.1 remote-as 65001", "hostname x"));
  EXPECT_EQ(c.mode(), ModeId::kRoot);
}

TEST(Candidate, ABannerIsTextUntilItsDelimiter) {
  Candidate c;
  EXPECT_TRUE(c.Add("banner motd # Hello").empty());
  ASSERT_TRUE(c.in_text());
  EXPECT_EQ(c.TextNotice(), "Enter TEXT message.  End with the character '#'.");
  EXPECT_TRUE(c.empty());
  for (const char* l : {"  interface Tunnel0 ? ", "", "the end #"}) EXPECT_TRUE(c.Add(l).empty());
  EXPECT_FALSE(c.in_text());
  EXPECT_THAT(c.lines(), ElementsAre("banner motd # Hello", "  interface Tunnel0 ? ", "", "the end #"));
}

// What is typed line by line means what the same file means.
TEST(Candidate, WholeConfigurationsTypedLineByLineAreTheSameConfiguration) {
  size_t files = 0;
  for (const auto& e : std::filesystem::directory_iterator(FLEXVPN_SOURCE_DIR "/tests/configs")) {
    if (e.path().extension() != ".conf") continue;
    std::ifstream in(e.path());
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    const config::ParseResult want = config::Parse(text);
    if (!want.ok()) continue;
    Candidate c;
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      const absl::string_view bare = absl::StripAsciiWhitespace(line);
      if (!c.in_text() && (bare.empty() || bare[0] == '!')) continue;
      const bool word = !c.in_text() && !c.Swallows(line);
      if (word && (bare == "exit" || bare == "quit"))
        c.Exit();
      else if (word && bare == "end")
        c.ToTop();
      else
        for (const Diagnostic& d : c.Add(line))
          EXPECT_NE(d.severity, Diagnostic::Severity::kError)
              << e.path() << ": " << line << ": " << d.message;
    }
    const config::ParseResult got = config::Parse(absl::StrJoin(c.lines(), "\n"));
    EXPECT_TRUE(got.model == want.model) << e.path() << "\n" << absl::StrJoin(c.lines(), "\n");
    ++files;
  }
  EXPECT_GT(files, 15u);
}

}  // namespace
}  // namespace flexvpn::shell
