// SPDX-License-Identifier: Apache-2.0
// Rows -> JSON.  The keys are documented in docs/show-json.md and stable.
#include "core/show/rows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/show/json.h"
#include "core/show/text.h"

namespace flexvpn::show {
namespace {

// An object made in one go: its keys are known to differ, so none is looked for before it is added, and every value is
// made in its place.
class Object {
 public:
  explicit Object(size_t keys) { members_.reserve(keys); }  // with one more all are copied
  template <class T>
  void Put(absl::string_view key, T&& value) {
    members_.Container::emplace_back(std::piecewise_construct, std::forward_as_tuple(key.data(), key.size()),
                                     std::forward_as_tuple(std::forward<T>(value)));
  }
  Json Take() && { return Json(std::move(members_)); }

 private:
  using Container = Json::object_t::Container;
  Json::object_t members_;
};

// Rows that become an array `key`, and text by `text`.
template <class Row>
class Listed : public Rows {
 public:
  using Layout = std::string (*)(const std::vector<Row>&, bool);
  Listed(std::vector<Row> rows, const char* key, Layout text, bool detailed)
      : rows_(std::move(rows)), key_(key), text_(text), detailed_(detailed) {}
  void AddTo(Json& data) const override;
  std::string Text() const override { return text_(rows_, detailed_); }

