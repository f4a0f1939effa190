// SPDX-License-Identifier: Apache-2.0
// Top-level lines around FlexVPN, and what belongs to other subsystems.
#include "core/config/grammar.h"

#include "absl/strings/str_cat.h"

namespace flexvpn::config {
namespace {

using S = Diagnostic::Severity;

void SetPool(Context& c, const Call& call) {
  const std::string name = call.Text("NAME");
  if (!call.set()) {
    c.model.pools.erase(name);
    return;
  }
  if (call.Find("FIRST") == nullptr)
    return c.Error(call.where(), "incomplete command: expected the first address of the pool");
  const net::IpAddress first = call.Find("FIRST")->address;
  const Arg* last = call.Find("LAST");
  LocalPool p{name, first, last != nullptr ? last->address : first, 32, call.where()};
  c.model.pools[name] = p;
  c.model.source.at[absl::StrCat("ip local pool ", name)] = call.where();
}

// Every client gets a prefix of LENGTH of the pool's: an address, if that is 128.
void SetIpv6Pool(Context& c, const Call& call) {
  const std::string name = call.Text("NAME");
  if (!call.set()) {
    c.model.ipv6_pools.erase(name);
    return;
  }
  const Arg* prefix = call.Find("P");
  const Arg* length = call.Find("LENGTH");
  if (prefix == nullptr || length == nullptr)
    return c.Error(call.where(), "incomplete command: expected the prefix of the pool and the prefix length that a client gets");
  const net::Prefix p = prefix->prefix;
  const int each = static_cast<int>(length->number);
  if (p.family() != net::Family::kIpv6) return c.Error(At(call, *prefix), "not an IPv6 prefix");
  if (!p.First().Plus(1).is_routable()) return c.Error(At(call, *prefix), "not a prefix of addresses that hosts can have");
  if (each < p.length())
    return c.Error(At(call, *length), absl::StrCat("a client cannot get more than the pool has: expected a number from ", p.length(), " to 128"));
  const bool routers = each == 128 && p.length() < 128;  // the first address of a subnet is that of all its routers (RFC 4291 §2.6.1)
  LocalPool pool{name, routers ? p.First().Plus(1) : p.First(), net::Prefix(p.Last(), each).First(), each, call.where()};
  if (call.Has("shared")) pool.rest = "shared";
  if (const Arg* size = call.Find("N")) pool.rest = absl::StrCat("cache-size ", size->number);
  if (!pool.rest.empty())
    c.Warn(call.where(), absl::StrCat("accepted, but this version does not share or cache IPv6 pools: '", pool.rest, "' has no effect"));
  c.model.source.at[absl::StrCat("ipv6 local pool ", name)] = call.where();
  c.model.ipv6_pools[name] = std::move(pool);
}

std::vector<Command> OwnCommands() {
  return {
      {"ipv6 local pool <NAME> [<P:prefix> [<LENGTH:1-128>]]", "IPv6 addresses for clients", SetIpv6Pool},
      {"ipv6 local pool <NAME> <P:prefix> <LENGTH:1-128> {shared|cache-size <N:0-10000>}", "IPv6 addresses for clients", SetIpv6Pool},
      {"ip local pool <NAME> [<FIRST:ipv4> [<LAST:ipv4>]]", "addresses for clients", SetPool},
  };
}

// Other subsystems' first words; a body, if any, follows indented.
constexpr const char* kForeignWords[] = {
    "router", "line", "ntp", "snmp-server", "snmp", "spanning-tree", "version", "service",
    "boot", "boot-start-marker", "boot-end-marker", "clock", "privilege", "vlan", "vtp", "cdp",
    "lldp", "class-map", "policy-map", "key", "archive", "license", "memory", "memory-size",
    "subscriber", "multilink", "redundancy", "control-plane", "voice", "voice-port", "mgcp", "scheduler", "event",
    "alias", "ipv6", "ipsla", "mpls", "tacacs", "tacacs-server", "netconf",
    "netconf-yang", "restconf", "telemetry", "flow", "object-group", "transport", "diagnostic", "card", "process",
    "warm-reboot", "exception", "file", "monitor", "dot11", "dial-peer", "gatekeeper", "sip-ua", "bridge", "bba-group",
    "vpdn", "vpdn-group", "l2tp-class", "pseudowire-class", "ppp", "dialer-list", "isdn", "controller", "fhrp",
    "parameter-map", "zone", "zone-pair", "nat", "nat64", "crypto-key", "aaa-server", "system", "switch", "stack",
    "macro", "port-channel", "lacp", "udld", "errdisable", "mac", "mac-address-table", "arp", "security",
    "tftp-server", "rmon", "call-home", "app-hosting", "iox", "guestshell", "eem", "wsma", "cns", "chat-script",
    "template", "access-session", "dot1x", "device-tracking", "sampler", "performance", "appfw", "login", "default-value",
    "Building", "Current", "Last", "NVRAM", "no-service", "standby", "hw-module", "upgrade", "prompt", "terminal"};

constexpr const char* kForeignIp[] = {
    "route", "http", "ssh", "scp", "cef", "forward-protocol", "name-server", "host", "prefix-list", "nat",
    "multicast", "multicast-routing", "pim", "sla", "tftp", "ftp", "as-path", "community-list", "routing", "subnet-zero",
    "classless", "source-route", "finger", "bootp", "dhcp", "flow", "flow-cache", "flow-export", "igmp", "rsvp",
    "dns", "domain lookup", "domain list", "domain-lookup", "domain retry", "arp", "icmp", "options", "radius", "tacacs",
    "default-gateway", "default-network", "bgp-community", "extcommunity-list", "identd", "admission", "ips", "inspect",
    "port-map", "telnet", "tcp", "access-list resequence", "access-list logging", "wccp",
    "explicit-path", "gratuitous-arps", "local policy", "rcmd", "security", "slb", "spd", "urlfilter"};

}  // namespace

void AddGlobalCommands(Mode& root) {
  root.Add(OwnCommands());
  std::vector<Command> list;
  for (const char* w : kForeignWords) list.push_back(Foreign(absl::StrCat(w, " [<REST:words>]"), ModeId::kForeign));
  for (const char* w : kForeignIp) list.push_back(Foreign(absl::StrCat("ip ", w, " [<REST:words>]"), ModeId::kForeign));
  for (const char* p : {"aaa session-id [<REST:words>]", "aaa group server {tacacs+|ldap} [<REST:words>]", "aaa server [<REST:words>]",
                        "aaa local [<REST:words>]", "aaa attribute [<REST:words>]", "aaa common-criteria [<REST:words>]",
                        "aaa authorization {exec|commands|console|config-commands|reverse-access|auth-proxy} "
                        "[<REST:words>]",
                        "enable {secret|password} [<REST:words>]", "platform {punt-keepalive|qfp|console|hardware|urpf|"
                        "ipsec|tcam|resource} [<REST:words>]",
                        "crypto key [<REST:words>]", "crypto engine [<REST:words>]", "crypto ssl [<REST:words>]", "crypto gdoi [<REST:words>]"})
    list.push_back(Foreign(p, ModeId::kForeign));
  root.Add(std::move(list));
  root.Add({
      Unsupported(S::kWarning, "crypto pki [<REST:words>]", "this 'crypto pki' command; 'crypto pki trustpoint' names files", ModeId::kUnsupported),
      Unsupported(S::kWarning, "crypto isakmp [<REST:words>]", "IKEv1 (crypto isakmp)", ModeId::kUnsupported),
      Unsupported(S::kWarning, "crypto keyring [<REST:words>]", "IKEv1 (crypto keyring)", ModeId::kUnsupported),
      Unsupported(S::kWarning, "crypto map [<REST:words>]", "crypto maps", ModeId::kUnsupported),
      Unsupported(S::kWarning, "crypto dynamic-map [<REST:words>]", "crypto maps", ModeId::kUnsupported),
      Kept("crypto vpn anyconnect <REST:line>", "AnyConnect packages and profiles", "send AnyConnect files", Gravity::kWarn,
           Keep::kEach),
  });
}

}  // namespace flexvpn::config
