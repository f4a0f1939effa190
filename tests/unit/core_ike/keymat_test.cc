// SPDX-License-Identifier: Apache-2.0
// Key derivation against vectors of NIST's validation programme for the IKEv2 KDF of SP 800-135.
#include "core/ike/keymat.h"
#include "support/openssl.h"

#include <gtest/gtest.h>

namespace flexvpn::ike {
namespace {

using crypto::Encr;
using crypto::Integ;
using crypto::KeMethod;
using crypto::Prf;

std::string Hex(const SecretBytes& s) { return ToHex(s); }

// CAVP IKEv2, HMAC-SHA1, 132 octets of keying material: exactly AES-CBC-128 with HMAC-SHA1-96.
const char kNonceI[] =
    "32b50d5f4a3763f3";
const char kNonceR[] =
    "9206a04b26564cb1";
const char kShared[] =
    "4b2c1f971981a8ad8d0abeafabf38cf75fc8349c148142465ed9c8b516b8be52";
const char kSharedNew[] =
    "863f3c9d06efd39d2b907b97f8699e5dd5251ef64a2a176f36ee40c87d4f9330";
const char kSkeyseed[] =
    "a9a7b222b59f8f48645f28a1db5b5f5d7479cba7";
const char kSkeyseedRekey[] =
    "63e81194946ebd05df7df5ebf5d8750056bf1f1d";
const char kSkD[] =
    "a14293677cc80ff8f9cc0eee30d895da9d8f4056";
const char kSkAi[] =
    "66e30ef0dfcb63c634a46002a2a63080e514a062";
const char kSkAr[] =
    "768b76606f9fa5e992204fc5a670bde3f10d6b02";
const char kSkEi[] =
    "7113936a5c55b648a194ae587b0088d5";
const char kSkEr[] =
    "2204b702c979fa280870d2ed41efa9c5";
const char kSkPi[] =
    "49fd11198af1670b143d384bd275c5f594cf266b";
const char kSkPr[] =
    "05ebadca855e4249520a441a81157435a7a56cc4";
constexpr uint64_t kSpiI = 0x34c9e7c188868785, kSpiR = 0x3ff77d760d2b2199;
const Suite kSuite = {Encr::kAesCbc, 128, Integ::kHmacSha1_96, Prf::kHmacSha1, KeMethod::kModp1024, false};

IkeKeys FirstKeys() {
  return DeriveIkeKeys(Openssl(), kSuite, FromHex(kShared), FromHex(kNonceI), FromHex(kNonceR), IkeSpi(kSpiI),
                       IkeSpi(kSpiR));
}

TEST(DeriveIkeKeys, MatchesNistAndCutsInTheOrderOfTheRfc) {
  const IkeKeys keys = FirstKeys();
  EXPECT_EQ(Hex(keys.sk_d), kSkD);
  EXPECT_EQ(Hex(keys.initiator.integ_key), kSkAi);
  EXPECT_EQ(Hex(keys.responder.integ_key), kSkAr);
  EXPECT_EQ(Hex(keys.initiator.encr_key), kSkEi);
  EXPECT_EQ(Hex(keys.responder.encr_key), kSkEr);
  EXPECT_EQ(Hex(keys.sk_pi), kSkPi);
  EXPECT_EQ(Hex(keys.sk_pr), kSkPr);
  const Bytes nonces = FromHex(std::string(kNonceI) + kNonceR), shared = FromHex(kShared);
  const BytesView parts[] = {shared};
  EXPECT_EQ(Hex(Openssl().ComputePrf(Prf::kHmacSha1, nonces, parts)), kSkeyseed);
  EXPECT_EQ(keys.initiator.encr, Encr::kAesCbc);
  EXPECT_EQ(keys.responder.integ, Integ::kHmacSha1_96);
}

// The vector gives SKEYSEED of the rekey; prf+ is proved by the test above.
TEST(DeriveIkeKeys, RekeyStartsFromTheOldSkDAndTheOldPrf) {
  const Bytes ni = FromHex(kNonceI), nr = FromHex(kNonceR);
  const IkeKeys keys = DeriveIkeKeys(Openssl(), kSuite, FromHex(kSharedNew), ni, nr, IkeSpi(1), IkeSpi(2),
                                     FromHex(kSkD), Prf::kHmacSha1);
  const Bytes seed = FromHex(std::string(kNonceI) + kNonceR + "0000000000000001" "0000000000000002");
  EXPECT_EQ(Hex(keys.sk_d), Hex(Openssl().PrfPlus(Prf::kHmacSha1, FromHex(kSkeyseedRekey), seed, 20)));

  Suite suite = kSuite;
  suite.prf = Prf::kHmacSha256;  // the new SA's PRF expands, the old one's makes SKEYSEED (§2.18)
  const IkeKeys changed = DeriveIkeKeys(Openssl(), suite, FromHex(kSharedNew), ni, nr, IkeSpi(1), IkeSpi(2),
                                        FromHex(kSkD), Prf::kHmacSha1);
  EXPECT_EQ(Hex(changed.sk_d), Hex(Openssl().PrfPlus(Prf::kHmacSha256, FromHex(kSkeyseedRekey), seed, 32)));
}

TEST(DeriveIkeKeys, AeadHasASaltAndNoIntegrityKey) {
  const Suite suite = {Encr::kAesGcm16, 256, Integ::kHmacSha256_128, Prf::kHmacSha512, KeMethod::kEcp256, false};
  const IkeKeys keys = DeriveIkeKeys(Openssl(), suite, Bytes(32, 1), Bytes(32, 2), Bytes(32, 3), IkeSpi(1), IkeSpi(2));
  EXPECT_EQ(keys.sk_d.size(), 64u);
  EXPECT_EQ(keys.sk_pr.size(), 64u);
  EXPECT_EQ(keys.initiator.encr_key.size(), 36u);
  EXPECT_TRUE(keys.initiator.integ_key.empty());
  EXPECT_EQ(keys.initiator.integ, Integ::kNone);
  EXPECT_NE(keys.initiator.encr_key, keys.responder.encr_key);
}

// CAVP IKEv2, HMAC-SHA1: keying material of a Child SA without and with a new key exchange.
const char kChildNonceI[] =
    "3651fef5c9c35e93";
const char kChildNonceR[] =
    "c09a8b90a3f04d59";
const char kChildSkD[] =
    "6f1b12cad3cbe097b35430356d869d54cddb0198";
const char kChildShared[] =
    "52f00ab174c25d5b7139ae5ff4e8e9eddee5992d2e36adf8a559ffd90dab1442e4fbe429d320c0f33552a17d1557fa41"
    "ea70e8fb916c4fa27ed52b5f8ebd8461afa78f1159159a64055ac5f6319e29c28eae58cbc6847770f32c3fed1d047504"
    "84f854790f95e9ec01bc5bc461f24966462e359511329305038e94deb6dd42c2";
const char kChildKeymat[] =
    "4727dc0ef94eb326ce131cf282fb652faa638ad0ddae3786a11bcc0309876009f8c485de011ad962c5b1ca8a41ff8145"
    "445749079c5686e26ffebbc342f06981f3da745e11ca0976424d1f8caec623d59dc7186deb20a27b411d1dcb70a36544"
    "0bf7de90";
const char kChildKeymatPfs[] =
    "b109c21ad4c0797768c1cec9e63554681e48f224bca7f23c20c4ea7041983451e9aa1d5408656c8a975ff1b9d9a12c75"
    "ffeb64bdecb30174664cccb4e14f1c377b7f6d1525af77c7092aac3e47f917ebae8297fb5539d2008ce830823a09cc19"
    "7361d4a2";

std::string Joined(const ChildKeys& k) { return Hex(k.encr_i) + Hex(k.integ_i) + Hex(k.encr_r) + Hex(k.integ_r); }

TEST(DeriveChildKeys, MatchesNistWithoutAndWithPfs) {
  const Suite child = {Encr::kAesCbc, 192, Integ::kHmacSha1_96, Prf::kNone, KeMethod::kNone, false};
  const Bytes ni = FromHex(kChildNonceI), nr = FromHex(kChildNonceR), sk_d = FromHex(kChildSkD);
  const ChildKeys plain = DeriveChildKeys(Openssl(), Prf::kHmacSha1, sk_d, child, {}, ni, nr);
  const ChildKeys pfs = DeriveChildKeys(Openssl(), Prf::kHmacSha1, sk_d, child, FromHex(kChildShared), ni, nr);
  constexpr size_t kDigits = 2 * 2 * (24 + 20);
  EXPECT_EQ(Joined(plain), std::string(kChildKeymat).substr(0, kDigits));
  EXPECT_EQ(Joined(pfs), std::string(kChildKeymatPfs).substr(0, kDigits));
  EXPECT_EQ(plain.encr_i.size(), 24u);
  EXPECT_EQ(plain.integ_r.size(), 20u);
}

TEST(DeriveChildKeys, AeadKeysCarryTheSaltAtTheirEnd) {
  const Suite child = {Encr::kAesGcm16, 128, Integ::kNone, Prf::kNone, KeMethod::kNone, true};
  const ChildKeys keys = DeriveChildKeys(Openssl(), Prf::kHmacSha1, FromHex(kChildSkD), child, {},
                                         FromHex(kChildNonceI), FromHex(kChildNonceR));
  EXPECT_EQ(Joined(keys), std::string(kChildKeymat).substr(0, 2 * 2 * 20));
  EXPECT_TRUE(keys.integ_i.empty());
}

TEST(PrfPlus, StopsAt255BlocksAndCanBeEmpty) {
  EXPECT_EQ(Openssl().PrfPlus(Prf::kHmacSha256, Bytes(32), Bytes(8), 255 * 32).size(), 255u * 32);
  EXPECT_TRUE(Openssl().PrfPlus(Prf::kHmacSha256, Bytes(32), Bytes(8), 255 * 32 + 1).empty());
  EXPECT_TRUE(Openssl().PrfPlus(Prf::kHmacSha256, Bytes(32), Bytes(8), 0).empty());
  EXPECT_TRUE(Openssl().PrfPlus(static_cast<Prf>(99), Bytes(32), Bytes(8), 16).empty());
}

// Computed with Python's hmac module.
TEST(PrfPlus, MatchesAnIndependentComputation) {
  EXPECT_EQ(Hex(Openssl().PrfPlus(Prf::kHmacSha512, Bytes(64, 'k'), AsView("seed"), 100)),
            "fb054b3176d886dda5183a5371e699248df6cfb5c0819dffce573179e3188fc5a530da90ea599b661459b3e068a8ee60"
            "d1565544525453a282dd56875593f3c0efdc32dc8af487ecfdf7362da660ca19ee10d4c2fca5eed50076b34b1a5b7a55"
            "3c1c1f1a");
}

// No RFC publishes an AUTH value: computed with Python's hmac module from the formula of §2.15.
TEST(SharedKeyAuth, MatchesAnIndependentComputation) {
  const Bytes id_body = FromHex("02" "000000" "6875622e6578616d706c652e6e6574");  // FQDN hub.example.net
  EXPECT_EQ(Hex(SharedKeyAuth(Openssl(), Prf::kHmacSha256, AsView("opensesame"), AsView("first message"),
                              Bytes(32, 'n'), Bytes(32, 'p'), id_body)),
            "bd73a80d6a97dbbda38e47551d8179d7d75be7d621bb08677f3cd18ed3a10e30");
}

// RFC 7296 §2.14: with AES-CMAC-PRF-128 the first 64 bits of each nonce key SKEYSEED; prf+ has them whole.
TEST(DeriveIkeKeys, KeysTheCmacPrfWithHalfOfItFromEachNonce) {
  const Suite suite = {Encr::kAesCbc, 128, Integ::kAesCmac96, Prf::kAesCmac, KeMethod::kCurve25519, false};
  const Bytes nonce_i(32, 0x11), nonce_r(16, 0x22), shared(32, 0x33);
  const IkeKeys keys = DeriveIkeKeys(Openssl(), suite, shared, nonce_i, nonce_r, IkeSpi(1), IkeSpi(2));
  const BytesView secret[] = {shared};
  const SecretBytes skeyseed =
      Openssl().ComputePrf(Prf::kAesCmac, FromHex("1111111111111111" "2222222222222222"), secret);
  ByteWriter seed;
  seed.Append(nonce_i);
  seed.Append(nonce_r);
  seed.U64(1);
  seed.U64(2);
  EXPECT_EQ(keys.sk_d, Openssl().PrfPlus(Prf::kAesCmac, skeyseed, seed.view(), 16));
  EXPECT_EQ(keys.sk_pr.size(), 16u);
  EXPECT_EQ(keys.initiator.integ_key.size(), 16u);
}

}  // namespace
}  // namespace flexvpn::ike
