// SPDX-License-Identifier: Apache-2.0
#include "core/ike/cookie.h"

namespace flexvpn::ike {

SecretBytes CookieJar::Fresh() {
  SecretBytes s(32);
  rng_.Fill(s);
  return s;
}

void CookieJar::Rotate(Instant now) {
  if (!current_.empty() && now - since_ < kRotation) return;
  const bool previous_is_stale = current_.empty() || now - since_ >= 2 * kRotation;
  previous_ = previous_is_stale ? SecretBytes{} : std::move(current_);
  current_ = Fresh();
  ++version_;
  since_ = now;
}

Bytes CookieJar::Compute(uint8_t version, const SecretBytes& secret, BytesView nonce_i,
                         const net::IpAddress& initiator, IkeSpi spi_i) const {
  ByteWriter spi;
  spi.U64(spi_i.value());
  const BytesView parts[] = {nonce_i, initiator.bytes(), spi.view(), secret};
  const Bytes hash = crypto_.Sha256(parts);
  ByteWriter w;
  w.U8(version);
  w.Append(hash);
  return std::move(w).Release();
}

Bytes CookieJar::Make(BytesView nonce_i, const net::IpAddress& initiator, IkeSpi spi_i, Instant now) {
  Rotate(now);
  return Compute(version_, current_, nonce_i, initiator, spi_i);
}

bool CookieJar::Check(BytesView cookie, BytesView nonce_i, const net::IpAddress& initiator, IkeSpi spi_i,
                      Instant now) {
  Rotate(now);
  if (cookie.empty()) return false;
  const bool is_current = cookie[0] == version_;
  const bool is_previous = cookie[0] == static_cast<uint8_t>(version_ - 1) && !previous_.empty();
  if (!is_current && !is_previous) return false;
  return crypto_.ConstantTimeEqual(cookie,
                                   Compute(cookie[0], is_current ? current_ : previous_, nonce_i, initiator, spi_i));
}

}  // namespace flexvpn::ike
