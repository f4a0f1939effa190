// SPDX-License-Identifier: Apache-2.0
// interface: Loopback, Tunnel, Virtual-Template and Linux devices; ip nhrp.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

using S = Diagnostic::Severity;

void EnterInterface(Context& c, const Call& k) {
  const Arg* arg = k.Find("IF");
  if (arg == nullptr) {
    c.Error(k.where(), "incomplete command: expected an interface");
    return;
  }
  const auto name = ParseInterfaceName(arg->text, "");
  if (!k.set()) {
    c.model.interfaces.erase(arg->text);
    return;
  }
  if (name->kind == InterfaceKind::kVirtualTemplate && (name->number < 1 || name->number > 4095))
    c.Error(At(k, *arg), "the number of a Virtual-Template must be from 1 to 4095");
  if (name->kind == InterfaceKind::kLinux && name->name.size() > 15 && !IsIosName(name->name))
    c.Error(At(k, *arg), "a Linux interface name has at most 15 characters");
  Interface& i = c.model.interfaces[name->name];
  i.kind = name->kind;
  i.number = name->number;
  i.name = name->name;
  i.where = k.where();
  c.interface = &i;
  c.path = absl::StrCat("interface ", i.name);
}

void SetAddress(Context& c, const Call& k) {
  Interface& i = *c.interface;
  i.address.reset();
  i.prefix_length = 32;
  i.address_negotiated = false;
  if (!k.set()) return;
  i.unnumbered.clear();
  if (k.Has("negotiated")) {
    i.address_negotiated = true;
    return;
  }
  const Arg* a = k.Find("A");
  i.prefix_length = net::Prefix::FromMask(a->address, k.Find("M")->address)->length();
  i.address = a->address;
}

void SetIpv6Address(Context& c, const Call& k) {
  Interface& i = *c.interface;
  const Arg* a = k.Find("P");
  if (a == nullptr) {
    i.ipv6_negotiated = k.set();
    if (k.set()) i.ipv6_unnumbered.clear();
    if (!k.set() && !k.Has("negotiated")) i.ipv6_addresses.clear();  // `no ipv6 address`: all of them
    return;
  }
  if (!a->address.is_v6()) return c.Error(At(k, *a), "not an IPv6 address with its prefix length");
  if (!a->address.is_routable()) return c.Error(At(k, *a), "not the global address of a host");
  const Ipv6Address address{a->address, a->prefix.length()};
  if (!k.set()) {
    std::erase(i.ipv6_addresses, address);
    return;
  }
  i.ipv6_unnumbered.clear();
  if (std::find(i.ipv6_addresses.begin(), i.ipv6_addresses.end(), address) == i.ipv6_addresses.end()) i.ipv6_addresses.push_back(address);
}

void SetIpv6Unnumbered(Context& c, const Call& k) {
  c.interface->ipv6_unnumbered = k.set() ? k.Text("IF") : "";
  if (!k.set()) return;
  c.interface->ipv6_addresses.clear();
  c.interface->ipv6_negotiated = false;
}

void SetUnnumbered(Context& c, const Call& k) {
  c.interface->unnumbered = k.set() ? k.Text("IF") : "";
  if (!k.set()) return;
  c.interface->address.reset();
  c.interface->prefix_length = 32;
  c.interface->address_negotiated = false;
}

void SetSource(Context& c, const Call& k) {
  Interface& i = *c.interface;
  i.source_interface.clear();
  i.source_address.reset();
  i.implied_source.value = false;
  i.source_dynamic = k.set() && k.Has("dynamic");
  if (!k.set()) return;
  if (const Arg* a = k.Find("A")) i.source_address = a->address;
  if (const Arg* n = k.Find("IF")) i.source_interface = n->text;
}

void SetDestination(Context& c, const Call& k) {
  Interface& i = *c.interface;
  i.destination.reset();
  i.destination_dynamic = false;
  i.destination_name = k.set() ? k.Text("NAME") : "";
  if (!k.set()) return;
  if (const Arg* a = k.Find("A")) i.destination = a->address;
  if (k.Has("dynamic")) i.destination_dynamic = true;
}

void SetTunnelMode(Context& c, const Call& k) {
  TunnelMode& m = c.interface->mode;
  m = TunnelMode::kGreIpv4;
  if (!k.set()) return;
  if (k.Has("multipoint")) m = TunnelMode::kGreMultipoint;
  else if (k.Has("gre")) m = k.Has("ipv6") ? TunnelMode::kGreIpv6 : TunnelMode::kGreIpv4;
  else m = k.Has("ipv6") ? TunnelMode::kIpsecIpv6 : TunnelMode::kIpsecIpv4;
}

