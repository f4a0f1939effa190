// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/transforms.h"

#include <gtest/gtest.h>

namespace flexvpn::crypto {
namespace {

TEST(Transforms, AesNeedsAKeyLengthAndOthersRefuseAWrongOne) {
  EXPECT_EQ(EncrKeySize(Encr::kAesCbc, 128), 16u);
  EXPECT_EQ(EncrKeySize(Encr::kAesGcm16, 256), 32u);
  EXPECT_EQ(EncrKeySize(Encr::kAesCbc, 0), 0u);
  EXPECT_EQ(EncrKeySize(Encr::kAesCbc, 129), 0u);
  EXPECT_EQ(EncrKeySize(Encr::kAesCbc, 65535), 0u);
  EXPECT_EQ(EncrKeySize(Encr::k3des, 0), 24u);
  EXPECT_EQ(EncrKeySize(Encr::kChacha20Poly1305, 0), 32u);
  EXPECT_EQ(EncrKeySize(Encr::kChacha20Poly1305, 128), 0u);
}

TEST(Transforms, SizesOnTheWireFollowTheRfcs) {
  EXPECT_EQ(SaltSize(Encr::kAesGcm16), 4u);  // RFC 5282 §7.1
  EXPECT_EQ(SaltSize(Encr::kAesCcm16), 3u);  // RFC 5282 §7.1
  EXPECT_EQ(SaltSize(Encr::kAesCbc), 0u);
  EXPECT_EQ(IvSize(Encr::kAesCbc), 16u);  // RFC 3602 §3
  EXPECT_EQ(IvSize(Encr::k3des), 8u);
  EXPECT_EQ(IvSize(Encr::kAesGcm16), 8u);  // RFC 5282 §3.1
  EXPECT_EQ(IcvSize(Encr::kAesGcm12), 12u);
  EXPECT_EQ(BlockSize(Encr::kAesGcm16), 1u);
  EXPECT_EQ(IntegKeySize(Integ::kHmacSha384_192), 48u);  // RFC 4868 §2.1.1
  EXPECT_EQ(IntegIcvSize(Integ::kHmacSha384_192), 24u);
  EXPECT_EQ(IntegIcvSize(Integ::kHmacSha1_96), 12u);
  EXPECT_EQ(PrfKeySize(Prf::kHmacSha512), 64u);
  EXPECT_EQ(KePublicSize(KeMethod::kEcp521), 132u);  // RFC 5903 §7
  EXPECT_EQ(KePublicSize(KeMethod::kModp2048), 256u);
}

TEST(Transforms, UnknownAlgorithmsHaveSizeZeroAndAName) {
  const auto encr = static_cast<Encr>(999);
  EXPECT_FALSE(IsAead(encr));
  EXPECT_EQ(EncrKeySize(encr, 128) + SaltSize(encr) + IvSize(encr) + BlockSize(encr) + IcvSize(encr), 0u);
  EXPECT_EQ(PrfOutputSize(static_cast<Prf>(99)), 0u);
  EXPECT_EQ(KePublicSize(static_cast<KeMethod>(99)), 0u);
  EXPECT_EQ(EncrName(encr), "unknown (999)");
  EXPECT_EQ(KeName(static_cast<KeMethod>(99)), "Group 99");
}

TEST(Transforms, NamesAreThoseOfIos) {
  EXPECT_EQ(EncrName(Encr::kAesCbc), "AES-CBC");
  EXPECT_EQ(PrfName(Prf::kHmacSha512), "SHA512");
  EXPECT_EQ(IntegName(Integ::kHmacSha1_96), "SHA96");
  EXPECT_EQ(IntegName(Integ::kNone), "None");
  EXPECT_EQ(KeName(KeMethod::kEcp256), "DH_GROUP_256_ECP/Group 19");
}

}  // namespace
}  // namespace flexvpn::crypto
