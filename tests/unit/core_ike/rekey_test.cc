// SPDX-License-Identifier: Apache-2.0
// Rekeying of Child and IKE SAs from either side and from both at once: no packet is lost at any time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core_ike/pair.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void RekeyChildOf(World& w, Node& n) {
  w.Do(n, [&](Endpoint& e, Actions& out) { e.RekeyChild(n.outbound.back().id, w.now, out); });
}
void RekeyIkeOf(World& w, Node& n) {
  w.Do(n, [&](Endpoint& e, Actions& out) { e.RekeyIke(n.ups.back().id, w.now, out); });
}

struct Traffic : World {
  explicit Traffic(uint64_t seed = 1) : World(seed, Patient()) {
    traffic_every = 4ms;
    Connect();
    Run(100ms);
    for (Node* n : {a, b}) n->lost = n->without_sa = 0, n->trace.clear();
  }
  uint64_t lost() const { return a->lost + b->lost + a->without_sa + b->without_sa; }
  void ExpectOnePair() const {
    EXPECT_EQ(a->inbound.size(), 1u);
    EXPECT_EQ(b->inbound.size(), 1u);
    EXPECT_EQ(a->outbound.size(), 1u);
    EXPECT_EQ(b->outbound.size(), 1u);
    EXPECT_TRUE(PairUsable());
  }
};

TEST(ChildRekey, ResponderInstallsInboundFirstAndOutboundWithTheDelete) {
  Traffic w;
  const ChildId old = w.a->outbound.back().id;
  RekeyChildOf(w, *w.a);
  w.Run(10s);
  EXPECT_EQ(w.lost(), 0u);
  w.ExpectOnePair();
  EXPECT_THAT(w.a->trace, ElementsAre("Send", "ChildUp in out", "ChildDown out", "Send", "ChildDown in"));
  EXPECT_THAT(w.b->trace, ElementsAre("ChildUp in", "Send", "ChildUp out", "ChildDown out", "Send", "ChildDown in"));
  EXPECT_EQ(w.a->outbound.back().replaces, old);
  EXPECT_TRUE(w.a->outbound.back().initiator);
  EXPECT_FALSE(w.b->outbound.back().initiator);
  EXPECT_EQ(w.wire.size(), 8u);
}

TEST(ChildRekey, OutboundComesByItselfWhenTheDeleteNeverDoes) {
  Traffic w;
  int sent = 0;
  w.drop = [&](const Node& from, const Bytes&) { return from.name == "A" && ++sent > 1; };
  RekeyChildOf(w, *w.a);
  w.Run(32s);
  ASSERT_EQ(w.b->outbound.size(), 1u);
  EXPECT_EQ(w.b->outbound.back().id, w.b->children.back().id);
  EXPECT_EQ(w.lost(), 0u);
  w.drop = nullptr;
  w.Run(30s);
  EXPECT_EQ(w.lost(), 0u);
  w.ExpectOnePair();
}

TEST(ChildRekey, ADeleteThatComesAfterTheNextRekeyRevivesNothing) {
  Traffic w;
  const size_t before = w.wire.size();
  Bytes late;  // the DELETE of the first Child SA
  w.drop = [&](const Node& from, const Bytes& bytes) {
    if (from.name == "A" && w.wire.size() == before + 3 && late.empty()) late = bytes;
    return bytes == late;
  };
  RekeyChildOf(w, *w.a);
  w.Run(300ms);
  ASSERT_FALSE(late.empty());
  RekeyChildOf(w, *w.a);
  w.Run(5s);
  w.drop = nullptr;
  w.Run(60s);
  EXPECT_EQ(w.lost(), 0u);
  EXPECT_EQ(w.a->children.size(), 3u);
  w.ExpectOnePair();
  EXPECT_EQ(w.b->outbound.back().id, w.b->children.back().id);
}

TEST(ChildRekey, FromEitherSideAgainAndAgainLosesNothing) {
  Traffic w;
  for (int i = 0; i < 10; ++i) {
    RekeyChildOf(w, i % 2 == 0 ? *w.a : *w.b);
    w.Run(7s);
  }
  EXPECT_EQ(w.lost(), 0u);
  EXPECT_EQ(w.a->children.size(), 11u);
  w.ExpectOnePair();
}

