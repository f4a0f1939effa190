// SPDX-License-Identifier: Apache-2.0
// Purge (RFC 2332 §5.2.5, §5.2.6): taking back what was given out.
#include <array>

#include "core/nhrp/endpoint_impl.h"

namespace flexvpn::nhrp {
namespace {

// Some implementations never answer a purge, so it is repeated but not for ever.
constexpr std::array<Duration, 3> kPurgeRetry = {seconds(1), seconds(2), seconds(4)};

}  // namespace

void Endpoint::Impl::RoutesChanged(Instant now, Actions& out) {
  std::vector<Key> gone;
  for (const auto& [key, local] : locals_) {
    RouteResult r = env_.Lookup(key.prefix.address());
    bool here = r.kind == RouteResult::Kind::kSelf || r.kind == RouteResult::Kind::kExit;
    if (r.kind == RouteResult::Kind::kPeer) {
      const Peer* next = FindPeer(r.peer);
      here = next != nullptr && next->info.network_id != key.network;
    }
    if (!here || (!key.prefix.is_host() && r.prefix != key.prefix)) gone.push_back(key);
  }
  for (const Key& key : gone) {
    PurgeAt(key.network, locals_.at(key), key.prefix, now, out);
    locals_.erase(key);
    timers_.Erase({TimerKind::kLocal, key});
  }
  // Our own shortcuts: a route here, or one more specific than the shortcut, ends them.
  gone.clear();
  for (const auto& [key, s] : shortcuts_) {
    RouteResult r = env_.Lookup(s.target);
    bool local = r.kind == RouteResult::Kind::kSelf || r.kind == RouteResult::Kind::kExit;
    bool finer = r.kind == RouteResult::Kind::kPeer && r.prefix.length() > key.prefix.length();
    if (local || finer) gone.push_back(key);
  }
  for (const Key& key : gone) Withdraw(key, out);
}

void Endpoint::Impl::PurgeAt(uint32_t network, const Local& local, const net::Prefix& prefix, Instant now,
                             Actions& out) {
  for (const Requester& r : local.requesters) {
    if (purges_.size() >= limits_.pending) return Drop("drop_pending_full");
    uint32_t id = next_request_id_++;
    PurgeOut& purge = purges_[id];
    purge.network = network;
    purge.requester = r.protocol;
    purge.entry.prefix_length = static_cast<uint8_t>(prefix.length());
    purge.entry.nbma = local.own_nbma;
    purge.entry.protocol = prefix.address();
    SendPurge(id, purge, now, out);
  }
}

void Endpoint::Impl::SendPurge(uint32_t id, PurgeOut& purge, Instant now, Actions& out) {
  TimerKey timer{TimerKind::kPurge, {id, {}}};
  Peer* via = FindByProtocol(purge.network, purge.requester);
  if (via == nullptr) {
    RouteResult route = env_.Lookup(purge.requester);
    if (route.kind == RouteResult::Kind::kPeer) via = FindPeer(route.peer);
  }
  const DomainConfig* domain = FindDomain(purge.network);
  if (via == nullptr || domain == nullptr || via->info.network_id != purge.network) {
    timers_.Erase(timer);
    purges_.erase(id);
    return Drop("purge_no_route");
  }
  Packet p = Originate(*via, PacketType::kPurgeRequest, purge.requester.family());
  p.request_id = id;
  p.destination_protocol = purge.requester;
  p.cies = {purge.entry};
  p.extensions = StandardExtensions(*domain);
  timers_.Set(timer, now + kPurgeRetry[static_cast<size_t>(purge.sent)]);
  ++purge.sent;
  Send(*via, p, out);
}

void Endpoint::Impl::OnPurgeTimer(uint32_t id, Instant now, Actions& out) {
  auto it = purges_.find(id);
  if (it == purges_.end()) return;
  if (it->second.sent < static_cast<int>(kPurgeRetry.size())) return SendPurge(id, it->second, now, out);
  counters_.Add("purge_unanswered");
  purges_.erase(it);
}

// Only the station an entry leads to, or the peer it goes over, may take it back.
void Endpoint::Impl::OnPurgeRequest(const Incoming& in) {
  if (IsOurs(in.packet.source_protocol)) return Drop("drop_own_request");
  if (!SourcePlausible(in)) return;
  if (!IsOurs(in.packet.destination_protocol)) return ForwardOrRefuse(in, in.packet.destination_protocol);
  std::vector<Key> purged;
  for (const Cie& cie : in.packet.cies) {
    net::Prefix prefix(cie.protocol, PrefixLength(cie, cie.protocol));
    for (auto it = shortcuts_.lower_bound({in.domain.network_id, prefix});
         it != shortcuts_.end() && it->first.network == in.domain.network_id &&
         prefix.Contains(it->first.prefix.address());
         ++it) {
      const Shortcut& s = it->second;
      bool allowed = s.peer == in.peer.info.id || s.next_hop == in.packet.source_protocol;
      if (allowed && (!s.implicit || it->first.prefix == prefix)) purged.push_back(it->first);
    }
  }
  for (const Key& key : purged) Withdraw(key, in.out);
  counters_.Add("purged", purged.size());
  if ((in.packet.flags & kFlagNoReply) != 0) return;
  Packet reply = in.packet;
  reply.type = PacketType::kPurgeReply;
  reply.hop_count = 255;
  Send(in.peer, reply, in.out);
}

void Endpoint::Impl::OnPurgeReply(const Incoming& in) {
  if (!IsOurs(in.packet.source_protocol)) return ForwardOrRefuse(in, in.packet.source_protocol);
  if (purges_.erase(in.packet.request_id) == 0) return Drop("drop_reply_unmatched");
  timers_.Erase({TimerKind::kPurge, {in.packet.request_id, {}}});
  counters_.Add("purge_answered");
}

}  // namespace flexvpn::nhrp
