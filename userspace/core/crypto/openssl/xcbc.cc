// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl/xcbc.h"

#include <openssl/err.h>

#include <limits>

#include "core/crypto/openssl/prf_plus.h"

namespace flexvpn::crypto {

XcbcEngine::XcbcEngine() : cbc_(EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr)) { ERR_clear_error(); }

SecretBytes XcbcEngine::EncryptCbc(BytesView key, BytesView plain) const {
  constexpr uint8_t kZeroIv[kSize] = {};
  const CipherCtx ctx(EVP_CIPHER_CTX_new());
  SecretBytes out(plain.size());
  int written = 0;
  if (ctx != nullptr && plain.size() <= static_cast<size_t>(std::numeric_limits<int>::max()) &&
      EVP_EncryptInit_ex2(ctx.get(), cbc_.get(), key.data(), kZeroIv, nullptr) == 1 &&
      EVP_CIPHER_CTX_set_padding(ctx.get(), 0) == 1 &&
      EVP_EncryptUpdate(ctx.get(), out.data(), &written, plain.data(), static_cast<int>(plain.size())) == 1 &&
      static_cast<size_t>(written) == plain.size())
    return out;
  ERR_clear_error();
  return {};
}

// RFC 3566 §4.1
SecretBytes XcbcEngine::Mac(BytesView key, Provider::Parts parts) const {
  if (!Supported() || key.size() != kSize) return {};
  const auto subkey = [&](uint8_t octet) { return EncryptCbc(key, Bytes(kSize, octet)); };
  SecretBytes message;
  for (BytesView part : parts) message.insert(message.end(), part.begin(), part.end());
  const bool whole = !message.empty() && message.size() % kSize == 0;
  if (!whole) {
    message.push_back(0x80);
    message.resize((message.size() + kSize - 1) / kSize * kSize);
  }
  const SecretBytes k1 = subkey(1), mask = subkey(whole ? 2 : 3);
  if (k1.empty() || mask.empty()) return {};
  for (size_t i = 0; i < kSize; ++i) message[message.size() - kSize + i] ^= mask[i];
  const SecretBytes chain = EncryptCbc(k1, message);
  return chain.empty() ? SecretBytes{} : SecretBytes(chain.end() - kSize, chain.end());
}

SecretBytes XcbcEngine::Chain(BytesView key, BytesView seed, size_t size) const {
  return PrfPlusOf([&](Provider::Parts parts) { return Mac(key, parts); }, kSize, seed, size);
}

SecretBytes XcbcEngine::PrfKey(BytesView key) const {
  constexpr uint8_t kZeroKey[kSize] = {};
  const BytesView parts[] = {key};
  if (key.size() > kSize) return Mac(kZeroKey, parts);
  SecretBytes padded = ToSecret(key);
  padded.resize(kSize);
  return padded;
}

}  // namespace flexvpn::crypto
