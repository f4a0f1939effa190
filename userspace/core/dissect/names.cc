// SPDX-License-Identifier: Apache-2.0
#include <iterator>

#include "absl/strings/str_cat.h"
#include "core/dissect/describe.h"

namespace flexvpn::dissect {
namespace {

using ike::TransformType;

struct Name {
  uint16_t id;
  const char* name;
};

constexpr Name kEncr[] = {
    {1, "DES_IV64"}, {2, "DES"}, {3, "3DES"}, {4, "RC5"}, {5, "IDEA"}, {6, "CAST"}, {7, "BLOWFISH"}, {8, "3IDEA"},
    {9, "DES_IV32"}, {11, "NULL"}, {12, "AES_CBC"}, {13, "AES_CTR"}, {14, "AES_CCM_8"}, {15, "AES_CCM_12"},
    {16, "AES_CCM_16"}, {18, "AES_GCM_8"}, {19, "AES_GCM_12"}, {20, "AES_GCM_16"}, {21, "NULL_AUTH_AES_GMAC"},
    {23, "CAMELLIA_CBC"}, {24, "CAMELLIA_CTR"}, {25, "CAMELLIA_CCM_8"}, {26, "CAMELLIA_CCM_12"},
    {27, "CAMELLIA_CCM_16"}, {28, "CHACHA20_POLY1305"}, {29, "AES_CCM_16_IIV"}, {30, "AES_GCM_16_IIV"},
    {31, "CHACHA20_POLY1305_IIV"},
};
constexpr Name kPrf[] = {
    {1, "HMAC_MD5"}, {2, "HMAC_SHA1"}, {3, "HMAC_TIGER"}, {4, "AES128_XCBC"}, {5, "HMAC_SHA2_256"},
    {6, "HMAC_SHA2_384"}, {7, "HMAC_SHA2_512"}, {8, "AES128_CMAC"},
};
constexpr Name kInteg[] = {
    {0, "NONE"}, {1, "HMAC_MD5_96"}, {2, "HMAC_SHA1_96"}, {3, "DES_MAC"}, {4, "KPDK_MD5"}, {5, "AES_XCBC_96"},
    {6, "HMAC_MD5_128"}, {7, "HMAC_SHA1_160"}, {8, "AES_CMAC_96"}, {9, "AES_128_GMAC"}, {10, "AES_192_GMAC"},
    {11, "AES_256_GMAC"}, {12, "HMAC_SHA2_256_128"}, {13, "HMAC_SHA2_384_192"}, {14, "HMAC_SHA2_512_256"},
};
constexpr Name kKe[] = {
    {0, "NONE"}, {1, "MODP_768"}, {2, "MODP_1024"}, {5, "MODP_1536"}, {14, "MODP_2048"}, {15, "MODP_3072"},
    {16, "MODP_4096"}, {17, "MODP_6144"}, {18, "MODP_8192"}, {19, "ECP_256"}, {20, "ECP_384"}, {21, "ECP_521"},
    {22, "MODP_1024_160"}, {23, "MODP_2048_224"}, {24, "MODP_2048_256"}, {25, "ECP_192"}, {26, "ECP_224"},
    {27, "BRAINPOOL_P224R1"}, {28, "BRAINPOOL_P256R1"}, {29, "BRAINPOOL_P384R1"}, {30, "BRAINPOOL_P512R1"},
    {31, "CURVE25519"}, {32, "CURVE448"}, {35, "ML_KEM_512"}, {36, "ML_KEM_768"}, {37, "ML_KEM_1024"},
};
constexpr Name kPayloads[] = {
    {33, "SA"}, {34, "KE"}, {35, "IDi"}, {36, "IDr"}, {37, "CERT"}, {38, "CERTREQ"}, {39, "AUTH"}, {40, "Nonce"},
    {41, "N"}, {42, "D"}, {43, "V"}, {44, "TSi"}, {45, "TSr"}, {46, "SK"}, {47, "CP"}, {48, "EAP"}, {49, "GSPM"},
    {53, "SKF"}, {54, "PS"},
};

template <size_t n>
std::string Find(const Name (&names)[n], const char* prefix, uint16_t id) {
  for (const Name& name : names)
    if (name.id == id) return absl::StrCat(prefix, name.name);
  return absl::StrCat(prefix, id);
}

}  // namespace

std::string PayloadName(uint8_t type) {
  for (const Name& n : kPayloads)
    if (n.id == type) return n.name;
  return absl::StrCat("PAYLOAD_", type);
}

std::string TransformName(const ike::Transform& t) {
  const auto type = static_cast<unsigned>(t.type);
  const std::string bits = t.key_bits ? absl::StrCat("/", *t.key_bits) : "";
  switch (t.type) {
    case TransformType::kEncr: return Find(kEncr, "ENCR_", t.id) + bits;
    case TransformType::kPrf: return Find(kPrf, "PRF_", t.id) + bits;
    case TransformType::kInteg: return Find(kInteg, "AUTH_", t.id) + bits;
    case TransformType::kKe: return Find(kKe, "KE_", t.id) + bits;
    case TransformType::kEsn: return t.id == 0 ? "NO_ESN" : t.id == 1 ? "ESN" : absl::StrCat("ESN_", t.id);
  }
  if (type >= 6 && type <= 12) return Find(kKe, absl::StrCat("ADDKE", type - 5, "_").c_str(), t.id) + bits;  // RFC 9370
  return absl::StrCat("TRANSFORM_", type, "_", t.id, bits);
}

}  // namespace flexvpn::dissect