TEST(ChildRekey, PfsUsesANewKeyExchange) {
  for (bool both : {true, false}) {
    World w;
    w.a->policy.session.child.pfs = {crypto::KeMethod::kEcp256};
    if (both) w.b->policy.session.child.pfs = w.a->policy.session.child.pfs;
    w.traffic_every = 4ms;
    w.Connect();
    w.Run(1s);
    w.a->lost = w.b->lost = 0;
    EXPECT_EQ(w.a->children[0].suite.ke, crypto::KeMethod::kNone);
    RekeyChildOf(w, *w.a);
    w.Run(10s);
    ASSERT_EQ(w.a->children.size(), 2u);
    EXPECT_EQ(w.a->children[1].suite.ke, crypto::KeMethod::kEcp256);
    EXPECT_EQ(w.a->lost + w.b->lost, 0u);
    EXPECT_TRUE(w.PairUsable());
  }
}

TEST(ChildRekey, PfsGroupIsCorrectedByInvalidKePayload) {
  World w;
  w.a->policy.session.child.pfs = {crypto::KeMethod::kModp2048, crypto::KeMethod::kEcp256};
  w.b->policy.session.child.pfs = {crypto::KeMethod::kEcp256};
  w.Connect();
  RekeyChildOf(w, *w.a);
  w.Run(10s);
  ASSERT_EQ(w.a->children.size(), 2u);
  EXPECT_EQ(w.b->children[1].suite.ke, crypto::KeMethod::kEcp256);
  EXPECT_TRUE(w.PairUsable());
}

TEST(ChildRekey, PfsMissingWhereItIsRequiredIsRefusedAndTheOldSaStays) {
  Traffic w;
  World v;
  v.b->policy.session.child.pfs = {crypto::KeMethod::kEcp256};
  v.traffic_every = 4ms;
  v.Connect();
  v.Run(100ms);
  v.a->lost = v.b->lost = 0;
  RekeyChildOf(v, *v.a);
  v.Run(500ms);
  EXPECT_EQ(v.a->children.size(), 1u);
  EXPECT_THAT(v.a->warnings, ElementsAre(HasSubstr("NO_PROPOSAL_CHOSEN")));
  EXPECT_TRUE(v.PairUsable());
  EXPECT_EQ(v.a->lost + v.b->lost, 0u);
}

TEST(ChildRekey, HappensByItselfBeforeTheLifetimeEnds) {
  World w;
  w.traffic_every = 10ms;
  w.a->policy.session.child.lifetime = w.b->policy.session.child.lifetime = 60s;
  w.Connect();
  w.Run(100ms);
  w.a->lost = w.b->lost = 0;
  w.Run(600s);
  EXPECT_GE(w.a->children.size(), 10u);
  EXPECT_LE(w.a->children.size(), 14u);
  EXPECT_EQ(w.a->lost + w.b->lost + w.a->without_sa + w.b->without_sa, 0u);
  EXPECT_TRUE(w.a->warnings.empty());
}

TEST(ChildRekey, TheHardLifetimeDeletesWhatCouldNotBeRekeyed) {
  World w;
  w.a->policy.session.child.lifetime = 60s;
  w.b->policy.session.child.pfs = {crypto::KeMethod::kEcp256};  // refuses every rekey of A
  w.Connect();
  w.Run(70s);
  EXPECT_TRUE(w.a->outbound.empty());
  EXPECT_TRUE(w.a->inbound.empty());
  EXPECT_TRUE(w.b->inbound.empty());
  EXPECT_EQ(w.a->live(), 1u);
}

