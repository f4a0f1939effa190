// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_PRF_PLUS_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_PRF_PLUS_H_

#include "core/crypto/provider.h"

namespace flexvpn::crypto {

// prf+ of RFC 7296 §2.13: `size` octets.  `prf`: function (Provider::Parts) -> SecretBytes of `block_size` octets under one key.
// Empty when that fails, and for more than 255 blocks.
template <class Function>
SecretBytes PrfPlusOf(Function prf, size_t block_size, BytesView seed, size_t size) {
  if (block_size == 0 || size > 255 * block_size) return {};
  SecretBytes out, block;
  out.reserve(size + block_size);
  for (uint8_t n = 1; out.size() < size; ++n) {
    const BytesView parts[] = {block, seed, BytesView(&n, 1)};
    block = prf(parts);
    if (block.empty()) return {};
    out.insert(out.end(), block.begin(), block.end());
  }
  out.resize(size);
  return out;
}

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_PRF_PLUS_H_
