// SPDX-License-Identifier: Apache-2.0
// Post-quantum pre-shared keys (RFC 8784): a secret known beforehand goes into SK_d and both SK_p, so that what is
// recorded today stays closed to a quantum computer of tomorrow.
#ifndef FLEXVPN_CORE_IKE_PPK_H_
#define FLEXVPN_CORE_IKE_PPK_H_

#include <optional>

#include "core/ike/endpoint.h"

namespace flexvpn::ike {

// SK_d, SK_pi and SK_pr after the PPK is mixed in (§3): prf+(PPK, SK').
struct PpkKeys {
  SecretBytes sk_d, sk_pi, sk_pr;
};
PpkKeys MixPpk(const crypto::Provider& c, crypto::Prf prf, const Ppk& ppk, const IkeKeys& keys);

// Data of PPK_IDENTITY (§4.2): type PPK_ID_FIXED, then the identifier.
Bytes EncodePpkIdentity(const Ppk& ppk);
// The identifier; none for an empty one and for other types (PPK_ID_OPAQUE needs an agreement beyond the RFC).
std::optional<Bytes> DecodePpkIdentity(BytesView data);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_PPK_H_
