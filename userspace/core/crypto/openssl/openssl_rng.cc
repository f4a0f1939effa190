// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl_rng.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace flexvpn::crypto {

void OpensslRng::Fill(std::span<uint8_t> out) {
  while (!out.empty()) {
    const size_t n = std::min<size_t>(out.size(), 1 << 20);  // RAND_bytes counts in int
    if (RAND_bytes(out.data(), static_cast<int>(n)) != 1) {
      std::fputs("flexvpn: the cryptographic random generator failed\n", stderr);
      std::abort();
    }
    out = out.subspan(n);
  }
}

}  // namespace flexvpn::crypto
