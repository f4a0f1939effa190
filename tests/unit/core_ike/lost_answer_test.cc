// SPDX-License-Identifier: Apache-2.0
// A rekey whose answer is lost for long: the responder has the new SA, the initiator does not know it yet.
// Found by the simulation (tests/sim/ike).
#include <gtest/gtest.h>

#include "unit/core_ike/pair.h"

namespace flexvpn::ike::test {
namespace {

bool IsCreateChild(const Bytes& b, bool response) {
  return b.size() > 19 && b[18] == static_cast<uint8_t>(ExchangeType::kCreateChildSa) &&
         ((b[19] & kFlagResponse) != 0) == response;
}

struct Lossy : World {
  explicit Lossy(uint64_t seed = 1) : World(seed, Patient()) {
    Connect();
    traffic_every = 20ms;
    Run(100ms);
    a->lost = b->lost = 0;
  }
  void Rekey(Node& n) {
    Do(n, [&](Endpoint& e, Actions& out) { e.RekeyChild(n.children.back().id, now, out); });
  }
  void ExpectOnePair() const {
    EXPECT_EQ(a->inbound.size(), 1u);
    EXPECT_EQ(b->inbound.size(), 1u);
    EXPECT_EQ(a->outbound.size(), 1u);
    EXPECT_EQ(b->outbound.size(), 1u);
    EXPECT_TRUE(PairUsable());
  }
};

TEST(ChildRekeyAnswerLost, ResponderDoesNotUseTheNewSaWhileTheInitiatorStillAsks) {
  Lossy w;
  w.drop = [](const Node& from, const Bytes& b) { return from.name == "B" && IsCreateChild(b, true); };
  w.Rekey(*w.a);
  w.Run(45s);  // longer than the responder waits for the DELETE of the old SA
  EXPECT_EQ(w.b->children.size(), 2u);
  EXPECT_EQ(w.b->outbound.back().id, w.b->children.front().id);
  w.drop = nullptr;
  w.Run(60s);
  EXPECT_EQ(w.a->lost + w.b->lost, 0u);
  w.ExpectOnePair();
  EXPECT_EQ(w.b->outbound.back().id, w.b->children.back().id);
}

TEST(ChildRekeyAnswerLost, ALateAnswerStillDecidesTheCollision) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    Lossy w(seed);
    w.drop = [](const Node& from, const Bytes& b) { return from.name == "B" && IsCreateChild(b, true); };
    w.Rekey(*w.a);
    w.Rekey(*w.b);
    w.Run(15s);  // B's rekey is over and the old SA would have ended
    w.drop = nullptr;
    w.Run(60s);
    EXPECT_EQ(w.a->lost + w.b->lost, 0u) << seed;
    w.ExpectOnePair();
  }
}

TEST(ChildRekeyAnswerLost, TheSaItMakesIsNotDeniedWhileTheAnswerIsUnderWay) {
  Lossy w;
  int asked = 0;
  w.drop = [&](const Node& from, const Bytes& b) {
    if (from.name == "A" && IsCreateChild(b, false)) return ++asked > 1;
    return from.name == "B" && IsCreateChild(b, true);
  };
  w.Rekey(*w.a);
  w.Run(32s);  // B hears nothing and uses the new SA at last
  ASSERT_EQ(w.b->children.size(), 2u);
  ASSERT_EQ(w.b->outbound.back().id, w.b->children.back().id);
  w.Rekey(*w.b);
  w.Run(1s);
  EXPECT_EQ(w.b->outbound.size(), 1u);  // CHILD_SA_NOT_FOUND would have ended it
  w.drop = nullptr;
  w.Run(90s);
  w.ExpectOnePair();
}

TEST(ChildRekeyJob, EndsWithItsSessionAndKeepsNoSpi) {
  for (bool pfs_key_is_made : {false, true}) {
    World w;
    w.a->policy.session.child.pfs = w.b->policy.session.child.pfs = {crypto::KeMethod::kEcp256};
    w.Connect();
    w.job_time = 10s;  // the generation of the key, then the derivation of the secret
    w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyChild(w.a->outbound.back().id, w.now, out); });
    w.Run(pfs_key_is_made ? 25s : 5s);
    EXPECT_EQ(w.a->endpoint->usage().jobs, 1u);
    w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.Forget(w.a->ups[0].id, w.now, out); });
    w.Run(30s);
    EXPECT_EQ(w.a->endpoint->usage(), Endpoint::Usage{});
  }
}

TEST(AuthAnswerLost, WhatTheResponderAsksMeanwhileIsLeftToItsRepetition) {
  World w(1, Patient());
  w.drop = [](const Node& from, const Bytes& b) {
    return from.name == "B" && b[18] == static_cast<uint8_t>(ExchangeType::kIkeAuth);
  };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  ASSERT_TRUE(w.RunUntil([&] { return w.b->live() > 0; }, 10s));
  w.Do(*w.b, [&](Endpoint& e, Actions& out) {
    e.SendConfigSet(w.b->ups[0].id, {{CfgAttr::kIp4Subnet, Bytes(8, 1)}}, w.now, out);
  });
  w.Run(100ms);
  EXPECT_EQ(w.a->endpoint->counters().Get("drop: request before the peer is authenticated"), 1u);
  w.drop = nullptr;
  ASSERT_TRUE(w.RunUntil([&] { return w.a->live() > 0; }, 10s));
  w.Run(10s);
  ASSERT_EQ(w.a->configs.size(), 1u);
  EXPECT_EQ(w.a->configs[0].type, CfgType::kSet);
}

