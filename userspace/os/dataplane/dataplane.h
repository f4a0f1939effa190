// SPDX-License-Identifier: Apache-2.0
// Applies plans of core/dataplane to the kernel and reads back what is there.
#ifndef FLEXVPN_OS_DATAPLANE_DATAPLANE_H_
#define FLEXVPN_OS_DATAPLANE_DATAPLANE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/dataplane/objects.h"
#include "os/dataplane/map_writer.h"

namespace flexvpn::os {

// Whether IPv6 can be routed into devices of ours: the kernel has it, and so have those that are there (not with an MTU below
// 1280, nor where somebody turned it off).
bool KernelHasIpv6();

// What became of one step of a plan.
struct StepResult {
  dataplane::Step::Kind kind{};
  std::string key;
  absl::Status status;  // kCancelled: not reached, or done and undone again
  std::string note;     // what the operator should know: why an SA is not offloaded, that GSO was turned off, ...
};

// Kernel counters of one SA of ours.
struct SaCounter {
  dataplane::Direction direction{};
  uint32_t spi = 0;
  net::IpAddress destination;
  net::PeerId peer;
  uint64_t bytes = 0, packets = 0;
  uint64_t add_time = 0, use_time = 0;  // wall clock, seconds; use 0 = never used
  uint64_t replay_errors = 0, integrity_errors = 0;
  std::string offload_device;  // on which the SA really is; empty = software
  std::string offload_reason;  // why not, where offload was wanted
};

// Everything of ours in the kernel of this network namespace.  Objects of others are never touched: ours are
// known by the link alias "flexvpn:<instance>", the route protocol, the policy priority and the SA's sequence
// field, of which the latter two carry a fingerprint of the instance.
class Dataplane {
 public:
  // Opens its sockets in the network namespace of the calling thread.  `maps` must outlive the object; nullptr =
  // no BPF (peers and next hops then fail with kFailedPrecondition).
  static absl::StatusOr<std::unique_ptr<Dataplane>> Create(std::string instance, MapWriter* maps);
  ~Dataplane();

  // Executes the steps in order.  On the first failure everything this plan did is undone in reverse and the
  // status names the object and the kernel's reason.  Two things cannot be undone, since a second state under
  // the same key would repeat its sequence numbers: the removal of an SA, and the replacement of one by another
  // key.  `results` (may be nullptr) gets an entry a step.
  absl::Status Apply(const dataplane::Plan& plan, std::vector<StepResult>* results);

  // What is ours in the kernel now.  SAs come without keys.
  absl::StatusOr<dataplane::State> Read();

  // Removes every object of ours, also what an earlier daemon left; goes on after an error and gives the first.
  absl::Status RemoveAll();

  absl::StatusOr<std::vector<SaCounter>> SaCounters();

  struct Context;  // of the implementation

 private:
  explicit Dataplane(std::unique_ptr<Context> context);
  std::unique_ptr<Context> c_;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_DATAPLANE_DATAPLANE_H_
