// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_DATAPLANE_BPF_MAP_WRITER_H_
#define FLEXVPN_OS_DATAPLANE_BPF_MAP_WRITER_H_

#include <vector>

#include "os/bpf/bpf_datapath.h"
#include "os/dataplane/map_writer.h"

namespace flexvpn::os {

// The real maps.  Does not own the datapath.
class BpfMapWriter : public MapWriter {
 public:
  explicit BpfMapWriter(BpfDatapath& bpf) : bpf_(bpf) {}
  absl::Status Attach(uint32_t ifindex) override { return bpf_.Attach(ifindex); }
  absl::Status Detach(uint32_t ifindex) override { return bpf_.Detach(ifindex); }
  absl::Status PutPeer(const dataplane::Peer& peer, uint32_t ifindex) override { return bpf_.PutPeer(peer, ifindex); }
  absl::Status RemovePeer(net::PeerId id) override { return bpf_.RemovePeer(id); }
  absl::Status PutNextHop(uint32_t ifindex, const net::IpAddress& address, net::PeerId peer) override {
    return bpf_.PutNextHop(ifindex, address, peer);
  }
  absl::Status RemoveNextHop(uint32_t ifindex, const net::IpAddress& address) override {
    return bpf_.RemoveNextHop(ifindex, address);
  }
  absl::StatusOr<std::vector<dataplane::Peer>> ListPeers() override { return bpf_.ListPeers(); }
  absl::StatusOr<std::vector<dataplane::NextHop>> ListNextHops() override { return bpf_.ListNextHops(); }
  absl::Status RemoveAll(const std::vector<uint32_t>& ifindexes) override { return bpf_.Unload(ifindexes); }

 private:
  BpfDatapath& bpf_;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_DATAPLANE_BPF_MAP_WRITER_H_
