// SPDX-License-Identifier: Apache-2.0
// CRLs from distribution points and OCSP: what is asked for, which answers are believed, in which order
// methods count.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/crypto/provider.h"
#include "support/openssl.h"
#include "support/test_pki.h"

namespace flexvpn::crypto::test {
namespace {

using ::testing::HasSubstr;
using M = RevocationMethod;

constexpr char kCrlUrl[] = "http://pki.example.net/root.crl";
constexpr char kOcspUrl[] = "http://ocsp.example.net/";

const TestCert& CrlRoot() {
  static const auto* ca = new TestCert({.cn = "Root", .ca = true});
  return *ca;
}
CertSpec HubSpec() {
  return {
      .cn = "hub", .san = "DNS:hub.example.net", .key_number = 1, .crl_url = kCrlUrl, .ocsp_url = kOcspUrl};
}
VerifyPeer PeerJob(const TestCert& cert, RevocationPolicy policy, std::vector<Bytes> above = {},
                const std::vector<Bytes>& crls = {}) {
  VerifyPeer job;
  job.trust = {Trust({&CrlRoot()}, crls, policy)};
  job.chain = {cert.der()};
  job.chain.insert(job.chain.end(), above.begin(), above.end());
  job.at = kNow;
  job.identity = {ClaimedIdentity::Kind::kDns, ToBytes("hub.example.net")};
  job.data = ToBytes("signed octets");
  job.signature = std::get<Signature>(
      *Openssl().Run(Sign{cert.key(), {SignatureKind::kEcdsa, SignatureHash::kSha256}, true, job.data}));
  job.may_fetch = true;
  return job;
}

// Answers what a job asks for until there is a verdict, as the endpoint does.
class Asker {
 public:
  std::map<std::string, Bytes> answers;  // by URL; others fail
  std::vector<std::string> asked, failures;
  std::vector<std::shared_ptr<const KnownRevocation>> known;

  // "good", or why not.
  std::string Verdict(VerifyPeer job) {
    for (int round = 0; round < 10; ++round) {
      job.known = std::make_shared<const std::vector<std::shared_ptr<const KnownRevocation>>>(known);
      const JobResult result = Openssl().Run(job);
      if (!result.ok()) return std::string(result.status().message());
      const auto* needed = std::get_if<RevocationNeeded>(&*result);
      if (needed == nullptr) return "good";
      EXPECT_FALSE(needed->fetches.empty());
      for (const RevocationFetch& fetch : needed->fetches) Answer(fetch, job.at);
      std::sort(known.begin(), known.end(), [](const auto& a, const auto& b) { return a->key < b->key; });
    }
    return "asks for ever";
  }

