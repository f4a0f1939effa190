// SPDX-License-Identifier: Apache-2.0
// What differs between two configuration texts, line by line, as an administrator reads it.
#ifndef FLEXVPN_CORE_CONFIG_TEXT_DIFF_H_
#define FLEXVPN_CORE_CONFIG_TEXT_DIFF_H_

#include <string>

#include "absl/strings/string_view.h"

namespace flexvpn::config {

// Lines of `before` alone begin with '-', lines of `after` alone with '+', the heads of the blocks they stand in with ' '.
// What is equal is left out, and so are comments, `exit` and `end`.  "" if nothing differs.
// The texts are those of Render(): blocks by indentation, heads of one block seldom twice.  Time and room grow with
// n log n of their lines, whatever they say.
std::string DiffText(absl::string_view before, absl::string_view after);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_TEXT_DIFF_H_
