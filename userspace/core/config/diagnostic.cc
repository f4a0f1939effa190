// SPDX-License-Identifier: Apache-2.0
// Messages as a user reads them: file:line:column, the source line with a caret, a hint.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/config/lexer.h"

namespace flexvpn::config {
namespace {

absl::string_view LineOf(absl::string_view text, int number) {
  for (int n = 1; n < number; ++n) {
    const size_t end = text.find('\n');
    if (end == absl::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

const char* Name(Diagnostic::Severity s) {
  switch (s) {
    case Diagnostic::Severity::kError: return "error";
    case Diagnostic::Severity::kWarning: return "warning";
    case Diagnostic::Severity::kInfo: return "note";
  }
  return "";
}

}  // namespace

std::string FormatDiagnostic(const Diagnostic& d, absl::string_view file, absl::string_view text) {
  std::string out(file);
  if (d.where.line > 0) absl::StrAppend(&out, ":", d.where.line, ":", std::max(1, d.where.column));
  absl::StrAppend(&out, ": ", Name(d.severity), ": ", d.message, "\n");
  absl::string_view raw = d.where.line > 0 ? LineOf(text, d.where.line) : absl::string_view();
  while (!raw.empty() && (raw.back() == '\r' || raw.back() == ' ' || raw.back() == '\t')) raw.remove_suffix(1);
  raw = raw.substr(0, kMaxLineBytes);
  if (!raw.empty()) {
    int column = std::max(1, d.where.column);
    std::string line = MaskSecrets(raw, &column);
    for (char& c : line)  // one column an octet; nothing that a terminal would obey
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = c == '\t' ? ' ' : '?';
    constexpr size_t kWidth = 120;
    if (line.size() > kWidth) {
      const size_t from = static_cast<size_t>(column) > kWidth / 2
                              ? std::min(static_cast<size_t>(column) - kWidth / 2, line.size() - kWidth)
                              : 0;
      line = line.substr(from, kWidth);
      column -= static_cast<int>(from);
    }
    const std::string number = absl::StrCat(d.where.line);
    column = std::clamp(column, 1, static_cast<int>(line.size()) + 2);
    absl::StrAppend(&out, "  ", number, " | ", line, "\n  ", std::string(number.size(), ' '), " | ",
                    std::string(static_cast<size_t>(column - 1), ' '), "^\n");
  }
  if (!d.hint.empty()) absl::StrAppend(&out, "  hint: ", d.hint, "\n");
  return out;
}

}  // namespace flexvpn::config
