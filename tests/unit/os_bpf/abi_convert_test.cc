// SPDX-License-Identifier: Apache-2.0
#include "os/bpf/abi_convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>

#include "abi/drops.h"

namespace flexvpn::os {
namespace {

using ::testing::HasSubstr;

net::IpAddress Addr(const char* text) { return *net::IpAddress::Parse(text); }

dataplane::Peer SomePeer() {
  dataplane::Peer p;
  p.id = net::PeerId(42);
  p.device = "gre0";
  p.local = Addr("198.51.100.1");
  p.remote = Addr("203.0.113.9");
  p.gre_key = 0;  // a key of 0 is a key
  p.network_id = 7;
  p.redirect = true;
  p.adjust_mss = 1360;
  p.in_tcp = true;
  return p;
}

TEST(AbiPeer, LayoutIsWhatTheProgramReads) {
  absl::StatusOr<abi_peer> v = ToAbi(SomePeer(), 5);
  ASSERT_TRUE(v.ok()) << v.status();
  EXPECT_EQ(v->ifindex, 5U);
  EXPECT_EQ(v->family, ABI_IPV4);
  EXPECT_EQ(ToHex(v->local), "c6336401000000000000000000000000");
  EXPECT_EQ(ToHex(v->remote), "cb007109000000000000000000000000");
  EXPECT_EQ(v->has_key, 1);
  EXPECT_EQ(v->redirect, 1);
  EXPECT_EQ(v->network_id, 7U);
  EXPECT_EQ(v->adjust_mss, 1360);
  EXPECT_EQ(v->in_tcp, 1U);
}

TEST(AbiPeer, ComesBackAsItWas) {
  for (bool v6 : {false, true}) {
    dataplane::Peer p = SomePeer();
    if (v6) {
      p.local = Addr("2001:db8::1");
      p.remote = Addr("2001:db8::2");
      p.gre_key.reset();
    }
    EXPECT_EQ(FromAbi(p.id, *ToAbi(p, 5), "gre0"), p);
  }
}

TEST(AbiPeer, RefusesWhatNoProgramCouldUse) {
  dataplane::Peer p = SomePeer();
  EXPECT_TRUE(absl::IsInvalidArgument(ToAbi(p, 0).status())) << "no device";
  p.id = net::PeerId(0);
  EXPECT_TRUE(absl::IsInvalidArgument(ToAbi(p, 5).status()));
  p.id = net::PeerId(net::kMaxPeerId);
  EXPECT_TRUE(ToAbi(p, 5).ok());
  p.id = net::PeerId(net::kMaxPeerId + 1);
  EXPECT_THAT(ToAbi(p, 5).status().message(), HasSubstr("peer 1048576"));
  p = SomePeer();
  p.remote = Addr("2001:db8::2");
  EXPECT_THAT(ToAbi(p, 5).status().message(), HasSubstr("peer 42"));
  p.local = p.remote = {};
  EXPECT_TRUE(absl::IsInvalidArgument(ToAbi(p, 5).status()));
}

TEST(AbiNextHop, KeyAndErrors) {
  auto key = ToAbi(3, Addr("fd00::11"));
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->family, ABI_IPV6);
  EXPECT_EQ(FromAbi(key->family, key->address), Addr("fd00::11"));
  EXPECT_EQ(FromAbi(ToAbi(3, Addr("0.0.0.0"))->family, ToAbi(3, Addr("0.0.0.0"))->address), Addr("0.0.0.0"));
  EXPECT_FALSE(ToAbi(3, net::IpAddress()).ok());
  EXPECT_FALSE(ToAbi(0, Addr("10.0.0.1")).ok());
  EXPECT_TRUE(FromAbi(static_cast<abi_family>(7), key->address).empty());
}

abi_event SomeEvent() {
  abi_event e{};
  e.time_ns = 99;
  e.type = ABI_EVENT_TRAFFIC_INDICATION;
  e.ingress_peer = 1;
  e.egress_peer = 2;
  e.network_id = 7;
  e.ifindex = 3;
  e.family = ABI_IPV4;
  e.next_hop_family = ABI_IPV4;
  e.next_hop[0] = 10;
  e.caplen = 60;
  e.packet[59] = 0xee;
  return e;
}

BytesView View(const abi_event& e) { return {reinterpret_cast<const uint8_t*>(&e), sizeof e}; }

TEST(AbiEvent, Fields) {
  abi_event raw = SomeEvent();
  std::optional<BpfEvent> e = ParseEvent(View(raw));
  ASSERT_TRUE(e.has_value());
  EXPECT_EQ(e->type, BpfEvent::Type::kTrafficIndication);
  EXPECT_EQ(e->ingress, net::PeerId(1));
  EXPECT_EQ(e->egress, net::PeerId(2));
  EXPECT_EQ(e->network_id, 7U);
  EXPECT_EQ(e->ifindex, 3U);
  EXPECT_EQ(e->next_hop, Addr("10.0.0.0"));
  EXPECT_EQ(e->time_ns, 99U);
  ASSERT_EQ(e->packet.size(), 60U);
  EXPECT_EQ(e->packet[59], 0xee);
}

TEST(AbiEvent, RefusesEveryTruncationAndWhatItDoesNotKnow) {
  abi_event raw = SomeEvent();
  for (size_t n = 0; n < sizeof raw; ++n) EXPECT_FALSE(ParseEvent(View(raw).first(n))) << n;
  raw.caplen = ABI_EVENT_PACKET + 1;
  EXPECT_FALSE(ParseEvent(View(raw)));
  raw = SomeEvent();
  uint32_t unknown = 3;
  std::memcpy(reinterpret_cast<uint8_t*>(&raw) + offsetof(abi_event, type), &unknown, sizeof unknown);
  EXPECT_FALSE(ParseEvent(View(raw)));
}

TEST(AbiStats, SumsCpusAndKeepsTheLatestStamp) {
  abi_peer_stats sum = Sum({{1, 10, 2, 20, 500, 1, 9}, {3, 30, 4, 40, 400, 1, 9}, {}});
  EXPECT_EQ(sum.rx_packets, 4U);
  EXPECT_EQ(sum.rx_bytes, 40U);
  EXPECT_EQ(sum.tx_packets, 6U);
  EXPECT_EQ(sum.tx_bytes, 60U);
  EXPECT_EQ(sum.last_tx_ns, 500U);
}

TEST(AbiDrops, NamesAreUniqueAndSayTheDirection) {
  std::set<std::string> names;
#define CHECK_NAME(name, field, text, meaning)                                          \
  EXPECT_TRUE(names.insert(text).second) << text;                                   \
  EXPECT_EQ(std::string(#name).substr(0, 3), std::string(text)[0] == 'r' ? "RX_" : "TX_"); \
  EXPECT_STRNE(meaning, "");
  ABI_DROPS(CHECK_NAME)
#undef CHECK_NAME
  EXPECT_EQ(names.size(), static_cast<size_t>(ABI_DROP_MAX));
}

}  // namespace
}  // namespace flexvpn::os
