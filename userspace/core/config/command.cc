// SPDX-License-Identifier: Apache-2.0
#include "core/config/command.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

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
      {"ipv4", ArgType::kIpv4},         {"address", ArgType::kAddress}, {"mask", ArgType::kMask},
      {"wildcard", ArgType::kWildcard}, {"prefix", ArgType::kPrefix},   {"interface", ArgType::kInterface},
      {"secret", ArgType::kSecret},     {"line", ArgType::kLine},       {"words", ArgType::kWords}};
  for (const auto& [name, type] : kTypes)
    if (parts[1] == name) t.type = type;
  if (t.type != ArgType::kWord) return t;
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
    if (c->type == t.type && c->name == t.name && c->min == t.min && c->max == t.max) return c.get();
  auto fresh = std::make_unique<Node>();
  fresh->type = t.type;
  fresh->name = t.name;
  fresh->min = t.min;
  fresh->max = t.max;
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
        if (command->kind == Command::Kind::kOwn) node->own = true;
        if (i + 1 == command->fixed_words && node->no_command == nullptr) node->no_command = command;
      }
      if (node->command == nullptr) node->command = command;
    }
  }
}

// --- matching -------------------------------------------------------------------------------------------------
namespace {

std::string ArgLabel(const Node& n) {
  switch (n.type) {
    case ArgType::kKeyword: return absl::StrCat("'", n.name, "'");
    case ArgType::kNumber: return absl::StrCat("a number from ", n.min, " to ", n.max);
    case ArgType::kIpv4: return "an IPv4 address";
    case ArgType::kAddress: return "an IP address";
    case ArgType::kMask: return "a netmask";
    case ArgType::kWildcard: return "a wildcard mask";
    case ArgType::kPrefix: return "a prefix (address/length)";
    case ArgType::kInterface: return "an interface";
    case ArgType::kSecret: return "the key";
    case ArgType::kLine: return "text";
    case ArgType::kWord:
    case ArgType::kWords: return absl::StrCat("<", n.name, ">");
  }
  return "";
}

struct Matcher {
  const Line& line;
  Op op;
  std::vector<Arg> args;
  const Command* command = nullptr;
  Mismatch mismatch;
  int steps = 0;  // bound of the search; the tree is small and lines are short

  void Fail(size_t word, const Node* expected, absl::string_view detail) {
    if (word < mismatch.word) return;
    if (word > mismatch.word) mismatch = {word, {}, {}, ""};
    if (!detail.empty() && mismatch.detail.empty()) mismatch.detail = std::string(detail);
    if (expected == nullptr) return;
    const bool offer = expected->own;
    if (!offer && expected->type != ArgType::kKeyword) return;
    const std::string label = ArgLabel(*expected);
    auto add = [](std::vector<std::string>& list, const std::string& s) {
      if (std::find(list.begin(), list.end(), s) == list.end()) list.push_back(s);
    };
    if (offer) add(mismatch.expected, label);
    if (expected->type == ArgType::kKeyword) add(mismatch.keywords, expected->name);
  }

  // Tries `node` at word `i`; returns the words used, 0 if it does not fit.
  size_t Take(const Node& node, size_t i, Arg* arg) {
    const Word& w = line.words[i];
    arg->type = node.type;
    arg->name = node.name;
    arg->text = std::string(w.text);
    arg->column = w.column;
    switch (node.type) {
      case ArgType::kKeyword:
      case ArgType::kWord:
        if (node.type == ArgType::kWord && w.text.size() > 255) return Fail(i, &node, "longer than 255 octets"), 0;
        return 1;
      case ArgType::kSecret:
        if (w.text.size() > 1024) return Fail(i, &node, "the key is longer than 1024 octets"), 0;
        return 1;
      case ArgType::kNumber: return TakeNumber(node, i, arg);
      case ArgType::kIpv4:
      case ArgType::kMask:
      case ArgType::kWildcard:
      case ArgType::kAddress: return TakeAddress(node, i, arg);
      case ArgType::kPrefix: return TakePrefix(node, i, arg);
      case ArgType::kInterface: {
        const auto name = ParseInterfaceName(w.text, i + 1 < line.words.size() ? line.words[i + 1].text : "");
        if (!name) return 0;
        arg->text = name->name;
        return name->words;
      }
      case ArgType::kLine:
        arg->text = std::string(line.code.substr(static_cast<size_t>(w.column - 1)));
        return line.words.size() - i;
      case ArgType::kWords:
        arg->words.assign(line.words.begin() + static_cast<std::ptrdiff_t>(i), line.words.end());
        return line.words.size() - i;
    }
    return 0;
  }

