// SPDX-License-Identifier: Apache-2.0
// What an interface of the overlay has: an IPv4 address, an IPv6 address, or both.
#ifndef FLEXVPN_CORE_NET_DUAL_ADDRESS_H_
#define FLEXVPN_CORE_NET_DUAL_ADDRESS_H_

#include "core/net/ip.h"

namespace flexvpn::net {

class DualAddress {
 public:
  DualAddress() = default;
  DualAddress(const IpAddress& a) { Set(a); }  // NOLINT: an address alone is one of these
  DualAddress(const IpAddress& a, const IpAddress& b) {
    Set(a);
    Set(b);
  }
  // Empty if there is none of `family`.
  const IpAddress& Of(Family family) const { return family == Family::kIpv6 ? v6_ : v4_; }
  const IpAddress& v4() const { return v4_; }
  const IpAddress& v6() const { return v6_; }
  // In place of that of its family; an empty address changes nothing.
  void Set(const IpAddress& a) {
    if (!a.empty()) (a.is_v6() ? v6_ : v4_) = a;
  }
  void Clear(Family family) { (family == Family::kIpv6 ? v6_ : v4_) = {}; }
  bool Has(const IpAddress& a) const { return !a.empty() && Of(a.family()) == a; }
  bool empty() const { return v4_.empty() && v6_.empty(); }
  friend bool operator==(const DualAddress&, const DualAddress&) = default;

 private:
  IpAddress v4_, v6_;
};

}  // namespace flexvpn::net

#endif  // FLEXVPN_CORE_NET_DUAL_ADDRESS_H_
