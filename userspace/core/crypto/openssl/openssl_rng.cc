// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl_rng.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/secret.h"

namespace flexvpn::crypto {
namespace {

void Draw(std::span<uint8_t> out) {
  while (!out.empty()) {
    const size_t n = std::min<size_t>(out.size(), 1 << 20);  // RAND_bytes counts in int
    if (RAND_bytes(out.data(), static_cast<int>(n)) != 1) {
      std::fputs("flexvpn: the cryptographic random generator failed\n", stderr);
      std::abort();
    }
    out = out.subspan(n);
  }
}

}  // namespace

OpensslRng::~OpensslRng() { WipeMemory(ahead_.data(), ahead_.size()); }

void OpensslRng::Fill(std::span<uint8_t> out) {
  if (out.size() > ahead_.size() / 2) return Draw(out);
  if (out.size() > left_) {
    Draw(ahead_);
    left_ = ahead_.size();
  }
  const std::span<uint8_t> next = std::span(ahead_).subspan(ahead_.size() - left_, out.size());
  std::copy(next.begin(), next.end(), out.begin());
  WipeMemory(next.data(), next.size());
  left_ -= out.size();
}

}  // namespace flexvpn::crypto
