// SPDX-License-Identifier: Apache-2.0
// One line of the shell (`sh cry ike sa det`) through the command tree.  Pure: the shell and the daemon read it alike.
#ifndef FLEXVPN_CORE_CONFIG_EXEC_H_
#define FLEXVPN_CORE_CONFIG_EXEC_H_

#include <string>

#include "absl/strings/string_view.h"
#include "core/config/command.h"

namespace flexvpn::config {

// Why a line is no command, as IOS says it.
struct ExecError {
  std::string message;  // "Invalid input detected at '^' marker.", "Incomplete command.", "Ambiguous command: …"
  std::string input;    // the line, printable and one octet a column; empty if no place in it is meant
  int column = 0;       // of the caret in `input`, from 1; 0 with no place
  std::string hint;     // the nearest keyword, or what could stand there; may be empty
};
struct ExecLine {
  const Command* command = nullptr;  // nullptr: not understood, see `error`
  std::string words;                 // keywords in full, arguments as written: "show crypto ikev2 sa detailed"
  Call call;                         // its arguments
  ExecError error;
};

// Never fails but by ExecLine::error.  Lines longer than kMaxLineBytes are refused.
ExecLine ParseExec(absl::string_view line);

// The line as a terminal may be shown it: one column an octet, what is not printable ASCII as '?'.
std::string PrintableLine(absl::string_view line);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_EXEC_H_
