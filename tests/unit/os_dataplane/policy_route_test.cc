// SPDX-License-Identifier: Apache-2.0
// What any kernel with XFRM policies and veth can show: policies, routes, addresses, undo, ownership.
#include <gtest/gtest.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "unit/os_dataplane/kernel_fixture.h"

namespace flexvpn::os {
namespace {

using dataplane::Address;
using dataplane::Block;
using dataplane::Direction;
using dataplane::Plan;
using dataplane::State;
using dataplane::Step;

class PolicyRouteTest : public KernelTest {
 protected:
  // Stands in for the cloud's device where the kernel has no GRE: it bears our alias, as one we adopt would.
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    MakeVeth("cloud", "flexvpn:test");
  }

  State Want() {
    State s;
    s.Put(Block{Ip("198.51.100.1")});
    s.Put(Block{Ip("2001:db8::1")});
    s.Put(GrePolicy(Direction::kIn, 3));
    s.Put(GrePolicy(Direction::kOut, 3));
    s.Put(GrePolicy(Direction::kIn, 4));  // behind the same NAT address
    s.Put(GrePolicy(Direction::kOut, 4));
    s.Put(Tunnel(Direction::kIn));
    s.Put(Tunnel(Direction::kOut));
    s.Put(dataplane::SourceRule{Ip("198.51.100.1"), 1000});
    s.Put(dataplane::SourceRule{Ip("198.51.100.2"), 0});
    s.Put(Address{"cloud", Ip("10.0.0.1"), 24});
    s.Put(Address{"cloud", Ip("fd00::1"), 64});
    s.Put(MakeRoute("10.11.0.0/24", "10.0.0.11", "10.0.0.1"));
    s.Put(MakeRoute("10.0.0.11/32", "", ""));
    s.Put(MakeRoute("fd00:11::/64", "fd00::11", "fd00::1"));
    return s;
  }

  static dataplane::Policy Tunnel(Direction d) {
    dataplane::Policy p = GrePolicy(d, 7, "203.0.113.77");
    p.mode = dataplane::Mode::kTunnel;
    p.protocol = 0;
    p.marked = false;
    p.local_selector = Net("10.1.0.0/16");
    p.remote_selector = Net("10.2.0.0/16");
    return p;
  }

  static dataplane::Route MakeRoute(const char* prefix, const std::string& next_hop, const std::string& source) {
    dataplane::Route r;
    r.prefix = Net(prefix);
    r.device = "cloud";
    if (!next_hop.empty()) r.next_hop = Ip(next_hop.c_str());
    if (!source.empty()) r.preferred_source = Ip(source.c_str());
    r.mtu = 1400;
    return r;
  }

  // The adopted device itself is not wanted by these plans.
  std::string Left(State want) {
    State have = ReadBack();
    have.Erase("device cloud");
    return Difference(have, want);
  }

