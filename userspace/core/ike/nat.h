// SPDX-License-Identifier: Apache-2.0
// NAT detection (RFC 7296 §2.23).
#ifndef FLEXVPN_CORE_IKE_NAT_H_
#define FLEXVPN_CORE_IKE_NAT_H_

#include "base/rng.h"
#include "core/crypto/provider.h"
#include "core/ike/codec/message.h"

namespace flexvpn::ike {

inline constexpr uint16_t kIkePort = 500, kNatTPort = 4500;

// SHA-1(SPIi | SPIr | address | port).
Bytes NatHash(const crypto::Provider& crypto, IkeSpi spi_i, IkeSpi spi_r, const net::Endpoint& endpoint);

// Our two notifications.  `pretend`: a source hash that cannot match, so that the peer encapsulates in UDP.
void AppendNatDetection(const crypto::Provider& crypto, Rng& rng, IkeSpi spi_i, IkeSpi spi_r,
                        const net::Endpoint& local, const net::Endpoint& remote, bool pretend, Payloads& out);

struct NatFinding {
  bool supported = false;  // the peer sent both notifications
  bool local = false;      // NAT in front of us
  bool remote = false;     // NAT in front of the peer
};
// `local`, `remote`: as the datagram shows them.  Without both notifications there is no NAT traversal.
NatFinding DetectNat(const crypto::Provider& crypto, const Payloads& payloads, IkeSpi spi_i, IkeSpi spi_r,
                     const net::Endpoint& local, const net::Endpoint& remote);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_NAT_H_
