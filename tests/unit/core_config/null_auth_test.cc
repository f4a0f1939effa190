// SPDX-License-Identifier: Apache-2.0
// The lines of a profile that are about NULL authentication (RFC 7619).
#include "absl/strings/str_cat.h"
#include "core/config/model.h"
#include "core/config/render.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flexvpn::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kHead[] =
    "crypto pki trustpoint TP\n certificate-file /c\n key-file /k\n ca-file /ca\ncrypto ikev2 profile P\n";

std::vector<std::string> LinesOf(Diagnostic::Severity severity, const std::string& lines) {
  std::vector<std::string> out;
  for (const Diagnostic& d : Parse(absl::StrCat(kHead, lines)).diagnostics)
    if (d.severity == severity) out.push_back(absl::StrCat(d.where.line, ": ", d.message));
  return out;
}
std::vector<std::string> Warnings(const std::string& lines) { return LinesOf(Diagnostic::Severity::kWarning, lines); }
std::vector<std::string> LineErrors(const std::string& lines) { return LinesOf(Diagnostic::Severity::kError, lines); }

TEST(NullAuthentication, IsReadAndRendered) {
  const std::string text = absl::StrCat(kHead, " match identity remote null\n identity local null\n authentication local null\n"
                                               " authentication remote null\n authentication remote ecdsa-sig\n"
                                               " aaa authorization group null list L A\naaa new-model\n"
                                               "aaa authorization network L local\ncrypto ikev2 authorization policy A\n");
  const ParseResult r = Parse(text);
  ASSERT_TRUE(r.ok()) << FormatDiagnostic(r.diagnostics.at(0), "test", text);
  const IkeProfile& p = r.model.profiles.at("P");
  EXPECT_TRUE(p.local_null && p.remote_null && p.remote_elliptic && !p.local_psk && !p.remote_psk);
  EXPECT_EQ(p.identity_local->kind, IdentityKind::kNull);
  EXPECT_EQ(p.match_remote.at(0).kind, IdentityKind::kNull);
  EXPECT_EQ(p.authorization.at("null").policy, "A");
  const std::string rendered = Render(r.model, false, true);
  for (const char* line : {" match identity remote null\n", " identity local null\n", " authentication local null\n",
                           " authentication remote null\n", " aaa authorization group null list L A\n"})
    EXPECT_THAT(rendered, HasSubstr(line));
  EXPECT_EQ(Parse(rendered).model, r.model);
}

TEST(NullAuthentication, IsOneOfTheLocalMethodsAndTheLastOneHolds) {
  auto profile = [](const std::string& lines) { return Parse(absl::StrCat(kHead, lines)).model.profiles.at("P"); };
  EXPECT_FALSE(profile(" match identity remote any\n").local_null || profile(" match identity remote any\n").remote_null);
  const IkeProfile null = profile(" authentication local pre-share key x\n authentication local null\n");
  EXPECT_TRUE(null.local_null && !null.local_psk && null.local_key.empty());
  EXPECT_FALSE(profile(" authentication local null\n authentication local pre-share key x\n").local_null);
  EXPECT_FALSE(profile(" authentication local null\n authentication local ecdsa-sig\n").local_null);
  EXPECT_FALSE(profile(" authentication local null\n no authentication local null\n").local_null);
  EXPECT_FALSE(profile(" authentication remote null\n no authentication remote null\n").remote_null);
  EXPECT_THAT(profile(" match identity remote null\n no match identity remote null\n").match_remote, IsEmpty());
  EXPECT_EQ(profile(" match identity remote fqdn null\n").match_remote.at(0).kind, IdentityKind::kFqdn);
}

TEST(NullAuthentication, OfThePeerIsWarnedOfAtItsLine) {
  const std::string server = " match identity remote null\n authentication local ecdsa-sig\n authentication remote null\n";
  EXPECT_THAT(LineErrors(server), IsEmpty());
  EXPECT_THAT(Warnings(server), ElementsAre(HasSubstr("8: anybody who reaches this router is let in by profile 'P'")));
  EXPECT_THAT(Warnings(" match identity remote any\n authentication local ecdsa-sig\n authentication remote null\n"
                       " authentication remote ecdsa-sig\n"),
              ElementsAre(HasSubstr("8: anybody who reaches this router is let in by profile 'P'")));
  EXPECT_THAT(Warnings(" match identity remote fqdn domain example.net\n authentication local ecdsa-sig\n"
                       " authentication remote null\n authentication remote ecdsa-sig\n"),
              ElementsAre(HasSubstr("8: crypto ikev2 profile 'P' accepts peers without authentication, but none of its lines")));
  EXPECT_THAT(Warnings(" match identity remote null\n authentication local ecdsa-sig\n authentication remote ecdsa-sig\n"),
              ElementsAre(HasSubstr("6: crypto ikev2 profile 'P' matches peers that do not say who they are")));
}

TEST(NullAuthentication, OfOursGoesWithoutAName) {
  const std::string client = " match identity remote fqdn hub.example.net\n authentication remote ecdsa-sig\n";
  EXPECT_THAT(LineErrors(client + " authentication local null\n"), IsEmpty());
  EXPECT_THAT(Warnings(client + " authentication local null\n"), IsEmpty());
  EXPECT_THAT(Warnings(client + " authentication local null\n identity local fqdn a.example.net\n"),
              ElementsAre(HasSubstr("says who we are without proving it")));
  EXPECT_THAT(LineErrors(client + " authentication local ecdsa-sig\n identity local null\n"),
              ElementsAre(HasSubstr("does not say who we are, but authenticates us")));
}

TEST(NullAuthentication, NeedsNoKey) {
  EXPECT_THAT(LineErrors(" match identity remote null\n authentication local null\n authentication remote null\n"), IsEmpty());
  EXPECT_THAT(LineErrors(" match identity remote null\n authentication local pre-share\n authentication remote null\n"),
              ElementsAre(HasSubstr("has no key")));
  EXPECT_THAT(Warnings(" match identity remote any\n authentication local null\n authentication remote ecdsa-sig\n"
                       " aaa authorization group null list L A\naaa new-model\naaa authorization network L local\n"
                       "crypto ikev2 authorization policy A\n"),
              ElementsAre(HasSubstr("'aaa authorization group null' of crypto ikev2 profile 'P' is for nobody")));
}

}  // namespace
}  // namespace flexvpn::config
