// SPDX-License-Identifier: Apache-2.0
// TCP in the world (RFC 9329): connections lose nothing, until they break.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sim/router.h"
#include "sim/world.h"

namespace flexvpn::sim {

net::Endpoint World::TcpConnection::seen_local() const {
  return {remote.address, net::kTcpPort, {}, net::Carrier::kTcpAccepted};
}
net::Endpoint World::TcpConnection::seen_remote() const { return {local.address, port, {}, net::Carrier::kTcpAccepted}; }

void World::BlockUdp(size_t router, bool block) { routers_[router]->udp_blocked = block; }

World::TcpConnection* World::FindTcp(const Router& r, const ike::SendDatagram& d) {
  for (auto& [port, c] : tcp_) {
    if (c.dialler == r.index && c.local == d.local && c.remote == d.remote) return &c;
    if (c.acceptor == r.index && c.seen_local() == d.local && c.seen_remote() == d.remote) return &c;
  }
  if (d.remote.carrier != net::Carrier::kTcpDialled || d.local.address != r.underlay) return nullptr;
  const auto to = by_address_.find(d.remote.address);
  if (to == by_address_.end() || !alive(to->second) || routers_[to->second]->tcp_port != d.remote.port) {
    LoseTcp(r.index, d.local, d.remote);
    return nullptr;
  }
  TcpConnection& c = tcp_[++next_tcp_port_];
  c = {r.index, to->second, d.local, d.remote, next_tcp_port_};
  return &c;
}

void World::SendTcp(Router& r, const ike::SendDatagram& d) {
  const TcpConnection* found = FindTcp(r, d);
  if (found == nullptr) return;
  const TcpConnection c = *found;
  const bool forward = c.dialler == r.index;
  At(now_ + settings_.delay, [this, c, forward, bytes = d.bytes] {  // in order
    if (!tcp_.contains(c.port)) return;
    if (forward)
      Feed(c.acceptor, node::IkeDatagram{{c.seen_local(), c.seen_remote(), bytes}});
    else
      Feed(c.dialler, node::IkeDatagram{{c.local, c.remote, bytes}});
  });
}

void World::LoseTcp(size_t router, const net::Endpoint& local, const net::Endpoint& remote) {
  At(now_ + seconds(1), [this, router, epoch = routers_[router]->epoch, local, remote] {
    if (routers_[router]->epoch == epoch) Feed(router, node::TcpLost{local, remote});
  });
}

void World::CutTcp() {
  Note("TCP connections break");
  for (const auto& [port, c] : std::exchange(tcp_, {})) {
    LoseTcp(c.dialler, c.local, c.remote);
    LoseTcp(c.acceptor, c.seen_local(), c.seen_remote());
  }
}

void World::CloseTcp(const Router& r) {
  At(now_ + 2 * settings_.delay, [this, router = r.index] {  // what was sent before still arrives
    std::erase_if(tcp_, [&](const auto& entry) {
      const TcpConnection& c = entry.second;
      if (c.acceptor == router) LoseTcp(c.dialler, c.local, c.remote);
      if (c.dialler == router) LoseTcp(c.acceptor, c.seen_local(), c.seen_remote());
      return c.acceptor == router || c.dialler == router;
    });
  });
}

bool World::Passes(const Router& r, const Router& other, net::PeerId peer) const {
  dataplane::Peer key;
  key.id = peer;
  const dataplane::Object* object = r.kernel.Find(dataplane::Key(key));
  if (object == nullptr || !std::get<dataplane::Peer>(*object).in_tcp) return !r.udp_blocked && !other.udp_blocked;
  return std::any_of(tcp_.begin(), tcp_.end(), [&](const auto& entry) {
    const TcpConnection& c = entry.second;
    const bool dialled = c.dialler == r.index && c.acceptor == other.index;
    if (!dialled && !(c.dialler == other.index && c.acceptor == r.index)) return false;
    const Router &a = dialled ? r : other, &b = dialled ? other : r;  // ESP of a connection nobody vouches for is dropped
    return a.tcp_uses.contains({c.local, c.remote}) && b.tcp_uses.contains({c.seen_local(), c.seen_remote()});
  });
}

}  // namespace flexvpn::sim
