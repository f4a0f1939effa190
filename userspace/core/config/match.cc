// SPDX-License-Identifier: Apache-2.0
// Finding the command of a line: exact keywords, then typed arguments, then abbreviations, then free words.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/config/command.h"

namespace flexvpn::config {
namespace {

std::string ArgLabel(const Node& n) {
  switch (n.type) {
    case ArgType::kKeyword: return absl::StrCat("'", n.name, "'");
    case ArgType::kNumber: return absl::StrCat("a number from ", n.min, " to ", n.max);
    case ArgType::kIpv4: return "an IPv4 address";
    case ArgType::kIpv6: return "an IPv6 address";
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

// `no username bob`: a kept line may be named by its first words, once its keywords are all there.
const Command* KeptBelow(const Node& node) {
  if (node.type == ArgType::kKeyword) return nullptr;
  for (const auto& c : node.children) {
    if (c->command != nullptr && c->command->kind == Command::Kind::kKept) return c->command;
    const Node* below = c.get();
    while (below->command == nullptr && !below->children.empty()) below = below->children.front().get();
    if (below->command != nullptr && below->command->kind == Command::Kind::kKept) return below->command;
  }
  return nullptr;
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
      case ArgType::kIpv6:
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
    if (!a || (node.type != ArgType::kAddress && a->is_v4() == (node.type == ArgType::kIpv6))) return 0;
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
    arg->address = *net::IpAddress::Parse(t.substr(0, t.find('/')));
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
    if (command == nullptr && op != Op::kSet) command = KeptBelow(node);
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

size_t Accepts(const Node& node, const Line& line, size_t i) {
  if (node.type == ArgType::kKeyword) return absl::StartsWithIgnoreCase(node.name, line.words[i].text) ? 1 : 0;
  Matcher m{line, Op::kSet, {}, nullptr, {}, 0};
  Arg arg;
  return m.Take(node, i, &arg);
}

}  // namespace flexvpn::config
