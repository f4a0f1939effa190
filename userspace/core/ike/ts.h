// SPDX-License-Identifier: Apache-2.0
// Traffic selectors: policy to wire, narrowing (RFC 7296 §2.9) and transport mode behind NAT (§2.23.1).
#ifndef FLEXVPN_CORE_IKE_TS_H_
#define FLEXVPN_CORE_IKE_TS_H_

#include <vector>

#include "core/ike/endpoint.h"

namespace flexvpn::ike {

inline constexpr size_t kMaxSelectors = 64;  // of one side

// Selectors of policy with `dynamic` replaced by `own`; an empty `own` stands for any address of both families'
// IPv4 (asked before an internal address is known).
std::vector<TrafficSelector> ExpandTs(const std::vector<TsPolicy>& policy, const net::IpAddress& own);

std::optional<TrafficSelector> IntersectTs(const TrafficSelector& a, const TrafficSelector& b);
// Every non-empty intersection, without duplicates, at most 64.
std::vector<TrafficSelector> NarrowTs(const std::vector<TrafficSelector>& policy,
                                      const std::vector<TrafficSelector>& proposed);
// Whether each of `inner` lies in one of `outer`; false for an empty `inner`.
bool WithinTs(const std::vector<TrafficSelector>& inner, const std::vector<TrafficSelector>& outer);

// §2.23.1, responder in transport mode: single addresses as the peer sees them -> as we see them, and back.
class TsNatMap {
 public:
  // Replaces the address of single-address selectors by `seen`; remembers the first one replaced.
  void Apply(std::vector<TrafficSelector>& ts, const net::IpAddress& seen);
  void Undo(std::vector<TrafficSelector>& ts) const;

 private:
  net::IpAddress original_, seen_;
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_TS_H_
