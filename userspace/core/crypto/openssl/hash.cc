// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl/hash.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include <utility>

#include "core/crypto/openssl/prf_plus.h"

namespace flexvpn::crypto {
namespace {

constexpr size_t kCmacSize = 16;

// A MAC under one key: the spare context or a copy of the template, given back at the end.
class KeyedMac {
 public:
  KeyedMac(const MacCtx& prepared, Spare<MacCtx>& spare, BytesView key, size_t size)
      : spare_(spare), ctx_(spare.Take()), size_(size) {
    if (ctx_ == nullptr) ctx_.reset(EVP_MAC_CTX_dup(prepared.get()));
    constexpr uint8_t kEmptyKey = 0;  // a null pointer would mean "the key from before"
    Keep(ctx_ != nullptr && EVP_MAC_init(ctx_.get(), key.empty() ? &kEmptyKey : key.data(), key.size(), nullptr) == 1);
  }
  KeyedMac(const KeyedMac&) = delete;
  KeyedMac& operator=(const KeyedMac&) = delete;
  ~KeyedMac() {
    if (ctx_ != nullptr) spare_.Give(std::move(ctx_));
  }

  // Empty on failure.  The second and later ones need no key schedule.
  SecretBytes Compute(Provider::Parts parts) {
    if (ctx_ == nullptr) return {};
    SecretBytes out(size_);
    bool ok = fresh_ || EVP_MAC_init(ctx_.get(), nullptr, 0, nullptr) == 1;
    fresh_ = false;
    for (BytesView part : parts)
      ok = ok && (part.empty() || EVP_MAC_update(ctx_.get(), part.data(), part.size()) == 1);
    size_t written = 0;
    Keep(ok && EVP_MAC_final(ctx_.get(), out.data(), &written, out.size()) == 1 && written == out.size());
    if (ctx_ == nullptr) out.clear();
    return out;
  }

 private:
  void Keep(bool ok) {
    if (ok) return;
    ctx_ = nullptr;
    ERR_clear_error();
  }
  Spare<MacCtx>& spare_;
  MacCtx ctx_;  // none after a failure
  size_t size_;
  bool fresh_ = true;
};

MacCtx PrepareMac(EVP_MAC* mac, const char* parameter, const char* value) {
  MacCtx ctx(mac == nullptr ? nullptr : EVP_MAC_CTX_new(mac));
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(parameter, const_cast<char*>(value), 0),
                               OSSL_PARAM_construct_end()};
  if (ctx == nullptr || EVP_MAC_CTX_set_params(ctx.get(), params) != 1) return nullptr;
  return ctx;
}

}  // namespace

HashEngine::HashEngine() {
  constexpr const char* kNames[] = {"MD5", "SHA1", "SHA256", "SHA384", "SHA512"};
  static_assert(std::size(kNames) == static_cast<size_t>(Digest::kCount));
  const Mac hmac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  for (size_t i = 0; i < rows_.size(); ++i) {
    Row& row = rows_[i];
    row.md.reset(EVP_MD_fetch(nullptr, kNames[i], nullptr));
    if (row.md == nullptr || hmac == nullptr) continue;  // e.g. MD5 in a FIPS set-up
    row.size = static_cast<size_t>(EVP_MD_get_size(row.md.get()));
    row.hmac = PrepareMac(hmac.get(), OSSL_MAC_PARAM_DIGEST, kNames[i]);
  }
  const Mac cmac(EVP_MAC_fetch(nullptr, "CMAC", nullptr));
  cmac_ = PrepareMac(cmac.get(), OSSL_MAC_PARAM_CIPHER, "AES-128-CBC");
  // OpenSSL 3.0 copies no CMAC context that never had a key.
  constexpr uint8_t kAnyKey[kCmacSize] = {};
  if (cmac_ != nullptr && EVP_MAC_init(cmac_.get(), kAnyKey, sizeof(kAnyKey), nullptr) != 1) cmac_ = nullptr;
  ERR_clear_error();
}

SecretBytes HashEngine::Hmac(Digest d, BytesView key, Provider::Parts parts) const {
  const Row& row = rows_[Index(d)];
  if (row.hmac == nullptr) return {};
  return KeyedMac(row.hmac, row.spare, key, row.size).Compute(parts);
}

SecretBytes HashEngine::HmacChain(Digest d, BytesView key, BytesView seed, size_t size) const {
  const Row& row = rows_[Index(d)];
  if (row.hmac == nullptr) return {};
  KeyedMac mac(row.hmac, row.spare, key, row.size);
  return PrfPlusOf([&](Provider::Parts parts) { return mac.Compute(parts); }, row.size, seed, size);
}

SecretBytes HashEngine::Cmac(BytesView key, Provider::Parts parts) const {
  if (cmac_ == nullptr || key.size() != kCmacSize) return {};
  return KeyedMac(cmac_, cmac_spare_, key, kCmacSize).Compute(parts);
}

SecretBytes HashEngine::CmacChain(BytesView key, BytesView seed, size_t size) const {
  if (cmac_ == nullptr || key.size() != kCmacSize) return {};
  KeyedMac mac(cmac_, cmac_spare_, key, kCmacSize);
  return PrfPlusOf([&](Provider::Parts parts) { return mac.Compute(parts); }, kCmacSize, seed, size);
}

Bytes HashEngine::Hash(Digest d, Provider::Parts parts) const {
  const Row& row = rows_[Index(d)];
  if (row.md == nullptr) return {};
  const MdCtx ctx(EVP_MD_CTX_new());
  Bytes out(row.size);
  bool ok = ctx != nullptr && EVP_DigestInit_ex2(ctx.get(), row.md.get(), nullptr) == 1;
  for (BytesView part : parts) ok = ok && EVP_DigestUpdate(ctx.get(), part.data(), part.size()) == 1;
  ok = ok && EVP_DigestFinal_ex(ctx.get(), out.data(), nullptr) == 1;
  if (ok) return out;
  ERR_clear_error();
  return {};
}

}  // namespace flexvpn::crypto
