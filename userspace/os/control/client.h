// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_CONTROL_CLIENT_H_
#define FLEXVPN_OS_CONTROL_CLIENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "os/loop/fd.h"

namespace flexvpn::os {

// Blocking client of the control socket.
class ControlClient {
 public:
  // Errors say whether the daemon is not running or access is denied.
  static absl::StatusOr<ControlClient> Connect(const std::string& path);
  // Sends one request, waits at most 60 s for its response, or until a signal handler ran (kCancelled).
  absl::StatusOr<std::string> Call(const std::string& body);

 private:
  explicit ControlClient(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  std::string buffer_;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_CONTROL_CLIENT_H_
