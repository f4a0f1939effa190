// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/transforms.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace flexvpn::crypto {
namespace {

struct EncrRow {
  Encr id;
  const char* name;
  uint8_t fixed_key;  // octets; 0: 128, 192 or 256 bits, chosen by the key length attribute
  uint8_t salt, iv, block, icv;
  bool aead;
};
// RFC 3602, RFC 3686 / 5930, RFC 4309, RFC 4106 / 5282, RFC 4543, RFC 7634, RFC 2451, RFC 2410.
constexpr EncrRow kEncrRows[] = {
    {Encr::k3des, "3DES", 24, 0, 8, 8, 0, false},
    {Encr::kNull, "NULL", 0, 0, 0, 1, 0, false},
    {Encr::kAesCbc, "AES-CBC", 0, 0, 16, 16, 0, false},
    {Encr::kAesCtr, "AES-CTR", 0, 4, 8, 1, 0, false},
    {Encr::kAesCcm8, "AES-CCM", 0, 3, 8, 1, 8, true},
    {Encr::kAesCcm12, "AES-CCM", 0, 3, 8, 1, 12, true},
    {Encr::kAesCcm16, "AES-CCM", 0, 3, 8, 1, 16, true},
    {Encr::kAesGcm8, "AES-GCM", 0, 4, 8, 1, 8, true},
    {Encr::kAesGcm12, "AES-GCM", 0, 4, 8, 1, 12, true},
    {Encr::kAesGcm16, "AES-GCM", 0, 4, 8, 1, 16, true},
    {Encr::kNullAesGmac, "AES-GMAC", 0, 4, 8, 1, 16, true},
    {Encr::kChacha20Poly1305, "CHACHA20-POLY1305", 32, 4, 8, 1, 16, true},
};

struct PrfRow {
  Prf id;
  const char* name;
  uint8_t size;
  uint8_t nonce_key = 0;
};
// RFC 2104, RFC 4868, RFC 4434, RFC 4615.
constexpr PrfRow kPrfRows[] = {
    {Prf::kHmacMd5, "MD5", 16},           {Prf::kHmacSha1, "SHA1", 20},     {Prf::kAesXcbc, "AES-XCBC", 16, 8},
    {Prf::kHmacSha256, "SHA256", 32},     {Prf::kHmacSha384, "SHA384", 48}, {Prf::kHmacSha512, "SHA512", 64},
    {Prf::kAesCmac, "AES-CMAC", 16, 8},
};

struct IntegRow {
  Integ id;
  const char* name;
  uint8_t key, icv;
};
// RFC 2403, RFC 2404, RFC 3566, RFC 4494, RFC 4868.
constexpr IntegRow kIntegRows[] = {
    {Integ::kHmacMd5_96, "MD596", 16, 12},      {Integ::kHmacSha1_96, "SHA96", 20, 12},
    {Integ::kAesXcbc96, "AES-XCBC", 16, 12},    {Integ::kAesCmac96, "AES-CMAC", 16, 12},
    {Integ::kHmacSha256_128, "SHA256", 32, 16}, {Integ::kHmacSha384_192, "SHA384", 48, 24},
    {Integ::kHmacSha512_256, "SHA512", 64, 32},
};

struct KeRow {
  KeMethod id;
  const char* name;
  uint16_t public_size;
};
// RFC 7296 App. B, RFC 3526, RFC 5903, RFC 6954, RFC 8031, FIPS 203.  Groups 22 to 24 (RFC 5114) have a name and no
// size: nobody can tell how their primes were made, and their small subgroups ask for checks that the others do not need.
constexpr KeRow kKeRows[] = {
    {KeMethod::kModp768, "768_MODP", 96},
    {KeMethod::kModp1024, "1024_MODP", 128},
    {KeMethod::kModp1536, "1536_MODP", 192},
    {KeMethod::kModp2048, "2048_MODP", 256},
    {KeMethod::kModp3072, "3072_MODP", 384},
    {KeMethod::kModp4096, "4096_MODP", 512},
    {KeMethod::kModp6144, "6144_MODP", 768},
    {KeMethod::kModp8192, "8192_MODP", 1024},
    {KeMethod::kEcp256, "256_ECP", 64},
    {KeMethod::kEcp384, "384_ECP", 96},
    {KeMethod::kEcp521, "521_ECP", 132},
    {KeMethod::kModp1024s160, "1024_160_MODP", 0},
    {KeMethod::kModp2048s224, "2048_224_MODP", 0},
    {KeMethod::kModp2048s256, "2048_256_MODP", 0},
    {KeMethod::kBrainpool224, "224_BRAINPOOL", 56},
    {KeMethod::kBrainpool256, "256_BRAINPOOL", 64},
    {KeMethod::kBrainpool384, "384_BRAINPOOL", 96},
    {KeMethod::kBrainpool512, "512_BRAINPOOL", 128},
    {KeMethod::kCurve25519, "CURVE25519", 32},
    {KeMethod::kCurve448, "CURVE448", 56},
    {KeMethod::kMlKem512, "ML-KEM-512", 800},
    {KeMethod::kMlKem768, "ML-KEM-768", 1184},
    {KeMethod::kMlKem1024, "ML-KEM-1024", 1568},
};

template <class Row, size_t n, class Id>
const Row* Lookup(const Row (&rows)[n], Id id) {
  const Row* it = std::find_if(std::begin(rows), std::end(rows), [id](const Row& r) { return r.id == id; });
  return it == std::end(rows) ? nullptr : it;
}

template <class Id>
std::string Unknown(Id id) {
  return absl::StrCat("unknown (", static_cast<uint16_t>(id), ")");
}

}  // namespace

