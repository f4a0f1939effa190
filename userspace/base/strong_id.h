// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_BASE_STRONG_ID_H_
#define FLEXVPN_BASE_STRONG_ID_H_

#include <compare>
#include <utility>

namespace flexvpn {

// An integer the compiler tells apart from every other integer.  Default is 0, which most ids use for "none".
template <class Tag, class Rep>
class StrongId {
 public:
  using rep = Rep;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : v_(v) {}
  constexpr Rep value() const { return v_; }
  constexpr explicit operator bool() const { return v_ != Rep{}; }
  friend constexpr auto operator<=>(StrongId, StrongId) = default;
  template <class H>
  friend H AbslHashValue(H h, StrongId id) {
    return H::combine(std::move(h), id.v_);
  }

 private:
  Rep v_{};
};

}  // namespace flexvpn

#endif  // FLEXVPN_BASE_STRONG_ID_H_
