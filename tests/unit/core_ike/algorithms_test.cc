// SPDX-License-Identifier: Apache-2.0
// Whole handshakes and rekeys with every algorithm a configuration can name.
#include <gtest/gtest.h>

#include "unit/core_ike/pair.h"

namespace flexvpn::ike::test {
namespace {

using crypto::Encr;
using crypto::Integ;
using crypto::KeMethod;
using crypto::Prf;

struct Cipher {
  Encr encr;
  std::vector<uint16_t> sizes;
};
const Cipher kIkeCiphers[] = {
    {Encr::k3des, {0}},
    {Encr::kAesCbc, {128, 192, 256}},
    {Encr::kAesCtr, {128, 192, 256}},
    {Encr::kAesCcm8, {128, 192, 256}},
    {Encr::kAesCcm12, {128, 192, 256}},
    {Encr::kAesCcm16, {128, 192, 256}},
    {Encr::kAesGcm8, {128, 192, 256}},
    {Encr::kAesGcm12, {128, 192, 256}},
    {Encr::kAesGcm16, {128, 192, 256}},
    {Encr::kChacha20Poly1305, {0}},
};
constexpr Integ kIkeIntegrity[] = {Integ::kHmacMd5_96,     Integ::kHmacSha1_96,    Integ::kAesCmac96, Integ::kAesXcbc96,
                                   Integ::kHmacSha256_128, Integ::kHmacSha384_192, Integ::kHmacSha512_256};
constexpr Prf kPrfs[] = {Prf::kHmacMd5,    Prf::kHmacSha1,   Prf::kHmacSha256,
                         Prf::kHmacSha384, Prf::kHmacSha512, Prf::kAesCmac,    Prf::kAesXcbc};

// Both sides come up with `suite`, agree on all keys and survive a rekey of the IKE SA.
void ExpectSession(const Suite& suite, const Suite& esp) {
  World w;
  w.a->policy.suites = w.b->policy.suites = {suite};
  w.a->policy.session.child.proposals = w.b->policy.session.child.proposals = {esp};
  w.Connect();
  ASSERT_EQ(w.a->live(), 1u);
  ASSERT_EQ(w.b->live(), 1u);
  EXPECT_EQ(w.a->ups[0].suite, suite);
  ASSERT_EQ(w.a->children.size(), 1u);
  ASSERT_EQ(w.b->children.size(), 1u);
  const ChildSa &a = w.a->children[0], &b = w.b->children[0];
  EXPECT_EQ(a.suite, esp);
  EXPECT_EQ(a.encr_in, b.encr_out);
  EXPECT_EQ(a.encr_out, b.encr_in);
  EXPECT_EQ(a.integ_in, b.integ_out);
  EXPECT_EQ(a.integ_out, b.integ_in);
  EXPECT_EQ(a.encr_in.size(), crypto::EncrKeySize(esp.encr, esp.encr_key_bits) + crypto::SaltSize(esp.encr));
  EXPECT_EQ(a.integ_in.size(), crypto::IntegKeySize(esp.integ));
  w.Run(100ms);
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyIke(w.a->ups[0].id, w.now, out); });
  EXPECT_TRUE(w.RunUntil([&] { return w.a->rekeyed.size() == 1 && w.b->rekeyed.size() == 1; }, 10s));
}

TEST(Algorithms, EveryCipherOfIkeCarriesASession) {
  for (const Cipher& c : kIkeCiphers) {
    for (uint16_t bits : c.sizes) {
      SCOPED_TRACE(absl::StrCat(crypto::EncrName(c.encr), " ", bits, " ", static_cast<int>(c.encr)));
      const Integ integ = crypto::IsAead(c.encr) ? Integ::kNone : Integ::kHmacSha256_128;
      ExpectSession({c.encr, bits, integ, Prf::kHmacSha256, KeMethod::kCurve25519, false}, EspSuite());
    }
  }
}

TEST(Algorithms, EveryIntegrityAlgorithmAndPrfCarriesASession) {
  for (Integ integ : kIkeIntegrity) {
    SCOPED_TRACE(crypto::IntegName(integ));
    ExpectSession({Encr::kAesCbc, 128, integ, Prf::kHmacSha256, KeMethod::kEcp256, false}, EspSuite());
  }
  for (Prf prf : kPrfs) {
    SCOPED_TRACE(crypto::PrfName(prf));
    ExpectSession({Encr::kAesGcm16, 128, Integ::kNone, prf, KeMethod::kEcp256, false}, EspSuite());
  }
}

TEST(Algorithms, EveryEspSuiteIsNegotiatedWithKeysOfItsSizes) {
  const Suite kEsp[] = {
      {Encr::kNull, 0, Integ::kHmacSha256_128, {}, {}, false},
      {Encr::kNullAesGmac, 256, Integ::kNone, {}, {}, false},
      {Encr::k3des, 0, Integ::kHmacSha1_96, {}, {}, false},
      {Encr::kAesCbc, 192, Integ::kAesXcbc96, {}, {}, false},
      {Encr::kAesCtr, 256, Integ::kAesCmac96, {}, {}, true},
      {Encr::kAesCcm8, 128, Integ::kNone, {}, {}, false},
      {Encr::kAesGcm12, 192, Integ::kNone, {}, {}, true},
      {Encr::kChacha20Poly1305, 0, Integ::kNone, {}, {}, true},
      {Encr::kAesCbc, 256, Integ::kHmacSha512_256, {}, {}, false},
  };
  for (const Suite& esp : kEsp) {
    SCOPED_TRACE(absl::StrCat(crypto::EncrName(esp.encr), " ", crypto::IntegName(esp.integ)));
    ExpectSession(IkeSuite(), esp);
  }
}

}  // namespace
}  // namespace flexvpn::ike::test
