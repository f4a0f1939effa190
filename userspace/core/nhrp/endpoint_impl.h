// SPDX-License-Identifier: Apache-2.0
// Inside of Endpoint: its records, and one group of methods a concept, each group in the file named beside
// it. All maps are ordered, so that the same inputs give the same actions in the same order.
#ifndef FLEXVPN_CORE_NHRP_ENDPOINT_IMPL_H_
#define FLEXVPN_CORE_NHRP_ENDPOINT_IMPL_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/nhrp/codec.h"
#include "core/nhrp/endpoint.h"
#include "core/nhrp/limiter.h"
#include "core/nhrp/timers.h"

namespace flexvpn::nhrp {

// A prefix, host or not, within one NHRP domain.
struct Key {
  uint32_t network = 0;
  net::Prefix prefix;
  friend auto operator<=>(const Key&, const Key&) = default;
};

struct Peer {
  PeerInfo info;
  net::DualAddress protocol;  // its overlay addresses, from IKE or learned; empty = unknown
  std::set<Key> shortcuts;  // installed over it
};

// An installed shortcut route.
struct Shortcut {
  net::IpAddress target;    // the address that was asked for, and is asked for again on refresh
  net::IpAddress next_hop;  // overlay address of the peer
  net::IpAddress claimed;   // NBMA address the peer gives itself
  net::PeerId peer;
  Instant created, expires, refresh_at;
  std::optional<uint64_t> seen_packets;  // of the peer, at the last look
  bool implicit = false;                 // not asked for: learned from a packet of the peer
  bool override_route = false;           // a route of the same prefix exists (Cisco's next-hop override)
  bool used = false;                     // the peer carried traffic between the last two looks
  bool looking = false;                  // QueryTraffic is out
  uint16_t mtu = 0;
};

// A resolution of ours.  After it failed the record stays for a while and suppresses further attempts.
struct Resolution {
  enum class State : uint8_t { kAsking, kIncomplete, kNegative } state = State::kAsking;
  uint32_t request_id = 0;
  int sent = 0;
  net::PeerId via;           // where the last request went
  net::PeerId refresh_over;  // set if this renews a shortcut over that peer
  Instant created, expires;
};

struct Requester {
  net::IpAddress protocol;
  uint32_t request_id = 0;
};

// A prefix of ours that was given out in replies, and to whom.
struct Local {
  net::IpAddress own_protocol, own_nbma;
  std::string interface;
  net::PeerId peer;
  Instant created, expires;
  std::vector<Requester> requesters;
};

// Requests of one requester that wait for the tunnel to it.
struct TunnelWait {
  struct Request {
    Packet packet;
    Instant received;
  };
  TunnelToken token;  // 0 once the tunnel failed
  net::IpAddress nbma;
  bool behind_nat = false;
  net::PeerId ready;  // the tunnel is up but PeerUp has not come yet
  Instant retry_at;   // after a failure: not tried again before
  std::vector<Request> requests;
};

struct PurgeOut {
  uint32_t network = 0;
  net::IpAddress requester;
  Cie entry;
  int sent = 0;
};

// A decoded packet and where it came from; lives for one call.
struct Incoming {
  Peer& peer;
  const DomainConfig& domain;
  const Packet& packet;
  BytesView raw;
  Instant now;
  Actions& out;
};

class Endpoint::Impl {
 public:
  Impl(const Environment& env, Rng& rng, Limits limits);

  // endpoint.cc: peers, domains, dispatch.
  void Configure(std::vector<DomainConfig> domains, Instant now, Actions& out);
  void PeerUp(const PeerInfo& info, Instant now, Actions& out);
  void PeerDown(net::PeerId id, Instant now, Actions& out);
  void OnPacket(net::PeerId from, BytesView raw, Instant now, Actions& out);
  void Clear(Instant now, Actions& out);
  void ClearShortcuts(Actions& out);
  void OnTick(Instant now, Actions& out);
  std::optional<Instant> NextDeadline() const { return timers_.Next(); }
  const Counters& counters() const { return counters_; }
  const std::map<uint32_t, Traffic>& traffic() const { return traffic_; }
  void ClearCounters() { counters_.Clear(), traffic_.clear(); }

