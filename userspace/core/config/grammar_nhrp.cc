// SPDX-License-Identifier: Apache-2.0
// ip|ipv6 nhrp …: what DMVPN and its refinements say; kept.  What FlexVPN needs is in grammar_interface.cc.
#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"

namespace flexvpn::config {

void AddNhrpCommands(Mode& interface) {
  constexpr Gravity kWarn = Gravity::kWarn;
  const std::string registers = "register at NHRP servers (DMVPN)", refines = "use this NHRP setting";
  std::vector<Command> list;
  for (const std::string f : {"ip", "ipv6"}) {
    auto add = [&](absl::string_view pattern, std::string help, const std::string& effect, Keep keep = Keep::kOnce) {
      list.push_back(Kept(absl::StrCat(f, " nhrp ", pattern), std::move(help), effect, kWarn, keep));
    };
    add("map multicast {dynamic|<NBMA:address>}", "where multicast goes", "copy multicast to NHRP peers", Keep::kEach);
    add("map <A:address> [<M:mask>] <NBMA:address> [preference <N:1-255>]", "a static NHRP mapping", registers, Keep::kEach);
    add("map <P:prefix> <NBMA:address> [preference <N:1-255>]", "a static NHRP mapping", registers, Keep::kEach);
    add("nhs <A:address> [nbma {<NBMA:address>|<NAME>} [multicast]] [priority <N:0-255>] [cluster <C:0-10>]",
        "an NHRP server to register at", registers, Keep::kPerName);
    add("registration {no-unique|timeout <S:1-65535>|delay <D:0-10>|req-def-map}", "how to register", registers,
        Keep::kPerWord);
    add("max-send <N:1-65535> every <S:10-65535>", "most NHRP packets a time", refines);
    add("interest {none|<N:1-199>}", "packets that ask for a mapping", refines);
    add("server-only [non-caching]", "answer, but never ask", refines);
    add("record", "record routes of NHRP packets", refines);
    add("send-routed", "ask along the routed path", refines);
    add("responder <IF:interface>", "address of the answering router", refines);
    add("use <N:1-65535>", "packets before asking", refines);
    add("trigger-svc <K:1-10000> <T:1-10000>", "rate that makes a connection", refines);
    add("cache {non-authoritative|bgp-sync}", "what the cache holds", refines, Keep::kPerWord);
    add("path preference <N:1-255>", "preference of this path", refines);
    add("attribute {set <TYPE> <VALUE>|group <NAME>}", "attributes in NHRP packets", refines, Keep::kPerWord);
    add("group <NAME>", "group to register with (old spelling)", refines);
    add("reject reqid <N:0-4294967295> [<S:1-65535>]", "refuse a request", refines, Keep::kEach);
    add("connect <N:1-4294967295>", "connect to a peer", refines);
    add("multicast batch-size <N:1-1000> batch-interval <MS:1-10000>", "how multicast is copied", refines);
    add("event-publisher [<REST:line>]", "publish NHRP events", refines);
  }
  for (const char* in_use : {"ipv6 nhrp network-id <N:1-4294967295>", "ipv6 nhrp holdtime <S:1-65535>",
                             "ipv6 nhrp redirect [timeout <S:2-30>]", "ipv6 nhrp shortcut [virtual-template <N:1-4095>]",
                             "ipv6 nhrp authentication <STRING:secret>"})
    list.push_back(Kept(in_use, "NHRP for IPv6 inside the tunnel", "set NHRP of IPv6 apart: 'ip nhrp' is for both families"));
  interface.Add(std::move(list));
}

}  // namespace flexvpn::config
