// SPDX-License-Identifier: Apache-2.0
#include "app/shell/pipe.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace flexvpn::shell {
namespace {

using config::ExecError;

struct Name {
  const char* word;
  const char* help;
  FilterKind kind;
};
constexpr Name kNames[] = {
    {"begin", "begin with the line that matches", FilterKind::kBegin},
    {"count", "count number of lines which match", FilterKind::kCount},
    {"exclude", "leave out lines that match", FilterKind::kExclude},
    {"include", "lines that match", FilterKind::kInclude},
    {"json", "the answer as JSON (docs/show-json.md)", FilterKind::kJson},
    {"section", "sections that match, with what belongs to them", FilterKind::kSection},
};

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// One piece of the line behind a '|'.
struct Piece {
  size_t word = 0, word_end = 0;  // octets of the name of the filter; equal if there is none
  absl::string_view expression;   // without blanks around it
};

Piece Dissect(absl::string_view line, size_t begin, size_t end) {
  Piece p;
  p.word = begin;
  while (p.word < end && IsBlank(line[p.word])) ++p.word;
  p.word_end = p.word;
  while (p.word_end < end && !IsBlank(line[p.word_end])) ++p.word_end;
  p.expression = absl::StripAsciiWhitespace(line.substr(p.word_end, end - p.word_end));
  return p;
}

std::vector<const Name*> Matching(absl::string_view word) {
  std::vector<const Name*> out;
  for (const Name& n : kNames)
    if (absl::StartsWithIgnoreCase(n.word, word)) out.push_back(&n);
  return out;
}

ExecError ErrorAt(absl::string_view line, size_t at, std::string hint) {
  return {"Invalid input detected at '^' marker.", std::string(line), static_cast<int>(at) + 1,
          std::move(hint)};
}

ExecError ReadFilter(absl::string_view line, const Piece& piece, bool first, std::vector<Filter>* out) {
  std::vector<std::string> words;
  for (const Name& n : kNames) words.emplace_back(n.word);
  const std::string expected = absl::StrCat("expected ", absl::StrJoin(words, ", "));
  if (piece.word == piece.word_end) return {"Incomplete command.", "", 0, expected};
  const std::vector<const Name*> names = Matching(line.substr(piece.word, piece.word_end - piece.word));
  if (names.size() != 1) return ErrorAt(line, piece.word, expected);
  const auto expression_at = static_cast<size_t>(piece.expression.data() - line.data());
  Filter filter{names[0]->kind, nullptr};
  if (filter.kind == FilterKind::kJson) {
    if (!first) return ErrorAt(line, piece.word, "json must be the first filter");
    if (!piece.expression.empty()) return ErrorAt(line, expression_at, "json stands alone");
    out->push_back(std::move(filter));
    return {};
  }
  if (piece.expression.empty()) return {"Incomplete command.", "", 0, "expected a regular expression"};
  auto re = std::make_unique<regex_t>();
  if (const int code = regcomp(re.get(), std::string(piece.expression).c_str(), REG_EXTENDED | REG_NOSUB);
      code != 0) {
    char why[128];
    regerror(code, re.get(), why, sizeof why);
    return ErrorAt(line, expression_at, absl::StrCat("not a regular expression: ", why));
  }
  filter.re = std::shared_ptr<const regex_t>(re.release(), [](regex_t* r) {
    regfree(r);
    delete r;
  });
  out->push_back(std::move(filter));
  return {};
}

// Where a '|' that begins a further filter stands at or behind `from`.  In an expression that is one with a
// blank before and the name of a filter, of three letters at least, behind it; all other '|' are
// alternatives.
size_t NextPipe(absl::string_view line, size_t from, bool in_expression) {
  for (size_t i = from; i < line.size(); ++i) {
    if (line[i] != '|') continue;
    if (!in_expression) return i;
    const Piece p = Dissect(line, i + 1, line.size());
    const absl::string_view word = line.substr(p.word, p.word_end - p.word);
    if (IsBlank(line[i - 1]) && word.size() >= 3 && Matching(word).size() == 1) return i;
  }
  return absl::string_view::npos;
}

// Whether the filter that begins at `at`, the octet of its '|', takes an expression.
bool TakesExpression(absl::string_view line, size_t at) {
  const Piece p = Dissect(line, at + 1, line.size());
  const std::vector<const Name*> names = Matching(line.substr(p.word, p.word_end - p.word));
  return names.size() != 1 || names[0]->kind != FilterKind::kJson;
}

bool Matches(const regex_t& re, absl::string_view line) {
  return regexec(&re, std::string(line).c_str(), 0, nullptr, 0) == 0;
}

size_t Indent(absl::string_view line) { return std::min(line.find_first_not_of(" \t"), line.size()); }

// Lines of `section`: for each match the heads above it, itself, and what is indented more below it.
std::vector<absl::string_view> Sections(const regex_t& re, const std::vector<absl::string_view>& lines) {
  std::vector<absl::string_view> out;
  struct Head {
    size_t indent;
    absl::string_view line;
    bool printed;
  };
  std::vector<Head> heads;  // lines that the current one stands under, by indent
  bool inside = false;      // below a line that matched
  size_t inside_indent = 0;
  for (absl::string_view line : lines) {
    const size_t indent = Indent(line);
    if (inside && indent <= inside_indent) inside = false;
    while (!heads.empty() && heads.back().indent >= indent) heads.pop_back();
    const bool matches = Matches(re, line);
    if (matches && !inside) {
      for (Head& h : heads)
        if (!h.printed) out.push_back(h.line), h.printed = true;
      inside = true;
      inside_indent = indent;
    }
    if (inside) out.push_back(line);
    heads.push_back({indent, line, inside});
  }
  return out;
}

std::vector<absl::string_view> Select(const Filter& f, const std::vector<absl::string_view>& lines) {
  if (f.kind == FilterKind::kSection) return Sections(*f.re, lines);
  std::vector<absl::string_view> out;
  bool begun = false;
  for (absl::string_view line : lines) {
    if (!begun) {
      const bool matches = Matches(*f.re, line);
      if (f.kind == FilterKind::kBegin) begun = matches;
      if (matches == (f.kind == FilterKind::kExclude)) continue;
    }
    out.push_back(line);
  }
  return out;
}

}  // namespace

