// SPDX-License-Identifier: Apache-2.0
// The connection by which lines of `debug` come (docs/control-protocol.md, Events).
#ifndef FLEXVPN_APP_SHELL_STREAM_H_
#define FLEXVPN_APP_SHELL_STREAM_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "app/shell/session.h"
#include "os/control/client.h"

namespace flexvpn::shell {

// Whether `command` goes by the stream: it concerns what this shell is shown.
bool IsDebugCommand(absl::string_view command);

// An event as a line of the terminal, "Nov 26 18:40:00.123: IKEv2: text" in UTC; with `json` as it came.  Pure.
std::string EventLine(const std::string& frame, bool json);

class DebugStream {
 public:
  explicit DebugStream(std::string socket, bool json = false) : socket_(std::move(socket)), json_(json) {}

  // As AskDaemon, by the connection that stays: from the first `debug` until `undebug all`.
  absl::StatusOr<Answer> Ask(const std::string& command, Form form);
  // Readable when Take may have something; -1: no connection.
  int fd() const { return client_ ? client_->fd() : -1; }
  // The lines that have come, each with its end; of a flood a part, and the next call more.  When the daemon has gone
  // the last of them says so.
  std::string Take();

 private:
  std::string socket_;
  bool json_ = false;
  std::optional<os::ControlClient> client_;
  std::string text_;  // came while an answer was waited for
};

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_STREAM_H_
