// SPDX-License-Identifier: Apache-2.0
// AES-XCBC-MAC (RFC 3566), which OpenSSL does not name: the last block of its AES-CBC over a message whose own last block is
// masked first.
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_XCBC_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_XCBC_H_

#include "core/crypto/openssl/handles.h"
#include "core/crypto/provider.h"

namespace flexvpn::crypto {

class XcbcEngine {
 public:
  static constexpr size_t kSize = 16;  // of a key and of a MAC, in octets

  XcbcEngine();
  bool Supported() const { return cbc_ != nullptr; }
  // 16 octets; empty when AES is missing or `key` has another size.  May run on several threads at once.
  SecretBytes Mac(BytesView key, Provider::Parts parts) const;
  SecretBytes Chain(BytesView key, BytesView seed, size_t size) const;  // prf+ of RFC 7296 §2.13
  // AES-XCBC-PRF-128 (RFC 4434 §2) takes keys of any size: the one it computes the MAC with.
  SecretBytes PrfKey(BytesView key) const;

 private:
  // `plain` is whole blocks; empty on failure.
  SecretBytes EncryptCbc(BytesView key, BytesView plain) const;
  Cipher cbc_;
};

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_XCBC_H_
