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
  const net::IpAddress first = call.Find("FIRST")->address;
  const Arg* last = call.Find("LAST");
  LocalPool p{name, first, last != nullptr ? last->address : first, call.where()};
  c.model.pools[name] = p;
  c.model.source.at[absl::StrCat("ip local pool ", name)] = call.where();
}

void SetAaaNetwork(Context& c, const Call& call) {
  const std::string name = call.Text("LIST");
  if (!call.set()) {
    c.model.aaa_authorization.erase(name);
    return;
  }
  const Arg* methods = call.Find("METHOD");
  AaaAuthorizationList list{name, false};
  for (const Word& w : methods->words) list.local = list.local || w.text == "local";
  if (!list.local)
    c.Warn(At(call, *methods), "not supported by this version: authorization by a server group",
           "write 'local' to use the authorization policies of this configuration");
  c.model.aaa_authorization[name] = list;
}

void SetPlatform(Context& c, const Call& call) {
  const std::string ios = call.Text("IF");
  if (!call.set()) {
    c.model.platform_interfaces.erase(ios);
    return;
  }
  const Arg* linux_name = call.Find("LINUX");
  if (linux_name->text.size() > 15)
    c.Error(At(call, *linux_name), "a Linux interface name has at most 15 characters");
  c.model.platform_interfaces[ios] = linux_name->text;
}

std::vector<Command> OwnCommands() {
  return {
      {"hostname <NAME>", "name of this router",
       [](Context& c, const Call& k) { c.model.hostname = k.set() ? k.Text("NAME") : "router"; }},
      {"ip domain name <NAME>", "DNS domain of this router",
       [](Context& c, const Call& k) { c.model.domain_name = k.set() ? k.Text("NAME") : ""; }},
      {"ip domain-name <NAME>", "DNS domain of this router (old spelling)",
       [](Context& c, const Call& k) { c.model.domain_name = k.set() ? k.Text("NAME") : ""; }},
      {"aaa new-model", "enable AAA", [](Context& c, const Call& k) { c.model.aaa_new_model = k.set(); }},
      {"aaa authorization network <LIST> <METHOD:words>", "name a list of authorization methods", SetAaaNetwork},
      {"ip local pool <NAME> <FIRST:ipv4> [<LAST:ipv4>]", "addresses for clients", SetPool},
      {"platform interface <IF:interface> linux <LINUX>", "Linux device behind an IOS interface name", SetPlatform},
      {"configure [terminal]", "ignored: start of a pasted session", nullptr},
      {"enable", "ignored: start of a pasted session", nullptr},
  };
}

// Other subsystems' first words; a body, if any, follows indented.
constexpr const char* kForeignWords[] = {
    "router", "line", "ntp", "snmp-server", "snmp", "logging", "banner", "vrf", "spanning-tree", "version", "service",
    "boot", "boot-start-marker", "boot-end-marker", "clock", "username", "privilege", "vlan", "vtp", "cdp",
    "lldp", "route-map", "class-map", "policy-map", "track", "key", "archive", "license", "memory", "memory-size",
    "subscriber", "multilink", "redundancy", "control-plane", "voice", "voice-port", "mgcp", "scheduler", "event",
    "alias", "ipv6", "ipsla", "mpls", "radius", "radius-server", "tacacs", "tacacs-server", "netconf",
    "netconf-yang", "restconf", "telemetry", "flow", "object-group", "transport", "diagnostic", "card", "process",
    "warm-reboot", "exception", "file", "monitor", "dot11", "dial-peer", "gatekeeper", "sip-ua", "bridge", "bba-group",
    "vpdn", "vpdn-group", "l2tp-class", "pseudowire-class", "ppp", "dialer-list", "isdn", "controller", "fhrp",
    "parameter-map", "zone", "zone-pair", "nat", "nat64", "crypto-key", "aaa-server", "system", "switch", "stack",
    "macro", "port-channel", "lacp", "udld", "errdisable", "mac", "mac-address-table", "arp", "security",
    "tftp-server", "rmon", "call-home", "app-hosting", "iox", "guestshell", "eem", "wsma", "cns", "chat-script",
    "template", "access-session", "dot1x", "device-tracking", "sampler", "performance", "appfw", "login", "default-value",
    "Building", "Current", "Last", "NVRAM", "no-service", "standby", "hw-module", "upgrade", "prompt", "terminal"};

