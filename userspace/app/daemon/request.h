// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_REQUEST_H_
#define FLEXVPN_APP_DAEMON_REQUEST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace flexvpn::app {

// What the client wants of an answer: a long listing costs much less in one form than in both.
enum class AnswerForm : uint8_t { kBoth, kText, kJson };

// A request of the control socket (os/control/frame.h).
struct ControlCommand {
  std::string command;
  AnswerForm form = AnswerForm::kBoth;
  std::vector<std::string> lines;  // of configuration; may hold keys: wiped with WipeLines
};
// Bounded as the configuration language is: number of lines, octets a line, octets in all; a line has no line end in it.
// The error is for the client.
absl::StatusOr<ControlCommand> ReadRequest(absl::string_view body);
void WipeLines(std::vector<std::string>& lines);

// An event of the control protocol: a line of `debug` at this time of day (milliseconds since 1970).
std::string DebugEvent(int64_t unix_milliseconds, absl::string_view facility, absl::string_view text);

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_REQUEST_H_
