// SPDX-License-Identifier: Apache-2.0
// What needs a kernel with ESP and GRE: the whole life of a peer.
#include <gtest/gtest.h>
#include <linux/xfrm.h>
#include <poll.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "unit/os_dataplane/kernel_fixture.h"

namespace flexvpn::os {
namespace {

using dataplane::Device;
using dataplane::DeviceKind;
using dataplane::Direction;
using dataplane::Plan;
using dataplane::Sa;
using dataplane::State;
using dataplane::Step;

Sa MakeSa(Direction d, uint32_t spi, uint32_t peer = 3, uint8_t key = 0x11) {
  Sa s;
  s.direction = d;
  s.spi = spi;
  s.source = d == Direction::kIn ? Ip("203.0.113.9") : Ip("198.51.100.1");
  s.destination = d == Direction::kIn ? Ip("198.51.100.1") : Ip("203.0.113.9");
  s.peer = net::PeerId(peer);
  s.encr = 20;
  s.encr_key_bits = 128;
  s.encr_key = SecretBytes(20, key);
  return s;
}

State FullPeer() {
  State s;
  s.Put(Device{"flex-gre0", DeviceKind::kGreExternal, net::Family::kIpv4, 1400});
  s.Put(Device{"lo-flex0", DeviceKind::kLoopback, net::Family::kIpv4, 0});
  s.Put(dataplane::Block{Ip("198.51.100.1")});
  s.Put(dataplane::Address{"flex-gre0", Ip("10.0.0.1"), 24});
  s.Put(dataplane::Address{"flex-gre0", Ip("fd00::1"), 64});
  s.Put(dataplane::Address{"lo-flex0", Ip("10.255.0.1"), 32});
  s.Put(MakeSa(Direction::kIn, 0xc0ffee01));
  s.Put(MakeSa(Direction::kOut, 0x333));
  s.Put(GrePolicy(Direction::kIn, 3));
  s.Put(GrePolicy(Direction::kOut, 3));
  dataplane::Peer p;
  p.id = net::PeerId(3);
  p.device = "flex-gre0";
  p.local = Ip("198.51.100.1");
  p.remote = Ip("203.0.113.9");
  p.gre_key = 5;
  s.Put(p);
  s.Put(dataplane::NextHop{"flex-gre0", Ip("10.0.0.11"), net::PeerId(3)});
  dataplane::Route r;
  r.prefix = Net("10.11.0.0/24");
  r.device = "flex-gre0";
  r.next_hop = Ip("10.0.0.11");
  r.preferred_source = Ip("10.0.0.1");
  s.Put(r);
  r.prefix = Net("fd00:11::/64");
  r.next_hop = Ip("fd00::11");
  r.preferred_source = {};
  s.Put(r);
  return s;
}

class PeerLifeTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Device probe{"probe0", DeviceKind::kGreExternal, net::Family::kIpv4, 0};
    absl::Status s = route_->Talk(netlink::CreateLink(probe), "probe");
    if (absl::IsUnimplemented(s)) GTEST_SKIP() << "this kernel has no GRE: " << s;
    ASSERT_TRUE(s.ok()) << s;
    ASSERT_TRUE(route_->Talk(netlink::DeleteLink(Index("probe0")), "probe").ok());
    links_ = Count(*route_, netlink::DumpLinks());
  }

  void ExpectNothingLeft() {
    EXPECT_EQ(Missing(State()), "");
    EXPECT_EQ(Sas(), 0);
    EXPECT_EQ(Policies(), 0);
    EXPECT_EQ(Count(*route_, netlink::DumpLinks()), links_);
    EXPECT_TRUE(maps_.peers.empty());
    EXPECT_TRUE(maps_.next_hops.empty());
    EXPECT_TRUE(maps_.attached.empty());
  }

  absl::Status Put(const dataplane::Object& o, std::string* note = nullptr) {
    std::vector<StepResult> results;
    absl::Status s = dataplane_->Apply({{Step::Kind::kPut, o}}, &results);
    if (note != nullptr) *note = results[0].note;
    return s;
  }