 private:
  void Answer(const RevocationFetch& fetch, UnixTime at) {
    asked.push_back(fetch.request.url);
    KnownRevocation found{fetch.key, {}, "no server"};
    if (const auto it = answers.find(fetch.request.url); it != answers.end()) {
      const JobResult checked = Openssl().Run(CheckRevocationAnswer{fetch, it->second, at});
      if (checked.ok())
        found.record = std::get<RevocationRecord>(*checked);
      else
        failures.push_back(found.failure = std::string(checked.status().message()));
    }
    known.push_back(std::make_shared<const KnownRevocation>(std::move(found)));
  }
};

// The one fetch that a check of `cert` begins with.
RevocationFetch Asked(const TestCert& cert, RevocationPolicy policy) {
  const JobResult result = Openssl().Run(PeerJob(cert, std::move(policy)));
  EXPECT_TRUE(result.ok()) << result.status();
  return std::get<RevocationNeeded>(*result).fetches.at(0);
}

TEST(FetchableUrls, AreHttpWithAHostAndNothingHidden) {
  for (const char* good :
       {"http://h", "https://h.example.net:8080/a?b#c", "HTTP://192.0.2.1/x", "http://[2001:db8::1]/x"})
    EXPECT_TRUE(net::IsFetchable(good)) << good;
  for (const char* bad : {"", "http:", "http://", "http:///x", "http://:80/", "file:///etc/passwd",
                          "ldap://h/x", "ftp://h/x", "gopher://h/", "http://user@h/", "http://a:b@h/",
                          "http://h/ x", "http://h/\r\nX: y", "http://h/\x80", "h/x", "javascript:http://h/"})
    EXPECT_FALSE(net::IsFetchable(bad)) << bad;
  EXPECT_FALSE(net::IsFetchable("http://h/" + std::string(net::kMaxUrl, 'a')));
}

TEST(CrlFromAPoint, IsAskedForWhereTheCertificateSaysAndDecides) {
  const TestCert cert(HubSpec(), &CrlRoot());
  const RevocationFetch fetch = Asked(cert, {{M::kCrl}, ""});
  EXPECT_EQ(fetch.request, (net::FetchRequest{kCrlUrl, {}, "", kMaxCrlSize, false}));
  EXPECT_EQ(fetch.issuer, CrlRoot().der());
  Asker good;
  good.answers[kCrlUrl] = CrlRoot().crl({});
  EXPECT_EQ(good.Verdict(PeerJob(cert, ByCrl())), "good");
  EXPECT_EQ(good.Verdict(PeerJob(cert, ByCrl())), "good");
  EXPECT_EQ(good.asked.size(), 1u);  // the second time it is known
  Asker bad;
  bad.answers[kCrlUrl] = CrlRoot().crl({&cert});
  EXPECT_THAT(bad.Verdict(PeerJob(cert, ByCrl())), HasSubstr("is revoked (CRL)"));
}

TEST(CrlFromAPoint, IsNotAskedForWhileTheFileIsCurrent) {
  const TestCert cert(HubSpec(), &CrlRoot());
  Asker asker;
  EXPECT_EQ(asker.Verdict(PeerJob(cert, ByCrl(), {}, {CrlRoot().crl({})})), "good");
  EXPECT_THAT(asker.Verdict(PeerJob(cert, ByCrl(), {}, {CrlRoot().crl({&cert})})), HasSubstr("revoked"));
  EXPECT_TRUE(asker.asked.empty());
  asker.answers[kCrlUrl] = CrlRoot().crl({});
  EXPECT_EQ(asker.Verdict(PeerJob(cert, ByCrl(), {}, {CrlRoot().crl({}, kNow - 9 * kDay, kNow - 8 * kDay)})),
            "good");
  EXPECT_EQ(asker.asked.size(), 1u);
}

TEST(CrlFromAPoint, MustBeSignedByTheIssuerAndInForce) {
  const TestCert cert(HubSpec(), &CrlRoot());
  const RevocationFetch fetch = Asked(cert, ByCrl());
  auto check = [&](Bytes answer) {
    return std::string(
        Openssl().Run(CheckRevocationAnswer{fetch, std::move(answer), kNow}).status().message());
  };
  EXPECT_EQ(check(CrlRoot().crl({})), "");
  const TestCert thief({.cn = "Root", .ca = true, .key_number = 4}), other({.cn = "Other", .ca = true});
  EXPECT_THAT(check(thief.crl({&cert})), HasSubstr("signature of the CRL is wrong"));
  EXPECT_THAT(check(other.crl({})), HasSubstr("the CRL is of cn=Other"));
  EXPECT_THAT(check(CrlRoot().crl({}, kNow - 9 * kDay, kNow - kDay)), HasSubstr("outdated since"));
  EXPECT_THAT(check(CrlRoot().crl({}, kNow + kDay, kNow + 2 * kDay)), HasSubstr("not valid before"));
  EXPECT_THAT(check({}), HasSubstr("no CRL"));
  EXPECT_THAT(check(ToBytes("<html>")), HasSubstr("no CRL"));
  const Bytes whole = CrlRoot().crl({&cert});
  for (size_t n = 0; n < whole.size(); ++n)
    EXPECT_NE(check(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n))), "") << n;
  for (size_t n = 0; n < whole.size(); ++n) {
    Bytes bent = whole;
    bent[n] ^= 0x40;
    EXPECT_NE(check(bent), "") << n;
  }
}

