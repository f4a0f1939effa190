// SPDX-License-Identifier: Apache-2.0
#include "os/netlink/mark_route.h"

#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>

#include "core/dataplane/objects.h"

namespace flexvpn::os::netlink {
namespace {

constexpr uint32_t kLooseFilter = 2;  // ip-sysctl: rp_filter

Message RuleMessage(uint16_t type, uint16_t flags, const MarkRule& r) {
  Message m(type, flags);
  fib_rule_hdr body{};
  body.family = AddressFamily(net::Family::kIpv4);
  body.table = RT_TABLE_COMPAT;
  body.action = FR_ACT_TO_TBL;
  m.Body(body);
  m.AttrU32(FRA_FWMARK, r.mark);
  m.AttrU32(FRA_FWMASK, r.mark);
  m.AttrText(FRA_IIFNAME, "lo");
  m.AttrU32(FRA_PRIORITY, r.priority);
  m.AttrU8(FRA_PROTOCOL, dataplane::kRouteProtocol);
  m.AttrU32(FRA_TABLE, r.table);
  return m;
}

}  // namespace

Message PutMarkRule(const MarkRule& rule) { return RuleMessage(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule); }

Message DeleteMarkRule(const MarkRule& rule) { return RuleMessage(RTM_DELRULE, 0, rule); }

Message PutMarkRoute(int index, uint32_t table) {
  Message m(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  rtmsg body{};
  body.rtm_family = AddressFamily(net::Family::kIpv4);
  body.rtm_table = RT_TABLE_COMPAT;
  body.rtm_protocol = dataplane::kRouteProtocol;
  body.rtm_type = RTN_UNICAST;
  body.rtm_scope = RT_SCOPE_LINK;
  m.Body(body);
  m.AttrU32(RTA_TABLE, table);
  m.AttrU32(RTA_OIF, static_cast<uint32_t>(index));
  return m;
}

Message SetLooseSources(int index) {
  Message m(RTM_NEWLINK, 0);
  ifinfomsg body{};
  body.ifi_index = index;
  m.Body(body);
  const size_t families = m.Begin(IFLA_AF_SPEC);
  const size_t ipv4 = m.Begin(AddressFamily(net::Family::kIpv4));
  const size_t conf = m.Begin(IFLA_INET_CONF);
  m.AttrU32(IPV4_DEVCONF_RP_FILTER, kLooseFilter);
  m.End(conf);
  m.End(ipv4);
  m.End(families);
  return m;
}

}  // namespace flexvpn::os::netlink
