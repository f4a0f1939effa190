// SPDX-License-Identifier: Apache-2.0
#include "bpf/fixture.h"

namespace flexvpn::bpf_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class SpokeClassify : public BpfTest {
 protected:
  const Bytes to_spoke2_ = Ip({.source = "10.11.0.5", .destination = "10.12.0.5"});
  const Bytes to_lan_ = Ip({.source = "10.11.0.5", .destination = "192.168.1.5"});
  size_t EventsFor(const Bytes& frame, uint32_t mark) {
    EXPECT_EQ(Classify(frame, mark).verdict, kPass);
    return Events().size();
  }
};

TEST_F(SpokeClassify, SpokeToSpokeTellsTheDaemonOnce) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Classify(to_spoke2_, 0xff000001).verdict, kPass);
  auto events = Events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, os::BpfEvent::Type::kTrafficIndication);
  EXPECT_EQ(events[0].ingress, net::PeerId(1));
  EXPECT_EQ(events[0].egress, net::PeerId(2));
  EXPECT_EQ(events[0].network_id, 7U);
  EXPECT_EQ(events[0].ifindex, IfIndex("gre0"));
  EXPECT_EQ(events[0].next_hop, Addr("10.0.0.12"));
  EXPECT_EQ(events[0].data, Bytes(to_spoke2_.begin() + kEthernet, to_spoke2_.end()));
  EXPECT_GT(events[0].time_ns, 0U);
  EXPECT_EQ(Counter("events-sent"), 1U);
  EXPECT_EQ(Counter("events-limited"), 2U);
}

TEST_F(SpokeClassify, DeviceOfUnknownFraming) {
  learn_devices_ = false;
  ASSERT_NO_FATAL_FAILURE(Load(options_));
  EXPECT_EQ(EventsFor(to_spoke2_, 1), 1U);
  EXPECT_EQ(EventsFor(to_lan_, 1), 0U);
  EXPECT_EQ(EventsFor(Ip({.source = "fd00:11::5", .destination = "fd00:12::5"}), 1), 1U);
  EXPECT_EQ(datapath_->PeerStats(net::PeerId(1))->rx_bytes, 120U + 120 + 140);
}

TEST_F(SpokeClassify, TheLimitIsPerPeerAndDestination) {
  EXPECT_EQ(EventsFor(to_spoke2_, 1), 1U);
  EXPECT_EQ(EventsFor(to_spoke2_, 3), 0U) << "peer 3 is in another network";
  EXPECT_EQ(EventsFor(to_spoke2_, 4), 1U) << "another peer";
  EXPECT_EQ(EventsFor(Ip({.source = "10.11.0.5", .destination = "10.12.0.6"}), 1), 1U) << "another destination";
  EXPECT_EQ(EventsFor(Ip({.source = "10.11.0.9", .destination = "10.12.0.5"}), 1), 0U) << "another source only";
}

TEST_F(SpokeClassify, TheLimitEndsWithTheInterval) {
  options_.redirect_interval = milliseconds(50);
  ASSERT_NO_FATAL_FAILURE(Load(options_));
  std::vector<Event> events;
  ASSERT_TRUE(Eventually([&] {
    Classify(to_spoke2_, 1);
    for (Event& e : Events()) events.push_back(e);
    return events.size() >= 3;
  }));
  EXPECT_GE(events[1].time_ns - events[0].time_ns, 50'000'000U);
  EXPECT_GE(events[2].time_ns - events[1].time_ns, 50'000'000U);
}

TEST_F(SpokeClassify, Ipv6) {
  const Bytes packet = Ip({.source = "fd00:11::5", .destination = "fd00:12::5", .payload_octets = 300});
  EXPECT_EQ(Classify(packet, 1).verdict, kPass);
  auto events = Events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].next_hop, Addr("fd00::12"));
  EXPECT_EQ(events[0].data, Bytes(packet.begin() + kEthernet, packet.begin() + kEthernet + 128)) << "128 octets";
  EXPECT_EQ(EventsFor(Ip({.source = "fd00:11::5", .destination = "fd00:99::5"}), 1), 0U);
}

