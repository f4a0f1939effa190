// SPDX-License-Identifier: Apache-2.0
// The underlay: IPv6, and routers whose address changes (RFC 4555).
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "sim/world.h"
#include "support/values.h"

namespace flexvpn::sim {
namespace {

struct AddressOverlay {
  explicit AddressOverlay(bool ipv6, const std::string& extra = "") : world({}), v6(ipv6) {
    hub = world.Add(Config("hub", extra, R"(
ip local pool FLEX 10.0.0.1 10.0.0.99
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
)"),
                    Outer("1"), *net::Prefix::Parse("172.16.0.0/24"));
    for (const char* n : {"2", "3"})
      spokes.push_back(world.Add(Config(absl::StrCat("spoke", n), extra, Spoke(n)), Outer(n),
                                 *net::Prefix::Parse(absl::StrCat("172.16.", n, ".0/24"))));
  }
  net::IpAddress Outer(const std::string& n) const { return Ip(absl::StrCat(v6 ? "2001:db8::" : "198.51.100.", n)); }
  std::string Ends() const {
    return absl::StrCat(v6 ? " tunnel mode gre ipv6\n" : "",
                        " tunnel source eth0\n tunnel protection ipsec profile default\n");
  }
  std::string Config(const std::string& name, const std::string& extra, const std::string& rest) const {
    return absl::StrCat("hostname ", name, "\naaa new-model\naaa authorization network default local\n", extra,
                        "crypto ikev2 keyring KR\n peer ANY\n  address ", v6 ? "::/0" : "0.0.0.0 0.0.0.0",
                        "\n  pre-shared-key simulated-key\ncrypto ikev2 profile default\n",
                        " match identity remote fqdn domain example.net\n identity local fqdn ", name, ".example.net\n",
                        " authentication remote pre-share\n authentication local pre-share\n keyring local KR\n",
                        " dpd 10 2 periodic\n aaa authorization group psk list default default\n virtual-template 1\n",
                        "crypto ipsec profile default\n set ikev2-profile default\n", rest, Ends());
  }
  std::string Spoke(const std::string& n) const {
    return absl::StrCat("ip access-list standard LAN\n permit 172.16.", n, ".0 0.0.0.255\n", R"(
crypto ikev2 authorization policy default
 route set interface
 route set access-list LAN
interface Tunnel0
 ip address negotiated
 ip nhrp network-id 1
 ip nhrp shortcut virtual-template 1
 ip nhrp redirect
 tunnel destination )", Outer("1").ToString(), "\n", Ends(), R"(
interface Virtual-Template1 type tunnel
 ip unnumbered Tunnel0
 ip nhrp network-id 1
 ip nhrp shortcut virtual-template 1
 ip nhrp redirect
)");
  }
  bool Up() { return world.ComesUp(hub, 2); }
  World world;
  bool v6;
  size_t hub = 0;
  std::vector<size_t> spokes;
};

class AddressTest : public testing::TestWithParam<bool> {};

TEST_P(AddressTest, HubAndSpokesComeUpAndShortcutsForm) {
  AddressOverlay o(GetParam());
  ASSERT_TRUE(o.Up()) << o.world.violation();
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.spokes[1], 2));
  EXPECT_TRUE(o.world.RunUntil([&] { return o.world.HasShortcut(o.spokes[0], o.spokes[1]); }, seconds(10)));
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.spokes[1], 1));
  dataplane::Route fallback;  // what no peer is there for stays inside
  fallback.prefix = *net::Prefix::Parse("172.16.0.0/12");
  fallback.metric = dataplane::kFallbackRouteMetric;
  fallback.device = GetParam() ? "flex-gre6" : "flex-gre0";
  EXPECT_NE(o.world.kernel(o.hub).Find(dataplane::Key(fallback)), nullptr);
  EXPECT_EQ(o.world.violation(), "");
  EXPECT_EQ(o.world.CheckSaPairs(), "");
}

TEST_P(AddressTest, ASpokeWithANewAddressGoesOnWithoutANewSession) {
  AddressOverlay o(GetParam());
  ASSERT_TRUE(o.Up()) << o.world.violation();
  const size_t ups = o.world.Lines("SA_UP");
  o.world.Readdress(o.spokes[0], o.Outer("77"));
  o.world.RunFor(seconds(1));
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.hub, 1));
  EXPECT_TRUE(o.world.Reaches(o.hub, o.spokes[0], 1));
  EXPECT_EQ(o.world.Lines("SA_UP"), ups);
  EXPECT_EQ(o.world.Lines("SA_DOWN"), 0u);
  EXPECT_EQ(o.world.CheckSaPairs(), "");
  o.world.RunFor(seconds(60));  // liveness checks pass
  EXPECT_EQ(o.world.Lines("SA_DOWN"), 0u);
  EXPECT_EQ(o.world.violation(), "");
}

TEST_P(AddressTest, WithoutMobikeTheSessionIsMadeAnewAtOnce) {
  AddressOverlay o(GetParam(), "no crypto ikev2 mobike\n");
  ASSERT_TRUE(o.Up()) << o.world.violation();
  o.world.Readdress(o.spokes[0], o.Outer("77"));
  o.world.RunFor(seconds(1));
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.hub, 1));
  EXPECT_EQ(o.world.Lines("is gone, now"), 1u);
  o.world.RunFor(seconds(60));
  EXPECT_EQ(o.world.PeersUp(o.hub), 2u) << "the old session is gone at the hub";
  EXPECT_EQ(o.world.violation(), "");
}

TEST_P(AddressTest, ShortcutsFollowAMovedSpoke) {
  AddressOverlay o(GetParam());
  ASSERT_TRUE(o.Up()) << o.world.violation();
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.spokes[1], 2));
  ASSERT_TRUE(o.world.RunUntil([&] { return o.world.HasShortcut(o.spokes[0], o.spokes[1]); }, seconds(10)));
  o.world.Readdress(o.spokes[0], o.Outer("77"));
  o.world.RunFor(seconds(60));
  const size_t before = o.world.delivered().size();
  for (int i = 0; i < 5; ++i) {
    o.world.Ping(o.spokes[0], o.spokes[1]);
    o.world.RunFor(seconds(2));
  }
  EXPECT_EQ(o.world.delivered().size(), before + 5);
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.spokes[1], 1)) << "direct, kept or made anew";
  EXPECT_EQ(o.world.violation(), "");
}

TEST_P(AddressTest, AnAddressThatComesBackIsTheSameSession) {
  AddressOverlay o(GetParam());
  ASSERT_TRUE(o.Up()) << o.world.violation();
  for (const char* n : {"77", "2", "78", "2"}) {
    o.world.Readdress(o.spokes[0], o.Outer(n));
    o.world.RunFor(seconds(3));
    EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.hub, 1)) << n;
  }
  EXPECT_EQ(o.world.Lines("SA_DOWN"), 0u);
  EXPECT_EQ(o.world.violation(), "");
}

INSTANTIATE_TEST_SUITE_P(Underlay, AddressTest, testing::Bool(),
                         [](const auto& test) { return test.param ? "Ipv6" : "Ipv4"; });

}  // namespace
}  // namespace flexvpn::sim
