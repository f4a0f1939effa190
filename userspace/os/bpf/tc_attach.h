// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_BPF_TC_ATTACH_H_
#define FLEXVPN_OS_BPF_TC_ATTACH_H_

#include <bpf/libbpf.h>

#include <cstdint>

#include "abi/devices.h"
#include "absl/status/status.h"
#include "os/bpf/libbpf_log.h"

namespace flexvpn::os {

// Our filter has this handle and priority at both hooks of a device; `tc filter show dev X egress` shows them.
inline constexpr uint32_t kTcHandle = 1;
inline constexpr uint32_t kTcPriority = 241;

// Adds the filter, or replaces the one of an earlier run; makes the clsact qdisc where it is missing.
absl::Status AttachFilter(uint32_t ifindex, bpf_tc_attach_point point, int program_fd, const LibbpfLog& log);
// OK if there is none.
absl::Status DetachFilter(uint32_t ifindex, bpf_tc_attach_point point, const LibbpfLog& log);

// What stands before the inner packet at the ingress of the device, by its ARPHRD type; unknown if it is gone.
abi_framing FramingOf(uint32_t ifindex);

// net.ipv4.conf.<dev>.forwarding and net.ipv6.conf.<dev>.forwarding = 1 (IPv6 where the kernel has it):
// bpf_fib_lookup answers only for a device that forwards.
absl::Status EnableForwarding(uint32_t ifindex);

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_BPF_TC_ATTACH_H_
