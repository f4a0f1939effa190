// SPDX-License-Identifier: Apache-2.0
// Certificates: what is read from them, from files, and which peers are believed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/crypto/provider.h"
#include "support/openssl.h"
#include "support/test_pki.h"

namespace flexvpn::crypto::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Bytes Data() { return ToBytes("signed octets"); }

const TestCert& Root() {
  static const auto* ca = new TestCert({.cn = "Root", .ca = true});
  return *ca;
}
CertSpec Hub() {
  return {.cn = "hub", .san = "DNS:hub.example.net,email:noc@Example.net,IP:192.0.2.1", .key_number = 1};
}

// A peer that does everything right, for tests to spoil.
VerifyPeer Peer(const TestCert& cert, std::shared_ptr<const TrustStore> trust,
                std::vector<Bytes> above = {}) {
  VerifyPeer job;
  job.trust = {std::move(trust)};
  job.chain = {cert.der()};
  job.chain.insert(job.chain.end(), above.begin(), above.end());
  job.at = kNow;
  job.identity = {ClaimedIdentity::Kind::kDns, ToBytes("hub.example.net")};
  const KeyKind kind = cert.key()->kind();
  const SignatureScheme scheme =
      IsRsa(kind)     ? SignatureScheme{SignatureKind::kRsaPkcs1, SignatureHash::kSha256}
      : IsEdDsa(kind) ? SignatureScheme{SignatureKind::kEdDsa, SignatureHash::kIdentity}
                      : SignatureScheme{SignatureKind::kEcdsa, SignatureHash::kSha256};
  job.data = Data();
  job.signature = std::get<Signature>(*Openssl().Run(Sign{cert.key(), scheme, true, job.data}));
  return job;
}
absl::Status Verdict(const VerifyPeer& job) { return Openssl().Run(job).status(); }

#define EXPECT_REFUSED(job, why) EXPECT_THAT(std::string(Verdict(job).message()), HasSubstr(why))

TEST(Certificate, SaysWhoItIsFor) {
  const TestCert cert(Hub(), &Root());
  const CertificateInfo c = *ParseCertificate(cert.der());
  EXPECT_EQ(c.subject, "cn=hub,o=Example");
  EXPECT_EQ(c.issuer, "cn=Root,o=Example");
  EXPECT_EQ(DistinguishedNameText(c.subject_der), c.subject);
  EXPECT_THAT(c.dns, ElementsAre("hub.example.net"));
  EXPECT_THAT(c.emails, ElementsAre("noc@Example.net"));
  EXPECT_THAT(c.addresses, ElementsAre(*net::IpAddress::Parse("192.0.2.1")));
  EXPECT_EQ(c.not_after, kNow + 30 * kDay);
  EXPECT_EQ(KeyName(c), "ECDSA P-256");
  EXPECT_EQ(c.key_id.size(), 20u);
  EXPECT_EQ(c.fingerprint.size(), 32u);
  EXPECT_FALSE(c.ca);
  EXPECT_TRUE(Root().info().ca);
}

TEST(Certificate, ControlCharactersOfANameAreEscaped) {
  const TestCert cert({.cn = "a\nb\x1b[31m"}, &Root());
  EXPECT_EQ(cert.info().subject, "cn=a\\0Ab\\1B[31m,o=Example");
}

TEST(Certificate, NoTruncationIsRead) {
  const Bytes der = TestCert(Hub(), &Root()).der();
  for (size_t n = 0; n < der.size(); ++n) EXPECT_FALSE(ParseCertificate(BytesView(der).first(n)).ok()) << n;
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_FALSE(ParseCertificate(longer).ok());
}