  static std::string Difference(const State& a, const State& b) {
    std::string out;
    for (const Step& s : dataplane::Diff(a, b)) out += dataplane::Key(s.object) + "; ";
    return out;
  }
};

TEST_F(PolicyRouteTest, WhatIsAppliedIsReadBackAndRemovedWithoutRest) {
  std::vector<StepResult> results;
  absl::Status s = dataplane_->Apply(Puts(Want()), &results);
  ASSERT_TRUE(s.ok()) << s;
  EXPECT_EQ(results.size(), Want().all().size());
  for (const StepResult& r : results) EXPECT_TRUE(r.status.ok()) << r.key << ": " << r.status;
  EXPECT_EQ(Left(Want()), "");
  EXPECT_EQ(Policies(), 4 + 4 + 3);

  ASSERT_TRUE(dataplane_->Apply(Removes(Want()), nullptr).ok());
  EXPECT_EQ(Left(State()), "");
  EXPECT_EQ(Policies(), 0);
}

TEST_F(PolicyRouteTest, PuttingTwiceAndRemovingTwiceIsFine) {
  ASSERT_TRUE(dataplane_->Apply(Puts(Want()), nullptr).ok());
  ASSERT_TRUE(dataplane_->Apply(Puts(Want()), nullptr).ok());
  EXPECT_EQ(Left(Want()), "");
  ASSERT_TRUE(dataplane_->Apply(Removes(Want()), nullptr).ok());
  absl::Status again = dataplane_->Apply(Removes(Want()), nullptr);
  EXPECT_TRUE(again.ok()) << again;
}

TEST_F(PolicyRouteTest, AFailingStepIsNamedAndTheRestUndone) {
  ASSERT_TRUE(dataplane_->Apply(Puts(Want()), nullptr).ok());
  State before = ReadBack();
  // Changes a route and an address that exist, adds a policy and a block, then fails.
  Plan plan;
  dataplane::Route changed = MakeRoute("10.11.0.0/24", "10.0.0.99", "10.0.0.1");
  plan.push_back({Step::Kind::kPut, Block{Ip("198.51.100.2")}});
  plan.push_back({Step::Kind::kPut, GrePolicy(Direction::kIn, 9)});
  plan.push_back({Step::Kind::kPut, Address{"cloud", Ip("10.0.0.1"), 16}});
  plan.push_back({Step::Kind::kPut, Address{"cloud", Ip("fd00::1"), 48}});
  plan.push_back({Step::Kind::kPut, changed});
  plan.push_back({Step::Kind::kPut, MakeRoute("10.99.0.0/16", "10.0.0.11", "192.0.2.200")});  // source not ours
  plan.push_back({Step::Kind::kRemove, Block{Ip("198.51.100.1")}});
  std::vector<StepResult> results;
  absl::Status s = dataplane_->Apply(plan, &results);
  EXPECT_FALSE(s.ok());
  EXPECT_TRUE(absl::StrContains(s.message(), "add route 10.99.0.0/16 metric 200 dev cloud: Invalid argument"))
      << s;
  EXPECT_EQ(Difference(before, ReadBack()), "");
  ASSERT_EQ(results.size(), 7u);
  EXPECT_EQ(results[0].status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(results[5].status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(results[6].status.code(), absl::StatusCode::kCancelled);
}

TEST_F(PolicyRouteTest, AnUndoneRemovalIsThereAgain) {
  ASSERT_TRUE(dataplane_->Apply(Puts(Want()), nullptr).ok());
  State before = ReadBack();
  Plan plan = {{Step::Kind::kRemove, MakeRoute("10.11.0.0/24", "10.0.0.11", "10.0.0.1")},
               {Step::Kind::kRemove, GrePolicy(Direction::kOut, 3)},
               {Step::Kind::kPut, dataplane::NextHop{"no-such-dev", Ip("10.0.0.2"), net::PeerId(1)}}};
  absl::Status s = dataplane_->Apply(plan, nullptr);
  EXPECT_EQ(s, absl::NotFoundError("add next-hop 10.0.0.2 dev no-such-dev: no interface no-such-dev"));
  EXPECT_EQ(Difference(before, ReadBack()), "");
}

TEST_F(PolicyRouteTest, AddressesOfBothFamiliesCanChangeTheirLength) {
  State a, b;
  for (const char* ip : {"10.0.0.1", "fd00::1"}) {
    a.Put(Address{"cloud", Ip(ip), 24});
    b.Put(Address{"cloud", Ip(ip), 28});
  }
  ASSERT_TRUE(dataplane_->Apply(Puts(a), nullptr).ok());
  EXPECT_EQ(Left(a), "");
  absl::Status s = dataplane_->Apply(dataplane::Diff(a, b), nullptr);
  ASSERT_TRUE(s.ok()) << s;
  EXPECT_EQ(Left(b), "");
}

TEST_F(PolicyRouteTest, AddressesBringNoConnectedRoutes) {
  auto watch = KernelWatch::Create();
  ASSERT_TRUE(watch.ok());
  State s;
  s.Put(Address{"cloud", Ip("10.0.0.1"), 24});
  s.Put(Address{"cloud", Ip("fd00::1"), 64});
  ASSERT_TRUE(dataplane_->Apply(Puts(s), nullptr).ok());
  ASSERT_TRUE((*watch)->Process().ok());
  EXPECT_TRUE((*watch)->SnapshotRoutes().empty());
  auto fresh = KernelWatch::Create();
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ((*fresh)->SnapshotAddresses().size(), 2u);
  EXPECT_TRUE((*fresh)->SnapshotRoutes().empty());
}

TEST_F(PolicyRouteTest, ObjectsOfOthersAreNeitherReadNorRemoved) {
  int other = MakeVeth("other");
  auto second = Dataplane::Create("second", nullptr);
  ASSERT_TRUE(second.ok());
  State theirs;
  theirs.Put(Block{Ip("198.51.100.50")});
  theirs.Put(GrePolicy(Direction::kOut, 5));
  ASSERT_TRUE((*second)->Apply(Puts(theirs), nullptr).ok());
  dataplane::Address foreign{"other", Ip("192.0.2.1"), 24};
  ASSERT_TRUE(route_->Talk(netlink::PutAddress(other, foreign), "address").ok());
  ASSERT_TRUE(dataplane_->Apply(Puts(Want()), nullptr).ok());
  EXPECT_EQ(Left(Want()), "");

  ASSERT_TRUE(dataplane_->RemoveAll().ok());
  EXPECT_TRUE(ReadBack().all().empty());
  EXPECT_EQ(Index("cloud"), 0);
  EXPECT_NE(Index("other"), 0);
  EXPECT_EQ(Policies(), 3);  // the other instance's block, both ways, and its policy
  auto left = (*second)->Read();
  ASSERT_TRUE(left.ok());
  EXPECT_TRUE(dataplane::Diff(*left, theirs).empty());
}

TEST_F(PolicyRouteTest, ADeviceOfAnotherIsNotTakenOver) {
  MakeVeth("flex-gre0");
  State s;
  s.Put(dataplane::Device{"flex-gre0", dataplane::DeviceKind::kGreExternal, net::Family::kIpv4, 0});
  absl::Status status = dataplane_->Apply(Puts(s), nullptr);
  EXPECT_EQ(status,
            absl::AlreadyExistsError("add device flex-gre0: a device of this name exists that is not ours"));
  EXPECT_TRUE(dataplane_->Apply(Removes(s), nullptr).ok());
  EXPECT_NE(Index("flex-gre0"), 0);
}

TEST_F(PolicyRouteTest, ATunnelPolicyWithoutItsForwardHalfIsPutAgain) {
  State s;
  s.Put(Tunnel(Direction::kIn));
  ASSERT_TRUE(dataplane_->Apply(Puts(s), nullptr).ok());
  std::vector<netlink::Message> removal = netlink::DeletePolicy(Tunnel(Direction::kIn));
  ASSERT_TRUE(xfrm_->Talk(removal[1], "remove forward").ok());
  EXPECT_EQ(Left(s), "policy in 10.1.0.0/16 10.2.0.0/16 proto 0; ");
}

TEST_F(PolicyRouteTest, LargeBatchesAreApplied) {
  State s;
  for (uint32_t i = 0; i < 1000; ++i) {
    dataplane::Route r = MakeRoute("10.11.0.0/24", "10.0.0.11", "");
    r.prefix = net::Prefix::Host(Ip("10.64.0.0").Plus(i));
    s.Put(r);
    s.Put(GrePolicy(Direction::kOut, i + 1));
  }
  absl::Status status = dataplane_->Apply(Puts(s), nullptr);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Left(s), "");
  ASSERT_TRUE(dataplane_->Apply(Removes(s), nullptr).ok());
  EXPECT_EQ(Left(State()), "");
}

// Sends one GRE packet from 198.51.100.1 to `to` with this mark; the errno of sendto.
int SendGre(const char* to, uint32_t mark) {
  int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 47);
  if (fd < 0) return errno;
  setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
  sockaddr_in source{}, destination{};
  source.sin_family = destination.sin_family = AF_INET;
  std::memcpy(&source.sin_addr, Ip("198.51.100.1").bytes().data(), 4);
  std::memcpy(&destination.sin_addr, Ip(to).bytes().data(), 4);
  const uint8_t gre[8] = {0, 0, 0x08, 0};
  int error = 0;
  if (bind(fd, reinterpret_cast<sockaddr*>(&source), sizeof(source)) != 0 ||
      sendto(fd, gre, sizeof(gre), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&destination), sizeof(destination)) < 0) {
    error = errno;
  }
  close(fd);
  return error;
}