TEST(CrlFromAPoint, OfEveryOneInTheChainIsAskedForAtOnce) {
  CertSpec sub_spec{.cn = "Sub", .ca = true, .key_number = 2, .crl_url = kCrlUrl};
  const TestCert sub(sub_spec, &CrlRoot());
  CertSpec spec = HubSpec();
  spec.crl_url = "http://pki.example.net/sub.crl";
  const TestCert cert(spec, &sub);
  const JobResult first = Openssl().Run(PeerJob(cert, ByCrl(), {sub.der()}));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(std::get<RevocationNeeded>(*first).fetches.size(), 2u);
  Asker asker;
  asker.answers[kCrlUrl] = CrlRoot().crl({});
  asker.answers[spec.crl_url] = sub.crl({});
  EXPECT_EQ(asker.Verdict(PeerJob(cert, ByCrl(), {sub.der()})), "good");
  Asker revoked;
  revoked.answers[kCrlUrl] = CrlRoot().crl({&sub});
  revoked.answers[spec.crl_url] = sub.crl({});
  EXPECT_THAT(revoked.Verdict(PeerJob(cert, ByCrl(), {sub.der()})), HasSubstr("cn=Sub,o=Example (serial"));
}

TEST(CrlFromAPoint, OnlyHttpIsFollowed) {
  for (const char* url : {"file:///etc/passwd", "ldap://h/cn=Root", "ftp://h/root.crl"}) {
    CertSpec spec = HubSpec();
    spec.crl_url = url;
    Asker asker;
    EXPECT_THAT(asker.Verdict(PeerJob(TestCert(spec, &CrlRoot()), ByCrl())), HasSubstr("no CRL of cn=Root"));
    EXPECT_TRUE(asker.asked.empty());
  }
}

TEST(Ocsp, AsksTheResponderOfTheCertificateOrTheConfiguredOne) {
  const TestCert cert(HubSpec(), &CrlRoot());
  const RevocationFetch fetch = Asked(cert, {{M::kOcsp}, ""});
  EXPECT_EQ(fetch.request.url, kOcspUrl);
  EXPECT_EQ(fetch.request.content_type, "application/ocsp-request");
  EXPECT_EQ(fetch.request.max_size, kMaxOcspSize);
  const uint8_t* p = fetch.request.body.data();
  OCSP_REQUEST* request = d2i_OCSP_REQUEST(nullptr, &p, static_cast<long>(fetch.request.body.size()));
  ASSERT_NE(request, nullptr);
  ASSERT_EQ(OCSP_request_onereq_count(request), 1);
  OCSP_CERTID* id = OCSP_cert_to_id(EVP_sha1(), cert.get(), CrlRoot().get());
  EXPECT_EQ(OCSP_id_cmp(id, OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0))), 0);
  OCSP_CERTID_free(id);
  OCSP_REQUEST_free(request);
  EXPECT_EQ(Asked(cert, {{M::kOcsp}, "http://192.0.2.9/"}).request.url, "http://192.0.2.9/");
}

