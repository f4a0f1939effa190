// SPDX-License-Identifier: Apache-2.0
#include "core/node/reconfigure.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/node/authorization.h"
#include "core/node/node.h"

namespace flexvpn::node {
namespace {

template <class T>
bool SameEntry(const std::map<std::string, T>& a, const std::map<std::string, T>& b, const std::string& name) {
  const auto x = a.find(name), y = b.find(name);
  return (x == a.end()) == (y == b.end()) && (x == a.end() || x->second == y->second);
}

// What is left of an object without that which can change under a living session.
config::Interface Essence(config::Interface i) {
  i.description.clear();
  i.mtu = i.adjust_mss = 0;
  i.kept.clear();
  i.client = {};
  const uint32_t network = i.nhrp.network_id;
  i.nhrp = {};
  i.nhrp.network_id = network;
  return i;
}
// Without that which a session that is up can take over (policy) or has no more use for.
config::IkeProfile Essence(config::IkeProfile p) {
  const config::IkeProfile fresh;
  p.description.clear();
  p.match_remote.clear();
  p.match_certificate.clear();
  p.match_local_addresses.clear();
  p.authorization.clear();  // OfAuthorization
  p.inbound_only = false;
  p.dpd.reset();
  p.nat_keepalive.reset();
  p.lifetime = fresh.lifetime;
  p.auth_lifetime = fresh.auth_lifetime;
  p.reconnect = fresh.reconnect;
  p.ticket_by_reference = p.local_rsa_pss = p.initial_contact_force = false;
  p.config_exchange_set_send = p.config_exchange_set_accept = true;
  p.childless = fresh.childless;
  p.kept.clear();
  return p;
}
// The transform sets that a profile names and that there are.
std::vector<config::TransformSet> Sets(const config::Model& model, const config::IpsecProfile& profile) {
  std::vector<config::TransformSet> out;
  for (const std::string& name : profile.transform_sets)
    if (const auto it = model.transform_sets.find(name); it != model.transform_sets.end() && it->second.usable())
      out.push_back(it->second);
  return out;
}
// Whether Child SAs made by both are of the same mode: a rekey can change everything else.
bool SameMode(const std::vector<config::TransformSet>& a, const std::vector<config::TransformSet>& b) {
  const auto transport = [](const auto& t) { return t.transport; };
  const auto require = [](const auto& t) { return t.transport && t.transport_require; };
  return a.empty() == b.empty() && std::any_of(a.begin(), a.end(), transport) == std::any_of(b.begin(), b.end(), transport) &&
         std::all_of(a.begin(), a.end(), require) == std::all_of(b.begin(), b.end(), require);
}
// What counts at the beginning of a session alone.
bool SameHandout(const config::AuthorizationPolicy& a, const config::AuthorizationPolicy& b) {
  return a.netmask == b.netmask && a.dns == b.dns && a.ipv6_dns == b.ipv6_dns && a.wins == b.wins &&
         a.split_dns == b.split_dns && a.def_domain == b.def_domain && a.banner == b.banner;
}

// Entries of `a` that `b` does not have like this, and the names of the others in order.
std::vector<std::string> Split(const config::Keyring& a, const config::Keyring& b, config::Keyring* changed) {
  std::unordered_map<std::string, const config::KeyringPeer*> other;
  for (const config::KeyringPeer& p : b.peers) other[p.name] = &p;
  std::vector<std::string> same;
  for (const config::KeyringPeer& p : a.peers) {
    const auto it = other.find(p.name);
    if (it != other.end() && *it->second == p) same.push_back(p.name);
    else changed->peers.push_back(p);
  }
  return same;
}

std::vector<config::Trustpoint> Copies(const std::vector<const config::Trustpoint*>& list) {
  std::vector<config::Trustpoint> out;
  for (const config::Trustpoint* t : list) out.push_back(*t);
  return out;
}

}  // namespace

Reconfiguration::Reconfiguration(const config::Model& from, const config::Model& to)
    : from_(from),
      to_(to),
      same_ike_(from.ike == to.ike && from.proposals == to.proposals && from.policies == to.policies) {
  for (const auto& [name, was] : from.keyrings) {
    const auto is = to.keyrings.find(name);
    if (is == to.keyrings.end() || was == is->second) continue;
    KeyringChange& change = keyrings_[name];
    change.reordered = Split(was, is->second, &change.was) != Split(is->second, was, &change.is);
  }
}

Reconfiguration::Effect Reconfiguration::On(const Basis& s) const {
  Effect effect{.policy = !same_ike_};
  effect.restart = !SameClient(s) || !SameInterface(s.interface);
  if (!effect.restart) OfProfile(s, effect);
  if (!effect.restart) OfIpsec(s.interface, effect);
  if (!effect.restart) OfAuthorization(s, effect);
  return effect;
}

// A list of hubs may change around the one in use.
bool Reconfiguration::SameClient(const Basis& s) const {
  const auto was = from_.interfaces.find(s.interface), is = to_.interfaces.find(s.interface);
  if (was == from_.interfaces.end() || is == to_.interfaces.end() || !is->second.destination_dynamic) return true;
  if (was->second.client.hubs != is->second.client.hubs && !is->second.Calls(s.info.remote.address)) return false;
  return !is->second.source_dynamic || was->second.client.sources == is->second.client.sources;
}

bool Reconfiguration::SameInterface(const std::string& name) const {
  const auto was = from_.interfaces.find(name), is = to_.interfaces.find(name);
  if (was == from_.interfaces.end() || is == to_.interfaces.end() || is->second.down()) return false;
  if (!(was->second == is->second) && !(Essence(was->second) == Essence(is->second))) return false;
  return SameAddress(name);
}

// Whose address it borrows, and that address.
bool Reconfiguration::SameAddress(const std::string& interface) const {
  const config::Interface* a = config::AddressOwner(from_, interface);
  const config::Interface* b = config::AddressOwner(to_, interface);
  if (a == nullptr || b == nullptr) return a == b;
  return a->name == b->name && a->address == b->address && a->prefix_length == b->prefix_length && a->down() == b->down();
}

void Reconfiguration::OfProfile(const Basis& s, Effect& effect) const {
  const auto was = from_.profiles.find(s.info.profile), is = to_.profiles.find(s.info.profile);
  effect.restart = true;
  if (was == from_.profiles.end() || is == to_.profiles.end() || is->second.down()) return;
  if (!(was->second == is->second)) {
    if (!(Essence(was->second) == Essence(is->second))) return;
    if (!ProfileAccepts(to_, is->second, s.info.remote_id, s.info.remote_certificate.get())) return;
    effect.policy = effect.routes = true;
  }
  effect.restart = !SameKeys(s, was->second, is->second) || !SameCertificates(s.info, was->second, is->second);
}

bool Reconfiguration::SameKeys(const Basis& s, const config::IkeProfile& was, const config::IkeProfile& is) const {
  if (!SameEntry(from_.keyrings, to_.keyrings, was.keyring) && !keyrings_.contains(was.keyring)) return false;
  const auto change = keyrings_.find(was.keyring);
  if (change == keyrings_.end()) return true;
  // Who calls asks by address, or takes the entry that the profile names; who answers knows the peer's name by then.
  const std::optional<ike::Identity> id = s.info.initiator ? std::nullopt : std::optional(s.info.remote_id);
  const net::IpAddress& remote = s.info.remote.address;
  // A keyring has thousands of entries; those that changed are few.
  const auto named = [](const config::Keyring& k) { return std::any_of(k.peers.begin(), k.peers.end(), ByIdentityAlone); };
  const bool by_name = !id && (named(change->second.was) || named(change->second.is));
  if (!by_name && !change->second.reordered && FindKeyringPeer(change->second.was, id, remote) == nullptr &&
      FindKeyringPeer(change->second.is, id, remote) == nullptr)
    return true;
  const auto a = FindKeys(from_, was, id, remote), b = FindKeys(to_, is, id, remote);
  if (a.ok() != b.ok() || (a.ok() && (a->local != b->local || a->remote != b->remote))) return false;
  return FindPpk(from_, was, id, remote) == FindPpk(to_, is, id, remote);
}

bool Reconfiguration::SameCertificates(const ike::SessionInfo& info, const config::IkeProfile& was,
                                       const config::IkeProfile& is) const {
  if (from_.trustpoints == to_.trustpoints && from_.certificate_maps == to_.certificate_maps) return true;
  if ((is.local_rsa || is.local_elliptic) &&
      Copies(config::SigningTrustpoints(from_, was)) != Copies(config::SigningTrustpoints(to_, is)))
    return false;
  if (info.remote_certificate == nullptr) return true;
  return Copies(config::CheckingTrustpoints(from_, was)) == Copies(config::CheckingTrustpoints(to_, is)) &&
         ProfileAccepts(to_, is, info.remote_id, info.remote_certificate.get());
}

void Reconfiguration::OfIpsec(const std::string& interface, Effect& effect) const {
  const auto was = from_.ipsec_profiles.find(from_.interfaces.at(interface).ipsec_profile);
  const auto is = to_.ipsec_profiles.find(to_.interfaces.at(interface).ipsec_profile);
  effect.restart = true;
  if (was == from_.ipsec_profiles.end() || is == to_.ipsec_profiles.end()) return;
  if (was->second.ike_profile != is->second.ike_profile) return;
  effect.restart = false;
  effect.policy |= !(was->second == is->second);
  if (Sets(from_, was->second) == Sets(to_, is->second)) return;
  effect.policy = true;
  effect.restart = !SameMode(Sets(from_, was->second), Sets(to_, is->second));
}

void Reconfiguration::OfAuthorization(const Basis& s, Effect& effect) const {
  const std::string method = AuthorizationMethod(s.info);
  const config::AuthorizationPolicy* was = FindAuthorization(from_, from_.profiles.at(s.info.profile), method);
  const config::AuthorizationPolicy* is = FindAuthorization(to_, to_.profiles.at(s.info.profile), method);
  effect.restart = (was == nullptr) != (is == nullptr) || (is != nullptr && was->pool != is->pool);
  if (effect.restart || is == nullptr) return;
  if (!s.pool.empty()) {
    const auto pool = to_.pools.find(s.pool);
    effect.restart = pool == to_.pools.end() || !s.assigned || !Contains(pool->second, *s.assigned);
  }
  effect.handout = !SameHandout(*was, *is);
  effect.routes |= !(*was == *is) || !SameAnnouncements(*was, *is);
}

// The same names may stand for other networks.
bool Reconfiguration::SameAnnouncements(const config::AuthorizationPolicy& was, const config::AuthorizationPolicy& is) const {
  if (!is.route_set_interface_name.empty() && !SameEntry(from_.interfaces, to_.interfaces, is.route_set_interface_name))
    return false;
  return was.route_set_access_lists == is.route_set_access_lists &&
         std::all_of(is.route_set_access_lists.begin(), is.route_set_access_lists.end(),
                     [&](const std::string& l) { return SameEntry(from_.access_lists, to_.access_lists, l); });
}

// --- the node -------------------------------------------------------------------------------------------------
void Node::OnNewConfig(config::Model model, Pki pki) {
  // New certificates and CRLs count from the next authentication on: a renewal interrupts nobody.
  const bool same_files = SamePki(pki_, pki);
  pki_ = std::move(pki);
  restarts_ = {0, sessions_.size()};
  if (model == model_)
    return Say(Log::Level::kInfo, same_files ? "configuration unchanged" : "certificates and CRLs read again");
  const config::Model old = std::exchange(model_, std::move(model));
  std::set<std::string> both = config::FrontDoorVrfs(old);  // the peers of those that end are told
  both.merge(config::FrontDoorVrfs(model_));
  Listen(both);
  Configure();
  const Reconfiguration change(old, model_);
  std::vector<ike::IkeSaId> changed;
  std::vector<std::pair<ike::IkeSaId, Reconfiguration::Effect>> renewed;
  for (const auto& [id, s] : sessions_) {
    Reconfiguration::Effect effect{.restart = true};  // what is still being negotiated goes by the old configuration
    if (s.up) effect = change.On({s.info, s.config_interface, s.pool, s.assigned});
    if (s.info.remote.carrier == net::Carrier::kTcpAccepted && model_.ike.tcp_port == 0) effect.restart = true;
    if (effect.restart) changed.push_back(id);
    else if (effect.policy || effect.routes || effect.handout) renewed.emplace_back(id, effect);
  }
  for (ike::IkeSaId id : changed) Terminate(id, "configuration changed");
  Pump();
  for (auto& [name, tunnel] : tunnels_) {
    FindHubAgain(tunnel);
    if (!tunnel.up) tunnel.tcp_next = false;  // what has ended was no hub's fault
  }
  Listen(config::FrontDoorVrfs(model_));
  restarts_.restarted = changed.size();
  OnLocalNetwork(LocalNetwork(network_));
  for (const auto& [id, effect] : renewed)
    if (const auto s = sessions_.find(id); s != sessions_.end() && s->second.up) Renew(s->second, effect);
  Say(Log::Level::kInfo, absl::StrCat("new configuration in force; ", restarts_.restarted, " of ", restarts_.sessions,
                                      " sessions restarted, ", restarts_.renewed, " changed in place"));
  for (auto& [id, peer] : peers_)
    if (!SameEntry(old.interfaces, model_.interfaces, peer.config_interface)) RefreshPeer(peer);
}

// A session that goes on under the new configuration.
void Node::Renew(Session& session, const Reconfiguration::Effect& effect) {
  ++restarts_.renewed;
  session.handout_changed |= effect.handout;
  if (effect.policy) RenewPolicy(session);
  if (effect.routes) RenewRoutes(session);
}

void Node::RenewPolicy(const Session& session) {
  const ike::SessionInfo& info = session.info;
  const std::optional<ike::Identity> id = info.initiator ? std::nullopt : std::optional(info.remote_id);
  auto policy = MakeSessionPolicy(model_, model_.profiles.at(info.profile), model_.interfaces.at(session.config_interface), id,
                                  info.local.address, info.remote.address, pki_);
  if (!policy.ok())  // its peer has moved to where no key is configured for
    return Say(Log::Level::kWarning, absl::StrCat("IKEv2: ", info.remote_id.ToString(), " keeps what it was made with: ",
                                                  policy.status().message()));
  Ike([&](auto& ike, auto& a) {
    ike.SetPolicy(info.id, *std::move(policy), IkeSuites(model_, EndOf(info.local)), now_, a);
  });
}

// What we announce goes to the peer, what it announced is judged anew.
void Node::RenewRoutes(Session& session) {
  const config::AuthorizationPolicy* policy = AuthorizationOf(session.info);
  if (policy == nullptr) return;
  SetEnd(session, *policy);
  AcceptPrefixes(session, policy->route_accept_any ? session.announced : std::vector<net::Prefix>());
  if (model_.profiles.at(session.info.profile).config_exchange_set_send) Announce(session, *policy);
}

}  // namespace flexvpn::node
