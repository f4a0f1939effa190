// SPDX-License-Identifier: Apache-2.0
// Traffic indications: the transit node tells the previous hop that a better way exists.
#include <algorithm>

#include "core/nhrp/endpoint_impl.h"

namespace flexvpn::nhrp {
namespace {

constexpr uint16_t kRedirectCode = 0;
constexpr size_t kTransportOctets = 8;  // of the inner packet, after its IP header

}  // namespace

void Endpoint::Impl::OnSpokeToSpoke(net::PeerId ingress, BytesView packet, Instant now, Actions& out) {
  Peer* peer = FindPeer(ingress);
  if (peer == nullptr) return Drop("drop_unknown_peer");
  const DomainConfig* domain = FindDomain(peer->info.network_id);
  if (domain == nullptr || !domain->redirect) return Drop("redirect_off");
  std::optional<net::IpHeaderView> ip = net::ParseIpHeader(packet);
  if (!ip || !IsUsable(ip->source) || !IsUsable(ip->destination) || ip->ttl <= 1) {
    return Drop("redirect_not_for_this_packet");
  }
  if (peer->info.local_protocol.Of(ip->source.family()).empty()) return Drop("redirect_other_family");
  // The route may have changed since the packet passed.
  if (NextStep(*peer, ip->destination).kind != Step::Kind::kForward) return Drop("redirect_not_transit");
  switch (redirects_.Check(ingress, ip->destination, domain->redirect_interval, now)) {
    case RedirectLimiter::Verdict::kSend:
      break;
    case RedirectLimiter::Verdict::kTooSoon:
      ++traffic_[domain->network_id].redirects_suppressed;
      return Drop("redirect_suppressed");
    case RedirectLimiter::Verdict::kTotalRate:
      ++traffic_[domain->network_id].redirects_suppressed;
      return Drop("redirect_total_rate");
  }
  Packet p = Originate(*peer, PacketType::kTrafficIndication, ip->source.family());
  p.code = kRedirectCode;
  p.destination_protocol = ip->source;
  size_t size = std::min(packet.size(), ip->header_length + kTransportOctets) & ~size_t{1};
  p.payload.assign(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
  p.extensions = StandardExtensions(*domain);
  Send(*peer, p, out);
}

// The packet's destination protocol address is the inner source, which may be a host behind us, so what
// counts is the packet inside.
void Endpoint::Impl::OnTrafficIndication(const Incoming& in) {
  if (!in.domain.shortcut) return Drop("drop_shortcut_off");
  if (in.packet.code != kRedirectCode) return Drop("drop_traffic_code");
  std::optional<net::IpHeaderView> ip = net::ParseIpHeader(in.packet.payload);
  if (!ip) return Drop("drop_indication_without_packet");
  if (!IsUsable(ip->destination)) return Drop("drop_indication_destination");
  const std::optional<Key> covering = CoveringKey(in.domain.network_id, ip->destination);
  const bool by_shortcut = covering && shortcuts_.at(*covering).peer == in.peer.info.id;
  if (!by_shortcut && !LeadsTo(env_.Lookup(ip->destination), in.peer)) return Drop("drop_indication_not_of_the_path");
  // The end of our own shortcut sends packets on: the network has moved, ask anew along the routed path.
  if (by_shortcut && !shortcuts_.at(*covering).implicit) Withdraw(*covering, in.out);
  Resolve(in.domain.network_id, ip->destination, in.now, in.out);
}

}  // namespace flexvpn::nhrp
