// SPDX-License-Identifier: Apache-2.0
// What an authorization policy says of routes and sessions, between living nodes.
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "sim/hub_and_spokes.h"
#include "sim/world.h"
#include "support/values.h"

namespace flexvpn::sim {
namespace {

class Authorization : public testing::Test {
 protected:
  size_t Hub(int i, const std::string& more = "") {
    return world.Add(absl::StrCat(HubText("key"), more), Ip(absl::StrCat("198.51.100.", i)),
                     *net::Prefix::Parse(absl::StrCat("172.31.", i, ".0/24")));
  }
  size_t Spoke(const std::string& more = "") {
    return world.Add(absl::StrCat(SpokeText(1, "key"), more), Ip("203.0.113.1"), *net::Prefix::Parse("172.16.1.0/24"));
  }
  bool Up(size_t router, size_t peers = 1) { return world.ComesUp(router, peers); }
  // The IKEv2 route to `prefix`: "metric via next hop"; "" if there is none.
  std::string Route(size_t router, const std::string& prefix) {
    for (const auto& [key, object] : world.kernel(router).all())
      if (const auto* r = std::get_if<dataplane::Route>(&object);
          r != nullptr && r->prefix.ToString() == prefix && r->metric != dataplane::kFallbackRouteMetric)
        return absl::StrCat(r->metric, " via ", r->next_hop.ToString());
    return "";
  }
  World world{{}};
};

TEST_F(Authorization, SessionLifetimeEndsTheSessionWhateverRekeysThereWere) {
  const size_t hub = Hub(1, "crypto ikev2 authorization policy default\n session-lifetime 300\n"), spoke = Spoke();
  ASSERT_TRUE(Up(hub)) << world.violation();
  world.RunFor(seconds(150));
  world.Show(spoke, "rekey crypto ikev2 sa");
  world.RunFor(seconds(140));
  EXPECT_EQ(world.Lines("SA_DOWN"), 0u);
  world.RunFor(seconds(10));
  EXPECT_EQ(world.Lines("its session-lifetime is over"), 1u);
  EXPECT_TRUE(Up(hub)) << "the spoke calls again";
  EXPECT_EQ(world.violation(), "");
}

TEST_F(Authorization, RouteSetInterfaceAnnouncesTheAddressOfThatInterface) {
  const size_t hub = Hub(1);
  Spoke("interface Loopback5\n ip address 10.77.0.1 255.255.255.255\n"
        "crypto ikev2 authorization policy default\n route set interface Loopback5\n");
  ASSERT_TRUE(Up(hub)) << world.violation();
  EXPECT_NE(Route(hub, "10.77.0.1/32"), "");
}

TEST_F(Authorization, TheHubOfLessDistanceIsUsedAndTheOtherWhenItGoes) {
  const std::string second = R"(
crypto ikev2 authorization policy BACKUP
 route set remote ipv4 172.16.1.0 255.255.255.0
 route accept any tag 7 distance 50
crypto ikev2 profile BACKUP
 match identity remote fqdn hub2.example.net
 identity local fqdn spoke1.example.net
 authentication local pre-share
 authentication remote pre-share
 keyring local ALL
 dpd 10 2 periodic
 aaa authorization group psk list default BACKUP
crypto ipsec profile BACKUP
 set ikev2-profile BACKUP
crypto ikev2 profile FLEX
 no match identity remote fqdn domain example.net
 match identity remote fqdn hub.example.net
 dpd 10 2 periodic
interface Tunnel1
 ip address negotiated
 tunnel source eth0
 tunnel destination 198.51.100.2
 tunnel protection ipsec profile BACKUP
)";
  const size_t hub1 = Hub(1);
  world.Add(absl::StrReplaceAll(HubText("key"), {{"identity local fqdn hub.example.net", "identity local fqdn hub2.example.net"},
                                                 {"10.0.0.1 10.0.0.254", "10.0.1.1 10.0.1.254"},
                                                 {"10.0.255.254", "10.0.255.253"}}),
            Ip("198.51.100.2"), *net::Prefix::Parse("172.31.2.0/24"));
  const size_t spoke = Spoke(second);
  ASSERT_TRUE(Up(spoke, 2)) << world.violation();
  EXPECT_EQ(Route(spoke, "172.16.0.0/12"), "200 via 10.0.255.254");
  EXPECT_TRUE(absl::StrContains(world.Show(spoke, "show ip route flexvpn"), "[2/0]"));
  world.Kill(hub1);
  world.RunFor(seconds(40));
  EXPECT_EQ(Route(spoke, "172.16.0.0/12"), "2600 via 10.0.255.253") << "100 + 50 x distance";
  EXPECT_TRUE(absl::StrContains(world.Show(spoke, "show ip route flexvpn"), "[50/0]"));
  world.Restart(hub1);
  ASSERT_TRUE(Up(spoke, 2));
  EXPECT_EQ(Route(spoke, "172.16.0.0/12"), "200 via 10.0.255.254") << "the better one again";
  EXPECT_EQ(world.violation(), "");
}

TEST_F(Authorization, ResponderOnlyAndInboundOnlyTunnelsCallNobody) {
  const size_t hub = Hub(1);
  const size_t spoke = Spoke("crypto ikev2 profile FLEX\n match inbound-only\n");
  world.RunFor(seconds(30));
  EXPECT_EQ(world.PeersUp(hub), 0u);
  world.Configure(spoke, config::Parse(absl::StrCat(SpokeText(1, "key"), "crypto ipsec profile default\n responder-only\n")).model);
  world.RunFor(seconds(30));
  EXPECT_EQ(world.PeersUp(hub), 0u);
  world.Configure(spoke, config::Parse(SpokeText(1, "key")).model);
  EXPECT_TRUE(Up(hub));
}

TEST_F(Authorization, WhatIsRefusedIsSaidWithWhatWasOfferedAndWanted) {
  Hub(1, "crypto ikev2 proposal default\n encryption aes-cbc-128\n integrity sha256\n group 14\n");
  Spoke();
  world.RunFor(seconds(5));
  EXPECT_GE(world.Lines("offers no IKE proposal that we accept: offered AES-GCM"), 1u);
  EXPECT_GE(world.Lines("; wanted AES-CBC/128"), 1u);
  EXPECT_GE(world.Lines("(NO_PROPOSAL_CHOSEN): offered AES-GCM"), 1u);
}

TEST_F(Authorization, SoIsAChildSa) {
  Hub(1, "crypto ipsec transform-set default esp-aes 256 esp-sha256-hmac\n mode transport\n");
  Spoke();
  world.RunFor(seconds(5));
  EXPECT_GE(world.Lines("(profile FLEX) refused: no common IPsec proposal: offered AES-GCM"), 1u);
}

// Networks of one family over an overlay of the other.
class Ipv6Networks : public testing::Test {
 protected:
  Ipv6Networks() {
    const auto told = [](const char* prefix) {
      return absl::StrCat("crypto ikev2 authorization policy default\n route set remote ipv6 ", prefix, "\n");
    };
    world.Add(absl::StrCat(HubText("key"), told("2001:db8::/32")), Ip("198.51.100.1"), *net::Prefix::Parse("2001:db8:ff::/64"));
    for (int i : {1, 2})
      world.Add(absl::StrCat(SpokeText(i, "key"), "crypto ikev2 profile FLEX\n dpd 10 2 periodic\n",
                             told(absl::StrCat("2001:db8:", i, "::/64").c_str())),
                Ip(absl::StrCat("203.0.113.", i)), *net::Prefix::Parse(absl::StrCat("2001:db8:", i, "::/64")));
  }
  World world{{}};
};

TEST_F(Ipv6Networks, AreReachedOverIpv4) {
  ASSERT_TRUE(world.ComesUp(kHub, 2)) << world.violation();
  EXPECT_TRUE(world.Reaches(1, kHub, 1));
  EXPECT_TRUE(world.Reaches(kHub, 2, 1));
  for (const auto& [key, object] : world.kernel(kHub).all())
    if (const auto* r = std::get_if<dataplane::Route>(&object); r != nullptr && r->prefix.family() == net::Family::kIpv6) {
      EXPECT_GT(r->metric, 1024u) << key << ": routes of the router itself come first";
    }
  EXPECT_TRUE(world.Reaches(1, 2, 2));
  EXPECT_TRUE(absl::StrContains(world.Show(kHub, "show ipv6 route flexvpn"), "2001:db8:1::/64")) << world.Show(kHub, "show ipv6 route flexvpn");
  EXPECT_EQ(world.violation(), "");
}

TEST_F(Ipv6Networks, LeaveNothingButTheFallbackWhenTheSessionEnds) {
  ASSERT_TRUE(world.ComesUp(kHub, 2)) << world.violation();
  world.Kill(kHub);
  world.RunFor(seconds(200));
  bool dropped = false;
  for (const auto& [key, object] : world.kernel(1).all()) {
    const auto* r = std::get_if<dataplane::Route>(&object);
    if (r == nullptr || r->prefix.family() != net::Family::kIpv6) continue;
    EXPECT_EQ(r->metric, dataplane::kFallbackRouteMetric) << key;
    dropped |= r->prefix == *net::Prefix::Parse("2001:db8::/32");
  }
  EXPECT_TRUE(dropped) << "what was for the tunnel must not leave by the default route";
  EXPECT_EQ(world.violation(), "");
}

TEST_F(Authorization, ABorrowedAddressThatChangesIsToldAnew) {
  for (const char* lines : {"interface eth0\ninterface Tunnel0\n ip unnumbered eth0\ncrypto ikev2 authorization policy default\n route set interface\n",
                            "crypto ikev2 authorization policy default\n route set interface eth0\n"}) {
    World w({});
    const size_t hub = w.Add(HubText("key"), Ip("198.51.100.1"), *net::Prefix::Parse("172.31.1.0/24"));
    const size_t spoke = w.Add(absl::StrCat(SpokeText(1, "key"), lines), Ip("203.0.113.1"), *net::Prefix::Parse("172.16.1.0/24"));
    ASSERT_TRUE(w.ComesUp(hub, 1)) << w.violation();
    w.Readdress(spoke, Ip("203.0.113.7"));
    w.RunFor(seconds(5));
    EXPECT_EQ(w.Lines("goes on between"), 2u);
    EXPECT_TRUE(absl::StrContains(w.Show(spoke, "show crypto ikev2 sa detailed"), "203.0.113.7"));
    EXPECT_GE(w.Lines("route 203.0.113.7/32"), 1u) << "refused there, since it covers the tunnel endpoint";
  }
}

TEST_F(Authorization, SpokesWhoseAddressesAreThoseOfTheirUplinksFindEachOtherAfterAMove) {
  const size_t hub = Hub(1), first = Spoke("interface eth0\ninterface Tunnel0\n ip unnumbered eth0\n");
  const size_t second = world.Add(SpokeText(2, "key"), Ip("203.0.113.2"), *net::Prefix::Parse("172.16.2.0/24"));
  ASSERT_TRUE(world.ComesUp(hub, 2)) << world.violation();
  world.Ping(second, first);
  ASSERT_TRUE(world.RunUntil([&] { return world.HasShortcut(second, first); }, seconds(20)));
  world.Readdress(first, Ip("203.0.113.7"));
  EXPECT_TRUE(world.RunUntil([&] { return world.PeersUp(second) == 1; }, seconds(5))) << "its Delete comes from the new address";
  EXPECT_EQ(world.Lines("our overlay address has changed"), 1u);
  EXPECT_EQ(world.PeersUp(hub), 2u);
  world.RunFor(seconds(10));
  world.Ping(second, first);
  ASSERT_TRUE(world.RunUntil([&] { return world.HasShortcut(second, first); }, seconds(20)));
  EXPECT_TRUE(world.Reaches(second, first, 1));
  EXPECT_EQ(world.violation(), "");
  EXPECT_EQ(world.CheckSaPairs(), "");
}

TEST_F(Authorization, AnotherAddressOfOursReachesTheShortcutsToo) {
  const size_t hub = Hub(1), first = Spoke();
  const size_t second = world.Add(SpokeText(2, "key"), Ip("203.0.113.2"), *net::Prefix::Parse("172.16.2.0/24"));
  ASSERT_TRUE(world.ComesUp(hub, 2)) << world.violation();
  world.Ping(first, second);
  ASSERT_TRUE(world.RunUntil([&] { return world.HasShortcut(first, second); }, seconds(20)));
  const std::string other = absl::StrReplaceAll(HubText("key"), {{"pool FLEX 10.0.0.1 10.0.0.254", "pool FLEX 10.0.7.1 10.0.7.254"}});
  world.Configure(hub, config::Parse(other).model);
  ASSERT_TRUE(world.ComesUp(hub, 2, seconds(120)));
  world.RunFor(seconds(120));
  world.Ping(first, second);
  EXPECT_TRUE(world.RunUntil([&] { return world.HasShortcut(first, second); }, seconds(20)));
  EXPECT_TRUE(world.Reaches(first, second, 1));
  for (size_t r : {first, second}) EXPECT_FALSE(absl::StrContains(world.Show(r, "show ip nhrp"), " 10.0.0.")) << world.Show(r, "show ip nhrp");
  EXPECT_EQ(world.violation(), "");
}

// Addresses of both families for the spokes' tunnels (INTERNAL_IP4_ADDRESS, INTERNAL_IP6_ADDRESS).
class Ipv6Addresses : public testing::Test {
 protected:
  // `pool`: what follows `ipv6 local pool SIX`.
  void Start(const std::string& pool, const std::string& hub_lines = "") {
    hub_text = absl::StrCat(HubText("key"), "ipv6 local pool SIX ", pool, "\ncrypto ikev2 authorization policy default\n ipv6 pool SIX\n",
                            " route set interface\ninterface Loopback0\n ipv6 address 2001:db8:c::1/128\n", hub_lines);
    world.Add(hub_text, Ip("198.51.100.1"), *net::Prefix::Parse("172.31.0.0/24"));
    for (int i : {1, 2})
      world.Add(absl::StrCat(SpokeText(i, "key"), "interface Tunnel0\n ipv6 address negotiated\n"), Ip(absl::StrCat("203.0.113.", i)),
                *net::Prefix::Parse(absl::StrCat("172.16.", i, ".0/24")));
  }
  bool HasAddress(size_t router, const char* device, const char* address) {
    const auto& all = world.kernel(router).all();
    return std::any_of(all.begin(), all.end(), [&](const auto& o) {
      const auto* a = std::get_if<dataplane::Address>(&o.second);
      return a != nullptr && a->device == device && a->address == Ip(address);
    });
  }
  bool HasRoute(size_t router, const char* prefix) {
    const auto& all = world.kernel(router).all();
    return std::any_of(all.begin(), all.end(), [&](const auto& o) {
      const auto* r = std::get_if<dataplane::Route>(&o.second);
      // With an address of its own as the source, or answers might not come back by the tunnel.
      return r != nullptr && r->prefix == *net::Prefix::Parse(prefix) && r->next_hop.is_link_local() &&
             *net::Prefix::Parse("2001:db8::/32") == net::Prefix(r->preferred_source, 32);
    });
  }
  World world{{}};
  std::string hub_text;
};

TEST_F(Ipv6Addresses, AreGivenBesideThoseOfIpv4) {
  Start("2001:db8:c::/64 128");
  ASSERT_TRUE(world.ComesUp(kHub, 2)) << world.violation();
  EXPECT_TRUE(HasAddress(kHub, "flex-lo0", "2001:db8:c::1"));
  // The hub's own address is in the pool and is left out of it.
  EXPECT_TRUE(HasAddress(1, "flex-gre0", "2001:db8:c::2") != HasAddress(2, "flex-gre0", "2001:db8:c::2"));
  EXPECT_TRUE(HasAddress(1, "flex-gre0", "2001:db8:c::3") != HasAddress(2, "flex-gre0", "2001:db8:c::3"));
  EXPECT_TRUE(HasRoute(kHub, "2001:db8:c::2/128") && HasRoute(kHub, "2001:db8:c::3/128"));
  EXPECT_TRUE(HasRoute(1, "2001:db8:c::1/128")) << "route set interface tells both addresses of Loopback0";
  EXPECT_TRUE(world.Reaches(1, 2, 2)) << "IPv4 goes on as before";
  EXPECT_TRUE(absl::StrContains(world.Show(1, "show crypto ikev2 sa detailed"), "Pushed IPv6 address: 2001:db8:c::"));
  EXPECT_TRUE(absl::StrContains(world.Show(kHub, "show crypto ikev2 sa detailed"), "Assigned IPv6 addr: 2001:db8:c::"));
  EXPECT_TRUE(absl::StrContains(world.Show(kHub, "show ipv6 local pool"), " SIX                      2001:db8:c::1"))
      << world.Show(kHub, "show ipv6 local pool");
  EXPECT_TRUE(absl::StrContains(world.Show(kHub, "show ip route flexvpn"), "10.0.0.1"));
  EXPECT_EQ(world.violation(), "");
}

// Whether routers announce their own addresses, or NHRP has to find them out.
class Ipv6Shortcuts : public Ipv6Addresses, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(AddressesAre, Ipv6Shortcuts, testing::Bool(), [](const auto& test) { return test.param ? "Told" : "NotTold"; });

TEST_P(Ipv6Shortcuts, AreMadeAndUsed) {
  const std::string told = GetParam() ? " route set interface\n" : " no route set interface\n";
  hub_text = absl::StrCat(HubText("key"), "ipv6 local pool SIX 2001:db8:c::/64 128\ncrypto ikev2 authorization policy default\n ipv6 pool SIX\n",
                          told, " route set remote ipv6 2001:db8::/32\ninterface Loopback0\n ipv6 address 2001:db8:c::1/128\n");
  world.Add(hub_text, Ip("198.51.100.1"), *net::Prefix::Parse("2001:db8:ff::/64"));
  for (int i : {1, 2})
    world.Add(absl::StrCat(SpokeText(i, "key"), "crypto ikev2 authorization policy default\n", told, " route set remote ipv6 2001:db8:",
                           i, "::/64\ninterface Tunnel0\n ipv6 address negotiated\n"),
              Ip(absl::StrCat("203.0.113.", i)), *net::Prefix::Parse(absl::StrCat("2001:db8:", i, "::/64")));
  ASSERT_TRUE(world.ComesUp(kHub, 2)) << world.violation();
  EXPECT_TRUE(world.Reaches(1, 2, 2)) << "first through the hub";
  EXPECT_TRUE(world.RunUntil([&] { return world.HasShortcut(1, 2); }, seconds(20)));
  world.Ping(2, 1);
  EXPECT_TRUE(world.RunUntil([&] { return world.HasShortcut(2, 1); }, seconds(20)));
  EXPECT_TRUE(world.Reaches(1, 2, 1)) << world.Show(1, "show ipv6 nhrp") << world.Show(1, "show ipv6 route flexvpn");
  EXPECT_TRUE(world.Reaches(2, 1, 1));
  EXPECT_TRUE(absl::StrContains(world.Show(1, "show ipv6 nhrp shortcut"), "2001:db8:2::/64")) << world.Show(1, "show ipv6 nhrp shortcut");
  if (GetParam()) {
    EXPECT_TRUE(absl::StrContains(world.Show(1, "show ipv6 nhrp nhs"), "2001:db8:c::1")) << world.Show(1, "show ipv6 nhrp nhs");
  }
  EXPECT_EQ(world.violation(), "");
  EXPECT_EQ(world.CheckSaPairs(), "");
  world.Show(1, "clear crypto session");
  world.RunFor(seconds(60));
  EXPECT_TRUE(world.Reaches(1, 2, 2) || world.Reaches(1, 2, 1));
  EXPECT_EQ(world.violation(), "");
}

TEST_F(Ipv6Addresses, AClientThatComesBackHasItsOwnAgain) {
  Start("2001:db8:c::/64 128");
  ASSERT_TRUE(world.ComesUp(kHub, 2));
  const char* own = HasAddress(1, "flex-gre0", "2001:db8:c::2") ? "2001:db8:c::2" : "2001:db8:c::3";
  world.Show(1, "clear crypto session");
  world.RunFor(seconds(2));
  ASSERT_TRUE(world.ComesUp(kHub, 2)) << world.violation();
  EXPECT_TRUE(HasAddress(1, "flex-gre0", own));
}

TEST_F(Ipv6Addresses, AShorterPrefixIsRoutedWhole) {
  Start("2001:db8:d00::/40 64");
  ASSERT_TRUE(world.ComesUp(kHub, 2)) << world.violation();
  EXPECT_TRUE(HasRoute(kHub, "2001:db8:d00::/64") && HasRoute(kHub, "2001:db8:d00:1::/64"));
  EXPECT_TRUE(HasAddress(1, "flex-gre0", "2001:db8:d00::1") || HasAddress(1, "flex-gre0", "2001:db8:d00:1::1"));
}

TEST_F(Ipv6Addresses, OneFamilyIsEnoughWhenTheOtherPoolIsUsedUp) {
  Start("2001:db8:e::8/128 128");
  ASSERT_TRUE(world.ComesUp(kHub, 2)) << world.violation();
  EXPECT_EQ(world.Lines("gets an address of one family only: ipv6 local pool SIX is used up"), 1u);
  EXPECT_EQ(world.violation(), "");
}

TEST_F(Ipv6Addresses, NothingOfIpv6IsWantedOfDevicesThatAreTooSmallForIt) {
  Start("2001:db8:c::/64 128", "interface Virtual-Template1\n ip mtu 1279\n");
  ASSERT_TRUE(world.ComesUp(kHub, 2)) << world.violation();
  EXPECT_FALSE(HasAddress(kHub, "flex-lo0", "2001:db8:c::1") || HasRoute(kHub, "2001:db8:c::2/128"));
  EXPECT_TRUE(world.Reaches(1, 2, 2));
  world.Configure(kHub, config::Parse(absl::StrReplaceAll(hub_text, {{"ip mtu 1279", "ip mtu 1280"}})).model);
  world.RunFor(seconds(1));
  EXPECT_TRUE(HasAddress(kHub, "flex-lo0", "2001:db8:c::1"));
  EXPECT_TRUE(HasRoute(kHub, "2001:db8:c::2/128") && HasRoute(kHub, "2001:db8:c::3/128")) << "those of sessions that were up come too";
}

TEST_F(Ipv6Addresses, AClientThatGetsNoneAnyMoreHasNone) {
  Start("2001:db8:c::/64 128");
  ASSERT_TRUE(world.ComesUp(kHub, 2));
  world.Configure(kHub, config::Parse(absl::StrReplaceAll(hub_text, {{" ipv6 pool SIX\n", ""}})).model);
  ASSERT_TRUE(world.ComesUp(kHub, 2, seconds(120)));
  for (size_t spoke : {size_t{1}, size_t{2}}) EXPECT_FALSE(HasAddress(spoke, "flex-gre0", "2001:db8:c::2") || HasAddress(spoke, "flex-gre0", "2001:db8:c::3"));
}

TEST_F(Ipv6Addresses, APoolAroundTheHubsLanLeavesThatOut) {
  world.Add(absl::StrCat(HubText("key"), "ipv6 local pool SIX 2001:db8:d00::/56 64\ncrypto ikev2 authorization policy default\n ipv6 pool SIX\n"),
            Ip("198.51.100.1"), *net::Prefix::Parse("2001:db8:d00::/64"));
  world.Add(absl::StrCat(SpokeText(1, "key"), "interface Tunnel0\n ipv6 address negotiated\n"), Ip("203.0.113.1"),
            *net::Prefix::Parse("172.16.1.0/24"));
  ASSERT_TRUE(world.ComesUp(kHub, 1)) << world.violation();
  EXPECT_TRUE(HasAddress(1, "flex-gre0", "2001:db8:d00:1::1"));
  EXPECT_EQ(world.violation(), "");
}

TEST_F(Ipv6Addresses, AChangedPoolMakesThoseOutsideOfItAnew) {
  Start("2001:db8:c::/64 128");
  ASSERT_TRUE(world.ComesUp(kHub, 2));
  world.Configure(kHub, config::Parse(absl::StrCat(hub_text, "ipv6 local pool SIX 2001:db8:c::/60 128\n")).model);
  EXPECT_EQ(world.node(kHub).restarts().restarted, 0u) << "it has grown";
  world.Configure(kHub, config::Parse(absl::StrCat(hub_text, "ipv6 local pool SIX 2001:db8:f::/64 128\n")).model);
  EXPECT_EQ(world.node(kHub).restarts().restarted, 2u);
  ASSERT_TRUE(world.ComesUp(kHub, 2, seconds(120)));
  EXPECT_TRUE(HasRoute(kHub, "2001:db8:f::1/128") && HasRoute(kHub, "2001:db8:f::2/128"));
  EXPECT_FALSE(HasRoute(kHub, "2001:db8:c::2/128"));
  EXPECT_FALSE(HasAddress(1, "flex-gre0", "2001:db8:c::2") || HasAddress(1, "flex-gre0", "2001:db8:c::3"));
}

}  // namespace
}  // namespace flexvpn::sim
