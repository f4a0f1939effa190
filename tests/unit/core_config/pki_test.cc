// SPDX-License-Identifier: Apache-2.0
// crypto pki and the certificate lines of a profile.
#include "core/config/model.h"
#include "files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "unit/core_config/messages.h"

namespace flexvpn::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kTrustpoint[] = R"(crypto pki trustpoint TP
 enrollment terminal pem
 certificate-file /etc/flexvpn/hub.pem
 key-file /etc/flexvpn/hub.key password 0 winter
 ca-file /etc/flexvpn/ca.pem
 crl-file /etc/flexvpn/ca.crl
 revocation-check crl none
)";

TEST(Trustpoint, NamesItsFiles) {
  const Model m = Parse(kTrustpoint).model;
  const Trustpoint& t = m.trustpoints.at("TP");
  EXPECT_EQ(t.certificate_file, "/etc/flexvpn/hub.pem");
  EXPECT_EQ(t.key_file, "/etc/flexvpn/hub.key");
  EXPECT_EQ(t.password, ToSecret(AsView("winter")));
  EXPECT_EQ(t.ca_file, "/etc/flexvpn/ca.pem");
  EXPECT_EQ(t.crl_file, "/etc/flexvpn/ca.crl");
  EXPECT_EQ(t.revocation, (std::vector{RevocationMethod::kCrl, RevocationMethod::kNone}));
  EXPECT_TRUE(Errors(kTrustpoint).empty());
  EXPECT_THAT(Render(m, false, false), testing::Not(HasSubstr("winter")));
}

TEST(Trustpoint, HalvesAndContradictionsAreErrors) {
  const std::string tp = "crypto pki trustpoint TP\n";
  EXPECT_THAT(Errors(tp + " certificate-file /c\n"), ElementsAre(HasSubstr("a certificate but no key")));
  EXPECT_THAT(Errors(tp + " key-file /k\n"), ElementsAre(HasSubstr("a key but no certificate")));
  EXPECT_THAT(Errors(tp + " pkcs12-file /p\n certificate-file /c\n key-file /k\n"),
              ElementsAre(HasSubstr("twice")));
  EXPECT_THAT(Errors(tp + " ca-file ca.pem\n"), ElementsAre(HasSubstr("must begin with '/'")));
}

TEST(Trustpoint, RevocationMethodsAreTriedInTheOrderWritten) {
  using M = RevocationMethod;
  const std::string tp = "crypto pki trustpoint TP\n ca-file /ca\n revocation-check ";
  auto methods = [&](const std::string& words) { return *Parse(tp + words).model.trustpoints.at("TP").revocation; };
  EXPECT_EQ(methods("crl\n"), std::vector{M::kCrl});  // a distribution point may have the list
  EXPECT_EQ(methods("ocsp crl\n"), (std::vector{M::kOcsp, M::kCrl}));
  EXPECT_EQ(methods("crl ocsp none\n"), (std::vector{M::kCrl, M::kOcsp, M::kNone}));
  EXPECT_TRUE(Errors(tp + "crl ocsp none\n").empty());
  EXPECT_FALSE(Parse(tp + "crl\n no revocation-check\n").model.trustpoints.at("TP").revocation.has_value());
  EXPECT_THAT(Errors(tp + "maybe\n"), ElementsAre(HasSubstr("expected crl, ocsp, none")));
  EXPECT_THAT(Errors(tp + "crl crl\n"), ElementsAre(HasSubstr("there twice")));
  EXPECT_THAT(Errors(tp + "none crl\n"), ElementsAre(HasSubstr("nothing is tried after 'none'")));
}

TEST(Trustpoint, KeyMayBeInAToken) {
  const std::string tp = "crypto pki trustpoint TP\n certificate-file /c\n ";
  const ParseResult r = Parse(tp + "private-key uri pkcs11:token=VPN%20hub;object=hub;type=private password 4711\n");
  EXPECT_TRUE(r.ok()) << testing::PrintToString(Messages(r, Diagnostic::Severity::kError));
  const Trustpoint& t = r.model.trustpoints.at("TP");
  EXPECT_EQ(t.key_uri, "pkcs11:token=VPN%20hub;object=hub;type=private");
  EXPECT_EQ(t.password, ToSecret(AsView("4711")));
  EXPECT_THAT(Render(r.model, false, false), testing::Not(HasSubstr("4711")));
  EXPECT_TRUE(Errors(tp + "private-key uri pkcs11:object=hub\n").empty());
  EXPECT_THAT(Errors(tp + "private-key uri pkcs11:object=hub\n key-file /k\n"),
              ElementsAre(HasSubstr("its key twice")));
  EXPECT_THAT(Errors(tp + "private-key uri /etc/hub.key\n"), ElementsAre(HasSubstr("no URI")));
  EXPECT_THAT(Errors(tp + "private-key uri file:/etc/hub.key\n"), ElementsAre(HasSubstr("in a file")));
  EXPECT_THAT(Errors(tp + "private-key uri pkcs11:object=hub?pin-value=4711\n"),
              ElementsAre(HasSubstr("PIN would be shown")));
  EXPECT_THAT(Errors("crypto pki trustpoint TP\n private-key uri pkcs11:object=hub\n"),
              ElementsAre(HasSubstr("a key but no certificate")));
}

