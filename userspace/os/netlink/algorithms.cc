// SPDX-License-Identifier: Apache-2.0
#include "os/netlink/algorithms.h"

namespace flexvpn::os::netlink {
namespace {

constexpr CipherName kCiphers[] = {
    {3, "cbc(des3_ede)", false, 0, 0},              // RFC 2451
    {11, "ecb(cipher_null)", false, 0, 0},          // RFC 2410
    {12, "cbc(aes)", false, 0, 0},                  // RFC 3602
    {13, "rfc3686(ctr(aes))", false, 4, 0},         // RFC 3686: the nonce is the last 4 octets
    {14, "rfc4309(ccm(aes))", true, 3, 64},         // RFC 4309
    {15, "rfc4309(ccm(aes))", true, 3, 96},
    {16, "rfc4309(ccm(aes))", true, 3, 128},
    {18, "rfc4106(gcm(aes))", true, 4, 64},         // RFC 4106
    {19, "rfc4106(gcm(aes))", true, 4, 96},
    {20, "rfc4106(gcm(aes))", true, 4, 128},
    {28, "rfc7539esp(chacha20,poly1305)", true, 4, 128},  // RFC 7634
};
constexpr IntegrityName kIntegrity[] = {
    {1, "hmac(md5)", 16, 96},        // RFC 2403
    {2, "hmac(sha1)", 20, 96},       // RFC 2404
    {5, "xcbc(aes)", 16, 96},        // RFC 3566
    {8, "cmac(aes)", 16, 96},        // RFC 4494
    {12, "hmac(sha256)", 32, 128},   // RFC 4868
    {13, "hmac(sha384)", 48, 192},
    {14, "hmac(sha512)", 64, 256},
};

}  // namespace

const CipherName* FindCipher(uint16_t encr) {
  for (const CipherName& c : kCiphers) {
    if (c.id == encr) return &c;
  }
  return nullptr;
}

const IntegrityName* FindIntegrity(uint16_t integ) {
  for (const IntegrityName& i : kIntegrity) {
    if (i.id == integ) return &i;
  }
  return nullptr;
}

}  // namespace flexvpn::os::netlink
