// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_BASE_COUNTERS_H_
#define FLEXVPN_BASE_COUNTERS_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace flexvpn {

// Named counters of one component, e.g. drops by reason.  Names are literals of the component, never from a
// peer, so the set is bounded.
class Counters {
 public:
  void Add(absl::string_view name, uint64_t n = 1) {
    auto it = values_.find(name);
    if (it == values_.end()) it = values_.emplace(std::string(name), 0).first;
    it->second += n;
  }
  uint64_t Get(absl::string_view name) const {
    auto it = values_.find(name);
    return it == values_.end() ? 0 : it->second;
  }
  const std::map<std::string, uint64_t, std::less<>>& all() const { return values_; }
  void Clear() { values_.clear(); }

 private:
  std::map<std::string, uint64_t, std::less<>> values_;
};

}  // namespace flexvpn

#endif  // FLEXVPN_BASE_COUNTERS_H_