// RFC 7296 §3.6.
TEST(Bundle, HoldsCertificatesAndCrlsInAnyOrder) {
  const TestCert cert(Hub(), &Root());
  const auto certs = ParseCertificateBundle(Bundle({{0, cert.der()}, {1, Root().crl({})}, {0, Root().der()}}), 2);
  ASSERT_TRUE(certs.ok()) << certs.status();
  EXPECT_THAT(*certs, ElementsAre(cert.der(), Root().der()));
  EXPECT_TRUE(ParseCertificateBundle(Bundle({}), 2)->empty());
  EXPECT_FALSE(ParseCertificateBundle(Bundle({{0, {}}, {0, {}}, {0, {}}}), 2).ok());
}

TEST(Bundle, WhatIsNoneIsRefused) {
  const TestCert cert(Hub(), &Root());
  const Bytes whole = Bundle({{0, cert.der()}, {1, Root().crl({})}});
  for (size_t n = 0; n < whole.size(); ++n)
    EXPECT_FALSE(ParseCertificateBundle(BytesView(whole).first(n), 9).ok()) << n;
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_FALSE(ParseCertificateBundle(longer, 9).ok());
  EXPECT_FALSE(ParseCertificateBundle(cert.der(), 9).ok());
  EXPECT_FALSE(ParseCertificateBundle(Bundle({{2, cert.der()}}), 9).ok());
  for (const char* bad : {"3080a0000000", "3003a08000", "30020500", "3002a001", "30ffffff", "3000ff", "10 02 a000"})
    EXPECT_FALSE(ParseCertificateBundle(FromHex(bad), 9).ok()) << bad;
}

TEST(PkiFiles, PemMayHoldSeveralCertificatesAndOtherText) {
  const TestCert cert(Hub(), &Root());
  const std::string text = "Bag Attributes\n" + cert.pem() + cert.key_pem() + Root().pem();
  const auto certs = ParseCertificates(AsView(text));
  ASSERT_TRUE(certs.ok());
  ASSERT_EQ(certs->size(), 2u);
  EXPECT_EQ((*certs)[0].der, cert.der());
  EXPECT_EQ((*certs)[1].der, Root().der());
  EXPECT_EQ(ParseCertificates(cert.der())->at(0).der, cert.der());
  EXPECT_FALSE(ParseCertificates(AsView("nothing")).ok());
  EXPECT_FALSE(
      ParseCertificates(AsView("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")).ok());
}

TEST(PkiFiles, KeysMayBeEncrypted) {
  const TestCert cert(Hub(), &Root());
  EXPECT_TRUE(ParseSigningKey(AsView(cert.key_pem()), {}).ok());
  const std::string locked = cert.key_pem("secret");
  EXPECT_TRUE(ParseSigningKey(AsView(locked), AsView("secret")).ok());
  EXPECT_THAT(std::string(ParseSigningKey(AsView(locked), {}).status().message()), HasSubstr("no password"));
  EXPECT_THAT(std::string(ParseSigningKey(AsView(locked), AsView("wrong")).status().message()),
              HasSubstr("password is wrong"));
  EXPECT_FALSE(ParseSigningKey(AsView(cert.pem()), {}).ok());
}

TEST(PkiFiles, Pkcs12HoldsCertificateKeyAndCa) {
  const TestCert cert(Hub(), &Root());
  const Bytes file = cert.pkcs12("secret", &Root());
  const auto bag = ParsePkcs12(file, AsView("secret"));
  ASSERT_TRUE(bag.ok()) << bag.status();
  ASSERT_EQ(bag->certificates.size(), 2u);
  EXPECT_EQ(bag->certificates[0].der, cert.der());
  ASSERT_NE(bag->key, nullptr);
  EXPECT_TRUE(CheckKeyPair(bag->certificates[0], *bag->key).ok());
  EXPECT_FALSE(CheckKeyPair(bag->certificates[1], *bag->key).ok());
  EXPECT_FALSE(ParsePkcs12(file, AsView("wrong")).ok());
  for (size_t n = 0; n < file.size(); n += 11)
    EXPECT_FALSE(ParsePkcs12(BytesView(file).first(n), AsView("secret")).ok());
}

