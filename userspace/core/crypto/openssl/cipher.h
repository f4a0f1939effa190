// SPDX-License-Identifier: Apache-2.0
// CBC, CTR and AEAD ciphers, fetched once.
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_CIPHER_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_CIPHER_H_

#include <array>

#include "absl/status/statusor.h"
#include "core/crypto/openssl/handles.h"
#include "core/crypto/provider.h"

namespace flexvpn::crypto {

class CipherEngine {
 public:
  CipherEngine();
  bool Supports(Encr e, uint16_t key_bits) const;
  // As the methods of the same name of Provider.  Const methods may run on several threads at once.
  absl::StatusOr<Bytes> Encrypt(Encr e, BytesView key, BytesView nonce, BytesView plain) const;
  absl::StatusOr<SecretBytes> Decrypt(Encr e, BytesView key, BytesView nonce, BytesView cipher) const;
  absl::StatusOr<Bytes> Seal(Encr e, BytesView key, BytesView nonce, BytesView aad, BytesView plain) const;
  absl::StatusOr<SecretBytes> Open(Encr e, BytesView key, BytesView nonce, BytesView aad, BytesView sealed) const;

 private:
  enum Family : uint8_t { kCbc, kCtr, kGcm, kCcm, kChacha, k3DesCbc, kFamilies };
  // Nullptr if this OpenSSL has no such cipher.
  const EVP_CIPHER* Find(Encr e, size_t key_size) const;
  const EVP_CIPHER* FindPlain(Encr e, BytesView key, BytesView nonce, BytesView data) const;
  std::array<std::array<Cipher, 3>, kFamilies> ciphers_;  // [family][key size 16, 24, 32]; one size: [.][0]
};

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_CIPHER_H_
