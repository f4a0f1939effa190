// SPDX-License-Identifier: Apache-2.0
// NHRP (RFC 2332) with Cisco's traffic indication, as a pure state machine: resolution, redirect, shortcut,
// purge.  Knows peers by number; who they are, IKE and the kernel are the node's business.
#ifndef FLEXVPN_CORE_NHRP_ENDPOINT_H_
#define FLEXVPN_CORE_NHRP_ENDPOINT_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/counters.h"
#include "base/rng.h"
#include "base/time.h"
#include "core/net/dual_address.h"
#include "core/net/ip.h"
#include "core/net/peer_id.h"

namespace flexvpn::nhrp {

// Settings of one NHRP domain (network-id) of this node.
struct DomainConfig {
  uint32_t network_id = 0;                // local meaning only, never sent
  Duration holdtime = seconds(7200);      // `ip nhrp holdtime`
  bool redirect = false;                  // send traffic indications
  bool shortcut = false;                  // act on them, and answer resolution requests
  Duration redirect_interval = seconds(8);// `ip nhrp redirect timeout`: per (peer, destination) minimum distance
  std::string authentication;             // extension 7, Cisco clear text; empty = none
  friend bool operator==(const DomainConfig&, const DomainConfig&) = default;
};

// Where this node would send a packet if NHRP routes did not exist.
struct RouteResult {
  enum class Kind : uint8_t {
    kUnreachable,
    kSelf,      // an address of this node
    kExit,      // leaves the NBMA network here: we are the egress for `prefix`
    kPeer,      // next hop is `peer`
  } kind = Kind::kUnreachable;
  net::Prefix prefix;   // the matching route
  net::PeerId peer;
};

// Asked synchronously by the endpoint, answered by the node from its own state.
class Environment {
 public:
  virtual ~Environment() = default;
  // Longest match without NHRP shortcut routes (otherwise resolution would recurse through the shortcut).
  virtual RouteResult Lookup(const net::IpAddress& destination) const = 0;
  // Whether `peer` has announced a network that `destination` is in, used as a route or not.
  virtual bool Announces(net::PeerId peer, const net::IpAddress& destination) const = 0;
};

// What the endpoint must know of a live peer; given by PeerUp.
struct PeerInfo {
  net::PeerId id;
  uint32_t network_id = 0;
  net::IpAddress local_nbma, remote_nbma;  // outer addresses as seen on the wire (after NAT)
  net::DualAddress local_protocol;         // our overlay addresses on this interface (source of what we send)
  net::DualAddress remote_protocol;        // the peer's overlay addresses; empty as long as they are not known
  bool behind_nat = false;                 // the peer's own idea of its NBMA address differs
  bool caller = false;                     // it called us: a spoke, unless we are a hub and it is one below us
  std::string owner;                       // whom IKE has authenticated; empty: nobody.  One station may have several peers
  std::string interface;                   // for show: "Virtual-Access2"
};

using TunnelToken = StrongId<struct TunnelTokenTag, uint64_t>;

// Actions.
struct SendPacket { net::PeerId peer; Bytes packet; };        // NHRP packet, to go out in GRE type 0x2001
// The answering spoke needs a tunnel to the requester before it replies (FlexVPN: the responder initiates
// IKEv2).  The node answers with TunnelReady or TunnelFailed; `protocol` names the requester's overlay address.
struct NeedTunnel {
  TunnelToken token;
  uint32_t network_id = 0;
  net::IpAddress nbma;      // outer address to initiate to (public one when the requester is behind NAT)
  net::IpAddress protocol;
  bool behind_nat = false;  // initiation will probably fail; the reverse direction may succeed
  bool asking = false;      // we have asked for something too: the requester may be on its way to us already
};
struct CancelTunnel { TunnelToken token; };
// Install / withdraw `prefix` via `next_hop` over `peer`.  ShortcutUp may repeat with another peer (replace).
struct ShortcutUp { net::Prefix prefix; net::IpAddress next_hop; net::PeerId peer; uint16_t mtu = 0; };
struct ShortcutDown { net::Prefix prefix; net::PeerId peer; };
// The overlay address of a peer became known (from its reply or request): node maps next hop -> peer.
struct PeerAddress { net::PeerId peer; net::IpAddress protocol; };
// Endpoint wants to know whether these peers carried traffic (answer: PeerTraffic).
struct QueryTraffic { std::vector<net::PeerId> peers; };
struct Notice { std::string text; };  // one line for the log
using Action = std::variant<SendPacket, NeedTunnel, CancelTunnel, ShortcutUp, ShortcutDown, PeerAddress,
                            QueryTraffic, Notice>;
using Actions = std::vector<Action>;

// One row of `show ip nhrp`.
struct CacheRow {
  net::Prefix prefix;
  net::IpAddress next_hop;              // protocol address
  net::IpAddress nbma, claimed_nbma;    // claimed is empty when equal
  std::string interface;
  Duration created_ago{}, expires_in{};
  std::string type;                     // dynamic, incomplete, negative
  std::vector<std::string> flags;       // router, implicit, rib, nho, local, unique, used, no-socket
  net::PeerId peer;
  std::vector<net::IpAddress> requesters;  // local entries
};

// Packets of one domain by PacketType (0 is unused): `show ip nhrp traffic`.
struct Traffic {
  std::array<uint64_t, 9> sent{}, received{};
  uint64_t redirects_suppressed = 0;  // traffic indications not sent, to spare the receiver
};

class Endpoint {
 public:
  struct Limits {
    size_t cache_entries = 16384;
    size_t pending = 1024;
  };
  Endpoint(const Environment& env, Rng& rng, Limits limits);
  ~Endpoint();

  void Configure(std::vector<DomainConfig> domains, Instant now, Actions& out);

  // A tunnel to this peer is up in both directions (may repeat with changed facts: an overlay address of the peer that is not
  // in them any more is forgotten) / gone.  PeerDown withdraws
  // every shortcut over it at once and purges what we told others about it.
  void PeerUp(const PeerInfo& peer, Instant now, Actions& out);
  void PeerDown(net::PeerId peer, Instant now, Actions& out);

  void OnPacket(net::PeerId from, BytesView packet, Instant now, Actions& out);
  // The classifier saw traffic from `ingress` going out to another peer of the same network-id: `packet` are
  // the first octets of the inner packet.
  void OnSpokeToSpoke(net::PeerId ingress, BytesView packet, Instant now, Actions& out);
  void TunnelReady(TunnelToken token, net::PeerId peer, Instant now, Actions& out);
  void TunnelFailed(TunnelToken token, Instant now, Actions& out);
  // The node did not take this ShortcutUp, or cannot keep it: it is forgotten, and not asked for again for a while.
  void ShortcutRefused(const net::Prefix& prefix, net::PeerId peer, Instant now, Actions& out);
  // Answer to QueryTraffic: packets sent to the peer so far.
  void PeerTraffic(net::PeerId peer, uint64_t packets, Instant now, Actions& out);
  // Routes that others learned from us changed: entries no longer covered are purged.
  void RoutesChanged(Instant now, Actions& out);

  void Clear(Instant now, Actions& out);  // `clear ip nhrp`
  void ClearShortcuts(Actions& out);      // those alone: traffic asks for them again
  void OnTick(Instant now, Actions& out);
  std::optional<Instant> NextDeadline() const;

  std::vector<CacheRow> Rows(Instant now) const;
  const Counters& counters() const;
  const std::map<uint32_t, Traffic>& traffic() const;  // by network-id
  void ClearCounters();                                // both

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flexvpn::nhrp

#endif  // FLEXVPN_CORE_NHRP_ENDPOINT_H_