  netlink::SaInfo Get(const Sa& sa) {
    netlink::SaInfo info;
    absl::Status s = xfrm_->Query(netlink::GetSa(sa),
                                  [&](const netlink::Received& m) { info = *netlink::ParseSa(m); });
    EXPECT_TRUE(s.ok()) << s;
    return info;
  }

  static std::string Sysctl(const std::string& name) {
    std::ifstream in("/proc/sys/net/ipv4/conf/flex-gre0/" + name);
    std::string value;
    in >> value;
    return value;
  }

  int links_ = 0;  // of a fresh namespace once the GRE module is there
};

TEST_F(PeerLifeTest, IsAppliedReadBackAndRemovedWithoutRest) {
  std::vector<StepResult> results;
  absl::Status s = dataplane_->Apply(Puts(FullPeer()), &results);
  ASSERT_TRUE(s.ok()) << s;
  EXPECT_EQ(Missing(FullPeer()), "");
  EXPECT_EQ(maps_.attached, std::set<uint32_t>{static_cast<uint32_t>(Index("flex-gre0"))});
  EXPECT_EQ(Sysctl("send_redirects"), "0");
  EXPECT_EQ(Sysctl("accept_redirects"), "0");

  s = dataplane_->Apply(Removes(FullPeer()), nullptr);
  ASSERT_TRUE(s.ok()) << s;
  ExpectNothingLeft();
}

TEST_F(PeerLifeTest, WorksOverAnIpv6Underlay) {
  State s;
  s.Put(Device{"flex-gre0", DeviceKind::kGreExternal, net::Family::kIpv6, 0});
  s.Put(dataplane::Block{Ip("2001:db8::1")});
  for (Direction d : {Direction::kIn, Direction::kOut}) {
    Sa sa = MakeSa(d, d == Direction::kIn ? 0xc0ffee01 : 0x333);
    sa.source = d == Direction::kIn ? Ip("2001:db8::9") : Ip("2001:db8::1");
    sa.destination = d == Direction::kIn ? Ip("2001:db8::1") : Ip("2001:db8::9");
    s.Put(sa);
    dataplane::Policy p = GrePolicy(d, 3);
    p.local = Ip("2001:db8::1");
    p.remote = Ip("2001:db8::9");
    p.marked = false;
    s.Put(p);
  }
  absl::Status status = dataplane_->Apply(Puts(s), nullptr);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Missing(s), "");
  ASSERT_TRUE(dataplane_->Apply(Removes(s), nullptr).ok());
  EXPECT_EQ(Missing(State()), "");
}

TEST_F(PeerLifeTest, AFailureLateInThePlanLeavesNothing) {
  maps_.refuse_peers = true;
  std::vector<StepResult> results;
  absl::Status s = dataplane_->Apply(Puts(FullPeer()), &results);
  EXPECT_EQ(s, absl::ResourceExhaustedError("add peer 3: map is full"));
  ExpectNothingLeft();
}

TEST_F(PeerLifeTest, AKernelRefusalNamesTheObjectAndTheReason) {
  State want = FullPeer();
  Sa bad = MakeSa(Direction::kIn, 0xc0ffee02);
  bad.encr_key_bits = 104;  // no such AES
  bad.encr_key.resize(17);
  want.Put(bad);
  absl::Status s = dataplane_->Apply(Puts(want), nullptr);
  EXPECT_TRUE(absl::StartsWith(s.message(), "add sa in 0xc0ffee02 198.51.100.1: Invalid argument")) << s;
  ExpectNothingLeft();
}

TEST_F(PeerLifeTest, IsAdoptedByTheNextDaemonAndCleanedUp) {
  ASSERT_TRUE(dataplane_->Apply(Puts(FullPeer()), nullptr).ok());
  auto next = Dataplane::Create("test", &maps_);
  ASSERT_TRUE(next.ok());
  auto have = (*next)->Read();
  ASSERT_TRUE(have.ok()) << have.status();
  EXPECT_TRUE(dataplane::Diff(*have, FullPeer()).empty());
  auto stranger = Dataplane::Create("other", nullptr);
  ASSERT_TRUE(stranger.ok());
  EXPECT_TRUE((*stranger)->Read()->all().empty());
  ASSERT_TRUE((*stranger)->RemoveAll().ok());
  EXPECT_EQ(Missing(FullPeer()), "");
  absl::Status s = (*next)->RemoveAll();
  ASSERT_TRUE(s.ok()) << s;
  ExpectNothingLeft();
}

