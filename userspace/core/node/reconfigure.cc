// SPDX-License-Identifier: Apache-2.0
#include "core/node/reconfigure.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
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
// Without that which a session that is up can take over, or has no more use for.
config::IkeProfile Essence(config::IkeProfile p) {
  const config::IkeProfile fresh;
  p.description.clear();
  p.match_remote.clear();
  p.match_certificate.clear();
  p.match_local_addresses.clear();
  p.match_local_interfaces.clear();
  p.authorization.clear();  // OfAuthorization
  p.inbound_only = false;
  p.dpd.reset();
  p.nat_keepalive.reset();
  p.lifetime = fresh.lifetime;
  p.reconnect = fresh.reconnect;
  p.ticket_by_reference = p.local_rsa_pss = p.initial_contact_force = false;
  p.config_exchange_set_send = true;
  p.childless = fresh.childless;
  p.kept.clear();
  return p;
}

using Entries = absl::Span<const config::KeyringPeer>;

// Takes what both begin and end with from them: of thousands of entries that leaves the few that a change is about.
void StripEqual(Entries& a, Entries& b) {
  const auto front = static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  a.remove_prefix(front);
  b.remove_prefix(front);
  const auto back = static_cast<size_t>(std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend()).first - a.rbegin());
  a.remove_suffix(back);
  b.remove_suffix(back);
}