TEST(Peer, OfEveryKindOfKeyIsBelieved) {
  const auto trust = Trust({&Root()});
  for (KeyKind kind : {KeyKind::kRsa, KeyKind::kEcdsa256, KeyKind::kEcdsa384, KeyKind::kEcdsa521,
                       KeyKind::kEd25519, KeyKind::kEd448}) {
    CertSpec spec = Hub();
    spec.key = kind;
    const TestCert cert(spec, &Root());
    const auto result = Openssl().Run(Peer(cert, trust));
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(std::get<VerifiedPeer>(*result).certificate.der, cert.der());
  }
}

TEST(Peer, ChainMayLeadOverIntermediatesItSendsInAnyOrder) {
  const TestCert upper({.cn = "Upper", .ca = true, .key_number = 2}, &Root());
  const TestCert lower({.cn = "Lower", .ca = true, .key_number = 3}, &upper);
  const TestCert cert(Hub(), &lower);
  EXPECT_TRUE(Verdict(Peer(cert, Trust({&Root()}), {upper.der(), lower.der()})).ok());
  EXPECT_TRUE(Verdict(Peer(cert, Trust({&Root()}), {lower.der(), FromHex("3000"), upper.der()})).ok());
  EXPECT_REFUSED(Peer(cert, Trust({&Root()}), {lower.der()}), "unknown CA");
  // A configured CA need not be a root.
  EXPECT_TRUE(Verdict(Peer(cert, Trust({&upper}), {lower.der()})).ok());
}

TEST(Peer, OfAnUnknownCaIsRefused) {
  const TestCert other({.cn = "Root", .ca = true, .key_number = 4});  // same name, other key
  const TestCert cert(Hub(), &other);
  EXPECT_FALSE(Verdict(Peer(cert, Trust({&Root()}))).ok());
  EXPECT_REFUSED(Peer(TestCert(Hub(), nullptr), Trust({&Root()})), "unknown CA");
  VerifyPeer none = Peer(cert, Trust({&Root()}));
  none.trust.clear();
  EXPECT_REFUSED(none, "no trustpoint");
  none.chain.clear();
  EXPECT_REFUSED(none, "no certificate");
}

TEST(Peer, TheTrustpointThatKnowsTheCaDecides) {
  const TestCert other({.cn = "Other", .ca = true, .key_number = 4});
  const TestCert cert(Hub(), &Root());
  VerifyPeer job = Peer(cert, Trust({&other}));
  job.trust.push_back(Trust({&Root()}));
  EXPECT_TRUE(Verdict(job).ok());
  job.trust[1] = Trust({&Root()}, {Root().crl({&cert})}, ByCrl());
  EXPECT_REFUSED(job, "revoked");
}

TEST(Peer, WhoseCertificateIsNotInForceIsRefusedWithTheDate) {
  CertSpec spec = Hub();
  const TestCert cert(spec, &Root());
  VerifyPeer job = Peer(cert, Trust({&Root()}));
  job.at = spec.to + 1;
  EXPECT_REFUSED(job, "expired on 2026-10-21");
  job.at = spec.from - 1;
  EXPECT_REFUSED(job, "not valid before");
  for (UnixTime at : {spec.from, spec.to - 1}) {
    job.at = at;
    EXPECT_TRUE(Verdict(job).ok()) << at;
  }
}

TEST(Peer, CertificateThatIsNoCaSignsNothing) {
  const TestCert fake({.cn = "fake", .key_number = 2}, &Root());
  const TestCert cert(Hub(), &fake);
  EXPECT_REFUSED(Peer(cert, Trust({&Root()}), {fake.der()}), "invalid CA certificate");
  const TestCert no_sign({.cn = "no sign", .ca = true, .key_usage = "critical,cRLSign", .key_number = 2},
                         &Root());
  EXPECT_FALSE(Verdict(Peer(TestCert(Hub(), &no_sign), Trust({&Root()}), {no_sign.der()})).ok());
}

