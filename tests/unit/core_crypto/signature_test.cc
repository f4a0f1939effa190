// SPDX-License-Identifier: Apache-2.0
// Signatures of IKE_AUTH: published vectors, every key kind and scheme, and what must not be believed.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "support/test_pki.h"

namespace flexvpn::crypto::test {
namespace {

constexpr KeyKind kKinds[] = {KeyKind::kRsa,      KeyKind::kRsaPss,  KeyKind::kEcdsa256, KeyKind::kEcdsa384,
                              KeyKind::kEcdsa521, KeyKind::kEd25519, KeyKind::kEd448};

std::vector<SignatureScheme> SchemesOf(KeyKind kind) {
  using H = SignatureHash;
  switch (kind) {
    case KeyKind::kRsa:
      return {{SignatureKind::kRsaPkcs1, H::kSha256},
              {SignatureKind::kRsaPkcs1, H::kSha384},
              {SignatureKind::kRsaPkcs1, H::kSha512},
              {SignatureKind::kRsaPss, H::kSha256},
              {SignatureKind::kRsaPss, H::kSha512}};
    case KeyKind::kRsaPss:
      return {{SignatureKind::kRsaPss, H::kSha256}, {SignatureKind::kRsaPss, H::kSha384}};
    case KeyKind::kEd25519:
    case KeyKind::kEd448:
      return {{SignatureKind::kEdDsa, H::kIdentity}};
    default:
      return {{SignatureKind::kEcdsa, H::kSha256},
              {SignatureKind::kEcdsa, H::kSha384},
              {SignatureKind::kEcdsa, H::kSha512}};
  }
}

std::shared_ptr<const SigningKey> Key(KeyKind kind) {
  EVP_PKEY* key = TestKey(kind);
  EVP_PKEY_up_ref(key);
  return std::make_shared<const OpensslSigningKey>(kind, Pkey(key));
}

const Bytes kData = ToBytes("the signed octets");

Signature SignIt(KeyKind kind, SignatureScheme scheme, bool with_algorithm = true) {
  auto s = MakeSignature({Key(kind), scheme, with_algorithm, kData});
  EXPECT_TRUE(s.ok()) << s.status();
  return s.ok() ? *s : Signature{};
}

TEST(Signature, EverySchemeOfEveryKeyVerifiesByItsAlgorithmIdentifier) {
  for (KeyKind kind : kKinds)
    for (const SignatureScheme& scheme : SchemesOf(kind)) {
      const Signature s = SignIt(kind, scheme);
      const auto used = CheckSignature(TestKey(kind), std::nullopt, s, kData);
      ASSERT_TRUE(used.ok()) << SchemeName(scheme) << ": " << used.status();
      EXPECT_EQ(*used, scheme) << SchemeName(scheme);
    }
}

// RFC 7427 Appendix A, RFC 8420 §3.
TEST(Signature, AlgorithmIdentifiersAreThoseOfTheRfc) {
  auto id = [](KeyKind kind, SignatureKind s, SignatureHash h) {
    return ToHex(SignIt(kind, {s, h}).algorithm);
  };
  EXPECT_EQ(id(KeyKind::kRsa, SignatureKind::kRsaPkcs1, SignatureHash::kSha256),
            "300d06092a864886f70d01010b0500");
  EXPECT_EQ(id(KeyKind::kRsa, SignatureKind::kRsaPkcs1, SignatureHash::kSha384),
            "300d06092a864886f70d01010c0500");
  EXPECT_EQ(id(KeyKind::kRsa, SignatureKind::kRsaPkcs1, SignatureHash::kSha512),
            "300d06092a864886f70d01010d0500");
  EXPECT_EQ(id(KeyKind::kEcdsa256, SignatureKind::kEcdsa, SignatureHash::kSha256),
            "300a06082a8648ce3d040302");
  EXPECT_EQ(id(KeyKind::kEcdsa384, SignatureKind::kEcdsa, SignatureHash::kSha384),
            "300a06082a8648ce3d040303");
  EXPECT_EQ(id(KeyKind::kEcdsa521, SignatureKind::kEcdsa, SignatureHash::kSha512),
            "300a06082a8648ce3d040304");
  EXPECT_EQ(id(KeyKind::kEd25519, SignatureKind::kEdDsa, SignatureHash::kIdentity), "300506032b6570");
  EXPECT_EQ(id(KeyKind::kEd448, SignatureKind::kEdDsa, SignatureHash::kIdentity), "300506032b6571");
}

// RFC 7427 A.4.3: RSASSA-PSS with SHA-256 as another implementation writes it.
TEST(Signature, ReadsThePssAlgorithmIdentifierOfTheRfc) {
  const Bytes pss = FromHex(
      "304606092a864886f70d01010a3039a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d0609"
      "608648"
      "0165030402010500a203020120a303020101");
  const auto scheme = ParseAlgorithm(pss, TestKey(KeyKind::kRsa));
  ASSERT_TRUE(scheme.ok()) << scheme.status();
  EXPECT_EQ(*scheme, (SignatureScheme{SignatureKind::kRsaPss, SignatureHash::kSha256}));
  Signature s = SignIt(KeyKind::kRsa, {SignatureKind::kRsaPss, SignatureHash::kSha256});
  s.algorithm = pss;
  EXPECT_TRUE(CheckSignature(TestKey(KeyKind::kRsa), std::nullopt, s, kData).ok());
}

TEST(Signature, NoTruncationOrExtensionOfAnAlgorithmIdentifierIsRead) {
  for (KeyKind kind : kKinds) {
    const Bytes algorithm = SignIt(kind, SchemesOf(kind).back()).algorithm;
    ASSERT_TRUE(ParseAlgorithm(algorithm, TestKey(kind)).ok());
    for (size_t n = 0; n < algorithm.size(); ++n)
      EXPECT_FALSE(ParseAlgorithm(BytesView(algorithm).first(n), TestKey(kind)).ok()) << n;
    Bytes longer = algorithm;
    longer.push_back(0);
    EXPECT_FALSE(ParseAlgorithm(longer, TestKey(kind)).ok());
  }
}

TEST(Signature, HashesWeakerThanSha2AreRefused) {
  // sha1WithRSAEncryption, md5WithRSAEncryption, ecdsa-with-SHA1, RSASSA-PSS with its defaults (RFC 7427
  // A.1.1, A.3.1, A.4.1).
  for (const char* algorithm : {"300d06092a864886f70d0101050500", "300d06092a864886f70d0101040500",
                                "300906072a8648ce3d0401", "300d06092a864886f70d01010a3000"})
    for (KeyKind kind : {KeyKind::kRsa, KeyKind::kEcdsa256})
      EXPECT_FALSE(ParseAlgorithm(FromHex(algorithm), TestKey(kind)).ok()) << algorithm;
}

TEST(Signature, AlgorithmOfAnotherKindOfKeyIsRefused) {
  for (KeyKind signer : kKinds)
    for (KeyKind key : kKinds) {
      const SignatureScheme scheme = SchemesOf(signer).front();
      const bool same_family =
          IsRsa(signer)     ? scheme.kind == SignatureKind::kRsaPkcs1 ? key == KeyKind::kRsa : IsRsa(key)
              : IsEdDsa(signer) ? key == signer
                            : !IsRsa(key) && !IsEdDsa(key);
      EXPECT_EQ(ParseAlgorithm(SignIt(signer, scheme).algorithm, TestKey(key)).ok(), same_family);
    }
}

TEST(Signature, EveryBitOfSignatureAndDataCounts) {
  for (KeyKind kind : kKinds) {
    const Signature good = SignIt(kind, SchemesOf(kind).front());
    for (size_t i = 0; i < good.value.size(); i += 7) {
      Signature bad = good;
      bad.value[i] ^= 1;
      EXPECT_FALSE(CheckSignature(TestKey(kind), std::nullopt, bad, kData).ok());
    }
    Bytes other = kData;
    other.back() ^= 1;
    EXPECT_FALSE(CheckSignature(TestKey(kind), std::nullopt, good, other).ok());
    for (size_t n = 0; n < good.value.size(); ++n) {
      Signature cut{good.algorithm,
                    Bytes(good.value.begin(), good.value.begin() + static_cast<ptrdiff_t>(n))};
      EXPECT_FALSE(CheckSignature(TestKey(kind), std::nullopt, cut, kData).ok());
    }
  }
}

TEST(Signature, OldRsaMethodLeavesTheHashToTheSigner) {
  for (SignatureHash h : {SignatureHash::kSha1, SignatureHash::kSha256, SignatureHash::kSha512}) {
    const Signature s = SignIt(KeyKind::kRsa, {SignatureKind::kRsaPkcs1, h}, false);
    EXPECT_TRUE(s.algorithm.empty());
    const auto used = CheckSignature(
        TestKey(KeyKind::kRsa), SignatureScheme{SignatureKind::kRsaPkcs1, SignatureHash::kAny}, s, kData);
    ASSERT_TRUE(used.ok());
    EXPECT_EQ(used->hash, h);
  }
}

TEST(Signature, OldEcdsaMethodsCarryTwoNumbersOfFixedSize) {
  const std::pair<KeyKind, SignatureHash> cases[] = {{KeyKind::kEcdsa256, SignatureHash::kSha256},
                                                     {KeyKind::kEcdsa384, SignatureHash::kSha384},
                                                     {KeyKind::kEcdsa521, SignatureHash::kSha512}};
  const size_t sizes[] = {64, 96, 132};
  for (size_t i = 0; i < 3; ++i) {
    const SignatureScheme scheme{SignatureKind::kEcdsaRaw, cases[i].second};
    const Signature s = SignIt(cases[i].first, scheme, false);
    EXPECT_EQ(s.value.size(), sizes[i]);
    EXPECT_TRUE(CheckSignature(TestKey(cases[i].first), scheme, s, kData).ok());
    Signature longer = s;
    longer.value.push_back(0);
    EXPECT_FALSE(CheckSignature(TestKey(cases[i].first), scheme, longer, kData).ok());
  }
}

Pkey PublicEc(const char* group, const Bytes& point) {
  const std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>> b(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(b.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
  OSSL_PARAM_BLD_push_octet_string(b.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  const std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>> params(OSSL_PARAM_BLD_to_param(b.get()));
  const PkeyCtx ctx(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(ctx.get());
  EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
  return Pkey(key);
}

// RFC 4754 §8.1: ECDSA-256 over "abc".
TEST(Signature, VerifiesThePublishedEcdsa256Signature) {
  const Pkey key =
      PublicEc("P-256", FromHex("04 2442A5CC0ECD015FA3CA31DC8E2BBC70BF42D60CBCA20085E0822CB04235E970"
                                "6FC98BD7E50211A4A27102FA3549DF79EBCB4BF246B80945CDDFE7D509BBFD7D"));
  ASSERT_NE(key, nullptr);
  const Signature s{{},
                    FromHex("CB28E0999B9C7715FD0A80D8E47A77079716CBBF917DD72E97566EA1C066957C"
                            "86FA3BB4E26CAD5BF90B7F81899256CE7594BB1EA0C89212748BFF3B3D5B0315")};
  const SignatureScheme scheme{SignatureKind::kEcdsaRaw, SignatureHash::kSha256};
  EXPECT_TRUE(CheckSignature(key.get(), scheme, s, ToBytes("abc")).ok());
  EXPECT_FALSE(CheckSignature(key.get(), scheme, s, ToBytes("abd")).ok());
}

// RFC 8032 §7.1 test 2: Ed25519 over one octet, 72.
TEST(Signature, ReproducesThePublishedEd25519Signature) {
  const Bytes secret = FromHex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  Pkey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret.data(), secret.size()));
  const auto own = std::make_shared<const OpensslSigningKey>(KeyKind::kEd25519, std::move(key));
  const auto s = MakeSignature({own, {SignatureKind::kEdDsa, SignatureHash::kIdentity}, true, {0x72}});
  ASSERT_TRUE(s.ok());
  EXPECT_EQ(ToHex(s->value),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

}  // namespace
}  // namespace flexvpn::crypto::test