// `no shortcut`, `no redirect`: their arguments go with them.
void SetRedirect(Context& c, const Call& k) {
  c.interface->nhrp.redirect = k.set();
  c.interface->nhrp.redirect_timeout = seconds(k.Number("S", 8));
}
void SetShortcut(Context& c, const Call& k) {
  NhrpInterface& n = c.interface->nhrp;
  n.shortcut = k.set();
  n.shortcut_virtual_template.reset();
  if (k.set() && k.Find("N") != nullptr) n.shortcut_virtual_template = static_cast<uint32_t>(k.Number("N"));
}
void SetNhrpAuthentication(Context& c, const Call& k) {
  const Arg* a = k.Find("STRING");
  c.interface->nhrp.authentication = k.set() ? a->text : "";
  if (k.set() && a->text.size() > 8) c.Error(At(k, *a), "the string has at most 8 characters");
}

std::vector<Command> AddressCommands() {
  return {
      {"description <TEXT:line>", "free text",
       [](Context& c, const Call& k) { c.interface->description = k.set() ? k.Text("TEXT") : ""; }},
      {"shutdown", "administratively down", [](Context& c, const Call& k) { c.interface->shutdown = k.set(); }},
      {"ip address <A:ipv4> <M:mask>", "address of this interface", SetAddress},
      {"ip address negotiated", "address given by the hub", SetAddress},
      {"ip unnumbered <IF:interface>", "use the address of another interface", SetUnnumbered},
      {"ipv6 address <P:prefix>", "IPv6 address of this interface; repeatable", SetIpv6Address},
      {"ipv6 address negotiated", "IPv6 address given by the hub", SetIpv6Address},
      {"ipv6 unnumbered <IF:interface>", "use the IPv6 address of another interface", SetIpv6Unnumbered},
      {"ipv6 enable", "always on", nullptr},
      {"ip mtu <N:68-9976>", "largest inner packet",
       [](Context& c, const Call& k) { c.interface->mtu = static_cast<uint16_t>(k.Number("N")); }},
      {"ip tcp adjust-mss <N:500-9936>", "clamp the TCP segment size",
       [](Context& c, const Call& k) { c.interface->adjust_mss = static_cast<uint16_t>(k.Number("N")); }},
  };
}

std::vector<Command> TunnelCommands() {
  return {
      {"tunnel source <A:address>", "outer address on our side", SetSource},
      {"tunnel source <IF:interface>", "interface whose address is the outer one", SetSource},
      {"tunnel source dynamic", "chosen by the client block", SetSource},
      {"tunnel destination <A:address>", "outer address of the hub or peer", SetDestination},
      {"tunnel destination dynamic", "chosen by the client block", SetDestination},
      {"tunnel destination <NAME>", "host name of the hub or peer", SetDestination},
      {"tunnel mode gre {ip|ipv6}", "GRE over IPv4 or IPv6", SetTunnelMode},
      {"tunnel mode gre multipoint", "GRE to many peers (DMVPN)", SetTunnelMode},
      {"tunnel mode ipsec {ipv4|ipv6}", "IPsec without GRE", SetTunnelMode},
      {"tunnel key <N:0-4294967295>", "GRE key",
       [](Context& c, const Call& k) {
         c.interface->key.reset();
         if (k.set()) c.interface->key = static_cast<uint32_t>(k.Number("N"));
       }},
      {"tunnel protection ipsec profile <NAME> [shared]", "IPsec profile of this tunnel",
       [](Context& c, const Call& k) { c.interface->ipsec_profile = k.set() ? k.Text("NAME") : ""; }},
      {"tunnel path-mtu-discovery [<REST:words>]", "always on", nullptr},
      {"tunnel vrf <VRF>", "VRF of the outer packets (front door)",
       [](Context& c, const Call& k) { c.interface->tunnel_vrf = k.set() ? k.Text("VRF") : ""; }},
      Kept("tunnel mode {ipip|ipv6ip|eon|mpls|vxlan|udp|geneve} [<REST:line>]", "other kinds of tunnels",
           "make tunnels of this mode", Gravity::kShut),
      Kept("tunnel mode ipsec dual-overlay", "IPv4 and IPv6 in one tunnel", "make dual-overlay tunnels", Gravity::kShut),
      Kept("tunnel mode ipsec {ipv4 v6-overlay|ipv6 v4-overlay}", "IPsec over the other family", "make mixed overlays",
           Gravity::kShut),
      Kept("tunnel protection ipsec policy {ipv4|ipv6} <NAME>", "encrypt what an access list says",
           "protect by access list", Gravity::kShut, Keep::kPerWord),
      Kept("tunnel {checksum|sequence-datagrams|entropy|ttl|tos|bandwidth|flow|route-via|endpoint|rbscp|raw|udlr} "
           "[<REST:line>]", "other settings of a tunnel", "use this tunnel setting", Gravity::kWarn, Keep::kPerWord),
  };
}

