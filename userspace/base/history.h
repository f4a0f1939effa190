// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_BASE_HISTORY_H_
#define FLEXVPN_BASE_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

namespace flexvpn {

// The last `capacity` values, oldest first, and how many older ones were dropped for them.
template <class T>
class History {
 public:
  explicit History(size_t capacity) : capacity_(capacity) {}
  void Add(T value) {
    values_.push_back(std::move(value));
    if (values_.size() <= capacity_) return;
    values_.pop_front();
    ++dropped_;
  }
  // Drops the oldest if there is no room for them any more.
  void SetCapacity(size_t capacity) {
    capacity_ = capacity;
    for (; values_.size() > capacity_; ++dropped_) values_.pop_front();
  }
  const std::deque<T>& values() const { return values_; }
  size_t capacity() const { return capacity_; }
  uint64_t dropped() const { return dropped_; }

 private:
  size_t capacity_;
  std::deque<T> values_;
  uint64_t dropped_ = 0;
};

}  // namespace flexvpn

#endif  // FLEXVPN_BASE_HISTORY_H_
