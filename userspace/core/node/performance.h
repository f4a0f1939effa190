// SPDX-License-Identifier: Apache-2.0
// `show crypto ikev2 performance`: rates and times of what the node handles.  A fixed size; time comes with each event.
#ifndef FLEXVPN_CORE_NODE_PERFORMANCE_H_
#define FLEXVPN_CORE_NODE_PERFORMANCE_H_

#include <array>
#include <cstdint>
#include <map>

#include "base/bytes.h"
#include "base/time.h"
#include "core/crypto/provider.h"

namespace flexvpn::node {

// Least, greatest and mean of numbers.
struct Spread {
  uint64_t samples = 0, sum = 0, least = 0, greatest = 0;
  void Add(uint64_t value);
  uint64_t mean() const { return samples == 0 ? 0 : (sum + samples / 2) / samples; }
};

// Events a second.  A sample is a second in which something happened; the present one is not over and not counted.
class RateMeter {
 public:
  void Add(Instant now);
  Spread Read(Instant now) const;

 private:
  int64_t second_ = 0;
  uint64_t count_ = 0;  // in that second
  Spread done_;
};

class Performance {
 public:
  enum Packet : uint8_t { kAll, kInit, kAuth, kChild, kInfo, kOther, kPacketKinds };
  struct Established {  // a second
    RateMeter ike, ipsec_child, ike_child;  // IKE SAs, Child SAs, IKE SAs made by a rekey
  };
  // A datagram was taken up now that the socket gave at `received` (Instant{}: not known).
  void OnDatagram(BytesView bytes, Instant received, Instant now);
  void OnJobStarted(crypto::JobId id, Instant now);
  void OnJobDone(crypto::JobId id, Instant now);

  Established& established(bool ours) { return ours ? out_ : in_; }
  const Established& established(bool ours) const { return ours ? out_ : in_; }
  const RateMeter& packets(Packet kind) const { return packets_[kind]; }
  const Spread& queue() const { return queue_; }   // milliseconds
  const Spread& jobs() const { return jobs_; }     // milliseconds, waiting for a worker included
  void Clear();

 private:
  static constexpr size_t kMaxJobs = 16384;  // timed at once; others are not
  Established in_, out_;
  std::array<RateMeter, kPacketKinds> packets_;
  Spread queue_, jobs_;
  std::map<crypto::JobId, Instant> running_;
};

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_PERFORMANCE_H_
