// SPDX-License-Identifier: Apache-2.0
// IKE_AUTH by certificate between two endpoints: every method, every refusal, and what happens while a job
// runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ike/auth.h"
#include "core/ike/codec/protect.h"
#include "unit/core_ike/cert_world.h"

namespace flexvpn::ike::test {
namespace {

using crypto::SignatureHash;
using crypto::SignatureKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CertificateAuth, EveryKindOfKeyBringsUpASession) {
  for (KeyKind spoke : {KeyKind::kRsa, KeyKind::kEcdsa256, KeyKind::kEcdsa521, KeyKind::kEd25519})
    for (KeyKind hub : {KeyKind::kRsa, KeyKind::kEcdsa384, KeyKind::kEd448}) {
      CertWorld w(spoke, hub);
      w.Connect();
      ASSERT_EQ(w.a->live(), 1u) << testing::PrintToString(w.a->warnings)
                                 << testing::PrintToString(w.b->warnings);
      ASSERT_EQ(w.b->live(), 1u);
      EXPECT_TRUE(w.PairUsable());
      EXPECT_EQ(w.b->ups[0].remote_id, Fqdn("spoke1.example.net"));
      ASSERT_NE(w.b->ups[0].remote_certificate, nullptr);
      EXPECT_EQ(w.b->ups[0].remote_certificate->subject, "cn=spoke1,o=Example");
      EXPECT_EQ(w.a->ups[0].remote_certificate->subject, "cn=hub,o=Example");
      const char* name = crypto::IsRsa(spoke) ? "RSA" : crypto::IsEdDsa(spoke) ? "EdDSA" : "ECDSA";
      EXPECT_EQ(w.a->ups[0].auth_local, name);
      EXPECT_EQ(w.b->ups[0].auth_remote, name);
    }
}

TEST(CertificateAuth, SharedKeyAndCertificateMayBeMixed) {
  CertWorld w;
  w.a->policy.session.credentials.clear();  // the spoke has a key, the hub a certificate
  w.a->policy.session.local_psk = ToSecret(AsView("secret"));
  w.b->policy.session.accept_psk = true;
  w.b->policy.session.accept_rsa = w.b->policy.session.accept_elliptic = false;
  w.b->policy.session.remote_psk = ToSecret(AsView("secret"));
  w.Connect();
  ASSERT_EQ(w.a->live(), 1u);
  EXPECT_EQ(w.a->ups[0].auth_local, "PSK");
  EXPECT_EQ(w.a->ups[0].auth_remote, "ECDSA");
  EXPECT_EQ(w.b->ups[0].auth_remote, "PSK");
  EXPECT_EQ(w.b->ups[0].remote_certificate, nullptr);

  CertWorld other;  // the other way round
  other.b->policy.session.credentials.clear();
  other.b->policy.session.local_psk = ToSecret(AsView("secret"));
  other.a->policy.session.accept_psk = true;
  other.a->policy.session.remote_psk = ToSecret(AsView("secret"));
  other.Connect();
  EXPECT_EQ(other.a->live(), 1u);
  EXPECT_EQ(other.a->ups.at(0).auth_remote, "PSK");
}

TEST(CertificateAuth, EveryTypeOfIdentityThatACertificateNames) {
  const net::IpAddress address = Ip("192.0.2.1");
  CertWorld probe;
  for (const Identity& id :
       {Fqdn("spoke1.example.net"), Identity{IdType::kEmail, ToBytes("spoke@example.net")},
        Identity{IdType::kIpv4, {address.bytes().begin(), address.bytes().end()}},
        Identity{IdType::kDerAsn1Dn, probe.spoke_cert.subject()}}) {
    CertWorld w;
    w.a->policy.session.local_id = id;
    w.Connect();
    ASSERT_EQ(w.b->live(), 1u) << id.ToString();
    EXPECT_EQ(w.b->ups[0].remote_id, id);
  }
}

TEST(CertificateAuth, ADistinguishedNameReadsAsOne) {
  EXPECT_EQ((Identity{IdType::kDerAsn1Dn, Ca().subject()}).ToString(), "cn=CA,o=Example");
  EXPECT_EQ((Identity{IdType::kDerAsn1Dn, FromHex("30ff")}).ToString(), "30ff");
}

TEST(CertificateAuth, ChainWithIntermediatesIsSent) {
  CertWorld w;
  const TestCert sub({.cn = "Sub", .ca = true, .key_number = 5}, &Ca());
  const TestCert spoke(SpokeSpec(), &sub);
  CertWorld::UseCertificate(*w.a, spoke, {&sub, &Ca()});
  w.Connect();
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(CertificateAuth, TheCertificateUnderTheCaThePeerAsksForIsChosen) {
  CertWorld w;
  const TestCert other_ca({.cn = "Other", .ca = true, .key_number = 6});
  const TestCert other(SpokeSpec(), &other_ca);
  w.a->policy.session.credentials = {Own(other, {&other_ca}), Own(w.spoke_cert, {&Ca()})};
  w.Connect();
  EXPECT_EQ(w.b->live(), 1u);
  CertWorld blind;  // without CERTREQ the first is taken
  blind.b->policy.authorities.clear();
  blind.a->policy.session.credentials = w.a->policy.session.credentials;
  blind.Connect();
  EXPECT_EQ(blind.b->live(), 0u);
}

TEST(CertificateAuth, RefusalsNamePeerProfileAndCause) {
  {
    CertWorld w;
    w.b->endpoint->SetTimeOfDay(kNow + 40 * kDay, w.now);
    w.ExpectRefusedBy(*w.b, "expired on");
    EXPECT_THAT(w.a->downs.at(0).reason, HasSubstr("does not accept our certificate"));
  }
  {
    CertWorld w;
    w.a->endpoint->SetTimeOfDay(kNow + 40 * kDay, w.now);
    w.Connect();
    EXPECT_EQ(w.a->live(), 0u);
    EXPECT_THAT(w.a->warnings, ElementsAre(HasSubstr("expired on")));
    w.Run(5s);
    EXPECT_EQ(w.b->live(), 0u);  // told by AUTHENTICATION_FAILED
  }
  {
    CertWorld w;
    w.b->policy.session.trust = {Trust({&Ca()}, {Ca().crl({&w.spoke_cert})}, crypto::test::ByCrl())};
    w.ExpectRefusedBy(*w.b, "is revoked");
  }
  {
    CertWorld w;
    const TestCert stranger({.cn = "Stranger", .ca = true, .key_number = 7});
    w.b->policy.session.trust = {Trust({&stranger})};
    w.ExpectRefusedBy(*w.b, "unknown CA");
  }
  {
    CertWorld w;
    w.a->policy.session.local_id = Fqdn("spoke2.example.net");
    w.ExpectRefusedBy(*w.b, "identity mismatch");
  }
  {
    CertWorld w;
    w.a->policy.session.local_id = {IdType::kKeyId, ToBytes("spoke1")};
    w.ExpectRefusedBy(*w.b, "no certificate can prove");
  }
  {
    CertWorld w;  // a stolen certificate without its key
    auto stolen = std::make_shared<crypto::Credential>(*w.a->policy.session.credentials[0]);
    stolen->key = w.hub_cert.key();
    w.a->policy.session.credentials = {stolen};
    w.ExpectRefusedBy(*w.b, "wrong signature");
  }
  {
    CertWorld w;
    w.b->policy.session.accept_elliptic = false;
    w.ExpectRefusedBy(*w.b, "does not accept");
  }
  {
    CertWorld w;
    w.b->policy.session.accept_rsa = w.b->policy.session.accept_elliptic = false;
    w.b->policy.session.accept_psk = true;
    w.ExpectRefusedBy(*w.b, "with a signature, wanted is pre-share");
  }
  {
    CertWorld w;
    w.a->policy.session.credentials.clear();
    w.a->policy.session.local_psk = ToSecret(AsView("secret"));
    w.ExpectRefusedBy(*w.b, "with a pre-shared key, wanted is rsa-sig or ecdsa-sig");
  }
  {
    CertWorld w;
    auto bare = std::make_shared<crypto::Credential>(*w.a->policy.session.credentials[0]);
    bare->chain.clear();
    w.a->policy.session.credentials = {bare};
    w.ExpectRefusedBy(*w.b, "no certificate");
  }
}

TEST(CertificateAuth, MoreOrLargerCertificatesThanWeLookAtAreRefused) {
  {
    CertWorld w;
    auto many = std::make_shared<crypto::Credential>(*w.a->policy.session.credentials[0]);
    many->chain.resize(kMaxCertificates + 1, Ca().info());
    w.a->policy.session.credentials = {many};
    w.Connect();
    EXPECT_EQ(w.b->live(), 0u);
    EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("more than 10 certificates")));
    EXPECT_EQ(w.b->policy.selections, 0);
  }
  CertWorld w;
  auto large = std::make_shared<crypto::Credential>(*w.a->policy.session.credentials[0]);
  large->chain[0].der.resize(kMaxCertificateSize + 1);
  w.a->policy.session.credentials = {large};
  w.Connect();
  EXPECT_EQ(w.b->live(), 0u);
}

