// SPDX-License-Identifier: Apache-2.0
// show crypto ipsec sa in the layout of IOS XE, with one line of ours for offload.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/show/text.h"

namespace flexvpn::show {
namespace {

uint32_t SpiNumber(const std::string& s) {
  uint32_t v = 0;
  return absl::SimpleHexAtoi(s, &v) ? v : 0;
}

std::string Spi(const Json& sa, const char* key) {
  const uint32_t v = SpiNumber(Str(sa, key));
  return absl::StrFormat("0x%X(%d)", v, v);
}

std::string Ident(const Json& sa, const char* key, const char* port) {
  const auto p = net::Prefix::Parse(Str(sa, key));
  std::string text = p && p->family() == net::Family::kIpv4
                         ? absl::StrCat(p->address().ToString(), "/", p->Netmask().ToString())
                         : Str(sa, key);
  return absl::StrCat("(", text, "/", Int(sa, "protocol"), "/", Int(sa, port), ")");
}

std::string EspBlock(const Json& sa, const char* spi_key, absl::string_view tag, absl::string_view conn_id) {
  const std::string mode = Str(sa, "mode") == "transport" ? "Transport" : "Tunnel";
  std::string out = absl::StrCat(
      "      spi: ", Spi(sa, spi_key), "\n        transform: ", Str(sa, "transform"), " ,\n        in use settings ={",
      mode, Flag(sa, "udp_encapsulation") ? " UDP-Encaps" : "",
      Flag(sa, "tcp_encapsulation") ? " TCP-Encaps" : "", Flag(sa, "esn") ? " esn" : "", ", }\n        conn id: ",
      conn_id, ", flow_id: ", conn_id, ", sibling_flags 80000000, crypto map: ", tag,
      ", initiator : ", Flag(sa, "initiator") ? "True" : "False", "\n");
  if (Has(sa, "remaining_kilobytes")) {
    absl::StrAppend(&out, "        sa timing: remaining key lifetime (k/sec): (", Uint(sa, "remaining_kilobytes"), "/",
                    Int(sa, "remaining_seconds"), ")\n");
  } else {
    absl::StrAppend(&out, "        sa timing: remaining key lifetime (sec): ", Int(sa, "remaining_seconds"),
                    "\n        Kilobyte Volume Rekey has been disabled\n");
  }
  absl::StrAppend(&out, "        IV size: ", Int(sa, "iv_octets"), " bytes\n        replay detection support: ",
                  Int(sa, "replay_window") != 0 ? absl::StrCat("Y  replay window size: ", Int(sa, "replay_window")) : "N",
                  "\n        offload: ", Str(sa, "offload_state"));
  const std::string wanted = Str(sa, "offload_wanted");
  if (wanted != "off" && wanted != Str(sa, "offload_state")) {
    absl::StrAppend(&out, " (wanted ", wanted, Has(sa, "offload_reason") ? ": " : "", Str(sa, "offload_reason"), ")");
  }
  absl::StrAppend(&out, "\n        Status: ACTIVE(ACTIVE)\n");
  return out;
}

std::string OneSa(const Json& sa, bool first_of_interface) {
  const std::string interface = Str(sa, "interface", "none");
  const std::string tag = absl::StrCat(interface, "-head-0");
  std::string out;
  if (first_of_interface)
    absl::StrAppend(&out, "interface: ", interface, "\n    Crypto map tag: ", tag, ", local addr ",
                    Str(sa, "local_address"), "\n");
  absl::StrAppend(&out, "\n   protected vrf: ", Str(sa, "vrf", "(none)"),
                  "\n   local  ident (addr/mask/prot/port): ", Ident(sa, "local_ident", "local_ident_port"),
                  "\n   remote ident (addr/mask/prot/port): ", Ident(sa, "remote_ident", "remote_ident_port"),
                  "\n   current_peer ", Str(sa, "remote_address"), " port ", Int(sa, "remote_port"),
                  "\n     PERMIT, flags={origin_is_acl,}\n");
  const uint64_t encaps = Uint(sa, "packets_out"), decaps = Uint(sa, "packets_in");
  absl::StrAppend(&out, "    #pkts encaps: ", encaps, ", #pkts encrypt: ", encaps, ", #pkts digest: ", encaps,
                  "\n    #pkts decaps: ", decaps, ", #pkts decrypt: ", decaps, ", #pkts verify: ", decaps,
                  "\n    #pkts compressed: 0, #pkts decompressed: 0"
                  "\n    #pkts not compressed: 0, #pkts compr. failed: 0"
                  "\n    #pkts not decompressed: 0, #pkts decompress failed: 0\n");
  absl::StrAppend(&out, "    #send errors ", Uint(sa, "send_errors"), ", #recv errors ", Uint(sa, "receive_errors"),
                  "\n\n     local crypto endpt.: ", Str(sa, "local_address"),
                  ", remote crypto endpt.: ", Str(sa, "remote_address"), "\n     plaintext mtu ",
                  Int(sa, "plaintext_mtu"), ", path mtu ", Int(sa, "path_mtu"), ", ip mtu ", Int(sa, "ip_mtu"),
                  ", ip mtu idb ", Str(sa, "underlay_interface", "none"),
                  "\n     current outbound spi: ", Spi(sa, "spi_out"), "\n     PFS (Y/N): ",
                  Has(sa, "pfs_group") ? "Y" : "N", ", DH group: ",
                  Has(sa, "pfs_group") ? absl::StrCat("group", Int(sa, "pfs_group")) : "none", "\n\n");
  absl::StrAppend(&out, "     inbound esp sas:\n", EspBlock(sa, "spi_in", tag, "1"),
                  "\n     inbound ah sas:\n\n     inbound pcp sas:\n\n     outbound esp sas:\n",
                  EspBlock(sa, "spi_out", tag, "2"), "\n     outbound ah sas:\n\n     outbound pcp sas:\n");
  return out;
}

}  // namespace

std::string TextIpsecSas(const Json& data) {
  std::string out, last;
  for (const Json& sa : List(data, "ipsec_sas")) {
    const std::string interface = Str(sa, "interface", "none");
    const bool first = out.empty() || interface != last;
    if (first && !out.empty()) out += "\n";
    out += OneSa(sa, first);
    last = interface;
  }
  return out;
}

}  // namespace flexvpn::show
