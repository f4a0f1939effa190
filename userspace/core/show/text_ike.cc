// SPDX-License-Identifier: Apache-2.0
// show crypto ikev2 sa [detailed], show crypto ikev2 session [detailed] in the layout of IOS XE.
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/show/text.h"

namespace flexvpn::show {
namespace {

bool IsV6(const Json& sa) { return Str(sa, "local_address").find(':') != std::string::npos; }

std::string Local(const Json& sa) { return absl::StrCat(Str(sa, "local_address"), "/", Int(sa, "local_port")); }
std::string Remote(const Json& sa) { return absl::StrCat(Str(sa, "remote_address"), "/", Int(sa, "remote_port")); }

// `text` to the left in a column: what "%-22s" does at a fraction of the price.
void Column(absl::string_view text, size_t width, std::string* out) {
  absl::StrAppend(out, text);
  if (text.size() < width) out->append(width - text.size(), ' ');
}

// The column is cut at 18 characters, as IOS does.
std::string Vrfs(const Json& sa) {
  return absl::StrCat(Str(sa, "fvrf", "none"), "/", Str(sa, "ivrf", "none")).substr(0, 18);
}

// "0x000d…" -> "000D…"
std::string BareSpi(const Json& sa, const char* key) {
  const std::string s = Str(sa, key);
  return absl::AsciiStrToUpper(s.size() > 2 ? s.substr(2) : s);
}

std::string Additional(const Json& sa) {
  std::string out;
  for (const Json& name : List(sa, "additional_key_exchanges"))
    absl::StrAppend(&out, out.empty() ? "" : ", ", name.is_string() ? name.get<std::string>() : "");
  return out;
}

std::string Head(const Json& sa) {
  std::string out;
  if (IsV6(sa)) {
    absl::StrAppend(&out, "Tunnel-id    fvrf/ivrf              Status\n");
    Column(absl::StrCat(Int(sa, "tunnel_id")), 11, &out);
    Column(Vrfs(sa), 22, &out);
    absl::StrAppend(&out, Str(sa, "status"), "\nLocal  ", Local(sa), "\nRemote  ", Remote(sa), "\n");
  } else {
    absl::StrAppend(&out, "Tunnel-id Local                 Remote                fvrf/ivrf            Status\n");
    Column(absl::StrCat(Int(sa, "tunnel_id")), 10, &out);
    Column(Local(sa), 22, &out);
    Column(Remote(sa), 22, &out);
    Column(Vrfs(sa), 21, &out);
    absl::StrAppend(&out, Str(sa, "status"), "\n");
  }
  absl::StrAppend(&out, "      Encr: ", Str(sa, "encryption"), ", keysize: ", Int(sa, "key_bits"),
                  ", PRF: ", Str(sa, "prf"), ", Hash: ", Str(sa, "integrity"), ", DH Grp:", Int(sa, "dh_group"),
                  ", Auth sign: ", Str(sa, "auth_local"), ", Auth verify: ", Str(sa, "auth_remote"), "\n");
  if (!List(sa, "additional_key_exchanges").empty())
    absl::StrAppend(&out, "      PQC Key Exchange: ", Additional(sa), "\n");
  absl::StrAppend(&out, "      Life/Active Time: ", Int(sa, "lifetime_seconds"), "/", Int(sa, "active_seconds"),
                  " sec\n");
  return out;
}

// "      Local window:      5              Remote window:      5"
std::string Pair(absl::string_view local, const std::string& a, absl::string_view remote, const std::string& b) {
  return absl::StrCat(absl::StrFormat("      %-34s", absl::StrCat(local, a)), remote, b, "\n");
}

std::string Nat(const Json& sa) {
  const bool local = Flag(sa, "nat_local"), remote = Flag(sa, "nat_remote");
  if (!local && !remote) return "NAT-T is not detected";
  return absl::StrCat("NAT-T is detected ", local ? " inside" : "", remote ? " outside" : "");
}

std::string Detail(const Json& sa) {
  auto n = [&](const char* key) { return absl::StrCat(Int(sa, key)); };
  std::string out = absl::StrCat("      CE id: 0, Session-id: ", n("session_id"), "\n");
  if (IsV6(sa)) {
    out += Pair("Local spi: ", BareSpi(sa, "local_spi"), "Remote spi: ", BareSpi(sa, "remote_spi"));
    absl::StrAppend(&out, "      Status Description: ", Str(sa, "status_description"), "\n");
  } else {
    absl::StrAppend(&out, "      Status Description: ", Str(sa, "status_description"), "\n");
    out += Pair("Local spi: ", BareSpi(sa, "local_spi"), "Remote spi: ", BareSpi(sa, "remote_spi"));
  }
  absl::StrAppend(&out, "      Local id: ", Str(sa, "local_id"), "\n      Remote id: ", Str(sa, "remote_id"), "\n");
  const std::string local = n("local_next_msg_id"), remote = n("remote_next_msg_id");
  out += Pair("Local req msg id:  ", local, "Remote req msg id:  ", remote);
  out += Pair("Local next msg id: ", local, "Remote next msg id: ", remote);
  out += Pair("Local req queued:  ", n("local_queued"), "Remote req queued:  ", n("remote_queued"));
  out += Pair("Local window:      ", n("local_window"), "Remote window:      ", n("remote_window"));
  absl::StrAppend(&out, "      DPD configured for ", n("dpd_interval_seconds"), " seconds, retry ",
                  n("dpd_retry_seconds"), "\n");
  absl::StrAppend(&out, "      Fragmentation ", Flag(sa, "fragmentation") ? "configured" : "not  configured", ".\n");
  if (!List(sa, "additional_key_exchanges").empty())
    absl::StrAppend(&out, "      Quantum-safe Encryption using PQC: ", Additional(sa), "\n");
  if (Flag(sa, "ppk")) out += "      Quantum-safe Encryption using Manual PPK\n";
  absl::StrAppend(&out, "      Dynamic Route Update: ", Flag(sa, "dynamic_route_update") ? "enabled" : "disabled",
                  "\n      Extended Authentication not configured.\n      ", Nat(sa),
                  "\n      Cisco Trust Security SGT is disabled\n      Initiator of SA : ",
                  Flag(sa, "initiator") ? "Yes" : "No", "\n");
  if (Has(sa, "pushed_address")) absl::StrAppend(&out, "      Pushed IP address: ", Str(sa, "pushed_address"), "\n");
  if (Has(sa, "assigned_address"))
    absl::StrAppend(&out, "      Assigned host addr: ", Str(sa, "assigned_address"), "\n");
  if (Has(sa, "peer_type")) absl::StrAppend(&out, "      PEER TYPE: ", Str(sa, "peer_type"), "\n");
  const Json& subnets = List(sa, "remote_subnets");
  if (!subnets.empty()) out += "      Remote subnets:\n";
  for (const Json& s : subnets) {
    const auto p = net::Prefix::Parse(s.is_string() ? s.get<std::string>() : "");
    if (!p) continue;
    if (p->family() == net::Family::kIpv4)
      absl::StrAppend(&out, "      ", p->address().ToString(), " ", p->Netmask().ToString(), "\n");
    else
      absl::StrAppend(&out, "      ", p->ToString(), "\n");
  }
  for (const Json& entry : List(sa, "configuration")) {  // routes and addresses stand above
    const std::string text = entry.is_string() ? entry.get<std::string>() : "";
    if (!absl::StrContains(text, "_SUBNET") && !absl::StartsWith(text, "INTERNAL_IP4_ADDRESS"))
      absl::StrAppend(&out, "      Received: ", text, "\n");
  }
  return out;
}

std::string Selectors(const Json& list) {
  std::string out;
  for (const Json& s : list) {
    if (!out.empty()) out += "\n                          ";
    absl::StrAppend(&out, Str(s, "first"), "/", Int(s, "first_port"), " - ", Str(s, "last"), "/", Int(s, "last_port"));
  }
  return out;
}

std::string ShortSpi(const Json& child, const char* key) {
  std::string s = Str(child, key);
  const size_t digit = s.size() > 2 ? s.find_first_not_of('0', 2) : std::string::npos;
  s = digit == std::string::npos ? "0" : s.substr(digit);
  return absl::StrCat("0x", absl::AsciiStrToUpper(s));
}

std::string Child(const Json& child, bool detailed) {
  std::string out =
      absl::StrCat("Child sa: local selector  ", Selectors(List(child, "local_selectors")),
                   "\n          remote selector ", Selectors(List(child, "remote_selectors")),
                   "\n          ESP spi in/out: ", ShortSpi(child, "spi_in"), "/", ShortSpi(child, "spi_out"), "\n");
  if (detailed) {
    absl::StrAppend(&out, "          AH spi in/out: 0x0/0x0\n          CPI in/out: 0x0/0x0\n          Encr: ",
                    Str(child, "encryption"), ", keysize: ", Int(child, "key_bits"), ", esp_hmac: ",
                    Str(child, "integrity"), "\n          ah_hmac: None, comp: IPCOMP_NONE, mode ", Str(child, "mode"),
                    "\n");
  }
  return out;
}

}  // namespace

std::string TextIkeSas(const Json& data, bool detailed) {
  const Json& sas = List(data, "ike_sas");
  std::string v4, v6;
  v4.reserve(sas.size() * 320);  // what most rows take
  for (const Json& sa : sas)
    absl::StrAppend(IsV6(sa) ? &v6 : &v4, Head(sa), detailed ? Detail(sa) : "", "\n");
  return absl::StrCat(" IPv4 Crypto IKEv2  SA\n\n", v4, " IPv6 Crypto IKEv2  SA\n\n", v6);
}

std::string TextIkeSessions(const Json& data, bool detailed) {
  std::string out;
  for (const bool v6 : {false, true}) {
    absl::StrAppend(&out, v6 ? " IPv6" : " IPv4", " Crypto IKEv2 Session\n\n");
    for (const Json& s : List(data, "sessions")) {
      const auto it = s.is_object() ? s.find("ike_sa") : s.end();
      if (!s.is_object() || it == s.end() || IsV6(*it) != v6) continue;
      const Json& children = List(s, "children");
      absl::StrAppend(&out, "Session-id:", Int(s, "session_id"), ", Status:", Str(s, "status"),
                      ", IKE count:1, CHILD count:", children.size(), "\n\n", Head(*it), detailed ? Detail(*it) : "");
      for (const Json& c : children) out += Child(c, detailed);
      out += "\n";
    }
  }
  return out;
}

}  // namespace flexvpn::show
