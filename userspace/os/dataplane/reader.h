// SPDX-License-Identifier: Apache-2.0
// Finds what is ours in the kernel.  Not for others.
#ifndef FLEXVPN_OS_DATAPLANE_READER_H_
#define FLEXVPN_OS_DATAPLANE_READER_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "os/dataplane/context.h"

namespace flexvpn::os {

struct OwnedSa {
  dataplane::Direction direction{};
  netlink::SaInfo info;
};

// Only what is ours, as the kernel shows it.
struct KernelObjects {
  std::map<int, netlink::Link> links;  // all links, by index
  std::vector<netlink::Link> devices;
  std::vector<netlink::LinkAddress> addresses;
  std::vector<netlink::RouteEntry> routes;
  std::vector<netlink::Rule> rules;
  std::vector<netlink::PolicyInfo> policies, blocks;
  std::vector<OwnedSa> sas;
};

class KernelReader {
 public:
  explicit KernelReader(Dataplane::Context& context) : c_(context) {}
  absl::StatusOr<KernelObjects> ReadKernel();
  dataplane::State ToState(const KernelObjects& objects) const;
  absl::Status AddMaps(dataplane::State& state);
  absl::StatusOr<std::vector<SaCounter>> Counters();
  absl::Status RemoveAll();

 private:
  absl::Status ReadLinks(KernelObjects& out);
  absl::Status ReadAddresses(KernelObjects& out);
  absl::Status ReadRoutes(KernelObjects& out);
  absl::Status ReadRules(KernelObjects& out);
  absl::Status ReadPolicies(KernelObjects& out);
  absl::Status ReadSas(std::vector<OwnedSa>& out);
  bool OurRoute(const netlink::RouteEntry& route, const KernelObjects& objects) const;

  Dataplane::Context& c_;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_DATAPLANE_READER_H_
