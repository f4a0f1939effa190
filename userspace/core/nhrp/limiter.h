// SPDX-License-Identifier: Apache-2.0
// Rates of what the endpoint sends unasked: traffic indications and error indications.
#ifndef FLEXVPN_CORE_NHRP_LIMITER_H_
#define FLEXVPN_CORE_NHRP_LIMITER_H_

#include <cstdint>
#include <list>
#include <map>
#include <utility>

#include "base/time.h"
#include "core/net/ip.h"
#include "core/net/peer_id.h"

namespace flexvpn::nhrp {

// `rate` tokens a second, at most `burst` saved up; full at first.
class TokenBucket {
 public:
  TokenBucket(uint32_t rate, uint32_t burst);
  bool Take(Instant now);

 private:
  Duration interval_;                // one token
  Duration capacity_;                // burst, as time
  std::optional<Instant> empty_at_;  // instant at which the bucket would have been empty; level = now - this
};

// At most one traffic indication per (ingress peer, destination) and interval, and a total rate.  Remembers a
// bounded number of pairs; the least recently sent goes first.
class RedirectLimiter {
 public:
  enum class Verdict : uint8_t { kSend, kTooSoon, kTotalRate };
  RedirectLimiter(size_t capacity, uint32_t rate, uint32_t burst);
  Verdict Check(net::PeerId peer, const net::IpAddress& destination, Duration interval, Instant now);
  void Forget(net::PeerId peer);
  void Clear();
  size_t size() const { return index_.size(); }

 private:
  using Key = std::pair<net::PeerId, net::IpAddress>;
  struct Sent {
    Key key;
    Instant when;
  };
  size_t capacity_;
  TokenBucket total_;
  std::list<Sent> order_;  // oldest first
  std::map<Key, std::list<Sent>::iterator> index_;
};

}  // namespace flexvpn::nhrp

#endif  // FLEXVPN_CORE_NHRP_LIMITER_H_
