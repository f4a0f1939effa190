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
  EXPECT_EQ(EncrKeyBits(Encr::kChacha20Poly1305, 0), 256u);
  EXPECT_EQ(EncrKeyBits(Encr::kAesGcm16, 192), 192u);
  EXPECT_EQ(EncrKeyBits(Encr::kNull, 0), 0u);
}

TEST(Transforms, EspHasWhatTheKernelDoesAndIkeDoesNot) {
  EXPECT_TRUE(IsForEsp(Encr::kNull, 0));
  EXPECT_FALSE(IsForEsp(Encr::kNull, 128));
  EXPECT_TRUE(IsForEsp(Encr::kNullAesGmac, 256));
  EXPECT_TRUE(IsForEsp(Encr::kAesCtr, 192));
  EXPECT_TRUE(IsForEsp(Encr::k3des, 0));
  EXPECT_FALSE(IsForEsp(Encr::kAesGcm16, 0));
  EXPECT_FALSE(IsForEsp(Encr::kAesGcm16, 129));
  EXPECT_FALSE(IsForEsp(Encr::kNone, 0));
  EXPECT_TRUE(IsForEsp(Integ::kAesXcbc96));
  EXPECT_FALSE(IsForEsp(Integ::kNone));
  EXPECT_FALSE(IsForEsp(static_cast<Integ>(4)));
}

TEST(Transforms, SizesOnTheWireFollowTheRfcs) {
  EXPECT_EQ(SaltSize(Encr::kAesGcm16), 4u);  // RFC 5282 §7.1
  EXPECT_EQ(SaltSize(Encr::kAesCcm16), 3u);  // RFC 5282 §7.1
  EXPECT_EQ(SaltSize(Encr::kAesCtr), 4u);       // RFC 5930 §2
  EXPECT_EQ(SaltSize(Encr::kNullAesGmac), 4u);  // RFC 4543 §4.1
  EXPECT_EQ(IcvSize(Encr::kNullAesGmac), 16u);  // RFC 4543 §3
  EXPECT_EQ(IvSize(Encr::kAesCtr), 8u);
  EXPECT_EQ(BlockSize(Encr::kAesCtr), 1u);
  EXPECT_EQ(SaltSize(Encr::kAesCbc), 0u);
  EXPECT_EQ(IvSize(Encr::kAesCbc), 16u);  // RFC 3602 §3
  EXPECT_EQ(IvSize(Encr::k3des), 8u);
  EXPECT_EQ(IvSize(Encr::kAesGcm16), 8u);  // RFC 5282 §3.1
  EXPECT_EQ(IcvSize(Encr::kAesGcm12), 12u);
  EXPECT_EQ(BlockSize(Encr::kAesGcm16), 1u);
  EXPECT_EQ(IntegKeySize(Integ::kHmacSha384_192), 48u);  // RFC 4868 §2.1.1
  EXPECT_EQ(IntegIcvSize(Integ::kHmacSha384_192), 24u);
  EXPECT_EQ(IntegIcvSize(Integ::kHmacSha1_96), 12u);
  EXPECT_EQ(IntegKeySize(Integ::kAesCmac96), 16u);  // RFC 4494 §4
  EXPECT_EQ(IntegIcvSize(Integ::kAesXcbc96), 12u);  // RFC 3566 §4
  EXPECT_EQ(PrfKeySize(Prf::kHmacSha512), 64u);
  EXPECT_EQ(PrfKeySize(Prf::kAesCmac), 16u);     // RFC 4615 §3
  EXPECT_EQ(PrfNonceKeySize(Prf::kAesCmac), 8u);  // RFC 7296 §2.14
  EXPECT_EQ(PrfNonceKeySize(Prf::kAesXcbc), 8u);
  EXPECT_EQ(PrfNonceKeySize(Prf::kHmacSha256), 0u);
  EXPECT_EQ(KePublicSize(KeMethod::kBrainpool224), 56u);  // RFC 6954
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
  EXPECT_EQ(KeName(KeMethod::kModp2048s256), "DH_GROUP_2048_256_MODP/Group 24");
  EXPECT_EQ(EncrName(Encr::kNullAesGmac), "AES-GMAC");
  EXPECT_EQ(PrfName(Prf::kAesCmac), "AES-CMAC");
}

}  // namespace
}  // namespace flexvpn::crypto
