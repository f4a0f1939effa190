// SPDX-License-Identifier: Apache-2.0
// Digests, HMAC and AES-CMAC.  Everything is fetched once: fetching costs more than the HMAC of an IKE message.
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_HASH_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_HASH_H_

#include <array>
#include <span>

#include "core/crypto/openssl/handles.h"
#include "core/crypto/provider.h"

namespace flexvpn::crypto {

enum class Digest : uint8_t { kMd5, kSha1, kSha256, kSha384, kSha512, kCount };

class HashEngine {
 public:
  HashEngine();
  bool Supports(Digest d) const { return rows_[Index(d)].hmac != nullptr; }
  // Empty on failure (algorithm missing).  Const methods may run on several threads at once.
  SecretBytes Hmac(Digest d, BytesView key, Provider::Parts parts) const;
  Bytes Hash(Digest d, Provider::Parts parts) const;
  bool SupportsCmac() const { return cmac_ != nullptr; }
  // AES-CMAC with a key of 128 bits (RFC 4493); empty for any other key size.
  SecretBytes Cmac(BytesView key, Provider::Parts parts) const;
  // prf+ of RFC 7296 §2.13 with these as the PRF: `size` octets; empty on failure or for more than 255 blocks.
  SecretBytes HmacChain(Digest d, BytesView key, BytesView seed, size_t size) const;
  SecretBytes CmacChain(BytesView key, BytesView seed, size_t size) const;

 private:
  struct Row {
    Md md;
    MacCtx hmac;  // template without key, copied when there is no spare
    mutable Spare<MacCtx> spare;  // keyed as it was used last, until the next use
    size_t size = 0;
  };
  static size_t Index(Digest d) { return static_cast<size_t>(d); }
  std::array<Row, static_cast<size_t>(Digest::kCount)> rows_;
  MacCtx cmac_;  // as `hmac` and `spare` of a row
  mutable Spare<MacCtx> cmac_spare_;
};

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_HASH_H_
