// SPDX-License-Identifier: Apache-2.0
// A provider for tests and simulations: key exchange that costs nothing and repeats from a seed, all else is real.
#ifndef FLEXVPN_TESTS_SUPPORT_TOY_CRYPTO_H_
#define FLEXVPN_TESTS_SUPPORT_TOY_CRYPTO_H_

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include "core/crypto/provider.h"

namespace flexvpn::crypto {

// Public values have the right size and look random; the secret is a hash of both, so both sides agree and an
// onlooker could too: never outside of tests.
class ToyProvider : public Provider {
 public:
  explicit ToyProvider(uint64_t seed = 1) : seed_(seed), real_(NewOpensslProvider()) {}

  bool Supports(Encr e, uint16_t key_bits) const override { return real_->Supports(e, key_bits); }
  bool Supports(Prf p) const override { return real_->Supports(p); }
  bool Supports(Integ i) const override { return real_->Supports(i); }
  bool Supports(KeMethod m) const override { return KePublicSize(m) != 0; }
  SecretBytes ComputePrf(Prf p, BytesView key, Parts parts) const override { return real_->ComputePrf(p, key, parts); }
  SecretBytes PrfPlus(Prf p, BytesView key, BytesView seed, size_t size) const override {
    return real_->PrfPlus(p, key, seed, size);
  }
  Bytes ComputeIntegrity(Integ i, BytesView key, Parts parts) const override {
    return real_->ComputeIntegrity(i, key, parts);
  }
  Bytes Sha1(Parts parts) const override { return real_->Sha1(parts); }
  Bytes Sha256(Parts parts) const override { return real_->Sha256(parts); }
  absl::StatusOr<Bytes> Encrypt(Encr e, BytesView key, BytesView nonce, BytesView plain) const override {
    return real_->Encrypt(e, key, nonce, plain);
  }
  absl::StatusOr<SecretBytes> Decrypt(Encr e, BytesView key, BytesView nonce, BytesView cipher) const override {
    return real_->Decrypt(e, key, nonce, cipher);
  }
  absl::StatusOr<Bytes> Seal(Encr e, BytesView key, BytesView nonce, BytesView aad, BytesView plain) const override {
    return real_->Seal(e, key, nonce, aad, plain);
  }
  absl::StatusOr<SecretBytes> Open(Encr e, BytesView key, BytesView nonce, BytesView aad,
                                   BytesView sealed) const override {
    return real_->Open(e, key, nonce, aad, sealed);
  }
  bool ConstantTimeEqual(BytesView a, BytesView b) const override { return real_->ConstantTimeEqual(a, b); }

  JobResult Run(const Job& job) const override {
    if (std::holds_alternative<Sign>(job) || std::holds_alternative<VerifyPeer>(job) ||
        std::holds_alternative<CheckRevocationAnswer>(job)) return real_->Run(job);
    if (const auto* generate = std::get_if<GenerateKey>(&job)) return KeyPair{generate->method, Public(*generate), nullptr};
    if (const auto* answer = std::get_if<AnswerKey>(&job)) {
      if (answer->peer_public.size() != KePublicSize(answer->method))
        return absl::InvalidArgumentError("public value of the wrong size");
      Bytes own = Public(GenerateKey{answer->method});
      own.resize(KeResponseSize(answer->method));
      SecretBytes secret = Secret(own, answer->peer_public);
      return KeyAnswer{std::move(own), std::move(secret)};
    }
    const auto& derive = std::get<DeriveSecret>(job);
    // Tests learn keys by deriving from either side's value.
    const size_t size = derive.peer_public.size();
    if (size != KePublicSize(derive.own.method) && size != KeResponseSize(derive.own.method))
      return absl::InvalidArgumentError("public value of the wrong size");
    return Secret(derive.own.public_value, derive.peer_public);
  }

 private:
  SecretBytes Secret(BytesView a, BytesView b) const {
    if (std::lexicographical_compare(b.begin(), b.end(), a.begin(), a.end())) std::swap(a, b);
    const BytesView parts[] = {a, b};
    return ToSecret(real_->Sha256(parts));
  }

  Bytes Public(const GenerateKey& g) const {
    const uint64_t serial = ++serial_;
    Bytes out;
    for (uint32_t block = 0; out.size() < KePublicSize(g.method); ++block) {
      ByteWriter w;
      w.U64(seed_);
      w.U64(serial);
      w.U32(block);
      const BytesView parts[] = {w.view()};
      const Bytes hash = real_->Sha256(parts);
      out.insert(out.end(), hash.begin(), hash.end());
    }
    out.resize(KePublicSize(g.method));
    return out;
  }

  uint64_t seed_;
  std::unique_ptr<Provider> real_;
  mutable std::atomic<uint64_t> serial_{0};
};

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_TESTS_SUPPORT_TOY_CRYPTO_H_