std::vector<Command> NhrpInUse() {
  return {
      {"ip nhrp network-id <N:1-4294967295>", "NHRP domain; packets between tunnels of one domain make shortcuts",
       [](Context& c, const Call& k) { c.interface->nhrp.network_id = static_cast<uint32_t>(k.Number("N")); }},
      {"ip nhrp holdtime <S:1-65535>", "seconds that what we tell is valid",
       [](Context& c, const Call& k) { c.interface->nhrp.holdtime = seconds(k.Number("S", 7200)); }},
      {"ip nhrp redirect [timeout <S:2-30>]", "tell senders of a better way (hub)", SetRedirect},
      {"ip nhrp shortcut [virtual-template <N:1-4095>]", "build tunnels to other spokes (spoke)", SetShortcut},
      {"ip nhrp shortcut <N:1-4095>", "build tunnels to other spokes (spoke)", SetShortcut},
      {"ip nhrp authentication <STRING:secret>", "string in every NHRP packet", SetNhrpAuthentication},
      Kept("if-state nhrp", "line state by NHRP", "take the interface down with NHRP"),
      Kept("nhrp <REST:line>", "other NHRP settings", "use this NHRP setting", Gravity::kWarn, Keep::kEach),
      Kept("ipv6 address <P:prefix> {eui-64|anycast}", "IPv6 address of this interface", "make IPv6 addresses of this kind",
           Gravity::kWarn, Keep::kEach),
      Kept("ipv6 address <NAME> <P:prefix> [{eui-64|anycast}]", "IPv6 address in a prefix that has a name",
           "do prefixes by name: write the address in full", Gravity::kWarn, Keep::kEach),
      Kept("ipv6 address <A:ipv6> link-local", "link-local address of this interface", "set link-local addresses"),
      Kept("ipv6 address {autoconfig|dhcp} [<REST:line>]", "IPv6 address by the network", "do that: leave it to Linux"),
      Kept("ipv6 {mtu|nd|tcp|traffic-filter|verify|ospf|eigrp|rip|router|unreachables|redirects} "
           "[<REST:line>]", "IPv6 of this interface", "use this IPv6 setting", Gravity::kWarn, Keep::kEach),
  };
}

// What any interface may carry and is not ours.
constexpr const char* kForeign[] = {
    "duplex", "speed", "negotiation", "media-type", "load-interval", "bandwidth", "delay", "cdp", "lldp", "ip ospf",
    "ip pim", "ip nat", "ip flow", "ip virtual-reassembly", "ip redirects", "ip unreachables", "ip proxy-arp",
    "ip verify", "ip route-cache", "ip igmp", "ip helper-address", "ip directed-broadcast", "ip rip", "ip eigrp",
    "ip bandwidth-percent", "ip hello-interval", "ip hold-time", "ip split-horizon", "ip next-hop-self",
    "ip summary-address", "ip authentication", "ip router", "ip policy", "ip nbar", "ip rsvp", "ip load-sharing",
    "ip mask-reply", "ip accounting", "ip mroute-cache", "ip cef", "ip local-proxy-arp", "ip multicast", "ip dhcp",
    "ip sla", "ip ospf", "ip arp", "ip broadcast-address", "ip tcp header-compression", "ip wccp", "ip summary",
    "switchport", "spanning-tree", "service-policy", "service-module", "standby", "vrrp", "glbp", "encapsulation",
    "channel-group", "arp", "logging", "snmp", "mpls", "ntp", "keepalive", "mtu", "carrier-delay", "hold-queue", "qos",
    "service", "zone-member", "clock", "mac-address", "xconnect", "pppoe", "ppp", "dialer", "no-peer", "udld",
    "storm-control", "tx-ring-limit", "random-detect", "fair-queue", "bfd", "isis", "ospfv3", "eigrp", "macsec",
    "power", "auto", "fec", "flowcontrol", "transmit-interface", "serial", "peer", "priority-queue", "hello",
    "performance", "macro", "source", "plim", "bridge-group", "vlan-id", "nat64", "ip dns", "crypto engine"};

}  // namespace

void AddInterfaceCommands(Mode& root, Mode& interface) {
  root.Add({{"interface <IF:interface> [type tunnel]", "an interface", EnterInterface, ModeId::kInterface},
            {"interface <IF:interface> {point-to-point|multipoint}", "a sub-interface", EnterInterface,
             ModeId::kInterface}});
  interface.Add(AddressCommands());
  interface.Add(TunnelCommands());
  interface.Add(NhrpInUse());
  std::vector<Command> list;
  for (const char* w : kForeign) list.push_back(Foreign(absl::StrCat(w, " [<REST:words>]")));
  interface.Add(std::move(list));
  interface.Add({
      Kept("vrf forwarding <VRF>", "VRF of this interface", "put interfaces into VRFs", Gravity::kShut),
      Kept("ip vrf forwarding <VRF>", "VRF of this interface (old spelling)", "put interfaces into VRFs",
           Gravity::kShut),
      Kept("crypto map <NAME>", "crypto map of this interface",
           "do crypto maps: WHAT THIS MAP PROTECTS WOULD LEAVE IN CLEAR", Gravity::kShut),
      Kept("ip access-group <NAME> {in|out}", "packet filter of this interface", "filter packets", Gravity::kShut, Keep::kEach),
      Kept("ip address dhcp [<REST:line>]", "address by DHCP", "ask DHCP: leave it to Linux"),
      Kept("ip address <A:ipv4> <M:mask> secondary", "second address", "set secondary addresses", Gravity::kWarn, Keep::kEach),
  });
}

}  // namespace flexvpn::config
