// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_RNG_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_RNG_H_

#include "base/rng.h"

namespace flexvpn::crypto {

// Cryptographic generator of the running router (RAND_bytes).  Thread-safe.  Ends the process when the generator
// is broken: going on with predictable keys would be worse.
class OpensslRng : public Rng {
 public:
  void Fill(std::span<uint8_t> out) override;
};

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_RNG_H_
