// SPDX-License-Identifier: Apache-2.0
// Endpoints of the same addresses in two VRFs are different endpoints.
#include <gtest/gtest.h>

#include "base/counters.h"
#include "unit/core_ike/pair.h"

namespace flexvpn::ike::test {
namespace {

constexpr net::VrfId kRed(1), kBlue(2);

// Two spokes with one address and one identity, each in a VRF of its own, and a hub in both.  What one is sent arrives at
// the other as well.
struct TwoVrfs : World {
  TwoVrfs() { other = Add("C", "192.0.2.1", "spoke1.example.net"); }
  IkeSaId Call(Node& from, net::VrfId vrf) {
    InitiateRequest r = Request(from, *b);
    r.local.vrf = r.remote.vrf = vrf;
    return Initiate(from, std::move(r));
  }
  bool BothUp() {
    return RunUntil([&] { return a->live() == 1 && other->live() == 1 && b->live() == 2; }, 60s);
  }
  Node* other;
};

uint64_t Counted(const Node& n, const char* what) { return n.endpoint->counters().Get(what); }

TEST(Vrf, SessionsWithEqualAddressesAndIdentitiesAreTwo) {
  TwoVrfs w;
  w.Call(*w.a, kRed);
  w.Call(*w.other, kBlue);
  ASSERT_TRUE(w.BothUp());
  std::set<net::VrfId> vrfs;
  for (const SessionInfo& s : w.b->ups) {
    vrfs.insert(s.local.vrf);
    EXPECT_EQ(s.local.vrf, s.remote.vrf);
  }
  EXPECT_EQ(vrfs, (std::set<net::VrfId>{kRed, kBlue}));
}

// INITIAL_CONTACT of the second spoke is no word about the first one.
TEST(Vrf, InitialContactEndsSessionsOfItsOwnVrfAlone) {
  TwoVrfs w;
  w.Call(*w.a, kRed);
  ASSERT_TRUE(w.RunUntil([&] { return w.b->live() == 1; }, 60s));
  w.Call(*w.other, kBlue);
  ASSERT_TRUE(w.BothUp());
  EXPECT_TRUE(w.b->downs.empty());
  Node* again = w.Add("D", "192.0.2.9", "spoke1.example.net");
  w.Call(*again, kRed);
  ASSERT_TRUE(w.RunUntil([&] { return again->live() == 1 && !w.b->downs.empty(); }, 60s));
  ASSERT_EQ(w.b->downs.size(), 1u);
  EXPECT_EQ(w.b->downs[0].session.local.vrf, kRed);
}

TEST(Vrf, TheSameRequestByAnotherVrfIsNoRepetition) {
  TwoVrfs w;
  w.Call(*w.a, kRed);
  ASSERT_TRUE(w.RunUntil([&] { return !w.wire.empty(); }, 1s));
  Datagram d{w.wire[0].second.remote, w.wire[0].second.local, w.wire[0].second.bytes};
  const auto feed = [&](net::VrfId vrf) {
    d.local.vrf = d.remote.vrf = vrf;
    w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.Handle(d, w.now, out); });
  };
  feed(kRed);
  feed(kRed);
  EXPECT_EQ(w.b->endpoint->half_open(), 1u);
  feed(kBlue);
  EXPECT_EQ(w.b->endpoint->half_open(), 2u);
}

TEST(Vrf, MessagesOfASessionByAnotherVrfAreDropped) {
  TwoVrfs w;
  w.Call(*w.a, kRed);
  // The answer to IKE_SA_INIT, then IKE_AUTH, each first by the wrong VRF.
  w.cut = [&](const Datagram& d) {
    if (d.local.vrf == kBlue) return false;
    Datagram stray{d.remote, d.local, d.bytes};
    stray.local.vrf = stray.remote.vrf = kBlue;
    Node& to = d.remote.address == w.b->address ? *w.b : *w.a;
    if (w.wire.size() == 1) return false;  // IKE_SA_INIT
    w.Do(to, [&](Endpoint& e, Actions& out) { e.Handle(stray, w.now, out); });
    return false;
  };
  ASSERT_TRUE(w.RunUntil([&] { return w.a->live() == 1 && w.b->live() == 1; }, 60s));
  EXPECT_GT(Counted(*w.a, "drop: IKE_SA_INIT answer from elsewhere"), 0u);
  EXPECT_GT(Counted(*w.a, "drop: message by another VRF"), 0u);
  EXPECT_GT(Counted(*w.b, "drop: message by another VRF"), 0u);
  EXPECT_EQ(w.b->ups[0].local.vrf, kRed);
}

TEST(Vrf, AMovedSessionStaysInItsVrf) {
  TwoVrfs w;
  w.a->policy.session.mobike = w.b->policy.session.mobike = true;
  w.a->more = {Ip("192.0.2.77")};
  const IkeSaId id = w.Call(*w.a, kRed);
  ASSERT_TRUE(w.RunUntil([&] { return w.a->live() == 1 && w.b->live() == 1; }, 60s));
  bool moved = false;
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { moved = e.MoveTo(id, Ip("192.0.2.77"), w.now, out); });
  ASSERT_TRUE(moved);
  ASSERT_TRUE(w.RunUntil([&] { return !w.b->moves.empty(); }, 30s));
  EXPECT_EQ(w.a->moves.back().local, (net::Endpoint{Ip("192.0.2.77"), 4500, kRed}));
  EXPECT_EQ(w.b->moves.back().remote, (net::Endpoint{Ip("192.0.2.77"), 4500, kRed}));
}

}  // namespace
}  // namespace flexvpn::ike::test
