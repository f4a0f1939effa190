// SPDX-License-Identifier: Apache-2.0
// Ephemeral Diffie-Hellman: MODP (RFC 7296, RFC 3526), ECP (RFC 5903, RFC 6954), Curve25519/448 (RFC 8031).
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_KEY_EXCHANGE_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_KEY_EXCHANGE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/crypto/openssl/handles.h"
#include "core/crypto/provider.h"

namespace flexvpn::crypto {

class KeyExchangeEngine {
 public:
  KeyExchangeEngine();
  bool Supports(KeMethod m) const { return Find(m) != nullptr; }
  // Both are thread-safe.
  absl::StatusOr<KeyPair> Generate(KeMethod m) const;
  absl::StatusOr<SecretBytes> Derive(const KeyPair& own, BytesView peer_public) const;
  // A pair with a given private value (big endian; RFC 7748 encoding for Curve25519/448), for published test
  // vectors: a router only ever generates.
  absl::StatusOr<KeyPair> Import(KeMethod m, BytesView private_value, BytesView public_value) const;

 private:
  enum class Kind : uint8_t { kModp, kEcp, kMontgomery };
  struct Group {
    KeMethod method{};
    Kind kind{};
    const char* montgomery = nullptr;  // algorithm name
    Pkey parameters;                   // MODP and ECP: domain parameters, shared read-only
    Bytes prime_minus_1;               // MODP
    size_t secret_size = 0;            // octets of g^ir
    mutable Spare<Pkey> peer{};          // nothing secret in it
    mutable Spare<PkeyCtx> generator{};  // ready for key generation; holds no key
  };
  void AddModp(KeMethod m, Pkey parameters);
  void AddEcp(KeMethod m, const char* name);
  void AddMontgomery(KeMethod m, const char* name);
  void Add(Group group, bool ok);
  const Group* Find(KeMethod m) const;
  // Both nullptr on failure.  `any_public` is overwritten later.
  static PkeyCtx Generator(const Group& group);
  static Pkey BlankPeer(const Group& group, BytesView any_public);
  // To be given back to `group.peer` after use.
  static absl::StatusOr<Pkey> PeerKey(const Group& group, BytesView peer_public);
  std::vector<Group> groups_;
};

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_KEY_EXCHANGE_H_
