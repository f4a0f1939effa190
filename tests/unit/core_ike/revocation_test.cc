// SPDX-License-Identifier: Apache-2.0
// IKE_AUTH that waits for CRLs and OCSP answers: one fetch for all who wait, deadlines, what is kept and for
// how long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ike/revocation_cache.h"
#include "unit/core_ike/cert_world.h"

namespace flexvpn::ike::test {
namespace {

using crypto::RevocationMethod;
using crypto::RevocationPolicy;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kCrlUrl[] = "http://pki.example.net/ca.crl";
constexpr char kOcspUrl[] = "http://ocsp.example.net/";

CertSpec WithUrls(CertSpec spec) {
  spec.crl_url = kCrlUrl;
  spec.ocsp_url = kOcspUrl;
  return spec;
}

// B checks A's certificate for revocation.
class RevocationWorld : public CertWorld {
 public:
  explicit RevocationWorld(std::vector<RevocationMethod> methods)
      : CertWorld(WithUrls(SpokeSpec()), WithUrls(HubSpec())) {
    b->policy.session.trust = {Trust({&Ca()}, {}, {std::move(methods), ""})};
  }
  void ExpectNothingWaits() {
    for (Node* n : {a, b}) {
      EXPECT_EQ(n->endpoint->usage().fetches, 0u);
      EXPECT_EQ(n->endpoint->usage().jobs, 0u);
    }
  }
};

TEST(Revocation, TheResponderWaitsForTheCrlAndLetsAGoodPeerIn) {
  RevocationWorld w({RevocationMethod::kCrl});
  w.web[kCrlUrl] = Ca().crl({});
  w.fetch_time = 2s;
  w.Connect();
  ASSERT_EQ(w.b->live(), 1u) << testing::PrintToString(w.b->warnings);
  EXPECT_TRUE(w.PairUsable());
  EXPECT_THAT(w.b->fetches, ElementsAre(net::FetchRequest{kCrlUrl, {}, "", crypto::kMaxCrlSize, false}));
  EXPECT_THAT(w.a->fetches, IsEmpty());
  EXPECT_EQ(w.b->endpoint->counters().Get("fetches for revocation"), 1u);
  // The peer repeated its request meanwhile and got nothing.
  EXPECT_GE(w.b->endpoint->counters().Get("drop: request is being worked on"), 1u);
  EXPECT_EQ(w.b->policy.selections, 1);
  w.ExpectNothingWaits();
}

TEST(Revocation, ARevokedPeerIsRefusedByCrlAndByOcsp) {
  RevocationWorld crl({RevocationMethod::kCrl, RevocationMethod::kNone});
  crl.web[kCrlUrl] = Ca().crl({&crl.spoke_cert});
  crl.ExpectRefusedBy(*crl.b, "is revoked (CRL)");
  RevocationWorld ocsp({RevocationMethod::kOcsp, RevocationMethod::kNone});
  ocsp.web[kOcspUrl] = Ca().ocsp(ocsp.spoke_cert, Ca(), {.status = V_OCSP_CERTSTATUS_REVOKED});
  ocsp.ExpectRefusedBy(*ocsp.b, "is revoked (OCSP)");
  ocsp.ExpectNothingWaits();
}

TEST(Revocation, TheInitiatorWaitsAsWell) {
  RevocationWorld w({});
  w.a->policy.session.trust = {Trust({&Ca()}, {}, {{RevocationMethod::kOcsp}, ""})};
  w.web[kOcspUrl] = Ca().ocsp(w.hub_cert);
  w.fetch_time = 3s;
  w.Connect();
  EXPECT_EQ(w.a->live(), 1u) << testing::PrintToString(w.a->warnings);
  EXPECT_TRUE(w.PairUsable());

  RevocationWorld bad({});
  bad.a->policy.session.trust = {Trust({&Ca()}, {}, {{RevocationMethod::kOcsp}, ""})};
  bad.web[kOcspUrl] = Ca().ocsp(bad.hub_cert, Ca(), {.status = V_OCSP_CERTSTATUS_REVOKED});
  bad.Connect();
  bad.Run(10s);
  EXPECT_EQ(bad.a->live() + bad.b->live(), 0u);  // the responder is told
  EXPECT_THAT(bad.a->warnings, ElementsAre(HasSubstr("is revoked (OCSP)")));
}

TEST(Revocation, WithLossRepetitionAndSlowEverything) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    RevocationWorld w({RevocationMethod::kOcsp, RevocationMethod::kCrl});
    w.a->policy.session.trust = w.b->policy.session.trust;
    w.web[kCrlUrl] = Ca().crl({});
    w.loss = w.duplicate = 0.3;
    w.jitter = 50ms;
    w.job_time = 300ms;
    w.fetch_time = Duration(seed * 150ms);
    w.Connect();
    ASSERT_EQ(w.a->live(), 1u) << seed << testing::PrintToString(w.a->warnings);
    EXPECT_EQ(w.b->ups.size(), 1u);
    EXPECT_TRUE(w.PairUsable());
    w.ExpectNothingWaits();
  }
}

