// SPDX-License-Identifier: Apache-2.0
#include "core/node/performance.h"

#include <algorithm>

#include "core/ike/codec/message.h"

namespace flexvpn::node {
namespace {

Performance::Packet KindOf(BytesView bytes) {
  constexpr size_t kExchange = 18;  // offset in the header, RFC 7296 §3.1
  if (bytes.size() <= kExchange) return Performance::kOther;
  switch (static_cast<ike::ExchangeType>(bytes[kExchange])) {
    case ike::ExchangeType::kIkeSaInit: return Performance::kInit;
    case ike::ExchangeType::kIkeAuth: return Performance::kAuth;
    case ike::ExchangeType::kCreateChildSa: return Performance::kChild;
    case ike::ExchangeType::kInformational: return Performance::kInfo;
    default: return Performance::kOther;
  }
}

uint64_t Milliseconds(Duration d) {
  return static_cast<uint64_t>(std::max<int64_t>(0, std::chrono::duration_cast<milliseconds>(d).count()));
}

}  // namespace

void Spread::Add(uint64_t value) {
  least = samples == 0 ? value : std::min(least, value);
  greatest = std::max(greatest, value);
  sum += value;
  ++samples;
}

void RateMeter::Add(Instant now) {
  const int64_t second = WholeSeconds(now.time_since_epoch());
  if (second != second_) {
    if (count_ != 0) done_.Add(count_);
    second_ = second;
    count_ = 0;
  }
  ++count_;
}

Spread RateMeter::Read(Instant now) const {
  Spread out = done_;
  if (count_ != 0 && WholeSeconds(now.time_since_epoch()) != second_) out.Add(count_);
  return out;
}

void Performance::OnDatagram(BytesView bytes, Instant received, Instant now) {
  packets_[kAll].Add(now);
  packets_[KindOf(bytes)].Add(now);
  if (received != Instant{}) queue_.Add(Milliseconds(now - received));
}

void Performance::OnJobStarted(crypto::JobId id, Instant now) {
  if (running_.size() < kMaxJobs) running_.emplace(id, now);
}

void Performance::OnJobDone(crypto::JobId id, Instant now) {
  const auto it = running_.find(id);
  if (it == running_.end()) return;
  jobs_.Add(Milliseconds(now - it->second));
  running_.erase(it);
}

void Performance::Clear() {
  in_ = out_ = {};
  packets_ = {};
  queue_ = jobs_ = {};
}

}  // namespace flexvpn::node