TEST_F(PeerLifeTest, ARekeyKeepsTheOldSaUntilTheNewOneStands) {
  State have = FullPeer(), want = FullPeer();
  ASSERT_TRUE(dataplane_->Apply(Puts(have), nullptr).ok());
  want.Erase(dataplane::Key(MakeSa(Direction::kIn, 0xc0ffee01)));
  want.Put(MakeSa(Direction::kIn, 0xc0ffee02));
  Plan plan = dataplane::Diff(have, want);
  ASSERT_TRUE(dataplane_->Apply({plan[0]}, nullptr).ok());
  EXPECT_EQ(Sas(), 3);
  ASSERT_TRUE(dataplane_->Apply({plan[1]}, nullptr).ok());
  EXPECT_EQ(Sas(), 2);
  EXPECT_EQ(Missing(want), "");
}

TEST_F(PeerLifeTest, EveryAlgorithmWeKnowIsTakenByTheKernelBothWays) {
  struct Case {
    uint16_t encr, bits;
    size_t salt;
    uint16_t integ;
    size_t integ_key;
  };
  uint32_t spi = 0x1000;
  for (const Case& c : {Case{20, 128, 4, 0, 0}, Case{20, 192, 4, 0, 0}, Case{20, 256, 4, 0, 0},
                        Case{18, 128, 4, 0, 0}, Case{28, 256, 4, 0, 0}, Case{12, 128, 0, 2, 20},
                        Case{12, 256, 0, 12, 32}, Case{12, 256, 0, 13, 48}, Case{12, 256, 0, 14, 64}}) {
    for (Direction d : {Direction::kIn, Direction::kOut}) {
      for (bool esn : {false, true}) {
        Sa s = MakeSa(d, ++spi);
        s.encr = c.encr;
        s.encr_key_bits = c.bits;
        s.encr_key = SecretBytes(c.bits / 8u + c.salt, 0x42);
        s.integ = c.integ;
        s.integ_key = SecretBytes(c.integ_key, 0x43);
        s.esn = esn;
        absl::Status status = Put(s);
        EXPECT_TRUE(status.ok()) << "encr " << c.encr << " integ " << c.integ << ": " << status;
        EXPECT_EQ(Get(s).esn, esn);
        EXPECT_EQ(Get(s).replay_window, d == Direction::kIn ? 128u : Get(s).replay_window);
      }
    }
  }
}

TEST_F(PeerLifeTest, StatesCarryWhatTheDatapathNeeds) {
  Sa in = MakeSa(Direction::kIn, 0xc0ffee01), out = MakeSa(Direction::kOut, 0x333);
  in.encap_source_port = 10003;
  in.encap_destination_port = 4500;
  out.hard_seconds = 3600;
  ASSERT_TRUE(Put(in).ok());
  ASSERT_TRUE(Put(out).ok());
  netlink::SaInfo i = Get(in), o = Get(out);
  EXPECT_EQ(i.output_mark, 3u);
  EXPECT_EQ(i.output_mark_mask, net::kPeerMarkMask);
  EXPECT_EQ(i.replay_window, 128u);
  EXPECT_EQ(i.encap_source_port, 10003);
  EXPECT_EQ(i.mark_mask, 0u);
  EXPECT_EQ(o.output_mark, 0u);
  EXPECT_EQ(o.mark_mask, 0u) << "a mark on an outbound SA disables PMTU errors";
  EXPECT_EQ(o.replay_window, 0u);
}