TEST(Revocation, WhatWasFetchedServesTheNextPeersUntilNextUpdate) {
  RevocationWorld w({RevocationMethod::kCrl});
  w.web[kCrlUrl] = Ca().crl({}, kNow - kDay, kNow + 1000);
  for (int i = 0; i < 3; ++i) {
    const IkeSaId id = w.Connect();
    ASSERT_EQ(w.b->live(), 1u);
    w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.Terminate(id, "test", w.now, out); });
    w.Run(60s);
    ASSERT_EQ(w.b->live(), 0u);
  }
  EXPECT_EQ(w.b->fetches.size(), 1u);
  w.web[kCrlUrl] = Ca().crl({&w.spoke_cert}, kNow, kNow + kDay);
  w.Run(1000s);
  w.Connect();
  EXPECT_EQ(w.b->live(), 0u);
  EXPECT_EQ(w.b->fetches.size(), 2u);
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("is revoked")));
}

TEST(Revocation, ManyPeersWaitForOneFetch) {
  RevocationWorld w({RevocationMethod::kCrl});
  w.web[kCrlUrl] = Ca().crl({});
  w.fetch_time = 2s;
  std::vector<std::unique_ptr<TestCert>> certs;
  std::vector<Node*> spokes = {w.a};
  for (int i = 0; i < 5; ++i) {
    const std::string name = absl::StrCat("spoke", i + 2, ".example.net");
    Node* n = w.Add(name.c_str(), absl::StrCat("192.0.2.", 10 + i).c_str(), name.c_str());
    CertSpec spec = WithUrls(SpokeSpec());
    spec.san = "DNS:" + name;
    certs.push_back(std::make_unique<TestCert>(spec, &Ca()));
    CertWorld::UseCertificate(*n, *certs.back());
    CertWorld::AcceptCertificates(*n);
    n->endpoint->SetTimeOfDay(kNow, w.now);
    spokes.push_back(n);
  }
  for (Node* n : spokes) w.Initiate(*n, w.Request(*n, *w.b));
  w.Run(20s);
  EXPECT_EQ(w.b->live(), spokes.size()) << testing::PrintToString(w.b->warnings);
  EXPECT_EQ(w.b->fetches.size(), 1u);
}

TEST(Revocation, WhatFailsIsSaidOnceAndNotTriedAgainAtOnce) {
  RevocationWorld w({RevocationMethod::kCrl});
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(5s);
  EXPECT_EQ(w.b->live(), 0u);
  EXPECT_THAT(w.b->warnings, ElementsAre(AllOf(HasSubstr(kCrlUrl), HasSubstr("404")),
                                         AllOf(HasSubstr("nobody can tell"), HasSubstr("404"),
                                               HasSubstr("spoke1.example.net"))));
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(5s);
  EXPECT_EQ(w.b->fetches.size(), 1u);  // no new fetch within half a minute …
  EXPECT_EQ(w.b->warnings.size(), 3u);
  w.web[kCrlUrl] = Ca().crl({});
  w.Run(30s);
  w.Connect();
  EXPECT_EQ(w.b->fetches.size(), 2u);  // … but then
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(Revocation, NoneAsTheLastMethodAcceptsWhenNobodyAnswers) {
  RevocationWorld w({RevocationMethod::kOcsp, RevocationMethod::kCrl, RevocationMethod::kNone});
  w.Connect();
  EXPECT_EQ(w.b->live(), 1u);
  EXPECT_EQ(w.b->fetches.size(), 2u);
}

TEST(Revocation, AFetchThatNeverEndsHasADeadline) {
  {
    RevocationWorld w({RevocationMethod::kCrl});
    w.silent = {kCrlUrl};
    const Instant begun = w.now;
    w.Initiate(*w.a, w.Request(*w.a, *w.b));
    w.RunUntil([&] { return !w.a->downs.empty(); }, 60s);
    EXPECT_LT(w.now - begun, 20s);
    EXPECT_GT(w.now - begun, 10s);
    EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("not fetched in time")));
    w.Run(60s);
    EXPECT_EQ(w.b->endpoint->half_open(), 0u);
    EXPECT_TRUE(w.b->endpoint->List(w.now).empty());
  }
  RevocationWorld lenient({RevocationMethod::kCrl, RevocationMethod::kNone});
  lenient.silent = {kCrlUrl};
  lenient.Connect();
  EXPECT_EQ(lenient.b->live(), 1u) << testing::PrintToString(lenient.b->warnings);
  RevocationWorld initiator({});
  initiator.a->policy.session.trust = {Trust({&Ca()}, {}, {{RevocationMethod::kCrl}, ""})};
  initiator.silent = {kCrlUrl};
  initiator.Connect();
  EXPECT_EQ(initiator.a->live(), 0u);
  EXPECT_THAT(initiator.a->warnings, ElementsAre(HasSubstr("not fetched in time")));
}

TEST(Revocation, AnAnswerLongerThanAskedForIsNotLookedAt) {
  RevocationWorld w({RevocationMethod::kCrl});
  w.web[kCrlUrl] = Bytes(crypto::kMaxCrlSize + 1);
  w.Connect();
  EXPECT_EQ(w.b->live(), 0u);
  EXPECT_THAT(w.b->warnings, Contains(HasSubstr("longer than 1048576 octets")));
}

