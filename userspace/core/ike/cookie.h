// SPDX-License-Identifier: Apache-2.0
// Stateless cookies (RFC 7296 §2.6): version of the secret | SHA-256(Ni | IPi | SPIi | secret).
#ifndef FLEXVPN_CORE_IKE_COOKIE_H_
#define FLEXVPN_CORE_IKE_COOKIE_H_

#include "base/rng.h"
#include "base/time.h"
#include "core/crypto/provider.h"
#include "core/ike/codec/message.h"

namespace flexvpn::ike {

class CookieJar {
 public:
  static constexpr Duration kRotation = seconds(60);  // a cookie is good for one to two rotations

  CookieJar(const crypto::Provider& crypto, Rng& rng) : crypto_(crypto), rng_(rng) {}
  Bytes Make(BytesView nonce_i, const net::IpAddress& initiator, IkeSpi spi_i, Instant now);
  bool Check(BytesView cookie, BytesView nonce_i, const net::IpAddress& initiator, IkeSpi spi_i, Instant now);

 private:
  void Rotate(Instant now);
  Bytes Compute(uint8_t version, const SecretBytes& secret, BytesView nonce_i, const net::IpAddress& initiator,
                IkeSpi spi_i) const;
  SecretBytes Fresh();

  const crypto::Provider& crypto_;
  Rng& rng_;
  uint8_t version_ = 0;  // of current_; previous_ has one less
  SecretBytes current_, previous_;
  Instant since_{};
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_COOKIE_H_
