// SPDX-License-Identifier: Apache-2.0
// crypto ikev2 name-mangler, client flexvpn, cluster: kept.  Derive() reads client blocks.
#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

constexpr char kDn[] = "{common-name|country|domain|locality|organization|organization-unit|state}";
constexpr char kDelimiter[] = "delimiter {.|@|/|\\}";

std::vector<Command> MangleCommands() {
  return {
      Quiet(absl::StrCat("dn ", kDn), "take this part of a DN"),
      Quiet("eap all", "take the whole EAP identity"),
      Quiet(absl::StrCat("eap dn ", kDn), "take this part of a DN"),
      Quiet(absl::StrCat("eap {prefix|suffix} ", kDelimiter), "take what stands before or after the delimiter", Keep::kPerWord),
      Quiet("email {all|domain|username}", "take this part of an email address"),
      Quiet("fqdn {all|domain|hostname}", "take this part of a name"),
  };
}

std::vector<Command> ClientCommands() {
  return {
      Quiet("peer <SEQ:1-255> <A:address>", "a hub; lower numbers first", Keep::kPerName),
      Kept("peer <SEQ:1-255> <A:address> track <OBJECT:0-1000> [up|down]", "a hub while an object is up",
           "follow track objects: this hub is called whatever the object says", Gravity::kWarn, Keep::kPerName),
      Quiet("peer <SEQ:1-255> fqdn <NAME> [dynamic] [ipv6]", "a hub by name, which is looked up before every call", Keep::kPerName),
      Kept("peer <SEQ:1-255> fqdn <NAME> [dynamic] [ipv6] {track <OBJECT:0-1000> [up|down]}", "a hub by name while an object is up",
           "follow track objects: this hub is called whatever the object says", Gravity::kWarn, Keep::kPerName),
      Quiet("peer reactivate", "return to a better hub when it answers again"),
      Quiet("source <SEQ:1-255> <IF:interface>", "an interface to call from; the first that has an address", Keep::kPerName),
      Kept("source <SEQ:1-255> <IF:interface> track <OBJECT:1-1000>", "an interface to call from while an object is up",
           "follow track objects: the interface counts while it has an address", Gravity::kWarn, Keep::kPerName),
      Quiet("connect {auto|manual}", "when to call; `manual`: on 'crypto ikev2 client flexvpn connect'"),
      Kept("connect {track <OBJECT:0-1000> [up|down]}", "call while an object is up",
           "follow track objects: it calls whatever the object says"),
      Quiet("client connect <IF:interface>", "the tunnel of this block"),
      Kept("client inside <IF:interface>", "interface of the network behind us",
           "translate addresses of a network behind us", Gravity::kWarn, Keep::kEach),
      Kept("backup group {<N:1-255>|default}", "blocks of which one may be connected to a hub",
           "know backup groups: each block goes by its own list"),
  };
}

std::vector<Command> ClusterCommands() {
  return {
      Quiet("fqdn <NAME>", "name of the cluster"),
      Quiet("holdtime <MS:100-120000>", "milliseconds until a silent member is gone"),
      Quiet("master overload-limit <PERCENT:50-99>", "load from which a member gets no new clients"),
      Quiet("master weight {crypto-load|system-load} <N:0-100>", "what counts as load", Keep::kPerWord),
      Quiet("port <N:1-65535>", "TCP port of the cluster"),
      Quiet("slave hello <MS:100-30000>", "milliseconds between hellos"),
      Quiet("slave update <MS:100-60000>", "milliseconds between load reports"),
      Quiet("slave max-session <N:1-100000>", "most sessions of this member"),
      Quiet("slave priority <N:1-100>", "priority of this member"),
      Quiet("standby-group <NAME>", "HSRP group of the virtual address"),
      Quiet("shutdown", "do not take part"),
  };
}

}  // namespace

void AddIkeBlocks(Modes& modes) {
  At(modes, ModeId::kRoot)
      .Add({KeptBlock("crypto ikev2 name-mangler <NAME>", "how a name is made of an identity", "use name manglers",
                      ModeId::kNameMangler),
            KeptBlock("crypto ikev2 client flexvpn <NAME>", "a client with a list of hubs", "", ModeId::kClient, Gravity::kQuiet),
            KeptBlock("crypto ikev2 cluster", "the IKEv2 load balancer", "share load with other gateways", ModeId::kCluster)});
  At(modes, ModeId::kNameMangler).Add(MangleCommands());
  At(modes, ModeId::kClient).Add(ClientCommands());
  At(modes, ModeId::kCluster).Add(ClusterCommands());
}

}  // namespace flexvpn::config
