// SPDX-License-Identifier: Apache-2.0
// Sessions whose outer addresses change: NAT mappings, MOBIKE, addresses of this machine that come and go.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/node/authorization.h"
#include "core/node/node.h"

namespace flexvpn::node {

std::string Node::SaKeyOf(const ike::ChildSa& child, dataplane::Direction direction) {
  const bool in = direction == dataplane::Direction::kIn;
  dataplane::Sa sa;
  sa.direction = direction;
  sa.spi = (in ? child.spi_in : child.spi_out).value();
  SetOuter(child, sa);
  return dataplane::Key(sa);
}

void Node::SetOuter(const ike::ChildSa& child, dataplane::Sa& sa) {
  const bool in = sa.direction == dataplane::Direction::kIn;
  sa.source = in ? child.remote : child.transport ? FlowSource(child.local) : child.local;
  sa.destination = in ? child.local : child.remote;
  const uint16_t local_port = child.udp_encap ? child.local_port : 0;
  const uint16_t remote_port = child.udp_encap ? child.remote_port : 0;
  sa.encap_source_port = in ? remote_port : local_port;
  sa.encap_destination_port = in ? local_port : remote_port;
}

// Who calls is not known yet: what one profile of this address wants, holds for all that call it.
bool Node::ForceEncap(const net::Endpoint& local, const net::Endpoint&) {
  const LocalEnd end = EndOf(local);
  return std::any_of(model_.profiles.begin(), model_.profiles.end(), [&](const auto& entry) {
    const config::IkeProfile& p = entry.second;
    return p.nat_force_encap && !p.down() && Fits(p, end);
  });
}

// A Tunnel has one destination and one VRF; spokes behind a template may be anywhere, but not on an address of ours.
bool Node::AcceptsMove(const ike::SessionInfo& info, const net::Endpoint& local, const net::Endpoint& remote) {
  const auto it = sessions_.find(info.id);
  const config::Interface* i = it == sessions_.end() ? nullptr : FindInterface(it->second.config_interface);
  if (i == nullptr || rib_.IsSelf(remote.address) || !SourceFree(local.address, i->tunnel_vrf)) return false;
  return i->Hubs().empty() || Calls(*i, remote.address);
}

void Node::OnAddressChanged(const ike::AddressChanged& change) {
  auto it = sessions_.find(change.id);
  if (it == sessions_.end()) return;
  Session& session = it->second;
  const std::string old_key = PeerKey(session.config_interface, session.info);
  if (session.peer) {
    UseConnection(change.local, change.remote, true);
    UseConnection(session.info.local, session.info.remote, false);
  }
  session.info.local = change.local;
  session.info.remote = change.remote;
  if (const auto info = ike_.Find(change.id)) {
    session.info.nat_local = info->nat_local;
    session.info.nat_remote = info->nat_remote;
  }
  Peer* peer = FindPeer(session.peer);
  if (peer == nullptr) return;
  const bool elsewhere = peer->local != change.local.address || peer->remote != change.remote.address;
  peer->local = change.local.address;
  peer->remote = change.remote.address;
  peer->nat_remote = session.info.nat_remote;
  if (elsewhere) ClaimSource(*peer);
  if (elsewhere) {  // the next session between these ends is this peer's
    peer_by_key_.erase(old_key);
    peer_by_key_.try_emplace(PeerKey(session.config_interface, session.info), peer->id);
    DropRoutesOver(peer->remote, peer->vrf, peer->identity);
  }
  MoveSas(*peer, change);
  SyncCarrier(*peer);
  RefreshPeer(*peer);
  Say(Log::Level::kInfo, absl::StrCat(peer->interface, ": session with ", peer->identity, " goes on between ",
                                      change.local.ToString(), " and ", change.remote.ToString()));
}

void Node::MoveSas(Peer& peer, const ike::AddressChanged& change) {
  for (ike::ChildId id : peer.children) {
    Child& child = children_.at(id);
    if (child.sa.ike != change.id) continue;
    ike::ChildSa moved = child.sa;
    moved.local = change.local.address;
    moved.remote = change.remote.address;
    moved.local_port = change.local.port;
    moved.remote_port = change.remote.port;
    moved.udp_encap = change.udp_encap;
    for (auto direction : {dataplane::Direction::kIn, dataplane::Direction::kOut}) {
      const bool in = direction == dataplane::Direction::kIn;
      if (in ? !child.in : !child.out) continue;
      const std::string key = SaKeyOf(child.sa, direction);
      const dataplane::Object* old = want_.Find(key);
      if (old == nullptr) continue;
      dataplane::Sa sa = std::get<dataplane::Sa>(*old);
      Erase(key);
      SetOuter(moved, sa);
      Put(std::move(sa), peer.id);
    }
    child.sa = std::move(moved);
  }
}

// An address of ours is gone: its sessions go on from the tunnel's present source, or begin anew.  Without any source
// they wait; the address may come back.
void Node::MoveSessions() {
  if (stopping_ || !network_known_) return;
  const auto present = [&](const LocalEnd& end) {
    const auto& here = network_.addresses;
    if (std::any_of(here.begin(), here.end(),
                    [&](const LocalAddress& l) { return l.address == end.address && l.vrf == end.fvrf; }))
      return true;
    return std::any_of(model_.interfaces.begin(), model_.interfaces.end(), [&](const auto& i) {
      return i.second.kind == config::InterfaceKind::kLoopback && i.second.address == end.address;
    });
  };
  std::vector<ike::SessionInfo> ambiguous;
  std::vector<std::pair<ike::SessionInfo, net::IpAddress>> moves;
  for (const auto& [id, session] : sessions_) {
    const auto info = ike_.Find(id);
    const config::Interface* i = FindInterface(session.config_interface);
    if (!info || i == nullptr) continue;
    if (!SourceFree(info->local.address, VrfName(info->local.vrf))) {
      ambiguous.push_back(*info);
      continue;
    }
    if (present(EndOf(info->local))) continue;
    const auto source = SourceAddress(*i);
    if (source && *source != info->local.address) moves.emplace_back(*info, *source);
  }
  for (const ike::SessionInfo& info : ambiguous)
    Terminate(info.id, absl::StrCat("our address ", info.local.address.ToString(), " is in another VRF now"));
  for (const auto& [info, source] : moves) {
    bool moved = false;
    Ike([&, id = info.id, to = source](auto& ike, auto& a) { moved = ike.MoveTo(id, to, now_, a); });
    if (!moved)
      Terminate(info.id, absl::StrCat("our address ", info.local.address.ToString(), " is gone, now ",
                                      source.ToString()));
  }
  Pump();
  if (moves.empty()) return;
  for (auto& [name, tunnel] : tunnels_)
    if (!tunnel.session && tunnel.retry_at) tunnel.retry_at = now_;
}

}  // namespace flexvpn::node
