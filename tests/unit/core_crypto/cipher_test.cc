// SPDX-License-Identifier: Apache-2.0
// CBC and AEAD against published vectors; every altered octet is found.
#include <gtest/gtest.h>

#include "core/crypto/provider.h"

namespace flexvpn::crypto {
namespace {

const Provider& Openssl() {
  static const std::unique_ptr<Provider> provider = NewOpensslProvider();
  return *provider;
}

Bytes Iota(uint8_t first, size_t n) {
  Bytes out(n);
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(first + i);
  return out;
}
Bytes Plain(const SecretBytes& s) { return {s.begin(), s.end()}; }

struct AeadVector {
  const char* name;
  Encr encr;
  Bytes key, nonce, aad, plain;
  const char* sealed;
};

// The GCM specification (McGrew, Viega), test case 4: also NIST's.
const char kGcmPlain[] =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
const char kGcmAad[] = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
const char kGcmKey[] = "feffe9928665731c6d6a8f9467308308";

std::vector<AeadVector> Vectors() {
  const Bytes gcm_nonce = FromHex("cafebabefacedbaddecaf888");
  const Bytes ccm_nonce = FromHex("1011121314151617a0a1a2");
  return {
      {"gcm16", Encr::kAesGcm16, FromHex(kGcmKey), gcm_nonce, FromHex(kGcmAad), FromHex(kGcmPlain),
       "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
       "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47"},
      {"gcm8 is the same with a shorter tag", Encr::kAesGcm8, FromHex(kGcmKey), gcm_nonce, FromHex(kGcmAad),
       FromHex(kGcmPlain),
       "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
       "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db"},
      {"gcm16 with 256 bits: test case 16", Encr::kAesGcm16, FromHex(std::string(kGcmKey) + kGcmKey), gcm_nonce,
       FromHex(kGcmAad), FromHex(kGcmPlain),
       "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
       "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
      // RFC 8439 §2.8.2.
      {"chacha20-poly1305", Encr::kChacha20Poly1305, Iota(0x80, 32), FromHex("070000004041424344454647"),
       FromHex("50515253c0c1c2c3c4c5c6c7"),
       ToBytes("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
               "sunscreen would be it."),
       "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b"
       "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
       "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"},
      // IKE's CCM nonce has 11 octets, which no example of SP 800-38C uses: computed with Python's cryptography.
      {"ccm8", Encr::kAesCcm8, Iota(0x40, 16), ccm_nonce, Iota(0, 16), Iota(0x20, 24),
       "253e4fb43eb1a54c2d260ac39d25963b48a58a793b0ca886" "6050c3e290d42889"},
      {"ccm12", Encr::kAesCcm12, Iota(0x40, 16), ccm_nonce, Iota(0, 16), Iota(0x20, 24),
       "253e4fb43eb1a54c2d260ac39d25963b48a58a793b0ca886" "c52d80c33b75b57d6124a649"},
      {"ccm16", Encr::kAesCcm16, Iota(0x40, 16), ccm_nonce, Iota(0, 16), Iota(0x20, 24),
       "253e4fb43eb1a54c2d260ac39d25963b48a58a793b0ca886" "7a9cd6d82fad7cd87f12b0a51f492cf8"},
  };
}

TEST(Aead, SealsAndOpensKnownAnswers) {
  for (const AeadVector& v : Vectors()) {
    SCOPED_TRACE(v.name);
    const auto sealed = Openssl().Seal(v.encr, v.key, v.nonce, v.aad, v.plain);
    ASSERT_TRUE(sealed.ok()) << sealed.status();
    EXPECT_EQ(ToHex(*sealed), v.sealed);
    const auto opened = Openssl().Open(v.encr, v.key, v.nonce, v.aad, *sealed);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(Plain(*opened), v.plain);
  }
}

TEST(Aead, RefusesEveryAlteredOctet) {
  for (const AeadVector& v : Vectors()) {
    SCOPED_TRACE(v.name);
    const Bytes sealed = FromHex(v.sealed);
    for (size_t i = 0; i < sealed.size(); ++i) {
      Bytes bad = sealed;
      bad[i] ^= 1;
      EXPECT_TRUE(absl::IsUnauthenticated(Openssl().Open(v.encr, v.key, v.nonce, v.aad, bad).status())) << i;
    }
    for (size_t i = 0; i < v.aad.size(); ++i) {
      Bytes aad = v.aad;
      aad[i] ^= 0x80;
      EXPECT_TRUE(absl::IsUnauthenticated(Openssl().Open(v.encr, v.key, v.nonce, aad, sealed).status())) << i;
    }
    for (size_t n = 0; n < sealed.size(); ++n)
      EXPECT_FALSE(Openssl().Open(v.encr, v.key, v.nonce, v.aad, BytesView(sealed).first(n)).ok()) << n;
  }
}

TEST(Aead, TakesEmptyPlainTextAndNoAad) {
  for (const AeadVector& v : Vectors()) {
    SCOPED_TRACE(v.name);
    const auto sealed = Openssl().Seal(v.encr, v.key, v.nonce, {}, {});
    ASSERT_TRUE(sealed.ok()) << sealed.status();
    EXPECT_EQ(sealed->size(), IcvSize(v.encr));
    const auto opened = Openssl().Open(v.encr, v.key, v.nonce, {}, *sealed);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_TRUE(opened->empty());
  }
}

TEST(Aead, RefusesWrongSizesWithoutTouchingOpenssl) {
  const Bytes key(16), nonce(12), data(32);
  EXPECT_FALSE(Openssl().Seal(Encr::kAesGcm16, BytesView(key).first(15), nonce, {}, data).ok());
  EXPECT_FALSE(Openssl().Seal(Encr::kAesGcm16, Bytes(8192 + 16), nonce, {}, data).ok());
  EXPECT_FALSE(Openssl().Seal(Encr::kAesGcm16, {}, nonce, {}, data).ok());
  EXPECT_FALSE(Openssl().Seal(Encr::kAesGcm16, key, BytesView(nonce).first(11), {}, data).ok());
  EXPECT_FALSE(Openssl().Seal(Encr::kAesCbc, key, nonce, {}, data).ok());
  EXPECT_FALSE(Openssl().Open(static_cast<Encr>(999), key, nonce, {}, data).ok());
}

struct CbcVector {
  const char* name;
  Encr encr;
  const char *key, *iv, *plain, *cipher;
};
const CbcVector kCbc[] = {
    // RFC 3602 §4, cases 1 and 2.
    {"aes128, one block", Encr::kAesCbc, "06a9214036b8a15b512e03d534120006", "3dafba429d9eb430b422da802c9fac41",
     "53696e676c6520626c6f636b206d7367", "e353779c1079aeb82708942dbe77181a"},
    {"aes128, two blocks", Encr::kAesCbc, "c286696d887c9aa0611bbb3e2025a45a", "562e17996d093d28ddb3ba695a2e6f58",
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1"},
    // SP 800-38A F.2.3 and F.2.5, first block.
    {"aes192", Encr::kAesCbc, "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "000102030405060708090a0b0c0d0e0f",
     "6bc1bee22e409f96e93d7e117393172a", "4f021db243bc633d7178183a9fa071e8"},
    {"aes256", Encr::kAesCbc, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
     "000102030405060708090a0b0c0d0e0f", "6bc1bee22e409f96e93d7e117393172a", "f58c4c04d6e5f1ba779eabfb5f7bfbd6"},
};

TEST(Cbc, EncryptsAndDecryptsKnownAnswers) {
  for (const CbcVector& v : kCbc) {
    SCOPED_TRACE(v.name);
    const auto cipher = Openssl().EncryptCbc(v.encr, FromHex(v.key), FromHex(v.iv), FromHex(v.plain));
    ASSERT_TRUE(cipher.ok()) << cipher.status();
    EXPECT_EQ(ToHex(*cipher), v.cipher);
    const auto plain = Openssl().DecryptCbc(v.encr, FromHex(v.key), FromHex(v.iv), *cipher);
    ASSERT_TRUE(plain.ok()) << plain.status();
    EXPECT_EQ(ToHex(*plain), v.plain);
  }
}

TEST(Cbc, TripleDesIsItsOwnInverse) {
  const Bytes key = Iota(1, 24), iv = Iota(50, 8), plain = Iota(100, 40);
  const auto cipher = Openssl().EncryptCbc(Encr::k3des, key, iv, plain);
  ASSERT_TRUE(cipher.ok()) << cipher.status();
  EXPECT_NE(*cipher, plain);
  EXPECT_EQ(Plain(*Openssl().DecryptCbc(Encr::k3des, key, iv, *cipher)), plain);
}

TEST(Cbc, RefusesWrongSizes) {
  const Bytes key(16), iv(16), data(32);
  EXPECT_FALSE(Openssl().EncryptCbc(Encr::kAesCbc, BytesView(key).first(15), iv, data).ok());
  EXPECT_FALSE(Openssl().EncryptCbc(Encr::kAesCbc, key, BytesView(iv).first(8), data).ok());
  EXPECT_FALSE(Openssl().EncryptCbc(Encr::kAesCbc, key, iv, BytesView(data).first(31)).ok());
  EXPECT_FALSE(Openssl().DecryptCbc(Encr::kAesCbc, key, iv, {}).ok());
  EXPECT_FALSE(Openssl().DecryptCbc(Encr::kAesGcm16, key, iv, data).ok());
}

TEST(Supports, KnowsWhatTheEnginesHave) {
  EXPECT_TRUE(Openssl().Supports(Encr::kAesCbc, 192));
  EXPECT_TRUE(Openssl().Supports(Encr::k3des, 0));
  EXPECT_TRUE(Openssl().Supports(Encr::kAesCcm12, 256));
  EXPECT_TRUE(Openssl().Supports(Encr::kChacha20Poly1305, 0));
  EXPECT_FALSE(Openssl().Supports(Encr::kAesGcm16, 0));
  EXPECT_FALSE(Openssl().Supports(Encr::kNull, 0));
  EXPECT_FALSE(Openssl().Supports(Encr::kNone, 0));
}

}  // namespace
}  // namespace flexvpn::crypto
