// SPDX-License-Identifier: Apache-2.0
// Configuration lines as they are typed: what a line means where its writer stands.  Pure.
#ifndef FLEXVPN_CORE_CONFIG_FRAGMENT_H_
#define FLEXVPN_CORE_CONFIG_FRAGMENT_H_

#include <vector>

#include "core/config/command.h"

namespace flexvpn::config {

struct OpenMode {
  ModeId mode{};
  int line = 0;  // that opened it, from 1; 0: the configuration itself
};
struct Fragment {
  std::vector<Diagnostic> diagnostics;  // of the lines alone: whether what they name exists is not asked
  std::vector<OpenMode> modes;  // open after the last line; the configuration first, the innermost last
  bool open_text = false;       // a banner began and its closing delimiter has not come yet
};

// Reads `text` (lines that lead into a mode, then those of interest) by the rules of Parse, without its
// checks across objects.
Fragment ParseFragment(absl::string_view text);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_FRAGMENT_H_
