// SPDX-License-Identifier: Apache-2.0
// What is kept for the next use leaves no trace in its result.
#include <gtest/gtest.h>

#include <set>

#include "core/crypto/openssl_rng.h"
#include "core/crypto/provider.h"

namespace flexvpn::crypto {
namespace {

constexpr KeMethod kMethods[] = {KeMethod::kModp2048, KeMethod::kEcp256, KeMethod::kEcp384, KeMethod::kCurve25519,
                                 KeMethod::kCurve448};

KeyPair MakeKey(const Provider& p, KeMethod m) { return std::get<KeyPair>(*p.Run(GenerateKey{m})); }

TEST(AnswerKey, GivesThePublicValueAndTheSecretThatTheOtherSideDerives) {
  const std::unique_ptr<Provider> p = NewOpensslProvider();
  for (KeMethod m : kMethods) {
    for (int round = 0; round < 3; ++round) {
      const KeyPair peer = MakeKey(*p, m);
      const JobResult answer = p->Run(AnswerKey{m, peer.public_value});
      ASSERT_TRUE(answer.ok()) << answer.status();
      const auto& [public_value, secret] = std::get<KeyAnswer>(*answer);
      const JobResult derived = p->Run(DeriveSecret{peer, public_value});
      ASSERT_TRUE(derived.ok()) << derived.status();
      EXPECT_EQ(std::get<SecretBytes>(*derived), secret) << KeName(m);
    }
  }
}

TEST(AnswerKey, RefusesABadPublicValueAndTheNextOneIsFine) {
  const std::unique_ptr<Provider> p = NewOpensslProvider();
  for (KeMethod m : kMethods) {
    const KeyPair peer = MakeKey(*p, m);
    for (const Bytes& bad : {Bytes(KePublicSize(m)), Bytes(KePublicSize(m) - 1, 1), Bytes()}) {
      EXPECT_TRUE(absl::IsInvalidArgument(p->Run(AnswerKey{m, bad}).status())) << KeName(m);
      const JobResult good = p->Run(AnswerKey{m, peer.public_value});
      ASSERT_TRUE(good.ok()) << KeName(m);
      const JobResult derived = p->Run(DeriveSecret{peer, std::get<KeyAnswer>(*good).public_value});
      EXPECT_EQ(std::get<SecretBytes>(*derived), std::get<KeyAnswer>(*good).secret) << KeName(m);
    }
  }
}

TEST(Prf, DoesNotDependOnTheKeyUsedBefore) {
  const std::unique_ptr<Provider> p = NewOpensslProvider();
  const Bytes short_key(5, 1), long_key(200, 2), data(50, 3);
  const BytesView parts[] = {data};
  for (Prf prf : {Prf::kHmacSha1, Prf::kHmacSha256, Prf::kHmacSha512}) {
    const SecretBytes first = NewOpensslProvider()->ComputePrf(prf, short_key, parts);
    p->ComputePrf(prf, long_key, parts);
    EXPECT_EQ(p->ComputePrf(prf, short_key, parts), first);
    EXPECT_NE(p->ComputePrf(prf, {}, parts), first);
    EXPECT_EQ(p->ComputePrf(prf, short_key, parts), first);
  }
}

TEST(OpensslRng, HandsOutNothingTwiceAcrossItsDraws) {
  OpensslRng rng;
  std::set<Bytes> seen;
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(seen.insert(rng.Take(i % 3 == 0 ? 8 : i % 3 == 1 ? 32 : 129)).second);
}

}  // namespace
}  // namespace flexvpn::crypto
