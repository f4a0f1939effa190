// SPDX-License-Identifier: Apache-2.0
// Show commands that print objects of the configuration.
#include <algorithm>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/config/key_cipher.h"
#include "core/config/additional_ke.h"
#include "core/config/grammar.h"
#include "core/config/render.h"
#include "core/node/views.h"

namespace flexvpn::node {
namespace {

// The objects of one kind, `default` first as IOS has it; with a name that one alone.
template <class T>
std::vector<const T*> Selected(const std::map<std::string, T>& objects, const std::string& name) {
  std::vector<const T*> out;
  for (const auto& [key, object] : objects)
    if (name.empty() || key == name) out.push_back(&object);
  std::stable_partition(out.begin(), out.end(), [](const T* object) { return object->name == "default"; });
  return out;
}

template <class T>
show::Origin OriginOf(const T& object, const std::map<std::string, T>& built_in) {
  const auto it = built_in.find(object.name);
  if (it == built_in.end()) return show::Origin::kConfigured;
  return it->second == object ? show::Origin::kDefault : show::Origin::kModifiedDefault;
}

// Said when `name` was asked for and is not there.
show::Document Missing(absl::string_view kind, const std::string& name, bool smart_default) {
  if (name == "default" && smart_default)
    return show::MakeError(absl::StrCat("the default ", kind, " is disabled by the configuration"));
  return show::MakeError(absl::StrCat("no ", kind, " is called ", name));
}

uint16_t PrfOf(uint16_t integrity) {
  switch (integrity) {
    case 12: return 5;
    case 13: return 6;
    case 14: return 7;
    default: return integrity;  // MD5 and SHA-1 have the same number as both
  }
}

show::TransformSetRow TransformSetRowOf(const config::TransformSet& t, const config::Model& built_in) {
  show::TransformSetRow r;
  r.name = t.name;
  r.origin = OriginOf(t, built_in.transform_sets);
  r.encr = t.encryption.encr;
  r.key_bits = t.encryption.key_bits;
  r.integ = t.integrity;
  r.esn = t.esn;
  r.transport = t.transport;
  return r;
}

std::vector<std::string> Methods(bool psk, bool rsa, bool elliptic, bool null) {
  std::vector<std::string> out;
  if (psk) out.push_back("pre-share");
  if (rsa) out.push_back("rsa-sig");
  if (elliptic) out.push_back("ecdsa-sig");
  if (null) out.push_back("null");
  return out;
}

show::ProfileRow ProfileRowOf(const config::IkeProfile& p, const config::IkeGlobal& global) {
  show::ProfileRow r;
  r.name = p.name;
  r.shutdown = p.shutdown;
  r.inoperative = p.inoperative;
  r.fvrf = p.match_fvrf.empty() ? "global" : p.match_fvrf;
  r.local = p.match_local_addresses;
  r.local_interfaces = p.match_local_interfaces;
  for (const config::Identity& id : p.match_remote) r.identities.push_back(config::IdentityWords(id));
  r.certificate_maps = p.match_certificate;
  if (p.identity_local) r.local_identity = config::IdentityWords(*p.identity_local);
  r.local_methods = Methods(p.local_psk, p.local_rsa, p.local_elliptic, p.local_null);
  r.remote_methods = Methods(p.remote_psk, p.remote_rsa, p.remote_elliptic, p.remote_null);
  r.keyring = p.keyring;
  for (const config::TrustpointUse& t : p.trustpoints)
    r.trustpoints.push_back(absl::StrCat(t.name, t.sign && t.verify ? "" : t.sign ? " sign" : " verify"));
  r.lifetime = p.lifetime;
  if (const auto& dpd = p.dpd ? p.dpd : global.dpd) {
    r.dpd_interval = dpd->interval;
    r.dpd_retry = dpd->retry;
    r.dpd_on_demand = dpd->on_demand;
  }
  r.nat_keepalive = p.nat_keepalive ? p.nat_keepalive : global.nat_keepalive;
  r.virtual_template = p.virtual_template;
  r.mode_auto = p.virtual_template_auto;
  for (const auto& [method, use] : p.authorization) {
    if (r.authorizations.empty()) r.authorization_list = use.list, r.authorization_policy = use.policy;
    r.authorizations.push_back(absl::StrCat(method, method.empty() ? "" : " ", "list ", use.list, " policy ",
                                            use.policy.empty() ? "none" : use.policy));
  }
  return r;
}

absl::uint128 NumberOf(const net::IpAddress& a) {
  absl::uint128 n = 0;
  for (uint8_t octet : a.bytes()) n = (n << 8) + octet;
  return n;
}

// What a pool has for clients, both ends included; at most the largest number that JSON readers have.
uint64_t SizeOf(const config::LocalPool& p) {
  constexpr uint64_t kMost = uint64_t{1} << 53;
  if (p.last < p.first) return 0;
  const absl::uint128 size = ((NumberOf(p.last) - NumberOf(p.first)) >> (p.first.bits() - p.length)) + 1;
  return size > kMost ? kMost : static_cast<uint64_t>(size);
}

// The rest of a line after its first `words` words.
std::string Rest(const config::Statement& line, size_t words) {
  std::vector<std::string> rest;
  for (size_t i = words; i < line.words.size(); ++i) rest.push_back(line.words[i].text);
  return absl::StrJoin(rest, " ");
}

show::FlexClientRow FlexClientRowOf(const config::Statement& block) {
  show::FlexClientRow r;
  r.name = block.Text("NAME");
  r.connect = "auto";
  for (const config::Statement& line : block.body) {
    if (line.StartsWith("client connect")) r.tunnel = Rest(line, 2);
    else if (line.StartsWith("backup group")) r.backup_group = Rest(line, 2);
    else if (line.StartsWith("connect")) r.connect = Rest(line, 1);
    else if (line.StartsWith("source")) r.sources.push_back(Rest(line, 2));
    else if (line.StartsWith("peer") && line.Find("SEQ") != nullptr) r.peers.push_back(Rest(line, 2));
  }
  return r;
}

}  // namespace

show::Document Node::Views::Proposals(const Query& q) const {
  const config::Model& built_in = config::BuiltInModel(n_.model_.defaults);
  std::vector<show::ProposalRow> rows;
  for (const config::IkeProposal* p : Selected(n_.model_.proposals, q.Text("NAME"))) {
    show::ProposalRow r;
    r.name = p->name;
    r.origin = OriginOf(*p, built_in.proposals);
    for (const config::EncrChoice& c : p->encryption) r.encryption.push_back({c.encr, c.key_bits});
    r.integrity = p->integrity;
    r.prf = p->prf;
    if (p->prf.empty()) std::transform(p->integrity.begin(), p->integrity.end(), std::back_inserter(r.prf), PrfOf);
    r.groups = p->groups;
    r.additional_key_exchanges = config::AdditionalLines(p->additional);
    rows.push_back(std::move(r));
  }
  if (rows.empty() && q.line.call.Find("NAME")) return Missing("IKEv2 proposal", q.Text("NAME"), true);
  return show::MakeProposals(rows);
}

show::Document Node::Views::Policies(const Query& q) const {
  const config::Model& built_in = config::BuiltInModel(n_.model_.defaults);
  std::vector<show::PolicyRow> rows;
  for (const config::IkePolicy* p : Selected(n_.model_.policies, q.Text("NAME")))
    rows.push_back({p->name, OriginOf(*p, built_in.policies), p->match_fvrf.empty() ? "global" : p->match_fvrf,
                    p->match_local, p->proposals});
  if (rows.empty() && q.line.call.Find("NAME")) return Missing("IKEv2 policy", q.Text("NAME"), true);
  return show::MakePolicies(rows);
}

show::Document Node::Views::Profiles(const Query& q) const {
  std::vector<show::ProfileRow> rows;
  for (const config::IkeProfile* p : Selected(n_.model_.profiles, q.Text("NAME"))) {
    show::ProfileRow r = ProfileRowOf(*p, n_.model_.ike);
    for (const auto& [name, ipsec] : n_.model_.ipsec_profiles) r.references += ipsec.ike_profile == p->name ? 1 : 0;
    for (const auto& [id, session] : n_.sessions_) r.references += session.info.profile == p->name ? 1 : 0;
    rows.push_back(std::move(r));
  }
  if (rows.empty() && q.line.call.Find("NAME")) return Missing("IKEv2 profile", q.Text("NAME"), false);
  return show::MakeProfiles(rows);
}

show::Document Node::Views::AuthorizationPolicies(const Query& q) const {
  const config::Model& built_in = config::BuiltInModel(n_.model_.defaults);
  std::vector<show::AuthorizationPolicyRow> rows;
  for (const config::AuthorizationPolicy* p : Selected(n_.model_.authorization_policies, q.Text("NAME"))) {
    show::AuthorizationPolicyRow r;
    r.name = p->name;
    r.origin = OriginOf(*p, built_in.authorization_policies);
    r.pool = p->pool;
    r.ipv6_pool = p->ipv6_pool;
    r.def_domain = p->def_domain;
    r.banner = p->banner;
    r.netmask = p->netmask;
    r.dns = p->dns;
    r.dns.insert(r.dns.end(), p->ipv6_dns.begin(), p->ipv6_dns.end());
    r.wins = p->wins;
    r.split_dns = p->split_dns;
    r.route_set = config::RouteSetWords(*p);
    r.route_accept_any = p->route_accept_any;
    r.route_tag = p->route_tag;
    r.route_distance = p->route_distance;
    r.session_lifetime = p->session_lifetime;
    rows.push_back(std::move(r));
  }
  if (rows.empty() && q.line.call.Find("NAME")) return Missing("IKEv2 authorization policy", q.Text("NAME"), true);
  return show::MakeAuthorizationPolicies(rows);
}

show::Document Node::Views::TransformSets(const Query& q) const {
  std::vector<show::TransformSetRow> rows;
  for (const config::TransformSet* t : Selected(n_.model_.transform_sets, q.Text("NAME")))
    rows.push_back(TransformSetRowOf(*t, config::BuiltInModel(n_.model_.defaults)));
  if (rows.empty() && q.line.call.Find("NAME")) return Missing("transform set", q.Text("NAME"), true);
  return show::MakeTransformSets(rows);
}

show::Document Node::Views::IpsecProfiles(const Query& q) const {
  const config::Model& built_in = config::BuiltInModel(n_.model_.defaults);
  std::vector<show::IpsecProfileRow> rows;
  for (const config::IpsecProfile* p : Selected(n_.model_.ipsec_profiles, q.Text("NAME"))) {
    show::IpsecProfileRow r;
    r.name = p->name;
    config::IpsecProfile written = *p;  // without what the configuration did not say
    if (p->implied_ike_profile) written.ike_profile.clear();
    r.origin = OriginOf(written, built_in.ipsec_profiles);
    r.description = p->description;
    r.ike_profile = p->ike_profile;
    r.lifetime = p->lifetime;
    r.lifetime_kilobytes = p->lifetime_kilobytes;
    r.pfs_group = p->pfs_group;
    r.replay_window = p->replay_window;
    r.offload = config::OffloadWord(p->offload);
    for (const std::string& name : p->transform_sets) {
      const auto it = n_.model_.transform_sets.find(name);
      if (it == n_.model_.transform_sets.end()) r.missing.push_back(name);
      else r.transform_sets.push_back(TransformSetRowOf(it->second, built_in));
    }
    rows.push_back(std::move(r));
  }
  if (rows.empty() && q.line.call.Find("NAME")) return Missing("IPsec profile", q.Text("NAME"), true);
  return show::MakeIpsecProfiles(rows);
}

show::Document Node::Views::Pools(const Query& q) const {
  const bool v6 = q.Has("ipv6");
  const auto& state = v6 ? n_.ipv6_pools_ : n_.pools_;
  std::vector<show::PoolRow> rows;
  for (const config::LocalPool* p : Selected(v6 ? n_.model_.ipv6_pools : n_.model_.pools, q.Text("NAME"))) {
    const auto pool = state.find(p->name);
    rows.push_back({p->name, p->first, p->last, p->length, SizeOf(*p), pool == state.end() ? 0 : pool->second.leased()});
  }
  if (rows.empty() && q.line.call.Find("NAME")) return Missing("local pool", q.Text("NAME"), false);
  return v6 ? show::MakeIpv6Pools(rows) : show::MakePools(rows);
}

// What becomes of the block: its tunnel's session, or why there is none.
void Node::Views::AddClientState(show::FlexClientRow& r) const {
  r.state = "DOWN";
  const config::Interface* i = r.tunnel.empty() ? nullptr : n_.FindInterface(r.tunnel);
  const auto tunnel = n_.tunnels_.find(r.tunnel);
  if (r.tunnel.empty()) r.why = "it has no 'client connect'";
  else if (i == nullptr) r.why = absl::StrCat("there is no interface ", r.tunnel);
  else if (i->client.name != r.name) r.why = absl::StrCat(r.tunnel, " has no 'tunnel destination dynamic', or another block connects it");
  else if (i->down()) r.why = i->shutdown ? absl::StrCat(r.tunnel, " is shut down") : i->inoperative;
  else if (tunnel == n_.tunnels_.end()) r.why = "its IKEv2 profile is not usable";
  if (!r.why.empty()) return;
  r.peer = n_.HubOf(*i).value_or(net::IpAddress());
  if (const auto source = n_.SourceAddress(*i)) r.source = absl::StrCat(source->ToString(), " ", n_.DeviceOf(*source));
  if (const auto session = n_.sessions_.find(tunnel->second.session); session != n_.sessions_.end()) {
    r.state = tunnel->second.up ? "ACTIVE" : "NEGOTIATING";
    if (tunnel->second.up) r.peer = session->second.info.remote.address;
  } else if (!tunnel->second.looking_up.empty()) {
    r.why = absl::StrCat("looking for the address of ", tunnel->second.looking_up);
  } else if (!n_.MayCall(tunnel->second, *i)) {
    r.why = "'connect manual': say 'crypto ikev2 client flexvpn connect'";
  } else {
    r.why = tunnel->second.waiting_for.empty() ? "no hub has answered; it tries again soon" : tunnel->second.waiting_for;
  }
}

show::Document Node::Views::FlexClients(const Query& q) const {
  std::vector<show::FlexClientRow> rows;
  const std::string name = q.Text("NAME");
  for (const config::Statement& block : n_.model_.kept)
    if (block.StartsWith("crypto ikev2 client flexvpn") && (name.empty() || block.Text("NAME") == name)) {
      rows.push_back(FlexClientRowOf(block));
      AddClientState(rows.back());
    }
  if (rows.empty() && !name.empty()) return Missing("client block", name, false);
  return show::MakeFlexClients(rows);
}

show::Document Node::Views::RunningConfig(const Query& q) const {
  return show::MakeRunningConfig(config::Render(n_.model_, q.Has("all"), q.privileged, n_.cipher_));
}

}  // namespace flexvpn::node
