// SPDX-License-Identifier: Apache-2.0
// ML-KEM through whatever OpenSSL is loaded: it works, or it says clearly that it is not there.
#include <gtest/gtest.h>

#include "core/crypto/provider.h"

namespace flexvpn::crypto {
namespace {

class MlKem : public ::testing::TestWithParam<KeMethod> {
 protected:
  std::unique_ptr<Provider> provider_ = NewOpensslProvider();
};

TEST_P(MlKem, BothSidesAgreeWhereOpensslHasIt) {
  const KeMethod m = GetParam();
  if (!provider_->Supports(m)) {
    const JobResult made = provider_->Run(GenerateKey{m});
    ASSERT_TRUE(absl::IsUnimplemented(made.status()));
    EXPECT_NE(std::string(made.status().message()).find("ML-KEM"), std::string::npos);
    EXPECT_TRUE(absl::IsUnimplemented(provider_->Run(AnswerKey{m, Bytes(KePublicSize(m))}).status()));
    return;
  }
  auto made = provider_->Run(GenerateKey{m});
  ASSERT_TRUE(made.ok()) << made.status();
  const auto own = std::get<KeyPair>(*std::move(made));
  EXPECT_EQ(own.public_value.size(), KePublicSize(m));
  auto answered = provider_->Run(AnswerKey{m, own.public_value});
  ASSERT_TRUE(answered.ok()) << answered.status();
  const auto& answer = std::get<KeyAnswer>(*answered);
  EXPECT_EQ(answer.public_value.size(), KeResponseSize(m));
  auto derived = provider_->Run(DeriveSecret{own, answer.public_value});
  ASSERT_TRUE(derived.ok()) << derived.status();
  EXPECT_EQ(std::get<SecretBytes>(*derived), answer.secret);
  EXPECT_EQ(answer.secret.size(), 32u);
}

TEST_P(MlKem, ValuesOfTheWrongSizeAreRefused) {
  const KeMethod m = GetParam();
  const size_t size = KePublicSize(m);
  for (size_t n : {size_t{0}, size - 1, size + 1})
    EXPECT_FALSE(provider_->Run(AnswerKey{m, Bytes(n)}).ok()) << n;
}

INSTANTIATE_TEST_SUITE_P(Sizes, MlKem,
                         ::testing::Values(KeMethod::kMlKem512, KeMethod::kMlKem768, KeMethod::kMlKem1024));

// A Diffie-Hellman group answers in one job, too.
TEST(AnswerKeyJob, OfAGroupIsAKeyPairAndItsSecretAtOnce) {
  const auto provider = NewOpensslProvider();
  for (KeMethod m : {KeMethod::kCurve25519, KeMethod::kEcp256, KeMethod::kModp2048}) {
    auto made = provider->Run(GenerateKey{m});
    ASSERT_TRUE(made.ok());
    const auto own = std::get<KeyPair>(*std::move(made));
    auto answered = provider->Run(AnswerKey{m, own.public_value});
    ASSERT_TRUE(answered.ok());
    const auto& answer = std::get<KeyAnswer>(*answered);
    auto derived = provider->Run(DeriveSecret{own, answer.public_value});
    ASSERT_TRUE(derived.ok());
    EXPECT_EQ(std::get<SecretBytes>(*derived), answer.secret);
    EXPECT_FALSE(provider->Run(AnswerKey{m, Bytes(3)}).ok());
  }
}

}  // namespace
}  // namespace flexvpn::crypto
