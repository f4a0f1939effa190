// SPDX-License-Identifier: Apache-2.0
#include "os/netlink/rtnl.h"

#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>

#include <cstring>

namespace flexvpn::os::netlink {
namespace {

const char* Kind(const dataplane::Device& d) {
  if (d.kind == dataplane::DeviceKind::kLoopback) return "dummy";
  return d.underlay == net::Family::kIpv6 ? "ip6gre" : "gre";
}

ifaddrmsg AddressBody(int index, const dataplane::Address& a) {
  ifaddrmsg m{};
  m.ifa_family = AddressFamily(a.address.family());
  m.ifa_prefixlen = static_cast<uint8_t>(a.prefix_length);
  m.ifa_index = static_cast<uint32_t>(index);
  return m;
}

// What PutRoute and DeleteRoute have in common.
void RouteAttributes(Message& m, int index, const dataplane::Route& r) {
  m.AttrIp(RTA_DST, r.prefix.address());
  m.AttrU32(RTA_PRIORITY, r.metric);
  m.AttrU32(RTA_OIF, static_cast<uint32_t>(index));
  if (!r.next_hop.empty()) m.AttrIp(RTA_GATEWAY, r.next_hop);
}

rtmsg RouteBody(const dataplane::Route& r) {
  rtmsg m{};
  m.rtm_family = AddressFamily(r.prefix.family());
  m.rtm_dst_len = static_cast<uint8_t>(r.prefix.length());
  m.rtm_table = RT_TABLE_MAIN;
  m.rtm_protocol = dataplane::kRouteProtocol;
  m.rtm_type = RTN_UNICAST;
  return m;
}

// A rule with it is for what this machine sends itself.
constexpr char kOwnOutput[] = "lo";

Message RuleMessage(uint16_t type, uint16_t flags, const Rule& r) {
  Message m(type, flags);
  fib_rule_hdr body{};
  body.family = AddressFamily(r.source.family());
  body.src_len = static_cast<uint8_t>(r.source.bits());
  body.table = static_cast<uint8_t>(r.table < 256 ? r.table : uint32_t{RT_TABLE_COMPAT});
  body.action = static_cast<uint8_t>(r.table == 0 ? FR_ACT_UNREACHABLE : FR_ACT_TO_TBL);
  m.Body(body);
  m.AttrIp(FRA_SRC, r.source);
  m.AttrText(FRA_IIFNAME, kOwnOutput);
  m.AttrU32(FRA_PRIORITY, r.priority);
  m.AttrU8(FRA_PROTOCOL, r.protocol);
  if (r.table != 0) m.AttrU32(FRA_TABLE, r.table);
  return m;
}

void ParseMultipath(BytesView data, std::vector<RouteHop>& hops) {
  while (data.size() >= sizeof(rtnexthop)) {
    rtnexthop hop;
    std::memcpy(&hop, data.data(), sizeof(hop));
    if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > data.size()) return;
    Attrs attrs(data.subspan(sizeof(hop), hop.rtnh_len - sizeof(hop)));
    hops.push_back({hop.rtnh_ifindex, attrs.Ip(RTA_GATEWAY)});
    size_t step = (hop.rtnh_len + size_t{3}) & ~size_t{3};
    if (step >= data.size()) return;
    data = data.subspan(step);
  }
}

}  // namespace

