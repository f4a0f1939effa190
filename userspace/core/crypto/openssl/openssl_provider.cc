// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>

#include <optional>

#include "base/overloaded.h"
#include "base/status_macros.h"
#include "core/crypto/openssl/cipher.h"
#include "core/crypto/openssl/hash.h"
#include "core/crypto/openssl/key_exchange.h"
#include "core/crypto/openssl/ml_kem.h"
#include "core/crypto/openssl/revocation.h"
#include "core/crypto/openssl/signature.h"
#include "core/crypto/openssl/trust.h"
#include "core/crypto/openssl/xcbc.h"
#include "core/crypto/provider.h"

namespace flexvpn::crypto {
namespace {

std::optional<Digest> DigestOf(Prf p) {
  switch (p) {
    case Prf::kHmacMd5:
      return Digest::kMd5;
    case Prf::kHmacSha1:
      return Digest::kSha1;
    case Prf::kHmacSha256:
      return Digest::kSha256;
    case Prf::kHmacSha384:
      return Digest::kSha384;
    case Prf::kHmacSha512:
      return Digest::kSha512;
    default:
      return std::nullopt;
  }
}

std::optional<Digest> DigestOf(Integ i) {
  switch (i) {
    case Integ::kHmacMd5_96:
      return Digest::kMd5;
    case Integ::kHmacSha1_96:
      return Digest::kSha1;
    case Integ::kHmacSha256_128:
      return Digest::kSha256;
    case Integ::kHmacSha384_192:
      return Digest::kSha384;
    case Integ::kHmacSha512_256:
      return Digest::kSha512;
    default:
      return std::nullopt;
  }
}

template <class T>
JobResult ToJobResult(absl::StatusOr<T> result) {
  if (!result.ok()) return result.status();
  return *std::move(result);
}

class OpensslProvider final : public Provider {
 public:
  bool Supports(Encr e, uint16_t key_bits) const override { return cipher_.Supports(e, key_bits); }
  bool Supports(Prf p) const override {
    if (p == Prf::kAesCmac) return hash_.SupportsCmac();
    if (p == Prf::kAesXcbc) return xcbc_.Supported();
    const auto d = DigestOf(p);
    return d && hash_.Supports(*d);
  }
  bool Supports(Integ i) const override {
    if (i == Integ::kAesCmac96) return hash_.SupportsCmac();
    if (i == Integ::kAesXcbc96) return xcbc_.Supported();
    const auto d = DigestOf(i);
    return d && hash_.Supports(*d);
  }
  bool Supports(KeMethod m) const override { return key_exchange_.Supports(m) || ml_kem_.Supports(m); }

  SecretBytes ComputePrf(Prf p, BytesView key, Parts parts) const override {
    if (p == Prf::kAesCmac) return hash_.Cmac(AesCmacKey(key), parts);
    if (p == Prf::kAesXcbc) return xcbc_.Mac(xcbc_.PrfKey(key), parts);
    const auto d = DigestOf(p);
    return d ? hash_.Hmac(*d, key, parts) : SecretBytes{};
  }
  SecretBytes PrfPlus(Prf p, BytesView key, BytesView seed, size_t size) const override {
    if (p == Prf::kAesCmac) return hash_.CmacChain(AesCmacKey(key), seed, size);
    if (p == Prf::kAesXcbc) return xcbc_.Chain(xcbc_.PrfKey(key), seed, size);
    const auto d = DigestOf(p);
    return d ? hash_.HmacChain(*d, key, seed, size) : SecretBytes{};
  }
  Bytes ComputeIntegrity(Integ i, BytesView key, Parts parts) const override {
    const auto d = DigestOf(i);
    const SecretBytes full = d                         ? hash_.Hmac(*d, key, parts)
                             : i == Integ::kAesCmac96 ? hash_.Cmac(key, parts)
                             : i == Integ::kAesXcbc96 ? xcbc_.Mac(key, parts)
                                                      : SecretBytes{};
    return full.empty() ? Bytes{} : Bytes(full.begin(), full.begin() + static_cast<ptrdiff_t>(IntegIcvSize(i)));
  }
  Bytes Sha1(Parts parts) const override { return hash_.Hash(Digest::kSha1, parts); }
  Bytes Sha256(Parts parts) const override { return hash_.Hash(Digest::kSha256, parts); }

  absl::StatusOr<Bytes> Encrypt(Encr e, BytesView key, BytesView nonce, BytesView plain) const override {
    return cipher_.Encrypt(e, key, nonce, plain);
  }
  absl::StatusOr<SecretBytes> Decrypt(Encr e, BytesView key, BytesView nonce, BytesView cipher) const override {
    return cipher_.Decrypt(e, key, nonce, cipher);
  }
  absl::StatusOr<Bytes> Seal(Encr e, BytesView key, BytesView nonce, BytesView aad, BytesView plain) const override {
    return cipher_.Seal(e, key, nonce, aad, plain);
  }
  absl::StatusOr<SecretBytes> Open(Encr e, BytesView key, BytesView nonce, BytesView aad,
                                   BytesView sealed) const override {
    return cipher_.Open(e, key, nonce, aad, sealed);
  }

  JobResult Run(const Job& job) const override {
    return std::visit(Overloaded{[this](const GenerateKey& j) {
                                   return ToJobResult(IsKem(j.method) ? ml_kem_.Generate(j.method)
                                                                      : key_exchange_.Generate(j.method));
                                 },
                                 [this](const DeriveSecret& j) {
                                   return ToJobResult(IsKem(j.own.method)
                                                          ? ml_kem_.Decapsulate(j.own, j.peer_public)
                                                          : key_exchange_.Derive(j.own, j.peer_public));
                                 },
                                 [this](const AnswerKey& j) {
                                   return ToJobResult(IsKem(j.method) ? ml_kem_.Encapsulate(j.method, j.peer_public)
                                                                      : Answer(j));
                                 },
                                 [](const Sign& j) { return ToJobResult(MakeSignature(j)); },
                                 [](const VerifyPeer& j) { return CheckPeer(j); },
                                 [](const CheckRevocationAnswer& j) { return ToJobResult(CheckAnswer(j)); }},
                      job);
  }

  bool ConstantTimeEqual(BytesView a, BytesView b) const override {
    return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
  }

 private:
  absl::StatusOr<KeyAnswer> Answer(const AnswerKey& j) const {
    ASSIGN_OR_RETURN(KeyPair own, key_exchange_.Generate(j.method));
    ASSIGN_OR_RETURN(SecretBytes secret, key_exchange_.Derive(own, j.peer_public));
    return KeyAnswer{std::move(own.public_value), std::move(secret)};
  }
  // RFC 4615 §3: a key of another size than 128 bits is hashed with the zero key first.
  SecretBytes AesCmacKey(BytesView key) const {
    constexpr uint8_t kZeroKey[16] = {};
    if (key.size() == sizeof(kZeroKey)) return ToSecret(key);
    const BytesView key_parts[] = {key};
    return hash_.Cmac(kZeroKey, key_parts);
  }

  HashEngine hash_;
  XcbcEngine xcbc_;
  CipherEngine cipher_;
  KeyExchangeEngine key_exchange_;
  MlKemEngine ml_kem_;
};

}  // namespace

std::unique_ptr<Provider> NewOpensslProvider() { return std::make_unique<OpensslProvider>(); }

}  // namespace flexvpn::crypto
