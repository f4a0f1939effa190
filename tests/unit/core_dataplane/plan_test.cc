// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/rng.h"
#include "core/dataplane/objects.h"
#include "support/values.h"

namespace flexvpn::dataplane {
namespace {

net::Prefix Net(const char* text) { return *net::Prefix::Parse(text); }

Sa MakeSa(Direction d, uint32_t spi, uint32_t peer) {
  Sa s;
  s.direction = d;
  s.spi = spi;
  s.source = Ip("198.51.100.1");
  s.destination = Ip("203.0.113.9");
  s.peer = net::PeerId(peer);
  s.encr = 20;
  s.encr_key_bits = 128;
  s.encr_key = SecretBytes(20, static_cast<uint8_t>(spi));
  return s;
}

Policy MakePolicy(Direction d, uint32_t peer) {
  Policy p;
  p.direction = d;
  p.peer = net::PeerId(peer);
  p.local = Ip("198.51.100.1");
  p.remote = Ip("203.0.113.9");
  return p;
}

Peer MakePeer(uint32_t id, const char* remote) {
  Peer p;
  p.id = net::PeerId(id);
  p.device = "flex-gre0";
  p.local = Ip("198.51.100.1");
  p.remote = Ip(remote);
  return p;
}

Route MakeRoute(const char* prefix, uint32_t metric = kIkeRouteMetric) {
  Route r;
  r.prefix = Net(prefix);
  r.device = "flex-gre0";
  r.next_hop = Ip("10.0.0.11");
  r.metric = metric;
  return r;
}

// One of everything, in no useful order.
State FullPeer() {
  State s;
  s.Put(MakeRoute("10.11.0.0/24"));
  s.Put(NextHop{"flex-gre0", Ip("10.0.0.11"), net::PeerId(3)});
  s.Put(MakePeer(3, "203.0.113.9"));
  s.Put(MakePolicy(Direction::kOut, 3));
  s.Put(MakePolicy(Direction::kIn, 3));
  s.Put(MakeSa(Direction::kOut, 0x333, 3));
  s.Put(MakeSa(Direction::kIn, 0xc0ffee01, 3));
  s.Put(Address{"flex-gre0", Ip("10.0.0.1"), 24});
  s.Put(Block{Ip("198.51.100.1")});
  s.Put(SourceRule{Ip("198.51.100.1"), 10});
  s.Put(Device{"flex-gre0", DeviceKind::kGreExternal, net::Family::kIpv4, 1400});
  return s;
}

std::vector<size_t> Types(const Plan& plan) {
  std::vector<size_t> out;
  for (const Step& s : plan) out.push_back(s.object.index());
  return out;
}

template <class T>
size_t IndexOf() {
  return Object(T{}).index();
}

TEST(DataplaneKey, IsReadable) {
  EXPECT_EQ(Key(MakeSa(Direction::kIn, 0xc1234567, 1)), "sa in 0xc1234567 203.0.113.9");
  EXPECT_EQ(Key(MakeRoute("10.0.0.1/32")), "route 10.0.0.1/32 metric 200 dev flex-gre0");
  EXPECT_EQ(Key(MakePolicy(Direction::kOut, 7)),
            "policy out 198.51.100.1/32 203.0.113.9/32 proto 47 mark 7");
  EXPECT_EQ(Key(Block{Ip("2001:db8::1")}), "block gre 2001:db8::1");
}

TEST(DataplaneKey, TellsStatesOfEqualSpiApartOnlyWhereTheyAreMarked) {
  Sa a = MakeSa(Direction::kOut, 0x333, 3), b = MakeSa(Direction::kOut, 0x333, 4);
  EXPECT_EQ(Key(a), Key(b));
  a.mark_state = b.mark_state = true;
  EXPECT_NE(Key(a), Key(b));
}

TEST(DataplaneKey, PoliciesOfTwoPeersBehindOneAddressDifferByMark) {
  Policy a = MakePolicy(Direction::kIn, 3), b = MakePolicy(Direction::kIn, 4);
  EXPECT_NE(Key(a), Key(b));
  a.marked = b.marked = false;
  EXPECT_EQ(Key(a), Key(b));
}

TEST(DataplaneKey, PolicySelectorsDefaultToTheOuterHosts) {
  Policy a = MakePolicy(Direction::kIn, 3), b = a;
  b.local_selector = Net("198.51.100.1/32");
  b.remote_selector = Net("203.0.113.9/32");
  EXPECT_EQ(Key(a), Key(b));
}

TEST(DataplaneDiff, PutsInInstallOrder) {
  Plan plan = Diff(State(), FullPeer());
  EXPECT_EQ(Types(plan), (std::vector<size_t>{IndexOf<Device>(), IndexOf<Block>(), IndexOf<Address>(),
                                              IndexOf<SourceRule>(), IndexOf<Sa>(), IndexOf<Sa>(), IndexOf<Policy>(),
                                              IndexOf<Policy>(), IndexOf<Peer>(), IndexOf<NextHop>(), IndexOf<Route>()}));
  for (const Step& s : plan) EXPECT_EQ(s.kind, Step::Kind::kPut);
}

TEST(DataplaneDiff, RemovesInTheReverseOfInstallOrder) {
  Plan plan = Diff(FullPeer(), State());
  EXPECT_EQ(Types(plan), (std::vector<size_t>{IndexOf<Route>(), IndexOf<NextHop>(), IndexOf<Peer>(),
                                              IndexOf<Policy>(), IndexOf<Policy>(), IndexOf<Sa>(), IndexOf<Sa>(),
                                              IndexOf<SourceRule>(), IndexOf<Address>(), IndexOf<Block>(), IndexOf<Device>()}));
  for (const Step& s : plan) EXPECT_EQ(s.kind, Step::Kind::kRemove);
}

TEST(DataplaneDiff, MakesBeforeItBreaks) {
  State have = FullPeer(), want = FullPeer();
  want.Erase(Key(MakeSa(Direction::kIn, 0xc0ffee01, 3)));
  want.Put(MakeSa(Direction::kIn, 0xc0ffee02, 3));  // a rekey
  Plan plan = Diff(have, want);
  ASSERT_EQ(plan.size(), 2u);
  EXPECT_EQ(plan[0].kind, Step::Kind::kPut);
  EXPECT_EQ(Key(plan[0].object), "sa in 0xc0ffee02 203.0.113.9");
  EXPECT_EQ(plan[1].kind, Step::Kind::kRemove);
  EXPECT_EQ(Key(plan[1].object), "sa in 0xc0ffee01 203.0.113.9");
}

TEST(DataplaneDiff, ReplacesAChangedObjectByOnePut) {
  State have = FullPeer(), want = FullPeer();
  want.Put(MakePeer(3, "203.0.113.77"));
  Plan plan = Diff(have, want);
  ASSERT_EQ(plan.size(), 1u);
  EXPECT_EQ(plan[0].kind, Step::Kind::kPut);
  EXPECT_EQ(std::get<Peer>(plan[0].object).remote, Ip("203.0.113.77"));
}

TEST(DataplaneDiff, ARuleChangesItsTableByOnePut) {
  State have = FullPeer(), want = FullPeer();
  want.Put(SourceRule{Ip("198.51.100.1"), 20});
  const Plan plan = Diff(have, want);
  ASSERT_EQ(plan.size(), 1u);
  EXPECT_EQ(plan[0].kind, Step::Kind::kPut);
  EXPECT_EQ(Key(plan[0].object), "rule from 198.51.100.1");
}

TEST(DataplaneDiff, LeavesAnInstalledSaAlone) {
  State have, want;
  Sa without_keys = MakeSa(Direction::kIn, 1, 1);
  without_keys.encr_key.clear();
  have.Put(without_keys);
  want.Put(MakeSa(Direction::kIn, 1, 1));
  EXPECT_TRUE(Diff(have, want).empty());
}

TEST(DataplaneDiff, AcceptsAnyMtuWhereNoneIsWanted) {
  State have, want;
  have.Put(Device{"flex-gre0", DeviceKind::kGreExternal, net::Family::kIpv4, 1476});
  want.Put(Device{"flex-gre0", DeviceKind::kGreExternal, net::Family::kIpv4, 0});
  EXPECT_TRUE(Diff(have, want).empty());
  EXPECT_EQ(Diff(want, have).size(), 1u);
}

TEST(DataplaneDiff, ReadsMissingSelectorsAsTheOuterHosts) {
  State have, want;
  Policy p = MakePolicy(Direction::kIn, 3);
  want.Put(p);
  p.local_selector = Net("198.51.100.1/32");
  p.remote_selector = Net("203.0.113.9/32");
  have.Put(p);
  EXPECT_TRUE(Diff(have, want).empty());
}

TEST(DataplaneOrder, KeepsTheLastStepOfAKeyAndTheOrderOfEquals) {
  Plan plan;
  plan.push_back({Step::Kind::kRemove, MakeRoute("10.1.0.0/16")});
  plan.push_back({Step::Kind::kRemove, MakeSa(Direction::kIn, 5, 1)});
  plan.push_back({Step::Kind::kPut, MakeRoute("10.2.0.0/16")});
  plan.push_back({Step::Kind::kPut, MakeSa(Direction::kIn, 5, 2)});  // replaces the removal above
  plan.push_back({Step::Kind::kPut, MakeRoute("10.3.0.0/16")});
  Order(plan);
  ASSERT_EQ(plan.size(), 4u);
  EXPECT_EQ(std::get<Sa>(plan[0].object).peer, net::PeerId(2));
  EXPECT_EQ(std::get<Route>(plan[1].object).prefix, Net("10.2.0.0/16"));
  EXPECT_EQ(std::get<Route>(plan[2].object).prefix, Net("10.3.0.0/16"));
  EXPECT_EQ(plan[3].kind, Step::Kind::kRemove);
}

Object RandomObject(SeededRng& rng) {
  auto small = [&rng](uint64_t bound) { return static_cast<uint32_t>(rng.Below(bound)); };
  std::string device = small(2) ? "flex-gre0" : "flex-gre1";
  net::IpAddress ip = Ip("10.0.0.0").Plus(small(6));
  switch (small(8)) {
    case 0: return Device{device, DeviceKind::kGreExternal, net::Family::kIpv4, 1400 + small(3)};
    case 1: return Block{ip};
    case 2: return Address{device, ip, static_cast<int>(24 + small(3))};
    case 3: return MakeSa(small(2) ? Direction::kIn : Direction::kOut, small(8), 1);
    case 4: {
      Policy p = MakePolicy(small(2) ? Direction::kIn : Direction::kOut, small(4));
      p.marked = small(2) != 0;
      return p;
    }
    case 5: {
      Peer p = MakePeer(small(5), "203.0.113.9");
      p.adjust_mss = static_cast<uint16_t>(small(3));
      return p;
    }
    case 6: return NextHop{device, ip, net::PeerId(small(4))};
    default: return MakeRoute(small(2) ? "10.1.0.0/16" : "10.2.0.0/16", 100 * small(3));
  }
}

TEST(DataplaneDiff, AppliedToHaveGivesWantForRandomStates) {
  SeededRng rng(20240611);
  for (int round = 0; round < 2000; ++round) {
    State have, want;
    for (uint64_t i = rng.Below(30); i > 0; --i) have.Put(RandomObject(rng));
    for (uint64_t i = rng.Below(30); i > 0; --i) want.Put(RandomObject(rng));
    EXPECT_TRUE(Diff(want, want).empty());
    Plan plan = Diff(have, want);
    have.Apply(plan);
    ASSERT_EQ(have.all(), want.all()) << "round " << round;
    Plan ordered = plan;
    Order(ordered);
    EXPECT_EQ(Types(ordered), Types(plan));
  }
}

}  // namespace
}  // namespace flexvpn::dataplane