TEST(Ocsp, GoodAndRevokedDecideUnknownDoesNot) {
  const TestCert cert(HubSpec(), &CrlRoot());
  const RevocationPolicy ocsp{{M::kOcsp}, ""};
  Asker good;
  good.answers[kOcspUrl] = CrlRoot().ocsp(cert);
  EXPECT_EQ(good.Verdict(PeerJob(cert, ocsp)), "good");
  EXPECT_EQ(good.Verdict(PeerJob(cert, ocsp)), "good");
  EXPECT_EQ(good.asked.size(), 1u);
  Asker revoked;
  revoked.answers[kOcspUrl] = CrlRoot().ocsp(cert, CrlRoot(), {.status = V_OCSP_CERTSTATUS_REVOKED});
  EXPECT_THAT(revoked.Verdict(PeerJob(cert, ocsp)), HasSubstr("is revoked (OCSP)"));
  EXPECT_THAT(revoked.Verdict(PeerJob(cert, {{M::kOcsp, M::kNone}, ""})), HasSubstr("revoked"));
  Asker unknown;
  unknown.answers[kOcspUrl] = CrlRoot().ocsp(cert, CrlRoot(), {.status = V_OCSP_CERTSTATUS_UNKNOWN});
  EXPECT_THAT(unknown.Verdict(PeerJob(cert, ocsp)), HasSubstr("does not know the certificate"));
  EXPECT_EQ(unknown.Verdict(PeerJob(cert, {{M::kOcsp, M::kNone}, ""})), "good");
}

// RFC 6960 §4.2.2.2.
TEST(Ocsp, SignerIsTheIssuerOrOneItGaveTheRight) {
  const TestCert cert(HubSpec(), &CrlRoot());
  const RevocationFetch fetch = Asked(cert, {{M::kOcsp}, ""});
  auto check = [&](const TestCert& signer) {
    return Openssl().Run(CheckRevocationAnswer{fetch, signer.ocsp(cert, CrlRoot(), {}), kNow}).ok();
  };
  EXPECT_TRUE(check(CrlRoot()));
  const TestCert responder({.cn = "responder", .extended_key_usage = "OCSPSigning", .key_number = 3},
                           &CrlRoot());
  EXPECT_TRUE(check(responder));
  EXPECT_FALSE(check(cert));  // says of itself that it is good
  EXPECT_FALSE(check(TestCert({.cn = "no right", .key_number = 3}, &CrlRoot())));
  EXPECT_FALSE(check(TestCert({.cn = "web", .extended_key_usage = "serverAuth", .key_number = 3}, &CrlRoot())));
  EXPECT_FALSE(check(TestCert(
      {.cn = "late", .to = kNow - kDay, .extended_key_usage = "OCSPSigning", .key_number = 3}, &CrlRoot())));
  const TestCert thief({.cn = "Root", .ca = true, .key_number = 4});
  EXPECT_FALSE(check(thief));
  EXPECT_FALSE(
      check(TestCert({.cn = "responder", .extended_key_usage = "OCSPSigning", .key_number = 3}, &thief)));
  // Given by another CA below the same root: not by the issuer itself.
  const TestCert sub({.cn = "Sub", .ca = true, .key_number = 5}, &CrlRoot());
  EXPECT_FALSE(
      check(TestCert({.cn = "responder", .extended_key_usage = "OCSPSigning", .key_number = 3}, &sub)));
}

TEST(Ocsp, AnswerMustBeAboutTheCertificateAndInForce) {
  const TestCert cert(HubSpec(), &CrlRoot()), another(HubSpec(), &CrlRoot());
  const RevocationFetch fetch = Asked(cert, {{M::kOcsp}, ""});
  auto check = [&](Bytes answer, UnixTime at = kNow) {
    return std::string(Openssl().Run(CheckRevocationAnswer{fetch, std::move(answer), at}).status().message());
  };
  EXPECT_EQ(check(CrlRoot().ocsp(cert)), "");
  EXPECT_THAT(check(CrlRoot().ocsp(another)), HasSubstr("other certificates"));
  EXPECT_THAT(check(CrlRoot().ocsp(cert), kNow + 2 * kDay), HasSubstr("outdated since"));
  EXPECT_THAT(check(CrlRoot().ocsp(cert, CrlRoot(), {.from = kNow + kDay, .to = kNow + 2 * kDay})),
              HasSubstr("not valid before"));
  EXPECT_EQ(check(CrlRoot().ocsp(cert, CrlRoot(), {.from = kNow - 60, .to = 0})), "");
  EXPECT_THAT(check(CrlRoot().ocsp(cert, CrlRoot(), {.from = kNow - kDay, .to = 0})), HasSubstr("outdated since"));
  EXPECT_THAT(check(CrlRoot().ocsp(cert, CrlRoot(), {.digest = "SHA1"})), HasSubstr("weak hash"));
  EXPECT_THAT(check(FromHex("30030a0106")), HasSubstr("the responder says unauthorized"));
  EXPECT_THAT(check(ToBytes("<html>")), HasSubstr("no OCSP answer"));
  const Bytes whole = CrlRoot().ocsp(cert);
  for (size_t n = 0; n < whole.size(); ++n)
    EXPECT_NE(check(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n))), "") << n;
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_NE(check(longer), "");
}

