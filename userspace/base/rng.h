// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_BASE_RNG_H_
#define FLEXVPN_BASE_RNG_H_

#include <cstdint>

#include "base/bytes.h"

namespace flexvpn {

// The only source of randomness of core/: the daemon passes a cryptographic one, a test a seeded one.
class Rng {
 public:
  virtual ~Rng() = default;
  virtual void Fill(std::span<uint8_t> out) = 0;

  Bytes Take(size_t n) {
    Bytes out(n);
    Fill(out);
    return out;
  }
  uint64_t U64() {
    uint8_t b[8];
    Fill(b);
    return ByteReader(b).U64();
  }
  uint32_t U32() { return static_cast<uint32_t>(U64()); }
  // Uniform in [0, bound); 0 if bound is 0.  The modulo bias is below 2^-32 for bounds of 32 bits.
  uint64_t Below(uint64_t bound) { return bound == 0 ? 0 : U64() % bound; }
};

// Deterministic generator for tests and simulation (SplitMix64).  Never used for keys of a real router.
class SeededRng : public Rng {
 public:
  explicit SeededRng(uint64_t seed) : state_(seed) {}
  void Fill(std::span<uint8_t> out) override {
    for (size_t i = 0; i < out.size(); i += 8) {
      uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
      z ^= z >> 31;
      for (size_t j = i; j < out.size() && j < i + 8; ++j, z >>= 8) out[j] = static_cast<uint8_t>(z);
    }
  }

 private:
  uint64_t state_;
};

}  // namespace flexvpn

#endif  // FLEXVPN_BASE_RNG_H_
