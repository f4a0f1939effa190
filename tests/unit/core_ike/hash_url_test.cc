// SPDX-License-Identifier: Apache-2.0
// Certificates by hash and URL (RFC 7296 §3.6).  We never send them, so the test changes what a node sends:
// AUTH does not cover CERT.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ike/auth.h"
#include "core/ike/codec/protect.h"
#include "unit/core_ike/cert_world.h"

namespace flexvpn::ike::test {
namespace {

using crypto::test::Bundle;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kUrl[] = "http://pki.example.net/peer.cer";
constexpr char kOtherUrl[] = "https://pki.example.net/ca.cer";
constexpr uint8_t kByUrl = 12, kBundleByUrl = 13;

class UrlWorld : public CertWorld {
 public:
  UrlWorld() {
    Endpoint::Config config;
    config.fragmentation_mtu = 0;
    config.log_keys = true;
    config.certificates_by_url = true;
    for (Node* n : {a, b}) n->endpoint->SetConfig(config);
  }
  Bytes HashAndUrl(const Bytes& data, const std::string& url) {
    const BytesView parts[] = {data};
    Bytes out = provider_->Sha1(parts);
    out.insert(out.end(), url.begin(), url.end());
    return out;
  }
  // `from` sends these CERT payloads in its IKE_AUTH.
  void Send(Node& from, std::vector<CertPayload> certs) {
    rewrite = [this, &from, certs = std::move(certs)](const Node& sender, Bytes& bytes) {
      const auto header = DecodeHeader(bytes);
      if (&sender != &from || !header.ok() || header->exchange != ExchangeType::kIkeAuth ||
          sender.keys.empty())
        return;
      if (const auto again = sent_.find(bytes); again != sent_.end()) {  // a repetition stays one
        bytes = again->second;
        return;
      }
      const ProtectKeys& keys = &from == a ? sender.keys[0].initiator : sender.keys[0].responder;
      const auto old = Unprotect(*provider_, keys, *header, bytes);
      if (!old.ok() || ike::Find<CertPayload>(*old) == nullptr) return;
      Payloads changed;
      bool done = false;
      for (const Payload& p : *old) {
        if (!std::holds_alternative<CertPayload>(p)) {
          changed.push_back(p);
        } else if (!done) {
          changed.insert(changed.end(), certs.begin(), certs.end());
          done = true;
        }
      }
      bytes = sent_[bytes] = *Protect(*provider_, keys, *header, changed, 77, rng_);
    };
  }
  void SendUrl(Node& from, const Bytes& data, uint8_t encoding = kByUrl) {
    Send(from, {CertPayload{encoding, HashAndUrl(data, kUrl)}});
    web[kUrl] = data;
  }
  // Before the profile is chosen, which may need the certificate.
  void ExpectRefusedWithout(const char* why) {
    ExpectRefusedBy(*b, why, "");
    EXPECT_EQ(b->endpoint->usage(), Endpoint::Usage{});
  }