// The route to 203.0.113.0/24 in table main or, as an administrator would have it, in that of a VRF.
void PutUnderlayRoute(netlink::Socket& socket, int index, dataplane::Route route, uint32_t table) {
  netlink::Message m(RTM_NEWROUTE, NLM_F_CREATE);
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_dst_len = static_cast<uint8_t>(route.prefix.length());
  body.rtm_protocol = 4;
  body.rtm_type = RTN_UNICAST;
  body.rtm_scope = RT_SCOPE_LINK;
  m.Body(body);
  m.AttrIp(RTA_DST, route.prefix.address());
  m.AttrU32(RTA_OIF, static_cast<uint32_t>(index));
  m.AttrU32(RTA_TABLE, table);
  ASSERT_TRUE(socket.Talk(std::move(m), "route").ok());
}

TEST_F(PolicyRouteTest, WhatARuleSendsByAVrfNeverTakesAnotherTable) {
  const int wan = MakeVeth("wan");
  const dataplane::Route route = MakeRoute("203.0.113.0/24", "", "");
  ASSERT_TRUE(route_->Talk(netlink::PutAddress(wan, {"wan", Ip("198.51.100.1"), 32}), "address").ok());
  PutUnderlayRoute(*route_, wan, route, RT_TABLE_MAIN);
  EXPECT_EQ(SendGre("203.0.113.9", 0), 0) << "by table main: the test can fail";
  State in_vrf, without_device;
  in_vrf.Put(dataplane::SourceRule{Ip("198.51.100.1"), 1000});
  without_device.Put(dataplane::SourceRule{Ip("198.51.100.1"), 0});
  const absl::Status put = dataplane_->Apply(Puts(in_vrf), nullptr);
  ASSERT_TRUE(put.ok()) << put;
  EXPECT_EQ(SendGre("203.0.113.9", 0), ENETUNREACH) << "the table of the VRF is empty";
  PutUnderlayRoute(*route_, wan, route, 1000);
  EXPECT_EQ(SendGre("203.0.113.9", 0), 0);
  ASSERT_TRUE(dataplane_->Apply(dataplane::Diff(in_vrf, without_device), nullptr).ok());
  EXPECT_EQ(Left(without_device), "");
  EXPECT_EQ(SendGre("203.0.113.9", 0), ENETUNREACH);
  ASSERT_TRUE(dataplane_->Apply(dataplane::Diff(without_device, in_vrf), nullptr).ok());
  EXPECT_EQ(Left(in_vrf), "");
  EXPECT_EQ(SendGre("203.0.113.9", 0), 0);
  ASSERT_TRUE(dataplane_->Apply(Removes(in_vrf), nullptr).ok());
  EXPECT_EQ(Count(*route_, netlink::DumpRules()), 3) << "those of the kernel";
}