TEST(Trustpoint, MayNameAnOcspResponder) {
  const std::string tp = "crypto pki trustpoint TP\n ca-file /ca\n";
  const ParseResult r = Parse(tp + " revocation-check ocsp\n ocsp url http://192.0.2.9:8080/ca\n ocsp disable-nonce\n");
  EXPECT_TRUE(r.ok());
  EXPECT_TRUE(r.diagnostics.empty());
  EXPECT_EQ(r.model.trustpoints.at("TP").ocsp_url, "http://192.0.2.9:8080/ca");
  for (const char* url :
       {"ocsp.example.net", "ldap://ocsp.example.net/", "file:///etc/passwd", "http://", "http://u:p@h/"})
    EXPECT_THAT(Errors(tp + " revocation-check ocsp\n ocsp url " + url + "\n"), ElementsAre(HasSubstr("not a URL")));
  EXPECT_THAT(Messages(Parse(tp + " ocsp url http://h/\n"), Diagnostic::Severity::kWarning),
              ElementsAre(HasSubstr("nobody asks")));
}

TEST(Trustpoint, EnrolmentLinesOfIosAreToldApart) {
  const ParseResult r = Parse(
      "crypto pki trustpoint TP\n enrollment url http://192.0.2.1:80\n subject-name CN=hub\n"
      " rsakeypair HUB 2048\n revocation-check none\n ca-file /ca\n");
  EXPECT_TRUE(r.ok());
  EXPECT_THAT(Messages(r, Diagnostic::Severity::kWarning), testing::Each(HasSubstr("does not enrol")));
}

TEST(Profile, HasOneLocalMethodAndAnyNumberOfRemoteOnes) {
  const std::string text = std::string(kTrustpoint) + R"(crypto pki certificate map SPOKES 10
 subject-name co o = Example
 issuer-name eq cn=ca
crypto pki certificate map SPOKES 20
 serial-number ne 0a
crypto ikev2 profile P
 match certificate SPOKES
 identity local dn
 authentication local pre-share
 authentication local rsa-sig
 authentication remote rsa-sig
 authentication remote ecdsa-sig
 pki trustpoint TP verify
 pki trustpoint TP sign
 pki trustpoint TP
 aaa authorization group cert list default default
aaa new-model
aaa authorization network default local
)";
  const ParseResult r = Parse(text);
  EXPECT_TRUE(r.ok()) << testing::PrintToString(Errors(text));
  const IkeProfile& p = r.model.profiles.at("P");
  EXPECT_TRUE(p.local_rsa && !p.local_psk && !p.local_elliptic);
  EXPECT_TRUE(p.remote_rsa && p.remote_elliptic && !p.remote_psk);
  EXPECT_THAT(p.trustpoints, ElementsAre(TrustpointUse{"TP", true, true}));
  EXPECT_EQ(p.identity_local->kind, IdentityKind::kDn);
  EXPECT_EQ(p.authorization.begin()->second.list, "default");
  EXPECT_EQ(r.model.certificate_maps.at("SPOKES").sequences.size(), 2u);
  EXPECT_EQ(r.model.certificate_maps.at("SPOKES").sequences.at(10)[0].value, "o = Example");
}

TEST(Profile, WithoutWhatItsMethodsNeedIsInoperativeOrAnError) {
  const std::string profile = "crypto ikev2 profile P\n match identity remote any\n";
  const ParseResult bare = Parse(profile + " authentication local rsa-sig\n authentication remote rsa-sig\n");
  EXPECT_NE(bare.model.profiles.at("P").inoperative, "");
  EXPECT_THAT(Messages(bare, Diagnostic::Severity::kWarning),
              ElementsAre(HasSubstr("has a certificate of ours"), HasSubstr("has a CA")));
  EXPECT_THAT(Errors(std::string(kTrustpoint) + profile +
                     " authentication local rsa-sig\n authentication remote rsa-sig\n pki trustpoint TQ\n"),
              Contains(HasSubstr("names crypto pki trustpoint 'TQ'")));
  EXPECT_THAT(
      Messages(Parse(std::string(kTrustpoint) + profile +
                     " authentication local rsa-sig\n authentication remote rsa-sig\n pki trustpoint TP verify\n"),
               Diagnostic::Severity::kWarning),
      ElementsAre(HasSubstr("has a certificate of ours")));
  EXPECT_THAT(Errors(std::string(kTrustpoint) + profile +
                     " match certificate M\n authentication local rsa-sig\n authentication remote rsa-sig\n"),
              ElementsAre(HasSubstr("names crypto pki certificate map 'M'")));
  EXPECT_THAT(Errors("crypto pki certificate map M 1\n"),
              ElementsAre(HasSubstr("would match every certificate")));
}

}  // namespace
}  // namespace flexvpn::config
