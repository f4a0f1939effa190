// SPDX-License-Identifier: Apache-2.0
// Commands of the shell: one tree for the shell (help, completion) and the daemon (dispatch).
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
      Show("show crypto ikev2 sa [detailed]", "IKE SAs"),
      Show("show crypto ikev2 session [detailed]", "IKE SAs with their Child SAs"),
      Show("show crypto ipsec sa", "IPsec SAs with packet counters", true),
      Show("show crypto pki certificates", "our certificates and CAs"),
      Show("show ip nhrp [shortcut]", "NHRP cache"),
      Show("show ip route flexvpn", "routes of ours: S from IKEv2, H shortcuts"),
      Show("show dataplane [peers|sas|drops|offload|devices]", "what is in the kernel", true),
      Show("show running-config [all]", "the configuration in force; with `all`, smart defaults, too"),
      Show("show version", "version and uptime", true),
      Change("clear crypto ikev2 sa [remote <A:address>]", "end IKE SAs"),
      Change("clear ip nhrp", "empty the NHRP cache"),
      Change("rekey crypto {ikev2|ipsec} sa", "make new keys now"),
      Shell("exit", "leave the shell"),
  });
}

}  // namespace flexvpn::config