 private:
  std::unique_ptr<crypto::Provider> provider_ = crypto::NewOpensslProvider();
  SeededRng rng_{5};
  std::map<Bytes, Bytes> sent_;  // by what it was
};

bool Announced(const World& w, const Node& n) {  // in the clear: IKE_SA_INIT of the responder
  for (const auto& [name, d] : w.wire) {
    const auto header = DecodeHeader(d.bytes);
    if (name != n.name || !header.ok() || header->exchange != ExchangeType::kIkeSaInit) continue;
    const auto payloads = DecodePayloads(header->next_payload, BytesView(d.bytes).subspan(kHeaderSize));
    if (payloads.ok() && FindNotify(*payloads, NotifyType::kHttpCertLookupSupported) != nullptr) return true;
  }
  return false;
}

TEST(HashAndUrl, OfACertificateIsFetchedByTheResponder) {
  UrlWorld w;
  w.SendUrl(*w.a, w.spoke_cert.der());
  w.fetch_time = 1s;
  w.Connect();
  ASSERT_EQ(w.b->live(), 1u) << testing::PrintToString(w.b->warnings);
  EXPECT_TRUE(w.PairUsable());
  EXPECT_TRUE(Announced(w, *w.b));
  EXPECT_THAT(w.b->fetches, ElementsAre(net::FetchRequest{kUrl, {}, "", kMaxCertificateSize, true}));
  EXPECT_GE(w.b->endpoint->counters().Get("drop: request is being worked on"), 1u);
  // The profile is chosen with the certificate in sight, once.
  ASSERT_NE(w.b->policy.seen_certificate, nullptr);
  EXPECT_EQ(w.b->policy.seen_certificate->subject, "cn=spoke1,o=Example");
  EXPECT_EQ(w.b->policy.selections, 1);
}

TEST(HashAndUrl, OfACertificateIsFetchedByTheInitiator) {
  UrlWorld w;
  w.SendUrl(*w.b, w.hub_cert.der());
  w.Connect();
  ASSERT_EQ(w.a->live(), 1u) << testing::PrintToString(w.a->warnings);
  EXPECT_TRUE(w.PairUsable());
  EXPECT_EQ(w.a->fetches.size(), 1u);
}

TEST(HashAndUrl, BundleAndPlainCertificatesMix) {
  const TestCert sub({.cn = "Sub", .ca = true, .key_number = 5}, &Ca());
  {
    UrlWorld w;
    const TestCert spoke(SpokeSpec(), &sub);
    CertWorld::UseCertificate(*w.a, spoke, {&sub, &Ca()});
    w.SendUrl(*w.a, Bundle({{0, spoke.der()}, {1, Ca().crl({})}, {0, sub.der()}}), kBundleByUrl);
    w.Connect();
    EXPECT_EQ(w.b->live(), 1u) << testing::PrintToString(w.b->warnings);
    EXPECT_EQ(w.b->fetches[0].max_size, kMaxBundleSize);
  }
  UrlWorld w;
  const TestCert spoke(SpokeSpec(), &sub);
  CertWorld::UseCertificate(*w.a, spoke, {&sub, &Ca()});
  w.Send(*w.a, {CertPayload{4, spoke.der()}, CertPayload{kByUrl, w.HashAndUrl(sub.der(), kOtherUrl)}});
  w.web[kOtherUrl] = sub.der();
  w.Connect();
  EXPECT_EQ(w.b->live(), 1u) << testing::PrintToString(w.b->warnings);
}

TEST(HashAndUrl, ThenTheCertificateIsCheckedForRevocationAsAnyOther) {
  UrlWorld w;
  CertSpec spec = SpokeSpec();
  spec.crl_url = "http://pki.example.net/ca.crl";
  const TestCert spoke(spec, &Ca());
  CertWorld::UseCertificate(*w.a, spoke);
  w.b->policy.session.trust = {Trust({&Ca()}, {}, crypto::test::ByCrl())};
  w.SendUrl(*w.a, spoke.der());
  w.web[spec.crl_url] = Ca().crl({&spoke});
  w.ExpectRefusedWithout("is revoked (CRL)");
  EXPECT_EQ(w.b->fetches.size(), 2u);
  EXPECT_TRUE(w.b->fetches[0].stranger);
  EXPECT_FALSE(w.b->fetches[1].stranger);
}

TEST(HashAndUrl, IsOffUnlessAskedFor) {
  EXPECT_FALSE(Endpoint::Config{}.certificates_by_url);
  UrlWorld w;
  Endpoint::Config off;
  off.fragmentation_mtu = 0;
  w.b->endpoint->SetConfig(off);
  w.SendUrl(*w.a, w.spoke_cert.der());
  w.ExpectRefusedWithout("which we did not ask for");
  EXPECT_FALSE(Announced(w, *w.b));
  EXPECT_THAT(w.b->fetches, IsEmpty());
}

TEST(HashAndUrl, WhatIsThereMustBeWhatTheHashIsOf) {
  {
    UrlWorld w;
    w.SendUrl(*w.a, w.spoke_cert.der());
    w.web[kUrl].back() ^= 1;
    w.ExpectRefusedWithout("not what the hash is of");
  }
  {
    UrlWorld w;
    w.SendUrl(*w.a, w.spoke_cert.der());
    w.web.clear();
    w.ExpectRefusedWithout("404");
  }
  {
    UrlWorld w;
    w.SendUrl(*w.a, ToBytes("no certificate"));
    w.ExpectRefusedWithout("malformed");
  }
  {
    UrlWorld w;
    w.SendUrl(*w.a, w.spoke_cert.der(), kBundleByUrl);
    w.ExpectRefusedWithout("malformed certificate bundle");
  }
  {
    UrlWorld w;
    w.SendUrl(*w.a, Bundle(std::vector<std::pair<uint8_t, Bytes>>(kMaxCertificates + 1, {0, {0x30, 0}})),
              kBundleByUrl);
    w.ExpectRefusedWithout("more than 10 certificates");
  }
  UrlWorld w;
  w.SendUrl(*w.a, Bytes(kMaxCertificateSize + 1));
  w.ExpectRefusedWithout("too long");
  UrlWorld initiator;
  initiator.SendUrl(*initiator.b, initiator.hub_cert.der());
  initiator.web.clear();
  initiator.Connect();
  EXPECT_EQ(initiator.a->live(), 0u);
  EXPECT_THAT(initiator.a->warnings, ElementsAre(HasSubstr("404")));
  initiator.Run(60s);
  EXPECT_EQ(initiator.b->live(), 0u);
}

TEST(HashAndUrl, UrlsThatAreNoneAreRefusedAtOnce) {
  for (const char* url : {"", "file:///etc/shadow", "ldap://h/", "http://u:p@h/", "http://h/\r\nX: y"}) {
    UrlWorld w;
    w.Send(*w.a, {CertPayload{kByUrl, w.HashAndUrl({}, url)}});
    w.ExpectRefusedWithout("none of http or https");
    EXPECT_THAT(w.b->fetches, IsEmpty());
  }
  UrlWorld cut;
  cut.Send(*cut.a, {CertPayload{kByUrl, Bytes(19)}});
  cut.ExpectRefusedWithout("none of http or https");
  UrlWorld many;
  many.Send(*many.a, std::vector<CertPayload>(kMaxCertificateUrls + 1, {kByUrl, many.HashAndUrl({}, kUrl)}));
  many.ExpectRefusedWithout("more than 4 URLs");
  EXPECT_THAT(many.b->fetches, IsEmpty());
}

TEST(HashAndUrl, AFetchThatNeverEndsHasADeadline) {
  UrlWorld w;
  w.SendUrl(*w.a, w.spoke_cert.der());
  w.silent = {kUrl};
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(10s);
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("could not be fetched in time")));
  EXPECT_EQ(w.a->downs.size(), 1u);
}

