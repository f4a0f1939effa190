// SPDX-License-Identifier: Apache-2.0
#include "app/shell/complete.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "app/shell/pipe.h"

namespace flexvpn::shell {
namespace {

using config::HelpAnswer;
using config::HelpItem;
using config::ModeId;

bool EndsInBlank(absl::string_view line) {
  return line.empty() || absl::ascii_isspace(static_cast<unsigned char>(line.back()));
}

// The exec prompt, and what `do`, `show` and `commit` of configuration mode lead to.
HelpAnswer ExecHelp(absl::string_view line, size_t offset) {
  if (line.find('|') != absl::string_view::npos) {
    HelpAnswer out = HelpForPipe(line);
    if (out.column > 0) out.column += static_cast<int>(offset);
    return out;
  }
  HelpAnswer out = config::Help(ModeId::kExec, line);
  if (out.column > 0) out.column += static_cast<int>(offset);
  const bool shows = Abbreviates(FirstWord(line).word, "show", 2);
  if (shows && !out.items.empty() && out.items.back().word == "<cr>")
    out.items.insert(out.items.end() - 1, {"|", "output modifiers"});
  return out;
}

constexpr struct {
  const char* word;
  const char* help;
  size_t least;  // octets that tell it from commands of the configuration
} kInConfig[] = {{"abort", "leave and forget what is not committed", 2},
                 {"commit", "put the lines into force", 3},
                 {"show", "what is there; `show configuration diff`: what a commit would change", 3}};

}  // namespace

bool Abbreviates(absl::string_view word, absl::string_view full, size_t least) {
  return word.size() >= std::min(least, full.size()) && absl::StartsWithIgnoreCase(full, word);
}

Split FirstWord(absl::string_view line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  const size_t end = std::min(line.find_first_of(" \t"), line.size());
  return {line.substr(0, end), absl::StripLeadingAsciiWhitespace(line.substr(end))};
}

HelpAnswer HelpAt(const Modes& modes, absl::string_view line) {
  if (modes.empty()) return ExecHelp(line, 0);
  const Split split = FirstWord(line);
  const bool first = split.word.empty() || (split.rest.empty() && !EndsInBlank(line));
  if (!first) {
    if (absl::EqualsIgnoreCase(split.word, "do"))
      return ExecHelp(split.rest, static_cast<size_t>(split.rest.data() - line.data()));
    for (const auto& own : kInConfig)
      if (Abbreviates(split.word, own.word, own.least)) return ExecHelp(line, 0);
  }
  HelpAnswer out = config::Help(modes.back(), line);
  // Commands of the modes around are taken, too.
  for (size_t i = modes.size() - 1; !first && out.items.empty() && i-- > 0;)
    if (HelpAnswer outer = config::Help(modes[i], line); !outer.items.empty()) out = std::move(outer);
  if (!first) return out;
  for (const auto& own : kInConfig)
    if (absl::StartsWithIgnoreCase(own.word, split.word)) out.items.push_back({own.word, own.help});
  std::stable_sort(out.items.begin(), out.items.end(),
                   [](const HelpItem& a, const HelpItem& b) { return a.word < b.word; });
  return out;
}

std::vector<std::string> CompletionsAt(const Modes& modes, absl::string_view line) {
  std::vector<std::string> out;
  for (const HelpItem& i : HelpAt(modes, line).items) {
    const bool form =
        i.word[0] == '<' || i.word[0] == '|' || absl::ascii_isupper(static_cast<unsigned char>(i.word[0]));
    if (!form) out.push_back(i.word);
  }
  return out;
}

std::string FormatHelp(const HelpAnswer& answer, absl::string_view line, size_t prompt, size_t width) {
  if (answer.items.empty()) {
    if (answer.column == 0) return "% Unrecognized command\n";
    return absl::StrCat(std::string(prompt + static_cast<size_t>(answer.column) - 1, ' '),
                        "^\n% Invalid input detected at '^' marker.\n");
  }
  size_t longest = 0;
  for (const HelpItem& i : answer.items) longest = std::max(longest, i.word.size());
  std::string out;
  if (EndsInBlank(line)) {
    for (const HelpItem& i : answer.items) {
      absl::StrAppend(&out, "  ", i.word);
      if (!i.help.empty()) absl::StrAppend(&out, std::string(longest - i.word.size() + 2, ' '), i.help);
      out += '\n';
    }
    return out;
  }
  const size_t columns = std::max<size_t>(1, width / (longest + 2));
  for (size_t i = 0; i < answer.items.size(); ++i) {
    const std::string& word = answer.items[i].word;
    const bool last = i + 1 == answer.items.size() || (i + 1) % columns == 0;
    absl::StrAppend(&out, word, last ? "\n" : std::string(longest + 2 - word.size(), ' '));
  }
  return out;
}

}  // namespace flexvpn::shell
