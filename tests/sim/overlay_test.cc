// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sim/world.h"

namespace flexvpn::sim {
namespace {

constexpr char kCommon[] = R"(
aaa new-model
aaa authorization network default local
crypto ikev2 keyring KR
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key simulated-key
crypto ikev2 profile default
 match identity remote fqdn domain example.net
 identity local fqdn %s.example.net
 authentication remote pre-share
 authentication local pre-share
 keyring local KR
 dpd 10 2 periodic
 aaa authorization group psk list default default
 virtual-template 1
crypto ipsec profile default
 set ikev2-profile default
)";

std::string Named(const std::string& name) {
  std::string text = kCommon;
  text.replace(text.find("%s"), 2, name);
  return absl::StrCat("hostname ", name, "\n", text);
}

std::string HubConfig() {
  return absl::StrCat(Named("hub"), R"(
ip local pool FLEX 10.0.0.1 10.0.3.254
ip access-list standard LANS
 permit 172.16.0.0 0.15.255.255
crypto ikev2 authorization policy default
 pool FLEX
 route set interface
 route set access-list LANS
interface Loopback0
 ip address 10.0.255.254 255.255.255.255
interface Virtual-Template1 type tunnel
 ip unnumbered Loopback0
 ip nhrp network-id 1
 ip nhrp redirect
 tunnel source eth0
 tunnel protection ipsec profile default
)");
}

std::string SpokeConfig(size_t i, const net::Prefix& lan) {
  return absl::StrCat(Named(absl::StrCat("spoke", i)), R"(
ip access-list standard LAN
 permit )", lan.address().ToString(), R"( 0.0.0.255
crypto ikev2 authorization policy default
 route set interface
 route set access-list LAN
interface Tunnel0
 ip address negotiated
 ip nhrp network-id 1
 ip nhrp shortcut virtual-template 1
 ip nhrp redirect
 tunnel source eth0
 tunnel destination 198.51.100.1
 tunnel protection ipsec profile default
interface Virtual-Template1 type tunnel
 ip unnumbered Tunnel0
 ip nhrp network-id 1
 ip nhrp shortcut virtual-template 1
 ip nhrp redirect
 tunnel source eth0
 tunnel protection ipsec profile default
)");
}

// Sanitizers make everything ten times slower; the size of the world is not what they look for.
bool Small() { return std::getenv("FLEXVPN_SIM_SMALL") != nullptr; }

void AddHub(World& w) {
  w.Add(HubConfig(), *net::IpAddress::Parse("198.51.100.1"), *net::Prefix::Parse("172.31.255.0/24"));
}

size_t AddSpoke(World& w, size_t i) {
  const net::Prefix lan(net::IpAddress::V4(0xac100000 + static_cast<uint32_t>(i) * 256), 24);
  return w.Add(SpokeConfig(i, lan), net::IpAddress::V4(0xcb007100 + static_cast<uint32_t>(i)), lan);
}

std::string Tail(const World& w) {
  std::vector<std::string> lines = w.log();
  if (lines.size() > 60) lines.erase(lines.begin(), lines.end() - 60);
  return absl::StrCat(w.violation(), "\n", absl::StrJoin(lines, "\n"));
}

size_t Connected(const World& w) {
  size_t n = 0;
  for (size_t i = 1; i < w.routers(); ++i) n += w.PeersUp(i) > 0;
  return n;
}

// Pings until the answer to `from`'s packets arrives over one tunnel.
bool DirectWithin(World& w, size_t from, size_t to, Duration limit) {
  const Instant end = w.now() + limit;
  while (w.now() < end && w.violation().empty()) {
    w.Ping(from, to);
    w.Ping(to, from);
    w.RunFor(milliseconds(500));
    for (auto d = w.delivered().rbegin(); d != w.delivered().rend() && d < w.delivered().rbegin() + 4; ++d)
      if (d->from == from && d->to == to && d->hops == 1 && w.HasShortcut(from, to) && w.HasShortcut(to, from)) return true;
  }
  return false;
}

TEST(OverlaySim, SpokesReachEachOtherThroughTheHubAndThenDirectly) {
  World w({.seed = 7});
  AddHub(w);
  const size_t a = AddSpoke(w, 1), b = AddSpoke(w, 2);
  ASSERT_TRUE(w.RunUntil([&] { return Connected(w) == 2 && w.PeersUp(kHub) == 2; }, seconds(10))) << Tail(w);
  w.RunFor(seconds(1));
  w.Ping(a, b);
  w.RunFor(milliseconds(200));
  ASSERT_EQ(w.delivered().size(), 1u) << Tail(w);
  EXPECT_EQ(w.delivered()[0].hops, 2);
  EXPECT_TRUE(DirectWithin(w, a, b, seconds(5))) << Tail(w);
  w.RunFor(seconds(30));
  EXPECT_EQ(w.CheckSaPairs(), "") << Tail(w);
}

TEST(OverlaySim, NoPacketIsLostWhileAShortcutForms) {
  World w({.seed = 8});
  AddHub(w);
  const size_t a = AddSpoke(w, 1), b = AddSpoke(w, 2);
  ASSERT_TRUE(w.RunUntil([&] { return Connected(w) == 2; }, seconds(10))) << Tail(w);
  w.RunFor(seconds(1));
  for (int i = 0; i < 200; ++i) {
    w.Ping(a, b);
    w.RunFor(milliseconds(10));
  }
  w.RunFor(seconds(1));
  EXPECT_EQ(w.delivered().size(), 200u) << Tail(w);
  EXPECT_TRUE(w.HasShortcut(a, b)) << Tail(w);
}

TEST(OverlaySim, TrafficFallsBackToTheHubWhenASpokeOfAShortcutRestarts) {
  World w({.seed = 9});
  AddHub(w);
  const size_t a = AddSpoke(w, 1), b = AddSpoke(w, 2);
  ASSERT_TRUE(w.RunUntil([&] { return Connected(w) == 2; }, seconds(10))) << Tail(w);
  ASSERT_TRUE(DirectWithin(w, a, b, seconds(10))) << Tail(w);
  w.Kill(b);
  ASSERT_TRUE(w.RunUntil([&] { return !w.HasShortcut(a, b); }, seconds(120))) << Tail(w);
  w.Restart(b);
  ASSERT_TRUE(w.RunUntil([&] { return w.PeersUp(b) > 0; }, seconds(60))) << Tail(w);
  EXPECT_TRUE(DirectWithin(w, a, b, seconds(60))) << Tail(w);
}

TEST(OverlaySim, AllSpokesComeBackAfterTheHubRestarts) {
  World w({.seed = 10, .loss = 0.05});
  AddHub(w);
  for (size_t i = 1; i <= 20; ++i) AddSpoke(w, i);
  ASSERT_TRUE(w.RunUntil([&] { return Connected(w) == 20; }, seconds(60))) << Tail(w);
  w.Kill(kHub);
  w.RunFor(seconds(90));
  ASSERT_EQ(w.violation(), "") << Tail(w);
  w.Restart(kHub);
  EXPECT_TRUE(w.RunUntil([&] { return w.PeersUp(kHub) == 20 && Connected(w) == 20; }, seconds(180)))
      << w.PeersUp(kHub) << " of 20\n" << Tail(w);
}

TEST(OverlaySim, SaPairsAgreeAndNothingLeaksOverManyRekeys) {
  World w({.seed = 11, .loss = 0.1});
  AddHub(w);
  const size_t a = AddSpoke(w, 1), b = AddSpoke(w, 2);
  ASSERT_TRUE(w.RunUntil([&] { return Connected(w) == 2; }, seconds(60))) << Tail(w);
  // A day and more: about 27 Child SA lifetimes and one of the IKE SA.
  for (int hour = 0; hour < 27; ++hour) {
    w.Ping(a, b);
    w.Ping(b, a);
    w.RunFor(seconds(3600));
    ASSERT_EQ(w.violation(), "") << Tail(w);
  }
  ASSERT_TRUE(w.RunUntil([&] { return w.CheckSaPairs().empty(); }, seconds(120))) << w.CheckSaPairs() << Tail(w);
  EXPECT_EQ(Connected(w), 2u);
  size_t sas = 0;
  for (const auto& [key, object] : w.kernel(kHub).all()) sas += std::holds_alternative<dataplane::Sa>(object);
  EXPECT_LE(sas, 12u) << "SAs pile up at the hub";
}

// Otherwise their packets would follow the default route and leave in clear.
TEST(OverlaySim, NetworksOfTheOverlayKeepARouteIntoTheTunnelDeviceWithoutPeers) {
  World w({.seed = 13});
  AddHub(w);
  const size_t a = AddSpoke(w, 1), b = AddSpoke(w, 2);
  ASSERT_TRUE(w.RunUntil([&] { return Connected(w) == 2; }, seconds(10))) << Tail(w);
  w.RunFor(seconds(1));
  w.Kill(kHub);
  ASSERT_TRUE(w.RunUntil([&] { return Connected(w) == 0; }, seconds(120))) << Tail(w);
  auto covered = [&](size_t router, const net::IpAddress& host) {
    for (const auto& [key, object] : w.kernel(router).all())
      if (const auto* r = std::get_if<dataplane::Route>(&object); r != nullptr && r->prefix.Contains(host)) return true;
    return false;
  };
  EXPECT_TRUE(covered(a, w.Host(b))) << Tail(w);
  EXPECT_TRUE(covered(a, w.Host(kHub))) << Tail(w);
  w.Restart(kHub);
  w.RunFor(milliseconds(1));
  EXPECT_TRUE(covered(kHub, w.Host(a))) << "before any spoke is back";
}

// A spoke with valid credentials that announces what is not its own.
TEST(OverlaySim, RoutesThatWouldHijackOthersAreRefused) {
  World w({.seed = 12});
  AddHub(w);
  const size_t a = AddSpoke(w, 1);
  ASSERT_TRUE(w.RunUntil([&] { return w.PeersUp(a) == 1; }, seconds(10))) << Tail(w);
  const net::Prefix lan = *net::Prefix::Parse("172.16.9.0/24");
  std::string config = SpokeConfig(9, lan);
  config.replace(config.find(" permit 172"), 7, R"( permit 203.0.113.1 0.0.0.0
 permit 203.0.112.0 0.0.3.255
 permit 198.51.100.1 0.0.0.0
 permit 169.254.0.1 0.0.0.0
 permit 10.0.0.1 0.0.0.0
 permit 10.0.255.254 0.0.0.0
 permit)");
  const size_t evil = w.Add(config, *net::IpAddress::Parse("203.0.113.9"), lan);
  ASSERT_TRUE(w.RunUntil([&] { return w.PeersUp(evil) == 1 && w.PeersUp(kHub) == 2; }, seconds(10))) << Tail(w);
  w.RunFor(seconds(2));
  std::set<std::string> over_evil;
  for (const auto& [key, object] : w.kernel(kHub).all())
    if (const auto* r = std::get_if<dataplane::Route>(&object); r != nullptr && r->metric != dataplane::kFallbackRouteMetric &&
        r->next_hop != *net::IpAddress::Parse("10.0.0.1"))
      over_evil.insert(r->prefix.ToString());
  EXPECT_EQ(over_evil, (std::set<std::string>{"10.0.0.2/32", "172.16.9.0/24"})) << Tail(w);
  w.Ping(evil, a);
  w.RunFor(seconds(1));
  EXPECT_EQ(w.delivered().size(), 1u) << "its own network works all the same\n" << Tail(w);
}

TEST(OverlaySim, TheSameSeedIsTheSameRun) {
  auto run = [](uint64_t seed) {
    World w({.seed = seed, .loss = 0.2});
    AddHub(w);
    for (size_t i = 1; i <= 8; ++i) AddSpoke(w, i);
    w.RunFor(seconds(20));
    w.Ping(1, 2);
    w.Ping(3, 4);
    w.RunFor(seconds(10));
    return w.transcript();
  };
  EXPECT_EQ(run(42), run(42));
  EXPECT_NE(run(42), run(43));
}

TEST(OverlaySim, ShortcutsFormBothWaysWhateverIsLost) {
  for (uint64_t seed = 1; seed <= (Small() ? 20 : 1000); ++seed) {
    World w({.seed = seed, .loss = 0.1 + 0.05 * static_cast<double>(seed % 4), .jitter = milliseconds(40)});
    AddHub(w);
    for (size_t i = 1; i <= 3; ++i) AddSpoke(w, i);
    ASSERT_TRUE(w.RunUntil([&] { return Connected(w) == 3; }, seconds(120))) << "seed " << seed << "\n" << Tail(w);
    // Five questions that all get lost are followed by three minutes of silence.
    ASSERT_TRUE(DirectWithin(w, 1, 2, seconds(400))) << "seed " << seed << "\n" << w.Show(1, "show ip nhrp")
                                                     << w.Show(2, "show ip nhrp") << w.Show(1, "show dataplane drops")
                                                     << w.Show(2, "show dataplane drops") << Tail(w);
    ASSERT_TRUE(w.RunUntil([&] { return w.CheckSaPairs().empty(); }, seconds(60))) << "seed " << seed << w.CheckSaPairs();
  }
}

TEST(OverlaySim, FiveHundredSpokesConnectAndRandomPairsGetShortcutsDespiteLossAndRestarts) {
  World w({.seed = 500, .loss = 0.1});
  AddHub(w);
  const size_t kSpokes = Small() ? 60 : 500;
  for (size_t i = 1; i <= kSpokes; ++i) AddSpoke(w, i);
  ASSERT_TRUE(w.RunUntil([&] { return w.PeersUp(kHub) >= kSpokes && Connected(w) == kSpokes; }, seconds(180)))
      << Connected(w) << " connected\n" << Tail(w);
  SeededRng rng(1);
  for (int n = 0; n < 10; ++n) {
    const size_t a = 1 + rng.Below(kSpokes), b = 1 + rng.Below(kSpokes);
    if (a == b) continue;
    EXPECT_TRUE(DirectWithin(w, a, b, seconds(60)))
        << a << " -> " << b << "\n" << w.Show(a, "show ip nhrp") << w.Show(b, "show ip nhrp")
        << w.Show(a, "show dataplane drops") << w.Show(b, "show dataplane drops") << Tail(w);
  }
  for (int n = 0; n < 10; ++n) w.Kill(1 + static_cast<size_t>(n) * (kSpokes / 12));
  w.RunFor(seconds(60));
  ASSERT_EQ(w.violation(), "") << Tail(w);
  for (int n = 0; n < 10; ++n) w.Restart(1 + static_cast<size_t>(n) * (kSpokes / 12));
  EXPECT_TRUE(w.RunUntil([&] { return Connected(w) == kSpokes; }, seconds(180))) << Connected(w) << Tail(w);
  EXPECT_EQ(w.violation(), "");
}

}  // namespace
}  // namespace flexvpn::sim