Message CreateLink(const dataplane::Device& device) {
  Message m(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  m.Body(ifinfomsg{});
  m.AttrText(IFLA_IFNAME, device.name);
  if (device.mtu != 0) m.AttrU32(IFLA_MTU, device.mtu);
  size_t info = m.Begin(IFLA_LINKINFO);
  m.AttrText(IFLA_INFO_KIND, Kind(device));
  if (device.kind == dataplane::DeviceKind::kGreExternal) {
    size_t data = m.Begin(IFLA_INFO_DATA);
    m.AttrFlag(IFLA_GRE_COLLECT_METADATA);
    m.End(data);
  }
  m.End(info);
  return m;
}

Message ConfigureLink(int index, absl::string_view alias, uint32_t mtu) {
  Message m(RTM_NEWLINK, 0);
  ifinfomsg body{};
  body.ifi_index = index;
  m.Body(body);
  m.AttrText(IFLA_IFALIAS, alias);
  if (mtu != 0) m.AttrU32(IFLA_MTU, mtu);
  return m;
}

Message SetLinkUp(int index) {
  Message m(RTM_NEWLINK, 0);
  ifinfomsg body{};
  body.ifi_index = index;
  body.ifi_flags = IFF_UP;
  body.ifi_change = IFF_UP;
  m.Body(body);
  return m;
}

Message DeleteLink(int index) {
  Message m(RTM_DELLINK, 0);
  ifinfomsg body{};
  body.ifi_index = index;
  m.Body(body);
  return m;
}

Message GetLink(absl::string_view name) {
  Message m(RTM_GETLINK, 0);
  m.Body(ifinfomsg{});
  m.AttrText(IFLA_IFNAME, name);
  return m;
}

Message DumpLinks() {
  Message m(RTM_GETLINK, NLM_F_DUMP);
  m.Body(ifinfomsg{});
  return m;
}

Message PutAddress(int index, const dataplane::Address& address) {
  Message m(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
  m.Body(AddressBody(index, address));
  m.AttrIp(IFA_LOCAL, address.address);
  m.AttrIp(IFA_ADDRESS, address.address);
  uint32_t flags = IFA_F_NOPREFIXROUTE;
  if (address.address.is_v6()) flags |= IFA_F_NODAD;
  m.AttrU32(IFA_FLAGS, flags);
  return m;
}

Message DeleteAddress(int index, const dataplane::Address& address) {
  Message m(RTM_DELADDR, 0);
  m.Body(AddressBody(index, address));
  m.AttrIp(IFA_LOCAL, address.address);
  m.AttrIp(IFA_ADDRESS, address.address);
  return m;
}

Message DumpAddresses() {
  Message m(RTM_GETADDR, NLM_F_DUMP);
  m.Body(ifaddrmsg{});
  return m;
}

Message PutRoute(int index, const dataplane::Route& route) {
  Message m(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
  rtmsg body = RouteBody(route);
  body.rtm_scope = route.next_hop.empty() && route.prefix.family() == net::Family::kIpv4
                       ? static_cast<uint8_t>(RT_SCOPE_LINK)
                       : static_cast<uint8_t>(RT_SCOPE_UNIVERSE);
  if (!route.next_hop.empty()) body.rtm_flags = RTNH_F_ONLINK;
  m.Body(body);
  RouteAttributes(m, index, route);
  if (!route.preferred_source.empty()) m.AttrIp(RTA_PREFSRC, route.preferred_source);
  if (route.mtu != 0) {
    size_t metrics = m.Begin(RTA_METRICS);
    m.AttrU32(RTAX_MTU, route.mtu);
    m.End(metrics);
  }
  return m;
}

Message DeleteRoute(int index, const dataplane::Route& route) {
  Message m(RTM_DELROUTE, 0);
  rtmsg body = RouteBody(route);
  body.rtm_scope = RT_SCOPE_NOWHERE;  // any
  m.Body(body);
  RouteAttributes(m, index, route);
  return m;
}

Message DumpRoutes(net::Family family) {
  Message m(RTM_GETROUTE, NLM_F_DUMP);
  rtmsg body{};
  body.rtm_family = AddressFamily(family);
  m.Body(body);
  return m;
}

Message GetRoute(const net::IpAddress& destination) {
  Message m(RTM_GETROUTE, 0);
  rtmsg body{};
  body.rtm_family = AddressFamily(destination.family());
  body.rtm_dst_len = static_cast<uint8_t>(destination.bits());
  m.Body(body);
  m.AttrIp(RTA_DST, destination);
  return m;
}

Rule MakeRule(const net::IpAddress& source, uint32_t table, uint32_t instance_tag) {
  return {source, kRulePriority + 2 * instance_tag + (table == 0 ? 1 : 0), table, dataplane::kRouteProtocol};
}

Message PutRule(const Rule& rule) { return RuleMessage(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule); }

Message DeleteRule(const Rule& rule) { return RuleMessage(RTM_DELRULE, 0, rule); }

Message DumpRules() {
  Message m(RTM_GETRULE, NLM_F_DUMP);
  fib_rule_hdr body{};
  body.family = AddressFamily(net::Family::kIpv4);
  m.Body(body);
  return m;
}

std::optional<Link> ParseLink(const Received& message) {
  if (message.type != RTM_NEWLINK && message.type != RTM_DELLINK) return std::nullopt;
  auto body = message.Body<ifinfomsg>();
  if (!body) return std::nullopt;
  Attrs attrs(message.After(sizeof(ifinfomsg)));
  Link link;
  link.index = body->ifi_index;
  link.name = attrs.Text(IFLA_IFNAME);
  link.alias = attrs.Text(IFLA_IFALIAS);
  link.mtu = attrs.U32(IFLA_MTU);
  link.up = (body->ifi_flags & IFF_UP) != 0;
  link.running = (body->ifi_flags & IFF_RUNNING) != 0;
  Attrs info(attrs.Get(IFLA_LINKINFO));
  link.kind = info.Text(IFLA_INFO_KIND);
  if (link.kind == "gre" || link.kind == "ip6gre") {
    link.external = Attrs(info.Get(IFLA_INFO_DATA)).Has(IFLA_GRE_COLLECT_METADATA);
  }
  link.master = static_cast<int>(attrs.U32(IFLA_MASTER));
  if (link.kind == "vrf") link.vrf_table = Attrs(info.Get(IFLA_INFO_DATA)).U32(IFLA_VRF_TABLE);
  return link;
}

std::optional<LinkAddress> ParseAddress(const Received& message) {
  if (message.type != RTM_NEWADDR && message.type != RTM_DELADDR) return std::nullopt;
  auto body = message.Body<ifaddrmsg>();
  if (!body) return std::nullopt;
  Attrs attrs(message.After(sizeof(ifaddrmsg)));
  LinkAddress a;
  a.index = static_cast<int>(body->ifa_index);
  // IFA_LOCAL is the address; IFA_ADDRESS is the far end on point-to-point links.  IPv6 mostly has only the latter.
  a.address = attrs.Has(IFA_LOCAL) ? attrs.Ip(IFA_LOCAL) : attrs.Ip(IFA_ADDRESS);
  if (a.address.empty()) return std::nullopt;
  a.prefix_length = body->ifa_prefixlen;
  uint32_t flags = attrs.Has(IFA_FLAGS) ? attrs.U32(IFA_FLAGS) : body->ifa_flags;
  a.no_prefix_route = (flags & IFA_F_NOPREFIXROUTE) != 0;
  a.link_scope = body->ifa_scope == RT_SCOPE_LINK;
  // The flag of IPv6 temporary addresses means "secondary" in IPv4.
  const uint32_t temporary = a.address.is_v6() ? IFA_F_TEMPORARY : 0;
  a.passing = (flags & (temporary | IFA_F_DEPRECATED | IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0;
  return a;
}

std::optional<RouteEntry> ParseRoute(const Received& message) {
  if (message.type != RTM_NEWROUTE && message.type != RTM_DELROUTE) return std::nullopt;
  auto body = message.Body<rtmsg>();
  if (!body) return std::nullopt;
  net::Family family = FamilyOf(body->rtm_family);
  if (family == net::Family::kNone) return std::nullopt;
  Attrs attrs(message.After(sizeof(rtmsg)));
  RouteEntry r;
  net::IpAddress destination = attrs.Ip(RTA_DST);
  r.prefix = net::Prefix(destination.empty() ? net::IpAddress::Any(family) : destination, body->rtm_dst_len);
  r.table = attrs.Has(RTA_TABLE) ? attrs.U32(RTA_TABLE) : body->rtm_table;
  r.metric = attrs.U32(RTA_PRIORITY);
  r.mtu = Attrs(attrs.Get(RTA_METRICS)).U32(RTAX_MTU);
  r.protocol = body->rtm_protocol;
  r.type = body->rtm_type;
  r.tos = body->rtm_tos;
  r.cloned = (body->rtm_flags & RTM_F_CLONED) != 0;
  r.preferred_source = attrs.Ip(RTA_PREFSRC);
  if (attrs.Has(RTA_MULTIPATH)) {
    ParseMultipath(attrs.Get(RTA_MULTIPATH), r.hops);
  } else {
    r.hops.push_back({static_cast<int>(attrs.U32(RTA_OIF)), attrs.Ip(RTA_GATEWAY)});
  }
  return r;
}

std::optional<Rule> ParseRule(const Received& message) {
  if (message.type != RTM_NEWRULE && message.type != RTM_DELRULE) return std::nullopt;
  const auto body = message.Body<fib_rule_hdr>();
  if (!body) return std::nullopt;
  const Attrs attrs(message.After(sizeof(fib_rule_hdr)));
  Rule r;
  r.priority = attrs.U32(FRA_PRIORITY);
  r.protocol = attrs.U8(FRA_PROTOCOL);
  const bool lookup = body->action == FR_ACT_TO_TBL;
  if (lookup) r.table = attrs.Has(FRA_TABLE) ? attrs.U32(FRA_TABLE) : body->table;
  const net::IpAddress source = attrs.Ip(FRA_SRC);
  if ((lookup || body->action == FR_ACT_UNREACHABLE) && body->src_len == source.bits() &&
      attrs.Text(FRA_IIFNAME) == kOwnOutput)
    r.source = source;
  return r;
}

}  // namespace flexvpn::os::netlink
