// SPDX-License-Identifier: Apache-2.0
// show crypto ikev2 sa [detailed], show crypto ikev2 session [detailed] in the layout of IOS XE.
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/show/json.h"
#include "core/show/text.h"

namespace flexvpn::show {
namespace {

bool IsV6(const IkeSaRow& sa) { return sa.local.address.family() == net::Family::kIpv6; }

std::string Ends(const net::Endpoint& e) { return absl::StrCat(e.address.ToString(), "/", e.port); }

// `text` to the left in a column: what "%-22s" does at a fraction of the price.
void Column(absl::string_view text, size_t width, std::string* out) {
  absl::StrAppend(out, text);
  if (text.size() < width) out->append(width - text.size(), ' ');
}

// The column is cut at 18 characters, as IOS does.
std::string Vrfs(const IkeSaRow& sa) {
  const auto name = [](const std::string& vrf) { return vrf.empty() ? "none" : Printable(vrf); };
  return absl::StrCat(name(sa.fvrf), "/", name(sa.ivrf)).substr(0, 18);
}

const char* YesNo(bool yes) { return yes ? "Yes" : "No"; }

void Head(const IkeSaRow& sa, std::string* out) {
  if (IsV6(sa)) {
    absl::StrAppend(out, "Tunnel-id    fvrf/ivrf              Status\n");
    Column(absl::StrCat(sa.tunnel_id), 11, out);
    Column(Vrfs(sa), 22, out);
    absl::StrAppend(out, sa.status, "\nLocal  ", Ends(sa.local), "\nRemote  ", Ends(sa.remote), "\n");
  } else {
    absl::StrAppend(out, "Tunnel-id Local                 Remote                fvrf/ivrf            Status\n");
    Column(absl::StrCat(sa.tunnel_id), 10, out);
    Column(Ends(sa.local), 22, out);
    Column(Ends(sa.remote), 22, out);
    Column(Vrfs(sa), 21, out);
    absl::StrAppend(out, sa.status, "\n");
  }
  absl::StrAppend(out, "      Encr: ", EncrName(sa.encr), ", keysize: ", sa.key_bits, ", PRF: ", PrfName(sa.prf),
                  ", Hash: ", IntegName(sa.integ), ", DH Grp:", sa.group, ", Auth sign: ", sa.auth_local,
                  ", Auth verify: ", sa.auth_remote, "\n");
  if (!sa.additional.empty()) absl::StrAppend(out, "      PQC Key Exchange: ", absl::StrJoin(sa.additional, ", "), "\n");
  absl::StrAppend(out, "      Life/Active Time: ", sa.lifetime.count(), "/", sa.active.count(), " sec\n");
}

// "      Local window:      5              Remote window:      5"
template <class T>
void Pair(absl::string_view local, const T& a, absl::string_view remote, const T& b, std::string* out) {
  absl::StrAppend(out, "      ");
  Column(absl::StrCat(local, a), 34, out);
  absl::StrAppend(out, remote, b, "\n");
}

void Spis(const IkeSaRow& sa, std::string* out) {
  const auto spi = [](uint64_t v) { return absl::AsciiStrToUpper(absl::StrCat(absl::Hex(v, absl::kZeroPad16))); };
  Pair("Local spi: ", spi(sa.local_spi), "Remote spi: ", spi(sa.remote_spi), out);
}

std::string Nat(const IkeSaRow& sa) {
  if (sa.remote.in_tcp()) return "IKE and ESP go in TCP (RFC 9329)";
  if (!sa.nat_local && !sa.nat_remote) return "NAT-T is not detected";
  return absl::StrCat("NAT-T is detected ", sa.nat_local ? " inside" : "", sa.nat_remote ? " outside" : "");
}

// What the configuration payload brought, either way.
void Configuration(const IkeSaRow& sa, std::string* out) {
  if (sa.pushed_address) absl::StrAppend(out, "      Pushed IP address: ", sa.pushed_address->ToString(), "\n");
  if (sa.assigned_address) absl::StrAppend(out, "      Assigned host addr: ", sa.assigned_address->ToString(), "\n");
  if (sa.pushed_ipv6_address) absl::StrAppend(out, "      Pushed IPv6 address: ", sa.pushed_ipv6_address->ToString(), "\n");
  if (sa.assigned_ipv6_address) absl::StrAppend(out, "      Assigned IPv6 addr: ", sa.assigned_ipv6_address->ToString(), "\n");
  if (!sa.peer_type.empty()) absl::StrAppend(out, "      PEER TYPE: ", Printable(sa.peer_type), "\n");
  if (!sa.remote_subnets.empty()) absl::StrAppend(out, "      Remote subnets:\n");
  for (const net::Prefix& p : sa.remote_subnets) {
    const bool v4 = p.family() == net::Family::kIpv4;
    absl::StrAppend(out, "      ", v4 ? absl::StrCat(p.address().ToString(), " ", p.Netmask().ToString()) : p.ToString(),
                    "\n");
  }
  for (const std::string& entry : sa.configuration)  // routes and addresses stand above
    if (!absl::StrContains(entry, "_SUBNET") && !absl::StartsWith(entry, "INTERNAL_IP4_ADDRESS"))
      absl::StrAppend(out, "      Received: ", Printable(entry), "\n");
}

// A changed configuration that is not in force for this SA yet.
std::string WaitsFor(const IkeSaRow& sa) {
  std::vector<std::string> parts;
  if (sa.ike_outdated) parts.push_back("the IKE SA: at its next rekey");
  if (sa.child_outdated) parts.push_back("the Child SA: at its next rekey");
  if (sa.handout_outdated) parts.push_back("DNS, domain, netmask and banner: in the next session");
  if (sa.routes_outdated) parts.push_back("the routes we announce: in the next session");
  return absl::StrJoin(parts, "; ");
}

void Detail(const IkeSaRow& sa, std::string* out) {
  absl::StrAppend(out, "      CE id: 0, Session-id: ", sa.session_id, "\n");
  if (IsV6(sa)) Spis(sa, out);
  absl::StrAppend(out, "      Status Description: ", sa.status_description, "\n");
  if (!IsV6(sa)) Spis(sa, out);
  absl::StrAppend(out, "      Local id: ", Printable(sa.local_id), "\n      Remote id: ", Printable(sa.remote_id), "\n");
  Pair("Local req msg id:  ", sa.local_next_msg_id, "Remote req msg id:  ", sa.remote_next_msg_id, out);
  Pair("Local next msg id: ", sa.local_next_msg_id, "Remote next msg id: ", sa.remote_next_msg_id, out);
  Pair("Local req queued:  ", sa.local_queued, "Remote req queued:  ", sa.remote_queued, out);
  Pair("Local window:      ", sa.local_window, "Remote window:      ", sa.remote_window, out);
  absl::StrAppend(out, "      DPD configured for ", sa.dpd_interval.count(), " seconds, retry ", sa.dpd_retry.count(),
                  "\n      Fragmentation ", sa.fragmentation ? "configured" : "not  configured", ".\n");
  if (!sa.additional.empty())
    absl::StrAppend(out, "      Quantum-safe Encryption using PQC: ", absl::StrJoin(sa.additional, ", "), "\n");
  if (sa.ppk) absl::StrAppend(out, "      Quantum-safe Encryption using Manual PPK\n");
  absl::StrAppend(out, "      Dynamic Route Update: ", sa.dynamic_route ? "enabled" : "disabled",
                  "\n      Extended Authentication not configured.\n      ", Nat(sa),
                  "\n      Cisco Trust Security SGT is disabled\n      Initiator of SA : ", YesNo(sa.initiator), "\n");
  if (const std::string later = WaitsFor(sa); !later.empty())
    absl::StrAppend(out, "      Changed configuration comes into force for ", later, "\n");
  Configuration(sa, out);
}

std::string Selectors(const std::vector<ChildSelectorRow>& list) {
  return absl::StrJoin(list, "\n                          ", [](std::string* out, const ChildSelectorRow& s) {
    absl::StrAppend(out, s.first.ToString(), "/", s.first_port, " - ", s.last.ToString(), "/", s.last_port);
  });
}

std::string ShortSpi(uint32_t spi) { return absl::StrCat("0x", absl::AsciiStrToUpper(absl::StrCat(absl::Hex(spi)))); }

void Child(const SessionChildRow& c, bool detailed, std::string* out) {
  absl::StrAppend(out, "Child sa: local selector  ", Selectors(c.local), "\n          remote selector ",
                  Selectors(c.remote), "\n          ESP spi in/out: ", ShortSpi(c.spi_in), "/", ShortSpi(c.spi_out), "\n");
  if (!detailed) return;
  absl::StrAppend(out, "          AH spi in/out: 0x0/0x0\n          CPI in/out: 0x0/0x0\n          Encr: ",
                  EncrName(c.encr), ", keysize: ", c.key_bits, ", esp_hmac: ", IntegName(c.integ),
                  "\n          ah_hmac: None, comp: IPCOMP_NONE, mode ", ModeName(c.transport), "\n");
}

}  // namespace

std::string TextIkeSas(const std::vector<IkeSaRow>& rows, bool detailed) {
  std::string v4, v6;
  v4.reserve(rows.size() * 320);  // what most rows take
  for (const IkeSaRow& sa : rows) {
    std::string* const out = IsV6(sa) ? &v6 : &v4;
    Head(sa, out);
    if (detailed) Detail(sa, out);
    absl::StrAppend(out, "\n");
  }
  return absl::StrCat(" IPv4 Crypto IKEv2  SA\n\n", v4, " IPv6 Crypto IKEv2  SA\n\n", v6);
}

std::string TextIkeSessions(const std::vector<IkeSessionRow>& rows, bool detailed) {
  std::string out;
  for (const bool v6 : {false, true}) {
    absl::StrAppend(&out, v6 ? " IPv6" : " IPv4", " Crypto IKEv2 Session\n\n");
    for (const IkeSessionRow& s : rows) {
      if (IsV6(s.sa) != v6) continue;
      absl::StrAppend(&out, "Session-id:", s.sa.session_id, ", Status:", s.status, ", IKE count:1, CHILD count:",
                      s.children.size(), "\n\n");
      Head(s.sa, &out);
      if (detailed) Detail(s.sa, &out);
      for (const SessionChildRow& c : s.children) Child(c, detailed, &out);
      out += "\n";
    }
  }
  return out;
}

}  // namespace flexvpn::show
