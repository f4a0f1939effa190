// SPDX-License-Identifier: Apache-2.0
// Devices of ours: made, prepared and removed.  Not for others.
#ifndef FLEXVPN_OS_DATAPLANE_DEVICE_H_
#define FLEXVPN_OS_DATAPLANE_DEVICE_H_

#include <string>

#include "absl/status/status.h"
#include "core/dataplane/objects.h"
#include "os/dataplane/map_writer.h"
#include "os/netlink/socket.h"

namespace flexvpn::os {

struct DeviceMaker {
  netlink::Socket& route;
  MapWriter* maps;    // may be nullptr
  std::string alias;  // marks a device as ours

  // Creates, or adopts and adjusts a device of ours; kAlreadyExists if another's device has the name.  Half-made
  // devices are removed again.  `note`: what was turned off for the sake of a kernel bug.
  absl::Status Put(const dataplane::Device& device, std::string* note);
  // OK if absent or not ours.
  absl::Status Remove(const std::string& name);

 private:
  absl::Status Create(const dataplane::Device& device, std::string* note);
  absl::Status Prepare(const dataplane::Device& device, int index, std::string* note);
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_DATAPLANE_DEVICE_H_
