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

// nullopt if the message is of another kind or too short.
std::optional<Link> ParseLink(const Received& message);
std::optional<LinkAddress> ParseAddress(const Received& message);
std::optional<RouteEntry> ParseRoute(const Received& message);

}  // namespace flexvpn::os::netlink

#endif  // FLEXVPN_OS_NETLINK_RTNL_H_
