// SPDX-License-Identifier: Apache-2.0
// Commands of the shell that change the running configuration as a whole, or its file.  They see keys: for administrators.
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

Command Session(std::string pattern, std::string help) {
  Command c;
  c.pattern = std::move(pattern);
  c.help = std::move(help);
  c.privileged = true;
  c.place = Place::kSession;
  return c;
}

}  // namespace

void AddCommitCommands(Mode& exec) {
  exec.Add({
      Session("commit", "put the candidate in force; confirm one that waits for it"),
      Session("commit check", "check the candidate, change nothing"),
      Session("commit confirmed [<MINUTES:1-60>]", "put it in force, and take it back unless `commit` follows in time (10)"),
      Session("rollback <N:1-20>", "return to the N-th last running configuration"),
      Session("rollback check <N:1-20>", "what rollback N would change"),
      Session("show configuration diff", "candidate against running; without a candidate, running against the file"),
      Session("show archive", "what rollback can return to, and the kept versions of the file"),
      Session("write [memory]", "save the running configuration to its file"),
      Session("key config-key password-encrypt", "make the master key of keys of type 6, unless there is one"),
      Session("copy running-config startup-config", "save the running configuration to its file"),
  });
}

}  // namespace flexvpn::config
