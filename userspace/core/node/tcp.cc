// SPDX-License-Identifier: Apache-2.0
// IKE and ESP in TCP (RFC 9329): when a call goes there, and which connections sessions use.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/node/node.h"

namespace flexvpn::node {

// ESP in TCP leaves the kernel by the mark of the packet and a policy rule.  A GRE device over IPv6 looks its route up
// without the mark, and VRFs have rules of their own.
bool Node::TcpFits(const config::Interface& i) const {
  return i.tunnel_vrf.empty() && !i.Hubs().empty() &&
         (i.mode == config::TunnelMode::kGreIpv4 || i.mode == config::TunnelMode::kGreMultipoint);
}

bool Node::CallsInTcp(const Tunnel& tunnel, const config::Interface& interface, const config::IkeProfile& profile) const {
  if (!TcpFits(interface)) return false;
  return profile.tcp == config::TcpEncapsulation::kAlways ||
         (profile.tcp == config::TcpEncapsulation::kFallback && tunnel.tcp_next);
}

void Node::GoByTcp(ike::InitiateRequest& request, uint16_t port) {
  request.local.port = net::kTcpPort;
  request.remote.port = port;
  request.local.carrier = request.remote.carrier = net::Carrier::kTcpDialled;
}

void Node::TakeTurns(Tunnel& tunnel) {
  const config::IkeProfile* profile = ProfileOf(tunnel.name);
  if (profile == nullptr || profile->tcp != config::TcpEncapsulation::kFallback) return NextHub(tunnel);
  const config::Interface& i = *FindInterface(tunnel.name);
  if (!TcpFits(i)) return NextHub(tunnel);
  tunnel.tcp_next = !tunnel.tcp_next;
  if (!tunnel.tcp_next) return NextHub(tunnel);
  tunnel.retry_at = now_;  // another way, not another try
  Say(Log::Level::kInfo, absl::StrCat(tunnel.name, ": no answer from ", HubOf(i).value_or(net::IpAddress()).ToString(), " in UDP, trying TCP port ",
                                      profile->tcp_port));
}

void Node::GiveUpSilentCalls() {
  for (auto& [name, tunnel] : tunnels_) {
    if (!tunnel.answer_by || now_ < *tunnel.answer_by) continue;
    tunnel.answer_by.reset();
    if (const std::string hub = std::exchange(tunnel.looking_up, {}); !hub.empty()) {
      HubLookedUp(tunnel, *FindInterface(name), hub, absl::UnavailableError("no name server answers"));
      continue;
    }
    const ike::IkeSaId id = tunnel.session;
    if (!id || tunnel.up) continue;
    tunnel.given_up = true;  // if that is so; what has gone further is left alone
    Ike([&](auto& ike, auto& a) { ike.Withdraw(id, now_, a); });
    Pump();
    tunnel.given_up = false;
  }
}

const Node::Peer* Node::PeerInTcp(uint32_t network_id) const {
  for (const auto& [id, peer] : peers_) {
    const config::Interface* i = FindInterface(peer.config_interface);
    if (peer.up && peer.in_tcp && i != nullptr && i->kind == config::InterfaceKind::kTunnel && i->nhrp.network_id == network_id)
      return &peer;
  }
  return nullptr;
}

void Node::UdpLater(Tunnel& tunnel) {
  tunnel.udp_at.reset();
  const config::IkeProfile* profile = ProfileOf(tunnel.name);
  const auto session = sessions_.find(tunnel.session);
  if (profile == nullptr || profile->tcp != config::TcpEncapsulation::kFallback || session == sessions_.end()) return;
  if (session->second.up && session->second.info.remote.carrier == net::Carrier::kTcpDialled) tunnel.udp_at = now_ + kUdpAgain;
}

// The session in TCP goes on meanwhile: the hub has two with us if the call comes up, and we end the older one.
void Node::TryUdpAgain() {
  for (auto& [name, tunnel] : tunnels_) {
    if (!tunnel.udp_at || now_ < *tunnel.udp_at) continue;
    tunnel.udp_at.reset();
    if (tunnel.trial) {
      WithdrawTrial(tunnel);
      continue;
    }
    const config::IkeProfile* profile = ProfileOf(name);
    const auto session = sessions_.find(tunnel.session);
    if (profile == nullptr || !tunnel.up || session == sessions_.end()) continue;
    auto request = PrepareCall(tunnel, *FindInterface(name), *profile, session->second.info.remote.address);
    if (!request) {
      UdpLater(tunnel);
      continue;
    }
    request->policy.initial_contact = false;
    tunnel.trial = Call(tunnel, *std::move(request), session->second.hub_name);
    tunnel.trial_hub.reset();
    tunnel.udp_at = now_ + kTcpTurn;
  }
}

void Node::OnTcpLost(const TcpLost& in) {
  // Nobody listens there, or nothing passes: the turn is over.  While a hub is away UDP is asked more often than TCP.
  for (auto& [name, tunnel] : tunnels_) {
    const config::IkeProfile* profile = ProfileOf(name);
    if (!tunnel.session || tunnel.up || !tunnel.answer_by || profile == nullptr) continue;
    const config::Interface& i = *FindInterface(name);
    if (CallsInTcp(tunnel, i, *profile) && HubOf(i) == in.remote.address) tunnel.answer_by = now_;
  }
  Ike([&](auto& ike, auto& a) { ike.PathLost(in.local, in.remote, now_, a); });
  Pump();
  GiveUpSilentCalls();
}

void Node::UseConnection(const net::Endpoint& local, const net::Endpoint& remote, bool in_use) {
  if (remote.in_tcp()) out_->push_back(UseTcp{local, remote, in_use});
}

// The peer's packets go where the SA leads that the kernel sends with: the newest.
void Node::SyncCarrier(Peer& peer) {
  const Session* session = nullptr;
  for (ike::ChildId id : peer.children) {  // ascending
    const Child& child = children_.at(id);
    const auto it = sessions_.find(child.sa.ike);
    if (child.out && it != sessions_.end()) session = &it->second;
  }
  if (session == nullptr)
    for (ike::IkeSaId id : peer.sessions)
      if (const auto it = sessions_.find(id); it != sessions_.end()) session = &it->second;
  if (session == nullptr || peer.in_tcp == session->info.remote.in_tcp()) return;
  peer.in_tcp = session->info.remote.in_tcp();
  if (peer.up) RefreshPeer(peer);
}

}  // namespace flexvpn::node
