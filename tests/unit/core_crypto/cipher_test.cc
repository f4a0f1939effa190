// SPDX-License-Identifier: Apache-2.0
// CBC, CTR and AEAD against published vectors; every altered octet is found.
#include <gtest/gtest.h>

#include "core/crypto/provider.h"
#include "support/openssl.h"

namespace flexvpn::crypto {
namespace {

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
  return {
      {"gcm16", Encr::kAesGcm16, FromHex(kGcmKey), gcm_nonce, FromHex(kGcmAad), FromHex(kGcmPlain),
       "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
       "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47"},
      {"gcm8 is the same with a shorter tag", Encr::kAesGcm8, FromHex(kGcmKey), gcm_nonce, FromHex(kGcmAad),
       FromHex(kGcmPlain),
       "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
       "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db"},
      {"gcm12 is the same with a shorter tag", Encr::kAesGcm12, FromHex(kGcmKey), gcm_nonce, FromHex(kGcmAad),
       FromHex(kGcmPlain),
       "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
       "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95a"},
      {"gcm16 with 192 bits: test case 10", Encr::kAesGcm16, FromHex(std::string(kGcmKey) + "feffe9928665731c"),
       gcm_nonce, FromHex(kGcmAad), FromHex(kGcmPlain),
       "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
       "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710" "2519498e80f1478f37ba55bd6d27618c"},
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
      // RFC 7634 appendix B: the IKEv2 example, an informational message with SET_WINDOW_SIZE.
      {"chacha20-poly1305 in IKEv2", Encr::kChacha20Poly1305, Iota(0x80, 32), FromHex("a0a1a2a31011121314151617"),
       FromHex("c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029"), FromHex("0000000c000040010000000a00"),
       "610394701f8d017f7c129248896b71bfe25236efd7cdc67066906315b2"},
      // RFC 7634 appendix A: an echo request in ESP.
      {"chacha20-poly1305 in ESP", Encr::kChacha20Poly1305, Iota(0x80, 32), FromHex("a0a1a2a31011121314151617"),
       FromHex("0102030400000005"),
       FromHex("45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec1000073627"
               "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363701020204"),
       "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab4c02f7"
       "2aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b82829f641e0"
       "76aaa8266b7fb0f7b11b369907e1ad43"},
      // Nonces of 11 octets are in no RFC and not in SP 800-38C: these are of NIST's validation suite (CAVS) by way
      // of the self-tests of the Linux kernel (crypto/testmgr.h).
      {"ccm16 with 128 bits", Encr::kAesCcm16, FromHex("1e2c7e01419aefc00d58966e5ca24bd3"),
       FromHex("4fa319d3015ad830601556"), FromHex("dae6289c452dfd635eda4cb6e6fcf9b70c56cbe4e0057ae10a630978bc2c55de"),
       FromHex("87a336fd96b39378a92863ba12a31485571e06c97b21ef767f387e8e29a43e7e"),
       "8a1e11f0026be219fc70c46d8eb799abc54ba2acd3f348ff3bb5ce53efdebb02" "a986156c13feda0a22b8293dd8399a23"},
      {"ccm16 with 192 bits", Encr::kAesCcm16, FromHex("56df5c8f263f0e42ef7ad3cefc846062cab440af5fc9c901"),
       FromHex("d63c8c8684b6cdef092e94"), FromHex("0265783ce9213091b1b9da769a786d95f28832a3f250cb4ce300736984698779"),
       FromHex("9fd2024b5249313c43693a2d8e70ad7ee0e54609808913b28c8bd93f86fbb56b"),
       "39df7c3c5a29b9625d51c216d8bd069f9b6a0970c15183c266881d4f9adae01e" "c7791158e56b20407aea46428be46fe1"},
      {"ccm8 with 192 bits", Encr::kAesCcm8, FromHex("585da096651a04d796e5c568aa9535e029a0ba9e4878d1ba"),
       FromHex("ee4983e9a9ffe957bafd9e"), FromHex("44a62c05e9e143b1587cf25c6d390a64a4f01305d177996711c4c6db00563661"),
       FromHex("85346642c8920f3658e06b913c985cbb0a85cc02ad7a96e96543a4c30fdc5581"),
       "fbe55d34bee5e8e75aef2fbf1f7fd4b266ca611e967a61b31c164552ba049c9f" "b1d240bc527c6fb1"},
      {"ccm8 with 256 bits", Encr::kAesCcm8, FromHex("e08d997160d7971abd0199d58adf713ad3df244b5e3d4b4e307ab9d8530a5e2b"),
       FromHex("1e2991ad8ec1530acf2dbe"), FromHex("19b61f57c4f3f08b782b9402290f42276b75cb9834087e79e43e490d848b2287"),
       FromHex("e1d9d813eb3a753f9dbd5f66bedcbb66bf1799624a39271f1ddc24ae192f984c"),
       "19b86133452b43966f51d020307d9bc6263df8c96516a89ff0621734f21e8d75" "4e13ccc0c32a542d"},
      {"ccm12 with 256 bits", Encr::kAesCcm12, FromHex("7cc8183b8d99e07c4541b8bd5ca7c2328ab80259a4fea92c09759a9b3c9b2739"),
       FromHex("f9d94e63b53d9d43f61e50"), FromHex("57f56b8b575c3d3b1302010c834c96358ed639cf7d149b94b03936e68f57e013"),
       FromHex("3b6c2936b6ef07a68372074fcffa66895fcab1bad58f2c2730db750993d465e4"),
       "b0885a33aae5c71d8523c7c62ff41e3dcc63442507784f9e96b888ebbc481f06" "39af39acd84a80397b728af7"},
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

struct PlainVector {
  const char* name;
  Encr encr;
  const char *key, *nonce, *plain, *cipher;
};
const PlainVector kPlain[] = {
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
    // SP 800-67's example key and text (The qufck brown fox jump) as ECB; one block and a zero IV make CBC of it.
    {"3des", Encr::k3des, "0123456789abcdef23456789abcdef01456789abcdef0123", "0000000000000000", "5468652071756663",
     "a826fd8ce53b855f"},
    // RFC 3686 §6, test vectors 1, 2, 3, 6 and 9: nonce | IV; a length that is no multiple of the block.
    {"ctr aes128, one block", Encr::kAesCtr, "ae6852f8121067cc4bf7a5765577f39e",
     "000000300000000000000000",
     "53696e676c6520626c6f636b206d7367",
     "e4095d4fb7a7b3792d6175a3261311b8"},
    {"ctr aes128, two blocks", Encr::kAesCtr, "7e24067817fae0d743d6ce1f32539163",
     "006cb6dbc0543b59da48d90b",
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "5104a106168a72d9790d41ee8edad388eb2e1efc46da57c8fce630df9141be28"},
    {"ctr aes128, 36 octets", Encr::kAesCtr, "7691be035e5020a8ac6e618529f9a0dc",
     "00e0017b27777f3f4a1786f0",
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223",
     "c1cf48a89f2ffdd9cf4652e9efdb72d74540a42bde6d7836d59a5ceaaef3105325b2072f"},
    {"ctr aes192, 36 octets", Encr::kAesCtr, "02bf391ee8ecb159b959617b0965279bf59b60a786d3e0fe",
     "0007bdfd5cbd60278dcc0912",
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223",
     "96893fc55e5c722f540b7dd1ddf7e758d288bc95c69165884536c811662f2188abee0935"},
    {"ctr aes256, 36 octets", Encr::kAesCtr, "ff7a617ce69148e4f1726e2f43581de2aa62d9f805532edff1eed687fb54153d",
     "001cc5b751a51d70a1c11148",
     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223",
     "eb6c52821d0bbbf7ce7594462aca4faab407df866569fd07f48cc0b583d6071f1ec0e6b8"},
};

TEST(CbcAndCtr, EncryptAndDecryptKnownAnswers) {
  for (const PlainVector& v : kPlain) {
    SCOPED_TRACE(v.name);
    const auto cipher = Openssl().Encrypt(v.encr, FromHex(v.key), FromHex(v.nonce), FromHex(v.plain));
    ASSERT_TRUE(cipher.ok()) << cipher.status();
    EXPECT_EQ(ToHex(*cipher), v.cipher);
    const auto plain = Openssl().Decrypt(v.encr, FromHex(v.key), FromHex(v.nonce), *cipher);
    ASSERT_TRUE(plain.ok()) << plain.status();
    EXPECT_EQ(ToHex(*plain), v.plain);
  }
}

TEST(Cbc, TripleDesIsItsOwnInverse) {
  const Bytes key = Iota(1, 24), iv = Iota(50, 8), plain = Iota(100, 40);
  const auto cipher = Openssl().Encrypt(Encr::k3des, key, iv, plain);
  ASSERT_TRUE(cipher.ok()) << cipher.status();
  EXPECT_NE(*cipher, plain);
  EXPECT_EQ(Plain(*Openssl().Decrypt(Encr::k3des, key, iv, *cipher)), plain);
}

TEST(Cbc, RefusesWrongSizes) {
  const Bytes key(16), iv(16), data(32);
  EXPECT_FALSE(Openssl().Encrypt(Encr::kAesCbc, BytesView(key).first(15), iv, data).ok());
  EXPECT_FALSE(Openssl().Encrypt(Encr::kAesCbc, key, BytesView(iv).first(8), data).ok());
  EXPECT_FALSE(Openssl().Encrypt(Encr::kAesCbc, key, iv, BytesView(data).first(31)).ok());
  EXPECT_FALSE(Openssl().Decrypt(Encr::kAesCbc, key, iv, {}).ok());
  EXPECT_FALSE(Openssl().Decrypt(Encr::kAesGcm16, key, iv, data).ok());
  EXPECT_FALSE(Openssl().Encrypt(Encr::k3des, key, BytesView(iv).first(8), data).ok());
}

TEST(Ctr, RefusesWrongSizesAndTakesAnyLength) {
  const Bytes key(16), nonce(12), data(33);
  for (size_t n = 0; n < 12; ++n)
    EXPECT_FALSE(Openssl().Encrypt(Encr::kAesCtr, key, BytesView(nonce).first(n), data).ok()) << n;
  EXPECT_FALSE(Openssl().Encrypt(Encr::kAesCtr, key, Bytes(16), data).ok());
  for (size_t n : {0u, 15u, 17u, 20u, 31u, 33u})
    EXPECT_FALSE(Openssl().Encrypt(Encr::kAesCtr, Bytes(n), nonce, data).ok()) << n;
  for (size_t n = 1; n <= data.size(); ++n)
    EXPECT_EQ(Openssl().Encrypt(Encr::kAesCtr, key, nonce, BytesView(data).first(n))->size(), n);
}

TEST(Supports, KnowsWhatTheEnginesHave) {
  EXPECT_TRUE(Openssl().Supports(Encr::kAesCbc, 192));
  EXPECT_TRUE(Openssl().Supports(Encr::k3des, 0));
  EXPECT_TRUE(Openssl().Supports(Encr::kAesCcm12, 256));
  EXPECT_TRUE(Openssl().Supports(Encr::kChacha20Poly1305, 0));
  EXPECT_FALSE(Openssl().Supports(Encr::kAesGcm16, 0));
  EXPECT_TRUE(Openssl().Supports(Encr::kAesCtr, 192));
  EXPECT_FALSE(Openssl().Supports(Encr::kAesCtr, 0));
  EXPECT_FALSE(Openssl().Supports(Encr::kNull, 0));
  EXPECT_FALSE(Openssl().Supports(Encr::kNullAesGmac, 128)) << "for ESP only";
  EXPECT_FALSE(Openssl().Supports(Encr::kChacha20Poly1305, 128));
  EXPECT_FALSE(Openssl().Supports(Encr::kNone, 0));
}

}  // namespace
}  // namespace flexvpn::crypto