TEST_F(PeerLifeTest, EqualSpisBehindOneNatAddressCoexistWhenMarked) {
  Sa a = MakeSa(Direction::kOut, 0x333, 3), b = MakeSa(Direction::kOut, 0x333, 4);
  a.mark_state = b.mark_state = true;
  ASSERT_TRUE(Put(a).ok());
  absl::Status s = Put(b);
  ASSERT_TRUE(s.ok()) << s;
  State want;
  want.Put(a);
  want.Put(b);
  EXPECT_EQ(Missing(want), "");
  ASSERT_TRUE(dataplane_->Apply({{Step::Kind::kRemove, a}}, nullptr).ok());
  EXPECT_EQ(Get(b).mark, 4u);
  EXPECT_EQ(Sas(), 1);
}

TEST_F(PeerLifeTest, AnSpiUsedAgainWithAnotherKeyIsReplaced) {
  Sa old_key = MakeSa(Direction::kOut, 0x333, 3, 0x11), new_key = MakeSa(Direction::kOut, 0x333, 4, 0x22);
  ASSERT_TRUE(Put(old_key).ok());
  absl::Status s = Put(new_key);
  ASSERT_TRUE(s.ok()) << s;
  EXPECT_EQ(Sas(), 1);
  EXPECT_EQ(Get(new_key).reqid, 4u);
}

TEST_F(PeerLifeTest, TheSameSaIsUpdatedInPlace) {
  Sa s = MakeSa(Direction::kIn, 0xc0ffee01);
  s.encap_source_port = s.encap_destination_port = 4500;
  ASSERT_TRUE(Put(s).ok());
  uint64_t added = Get(s).add_time;
  s.encap_source_port = 10003;  // the NAT mapping changed
  absl::Status status = Put(s);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Sas(), 1);
  EXPECT_EQ(Get(s).encap_source_port, 10003);
  EXPECT_EQ(Get(s).add_time, added);
}

TEST_F(PeerLifeTest, AnSaThatMovesBehindANatKeepsItsSequenceNumbers) {
  for (bool esn : {false, true}) {
    for (Direction d : {Direction::kIn, Direction::kOut}) {
      Sa s = MakeSa(d, esn ? 0x444 : 0x333);
      s.esn = esn;
      ASSERT_TRUE(Put(s).ok());
      Bytes before = Get(s).replay_state;
      s.encap_source_port = s.encap_destination_port = 4500;
      absl::Status status = Put(s);
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_EQ(Get(s).encap_source_port, 4500);
      EXPECT_EQ(Get(s).replay_state, d == Direction::kOut ? netlink::SkipAhead(before, 1 << 16) : before);
      EXPECT_FALSE(before.empty());
    }
  }
}

TEST_F(PeerLifeTest, AnSaThatGetsAnotherDestinationGoesOnCountingAndTheOldOneEndsFirst) {
  for (bool esn : {false, true}) {
    for (Direction d : {Direction::kIn, Direction::kOut}) {
      // another SPI for each: the kernel knows a state by SPI and destination, whatever its direction
      Sa s = MakeSa(d, (esn ? 0x446u : 0x335u) + (d == Direction::kOut ? 0x1000u : 0u));
      s.esn = esn;
      ASSERT_TRUE(Put(s).ok());
      const int sas = Sas();
      const Bytes before = Get(s).replay_state;
      Sa moved = s;
      moved.destination = Ip("198.51.100.77");
      Plan plan = {{Step::Kind::kPut, moved}, {Step::Kind::kRemove, s}};
      dataplane::Order(plan);
      absl::Status status = dataplane_->Apply(plan, nullptr);
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_EQ(Sas(), sas);
      EXPECT_EQ(Get(moved).replay_state, d == Direction::kOut ? netlink::SkipAhead(before, 1 << 16) : before);
    }
  }
}

TEST_F(PeerLifeTest, AnSaOfAnotherIsNotReplaced) {
  Sa theirs = MakeSa(Direction::kIn, 0xc0ffee01);
  ASSERT_TRUE(xfrm_->Talk(*netlink::NewSa(theirs, {.sequence = 7}), "their SA").ok());
  absl::Status s = Put(MakeSa(Direction::kIn, 0xc0ffee01, 3, 0x77));
  EXPECT_EQ(s.code(), absl::StatusCode::kAlreadyExists) << s;
  EXPECT_EQ(Sas(), 1);
  ASSERT_TRUE(dataplane_->RemoveAll().ok());
  EXPECT_EQ(Sas(), 1);
}

