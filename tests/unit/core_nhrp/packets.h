// SPDX-License-Identifier: Apache-2.0
// Packets that tests put into the world by hand.
#ifndef FLEXVPN_TESTS_UNIT_CORE_NHRP_PACKETS_H_
#define FLEXVPN_TESTS_UNIT_CORE_NHRP_PACKETS_H_

#include <string>

#include "unit/core_nhrp/world.h"

namespace flexvpn::nhrp::testing {

inline uint64_t Count(const Node& n, absl::string_view name) { return n.endpoint->counters().Get(name); }

inline net::PeerId AtHub(World& w, int spoke) { return w.spoke(spoke).tunnels.at(w.Uplink(w.spoke(spoke))).far_id; }

// A request of spoke 1 for a host behind spoke 2.
inline Packet Request(World& w) {
  Packet p;
  p.request_id = 77;
  p.flags = 0xc802;
  p.source_nbma = w.spoke(1).nbma;
  p.source_protocol = World::Overlay(1);
  p.destination_protocol = World::Host(2);
  Cie c;
  c.prefix_length = 32;
  c.holdtime = 7200;
  p.cies = {c};
  p.extensions = {{kExtResponderAddress, true, {}},
                  {kExtForwardTransit, true, {}},
                  {kExtReverseTransit, true, {}},
                  {kExtNat, false, {}}};
  return p;
}

inline Extension Passed(absl::string_view protocol) {
  Cie c;
  c.nbma = Ip("192.0.2.99");
  c.protocol = Ip(protocol);
  return {kExtForwardTransit, true, EncodeCieList({c})};
}

// Spoke 3 takes back the network of spoke 2 at spoke 1, in the name of `source`.
inline Packet Purge(World& w, const net::IpAddress& source) {
  Packet p;
  p.type = PacketType::kPurgeRequest;
  p.request_id = 4;
  p.source_nbma = w.spoke(3).nbma;
  p.source_protocol = source;
  p.destination_protocol = World::Overlay(1);
  Cie c;
  c.prefix_length = 24;
  c.protocol = Ip("192.168.2.0");
  p.cies = {c};
  return p;
}

// A reply to the outstanding request of spoke 1, as if over a new tunnel from spoke 2.
struct ReplyWorld : World {
  ReplyWorld() : World(2) {
    lose = [](const Sent& s) { return s.packet.type == PacketType::kResolutionRequest; };
    Ping(spoke(1), Host(1), Host(2));
    Run(milliseconds(100));
    lose = nullptr;
    reply = Log(PacketType::kResolutionRequest).at(0).packet;
    reply.type = PacketType::kResolutionReply;
    Cie c;
    c.prefix_length = 24;
    c.holdtime = 7200;
    c.nbma = spoke(2).nbma;
    c.protocol = Overlay(2);
    reply.cies = {c};
    direct = Connect(spoke(1), spoke(2), false);
  }
  Packet reply;
  net::PeerId direct;
};

}  // namespace flexvpn::nhrp::testing

#endif  // FLEXVPN_TESTS_UNIT_CORE_NHRP_PACKETS_H_
