// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_NET_PEER_ID_H_
#define FLEXVPN_CORE_NET_PEER_ID_H_

#include "base/strong_id.h"

namespace flexvpn::net {

// One remote end of a tunnel: a Tunnel or a Virtual-Access interface.  The same number is the key of the BPF
// map `peers`, the XFRM mark and reqid of its SAs, SO_MARK of its NHRP packets.  0 = none.
using PeerId = StrongId<struct PeerIdTag, uint32_t>;

// Bits of skb->mark and of XFRM marks that hold a PeerId; the other bits stay the administrator's.
inline constexpr uint32_t kPeerMarkMask = 0x000fffff;
inline constexpr uint32_t kMaxPeerId = kPeerMarkMask;
// Beside the number: the ESP of this packet goes in TCP (RFC 9329).
inline constexpr uint32_t kTcpMark = 0x00100000;

}  // namespace flexvpn::net

#endif  // FLEXVPN_CORE_NET_PEER_ID_H_
