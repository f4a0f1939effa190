// SPDX-License-Identifier: Apache-2.0
// Short ways to say what nearly every test needs.
#ifndef FLEXVPN_TESTS_SUPPORT_VALUES_H_
#define FLEXVPN_TESTS_SUPPORT_VALUES_H_

#include "absl/strings/string_view.h"
#include "core/net/ip.h"

namespace flexvpn {

// `text` must be an address: a test is wrong that says something else.
inline net::IpAddress Ip(absl::string_view text) { return *net::IpAddress::Parse(text); }

}  // namespace flexvpn

#endif  // FLEXVPN_TESTS_SUPPORT_VALUES_H_
