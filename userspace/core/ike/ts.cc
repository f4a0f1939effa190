// SPDX-License-Identifier: Apache-2.0
#include "core/ike/ts.h"

#include <algorithm>

namespace flexvpn::ike {
namespace {

TrafficSelector FromPrefix(uint8_t protocol, const net::Prefix& prefix) {
  TrafficSelector ts;
  ts.protocol = protocol;
  ts.start = prefix.First();
  ts.end = prefix.Last();
  return ts;
}

bool IsHost(const TrafficSelector& ts) { return !ts.start.empty() && ts.start == ts.end; }

}  // namespace

std::vector<TrafficSelector> ExpandTs(const std::vector<TsPolicy>& policy, const net::IpAddress& own) {
  std::vector<TrafficSelector> out;
  for (const TsPolicy& p : policy) {
    if (!p.dynamic) {
      if (p.prefix.family() != net::Family::kNone) out.push_back(FromPrefix(p.protocol, p.prefix));
      continue;
    }
    const net::Prefix prefix = own.empty() ? net::Prefix::Default(net::Family::kIpv4) : net::Prefix::Host(own);
    out.push_back(FromPrefix(p.protocol, prefix));
  }
  if (out.size() > kMaxSelectors) out.resize(kMaxSelectors);
  return out;
}

std::optional<TrafficSelector> IntersectTs(const TrafficSelector& a, const TrafficSelector& b) {
  if (a.start.family() != b.start.family() || a.start.empty()) return std::nullopt;
  if (a.protocol != 0 && b.protocol != 0 && a.protocol != b.protocol) return std::nullopt;
  TrafficSelector ts;
  ts.protocol = a.protocol != 0 ? a.protocol : b.protocol;
  ts.start_port = std::max(a.start_port, b.start_port);
  ts.end_port = std::min(a.end_port, b.end_port);
  ts.start = std::max(a.start, b.start);
  ts.end = std::min(a.end, b.end);
  if (ts.start_port > ts.end_port || ts.start > ts.end) return std::nullopt;
  return ts;
}

std::vector<TrafficSelector> NarrowTs(const std::vector<TrafficSelector>& policy,
                                      const std::vector<TrafficSelector>& proposed) {
  std::vector<TrafficSelector> out;
  for (const TrafficSelector& p : policy) {
    for (const TrafficSelector& q : proposed) {
      auto both = IntersectTs(p, q);
      if (!both || std::find(out.begin(), out.end(), *both) != out.end()) continue;
      out.push_back(*both);
      if (out.size() == kMaxSelectors) return out;
    }
  }
  return out;
}

bool WithinTs(const std::vector<TrafficSelector>& inner, const std::vector<TrafficSelector>& outer) {
  if (inner.empty()) return false;
  return std::all_of(inner.begin(), inner.end(), [&](const TrafficSelector& i) {
    return std::any_of(outer.begin(), outer.end(), [&](const TrafficSelector& o) { return IntersectTs(i, o) == i; });
  });
}

void TsNatMap::Apply(std::vector<TrafficSelector>& ts, const net::IpAddress& seen) {
  seen_ = seen;
  for (TrafficSelector& t : ts) {
    if (!IsHost(t) || t.start.family() != seen.family()) continue;
    if (original_.empty()) original_ = t.start;
    if (t.start == original_) t.start = t.end = seen;
  }
}

void TsNatMap::Undo(std::vector<TrafficSelector>& ts) const {
  if (original_.empty()) return;
  for (TrafficSelector& t : ts)
    if (IsHost(t) && t.start == seen_) t.start = t.end = original_;
}

}  // namespace flexvpn::ike
