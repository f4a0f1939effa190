// SPDX-License-Identifier: Apache-2.0
// Links, addresses and routes: pure builders and parsers of rtnetlink messages (rtnetlink(7)).
#ifndef FLEXVPN_OS_NETLINK_RTNL_H_
#define FLEXVPN_OS_NETLINK_RTNL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/dataplane/objects.h"
#include "core/net/ip.h"
#include "os/netlink/message.h"

namespace flexvpn::os::netlink {

struct Link {
  int index = 0;
  std::string name;
  std::string kind;   // "gre", "ip6gre", "dummy", "veth", ...; empty for hardware
  std::string alias;
  uint32_t mtu = 0;
  bool up = false;       // administratively
  bool running = false;  // carrier
  bool external = false; // GRE in collect-metadata mode
  int master = 0;          // index of the device it is enslaved to; 0 = none
  uint32_t vrf_table = 0;  // of a VRF device
  friend bool operator==(const Link&, const Link&) = default;
};

struct LinkAddress {
  int index = 0;  // of the link
  net::IpAddress address;
  int prefix_length = 0;
  bool no_prefix_route = false;
  bool link_scope = false;  // fe80::/10 and IPv4 scope link
  bool passing = false;     // temporary (RFC 8981), deprecated, or not proved unique (DAD): not for new sessions
  friend bool operator==(const LinkAddress&, const LinkAddress&) = default;
};

struct RouteHop {
  int index = 0;  // of the outgoing link, 0 = none
  net::IpAddress gateway;
  friend bool operator==(const RouteHop&, const RouteHop&) = default;
};

struct RouteEntry {
  net::Prefix prefix;
  uint32_t table = 0;
  uint32_t metric = 0;
  uint32_t mtu = 0;
  uint8_t protocol = 0;  // rtm_protocol
  uint8_t type = 0;      // RTN_UNICAST, ...
  uint8_t tos = 0;
  bool cloned = false;   // a cached exception, not a route
  net::IpAddress preferred_source;
  std::vector<RouteHop> hops;
  friend bool operator==(const RouteEntry&, const RouteEntry&) = default;
};

// A policy routing rule of this machine's own output from one address (ip rule … from A iif lo).
struct Rule {
  net::IpAddress source;   // none: not of that kind
  uint32_t priority = 0;
  uint32_t table = 0;      // 0 = unreachable
  uint8_t protocol = 0;    // who made it, as rtm_protocol
  friend bool operator==(const Rule&, const Rule&) = default;
};
// Rules of ours: for each source one that looks up the VRF's table and, right after it, one that makes unreachable what
// that table has no route for.  After the kernel's own rule for VRFs (1000), before the table main (32766).
inline constexpr uint32_t kRulePriority = 2000;
// One half of it; `table` 0: the half that makes unreachable.
Rule MakeRule(const net::IpAddress& source, uint32_t table, uint32_t instance_tag);

// Creates the device, down: `gre`/`ip6gre` external, or `dummy`.  Fails with EEXIST if the name is taken.
Message CreateLink(const dataplane::Device& device);
// Sets what is given.  `mtu` 0 = leave it.
Message ConfigureLink(int index, absl::string_view alias, uint32_t mtu);
Message SetLinkUp(int index);
Message DeleteLink(int index);
Message GetLink(absl::string_view name);
Message DumpLinks();

// The address is installed without its connected route and, on IPv6, without duplicate address detection.
Message PutAddress(int index, const dataplane::Address& address);
Message DeleteAddress(int index, const dataplane::Address& address);
Message DumpAddresses();

// Into table main with protocol dataplane::kRouteProtocol; replaces a route of equal prefix and metric.
Message PutRoute(int index, const dataplane::Route& route);
Message DeleteRoute(int index, const dataplane::Route& route);
Message DumpRoutes(net::Family family);
// How the kernel would reach `destination`: the reply is a RouteEntry with the source address chosen.
Message GetRoute(const net::IpAddress& destination);

// Fails with EEXIST if it is there.
Message PutRule(const Rule& rule);
Message DeleteRule(const Rule& rule);
Message DumpRules();  // IPv4

// nullopt if the message is of another kind or too short.
std::optional<Rule> ParseRule(const Received& message);
std::optional<Link> ParseLink(const Received& message);
std::optional<LinkAddress> ParseAddress(const Received& message);
std::optional<RouteEntry> ParseRoute(const Received& message);

}  // namespace flexvpn::os::netlink

#endif  // FLEXVPN_OS_NETLINK_RTNL_H_
