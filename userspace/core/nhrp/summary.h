// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_NHRP_SUMMARY_H_
#define FLEXVPN_CORE_NHRP_SUMMARY_H_

#include <string>

#include "base/bytes.h"

namespace flexvpn::nhrp {

// A packet on one line: "Resolution Request 7, hops 255, 203.0.113.2 10.0.0.1 > 192.168.2.5, …"; of one that does not
// decode why.  The value of the authentication extension, which is a password in clear, is not shown.
std::string Summarize(BytesView packet);

}  // namespace flexvpn::nhrp

#endif  // FLEXVPN_CORE_NHRP_SUMMARY_H_
