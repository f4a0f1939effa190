// SPDX-License-Identifier: Apache-2.0
// `show … | include RE`: output filters, applied by the shell to the text of an answer.  Pure.
#ifndef FLEXVPN_APP_SHELL_PIPE_H_
#define FLEXVPN_APP_SHELL_PIPE_H_

#include <regex.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/config/exec.h"
#include "core/config/help.h"

namespace flexvpn::shell {

enum class FilterKind { kInclude, kExclude, kBegin, kSection, kCount, kJson };

// One filter of a line.  `re` is a POSIX extended regular expression, case-sensitive as in IOS.
struct Filter {
  FilterKind kind{};
  std::shared_ptr<const regex_t> re;  // null: kJson
};

struct Piped {
  std::string command;  // what stands before the first '|', without blanks at its end
  std::vector<Filter> filters;
  size_t pipe = std::string::npos;  // octet of the first '|' in the line
  config::ExecError error;          // message empty: understood; else input and column as of the whole line
};

// Splits a line at its first '|'.  A regular expression may hold '|' (`include UP|DOWN`); ` | ` and the name
// of a filter, of three letters at least, begin a further one.  Blanks around an expression do not count.
// `json` comes first if it is there.
Piped SplitPipes(absl::string_view line);

// The text that the filters let through, in their order (kJson: no change, the caller gives the JSON as
// text).
//   include, exclude  lines that match, that do not
//   begin             from the first line that matches on
//   section           lines that match, with the more indented lines below them and the heads they stand
//   under count             "Number of lines which match regexp = N"
std::string ApplyFilters(const std::vector<Filter>& filters, absl::string_view text);

// What may follow `line`, which has a '|': the filters, LINE for their expression.
config::HelpAnswer HelpForPipe(absl::string_view line);

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_PIPE_H_
