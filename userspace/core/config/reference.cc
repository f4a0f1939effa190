// SPDX-License-Identifier: Apache-2.0
// The reference of all commands, made from the tree.
#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/config/grammar.h"
#include "core/config/help.h"
#include "core/config/words.h"
#include "nlohmann/json.hpp"

namespace flexvpn::config {
namespace {

using Json = nlohmann::ordered_json;

bool Documented(const Command& c) { return c.kind == Command::Kind::kOwn || c.kind == Command::Kind::kKept; }

// What the built-in objects and a fresh one of each mode say: the default of the command that matches the line.
std::map<const Command*, std::string> Defaults() {
  std::map<const Command*, std::string> out;
  const std::string text = Render(
      Parse("crypto ikev2 profile X\ninterface Tunnel0\n ip nhrp network-id 1\ncrypto ikev2 keyring K\n").model, true, true);
  ModeId mode = ModeId::kRoot;
  for (absl::string_view raw : absl::StrSplit(text, '\n')) {
    const Line line = LexLine(raw);
    if (line.words.empty()) continue;
    Call call;
    Mismatch mismatch;
    if (line.indent == 0) mode = ModeId::kRoot;
    if (!Match(GetMode(mode), line, 0, &call, &mismatch)) continue;
    if (call.command->enter != ModeId::kNone) mode = call.command->enter;
    const bool given = line.indent > 0 && absl::StripLeadingAsciiWhitespace(raw) == "ip nhrp network-id 1";
    if (!given && (call.command->enter == ModeId::kNone || absl::StrContains(raw, " default ")))
      out.emplace(call.command, std::string(absl::StripLeadingAsciiWhitespace(raw)));
  }
  return out;
}

// "<N:1-200>" -> "1-200", "<A:ipv4>" -> "A.B.C.D"; names stay.
std::string Syntax(absl::string_view pattern) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const size_t end = pattern[i] == '<' ? pattern.find('>', i) : absl::string_view::npos;
    if (end == absl::string_view::npos) {
      out += pattern[i];
      continue;
    }
    const std::vector<std::string> parts = absl::StrSplit(pattern.substr(i + 1, end - i - 1), absl::MaxSplits(':', 1));
    const std::string type = parts.size() > 1 ? parts[1] : "";
    if (!type.empty() && absl::ascii_isdigit(static_cast<unsigned char>(type[0]))) absl::StrAppend(&out, "<", type, ">");
    else if (type == "words" || absl::EndsWith(type, "...")) absl::StrAppend(&out, parts[0], " …");
    else if (type == "line") absl::StrAppend(&out, parts[0], "…");
    else out += parts[0];
    i = end;
  }
  return out;
}

std::string ChoicesOf(absl::string_view pattern) {
  const size_t i = pattern.find(':');
  for (size_t at = i; at != absl::string_view::npos; at = pattern.find(':', at + 1)) {
    absl::string_view name = pattern.substr(at + 1, pattern.find('>', at) - at - 1);
    absl::ConsumeSuffix(&name, "...");
    if (const std::vector<std::string>* list = WordList(name)) return absl::StrJoin(*list, " ");
  }
  return "";
}

std::string KindOf(const Command& c) {
  if (c.kind == Command::Kind::kOwn) return "";
  if (c.gravity == Gravity::kShut) return absl::StrCat("kept; this version does not ", c.effect, ": its object is not used");
  return c.effect.empty() ? "kept with its block" : absl::StrCat("kept; this version does not ", c.effect);
}

std::string Cell(absl::string_view text) { return absl::StrReplaceAll(text, {{"|", "\\|"}}); }

// --- JSON ---------------------------------------------------------------------------------------------------
using Numbers = std::map<const Command*, size_t>;  // index in "commands" of the mode

constexpr int kFormVersion = 1;

Json CommandOf(const Command& c, ModeId mode, const std::map<const Command*, std::string>& defaults) {
  static constexpr const char* kPlaces[] = {"daemon", "session", "shell"};
  Json j = {{"syntax", Syntax(c.pattern)}, {"help", c.help}};
  j["kind"] = c.kind == Command::Kind::kOwn ? "acts" : c.gravity == Gravity::kQuiet ? "quiet" : "kept";
  if (!c.effect.empty()) j["does_not"] = c.effect;
  if (c.kind == Command::Kind::kKept && c.gravity == Gravity::kShut) j["shuts"] = true;
  if (const auto d = defaults.find(&c); d != defaults.end()) j["default"] = d->second;
  if (c.enter != ModeId::kNone) j["enters"] = GetMode(c.enter).title;
  if (mode != ModeId::kExec) return j;
  j["place"] = kPlaces[static_cast<size_t>(c.place)];
  j["administrators"] = c.privileged;
  return j;
}

