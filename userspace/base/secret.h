// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_BASE_SECRET_H_
#define FLEXVPN_BASE_SECRET_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace flexvpn {

// Overwrites memory in a way the compiler may not remove.
void WipeMemory(void* data, size_t size);

// Allocator that wipes what it gives back.
template <class T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <class U>
  WipingAllocator(const WipingAllocator<U>&) {}  // NOLINT(google-explicit-constructor): allocator requirement
  T* allocate(size_t n) { return std::allocator<T>().allocate(n); }
  void deallocate(T* p, size_t n) {
    WipeMemory(p, n * sizeof(T));
    std::allocator<T>().deallocate(p, n);
  }
  friend bool operator==(WipingAllocator, WipingAllocator) { return true; }
};

// Key material and passwords: wiped when freed or reallocated.  Has no printer on purpose.  Comparison in
// constant time is crypto::ConstantTimeEqual.
using SecretBytes = std::vector<uint8_t, WipingAllocator<uint8_t>>;

inline SecretBytes ToSecret(BytesView v) { return {v.begin(), v.end()}; }

}  // namespace flexvpn

#endif  // FLEXVPN_BASE_SECRET_H_
