// SPDX-License-Identifier: Apache-2.0
// At most so many events a second: for answers and log lines that strangers can provoke.
#ifndef FLEXVPN_CORE_IKE_THROTTLE_H_
#define FLEXVPN_CORE_IKE_THROTTLE_H_

#include <cstdint>

#include "base/time.h"

namespace flexvpn::ike {

class Throttle {
 public:
  explicit Throttle(uint32_t per_second) : per_second_(per_second) {}
  // Whether one more may happen now; counts it if so.
  bool Admit(Instant now) {
    if (since_ == Instant{} || now - since_ >= seconds(1)) since_ = now, used_ = 0;
    return used_ < per_second_ && ++used_ > 0;
  }

 private:
  uint32_t per_second_;
  uint32_t used_ = 0;
  Instant since_{};
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_THROTTLE_H_
