// SPDX-License-Identifier: Apache-2.0
// `?` and Tab, and the reference of all commands: what the command tree says about itself.  Pure.
#ifndef FLEXVPN_CORE_CONFIG_HELP_H_
#define FLEXVPN_CORE_CONFIG_HELP_H_

#include <string>
#include <vector>

#include "core/config/command.h"

namespace flexvpn::config {

// One word that may follow: a keyword, "<1-200>", "A.B.C.D", "X:X:X:X::X", "WORD", "LINE", … or "<cr>" for the end.
struct HelpItem {
  std::string word;
  std::string help;
};
struct HelpAnswer {
  std::vector<HelpItem> items;  // sorted; "<cr>" last
  int column = 0;               // from 1: the word that fits nowhere; 0 = all fit
};

// What may stand at the end of `line` in a mode: the next word after a blank (or in an empty line), else how the last
// word may go on.  Knows `no`, `default`, `do`, `exit` and `end` of configuration modes.
HelpAnswer Help(ModeId mode, absl::string_view line);

// The keywords (and words of known lists) that the last word of `line` may become; all of them after a blank.
std::vector<std::string> Complete(ModeId mode, absl::string_view line);

// All commands of a mode that are used or kept: syntax as the reference has it, and help; in the order of the tables.
std::vector<HelpItem> CommandList(ModeId mode);

// The reference as docs/commands.md has it: every mode, command, range, default.
std::string CommandsMarkdown();
// The same tree as JSON, docs/commands.json; its form is in docs/commands-json.md.
std::string CommandsJson();

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_HELP_H_
