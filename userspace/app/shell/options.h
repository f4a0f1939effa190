// SPDX-License-Identifier: Apache-2.0
// The command line of `flexvpn`.
#ifndef FLEXVPN_APP_SHELL_OPTIONS_H_
#define FLEXVPN_APP_SHELL_OPTIONS_H_

#include <optional>
#include <string>

namespace flexvpn::shell {

enum ExitStatus { kDone = 0, kRefused = 1, kUsage = 64, kUnreachable = 69 };

struct Options {
  std::string socket = "/run/flexvpn/control.sock";
  std::string command;                  // of the arguments; empty: a script or the prompt
  std::optional<std::string> script;    // file of commands, "-": standard input
  std::optional<std::string> complete;  // line whose completions are printed
  bool json = false;
  bool keep_going = false;
};

// False: finished with *status (help, version, wrong usage).
bool ParseOptions(int argc, char** argv, Options* options, int* status);

// What --help prints; the commands come from the command tree.
std::string Usage();

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_OPTIONS_H_
