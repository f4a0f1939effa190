// SPDX-License-Identifier: Apache-2.0
// NAT before the responder and before both (RFC 7296 §2.23); NAT before the initiator is in handshake_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core_ike/pair.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

struct NatWorld : World {
  explicit NatWorld(bool before_a = true) {
    if (before_a) nat = Ip("203.0.113.9");
    nat_b = Ip("198.51.100.2");
  }
};

TEST(NatBeforeBoth, EachSideKnowsOfBothAndSelectorsAreSubstituted) {
  NatWorld w;
  w.Connect();
  ASSERT_EQ(w.a->live() + w.b->live(), 2u);
  for (const Node* n : {w.a, w.b}) {
    EXPECT_TRUE(n->ups[0].nat_local && n->ups[0].nat_remote) << n->name;
    EXPECT_TRUE(n->children[0].udp_encap);
  }
  EXPECT_EQ(w.a->ups[0].remote, (net::Endpoint{Ip("198.51.100.2"), 4500}));
  EXPECT_EQ(w.b->ups[0].remote, (net::Endpoint{Ip("203.0.113.9"), 14500}));
  EXPECT_EQ(w.a->children[0].local_ts[0].start, Ip("192.0.2.1"));
  EXPECT_EQ(w.a->children[0].remote_ts[0].start, Ip("198.51.100.2"));
  EXPECT_EQ(w.b->children[0].local_ts[0].start, Ip("192.0.2.2"));
  EXPECT_EQ(w.b->children[0].remote_ts[0].start, Ip("203.0.113.9"));
  EXPECT_TRUE(w.PairUsable());
}

TEST(NatBeforeBoth, RekeysOfEitherKindByEitherSideLoseNothing) {
  NatWorld w;
  w.traffic_every = 5ms;
  w.Connect();
  for (Node* n : {w.a, w.b}) {
    w.Do(*n, [&](Endpoint& e, Actions& out) { e.RekeyChild(n->children.back().id, w.now, out); });
    w.Run(10s);
    w.Do(*n, [&](Endpoint& e, Actions& out) { e.RekeyIke(n->ups[0].id, w.now, out); });
    w.Run(10s);
  }
  EXPECT_THAT(w.a->children, SizeIs(3));
  EXPECT_THAT(w.b->children, SizeIs(3));
  EXPECT_THAT(w.b->rekeyed, SizeIs(2));
  EXPECT_EQ(w.b->children.back().remote_ts[0].start, Ip("203.0.113.9"));
  EXPECT_EQ(w.a->lost + w.b->lost, 0u);
}

TEST(NatBeforeBoth, BothKeepTheirMappingsAlive) {
  NatWorld w;
  w.Connect();
  w.Run(61s);
  for (const Node* n : {w.a, w.b}) EXPECT_EQ(n->endpoint->counters().Get("NAT keepalives received"), 3u) << n->name;
}

// The initiator reached its peer at a fixed address; a datagram from elsewhere is no reason to leave that.
TEST(NatBeforeBoth, OnlyTheResponderFollowsAMapping) {
  NatWorld w;
  w.a->policy.session.dpd = w.b->policy.session.dpd = {5s, 1s, false};
  w.Connect();
  const net::IpAddress before = *w.nat_b;
  w.nat_b = Ip("198.51.100.77");
  w.Run(4s);
  w.nat_b = before;
  w.Run(20s);
  EXPECT_THAT(w.a->moves, IsEmpty());
  w.nat_shift = 20000;
  w.Run(10s);
  ASSERT_THAT(w.b->moves, SizeIs(1));
  EXPECT_TRUE(w.b->moves[0].udp_encap);
  EXPECT_EQ(w.b->endpoint->List(w.now)[0].children[0].child.remote_port, 24500);
}

TEST(NatBeforeTheResponder, EncapsulatesAndSubstitutes) {
  NatWorld w(false);
  w.Connect();
  ASSERT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_FALSE(w.a->ups[0].nat_local);
  EXPECT_TRUE(w.a->ups[0].nat_remote);
  EXPECT_TRUE(w.b->ups[0].nat_local);
  EXPECT_FALSE(w.b->ups[0].nat_remote);
  EXPECT_EQ(w.b->children[0].local_ts[0].start, Ip("192.0.2.2"));
  EXPECT_EQ(w.a->children[0].remote_ts[0].start, Ip("198.51.100.2"));
  EXPECT_TRUE(w.PairUsable());
}

TEST(NatForced, TheResponderCanWantItToo) {
  World w;
  w.b->policy.force_encap = true;
  w.Connect();
  ASSERT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_TRUE(w.a->ups[0].nat_remote);
  EXPECT_TRUE(w.b->ups[0].nat_local);
  EXPECT_TRUE(w.a->children[0].udp_encap && w.b->children[0].udp_encap);
  EXPECT_EQ(w.b->ups[0].remote.port, 4500);
  EXPECT_TRUE(w.PairUsable());
}

TEST(NatForced, NeedsAPeerThatKnowsNatTraversal) {
  World w;
  w.b->policy.force_encap = true;
  w.drop = [&](const Node&, const Bytes&) { return false; };
  InitiateRequest r = w.Request(*w.a, *w.b);
  w.Initiate(*w.a, r);
  w.Run(1s);
  Header h = *DecodeHeader(w.wire[0].second.bytes);  // the same IKE_SA_INIT of somebody without NAT_DETECTION_*
  Payloads p = *DecodePayloads(h.next_payload, BytesView(w.wire[0].second.bytes).subspan(kHeaderSize));
  std::erase_if(p, [](const Payload& x) {
    const auto* n = std::get_if<NotifyPayload>(&x);
    return n != nullptr && (n->type == NotifyType::kNatDetectionSourceIp || n->type == NotifyType::kNatDetectionDestinationIp);
  });
  h.initiator_spi = IkeSpi(77);
  w.Inject(*w.b, {Ip("203.0.113.50"), 500}, EncodeMessage(h, p));
  w.Run(1s);
  const auto list = w.b->endpoint->List(w.now);
  const auto it = std::find_if(list.begin(), list.end(), [](const SaInfo& s) { return s.session.spi_i == IkeSpi(77); });
  ASSERT_NE(it, list.end());
  EXPECT_FALSE(it->session.nat_local);
}

}  // namespace
}  // namespace flexvpn::ike::test