Json WordOf(const Node& n, const std::string& path, const Numbers& numbers, bool negatable) {
  static constexpr const char* kTypeNames[] = {"keyword", "word", "number", "ipv4", "ipv6", "address", "mask", "wildcard",
                                           "prefix", "interface", "secret", "line", "words"};
  Json j;
  if (n.type == ArgType::kKeyword) j["word"] = n.name;
  else j["type"] = kTypeNames[static_cast<size_t>(n.type)], j["name"] = n.name;
  if (n.type == ArgType::kNumber) j["min"] = n.min, j["max"] = n.max;
  if (n.choices != nullptr) j["choices"] = *n.choices;
  j["help"] = HelpOf(path, n);
  const auto number = [&](const char* key, const Command* c) {
    if (const auto it = numbers.find(c); it != numbers.end()) j[key] = it->second;
  };
  number("command", n.command);
  if (negatable) number("no", n.no_command != nullptr ? n.no_command : n.command);
  return j;
}

// A word a line, those that may follow below it.
void AppendTree(const Node& node, const std::string& path, const Numbers& numbers, bool negatable, int depth, std::string* out) {
  bool first = true;
  for (const auto& c : node.children) {
    if (!c->own) continue;
    const std::string here = absl::StrCat(path, path.empty() ? "" : " ", PathWord(*c));
    std::string line = WordOf(*c, here, numbers, negatable).dump();
    const bool more = std::any_of(c->children.begin(), c->children.end(), [](const auto& n) { return n->own; });
    if (more) line.replace(line.size() - 1, 1, ", \"next\": [");
    absl::StrAppend(out, first ? "" : ",", "\n", std::string(static_cast<size_t>(depth), ' '), line);
    first = false;
    if (!more) continue;
    AppendTree(*c, here, numbers, negatable, depth + 1, out);
    *out += "]}";
  }
}

void AppendMode(const Mode& m, const std::map<const Command*, std::string>& defaults, std::string* out) {
  const bool exec = m.id == ModeId::kExec;
  Numbers numbers;
  std::string commands;
  for (const auto& c : m.commands) {
    if (!Documented(*c)) continue;
    absl::StrAppend(&commands, numbers.empty() ? "" : ",", "\n  ", CommandOf(*c, m.id, defaults).dump());
    numbers.emplace(c.get(), numbers.size());
  }
  if (numbers.empty()) return;
  Json head = {{"mode", m.title}, {"prompt", m.prompt}, {"parent", GetMode(m.parent).title}, {"negatable", !exec}};
  std::string text = head.dump();
  text.pop_back();
  absl::StrAppend(out, out->empty() ? "" : ",\n", text, ",\n \"commands\": [", commands, "],\n \"tree\": [");
  AppendTree(m.root, "", numbers, !exec, 2, out);
  *out += "]}";
}

}  // namespace

std::vector<HelpItem> CommandList(ModeId mode) {
  std::vector<HelpItem> out;
  for (const auto& c : GetMode(mode).commands)
    if (Documented(*c)) out.push_back({Syntax(c->pattern), c->help});
  return out;
}

std::string CommandsMarkdown() {
  const std::map<const Command*, std::string> defaults = Defaults();
  std::string out =
      "# Commands\n\nMade by `flexvpnd --commands markdown` from the command tree; do not edit.  `flexvpnd --commands json` "
      "prints the tree itself (commands.json, [its form](commands-json.md)).\n\nWords in capitals are arguments, `<1-200>` a number in that range, `[]` optional, `{a|b}` "
      "one of these.  *Kept* lines are valid and shown again by `show running-config`, but nothing acts on them yet; the "
      "daemon says so at each of them.  *Administrators* are root and the members of a Unix group "
      "([control-protocol.md](control-protocol.md)).\n";
  for (size_t id = 1; id < static_cast<size_t>(ModeId::kCount); ++id) {
    const Mode& m = GetMode(static_cast<ModeId>(id));
    std::string rows;
    for (const auto& c : m.commands) {
      if (!Documented(*c)) continue;
      std::string text = c->help;
      if (const std::string kind = KindOf(*c); !kind.empty()) absl::StrAppend(&text, " (*", kind, "*)");
      if (const std::string words = ChoicesOf(c->pattern); !words.empty()) absl::StrAppend(&text, ": `", words, "`");
      if (c->privileged) text += " (administrators)";
      if (c->place == Place::kShell) text += " (interactive shell)";
      const auto d = defaults.find(c.get());
      absl::StrAppend(&rows, "| `", Cell(Syntax(c->pattern)), "` | ", Cell(text), " | ",
                      d == defaults.end() ? "" : absl::StrCat("`", Cell(d->second), "`"), " |\n");
    }
    if (rows.empty()) continue;
    absl::StrAppend(&out, "\n## ", m.title, "\n\n");
    if (!m.prompt.empty()) absl::StrAppend(&out, "Prompt `(", m.prompt, ")#`.\n\n");
    absl::StrAppend(&out, "| Command | | Default |\n|---|---|---|\n", rows);
  }
  return out;
}

std::string CommandsJson() {
  const std::map<const Command*, std::string> defaults = Defaults();
  std::string modes;
  for (size_t id = 1; id < static_cast<size_t>(ModeId::kCount); ++id)
    AppendMode(GetMode(static_cast<ModeId>(id)), defaults, &modes);
  return absl::StrCat("{\"form\": \"flexvpn commands\", \"version\": ", kFormVersion, ", \"modes\": [\n", modes, "\n]}\n");
}

}  // namespace flexvpn::config
