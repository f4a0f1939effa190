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
  SecretBytes encr_key;    // SK_e: with AEAD and CTR key | salt
  SecretBytes integ_key;   // SK_a
};

// What an Encrypted payload holds: a chain of payloads as encoded, the first of type `first_type` (0 = none).
struct PlainPayloads {
  uint8_t first_type = 0;
  SecretBytes octets;
};
PlainPayloads EncodePlain(const Payloads& payloads);

// The whole message with one SK payload holding `payloads`.  CBC: random IV; AEAD and CTR: `sequence` becomes the
// explicit IV and must never repeat under one key (the IKE SA counts the messages it protects).
absl::StatusOr<Bytes> Protect(const crypto::Provider& crypto, const ProtectKeys& keys, Header header,
                              const Payloads& payloads, uint64_t sequence, Rng& rng);
absl::StatusOr<Bytes> ProtectPlain(const crypto::Provider& crypto, const ProtectKeys& keys, Header header,
                                   const PlainPayloads& plain, uint64_t sequence, Rng& rng);

// Checks integrity first, then decrypts and decodes.  Errors: kUnauthenticated (drop, count, change nothing),
// kInvalidArgument (authentic but malformed: INVALID_SYNTAX).  `header` is the decoded header of `datagram`.
absl::StatusOr<Payloads> Unprotect(const crypto::Provider& crypto, const ProtectKeys& keys, const Header& header,
                                   BytesView datagram);
// The same up to the decoding of payloads.
absl::StatusOr<PlainPayloads> UnprotectPlain(const crypto::Provider& crypto, const ProtectKeys& keys,
                                             const Header& header, BytesView datagram);

// --- what SK and SKF (fragment.h) share: IV | encrypted content | ICV ---------------------------------------------
bool CanProtect(const ProtectKeys& keys);  // an algorithm that protects integrity
// Octets of IV, `content`, padding, pad length and ICV together.
size_t SealedSize(const ProtectKeys& keys, size_t content);
// The most content that makes SealedSize() at most `space`; 0 if there is no room for any.
size_t SealedContent(const ProtectKeys& keys, size_t space);
// Appends them to `out`, whose octets so far (headers with their final lengths) are authenticated, too.
absl::Status SealInto(const crypto::Provider& crypto, const ProtectKeys& keys, BytesView content, uint64_t sequence,
                      Rng& rng, ByteWriter& out);
// The content, padding removed; `body` is where the IV begins.  Errors as of Unprotect().
absl::StatusOr<SecretBytes> OpenFrom(const crypto::Provider& crypto, const ProtectKeys& keys, BytesView datagram,
                                     size_t body);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_CODEC_PROTECT_H_
