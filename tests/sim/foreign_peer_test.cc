// SPDX-License-Identifier: Apache-2.0
// Peers that know IKEv2 but not FlexVPN: they announce nothing about themselves in configuration payloads.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "sim/world.h"
#include "support/values.h"

namespace flexvpn::sim {
namespace {

std::string Common(const std::string& name) {
  return absl::StrCat("hostname ", name, R"(
aaa new-model
aaa authorization network default local
crypto ikev2 keyring KR
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key simulated-key
crypto ikev2 profile default
 match identity remote fqdn domain example.net
 identity local fqdn )", name, R"(.example.net
 authentication remote pre-share
 authentication local pre-share
 keyring local KR
 dpd 10 2 periodic
)");
}

constexpr char kIpsec[] = R"(
crypto ipsec profile default
 set ikev2-profile default
)";

bool HasRoute(const World& world, size_t router, const char* host) {
  dataplane::Route route;
  route.prefix = net::Prefix::Host(Ip(host));
  route.metric = dataplane::kIkeRouteMetric;
  route.device = "flex-gre0";
  return world.kernel(router).Find(dataplane::Key(route)) != nullptr;
}

TEST(ForeignPeer, AddressFromOurPoolIsRoutedThoughThePeerAnnouncesNothing) {
  World world({});
  const size_t hub = world.Add(absl::StrCat(Common("hub"), " aaa authorization group psk list default default\n",
                                            " virtual-template 1\n", kIpsec, R"(
ip local pool FLEX 10.0.0.1 10.0.0.9
crypto ikev2 authorization policy default
 pool FLEX
interface Loopback0
 ip address 10.0.0.254 255.255.255.255
interface Virtual-Template1 type tunnel
 ip unnumbered Loopback0
 tunnel source eth0
 tunnel protection ipsec profile default
)"),
                               Ip("198.51.100.1"), *net::Prefix::Parse("172.16.0.0/24"));
  const size_t spoke = world.Add(absl::StrCat(Common("spoke"), " aaa authorization group psk list default default\n",
                                              kIpsec, R"(
crypto ikev2 authorization policy default
 no route set interface
interface Tunnel0
 ip address negotiated
 tunnel source eth0
 tunnel destination 198.51.100.1
 tunnel protection ipsec profile default
)"),
                                 Ip("203.0.113.1"), *net::Prefix::Parse("172.16.1.0/24"));
  ASSERT_TRUE(world.RunUntil([&] { return HasRoute(world, hub, "10.0.0.1"); }, seconds(30)));
  world.Kill(spoke);
  EXPECT_TRUE(world.RunUntil([&] { return !HasRoute(world, hub, "10.0.0.1"); }, seconds(60)));
  EXPECT_EQ(world.violation(), "");
}

std::string PointToPoint(const char* name, const char* address, const char* peer) {
  return absl::StrCat(Common(name), kIpsec, "interface Tunnel0\n ip address ", address, " 255.255.255.252\n",
                      " tunnel source eth0\n tunnel destination ", peer, "\n tunnel protection ipsec profile default\n");
}

TEST(ForeignPeer, TheOtherHostOfAPointToPointTunnelIsRoutedWithoutAnyConfigurationPayload) {
  World world({});
  const size_t a = world.Add(PointToPoint("a", "10.9.0.1", "203.0.113.1"), Ip("198.51.100.1"), *net::Prefix::Parse("172.16.0.0/24"));
  const size_t b = world.Add(PointToPoint("b", "10.9.0.2", "198.51.100.1"), Ip("203.0.113.1"), *net::Prefix::Parse("172.16.1.0/24"));
  EXPECT_TRUE(world.RunUntil([&] { return HasRoute(world, a, "10.9.0.2") && HasRoute(world, b, "10.9.0.1"); }, seconds(30)));
  world.RunFor(seconds(30));  // both called: one session goes, the routes stay
  EXPECT_TRUE(HasRoute(world, a, "10.9.0.2") && HasRoute(world, b, "10.9.0.1"));
  EXPECT_EQ(world.violation(), "");
}

// One router was called while its own call was without an answer; later the way is open in both directions.
TEST(ForeignPeer, ACallOfThePeerWithdrawsOurOwnThatWasNotAnsweredYet) {
  World world({});
  const size_t a = world.Add(PointToPoint("a", "10.9.0.1", "203.0.113.1"), Ip("198.51.100.1"), *net::Prefix::Parse("172.16.0.0/24"));
  world.RunFor(milliseconds(1600));  // its call is out there, nobody answers
  world.Add(PointToPoint("b", "10.9.0.2", "198.51.100.1"), Ip("203.0.113.1"), *net::Prefix::Parse("172.16.1.0/24"));
  ASSERT_TRUE(world.RunUntil([&] { return HasRoute(world, a, "10.9.0.2"); }, seconds(30)));
  world.RunFor(seconds(5));
  EXPECT_EQ(world.PeersUp(a), 1u);
  const std::string sas = world.Show(a, "show crypto ikev2 sa");
  EXPECT_EQ(sas.find("READY"), sas.rfind("READY")) << sas;
  EXPECT_EQ(world.violation(), "");
}

}  // namespace
}  // namespace flexvpn::sim
