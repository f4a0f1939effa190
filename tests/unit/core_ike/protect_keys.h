// SPDX-License-Identifier: Apache-2.0
// Keys and a header for what is encrypted without a handshake.
#ifndef FLEXVPN_TESTS_UNIT_CORE_IKE_PROTECT_KEYS_H_
#define FLEXVPN_TESTS_UNIT_CORE_IKE_PROTECT_KEYS_H_

#include "core/ike/codec/protect.h"

namespace flexvpn::ike {

inline ProtectKeys Keys(crypto::Encr encr, uint16_t key_bits, crypto::Integ integ) {
  ProtectKeys keys;
  keys.encr = encr;
  keys.integ = integ;
  keys.encr_key.assign(crypto::EncrKeySize(encr, key_bits) + crypto::SaltSize(encr), 0x11);
  keys.integ_key.assign(crypto::IntegKeySize(integ), 0x22);
  return keys;
}

inline Header TestHeader() {
  Header h;
  h.initiator_spi = IkeSpi(0x0102030405060708);
  h.responder_spi = IkeSpi(0x1112131415161718);
  h.exchange = ExchangeType::kIkeAuth;
  h.flags = kFlagInitiator;
  h.message_id = 1;
  return h;
}

}  // namespace flexvpn::ike

#endif  // FLEXVPN_TESTS_UNIT_CORE_IKE_PROTECT_KEYS_H_