TEST(ChildRekey, OfASaThePeerNoLongerHasEndsItHere) {
  World w;
  w.Connect();
  const ChildId id = w.a->outbound.back().id;
  // B deletes its Child SA at its hard lifetime while A's view of the delete is delayed by losing it.
  w.drop = [&](const Node& from, const Bytes&) { return from.name == "B"; };
  Node* b = w.b;
  b->endpoint->SetConfig({});
  w.Do(*b, [&](Endpoint& e, Actions& out) { e.Forget(b->ups[0].id, w.now, out); });
  w.drop = nullptr;
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyChild(id, w.now, out); });
  w.Run(120s);
  ASSERT_EQ(w.a->downs.size(), 1u);
  EXPECT_EQ(w.a->downs[0].reason, "peer not responding");
}

class AtOnce : public ::testing::TestWithParam<uint64_t> {};

TEST_P(AtOnce, ChildRekeysEndInOnePairAndLoseNothing) {
  Traffic w(GetParam());
  w.jitter = std::chrono::milliseconds(GetParam() % 4 * 5);
  RekeyChildOf(w, *w.a);
  w.Run(milliseconds(static_cast<int64_t>(GetParam() % 7) * 4));
  RekeyChildOf(w, *w.b);
  w.Run(20s);
  EXPECT_EQ(w.lost(), 0u);
  w.ExpectOnePair();
  EXPECT_TRUE(w.a->warnings.empty() && w.b->warnings.empty());
}

TEST_P(AtOnce, ChildRekeysWithPfsAndLossEndInOnePairAndLoseNothing) {
  World w(GetParam(), Patient());
  w.a->policy.session.child.pfs = w.b->policy.session.child.pfs = {crypto::KeMethod::kEcp256};
  w.traffic_every = 4ms;
  w.Connect();
  w.Run(100ms);
  w.a->lost = w.b->lost = 0;
  w.loss = 0.3;
  w.jitter = 30ms;
  RekeyChildOf(w, *w.a);
  w.Run(milliseconds(static_cast<int64_t>(GetParam() % 5) * 5));
  RekeyChildOf(w, *w.b);
  w.Run(60s);
  EXPECT_EQ(w.a->lost + w.b->lost + w.a->without_sa + w.b->without_sa, 0u);
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_EQ(w.a->inbound.size(), 1u);
  EXPECT_EQ(w.b->inbound.size(), 1u);
  EXPECT_TRUE(w.PairUsable());
}

TEST_P(AtOnce, IkeRekeysLeaveOneUsableSa) {
  Traffic w(GetParam());
  w.jitter = milliseconds(static_cast<int64_t>(GetParam() % 4) * 5);
  w.loss = GetParam() % 2 == 0 ? 0.2 : 0;
  RekeyIkeOf(w, *w.a);
  w.Run(milliseconds(static_cast<int64_t>(GetParam() % 7) * 4));
  RekeyIkeOf(w, *w.b);
  w.Run(60s);
  w.loss = 0;
  ASSERT_EQ(w.a->live() + w.b->live(), 2u);
  const auto la = w.a->endpoint->List(w.now), lb = w.b->endpoint->List(w.now);
  EXPECT_EQ(la[0].session.spi_i, lb[0].session.spi_i);
  EXPECT_EQ(la[0].session.spi_r, lb[0].session.spi_r);
  EXPECT_NE(la[0].session.spi_i, w.a->ups[0].spi_i);
  EXPECT_EQ(w.lost(), 0u);
  RekeyChildOf(w, *w.a);  // over the new IKE SA
  w.Run(10s);
  RekeyChildOf(w, *w.b);
  w.Run(10s);
  EXPECT_EQ(w.lost(), 0u);
  EXPECT_EQ(w.a->children.size(), 3u);
  w.ExpectOnePair();
}

TEST_P(AtOnce, EverythingMixedStaysUsable) {
  Traffic w(GetParam());
  SeededRng dice(GetParam() * 77);
  w.jitter = 20ms;
  w.loss = 0.1;
  for (int i = 0; i < 30; ++i) {
    Node& n = dice.Below(2) == 0 ? *w.a : *w.b;
    if (dice.Below(3) == 0)
      RekeyIkeOf(w, n);
    else
      RekeyChildOf(w, n);
    w.Run(milliseconds(static_cast<int64_t>(dice.Below(300))));
  }
  w.Run(120s);
  ASSERT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_EQ(w.lost(), 0u);
  w.ExpectOnePair();
  const auto la = w.a->endpoint->List(w.now), lb = w.b->endpoint->List(w.now);
  EXPECT_EQ(la[0].session.spi_i, lb[0].session.spi_i);
}
INSTANTIATE_TEST_SUITE_P(Seeds, AtOnce, ::testing::Range<uint64_t>(1, 21));

