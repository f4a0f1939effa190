// SPDX-License-Identifier: Apache-2.0
#include "app/shell/history.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
// After <stdio.h>, which it needs.
#include <readline/history.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/config/lexer.h"

namespace flexvpn::shell {
namespace {

constexpr int kKept = 1000;

// The directories above `file`, as far as they are missing.
void MakeDirectories(const std::string& file) {
  for (size_t at = file.find('/', 1); at != std::string::npos; at = file.find('/', at + 1))
    mkdir(file.substr(0, at).c_str(), 0700);
}

}  // namespace

std::string HistoryFile() {
  const char* state = getenv("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return absl::StrCat(state, "/flexvpn/history");
  const char* home = getenv("HOME");
  return home != nullptr && *home == '/' ? absl::StrCat(home, "/.local/state/flexvpn/history") : "";
}

bool Remembers(absl::string_view line) {
  return !absl::StripAsciiWhitespace(line).empty() && config::MaskSecrets(line) == line;
}

History::History(std::string file) : file_(std::move(file)) {
  using_history();
  stifle_history(kKept);
  if (file_.empty()) return;
  MakeDirectories(file_);
  const int fd = open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    file_.clear();
    return;
  }
  fchmod(fd, 0600);
  close(fd);
  history_truncate_file(file_.c_str(), kKept);
  read_history(file_.c_str());
}

void History::Add(const std::string& line) {
  if (!Remembers(line)) return;
  if (history_length > 0)
    if (const HIST_ENTRY* last = history_get(history_base + history_length - 1);
        last != nullptr && line == last->line)
      return;
  add_history(line.c_str());
  if (!file_.empty()) append_history(1, file_.c_str());
}

}  // namespace flexvpn::shell
