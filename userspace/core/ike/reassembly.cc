// SPDX-License-Identifier: Apache-2.0
#include "core/ike/reassembly.h"

#include <utility>

namespace flexvpn::ike {
namespace {

constexpr size_t kFragmentCharge = 96;  // what the bookkeeping of one fragment costs, about

}  // namespace

bool ReassemblyMemory::Take(size_t octets, bool half_open) {
  const size_t limit = half_open ? limit_ / 2 : limit_;
  if (octets > limit || used_ > limit - octets) return false;
  used_ += octets;
  return true;
}

Reassembly::~Reassembly() { memory_.Give(charged_); }

void Reassembly::Erase(std::map<Key, Partial>::iterator it) {
  memory_.Give(it->second.charged);
  charged_ -= it->second.charged;
  partial_.erase(it);
}

const char* Reassembly::Refuse(const Header& header, const FragmentHeader& fragment) const {
  const auto it = partial_.find(KeyOf(header));
  if (it == partial_.end())
    return partial_.size() >= kMaxPartialMessages ? "drop: too many messages in fragments at a time" : nullptr;
  const Partial& p = it->second;
  if (p.exchange != header.exchange) return "drop: fragment of another exchange";
  if (fragment.total < p.total) return "drop: fragment of a coarser division";
  if (fragment.total == p.total && p.parts.contains(fragment.number)) return "drop: repeated fragment";
  return nullptr;
}

Reassembly::Outcome Reassembly::Add(const Header& header, const FragmentHeader& fragment, SecretBytes content,
                                    uint64_t fingerprint, bool half_open, Instant now) {
  const Key key = KeyOf(header);
  auto it = partial_.find(key);
  if (it != partial_.end() && fragment.total > it->second.total) {
    Erase(it);
    it = partial_.end();
  }
  const size_t charge = content.size() + kFragmentCharge;
  if (charge + charged_ > (half_open ? kMaxHalfOpenOctets : kMaxPartialOctets))
    return {"drop: fragments of one IKE SA take too much memory", {}};
  if (it != partial_.end() && it->second.octets + content.size() > kMaxFragmentedSize)
    return {"drop: fragmented message too long", {}};
  if (!memory_.Take(charge, half_open)) return {"drop: memory for fragments is used up", {}};
  Partial& p = it != partial_.end() ? it->second : partial_[key];
  p.exchange = header.exchange;
  p.total = fragment.total;
  p.octets += content.size();
  p.charged += charge;
  charged_ += charge;
  p.deadline = now + kReassemblyTimeout;
  if (fragment.number == 1) p.first_type = fragment.first_type, p.first_fingerprint = fingerprint;
  p.parts.emplace(fragment.number, std::move(content));
  if (p.parts.size() < p.total) return {};
  Whole whole{{p.first_type, {}}, p.first_fingerprint};
  whole.plain.octets.reserve(p.octets);
  for (const auto& [number, part] : p.parts) whole.plain.octets.insert(whole.plain.octets.end(), part.begin(), part.end());
  Forget(key);
  return {nullptr, std::move(whole)};
}

void Reassembly::Forget(const Key& key) {
  if (auto it = partial_.find(key); it != partial_.end()) Erase(it);
}

std::optional<Instant> Reassembly::NextDeadline() const {
  std::optional<Instant> next;
  for (const auto& [key, p] : partial_) next = Earlier(next, p.deadline);
  return next;
}

size_t Reassembly::Expire(Instant now) {
  size_t expired = 0;
  for (auto it = partial_.begin(); it != partial_.end();) {
    const auto next = std::next(it);
    if (it->second.deadline <= now) Erase(it), ++expired;
    it = next;
  }
  return expired;
}

}  // namespace flexvpn::ike