TEST(Revocation, ForgedAnswersRefuseNobodyForLong) {
  RevocationWorld w({RevocationMethod::kCrl});
  const TestCert thief({.cn = "CA", .ca = true, .key_number = 11});
  w.web[kCrlUrl] = thief.crl({&w.spoke_cert});
  w.Connect();
  EXPECT_EQ(w.b->live(), 0u);
  EXPECT_THAT(w.b->warnings, Contains(HasSubstr("signature of the CRL is wrong")));
  w.web[kCrlUrl] = Ca().crl({});
  w.Run(31s);
  w.Connect();
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(Revocation, AnswersForWhatHasEndedAndUnknownOnesAreIgnored) {
  RevocationWorld w({RevocationMethod::kCrl});
  w.web[kCrlUrl] = Ca().crl({});
  w.fetch_time = 4s;
  const IkeSaId id = w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.RunUntil([&] { return !w.b->fetches.empty(); }, 10s);
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.Forget(id, w.now, out); });
  for (const SaInfo& sa : w.b->endpoint->List(w.now))
    w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.Forget(sa.session.id, w.now, out); });
  w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.FetchDone(FetchId(4711), Bytes{1}, w.now, out); });
  w.Run(60s);
  EXPECT_TRUE(w.b->ups.empty());
  EXPECT_EQ(w.b->endpoint->usage(), Endpoint::Usage{});
  w.Connect();  // what came all the same is of use
  EXPECT_EQ(w.b->live(), 1u);
  EXPECT_EQ(w.b->fetches.size(), 1u);
}

TEST(Revocation, APeerWithoutTheKeyCausesNoFetch) {
  RevocationWorld w({RevocationMethod::kCrl, RevocationMethod::kOcsp});
  auto stolen = std::make_shared<crypto::Credential>(*w.a->policy.session.credentials[0]);
  stolen->key = w.hub_cert.key();
  w.a->policy.session.credentials = {stolen};
  w.ExpectRefusedBy(*w.b, "wrong signature");
  EXPECT_THAT(w.b->fetches, IsEmpty());
}

// --- the cache
// --------------------------------------------------------------------------------------------------

class RevocationCacheTest : public testing::Test {
 protected:
  void Put(const std::string& key, size_t size, Duration lifetime) {
    cache.Put(key, {nullptr, 0, size}, lifetime, now);
  }
  RevocationCache cache;
  Instant now{seconds(1000)};
};

TEST_F(RevocationCacheTest, ForgetsInTime) {
  Put("a", 1, seconds(100));
  cache.PutFailure("b", "no server", now);
  EXPECT_TRUE(cache.Contains("a", now) && cache.Contains("b", now) && !cache.Contains("c", now));
  ASSERT_EQ(cache.Snapshot(now)->size(), 2u);
  EXPECT_EQ(cache.Snapshot(now)->at(1)->failure, "no server");
  now += RevocationCache::kFailureLifetime;
  EXPECT_TRUE(cache.Contains("a", now) && !cache.Contains("b", now));
  now += seconds(100);
  EXPECT_FALSE(cache.Contains("a", now));
  EXPECT_EQ(cache.Snapshot(now), nullptr);
  EXPECT_EQ(cache.octets(), 0u);
}

TEST_F(RevocationCacheTest, NewsReplaceWhatWasKnown) {
  cache.PutFailure("a", "no server", now);
  Put("a", 7, seconds(100));
  Put("a", 9, seconds(100));
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(cache.octets(), 9u);
  EXPECT_EQ(cache.Snapshot(now)->at(0)->failure, "");
}

TEST_F(RevocationCacheTest, HoldsNoMoreThanItMay) {
  for (size_t i = 0; i < RevocationCache::kMaxEntries + 100; ++i) Put(absl::StrCat(i), 1, seconds(100 + i));
  EXPECT_EQ(cache.size(), RevocationCache::kMaxEntries);
  EXPECT_FALSE(cache.Contains("0", now));  // what expires first went first
  for (int i = 0; i < 40; ++i) Put(absl::StrCat("crl", i), crypto::kMaxCrlSize, seconds(9999 + i));
  EXPECT_LE(cache.octets(), RevocationCache::kMaxOctets);
  EXPECT_TRUE(cache.Contains("crl39", now));
  Put("for ever", 1, std::chrono::hours(24 * 3650));
  now += RevocationCache::kMaxLifetime;
  EXPECT_FALSE(cache.Contains("for ever", now));
}

TEST_F(RevocationCacheTest, ASnapshotStaysAsItWas) {
  Put("a", 1, seconds(100));
  const crypto::RevocationKnowledge old = cache.Snapshot(now);
  Put("b", 1, seconds(100));
  EXPECT_EQ(old->size(), 1u);
  EXPECT_EQ(cache.Snapshot(now)->size(), 2u);
  EXPECT_EQ(cache.Snapshot(now).get(), cache.Snapshot(now).get());
}

}  // namespace
}  // namespace flexvpn::ike::test
