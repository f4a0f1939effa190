// SPDX-License-Identifier: Apache-2.0
// Remote ends: Tunnel and Virtual-Access interfaces, their overlay addresses and routes.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/node/authorization.h"
#include "core/node/node.h"

namespace flexvpn::node {

// Callers without an identity are a peer each; on a Tunnel the address it calls is the peer.
std::string Node::PeerKey(const std::string& interface, const ike::SessionInfo& info) {
  std::string who = info.remote_id.ToString();
  if (ike::IsAnonymous(info))
    who = absl::StartsWith(interface, "Virtual-Template") ? absl::StrCat("null, session ", info.id.value()) : "null, caller";
  return absl::StrCat(interface, "|", who, "|", info.local.address.ToString(), "|", info.remote.address.ToString());
}

bool Node::SameOwner(const Peer& a, const Peer& b) {
  return a.identity == b.identity && !a.anonymous && !b.anonymous;
}

Node::Peer& Node::FindOrCreatePeer(const Session& session) {
  const std::string key = PeerKey(session.config_interface, session.info);
  if (auto it = peer_by_key_.find(key); it != peer_by_key_.end()) return peers_[it->second];
  // The low 16 bits make the link-local next hop, so they are unique too (as long as 65,535 peers leave room).
  auto taken = [&](uint32_t id) {
    return (id & 0xffff) == 0 || std::any_of(peers_.begin(), peers_.end(), [&](const auto& p) {
             return (p.first.value() & 0xffff) == (id & 0xffff);
           });
  };
  for (int tries = 0; next_peer_ > net::kMaxPeerId || (tries < 0x10000 && taken(next_peer_)); ++tries)
    next_peer_ = next_peer_ >= net::kMaxPeerId ? 1 : next_peer_ + 1;
  const net::PeerId id(next_peer_++);
  Peer& peer = peers_[id];
  peer_by_key_[key] = id;
  peer.id = id;
  peer.config_interface = session.config_interface;
  peer.identity = session.info.remote_id.ToString();
  peer.anonymous = ike::IsAnonymous(session.info);
  peer.local = session.info.local.address;
  peer.remote = session.info.remote.address;
  peer.vrf = session.info.local.vrf;
  peer.nat_remote = session.info.nat_remote;
  peer.in_tcp = session.info.remote.in_tcp();
  peer.created = now_;
  ClaimSource(peer);
  const config::Interface* i = FindInterface(session.config_interface);
  if (i != nullptr && i->kind == config::InterfaceKind::kVirtualTemplate) {
    uint32_t n = 1;
    while (access_numbers_.contains(n)) ++n;
    access_numbers_.insert(n);
    peer.interface = absl::StrCat("Virtual-Access", n);
  } else {
    peer.interface = session.config_interface;
  }
  peer.local_protocol = peer.known_as = OverlayAddresses(session.config_interface);
  DropRoutesOver(peer.remote, peer.vrf, peer.identity);
  return peer;
}

void Node::DropRoutesOver(const net::IpAddress& remote, net::VrfId vrf, const std::string& whom) {
  if (vrf) return;  // they go by another table
  const auto covers = [&](const net::Prefix& p) { return p.length() > 0 && p.Contains(remote); };
  std::vector<std::pair<net::PeerId, net::Prefix>> bad;
  for (const auto& [id, other] : peers_)
    for (const net::Prefix& p : other.prefixes)
      if (covers(p)) bad.emplace_back(id, p);
  for (const auto& [id, prefix] : bad) {
    Peer& other = peers_.at(id);
    other.prefixes.erase(prefix);
    rib_.Remove(prefix, id);
    SyncRoute(prefix);
    Say(Log::Level::kWarning, absl::StrCat("route ", prefix.ToString(), " from ", other.identity,
                                           " withdrawn: it covers the outer address of ", whom));
  }
  std::vector<std::pair<net::Prefix, net::PeerId>> shortcuts;
  for (const auto& [prefix, id] : shortcuts_)
    if (covers(prefix)) shortcuts.emplace_back(prefix, id);
  for (const auto& [prefix, id] : shortcuts) {
    OnShortcutDown({prefix, id});
    Nhrp([&, &p = prefix, peer = id](auto& nhrp, auto& a) { nhrp.ShortcutRefused(p, peer, now_, a); });
  }
}

bool Node::PeerUsable(const Peer& peer) const {
  return std::any_of(peer.children.begin(), peer.children.end(), [&](ike::ChildId id) {
    const Child& c = children_.at(id);
    return c.in && c.out;
  });
}

// IPv4: its overlay address; while that is unknown, and for IPv6, a link-local address made of its number.
net::IpAddress Node::NextHopOf(const Peer& peer, net::Family family) {
  const uint32_t number = peer.id.value();
  if (family == net::Family::kIpv4)
    return peer.remote_protocol.v4().empty() ? net::IpAddress::V4(0xa9fe0000 | (number & 0xffff)) : peer.remote_protocol.v4();
  ByteWriter w;
  for (uint32_t word : {0xfe800000u, 0u, 0u, number}) w.U32(word);
  return net::IpAddress::FromBytes(w.view());
}

net::DualAddress Node::OverlayAddresses(const std::string& interface) const {
  return {OverlayAddress(interface), OverlayAddress6(interface)};
}

void Node::SetOverlay(Peer& peer, const net::IpAddress& address) {
  if (peer.remote_protocol.Has(address) || !address.is_routable() || rib_.IsSelf(address)) return;
  Peer* former = nullptr;
  if (auto it = peer_by_overlay_.find(address); it != peer_by_overlay_.end()) {
    Peer* other = FindPeer(it->second);
    // The same spoke again under another number (new NAT mapping, reconnect) takes over; a stranger does not.
    if (other != nullptr && !SameOwner(*other, peer) && other->up) {
      Say(Log::Level::kWarning, absl::StrCat(peer.identity, " claims overlay address ", address.ToString(), " of ",
                                             other->identity, ": refused"));
      return;
    }
    if (other != nullptr) other->remote_protocol.Clear(address.family());
    former = other;
  }
  peer_by_overlay_.erase(peer.remote_protocol.Of(address.family()));
  peer.remote_protocol.Set(address);
  peer_by_overlay_[address] = peer.id;
  if (peer.up) RefreshPeer(peer);                              // takes the next hop over
  if (former != nullptr && former->up) RefreshPeer(*former);   // and the other one gets its own
}

void Node::ForgetOverlay(Peer& peer, net::Family family) {
  const net::IpAddress address = peer.remote_protocol.Of(family);
  if (address.empty()) return;
  peer_by_overlay_.erase(address);
  peer.remote_protocol.Clear(family);
  if (peer.up) RefreshPeer(peer);
}

std::vector<ike::IkeSaId> Node::SyncOverlayAddresses() {
  std::map<std::string, net::DualAddress> addresses;
  std::vector<ike::IkeSaId> outdated;
  for (auto& [id, peer] : peers_) {
    const auto [own, fresh] = addresses.try_emplace(peer.config_interface);
    if (fresh) own->second = OverlayAddresses(peer.config_interface);
    if (peer.local_protocol == own->second) continue;
    peer.local_protocol = own->second;
    RefreshPeer(peer);
    bool another = false;  // an address that is away for a while may come back
    for (net::Family family : net::kFamilies) {
      const net::IpAddress &now = own->second.Of(family), &before = peer.known_as.Of(family);
      another = another || (!now.empty() && !before.empty() && now != before);
    }
    peer.known_as.Set(own->second.v4());
    peer.known_as.Set(own->second.v6());
    const config::Interface* i = FindInterface(peer.config_interface);
    const bool by_nhrp = i != nullptr && i->kind == config::InterfaceKind::kVirtualTemplate && i->nhrp.network_id != 0;
    for (ike::IkeSaId session : peer.sessions)
      if (sessions_.at(session).configured) to_tell_.insert(session);
      else if (by_nhrp && another) outdated.push_back(session);
  }
  std::vector<net::IpAddress> by_name;
  for (const auto& [name, policy] : model_.authorization_policies)
    if (!policy.route_set_interface_name.empty())
      for (const net::IpAddress& a : AnnouncedAddresses(policy, "")) by_name.push_back(a);
  if (std::exchange(announced_by_name_, by_name) != by_name)
    for (const auto& [id, session] : sessions_)
      if (session.up && session.configured) to_tell_.insert(id);
  if (!to_tell_.empty() && !tell_at_) tell_at_ = now_;
  return outdated;
}

void Node::EndOutdated(const std::vector<ike::IkeSaId>& sessions) {
  for (ike::IkeSaId id : sessions) Terminate(id, "our overlay address has changed");
}

void Node::TellNhrp(const Peer& peer) {
  const config::Interface* i = FindInterface(peer.config_interface);
  if (i == nullptr || i->nhrp.network_id == 0) return;
  nhrp::PeerInfo info;
  info.id = peer.id;
  info.network_id = i->nhrp.network_id;
  info.local_nbma = peer.local;
  info.remote_nbma = peer.remote;
  info.local_protocol = peer.local_protocol;
  info.remote_protocol = peer.remote_protocol;
  info.behind_nat = peer.nat_remote || peer.in_tcp;  // nobody can call it in UDP
  info.caller = i->kind == config::InterfaceKind::kVirtualTemplate;
  info.owner = peer.anonymous ? "" : peer.identity;
  info.interface = peer.interface;
  Nhrp([&](auto& nhrp, auto& a) { nhrp.PeerUp(info, now_, a); });
}

void Node::BringPeerUp(Peer& peer) {
  peer.up = true;
  peer.local_protocol = peer.known_as = OverlayAddresses(peer.config_interface);
  RefreshPeer(peer);
  if (const config::Interface* i = FindInterface(peer.config_interface);
      i != nullptr && i->kind == config::InterfaceKind::kVirtualTemplate && peer.prefixes.empty())
    peer.idle_at = now_ + options_.idle_shortcut;
  peer.confirm_at = now_ + options_.confirm;
  // With every static tunnel back, what an earlier run left (its shortcuts lead to peers that are about to give it up)
  // is in the way.
  if (orphans_at_ && !tunnels_.empty() &&
      std::all_of(tunnels_.begin(), tunnels_.end(), [](const auto& t) { return t.second.up; }))
    orphans_at_ = std::min(*orphans_at_, now_ + options_.orphan_settle);
}

void Node::Confirm(Peer& peer) {
  if (!peer.up) return;
  peer.confirmed = true;
  peer.confirm_at.reset();
  std::vector<nhrp::TunnelToken> tokens = std::exchange(peer.tokens, {});
  // Those of its own sessions, and those whose own attempt is still on its way.
  for (auto& [id, session] : sessions_) {
    if (session.tokens.empty()) continue;
    if (session.peer != peer.id &&
        (!session.shortcut || session.up || session.info.remote.address != peer.remote ||
         session.info.remote.vrf != peer.vrf || peer.nat_remote))
      continue;
    for (nhrp::TunnelToken token : std::exchange(session.tokens, {})) tokens.push_back(token);
  }
  std::erase_if(deferred_, [&](const Deferred& d) {
    const config::Interface* vt = ShortcutTemplate(d.need.network_id);
    const bool served = d.need.nbma == peer.remote && !peer.nat_remote && !d.need.behind_nat &&
                        VrfIdOf(vt == nullptr ? "" : vt->tunnel_vrf) == peer.vrf;
    if (served) tokens.push_back(d.need.token);
    return served;
  });
  for (nhrp::TunnelToken token : tokens)
    Nhrp([&](auto& nhrp, auto& a) { nhrp.TunnelReady(token, peer.id, now_, a); });
}

// As responder: `aaa … session-lifetime`.
void Node::SetEnd(Session& session, const config::AuthorizationPolicy& policy) {
  if (session.ends_at) session_ends_.erase({*session.ends_at, session.info.id});
  session.ends_at.reset();
  if (session.info.initiator || !policy.session_lifetime) return;
  session.ends_at = session.created + *policy.session_lifetime;
  session_ends_.emplace(*session.ends_at, session.info.id);
}

void Node::EndSessions() {
  while (!session_ends_.empty() && session_ends_.begin()->first <= now_) {
    const ike::IkeSaId id = session_ends_.begin()->second;
    session_ends_.erase(session_ends_.begin());
    if (sessions_.contains(id)) Terminate(id, "its session-lifetime is over");
  }
  Pump();
}

void Node::RefreshPeer(Peer& peer) {
  SyncPeer(peer);
  for (const net::Prefix& p : peer.prefixes) SyncRoute(p);
  for (const auto& [prefix, id] : shortcuts_)
    if (id == peer.id) SyncRoute(prefix);
  if (peer.up) TellNhrp(peer);
}

void Node::PeerGone(net::PeerId id) {
  auto it = peers_.find(id);
  if (it == peers_.end()) return;
  Nhrp([&](auto& nhrp, auto& a) { nhrp.PeerDown(id, now_, a); });
  // Shortcuts are withdrawn before anything below them goes.
  while (!nhrp_queue_.empty()) {
    nhrp::Action action = std::move(nhrp_queue_.front());
    nhrp_queue_.pop_front();
    On(action);
  }
  it = peers_.find(id);
  if (it == peers_.end()) return;
  it->second.up = false;
  const std::set<net::Prefix> prefixes = it->second.prefixes;
  for (const net::Prefix& p : prefixes) rib_.Remove(p, id);
  std::vector<net::Prefix> shortcuts;
  for (const auto& [prefix, peer] : shortcuts_)
    if (peer == id) shortcuts.push_back(prefix);
  for (const net::Prefix& p : shortcuts) OnShortcutDown({p, id});
  uint32_t n = 0;
  if (absl::string_view(it->second.interface).substr(0, 14) == "Virtual-Access" &&
      absl::SimpleAtoi(it->second.interface.substr(14), &n))
    access_numbers_.erase(n);
  for (net::Family family : net::kFamilies)
    if (auto o = peer_by_overlay_.find(it->second.remote_protocol.Of(family)); o != peer_by_overlay_.end() && o->second == id)
      peer_by_overlay_.erase(o);
  std::erase_if(peer_by_key_, [&](const auto& entry) { return entry.second == id; });
  RemovePeerObjects(id);
  peers_.erase(it);
  if (!refused_sources_.empty()) RenewSources();
  for (const net::Prefix& p : prefixes) SyncRoute(p);
  Nhrp([&](auto& nhrp, auto& a) { nhrp.RoutesChanged(now_, a); });
}

void Node::PeerTick() {
  std::vector<ike::IkeSaId> close;
  for (auto& [id, peer] : peers_) {
    if (peer.confirm_at && now_ >= *peer.confirm_at) Confirm(peer);
    if (peer.dedupe_at && now_ >= *peer.dedupe_at) {
      peer.dedupe_at.reset();
      // Both ends know both SPIs, so both choose the same survivor; who started the other one closes it.
      std::vector<const Session*> up;
      for (ike::IkeSaId s : peer.sessions)
        if (auto it = sessions_.find(s); it != sessions_.end() && it->second.up) up.push_back(&it->second);
      if (up.size() < 2) continue;
      const Session* survivor = *std::min_element(up.begin(), up.end(), [](const Session* a, const Session* b) {
        return a->info.spi_i < b->info.spi_i;
      });
      for (const Session* s : up)
        if (s != survivor && s->info.initiator) close.push_back(s->info.id);
    }
    if (peer.idle_at && now_ >= *peer.idle_at) {
      const bool used = std::any_of(shortcuts_.begin(), shortcuts_.end(), [&, pid = id](const auto& s) { return s.second == pid; });
      peer.idle_at = now_ + options_.idle_shortcut;
      if (used || !peer.prefixes.empty()) continue;
      for (ike::IkeSaId s : peer.sessions)
        if (auto it = sessions_.find(s); it != sessions_.end() && it->second.info.initiator && !it->second.assigned)
          close.push_back(s);
    }
  }
  for (ike::IkeSaId id : close) Terminate(id, "not needed any more");
}

nhrp::RouteResult Node::Lookup(const net::IpAddress& destination) const {
  const Rib::Match m = rib_.Lookup(destination);
  switch (m.kind) {
    case Rib::Match::Kind::kSelf: return {nhrp::RouteResult::Kind::kSelf, m.prefix, {}};
    case Rib::Match::Kind::kLocal: return {nhrp::RouteResult::Kind::kExit, m.prefix, {}};
    case Rib::Match::Kind::kPeer: return {nhrp::RouteResult::Kind::kPeer, m.prefix, m.peer};
    case Rib::Match::Kind::kNone: break;
  }
  return {};
}

bool Node::Announces(net::PeerId id, const net::IpAddress& destination) const {
  const Peer* peer = FindPeer(id);
  return peer != nullptr && std::any_of(peer->prefixes.begin(), peer->prefixes.end(),
                                        [&](const net::Prefix& p) { return p.length() > 0 && p.Contains(destination); });
}

uint32_t Node::NetworkOf(net::PeerId id) const {
  const Peer* peer = FindPeer(id);
  const config::Interface* i = peer == nullptr ? nullptr : FindInterface(peer->config_interface);
  return i == nullptr ? 0 : i->nhrp.network_id;
}

void Node::OnShortcutUp(const nhrp::ShortcutUp& up) {
  const Peer* peer = FindPeer(up.peer);
  if (peer == nullptr || !peer->up) return;
  const Rib::Match below = rib_.Lookup(up.prefix.address());
  const bool ours = below.kind == Rib::Match::Kind::kSelf || below.kind == Rib::Match::Kind::kLocal;
  if ((ours && below.prefix.length() <= up.prefix.length()) || !RoutableOverTunnel(up.prefix, *peer)) {
    if (const auto had = shortcuts_.find(up.prefix); had != shortcuts_.end() && NetworkOf(had->second) == NetworkOf(up.peer))
      OnShortcutDown({up.prefix, had->second});  // it was to be replaced
    return Nhrp([&](auto& nhrp, auto& a) { nhrp.ShortcutRefused(up.prefix, up.peer, now_, a); });
  }
  const bool fresh = !shortcuts_.contains(up.prefix);
  shortcuts_[up.prefix] = up.peer;
  if (up.prefix.family() == net::Family::kIpv6) SyncPeer(*peer);  // its first may need a next hop of that family
  SyncRoute(up.prefix);
  if (fresh)
    Say(Log::Level::kInfo, absl::StrCat("shortcut ", up.prefix.ToString(), " via ", up.next_hop.ToString(), " ",
                                        peer->interface, " (", peer->remote.ToString(), ")"));
}

// Another NHRP network may have replaced it.
void Node::OnShortcutDown(const nhrp::ShortcutDown& down) {
  const auto it = shortcuts_.find(down.prefix);
  if (it == shortcuts_.end() || it->second != down.peer) return;
  shortcuts_.erase(it);
  SyncRoute(down.prefix);
  Say(Log::Level::kInfo, absl::StrCat("shortcut ", down.prefix.ToString(), " withdrawn"));
}

}  // namespace flexvpn::node