TEST(CertificateAuth, ProfileIsChosenWithTheCertificateInSight) {
  CertWorld w;
  w.Connect();
  ASSERT_NE(w.b->policy.seen_certificate, nullptr);
  EXPECT_EQ(w.b->policy.seen_certificate->subject, "cn=spoke1,o=Example");
}

TEST(CertificateAuth, SurvivesLossRepetitionAndSlowJobs) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    CertWorld w;
    w.loss = 0.3;
    w.duplicate = 0.3;
    w.jitter = 50ms;
    w.job_time = 1700ms;  // several retransmissions fall into each job
    w.Connect();
    ASSERT_EQ(w.a->live(), 1u) << seed << testing::PrintToString(w.a->warnings);
    ASSERT_EQ(w.b->live(), 1u) << seed;
    EXPECT_EQ(w.b->ups.size(), 1u);
    EXPECT_TRUE(w.PairUsable());
  }
}

TEST(CertificateAuth, RepeatedRequestStartsNoSecondJob) {
  CertWorld w;
  w.job_time = 800ms;
  w.Connect();
  ASSERT_EQ(w.b->live(), 1u);
  EXPECT_GE(w.b->endpoint->counters().Get("drop: request is being worked on"), 1u);
  EXPECT_EQ(w.b->endpoint->counters().Get("certificates accepted"), 1u);
}

