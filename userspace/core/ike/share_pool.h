// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_IKE_SHARE_POOL_H_
#define FLEXVPN_CORE_IKE_SHARE_POOL_H_

#include <array>
#include <memory>
#include <utility>

namespace flexvpn::ike {

// Thousands of sessions hold few different policies: those equal to one of the last few share its memory.  Holds
// nothing alive by itself, so a secret goes with the last session that uses it.
template <class T>
class SharePool {
 public:
  std::shared_ptr<const T> Share(T value) {
    for (const std::weak_ptr<const T>& w : recent_)
      if (auto have = w.lock(); have != nullptr && *have == value) return have;
    auto fresh = std::make_shared<const T>(std::move(value));
    recent_[next_++ % recent_.size()] = fresh;
    return fresh;
  }

 private:
  std::array<std::weak_ptr<const T>, 8> recent_;
  size_t next_ = 0;
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_SHARE_POOL_H_