bool IsAead(Encr e) {
  const EncrRow* row = Lookup(kEncrRows, e);
  return row != nullptr && row->aead;
}

size_t EncrKeySize(Encr e, uint16_t key_bits) {
  const EncrRow* row = Lookup(kEncrRows, e);
  if (row == nullptr || e == Encr::kNull) return 0;
  if (row->fixed_key != 0) return key_bits == 0 || key_bits == row->fixed_key * 8 ? row->fixed_key : 0;
  return key_bits == 128 || key_bits == 192 || key_bits == 256 ? key_bits / 8u : 0;
}

uint16_t EncrKeyBits(Encr e, uint16_t key_bits) { return static_cast<uint16_t>(8 * EncrKeySize(e, key_bits)); }

size_t SaltSize(Encr e) {
  const EncrRow* row = Lookup(kEncrRows, e);
  return row == nullptr ? 0 : row->salt;
}
size_t IvSize(Encr e) {
  const EncrRow* row = Lookup(kEncrRows, e);
  return row == nullptr ? 0 : row->iv;
}
size_t BlockSize(Encr e) {
  const EncrRow* row = Lookup(kEncrRows, e);
  return row == nullptr ? 0 : row->block;
}
size_t IcvSize(Encr e) {
  const EncrRow* row = Lookup(kEncrRows, e);
  return row == nullptr ? 0 : row->icv;
}
size_t IntegKeySize(Integ i) {
  const IntegRow* row = Lookup(kIntegRows, i);
  return row == nullptr ? 0 : row->key;
}
size_t IntegIcvSize(Integ i) {
  const IntegRow* row = Lookup(kIntegRows, i);
  return row == nullptr ? 0 : row->icv;
}
size_t PrfOutputSize(Prf p) {
  const PrfRow* row = Lookup(kPrfRows, p);
  return row == nullptr ? 0 : row->size;
}
size_t PrfKeySize(Prf p) { return PrfOutputSize(p); }  // so for every PRF we know (RFC 4868 §2.1.2, RFC 4615)
size_t PrfNonceKeySize(Prf p) {
  const PrfRow* row = Lookup(kPrfRows, p);
  return row == nullptr ? 0 : row->nonce_key;
}
size_t KePublicSize(KeMethod m) {
  const KeRow* row = Lookup(kKeRows, m);
  return row == nullptr ? 0 : row->public_size;
}

bool IsForEsp(Encr e, uint16_t key_bits) { return e == Encr::kNull ? key_bits == 0 : EncrKeySize(e, key_bits) != 0; }
bool IsForEsp(Integ i) { return IntegKeySize(i) != 0; }
bool IsKem(KeMethod m) { return m >= KeMethod::kMlKem512 && m <= KeMethod::kMlKem1024; }

size_t KeResponseSize(KeMethod m) {  // FIPS 203 table 3
  switch (m) {
    case KeMethod::kMlKem512: return 768;
    case KeMethod::kMlKem768: return 1088;
    case KeMethod::kMlKem1024: return 1568;
    default: return KePublicSize(m);
  }
}

std::string EncrName(Encr e) {
  const EncrRow* row = Lookup(kEncrRows, e);
  return row == nullptr ? Unknown(e) : row->name;
}
std::string PrfName(Prf p) {
  const PrfRow* row = Lookup(kPrfRows, p);
  return row == nullptr ? Unknown(p) : row->name;
}
std::string IntegName(Integ i) {
  if (i == Integ::kNone) return "None";
  const IntegRow* row = Lookup(kIntegRows, i);
  return row == nullptr ? Unknown(i) : row->name;
}
std::string KeName(KeMethod m) {
  if (m == KeMethod::kNone) return "None";
  const KeRow* row = Lookup(kKeRows, m);
  const auto number = static_cast<uint16_t>(m);
  if (IsKem(m)) return row->name;
  return row == nullptr ? absl::StrCat("Group ", number) : absl::StrCat("DH_GROUP_", row->name, "/Group ", number);
}

}  // namespace flexvpn::crypto