// The responder is up and asks for a sign of life while the initiator still checks its certificate.
TEST(CertificateAuth, RequestsThatComeBeforeTheVerdictAreLeftToRepetition) {
  CertWorld w;
  w.b->policy.session.dpd = {seconds(1), seconds(1), false};
  w.RunUntil([&] { return w.b->live() == 1; }, 1s);
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.RunUntil([&] { return w.b->live() == 1; }, 60s);
  w.job_time = 1500ms;
  w.RunUntil([&] { return w.a->live() == 1; }, 60s);
  ASSERT_EQ(w.a->live(), 1u);
  EXPECT_GE(w.a->endpoint->counters().Get("drop: request before the peer is authenticated"), 1u);
  w.Run(10s);
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(CertificateAuth, DeletedWhileTheVerdictIsOutNothingStays) {
  CertWorld w;
  w.job_time = 500ms;
  const IkeSaId id = w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.RunUntil([&] { return w.b->live() == 1; }, 60s);
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.Terminate(id, "test", w.now, out); });
  w.Run(2s);  // the job's answer finds nothing
  EXPECT_TRUE(w.a->ups.empty());
  ASSERT_EQ(w.a->downs.size(), 1u);
  EXPECT_TRUE(w.a->endpoint->List(w.now).empty());
}

TEST(CertificateAuth, HalfOpenSaExpiresEvenIfItsJobNeverAnswers) {
  CertWorld w;
  w.job_time = 40s;
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.RunUntil([&] { return w.b->policy.selections == 1; }, 400s);
  w.a->alive = false;
  w.Run(100s);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  EXPECT_TRUE(w.b->endpoint->List(w.now).empty());
}

TEST(CertificateAuth, WithoutTheTimeOfDayNobodyIsBelieved) {
  CertWorld w;
  w.b->endpoint = std::make_unique<Endpoint>(Endpoint::Config{}, w.b->policy, w.b->crypto, w.b->rng);
  w.Connect();
  EXPECT_EQ(w.b->live(), 0u);
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("not valid before")));
}

