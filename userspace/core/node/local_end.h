// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_NODE_LOCAL_END_H_
#define FLEXVPN_CORE_NODE_LOCAL_END_H_

#include <string>
#include <utility>
#include <vector>

#include "core/net/ip.h"

namespace flexvpn::node {

// Our end of an IKE message, as `match address local` and `match fvrf` see it.
struct LocalEnd {
  net::IpAddress address;
  std::string fvrf;  // name of the VRF the message came by; "" = global
  std::vector<std::string> interfaces = {};  // those that `match address local interface` names and that have it now
  LocalEnd(const net::IpAddress& a, std::string v = "") : address(a), fvrf(std::move(v)) {}  // implicit: the global VRF
};

// Whether an object with these `match address local` and `match address local interface` (neither = every address) and
// `match fvrf` ("" = global, "any") is for messages to `local`.
bool Fits(const std::vector<net::IpAddress>& addresses, const std::vector<std::string>& interfaces,
          const std::string& match_fvrf, const LocalEnd& local);

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_LOCAL_END_H_