TEST_F(PeerLifeTest, OffloadThatIsNotThereFallsBackAndSaysWhy) {
  MakeVeth("wan0");
  std::string note;
  Sa on_veth = MakeSa(Direction::kOut, 0x333);
  on_veth.offload_device = "wan0";
  absl::Status s = Put(on_veth, &note);
  ASSERT_TRUE(s.ok()) << s;
  EXPECT_TRUE(absl::StartsWith(note, "in software: ")) << note;
  Sa on_nothing = MakeSa(Direction::kIn, 0xc0ffee01);
  on_nothing.offload_device = "eth77";
  ASSERT_TRUE(Put(on_nothing, &note).ok());
  EXPECT_EQ(note, "in software: no interface eth77");
  auto counters = dataplane_->SaCounters();
  ASSERT_TRUE(counters.ok()) << counters.status();
  ASSERT_EQ(counters->size(), 2u);
  for (const SaCounter& c : *counters) {
    EXPECT_EQ(c.offload_device, "");
    EXPECT_FALSE(c.offload_reason.empty());
    EXPECT_EQ(c.packets, 0u);
    EXPECT_GT(c.add_time, 0u);
    EXPECT_EQ(c.peer, net::PeerId(3));
  }
}

TEST_F(PeerLifeTest, ExpiryIsAnEvent) {
  auto events = netlink::Socket::Open(NETLINK_XFRM, {{XFRMNLGRP_EXPIRE, XFRMNLGRP_ACQUIRE}});
  ASSERT_TRUE(events.ok()) << events.status();
  Sa s = MakeSa(Direction::kIn, 0xc0ffee01);
  s.hard_seconds = 1;
  ASSERT_TRUE(Put(s).ok());
  std::optional<netlink::SaExpired> expired;
  for (int i = 0; i < 100 && !expired; ++i) {
    pollfd p{(*events)->fd(), POLLIN, 0};
    poll(&p, 1, 100);
    ASSERT_TRUE((*events)->ReadEvents([&](const netlink::Received& m) {
      auto e = netlink::ParseXfrmEvent(m);
      if (e && std::holds_alternative<netlink::SaExpired>(*e)) expired = std::get<netlink::SaExpired>(*e);
    }).ok());
  }
  ASSERT_TRUE(expired);
  EXPECT_TRUE(expired->hard);
  EXPECT_EQ(expired->sa.spi, 0xc0ffee01u);
  EXPECT_EQ(expired->sa.reqid, 3u);
}

TEST_F(PeerLifeTest, ThousandsOfSasGoInAndOutInBatches) {
  State s;
  for (uint32_t i = 1; i <= 1000; ++i) {
    for (Direction d : {Direction::kIn, Direction::kOut}) {
      Sa sa = MakeSa(d, 0x10000 + i, i);
      (d == Direction::kIn ? sa.source : sa.destination) = Ip("203.0.112.0").Plus(i);
      s.Put(sa);
    }
  }
  absl::Status status = dataplane_->Apply(Puts(s), nullptr);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Sas(), 2000);
  EXPECT_EQ(Missing(s), "");
  ASSERT_TRUE(dataplane_->Apply(Removes(s), nullptr).ok());
  EXPECT_EQ(Sas(), 0);
}

TEST_F(PeerLifeTest, TheGsoBugIsAvoidedWhereItCanBite) {
  std::string note;
  ASSERT_TRUE(Put(Device{"flex-gre0", DeviceKind::kGreExternal, net::Family::kIpv4, 0}, &note).ok());
  bool loaded = access("/sys/module/esp4_offload", F_OK) == 0;
  EXPECT_EQ(absl::StrContains(note, "TSO and GSO turned off"), loaded) << note;
}

}  // namespace
}  // namespace flexvpn::os