TEST(Peer, PathLengthIsKept) {
  const TestCert upper(
      {.cn = "Upper", .ca = true, .basic_constraints = "critical,CA:TRUE,pathlen:0", .key_number = 2},
      &Root());
  const TestCert lower({.cn = "Lower", .ca = true, .key_number = 3}, &upper);
  EXPECT_TRUE(Verdict(Peer(TestCert(Hub(), &upper), Trust({&Root()}), {upper.der()})).ok());
  EXPECT_REFUSED(Peer(TestCert(Hub(), &lower), Trust({&Root()}), {lower.der(), upper.der()}), "path length");
}

TEST(Peer, NameConstraintsAreKept) {
  auto verdict = [](const char* constraint) {
    const TestCert ca({.cn = "Bound", .ca = true, .name_constraints = constraint, .key_number = 2}, &Root());
    return Verdict(Peer(TestCert(Hub(), &ca), Trust({&Root()}), {ca.der()})).ok();
  };
  EXPECT_TRUE(verdict("critical,permitted;DNS:example.net"));
  EXPECT_FALSE(verdict("critical,permitted;DNS:example.org"));
  EXPECT_FALSE(verdict("critical,excluded;DNS:hub.example.net"));
}

TEST(Peer, NameConstraintsHoldForEveryKindOfName) {
  auto verdict = [](const char* constraint) {
    const TestCert ca({.cn = "Bound", .ca = true, .name_constraints = constraint, .key_number = 2}, &Root());
    return Verdict(Peer(TestCert(Hub(), &ca), Trust({&Root()}), {ca.der()})).ok();
  };
  EXPECT_TRUE(verdict("permitted;DNS:example.net"));  // critical or not
  EXPECT_FALSE(verdict("permitted;DNS:example.org"));
  EXPECT_TRUE(verdict("critical,permitted;IP:192.0.2.0/255.255.255.0"));
  EXPECT_FALSE(verdict("critical,permitted;IP:198.51.100.0/255.255.255.0"));
  EXPECT_FALSE(verdict("critical,excluded;IP:192.0.2.1/255.255.255.255"));
  EXPECT_TRUE(verdict("critical,permitted;email:Example.net"));
  EXPECT_FALSE(verdict("critical,permitted;email:example.org"));
  EXPECT_FALSE(verdict("critical,excluded;email:example.net"));
}

TEST(Peer, NameConstraintsHoldForIntermediatesAndFromTheConfiguredCa) {
  // Two below the one that bounds.
  const TestCert upper(
      {.cn = "Upper", .ca = true, .name_constraints = "critical,permitted;DNS:example.org", .key_number = 2}, &Root());
  const TestCert lower({.cn = "Lower", .ca = true, .key_number = 3}, &upper);
  EXPECT_REFUSED(Peer(TestCert(Hub(), &lower), Trust({&Root()}), {lower.der(), upper.der()}), "permitted subtree");
  // A CA that cannot widen what the one above allows.
  const TestCert wider(
      {.cn = "Wider", .ca = true, .name_constraints = "critical,permitted;DNS:example.net", .key_number = 3}, &upper);
  EXPECT_REFUSED(Peer(TestCert(Hub(), &wider), Trust({&Root()}), {wider.der(), upper.der()}), "permitted subtree");
  const TestCert bound_root({.cn = "Bound root", .ca = true, .name_constraints = "critical,permitted;DNS:example.org"});
  EXPECT_REFUSED(Peer(TestCert(Hub(), &bound_root), Trust({&bound_root})), "permitted subtree");
}

TEST(Peer, AnUnknownCriticalExtensionIsRefused) {
  CertSpec spec = Hub();
  spec.unknown_critical = true;
  EXPECT_REFUSED(Peer(TestCert(spec, &Root()), Trust({&Root()})), "unhandled critical extension");
}

