// SPDX-License-Identifier: Apache-2.0
// The way of marked packets of this machine into one device: a rule by firewall mark and a table with one route.
#ifndef FLEXVPN_OS_NETLINK_MARK_ROUTE_H_
#define FLEXVPN_OS_NETLINK_MARK_ROUTE_H_

#include <cstdint>

#include "os/netlink/message.h"

namespace flexvpn::os::netlink {

// IPv4.  What this machine sends itself and carries `mark` (all of its bits) takes the routes of `table`.
struct MarkRule {
  uint32_t mark = 0;
  uint32_t table = 0;
  uint32_t priority = 0;
};
Message PutMarkRule(const MarkRule& rule);     // fails with EEXIST if it is there
Message DeleteMarkRule(const MarkRule& rule);  // ENOENT if not

// The default route of `table`, by the device; replaces another one.  Goes with the device.
Message PutMarkRoute(int index, uint32_t table);

// The device takes packets from any source that has some route (rp_filter 2): the larger of this and `all` counts.
Message SetLooseSources(int index);

}  // namespace flexvpn::os::netlink

#endif  // FLEXVPN_OS_NETLINK_MARK_ROUTE_H_
