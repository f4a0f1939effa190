// SPDX-License-Identifier: Apache-2.0
// Resolution as the asking side: request, retries, reply, renewal.
#include <algorithm>
#include <array>

#include "core/nhrp/endpoint_impl.h"

namespace flexvpn::nhrp {
namespace {

// Distance to the next attempt, or to giving up.
constexpr std::array<Duration, 5> kRequestRetry = {seconds(1), seconds(2), seconds(4), seconds(8), seconds(8)};
// A failed resolution is not tried again before; a late reply is still accepted.  A "no" stands for long, silence
// (everything was lost) only until the next traffic indications.
constexpr Duration kHoldNegative = seconds(180);
constexpr Duration kHoldUnanswered = seconds(60);
constexpr Duration kShortestHoldtime = seconds(10);
constexpr int kRefreshAttemptsDirect = 2;
// A route MTU we believe; deployed implementations also send the tunnel's 17912 and the like.
constexpr uint16_t kSmallestMtu = 576, kLargestMtu = 9216;

}  // namespace

net::IpAddress RealNbma(const Packet& packet, const net::IpAddress& station, const net::IpAddress& claimed) {
  const Extension* nat = packet.Find(kExtNat);
  if (nat == nullptr) return claimed;
  absl::StatusOr<std::vector<Cie>> entries = DecodeCieList(nat->value);
  if (!entries.ok()) return claimed;
  for (const Cie& c : *entries) {
    if (c.protocol == station && !c.nbma.empty()) return c.nbma;
  }
  return claimed;
}

// In place of one there is.
Resolution& Endpoint::Impl::NewResolution(const Key& key, Instant now) {
  Resolution& r = resolutions_[key];
  r = {};
  r.request_id = rng_.U32();  // not to be guessed: a reply may come from anywhere
  r.created = now;
  return r;
}

void Endpoint::Impl::EraseResolution(const Key& in_key) {
  const Key key = in_key;  // may live in what is erased
  resolutions_.erase(key);
  timers_.Erase({TimerKind::kResolution, key});
}

void Endpoint::Impl::Hold(const Key& key, Resolution& r, Resolution::State state, Instant now, Actions& out) {
  if (r.refresh_over) {
    // An authoritative "no" ends the shortcut, silence lets it live until its holding time is over.
    const net::IpAddress target = key.prefix.address();
    std::optional<Key> covering = CoveringKey(key.network, target);
    EraseResolution(key);
    if (state == Resolution::State::kNegative && covering && shortcuts_.at(*covering).target == target) {
      Withdraw(*covering, out);
    }
    return;
  }
  counters_.Add(state == Resolution::State::kNegative ? "resolution_negative" : "resolution_unanswered");
  r.state = state;
  r.expires = now + (state == Resolution::State::kNegative ? kHoldNegative : kHoldUnanswered);
  timers_.Set({TimerKind::kResolution, key}, r.expires);
}

void Endpoint::Impl::Resolve(uint32_t network, const net::IpAddress& target, Instant now, Actions& out) {
  Key key{network, net::Prefix::Host(target)};
  if (resolutions_.contains(key)) return Drop("resolution_suppressed");
  if (CoveringKey(network, target)) return Drop("resolution_not_needed");
  if (resolutions_.size() >= limits_.pending) return Drop("drop_pending_full");
  Resolution& r = NewResolution(key, now);
  r.expires = now + kHoldUnanswered;
  SendRequest(key, r, now, out);
}

void Endpoint::Impl::Refresh(const Key& shortcut, Instant now, Actions& out) {
  auto it = shortcuts_.find(shortcut);
  if (it == shortcuts_.end()) return;
  Key key{shortcut.network, net::Prefix::Host(it->second.target)};
  if (resolutions_.contains(key)) return;
  if (resolutions_.size() >= limits_.pending) return Drop("drop_pending_full");
  counters_.Add("refresh_started");
  Resolution& r = NewResolution(key, now);
  r.refresh_over = it->second.peer;
  r.expires = it->second.expires;
  SendRequest(key, r, now, out);
}

// Along the routed path; a renewal first over the shortcut's own tunnel.
void Endpoint::Impl::SendRequest(const Key& key, Resolution& r, Instant now, Actions& out) {
  const net::IpAddress target = key.prefix.address();
  Peer* via = nullptr;
  if (r.refresh_over && r.sent < kRefreshAttemptsDirect) via = FindPeer(r.refresh_over);
  if (via == nullptr) {
    RouteResult route = env_.Lookup(target);
    if (route.kind == RouteResult::Kind::kPeer) via = FindPeer(route.peer);
  }
  const DomainConfig* domain = FindDomain(key.network);
  if (via == nullptr || domain == nullptr || via->info.network_id != key.network ||
      via->info.local_protocol.Of(target.family()).empty()) {
    Drop("resolution_no_route");
    return EraseResolution(key);
  }
  r.via = via->info.id;
  Packet p = Originate(*via, PacketType::kResolutionRequest, target.family());
  p.flags = kFlagRouter | kFlagAuthoritative | kFlagSourceStable | kFlagNat;
  p.request_id = r.request_id;
  p.destination_protocol = target;
  Cie cie;
  cie.prefix_length = static_cast<uint8_t>(target.bits());
  cie.holdtime = static_cast<uint16_t>(std::min<int64_t>(WholeSeconds(domain->holdtime), UINT16_MAX));
  p.cies.push_back(cie);
  p.extensions = StandardExtensions(*domain);
  p.extensions.insert(p.extensions.begin(), {.type = kExtResponderAddress, .compulsory = true, .value = {}});
  timers_.Set({TimerKind::kResolution, key}, now + kRequestRetry[static_cast<size_t>(r.sent)]);
  ++r.sent;
  Send(*via, p, out);
}

void Endpoint::Impl::OnResolutionTimer(const Key& key, Instant now, Actions& out) {
  auto it = resolutions_.find(key);
  if (it == resolutions_.end()) return;
  Resolution& r = it->second;
  if (r.state != Resolution::State::kAsking) return EraseResolution(key);
  if (r.sent < static_cast<int>(kRequestRetry.size())) return SendRequest(key, r, now, out);
  Hold(key, r, Resolution::State::kIncomplete, now, out);
}

void Endpoint::Impl::OnResolutionReply(const Incoming& in) {
  if (!IsOurs(in.packet.source_protocol)) return ForwardOrRefuse(in, in.packet.source_protocol);
  Key key{in.domain.network_id, net::Prefix::Host(in.packet.destination_protocol)};
  auto it = resolutions_.find(key);
  if (it == resolutions_.end() || it->second.request_id != in.packet.request_id)
    return Drop("drop_reply_unmatched");
  if (in.packet.cies.empty()) return Drop("drop_reply_without_entry");
  const Cie& cie = in.packet.cies[0];
  if (cie.code != kCieSuccess) return Hold(key, it->second, Resolution::State::kNegative, in.now, in.out);
  Accept(in, key, it->second, cie);
}

// The peer the shortcut will go over: the new tunnel the reply came over; else one known to be the answering
// station; else a tunnel to its NBMA address of which nothing is known yet.
Peer* Endpoint::Impl::PeerOfReply(const Incoming& in, const Resolution& r, const Cie& cie) {
  uint32_t network = in.domain.network_id;
  Peer* known = FindByProtocol(network, cie.protocol, in.peer.info.id);
  if (!IsRelayed(in.packet, kExtReverseTransit) && in.peer.info.id != r.via) {  // it speaks for itself; `known` may be a second tunnel with it
    const bool unnamed = in.peer.protocol.Of(cie.protocol.family()).empty();
    if (known == nullptr ? !unnamed : !SameStation(*known, in.peer)) return nullptr;
    return unnamed ? &in.peer : known;
  }
  if (known != nullptr) return known;
  net::IpAddress nbma = RealNbma(in.packet, cie.protocol, cie.nbma);
  for (auto& [id, peer] : peers_) {
    if (id == r.via || peer.info.network_id != network || !peer.protocol.Of(cie.protocol.family()).empty()) continue;
    if (peer.info.remote_nbma == nbma) return &peer;
  }
  return nullptr;
}

// What a reply may claim: not less specific than the route used so far (`least`), nothing that holds an address the
// overlay itself depends on; otherwise the one host that was asked for.
net::Prefix Endpoint::Impl::SafePrefix(const net::IpAddress& target, int length, int least) const {
  net::Prefix host = net::Prefix::Host(target);
  net::Prefix prefix(target, length);
  if (length < ShortestPrefix(target.family()) || length < least) return host;
  for (const auto& [id, peer] : peers_) {
    const PeerInfo& i = peer.info;
    if (prefix.Contains(i.remote_nbma) || prefix.Contains(i.local_nbma) ||
        prefix.Contains(i.local_protocol.Of(prefix.family()))) {
      return host;
    }
  }
  return prefix;
}

void Endpoint::Impl::Accept(const Incoming& in, const Key& key, const Resolution& r, const Cie& cie) {
  const net::IpAddress target = key.prefix.address();
  const bool refresh = static_cast<bool>(r.refresh_over);
  if (!in.domain.shortcut) return Drop("drop_shortcut_off");
  if (!IsUsable(cie.protocol) || cie.protocol.family() != target.family() || IsOurs(cie.protocol) ||
      EndsHere(env_.Lookup(cie.protocol))) {
    return Drop("drop_reply_next_hop");
  }
  const RouteResult covering = env_.Lookup(target);
  if (EndsHere(covering)) return Drop("drop_reply_for_own_route");
  // Without a route any more: what is renewed has been believed before.
  const std::optional<Key> renewed = CoveringKey(key.network, target);
  const int least = covering.kind == RouteResult::Kind::kPeer ? covering.prefix.length() : renewed ? renewed->prefix.length() : target.bits();
  for (const auto& [id, peer] : peers_) {
    if (peer.info.remote_nbma == target) return Drop("drop_reply_for_nbma");
  }
  Peer* peer = PeerOfReply(in, r, cie);
  if (peer == nullptr) return Drop("drop_reply_without_tunnel");  // the next retry may find one
  if (!refresh && LeadsTo(covering, *peer)) {
    counters_.Add("reply_from_routed_peer");  // the routed path is the shortest already
    return Hold(key, resolutions_.at(key), Resolution::State::kNegative, in.now, in.out);
  }
  if (!Learn(*peer, cie.protocol, in.now, in.out)) return;
  Duration holdtime = cie.holdtime == 0 ? in.domain.holdtime : Duration(seconds(cie.holdtime));
  holdtime = std::max<Duration>(holdtime, kShortestHoldtime);
  Shortcut s;
  s.target = target;
  s.next_hop = cie.protocol;
  s.claimed = cie.nbma;
  s.peer = peer->info.id;
  s.mtu = cie.mtu >= kSmallestMtu && cie.mtu <= kLargestMtu ? cie.mtu : uint16_t{0};
  net::Prefix prefix = SafePrefix(target, PrefixLength(cie, target), least);
  EraseResolution(key);
  uint32_t network = in.domain.network_id;
  if (!Install({network, prefix}, s, holdtime, in.now, in.out)) return;
  counters_.Add("resolution_answered");
  if (net::Prefix::Host(cie.protocol) != prefix) InstallStation(network, s, holdtime, in.now, in.out);
}

}  // namespace flexvpn::nhrp
