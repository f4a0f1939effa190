// SPDX-License-Identifier: Apache-2.0
// show dataplane …, show version: our own layouts.
#include "absl/strings/str_cat.h"
#include "core/show/text.h"

namespace flexvpn::show {
namespace {

std::string N(const Json& row, const char* key) { return absl::StrCat(Uint(row, key)); }
std::string YesNo(const Json& row, const char* key) { return Flag(row, key) ? "yes" : "no"; }
std::string OrDash(std::string s) { return s.empty() ? "-" : s; }

}  // namespace

std::string TextPeers(const Json& data) {
  Table t({"Peer", "Interface", "Device", "Local", "Remote", "Overlay", "NetID", "Redir", "PktsIn", "BytesIn", "PktsOut",
           "BytesOut", "Redirects"});
  for (const Json& r : List(data, "peers"))
    t.Row({N(r, "peer_id"), Str(r, "interface", "-"), Str(r, "device", "-"), Str(r, "local_address", "-"),
           Str(r, "remote_address", "-"), OrDash(Join(List(r, "overlay_addresses"), ",")), N(r, "network_id"),
           YesNo(r, "redirect"), N(r, "packets_in"), N(r, "bytes_in"), N(r, "packets_out"), N(r, "bytes_out"),
           N(r, "redirects")});
  return t.Text();
}

std::string TextKernelSas(const Json& data) {
  Table t({"Dir", "SPI", "Source", "Destination", "Peer", "Mode", "Transform", "Encap", "Offload", "Packets", "Bytes",
           "Errors", "Kernel"});
  for (const Json& r : List(data, "sas")) {
    const bool encap = Uint(r, "encap_source_port") != 0 || Uint(r, "encap_destination_port") != 0;
    t.Row({Str(r, "direction"), Str(r, "spi"), Str(r, "source", "-"), Str(r, "destination", "-"), N(r, "peer_id"),
           Str(r, "mode"), Str(r, "transform"),
           encap ? absl::StrCat("udp ", N(r, "encap_source_port"), ">", N(r, "encap_destination_port")) : "-",
           Str(r, "offload"), N(r, "packets"), N(r, "bytes"),
           absl::StrCat(Uint(r, "integrity_failures") + Uint(r, "replay_failures")),
           Flag(r, "in_kernel") ? "yes" : "MISSING"});
  }
  return t.Text();
}

std::string TextDrops(const Json& data) {
  Table t({"Component", "Reason", "Count", "Meaning"});
  for (const Json& r : List(data, "drops"))
    t.Row({Str(r, "component"), Str(r, "reason"), N(r, "count"), Str(r, "meaning")});
  return t.Text();
}

std::string TextOffload(const Json& data) {
  Table t({"Profile", "Interface", "Device", "Wanted", "State", "SAs", "Reason"});
  for (const Json& r : List(data, "offload"))
    t.Row({Str(r, "profile", "-"), Str(r, "interface", "-"), Str(r, "device", "-"), Str(r, "wanted"), Str(r, "state"),
           N(r, "sas"), Str(r, "reason", "-")});
  return t.Text();
}

std::string TextDevices(const Json& data) {
  Table t({"Device", "Kind", "Underlay", "Index", "MTU", "State", "Interfaces", "Addresses", "Programs"});
  for (const Json& r : List(data, "devices"))
    t.Row({Str(r, "name"), Str(r, "kind"), Str(r, "underlay", "-"), absl::StrCat(Int(r, "ifindex")), N(r, "mtu"),
           Int(r, "ifindex") == 0 ? "missing" : Flag(r, "up") ? "up" : "down", OrDash(Join(List(r, "interfaces"), ",")),
           OrDash(Join(List(r, "addresses"), ",")), OrDash(Join(List(r, "programs"), ", "))});
  return t.Text();
}

std::string TextDataplane(const Json& data) {
  return absl::StrCat("Devices\n", TextDevices(data), "\nPeers\n", TextPeers(data), "\nSecurity associations\n",
                      TextKernelSas(data), "\nOffload\n", TextOffload(data), "\nDrops\n", TextDrops(data));
}

std::string TextVersion(const Json& data) {
  std::string out = absl::StrCat("FlexVPN for Linux, version ", Str(data, "version"), "\n", Str(data, "hostname"),
                                 " uptime is ", FormatAge(seconds(Int(data, "uptime_seconds"))), "\nInstance: ",
                                 Str(data, "instance"), "\nKernel: ", Str(data, "kernel"), "\n");
  if (Has(data, "compiler")) absl::StrAppend(&out, "Compiled with: ", Str(data, "compiler"), "\n");
  if (Has(data, "openssl")) absl::StrAppend(&out, "Cryptography: ", Str(data, "openssl"), "\n");
  if (Has(data, "config_file")) absl::StrAppend(&out, "Configuration: ", Str(data, "config_file"), "\n");
  const Json& features = List(data, "features");
  if (features.empty()) return out;
  out += "\n";
  Table t({"Feature", "Available", "Note"});
  for (const Json& f : features) t.Row({Str(f, "name"), YesNo(f, "available"), Str(f, "note")});
  return out + t.Text();
}

}  // namespace flexvpn::show
