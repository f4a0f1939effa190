// SPDX-License-Identifier: Apache-2.0
// A hub and spokes in one process: real endpoints, a routing table each, virtual time, and a stand-in for IKE
// that builds a tunnel when an endpoint needs one and the far NBMA address can be reached.
#ifndef TESTS_UNIT_CORE_NHRP_WORLD_H_
#define TESTS_UNIT_CORE_NHRP_WORLD_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/nhrp/codec.h"
#include "core/nhrp/endpoint.h"
#include "support/values.h"

namespace flexvpn::nhrp::testing {

inline net::Prefix Net(absl::string_view text) { return *net::Prefix::Parse(text); }

class Node;

// One direction of a tunnel, as its owner sees it.
struct Tunnel {
  Node* to = nullptr;
  net::PeerId far_id;  // of the same tunnel at the other end
};

class Node : public Environment {
 public:
  Node(std::string node_name, absl::string_view overlay_address, absl::string_view nbma_address, uint64_t seed)
      : name(std::move(node_name)),
        overlay(Ip(overlay_address)),
        nbma(Ip(nbma_address)),
        public_nbma(Ip(nbma_address)),
        rng(seed) {}
  RouteResult Lookup(const net::IpAddress& destination) const override;
  bool Announces(net::PeerId peer, const net::IpAddress& destination) const override;
  // The way of data: shortcuts too, longest prefix, shortcut before route.  No peer: stays here or is lost.
  net::PeerId DataPeer(const net::IpAddress& destination) const;
  void Route(absl::string_view prefix, net::PeerId peer) {
    routes[Net(prefix)] = {RouteResult::Kind::kPeer, Net(prefix), peer};
  }
  void Lan(absl::string_view prefix) { routes[Net(prefix)] = {RouteResult::Kind::kExit, Net(prefix), {}}; }
  const CacheRow* Row(absl::string_view prefix);

  std::string name;
  net::IpAddress overlay, nbma, public_nbma;  // the two differ behind a NAT
  SeededRng rng;
  DomainConfig domain;
  std::map<net::Prefix, RouteResult> routes;
  std::vector<std::pair<net::PeerId, net::Prefix>> announced;  // beside those that are routes
  std::map<net::Prefix, ShortcutUp> shortcuts;
  std::map<net::PeerId, Tunnel> tunnels;
  std::map<net::PeerId, uint64_t> sent;  // data packets
  std::vector<std::string> notices;
  std::vector<NeedTunnel> needed;
  std::vector<TunnelToken> cancelled;
  std::map<net::PeerId, net::IpAddress> learned;
  std::unique_ptr<Endpoint> endpoint;
  std::vector<CacheRow> rows;
  Instant* clock = nullptr;
};

class World {
 public:
  static constexpr uint32_t kNetwork = 1;
  explicit World(int spokes, Endpoint::Limits limits = {});

  Node& hub() { return *nodes_[0]; }
  Node& spoke(int i) { return *nodes_[static_cast<size_t>(i)]; }  // 1, 2, ...
  // Spoke i: overlay 10.0.0.(10+i), NBMA 192.0.2.(10+i), LAN 192.168.i.0/24 with host .1
  static net::IpAddress Host(int i) { return Ip("192.168." + std::to_string(i) + ".1"); }
  static net::IpAddress Overlay(int i) { return Ip("10.0.0." + std::to_string(10 + i)); }

  // Brings up a tunnel at both ends and returns its number at `a`.
  net::PeerId Connect(Node& a, Node& b, bool addresses_known);
  void Disconnect(Node& a, net::PeerId id);
  void PutBehindNat(Node& spoke, absl::string_view public_nbma);
  void Reconfigure(const std::function<void(Node&)>& change);
  net::PeerId Uplink(Node& spoke) { return uplink_.at(&spoke); }
  net::PeerId TunnelTo(Node& from, Node& to);  // the newest; 0 = none

  // Sends one data packet and returns the way it took, e.g. "spoke1 hub spoke2".
  std::string Ping(Node& from, const net::IpAddress& source, const net::IpAddress& destination);
  void Run(Duration span);
  void Apply(Node& n, const Actions& actions);
  void Inject(Node& at, net::PeerId from, const Packet& p) { Inject(at, from, Encode(p)); }
  void Inject(Node& at, net::PeerId from, const Bytes& bytes);

  struct Sent {
    Node* from;
    Node* to;
    Packet packet;
  };
  std::vector<Sent> Log(PacketType type) const;
  void ClearLog() { log_.clear(); }
  // True = this packet is lost.
  std::function<bool(const Sent&)> lose;
  Duration ike_delay = milliseconds(50);
  bool both_ends_know_address = false;  // IKE of a spoke-to-spoke tunnel tells overlay addresses
  Instant now{};

 private:
  void At(Instant when, std::function<void()> what) { events_.emplace(when, std::move(what)); }
  void StartIke(Node& from, const NeedTunnel& need);
  void Transmit(Node& from, const SendPacket& send);

  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<Node*, net::PeerId> uplink_;
  std::multimap<Instant, std::function<void()>> events_;
  std::vector<Sent> log_;
  uint32_t next_peer_ = 1;
};

Bytes InnerPacket(const net::IpAddress& source, const net::IpAddress& destination, uint8_t ttl = 64);

}  // namespace flexvpn::nhrp::testing

#endif  // TESTS_UNIT_CORE_NHRP_WORLD_H_