TEST(ChildRekey, ACollisionIsDecidedByTheLowestNonce) {
  int won_a = 0, won_b = 0;
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    Traffic w(seed);
    RekeyChildOf(w, *w.a);
    RekeyChildOf(w, *w.b);
    w.Run(20s);
    EXPECT_EQ(w.lost(), 0u);
    EXPECT_EQ(w.a->endpoint->counters().Get("rekey collisions won") +
                  w.b->endpoint->counters().Get("rekey collisions won"),
              1u);
    EXPECT_EQ(w.a->endpoint->counters().Get("rekey collisions lost") +
                  w.b->endpoint->counters().Get("rekey collisions lost"),
              1u);
    won_a += w.a->outbound.back().initiator;
    won_b += w.b->outbound.back().initiator;
  }
  EXPECT_EQ(won_a + won_b, 16);
  EXPECT_GT(won_a, 0);
  EXPECT_GT(won_b, 0);
}

TEST(IkeRekey, KeepsTheIdAndMovesTheChildren) {
  Traffic w;
  const IkeSaId id = w.a->ups[0].id;
  const IkeSpi old_spi = w.a->ups[0].spi_i;
  RekeyIkeOf(w, *w.a);
  w.Run(30s);
  ASSERT_EQ(w.a->rekeyed.size(), 1u);
  ASSERT_EQ(w.b->rekeyed.size(), 1u);
  EXPECT_EQ(w.a->rekeyed[0].id, id);
  EXPECT_NE(w.a->rekeyed[0].spi_i, old_spi);
  EXPECT_EQ(w.a->rekeyed[0].spi_i, w.b->rekeyed[0].spi_i);
  EXPECT_TRUE(w.a->rekeyed[0].spi_i_is_ours);
  EXPECT_TRUE(w.a->downs.empty() && w.b->downs.empty());
  w.ExpectOnePair();
  w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.Terminate(w.b->ups[0].id, "x", w.now, out); });
  w.Run(30s);
  EXPECT_EQ(w.a->live(), 0u);
  EXPECT_FALSE(w.a->endpoint->NextDeadline().has_value());
}

TEST(IkeRekey, StartedByTheResponderTurnsTheRoles) {
  Traffic w;
  RekeyIkeOf(w, *w.b);
  w.Run(30s);
  ASSERT_EQ(w.a->rekeyed.size(), 1u);
  EXPECT_FALSE(w.a->rekeyed[0].spi_i_is_ours);
  EXPECT_TRUE(w.a->rekeyed[0].initiator);
  RekeyIkeOf(w, *w.a);
  w.Run(30s);
  EXPECT_EQ(w.a->rekeyed.size(), 2u);
  EXPECT_EQ(w.lost(), 0u);
}

TEST(IkeRekey, HappensByItselfAndLivenessGoesOn) {
  World w;
  w.a->policy.session.lifetime = w.b->policy.session.lifetime = 100s;
  w.a->policy.session.dpd = w.b->policy.session.dpd = {5s, 1s, true};
  w.Connect();
  w.Run(1000s);
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_GE(w.a->rekeyed.size(), 9u);
  EXPECT_LE(w.a->rekeyed.size(), 13u);
  EXPECT_TRUE(w.a->warnings.empty());
}

TEST(IkeRekey, TheHardLifetimeEndsASessionThatCouldNotBeRekeyed) {
  World w;
  w.a->policy.session.lifetime = 100s;
  w.b->policy.session.lifetime = 0s;
  w.Connect();
  w.drop = [](const Node&, const Bytes& bytes) {
    return bytes[18] == static_cast<uint8_t>(ExchangeType::kCreateChildSa);
  };
  ASSERT_TRUE(w.RunUntil([&] { return !w.a->downs.empty(); }, 300s));
}

