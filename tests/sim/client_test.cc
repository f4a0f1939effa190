// SPDX-License-Identifier: Apache-2.0
// A spoke with a list of hubs (crypto ikev2 client flexvpn).
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "sim/hub_and_spokes.h"
#include "sim/world.h"
#include "support/values.h"

namespace flexvpn::sim {
namespace {

// Hubs at 198.51.100.1 (in the spoke's list as `first`) and .2; an address nobody has is before them if `with_gap`.
struct ClientOverlay {
  explicit ClientOverlay(const std::string& lines = "", bool with_gap = false, const std::string& first = "198.51.100.1")
      : world({}) {
    for (int i : {1, 2})
      hubs.push_back(world.Add(HubText("key"), Ip(absl::StrCat("198.51.100.", i)),
                               *net::Prefix::Parse(absl::StrCat("172.31.", i, ".0/24"))));
    const std::string block = absl::StrCat("crypto ikev2 client flexvpn HUBS\n", with_gap ? " peer 1 198.51.100.99\n" : "",
                                           " peer 5 ", first, "\n peer 20 198.51.100.2\n", lines, " client connect Tunnel0\n");
    text = absl::StrCat(absl::StrReplaceAll(SpokeText(1, "key"), {{"tunnel destination 198.51.100.1", "tunnel destination dynamic"}}),
                        "crypto ikev2 profile FLEX\n dpd 10 2 periodic\n", block);
    spoke = world.Add(text, Ip("203.0.113.1"), *net::Prefix::Parse("172.16.1.0/24"));
  }
  bool On(size_t hub, Duration limit = seconds(60)) {
    return world.ComesUp(hubs[hub], 1, limit) && world.PeersUp(spoke) == 1;
  }
  std::string Client() { return world.Show(spoke, "show crypto ikev2 client flexvpn"); }
  World world;
  std::vector<size_t> hubs;
  size_t spoke = 0;
  std::string text;
};

TEST(Client, CallsTheFirstHubAndTheNextWhenThatIsGone) {
  ClientOverlay o;
  ASSERT_TRUE(o.On(0)) << o.world.violation();
  EXPECT_TRUE(absl::StrContains(o.Client(), "Current state:ACTIVE\n  Peer : 198.51.100.1\n  Source : 203.0.113.1 eth0\n")) << o.Client();
  o.world.Kill(o.hubs[0]);
  ASSERT_TRUE(o.On(1, seconds(60))) << "10 s of DPD and its tries, 10 s of the first hub's turn";
  EXPECT_TRUE(absl::StrContains(o.Client(), "Current state:ACTIVE\n  Peer : 198.51.100.2\n"));
  const size_t before = o.world.delivered().size();
  o.world.Ping(o.spoke, o.hubs[1]);
  o.world.RunFor(seconds(1));
  EXPECT_EQ(o.world.delivered().size(), before + 1);
  o.world.Restart(o.hubs[0]);
  o.world.RunFor(seconds(60));
  EXPECT_EQ(o.world.PeersUp(o.hubs[1]), 1u) << "it stays with a hub that answers";
  o.world.Show(o.spoke, "clear crypto ikev2 client flexvpn");
  EXPECT_TRUE(o.On(0)) << "the list begins anew";
  EXPECT_EQ(o.world.violation(), "");
  EXPECT_EQ(o.world.CheckSaPairs(), "");
}

TEST(Client, ReactivateReturnsToABetterHubWithoutLosingTheTunnel) {
  ClientOverlay o(" peer reactivate\n", true);  // the first of the list is never there
  ASSERT_TRUE(o.On(0)) << o.world.violation();
  o.world.Kill(o.hubs[0]);
  ASSERT_TRUE(o.On(1, seconds(90)));
  o.world.RunFor(seconds(200));  // calls in vain meanwhile
  EXPECT_EQ(o.world.PeersUp(o.hubs[1]), 1u);
  EXPECT_TRUE(absl::StrContains(o.Client(), "Current state:ACTIVE\n  Peer : 198.51.100.2\n")) << o.Client();
  o.world.Restart(o.hubs[0]);
  for (int s = 0; s < 90 && o.world.PeersUp(o.hubs[0]) == 0; ++s) {
    const size_t before = o.world.delivered().size();
    o.world.Ping(o.hubs[1], o.spoke);
    o.world.RunFor(seconds(1));
    EXPECT_TRUE(o.world.delivered().size() == before + 1 || o.world.PeersUp(o.hubs[0]) == 1) << s;
  }
  ASSERT_TRUE(o.On(0, seconds(5))) << o.world.violation();
  EXPECT_EQ(o.world.PeersUp(o.hubs[1]), 0u) << "the other one is told";
  EXPECT_EQ(o.world.Lines("Tunnel0: a better hub answers, 198.51.100.1"), 1u);
  EXPECT_TRUE(o.world.Reaches(o.spoke, o.hubs[0], 1));
  EXPECT_TRUE(absl::StrContains(o.Client(), "Peer : 198.51.100.1\n")) << o.Client();
  o.world.RunFor(seconds(300));  // the one before it stays away
  EXPECT_EQ(o.world.PeersUp(o.hubs[0]), 1u);
  EXPECT_EQ(o.world.violation(), "");
  EXPECT_EQ(o.world.CheckSaPairs(), "");
}

TEST(Client, ReactivateGivenLaterCountsForASessionThatIsUp) {
  ClientOverlay o;
  o.world.Kill(o.hubs[0]);
  ASSERT_TRUE(o.On(1, seconds(60)));
  o.world.Restart(o.hubs[0]);
  o.world.Configure(o.spoke, config::Parse(absl::StrCat(o.text, "crypto ikev2 client flexvpn HUBS\n peer reactivate\n")).model);
  EXPECT_EQ(o.world.node(o.spoke).restarts().restarted, 0u);
  EXPECT_TRUE(o.On(0, seconds(90)));
}

TEST(Client, ReactivateEndsAVainCallWhenTheSessionEnds) {
  ClientOverlay o(" peer reactivate\n");
  o.world.Kill(o.hubs[0]);
  ASSERT_TRUE(o.On(1, seconds(60)));
  o.world.RunFor(seconds(65));  // the better hub is being called
  o.world.Kill(o.hubs[1]);
  o.world.Restart(o.hubs[0]);
  EXPECT_TRUE(o.On(0, seconds(90)));
  o.world.RunFor(seconds(120));
  EXPECT_EQ(o.world.PeersUp(o.hubs[0]), 1u);
  EXPECT_EQ(o.world.violation(), "");
  EXPECT_EQ(o.world.CheckSaPairs(), "");
}

TEST(Client, AnAddressThatNobodyHasCostsTenSeconds) {
  ClientOverlay o("", true);
  EXPECT_FALSE(o.world.RunUntil([&] { return o.world.PeersUp(o.hubs[0]) == 1; }, seconds(9)));
  ASSERT_TRUE(o.On(0, seconds(3))) << o.world.violation();
  EXPECT_EQ(o.world.Lines("Tunnel0: no session, trying the next hub, 198.51.100.1"), 1u);
}

TEST(Client, AHubThatRefusesIsLeftAtOnce) {
  ClientOverlay o;
  o.world.Configure(o.hubs[0], config::Parse(HubText("another-key")).model);
  ASSERT_TRUE(o.On(1, seconds(5))) << o.world.violation();
  EXPECT_EQ(o.world.PeersUp(o.hubs[0]), 0u);
}

TEST(Client, AHubWithAnotherIdentityIsLeftForTheNext) {
  ClientOverlay o;
  o.world.Configure(o.hubs[0], config::Parse(absl::StrReplaceAll(HubText("key"), {{"hub.example.net", "hub.example.org"}})).model);
  ASSERT_TRUE(o.On(1, seconds(10))) << o.world.violation();
  EXPECT_GE(o.world.Lines("does not match"), 1u);
}

TEST(Client, AHubWithoutAKeyIsPassedOver) {
  ClientOverlay o;
  config::Model model = config::Parse(absl::StrCat(o.text, "crypto ikev2 keyring ALL\n peer ANY\n  no address 0.0.0.0 0.0.0.0\n"
                                                           "  address 198.51.100.2\n")).model;
  o.world.Configure(o.spoke, model);
  ASSERT_TRUE(o.On(1, seconds(10))) << o.Client();
}

TEST(Client, TakingConnectManualBackAndForth) {
  ClientOverlay o(" connect manual\n");
  o.world.RunFor(seconds(5));
  o.world.Configure(o.spoke, config::Parse(absl::StrCat(o.text, "crypto ikev2 client flexvpn HUBS\n connect auto\n")).model);
  ASSERT_TRUE(o.On(0)) << "auto calls by itself";
  o.world.Show(o.spoke, "crypto ikev2 client flexvpn connect");
  o.world.Configure(o.spoke, config::Parse(o.text).model);
  o.world.Show(o.spoke, "clear crypto ikev2 client flexvpn");
  o.world.RunFor(seconds(60));
  EXPECT_EQ(o.world.PeersUp(o.hubs[0]), 0u);
}

TEST(Client, WithoutAnyHubItGoesOnTrying) {
  ClientOverlay o;
  for (size_t hub : o.hubs) o.world.Kill(hub);
  o.world.RunFor(seconds(300));
  EXPECT_FALSE(absl::StrContains(o.Client(), "Current state:ACTIVE")) << o.Client();
  EXPECT_GE(o.world.Lines("trying the next hub"), 4u);
  o.world.Restart(o.hubs[1]);
  EXPECT_TRUE(o.On(1, seconds(60)));
}

TEST(Client, ManualWaitsUntilItIsTold) {
  ClientOverlay o(" connect manual\n");
  o.world.RunFor(seconds(30));
  EXPECT_EQ(o.world.PeersUp(o.hubs[0]), 0u);
  EXPECT_TRUE(absl::StrContains(o.Client(), "Current state:DOWN")) << o.Client();
  EXPECT_TRUE(absl::StrContains(o.Client(), "crypto ikev2 client flexvpn connect"));
  o.world.Show(o.spoke, "crypto ikev2 client flexvpn connect HUBS");
  ASSERT_TRUE(o.On(0));
  o.world.Kill(o.hubs[0]);
  ASSERT_TRUE(o.On(1)) << "told once, it stays connected";
  o.world.Show(o.spoke, "clear crypto ikev2 client flexvpn HUBS");
  o.world.RunFor(seconds(60));
  EXPECT_EQ(o.world.PeersUp(o.hubs[1]), 0u);
  EXPECT_EQ(o.world.violation(), "");
}

TEST(Client, SourcesAreTriedInOrder) {
  ClientOverlay o;
  config::Model model = config::Parse(absl::StrCat(absl::StrReplaceAll(o.text, {{"tunnel source eth0\n", "tunnel source dynamic\n"}}),
                                                   "crypto ikev2 client flexvpn HUBS\n source 1 eth7\n source 2 eth0\n"))
                            .model;
  ASSERT_EQ(model.interfaces.at("Tunnel0").inoperative, "");
  o.world.Configure(o.spoke, model);
  ASSERT_TRUE(o.On(0)) << o.Client();
  EXPECT_TRUE(absl::StrContains(o.Client(), "Source : 203.0.113.1 eth0")) << o.Client();
}

TEST(Client, AHubTakenOffTheListIsLeftAndOthersStay) {
  ClientOverlay o;
  ASSERT_TRUE(o.On(0));
  o.world.Configure(o.spoke, config::Parse(absl::StrCat(o.text, "crypto ikev2 client flexvpn HUBS\n peer 30 198.51.100.9\n")).model);
  EXPECT_EQ(o.world.node(o.spoke).restarts().restarted, 0u);
  o.world.Configure(o.spoke, config::Parse(absl::StrCat(o.text, "crypto ikev2 client flexvpn HUBS\n no peer 5 198.51.100.1\n")).model);
  EXPECT_EQ(o.world.node(o.spoke).restarts().restarted, 1u);
  EXPECT_TRUE(o.On(1));
}

constexpr char kByName[] = "fqdn hub1.example.net dynamic";

TEST(HubByName, IsCalledAtTheAddressOfTheName) {
  ClientOverlay o("", false, kByName);
  o.world.SetName("hub1.example.net", {Ip("198.51.100.1")});
  ASSERT_TRUE(o.On(0)) << o.world.violation();
  EXPECT_TRUE(absl::StrContains(o.Client(), "Current state:ACTIVE\n  Peer : 198.51.100.1\n")) << o.Client();
  EXPECT_TRUE(o.world.Reaches(o.spoke, o.hubs[0], 1));
  EXPECT_EQ(o.world.violation(), "");
}

TEST(HubByName, WithoutAnAddressTheNextHubIsCalled) {
  ClientOverlay o("", false, kByName);
  ASSERT_TRUE(o.On(1, seconds(5))) << o.world.violation();
  EXPECT_EQ(o.world.Lines("Tunnel0: no address of hub1.example.net: no such name in this world"), 1u);
  EXPECT_EQ(o.world.Lines("Tunnel0: no session, trying the next hub, 198.51.100.2"), 1u);
}

TEST(HubByName, BetterHubThatGetsAnAddressIsReturnedTo) {
  ClientOverlay o(" peer reactivate\n", false, kByName);
  ASSERT_TRUE(o.On(1, seconds(5)));
  o.world.SetName("hub1.example.net", {Ip("198.51.100.1")});
  EXPECT_TRUE(o.On(0, seconds(150))) << o.world.violation();
  EXPECT_EQ(o.world.Lines("Tunnel0: a better hub answers, 198.51.100.1"), 1u);
  o.world.RunFor(seconds(120));
  EXPECT_EQ(o.world.PeersUp(o.hubs[0]), 1u) << "no hub is better";
  EXPECT_EQ(o.world.CheckSaPairs(), "");
}

TEST(HubByName, AChangedListKeepsItsSession) {
  ClientOverlay o("", false, kByName);
  o.world.SetName("hub1.example.net", {Ip("198.51.100.1")});
  ASSERT_TRUE(o.On(0));
  o.world.Configure(o.spoke, config::Parse(absl::StrReplaceAll(o.text, {{" peer 20 ", " peer 1 192.0.2.99\n peer 20 "}})).model);
  EXPECT_EQ(o.world.Lines("new configuration in force; 0 of 1 sessions restarted"), 1u);
  o.world.Configure(o.spoke, config::Parse(absl::StrReplaceAll(o.text, {{"hub1.example.net", "other.example.net"}})).model);
  EXPECT_EQ(o.world.Lines("new configuration in force; 1 of 1 sessions restarted"), 1u);
  EXPECT_TRUE(o.On(1, seconds(30))) << o.world.violation();
}

TEST(HubByName, AChangedListWhileTheNameIsLookedUpLosesNoCall) {
  ClientOverlay o("", false, kByName);
  o.world.SetName("hub1.example.net", {Ip("198.51.100.1")});
  o.world.Configure(o.spoke, config::Parse(absl::StrReplaceAll(o.text, {{" peer 5 ", " peer 1 192.0.2.99\n peer 5 "}})).model);
  ASSERT_TRUE(o.On(0, seconds(15))) << o.world.violation();
}

TEST(HubByName, AModeChangedAndBackWhileTheNameIsLookedUpLosesNoCall) {
  ClientOverlay o("", false, kByName);
  o.world.SetName("hub1.example.net", {Ip("198.51.100.1")});
  const std::string v6 = absl::StrReplaceAll(o.text, {{" tunnel source eth0", " tunnel mode gre ipv6\n tunnel source eth0"}});
  o.world.Configure(o.spoke, config::Parse(v6).model);
  o.world.RunFor(seconds(1));
  o.world.Configure(o.spoke, config::Parse(o.text).model);
  ASSERT_TRUE(o.On(0, seconds(5))) << o.world.violation();
}

TEST(HubByName, ANameServerThatIsSilentCostsItsTurnAlone) {
  ClientOverlay o("", false, kByName);
  o.world.SilenceNames(true);
  ASSERT_TRUE(o.On(1, seconds(12))) << o.world.violation();
  EXPECT_EQ(o.world.Lines("Tunnel0: no address of hub1.example.net: no name server answers"), 1u);
}

TEST(HubByName, AddressesThatAreNoOtherHostsAreNotCalled) {
  ClientOverlay o("", false, kByName);
  o.world.SetName("hub1.example.net", {Ip("127.0.0.1"), Ip("169.254.1.1"), Ip("203.0.113.1")});
  ASSERT_TRUE(o.On(1, seconds(5))) << o.world.violation();
  EXPECT_EQ(o.world.Lines("Tunnel0: no address of hub1.example.net: 127.0.0.1 is no other host's"), 1u);
}

TEST(HubByName, AnAnswerThatTakesLongIsTakenIfThereIsNoOtherHub) {
  ClientOverlay o("", false, kByName);
  o.world.SilenceNames(true);
  const std::string alone = absl::StrReplaceAll(o.text, {{" peer 20 198.51.100.2\n", ""}});
  o.world.Configure(o.spoke, config::Parse(alone).model);
  o.world.RunFor(seconds(40));
  o.world.SetName("hub1.example.net", {Ip("198.51.100.1")});
  o.world.SilenceNames(false);
  EXPECT_TRUE(o.On(0, seconds(2))) << o.world.violation();
}

TEST(HubByName, ANetworkThatComesAndGoesDoesNotLengthenTheTurnOfASilentNameServer) {
  ClientOverlay o("", false, kByName);
  o.world.SilenceNames(true);
  o.world.RunFor(seconds(1));
  for (int s = 0; s < 10; ++s) {
    o.world.Readdress(o.spoke, Ip("203.0.113.1"));
    o.world.RunFor(seconds(1));
  }
  EXPECT_TRUE(o.On(1, seconds(2))) << o.world.violation();
}

// A spoke with a second hub at 192.0.2.2 that has 198.51.100.0/24 behind it.
struct HubBehindTunnels {
  explicit HubBehindTunnels(const std::string& first) : world({}) {
    hub = world.Add(HubText("key"), Ip("198.51.100.1"), *net::Prefix::Parse("172.31.1.0/24"));
    other = world.Add(absl::StrCat(HubText("key"), "crypto ikev2 authorization policy default\n",
                                   " route set remote ipv4 198.51.100.0 255.255.255.0\n"),
                      Ip("192.0.2.2"), *net::Prefix::Parse("172.31.2.0/24"));
    text = absl::StrCat(absl::StrReplaceAll(SpokeText(1, "key"), {{"tunnel destination 198.51.100.1", "tunnel destination dynamic"}}),
                        "crypto ikev2 profile FLEX\n dpd 10 2 periodic\ncrypto ikev2 client flexvpn HUBS\n", first, " peer 20 192.0.2.2\n peer reactivate\n client connect Tunnel0\n");
    spoke = world.Add(text, Ip("203.0.113.1"), *net::Prefix::Parse("172.16.1.0/24"));
  }
  // To that network: one by the tunnel, and one that drops when the hub is away.
  size_t Routes() const {
    size_t n = 0;
    for (const auto& [key, object] : world.kernel(spoke).all())
      if (const auto* r = std::get_if<dataplane::Route>(&object)) n += r->prefix == *net::Prefix::Parse("198.51.100.0/24");
    return n;
  }
  World world;
  size_t hub, other, spoke;
  std::string text;
};

TEST(HubByName, AnAddressBehindTheTunnelsIsNotCalledAndTheirRoutesStay) {
  HubBehindTunnels o(" peer 5 fqdn hub1.example.net dynamic\n");
  ASSERT_TRUE(o.world.ComesUp(o.other, 1));
  ASSERT_EQ(o.Routes(), 2u);
  o.world.SetName("hub1.example.net", {Ip("198.51.100.1")});
  o.world.RunFor(seconds(150));
  EXPECT_EQ(o.world.PeersUp(o.hub), 0u);
  EXPECT_EQ(o.Routes(), 2u);
  o.world.Kill(o.other);
  o.world.RunFor(seconds(600));
  EXPECT_EQ(o.world.PeersUp(o.hub), 0u);
  EXPECT_GE(o.world.Lines("Tunnel0: no address of hub1.example.net: 198.51.100.1 is in 198.51.100.0/24, a network behind the tunnels"), 1u);
  EXPECT_EQ(o.Routes(), 1u) << "nothing for it leaves in clear";
}

TEST(HubByName, AnAddressThatNobodyHasAuthenticatedKeepsNoRouteOut) {
  HubBehindTunnels o("");
  o.world.SetName("false.example.net", {Ip("198.51.100.99")});
  const std::string second = absl::StrReplaceAll(
      SpokeText(1, "key"), {{"tunnel destination 198.51.100.1", "tunnel destination false.example.net"}, {"Tunnel0", "Tunnel1"}});
  o.world.Configure(o.spoke, config::Parse(absl::StrCat(o.text, second.substr(second.find("interface Tunnel1")))).model);
  o.world.RunFor(seconds(1));
  o.world.Show(o.spoke, "clear crypto session");
  o.world.RunFor(seconds(20));
  EXPECT_EQ(o.world.PeersUp(o.other), 1u);
  EXPECT_EQ(o.Routes(), 2u);
}

TEST(HubByName, WhereOneHasAuthenticatedNoRouteComesInItsWay) {
  HubBehindTunnels o(" peer 5 fqdn hub1.example.net dynamic\n");
  o.world.SetName("hub1.example.net", {Ip("198.51.100.1")});
  ASSERT_TRUE(o.world.ComesUp(o.hub, 1)) << o.world.violation();
  o.world.Kill(o.hub);
  ASSERT_TRUE(o.world.ComesUp(o.other, 1, seconds(120)));
  EXPECT_EQ(o.Routes(), 0u);
  o.world.Restart(o.hub);
  EXPECT_TRUE(o.world.ComesUp(o.hub, 1, seconds(150))) << "it is the better one";
  // Another name has proved nothing.
  o.world.Kill(o.hub);
  o.world.Configure(o.spoke, config::Parse(absl::StrReplaceAll(o.text, {{"hub1.example.net", "other.example.net"}})).model);
  ASSERT_TRUE(o.world.ComesUp(o.other, 1, seconds(120)));
  EXPECT_EQ(o.Routes(), 2u);
}

// DNS that tells one address at a time.
TEST(HubByName, WhereItHasLedItLeadsAgain) {
  HubBehindTunnels o(" peer 5 fqdn hub1.example.net dynamic\n");
  o.world.SetName("hub1.example.net", {Ip("198.51.100.1")});
  ASSERT_TRUE(o.world.ComesUp(o.hub, 1)) << o.world.violation();
  o.world.SetName("hub1.example.net", {Ip("192.0.2.2")});
  o.world.Kill(o.hub);
  ASSERT_TRUE(o.world.ComesUp(o.other, 1, seconds(120)));
  EXPECT_EQ(o.Routes(), 0u);
  o.world.Restart(o.hub);
  o.world.SetName("hub1.example.net", {Ip("198.51.100.1")});
  o.world.Kill(o.other);
  ASSERT_TRUE(o.world.ComesUp(o.hub, 1, seconds(150)));
  // Until somebody says that it is history.
  o.world.SetName("hub1.example.net", {Ip("192.0.2.2")});
  o.world.Restart(o.other);
  o.world.Show(o.spoke, "clear crypto ikev2 client flexvpn");
  ASSERT_TRUE(o.world.ComesUp(o.other, 1, seconds(120)));
  EXPECT_EQ(o.Routes(), 2u);
}

TEST(Client, AHubThatTheConfigurationNamesIsReachedThroughNoTunnel) {
  HubBehindTunnels o("");
  ASSERT_TRUE(o.world.ComesUp(o.other, 1));
  ASSERT_EQ(o.Routes(), 2u);
  o.world.Configure(o.spoke, config::Parse(absl::StrReplaceAll(o.text, {{" peer 20", " peer 5 198.51.100.1\n peer 20"}})).model);
  EXPECT_EQ(o.world.Lines("withdrawn: it covers the outer address of Tunnel0's hub"), 1u);
  EXPECT_EQ(o.Routes(), 0u);
  EXPECT_TRUE(o.world.ComesUp(o.hub, 1, seconds(150))) << o.world.violation();
}

TEST(Client, WhatAWiderNetworkHasKeptInsideStaysInside) {
  World world({});
  const auto hub = [](const char* net, const char* mask) {
    return absl::StrCat(HubText("key"), "crypto ikev2 authorization policy default\n no route set remote ipv4 172.16.0.0 255.240.0.0\n",
                        " route set remote ipv4 ", net, " ", mask, "\n");
  };
  world.Add(hub("192.0.0.0", "255.0.0.0"), Ip("198.51.100.1"), *net::Prefix::Parse("172.31.1.0/24"));
  world.Add(hub("192.168.0.0", "255.255.0.0"), Ip("198.51.100.2"), *net::Prefix::Parse("172.31.2.0/24"));
  const std::string second = absl::StrReplaceAll(SpokeText(1, "key"), {{"tunnel destination 198.51.100.1", "tunnel destination 198.51.100.2"},
                                                                      {"Tunnel0", "Tunnel1"}});
  const std::string both = absl::StrCat(SpokeText(1, "key"), second.substr(second.find("interface Tunnel1"))) ;
  const size_t spoke = world.Add(SpokeText(1, "key"), Ip("203.0.113.1"), *net::Prefix::Parse("172.16.1.0/24"));
  ASSERT_TRUE(world.ComesUp(0, 1)) << world.violation();
  world.Configure(spoke, config::Parse(both).model);
  ASSERT_TRUE(world.ComesUp(1, 1)) << world.violation();
  const std::string third = absl::StrReplaceAll(second.substr(second.find("interface Tunnel1")), {{"Tunnel1", "Tunnel2"}, {"198.51.100.2", "192.0.2.9"}});
  world.Configure(spoke, config::Parse(absl::StrCat(both, third)).model);
  bool kept = false, beside = false;
  for (const auto& [key, object] : world.kernel(spoke).all())
    if (const auto* r = std::get_if<dataplane::Route>(&object); r != nullptr && r->metric == dataplane::kFallbackRouteMetric) {
      EXPECT_FALSE(r->prefix.Contains(Ip("192.0.2.9"))) << key;
      kept = kept || r->prefix.Contains(*net::Prefix::Parse("192.168.0.0/16"));
      beside = beside || r->prefix.Contains(Ip("192.0.2.8"));
    }
  EXPECT_TRUE(beside);
  EXPECT_TRUE(kept);
}

// `tunnel destination NAME`: a tunnel of its own, without a list.
struct NamedDestination {
  NamedDestination() : world({}) {
    for (int i : {1, 2})
      hubs.push_back(world.Add(HubText("key"), Ip(absl::StrCat("198.51.100.", i)),
                               *net::Prefix::Parse(absl::StrCat("172.31.", i, ".0/24"))));
    text = absl::StrCat(absl::StrReplaceAll(SpokeText(1, "key"), {{"tunnel destination 198.51.100.1", "tunnel destination hub.example.net"}}),
                        "crypto ikev2 profile FLEX\n dpd 10 2 periodic\n");
    spoke = world.Add(text, Ip("203.0.113.1"), *net::Prefix::Parse("172.16.1.0/24"));
  }
  World world;
  std::vector<size_t> hubs;
  size_t spoke = 0;
  std::string text;
};

TEST(HubByName, TheNameIsLookedUpForEveryCall) {
  NamedDestination o;
  o.world.SetName("hub.example.net", {Ip("198.51.100.1")});
  ASSERT_TRUE(o.world.ComesUp(o.hubs[0], 1)) << o.world.violation();
  o.world.SetName("hub.example.net", {Ip("198.51.100.2")});
  o.world.RunFor(seconds(60));
  EXPECT_EQ(o.world.PeersUp(o.hubs[0]), 1u) << "a session that works stays";
  o.world.Kill(o.hubs[0]);
  EXPECT_TRUE(o.world.ComesUp(o.hubs[1], 1, seconds(120))) << o.world.violation();
}

TEST(HubByName, OfSeveralAddressesTheNextIsCalledWhenOneDoesNotAnswer) {
  NamedDestination o;
  o.world.SetName("hub.example.net", {Ip("198.51.100.99"), Ip("198.51.100.1")});
  EXPECT_TRUE(o.world.ComesUp(o.hubs[0], 1, seconds(20))) << o.world.violation();
}

TEST(HubByName, AfterASessionThatWorkedTheFirstAddressIsCalledAgain) {
  NamedDestination o;
  o.world.SetName("hub.example.net", {Ip("198.51.100.1"), Ip("198.51.100.2")});
  ASSERT_TRUE(o.world.ComesUp(o.hubs[0], 1)) << o.world.violation();
  o.world.Show(o.spoke, "clear crypto session");
  o.world.RunFor(seconds(1));
  ASSERT_TRUE(o.world.ComesUp(o.hubs[0], 1, seconds(60)));
  EXPECT_EQ(o.world.PeersUp(o.hubs[1]), 0u);
}

TEST(HubByName, TwoTunnelsDoNotShareAPeerTheyCannotTellApart) {
  NamedDestination o;
  o.world.SetName("hub.example.net", {Ip("198.51.100.1")});
  o.world.SetName("again.example.net", {Ip("198.51.100.1"), Ip("198.51.100.2")});
  const std::string again = absl::StrReplaceAll(
      SpokeText(1, "key"), {{"tunnel destination 198.51.100.1", "tunnel destination again.example.net"}, {"Tunnel0", "Tunnel1"}});
  ASSERT_TRUE(o.world.ComesUp(o.hubs[0], 1));
  o.world.Configure(o.spoke, config::Parse(absl::StrCat(o.text, again.substr(again.find("interface Tunnel1")))).model);
  EXPECT_TRUE(o.world.ComesUp(o.hubs[1], 1, seconds(60))) << o.world.violation();
  EXPECT_EQ(o.world.PeersUp(o.hubs[0]), 1u);
  EXPECT_GE(o.world.Lines("Tunnel1: 198.51.100.1 is the peer of Tunnel0 already"), 1u);
}

TEST(HubByName, NobodyIsCalledUntilTheNameHasAnAddress) {
  NamedDestination o;
  EXPECT_FALSE(o.world.RunUntil([&] { return o.world.PeersUp(o.hubs[0]) == 1; }, seconds(30)));
  EXPECT_EQ(o.world.Lines("Tunnel0: no address of hub.example.net: no such name in this world"), 1u) << "said once";
  o.world.SetName("hub.example.net", {Ip("198.51.100.1")});
  EXPECT_TRUE(o.world.ComesUp(o.hubs[0], 1, seconds(120))) << o.world.violation();
}

}  // namespace
}  // namespace flexvpn::sim
