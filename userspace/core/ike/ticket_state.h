// SPDX-License-Identifier: Apache-2.0
// What a ticket of session resumption stands for (RFC 5723).
#ifndef FLEXVPN_CORE_IKE_TICKET_STATE_H_
#define FLEXVPN_CORE_IKE_TICKET_STATE_H_

#include <string>

#include "base/rng.h"
#include "core/ike/endpoint.h"

namespace flexvpn::ike {

// §5.
struct TicketState {
  Suite suite;
  SecretBytes sk_d;                // of the IKE SA it was given on; of PrfKeySize octets
  Identity initiator, responder;
  std::string profile;
  Bytes policy;                    // PolicyDigest() when it was given
  IkeSaId session;                 // it was given on
  bool ppk = false;                // sk_d holds a post-quantum pre-shared key
  Instant expires{}, authenticated{};  // authenticated: the last full authentication of the peer
  friend bool operator==(const TicketState&, const TicketState&) = default;
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_TICKET_STATE_H_