TEST(HashAndUrl, StrangersMakeUsFetchAFewThingsAtATime) {
  UrlWorld w;
  w.silent = {kUrl, kOtherUrl};
  std::vector<CertPayload> four(kMaxCertificateUrls, {kByUrl, w.HashAndUrl({}, kUrl)});
  w.Send(*w.a, four);
  for (int i = 0; i < 5; ++i) {
    w.Initiate(*w.a, w.Request(*w.a, *w.b));
    w.a->keys.clear();
    w.Run(500ms);
  }
  EXPECT_EQ(w.b->fetches.size(), 16u);
  EXPECT_THAT(w.b->fetches, Each(Field(&net::FetchRequest::stranger, true)));
  EXPECT_THAT(w.b->warnings, Contains(HasSubstr("too many certificates are being fetched")));
}

TEST(HashAndUrl, SurvivesLossAndRepetition) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    UrlWorld w;
    w.SendUrl(*w.a, w.spoke_cert.der());
    w.loss = w.duplicate = 0.3;
    w.jitter = 50ms;
    w.fetch_time = Duration(seed * 400ms);
    w.Connect();
    ASSERT_EQ(w.b->live(), 1u) << seed << testing::PrintToString(w.b->warnings);
    EXPECT_EQ(w.b->fetches.size(), 1u);
    EXPECT_TRUE(w.PairUsable());
  }
}

TEST(HashAndUrl, WhatComesAfterTheEndIsIgnored) {
  UrlWorld w;
  w.SendUrl(*w.a, w.spoke_cert.der());
  w.fetch_time = 4s;
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.RunUntil([&] { return !w.b->fetches.empty(); }, 10s);
  for (const SaInfo& sa : w.b->endpoint->List(w.now))
    w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.Forget(sa.session.id, w.now, out); });
  w.Run(100s);
  EXPECT_TRUE(w.b->ups.empty());
  EXPECT_EQ(w.b->endpoint->usage(), Endpoint::Usage{});
}

}  // namespace
}  // namespace flexvpn::ike::test
