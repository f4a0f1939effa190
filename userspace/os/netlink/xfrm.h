// SPDX-License-Identifier: Apache-2.0
// SAs and policies: pure builders and parsers of XFRM messages (linux/xfrm.h).
#ifndef FLEXVPN_OS_NETLINK_XFRM_H_
#define FLEXVPN_OS_NETLINK_XFRM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "core/dataplane/objects.h"
#include "core/net/ip.h"
#include "os/netlink/message.h"

namespace flexvpn::os::netlink {

// Attributes newer than the headers of Debian 12; values from the kernel's linux/xfrm.h.
inline constexpr uint16_t kXfrmaSaDir = 33;  // u8, Linux 6.10

// Policy priorities: the smaller number wins.  The low 12 bits hold the instance's tag, the bits above the
// number of selector bits left open, so that in tunnel mode the more specific policy wins.
inline constexpr uint32_t kPolicyPriority = 0x0b100000;
inline constexpr uint32_t kBlockPriority = 0x7b100000;
inline constexpr uint32_t kInstanceTagMask = 0xfff;

struct SaOptions {
  uint32_t sequence = 0;        // kept by the kernel with the SA: by it we know our own
  bool direction_attribute = true;  // XFRMA_SA_DIR; without it an outbound ESN SA needs a window
  int offload_index = 0;        // interface of XFRMA_OFFLOAD_DEV; 0 = software
  bool offload_packet = false;
  // Sequence numbers to start from, as SaInfo::replay_state gives them: an SA under a key that was in use must
  // never begin at zero again.  Empty = a fresh SA.
  Bytes replay_state = {};
};
// kInvalidArgument if the SPI is reserved, the algorithms are unknown to us or a key has the wrong length.
absl::StatusOr<Message> NewSa(const dataplane::Sa& sa, const SaOptions& options);
// Same content as XFRM_MSG_UPDSA.  The kernel updates lifetimes, encapsulation and marks, never keys.
absl::StatusOr<Message> UpdateSa(const dataplane::Sa& sa, const SaOptions& options);
Message DeleteSa(const dataplane::Sa& sa);
Message GetSa(const dataplane::Sa& sa);
Message DumpSas();

// A kIn policy of mode tunnel also makes the forward policy.  Adding replaces an equal one.
std::vector<Message> PutPolicy(const dataplane::Policy& policy, uint32_t instance_tag, const SaOptions& offload);
std::vector<Message> DeletePolicy(const dataplane::Policy& policy);
std::vector<Message> PutBlock(const dataplane::Block& block, uint32_t instance_tag);
std::vector<Message> DeleteBlock(const dataplane::Block& block);
Message DumpPolicies();

// A state as the kernel shows it.  Keys are not read.
struct SaInfo {
  uint32_t spi = 0;
  uint8_t protocol = 0;  // 50 = ESP
  net::IpAddress source, destination;
  dataplane::Mode mode{};
  uint32_t reqid = 0;
  uint32_t sequence = 0;
  uint32_t mark = 0, mark_mask = 0;
  uint32_t output_mark = 0, output_mark_mask = 0;
  std::optional<dataplane::Direction> direction;  // from XFRMA_SA_DIR only
  std::string algorithm;                          // of encryption, as the kernel names it
  uint32_t key_bits = 0;
  bool esn = false;
  uint32_t replay_window = 0;
  uint16_t encap_source_port = 0, encap_destination_port = 0;
  int offload_index = 0;
  uint8_t offload_flags = 0;  // XFRM_OFFLOAD_*
  uint64_t bytes = 0, packets = 0;
  uint64_t add_time = 0, use_time = 0;  // wall clock seconds; use 0 = never
  Bytes replay_state;  // XFRMA_REPLAY_ESN_VAL where the SA has one, else XFRMA_REPLAY_VAL; opaque
  uint32_t replay_window_errors = 0, replay_errors = 0, integrity_errors = 0;
};
std::optional<SaInfo> ParseSa(const Received& message);
// `replay_state` with the outbound sequence number `packets` further on, at most at its end.  For a state that goes on
// sending while it is read and replaced: no number may be used twice under one key.
Bytes SkipAhead(Bytes replay_state, uint32_t packets);

struct PolicyInfo {
  net::Prefix source, destination;
  uint8_t protocol = 0;
  uint8_t direction = 0;  // XFRM_POLICY_IN/OUT/FWD
  uint32_t priority = 0;
  uint32_t index = 0;
  bool block = false;
  uint32_t mark = 0, mark_mask = 0;
  bool has_template = false;
  net::IpAddress template_source, template_destination;
  uint32_t reqid = 0;
  dataplane::Mode mode{};
};
std::optional<PolicyInfo> ParsePolicy(const Received& message);
Message DeletePolicy(const PolicyInfo& policy);
Message DeleteSa(const SaInfo& sa);

// Kernel events (multicast groups XFRMNLGRP_EXPIRE and XFRMNLGRP_ACQUIRE).
struct SaExpired {
  SaInfo sa;
  bool hard = false;
};
// A packet met a policy without an SA.
struct Acquire {
  net::IpAddress source, destination;  // of the packet
  net::IpAddress remote;               // the template's destination
  uint8_t protocol = 0;
  uint32_t mark = 0;
  uint32_t reqid = 0;
};
using XfrmEvent = std::variant<SaExpired, Acquire>;
std::optional<XfrmEvent> ParseXfrmEvent(const Received& message);

}  // namespace flexvpn::os::netlink

#endif  // FLEXVPN_OS_NETLINK_XFRM_H_
