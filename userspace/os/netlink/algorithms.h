// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_NETLINK_ALGORITHMS_H_
#define FLEXVPN_OS_NETLINK_ALGORITHMS_H_

#include <cstdint>

namespace flexvpn::os::netlink {

// How the kernel's crypto API names what IANA numbers (IKEv2 Transform Type 1 and 3).
struct CipherName {
  uint16_t id;           // ENCR_*
  const char* name;
  bool aead;
  uint32_t salt_octets;  // follow the key in KEYMAT
  uint32_t icv_bits;     // AEAD only
};
struct IntegrityName {
  uint16_t id;  // AUTH_*
  const char* name;
  uint32_t key_octets;
  uint32_t truncated_bits;
};
// nullptr if unknown.
const CipherName* FindCipher(uint16_t encr);
const IntegrityName* FindIntegrity(uint16_t integ);

}  // namespace flexvpn::os::netlink

#endif  // FLEXVPN_OS_NETLINK_ALGORITHMS_H_
