// SPDX-License-Identifier: Apache-2.0
// The Encrypted payload (RFC 7296 §3.14, RFC 5282).
#ifndef FLEXVPN_CORE_IKE_CODEC_PROTECT_H_
#define FLEXVPN_CORE_IKE_CODEC_PROTECT_H_

#include "absl/status/statusor.h"
#include "base/rng.h"
#include "core/crypto/provider.h"
#include "core/ike/codec/message.h"

namespace flexvpn::ike {

// Keys of one direction of an IKE SA.
struct ProtectKeys {
  crypto::Encr encr{};
  crypto::Integ integ{};   // kNone with AEAD
  SecretBytes encr_key;    // SK_e: with AEAD key | salt
  SecretBytes integ_key;   // SK_a
};

// The whole message with one SK payload holding `payloads`.  CBC: random IV; AEAD: `sequence` becomes the explicit
// IV and must never repeat under one key (the IKE SA counts the messages it protects).
absl::StatusOr<Bytes> Protect(const crypto::Provider& crypto, const ProtectKeys& keys, Header header,
                              const Payloads& payloads, uint64_t sequence, Rng& rng);

// Checks integrity first, then decrypts and decodes.  Errors: kUnauthenticated (drop, count, change nothing),
// kInvalidArgument (authentic but malformed: INVALID_SYNTAX).  `header` is the decoded header of `datagram`.
absl::StatusOr<Payloads> Unprotect(const crypto::Provider& crypto, const ProtectKeys& keys, const Header& header,
                                   BytesView datagram);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_CODEC_PROTECT_H_