TEST_F(PolicyRouteTest, RulesChangeTheirTableAreUndoneAndThoseOfOthersStay) {
  auto second = Dataplane::Create("second", nullptr);
  ASSERT_TRUE(second.ok());
  State ours, moved, theirs;
  ours.Put(dataplane::SourceRule{Ip("198.51.100.1"), 1000});
  moved.Put(dataplane::SourceRule{Ip("198.51.100.1"), 2000});
  theirs.Put(dataplane::SourceRule{Ip("198.51.100.50"), 1000});
  ASSERT_TRUE((*second)->Apply(Puts(theirs), nullptr).ok());
  ASSERT_TRUE(dataplane_->Apply(Puts(ours), nullptr).ok());
  ASSERT_TRUE(dataplane_->Apply(Puts(ours), nullptr).ok()) << "again, as after a crash";
  EXPECT_EQ(Left(ours), "");
  Plan failing = dataplane::Diff(ours, moved);
  failing.push_back({Step::Kind::kPut, dataplane::NextHop{"no-such-dev", Ip("10.0.0.2"), net::PeerId(1)}});
  EXPECT_FALSE(dataplane_->Apply(failing, nullptr).ok());
  EXPECT_EQ(Left(ours), "");
  ASSERT_TRUE(dataplane_->Apply(dataplane::Diff(ours, moved), nullptr).ok());
  EXPECT_EQ(Left(moved), "");
  EXPECT_EQ(Count(*route_, netlink::DumpRules()), 3 + 2 + 2);
  ASSERT_TRUE(dataplane_->RemoveAll().ok());
  EXPECT_EQ(Count(*route_, netlink::DumpRules()), 3 + 2);
  auto left = (*second)->Read();
  ASSERT_TRUE(left.ok());
  EXPECT_TRUE(dataplane::Diff(*left, theirs).empty());
}

