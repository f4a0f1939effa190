// SPDX-License-Identifier: Apache-2.0
#include "bpf/fixture.h"

namespace flexvpn::bpf_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class PeerSelect : public BpfTest {
 protected:
  net::IpAddress Outer(const __u32 (&words)[4], uint32_t family) {
    return net::IpAddress::FromBytes({reinterpret_cast<const uint8_t*>(words), family == ABI_IPV6 ? 16U : 4U});
  }
};

TEST_F(PeerSelect, RouteLeadsToPeerAndTunnelEndpoint) {
  RunResult r = SelectAndReport(Ip({.source = "192.168.1.5", .destination = "10.11.0.5", .tos = 0xb8 | 1}), 0xabc00005);
  EXPECT_EQ(r.verdict, kPass);
  EXPECT_EQ(r.mark, 0xabc00001U) << "the administrator's bits stay";
  probe_report report = probe_->Report();
  ASSERT_EQ(report.family, static_cast<uint32_t>(ABI_IPV4));
  EXPECT_EQ(Outer(report.source, ABI_IPV4), Addr("198.51.100.1"));
  EXPECT_EQ(Outer(report.destination, ABI_IPV4), Addr("198.51.100.11"));
  EXPECT_EQ(report.key, 101U);
  EXPECT_EQ(report.flags & (PROBE_KEY | PROBE_CSUM | PROBE_DONT_FRAGMENT), static_cast<uint32_t>(PROBE_KEY));
  EXPECT_EQ(report.ttl, 255);
  EXPECT_EQ(report.tos, 0xb8) << "DSCP is copied, ECN left to the tunnel device";
  EXPECT_THAT(Drops(), IsEmpty());
}

TEST_F(PeerSelect, DoNotFragmentIsCopied) {
  SelectAndReport(Ip({.source = "192.168.1.5", .destination = "10.11.0.5", .do_not_fragment = true}));
  EXPECT_TRUE(probe_->Report().flags & PROBE_DONT_FRAGMENT);
  SelectAndReport(Ip({.source = "fd00:99::5", .destination = "fd00:11::5"}));
  EXPECT_TRUE(probe_->Report().flags & PROBE_DONT_FRAGMENT) << "IPv6 packets may not be fragmented on the way";
}

TEST_F(PeerSelect, OnLinkDestinationIsItsOwnNextHop) {
  EXPECT_EQ(Select(Ip({.source = "10.0.0.1", .destination = "10.0.0.12"})).mark, 2U);
  EXPECT_EQ(Select(Ip({.source = "fd00::1", .destination = "fd00::11"})).mark, 1U);
}

TEST_F(PeerSelect, Ipv6Overlay) {
  RunResult r = SelectAndReport(Ip({.source = "fd00:99::5", .destination = "fd00:12::5", .tos = 0x48}));
  EXPECT_EQ(r.verdict, kPass);
  EXPECT_EQ(r.mark, 2U);
  EXPECT_EQ(Outer(probe_->Report().destination, ABI_IPV4), Addr("198.51.100.12"));
  EXPECT_EQ(probe_->Report().tos, 0x48);
}

TEST_F(PeerSelect, Ipv4RouteViaIpv6NextHopToIpv6UnderlayWithoutKey) {
  RunResult r = SelectAndReport(Ip({.source = "192.168.1.5", .destination = "10.14.0.5"}));
  EXPECT_EQ(r.verdict, kPass);
  EXPECT_EQ(r.mark, 4U);
  probe_report report = probe_->Report();
  ASSERT_EQ(report.family, static_cast<uint32_t>(ABI_IPV6));
  EXPECT_EQ(Outer(report.source, ABI_IPV6), Addr("2001:db8::1"));
  EXPECT_EQ(Outer(report.destination, ABI_IPV6), Addr("2001:db8::14"));
  EXPECT_FALSE(report.flags & PROBE_KEY);
}

TEST_F(PeerSelect, OurRouteChangeHoldsFromTheNextPacket) {
  options_.selection_jiffies = 1'000'000;
  ASSERT_NO_FATAL_FAILURE(Load(options_));
  const Bytes packet = Ip({.source = "192.168.1.5", .destination = "10.11.0.5"});
  ASSERT_EQ(Select(packet).mark, 1U);
  ASSERT_TRUE(IpBatch("route add 10.11.0.5/32 via 10.0.0.12 dev gre0\n"));
  ASSERT_EQ(Select(packet).mark, 1U) << "remembered";
  datapath_->RoutesChanged();
  EXPECT_EQ(Select(packet).mark, 2U);
}

TEST_F(PeerSelect, RouteChangeOfOthersIsNoticedSoon) {
  options_.selection_jiffies = 3;
  ASSERT_NO_FATAL_FAILURE(Load(options_));
  const Bytes packet = Ip({.source = "192.168.1.5", .destination = "10.11.0.5"});
  ASSERT_EQ(Select(packet).mark, 1U);
  ASSERT_TRUE(IpBatch("route add 10.11.0.5/32 via 10.0.0.12 dev gre0\n"));
  EXPECT_TRUE(Eventually([&] { return Select(packet).mark == 2; }));
}