TEST(ChildDelete, ByOrderEndsTheSaOnBothSidesAndKeepsTheSession) {
  Lossy w;
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.DeleteChild(w.a->outbound.back().id, w.now, out); });
  w.Run(10s);
  EXPECT_TRUE(w.a->inbound.empty() && w.a->outbound.empty() && w.b->inbound.empty() && w.b->outbound.empty());
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_EQ(w.a->endpoint->usage().children, 0u);
  EXPECT_EQ(w.b->endpoint->usage().esp_spis, 0u);
}

TEST(ChildRekeyAnswerLost, AtTheEndOfItsLifetimeTheOldSaIsDeletedOnlyAfterTheAnswer) {
  World w(1, Patient());
  w.a->policy.session.child.lifetime = 60s;
  w.Connect();
  w.traffic_every = 20ms;
  w.drop = [](const Node& from, const Bytes& b) { return from.name == "B" && IsCreateChild(b, true); };
  w.Run(70s);
  ASSERT_EQ(w.b->children.size(), 2u);
  EXPECT_TRUE(w.a->outbound.empty());
  w.drop = nullptr;
  w.Run(30s);
  EXPECT_EQ(w.b->lost, 0u);
  EXPECT_EQ(w.a->inbound.size(), 1u);
  EXPECT_EQ(w.b->inbound.size(), 1u);
  EXPECT_TRUE(w.PairUsable());
}

TEST(ChildRekeyAnswerLost, AnSaThatThePeerDeletedMeanwhileIsNotMade) {
  World w(1, Patient());
  w.b->policy.session.child.lifetime = 60s;
  w.Connect();
  w.Run(48s);  // just before B would rekey
  w.drop = [](const Node& from, const Bytes& b) { return from.name == "B" && IsCreateChild(b, true); };
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyChild(w.a->outbound.back().id, w.now, out); });
  w.Run(130s);  // the new SA of B has lived its life
  ASSERT_TRUE(w.b->inbound.empty());
  w.drop = nullptr;
  w.Run(60s);
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_TRUE(w.a->inbound.empty() && w.a->outbound.empty());
  EXPECT_EQ(w.a->endpoint->usage().esp_spis, 0u);
}

TEST(IkeRekey, OfOursThatStillWaitsGivesWayToThePeers) {
  World w(1, Patient());
  w.a->policy.session.window = w.b->policy.session.window = 1;
  w.Connect();
  w.drop = [](const Node& from, const Bytes& b) {  // what A asks is lost: its window is closed
    return from.name == "A" && (b[19] & kFlagResponse) == 0;
  };
  w.Do(*w.a, [&](Endpoint& e, Actions& out) {
    e.SendConfigSet(w.a->ups[0].id, {{CfgAttr::kIp4Subnet, Bytes(8, 1)}}, w.now, out);
    e.RekeyIke(w.a->ups[0].id, w.now, out);
  });
  w.Run(100ms);
  w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.RekeyIke(w.b->ups[0].id, w.now, out); });
  w.Run(5s);
  ASSERT_EQ(w.a->rekeyed.size(), 1u);
  ASSERT_EQ(w.b->rekeyed.size(), 1u);
  EXPECT_EQ(w.a->rekeyed[0].spi_i, w.b->rekeyed[0].spi_i);
}

TEST(Farewell, DoesNotWaitForALivenessCheckThatIsNeverAnswered) {
  World w;
  w.a->policy.session.window = w.b->policy.session.window = 1;
  w.a->policy.session.dpd = w.b->policy.session.dpd = {5s, 1s, false};
  w.Connect();
  w.drop = [](const Node& from, const Bytes& b) {  // what A asks is lost, what it answers is not
    return from.name == "A" && (b[19] & kFlagResponse) == 0;
  };
  w.Run(20s);
  EXPECT_EQ(w.a->live(), 1u);
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.Terminate(w.a->ups[0].id, "x", w.now, out); });
  w.Run(60s);
  EXPECT_EQ(w.a->endpoint->usage(), Endpoint::Usage{});
}

TEST(ChildDelete, OfAnSaTheInitiatorOfTheRekeyDoesNotKnowYetDoesNothing) {
  Lossy w;
  w.drop = [](const Node& from, const Bytes& b) { return from.name == "B" && IsCreateChild(b, true); };
  w.Rekey(*w.a);
  w.Run(3s);
  ASSERT_EQ(w.b->children.size(), 2u);
  w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.DeleteChild(w.b->children.back().id, w.now, out); });
  w.drop = nullptr;
  w.Run(60s);
  EXPECT_EQ(w.a->lost + w.b->lost, 0u);
  w.ExpectOnePair();
}

TEST(EndpointUsage, IsAllZeroOnceEverythingHasEnded) {
  Lossy w;
  EXPECT_EQ(w.a->endpoint->usage().sessions, 1u);
  EXPECT_EQ(w.a->endpoint->usage().children, 1u);
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.Terminate(w.a->ups[0].id, "x", w.now, out); });
  w.Run(60s);
  EXPECT_EQ(w.a->endpoint->usage(), Endpoint::Usage{});
  EXPECT_EQ(w.b->endpoint->usage(), Endpoint::Usage{});
}

}  // namespace
}  // namespace flexvpn::ike::test
