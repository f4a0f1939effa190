// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_BPF_BPF_DATAPATH_H_
#define FLEXVPN_OS_BPF_BPF_DATAPATH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/time.h"
#include "core/dataplane/objects.h"
#include "core/net/ip.h"
#include "core/net/peer_id.h"
#include "os/bpf/bpf_event.h"

struct flexvpn_bpf;  // the generated skeleton

namespace flexvpn::os {

struct BpfOptions {
  // Directory on a bpf file system for this daemon's maps; made if its parent exists.  Two daemons need two.
  std::string pin_dir = "/sys/fs/bpf/flexvpn";
  Duration redirect_interval = seconds(8);  // between two traffic indications for one (peer, destination)
  Duration unknown_interval = seconds(1);   // between two events for one unknown next hop
  uint32_t max_peers = 16384;  // 48 octets for each CPU and peer; changing it throws the pinned peers away
  uint32_t ring_bytes = 1 << 20;            // event ring; rounded up to a power of two of pages
  // How long the programs trust what they remember of a flow, in jiffies; 0 = not at all.  A change made through
  // this class, and RoutesChanged(), end it at once; this is for routes that others change.
  uint32_t decision_jiffies = 250;  // ingress, "wants no indication": a second at HZ=250
  uint32_t selection_jiffies = 25;  // egress, "goes to this peer": 100 ms at HZ=250
};

struct PeerTraffic {
  uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;  // inner packets
  uint64_t last_tx_ns = 0;  // CLOCK_MONOTONIC (4 ms coarse) of the last IP packet sent; 0 = never
  friend bool operator==(const PeerTraffic&, const PeerTraffic&) = default;
};

// The BPF half of the datapath: peer_select on the egress and spoke_classify on the ingress of each cloud's GRE
// device, and the maps they share.  The maps are pinned: they, and the attached programs, outlive the daemon, so
// traffic flows while it restarts.  Not thread-safe.
class BpfDatapath {
 public:
  // Loads the programs and adopts the maps pinned in pin_dir; pinned maps of another layout are thrown away.
  // PermissionDenied without CAP_BPF and CAP_NET_ADMIN; FailedPrecondition if pin_dir is on no bpf file system;
  // Internal with the tail of the verifier's log if the kernel refuses a program.
  static absl::StatusOr<std::unique_ptr<BpfDatapath>> Load(const BpfOptions& options);
  ~BpfDatapath();  // leaves pins and attachments
  BpfDatapath(const BpfDatapath&) = delete;
  BpfDatapath& operator=(const BpfDatapath&) = delete;

  // Attaches both programs to the device (clsact), replacing those of an earlier daemon, and turns forwarding on
  // for it, without which the kernel's FIB lookup refuses to answer.  Idempotent.
  absl::Status Attach(uint32_t ifindex);
  // Tells the programs how packets that enter by the device begin, which spares them a helper call.  Attach does it;
  // on its own for tests and benchmarks that attach nothing.
  void LearnDevice(uint32_t ifindex);
  // Takes our filters off; OK if the device or the filters are gone.  Others' filters and the clsact qdisc stay.
  absl::Status Detach(uint32_t ifindex);

  // Adds or replaces; a new peer's counters start at 0.  ResourceExhausted over max_peers.  FailedPrecondition for a peer without a GRE key on a kernel that cannot leave it out (6.1).
  absl::Status PutPeer(const dataplane::Peer& peer, uint32_t ifindex);
  absl::Status RemovePeer(net::PeerId id);  // and its counters; OK if there is none
  // The any address (0.0.0.0 or ::) makes `peer` the device's default for that family.
  absl::Status PutNextHop(uint32_t ifindex, const net::IpAddress& address, net::PeerId peer);
  absl::Status RemoveNextHop(uint32_t ifindex, const net::IpAddress& address);  // OK if there is none

  // To be called after every change of routes through the clouds' devices, so that it holds from the next packet.
  void RoutesChanged();

  // Read back from the maps.  `device` is the name of the ifindex, or "if<number>" when it is gone.
  absl::StatusOr<std::vector<dataplane::Peer>> ListPeers() const;
  absl::StatusOr<std::vector<dataplane::NextHop>> ListNextHops() const;

  absl::StatusOr<PeerTraffic> PeerStats(net::PeerId id) const;  // NotFound if there is no such peer
  absl::StatusOr<std::map<net::PeerId, PeerTraffic>> AllStats() const;
  // Every reason, also those at 0, by the names of abi/drops.h.
  absl::StatusOr<std::map<std::string, uint64_t>> Drops() const;
  // events-sent, events-limited, events-lost, mss-clamped.
  absl::StatusOr<std::map<std::string, uint64_t>> EventCounters() const;

  // Readable (epoll) when events wait.
  int event_fd() const;
  // Hands over every waiting event; gives their number.
  absl::StatusOr<int> PollEvents(const std::function<void(const BpfEvent&)>& callback);

  // Detaches from every device it attached to, every device named in the maps and `ifindexes`, and removes the
  // pins and their directory.  Nothing of the datapath is left when the object is destroyed.
  absl::Status Unload(const std::vector<uint32_t>& ifindexes = {});

  // For tests and benchmarks: descriptors of a program or map by its name in bpf/; -1 if there is none.
  int ProgramFd(absl::string_view name) const;
  int MapFd(absl::string_view name) const;

 private:
  struct State;
  explicit BpfDatapath(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_BPF_BPF_DATAPATH_H_
