// SPDX-License-Identifier: Apache-2.0
// Resolution as the answering side: first the tunnel to the requester, then the reply over it.
#include <algorithm>

#include "core/nhrp/endpoint_impl.h"

namespace flexvpn::nhrp {
namespace {

constexpr Duration kTunnelTimeout = seconds(60);  // the node should have answered by then
constexpr Duration kTunnelRetry = seconds(30);    // after a failure
constexpr Duration kFreshRequest = seconds(30);   // still worth answering when a tunnel comes up by itself
constexpr size_t kRequestsWaiting = 8;            // of one requester
constexpr size_t kLargestWaiting = 1024;          // octets of a request that waits
constexpr size_t kRequestersKept = 64;            // of one local entry

bool IsKnownExtension(const Extension& e) {
  switch (e.type) {
    case kExtResponderAddress:
    case kExtForwardTransit:
    case kExtReverseTransit:
    case kExtAuthentication:
    case kExtVendorPrivate:
    case kExtNat:
      return true;
    default:
      return !e.compulsory;
  }
}

uint16_t HoldtimeField(const DomainConfig& domain) {
  return static_cast<uint16_t>(std::min<int64_t>(WholeSeconds(domain.holdtime), UINT16_MAX));
}

}  // namespace

void Endpoint::Impl::OnResolutionRequest(const Incoming& in) {
  if (IsOurs(in.packet.source_protocol)) return Drop("drop_own_request");
  if (!IsUsable(in.packet.source_protocol) || !IsUsable(in.packet.destination_protocol) ||
      in.packet.source_protocol.family() != in.packet.destination_protocol.family() ||
      in.packet.source_nbma.empty()) {
    return Drop("drop_request_addresses");
  }
  if (!SourcePlausible(in)) return;
  Step step = NextStep(in.peer, in.packet.destination_protocol);
  if (step.kind == Step::Kind::kHere) return Respond(in);
  ForwardOrRefuse(in, in.packet.destination_protocol);
}

void Endpoint::Impl::Respond(const Incoming& in) {
  if (!in.domain.shortcut) return Drop("drop_shortcut_off");
  const auto& extensions = in.packet.extensions;
  if (!std::all_of(extensions.begin(), extensions.end(), IsKnownExtension)) {
    Drop("drop_unknown_extension");
    return SendError(in, ErrorCode::kUnrecognizedExtension);
  }
  const net::IpAddress& requester = in.packet.source_protocol;
  if (EndsHere(env_.Lookup(requester))) return Drop("drop_requester_is_local");
  net::IpAddress nbma = RealNbma(in.packet, requester, in.packet.source_nbma);
  if (!IsRelayed(in.packet, kExtForwardTransit) && in.peer.protocol.Of(requester.family()).empty() && nbma == in.peer.info.remote_nbma) {
    Learn(in.peer, requester, in.now, in.out);
  }
  if (Peer* peer = FindByProtocol(in.domain.network_id, requester, in.peer.info.id)) {
    return SendReply(*peer, in.packet, in.now, in.out);
  }
  WaitForTunnel(in);
}

void Endpoint::Impl::WaitForTunnel(const Incoming& in) {
  if (in.raw.size() > kLargestWaiting) return Drop("drop_request_too_large");
  const net::IpAddress& requester = in.packet.source_protocol;
  Key key{in.domain.network_id, net::Prefix::Host(requester)};
  auto it = waits_.find(key);
  if (it == waits_.end()) {
    if (waits_.size() >= limits_.pending) return Drop("drop_pending_full");
    net::IpAddress nbma = RealNbma(in.packet, requester, in.packet.source_nbma);
    if (!IsUsable(nbma) || nbma == in.peer.info.local_nbma) return Drop("drop_requester_nbma");
    it = waits_.emplace(key, TunnelWait{}).first;
    it->second.nbma = nbma;
    it->second.behind_nat = nbma != in.packet.source_nbma;
    it->second.retry_at = in.now;
  }
  TunnelWait& wait = it->second;
  std::erase_if(wait.requests, [&](const TunnelWait::Request& r) {
    return r.packet.destination_protocol == in.packet.destination_protocol;
  });
  if (wait.requests.size() >= kRequestsWaiting) wait.requests.erase(wait.requests.begin());
  wait.requests.push_back({in.packet, in.now});
  if (wait.token || in.now < wait.retry_at) return;
  NeedTunnelTo(key, wait, in.now, in.out);
}

bool Endpoint::Impl::IsAsking(uint32_t network) const {
  return std::any_of(resolutions_.begin(), resolutions_.end(), [&](const auto& r) {
    return r.first.network == network && r.second.state == Resolution::State::kAsking && !r.second.refresh_over;
  });
}

void Endpoint::Impl::NeedTunnelTo(const Key& key, TunnelWait& wait, Instant now, Actions& out) {
  wait.token = TunnelToken(next_token_++);
  timers_.Set({TimerKind::kTunnel, key}, now + kTunnelTimeout);
  counters_.Add("tunnel_requested");
  out.push_back(NeedTunnel{.token = wait.token,
                           .network_id = key.network,
                           .nbma = wait.nbma,
                           .protocol = key.prefix.address(),
                           .behind_nat = wait.behind_nat,
                           .asking = IsAsking(key.network)});
}

void Endpoint::Impl::EraseWait(const Key& in_key, Actions& out) {
  auto it = waits_.find(in_key);
  if (it == waits_.end()) return;
  const Key key = in_key;  // may live in what is erased
  if (it->second.token && !it->second.ready) out.push_back(CancelTunnel{it->second.token});
  waits_.erase(it);
  timers_.Erase({TimerKind::kTunnel, key});
}

void Endpoint::Impl::TunnelReady(TunnelToken token, net::PeerId id, Instant now, Actions& out) {
  auto it =
      std::find_if(waits_.begin(), waits_.end(), [&](const auto& w) { return w.second.token == token; });
  if (!token || it == waits_.end()) return Drop("tunnel_ready_unexpected");
  it->second.ready = id;
  const Key key = it->first;
  Peer* peer = FindPeer(id);
  if (peer == nullptr) return;  // PeerUp goes on
  if (!Learn(*peer, key.prefix.address(), now, out)) EraseWait(key, out);
}

// FlexVPN: no reply, traffic stays on the hub path.  The request is kept for a while, since the other
// direction may build the tunnel (a requester behind a NAT cannot be reached, but can reach us).
void Endpoint::Impl::TunnelFailed(TunnelToken token, Instant now, Actions&) {
  auto it =
      std::find_if(waits_.begin(), waits_.end(), [&](const auto& w) { return w.second.token == token; });
  if (!token || it == waits_.end()) return;
  counters_.Add("tunnel_failed");
  it->second.token = {};
  it->second.ready = {};
  it->second.retry_at = now + kTunnelRetry;
  timers_.Set({TimerKind::kTunnel, it->first}, it->second.retry_at);
}

void Endpoint::Impl::OnTunnelTimer(const Key& key, Instant now, Actions& out) {
  auto it = waits_.find(key);
  if (it == waits_.end()) return;
  TunnelToken token = it->second.token;
  if (!token) return EraseWait(key, out);
  out.push_back(CancelTunnel{token});
  TunnelFailed(token, now, out);
}

// `peer`, whose overlay address just became known, may be whom requests wait for.  `proven`: an NHRP packet
// or TunnelReady shows that both ends have the tunnel; then ours on its way is not needed.  Otherwise only
// the node with the higher address gives up its own, so that not both tunnels of a simultaneous set-up are
// lost.
void Endpoint::Impl::AnswerWaiting(Peer& peer, const net::IpAddress& protocol, bool proven, Instant now, Actions& out) {
  Key key{peer.info.network_id, net::Prefix::Host(protocol)};
  auto it = waits_.find(key);
  if (it == waits_.end()) return;
  TunnelWait& wait = it->second;
  bool any_age = static_cast<bool>(wait.token);
  std::vector<TunnelWait::Request> requests = std::move(wait.requests);
  wait.requests.clear();
  if (!wait.token || wait.ready || proven || peer.info.local_protocol.Of(protocol.family()) > protocol) EraseWait(key, out);
  for (const TunnelWait::Request& r : requests) {
    if (any_age || now - r.received < kFreshRequest) {
      SendReply(peer, r.packet, now, out);
    } else {
      Drop("request_too_old");
    }
  }
}

void Endpoint::Impl::SendReply(Peer& peer, const Packet& request, Instant now, Actions& out) {
  const DomainConfig* domain = FindDomain(peer.info.network_id);
  const net::IpAddress& target = request.destination_protocol;
  const net::IpAddress& own = peer.info.local_protocol.Of(target.family());
  if (domain == nullptr || own.empty())
    return Drop("drop_reply_family");
  Step step = NextStep(peer, target);
  if (step.kind != Step::Kind::kHere) return Drop("drop_reply_route_gone");
  bool net_known = step.route.kind != RouteResult::Kind::kSelf && step.route.prefix.Contains(target) &&
                   step.route.prefix.length() >= ShortestPrefix(target.family());
  net::Prefix prefix = net_known ? step.route.prefix : net::Prefix::Host(target);
  InstallRequester(peer, request, now, out);

  Cie self;
  self.prefix_length = static_cast<uint8_t>(prefix.length());
  self.holdtime = HoldtimeField(*domain);
  self.nbma = peer.info.local_nbma;
  self.protocol = own;
  Packet p = request;
  p.type = PacketType::kResolutionReply;
  p.hop_count = 255;
  // Q and U are copied (RFC 2332 §5.2.2); we own the binding, and it is stable.
  p.flags = static_cast<uint16_t>((request.flags & (kFlagRouter | kFlagUnique | kFlagSourceStable)) |
                                  kFlagAuthoritative | kFlagDestinationStable | kFlagNat);
  p.cies = {self};
  std::erase_if(p.extensions, [](const Extension& e) { return e.type == kExtAuthentication; });
  Cie responder = self;
  responder.prefix_length = static_cast<uint8_t>(self.protocol.bits());
  if (Extension* e = p.Find(kExtResponderAddress)) e->value = EncodeCieList({responder});
  if (!domain->authentication.empty())
    p.extensions.push_back(AuthenticationExtension(domain->authentication));
  GiveOut(peer, {domain->network_id, prefix}, request, now);
  Send(peer, p, out);
}

// The requester's own binding comes with its request: the way back needs no question (if it may be cached:
// S bit and a holding time, RFC 2332 §5.2.1).
void Endpoint::Impl::InstallRequester(Peer& peer, const Packet& request, Instant now, Actions& out) {
  if ((request.flags & kFlagSourceStable) == 0 || request.cies.empty() || request.cies[0].holdtime == 0)
    return;
  const DomainConfig* domain = FindDomain(peer.info.network_id);
  Shortcut s;
  s.next_hop = request.source_protocol;
  s.claimed = request.source_nbma;
  s.peer = peer.info.id;
  Duration holdtime = std::min<Duration>(seconds(request.cies[0].holdtime), domain->holdtime);
  InstallStation(peer.info.network_id, s, std::max<Duration>(holdtime, seconds(10)), now, out);
}

// Remembers who was told, for the purge when the route goes.
void Endpoint::Impl::GiveOut(const Peer& peer, const Key& key, const Packet& request, Instant now) {
  auto it = locals_.find(key);
  if (it == locals_.end()) {
    if (CacheFull()) return;
    it = locals_.emplace(key, Local{}).first;
    it->second.created = now;
  }
  Local& local = it->second;
  local.own_protocol = peer.info.local_protocol.Of(key.prefix.family());
  local.own_nbma = peer.info.local_nbma;
  local.interface = peer.info.interface;
  local.peer = peer.info.id;
  local.expires = now + FindDomain(key.network)->holdtime;
  timers_.Set({TimerKind::kLocal, key}, local.expires);
  std::erase_if(local.requesters, [&](const Requester& r) { return r.protocol == request.source_protocol; });
  if (local.requesters.size() >= kRequestersKept) local.requesters.erase(local.requesters.begin());
  local.requesters.push_back({request.source_protocol, request.request_id});
}

}  // namespace flexvpn::nhrp