  size_t TakeNumber(const Node& node, size_t i, Arg* arg) {
    const absl::string_view t = line.words[i].text;
    if (t.empty() || !std::all_of(t.begin(), t.end(), [](char c) { return c >= '0' && c <= '9'; })) return 0;
    if (t.size() > 18 || !absl::SimpleAtoi(t, &arg->number) || arg->number < node.min || arg->number > node.max) {
      Fail(i, &node, absl::StrCat("must be a number from ", node.min, " to ", node.max));
      return 0;
    }
    return 1;
  }

  size_t TakeAddress(const Node& node, size_t i, Arg* arg) {
    const absl::string_view t = line.words[i].text;
    const auto a = net::IpAddress::Parse(t);
    if (!a || (node.type != ArgType::kAddress && !a->is_v4())) return 0;
    if (node.type == ArgType::kMask && !net::Prefix::FromMask(net::IpAddress::V4(0), *a)) {
      Fail(i, &node, "not a netmask: its ones are not contiguous");
      return 0;
    }
    if (node.type == ArgType::kWildcard && !net::Prefix::FromWildcard(net::IpAddress::V4(0), *a)) {
      Fail(i, &node, "only contiguous wildcard masks (0.0.0.255) are supported");
      return 0;
    }
    arg->address = *a;
    return 1;
  }

  size_t TakePrefix(const Node& node, size_t i, Arg* arg) {
    const absl::string_view t = line.words[i].text;
    if (t.find('/') == absl::string_view::npos) return 0;
    const auto p = net::Prefix::Parse(t);
    if (!p) return Fail(i, &node, "not a valid prefix"), 0;
    arg->prefix = *p;
    return 1;
  }

  bool Try(const Node& node, size_t i) {
    Arg arg;
    const size_t used = Take(node, i, &arg);
    if (used == 0) {
      Fail(i, &node, "");
      return false;
    }
    args.push_back(std::move(arg));
    if (From(node, i + used)) return true;
    args.pop_back();
    return false;
  }

  bool AtEnd(const Node& node, size_t i) {
    command = node.command != nullptr ? node.command : op != Op::kSet ? node.no_command : nullptr;
    // Which object goes must be said; `default crypto ikev2 proposal` means the one called default.
    if (command != nullptr && node.command == nullptr && op == Op::kNo && command->enter != ModeId::kNone)
      command = nullptr;
    if (command != nullptr) return true;
    if (i == line.words.size() && line.comment.text.size() > 1) {  // a key may begin with '!'
      for (const auto& c : node.children) {
        if (c->type != ArgType::kSecret || c->command == nullptr) continue;
        Arg arg;
        arg.type = ArgType::kSecret;
        arg.name = c->name;
        arg.text = std::string(line.comment.text);
        arg.column = line.comment.column;
        args.push_back(std::move(arg));
        command = c->command;
        return true;
      }
    }
    for (const auto& c : node.children) Fail(i, c.get(), "");
    return false;
  }

  bool From(const Node& node, size_t i) {
    if (++steps > 10000) return false;
    if (i >= line.words.size()) return AtEnd(node, i);
    if (node.children.empty()) {
      Fail(i, nullptr, "");
      return false;
    }
    const absl::string_view word = line.words[i].text;
    std::vector<const Node*> prefixed;
    for (const auto& c : node.children) {
      if (c->type != ArgType::kKeyword) continue;
      if (absl::EqualsIgnoreCase(c->name, word)) {
        if (Try(*c, i)) return true;
        prefixed.clear();
        break;
      }
      if (absl::StartsWithIgnoreCase(c->name, word)) prefixed.push_back(c.get());
    }
    return Rest(node, i, prefixed);
  }

