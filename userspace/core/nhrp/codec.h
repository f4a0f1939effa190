// SPDX-License-Identifier: Apache-2.0
// NHRP packets (RFC 2332 §5), bytes <-> structs and nothing else.  The packet is what follows a GRE header of
// protocol type 0x2001; there is no inner IP header.
#ifndef FLEXVPN_CORE_NHRP_CODEC_H_
#define FLEXVPN_CORE_NHRP_CODEC_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "core/net/ip.h"

namespace flexvpn::nhrp {

// ar$op.type.  A packet of any other type does not decode.
enum class PacketType : uint8_t {
  kResolutionRequest = 1,
  kResolutionReply = 2,
  kRegistrationRequest = 3,
  kRegistrationReply = 4,
  kPurgeRequest = 5,
  kPurgeReply = 6,
  kErrorIndication = 7,
  kTrafficIndication = 8,  // Cisco (draft-detienne-dmvpn): "this destination has a better next hop"
};

// Flags of resolution packets, RFC 2332 §5.2.1; kNat is Cisco's: "understands the NAT extension".
inline constexpr uint16_t kFlagRouter = 0x8000;             // Q: the requester is a router
inline constexpr uint16_t kFlagAuthoritative = 0x4000;      // A
inline constexpr uint16_t kFlagDestinationStable = 0x2000;  // D
inline constexpr uint16_t kFlagUnique = 0x1000;             // U
inline constexpr uint16_t kFlagSourceStable = 0x0800;       // S: the requester's binding may be cached
inline constexpr uint16_t kFlagNat = 0x0002;
// Flag of purge packets, RFC 2332 §5.2.5.
inline constexpr uint16_t kFlagNoReply = 0x8000;

// Codes of a CIE in a reply, RFC 2332 §5.2.0.1.
enum CieCode : uint8_t {
  kCieSuccess = 0,
  kCieProhibited = 4,
  kCieNoResources = 5,
  kCieNoBinding = 12,
};

// Codes of an error indication, RFC 2332 §5.2.7.
enum class ErrorCode : uint16_t {
  kUnrecognizedExtension = 1,
  kLoopDetected = 3,
  kUnreachable = 6,
  kProtocolError = 7,
  kAuthenticationFailure = 11,
  kHopCountExceeded = 15,
};

// Extension types, 14 bits, RFC 2332 §5.3; kNat is Cisco's.
enum ExtensionType : uint16_t {
  kExtEnd = 0,
  kExtResponderAddress = 3,
  kExtForwardTransit = 4,
  kExtReverseTransit = 5,
  kExtAuthentication = 7,
  kExtVendorPrivate = 8,
  kExtNat = 9,
};

// Client Information Entry, RFC 2332 §5.2.0.1.  Addresses are IPv4, IPv6 or none ("as in the header"); each
// has its own length on the wire, so one entry may differ in family from the packet around it.
struct Cie {
  uint8_t code = kCieSuccess;
  uint8_t prefix_length = 0;  // bits; 0 and 255 also mean "host" to deployed implementations
  uint16_t mtu = 0;           // octets, 0 = unknown
  uint16_t holdtime = 0;      // seconds
  uint8_t preference = 0;
  net::IpAddress nbma;
  Bytes nbma_subaddress;  // at most 63 octets, normally none
  net::IpAddress protocol;
  friend bool operator==(const Cie&, const Cie&) = default;
};

struct Extension {
  uint16_t type = 0;  // 14 bits, never kExtEnd
  bool compulsory = false;
  Bytes value;
  friend bool operator==(const Extension&, const Extension&) = default;
};

// One packet.  Owns its octets.  Which fields mean something depends on `type`.
struct Packet {
  net::Family nbma_family = net::Family::kIpv4;      // ar$afn
  net::Family protocol_family = net::Family::kIpv4;  // ar$pro.type
  uint8_t hop_count = 255;
  PacketType type = PacketType::kResolutionRequest;
  uint16_t flags = 0;
  uint32_t request_id = 0;    // types 1..6
  uint16_t code = 0;          // types 7 (ErrorCode) and 8 (0 = redirect)
  uint16_t error_offset = 0;  // type 7: offset of the fault in the offending packet; type 8: unused
  net::IpAddress source_nbma, source_protocol, destination_protocol;
  Bytes source_nbma_subaddress;       // at most 63 octets
  std::vector<Cie> cies;              // types 1..6
  Bytes payload;                      // types 7 and 8: first octets of the offending packet
  std::vector<Extension> extensions;  // in wire order, without END; kinds we do not know are kept

  bool has_offending_packet() const {
    return type == PacketType::kErrorIndication || type == PacketType::kTrafficIndication;
  }
  // First extension of this type, or nullptr.
  const Extension* Find(uint16_t ext) const;
  Extension* Find(uint16_t ext);
  friend bool operator==(const Packet&, const Packet&) = default;
};

// Bounds on what is accepted; everything deployed is far below them.
inline constexpr size_t kMaxPacketSize = 16384;
inline constexpr size_t kMaxCies = 64;  // in the mandatory part, and in each list of an extension
inline constexpr size_t kMaxExtensions = 32;

// Decodes `data`; octets after ar$pktsz (link padding) are ignored, unused fields too.  A packet of odd
// length may carry either form of checksum: last octet as the high one (RFC 2332, RFC 1071) or, as some
// deployed implementations compute it, as the low one.  Errors (kInvalidArgument) name the fault: version,
// type, family, length, checksum, bounds.
absl::StatusOr<Packet> Decode(BytesView data);

// Inverse of Decode.  Closes the extensions with END, and adds END to a packet of odd length without any,
// since receivers disagree on the checksum of those.  Empty if the packet does not fit ar$pktsz.
Bytes Encode(const Packet& packet);

// A list of CIEs as extensions 3, 4, 5 and 9 hold it.
absl::StatusOr<std::vector<Cie>> DecodeCieList(BytesView value);
Bytes EncodeCieList(const std::vector<Cie>& cies);

// Cisco's clear-text authentication, extension 7: 32 bits of value 1, then the password without padding.
Extension AuthenticationExtension(absl::string_view password);

// What names the exchange an offending packet belongs to; for error indications, whose copy of the packet may
// be cut and has no valid checksum any more.
struct OffendingHeader {
  PacketType type{};
  uint32_t request_id = 0;
};
absl::StatusOr<OffendingHeader> DecodeOffendingHeader(BytesView data);

}  // namespace flexvpn::nhrp

#endif  // FLEXVPN_CORE_NHRP_CODEC_H_
