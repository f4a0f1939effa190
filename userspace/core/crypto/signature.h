// SPDX-License-Identifier: Apache-2.0
// Digital signatures of IKE_AUTH (RFC 7427, RFC 8420, and the older RFC 7296 §2.15 and RFC 4754).
#ifndef FLEXVPN_CORE_CRYPTO_SIGNATURE_H_
#define FLEXVPN_CORE_CRYPTO_SIGNATURE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace flexvpn::crypto {

// IANA "IKEv2 Hash Algorithms" (SIGNATURE_HASH_ALGORITHMS).
enum class SignatureHash : uint16_t {
  kAny = 0,  // verification of AUTH method 1 only, where the signer alone knows (RFC 7296 §2.15)
  kSha1 = 1, kSha256 = 2, kSha384 = 3, kSha512 = 4,
  kIdentity = 5,  // EdDSA signs the octets themselves (RFC 8420)
};
enum class SignatureKind : uint8_t {
  kRsaPkcs1, kRsaPss,
  kEcdsa,     // value is DER (RFC 7427 A.3)
  kEcdsaRaw,  // value is r | s, each as long as the group's order (RFC 4754: AUTH methods 9, 10, 11)
  kEdDsa,
};
struct SignatureScheme {
  SignatureKind kind{};
  SignatureHash hash{};
  friend bool operator==(const SignatureScheme&, const SignatureScheme&) = default;
};
struct Signature {
  Bytes algorithm;  // DER AlgorithmIdentifier (RFC 7427 §3); empty for the older AUTH methods
  Bytes value;
};

enum class KeyKind : uint8_t { kRsa, kRsaPss, kEcdsa256, kEcdsa384, kEcdsa521, kEd25519, kEd448 };
inline bool IsRsa(KeyKind k) { return k == KeyKind::kRsa || k == KeyKind::kRsaPss; }
inline bool IsEdDsa(KeyKind k) { return k == KeyKind::kEd25519 || k == KeyKind::kEd448; }

// A private key for signing; opaque, shared by all jobs that use it at once.
class SigningKey {
 public:
  virtual ~SigningKey() = default;
  virtual KeyKind kind() const = 0;
};

// For logs: "RSA-PSS with SHA-256".
std::string SchemeName(const SignatureScheme& scheme);

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_SIGNATURE_H_
