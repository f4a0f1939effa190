// SPDX-License-Identifier: Apache-2.0
// Shared by the parts of Dataplane; not for others.
#ifndef FLEXVPN_OS_DATAPLANE_CONTEXT_H_
#define FLEXVPN_OS_DATAPLANE_CONTEXT_H_

#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/dataplane/objects.h"
#include "os/dataplane/dataplane.h"
#include "os/netlink/rtnl.h"
#include "os/netlink/socket.h"
#include "os/netlink/xfrm.h"

namespace flexvpn::os {

// How an SA whose offload was wanted ended up.
struct OffloadState {
  std::string device;  // empty = software
  std::string reason;
};

struct Dataplane::Context {
  std::string instance;
  MapWriter* maps = nullptr;
  std::unique_ptr<netlink::Socket> route, xfrm;
  dataplane::State installed;                    // what we put or read; gives undo its "before"
  std::map<std::string, OffloadState> offload;   // by SA key
  bool direction_attribute = true;               // until the kernel refuses XFRMA_SA_DIR

  std::string Alias() const { return absl::StrCat("flexvpn:", instance); }
};

// Low bits of our policies' priorities.
uint32_t InstanceTag(const std::string& instance);
// xfrm_usersa_info.seq of an SA of ours.  Differs for every SA, since the kernel hashes states by it, and is
// never in the range of the kernel's own small acquire numbers.
uint32_t SaTag(const std::string& instance, dataplane::Direction direction, uint32_t spi);

// nullopt if there is no such link.
absl::StatusOr<std::optional<netlink::Link>> FindLink(netlink::Socket& route, const std::string& name);

// Errors that mean "it is not there", for removals.
bool IsAbsent(int error);

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_DATAPLANE_CONTEXT_H_
