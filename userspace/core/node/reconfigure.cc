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
config::IkeProfile Essence(config::IkeProfile p) {
  p.description.clear();
  p.match_remote.clear();
  p.match_certificate.clear();
  p.match_local_addresses.clear();
  p.match_local_interfaces.clear();
  p.authorization.clear();  // SameAuthorization
  p.inbound_only = false;
  p.kept.clear();
  return p;
}
config::IpsecProfile Essence(config::IpsecProfile p) {
  p.description.clear();
  p.responder_only = false;
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

Reconfiguration::Reconfiguration(const config::Model& from, const config::Model& to) : from_(from), to_(to) {
  for (const auto& [name, was] : from.keyrings) {
    const auto is = to.keyrings.find(name);
    if (is == to.keyrings.end() || was == is->second) continue;
    KeyringChange& change = keyrings_[name];
    Entries before(was.peers), after(is->second.peers);
    StripEqual(before, after);
    change.reordered = Split(before, after, &change.was) != Split(after, before, &change.is);
  }
}

bool Reconfiguration::Concerns(const Basis& s) const {
  if (!SameClient(s)) return true;
  return !SameInterface(s.interface) || !SameProfile(s) || !SameIpsec(s.interface) || !SameAuthorization(s);
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
  // Whose address it borrows, and that address.
  const config::Interface* a = config::AddressOwner(from_, name);
  const config::Interface* b = config::AddressOwner(to_, name);
  if (a == nullptr || b == nullptr) return a == b;
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

bool Reconfiguration::SameIpsec(const std::string& interface) const {
  const auto was = from_.ipsec_profiles.find(from_.interfaces.at(interface).ipsec_profile);
  const auto is = to_.ipsec_profiles.find(to_.interfaces.at(interface).ipsec_profile);
  if (was == from_.ipsec_profiles.end() || is == to_.ipsec_profiles.end()) return false;
  if (!(was->second == is->second) && !(Essence(was->second) == Essence(is->second))) return false;
  return std::all_of(is->second.transform_sets.begin(), is->second.transform_sets.end(),
                     [&](const std::string& t) { return SameEntry(from_.transform_sets, to_.transform_sets, t); });
}

bool Reconfiguration::SameAuthorization(const Basis& s) const {
  if (!s.pool.empty() && !SameEntry(from_.pools, to_.pools, s.pool)) return false;
  const std::string method = AuthorizationMethod(s.info);
  const config::AuthorizationPolicy* was = FindAuthorization(from_, from_.profiles.at(s.info.profile), method);
  const config::AuthorizationPolicy* is = FindAuthorization(to_, to_.profiles.at(s.info.profile), method);
  if (was == nullptr || is == nullptr) return was == is;
  if (!(*was == *is)) return false;
  if (!is->route_set_interface_name.empty() && !SameEntry(from_.interfaces, to_.interfaces, is->route_set_interface_name))
    return false;
  return std::all_of(is->route_set_access_lists.begin(), is->route_set_access_lists.end(),
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
  for (const auto& [id, s] : sessions_)  // what is still being negotiated goes by the old configuration: begun anew
    if (!s.up || change.Concerns({s.info, s.config_interface, s.pool}) ||
        (s.info.remote.carrier == net::Carrier::kTcpAccepted && model_.ike.tcp_port == 0))
      changed.push_back(id);
  for (ike::IkeSaId id : changed) Terminate(id, "configuration changed");
  Pump();
  for (auto& [name, tunnel] : tunnels_)
    if (!tunnel.up) tunnel.hub = 0, tunnel.tcp_next = false;  // what has ended was no hub's fault
  Listen(config::FrontDoorVrfs(model_));
  restarts_.restarted = changed.size();
  Say(Log::Level::kInfo, absl::StrCat("new configuration in force; ", restarts_.restarted, " of ", restarts_.sessions,
                                      " sessions restarted"));
  OnLocalNetwork(LocalNetwork(network_));
  for (auto& [id, peer] : peers_)
    if (!SameEntry(old.interfaces, model_.interfaces, peer.config_interface)) RefreshPeer(peer);
}

}  // namespace flexvpn::node
