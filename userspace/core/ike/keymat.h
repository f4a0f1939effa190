// SPDX-License-Identifier: Apache-2.0
// Key derivation of RFC 7296 §2.13-2.18.
#ifndef FLEXVPN_CORE_IKE_KEYMAT_H_
#define FLEXVPN_CORE_IKE_KEYMAT_H_

#include <array>

#include "core/crypto/provider.h"
#include "core/ike/codec/protect.h"

namespace flexvpn::ike {

// What an IKE SA negotiated; a Child SA uses encr, integ, ke (PFS) and esn.
struct Suite {
  crypto::Encr encr{};
  uint16_t encr_key_bits = 0;
  crypto::Integ integ{};
  crypto::Prf prf{};
  crypto::KeMethod ke{};
  bool esn = false;
  // Additional key exchanges (RFC 9370), transform types 6 to 12; kNone = not this one.
  std::array<crypto::KeMethod, 7> additional{};
  friend bool operator==(const Suite&, const Suite&) = default;
};

struct IkeKeys {
  SecretBytes sk_d, sk_pi, sk_pr;
  ProtectKeys initiator, responder;  // keys of what the (original) initiator / responder sends
};
// SKEYSEED and the seven keys (§2.14).  First IKE SA: `old_sk_d` empty.  Rekey (§2.18): the old SK_d, and
// `old_prf` is the PRF of the old SA; `additional`: SK(1) | SK(2) | … of RFC 9370 §2.2.4.
IkeKeys DeriveIkeKeys(const crypto::Provider& c, const Suite& suite, BytesView shared, BytesView nonce_i,
                      BytesView nonce_r, IkeSpi spi_i, IkeSpi spi_r, BytesView old_sk_d = {},
                      crypto::Prf old_prf = crypto::Prf::kNone, BytesView additional = {});

// The two steps of it for a first IKE SA: the seed alone, and the keys from a seed.
SecretBytes Skeyseed(const crypto::Provider& c, crypto::Prf prf, BytesView shared, BytesView nonce_i,
                     BytesView nonce_r);
IkeKeys ExpandIkeKeys(const crypto::Provider& c, const Suite& suite, BytesView skeyseed, BytesView nonce_i,
                      BytesView nonce_r, IkeSpi spi_i, IkeSpi spi_r);

struct ChildKeys {
  SecretBytes encr_i, integ_i, encr_r, integ_r;  // _i: for traffic sent by the exchange's initiator; encr: key | salt
};
// KEYMAT (§2.17); `shared` is empty without PFS; `additional` as above.
ChildKeys DeriveChildKeys(const crypto::Provider& c, crypto::Prf prf, BytesView sk_d, const Suite& child,
                          BytesView shared, BytesView nonce_i, BytesView nonce_r, BytesView additional = {});

// AUTH data for a shared key (§2.15): prf(prf(secret, "Key Pad for IKEv2"), signed octets), where the signed
// octets are first_message | peer_nonce | prf(sk_p, id_body) | int_auth.  id_body: ID payload without generic header;
// int_auth: RFC 9242 §3.3.
SecretBytes SharedKeyAuth(const crypto::Provider& c, crypto::Prf prf, BytesView secret, BytesView first_message,
                          BytesView peer_nonce, BytesView sk_p, BytesView id_body, BytesView int_auth = {});

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_KEYMAT_H_
