// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_BPF_ABI_CONVERT_H_
#define FLEXVPN_OS_BPF_ABI_CONVERT_H_

#include <optional>

#include "abi/events.h"
#include "abi/next_hops.h"
#include "abi/peer_stats.h"
#include "abi/peers.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "core/dataplane/objects.h"
#include "core/net/ip.h"
#include "os/bpf/bpf_event.h"

namespace flexvpn::os {

// Between the daemon's values and the layouts of bpf/include/abi.  Pure.
net::IpAddress FromAbi(abi_family family, const uint8_t (&address)[16]);

// InvalidArgument if the id is 0 or over kMaxPeerId, or the outer addresses are missing or of two families.
// stats_slot is left 0.
absl::StatusOr<abi_peer> ToAbi(const dataplane::Peer& peer, uint32_t ifindex);
dataplane::Peer FromAbi(net::PeerId id, const abi_peer& value, const std::string& device);

// InvalidArgument without an address or a device.
absl::StatusOr<abi_next_hop> ToAbi(uint32_t ifindex, const net::IpAddress& address);

// nullopt unless `record` has the size and the types this version knows.  `packet` of the result points into
// `record`.
std::optional<BpfEvent> ParseEvent(BytesView record);

abi_peer_stats Sum(const std::vector<abi_peer_stats>& cpus);

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_BPF_ABI_CONVERT_H_