TEST_F(PeerSelect, RememberedPerSourceAndClassAsRoutesCanBe) {
  options_.selection_jiffies = 1'000'000;
  ASSERT_NO_FATAL_FAILURE(Load(options_));
  ASSERT_TRUE(IpBatch(R"(rule add from 192.168.1.6 lookup 100
rule add tos 0x10 lookup 100
route add default via 10.0.0.12 dev gre0 table 100
)"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Select(Ip({.source = "192.168.1.5", .destination = "10.11.0.5"})).mark, 1U);
    EXPECT_EQ(Select(Ip({.source = "192.168.1.6", .destination = "10.11.0.5"})).mark, 2U);
    EXPECT_EQ(Select(Ip({.source = "192.168.1.5", .destination = "10.11.0.5", .tos = 0x10})).mark, 2U);
    EXPECT_EQ(Select(Ip({.source = "192.168.1.5", .destination = "10.11.0.5", .tos = 0x01})).mark, 1U);
  }
}

TEST_F(PeerSelect, ChangedPeerHoldsFromTheNextPacket) {
  options_.selection_jiffies = 1'000'000;
  ASSERT_NO_FATAL_FAILURE(Load(options_));
  const Bytes packet = Ip({.source = "192.168.1.5", .destination = "10.11.0.5"});
  ASSERT_EQ(SelectAndReport(packet).mark, 1U);
  dataplane::Peer moved = PeerNumber(1);
  moved.remote = Addr("203.0.113.99");
  ASSERT_TRUE(datapath_->PutPeer(moved, IfIndex("gre0")).ok());
  // The probe's programs have a generation of their own, so ask the real one and look at what it remembers.
  EXPECT_EQ(Select(packet).mark, 1U);
  ASSERT_TRUE(datapath_->PutNextHop(IfIndex("gre0"), Addr("10.0.0.11"), net::PeerId(3)).ok());
  EXPECT_EQ(Select(packet).mark, 3U);
  ASSERT_TRUE(datapath_->RemovePeer(net::PeerId(3)).ok());
  EXPECT_EQ(Select(packet).verdict, kDrop);
}

TEST_F(PeerSelect, APeerInTcpIsMarkedAndItsMarkGoesWithIt) {
  const Bytes packet = Ip({.source = "192.168.1.5", .destination = "10.11.0.5"});
  dataplane::Peer peer = PeerNumber(1);
  peer.in_tcp = true;
  ASSERT_TRUE(datapath_->PutPeer(peer, IfIndex("gre0")).ok());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Select(packet, 0xabc00005).mark, 0xabd00001U) << "the administrator's bits stay";
  peer.in_tcp = false;
  ASSERT_TRUE(datapath_->PutPeer(peer, IfIndex("gre0")).ok());
  EXPECT_EQ(Select(packet, net::kTcpMark).mark, 1U) << "nothing of an earlier life of the packet stays";
}

TEST_F(PeerSelect, NhrpGoesWhereItsMarkSays) {
  RunResult r = SelectAndReport(Frame(kEthNhrp, Bytes(80, 1)), 3);
  EXPECT_EQ(r.verdict, kPass);
  EXPECT_EQ(r.mark, 3U);
  EXPECT_EQ(Outer(probe_->Report().destination, ABI_IPV4), Addr("198.51.100.13"));
  EXPECT_EQ(probe_->Report().tos, 0xc0);
  EXPECT_EQ(datapath_->PeerStats(net::PeerId(3))->tx_packets, 1U);
  EXPECT_EQ(datapath_->PeerStats(net::PeerId(3))->last_tx_ns, 0U) << "NHRP alone keeps no shortcut alive";
}

TEST_F(PeerSelect, StatsCountInnerOctets) {
  Select(Ip({.source = "192.168.1.5", .destination = "10.11.0.5", .payload_octets = 80}));
  Select(Ip({.source = "fd00:99::5", .destination = "fd00:11::5", .payload_octets = 60}));
  auto stats = datapath_->PeerStats(net::PeerId(1));
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->tx_packets, 2U);
  EXPECT_EQ(stats->tx_bytes, 200U);
  EXPECT_EQ(stats->rx_packets, 0U);
  EXPECT_GT(stats->last_tx_ns, 0U);
  EXPECT_EQ(datapath_->AllStats()->size(), 5U);
}

TEST_F(PeerSelect, DefaultPeerTakesWhatHasNoEntryAndMulticast) {
  ASSERT_TRUE(datapath_->PutNextHop(IfIndex("gre0"), Addr("0.0.0.0"), net::PeerId(3)).ok());
  EXPECT_EQ(Select(Ip({.source = "10.0.0.1", .destination = "10.0.0.77"})).mark, 3U);
  EXPECT_EQ(Select(Ip({.source = "10.0.0.1", .destination = "224.0.0.5"})).mark, 3U);
  EXPECT_EQ(Select(Ip({.source = "10.0.0.1", .destination = "10.11.0.5"})).mark, 1U) << "an entry comes first";
  EXPECT_EQ(Select(Ip({.source = "fd00::1", .destination = "fd00::77"})).verdict, kDrop) << "of its family only";
}

