// SPDX-License-Identifier: Apache-2.0
// The messages of tests/configs/bad/*.conf are those of the *.expected files beside them.
#include <algorithm>
#include <cstdlib>

#include "core/config/lexer.h"
#include "core/config/model.h"
#include "files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flexvpn::config {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string AllMessages(const std::string& file, const std::string& text) {
  std::string out;
  for (const Diagnostic& d : Parse(text).diagnostics) out += FormatDiagnostic(d, file, text);
  return out;
}

// With FLEXVPN_UPDATE_GOLDEN set, the *.expected files are written instead.
void CheckGolden(const std::string& below, bool ok) {
  for (const auto& path : Configs(below)) {
    std::filesystem::path expected = path;
    expected.replace_extension(".expected");
    const std::string said = AllMessages(path.filename().string(), ReadFile(path));
    if (std::getenv("FLEXVPN_UPDATE_GOLDEN") != nullptr) std::ofstream(expected) << said;
    EXPECT_EQ(said, ReadFile(expected)) << path;
    EXPECT_EQ(Parse(ReadFile(path)).ok(), ok) << path;
  }
}

TEST(Diagnostics, BadExamplesGiveTheirMessages) {
  ASSERT_GE(Configs("/bad").size(), 3u);
  CheckGolden("/bad", false);
}

// Valid lines that nothing acts on yet: warnings that say so, no error.
TEST(Diagnostics, KeptLinesGiveTheirMessages) {
  ASSERT_GE(Configs("/kept").size(), 1u);
  CheckGolden("/kept", true);
}

TEST(Diagnostics, PointAtTheWordAndSuggestTheNearest) {
  const std::string text = "crypto ikev2 keyrign K\n";
  EXPECT_EQ(AllMessages("hub.conf", text),
            "hub.conf:1:14: error: unexpected 'keyrign': expected 'authorization', 'certificate-cache', 'client', 'cluster', "
            "'cookie-challenge', 'cts', 'diagnose', 'disconnect-revoked-peers', 'dpd', 'fragmentation', 'http-url', 'keyring', "
            "…\n"
            "  1 | crypto ikev2 keyrign K\n"
            "    |              ^\n"
            "  hint: did you mean 'keyring'?\n");
}

TEST(Diagnostics, NeverShowAKey) {
  const char* const kLines[] = {"  pre-shared-key %s more",        "  pre-shared-key local %s more",
                                "  pre-shared-key remote 0 %s more", "  pre-shared-key 6 %s",
                                "  pre-shared-key hex %s",           "  pre-shard-key %s",
                                "  pre-shared key %s more",          "  preshared-key %s",
                                "  pre %s more more"};
  for (std::string line : kLines) {
    line.replace(line.find("%s"), 2, "s3cr3t");
    const std::string text = "crypto ikev2 keyring K\n peer P\n" + line + "\n";
    const std::string out = AllMessages("f", text);
    EXPECT_THAT(out, testing::AnyOf(HasSubstr("error"), HasSubstr("warning"))) << line;
    EXPECT_THAT(out, Not(HasSubstr("s3cr3t"))) << line;
  }
  for (const char* text : {"crypto ikev2 profile P\n authentication local pre-share key s3cr3t x\n",
                           "interface Tunnel0\n ip nhrp authentication s3cr3t-too-long\n",
                           "snmp-server community s3cr3t RO\n", "username u password 0 s3cr3t\n"})
    EXPECT_THAT(AllMessages("f", text), Not(HasSubstr("s3cr3t"))) << text;
}

TEST(Diagnostics, MaskKeepsTheCaretOnItsWord) {
  int column = 32;
  EXPECT_EQ(MaskSecrets("pre-shared-key local verylongone extra", &column),
            "pre-shared-key local ***** *****");
  EXPECT_LE(column, 33);
  EXPECT_EQ(MaskSecrets("tunnel key 5"), "tunnel key 5");
  EXPECT_EQ(MaskSecrets("identity local key-id branch"), "identity local key-id branch");
  EXPECT_EQ(MaskSecrets("authentication local pre-share"), "authentication local pre-share");
  EXPECT_EQ(MaskSecrets("authentication local pre-share key x"), "authentication local pre-share key *****");
}

TEST(Diagnostics, OddPlacesDoNotBreakTheFormat) {
  const Diagnostic none{Diagnostic::Severity::kError, {}, "m", ""};
  EXPECT_EQ(FormatDiagnostic(none, "f", "a\nb\n"), "f: error: m\n");
  const Diagnostic beyond{Diagnostic::Severity::kWarning, {99, 7}, "m", "h"};
  EXPECT_EQ(FormatDiagnostic(beyond, "f", "a\n"), "f:99:7: warning: m\n  hint: h\n");
  const Diagnostic wide{Diagnostic::Severity::kError, {1, 3000}, "m", ""};
  EXPECT_LT(FormatDiagnostic(wide, "f", std::string(4000, 'x')).size(), 400u);
}

}  // namespace
}  // namespace flexvpn::config