// Entries of `a` that `b` does not have like this, and the names of the others in order.
std::vector<std::string> Split(Entries a, Entries b, config::Keyring* changed) {
  std::unordered_map<std::string, const config::KeyringPeer*> other;
  for (const config::KeyringPeer& p : b) other[p.name] = &p;
  std::vector<std::string> same;
  for (const config::KeyringPeer& p : a) {
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
      same_suites_(from.proposals == to.proposals && from.policies == to.policies) {
  for (const auto& [name, was] : from.keyrings) {
    const auto is = to.keyrings.find(name);
    if (is == to.keyrings.end() || was == is->second) continue;
    KeyringChange& change = keyrings_[name];
    Entries before(was.peers), after(is->second.peers);
    StripEqual(before, after);
    change.reordered = Split(before, after, &change.was) != Split(after, before, &change.is);
  }
}

Reconfiguration::Effect Reconfiguration::On(const Basis& s) {
  Effect effect;
  effect.restart = !SameClient(s) || !SameInterface(s.interface) || !SameProfile(s) || !SameIkeProfile(s.interface);
  if (!effect.restart) OfTerms(s, effect);
  if (!effect.restart) OfAuthorization(s, effect);
  return effect;
}

// A list of hubs may change around the one in use.
bool Reconfiguration::SameClient(const Basis& s) const {
  const auto was = from_.interfaces.find(s.interface), is = to_.interfaces.find(s.interface);
  if (was == from_.interfaces.end() || is == to_.interfaces.end() || !is->second.destination_dynamic) return true;
  const auto& hubs = is->second.client.hubs;
  const bool listed = s.hub_name.empty() ? is->second.Calls(s.info.remote.address)
                                         : std::find(hubs.begin(), hubs.end(), config::Hub{{}, s.hub_name}) != hubs.end();
  if (was->second.client.hubs != hubs && !listed) return false;
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
  const config::Interface* a6 = config::Ipv6AddressOwner(from_, interface);
  const config::Interface* b6 = config::Ipv6AddressOwner(to_, interface);
  if (a6 == nullptr || b6 == nullptr ? a6 != b6 : a6->name != b6->name || a6->ipv6_addresses != b6->ipv6_addresses) return false;
  return a->name == b->name && a->address == b->address && a->prefix_length == b->prefix_length && a->down() == b->down();
}

bool Reconfiguration::SameProfile(const Basis& s) const {
  const auto was = from_.profiles.find(s.info.profile), is = to_.profiles.find(s.info.profile);
  if (was == from_.profiles.end() || is == to_.profiles.end() || is->second.down()) return false;
  if (!(was->second == is->second)) {
    if (!(Essence(was->second) == Essence(is->second))) return false;
    if (!ProfileAccepts(to_, is->second, s.info.remote_id, s.info.remote_certificate.get())) return false;
  }
  return SameKeys(s, was->second, is->second) && SameCertificates(s.info, was->second, is->second);
}

bool Reconfiguration::SameKeys(const Basis& s, const config::IkeProfile& was, const config::IkeProfile& is) const {
  if (from_.keyrings.contains(was.keyring) != to_.keyrings.contains(was.keyring)) return false;
  // Whole keyrings are compared once, not for each session: keyrings_ has those that differ.
  const auto change = keyrings_.find(was.keyring);
  if (change == keyrings_.end()) return true;
  // Who calls asks by address, or takes the entry that the profile names; who answers knows the peer's name by then.
  const std::optional<ike::Identity> id = s.info.initiator ? std::nullopt : std::optional(s.info.remote_id);
  const net::IpAddress& remote = s.key_address;
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

bool Reconfiguration::SameIkeProfile(const std::string& interface) const {
  const auto was = from_.ipsec_profiles.find(from_.interfaces.at(interface).ipsec_profile);
  const auto is = to_.ipsec_profiles.find(to_.interfaces.at(interface).ipsec_profile);
  return was != from_.ipsec_profiles.end() && is != to_.ipsec_profiles.end() &&
         was->second.ike_profile == is->second.ike_profile;
}

const Reconfiguration::TermsChange& Reconfiguration::ChangeOf(const Basis& s) {
  const auto [it, fresh] = terms_.try_emplace({s.info.profile, s.interface});
  if (fresh)
    it->second = {MakeTerms(from_, from_.profiles.at(s.info.profile), from_.interfaces.at(s.interface)),
                  MakeTerms(to_, to_.profiles.at(s.info.profile), to_.interfaces.at(s.interface))};
  return it->second;
}

const ike::SessionTerms& Reconfiguration::Terms(const Basis& session) { return ChangeOf(session).is; }

const std::vector<ike::Suite>* Reconfiguration::Suites(const LocalEnd& local) {
  if (same_suites_) return nullptr;
  const auto [it, fresh] = suites_.try_emplace({local.address, local.fvrf});
  if (fresh) it->second = IkeSuites(to_, local);
  return &it->second;
}

// A rekey can change everything of a Child SA but its mode and selectors.
void Reconfiguration::OfTerms(const Basis& s, Effect& effect) {
  const auto& [was, is] = ChangeOf(s);
  effect.restart = is.child.proposals.empty() || was.child.transport != is.child.transport ||
                   was.child.tunnel != is.child.tunnel || was.child.local != is.child.local || was.child.remote != is.child.remote;
  effect.terms = !same_suites_ || !(was == is);
}

void Reconfiguration::OfAuthorization(const Basis& s, Effect& effect) const {
  const std::string method = AuthorizationMethod(s.info);
  const config::IkeProfile &before = from_.profiles.at(s.info.profile), &after = to_.profiles.at(s.info.profile);
  const config::AuthorizationPolicy* was = FindAuthorization(from_, before, method);
  const config::AuthorizationPolicy* is = FindAuthorization(to_, after, method);
  effect.restart = (was == nullptr) != (is == nullptr) ||
                   (is != nullptr && (was->pool != is->pool || was->ipv6_pool != is->ipv6_pool));
  if (effect.restart || is == nullptr) return;
  const auto lost = [](const std::map<std::string, config::LocalPool>& pools, const std::string& name, const std::optional<net::Prefix>& had) {
    const auto pool = pools.find(name);
    return !name.empty() && (pool == pools.end() || !had || !Contains(pool->second, *had));
  };
  effect.restart = lost(to_.pools, s.pool, s.assigned ? std::optional(net::Prefix::Host(*s.assigned)) : std::nullopt) ||
                   lost(to_.ipv6_pools, s.pool6, s.assigned6);
  effect.announce = !SameAnnouncements(*was, *is) || (after.config_exchange_set_send && !before.config_exchange_set_send);
  effect.accept = was->route_accept_any != is->route_accept_any || was->route_distance != is->route_distance ||
                  was->route_tag != is->route_tag;
  effect.limits = was->session_lifetime != is->session_lifetime;
  effect.handout = HandoutText(*was) != HandoutText(*is);
}

// The same names may stand for other networks.
bool Reconfiguration::SameAnnouncements(const config::AuthorizationPolicy& was, const config::AuthorizationPolicy& is) const {
  const std::string& interface = is.route_set_interface_name;
  return was.route_set_interface == is.route_set_interface && was.route_set_interface_name == interface &&
         was.route_set_remote == is.route_set_remote && was.route_set_access_lists == is.route_set_access_lists &&
         (interface.empty() || SameAddress(interface)) &&
         std::all_of(is.route_set_access_lists.begin(), is.route_set_access_lists.end(),
                     [&](const std::string& l) { return SameEntry(from_.access_lists, to_.access_lists, l); });
}

// --- the node -------------------------------------------------------------------------------------------------
void Node::OnNewConfig(config::Model model, Pki pki) {
  // New certificates and CRLs count from the next authentication on: a renewal interrupts nobody.
  const bool same_files = SamePki(pki_, pki);
  pki_ = std::move(pki);
  restarts_ = {0, sessions_.size()};
  config_changed_at_ = now_;
  if (model == model_)
    return Say(Log::Level::kInfo, same_files ? "configuration unchanged" : "certificates and CRLs read again");
  const config::Model old = std::exchange(model_, std::move(model));
  std::set<std::string> both = config::FrontDoorVrfs(old);  // the peers of those that end are told
  both.merge(config::FrontDoorVrfs(model_));
  Listen(both);
  for (auto& [name, tunnel] : tunnels_) {  // what is asked again may be of another family
    tunnel.looking_up.clear();
    tunnel.trial_looking_up.clear();
  }
  Configure();
  Reconfiguration change(old, model_);
  std::vector<ike::IkeSaId> changed;
  std::vector<std::pair<ike::IkeSaId, Reconfiguration::Effect>> renewed;
  for (const auto& [id, s] : sessions_) {
    Reconfiguration::Effect effect{.restart = true};  // what is still being negotiated goes by the old configuration
    if (s.up) effect = change.On(BasisOf(s));
    if (s.info.remote.carrier == net::Carrier::kTcpAccepted && model_.ike.tcp_port == 0) effect.restart = true;
    if (effect.restart) changed.push_back(id);
    else if (effect.any()) renewed.emplace_back(id, effect);
  }
  for (ike::IkeSaId id : changed) Terminate(id, "configuration changed");
  Pump();
  for (auto& [name, tunnel] : tunnels_) {
    FindHubAgain(tunnel);
    if (!tunnel.up) tunnel.tcp_next = false;  // what has ended was no hub's fault
  }
  Listen(config::FrontDoorVrfs(model_));
  restarts_.restarted = changed.size();
  MakeWayToHubs();
  OnLocalNetwork(LocalNetwork(network_));
  for (const auto& [id, effect] : renewed)
    if (const auto s = sessions_.find(id); s != sessions_.end() && s->second.up) Renew(s->second, effect, change);
  TellRoutes();
  Say(Log::Level::kInfo, absl::StrCat("new configuration in force; ", restarts_.restarted, " of ", restarts_.sessions,
                                      " sessions restarted, ", restarts_.renewed, " changed in place"));
  for (auto& [id, peer] : peers_)
    if (!SameEntry(old.interfaces, model_.interfaces, peer.config_interface)) RefreshPeer(peer);
}

// A hub that the configuration names by its address is in the underlay, whatever peers have said before.
void Node::MakeWayToHubs() {
  for (const auto& [name, i] : model_.interfaces) {
    if (!i.tunnel_vrf.empty()) continue;
    for (const config::Hub& hub : i.Hubs())
      if (hub.name.empty()) DropRoutesOver(hub.address, {}, absl::StrCat(name, "'s hub"));
  }
}

Reconfiguration::Basis Node::BasisOf(const Session& s) {
  return {s.info, s.config_interface, s.pool, s.assigned, s.pool6, s.assigned6, s.key_address, s.hub_name};
}

// A session that goes on under the new configuration.
void Node::Renew(Session& session, const Reconfiguration::Effect& effect, Reconfiguration& change) {
  ++restarts_.renewed;
  if (effect.terms)
    Ike([&](auto& ike, auto& a) {
      ike.SetTerms(session.info.id, change.Terms(BasisOf(session)), change.Suites(EndOf(session.info.local)), now_, a);
    });
  const config::AuthorizationPolicy* policy = AuthorizationOf(session.info);
  if (policy == nullptr) return;
  if (effect.limits) SetEnd(session, *policy);
  if (effect.accept && !session.announced.empty())
    AcceptPrefixes(session, policy->route_accept_any ? session.announced : std::vector<net::Prefix>());
  if (effect.announce) to_tell_.insert(session.info.id);
}

// The peer of a session that was negotiated while the configuration changed may have been promised what is gone.
void Node::RenewIfJustChanged(const Session& session) {
  if (!config_changed_at_ || now_ - *config_changed_at_ > 2 * options_.ike.half_open_timeout) return;
  const auto terms = MakeTerms(model_, model_.profiles.at(session.info.profile), model_.interfaces.at(session.config_interface));
  const auto suites = IkeSuites(model_, EndOf(session.info.local));
  Ike([&](auto& ike, auto& a) { ike.SetTerms(session.info.id, terms, &suites, now_, a); });
}

// Some at a time: a hub has thousands of peers to tell.
void Node::TellRoutes() {
  if (tell_at_ && now_ < *tell_at_) return;
  tell_at_.reset();
  for (size_t n = 0; n < kToldAtOnce && !to_tell_.empty(); ++n) {
    const auto s = sessions_.find(*to_tell_.begin());
    to_tell_.erase(to_tell_.begin());
    if (s == sessions_.end() || !s->second.up || !s->second.configured) continue;
    const config::AuthorizationPolicy* policy = AuthorizationOf(s->second.info);
    if (policy != nullptr && model_.profiles.at(s->second.info.profile).config_exchange_set_send) Announce(s->second, *policy);
  }
  if (!to_tell_.empty()) tell_at_ = now_ + kToldEvery;
  Pump();
}

}  // namespace flexvpn::node
