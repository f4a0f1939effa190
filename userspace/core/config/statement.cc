// SPDX-License-Identifier: Apache-2.0
// Kept lines: from a matched line to a statement and back to text.
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/config/grammar.h"

namespace flexvpn::config {

bool Statement::Has(absl::string_view keyword) const {
  return std::any_of(words.begin(), words.end(),
                     [&](const StatementWord& w) { return w.name.empty() && w.text == keyword; });
}

const StatementWord* Statement::Find(absl::string_view argument) const {
  for (const StatementWord& w : words)
    if (!w.name.empty() && w.name == argument) return &w;
  return nullptr;
}

std::string Statement::Text(absl::string_view argument) const {
  const StatementWord* w = Find(argument);
  return w == nullptr ? "" : w->text;
}

uint64_t Statement::Number(absl::string_view argument, uint64_t missing) const {
  uint64_t n = 0;
  const StatementWord* w = Find(argument);
  return w != nullptr && absl::SimpleAtoi(w->text, &n) ? n : missing;
}

std::string Statement::ToString(bool secrets) const {
  std::string out;
  for (const StatementWord& w : words) {
    if (!out.empty()) out += ' ';
    if (w.secret.empty()) out += w.text;
    else out += secrets ? flexvpn::ToString(BytesView(w.secret)) : std::string("<removed>");
  }
  return out;
}

bool Statement::StartsWith(absl::string_view text) const {
  size_t i = 0;
  for (absl::string_view w : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (i >= words.size() || words[i].text != w) return false;
    ++i;
  }
  return true;
}

bool operator==(const Statement& a, const Statement& b) {
  return a.block == b.block && a.shuts == b.shuts && a.words == b.words && a.body == b.body;
}

namespace {

void AppendWords(const Arg& a, std::vector<StatementWord>* out) {
  switch (a.type) {
    case ArgType::kKeyword: out->push_back({"", a.name, {}}); return;
    case ArgType::kNumber: out->push_back({a.name, absl::StrCat(a.number), {}}); return;
    case ArgType::kIpv4:
    case ArgType::kIpv6:
    case ArgType::kAddress:
    case ArgType::kMask:
    case ArgType::kWildcard: out->push_back({a.name, a.address.ToString(), {}}); return;
    case ArgType::kSecret: out->push_back({a.name, "", ToSecret(AsView(a.text))}); return;
    case ArgType::kWords:
      for (const Word& w : a.words) out->push_back({a.name, std::string(w.text), {}});
      return;
    case ArgType::kWord:
    case ArgType::kPrefix:
    case ArgType::kInterface:
    case ArgType::kLine: out->push_back({a.name, a.text, {}}); return;
  }
}

// How many leading words say which of the kept lines this one replaces.
size_t SlotWords(const Command& command, const Statement& s) {
  size_t n = 0;
  while (n < s.words.size() && s.words[n].name.empty()) ++n;
  switch (command.keep) {
    case Keep::kOnce: return std::min(command.fixed_words, s.words.size());
    case Keep::kPerWord: return n;
    case Keep::kPerName: return std::min(n + 1, s.words.size());
    case Keep::kEach: return s.words.size();
  }
  return s.words.size();
}

bool SameStart(const Statement& a, const Statement& b, size_t n) {
  return a.words.size() >= n && b.words.size() >= n && std::equal(b.words.begin(), b.words.begin() + static_cast<std::ptrdiff_t>(n), a.words.begin());
}

}  // namespace

Statement MakeStatement(const Call& call) {
  Statement s;
  for (const Arg& a : call.args) AppendWords(a, &s.words);
  s.block = call.command->enter != ModeId::kNone;
  return s;
}

size_t KeepStatement(std::vector<Statement>& list, const Call& call) {
  Statement s = MakeStatement(call);
  if (!call.set()) {
    const size_t n = call.command->keep == Keep::kOnce ? SlotWords(*call.command, s) : s.words.size();
    std::erase_if(list, [&](const Statement& have) { return SameStart(have, s, n); });
    return std::string::npos;
  }
  if (call.command->gravity == Gravity::kShut) s.shuts = call.command->effect;
  const size_t n = SlotWords(*call.command, s);
  // Twins in a long list (an access list of thousands) do no harm; looking for them would.
  constexpr size_t kSearched = 256;
  if (call.command->keep != Keep::kEach || list.size() <= kSearched) {
    for (size_t i = 0; i < list.size(); ++i) {
      if (!SameStart(list[i], s, n) || (call.command->keep == Keep::kEach && list[i].words.size() != n)) continue;
      if (!s.block || !list[i].block) list[i] = std::move(s);
      return i;
    }
  }
  list.push_back(std::move(s));
  return list.size() - 1;
}

}  // namespace flexvpn::config