TEST_F(SpokeClassify, EgressByAnotherDeviceAndByIpv6NextHop) {
  EXPECT_EQ(Classify(Ip({.source = "10.11.0.5", .destination = "10.15.0.5"}), 1).verdict, kPass);
  EXPECT_EQ(Classify(Ip({.source = "10.11.0.5", .destination = "10.14.0.5"}), 1).verdict, kPass);
  auto events = Events();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].egress, net::PeerId(5));
  EXPECT_EQ(events[0].ifindex, IfIndex("gre1"));
  EXPECT_EQ(events[1].egress, net::PeerId(4));
  EXPECT_EQ(events[1].next_hop, Addr("fd00::14"));
}

TEST_F(SpokeClassify, WhatNeedsNoIndication) {
  ASSERT_TRUE(IpBatch("route add ::/0 via fd00::12 dev gre0\nroute add default via 10.0.0.12 dev gre0\n"));
  const std::pair<const char*, Bytes> cases[] = {
      {"towards the LAN", to_lan_},
      {"to the hub", Ip({.source = "10.11.0.5", .destination = "10.0.0.1"})},
      {"back to the same peer", Ip({.source = "10.11.0.5", .destination = "10.11.0.6"})},
      {"to another network", Ip({.source = "10.11.0.5", .destination = "10.13.0.5"})},
      {"unknown next hop", Ip({.source = "10.11.0.5", .destination = "10.0.0.77"})},
      {"multicast", Ip({.source = "10.11.0.5", .destination = "224.0.0.5"})},
      {"broadcast", Ip({.source = "10.11.0.5", .destination = "255.255.255.255"})},
      {"link-local", Ip({.source = "10.11.0.5", .destination = "169.254.1.1"})},
      {"multicast", Ip({.source = "fd00:11::5", .destination = "ff02::5"})},
      {"link-local", Ip({.source = "fe80::5", .destination = "fe80::6"})},
      {"TTL 1", Ip({.source = "10.11.0.5", .destination = "10.12.0.5", .ttl = 1})},
      {"hop limit 1", Ip({.source = "fd00:11::5", .destination = "fd00:12::5", .ttl = 1})},
      {"NHRP", Frame(kEthNhrp, Bytes(80, 1))},
  };
  for (const auto& [what, frame] : cases) {
    EXPECT_EQ(EventsFor(frame, 1), 0U) << what;
    EXPECT_EQ(EventsFor(frame, 1), 0U) << what << ", cached";
  }
  EXPECT_THAT(Drops(), IsEmpty());
  EXPECT_EQ(EventsFor(to_spoke2_, 1), 1U) << "TTL 1 before must not hide this one";
}

TEST_F(SpokeClassify, OnlyWithRedirectAndANetwork) {
  dataplane::Peer peer = PeerNumber(1);
  peer.redirect = false;
  ASSERT_TRUE(datapath_->PutPeer(peer, IfIndex("gre0")).ok());
  EXPECT_EQ(EventsFor(to_spoke2_, 1), 0U);
  peer.redirect = true;
  peer.network_id = 0;
  ASSERT_TRUE(datapath_->PutPeer(peer, IfIndex("gre0")).ok());
  EXPECT_EQ(EventsFor(to_spoke2_, 1), 0U);
  ASSERT_TRUE(datapath_->PutPeer(PeerNumber(1), IfIndex("gre0")).ok());
  EXPECT_EQ(EventsFor(to_spoke2_, 1), 1U) << "a change of the map ends cached decisions";
}

TEST_F(SpokeClassify, DecisionsAreCached) {
  options_.decision_jiffies = 1'000'000;
  ASSERT_NO_FATAL_FAILURE(Load(options_));
  EXPECT_EQ(EventsFor(to_lan_, 1), 0U);
  ASSERT_TRUE(IpBatch("route add 192.168.1.5/32 via 10.0.0.12 dev gre0\n"));
  EXPECT_EQ(EventsFor(to_lan_, 1), 0U) << "still the old verdict";
  EXPECT_EQ(EventsFor(to_lan_, 4), 1U) << "but not for another peer";
  ASSERT_TRUE(datapath_->PutNextHop(IfIndex("gre0"), Addr("10.0.0.99"), net::PeerId(2)).ok());
  EXPECT_EQ(EventsFor(to_lan_, 1), 1U) << "a new generation";
}

