// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_TESTS_UNIT_OS_NETLINK_GOLDEN_H_
#define FLEXVPN_TESTS_UNIT_OS_NETLINK_GOLDEN_H_

#include <string>

#include "os/netlink/message.h"

namespace flexvpn::os::netlink {

// Octets written with blanks between them, and those of a message, in the same form.
inline std::string Golden(absl::string_view hex) { return ToHex(FromHex(hex)); }
inline std::string Hex(const Message& m) { return ToHex(m.bytes()); }

}  // namespace flexvpn::os::netlink

#endif  // FLEXVPN_TESTS_UNIT_OS_NETLINK_GOLDEN_H_
