// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_NET_VRF_ID_H_
#define FLEXVPN_CORE_NET_VRF_ID_H_

#include "base/strong_id.h"

namespace flexvpn::net {

// A VRF, by a number the node gives to its name for as long as it runs; 0 = the global one.  Equal addresses in two
// VRFs are different hosts.
using VrfId = StrongId<struct VrfIdTag, uint16_t>;

}  // namespace flexvpn::net

#endif  // FLEXVPN_CORE_NET_VRF_ID_H_
