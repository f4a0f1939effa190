// SPDX-License-Identifier: Apache-2.0
// IKEv2 message fragmentation on the wire (RFC 7383): the Encrypted Fragment payload and the division of a message.
#ifndef FLEXVPN_CORE_IKE_CODEC_FRAGMENT_H_
#define FLEXVPN_CORE_IKE_CODEC_FRAGMENT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "core/ike/codec/protect.h"

namespace flexvpn::ike {

// One message as sent: one datagram, or its fragments in order.
using WireMessage = std::vector<Bytes>;

// Of one message, sent or received.  64 KiB in fragments that fit a 1280 octet MTU are 56.
inline constexpr uint16_t kMaxFragments = 64;
// Of the payloads in a message that came or goes in fragments.
inline constexpr size_t kMaxFragmentedSize = 65535;

// Octets of an IKE message in an IP datagram of `mtu` octets: without IP and UDP header and, if it has one, the
// non-ESP marker (RFC 3948 §2.2).
size_t IkeSpace(uint16_t mtu, net::Family family, bool marker);

// SKF, RFC 7383 §2.5.
struct FragmentHeader {
  uint8_t first_type = 0;  // first inner payload; means something in fragment 1 only
  uint16_t number = 0;     // 1..total
  uint16_t total = 0;      // 1..kMaxFragments
};
// Whether the only payload of the message is SKF.
inline bool IsFragment(const Header& header) {
  return header.next_payload == static_cast<uint8_t>(PayloadType::kEncryptedFragment);
}
// Cheap check before any cryptography.  Error: kInvalidArgument (drop).  `datagram` with a header decoded already.
absl::StatusOr<FragmentHeader> DecodeFragmentHeader(BytesView datagram);
// This fragment's part of the encoded payloads.  Errors as of Unprotect(); every one means: drop.
absl::StatusOr<SecretBytes> OpenFragment(const crypto::Provider& crypto, const ProtectKeys& keys, BytesView datagram);

// Protects `plain` in one SK message if that has at most `space` octets (0: whatever its size), else in as few
// fragments of at most `space` octets as will do; larger ones when they would be more than kMaxFragments, or when
// `space` holds next to nothing.  `sequence` advances by the number of datagrams (see Protect()).
absl::StatusOr<WireMessage> ProtectWithin(const crypto::Provider& crypto, const ProtectKeys& keys, const Header& header,
                                          const PlainPayloads& plain, size_t space, uint64_t& sequence, Rng& rng);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_CODEC_FRAGMENT_H_
