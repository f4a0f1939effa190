// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_BPF_PINS_H_
#define FLEXVPN_OS_BPF_PINS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

struct bpf_map;

namespace flexvpn::os {

// Makes `dir` (one level) on a bpf file system.  FailedPrecondition if it is on another.
absl::Status EnsurePinDirectory(const std::string& dir);

// Sets the pin path of each map, so that loading adopts what is pinned there.  First unpins every map if the
// pinned `abi_version` is not ABI_VERSION, and any map of another type, size or flags than the program's.
// Returns the names of the maps thrown away.
std::vector<std::string> AdoptPins(const std::string& dir, const std::vector<bpf_map*>& maps);

// Removes every pin in `dir` and the directory.  OK if there is none.
absl::Status RemovePins(const std::string& dir);

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_BPF_PINS_H_
