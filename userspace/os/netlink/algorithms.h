// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_NETLINK_ALGORITHMS_H_
#define FLEXVPN_OS_NETLINK_ALGORITHMS_H_

#include <cstdint>
#include <string>

namespace flexvpn::os::netlink {

// How the kernel's crypto API names what IANA numbers (IKEv2 Transform Type 1 and 3).
struct CipherName {
  uint16_t id;           // ENCR_*
  const char* name;
  const char* options;   // of the kernel's configuration: what a kernel that refuses it was built without
  bool aead = false;
  uint32_t salt_octets = 0;  // follow the key in KEYMAT
  uint32_t icv_bits = 0;     // AEAD only
};
struct IntegrityName {
  uint16_t id;  // AUTH_*
  const char* name;
  const char* options;
  uint32_t key_octets;
  uint32_t truncated_bits;
};
// nullptr if unknown.
const CipherName* FindCipher(uint16_t encr);
const IntegrityName* FindIntegrity(uint16_t integ);

// What to say when the kernel refuses an SA with ENOSYS: "this kernel lacks rfc4309(ccm(aes)) (CONFIG_CRYPTO_CCM …)".
// Names what the kernel needs for both algorithms, as it does not tell which one it lacks.
std::string MissingAlgorithms(uint16_t encr, uint16_t integ);

}  // namespace flexvpn::os::netlink

#endif  // FLEXVPN_OS_NETLINK_ALGORITHMS_H_
