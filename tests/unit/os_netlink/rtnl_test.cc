// SPDX-License-Identifier: Apache-2.0
// Golden bytes follow linux/rtnetlink.h, if_link.h and if_tunnel.h (little-endian machine).
#include "os/netlink/rtnl.h"
#include "support/values.h"
#include "unit/os_netlink/golden.h"

#include <gtest/gtest.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace flexvpn::os::netlink {
namespace {

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

TEST(RtnlBuild, RuleIsForOurOwnOutputFromOneAddress) {
  EXPECT_EQ(Hex(PutRule(MakeRule(Ip("192.0.2.1"), 1000, 0x123))),
            Golden("44000000 2000 0106 00000000 00000000"  // RTM_NEWRULE, REQUEST|EXCL|CREATE
                   "02 00 20 00 fc 00 00 01 00000000"      // AF_INET, from /32, table RT_TABLE_COMPAT, FR_ACT_TO_TBL
                   "0800 0200 c0000201"                    // FRA_SRC
                   "0700 0300 6c6f0000"                    // FRA_IIFNAME "lo"
                   "0800 0600 160a0000"                    // FRA_PRIORITY 2000 + 2 * 0x123
                   "0500 1500 b1000000"                    // FRA_PROTOCOL 177
                   "0800 0f00 e8030000"));                 // FRA_TABLE 1000
}

TEST(RtnlBuild, RuleThatClosesComesRightAfterAndHasNoTable) {
  EXPECT_EQ(Hex(PutRule(MakeRule(Ip("192.0.2.1"), 0, 0x123))),
            Golden("3c000000 2000 0106 00000000 00000000"
                   "02 00 20 00 00 00 00 07 00000000"  // FR_ACT_UNREACHABLE
                   "0800 0200 c0000201 0700 0300 6c6f0000 0800 0600 170a0000 0500 1500 b1000000"));
}

TEST(RtnlParse, ReadsBackTheRulesItBuiltAndNoOthers) {
  const auto parse = [](const Message& m) {
    BytesView data = m.bytes();
    return ParseRule(*NextMessage(data));
  };
  EXPECT_EQ(parse(PutRule(MakeRule(Ip("192.0.2.1"), 10, 1))), (Rule{Ip("192.0.2.1"), kRulePriority + 2, 10, 177}));
  EXPECT_EQ(parse(PutRule(MakeRule(Ip("192.0.2.1"), 0, 1))), (Rule{Ip("192.0.2.1"), kRulePriority + 3, 0, 177}));
  EXPECT_EQ(parse(DeleteRule({Ip("192.0.2.1"), 2002, 10, 177})), (Rule{Ip("192.0.2.1"), 2002, 10, 177}));
  // The administrator's own: not only for what the machine sends itself, or from a network.
  Message every(RTM_NEWRULE, 0);
  fib_rule_hdr body{};
  body.family = AF_INET;
  body.src_len = 32;
  body.action = FR_ACT_TO_TBL;
  body.table = 10;
  every.Body(body);
  every.AttrIp(FRA_SRC, Ip("192.0.2.1"));
  EXPECT_TRUE(parse(every)->source.empty());
  EXPECT_FALSE(parse(PutRoute(7, HubRoute())).has_value());
}

TEST(RtnlParse, LinkKnowsItsVrfAndItsTable) {
  Message slave(RTM_NEWLINK, 0);
  slave.Body(ifinfomsg{});
  slave.AttrText(IFLA_IFNAME, "eth0");
  slave.AttrU32(IFLA_MASTER, 9);
  Message vrf(RTM_NEWLINK, 0);
  vrf.Body(ifinfomsg{});
  vrf.AttrText(IFLA_IFNAME, "red");
  const size_t info = vrf.Begin(IFLA_LINKINFO);
  vrf.AttrText(IFLA_INFO_KIND, "vrf");
  const size_t data = vrf.Begin(IFLA_INFO_DATA);
  vrf.AttrU32(IFLA_VRF_TABLE, 1234);
  vrf.End(data);
  vrf.End(info);
  BytesView first = slave.bytes(), second = vrf.bytes();
  const auto eth0 = ParseLink(*NextMessage(first)), red = ParseLink(*NextMessage(second));
  EXPECT_EQ(eth0->master, 9);
  EXPECT_EQ(eth0->vrf_table, 0u);
  EXPECT_EQ(red->master, 0);
  EXPECT_EQ(red->vrf_table, 1234u);
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
