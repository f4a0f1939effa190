// SPDX-License-Identifier: Apache-2.0
#include "app/shell/candidate.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/secret.h"

namespace flexvpn::shell {

using config::Diagnostic;

namespace {

bool Foreign(config::ModeId mode) {
  return mode == config::ModeId::kForeign || mode == config::ModeId::kUnsupported;
}

bool Bad(const Diagnostic& d) { return d.severity == Diagnostic::Severity::kError; }

}  // namespace

bool Candidate::Swallows(absl::string_view line) const {
  return Foreign(mode()) && !line.empty() && (line[0] == ' ' || line[0] == '\t');
}

std::vector<Diagnostic> Candidate::Add(absl::string_view typed) {
  // Where a line stands says the mode, not its indent; but what is indented below a line of another subsystem
  // is its.
  const bool as_typed = in_text() || Swallows(typed);
  const absl::string_view line = as_typed ? typed : absl::StripAsciiWhitespace(typed);
  const std::string indent(as_typed || Foreign(mode()) ? 0 : headers_.size(), ' ');
  std::vector<std::string> all = headers_;
  all.insert(all.end(), text_.begin(), text_.end());
  all.push_back(absl::StrCat(indent, line));
  std::string joined = absl::StrJoin(all, "\n");
  config::Fragment f = config::ParseFragment(joined);
  WipeMemory(joined.data(), joined.size());
  if (f.open_text) {
    text_.emplace_back(line);
    return {};
  }
  const int first = static_cast<int>(headers_.size()) + 1;
  const auto moved = static_cast<int>(line.data() - typed.data()) - static_cast<int>(indent.size());
  std::vector<Diagnostic> said;
  for (Diagnostic& d : f.diagnostics) {
    if (d.where.line < first) continue;
    d.where.column += moved;
    said.push_back(std::move(d));
  }
  std::vector<std::string> taken = std::move(text_);
  text_.clear();
  if (std::any_of(said.begin(), said.end(), Bad)) return said;
  taken.emplace_back(taken.empty() ? absl::StripAsciiWhitespace(line) : line);
  Take(std::move(taken), f.modes, first);
  return said;
}

// The lines are good: `modes` are open after them, `first` was the number of the first of them.
void Candidate::Take(std::vector<std::string> taken, const std::vector<config::OpenMode>& modes, int first) {
  const bool opens = modes.back().line == first;
  headers_.resize(std::min(headers_.size(), modes.size() - 1 - (opens ? 1 : 0)));
  modes_.clear();
  for (const config::OpenMode& m : modes) modes_.push_back(m.mode);
  Store(headers_.size(), taken.front());
  lines_.insert(lines_.end(), taken.begin() + 1, taken.end());
  if (!opens) return;
  headers_.push_back(taken.front());
  written_ = headers_.size();
}

// Puts the line below the first `depth` headers, which are written again if the lines stand elsewhere.
void Candidate::Store(size_t depth, absl::string_view line) {
  for (written_ = std::min(written_, depth); written_ < depth; ++written_)
    lines_.push_back(absl::StrCat(std::string(written_, ' '), headers_[written_]));
  lines_.push_back(absl::StrCat(std::string(depth, ' '), line));
}

bool Candidate::Exit() {
  if (modes_.size() == 1) return false;
  modes_.pop_back();
  headers_.pop_back();
  if (written_ > headers_.size()) {
    lines_.push_back(absl::StrCat(std::string(headers_.size(), ' '), "exit"));
    written_ = headers_.size();
  }
  return true;
}

void Candidate::ToTop() {
  while (Exit()) {
  }
}

void Candidate::Clear() {
  for (auto* list : {&lines_, &text_}) {
    for (std::string& s : *list) WipeMemory(s.data(), s.size());
    list->clear();
  }
  written_ = 0;
}

std::string Candidate::TextNotice() const {
  const std::vector<absl::string_view> words =
      absl::StrSplit(text_.front(), absl::ByAnyChar(" \t"), absl::SkipEmpty());
  const absl::string_view text = words.size() > 2 ? words[2] : "^C";  // banner KIND TEXT
  return absl::StrCat("Enter TEXT message.  End with the character '",
                      text.substr(0, absl::StartsWith(text, "^C") ? 2 : 1), "'.");
}

}  // namespace flexvpn::shell
