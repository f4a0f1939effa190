// SPDX-License-Identifier: Apache-2.0
// Golden bytes follow linux/rtnetlink.h, if_link.h and if_tunnel.h (little-endian machine).
#include "os/netlink/rtnl.h"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

namespace flexvpn::os::netlink {
namespace {

net::IpAddress Ip(const char* text) { return *net::IpAddress::Parse(text); }
std::string Golden(absl::string_view hex) { return ToHex(FromHex(hex)); }
std::string Hex(const Message& m) { return ToHex(m.bytes()); }

dataplane::Route HubRoute() {
  dataplane::Route r;
  r.prefix = *net::Prefix::Parse("10.11.0.0/24");
  r.device = "flex-gre0";
  r.next_hop = Ip("10.0.0.11");
  r.preferred_source = Ip("10.0.0.1");
  r.metric = 200;
  r.mtu = 1400;
  return r;
}

TEST(RtnlBuild, ExternalGreDevice) {
  dataplane::Device d{"flex0", dataplane::DeviceKind::kGreExternal, net::Family::kIpv4, 1400};
  EXPECT_EQ(Hex(CreateLink(d)),
            Golden("48000000 1000 0106 00000000 00000000"  // RTM_NEWLINK, REQUEST|EXCL|CREATE
                   "00000000 00000000 00000000 00000000"   // ifinfomsg
                   "0a00 0300 666c657830 000000"           // IFLA_IFNAME "flex0"
                   "0800 0400 78050000"                    // IFLA_MTU 1400
                   "1400 1200"                             // IFLA_LINKINFO
                   "0800 0100 67726500"                    //   IFLA_INFO_KIND "gre"
                   "0800 0200"                             //   IFLA_INFO_DATA
                   "0400 1200"));                          //     IFLA_GRE_COLLECT_METADATA
}

TEST(RtnlBuild, KindFollowsTheUnderlay) {
  auto kind_of = [](dataplane::Device d) {
    Message m = CreateLink(d);
    m.set_type(RTM_NEWLINK);
    BytesView data = m.bytes();
    return ParseLink(*NextMessage(data));
  };
  EXPECT_EQ(kind_of({"a", dataplane::DeviceKind::kGreExternal, net::Family::kIpv6, 0})->kind, "ip6gre");
  EXPECT_TRUE(kind_of({"a", dataplane::DeviceKind::kGreExternal, net::Family::kIpv6, 0})->external);
  EXPECT_EQ(kind_of({"lo1", dataplane::DeviceKind::kLoopback, net::Family::kIpv4, 0})->kind, "dummy");
}

TEST(RtnlBuild, AddressHasNoConnectedRoute) {
  dataplane::Address a{"flex0", Ip("10.0.0.1"), 24};
  EXPECT_EQ(Hex(PutAddress(7, a)),
            Golden("30000000 1400 0105 00000000 00000000"  // RTM_NEWADDR, REQUEST|CREATE|REPLACE
                   "02 18 00 00 07000000"                  // AF_INET /24, index 7
                   "0800 0200 0a000001"                    // IFA_LOCAL
                   "0800 0100 0a000001"                    // IFA_ADDRESS
                   "0800 0800 00020000"));                 // IFA_FLAGS: NOPREFIXROUTE 0x200
}

TEST(RtnlBuild, RouteIsOnlinkWithSourceMetricAndMtu) {
  EXPECT_EQ(Hex(PutRoute(7, HubRoute())),
            Golden("50000000 1800 0105 00000000 00000000"  // RTM_NEWROUTE, REQUEST|CREATE|REPLACE
                   "02 18 00 00 fe b1 00 01 04000000"      // AF_INET /24, main, protocol 177, unicast, ONLINK
                   "0800 0100 0a0b0000"                    // RTA_DST
                   "0800 0600 c8000000"                    // RTA_PRIORITY 200
                   "0800 0400 07000000"                    // RTA_OIF
                   "0800 0500 0a00000b"                    // RTA_GATEWAY
                   "0800 0700 0a000001"                    // RTA_PREFSRC
                   "0c00 0800 0800 0200 78050000"));       // RTA_METRICS { RTAX_MTU 1400 }
}

TEST(RtnlBuild, RouteRemovalNamesWhatItRemoves) {
  EXPECT_EQ(Hex(DeleteRoute(7, HubRoute())),
            Golden("3c000000 1900 0100 00000000 00000000"  // RTM_DELROUTE
                   "02 18 00 00 fe b1 ff 01 00000000"      // scope nowhere: any
                   "0800 0100 0a0b0000 0800 0600 c8000000 0800 0400 07000000 0800 0500 0a00000b"));
}

TEST(RtnlParse, ReadsBackTheRouteItBuilt) {
  Message m = PutRoute(7, HubRoute());
  BytesView data = m.bytes();
  std::optional<RouteEntry> r = ParseRoute(*NextMessage(data));
  ASSERT_TRUE(r);
  EXPECT_EQ(r->prefix, *net::Prefix::Parse("10.11.0.0/24"));
  EXPECT_EQ(r->hops, (std::vector<RouteHop>{{7, Ip("10.0.0.11")}}));
  EXPECT_EQ(r->preferred_source, Ip("10.0.0.1"));
  EXPECT_EQ(r->metric, 200u);
  EXPECT_EQ(r->mtu, 1400u);
  EXPECT_EQ(r->protocol, 177);
  EXPECT_EQ(r->table, uint32_t{RT_TABLE_MAIN});
}

TEST(RtnlParse, Ipv6RouteThroughIpv6) {
  dataplane::Route want = HubRoute();
  want.prefix = *net::Prefix::Parse("fd00:11::/64");
  want.next_hop = Ip("fd00::11");
  want.preferred_source = {};
  Message m = PutRoute(9, want);
  BytesView data = m.bytes();
  std::optional<RouteEntry> r = ParseRoute(*NextMessage(data));
  ASSERT_TRUE(r);
  EXPECT_EQ(r->prefix, want.prefix);
  EXPECT_EQ(r->hops[0].gateway, want.next_hop);
}

TEST(RtnlParse, EveryTruncationOfTheBodyIsRefusedAndNoneCrashes) {
  for (const Message& m : {PutRoute(7, HubRoute()), PutAddress(7, {"x", Ip("10.0.0.1"), 24}),
                           CreateLink({"x", dataplane::DeviceKind::kGreExternal, net::Family::kIpv4, 0})}) {
    for (size_t n = 0; n + 16 <= m.bytes().size(); ++n) {
      Received r{m.type(), 0, 0, m.bytes().subspan(16, n)};
      std::optional<Link> link = ParseLink(r);
      std::optional<LinkAddress> address = ParseAddress(r);
      std::optional<RouteEntry> route = ParseRoute(r);
      if (n < 8) {
        EXPECT_FALSE(link || address || route);
      }
    }
  }
}

TEST(RtnlParse, MultipathGivesEveryHop) {
  Message m(RTM_NEWROUTE, 0);
  rtmsg body{};
  body.rtm_family = 2;
  body.rtm_table = RT_TABLE_MAIN;
  m.Body(body);
  m.Attr(RTA_MULTIPATH, FromHex("1000 00 00 03000000  0800 0500 0a000003"    // 16 octets, dev 3 via 10.0.0.3
                                "0800 00 00 04000000"));                    // dev 4
  BytesView data = m.bytes();
  std::optional<RouteEntry> r = ParseRoute(*NextMessage(data));
  ASSERT_TRUE(r);
  EXPECT_EQ(r->hops, (std::vector<RouteHop>{{3, Ip("10.0.0.3")}, {4, {}}}));
  EXPECT_EQ(r->prefix, *net::Prefix::Parse("0.0.0.0/0"));
}

}  // namespace
}  // namespace flexvpn::os::netlink