  // redirect.cc
  void OnSpokeToSpoke(net::PeerId ingress, BytesView packet, Instant now, Actions& out);

  // responder.cc
  void TunnelReady(TunnelToken token, net::PeerId peer, Instant now, Actions& out);
  void TunnelFailed(TunnelToken token, Instant now, Actions& out);

  // cache.cc
  void ShortcutRefused(const net::Prefix& prefix, net::PeerId id, Instant now, Actions& out);
  void PeerTraffic(net::PeerId id, uint64_t packets, Instant now, Actions& out);
  std::vector<CacheRow> Rows(Instant now) const;

  // purge.cc
  void RoutesChanged(Instant now, Actions& out);

 private:
  enum class TimerKind : uint8_t { kShortcut, kResolution, kLocal, kTunnel, kPurge };
  struct TimerKey {
    TimerKind kind{};
    Key key;  // kPurge: network holds the request id
    friend auto operator<=>(const TimerKey&, const TimerKey&) = default;
  };
  struct Step {  // what to do with a packet for some address
    enum class Kind : uint8_t { kHere, kForward, kBack, kUnreachable } kind = Kind::kUnreachable;
    Peer* next = nullptr;  // kForward
    RouteResult route;
  };

  // endpoint.cc
  Peer* FindPeer(net::PeerId id);
  const DomainConfig* FindDomain(uint32_t network) const;
  // A live peer with this overlay address; `preferred` if it is one, else the newest.
  Peer* FindByProtocol(uint32_t network, const net::IpAddress& protocol, net::PeerId preferred = {});
  bool IsOurs(const net::IpAddress& address) const { return own_addresses_.contains(address); }
  void SetProtocol(Peer& peer, const net::IpAddress& protocol);  // that of its family
  void ForgetProtocol(Peer& peer, net::Family family);
  static bool SameStation(const Peer& a, const Peer& b);  // two tunnels with one router
  // The peer itself proved to be `protocol`.  False if it is known to be someone else, or someone else to be that.
  bool Learn(Peer& peer, const net::IpAddress& protocol, Instant now, Actions& out);
  Step NextStep(const Peer& ingress, const net::IpAddress& destination);
  void Drop(absl::string_view reason) { counters_.Add(reason); }
  void Dispatch(const Incoming& in);
  void DropDomain(uint32_t network, Instant now, Actions& out);

  // packets.cc: what all packets of ours have in common.
  Packet Originate(const Peer& peer, PacketType type, net::Family family) const;
  void Send(const Peer& peer, const Packet& packet, Actions& out);
  bool Authentic(const Incoming& in);
  void SendError(const Incoming& in, ErrorCode code);
  void OnError(const Incoming& in);
  bool SourcePlausible(const Incoming& in);
  std::vector<Extension> StandardExtensions(const DomainConfig& domain) const;

  // redirect.cc
  void OnTrafficIndication(const Incoming& in);

  // requester.cc
  void Resolve(uint32_t network, const net::IpAddress& target, Instant now, Actions& out);
  void Refresh(const Key& key, Instant now, Actions& out);
  void SendRequest(const Key& key, Resolution& r, Instant now, Actions& out);
  void OnResolutionTimer(const Key& key, Instant now, Actions& out);
  void OnResolutionReply(const Incoming& in);
  void Accept(const Incoming& in, const Key& key, const Resolution& r, const Cie& cie);
  Peer* PeerOfReply(const Incoming& in, const Resolution& r, const Cie& cie);
  net::Prefix SafePrefix(const net::IpAddress& target, int length, int least) const;
  void Hold(const Key& key, Resolution& r, Resolution::State state, Instant now, Actions& out);
  Resolution& NewResolution(const Key& key, Instant now);
  void EraseResolution(const Key& key);

  // responder.cc
  void OnResolutionRequest(const Incoming& in);
  void Respond(const Incoming& in);
  void WaitForTunnel(const Incoming& in);
  void SendReply(Peer& peer, const Packet& request, Instant now, Actions& out);
  void GiveOut(const Peer& peer, const Key& key, const Packet& request, Instant now);
  void InstallRequester(Peer& peer, const Packet& request, Instant now, Actions& out);
  void AnswerWaiting(Peer& peer, const net::IpAddress& protocol, bool proven, Instant now, Actions& out);
  void NeedTunnelTo(const Key& key, TunnelWait& wait, Instant now, Actions& out);
  bool IsAsking(uint32_t network) const;  // a resolution of ours is out
  void OnTunnelTimer(const Key& key, Instant now, Actions& out);
  void EraseWait(const Key& key, Actions& out);