// RFC 4945 §5.1.3.2, §5.1.3.12.
TEST(Peer, UsageMustFitIke) {
  auto verdict = [](const char* usage, const char* extended) {
    CertSpec spec = Hub();
    spec.key_usage = usage;
    spec.extended_key_usage = extended;
    return Verdict(Peer(TestCert(spec, &Root()), Trust({&Root()})));
  };
  for (const char* usage :
       {"", "digitalSignature", "critical,nonRepudiation", "digitalSignature,keyEncipherment"})
    EXPECT_TRUE(verdict(usage, "").ok()) << usage;
  EXPECT_THAT(std::string(verdict("critical,keyEncipherment", "").message()), HasSubstr("keyUsage"));
  for (const char* extended :
       {"ipsecIKE", "anyExtendedKeyUsage", "serverAuth,ipsecIKE", "serverAuth,1.3.6.1.5.5.8.2.2"})
    EXPECT_TRUE(verdict("", extended).ok()) << extended;
  EXPECT_THAT(std::string(verdict("", "serverAuth,clientAuth").message()), HasSubstr("extended key usage"));
  for (const char* extended : {"critical,serverAuth", "OCSPSigning", "codeSigning,emailProtection", "ipsecEndSystem",
                               "1.3.6.1.5.5.7.3.170"})
    EXPECT_THAT(std::string(verdict("digitalSignature", extended).message()), HasSubstr("extended key usage"))
        << extended;
  for (const char* extended : {"critical,ipsecIKE", "critical,serverAuth,anyExtendedKeyUsage"})
    EXPECT_TRUE(verdict("critical,digitalSignature", extended).ok()) << extended;
  EXPECT_FALSE(verdict("critical,keyAgreement", "ipsecIKE").ok());  // both have to fit
}

TEST(Peer, WeakKeysAndHashesAreRefused) {
  CertSpec spec = Hub();
  spec.digest = "SHA1";
  EXPECT_REFUSED(Peer(TestCert(spec, &Root()), Trust({&Root()})), "too weak");
}

TEST(Peer, IsRefusedWhenACrlNamesIt) {
  const TestCert cert(Hub(), &Root());
  const TestCert another({.cn = "another"}, &Root());
  EXPECT_TRUE(Verdict(Peer(cert, Trust({&Root()}, {Root().crl({&another})}, ByCrl()))).ok());
  EXPECT_REFUSED(Peer(cert, Trust({&Root()}, {Root().crl({&cert})}, ByCrl())), "is revoked");
  EXPECT_REFUSED(Peer(cert, Trust({&Root()}, {Root().crl({&cert})}, ByCrlIfAny())),
                 "is revoked");
  EXPECT_TRUE(Verdict(Peer(cert, Trust({&Root()}, {Root().crl({&cert})}, RevocationPolicy()))).ok());
}

TEST(Peer, MissingOrOutdatedCrlMattersOnlyWhereItIsRequired) {
  const TestCert cert(Hub(), &Root());
  const Bytes old = Root().crl({}, kNow - 9 * kDay, kNow - kDay),
              old_with_it = Root().crl({&cert}, kNow - 9 * kDay, kNow - kDay);
  EXPECT_REFUSED(Peer(cert, Trust({&Root()}, {}, ByCrl())), "no CRL of cn=Root,o=Example");
  EXPECT_REFUSED(Peer(cert, Trust({&Root()}, {old}, ByCrl())), "outdated");
  EXPECT_TRUE(Verdict(Peer(cert, Trust({&Root()}, {}, ByCrlIfAny()))).ok());
  EXPECT_TRUE(Verdict(Peer(cert, Trust({&Root()}, {old}, ByCrlIfAny()))).ok());
  EXPECT_REFUSED(Peer(cert, Trust({&Root()}, {old_with_it}, ByCrlIfAny())), "revoked");
}

