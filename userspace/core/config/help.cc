// SPDX-License-Identifier: Apache-2.0
#include "core/config/help.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"
#include "core/config/words.h"

namespace flexvpn::config {
namespace {

// A place in the tree a line may have come to, and the words that led there.
struct Position {
  const Node* node;
  std::string path;
};

std::vector<Position> Next(const std::vector<Position>& from, const Line& line, size_t i) {
  std::vector<Position> exact, out;
  for (const Position& p : from) {
    if (p.node->type == ArgType::kWords || p.node->type == ArgType::kLine) out.push_back(p);  // takes the rest
    for (const auto& c : p.node->children) {
      if (Accepts(*c, line, i) == 0) continue;
      Position next{c.get(), absl::StrCat(p.path, p.path.empty() ? "" : " ", PathWord(*c))};
      if (c->type == ArgType::kKeyword && absl::EqualsIgnoreCase(c->name, line.words[i].text)) exact.push_back(next);
      out.push_back(std::move(next));
    }
  }
  return exact.empty() ? out : exact;
}

void Add(std::vector<HelpItem>& items, std::string word, std::string help) {
  for (const HelpItem& i : items)
    if (i.word == word) return;
  items.push_back({std::move(word), std::move(help)});
}

// Splits off `no`, `default` and `do`: the mode and line that remain.
void Strip(ModeId& mode, absl::string_view& line, bool& negated) {
  for (;;) {
    line = absl::StripLeadingAsciiWhitespace(line);
    const size_t blank = line.find_first_of(" \t");
    if (blank == absl::string_view::npos || mode == ModeId::kExec) return;
    const std::string first = absl::AsciiStrToLower(line.substr(0, blank));
    if (first == "do") mode = ModeId::kExec;
    else if (!negated && (first == "no" || first == "default")) negated = true;
    else return;
    line.remove_prefix(blank);
  }
}

void AddChildren(const Position& p, const Line& line, size_t complete, bool partial, std::vector<HelpItem>& items) {
  const auto list = [&](const std::vector<std::string>& words, const std::string& help) {
    for (const std::string& w : words)
      if (!partial || absl::StartsWithIgnoreCase(w, line.words[complete].text)) Add(items, w, help);
  };
  if (p.node->type == ArgType::kWords && p.node->choices != nullptr) list(*p.node->choices, HelpOf(p.path, *p.node));
  for (const auto& c : p.node->children) {
    if (!c->own || (partial && c->type == ArgType::kKeyword && !absl::StartsWithIgnoreCase(c->name, line.words[complete].text)))
      continue;
    const std::string help = HelpOf(absl::StrCat(p.path, p.path.empty() ? "" : " ", PathWord(*c)), *c);
    if (c->choices != nullptr) list(*c->choices, help);
    else if (c->type == ArgType::kKeyword || !partial || Accepts(*c, line, complete) != 0) Add(items, ArgForm(*c), help);
  }
}

}  // namespace

HelpAnswer Help(ModeId mode, absl::string_view text) {
  HelpAnswer out;
  bool negated = false;
  const absl::string_view all = text;
  const auto control = std::find_if(text.begin(), text.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c)) && !absl::ascii_isspace(static_cast<unsigned char>(c));
  });
  const size_t odd = std::min(static_cast<size_t>(control - text.begin()), text.find_first_of("\r\n"));
  if (odd < text.size()) {  // nobody types these
    out.column = static_cast<int>(odd) + 1;
    return out;
  }
  const ModeId outer = mode;
  Strip(mode, text, negated);
  const bool at_blank = text.empty() || absl::ascii_isspace(static_cast<unsigned char>(text.back()));
  const Line line = LexLine(text);
  if (!line.comment.text.empty()) return out;  // anything may follow
  const size_t complete = line.words.size() - (at_blank || line.words.empty() ? 0 : 1);
  std::vector<Position> at = {{&GetMode(mode).root, ""}};
  for (size_t i = 0; i < complete; ++i) {
    at = Next(at, line, i);
    if (!at.empty()) continue;
    out.column = line.words[i].column + static_cast<int>(all.size() - text.size());
    return out;
  }
  const bool partial = complete < line.words.size();
  bool ends = false;
  for (const Position& p : at) {
    AddChildren(p, line, complete, partial, out.items);
    if (p.node->command != nullptr || (negated && p.node->no_command != nullptr)) ends = true;
  }
  if (complete == 0 && !negated && mode == outer && mode != ModeId::kExec)
    for (const auto& [word, help] : {std::pair("default", "Restore the built-in value"), {"do", "A command of the shell"},
                                     {"end", "Leave the configuration"}, {"exit", "Leave this mode"}, {"no", "Remove a line"}})
      if (!partial || absl::StartsWithIgnoreCase(word, line.words[0].text)) Add(out.items, word, help);
  std::stable_sort(out.items.begin(), out.items.end(), [](const HelpItem& a, const HelpItem& b) { return a.word < b.word; });
  if (ends && !partial && complete > 0) out.items.push_back({"<cr>", ""});
  return out;
}

std::vector<std::string> Complete(ModeId mode, absl::string_view line) {
  std::vector<std::string> out;
  for (const HelpItem& i : Help(mode, line).items) {
    const bool form = i.word[0] == '<' || absl::ascii_isupper(static_cast<unsigned char>(i.word[0]));
    if (!form) out.push_back(i.word);
  }
  return out;
}

}  // namespace flexvpn::config