TEST(Ocsp, AKnownAnswerDoesNotOutliveItsDates) {
  const TestCert cert(HubSpec(), &CrlRoot());
  Asker asker;
  asker.answers[kOcspUrl] = CrlRoot().ocsp(cert);
  VerifyPeer job = PeerJob(cert, {{M::kOcsp}, ""});
  EXPECT_EQ(asker.Verdict(job), "good");
  job.at = kNow + 2 * kDay;  // the clock was set
  EXPECT_THAT(asker.Verdict(job), HasSubstr("outdated since"));
}

TEST(Methods, CountInOrderUntilOneCanTell) {
  const TestCert cert(HubSpec(), &CrlRoot());
  auto run = [&](std::vector<M> methods, bool crl, bool ocsp, bool revoked) {
    Asker asker;
    if (crl) asker.answers[kCrlUrl] = revoked ? CrlRoot().crl({&cert}) : CrlRoot().crl({});
    if (ocsp)
      asker.answers[kOcspUrl] =
          CrlRoot().ocsp(cert, CrlRoot(), {.status = revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD});
    const std::string verdict = asker.Verdict(PeerJob(cert, {std::move(methods), ""}));
    return std::pair(verdict.substr(0, 22), asker.asked.size());
  };
  const std::string good = "good", nobody = "nobody can tell whethe", its = "its certificate cn=hub";
  EXPECT_EQ(run({M::kCrl, M::kOcsp}, true, true, false), std::pair(good, size_t{1}));
  EXPECT_EQ(run({M::kCrl, M::kOcsp}, false, true, false), std::pair(good, size_t{2}));
  EXPECT_EQ(run({M::kCrl, M::kOcsp}, false, true, true), std::pair(its, size_t{2}));
  EXPECT_EQ(run({M::kOcsp, M::kCrl}, true, false, true), std::pair(its, size_t{2}));
  EXPECT_EQ(run({M::kOcsp, M::kCrl}, false, false, false), std::pair(nobody, size_t{2}));
  EXPECT_EQ(run({M::kOcsp, M::kCrl, M::kNone}, false, false, true), std::pair(good, size_t{2}));
  EXPECT_EQ(run({M::kNone}, true, true, true), std::pair(good, size_t{0}));
  EXPECT_EQ(run({}, true, true, true), std::pair(good, size_t{0}));
}

TEST(Methods, TheRefusalSaysWhatWasTried) {
  const TestCert cert(HubSpec(), &CrlRoot());
  Asker asker;
  asker.answers[kCrlUrl] = ToBytes("<html>404</html>");
  const std::string why = asker.Verdict(PeerJob(cert, {{M::kCrl, M::kOcsp}, ""}));
  for (const char* part : {"cn=hub,o=Example", "no CRL of cn=Root,o=Example", kCrlUrl,
                           "what it sends is no CRL", kOcspUrl, "no server"})
    EXPECT_THAT(why, HasSubstr(part));
  VerifyPeer late = PeerJob(cert, {{M::kCrl, M::kOcsp}, ""});
  late.may_fetch = false;
  EXPECT_THAT(asker.Verdict(late), HasSubstr("nobody can tell"));
  EXPECT_THAT(
      Asker().Verdict(PeerJob(TestCert({.cn = "hub", .san = "DNS:hub.example.net"}, &CrlRoot()), {{M::kOcsp}, ""})),
      HasSubstr("no OCSP responder is named"));
}

