// SPDX-License-Identifier: Apache-2.0
// Signing and verifying with any key IKE knows.  All functions are thread-safe.
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_SIGNATURE_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_SIGNATURE_H_

#include <optional>

#include "absl/status/statusor.h"
#include "core/crypto/openssl/handles.h"
#include "core/crypto/provider.h"

namespace flexvpn::crypto {

struct OpensslSigningKey : SigningKey {
  OpensslSigningKey(KeyKind k, Pkey p) : key_kind(k), pkey(std::move(p)) {}
  KeyKind kind() const override { return key_kind; }
  KeyKind key_kind;
  Pkey pkey;
};

// Nothing for keys IKE has no use for.
std::optional<KeyKind> KindOf(EVP_PKEY* key);

absl::StatusOr<Signature> MakeSignature(const Sign& job);
// The scheme of a DER AlgorithmIdentifier (RFC 7427 §3).  Errors: kInvalidArgument if malformed or SHA-1 or MD5 is
// asked for; kUnauthenticated if it does not fit `key`.
absl::StatusOr<SignatureScheme> ParseAlgorithm(BytesView algorithm, EVP_PKEY* key);
// Also checks the parameters of RSASSA-PSS in `signature.algorithm`.  Error: kUnauthenticated.  Returns the scheme used.
absl::StatusOr<SignatureScheme> CheckSignature(EVP_PKEY* key, const std::optional<SignatureScheme>& scheme,
                                               const Signature& signature, BytesView data);

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_SIGNATURE_H_
