// SPDX-License-Identifier: Apache-2.0
// Numbers of the IANA registry "IKEv2 Transform Type Values".  Enums are open: a value from the wire that has no
// name here is still a value.
#ifndef FLEXVPN_CORE_CRYPTO_TRANSFORMS_H_
#define FLEXVPN_CORE_CRYPTO_TRANSFORMS_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace flexvpn::crypto {

enum class Encr : uint16_t {
  kNone = 0, k3des = 3, kNull = 11, kAesCbc = 12, kAesCtr = 13, kAesCcm8 = 14, kAesCcm12 = 15, kAesCcm16 = 16,
  kAesGcm8 = 18, kAesGcm12 = 19, kAesGcm16 = 20, kNullAesGmac = 21, kChacha20Poly1305 = 28,
};
enum class Prf : uint16_t {
  kNone = 0, kHmacMd5 = 1, kHmacSha1 = 2, kAesXcbc = 4, kHmacSha256 = 5, kHmacSha384 = 6, kHmacSha512 = 7, kAesCmac = 8,
};
enum class Integ : uint16_t {
  kNone = 0, kHmacMd5_96 = 1, kHmacSha1_96 = 2, kAesXcbc96 = 5, kAesCmac96 = 8, kHmacSha256_128 = 12,
  kHmacSha384_192 = 13, kHmacSha512_256 = 14,
};
enum class KeMethod : uint16_t {
  kNone = 0, kModp768 = 1, kModp1024 = 2, kModp1536 = 5, kModp2048 = 14, kModp3072 = 15, kModp4096 = 16,
  kModp6144 = 17, kModp8192 = 18, kEcp256 = 19, kEcp384 = 20, kEcp521 = 21, kModp1024s160 = 22, kModp2048s224 = 23,
  kModp2048s256 = 24, kBrainpool224 = 27, kBrainpool256 = 28, kBrainpool384 = 29, kBrainpool512 = 30,
  kCurve25519 = 31, kCurve448 = 32, kMlKem512 = 35, kMlKem768 = 36, kMlKem1024 = 37,
};
enum class Esn : uint16_t { kNo = 0, kYes = 1 };

// Sizes in octets; 0 for an algorithm this build does not know.
bool IsAead(Encr e);  // also GMAC (RFC 4543), which authenticates without encrypting
size_t EncrKeySize(Encr e, uint16_t key_bits);  // without the salt; key_bits 0 where the cipher has one size
uint16_t EncrKeyBits(Encr e, uint16_t key_bits);  // the same in bits: 256 for ChaCha20, whose size is never negotiated
size_t SaltSize(Encr e);                        // 4 for GCM, ChaCha20 and CTR (RFC 5282, 7634, 5930), 3 for CCM, else 0
size_t IvSize(Encr e);                          // explicit IV on the wire: 8 for AEAD, block size for CBC
size_t BlockSize(Encr e);                       // padding granularity on the wire: 16 for AES-CBC, 1 for AEAD
size_t IcvSize(Encr e);                         // AEAD tag on the wire
size_t IntegKeySize(Integ i);
size_t IntegIcvSize(Integ i);
size_t PrfOutputSize(Prf p);
size_t PrfKeySize(Prf p);                       // preferred key length (RFC 7296 §2.13)
// Octets of each nonce that key SKEYSEED; 0 = all of them.  8 for the two PRFs with a key of fixed size that
// RFC 7296 §2.14 treats specially.
size_t PrfNonceKeySize(Prf p);
size_t KePublicSize(KeMethod m);                // octets of the public value on the wire; KEM: of the initiator's
size_t KeResponseSize(KeMethod m);              // of the responder's: with a KEM the ciphertext
bool IsKem(KeMethod m);

// Whether RFCs define the algorithm for ESP, with keys of this size.  ESP is the kernel's: the provider need not have it.
bool IsForEsp(Encr e, uint16_t key_bits);
bool IsForEsp(Integ i);

// Names as IOS prints them, "AES-GCM" with key size apart, "SHA512"; for what IOS lacks in the same style.
std::string EncrName(Encr e);
std::string PrfName(Prf p);
std::string IntegName(Integ i);
std::string KeName(KeMethod m);  // DH_GROUP_256_ECP/Group 19

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_TRANSFORMS_H_
