// SPDX-License-Identifier: Apache-2.0
// Golden bytes follow linux/fib_rules.h, rtnetlink.h, if_link.h and ip.h (little-endian machine).
#include "os/netlink/mark_route.h"

#include <gtest/gtest.h>

#include "os/netlink/rtnl.h"
#include "unit/os_netlink/golden.h"

namespace flexvpn::os::netlink {
namespace {

constexpr MarkRule kRule = {0x100000, 177177, 1900};
constexpr char kBody[] =
    "02 00 00 00 fc 00 00 01 00000000"  // AF_INET, any addresses, RT_TABLE_COMPAT, FR_ACT_TO_TBL
    "0800 0a00 00001000"                // FRA_FWMARK
    "0800 1000 00001000"                // FRA_FWMASK: this bit alone
    "0700 0300 6c6f0000"                // FRA_IIFNAME "lo": what this machine sends
    "0800 0600 6c070000"                // FRA_PRIORITY 1900
    "0500 1500 b1000000"                // FRA_PROTOCOL 177
    "0800 0f00 19b40200";               // FRA_TABLE 177177

TEST(MarkRoute, RuleByOneBitOfTheMark) {
  EXPECT_EQ(Hex(PutMarkRule(kRule)), Golden(std::string("4c000000 2000 0106 00000000 00000000") + kBody));
  EXPECT_EQ(Hex(DeleteMarkRule(kRule)), Golden(std::string("4c000000 2100 0100 00000000 00000000") + kBody));
}

TEST(MarkRoute, IsNoRuleOfASource) {
  const Message m = PutMarkRule(kRule);
  BytesView data = m.bytes();
  const auto rule = ParseRule(*NextMessage(data));
  ASSERT_TRUE(rule);
  EXPECT_TRUE(rule->source.empty()) << "the reconciler would take it for a rule of a VRF";
}

TEST(MarkRoute, DefaultRouteOfItsTable) {
  EXPECT_EQ(Hex(PutMarkRoute(7, 177177)),
            Golden("2c000000 1800 0105 00000000 00000000"  // RTM_NEWROUTE, REQUEST|CREATE|REPLACE
                   "02 00 00 00 fc b1 fd 01 00000000"      // AF_INET /0, RT_TABLE_COMPAT, protocol 177, scope link
                   "0800 0f00 19b40200"                    // RTA_TABLE
                   "0800 0400 07000000"));                 // RTA_OIF
}

TEST(MarkRoute, LooseSourcesAreASettingOfTheLink) {
  EXPECT_EQ(Hex(SetLooseSources(7)),
            Golden("34000000 1000 0100 00000000 00000000"  // RTM_NEWLINK
                   "00000000 07000000 00000000 00000000"   // ifinfomsg
                   "1400 1a00"                             // IFLA_AF_SPEC
                   "1000 0200"                             //   AF_INET
                   "0c00 0100"                             //     IFLA_INET_CONF
                   "0800 0800 02000000"));                 //       IPV4_DEVCONF_RP_FILTER 2
}

}  // namespace
}  // namespace flexvpn::os::netlink