TEST(Answers, MayBeSignedWithEveryKindOfKey) {
  for (KeyKind kind : {KeyKind::kRsa, KeyKind::kRsaPss, KeyKind::kEcdsa384, KeyKind::kEd25519, KeyKind::kEd448}) {
    const TestCert ca({.cn = "CA", .key = kind, .ca = true});
    const TestCert cert(HubSpec(), &ca);
    auto peer = [&](M method) {
      VerifyPeer job = PeerJob(cert, {});
      job.trust = {Trust({&ca}, {}, {{method}, ""})};
      return job;
    };
    for (const bool revoked : {false, true}) {
      Asker asker;
      asker.answers[kCrlUrl] = revoked ? ca.crl({&cert}) : ca.crl({});
      asker.answers[kOcspUrl] =
          ca.ocsp(cert, ca, {.status = revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD});
      for (M method : {M::kCrl, M::kOcsp}) {
        const std::string verdict = asker.Verdict(peer(method));
        EXPECT_THAT(verdict, HasSubstr(revoked ? "is revoked" : "good")) << static_cast<int>(kind);
      }
    }
  }
}

// Nobody but the owner of a certificate of a configured CA makes us fetch anything.
TEST(Fetching, IsNotCausedByAStranger) {
  const RevocationPolicy both{{M::kCrl, M::kOcsp}, ""};
  Asker asker;
  const TestCert evil_ca({.cn = "Root", .ca = true, .key_number = 4});
  EXPECT_NE(asker.Verdict(PeerJob(TestCert(HubSpec(), &evil_ca), both)), "good");
  EXPECT_NE(asker.Verdict(PeerJob(TestCert(HubSpec(), nullptr), both)), "good");
  const TestCert cert(HubSpec(), &CrlRoot());
  VerifyPeer stolen = PeerJob(cert, both);
  stolen.signature.value[8] ^= 1;
  EXPECT_THAT(asker.Verdict(stolen), HasSubstr("wrong signature"));
  VerifyPeer other_name = PeerJob(cert, both);
  other_name.identity.value = ToBytes("spoke.example.net");
  EXPECT_THAT(asker.Verdict(other_name), HasSubstr("identity mismatch"));
  VerifyPeer expired = PeerJob(cert, both);
  expired.at = kNow + 60 * kDay;
  EXPECT_THAT(asker.Verdict(expired), HasSubstr("expired"));
  EXPECT_TRUE(asker.asked.empty());
}

// A CRL for one CA says nothing about another of the same name, whatever the URL.
TEST(Fetching, OneAnswerServesOnlyQuestionsOfTheSameIssuer) {
  const TestCert cert(HubSpec(), &CrlRoot());
  const TestCert twin({.cn = "Root", .ca = true, .key_number = 4});
  const TestCert other(HubSpec(), &twin);
  VerifyPeer job = PeerJob(other, ByCrl());
  job.trust = {Trust({&twin}, {}, ByCrl())};
  const JobResult result = Openssl().Run(job);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_NE(std::get<RevocationNeeded>(*result).fetches.at(0).key, Asked(cert, ByCrl()).key);
  EXPECT_EQ(Asked(TestCert(HubSpec(), &CrlRoot()), ByCrl()).key, Asked(cert, ByCrl()).key);
  EXPECT_NE(Asked(TestCert(HubSpec(), &CrlRoot()), {{M::kOcsp}, ""}).key, Asked(cert, {{M::kOcsp}, ""}).key);
}

}  // namespace
}  // namespace flexvpn::crypto::test
