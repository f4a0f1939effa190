// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl/hash.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

namespace flexvpn::crypto {

HashEngine::HashEngine() {
  constexpr const char* kNames[] = {"MD5", "SHA1", "SHA256", "SHA384", "SHA512"};
  static_assert(std::size(kNames) == static_cast<size_t>(Digest::kCount));
  const Mac hmac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  for (size_t i = 0; i < rows_.size(); ++i) {
    Row& row = rows_[i];
    row.md.reset(EVP_MD_fetch(nullptr, kNames[i], nullptr));
    if (row.md == nullptr || hmac == nullptr) continue;  // e.g. MD5 in a FIPS set-up
    row.size = static_cast<size_t>(EVP_MD_get_size(row.md.get()));
    MacCtx ctx(EVP_MAC_CTX_new(hmac.get()));
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(kNames[i]), 0),
        OSSL_PARAM_construct_end()};
    if (ctx != nullptr && EVP_MAC_CTX_set_params(ctx.get(), params) == 1) row.hmac = std::move(ctx);
  }
  ERR_clear_error();
}

SecretBytes HashEngine::Hmac(Digest d, BytesView key, Provider::Parts parts) const {
  const Row& row = rows_[Index(d)];
  if (row.hmac == nullptr) return {};
  MacCtx ctx = row.spare.Take();
  if (ctx == nullptr) ctx.reset(EVP_MAC_CTX_dup(row.hmac.get()));
  constexpr uint8_t kEmptyKey = 0;  // a null pointer would mean "no key yet"
  SecretBytes out(row.size);
  bool ok = ctx != nullptr &&
            EVP_MAC_init(ctx.get(), key.empty() ? &kEmptyKey : key.data(), key.size(), nullptr) == 1;
  for (BytesView part : parts) ok = ok && (part.empty() || EVP_MAC_update(ctx.get(), part.data(), part.size()) == 1);
  size_t size = 0;
  ok = ok && EVP_MAC_final(ctx.get(), out.data(), &size, out.size()) == 1 && size == out.size();
  if (ok) {
    row.spare.Give(std::move(ctx));
    return out;
  }
  ERR_clear_error();
  return {};
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
