// SPDX-License-Identifier: Apache-2.0
// Quick crash detection (RFC 6290): a peer that restarted and has lost an IKE SA proves it by a token that only it
// can make, given out while the SA was there.
#ifndef FLEXVPN_CORE_IKE_QCD_H_
#define FLEXVPN_CORE_IKE_QCD_H_

#include "core/crypto/provider.h"
#include "core/ike/codec/message.h"

namespace flexvpn::ike {

inline constexpr size_t kMinQcdToken = 16, kMaxQcdToken = 128;  // octets (§4.1)

// HMAC-SHA-256(secret, SPIi | SPIr) (§5.1).  `secret` outlives restarts and never leaves the machine.
Bytes QcdToken(const crypto::Provider& c, BytesView secret, IkeSpi spi_i, IkeSpi spi_r);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_QCD_H_