TEST(IkeRekey, ChildRekeyMeanwhileIsPutOffAndDoneLater) {
  Traffic w;
  RekeyIkeOf(w, *w.a);
  RekeyChildOf(w, *w.b);
  w.Run(30s);
  EXPECT_EQ(w.a->rekeyed.size(), 1u);
  EXPECT_EQ(w.a->children.size(), 2u);
  EXPECT_EQ(w.lost(), 0u);
  w.ExpectOnePair();
}

// --- SetTerms: what changes under a session that is up ---

void GiveNewPolicy(World& w, Node& n, const std::function<void(TestPolicy&)>& change) {
  change(n.policy);
  w.Do(n, [&](Endpoint& e, Actions& out) { e.SetTerms(n.ups.back().id, n.policy.session, &n.policy.suites, w.now, out); });
}
SaInfo Shown(const World& w, const Node& n) { return n.endpoint->List(w.now).at(0); }

TEST(NewPolicy, OfTheChildSaIsInForceFromItsNextRekeyOnAndNothingIsLost) {
  for (bool by_a : {true, false}) {
    Traffic w;
    Suite better = EspSuite();
    better.encr_key_bits = 256;
    for (Node* n : {w.a, w.b}) GiveNewPolicy(w, *n, [&](TestPolicy& p) { p.session.child.proposals = {better}; });
    w.Run(1s);
    EXPECT_EQ(w.a->outbound.back().suite, EspSuite());
    EXPECT_TRUE(Shown(w, *w.a).children.at(0).outdated);
    EXPECT_FALSE(Shown(w, *w.a).outdated);
    RekeyChildOf(w, by_a ? *w.a : *w.b);
    w.Run(20s);
    for (const Node* n : {w.a, w.b}) {
      EXPECT_EQ(n->outbound.back().suite, better);
      EXPECT_FALSE(Shown(w, *n).children.at(0).outdated);
    }
    w.ExpectOnePair();
    EXPECT_EQ(w.lost(), 0u);
  }
}

TEST(NewPolicy, OfTheIkeSaIsInForceFromItsNextRekeyOn) {
  for (bool by_a : {true, false}) {
    Traffic w;
    for (Node* n : {w.a, w.b}) GiveNewPolicy(w, *n, [](TestPolicy& p) { p.suites = {IkeGcmSuite()}; });
    EXPECT_TRUE(Shown(w, *w.a).outdated);
    RekeyIkeOf(w, by_a ? *w.a : *w.b);
    w.Run(20s);
    for (const Node* n : {w.a, w.b}) {
      EXPECT_EQ(Shown(w, *n).session.suite, IkeGcmSuite());
      EXPECT_FALSE(Shown(w, *n).outdated);
    }
    EXPECT_EQ(w.lost(), 0u);
  }
}

TEST(NewPolicy, OfOneSideAloneLeavesTheIkeSaWhereThePeerDoesNotFollow) {
  Traffic w;
  GiveNewPolicy(w, *w.a, [](TestPolicy& p) { p.suites = {IkeGcmSuite()}; });
  RekeyIkeOf(w, *w.a);
  w.Run(20s);
  EXPECT_EQ(Shown(w, *w.a).session.suite, IkeSuite());
  EXPECT_THAT(w.a->warnings, Contains(HasSubstr("refuses to rekey the IKE SA")));
  GiveNewPolicy(w, *w.b, [](TestPolicy& p) { p.suites = {IkeGcmSuite(), IkeSuite()}; });
  w.Run(120s);  // asked again
  EXPECT_EQ(Shown(w, *w.a).session.suite, IkeGcmSuite());
  EXPECT_EQ(w.lost(), 0u);
}

