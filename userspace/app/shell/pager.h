// SPDX-License-Identifier: Apache-2.0
// Long output a page at a time, as IOS does.  Pure: says what to print; keys and screen are the terminal's.
#ifndef FLEXVPN_APP_SHELL_PAGER_H_
#define FLEXVPN_APP_SHELL_PAGER_H_

#include <string>

#include "absl/strings/string_view.h"

namespace flexvpn::shell {

class Pager {
 public:
  // `rows` and `columns` of the screen; 0 rows: everything at once, 0 columns: lines are never wrapped.
  Pager(std::string text, int rows, int columns) : text_(std::move(text)), rows_(rows), columns_(columns) {}

  // The next page: as many whole lines as leave one row for " --More-- ", at least one.
  absl::string_view Page() { return Take(rows_ > 1 ? rows_ - 1 : 1); }
  // One more line.
  absl::string_view Line() { return Take(1); }
  bool done() const { return at_ >= text_.size(); }

 private:
  absl::string_view Take(int rows);
  std::string text_;
  int rows_, columns_;
  size_t at_ = 0;  // octet of the first line not printed yet
};

// Rows that a line (without its end) takes on a screen of that width; UTF-8 counts by code point.
int RowsOf(absl::string_view line, int columns);

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_PAGER_H_
