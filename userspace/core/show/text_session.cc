// SPDX-License-Identifier: Apache-2.0
// show crypto session [brief|detail] in the layout of IOS XE.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/show/text.h"

namespace flexvpn::show {
namespace {

std::string End(const Json& sa, const char* address, const char* port) {
  return absl::StrCat(Str(sa, address, "none"), "/", Int(sa, port));
}

std::string State(const Json& session) {
  return absl::StartsWith(Str(session, "status"), "UP") ? "Active" : "Negotiating";
}

// Letters of the legend; "(none)".
std::string Capabilities(const Json& sa) {
  std::string out;
  if (Int(sa, "dpd_interval_seconds") != 0) out += "D";
  if (Flag(sa, "nat_local") || Flag(sa, "nat_remote")) out += "N";
  if (Flag(sa, "fragmentation")) out += "F";
  if (Flag(sa, "dynamic_route_update")) out += "U";
  if (Flag(sa, "ppk") || !List(sa, "additional_key_exchanges").empty()) out += "Q";
  return out.empty() ? "(none)" : out;
}

std::string Ident(const Json& flow, const char* key) {
  const auto p = net::Prefix::Parse(Str(flow, key));
  if (!p) return "any";
  if (p->is_host()) return absl::StrCat("host ", p->address().ToString());
  if (p->family() == net::Family::kIpv4) return absl::StrCat(p->address().ToString(), "/", p->Netmask().ToString());
  return p->ToString();
}

std::string Life(const Json& flow) {
  return absl::StrCat("life (KB/Sec) ",
                      Has(flow, "remaining_kilobytes") ? absl::StrCat(Uint(flow, "remaining_kilobytes"))
                                                       : "KB Vol Rekey Disabled",
                      "/", Int(flow, "remaining_seconds"));
}

// Child SAs that carry the same traffic (before and after a rekey) are one flow.
std::string Flows(const Json& session, bool detail) {
  std::vector<std::string> idents;
  std::string out;
  const auto ident = [](const Json& f) {
    return absl::StrCat(Int(f, "protocol"), " ", Ident(f, "local_ident"), " ", Ident(f, "remote_ident"));
  };
  for (const Json& f : List(session, "flows")) {
    const std::string key = ident(f);
    if (std::find(idents.begin(), idents.end(), key) != idents.end()) continue;
    idents.push_back(key);
    uint64_t sas = 0, in = 0, out_packets = 0, in_drops = 0, out_drops = 0;
    for (const Json& other : List(session, "flows")) {
      if (ident(other) != key) continue;
      sas += 2;
      in += Uint(other, "packets_in"), out_packets += Uint(other, "packets_out");
      in_drops += Uint(other, "receive_errors"), out_drops += Uint(other, "send_errors");
    }
    absl::StrAppend(&out, "  IPSEC FLOW: permit ", key, "\n        Active SAs: ", sas,
                    ", origin: crypto map\n");
    if (!detail) continue;
    absl::StrAppend(&out, "        Inbound:  #pkts dec'ed ", in, " drop ", in_drops, " ", Life(f),
                    "\n        Outbound: #pkts enc'ed ", out_packets, " drop ", out_drops, " ", Life(f), "\n");
  }
  return out;
}

std::string OneSession(const Json& session, bool detail) {
  const Json& sa = Member(session, "ike_sa");
  std::string out = absl::StrCat("Interface: ", Str(sa, "interface", "none"), "\n");
  if (Has(sa, "profile")) absl::StrAppend(&out, "Profile: ", Str(sa, "profile"), "\n");
  if (detail) absl::StrAppend(&out, "Uptime: ", FormatAge(seconds(Int(sa, "active_seconds"))), "\n");
  absl::StrAppend(&out, "Session status: ", Str(session, "status"), "\nPeer: ", Str(sa, "remote_address", "none"),
                  " port ", Int(sa, "remote_port"));
  if (detail)
    absl::StrAppend(&out, " fvrf: ", Str(sa, "fvrf", "(none)"), " ivrf: ", Str(sa, "ivrf", "(none)"),
                    "\n      Phase1_id: ", Str(sa, "remote_id"), "\n      Desc: (none)");
  absl::StrAppend(&out, "\n  Session ID: ", Int(sa, "session_id"), "\n  IKEv2 SA: local ",
                  End(sa, "local_address", "local_port"), " remote ", End(sa, "remote_address", "remote_port"), " ",
                  State(session), "\n");
  if (detail)
    absl::StrAppend(&out, "          Capabilities:", Capabilities(sa), " connid:", Int(sa, "tunnel_id"), " lifetime:",
                    FormatAge(seconds(Int(sa, "lifetime_seconds") - Int(sa, "active_seconds"))), "\n");
  return out + Flows(session, detail) + "\n";
}

}  // namespace

std::string TextCryptoSessions(const Json& data) {
  std::string out = "Crypto session current status\n\n";
  for (const Json& s : List(data, "crypto_sessions")) out += OneSession(s, false);
  return out;
}

std::string TextCryptoSessionsDetail(const Json& data) {
  std::string out =
      "Crypto session current status\n\n"
      "Code: C - IKE Configuration mode, D - Dead Peer Detection\n"
      "K - Keepalives, N - NAT-traversal, T - cTCP encapsulation\n"
      "X - IKE Extended Authentication, F - IKE Fragmentation\n"
      "R - IKE Auto Reconnect, U - IKE Dynamic Route Update\n"
      "S - SIP VPN, E - Stronger IKE Encryption Enforced\n"
      "Q - Quantum-safe Encryption\n\n";
  for (const Json& s : List(data, "crypto_sessions")) out += OneSession(s, true);
  return out;
}

std::string TextCryptoSessionsBrief(const Json& data) {
  std::string out =
      "Status: A- Active, U - Up, D - Down, I - Idle, S - Standby, N - Negotiating\n"
      "        K - No IKE\n"
      "ivrf = (none)\n";
  Table t({"Peer", "I/F", "Username", "Group/Phase1_id", "Uptime", "Status"});
  for (const Json& s : List(data, "crypto_sessions")) {
    const Json& sa = Member(s, "ike_sa");
    const std::string status = Str(s, "status");
    t.Row({Str(sa, "remote_address", "none"), Str(sa, "interface", "-"), "", Str(sa, "remote_id"),
           FormatAge(seconds(Int(sa, "active_seconds"))),
           status == "UP-ACTIVE" ? "UA" : status == "UP-IDLE" ? "UI" : "DN"});
  }
  return out + t.Text();
}

}  // namespace flexvpn::show
