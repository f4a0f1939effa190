// SPDX-License-Identifier: Apache-2.0
// Commands that the shell carries out itself.
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

Command Local(std::string pattern, std::string help) {
  Command c;
  c.pattern = std::move(pattern);
  c.help = std::move(help);
  c.place = Place::kShell;
  return c;
}

// What an operator is refused; by the daemon, which knows who asks.
Command Administrators(std::string pattern, std::string help) {
  Command c = Local(std::move(pattern), std::move(help));
  c.privileged = true;
  return c;
}

}  // namespace

void AddShellCommands(Mode& exec) {
  exec.Add({
      Administrators("configure terminal", "edit a candidate configuration"),
      Local("terminal length <N:0-512>", "lines of a page; 0: no pages"),
      Local("terminal width <N:0-512>", "columns of the terminal; 0: as wide as it is"),
      Local("monitor [interval <N:1-3600>]", "sessions, rates and shortcuts, again and again; q ends it"),
      Administrators("enable", "nothing to do: administrators have all rights, operators look"),
      Local("help", "how to get help"),
      Local("quit", "leave the shell"),
      Local("logout", "leave the shell"),
  });
}

}  // namespace flexvpn::config
