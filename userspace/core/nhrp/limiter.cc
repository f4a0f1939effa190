// SPDX-License-Identifier: Apache-2.0
#include "core/nhrp/limiter.h"

#include <algorithm>

namespace flexvpn::nhrp {

TokenBucket::TokenBucket(uint32_t rate, uint32_t burst)
    : interval_(Duration(seconds(1)) / std::max(rate, 1u)), capacity_(interval_ * std::max(burst, 1u)) {}

bool TokenBucket::Take(Instant now) {
  Instant oldest = now - capacity_;
  if (!empty_at_ || *empty_at_ < oldest) empty_at_ = oldest;
  if (now - *empty_at_ < interval_) return false;
  *empty_at_ += interval_;
  return true;
}

RedirectLimiter::RedirectLimiter(size_t capacity, uint32_t rate, uint32_t burst)
    : capacity_(std::max<size_t>(capacity, 1)), total_(rate, burst) {}

RedirectLimiter::Verdict RedirectLimiter::Check(net::PeerId peer, const net::IpAddress& destination,
                                                Duration interval, Instant now) {
  Key key{peer, destination};
  auto it = index_.find(key);
  if (it != index_.end() && now - it->second->when < interval) return Verdict::kTooSoon;
  if (!total_.Take(now)) return Verdict::kTotalRate;
  if (it != index_.end()) {
    it->second->when = now;
    order_.splice(order_.end(), order_, it->second);
    return Verdict::kSend;
  }
  if (index_.size() >= capacity_) {
    index_.erase(order_.front().key);
    order_.pop_front();
  }
  order_.push_back({key, now});
  index_.emplace(key, std::prev(order_.end()));
  return Verdict::kSend;
}

void RedirectLimiter::Forget(net::PeerId peer) {
  auto it = index_.lower_bound({peer, net::IpAddress()});
  while (it != index_.end() && it->first.first == peer) {
    order_.erase(it->second);
    it = index_.erase(it);
  }
}

void RedirectLimiter::Clear() {
  index_.clear();
  order_.clear();
}

}  // namespace flexvpn::nhrp
