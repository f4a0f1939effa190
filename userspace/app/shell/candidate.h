// SPDX-License-Identifier: Apache-2.0
// The lines of `configure terminal` that are not committed yet, and the mode their writer stands in.  Pure.
#ifndef FLEXVPN_APP_SHELL_CANDIDATE_H_
#define FLEXVPN_APP_SHELL_CANDIDATE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/config/fragment.h"

namespace flexvpn::shell {

class Candidate {
 public:
  Candidate() = default;
  ~Candidate() { Clear(); }
  Candidate(const Candidate&) = delete;
  Candidate& operator=(const Candidate&) = delete;

  // Takes one typed line.  A line with an error changes nothing.  Returns what there is to say of it: errors
  // and warnings, with columns of the line as typed.
  std::vector<config::Diagnostic> Add(absl::string_view line);
  // Whether `line` belongs to another subsystem's block because it is indented below it, whatever it says.
  bool Swallows(absl::string_view line) const;
  // Closes the innermost mode; false in the outermost.
  bool Exit();
  // To the outermost mode.
  void ToTop();
  // Forgets the lines (keys in them are wiped), not the mode.
  void Clear();

  // Lines of a configuration, indented by mode.
  const std::vector<std::string>& lines() const { return lines_; }
  bool empty() const { return lines_.empty(); }
  config::ModeId mode() const { return modes_.back(); }
  const std::vector<config::ModeId>& modes() const { return modes_; }  // outermost first
  bool in_text() const { return !text_.empty(); }                      // within a banner; every line is text
  // "Enter TEXT message.  End with the character '#'.", while in_text().
  std::string TextNotice() const;

 private:
  void Take(std::vector<std::string> taken, const std::vector<config::OpenMode>& modes, int first);
  void Store(size_t depth, absl::string_view line);

  std::vector<std::string> lines_;
  std::vector<std::string> headers_;  // lines that opened modes_[1..]
  std::vector<config::ModeId> modes_ = {config::ModeId::kRoot};
  size_t written_ = 0;             // how many of headers_ the end of lines_ stands under
  std::vector<std::string> text_;  // first line of a banner, and its lines so far
};

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_CANDIDATE_H_
