// SPDX-License-Identifier: Apache-2.0
// What the dataplane needs of the BPF half: the seam between netlink and maps, and where tests put a stub.
#ifndef FLEXVPN_OS_DATAPLANE_MAP_WRITER_H_
#define FLEXVPN_OS_DATAPLANE_MAP_WRITER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/dataplane/objects.h"

namespace flexvpn::os {

class MapWriter {
 public:
  virtual ~MapWriter() = default;
  // Puts the programs on a GRE device; idempotent.  Detach is OK if the device is gone.
  virtual absl::Status Attach(uint32_t ifindex) = 0;
  virtual absl::Status Detach(uint32_t ifindex) = 0;
  // Put adds or replaces; Remove of what is absent is OK.
  virtual absl::Status PutPeer(const dataplane::Peer& peer, uint32_t ifindex) = 0;
  virtual absl::Status RemovePeer(net::PeerId id) = 0;
  virtual absl::Status PutNextHop(uint32_t ifindex, const net::IpAddress& address, net::PeerId peer) = 0;
  virtual absl::Status RemoveNextHop(uint32_t ifindex, const net::IpAddress& address) = 0;
  // `device` of an entry whose device is gone is "if<number>".
  virtual absl::StatusOr<std::vector<dataplane::Peer>> ListPeers() = 0;
  virtual absl::StatusOr<std::vector<dataplane::NextHop>> ListNextHops() = 0;
  // Detaches from these devices and removes maps and pins.
  virtual absl::Status RemoveAll(const std::vector<uint32_t>& ifindexes) = 0;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_DATAPLANE_MAP_WRITER_H_
