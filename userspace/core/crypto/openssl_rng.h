// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_RNG_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_RNG_H_

#include <array>

#include "base/rng.h"

namespace flexvpn::crypto {

// Cryptographic generator of the running router (RAND_bytes).  Ends the process when the generator is broken: going on
// with predictable keys would be worse.  Draws ahead, because eight octets cost OpenSSL as much as two hundred; what was
// handed out is wiped here.  For one thread.
class OpensslRng : public Rng {
 public:
  ~OpensslRng() override;
  void Fill(std::span<uint8_t> out) override;

 private:
  std::array<uint8_t, 256> ahead_{};
  size_t left_ = 0;  // octets not handed out yet, at the end of `ahead_`
};

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_RNG_H_
