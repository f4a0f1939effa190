// SPDX-License-Identifier: Apache-2.0
// Lines typed before, kept in $XDG_STATE_HOME/flexvpn/history (else ~/.local/state/flexvpn/history).
#ifndef FLEXVPN_APP_SHELL_HISTORY_H_
#define FLEXVPN_APP_SHELL_HISTORY_H_

#include <string>

#include "absl/strings/string_view.h"

namespace flexvpn::shell {

// Where the file is; empty if no home directory is known.
std::string HistoryFile();

// Whether a line may be kept: it says something and holds no key or password.
bool Remembers(absl::string_view line);

// The file and readline's list.  The file is made with mode 0600; a file that cannot be written is no error.
class History {
 public:
  explicit History(std::string file);  // reads it
  void Add(const std::string& line);   // if Remembers; not twice in a row

 private:
  std::string file_;
};

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_HISTORY_H_
