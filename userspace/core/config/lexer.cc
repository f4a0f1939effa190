// SPDX-License-Identifier: Apache-2.0
#include "core/config/lexer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/config/names.h"

namespace flexvpn::config {
namespace {

bool Blank(char c) { return c == ' ' || c == '\t' || c == '\v' || c == '\f'; }
bool Control(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (u < 0x20 && !Blank(c)) || u == 0x7f;
}

absl::string_view TrimRight(absl::string_view s) {
  while (!s.empty() && (Blank(s.back()) || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

std::vector<Word> Split(absl::string_view s) {
  std::vector<Word> out;
  for (size_t i = 0; i < s.size();) {
    if (Blank(s[i])) {
      ++i;
      continue;
    }
    size_t j = i;
    while (j < s.size() && !Blank(s[j])) ++j;
    out.push_back({s.substr(i, j - i), static_cast<int>(i) + 1});
    i = j;
  }
  return out;
}

void Fill(absl::string_view raw, Line* line) {
  line->raw = TrimRight(raw);
  line->words = Split(line->raw);
  line->indent = line->words.empty() ? 0 : line->words[0].column - 1;
  line->comment = {};
  line->code = line->raw;
  for (size_t i = 0; i < line->words.size(); ++i) {
    if (line->words[i].text[0] != '!') continue;
    line->comment = line->words[i];
    line->code = TrimRight(line->raw.substr(0, static_cast<size_t>(line->comment.column - 1)));
    line->words.resize(i);
    break;
  }
}

// Words after which the rest of the line is secret, and the words between that are not.
bool IntroducesSecret(const std::vector<Word>& words, size_t i) {
  const std::string w = absl::AsciiStrToLower(words[i].text.substr(0, 32));
  static constexpr absl::string_view kExact[] = {"key",        "password", "secret",      "community",
                                                 "key-string", "md5",      "authkey",     "server-private",
                                                 "passphrase", "passwd"};
  for (absl::string_view k : kExact) {
    if (w != k) continue;
    // `tunnel key 5`, `set … key` of no secrecy
    return !(w == "key" && i > 0 && absl::StartsWithIgnoreCase("tunnel", words[i - 1].text));
  }
  if (w == "pre" || absl::StartsWith(w, "pre-") || absl::StartsWith(w, "presh")) return true;
  if (w.size() >= 11 && EditDistance(w, "pre-shared-key") <= 4) return true;
  if (absl::StartsWith(w, "auth") && i > 0 && absl::AsciiStrToLower(words[i - 1].text) == "nhrp") return true;
  return false;
}

bool HarmlessAfterSecret(absl::string_view word) {
  const std::string w = absl::AsciiStrToLower(word.substr(0, 16));
  return w == "local" || w == "remote" || w == "0" || w == "6" || w == "7" || w == "5" || w == "8" || w == "9" ||
         w == "hex" || w == "key";
}

// [begin, end) octets of each secret word.
std::vector<std::pair<size_t, size_t>> SecretSpans(absl::string_view line) {
  std::vector<std::pair<size_t, size_t>> spans;
  const std::vector<Word> words = Split(line);
  bool secret = false, seen = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const auto begin = static_cast<size_t>(words[i].column - 1);
    if (secret && (seen || !HarmlessAfterSecret(words[i].text) || i + 1 == words.size())) {
      if (!seen && IntroducesSecret(words, i) && i + 1 < words.size()) continue;
      spans.emplace_back(begin, begin + words[i].text.size());
      seen = true;
    } else if (!secret) {
      secret = IntroducesSecret(words, i);
    }
  }
  return spans;
}

}  // namespace

Lexer::Lexer(absl::string_view text, std::vector<Diagnostic>* diagnostics) : rest_(text), diagnostics_(diagnostics) {
  if (rest_.size() > kMaxTextBytes) {
    diagnostics_->push_back({Diagnostic::Severity::kError, {1, 1}, "the configuration is larger than 16 MiB", ""});
    rest_ = rest_.substr(0, kMaxTextBytes);
  }
  if (absl::StartsWith(rest_, "\xef\xbb\xbf")) rest_.remove_prefix(3);  // byte order mark of some editors
}

bool Lexer::Cut(Line* line) {
  if (rest_.empty()) return false;
  if (++number_ > kMaxLines) {
    diagnostics_->push_back({Diagnostic::Severity::kError,
                             {number_, 1},
                             absl::StrCat("more than ", kMaxLines, " lines; the rest is not read"),
                             ""});
    rest_ = {};
    return false;
  }
  const size_t n = rest_.find('\n');
  absl::string_view raw = rest_.substr(0, n);
  rest_ = n == absl::string_view::npos ? absl::string_view() : rest_.substr(n + 1);
  line->number = number_;
  if (raw.size() > kMaxLineBytes) {
    diagnostics_->push_back({Diagnostic::Severity::kError,
                             {number_, static_cast<int>(kMaxLineBytes) + 1},
                             absl::StrCat("line longer than ", kMaxLineBytes, " octets"),
                             ""});
    raw = raw.substr(0, kMaxLineBytes);
  }
  Fill(raw, line);
  return true;
}

bool Lexer::NextRaw(Line* line) { return Cut(line); }

bool Lexer::Next(Line* line) {
  while (Cut(line)) {
    if (line->words.empty()) continue;
    const auto bad = std::find_if(line->code.begin(), line->code.end(), Control);
    if (bad != line->code.end()) {
      const int column = static_cast<int>(bad - line->code.begin()) + 1;
      if (absl::AsciiStrToLower(line->words[0].text) != "banner") {
        diagnostics_->push_back(
            {Diagnostic::Severity::kError, {line->number, column}, "unprintable character", "remove it"});
        continue;
      }
    }
    return true;
  }
  return false;
}

Line LexLine(absl::string_view text) {
  Line line;
  line.number = 1;
  Fill(text.substr(0, kMaxLineBytes), &line);
  return line;
}

std::string MaskSecrets(absl::string_view line, int* column) {
  constexpr absl::string_view kMask = "*****";
  std::string out;
  size_t from = 0;
  const int want = column != nullptr ? *column : 0;
  for (const auto& [begin, end] : SecretSpans(line)) {
    const auto at = static_cast<size_t>(want > 0 ? want - 1 : 0);
    if (column != nullptr && at >= end) {
      *column += static_cast<int>(kMask.size()) - static_cast<int>(end - begin);
    } else if (column != nullptr && at > begin) {
      *column -= static_cast<int>(at - begin);
    }
    absl::StrAppend(&out, line.substr(from, begin - from), kMask);
    from = end;
  }
  absl::StrAppend(&out, line.substr(from));
  return out;
}

bool IsSecretAt(absl::string_view line, int column) {
  for (const auto& [begin, end] : SecretSpans(line))
    if (column >= static_cast<int>(begin) + 1 && column <= static_cast<int>(end)) return true;
  return false;
}

}  // namespace flexvpn::config
