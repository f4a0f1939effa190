// SPDX-License-Identifier: Apache-2.0
// show ip nhrp [brief|detail|shortcut], show ip route flexvpn, and the same for IPv6.
#include "absl/strings/str_cat.h"
#include "core/show/text.h"

namespace flexvpn::show {
namespace {

std::string Age(const Json& row, const char* key) { return FormatAge(seconds(Int(row, key))); }

// Flags as IOS prints them; no-socket has a line of its own.
std::string Flags(const Json& row) {
  std::string out;
  for (const Json& f : List(row, "flags")) {
    if (!f.is_string() || f.get<std::string>() == "no-socket") continue;
    absl::StrAppend(&out, out.empty() ? "" : " ", f.get<std::string>());
  }
  return out;
}

bool HasFlag(const Json& row, absl::string_view flag) {
  for (const Json& f : List(row, "flags"))
    if (f.is_string() && f.get<std::string>() == flag) return true;
  return false;
}

std::string Entries(const Json& data, bool detail) {
  std::string out;
  for (const Json& r : List(data, "nhrp")) {
    absl::StrAppend(&out, Str(r, "prefix"), " via ", Str(r, "next_hop", "none"), "\n   ", Str(r, "interface", "none"),
                    " created ", Age(r, "created_seconds"),
                    Has(r, "expires_seconds") ? absl::StrCat(", expire ", Age(r, "expires_seconds")) : ", never expire",
                    "\n");
    const std::string flags = Flags(r);
    absl::StrAppend(&out, "   Type: ", Str(r, "type"), ", Flags:", flags.empty() ? "" : " ", flags, "\n");
    if (Has(r, "nbma_address")) absl::StrAppend(&out, "   NBMA address: ", Str(r, "nbma_address"), "\n");
    if (Has(r, "claimed_nbma_address"))
      absl::StrAppend(&out, "    (Claimed NBMA address: ", Str(r, "claimed_nbma_address"), ")\n");
    if (detail) out += "   Preference: 255\n";
    if (HasFlag(r, "no-socket")) out += "    (no-socket)\n";
    if (!detail) continue;
    for (const Json& requester : List(r, "requesters"))
      if (requester.is_string()) absl::StrAppend(&out, "  Requester: ", requester.get<std::string>(), "\n");
  }
  return out;
}

std::string Servers(const Json& data, bool detail) {
  std::string out = "Legend: R=Responding, W=Waiting\n";
  for (const Json& r : List(data, "nhs")) {
    const bool responding = Str(r, "status") == "responding";
    absl::StrAppend(&out, Str(r, "interface"), ":\n", Str(r, "address", "unknown"), responding ? "   R" : "   W",
                    "  NBMA Address: ", Str(r, "nbma_address", "unknown"), "\n");
    if (!detail) continue;
    absl::StrAppend(&out, " Network-id: ", Uint(r, "network_id"), "\n");
    if (Has(r, "remote_id")) absl::StrAppend(&out, " Identity: ", Str(r, "remote_id"), "\n");
    if (responding) absl::StrAppend(&out, " Up for: ", Age(r, "up_seconds"), "\n");
  }
  return out;
}

}  // namespace

std::string TextNhs(const Json& data) { return Servers(data, false); }
std::string TextNhsDetail(const Json& data) { return Servers(data, true); }

std::string TextNhrpMulticast(const Json& data) {
  std::string out = "  I/F     NBMA address\n";
  bool any = false;
  for (const Json& r : List(data, "nhrp_multicast")) {
    any = any || Has(r, "nbma_address");
    absl::StrAppend(&out, Str(r, "interface"), "    ", Str(r, "nbma_address", "none"), "\n");
  }
  if (!any) out += "Multicast does not enter tunnels: 'show dataplane drops' counts it as tx-no-route\n";
  return out;
}

std::string TextNhrp(const Json& data) { return Entries(data, false); }
std::string TextNhrpDetail(const Json& data) { return Entries(data, true); }

std::string TextNhrpBrief(const Json& data) {
  Table t({"Target", "Via", "NBMA", "Mode", "Intf", "Claimed"});
  for (const Json& r : List(data, "nhrp"))
    t.Row({Str(r, "prefix"), Str(r, "next_hop", "-"), Str(r, "nbma_address", "-"), Str(r, "type"),
           Str(r, "interface", "-"), absl::StrCat("< ", Str(r, "claimed_nbma_address"), " >")});
  return t.Text();
}

std::string TextNhrpShortcuts(const Json& data) {
  Table t({"Network", "NextHop", "NBMA address", "Interface", "Created", "Expires", "Flags"});
  for (const Json& r : List(data, "shortcuts"))
    t.Row({Str(r, "prefix"), Str(r, "next_hop"), Str(r, "nbma_address", "-"), Str(r, "interface", "-"),
           Age(r, "created_seconds"), Has(r, "expires_seconds") ? Age(r, "expires_seconds") : "never", Flags(r)});
  return t.Text();
}

std::string TextRoutes(const Json& data) {
  std::string out =
      "Codes: C - connected, L - local, P - pool, S - IKEv2, H - NHRP\n"
      "       % - next hop override, ! - wanted but not in the kernel\n\n";
  for (const Json& r : List(data, "routes")) {
    const std::string code = Str(r, "code", "?");
    absl::StrAppend(&out, code.substr(0, 1), "   ", Flag(r, "next_hop_override") ? "%" : Flag(r, "installed") ? " " : "!",
                    "    ", Str(r, "prefix"));
    const std::string interface = Str(r, "interface", "none");
    const bool aged = code == "H";
    if (!Has(r, "next_hop")) {
      absl::StrAppend(&out, " is directly connected, ", aged ? Age(r, "age_seconds") + ", " : "", interface);
    } else {
      absl::StrAppend(&out, " [", Uint(r, "distance"), "/", Uint(r, "metric"), "] via ", Str(r, "next_hop"), ", ",
                      Age(r, "age_seconds"), ", ", interface);
    }
    absl::StrAppend(&out, Flag(r, "shortcut") ? " [Shortcut]" : "",
                    Uint(r, "tag") != 0 ? absl::StrCat(", tag ", Uint(r, "tag")) : "", "\n");
  }
  return out;
}

}  // namespace flexvpn::show
