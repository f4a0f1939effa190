// SPDX-License-Identifier: Apache-2.0
// What all packets of ours have in common: header, extensions, authentication, errors.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/nhrp/endpoint_impl.h"

namespace flexvpn::nhrp {
namespace {

// Enough of an offending packet to recognise it, and even (a packet without END must not be odd).
constexpr size_t kErrorPayload = 512;

absl::string_view SentName(PacketType t) {
  switch (t) {
    case PacketType::kResolutionRequest:
      return "tx_resolution_request";
    case PacketType::kResolutionReply:
      return "tx_resolution_reply";
    case PacketType::kRegistrationRequest:
      return "tx_registration_request";
    case PacketType::kRegistrationReply:
      return "tx_registration_reply";
    case PacketType::kPurgeRequest:
      return "tx_purge_request";
    case PacketType::kPurgeReply:
      return "tx_purge_reply";
    case PacketType::kErrorIndication:
      return "tx_error_indication";
    case PacketType::kTrafficIndication:
      return "tx_traffic_indication";
  }
  return "tx_unknown";
}

}  // namespace

Packet Endpoint::Impl::Originate(const Peer& peer, PacketType type, net::Family family) const {
  Packet p;
  p.type = type;
  p.protocol_family = family;
  p.nbma_family = peer.info.local_nbma.family();
  p.source_nbma = peer.info.local_nbma;
  p.source_protocol = peer.info.local_protocol.Of(family);
  return p;
}

std::vector<Extension> Endpoint::Impl::StandardExtensions(const DomainConfig& domain) const {
  std::vector<Extension> list;
  list.push_back({.type = kExtForwardTransit, .compulsory = true, .value = {}});
  list.push_back({.type = kExtReverseTransit, .compulsory = true, .value = {}});
  if (!domain.authentication.empty()) list.push_back(AuthenticationExtension(domain.authentication));
  list.push_back({.type = kExtNat, .compulsory = false, .value = {}});
  return list;
}

void Endpoint::Impl::Send(const Peer& peer, const Packet& packet, Actions& out) {
  Bytes bytes = Encode(packet);
  if (bytes.empty() || bytes.size() > kMaxPacketSize) return Drop("drop_too_large");
  counters_.Add(SentName(packet.type));
  ++traffic_[peer.info.network_id].sent[static_cast<size_t>(packet.type)];
  out.push_back(SendPacket{peer.info.id, std::move(bytes)});
}

// Exactly one extension 7 with the password, if one is configured; without one, none is asked for.
bool Endpoint::Impl::Authentic(const Incoming& in) {
  if (in.domain.authentication.empty()) return true;
  auto is_auth = [](const Extension& e) { return e.type == kExtAuthentication; };
  const auto& list = in.packet.extensions;
  if (std::count_if(list.begin(), list.end(), is_auth) == 1 &&
      in.packet.Find(kExtAuthentication)->value == AuthenticationExtension(in.domain.authentication).value) {
    return true;
  }
  Drop("drop_authentication");
  SendError(in, ErrorCode::kAuthenticationFailure);
  return false;
}

// To the peer the packet came from; never about an error, and at a bounded rate.
void Endpoint::Impl::SendError(const Incoming& in, ErrorCode code) {
  if (in.packet.type == PacketType::kErrorIndication) return;
  if (!errors_.Take(in.now)) return Drop("error_suppressed");
  Packet p = Originate(in.peer, PacketType::kErrorIndication, in.packet.protocol_family);
  p.code = static_cast<uint16_t>(code);
  p.destination_protocol = in.packet.source_protocol;
  BytesView offending = in.raw.first(std::min(in.raw.size(), kErrorPayload) & ~size_t{1});
  p.payload.assign(offending.begin(), offending.end());
  if (!in.domain.authentication.empty())
    p.extensions.push_back(AuthenticationExtension(in.domain.authentication));
  Send(in.peer, p, in.out);
}

void Endpoint::Impl::OnError(const Incoming& in) {
  if (!in.packet.destination_protocol.empty() && !IsOurs(in.packet.destination_protocol)) {
    return ForwardOrRefuse(in, in.packet.destination_protocol);
  }
  absl::StatusOr<OffendingHeader> offending = DecodeOffendingHeader(in.packet.payload);
  if (!offending.ok()) return Drop("drop_error_without_packet");
  if (errors_.Take(in.now)) {
    in.out.push_back(
        Notice{absl::StrCat("NHRP error indication ", in.packet.code, " from ",
                            in.packet.source_protocol.ToString(), " on ", in.peer.info.interface)});
  }
  if (offending->type != PacketType::kResolutionRequest) return;
  for (auto& [key, r] : resolutions_) {
    if (r.request_id != offending->request_id || r.state != Resolution::State::kAsking) continue;
    if (r.via != in.peer.info.id || key.network != in.domain.network_id) continue;
    Hold(key, r, Resolution::State::kNegative, in.now, in.out);
    return;
  }
}

// The source must be an address the peer may use: its own, or one that is routed to it.  Who relays speaks for others: a hub,
// or a hub below us.  A spoke that calls us is none, whatever it writes into the transit record.
bool Endpoint::Impl::SourcePlausible(const Incoming& in) {
  const net::IpAddress& source = in.packet.source_protocol;
  if (in.peer.protocol.Has(source)) return true;
  if (LeadsTo(env_.Lookup(source), in.peer)) return true;
  const bool relayed = IsRelayed(in.packet, kExtForwardTransit) && (!in.peer.info.caller || in.domain.redirect);
  bool plausible = relayed || in.peer.protocol.empty();
  if (relayed && in.peer.info.caller) {  // but not for those whom we know better
    const Peer* owner = FindByProtocol(in.domain.network_id, source);
    plausible = owner == nullptr || owner->info.remote_nbma == RealNbma(in.packet, source, in.packet.source_nbma) ||
                env_.Announces(in.peer.info.id, source);  // a hub: the station calls both, by two uplinks perhaps
  }
  if (!plausible) Drop("drop_source_spoofed");
  return plausible;
}

}  // namespace flexvpn::nhrp