TEST(Peer, CrlOfAnotherCaOrOfAThiefSaysNothing) {
  const TestCert cert(Hub(), &Root());
  const TestCert thief({.cn = "Root", .ca = true, .key_number = 4});
  EXPECT_FALSE(Verdict(Peer(cert, Trust({&Root()}, {thief.crl({})}, ByCrl()))).ok());
}

TEST(Peer, IntermediatesNeedACrlToo) {
  const TestCert ca({.cn = "Sub", .ca = true, .key_number = 2}, &Root());
  const TestCert cert(Hub(), &ca);
  EXPECT_TRUE(
      Verdict(Peer(cert, Trust({&Root()}, {Root().crl({}), ca.crl({})}, ByCrl()), {ca.der()})).ok());
  EXPECT_REFUSED(Peer(cert, Trust({&Root()}, {ca.crl({})}, ByCrl()), {ca.der()}),
                 "no CRL of cn=Root");
  EXPECT_REFUSED(Peer(cert, Trust({&Root()}, {Root().crl({&ca}), ca.crl({})}, ByCrl()), {ca.der()}),
                 "revoked");
  // A sub-CA that is configured itself is believed without a word of its root.
  EXPECT_TRUE(Verdict(Peer(cert, Trust({&ca}, {ca.crl({})}, ByCrl()))).ok());
}

TEST(Peer, MustBeNamedByItsCertificate) {
  using Kind = ClaimedIdentity::Kind;
  const TestCert cert(Hub(), &Root());
  auto verdict = [&](Kind kind, Bytes value) {
    VerifyPeer job = Peer(cert, Trust({&Root()}));
    job.identity = {kind, std::move(value)};
    return Verdict(job).ok();
  };
  EXPECT_TRUE(verdict(Kind::kDns, ToBytes("HUB.example.NET")));
  EXPECT_FALSE(verdict(Kind::kDns, ToBytes("hub2.example.net")));
  EXPECT_FALSE(verdict(Kind::kDns, ToBytes("hub")));  // the common name is no host name
  EXPECT_FALSE(verdict(Kind::kDns, {}));
  EXPECT_FALSE(verdict(Kind::kDns, ToBytes("192.0.2.1")));
  EXPECT_TRUE(verdict(Kind::kEmail, ToBytes("noc@example.net")));
  EXPECT_FALSE(verdict(Kind::kEmail, ToBytes("NOC@example.net")));
  EXPECT_TRUE(verdict(Kind::kAddress, FromHex("c0000201")));
  EXPECT_FALSE(verdict(Kind::kAddress, FromHex("c0000202")));
  EXPECT_FALSE(verdict(Kind::kAddress, FromHex("c00002")));
  EXPECT_FALSE(verdict(Kind::kAddress, {}));
  EXPECT_TRUE(verdict(Kind::kDn, cert.subject()));
  EXPECT_FALSE(verdict(Kind::kDn, Root().subject()));
  EXPECT_FALSE(verdict(Kind::kDn, FromHex("3000")));
  for (size_t n = 0; n < cert.subject().size(); ++n) {
    const Bytes whole = cert.subject();
    EXPECT_FALSE(verdict(Kind::kDn, Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n)))) << n;
  }
}

TEST(Peer, WithoutTheKeyOfItsCertificateIsRefused) {
  const TestCert cert(Hub(), &Root());
  CertSpec spec = Hub();
  spec.key_number = 7;
  VerifyPeer job = Peer(TestCert(spec, &Root()), Trust({&Root()}));
  job.chain = {cert.der()};
  EXPECT_REFUSED(job, "wrong signature");
}

TEST(Peer, KindOfKeyMustBeOneTheProfileAccepts) {
  VerifyPeer job = Peer(TestCert(Hub(), &Root()), Trust({&Root()}));
  job.elliptic = false;
  EXPECT_REFUSED(job, "does not accept");
}

}  // namespace
}  // namespace flexvpn::crypto::test