// --- methods and their form ------------------------------------------------------------------

TEST(AuthScheme, DigitalSignatureIsUsedAsSoonAsThePeerAnnouncesHashes) {
  const HashSet all = Bit(SignatureHash::kSha256) | Bit(SignatureHash::kSha384) |
                      Bit(SignatureHash::kSha512) | Bit(SignatureHash::kIdentity);
  auto choose = [](KeyKind k, std::optional<HashSet> peer) { return ChooseScheme(k, peer); };
  EXPECT_EQ(choose(KeyKind::kRsa, all)->scheme,
            (crypto::SignatureScheme{SignatureKind::kRsaPkcs1, SignatureHash::kSha256}));
  EXPECT_EQ(choose(KeyKind::kRsaPss, all)->scheme,
            (crypto::SignatureScheme{SignatureKind::kRsaPss, SignatureHash::kSha256}));
  EXPECT_EQ(choose(KeyKind::kEcdsa384, all)->scheme,
            (crypto::SignatureScheme{SignatureKind::kEcdsa, SignatureHash::kSha384}));
  EXPECT_EQ(choose(KeyKind::kEd25519, all)->scheme,
            (crypto::SignatureScheme{SignatureKind::kEdDsa, SignatureHash::kIdentity}));
  EXPECT_EQ(choose(KeyKind::kEcdsa256, Bit(SignatureHash::kSha512))->scheme.hash, SignatureHash::kSha512);
  EXPECT_EQ(choose(KeyKind::kEcdsa256, all)->method, AuthMethod::kSignature);
  EXPECT_FALSE(choose(KeyKind::kEd25519, Bit(SignatureHash::kSha256)).ok());
  EXPECT_FALSE(choose(KeyKind::kRsa, Bit(SignatureHash::kSha1)).ok());
}

TEST(AuthScheme, AnOrdinaryRsaKeyMakesPssIfAskedAndIfThePeerCanTakeIt) {
  EXPECT_EQ(ChooseScheme(KeyKind::kRsa, Bit(SignatureHash::kSha256), true)->scheme,
            (crypto::SignatureScheme{SignatureKind::kRsaPss, SignatureHash::kSha256}));
  EXPECT_FALSE(ChooseScheme(KeyKind::kRsa, std::nullopt, true).ok());
}

TEST(AuthScheme, ThePeerWithoutRfc7427GetsTheOldMethodOfTheKey) {
  EXPECT_EQ(ChooseScheme(KeyKind::kRsa, std::nullopt)->method, AuthMethod::kRsa);
  EXPECT_EQ(ChooseScheme(KeyKind::kRsa, std::nullopt)->scheme.hash, SignatureHash::kSha1);
  EXPECT_EQ(ChooseScheme(KeyKind::kEcdsa256, std::nullopt)->method, AuthMethod::kEcdsa256);
  EXPECT_EQ(ChooseScheme(KeyKind::kEcdsa384, std::nullopt)->method, AuthMethod::kEcdsa384);
  EXPECT_EQ(ChooseScheme(KeyKind::kEcdsa521, std::nullopt)->method, AuthMethod::kEcdsa521);
  EXPECT_FALSE(ChooseScheme(KeyKind::kEd25519, std::nullopt).ok());
  EXPECT_FALSE(ChooseScheme(KeyKind::kRsaPss, std::nullopt).ok());
}

