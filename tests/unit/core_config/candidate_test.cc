// SPDX-License-Identifier: Apache-2.0
#include "core/config/candidate.h"

#include "core/config/diff.h"
#include "files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flexvpn::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Told(const ParseResult& r, absl::string_view lines) {
  std::vector<std::string> out;
  for (const Diagnostic& d : r.diagnostics) out.push_back(FormatDiagnostic(d, "candidate", lines));
  return out;
}

const char kRunning[] = R"(


crypto ikev2 keyring K
 peer A
  address 192.0.2.1
  pre-shared-key a
crypto ikev2 profile LONELY
 authentication remote pre-share
 authentication local pre-share
 keyring local K
)";

TEST(Candidate, ErrorsHaveTheLineAndColumnOfWhatWasTyped) {
  const Model running = Parse(kRunning).model;
  const std::string lines = "crypto ikev2 keyring K\n peer B\n  adress 192.0.2.2\ninterface Tunnel0\n ip mtu 9999999";
  const ParseResult r = ParseCandidate(running, lines);
  EXPECT_FALSE(r.ok());
  EXPECT_THAT(Told(r, lines),
              testing::IsSupersetOf({testing::StartsWith("candidate:3:3: error: unknown command 'adress' in peer of a keyring\n"
                                                         "  3 |   adress 192.0.2.2\n    |   ^\n  hint: did you mean 'address'?\n"),
                                     testing::StartsWith("candidate:5:9: error: ")}));
}

TEST(Candidate, IsNotToldWhatWasWrongBefore) {
  const ParseResult before = Parse(kRunning);
  ASSERT_FALSE(before.diagnostics.empty());  // a profile without a match
  EXPECT_THAT(Told(ParseCandidate(before.model, "hostname x"), "hostname x"), IsEmpty());
  // What the lines bring is told, also where it has no place in them.
  const std::string lines = "no crypto ikev2 keyring K";
  const auto told = Told(ParseCandidate(before.model, lines), lines);
  ASSERT_EQ(told.size(), 1u) << testing::PrintToString(told);
  EXPECT_THAT(told[0], HasSubstr("candidate: error: "));
  EXPECT_THAT(told[0], HasSubstr("keyring"));
}

TEST(Candidate, GoesThroughSubmodesWithAndWithoutIndentation) {
  const Model running = Parse(kRunning).model;
  const ParseResult r = ParseCandidate(running, "crypto ikev2 keyring K\npeer A\npre-shared-key new\nexit\nexit\nhostname x\nend");
  EXPECT_TRUE(r.ok());
  EXPECT_THAT(Diff(running, r.model), ElementsAre(Change{Change::Kind::kChanged, "hostname"},
                                                  Change{Change::Kind::kChanged, "peer A of crypto ikev2 keyring K"}));
}

// Places of a text that is not there any more would point into the lines.
TEST(Candidate, NothingOfTheRunningConfigurationHasAPlace) {
  for (const auto& path : Configs()) {
    const Model running = Parse(ReadFile(path)).model;
    for (const Diagnostic& d : ParseCandidate(running, "hostname other").diagnostics)
      EXPECT_LE(d.where.line, 1) << path << d.message;
    Model bare = running;
    ForgetPlaces(bare);
    EXPECT_EQ(bare, running);
    for (const Diagnostic& d : Validate(bare)) EXPECT_EQ(d.where.line, 0) << path << d.message;
  }
}

}  // namespace
}  // namespace flexvpn::config
