// SPDX-License-Identifier: Apache-2.0
// ML-KEM (FIPS 203) as IKEv2 key exchange (draft-ietf-ipsecme-ikev2-mlkem): the initiator's value is an encapsulation
// key, the responder's a ciphertext.  OpenSSL has it from 3.5 on, or from a provider that was loaded; looked for at
// run time.
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_ML_KEM_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_ML_KEM_H_

#include <vector>

#include "absl/status/statusor.h"
#include "core/crypto/provider.h"

namespace flexvpn::crypto {

class MlKemEngine {
 public:
  MlKemEngine();
  bool Supports(KeMethod m) const { return Name(m) != nullptr; }
  // All are thread-safe.
  absl::StatusOr<KeyPair> Generate(KeMethod m) const;
  absl::StatusOr<KeyAnswer> Encapsulate(KeMethod m, BytesView peer_public) const;
  absl::StatusOr<SecretBytes> Decapsulate(const KeyPair& own, BytesView ciphertext) const;

 private:
  const char* Name(KeMethod m) const;  // of the algorithm in OpenSSL; nullptr if it has none
  std::vector<KeMethod> available_;
};

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_ML_KEM_H_
