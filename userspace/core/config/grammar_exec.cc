// SPDX-License-Identifier: Apache-2.0
// Commands of the shell: one tree for the shell (help, completion) and the daemon (dispatch).
#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

Command Show(std::string pattern, std::string help, bool measures = false) {
  Command c;
  c.pattern = std::move(pattern);
  c.help = std::move(help);
  c.measures = measures;
  return c;
}

Command Change(std::string pattern, std::string help) {
  Command c = Show(std::move(pattern), std::move(help));
  c.privileged = true;
  return c;
}

Command Shell(std::string pattern, std::string help) {
  Command c = Show(std::move(pattern), std::move(help));
  c.place = Place::kShell;
  return c;
}

}  // namespace

void AddExecCommands(Mode& exec) {
  exec.Add({
      Show("show crypto ikev2 sa [local <A:address>|remote <A:address>] [detailed]", "IKE SAs"),
      Show("show crypto ikev2 session [detailed]", "IKE SAs with their Child SAs"),
      Show("show crypto ikev2 proposal [<NAME>]", "proposals with the smart default"),
      Show("show crypto ikev2 policy [<NAME>]", "policies with the smart default"),
      Show("show crypto ikev2 profile [<NAME>]", "profiles"),
      Show("show crypto ikev2 authorization policy [<NAME>]", "authorization policies with the smart default"),
      Show("show crypto ikev2 client flexvpn [<NAME>]", "client blocks: hubs, tunnel, state"),
      Show("show crypto ikev2 stats [exchange]", "how many IKE SAs and requests; `exchange`: messages by kind"),
      Show("show crypto ikev2 diagnose error", "the last failures, with peer and reason"),
      Show("show crypto ikev2 performance", "rates of IKE SAs, Child SAs and packets; times of waiting"),
      Show("show crypto session [brief|detail]", "sessions with peer, IKE SA and traffic", true),
      Show("show crypto ipsec sa [interface <IF:interface>|peer <A:address>]", "IPsec SAs with packet counters", true),
      Show("show crypto ipsec transform-set [<NAME>]", "transform sets with the smart default"),
      Show("show crypto ipsec profile [<NAME>]", "IPsec profiles with the smart default"),
      Show("show crypto pki certificates", "our certificates and CAs"),
      Show("show ip local pool [<NAME>]", "address pools: free, in use"),
      Show("show ipv6 local pool [<NAME>]", "IPv6 address pools: free, in use"),
      Show("show ip nhrp [brief|detail|shortcut|traffic|flags]", "NHRP cache; packets; what the flags mean"),
      Show("show ip nhrp nhs [detail]", "next hop servers: the hubs our tunnels call"),
      Show("show ip nhrp multicast", "where copies of multicast packets go"),
      Show("show ip route flexvpn", "routes of ours: S from IKEv2, H shortcuts"),
      Show("show ipv6 nhrp [brief|detail|shortcut|traffic|flags]", "NHRP cache, IPv6"),
      Show("show ipv6 nhrp nhs [detail]", "next hop servers, IPv6"),
      Show("show ipv6 nhrp multicast", "the same"),
      Show("show ipv6 route flexvpn", "routes of ours, IPv6"),
      Show("show interfaces <IF:interface>", "state of a Tunnel or Virtual-Access interface", true),
      Show("show derived-config interface <IF:interface>", "the lines of a template with those its session adds"),
      Show("show dataplane [peers|bpf|sas|xfrm|drops|offload|devices]",
           "what is in the kernel; `bpf`: as `peers`, `xfrm`: as `sas`", true),
      Show("show dataplane reconcile", "what should be in the kernel against what is"),
      Show("show running-config [all]", "the configuration in force; with `all`, smart defaults, too"),
      Show("show logging", "the last lines of the log"),
      Show("show tech-support", "everything above one after another, without secrets", true),
      Show("show version", "version and uptime", true),
      Show("show debugging", "what is debugged, by which session, on which conditions"),
      Change("clear crypto ikev2 sa [remote <A:address>]", "end IKE SAs"),
      Change("clear crypto ikev2 session [remote <A:address>]", "the same"),
      Change("clear crypto session [remote <A:address>]", "the same"),
      Change("clear crypto ikev2 client flexvpn [<NAME>]", "end the sessions of client blocks; `connect auto`: they begin anew"),
      Change("crypto ikev2 client flexvpn connect [<NAME>]", "connect client blocks with `connect manual`"),
      Change("clear crypto ikev2 stats", "set the counters of IKEv2 to zero"),
      Change("clear ip nhrp [shortcut|counters]",
             "empty the NHRP cache; `shortcut`: of shortcuts alone, `counters`: set its counters to zero"),
      Change("clear ipv6 nhrp [shortcut|counters]", "the same; both families have one cache"),
      Change("rekey crypto {ikev2|ipsec} sa [remote <A:address>]", "make new keys now"),
      Shell("exit", "leave the shell"),
      Change("debug crypto ikev2 [error|packet|internal]",
             "sessions as they come and go; `error`: what fails or is dropped, `packet`: messages, decoded, "
             "`internal`: steps"),
      Change("debug crypto condition {peer {ipv4 <A:ipv4>|ipv6 <A:ipv6>}|ikev2 profile <NAME>|unmatched|reset}",
             "which peers debugging is about; `unmatched`: also what cannot be told apart yet"),
      Change("debug nhrp [packet]", "tunnels and shortcuts; `packet`: packets, decoded"),
  });
  for (const char* off : {"undebug", "no debug"}) {
    exec.Add({
        Change(absl::StrCat(off, " all"), "all debugging of all sessions off"),
        Change(absl::StrCat(off, " crypto ikev2 [error|packet|internal]"), "that debugging off"),
        Change(absl::StrCat(off, " crypto condition {peer {ipv4 <A:ipv4>|ipv6 <A:ipv6>}|ikev2 profile <NAME>|",
                            "unmatched}"),
               "that condition off"),
        Change(absl::StrCat(off, " nhrp [packet]"), "that debugging off"),
    });
  }
}

}  // namespace flexvpn::config
