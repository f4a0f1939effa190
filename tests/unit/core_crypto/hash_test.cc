// SPDX-License-Identifier: Apache-2.0
// HMAC, CMAC and digests against published vectors.
#include <gtest/gtest.h>

#include "core/crypto/openssl_rng.h"
#include "core/crypto/provider.h"
#include "support/openssl.h"

namespace flexvpn::crypto {
namespace {

std::string PrfHex(Prf p, BytesView key, BytesView data) {
  const BytesView parts[] = {data};
  return ToHex(Openssl().ComputePrf(p, key, parts));
}

TEST(Hmac, MatchesRfc4231TestCase1) {
  const Bytes key(20, 0x0b);
  EXPECT_EQ(PrfHex(Prf::kHmacSha256, key, AsView("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(PrfHex(Prf::kHmacSha384, key, AsView("Hi There")),
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
            "faea9ea9076ede7f4af152e8b2fa9cb6");
  EXPECT_EQ(PrfHex(Prf::kHmacSha512, key, AsView("Hi There")),
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
            "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854");
}

TEST(Hmac, MatchesRfc2202TestCase2) {
  EXPECT_EQ(PrfHex(Prf::kHmacMd5, AsView("Jefe"), AsView("what do ya want for nothing?")),
            "750c783e6ab0b503eaa86e310a5db738");
  EXPECT_EQ(PrfHex(Prf::kHmacSha1, AsView("Jefe"), AsView("what do ya want for nothing?")),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

TEST(Hmac, HashesAKeyLongerThanTheBlockAsRfc4231TestCase6) {
  EXPECT_EQ(PrfHex(Prf::kHmacSha256, Bytes(131, 0xaa),
                   AsView("Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, TakesAnEmptyKeyAndEmptyParts) {
  EXPECT_EQ(ToHex(Openssl().ComputePrf(Prf::kHmacSha256, {}, {})),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Hmac, PartsAreConcatenated) {
  const BytesView parts[] = {AsView("Hi"), {}, AsView(" There")};
  EXPECT_EQ(ToHex(Openssl().ComputePrf(Prf::kHmacSha256, Bytes(20, 0x0b), parts)),
            PrfHex(Prf::kHmacSha256, Bytes(20, 0x0b), AsView("Hi There")));
}

TEST(Integrity, IsTheTruncatedHmacOfRfc4868) {
  const BytesView parts[] = {AsView("Hi There")};
  const Bytes key(20, 0x0b);
  EXPECT_EQ(ToHex(Openssl().ComputeIntegrity(Integ::kHmacSha256_128, key, parts)), "b0344c61d8db38535ca8afceaf0bf12b");
  EXPECT_EQ(Openssl().ComputeIntegrity(Integ::kHmacSha384_192, key, parts).size(), 24u);
  EXPECT_EQ(Openssl().ComputeIntegrity(Integ::kHmacSha512_256, key, parts).size(), 32u);
  EXPECT_EQ(ToHex(Openssl().ComputeIntegrity(Integ::kHmacSha1_96, key, parts)),
            "b617318655057264e28bc0b6");  // RFC 2202 test case 1
}

// RFC 4493 §4; AUTH_AES_CMAC_96 (RFC 4494 §3) is the first 12 octets.
TEST(Cmac, MatchesTheExamplesOfRfc4493) {
  const Bytes key = FromHex("2b7e151628aed2a6abf7158809cf4f3c");
  const Bytes text = FromHex(
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
      "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
  const struct {
    size_t size;
    const char* mac;
  } kExamples[] = {{0, "bb1d6929e95937287fa37d129b756746"},
                   {16, "070a16b46b4d4144f79bdd9dd04a287c"},
                   {40, "dfa66747de9ae63030ca32611497c827"},
                   {64, "51f0bebf7e3b9d92fc49741779363cfe"}};
  for (const auto& e : kExamples) {
    const BytesView data = BytesView(text).first(e.size);
    EXPECT_EQ(PrfHex(Prf::kAesCmac, key, data), e.mac);
    const BytesView halves[] = {data.first(e.size / 3), data.subspan(e.size / 3)};
    EXPECT_EQ(ToHex(Openssl().ComputeIntegrity(Integ::kAesCmac96, key, halves)), std::string(e.mac).substr(0, 24));
  }
}

TEST(Cmac, HashesPrfKeysOfOtherSizesAsRfc4615) {
  const Bytes key = FromHex("000102030405060708090a0b0c0d0e0fedcb");
  const Bytes message = FromHex("000102030405060708090a0b0c0d0e0f10111213");
  EXPECT_EQ(PrfHex(Prf::kAesCmac, key, message), "84a348a4a45d235babfffc0d2b4da09a");
  EXPECT_EQ(PrfHex(Prf::kAesCmac, BytesView(key).first(16), message), "980ae87b5f4c9c5214f5b6a8455e4c2d");
  EXPECT_EQ(PrfHex(Prf::kAesCmac, BytesView(key).first(10), message), "290d9e112edb09ee141fcf64c0b72f3d");
}

TEST(Cmac, IntegrityRefusesKeysOfOtherSizes) {
  const BytesView parts[] = {AsView("Hi There")};
  for (size_t n : {0u, 1u, 15u, 17u, 24u, 32u})
    EXPECT_TRUE(Openssl().ComputeIntegrity(Integ::kAesCmac96, Bytes(n), parts).empty()) << n;
}

// RFC 3566 §4.6
TEST(Xcbc, MatchesTheExamplesOfRfc3566) {
  const Bytes key = FromHex("000102030405060708090a0b0c0d0e0f");
  Bytes text(34);
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<uint8_t>(i);
  const struct {
    size_t size;
    const char* mac;
  } kExamples[] = {{0, "75f0251d528ac01c4573dfd584d79f29"},  {3, "5b376580ae2f19afe7219ceef172756f"},
                   {16, "d2a246fa349b68a79998a4394ff7a263"}, {20, "47f51b4564966215b8985c63055ed308"},
                   {32, "f54f0ec8d2b9f3d36807734bd5283fd4"}, {34, "becbb3bccdb518a30677d5481fb6b4d8"}};
  for (const auto& e : kExamples) {
    SCOPED_TRACE(e.size);
    const BytesView data = BytesView(text).first(e.size);
    EXPECT_EQ(PrfHex(Prf::kAesXcbc, key, data), e.mac);
    const BytesView halves[] = {data.first(e.size / 3), data.subspan(e.size / 3)};
    EXPECT_EQ(ToHex(Openssl().ComputeIntegrity(Integ::kAesXcbc96, key, halves)), std::string(e.mac).substr(0, 24));
  }
  EXPECT_EQ(PrfHex(Prf::kAesXcbc, key, Bytes(1000)), "f0dafee895db30253761103b5d84528f");
}

// RFC 4434 §3
TEST(Xcbc, TakesPrfKeysOfEverySizeAsRfc4434) {
  const Bytes message = FromHex("000102030405060708090a0b0c0d0e0f10111213");
  EXPECT_EQ(PrfHex(Prf::kAesXcbc, FromHex("000102030405060708090a0b0c0d0e0f"), message), "47f51b4564966215b8985c63055ed308");
  EXPECT_EQ(PrfHex(Prf::kAesXcbc, FromHex("00010203040506070809"), message), "0fa087af7d866e7653434e602fdde835");
  EXPECT_EQ(PrfHex(Prf::kAesXcbc, FromHex("000102030405060708090a0b0c0d0e0fedcb"), message),
            "8cd3c93ae598a9803006ffb67c40e9e4");
}

// RFC 7296 §2.13, written out.
TEST(Xcbc, PrfPlusIsTheChainOfIt) {
  const Bytes key(16, 7), seed = {1, 2, 3};
  const uint8_t one = 1, two = 2;
  const BytesView first[] = {seed, BytesView(&one, 1)};
  SecretBytes chain = Openssl().ComputePrf(Prf::kAesXcbc, key, first);
  const BytesView second[] = {chain, seed, BytesView(&two, 1)};
  const SecretBytes next = Openssl().ComputePrf(Prf::kAesXcbc, key, second);
  chain.insert(chain.end(), next.begin(), next.begin() + 4);
  EXPECT_EQ(Openssl().PrfPlus(Prf::kAesXcbc, key, seed, 20), chain);
}

TEST(Xcbc, IntegrityRefusesKeysOfOtherSizes) {
  const BytesView parts[] = {AsView("Hi There")};
  for (size_t n : {0u, 15u, 17u, 32u}) EXPECT_TRUE(Openssl().ComputeIntegrity(Integ::kAesXcbc96, Bytes(n), parts).empty()) << n;
}

TEST(Hmac, UnknownAlgorithmsGiveNothing) {
  EXPECT_FALSE(Openssl().Supports(Prf::kNone));
  EXPECT_FALSE(Openssl().Supports(static_cast<Integ>(77)));
  EXPECT_TRUE(Openssl().ComputePrf(static_cast<Prf>(3), Bytes(16), {}).empty());
  EXPECT_TRUE(Openssl().ComputeIntegrity(Integ::kNone, Bytes(16), {}).empty());
}

TEST(Digest, MatchesFips180Vectors) {
  const BytesView parts[] = {AsView("a"), AsView("bc")};
  EXPECT_EQ(ToHex(Openssl().Sha1(parts)), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(ToHex(Openssl().Sha256(parts)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ConstantTimeEqual, ComparesContentsAndLengths) {
  const Bytes a = {1, 2, 3}, b = {1, 2, 4};
  EXPECT_TRUE(Openssl().ConstantTimeEqual(a, a));
  EXPECT_FALSE(Openssl().ConstantTimeEqual(a, b));
  EXPECT_FALSE(Openssl().ConstantTimeEqual(a, BytesView(a).first(2)));
  EXPECT_TRUE(Openssl().ConstantTimeEqual({}, {}));
}

TEST(OpensslRng, FillsAndDoesNotRepeat) {
  OpensslRng rng;
  EXPECT_NE(rng.Take(32), rng.Take(32));
  EXPECT_NE(rng.Take(3 << 20), Bytes(3 << 20));
  rng.Fill({});
}

}  // namespace
}  // namespace flexvpn::crypto
