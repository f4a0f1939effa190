// SPDX-License-Identifier: Apache-2.0
#include "core/config/command.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace flexvpn::config {

bool Call::Has(absl::string_view keyword) const {
  return std::any_of(args.begin(), args.end(),
                     [&](const Arg& a) { return a.type == ArgType::kKeyword && a.name == keyword; });
}
const Arg* Call::Find(absl::string_view name) const {
  for (const Arg& a : args)
    if (a.type != ArgType::kKeyword && a.name == name) return &a;
  return nullptr;
}
std::string Call::Text(absl::string_view name) const {
  const Arg* a = Find(name);
  return a == nullptr ? "" : a->text;
}
uint64_t Call::Number(absl::string_view name, uint64_t missing) const {
  const Arg* a = set() ? Find(name) : nullptr;
  return a == nullptr ? missing : a->number;
}

// --- patterns -> tree ---------------------------------------------------------------------------------------
namespace {

struct Token {
  ArgType type = ArgType::kKeyword;
  std::string name;
  uint64_t min = 0, max = 0;
  const std::vector<std::string>* choices = nullptr;
};
using Sequence = std::vector<Token>;

Token MakeToken(absl::string_view text) {
  Token t;
  if (text[0] != '<') {
    t.name = std::string(text);
    return t;
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(text.substr(1, text.size() - 2), absl::MaxSplits(':', 1));
  t.name = std::string(parts[0]);
  t.type = ArgType::kWord;
  if (parts.size() == 1) return t;
  static constexpr std::pair<absl::string_view, ArgType> kTypes[] = {
      {"ipv4", ArgType::kIpv4},         {"ipv6", ArgType::kIpv6},     {"address", ArgType::kAddress},
      {"mask", ArgType::kMask},         {"wildcard", ArgType::kWildcard}, {"prefix", ArgType::kPrefix},
      {"interface", ArgType::kInterface}, {"secret", ArgType::kSecret}, {"line", ArgType::kLine},
      {"words", ArgType::kWords}};
  for (const auto& [name, type] : kTypes)
    if (parts[1] == name) t.type = type;
  if (t.type != ArgType::kWord) return t;
  absl::string_view list = parts[1];
  const bool several = absl::ConsumeSuffix(&list, "...");
  if ((t.choices = WordList(list)) != nullptr) {
    t.type = several ? ArgType::kWords : ArgType::kWord;
    return t;
  }
  t.type = ArgType::kNumber;
  const std::vector<absl::string_view> range = absl::StrSplit(parts[1], '-');
  (void)absl::SimpleAtoi(range[0], &t.min);
  (void)absl::SimpleAtoi(range[1], &t.max);
  return t;
}

std::vector<Sequence> ParseSequence(absl::string_view* p);

// Alternatives up to `close`.
std::vector<Sequence> ParseAlternatives(absl::string_view* p, char close) {
  std::vector<Sequence> out;
  for (;;) {
    for (Sequence& s : ParseSequence(p)) out.push_back(std::move(s));
    if (p->empty()) return out;
    const char c = (*p)[0];
    p->remove_prefix(1);
    if (c == close) return out;
  }
}

std::vector<Sequence> ParseSequence(absl::string_view* p) {
  std::vector<Sequence> out(1);
  for (;;) {
    *p = absl::StripLeadingAsciiWhitespace(*p);
    if (p->empty() || (*p)[0] == '|' || (*p)[0] == ']' || (*p)[0] == '}') return out;
    std::vector<Sequence> next;
    const char c = (*p)[0];
    if (c == '[' || c == '{') {
      p->remove_prefix(1);
      next = ParseAlternatives(p, c == '[' ? ']' : '}');
      if (c == '[') next.emplace_back();
    } else {
      const size_t n = c == '<' ? p->find('>') + 1 : std::min(p->find_first_of(" |]}"), p->size());
      next = {{MakeToken(p->substr(0, n))}};
      p->remove_prefix(n);
    }
    if (next.size() == 1) {  // nothing to choose
      for (Sequence& a : out) a.insert(a.end(), next[0].begin(), next[0].end());
      continue;
    }
    std::vector<Sequence> product;
    for (const Sequence& a : out) {
      for (const Sequence& b : next) {
        product.push_back(a);
        product.back().insert(product.back().end(), b.begin(), b.end());
      }
    }
    out = std::move(product);
  }
}

size_t FixedWords(absl::string_view pattern) {
  size_t n = 0;
  for (absl::string_view w : absl::StrSplit(pattern, ' ', absl::SkipEmpty())) {
    if (w[0] == '<' || w[0] == '[' || w[0] == '{') break;
    ++n;
  }
  return n;
}

Node* Child(Node* node, const Token& t) {
  for (auto& c : node->children)
    if (c->type == t.type && c->name == t.name && c->min == t.min && c->max == t.max && c->choices == t.choices)
      return c.get();
  auto fresh = std::make_unique<Node>();
  fresh->type = t.type;
  fresh->name = t.name;
  fresh->min = t.min;
  fresh->max = t.max;
  fresh->choices = t.choices;
  node->children.push_back(std::move(fresh));
  return node->children.back().get();
}

}  // namespace

void Mode::Add(std::vector<Command> list) {
  for (Command& c : list) {
    commands.push_back(std::make_unique<Command>(std::move(c)));
    Command* command = commands.back().get();
    command->fixed_words = FixedWords(command->pattern);
    absl::string_view p = command->pattern;
    for (const Sequence& s : ParseSequence(&p)) {
      Node* node = &root;
      for (size_t i = 0; i < s.size(); ++i) {
        node = Child(node, s[i]);
        if (command->kind == Command::Kind::kOwn || command->kind == Command::Kind::kKept) node->own = true;
        if (i + 1 == command->fixed_words && node->no_command == nullptr) node->no_command = command;
      }
      if (node->command == nullptr) node->command = command;
    }
  }
}

}  // namespace flexvpn::config
