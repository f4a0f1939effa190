// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl/ml_kem.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>

#include "core/crypto/openssl/handles.h"

namespace flexvpn::crypto {
namespace {

struct MlKemKey : PrivateKey {
  MlKemKey(KeMethod m, Pkey p) : method(m), pkey(std::move(p)) {}
  KeMethod method;
  Pkey pkey;
};

constexpr KeMethod kMethods[] = {KeMethod::kMlKem512, KeMethod::kMlKem768, KeMethod::kMlKem1024};
constexpr size_t kSecretSize = 32;

const char* AlgorithmName(KeMethod m) {
  switch (m) {
    case KeMethod::kMlKem512: return "ML-KEM-512";
    case KeMethod::kMlKem768: return "ML-KEM-768";
    case KeMethod::kMlKem1024: return "ML-KEM-1024";
    default: return nullptr;
  }
}

}  // namespace

MlKemEngine::MlKemEngine() {
  for (KeMethod m : kMethods) {
    const PkeyCtx probe(EVP_PKEY_CTX_new_from_name(nullptr, AlgorithmName(m), nullptr));
    if (probe != nullptr && EVP_PKEY_keygen_init(probe.get()) == 1) available_.push_back(m);
  }
  ERR_clear_error();
}

const char* MlKemEngine::Name(KeMethod m) const {
  return std::find(available_.begin(), available_.end(), m) == available_.end() ? nullptr : AlgorithmName(m);
}

absl::StatusOr<KeyPair> MlKemEngine::Generate(KeMethod m) const {
  const char* name = Name(m);
  if (name == nullptr) return absl::UnimplementedError("this OpenSSL has no ML-KEM (3.5 has)");
  const PkeyCtx ctx(EVP_PKEY_CTX_new_from_name(nullptr, name, nullptr));
  EVP_PKEY* raw = nullptr;
  if (ctx == nullptr || EVP_PKEY_keygen_init(ctx.get()) != 1 || EVP_PKEY_keygen(ctx.get(), &raw) != 1)
    return OpensslError(absl::StatusCode::kInternal, "key generation");
  Pkey pkey(raw);
  Bytes value(KePublicSize(m));
  size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(pkey.get(), OSSL_PKEY_PARAM_PUB_KEY, value.data(), value.size(), &size) != 1 ||
      size != value.size())
    return OpensslError(absl::StatusCode::kInternal, "encapsulation key");
  return KeyPair{m, std::move(value), std::make_shared<MlKemKey>(m, std::move(pkey))};
}

absl::StatusOr<KeyAnswer> MlKemEngine::Encapsulate(KeMethod m, BytesView peer_public) const {
  const char* name = Name(m);
  if (name == nullptr) return absl::UnimplementedError("this OpenSSL has no ML-KEM (3.5 has)");
  if (peer_public.size() != KePublicSize(m)) return absl::InvalidArgumentError("peer's encapsulation key: wrong length");
  // Import makes the checks of FIPS 203 §7.2: a key whose coefficients are out of range is refused here.
  const Pkey peer(EVP_PKEY_new_raw_public_key_ex(nullptr, name, nullptr, peer_public.data(), peer_public.size()));
  const PkeyCtx ctx(peer == nullptr ? nullptr : EVP_PKEY_CTX_new_from_pkey(nullptr, peer.get(), nullptr));
  if (ctx == nullptr) return OpensslError(absl::StatusCode::kInvalidArgument, "peer's encapsulation key");
  KeyAnswer out;
  out.public_value.resize(KeResponseSize(m));
  out.secret.resize(kSecretSize);
  size_t value_size = out.public_value.size(), secret_size = out.secret.size();
  if (EVP_PKEY_encapsulate_init(ctx.get(), nullptr) != 1 ||
      EVP_PKEY_encapsulate(ctx.get(), out.public_value.data(), &value_size, out.secret.data(), &secret_size) != 1 ||
      value_size != out.public_value.size() || secret_size != out.secret.size())
    return OpensslError(absl::StatusCode::kInternal, "encapsulation");
  return out;
}

absl::StatusOr<SecretBytes> MlKemEngine::Decapsulate(const KeyPair& own, BytesView ciphertext) const {
  const auto* key = dynamic_cast<const MlKemKey*>(own.private_key.get());
  if (key == nullptr || key->method != own.method)
    return absl::FailedPreconditionError("no private key of this method");
  if (ciphertext.size() != KeResponseSize(own.method))
    return absl::InvalidArgumentError("peer's ciphertext: wrong length");
  const PkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(nullptr, key->pkey.get(), nullptr));
  SecretBytes secret(kSecretSize);
  size_t size = secret.size();
  if (ctx == nullptr || EVP_PKEY_decapsulate_init(ctx.get(), nullptr) != 1 ||
      EVP_PKEY_decapsulate(ctx.get(), secret.data(), &size, ciphertext.data(), ciphertext.size()) != 1 ||
      size != secret.size())
    return OpensslError(absl::StatusCode::kInternal, "decapsulation");
  return secret;
}

}  // namespace flexvpn::crypto
