// SPDX-License-Identifier: Apache-2.0
// The control protocol: a Unix stream socket, frames of a four octet big-endian length and that many octets of JSON.
//   request   {"version": 1, "command": "show crypto ikev2 sa"}
//             {"version": 1, "command": "commit", "lines": ["interface Tunnel0", " ip mtu 1380"]}
//   response  {"version": 1, "ok": true, "text": "...", "data": {...}}
// With "form": "text" or "json" in the request the other of the two may be null.
// One response for each request, in order.
#ifndef FLEXVPN_OS_CONTROL_FRAME_H_
#define FLEXVPN_OS_CONTROL_FRAME_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace flexvpn::os {

inline constexpr int kControlVersion = 1;
inline constexpr size_t kMaxRequest = 64 * 1024;
// Of an administrator: a pasted configuration of 16 MiB, quoted as JSON.
inline constexpr size_t kMaxAdministratorRequest = 32 * 1024 * 1024;
inline constexpr size_t kMaxResponse = 256 * 1024 * 1024;

// `body` with its length in front.
std::string EncodeFrame(const std::string& body);

// Takes one whole frame from the front of `buffer`; nullopt if more octets are needed.  Error if the frame is
// announced longer than `limit`.
absl::StatusOr<std::optional<std::string>> TakeFrame(std::string& buffer, size_t limit);

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_CONTROL_FRAME_H_
