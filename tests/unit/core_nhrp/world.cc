// SPDX-License-Identifier: Apache-2.0
#include "unit/core_nhrp/world.h"

#include <algorithm>

#include "base/overloaded.h"

namespace flexvpn::nhrp::testing {

using Kind = RouteResult::Kind;

RouteResult Node::Lookup(const net::IpAddress& destination) const {
  if (destination == overlay) return {Kind::kSelf, net::Prefix::Host(overlay), {}};
  RouteResult best;
  int length = -1;
  for (const auto& [prefix, r] : routes) {
    if (prefix.Contains(destination) && prefix.length() > length) {
      best = r;
      length = prefix.length();
    }
  }
  return best;
}

bool Node::Announces(net::PeerId peer, const net::IpAddress& destination) const {
  return std::any_of(announced.begin(), announced.end(),
                     [&](const auto& a) { return a.first == peer && a.second.Contains(destination); });
}

net::PeerId Node::DataPeer(const net::IpAddress& destination) const {
  RouteResult r = Lookup(destination);
  net::PeerId best = r.kind == Kind::kPeer ? r.peer : net::PeerId();
  int length = r.kind == Kind::kUnreachable ? -1 : r.prefix.length();
  for (const auto& [prefix, s] : shortcuts) {
    if (prefix.Contains(destination) && prefix.length() >= length) {
      best = s.peer;
      length = prefix.length();
    }
  }
  return best;
}

const CacheRow* Node::Row(absl::string_view prefix) {
  rows = endpoint->Rows(*clock);
  for (const CacheRow& r : rows) {
    if (r.prefix == Net(prefix)) return &r;
  }
  return nullptr;
}

World::World(int spokes, Endpoint::Limits limits) {
  for (int i = 0; i <= spokes; ++i) {
    std::string n = std::to_string(i == 0 ? 1 : 10 + i);
    nodes_.push_back(std::make_unique<Node>(i == 0 ? "hub" : "spoke" + std::to_string(i), "10.0.0." + n,
                                            "192.0.2." + n, static_cast<uint64_t>(i) + 1));
    Node& node = *nodes_.back();
    node.clock = &now;
    node.endpoint = std::make_unique<Endpoint>(node, node.rng, limits);
    node.domain.network_id = kNetwork;
    node.domain.redirect = true;
    node.domain.shortcut = i != 0;
    Actions out;
    node.endpoint->Configure({node.domain}, now, out);
  }
  for (int i = 1; i <= spokes; ++i) {
    Node& s = spoke(i);
    uplink_[&s] = Connect(s, hub(), true);
    net::PeerId down = s.tunnels.at(uplink_[&s]).far_id;
    std::string lan = "192.168." + std::to_string(i) + ".0/24";
    s.Lan(lan);
    s.Route("192.168.0.0/16", uplink_[&s]);
    s.Route("10.0.0.0/24", uplink_[&s]);
    hub().Route(lan, down);
    hub().Route(s.overlay.ToString(), down);
  }
}

net::PeerId World::Connect(Node& a, Node& b, bool addresses_known) {
  net::PeerId ids[2] = {net::PeerId(next_peer_++), net::PeerId(next_peer_++)};
  Node* ends[2] = {&a, &b};
  for (int i = 0; i < 2; ++i) ends[i]->tunnels[ids[i]] = {ends[1 - i], ids[1 - i]};
  // The far end first: it is the IKE responder and up before the initiator has its answer.
  for (int i = 1; i >= 0; --i) {
    Node &near = *ends[i], &far = *ends[1 - i];
    PeerInfo info;
    info.id = ids[i];
    info.network_id = kNetwork;
    info.local_nbma = near.nbma;
    info.remote_nbma = far.public_nbma;
    info.local_protocol = near.overlay;
    if (addresses_known) info.remote_protocol = far.overlay;
    info.caller = i == 1;
    info.behind_nat = far.nbma != far.public_nbma;
    info.interface = "Virtual-Access" + std::to_string(ids[i].value());
    Actions out;
    near.endpoint->PeerUp(info, now, out);
    Apply(near, out);
  }
  return ids[0];
}

void World::Disconnect(Node& a, net::PeerId id) {
  Tunnel t = a.tunnels.at(id);
  a.tunnels.erase(id);
  t.to->tunnels.erase(t.far_id);
  Actions out;
  a.endpoint->PeerDown(id, now, out);
  Apply(a, out);
  out.clear();
  t.to->endpoint->PeerDown(t.far_id, now, out);
  Apply(*t.to, out);
}

void World::PutBehindNat(Node& s, absl::string_view public_nbma) {
  s.nbma = Ip("172.16.0.2");
  s.public_nbma = Ip(public_nbma);
  Tunnel t = s.tunnels.at(Uplink(s));
  Disconnect(s, Uplink(s));
  net::PeerId up = Connect(s, *t.to, true), down = s.tunnels.at(up).far_id;
  auto replace = [](Node& n, net::PeerId before, net::PeerId after) {
    for (auto& [prefix, r] : n.routes) {
      if (r.kind == Kind::kPeer && r.peer == before) r.peer = after;
    }
  };
  replace(s, uplink_[&s], up);
  replace(*t.to, t.far_id, down);
  uplink_[&s] = up;
}

void World::Reconfigure(const std::function<void(Node&)>& change) {
  for (auto& n : nodes_) {
    change(*n);
    Actions out;
    n->endpoint->Configure({n->domain}, now, out);
    Apply(*n, out);
  }
}

net::PeerId World::TunnelTo(Node& from, Node& to) {
  net::PeerId found;
  for (const auto& [id, t] : from.tunnels) {
    if (t.to == &to) found = id;
  }
  return found;
}

Bytes InnerPacket(const net::IpAddress& source, const net::IpAddress& destination, uint8_t ttl) {
  ByteWriter w;
  if (source.is_v6()) {
    w.U32(0x60000000);
    w.U16(24);
    w.U8(58);
    w.U8(ttl);
  } else {
    w.U16(0x4500);
    w.U16(44);
    w.U32(0);
    w.U8(ttl);
    w.U8(1);
    w.U16(0);
  }
  w.Append(source.bytes());
  w.Append(destination.bytes());
  w.Zeros(24);
  return std::move(w).Release();
}

std::string World::Ping(Node& from, const net::IpAddress& source, const net::IpAddress& destination) {
  Node* at = &from;
  net::PeerId ingress;
  std::string way = from.name;
  for (int hops = 0; hops < 8; ++hops) {
    Kind local = at->Lookup(destination).kind;
    if (local == Kind::kSelf || local == Kind::kExit) return way;
    net::PeerId next = at->DataPeer(destination);
    auto t = at->tunnels.find(next);
    if (t == at->tunnels.end()) return way + " lost";
    if (ingress) {
      Actions out;
      at->endpoint->OnSpokeToSpoke(ingress, InnerPacket(source, destination), now, out);
      Apply(*at, out);
    }
    ++at->sent[next];
    ingress = t->second.far_id;
    at = t->second.to;
    way += " " + at->name;
  }
  return way + " loop";
}

void World::Run(Duration span) {
  Instant end = now + span;
  while (true) {
    std::optional<Instant> next;
    for (auto& n : nodes_) next = Earlier(next, n->endpoint->NextDeadline());
    if (!events_.empty()) next = Earlier(next, events_.begin()->first);
    if (!next || *next > end) break;
    now = std::max(now, *next);
    while (!events_.empty() && events_.begin()->first <= now) {
      auto what = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      what();
    }
    for (auto& n : nodes_) {
      Actions out;
      n->endpoint->OnTick(now, out);
      Apply(*n, out);
    }
  }
  now = end;
}

void World::Inject(Node& at, net::PeerId from, const Bytes& bytes) {
  Actions out;
  at.endpoint->OnPacket(from, bytes, now, out);
  Apply(at, out);
}

std::vector<World::Sent> World::Log(PacketType type) const {
  std::vector<Sent> found;
  for (const Sent& s : log_) {
    if (s.packet.type == type) found.push_back(s);
  }
  return found;
}

void World::Transmit(Node& from, const SendPacket& send) {
  auto t = from.tunnels.find(send.peer);
  if (t == from.tunnels.end()) return;
  absl::StatusOr<Packet> p = Decode(send.packet);
  if (!p.ok()) std::abort();  // an endpoint must not send what does not decode
  log_.push_back({&from, t->second.to, *p});
  if (lose && lose(log_.back())) return;
  At(now + milliseconds(10), [this, t = t->second, bytes = send.packet] {
    if (t.to->tunnels.contains(t.far_id)) Inject(*t.to, t.far_id, bytes);
  });
}

void World::StartIke(Node& from, const NeedTunnel& need) {
  Node* far = nullptr;
  for (auto& n : nodes_) {
    if (n->public_nbma == need.nbma && n->nbma == n->public_nbma) far = n.get();  // a NAT lets nobody in
  }
  TunnelToken token = need.token;
  At(now + ike_delay, [this, &from, far, token] {
    if (std::find(from.cancelled.begin(), from.cancelled.end(), token) != from.cancelled.end()) return;
    Actions out;
    if (far == nullptr) {
      from.endpoint->TunnelFailed(token, now, out);
    } else {
      net::PeerId id = Connect(from, *far, both_ends_know_address);
      from.endpoint->TunnelReady(token, id, now, out);
    }
    Apply(from, out);
  });
}

void World::Apply(Node& n, const Actions& actions) {
  for (const Action& a : actions) {
    std::visit(Overloaded{[&](const SendPacket& s) { Transmit(n, s); },
                          [&](const NeedTunnel& t) {
                            n.needed.push_back(t);
                            StartIke(n, t);
                          },
                          [&](const CancelTunnel& c) { n.cancelled.push_back(c.token); },
                          [&](const ShortcutUp& s) { n.shortcuts.insert_or_assign(s.prefix, s); },
                          [&](const ShortcutDown& s) {
                            if (n.shortcuts.erase(s.prefix) != 1) std::abort();  // never down without up
                          },
                          [&](const PeerAddress& p) { n.learned[p.peer] = p.protocol; },
                          [&](const QueryTraffic& q) {
                            for (net::PeerId id : q.peers) {
                              Actions out;
                              n.endpoint->PeerTraffic(id, n.sent[id], now, out);
                              Apply(n, out);
                            }
                          },
                          [&](const Notice& t) { n.notices.push_back(t.text); }},
               a);
  }
}

}  // namespace flexvpn::nhrp::testing
