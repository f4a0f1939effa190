// SPDX-License-Identifier: Apache-2.0
// Deadlines of the endpoint's records, ordered so that the earliest is at hand.
#ifndef FLEXVPN_CORE_NHRP_TIMERS_H_
#define FLEXVPN_CORE_NHRP_TIMERS_H_

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/time.h"

namespace flexvpn::nhrp {

// One deadline a key; setting it again moves it.
template <class Key>
class Timers {
 public:
  void Set(const Key& key, Instant when) {
    Erase(key);
    when_.emplace(key, when);
    order_.emplace(when, key);
  }
  void Erase(const Key& key) {
    auto it = when_.find(key);
    if (it == when_.end()) return;
    order_.erase({it->second, key});
    when_.erase(it);
  }
  std::optional<Instant> Next() const {
    if (order_.empty()) return std::nullopt;
    return order_.begin()->first;
  }
  // Removes and returns the earliest key that is due.
  std::optional<Key> PopDue(Instant now) {
    if (order_.empty() || order_.begin()->first > now) return std::nullopt;
    Key key = order_.begin()->second;
    Erase(key);
    return key;
  }

 private:
  std::map<Key, Instant> when_;
  std::set<std::pair<Instant, Key>> order_;
};

}  // namespace flexvpn::nhrp

#endif  // FLEXVPN_CORE_NHRP_TIMERS_H_