constexpr const char* kForeignIp[] = {
    "route", "http", "ssh", "scp", "cef", "forward-protocol", "name-server", "host", "prefix-list", "nat", "vrf",
    "multicast", "multicast-routing", "pim", "sla", "tftp", "ftp", "as-path", "community-list", "routing", "subnet-zero",
    "classless", "source-route", "finger", "bootp", "dhcp", "flow", "flow-cache", "flow-export", "igmp", "rsvp",
    "dns", "domain lookup", "domain list", "domain-lookup", "domain retry", "arp", "icmp", "options", "radius", "tacacs",
    "default-gateway", "default-network", "bgp-community", "extcommunity-list", "identd", "admission", "ips", "inspect",
    "port-map", "telnet", "tcp", "access-list extended", "access-list resequence", "access-list logging", "wccp",
    "explicit-path", "gratuitous-arps", "local policy", "rcmd", "security", "slb", "spd", "urlfilter"};

}  // namespace

void AddGlobalCommands(Mode& root) {
  root.Add(OwnCommands());
  std::vector<Command> list;
  for (const char* w : kForeignWords) list.push_back(Foreign(absl::StrCat(w, " [<REST:words>]"), ModeId::kForeign));
  for (const char* w : kForeignIp) list.push_back(Foreign(absl::StrCat("ip ", w, " [<REST:words>]"), ModeId::kForeign));
  for (const char* p : {"aaa authentication [<REST:words>]", "aaa accounting [<REST:words>]",
                        "aaa session-id [<REST:words>]", "aaa group [<REST:words>]", "aaa server [<REST:words>]",
                        "aaa local [<REST:words>]", "aaa attribute [<REST:words>]", "aaa common-criteria [<REST:words>]",
                        "aaa authorization {exec|commands|console|config-commands|reverse-access|auth-proxy} "
                        "[<REST:words>]",
                        "enable {secret|password} [<REST:words>]", "platform {punt-keepalive|qfp|console|hardware|urpf|"
                        "ipsec|tcam|resource} [<REST:words>]",
                        "crypto key [<REST:words>]", "crypto engine [<REST:words>]", "crypto ssl [<REST:words>]",
                        "crypto pki server [<REST:words>]", "crypto gdoi [<REST:words>]",
                        "crypto logging [<REST:words>]"})
    list.push_back(Foreign(p, ModeId::kForeign));
  root.Add(std::move(list));
  root.Add({
      Unsupported(S::kWarning, "crypto pki [<REST:words>]", "this 'crypto pki' command; 'crypto pki trustpoint' names files", ModeId::kUnsupported),
      Unsupported(S::kWarning, "crypto isakmp [<REST:words>]", "IKEv1 (crypto isakmp)", ModeId::kUnsupported),
      Unsupported(S::kWarning, "crypto keyring [<REST:words>]", "IKEv1 (crypto keyring)", ModeId::kUnsupported),
      Unsupported(S::kWarning, "crypto map [<REST:words>]", "crypto maps", ModeId::kUnsupported),
      Unsupported(S::kWarning, "crypto dynamic-map [<REST:words>]", "crypto maps", ModeId::kUnsupported),
      Unsupported(S::kWarning, "crypto vpn [<REST:words>]", "AnyConnect (crypto vpn)", ModeId::kUnsupported),
      Unsupported(S::kWarning, "ipv6 local pool [<REST:words>]", "IPv6 address pools"),
  });
}

}  // namespace flexvpn::config
