// SPDX-License-Identifier: Apache-2.0
// FNV-1a: the same in every process and build, unlike absl::Hash.
#ifndef FLEXVPN_TESTS_SIM_IKE_DIGEST_H_
#define FLEXVPN_TESTS_SIM_IKE_DIGEST_H_

#include <cstdint>

#include "base/bytes.h"

namespace flexvpn::ike::sim {

class Digest {
 public:
  Digest& Add(BytesView bytes) {
    for (uint8_t b : bytes) value_ = (value_ ^ b) * 1099511628211ULL;
    return *this;
  }
  Digest& Add(uint64_t v) {
    for (int i = 0; i < 8; ++i, v >>= 8) value_ = (value_ ^ (v & 0xff)) * 1099511628211ULL;
    return *this;
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 1469598103934665603ULL;
};

}  // namespace flexvpn::ike::sim

#endif  // FLEXVPN_TESTS_SIM_IKE_DIGEST_H_
