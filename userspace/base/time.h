// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_BASE_TIME_H_
#define FLEXVPN_BASE_TIME_H_

#include <chrono>
#include <optional>

namespace flexvpn {

using Duration = std::chrono::nanoseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Monotonic time as a value: there is no now() here, so core code can be told the time but cannot read it.
struct NodeClock {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  static constexpr bool is_steady = true;
};
using Instant = std::chrono::time_point<NodeClock, Duration>;

// The earlier of two deadlines; nullopt means "none".
inline std::optional<Instant> Earlier(std::optional<Instant> a, std::optional<Instant> b) {
  if (!a) return b;
  if (!b) return a;
  return *a < *b ? a : b;
}

// Whole seconds, rounded down; what show commands and wire formats with second resolution print.
inline int64_t WholeSeconds(Duration d) { return std::chrono::duration_cast<seconds>(d).count(); }

}  // namespace flexvpn

#endif  // FLEXVPN_BASE_TIME_H_
