// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_BPF_BPF_EVENT_H_
#define FLEXVPN_OS_BPF_BPF_EVENT_H_

#include <cstdint>

#include "base/bytes.h"
#include "core/net/ip.h"
#include "core/net/peer_id.h"

namespace flexvpn::os {

// What the BPF programs tell the daemon; see bpf/include/abi/events.h.
struct BpfEvent {
  enum class Type : uint8_t {
    kTrafficIndication = 1,  // from one peer to another of the same NHRP network: `ingress` is due an indication
    kUnknownNextHop = 2,     // dropped: no peer for `next_hop` on `ifindex`
  } type{};
  net::PeerId ingress, egress;  // kTrafficIndication only
  uint32_t network_id = 0;      // kTrafficIndication only
  uint32_t ifindex = 0;         // device the packet leaves by
  net::IpAddress next_hop;      // overlay next hop of the packet
  uint64_t time_ns = 0;         // CLOCK_MONOTONIC_COARSE
  BytesView packet;             // head of the inner packet from its IP header, at most 128 octets; valid in the callback
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_BPF_BPF_EVENT_H_