  // transit.cc
  void Forward(const Incoming& in, Peer& next);
  void ForwardOrRefuse(const Incoming& in, const net::IpAddress& destination);
  void CorrectNat(const Incoming& in, Packet& packet) const;

  // cache.cc
  // The route to the station `shortcut` leads to, if it has an address of the overlay: routes say so, or no route does and it
  // is a private one.  Hubs often tell no spoke of the others' addresses.
  void InstallStation(uint32_t network, Shortcut shortcut, Duration holdtime, Instant now, Actions& out);
  bool Install(const Key& key, Shortcut shortcut, Duration holdtime, Instant now, Actions& out);
  void Withdraw(const Key& key, Actions& out);
  void MoveOrWithdraw(const Key& key, Actions& out);
  std::optional<Key> CoveringKey(uint32_t network, const net::IpAddress& target) const;
  void OnShortcutTimer(const Key& key, Instant now, Actions& out);
  bool CacheFull();

  // purge.cc
  void OnPurgeRequest(const Incoming& in);
  void OnPurgeReply(const Incoming& in);
  void PurgeAt(uint32_t network, const Local& local, const net::Prefix& prefix, Instant now, Actions& out);
  void SendPurge(uint32_t id, PurgeOut& purge, Instant now, Actions& out);
  void OnPurgeTimer(uint32_t id, Instant now, Actions& out);

  const Environment& env_;
  Limits limits_;
  Counters counters_;
  std::map<uint32_t, Traffic> traffic_;  // by network-id; only of domains there are, or were
  std::map<uint32_t, DomainConfig> domains_;
  std::map<net::PeerId, Peer> peers_;
  std::set<std::pair<std::pair<uint32_t, net::IpAddress>, net::PeerId>> by_protocol_;
  std::multiset<net::IpAddress> own_addresses_;
  std::map<Key, Shortcut> shortcuts_;
  std::map<Key, Resolution> resolutions_;  // by host prefix of the target
  std::map<Key, Local> locals_;
  std::map<Key, TunnelWait> waits_;      // by host prefix of the requester's overlay address
  std::map<uint32_t, PurgeOut> purges_;  // by request id
  Timers<TimerKey> timers_;
  std::set<net::PeerId> asked_;  // QueryTraffic wanted in this tick
  RedirectLimiter redirects_;
  TokenBucket errors_;
  Rng& rng_;
  uint32_t next_request_id_;  // of purges
  uint64_t next_token_ = 1;
};

// The NBMA network ends here for such destinations.
inline bool EndsHere(const RouteResult& r) { return r.kind == RouteResult::Kind::kSelf || r.kind == RouteResult::Kind::kExit; }

inline bool LeadsTo(const RouteResult& r, const Peer& peer) { return r.kind == RouteResult::Kind::kPeer && r.peer == peer.info.id; }

// Some node has entered itself into this transit record (kExtForwardTransit, kExtReverseTransit): it does not come from its
// source directly, if the record is to be believed.
inline bool IsRelayed(const Packet& packet, uint16_t record) {
  const Extension* transit = packet.Find(record);
  return transit != nullptr && !transit->value.empty();
}

// Where `station` can really be reached: its entry in the NAT extension, else `claimed`.
net::IpAddress RealNbma(const Packet& packet, const net::IpAddress& station, const net::IpAddress& claimed);

// Prefix length of a CIE as deployed implementations mean it: 0, 255 and anything too long is a host.
int PrefixLength(const Cie& cie, const net::IpAddress& address);

// Shorter prefixes are never given out nor believed.
int ShortestPrefix(net::Family family);

// Addresses a shortcut may lead to, or a node may have in the overlay: unicast, routable.
bool IsUsable(const net::IpAddress& address);

}  // namespace flexvpn::nhrp

#endif  // FLEXVPN_CORE_NHRP_ENDPOINT_IMPL_H_