TEST_F(PeerSelect, UnknownNextHopIsDroppedCountedAndToldOnce) {
  const Bytes packet = Ip({.source = "192.168.1.5", .destination = "10.0.0.77"});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Select(packet).verdict, kDrop);
  EXPECT_THAT(Drops(), ElementsAre(Pair("tx-unknown-next-hop", 3)));
  auto events = Events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, os::BpfEvent::Type::kUnknownNextHop);
  EXPECT_EQ(events[0].next_hop, Addr("10.0.0.77"));
  EXPECT_EQ(events[0].ifindex, IfIndex("gre0"));
  EXPECT_EQ(events[0].data, Bytes(packet.begin() + kEthernet, packet.end()));
  EXPECT_EQ(Counter("events-limited"), 2U);
}

TEST_F(PeerSelect, RemovedPeerAndNextHop) {
  ASSERT_TRUE(datapath_->RemoveNextHop(IfIndex("gre0"), Addr("10.0.0.12")).ok());
  EXPECT_EQ(Select(Ip({.source = "192.168.1.5", .destination = "10.12.0.5"})).verdict, kDrop);
  ASSERT_TRUE(datapath_->RemovePeer(net::PeerId(1)).ok());
  ASSERT_TRUE(datapath_->RemovePeer(net::PeerId(1)).ok()) << "twice is no error";
  EXPECT_EQ(Select(Ip({.source = "192.168.1.5", .destination = "10.11.0.5"})).verdict, kDrop);
  EXPECT_THAT(Drops(), ElementsAre(Pair("tx-unknown-next-hop", 1), Pair("tx-unknown-peer", 1)));
  EXPECT_TRUE(absl::IsNotFound(datapath_->PeerStats(net::PeerId(1)).status()));
}

struct DropCase {
  const char* reason;
  Bytes frame;
  uint32_t mark;
};

TEST_F(PeerSelect, EveryOtherDropHasItsReason) {
  const Bytes v4 = Ip({.source = "192.168.1.5", .destination = "10.11.0.5"});
  const Bytes v6 = Ip({.source = "fd00:99::5", .destination = "fd00:11::5"});
  Bytes wrong_version = v4, short_header = v4, wrong_length = v4, wrong_version6 = v6;
  wrong_version[kEthernet] = 0x65;
  short_header[kEthernet] = 0x44;
  wrong_length[kEthernet + 2] = 0, wrong_length[kEthernet + 3] = 19;
  wrong_version6[kEthernet] = 0x40;
  ASSERT_TRUE(datapath_->PutNextHop(IfIndex("gre0"), Addr("10.0.0.55"), net::PeerId(5)).ok());
  const DropCase cases[] = {
      {"tx-unknown-protocol", Frame(kEthArp, Bytes(46, 0)), 1},
      {"tx-malformed", wrong_version, 0},
      {"tx-malformed", short_header, 0},
      {"tx-malformed", wrong_length, 0},
      {"tx-malformed", wrong_version6, 0},
      {"tx-no-route", Ip({.source = "192.168.1.5", .destination = "203.0.113.1"}), 0},
      {"tx-no-route", Ip({.source = "192.168.1.5", .destination = "224.0.0.5"}), 0},
      {"tx-nhrp-without-peer", Frame(kEthNhrp, Bytes(80, 1)), 0xfff00000},
      {"tx-unknown-peer", Frame(kEthNhrp, Bytes(80, 1)), 999},
      {"tx-wrong-device", Frame(kEthNhrp, Bytes(80, 1)), 5},
      {"tx-wrong-device", Ip({.source = "192.168.1.5", .destination = "10.0.0.55"}), 0},
  };
  std::map<std::string, uint64_t> expected;
  for (const DropCase& c : cases) {
    ++expected[c.reason];
    RunResult r = Select(c.frame, c.mark);
    EXPECT_TRUE(r.ran);
    EXPECT_EQ(r.verdict, kDrop) << c.reason;
    EXPECT_EQ(Drops(), expected) << c.reason;
  }
}

TEST_F(PeerSelect, ForwardingOffIsNamed) {
  FILE* f = fopen("/proc/sys/net/ipv4/conf/gre0/forwarding", "w");
  ASSERT_NE(f, nullptr);
  fputs("0", f);
  fclose(f);
  EXPECT_EQ(Select(Ip({.source = "192.168.1.5", .destination = "10.11.0.5"})).verdict, kDrop);
  EXPECT_THAT(Drops(), ElementsAre(Pair("tx-forwarding-off", 1)));
  ASSERT_TRUE(datapath_->Attach(IfIndex("gre0")).ok()) << "attaching turns it on again";
  EXPECT_EQ(Select(Ip({.source = "192.168.1.5", .destination = "10.11.0.5"})).verdict, kPass);
}

}  // namespace
}  // namespace flexvpn::bpf_test