Piped SplitPipes(absl::string_view line) {
  Piped out;
  out.pipe = line.find('|');
  out.command = std::string(absl::StripTrailingAsciiWhitespace(line.substr(0, out.pipe)));
  for (size_t at = out.pipe; at != absl::string_view::npos;) {
    const size_t next = NextPipe(line, at + 1, TakesExpression(line, at));
    const Piece piece = Dissect(line, at + 1, std::min(next, line.size()));
    out.error = ReadFilter(line, piece, at == out.pipe, &out.filters);
    if (!out.error.message.empty()) return out;
    at = next;
  }
  return out;
}

std::string ApplyFilters(const std::vector<Filter>& filters, absl::string_view text) {
  std::string current(text);
  for (const Filter& f : filters) {
    if (f.kind == FilterKind::kJson) continue;
    std::vector<absl::string_view> lines = absl::StrSplit(current, '\n');
    if (!lines.empty() && lines.back().empty()) lines.pop_back();
    std::string next;
    if (f.kind == FilterKind::kCount) {
      const auto n = Select({FilterKind::kInclude, f.re}, lines).size();
      next = absl::StrCat("Number of lines which match regexp = ", n, "\n");
    } else {
      for (absl::string_view l : Select(f, lines)) absl::StrAppend(&next, l, "\n");
    }
    current = std::move(next);
  }
  return current;
}

config::HelpAnswer HelpForPipe(absl::string_view line) {
  config::HelpAnswer out;
  size_t at = line.find('|');
  for (size_t next; (next = NextPipe(line, at + 1, TakesExpression(line, at))) != absl::string_view::npos;)
    at = next;
  const Piece piece = Dissect(line, at + 1, line.size());
  if (piece.word_end == line.size()) {  // the name of the filter is being written
    for (const Name* n : Matching(line.substr(piece.word, piece.word_end - piece.word)))
      out.items.push_back({n->word, n->help});
    return out;
  }
  const std::vector<const Name*> names = Matching(line.substr(piece.word, piece.word_end - piece.word));
  if (names.size() != 1) {
    out.column = static_cast<int>(piece.word) + 1;
  } else if (names[0]->kind == FilterKind::kJson) {
    out.items = {{"|", "a further filter"}, {"<cr>", ""}};
  } else {
    out.items = {{"LINE", "regular expression (POSIX extended)"}};
  }
  return out;
}

}  // namespace flexvpn::shell
