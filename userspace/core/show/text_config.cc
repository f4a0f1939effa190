// SPDX-License-Identifier: Apache-2.0
// show crypto ikev2 proposal, policy, profile, authorization policy, show crypto ipsec transform-set, profile in the
// layout of IOS XE; show ip local pool.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/show/text.h"

namespace flexvpn::show {
namespace {

// "none" for an empty list.
std::string OrNone(const Json& list, absl::string_view separator = " ") {
  const std::string s = Join(list, separator);
  return s.empty() ? "none" : s;
}

std::string LocalEnds(const Json& profile) {
  Json all = List(profile, "match_local_addresses");
  for (const Json& i : List(profile, "match_local_interfaces")) all.push_back(i);
  return OrNone(all);
}

// " Identities:" and one line each, or "none" behind it.
std::string Block(absl::string_view label, const Json& list, absl::string_view indent) {
  if (Join(list, "").empty()) return absl::StrCat(label, ": none\n");
  std::string out = absl::StrCat(label, ": \n");
  for (const Json& v : list)
    if (v.is_string()) absl::StrAppend(&out, indent, v.get<std::string>(), "\n");
  return out;
}

std::string OnOff(const Json& row, const char* key, absl::string_view unit) {
  return Has(row, key) ? absl::StrCat(Int(row, key), unit) : "disabled";
}

// Suites with AEAD have no integrity of their own.
std::string Ciphers(const Json& list) {
  std::string out;
  for (const Json& c : list) {
    absl::StrAppend(&out, out.empty() ? "" : " ", Str(c, "encryption"));
    if (Uint(c, "key_bits") != 0) absl::StrAppend(&out, "-", Uint(c, "key_bits"));
  }
  return out.empty() ? "none" : out;
}

std::string Groups(const Json& list) {
  std::string out;
  for (const Json& g : list)
    if (g.is_number_unsigned() && g.get<uint64_t>() <= 0xffff)
      absl::StrAppend(&out, out.empty() ? "" : " ", DhGroupName(g.get<uint16_t>()));
  return out.empty() ? "none" : out;
}

// IOS marks a default by its name alone; that it was changed is said here.
std::string Name(const Json& row) {
  return absl::StrCat(Str(row, "name"), Str(row, "smart_default") == "modified" ? " (modified)" : "");
}

std::string Transform(const Json& row) {
  return absl::StrCat("{ ", Str(row, "transform"), Flag(row, "esn") ? " esn" : "", "  }");
}

std::string Dpd(const Json& r) {
  if (!Has(r, "dpd_interval_seconds")) return "disabled";
  return absl::StrCat("configured for ", Int(r, "dpd_interval_seconds"), " seconds, retry ",
                      Int(r, "dpd_retry_seconds"), Flag(r, "dpd_on_demand") ? ", on-demand" : ", periodic");
}

std::string GroupAuthorization(const Json& r) {
  std::string out;
  for (const Json& use : List(r, "authorizations"))
    if (use.is_string()) absl::StrAppend(&out, out.empty() ? "" : "; ", use.get<std::string>());
  return out.empty() ? "none" : out;
}

}  // namespace

std::string TextProposals(const Json& data) {
  std::string out;
  for (const Json& r : List(data, "ike_proposals")) {
    absl::StrAppend(&out, " IKEv2 proposal: ", Name(r), "\n     Encryption : ",
                    Ciphers(List(r, "encryption_algorithms")), "\n     Integrity  : ",
                    OrNone(List(r, "integrity_algorithms")), "\n     PRF        : ", OrNone(List(r, "prf_algorithms")),
                    "\n     DH Group   : ", Groups(List(r, "dh_groups")), "\n");
    for (const Json& line : List(r, "additional_key_exchanges"))
      if (line.is_string()) absl::StrAppend(&out, "     ", line.get<std::string>(), "\n");
  }
  return out;
}

std::string TextPolicies(const Json& data) {
  std::string out;
  for (const Json& r : List(data, "ike_policies")) {
    const std::string fvrf = Str(r, "match_fvrf");
    absl::StrAppend(&out, " IKEv2 policy : ", Name(r), "\n      Match fvrf ", fvrf == "any" ? "" : " ", ": ", fvrf,
                    "\n");
    const Json& local = List(r, "match_local_addresses");
    if (local.empty()) out += "      Match address local : any\n";
    for (const Json& a : local)
      if (a.is_string()) absl::StrAppend(&out, "      Match address local : ", a.get<std::string>(), "\n");
    for (const Json& p : List(r, "proposals"))
      if (p.is_string()) absl::StrAppend(&out, "      Proposal    : ", p.get<std::string>(), "\n");
  }
  return out;
}

std::string TextProfiles(const Json& data) {
  std::string out;
  for (const Json& r : List(data, "ike_profiles")) {
    if (!out.empty()) out += "\n";
    absl::StrAppend(&out, "IKEv2 profile: ", Str(r, "name"), "\n Shutdown : ", Flag(r, "shutdown") ? "Yes" : "No",
                    "\n");
    if (Has(r, "inoperative")) absl::StrAppend(&out, " Not used : ", Str(r, "inoperative"), "\n");
    absl::StrAppend(&out, " Ref Count: ", Uint(r, "references"), "\n Match criteria: \n  Fvrf: ", Str(r, "match_fvrf"),
                    "\n  Local address/interface: ", LocalEnds(r), "\n",
                    Block("  Identities", List(r, "match_identities"), "   "),
                    Block("  Certificate maps", List(r, "match_certificate_maps"), "   "));
    absl::StrAppend(&out, " Local identity: ", Str(r, "local_identity", "none"), "\n Remote identity: none",
                    "\n Local authentication method: ", OrNone(List(r, "local_authentication")),
                    "\n Remote authentication method(s): ", OrNone(List(r, "remote_authentication")),
                    "\n EAP options: none\n Keyring: ", Str(r, "keyring", "none"), "\n",
                    Block(" Trustpoint(s)", List(r, "trustpoints"), "  "), " Lifetime: ", Int(r, "lifetime_seconds"),
                    " seconds\n DPD: ", Dpd(r), "\n NAT-keepalive: ", OnOff(r, "nat_keepalive_seconds", " seconds"),
                    "\n Ivrf: none\n Virtual-template: ",
                    Has(r, "virtual_template") ? absl::StrCat(Uint(r, "virtual_template")) : "none",
                    "\n mode auto: ", Flag(r, "mode_auto") ? "enabled" : "none",
                    "\n AAA AnyConnect EAP authentication mlist: none\n AAA EAP authentication mlist: none"
                    "\n AAA authentication mlist: none\n AAA Accounting: none\n AAA group authorization: ",
                    GroupAuthorization(r), "\n AAA user authorization: none\n");
  }
  return out;
}

std::string TextAuthorizationPolicies(const Json& data) {
  std::string out;
  for (const Json& r : List(data, "authorization_policies")) {
    absl::StrAppend(&out, " IKEv2 Authorization Policy : ", Name(r), "\n");
    const auto line = [&](absl::string_view label, const std::string& value) {
      if (!value.empty()) absl::StrAppend(&out, absl::StrFormat("     %-12s : %s\n", label, value));
    };
    line("Pool", Str(r, "pool"));
    line("IPv6 pool", Str(r, "ipv6_pool"));
    line("Netmask", Str(r, "netmask"));
    line("DNS", Join(List(r, "dns_servers"), " "));
    line("WINS", Join(List(r, "wins_servers"), " "));
    line("Split-DNS", Join(List(r, "split_dns"), " "));
    line("Def-domain", Str(r, "default_domain"));
    line("Banner", Str(r, "banner"));
    for (const Json& s : List(r, "route_set")) line("Route set", s.is_string() ? s.get<std::string>() : "");
    line("Route accept", Flag(r, "route_accept_any") ? absl::StrCat("any, tag ", Uint(r, "route_tag"), ", distance ",
                                                                    Uint(r, "route_distance"))
                                                     : "none");
    if (Has(r, "session_lifetime_seconds"))
      line("Lifetime", absl::StrCat(Int(r, "session_lifetime_seconds"), " seconds"));
  }
  return out;
}

std::string TextTransformSets(const Json& data) {
  std::string out;
  for (const Json& r : List(data, "transform_sets")) {
    absl::StrAppend(&out, "Transform set ", Name(r), ": ", Transform(r), " \n   will negotiate = { ",
                    Str(r, "mode") == "transport" ? "Transport" : "Tunnel", ",  }, \n\n");
  }
  return out;
}

std::string TextIpsecProfiles(const Json& data) {
  std::string out;
  for (const Json& r : List(data, "ipsec_profiles")) {
    absl::StrAppend(&out, "IPSEC profile ", Name(r), "\n");
    if (Has(r, "description")) absl::StrAppend(&out, "Description: ", Str(r, "description"), "\n");
    if (Has(r, "ike_profile")) absl::StrAppend(&out, "IKEv2 Profile: ", Str(r, "ike_profile"), "\n");
    absl::StrAppend(&out, "Security association lifetime: ",
                    Has(r, "lifetime_kilobytes") ? absl::StrCat(Uint(r, "lifetime_kilobytes"), " kilobytes/") : "",
                    Int(r, "lifetime_seconds"), " seconds\nDualstack (Y/N): N\nResponder-Only (Y/N): N\nPFS (Y/N): ",
                    Has(r, "pfs_group") ? "Y" : "N", "\n");
    if (Has(r, "pfs_group")) absl::StrAppend(&out, "DH group: group", Uint(r, "pfs_group"), "\n");
    out += "Mixed-mode : Disabled\n";
    if (Str(r, "offload_wanted") != "off") absl::StrAppend(&out, "Offload: ", Str(r, "offload_wanted"), "\n");
    out += "Transform sets={ \n";
    for (const Json& t : List(r, "transform_sets"))
      absl::StrAppend(&out, Str(t, "name"), ":  ", Transform(t), " , \n");
    for (const Json& t : List(r, "missing_transform_sets"))
      if (t.is_string()) absl::StrAppend(&out, t.get<std::string>(), ":  not configured , \n");
    out += "}\n";
  }
  return out;
}

std::string TextFlexClients(const Json& data) {
  std::string out;
  const auto lines = [&](const Json& r, const char* key, const char* title) {
    for (const Json& v : List(r, key))
      if (v.is_string()) absl::StrAppend(&out, "  ", title, " : ", v.get<std::string>(), "\n");
  };
  for (const Json& r : List(data, "flex_clients")) {
    absl::StrAppend(&out, "\n  Profile : ", Str(r, "name"), "\n  Current state:", Str(r, "state"), "\n  Peer : ",
                    Str(r, "peer", "None"), "\n  Source : ", Str(r, "source", "None"), "\n");
    absl::StrAppend(&out, "  ivrf : IP DEFAULT\n  fvrf : IP DEFAULT\n  Backup group: ", Str(r, "backup_group", "None"),
                    "\n  Tunnel interface : ", Str(r, "tunnel", "None"), "\n  Connect : ", Str(r, "connect"), "\n");
    lines(r, "peers", "Configured peer");
    lines(r, "sources", "Configured source");
    if (Has(r, "why")) absl::StrAppend(&out, "  Down because : ", Str(r, "why"), "\n");
  }
  return out;
}

std::string TextPools(const Json& data) {
  std::string out = absl::StrFormat(" %-24s %-15s %-15s %8s %8s\n", "Pool", "Begin", "End", "Free", "In use");
  for (const Json& r : List(data, "pools"))
    absl::StrAppendFormat(&out, " %-24s %-15s %-15s %8d %8d\n", Str(r, "name"), Str(r, "first"), Str(r, "last"),
                          Uint(r, "free"), Uint(r, "in_use"));
  return out;
}

std::string TextIpv6Pools(const Json& data) {
  constexpr uint64_t kManyFree = 1000000000;
  std::string out = absl::StrFormat(" %-24s %-39s %5s %10s %8s\n", "Pool", "Begin", "Each", "Free", "In use");
  for (const Json& r : List(data, "pools"))
    absl::StrAppendFormat(&out, " %-24s %-39s %5s %10s %8d\n", Str(r, "name"), Str(r, "first"),
                          absl::StrCat("/", Uint(r, "prefix_length")),
                          Uint(r, "free") < kManyFree ? absl::StrCat(Uint(r, "free")) : "> 10^9", Uint(r, "in_use"));
  return out;
}

}  // namespace flexvpn::show
