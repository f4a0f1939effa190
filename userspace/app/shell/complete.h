// SPDX-License-Identifier: Apache-2.0
// `?` and Tab at the prompt: the command tree, the filters behind a '|', and what the shell adds in
// configuration mode.  Pure.
#ifndef FLEXVPN_APP_SHELL_COMPLETE_H_
#define FLEXVPN_APP_SHELL_COMPLETE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/config/help.h"

namespace flexvpn::shell {

// Where a line is typed: open modes of the configuration, outermost first; none: at the exec prompt.
using Modes = std::vector<config::ModeId>;

// What may stand at the end of `line`.
config::HelpAnswer HelpAt(const Modes& modes, absl::string_view line);

// What the last word of `line` may become.
std::vector<std::string> CompletionsAt(const Modes& modes, absl::string_view line);

// As IOS prints it: a word and its help a line after a blank; the words alone, side by side, within a word; a
// caret below the word that fits nowhere.  `prompt` columns stand before the line on the screen, which has
// `width` columns.
std::string FormatHelp(const config::HelpAnswer& answer, absl::string_view line, size_t prompt, size_t width);

// Whether `word` is `full` or its beginning, of at least `least` octets; case does not count.
bool Abbreviates(absl::string_view word, absl::string_view full, size_t least);

// The first word of a line, and what follows it without blanks before.
struct Split {
  absl::string_view word, rest;
};
Split FirstWord(absl::string_view line);

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_COMPLETE_H_