// The side that has changed nothing offers what else it can do, and gets it.
TEST(NewPolicy, OfOneSideIsTakenOverByARekeyOfTheOtherAsWell) {
  for (bool by_a : {true, false}) {
    Traffic w;
    for (Node* n : {w.a, w.b}) GiveNewPolicy(w, *n, [](TestPolicy& p) { p.suites = {IkeSuite(), IkeGcmSuite()}; });
    EXPECT_FALSE(Shown(w, *w.b).outdated);
    GiveNewPolicy(w, *w.b, [](TestPolicy& p) { p.suites = {IkeGcmSuite()}; });
    RekeyIkeOf(w, by_a ? *w.a : *w.b);
    w.Run(20s);
    for (const Node* n : {w.a, w.b}) EXPECT_EQ(Shown(w, *n).session.suite, IkeGcmSuite());
    EXPECT_EQ(w.lost(), 0u);
  }
}

TEST(NewPolicy, WhoseFirstGroupThePeerLacksIsCorrectedByInvalidKePayload) {
  Traffic w;
  using crypto::KeMethod;
  GiveNewPolicy(w, *w.a, [](TestPolicy& p) { p.suites = {IkeGcmSuite(KeMethod::kEcp384), IkeGcmSuite(KeMethod::kEcp256)}; });
  GiveNewPolicy(w, *w.b, [](TestPolicy& p) { p.suites = {IkeGcmSuite(KeMethod::kEcp256)}; });
  RekeyIkeOf(w, *w.a);
  w.Run(20s);
  for (const Node* n : {w.a, w.b}) EXPECT_EQ(Shown(w, *n).session.suite, IkeGcmSuite(KeMethod::kEcp256));
  EXPECT_EQ(w.lost(), 0u);
}

TEST(NewPolicy, ThatIsTakenBackIsNoLongerWaitedFor) {
  Traffic w;
  const SessionPolicy before = w.a->policy.session;
  GiveNewPolicy(w, *w.a, [](TestPolicy& p) { p.session.lifetime = 7200s, p.session.child.lifetime = 600s, p.session.window = 9; });
  EXPECT_TRUE(Shown(w, *w.a).outdated);
  EXPECT_TRUE(Shown(w, *w.a).children.at(0).outdated);
  GiveNewPolicy(w, *w.a, [&](TestPolicy& p) { p.session = before; });
  EXPECT_FALSE(Shown(w, *w.a).outdated);
  EXPECT_FALSE(Shown(w, *w.a).children.at(0).outdated);
}

TEST(NewPolicy, WithoutAnyAlgorithmEndsTheSession) {
  Traffic w;
  GiveNewPolicy(w, *w.a, [](TestPolicy& p) { p.suites.clear(); });
  w.Run(5s);
  EXPECT_EQ(w.a->live(), 0u);
  EXPECT_EQ(w.b->live(), 0u);
}

// --- CFG_SET: the latest is told last ---
TEST(ConfigSet, ThatWasLostIsNotTakenAfterALaterOne) {
  Traffic w;
  int seen = 0;
  w.drop = [&](const Node& from, const Bytes&) { return from.name == "A" && ++seen == 1; };
  const auto tell = [&](const char* text) {
    w.Do(*w.a, [&](Endpoint& e, Actions& out) {
      e.SendConfigSet(w.a->ups.back().id, {{CfgAttr::kUnityBanner, ToBytes(text)}}, w.now, out);
    });
  };
  for (const char* text : {"one", "two", "three"}) tell(text);
  w.Run(20s);
  EXPECT_EQ(w.b->policy.config_set, (std::vector<ConfigAttribute>{{CfgAttr::kUnityBanner, ToBytes("three")}}));
  ASSERT_EQ(w.b->configs.size(), 2u) << "the one between them needs nobody";
  EXPECT_EQ(w.b->configs[0].attributes[0].value, ToBytes("one"));
  tell("four");
  w.Run(5s);
  EXPECT_EQ(w.b->configs.size(), 3u);
}

TEST(NewPolicy, OfLivenessIsInForceAtOnce) {
  World w;
  w.Connect();
  w.a->alive = false;
  w.Run(600s);
  ASSERT_EQ(w.b->live(), 1u) << "nobody asks";
  GiveNewPolicy(w, *w.b, [](TestPolicy& p) { p.session.dpd = {5s, 2s, true}; });
  EXPECT_TRUE(w.RunUntil([&] { return w.b->live() == 0; }, 600s));
}

}  // namespace
}  // namespace flexvpn::ike::test
