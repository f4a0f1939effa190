// SPDX-License-Identifier: Apache-2.0
// Peers, domains and dispatch of the NHRP endpoint.
#include "core/nhrp/endpoint.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/nhrp/endpoint_impl.h"

namespace flexvpn::nhrp {
namespace {

constexpr uint32_t kRedirectsPerSecond = 2000;  // all peers together
constexpr uint32_t kErrorsPerSecond = 20;

absl::string_view ReceivedName(PacketType t) {
  switch (t) {
    case PacketType::kResolutionRequest:
      return "rx_resolution_request";
    case PacketType::kResolutionReply:
      return "rx_resolution_reply";
    case PacketType::kRegistrationRequest:
      return "rx_registration_request";
    case PacketType::kRegistrationReply:
      return "rx_registration_reply";
    case PacketType::kPurgeRequest:
      return "rx_purge_request";
    case PacketType::kPurgeReply:
      return "rx_purge_reply";
    case PacketType::kErrorIndication:
      return "rx_error_indication";
    case PacketType::kTrafficIndication:
      return "rx_traffic_indication";
  }
  return "rx_unknown";
}

}  // namespace

bool IsUsable(const net::IpAddress& a) {
  return a.is_routable() && (!a.is_v4() || (a.v4() >> 28) != 0xf);
}

Endpoint::Impl::Impl(const Environment& env, Rng& rng, Limits limits)
    : env_(env),
      limits_(limits),
      redirects_(limits.cache_entries, kRedirectsPerSecond, kRedirectsPerSecond),
      errors_(kErrorsPerSecond, kErrorsPerSecond),
      rng_(rng),
      next_request_id_(rng.U32() | 1) {}

Peer* Endpoint::Impl::FindPeer(net::PeerId id) {
  auto it = peers_.find(id);
  return it == peers_.end() ? nullptr : &it->second;
}

const DomainConfig* Endpoint::Impl::FindDomain(uint32_t network) const {
  auto it = domains_.find(network);
  return it == domains_.end() ? nullptr : &it->second;
}

Peer* Endpoint::Impl::FindByProtocol(uint32_t network, const net::IpAddress& protocol,
                                     net::PeerId preferred) {
  if (protocol.empty()) return nullptr;
  std::pair<uint32_t, net::IpAddress> name{network, protocol};
  if (by_protocol_.contains({name, preferred})) return FindPeer(preferred);
  auto it = by_protocol_.upper_bound({name, net::PeerId(UINT32_MAX)});
  if (it == by_protocol_.begin() || (--it)->first != name) return nullptr;
  return FindPeer(it->second);
}

bool Endpoint::Impl::SameStation(const Peer& a, const Peer& b) {
  if (!a.info.owner.empty() && !b.info.owner.empty()) return a.info.owner == b.info.owner;  // several may be behind one NAT
  return a.info.remote_nbma == b.info.remote_nbma;
}

void Endpoint::Impl::SetProtocol(Peer& peer, const net::IpAddress& protocol) {
  ForgetProtocol(peer, protocol.family());
  peer.protocol.Set(protocol);
  by_protocol_.insert({{peer.info.network_id, protocol}, peer.info.id});
}

void Endpoint::Impl::ForgetProtocol(Peer& peer, net::Family family) {
  by_protocol_.erase({{peer.info.network_id, peer.protocol.Of(family)}, peer.info.id});
  peer.protocol.Clear(family);
}

bool Endpoint::Impl::Learn(Peer& peer, const net::IpAddress& protocol, Instant now, Actions& out) {
  if (!peer.protocol.Has(protocol)) {
    const Peer* other = FindByProtocol(peer.info.network_id, protocol);
    if (!peer.protocol.Of(protocol.family()).empty() || (other != nullptr && !SameStation(*other, peer))) {
      Drop("drop_peer_address_conflict");
      return false;
    }
    SetProtocol(peer, protocol);
    out.push_back(PeerAddress{peer.info.id, protocol});
  }
  AnswerWaiting(peer, protocol, /*proven=*/true, now, out);
  return true;
}

Endpoint::Impl::Step Endpoint::Impl::NextStep(const Peer& ingress, const net::IpAddress& destination) {
  Step s;
  s.route = env_.Lookup(destination);
  using Kind = RouteResult::Kind;
  if (EndsHere(s.route)) {
    s.kind = Step::Kind::kHere;
  } else if (LeadsTo(s.route, ingress)) {
    s.kind = Step::Kind::kBack;
  } else if (s.route.kind == Kind::kPeer) {
    s.next = FindPeer(s.route.peer);
    if (s.next == nullptr) return s;
    // A peer of another domain: the NBMA network of this one ends here.
    bool same = s.next->info.network_id == ingress.info.network_id;
    s.kind = same ? Step::Kind::kForward : Step::Kind::kHere;
  }
  return s;
}

void Endpoint::Impl::Configure(std::vector<DomainConfig> domains, Instant now, Actions& out) {
  std::map<uint32_t, DomainConfig> next;
  for (DomainConfig& d : domains) next.insert_or_assign(d.network_id, std::move(d));
  std::vector<uint32_t> gone;
  for (const auto& [id, d] : domains_) {
    auto it = next.find(id);
    if (it == next.end() || (d.shortcut && !it->second.shortcut)) gone.push_back(id);
  }
  for (uint32_t id : gone) DropDomain(id, now, out);
  domains_ = std::move(next);
}

void Endpoint::Impl::DropDomain(uint32_t network, Instant now, Actions& out) {
  auto keys = [network](const auto& records) {
    std::vector<Key> found;
    for (auto it = records.lower_bound(Key{network, {}}); it != records.end() && it->first.network == network;
         ++it) {
      found.push_back(it->first);
    }
    return found;
  };
  for (const Key& k : keys(shortcuts_)) Withdraw(k, out);
  for (const Key& k : keys(resolutions_)) EraseResolution(k);
  for (const Key& k : keys(waits_)) EraseWait(k, out);
  for (const Key& k : keys(locals_)) {
    PurgeAt(network, locals_.at(k), k.prefix, now, out);
    locals_.erase(k);
    timers_.Erase({TimerKind::kLocal, k});
  }
}

void Endpoint::Impl::PeerUp(const PeerInfo& info, Instant now, Actions& out) {
  auto it = peers_.find(info.id);
  if (it != peers_.end() && it->second.info.network_id != info.network_id) {
    PeerDown(info.id, now, out);
    it = peers_.end();
  }
  bool fresh = it == peers_.end();
  if (fresh) it = peers_.emplace(info.id, Peer{}).first;
  Peer& peer = it->second;
  for (net::Family f : net::kFamilies) {
    if (!fresh) own_addresses_.extract(peer.info.local_protocol.Of(f));
    if (const net::IpAddress& own = info.local_protocol.Of(f); !own.empty()) own_addresses_.insert(own);
  }
  peer.info = info;
  for (net::Family f : net::kFamilies) {
    const net::IpAddress& known = info.remote_protocol.Of(f);
    if (known.empty()) {
      ForgetProtocol(peer, f);
      continue;
    }
    SetProtocol(peer, known);
    AnswerWaiting(peer, known, /*proven=*/false, now, out);
  }
  std::vector<Key> ready;
  for (const auto& [key, wait] : waits_) {
    if (wait.ready == info.id) ready.push_back(key);
  }
  for (const Key& key : ready) Learn(peer, key.prefix.address(), now, out);
}

void Endpoint::Impl::PeerDown(net::PeerId id, Instant now, Actions& out) {
  Peer* peer = FindPeer(id);
  if (peer == nullptr) return;
  for (net::Family f : net::kFamilies) {
    ForgetProtocol(*peer, f);
    own_addresses_.extract(peer->info.local_protocol.Of(f));
  }
  std::set<Key> shortcuts = peer->shortcuts;
  uint32_t network = peer->info.network_id;
  for (const Key& k : shortcuts) MoveOrWithdraw(k, out);
  peers_.erase(id);
  redirects_.Forget(id);
  // The next traffic indication starts anew: nothing of the past suppresses it.
  std::vector<Key> stale;
  for (const auto& [key, r] : resolutions_) {
    if (key.network == network &&
        (r.via == id || r.refresh_over == id || r.state != Resolution::State::kAsking)) {
      stale.push_back(key);
    }
  }
  for (const Key& k : stale) EraseResolution(k);
  for (auto& [key, wait] : waits_) {
    if (wait.ready == id) wait.ready = {};
  }
  (void)now;
}

void Endpoint::Impl::OnPacket(net::PeerId from, BytesView raw, Instant now, Actions& out) {
  Peer* peer = FindPeer(from);
  if (peer == nullptr) return Drop("drop_unknown_peer");
  const DomainConfig* domain = FindDomain(peer->info.network_id);
  if (domain == nullptr) return Drop("drop_no_domain");
  absl::StatusOr<Packet> packet = Decode(raw);
  if (!packet.ok()) {
    Drop("drop_malformed");
    return Drop(absl::StrCat("malformed: ", packet.status().message()));
  }
  Incoming in{.peer = *peer, .domain = *domain, .packet = *packet, .raw = raw, .now = now, .out = out};
  if (!Authentic(in)) return;
  counters_.Add(ReceivedName(packet->type));
  ++traffic_[domain->network_id].received[static_cast<size_t>(packet->type)];
  Dispatch(in);
}

void Endpoint::Impl::Dispatch(const Incoming& in) {
  switch (in.packet.type) {
    case PacketType::kResolutionRequest:
      return OnResolutionRequest(in);
    case PacketType::kResolutionReply:
      return OnResolutionReply(in);
    case PacketType::kPurgeRequest:
      return OnPurgeRequest(in);
    case PacketType::kPurgeReply:
      return OnPurgeReply(in);
    case PacketType::kErrorIndication:
      return OnError(in);
    case PacketType::kTrafficIndication:
      return OnTrafficIndication(in);
    case PacketType::kRegistrationRequest:
    case PacketType::kRegistrationReply:
      return Drop("drop_registration");
  }
}

void Endpoint::Impl::ClearShortcuts(Actions& out) {
  while (!shortcuts_.empty()) Withdraw(shortcuts_.begin()->first, out);
}

void Endpoint::Impl::Clear(Instant, Actions& out) {
  ClearShortcuts(out);
  while (!resolutions_.empty()) EraseResolution(resolutions_.begin()->first);
  while (!waits_.empty()) EraseWait(waits_.begin()->first, out);
  for (const auto& [key, local] : locals_) timers_.Erase({TimerKind::kLocal, key});
  locals_.clear();
  redirects_.Clear();
}

void Endpoint::Impl::OnTick(Instant now, Actions& out) {
  while (std::optional<TimerKey> due = timers_.PopDue(now)) {
    switch (due->kind) {
      case TimerKind::kShortcut:
        OnShortcutTimer(due->key, now, out);
        break;
      case TimerKind::kResolution:
        OnResolutionTimer(due->key, now, out);
        break;
      case TimerKind::kLocal:
        locals_.erase(due->key);
        break;
      case TimerKind::kTunnel:
        OnTunnelTimer(due->key, now, out);
        break;
      case TimerKind::kPurge:
        OnPurgeTimer(due->key.network, now, out);
        break;
    }
  }
  if (asked_.empty()) return;
  out.push_back(QueryTraffic{std::vector<net::PeerId>(asked_.begin(), asked_.end())});
  asked_.clear();
}

Endpoint::Endpoint(const Environment& env, Rng& rng, Limits limits)
    : impl_(std::make_unique<Impl>(env, rng, limits)) {}
Endpoint::~Endpoint() = default;

void Endpoint::Configure(std::vector<DomainConfig> domains, Instant now, Actions& out) {
  impl_->Configure(std::move(domains), now, out);
}
void Endpoint::PeerUp(const PeerInfo& peer, Instant now, Actions& out) { impl_->PeerUp(peer, now, out); }
void Endpoint::PeerDown(net::PeerId peer, Instant now, Actions& out) { impl_->PeerDown(peer, now, out); }
void Endpoint::OnPacket(net::PeerId from, BytesView packet, Instant now, Actions& out) {
  impl_->OnPacket(from, packet, now, out);
}
void Endpoint::OnSpokeToSpoke(net::PeerId ingress, BytesView packet, Instant now, Actions& out) {
  impl_->OnSpokeToSpoke(ingress, packet, now, out);
}
void Endpoint::TunnelReady(TunnelToken token, net::PeerId peer, Instant now, Actions& out) {
  impl_->TunnelReady(token, peer, now, out);
}
void Endpoint::TunnelFailed(TunnelToken token, Instant now, Actions& out) {
  impl_->TunnelFailed(token, now, out);
}
void Endpoint::ShortcutRefused(const net::Prefix& prefix, net::PeerId peer, Instant now, Actions& out) {
  impl_->ShortcutRefused(prefix, peer, now, out);
}
void Endpoint::PeerTraffic(net::PeerId peer, uint64_t packets, Instant now, Actions& out) {
  impl_->PeerTraffic(peer, packets, now, out);
}
void Endpoint::RoutesChanged(Instant now, Actions& out) { impl_->RoutesChanged(now, out); }
void Endpoint::Clear(Instant now, Actions& out) { impl_->Clear(now, out); }
void Endpoint::ClearShortcuts(Actions& out) { impl_->ClearShortcuts(out); }
void Endpoint::OnTick(Instant now, Actions& out) { impl_->OnTick(now, out); }
std::optional<Instant> Endpoint::NextDeadline() const { return impl_->NextDeadline(); }
std::vector<CacheRow> Endpoint::Rows(Instant now) const { return impl_->Rows(now); }
const Counters& Endpoint::counters() const { return impl_->counters(); }
const std::map<uint32_t, Traffic>& Endpoint::traffic() const { return impl_->traffic(); }
void Endpoint::ClearCounters() { impl_->ClearCounters(); }

}  // namespace flexvpn::nhrp
