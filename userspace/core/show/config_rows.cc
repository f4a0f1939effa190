// SPDX-License-Identifier: Apache-2.0
#include "core/show/config_rows.h"

#include <utility>

#include "core/show/json.h"
#include "core/show/rows.h"

namespace flexvpn::show {
namespace {

Json OriginName(Origin origin) {
  switch (origin) {
    case Origin::kConfigured: return nullptr;
    case Origin::kDefault: return "unchanged";
    case Origin::kModifiedDefault: return "modified";
  }
  return nullptr;
}

Json SecondsOrNull(const std::optional<seconds>& s) { return s ? Json(s->count()) : Json(nullptr); }

template <class T, class F>
Json Names(const std::vector<T>& list, F name) {
  Json out = Json::array();
  for (const T& v : list) out.push_back(name(v));
  return out;
}

}  // namespace

Json ToJson(const ProposalRow& r) {
  Json j;
  j["name"] = Printable(r.name);
  j["smart_default"] = OriginName(r.origin);
  Json& encryption = j["encryption_algorithms"] = Json::array();
  for (const ProposalRow::Cipher& c : r.encryption) {
    Json e;
    e["encryption"] = EncrName(c.encr);
    e["key_bits"] = c.key_bits;
    encryption.push_back(std::move(e));
  }
  j["integrity_algorithms"] = Names(r.integrity, IntegName);
  j["prf_algorithms"] = Names(r.prf, PrfName);
  j["dh_groups"] = r.groups;
  j["additional_key_exchanges"] = Texts(r.additional_key_exchanges);
  return j;
}

Json ToJson(const PolicyRow& r) {
  Json j;
  j["name"] = Printable(r.name);
  j["smart_default"] = OriginName(r.origin);
  j["match_fvrf"] = Printable(r.fvrf);
  j["match_local_addresses"] = Addresses(r.local);
  j["proposals"] = Texts(r.proposals);
  return j;
}

Json ToJson(const ProfileRow& r) {
  Json j;
  j["name"] = Printable(r.name);
  j["shutdown"] = r.shutdown;
  j["inoperative"] = TextOrNull(r.inoperative);
  j["references"] = r.references;
  j["match_fvrf"] = Printable(r.fvrf);
  j["match_local_addresses"] = Addresses(r.local);
  j["match_local_interfaces"] = Texts(r.local_interfaces);
  j["match_identities"] = Texts(r.identities);
  j["match_certificate_maps"] = Texts(r.certificate_maps);
  j["local_identity"] = TextOrNull(r.local_identity);
  j["local_authentication"] = Texts(r.local_methods);
  j["remote_authentication"] = Texts(r.remote_methods);
  j["keyring"] = TextOrNull(r.keyring);
  j["trustpoints"] = Texts(r.trustpoints);
  j["lifetime_seconds"] = r.lifetime.count();
  j["dpd_interval_seconds"] = SecondsOrNull(r.dpd_interval);
  j["dpd_retry_seconds"] = SecondsOrNull(r.dpd_retry);
  j["dpd_on_demand"] = r.dpd_on_demand;
  j["nat_keepalive_seconds"] = SecondsOrNull(r.nat_keepalive);
  j["virtual_template"] = r.virtual_template ? Json(*r.virtual_template) : Json(nullptr);
  j["mode_auto"] = r.mode_auto;
  j["authorization_list"] = TextOrNull(r.authorization_list);
  j["authorization_policy"] = TextOrNull(r.authorization_policy);
  j["authorizations"] = Texts(r.authorizations);
  return j;
}

Json ToJson(const AuthorizationPolicyRow& r) {
  Json j;
  j["name"] = Printable(r.name);
  j["smart_default"] = OriginName(r.origin);
  j["pool"] = TextOrNull(r.pool);
  j["ipv6_pool"] = TextOrNull(r.ipv6_pool);
  j["netmask"] = r.netmask ? AddressOrNull(*r.netmask) : Json(nullptr);
  j["dns_servers"] = Addresses(r.dns);
  j["wins_servers"] = Addresses(r.wins);
  j["split_dns"] = Texts(r.split_dns);
  j["default_domain"] = TextOrNull(r.def_domain);
  j["banner"] = TextOrNull(r.banner);
  j["route_set"] = Texts(r.route_set);
  j["route_accept_any"] = r.route_accept_any;
  j["route_tag"] = r.route_tag;
  j["route_distance"] = r.route_distance;
  j["session_lifetime_seconds"] = SecondsOrNull(r.session_lifetime);
  return j;
}

Json ToJson(const TransformSetRow& r) {
  Json j;
  j["name"] = Printable(r.name);
  j["smart_default"] = OriginName(r.origin);
  j["transform"] = EspTransformName(r.encr, r.key_bits, r.integ);
  j["esn"] = r.esn;
  j["mode"] = ModeName(r.transport);
  return j;
}

Json ToJson(const IpsecProfileRow& r) {
  Json j;
  j["name"] = Printable(r.name);
  j["smart_default"] = OriginName(r.origin);
  j["description"] = TextOrNull(r.description);
  j["ike_profile"] = TextOrNull(r.ike_profile);
  j["lifetime_seconds"] = r.lifetime.count();
  j["lifetime_kilobytes"] = r.lifetime_kilobytes ? Json(*r.lifetime_kilobytes) : Json(nullptr);
  j["pfs_group"] = r.pfs_group ? Json(*r.pfs_group) : Json(nullptr);
  j["replay_window"] = r.replay_window;
  j["offload_wanted"] = Printable(r.offload);
  j["transform_sets"] = Array(r.transform_sets);
  j["missing_transform_sets"] = Texts(r.missing);
  return j;
}

Json ToJson(const PoolRow& r) {
  Json j;
  j["name"] = Printable(r.name);
  j["first"] = AddressOrNull(r.first);
  j["last"] = AddressOrNull(r.last);
  j["prefix_length"] = r.length;
  j["free"] = r.size - std::min(r.size, r.in_use);
  j["in_use"] = r.in_use;
  return j;
}

Json ToJson(const FlexClientRow& r) {
  Json j;
  j["name"] = Printable(r.name);
  j["state"] = r.state;
  j["why"] = TextOrNull(r.why);
  j["peer"] = AddressOrNull(r.peer);
  j["source"] = TextOrNull(r.source);
  j["peers"] = Texts(r.peers);
  j["sources"] = Texts(r.sources);
  j["connect"] = Printable(r.connect);
  j["tunnel"] = TextOrNull(r.tunnel);
  j["backup_group"] = TextOrNull(r.backup_group);
  return j;
}

Document MakeProposals(const std::vector<ProposalRow>& rows) {
  return Make("crypto ikev2 proposal", "ike_proposals", Array(rows));
}
Document MakePolicies(const std::vector<PolicyRow>& rows) {
  return Make("crypto ikev2 policy", "ike_policies", Array(rows));
}
Document MakeProfiles(const std::vector<ProfileRow>& rows) {
  return Make("crypto ikev2 profile", "ike_profiles", Array(rows));
}
Document MakeAuthorizationPolicies(const std::vector<AuthorizationPolicyRow>& rows) {
  return Make("crypto ikev2 authorization policy", "authorization_policies", Array(rows));
}
Document MakeTransformSets(const std::vector<TransformSetRow>& rows) {
  return Make("crypto ipsec transform-set", "transform_sets", Array(rows));
}
Document MakeIpsecProfiles(const std::vector<IpsecProfileRow>& rows) {
  return Make("crypto ipsec profile", "ipsec_profiles", Array(rows));
}
Document MakeFlexClients(const std::vector<FlexClientRow>& rows) {
  return Make("crypto ikev2 client flexvpn", "flex_clients", Array(rows));
}
Document MakePools(const std::vector<PoolRow>& rows) { return Make("ip local pool", "pools", Array(rows)); }
Document MakeIpv6Pools(const std::vector<PoolRow>& rows) { return Make("ipv6 local pool", "pools", Array(rows)); }

}  // namespace flexvpn::show
