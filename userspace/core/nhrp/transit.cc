// SPDX-License-Identifier: Apache-2.0
// A packet for someone else, along the routed path (RFC 2332 §5.2, §5.3.2, §5.3.3).
#include <algorithm>

#include "core/nhrp/endpoint_impl.h"

namespace flexvpn::nhrp {
namespace {

bool IsReply(PacketType t) {
  return t == PacketType::kResolutionReply || t == PacketType::kRegistrationReply ||
         t == PacketType::kPurgeReply;
}

bool IsRequest(PacketType t) {
  return t == PacketType::kResolutionRequest || t == PacketType::kRegistrationRequest ||
         t == PacketType::kPurgeRequest;
}

}  // namespace

void Endpoint::Impl::ForwardOrRefuse(const Incoming& in, const net::IpAddress& destination) {
  Step step = NextStep(in.peer, destination);
  switch (step.kind) {
    case Step::Kind::kForward:
      return Forward(in, *step.next);
    case Step::Kind::kBack:
      return Drop("drop_back_to_ingress");
    case Step::Kind::kHere:
      return Drop("drop_not_for_us");
    case Step::Kind::kUnreachable:
      break;
  }
  Drop("drop_unreachable");
  SendError(in, ErrorCode::kUnreachable);
}

void Endpoint::Impl::Forward(const Incoming& in, Peer& next) {
  if (in.packet.hop_count <= 1) {
    Drop("drop_hop_count");
    return SendError(in, ErrorCode::kHopCountExceeded);
  }
  Packet p = in.packet;
  --p.hop_count;
  CorrectNat(in, p);
  // Requests collect the nodes on their way in extension 4, replies in 5.
  uint16_t record = IsReply(p.type) ? kExtReverseTransit : kExtForwardTransit;
  if (Extension* transit = p.Find(record); transit != nullptr && !p.has_offending_packet()) {
    absl::StatusOr<std::vector<Cie>> passed = DecodeCieList(transit->value);
    if (!passed.ok()) return Drop("drop_malformed_extension");
    for (const Cie& c : *passed) {
      if (!IsOurs(c.protocol)) continue;
      Drop("drop_loop");
      return SendError(in, ErrorCode::kLoopDetected);
    }
    if (passed->size() == kMaxCies) return Drop("drop_loop");
    const net::IpAddress& own = next.info.local_protocol.Of(in.packet.protocol_family);
    passed->push_back(
        {.prefix_length = static_cast<uint8_t>(own.bits()),
         .holdtime = static_cast<uint16_t>(std::min<int64_t>(WholeSeconds(in.domain.holdtime), 65535)),
         .nbma = next.info.local_nbma,
         .nbma_subaddress = {},
         .protocol = own});
    p.Find(record)->value = EncodeCieList(*passed);
  }
  counters_.Add("forwarded");
  Send(next, p, in.out);
}

// The first hop alone sees the outer address a NAT gave to the station: it puts that beside the claimed one
// into the NAT extension, so that others can reach it.
void Endpoint::Impl::CorrectNat(const Incoming& in, Packet& p) const {
  bool reply = IsReply(p.type);
  if (!reply && !IsRequest(p.type)) return;
  if (reply && p.cies.empty()) return;
  const net::IpAddress& station = reply ? p.cies[0].protocol : p.source_protocol;
  const net::IpAddress& claimed = reply ? p.cies[0].nbma : p.source_nbma;
  const bool first_hop = in.peer.protocol.Of(station.family()).empty()
                             ? !IsRelayed(p, reply ? kExtReverseTransit : kExtForwardTransit)
                             : in.peer.protocol.Has(station);
  if (!first_hop || station.empty() || claimed.empty()) return;
  Extension* nat = p.Find(kExtNat);
  std::vector<Cie> entries;
  if (nat != nullptr) {
    absl::StatusOr<std::vector<Cie>> present = DecodeCieList(nat->value);
    if (present.ok()) entries = *std::move(present);
  }
  bool changed = std::erase_if(entries, [&](const Cie& c) { return c.protocol == station; }) > 0;
  if (claimed != in.peer.info.remote_nbma && entries.size() < kMaxCies) {
    entries.push_back({.prefix_length = static_cast<uint8_t>(station.bits()),
                       .nbma = in.peer.info.remote_nbma,
                       .nbma_subaddress = {},
                       .protocol = station});
    changed = true;
  }
  if (!changed) return;
  if (nat == nullptr)
    nat = &p.extensions.emplace_back(Extension{.type = kExtNat, .compulsory = false, .value = {}});
  nat->value = EncodeCieList(entries);
}

}  // namespace flexvpn::nhrp