TEST(AuthScheme, WhatTheOldMethodsMakeIsAccepted) {
  for (KeyKind kind : {KeyKind::kRsa, KeyKind::kEcdsa256, KeyKind::kEcdsa384, KeyKind::kEcdsa521}) {
    const TestCert cert(SpokeSpec(kind), &Ca());
    const auto chosen = ChooseScheme(kind, std::nullopt);
    ASSERT_TRUE(chosen.ok());
    const auto provider = crypto::NewOpensslProvider();
    const auto made = provider->Run(crypto::Sign{cert.key(), chosen->scheme, false, ToBytes("octets")});
    ASSERT_TRUE(made.ok());
    const AuthPayload auth = SignatureAuth(chosen->method, std::get<crypto::Signature>(*made));
    EXPECT_EQ(auth.method, chosen->method);
    const auto read = ReadSignatureAuth(auth);
    ASSERT_TRUE(read.ok());
    crypto::VerifyPeer job;
    job.trust = {Trust({&Ca()})};
    job.chain = {cert.der()};
    job.at = kNow;
    job.identity = *ToClaim(Fqdn("spoke1.example.net"));
    job.scheme = read->scheme;
    job.signature = read->signature;
    job.data = ToBytes("octets");
    EXPECT_TRUE(provider->Run(job).ok()) << provider->Run(job).status();
  }
}

// RFC 7427 §3: ASN.1 length, AlgorithmIdentifier, signature.
TEST(SignatureAuth, DigitalSignatureStartsWithTheLengthOfItsAlgorithm) {
  const AuthPayload auth =
      SignatureAuth(AuthMethod::kSignature, {FromHex("300506032b6570"), FromHex("a0a1a2")});
  EXPECT_EQ(ToHex(auth.data), "07300506032b6570a0a1a2");
  const auto read = ReadSignatureAuth(auth);
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->scheme.has_value());
  EXPECT_EQ(ToHex(read->signature.algorithm), "300506032b6570");
  EXPECT_EQ(ToHex(read->signature.value), "a0a1a2");
  for (size_t n = 0; n <= 8; ++n) {  // without at least one octet of the signature
    const Bytes cut(auth.data.begin(), auth.data.begin() + static_cast<ptrdiff_t>(n));
    EXPECT_FALSE(ReadSignatureAuth({AuthMethod::kSignature, cut}).ok()) << n;
  }
  EXPECT_FALSE(ReadSignatureAuth({AuthMethod::kSignature, FromHex("00a0a1")}).ok());
  EXPECT_FALSE(ReadSignatureAuth({AuthMethod::kNull, FromHex("a0")}).ok());
  EXPECT_FALSE(ReadSignatureAuth({static_cast<AuthMethod>(200), FromHex("a0")}).ok());
}

TEST(SignatureHashes, UnknownOnesAreLeftOutAndOddSizesIgnored) {
  EXPECT_EQ(DecodeHashes(FromHex("0002000300f0ffff")),
            Bit(SignatureHash::kSha256) | Bit(SignatureHash::kSha384));
  EXPECT_EQ(DecodeHashes(FromHex("000200")), std::nullopt);
  EXPECT_EQ(DecodeHashes({}), std::nullopt);
  EXPECT_EQ(ToHex(EncodeOwnHashes()), "0002000300040005");
}

TEST(CertReq, HoldsKeyIdsOneBehindTheOther) {
  const std::vector<Bytes> ids = {Bytes(20, 1), Bytes(20, 2)};
  Payloads p;
  AppendCertRequest(ids, p);
  EXPECT_EQ(ReadCertRequests(p), ids);
  std::get<CertReqPayload>(p[0]).data.resize(39);  // a rest is no key id
  EXPECT_EQ(ReadCertRequests(p), std::vector<Bytes>{Bytes(20, 1)});
  std::get<CertReqPayload>(p[0]).encoding = 12;  // hash and URL
  EXPECT_TRUE(ReadCertRequests(p).empty());
  Payloads many = {CertReqPayload{4, Bytes(20 * 1000)}};
  EXPECT_EQ(ReadCertRequests(many).size(), kMaxAuthorities);
  Payloads none;
  AppendCertRequest({}, none);
  EXPECT_TRUE(none.empty());
}

TEST(Cert, OnlyX509CertificatesAreRead) {
  const Payloads p = {CertPayload{4, {1}}, CertPayload{1, {2}}, CertPayload{12, {3}}, CertPayload{4, {4}}};
  EXPECT_THAT(*ReadCertificates(p), ElementsAre(Bytes{1}, Bytes{4}));
  const Payloads url = {CertPayload{12, {3}}};
  EXPECT_THAT(std::string(ReadCertificates(url).status().message()), HasSubstr("URL"));
}

}  // namespace
}  // namespace flexvpn::ike::test
