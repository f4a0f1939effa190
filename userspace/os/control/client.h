// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_CONTROL_CLIENT_H_
#define FLEXVPN_OS_CONTROL_CLIENT_H_

#include <optional>
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
  // The two halves of Call, for connections by which more comes than answers.  A daemon that has closed is no error of
  // Send: its last word, or that it has closed, comes from Receive.
  absl::Status Send(const std::string& body);
  absl::StatusOr<std::string> Receive();
  // Reads what is there, 64 KiB at most, without waiting.  Error: the connection has ended.
  absl::Status Fill();
  // A frame that has been read already; nullopt: none.
  absl::StatusOr<std::optional<std::string>> Take();
  int fd() const { return fd_.get(); }  // readable when Fill has something to do

 private:
  explicit ControlClient(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  std::string buffer_;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_CONTROL_CLIENT_H_
