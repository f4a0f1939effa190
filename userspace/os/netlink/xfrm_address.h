// SPDX-License-Identifier: Apache-2.0
// Helpers shared by the XFRM builders and parsers.
#ifndef FLEXVPN_OS_NETLINK_XFRM_ADDRESS_H_
#define FLEXVPN_OS_NETLINK_XFRM_ADDRESS_H_

#include <linux/xfrm.h>

#include <cstring>

#include "core/net/ip.h"
#include "os/netlink/message.h"

namespace flexvpn::os::netlink {

inline xfrm_address_t ToXfrm(const net::IpAddress& ip) {
  xfrm_address_t out{};
  std::memcpy(&out, ip.raw().data(), sizeof(out));
  return out;
}

inline net::IpAddress FromXfrm(const xfrm_address_t& a, int address_family) {
  const auto* octets = reinterpret_cast<const uint8_t*>(&a);
  net::Family family = FamilyOf(address_family);
  if (family == net::Family::kNone) return {};
  return net::IpAddress::FromBytes({octets, family == net::Family::kIpv4 ? size_t{4} : size_t{16}});
}

inline xfrm_lifetime_cfg Unlimited() {
  xfrm_lifetime_cfg out{};
  out.soft_byte_limit = out.hard_byte_limit = out.soft_packet_limit = out.hard_packet_limit = XFRM_INF;
  return out;
}

}  // namespace flexvpn::os::netlink

#endif  // FLEXVPN_OS_NETLINK_XFRM_ADDRESS_H_
