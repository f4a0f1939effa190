// SPDX-License-Identifier: Apache-2.0
// Help texts of single words of the command tree.
#ifndef FLEXVPN_CORE_CONFIG_WORDS_H_
#define FLEXVPN_CORE_CONFIG_WORDS_H_

#include <string>

#include "core/config/command.h"

namespace flexvpn::config {

// "<1-200>", "A.B.C.D", "WORD" …; the keyword itself.
std::string ArgForm(const Node& node);
// A node in a path: the keyword, or "<NAME>".
std::string PathWord(const Node& node);
// Help of the node that the words of `path` lead to: the text of the word there, else of its commands.
std::string HelpOf(absl::string_view path, const Node& node);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_WORDS_H_
