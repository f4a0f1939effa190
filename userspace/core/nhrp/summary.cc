// SPDX-License-Identifier: Apache-2.0
#include "core/nhrp/summary.h"

#include "absl/strings/str_cat.h"
#include "core/nhrp/codec.h"

namespace flexvpn::nhrp {
namespace {

constexpr size_t kMaxShownCies = 8;

const char* Name(PacketType type) {
  switch (type) {
    case PacketType::kResolutionRequest: return "Resolution Request";
    case PacketType::kResolutionReply: return "Resolution Reply";
    case PacketType::kRegistrationRequest: return "Registration Request";
    case PacketType::kRegistrationReply: return "Registration Reply";
    case PacketType::kPurgeRequest: return "Purge Request";
    case PacketType::kPurgeReply: return "Purge Reply";
    case PacketType::kErrorIndication: return "Error Indication";
    case PacketType::kTrafficIndication: return "Traffic Indication";
  }
  return "packet";
}

std::string Name(const Extension& e) {
  switch (e.type) {
    case kExtResponderAddress: return "responder address";
    case kExtForwardTransit: return "forward transit";
    case kExtReverseTransit: return "reverse transit";
    case kExtAuthentication: return "authentication";
    case kExtVendorPrivate: return "vendor private";
    case kExtNat: return "NAT address";
    default: return absl::StrCat("extension ", e.type);
  }
}

std::string Of(const Cie& c) {
  return absl::StrCat("[code ", c.code, c.protocol.empty() ? "" : " " + c.protocol.ToString(), "/", c.prefix_length,
                      c.nbma.empty() ? "" : " at " + c.nbma.ToString(), " mtu ", c.mtu, " hold ", c.holdtime, "]");
}

}  // namespace

std::string Summarize(BytesView bytes) {
  const auto packet = Decode(bytes);
  if (!packet.ok()) return absl::StrCat(bytes.size(), " octets that do not decode: ", packet.status().message());
  const Packet& p = *packet;
  std::string out = Name(p.type);
  if (p.has_offending_packet())
    absl::StrAppend(&out, " code ", p.code);
  else
    absl::StrAppend(&out, " ", p.request_id);
  absl::StrAppend(&out, ", hops ", p.hop_count, ", flags 0x", absl::Hex(p.flags, absl::kZeroPad4), ", ",
                  p.source_nbma.ToString(), " ", p.source_protocol.ToString(), " > ",
                  p.destination_protocol.ToString());
  for (size_t i = 0; i < p.cies.size() && i < kMaxShownCies; ++i) absl::StrAppend(&out, " ", Of(p.cies[i]));
  if (p.cies.size() > kMaxShownCies) absl::StrAppend(&out, " and ", p.cies.size() - kMaxShownCies, " more");
  if (!p.payload.empty()) absl::StrAppend(&out, ", about a packet, ", p.payload.size(), " octets of it");
  for (const Extension& e : p.extensions)
    absl::StrAppend(&out, &e == p.extensions.data() ? "; " : ", ", Name(e), " ", e.value.size(), " octets");
  return out;
}

}  // namespace flexvpn::nhrp