TEST_F(PolicyRouteTest, GreNeverLeavesInClearAndTheRightPeerIsAskedFor) {
  State underlay;
  underlay.Put(Address{"cloud", Ip("198.51.100.1"), 24});
  dataplane::Route r = MakeRoute("203.0.113.0/24", "198.51.100.254", "");
  underlay.Put(r);
  ASSERT_TRUE(dataplane_->Apply(Puts(underlay), nullptr).ok());
  EXPECT_EQ(SendGre("203.0.113.9", 0), 0) << "without policies it leaves: the test can fail";

  State guard;
  guard.Put(Block{Ip("198.51.100.1")});
  ASSERT_TRUE(dataplane_->Apply(Puts(guard), nullptr).ok());
  EXPECT_EQ(SendGre("203.0.113.9", 0), EPERM);
  EXPECT_EQ(SendGre("203.0.113.9", 3), EPERM);

  const uint32_t groups[] = {XFRMNLGRP_ACQUIRE};
  auto events = netlink::Socket::Open(NETLINK_XFRM, groups);
  ASSERT_TRUE(events.ok());
  State policy;
  policy.Put(GrePolicy(Direction::kOut, 3));
  ASSERT_TRUE(dataplane_->Apply(Puts(policy), nullptr).ok());
  EXPECT_EQ(SendGre("203.0.113.9", 4), EPERM) << "another peer's mark meets the block";
  EXPECT_NE(SendGre("203.0.113.9", 3), EPERM) << "the policy wins over the block and wants an SA";
  std::vector<netlink::Acquire> acquires;
  ASSERT_TRUE((*events)->ReadEvents([&](const netlink::Received& m) {
    auto e = netlink::ParseXfrmEvent(m);
    if (e && std::holds_alternative<netlink::Acquire>(*e)) acquires.push_back(std::get<netlink::Acquire>(*e));
  }).ok());
  ASSERT_EQ(acquires.size(), 1u);
  EXPECT_EQ(acquires[0].reqid, 3u);
  EXPECT_EQ(acquires[0].remote, Ip("203.0.113.9"));

  ASSERT_TRUE(dataplane_->Apply(Removes(policy), nullptr).ok());
  EXPECT_EQ(SendGre("203.0.113.9", 3), EPERM);
}

TEST_F(PolicyRouteTest, WithoutBpfPeersAreRefused) {
  auto bare = Dataplane::Create("bare", nullptr);
  ASSERT_TRUE(bare.ok());
  State s;
  dataplane::Peer p;
  p.id = net::PeerId(1);
  p.device = "cloud";
  s.Put(p);
  EXPECT_EQ((*bare)->Apply(Puts(s), nullptr).code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace flexvpn::os
