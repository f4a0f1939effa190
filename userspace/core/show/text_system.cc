// SPDX-License-Identifier: Apache-2.0
// show interfaces, show derived-config interface, show logging, show tech-support, show dataplane reconcile.
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/show/text.h"

namespace flexvpn::show {
namespace {

std::string LineState(const Json& r) {
  if (Flag(r, "administratively_down")) return "administratively down, line protocol is down";
  return Flag(r, "up") ? "up, line protocol is up" : "down, line protocol is down";
}

std::string AddressLine(const Json& r) {
  if (!Has(r, "address")) return "";
  if (Has(r, "address_owner"))
    return absl::StrCat("  Interface is unnumbered. Using address of ", Str(r, "address_owner"), " (",
                        Str(r, "address"), ")\n");
  return absl::StrCat("  Internet address is ", Str(r, "address"), "/", Int(r, "prefix_length"), "\n");
}

}  // namespace

std::string TextInterface(const Json& data) {
  const Json& r = Member(data, "interface_state");
  std::string out = absl::StrCat(Str(r, "name"), " is ", LineState(r), "\n  Hardware is ",
                                 Has(r, "cloned_from") ? "Virtual Access interface" : "Tunnel", "\n");
  if (Has(r, "description")) absl::StrAppend(&out, "  Description: ", Str(r, "description"), "\n");
  absl::StrAppend(&out, AddressLine(r), "  MTU ", Uint(r, "ip_mtu"), " bytes\n  Encapsulation TUNNEL\n");
  if (Has(r, "cloned_from")) absl::StrAppend(&out, "  Tunnel vaccess, cloned from ", Str(r, "cloned_from"), "\n");
  absl::StrAppend(&out, "  Tunnel linestate evaluation ", Flag(r, "up") ? "up" : "down", "\n  Tunnel source ",
                  Str(r, "source", "UNKNOWN"), ", destination ", Str(r, "destination", "UNKNOWN"),
                  "\n  Tunnel protocol/transport GRE/", Str(r, "underlay") == "ipv6" ? "IPv6" : "IP", "\n    Key ",
                  Has(r, "gre_key") ? absl::StrCat(Uint(r, "gre_key")) : "disabled",
                  ", sequencing disabled\n    Checksumming of packets disabled\n");
  if (Has(r, "ipsec_profile"))
    absl::StrAppend(&out, "  Tunnel protection via IPSec (profile \"", Str(r, "ipsec_profile"), "\")\n");
  if (Has(r, "remote_id"))
    absl::StrAppend(&out, "  Peer ", Str(r, "remote_id"), ", up for ", FormatAge(seconds(Int(r, "up_seconds"))), "\n");
  absl::StrAppend(&out, "  Carried by Linux device ", Str(r, "device", "none"), "\n     ", Uint(r, "packets_in"),
                  " packets input, ", Uint(r, "bytes_in"), " bytes\n     ", Uint(r, "packets_out"), " packets output, ",
                  Uint(r, "bytes_out"), " bytes\n");
  return out;
}

std::string TextDerivedConfig(const Json& data) {
  const std::string config = Str(data, "config");
  return absl::StrCat("Building configuration...\n\nDerived configuration : ", config.size(), " bytes\n!\n", config,
                      "end\n");
}

std::string TextReconcile(const Json& data) {
  Table t({"Object", "Wanted", "Present", "Missing", "Orphans"});
  for (const Json& k : List(data, "objects")) {
    const uint64_t wanted = Uint(k, "wanted"), present = Uint(k, "present");
    t.Row({Str(k, "kind"), absl::StrCat(wanted), absl::StrCat(present),
           absl::StrCat(wanted < present ? 0 : wanted - present), absl::StrCat(Uint(k, "orphans"))});
  }
  std::string out = absl::StrCat(t.Text(), "\nChanges: ", Uint(data, "changes_applied"), " applied, ",
                                 Uint(data, "changes_refused"), " refused, ", Uint(data, "changes_under_way"),
                                 " under way\nLingering: ", Uint(data, "lingering"), "\nOrphans of an earlier run: ",
                                 Has(data, "orphans_removed_in_seconds")
                                     ? absl::StrCat("removed in ", Int(data, "orphans_removed_in_seconds"), " s")
                                     : "none wait",
                                 "\nLast refusal: ");
  if (!Has(data, "last_refusal")) return out + "none\n";
  absl::StrAppend(&out, Str(data, "last_refusal"), " (",
                  FormatAge(seconds(Int(data, "last_refusal_age_seconds"))), " ago)\n");
  return out;
}

std::string TextLogging(const Json& data) {
  const Json& log = List(data, "log");
  std::string out = absl::StrCat("Syslog logging: enabled\n    Buffer logging: level informational, ", log.size(),
                                 " messages, ", Uint(data, "dropped"), " older ones overwritten\n\nLog Buffer (",
                                 Uint(data, "capacity"), " messages):\n\n");
  for (const Json& r : log)
    absl::StrAppend(&out, FormatTime(r), ": ", absl::AsciiStrToUpper(Str(r, "level")), ": ", Str(r, "text"), "\n");
  return out;
}

std::string TextDebugging(const Json& data) {
  std::string out;
  for (const Json& s : List(data, "sessions")) {
    absl::StrAppend(&out, "Session ", Uint(s, "session"), Flag(s, "own") ? " (this one):\n" : ":\n");
    for (const Json& kind : List(s, "debugging"))
      if (kind.is_string()) absl::StrAppend(&out, "  ", kind.get<std::string>(), " debugging is on\n");
    for (const auto& [key, title] : {std::pair("peers", "peer"), std::pair("profiles", "ikev2 profile")})
      for (const Json& c : List(s, key))
        if (c.is_string()) absl::StrAppend(&out, "  condition: ", title, " ", c.get<std::string>(), "\n");
    if (Flag(s, "unmatched")) out += "  condition: unmatched\n";
  }
  return out.empty() ? "No debugging is on\n" : out;
}

std::string TextTechSupport(const Json& data) {
  std::string out;
  for (const Json& s : List(data, "sections")) {
    const std::string rule(18, '-');
    absl::StrAppend(&out, "\n", rule, " ", Str(s, "command"), " ", rule, "\n\n",
                    StrView(s, "text"));
  }
  return out;
}

}  // namespace flexvpn::show