TEST_F(SpokeClassify, CachedDecisionsExpire) {
  options_.decision_jiffies = 3;
  ASSERT_NO_FATAL_FAILURE(Load(options_));
  EXPECT_EQ(EventsFor(to_lan_, 1), 0U);
  ASSERT_TRUE(IpBatch("route add 192.168.1.5/32 via 10.0.0.12 dev gre0\n"));
  EXPECT_TRUE(Eventually([&] { return EventsFor(to_lan_, 1) == 1; }));
}

TEST_F(SpokeClassify, StatsCountCachedAndUncached) {
  for (int i = 0; i < 4; ++i) Classify(to_lan_, 1);
  Classify(Frame(kEthNhrp, Bytes(80, 1)), 1);
  auto stats = datapath_->PeerStats(net::PeerId(1));
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->rx_packets, 5U);
  EXPECT_EQ(stats->rx_bytes, 4U * 120 + kEthernet + 80);
  EXPECT_EQ(stats->tx_packets, 0U);
}

TEST_F(SpokeClassify, NothingEntersWithoutAnSaOfOurs) {
  Bytes wrong_version = to_lan_, wrong_version6 = Ip({.source = "fd00:11::5", .destination = "fd00:12::5"});
  wrong_version[kEthernet] = 0x65;
  wrong_version6[kEthernet] = 0x40;
  struct {
    const char *reason, *device;
    Bytes frame;
    uint32_t mark;
  } cases[] = {
      {"rx-without-ipsec", "gre0", to_lan_, 0},
      {"rx-without-ipsec", "gre0", to_lan_, 0xfff00000},
      {"rx-without-ipsec", "gre0", Frame(kEthNhrp, Bytes(80, 1)), 0},
      {"rx-unknown-peer", "gre0", to_lan_, 999},
      {"rx-unknown-peer", "gre0", Frame(kEthNhrp, Bytes(80, 1)), 999},
      {"rx-wrong-device", "gre1", to_lan_, 1},
      {"rx-malformed", "gre0", wrong_version, 1},
      {"rx-malformed", "gre0", wrong_version6, 1},
  };
  EXPECT_EQ(Classify(to_lan_, 1).verdict, kPass) << "fills the cache, which must not open the door on gre1";
  std::map<std::string, uint64_t> expected;
  for (const auto& c : cases) {
    ++expected[c.reason];
    EXPECT_EQ(ClassifyOn(c.device, c.frame, c.mark).verdict, kDrop) << c.reason;
    EXPECT_EQ(Drops(), expected) << c.reason;
  }
  EXPECT_THAT(Events(), IsEmpty());
}

TEST_F(SpokeClassify, RemovedPeerIsRefusedAtOnceInSpiteOfTheCache) {
  options_.decision_jiffies = 1'000'000;
  ASSERT_NO_FATAL_FAILURE(Load(options_));
  ASSERT_EQ(Classify(to_lan_, 1).verdict, kPass);
  ASSERT_TRUE(datapath_->RemovePeer(net::PeerId(1)).ok());
  EXPECT_EQ(Classify(to_lan_, 1).verdict, kDrop);
  EXPECT_THAT(Drops(), ElementsAre(Pair("rx-unknown-peer", 1)));
}

TEST_F(SpokeClassify, FullRingLosesEventsCountsThemAndRecovers) {
  options_.ring_bytes = 4096;
  options_.redirect_interval = Duration(0);
  ASSERT_NO_FATAL_FAILURE(Load(options_));
  for (int i = 0; i < 40; ++i) EXPECT_EQ(Classify(to_spoke2_, 1).verdict, kPass);
  size_t events = Events().size();
  EXPECT_GT(events, 10U);
  EXPECT_GT(Counter("events-lost"), 0U);
  EXPECT_EQ(events + Counter("events-lost"), 40U);
  EXPECT_EQ(EventsFor(to_spoke2_, 1), 1U);
}

}  // namespace
}  // namespace flexvpn::bpf_test
