// SPDX-License-Identifier: Apache-2.0
#include "os/netlink/algorithms.h"

#include "absl/strings/str_cat.h"

namespace flexvpn::os::netlink {
namespace {

constexpr CipherName kCiphers[] = {
    {.id = 3, .name = "cbc(des3_ede)", .options = "CRYPTO_DES CRYPTO_CBC"},  // RFC 2451
    {.id = 11, .name = "ecb(cipher_null)", .options = "CRYPTO_NULL"},         // RFC 2410
    {.id = 12, .name = "cbc(aes)", .options = "CRYPTO_AES CRYPTO_CBC"},       // RFC 3602
    // RFC 3686: the nonce is the last 4 octets.
    {.id = 13, .name = "rfc3686(ctr(aes))", .options = "CRYPTO_AES CRYPTO_CTR", .salt_octets = 4},
    // RFC 4309
    {14, "rfc4309(ccm(aes))", "CRYPTO_CCM CRYPTO_SEQIV", true, 3, 64},
    {15, "rfc4309(ccm(aes))", "CRYPTO_CCM CRYPTO_SEQIV", true, 3, 96},
    {16, "rfc4309(ccm(aes))", "CRYPTO_CCM CRYPTO_SEQIV", true, 3, 128},
    // RFC 4106
    {18, "rfc4106(gcm(aes))", "CRYPTO_GCM CRYPTO_SEQIV", true, 4, 64},
    {19, "rfc4106(gcm(aes))", "CRYPTO_GCM CRYPTO_SEQIV", true, 4, 96},
    {20, "rfc4106(gcm(aes))", "CRYPTO_GCM CRYPTO_SEQIV", true, 4, 128},
    {21, "rfc4543(gcm(aes))", "CRYPTO_GCM CRYPTO_SEQIV", true, 4, 128},  // RFC 4543
    {28, "rfc7539esp(chacha20,poly1305)", "CRYPTO_CHACHA20POLY1305 CRYPTO_SEQIV", true, 4, 128},  // RFC 7634
};
constexpr IntegrityName kIntegrity[] = {
    {1, "hmac(md5)", "CRYPTO_HMAC CRYPTO_MD5", 16, 96},         // RFC 2403
    {2, "hmac(sha1)", "CRYPTO_HMAC CRYPTO_SHA1", 20, 96},       // RFC 2404
    {5, "xcbc(aes)", "CRYPTO_XCBC CRYPTO_AES", 16, 96},         // RFC 3566
    {8, "cmac(aes)", "CRYPTO_CMAC CRYPTO_AES", 16, 96},         // RFC 4494
    {12, "hmac(sha256)", "CRYPTO_HMAC CRYPTO_SHA256", 32, 128},  // RFC 4868
    {13, "hmac(sha384)", "CRYPTO_HMAC CRYPTO_SHA512", 48, 192},
    {14, "hmac(sha512)", "CRYPTO_HMAC CRYPTO_SHA512", 64, 256},
};

// "A B" -> "CONFIG_A CONFIG_B"
std::string Options(std::string words) {
  for (size_t at = 0; at != std::string::npos; at = words.find(' ', at + 1))
    words.insert(at == 0 ? 0 : at + 1, "CONFIG_");
  return words;
}

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

std::string MissingAlgorithms(uint16_t encr, uint16_t integ) {
  const CipherName* c = FindCipher(encr);
  if (c == nullptr) return "";
  if (c->aead) return absl::StrCat("this kernel lacks ", c->name, ": ", Options(c->options));
  const IntegrityName* i = FindIntegrity(integ);
  if (i == nullptr) return "";
  return absl::StrCat("this kernel lacks ", c->name, " or ", i->name, ": ", Options(c->options), " ",
                      Options(i->options), " CONFIG_CRYPTO_AUTHENC");
}

}  // namespace flexvpn::os::netlink