 private:
  std::vector<Row> rows_;
  const char* key_;
  Layout text_;
  bool detailed_;
};

Json Spi32(uint32_t spi) { return absl::StrFormat("0x%08x", spi); }
std::string Spi64(uint64_t spi) { return absl::StrCat("0x", absl::Hex(spi, absl::kZeroPad16)); }

template <class Row>
void Listed<Row>::AddTo(Json& data) const {
  data[key_] = Array(rows_);
}

template <class Row>
Document MakeListed(std::string command, std::vector<Row> rows, const char* key, typename Listed<Row>::Layout text,
                    bool detailed) {
  return {std::move(command), Json::object(), std::make_shared<Listed<Row>>(std::move(rows), key, text, detailed)};
}

Json Waits(const IkeSaRow& r) {
  Json list = Json::array();
  if (r.ike_outdated) list.push_back("ike_rekey");
  if (r.child_outdated) list.push_back("child_rekey");
  if (r.handout_outdated || r.routes_outdated) list.push_back("next_session");
  return list;
}

}  // namespace

Json ToJson(const IkeSaRow& r) {
  Object j(51);
  j.Put("tunnel_id", r.tunnel_id);
  j.Put("session_id", r.session_id);
  j.Put("interface", TextOrNull(r.interface));
  j.Put("profile", TextOrNull(r.profile));
  j.Put("local_address", AddressOrNull(r.local.address));
  j.Put("local_port", r.local.port);
  j.Put("remote_address", AddressOrNull(r.remote.address));
  j.Put("remote_port", r.remote.port);
  j.Put("transport", r.remote.in_tcp() ? "tcp" : "udp");
  j.Put("fvrf", TextOrNull(r.fvrf));
  j.Put("ivrf", TextOrNull(r.ivrf));
  j.Put("status", Printable(r.status));
  j.Put("status_description", Printable(r.status_description));
  j.Put("initiator", r.initiator);
  j.Put("local_spi", Spi64(r.local_spi));
  j.Put("remote_spi", Spi64(r.remote_spi));
  j.Put("encryption", EncrName(r.encr));
  j.Put("key_bits", r.key_bits);
  j.Put("prf", PrfName(r.prf));
  j.Put("integrity", IntegName(r.integ));
  j.Put("dh_group", r.group);
  j.Put("auth_local", Printable(r.auth_local));
  j.Put("auth_remote", Printable(r.auth_remote));
  j.Put("local_id", Printable(r.local_id));
  j.Put("remote_id", Printable(r.remote_id));
  j.Put("remote_certificate", TextOrNull(r.remote_certificate));
  j.Put("lifetime_seconds", r.lifetime.count());
  j.Put("active_seconds", r.active.count());
  j.Put("local_next_msg_id", r.local_next_msg_id);
  j.Put("remote_next_msg_id", r.remote_next_msg_id);
  j.Put("local_queued", r.local_queued);
  j.Put("remote_queued", r.remote_queued);
  j.Put("local_window", r.local_window);
  j.Put("remote_window", r.remote_window);
  j.Put("dpd_interval_seconds", r.dpd_interval.count());
  j.Put("dpd_retry_seconds", r.dpd_retry.count());
  j.Put("changed_configuration_waits", Waits(r));
  j.Put("nat_local", r.nat_local);
  j.Put("nat_remote", r.nat_remote);
  j.Put("fragmentation", r.fragmentation);
  j.Put("mobike", r.mobike);
  j.Put("dynamic_route_update", r.dynamic_route);
  j.Put("additional_key_exchanges", r.additional);
  j.Put("ppk", r.ppk);
  j.Put("pushed_address", r.pushed_address ? AddressOrNull(*r.pushed_address) : Json(nullptr));
  j.Put("assigned_address", r.assigned_address ? AddressOrNull(*r.assigned_address) : Json(nullptr));
  j.Put("pushed_ipv6_address", r.pushed_ipv6_address ? AddressOrNull(*r.pushed_ipv6_address) : Json(nullptr));
  j.Put("assigned_ipv6_address", r.assigned_ipv6_address ? AddressOrNull(*r.assigned_ipv6_address) : Json(nullptr));
  j.Put("remote_subnets", Addresses(r.remote_subnets));
  j.Put("configuration", r.configuration);
  j.Put("peer_type", TextOrNull(r.peer_type));
  j.Put("packets_in", r.packets_in);
  j.Put("packets_out", r.packets_out);
  j.Put("children", r.children);
  return std::move(j).Take();
}

Json ToJson(const ChildSelectorRow& r) {
  Json j;
  j["first"] = AddressOrNull(r.first);
  j["last"] = AddressOrNull(r.last);
  j["first_port"] = r.first_port;
  j["last_port"] = r.last_port;
  j["protocol"] = r.protocol;
  return j;
}

Json ToJson(const SessionChildRow& r) {
  Json j;
  j["local_selectors"] = Array(r.local);
  j["remote_selectors"] = Array(r.remote);
  j["spi_in"] = Spi32(r.spi_in);
  j["spi_out"] = Spi32(r.spi_out);
  j["encryption"] = EncrName(r.encr);
  j["key_bits"] = r.key_bits;
  j["integrity"] = IntegName(r.integ);
  j["mode"] = ModeName(r.transport);
  return j;
}

Json ToJson(const IkeSessionRow& r) {
  Json j;
  j["session_id"] = r.sa.session_id;
  j["status"] = Printable(r.status);
  j["ike_sa"] = ToJson(r.sa);
  j["children"] = Array(r.children);
  return j;
}

Json ToJson(const IpsecSaRow& r) {
  Json j;
  j["interface"] = TextOrNull(r.interface);
  j["ike_profile"] = TextOrNull(r.ike_profile);
  j["ipsec_profile"] = TextOrNull(r.ipsec_profile);
  j["vrf"] = TextOrNull(r.vrf);
  j["local_address"] = AddressOrNull(r.local);
  j["remote_address"] = AddressOrNull(r.remote);
  j["remote_port"] = r.remote_port;
  j["local_ident"] = r.local_ident.ToString();
  j["remote_ident"] = r.remote_ident.ToString();
  j["protocol"] = r.protocol;
  j["local_ident_port"] = r.local_port;
  j["remote_ident_port"] = r.remote_ident_port;
  j["spi_in"] = Spi32(r.spi_in);
  j["spi_out"] = Spi32(r.spi_out);
  j["transform"] = EspTransformName(r.encr, r.key_bits, r.integ);
  j["iv_octets"] = r.encr == 12 ? 16 : r.encr == 11 ? 0 : 8;
  j["mode"] = ModeName(r.transport);
  j["udp_encapsulation"] = r.udp_encap;
  j["tcp_encapsulation"] = r.tcp_encap;
  j["esn"] = r.esn;
  j["initiator"] = r.initiator;
  j["pfs_group"] = r.pfs_group ? Json(*r.pfs_group) : Json(nullptr);
  j["replay_window"] = r.replay_window;
  j["remaining_seconds"] = r.remaining.count();
  j["remaining_kilobytes"] = r.remaining_kilobytes ? Json(*r.remaining_kilobytes) : Json(nullptr);
  j["packets_out"] = r.packets_out;
  j["bytes_out"] = r.bytes_out;
  j["packets_in"] = r.packets_in;
  j["bytes_in"] = r.bytes_in;
  j["send_errors"] = r.send_errors;
  j["receive_errors"] = r.receive_errors;
  j["plaintext_mtu"] = r.plaintext_mtu;
  j["path_mtu"] = r.path_mtu;
  j["ip_mtu"] = r.ip_mtu;
  j["underlay_interface"] = TextOrNull(r.underlay_interface);
  j["offload_wanted"] = Printable(r.offload_wanted);
  j["offload_state"] = Printable(r.offload_state);
  j["offload_reason"] = TextOrNull(r.offload_reason);
  return j;
}

Json ToJson(const NhrpRow& r) {
  Json j;
  j["prefix"] = r.prefix.ToString();
  j["next_hop"] = AddressOrNull(r.next_hop);
  j["interface"] = TextOrNull(r.interface);
  j["network_id"] = r.network_id;
  j["created_seconds"] = r.created_ago.count();
  j["expires_seconds"] = r.expires_in ? Json(r.expires_in->count()) : Json(nullptr);
  j["type"] = Printable(r.type);
  j["flags"] = Texts(r.flags);
  j["nbma_address"] = AddressOrNull(r.nbma);
  j["claimed_nbma_address"] = AddressOrNull(r.claimed_nbma);
  j["requesters"] = Addresses(r.requesters);
  return j;
}

Json ToJson(const RouteRow& r) {
  Json j;
  j["code"] = Printable(std::string(1, r.code));
  j["next_hop_override"] = r.next_hop_override;
  j["prefix"] = r.prefix.ToString();
  j["next_hop"] = AddressOrNull(r.next_hop);
  j["interface"] = TextOrNull(r.interface);
  j["device"] = TextOrNull(r.device);
  j["distance"] = r.distance;
  j["metric"] = r.metric;
  j["linux_metric"] = r.linux_metric;
  j["tag"] = r.tag;
  j["age_seconds"] = r.age.count();
  j["shortcut"] = r.shortcut;
  j["installed"] = r.installed;
  return j;
}

Json ToJson(const PeerRow& r) {
  Json j;
  j["peer_id"] = r.peer_id;
  j["interface"] = TextOrNull(r.interface);
  j["device"] = TextOrNull(r.device);
  j["local_address"] = AddressOrNull(r.local);
  j["remote_address"] = AddressOrNull(r.remote);
  j["overlay_addresses"] = Addresses(r.overlay);
  j["gre_key"] = r.gre_key ? Json(*r.gre_key) : Json(nullptr);
  j["network_id"] = r.network_id;
  j["redirect"] = r.redirect;
  j["packets_in"] = r.packets_in;
  j["bytes_in"] = r.bytes_in;
  j["packets_out"] = r.packets_out;
  j["bytes_out"] = r.bytes_out;
  j["redirects"] = r.redirects;
  return j;
}

Json ToJson(const KernelSaRow& r) {
  Json j;
  j["direction"] = r.inbound ? "in" : "out";
  j["spi"] = Spi32(r.spi);
  j["source"] = AddressOrNull(r.source);
  j["destination"] = AddressOrNull(r.destination);
  j["peer_id"] = r.peer_id;
  j["transform"] = EspTransformName(r.encr, r.key_bits, r.integ);
  j["mode"] = ModeName(r.transport);
  j["esn"] = r.esn;
  j["replay_window"] = r.replay_window;
  j["encap_source_port"] = r.encap_source_port;
  j["encap_destination_port"] = r.encap_destination_port;
  j["offload"] = Printable(r.offload);
  j["packets"] = r.packets;
  j["bytes"] = r.bytes;
  j["integrity_failures"] = r.integrity_failures;
  j["replay_failures"] = r.replay_failures;
  j["in_kernel"] = r.in_kernel;
  return j;
}

Json ToJson(const DropRow& r) {
  Json j;
  j["component"] = Printable(r.component);
  j["reason"] = Printable(r.reason);
  j["count"] = r.count;
  j["meaning"] = TextOrNull(r.meaning);
  return j;
}

Json ToJson(const OffloadRow& r) {
  Json j;
  j["profile"] = TextOrNull(r.profile);
  j["interface"] = TextOrNull(r.interface);
  j["device"] = TextOrNull(r.device);
  j["wanted"] = Printable(r.wanted);
  j["state"] = Printable(r.state);
  j["reason"] = TextOrNull(r.reason);
  j["sas"] = r.sas;
  return j;
}

Json ToJson(const DeviceRow& r) {
  Json j;
  j["name"] = Printable(r.name);
  j["kind"] = Printable(r.kind);
  j["underlay"] = TextOrNull(r.underlay);
  j["ifindex"] = r.ifindex;
  j["mtu"] = r.mtu;
  j["up"] = r.up;
  j["interfaces"] = Texts(r.interfaces);
  j["addresses"] = Texts(r.addresses);
  j["programs"] = Texts(r.programs);
  return j;
}

Json ToJson(const FeatureRow& r) {
  Json j;
  j["name"] = Printable(r.name);
  j["available"] = r.available;
  j["note"] = TextOrNull(r.note);
  return j;
}

Document MakeIkeSas(std::vector<IkeSaRow> rows, bool detailed) {
  return MakeListed(detailed ? "crypto ikev2 sa detailed" : "crypto ikev2 sa", std::move(rows), "ike_sas", &TextIkeSas,
                    detailed);
}
Document MakeIkeSessions(std::vector<IkeSessionRow> rows, bool detailed) {
  return MakeListed(detailed ? "crypto ikev2 session detailed" : "crypto ikev2 session", std::move(rows), "sessions",
                    &TextIkeSessions, detailed);
}
Document MakeIpsecSas(const std::vector<IpsecSaRow>& rows) {
  return Make("crypto ipsec sa", "ipsec_sas", Array(rows));
}
Document MakeNhrp(const std::vector<NhrpRow>& rows) { return Make("ip nhrp", "nhrp", Array(rows)); }
Document MakeNhrpShortcuts(const std::vector<NhrpRow>& rows) {
  std::vector<NhrpRow> shortcuts;
  for (const NhrpRow& r : rows)
    if (std::any_of(r.flags.begin(), r.flags.end(), [](const std::string& f) { return f == "rib" || f == "nho"; }))
      shortcuts.push_back(r);
  return Make("ip nhrp shortcut", "shortcuts", Array(shortcuts));
}
Document MakeRoutes(const std::vector<RouteRow>& rows) { return Make("ip route flexvpn", "routes", Array(rows)); }
Document MakePeers(const std::vector<PeerRow>& rows) { return Make("dataplane peers", "peers", Array(rows)); }
Document MakeKernelSas(const std::vector<KernelSaRow>& rows) { return Make("dataplane sas", "sas", Array(rows)); }
Document MakeDrops(const std::vector<DropRow>& rows) { return Make("dataplane drops", "drops", Array(rows)); }
Document MakeOffload(const std::vector<OffloadRow>& rows) { return Make("dataplane offload", "offload", Array(rows)); }
Document MakeDevices(const std::vector<DeviceRow>& rows) { return Make("dataplane devices", "devices", Array(rows)); }

Document MakeDataplane(const std::vector<DeviceRow>& devices, const std::vector<PeerRow>& peers,
                       const std::vector<KernelSaRow>& sas, const std::vector<OffloadRow>& offload,
                       const std::vector<DropRow>& drops) {
  Document d{"dataplane", Json::object()};
  d.data["devices"] = Array(devices);
  d.data["peers"] = Array(peers);
  d.data["sas"] = Array(sas);
  d.data["offload"] = Array(offload);
  d.data["drops"] = Array(drops);
  return d;
}

Document MakeVersion(const VersionInfo& v) {
  Document d{"version", Json::object()};
  d.data["version"] = Printable(v.version);
  d.data["hostname"] = Printable(v.hostname);
  d.data["instance"] = Printable(v.instance);
  d.data["kernel"] = Printable(v.kernel);
  d.data["compiler"] = TextOrNull(v.compiler);
  d.data["openssl"] = TextOrNull(v.openssl);
  d.data["config_file"] = TextOrNull(v.config_file);
  d.data["uptime_seconds"] = v.uptime.count();
  d.data["features"] = Array(v.features);
  return d;
}

Document MakeCertificates(const std::vector<CertificateRow>& rows) {
  Document d{"crypto pki certificates", Json::object()};
  Json& list = d.data["certificates"] = Json::array();
  for (const CertificateRow& r : rows) {
    Json j;
    j["trustpoint"] = Printable(r.trustpoint);
    j["role"] = Printable(r.role);
    j["status"] = Printable(r.status);
    j["serial"] = Printable(r.serial);
    j["issuer"] = Printable(r.issuer);
    j["subject"] = Printable(r.subject);
    j["names"] = Json::array();
    for (const std::string& n : r.names) j["names"].push_back(Printable(n));
    j["not_before"] = r.not_before;
    j["not_after"] = r.not_after;
    j["key"] = Printable(r.key);
    j["signature_algorithm"] = Printable(r.signature_algorithm);
    j["fingerprint_sha256"] = Printable(r.fingerprint_sha256);
    list.push_back(std::move(j));
  }
  return d;
}

Document MakeRunningConfig(const std::string& text) { return Make("running-config", "config", text); }
Document MakeError(const std::string& message) { return Make("error", "error", Printable(message)); }
Document MakeInputError(const InputError& e) {
  Document d = MakeError(e.message);
  if (e.column > 0) {
    d.data["input"] = Printable(e.input);
    d.data["column"] = e.column;
  }
  if (!e.hint.empty()) d.data["hint"] = Printable(e.hint);
  return d;
}
Document MakeMessage(const std::string& message) {
  Document d{"message", Json::object()};
  d.data["ok"] = true;
  d.data["message"] = Printable(message);
  return d;
}

}  // namespace flexvpn::show
