// SPDX-License-Identifier: Apache-2.0
// IKE_INTERMEDIATE (RFC 9242) and how AUTH covers it: what passes between IKE_SA_INIT and IKE_AUTH is authenticated
// as it was before encryption and fragmentation.
#ifndef FLEXVPN_CORE_IKE_INTERMEDIATE_H_
#define FLEXVPN_CORE_IKE_INTERMEDIATE_H_

#include "core/ike/codec/protect.h"

namespace flexvpn::ike {

// IntAuth_*A | IntAuth_*P of one message (§3.3.2): the IKE header and the generic header of the Encrypted payload
// with lengths as if nothing were encrypted, then the inner payloads.
SecretBytes IntAuthOctets(const Header& header, const PlainPayloads& inner);

// One direction: prf(SK_p, what was before | octets).  `link` is empty before the first message.
void ExtendIntAuth(const crypto::Provider& c, crypto::Prf prf, BytesView sk_p, BytesView octets, SecretBytes& link);

// What both sides' signed octets end with: IntAuth_iN | IntAuth_rN | message id of the first IKE_AUTH.
Bytes IntAuthTail(BytesView of_initiator, BytesView of_responder, uint32_t auth_message_id);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_INTERMEDIATE_H_