  // After exact keywords: typed arguments, then abbreviations, then free words.
  bool Rest(const Node& node, size_t i, const std::vector<const Node*>& prefixed) {
    auto free = [](const Node& n) {
      return n.type == ArgType::kWord || n.type == ArgType::kSecret || n.type == ArgType::kLine ||
             n.type == ArgType::kWords || n.type == ArgType::kInterface;
    };
    for (const auto& c : node.children)
      if (c->type != ArgType::kKeyword && !free(*c) && Try(*c, i)) return true;
    const auto own = std::count_if(prefixed.begin(), prefixed.end(), [](const Node* n) { return n->own; });
    for (const Node* n : prefixed)  // a word of ours wins over those of other subsystems
      if ((prefixed.size() == 1 || (own == 1 && n->own)) && Try(*n, i)) return true;
    for (const auto& c : node.children)
      if (c->type != ArgType::kKeyword && free(*c) && Try(*c, i)) return true;
    if (prefixed.size() > 1) {
      std::vector<std::string> names;
      for (const Node* n : prefixed) names.push_back(absl::StrCat("'", n->name, "'"));
      Fail(i, nullptr, absl::StrCat("ambiguous: could be ", absl::StrJoin(names, ", ")));
    }
    for (const auto& c : node.children)
      if (c->type == ArgType::kKeyword) Fail(i, c.get(), "");
    return false;
  }
};

}  // namespace

bool Match(const Mode& mode, const Line& line, size_t first, Call* call, Mismatch* mismatch) {
  Matcher m{line, call->op, {}, nullptr, {}, 0};
  m.mismatch.word = first;
  if (m.From(mode.root, first)) {
    call->args = std::move(m.args);
    call->command = m.command;
    return true;
  }
  *mismatch = std::move(m.mismatch);
  return false;
}

// --- help and completion ---------------------------------------------------------------------------------------
namespace {

const Command* AnyCommand(const Node& n) {
  if (n.command != nullptr) return n.command;
  for (const auto& c : n.children)
    if (const Command* found = AnyCommand(*c)) return found;
  return nullptr;
}

// Help of a node: its command's if it leads to one alone, else the words of its mode.
std::string HelpOf(const Node& n) {
  const Command* c = AnyCommand(n);
  if (c == nullptr) return "";
  return n.children.size() > 1 && n.command == nullptr ? "" : c->help;
}

}  // namespace

std::vector<Suggestion> Suggest(const Mode& mode, absl::string_view typed, bool at_blank) {
  const Line line = LexLine(typed);
  const Node* node = &mode.root;
  size_t i = 0;
  if (!line.words.empty() && (line.words[0].text == "no" || line.words[0].text == "default")) ++i;
  const size_t complete = line.words.size() - (at_blank || line.words.empty() ? 0 : 1);
  for (; i < complete; ++i) {
    const Node* next = nullptr;
    for (const auto& c : node->children) {
      const bool keyword = c->type == ArgType::kKeyword;
      if (keyword && absl::EqualsIgnoreCase(c->name, line.words[i].text)) {
        next = c.get();
        break;
      }
      if (next == nullptr && (!keyword || absl::StartsWithIgnoreCase(c->name, line.words[i].text))) next = c.get();
    }
    if (next == nullptr) return {};
    node = next;
  }
  const absl::string_view partial = complete < line.words.size() ? line.words[complete].text : "";
  std::vector<Suggestion> out;
  for (const auto& c : node->children) {
    if (!c->own) continue;
    const bool keyword = c->type == ArgType::kKeyword;
    if (keyword && !absl::StartsWithIgnoreCase(c->name, partial)) continue;
    std::string word = keyword ? c->name
                       : c->type == ArgType::kNumber ? absl::StrCat("<", c->min, "-", c->max, ">")
                                                     : absl::StrCat("<", c->name, ">");
    out.push_back({std::move(word), HelpOf(*c)});
  }
  std::sort(out.begin(), out.end(), [](const Suggestion& a, const Suggestion& b) { return a.word < b.word; });
  if (node->command != nullptr && partial.empty()) out.push_back({"<cr>", node->command->help});
  return out;
}

}  // namespace flexvpn::config
