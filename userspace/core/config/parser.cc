// SPDX-License-Identifier: Apache-2.0
// Text -> model: walks the lines, keeps the stack of modes, finds the command, reports what did not fit.
#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/config/candidate.h"
#include "core/config/fragment.h"
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

using S = Diagnostic::Severity;
constexpr size_t kMaxDiagnostics = 1000;

struct Frame {
  ModeId mode;
  int indent;                // of the line that opened it
  int line;                  // that line
  std::string path;          // of the object
  std::vector<size_t> kept;  // of a kept block: its index in model.kept, then in the bodies
};

class Parser {
 public:
  Parser(absl::string_view text, Model base, const KeyCipher* cipher) : lexer_(text, &c_.diagnostics) {
    c_.cipher = cipher;
    c_.built_in = &BuiltInModel(base.defaults);
    c_.model = std::move(base);
    stack_.push_back({ModeId::kRoot, -1, 0, "", {}});
  }

  ParseResult Run() {
    ReadLines();
    Derive(c_.model);
    ParseResult out;
    out.model = std::move(c_.model);
    out.diagnostics = std::move(c_.diagnostics);
    return out;
  }

  Fragment RunFragment() {
    ReadLines();
    Fragment out;
    out.diagnostics = std::move(c_.diagnostics);
    for (const Frame& f : stack_) out.modes.push_back({f.mode, f.line});
    out.open_text = open_text_;
    return out;
  }

 private:
  void ReadLines() {
    Line line;
    while (lexer_.Next(&line)) {
      if (c_.diagnostics.size() > kMaxDiagnostics) {
        c_.Error({line.number, 1}, "too many messages; the rest of the text is not read");
        return;
      }
      OnLine(line);
    }
  }

  // Steps over "no" and "default"; returns the index of the first word of the command.
  static size_t ReadOp(const Line& line, Op* op) {
    const std::string w = absl::AsciiStrToLower(line.words[0].text);
    *op = w == "no" ? Op::kNo : w == "default" ? Op::kDefault : Op::kSet;
    return *op == Op::kSet ? 0 : 1;
  }

  bool InSwallowing() const {
    return stack_.back().mode == ModeId::kForeign || stack_.back().mode == ModeId::kUnsupported;
  }

  void OnLine(const Line& line) {
    if (InSwallowing() && line.indent > stack_.back().indent) return Swallow(line);
    if (Navigate(line)) return;
    Call call;
    call.line = line.number;
    const size_t first = ReadOp(line, &call.op);
    if (first >= line.words.size()) {
      c_.Error({line.number, line.words[0].column}, "incomplete command");
      return;
    }
    call.column = line.words[first].column;
    std::vector<Mismatch> mismatches;
    // Further out, a command of ours goes before a foreign one, and a word written out before one that would be cut
    // short: `ip local pool` ends a trustpoint, which has an `ip-address`.
    std::optional<std::pair<Call, size_t>> foreign, abbreviated;
    for (size_t depth = stack_.size(); depth-- > 0;) {
      const ModeId id = stack_[depth].mode;
      Mismatch mismatch;
      if (id == ModeId::kForeign || id == ModeId::kUnsupported) {
        mismatches.push_back(mismatch);
        continue;
      }
      if (Match(GetMode(id), line, first, &call, &mismatch)) {
        const bool whole = call.args.empty() || call.args[0].type != ArgType::kKeyword ||
                           absl::EqualsIgnoreCase(call.args[0].name, line.words[first].text);
        std::optional<std::pair<Call, size_t>>& kept = call.command->kind == Command::Kind::kForeign ? foreign : abbreviated;
        if (&kept == &abbreviated && whole) return Execute(line, call, depth);
        if (!kept) kept.emplace(call, depth);
      }
      mismatches.push_back(std::move(mismatch));
    }
    if (abbreviated) return Execute(line, abbreviated->first, abbreviated->second);
    if (foreign) return Execute(line, foreign->first, foreign->second);
    OnUnknown(line, first, mismatches);
  }

  // exit, end and what surrounds a pasted configuration.
  bool Navigate(const Line& line) {
    const std::string w = absl::AsciiStrToLower(line.words[0].text);
    if (line.words.size() != 1) return false;
    if (w == "exit" || w == "quit" || absl::StartsWith(w, "exit-")) {
      if (stack_.size() > 1) stack_.pop_back();
      return true;
    }
    if (w == "end") {
      stack_.resize(1);
      return true;
    }
    return false;
  }

  void Swallow(const Line& line) {
    if (stack_.back().mode != ModeId::kForeign) return;
    c_.model.foreign_lines.push_back(absl::StrCat(" ", absl::StripLeadingAsciiWhitespace(line.code)));
  }

  void Execute(const Line& line, const Call& call, size_t depth) {
    const Command& command = *call.command;
    if (command.kind == Command::Kind::kForeign) return OnForeign(line, call, depth);
    stack_.resize(depth + 1);
    c_.path = stack_.back().path;
    Remember(call);
    if (command.kind == Command::Kind::kUnsupported) return OnUnsupported(line, call);
    const bool acts = command.handler != nullptr && c_.cipher != nullptr;  // a key of type 6
    if (command.kind == Command::Kind::kKept && !acts) return OnKept(line, call);
    if (command.handler != nullptr) command.handler(c_, call);
    if (command.handler == ReadBanner) return TakeBanner(line, call);
    if (command.enter != ModeId::kNone && call.set()) stack_.push_back({command.enter, line.indent, line.number, c_.path, {}});
  }

  // Where kept lines of a mode go.
  std::vector<Statement>* KeptOf(const Frame& frame) {
    if (!frame.kept.empty()) {
      std::vector<Statement>* list = frame.mode == ModeId::kVrfFamily ? &c_.vrf->kept : &c_.model.kept;
      for (size_t i : frame.kept) list = &(*list)[i].body;
      return list;
    }
    switch (frame.mode) {
      case ModeId::kKeyringPeer: return &c_.keyring->peers[c_.peer].kept;
      case ModeId::kPolicy: return &c_.policy->kept;
      case ModeId::kAuthorization: return &c_.authorization->kept;
      case ModeId::kProfile: return &c_.profile->kept;
      case ModeId::kTrustpoint: return &c_.trustpoint->kept;
      case ModeId::kIpsecProfile: return &c_.ipsec_profile->kept;
      case ModeId::kInterface: return &c_.interface->kept;
      case ModeId::kVrf: return &c_.vrf->kept;
      default: return &c_.model.kept;
    }
  }

  void OnKept(const Line& line, const Call& call) {
    const Command& command = *call.command;
    const Frame& frame = stack_.back();
    const size_t index = KeepStatement(*KeptOf(frame), call);
    if (!call.set()) return;
    TellKept(call, frame);
    if (command.enter == ModeId::kNone) return;
    Frame inner{command.enter, line.indent, line.number, "", frame.kept};
    inner.kept.push_back(index);
    stack_.push_back(std::move(inner));
  }

  // What a kept line means for the object it stands in.
  std::string Consequence(const Frame& frame) const {
    switch (frame.mode) {
      case ModeId::kProfile:
        return absl::StrCat("; crypto ikev2 profile '", c_.profile->name, "' is inoperative: no peer matches it");
      case ModeId::kInterface:
        if (c_.interface->kind == InterfaceKind::kLinux) return "; see to it in Linux";
        return absl::StrCat("; interface ", c_.interface->name, " stays shut");
      case ModeId::kIpsecProfile:
        return absl::StrCat("; tunnels with ipsec profile '", c_.ipsec_profile->name, "' stay shut");
      case ModeId::kPolicy: return absl::StrCat("; crypto ikev2 policy '", c_.policy->name, "' is not used");
      default: return "";
    }
  }

  void TellKept(const Call& call, const Frame& frame) {
    const Command& command = *call.command;
    if (command.gravity == Gravity::kQuiet) return;
    if (command.gravity == Gravity::kNote) {
      if (informed_.insert(call.command).second)
        c_.Report(S::kInfo, call.where(),
                  absl::StrCat("'", FirstWords(call), "' is kept, but this version does not ", command.effect));
      return;
    }
    c_.Warn(call.where(), absl::StrCat("accepted, but this version does not ", command.effect,
                                       command.gravity == Gravity::kShut ? Consequence(frame) : ""));
  }

  // Where the statement stands, for messages about it later.
  void Remember(const Call& call) {
    std::vector<std::string> words;
    for (const Arg& a : call.args) {
      if (a.type != ArgType::kKeyword || words.size() >= call.command->fixed_words) break;
      words.push_back(a.name);
    }
    if (!c_.path.empty()) c_.model.source.at[absl::StrCat(c_.path, "/", absl::StrJoin(words, " "))] = call.where();
  }

  void OnUnsupported(const Line& line, const Call& call) {
    const Command& command = *call.command;
    if (call.set())
      c_.Report(command.severity, call.where(), absl::StrCat("not supported by this version: ", command.help));
    if (command.enter != ModeId::kNone && call.set()) stack_.push_back({command.enter, line.indent, line.number, "", {}});
  }

  void OnForeign(const Line& line, const Call& call, size_t depth) {
    const std::string word = call.args.empty() ? "" : call.args[0].name;
    if (word == "Building" || word == "Current" || word == "Last" || word == "NVRAM") return;  // head of `show run`
    const std::string code(absl::StripLeadingAsciiWhitespace(line.code));
    if (informed_.insert(call.command).second)
      c_.Report(S::kInfo, call.where(), absl::StrCat("'", FirstWords(call), "' is not used by flexvpn"));
    if (stack_[depth].mode == ModeId::kInterface) {
      stack_.resize(depth + 1);
      c_.model.foreign_lines.push_back(absl::StrCat(stack_[depth].path, "\n ", code));
      return;
    }
    stack_.resize(1);
    c_.model.foreign_lines.push_back(code);
    if (call.set()) stack_.push_back({ModeId::kForeign, line.indent, line.number, "", {}});
  }

  static std::string FirstWords(const Call& call) {
    std::vector<std::string> words;
    for (const Arg& a : call.args)
      if (a.type == ArgType::kKeyword) words.push_back(a.name);
    return absl::StrJoin(words, " ");
  }

  // `banner motd ^C … ^C`: the text between two delimiters, over several lines; `^C` may be typed as two characters.
  void TakeBanner(const Line& first, const Call& call) {
    const std::string kind = call.Has("login") ? "login" : call.Has("exec") ? "exec" : call.Has("incoming") ? "incoming" : "motd";
    const Arg* text = call.Find("TEXT");
    if (!call.set() || text == nullptr) {
      c_.model.banners.erase(kind);
      return;
    }
    const absl::string_view start = first.raw.substr(static_cast<size_t>(text->column - 1));
    const std::string delimiter(start.substr(0, absl::StartsWith(start, "^C") ? 2 : 1));
    std::string all;
    absl::string_view rest = start.substr(delimiter.size());
    Line line;
    for (;;) {
      const size_t end = rest.find(delimiter);
      absl::StrAppend(&all, rest.substr(0, end));
      if (end != absl::string_view::npos) break;
      if (!lexer_.NextRaw(&line)) {
        c_.Error({first.number, 1}, "the banner does not end: the rest of the text was taken for it",
                 absl::StrCat("end it with a line '", delimiter, "'"));
        open_text_ = true;
        return;
      }
      all += '\n';
      rest = line.raw;
    }
    c_.model.banners[kind] = std::move(all);
  }

  // --- errors -----------------------------------------------------------------------------------------------
  void OnUnknown(const Line& line, size_t first, const std::vector<Mismatch>& mismatches) {
    // mismatches[0] is of the innermost mode; the one that got farthest speaks.
    size_t best = 0;
    for (size_t i = 1; i < mismatches.size(); ++i)
      if (mismatches[i].word > mismatches[best].word) best = i;
    if (InSwallowing() && mismatches[best].word <= first && !LooksLikeOurs(line.words[first].text))
      return Swallow(line);
    if (InSwallowing()) best = std::max<size_t>(best, 1);
    const size_t depth = stack_.size() - 1 - best;
    const Mismatch& m = mismatches[best];
    Mismatch merged = m;
    if (m.word <= first)  // nothing fitted: a word of the modes around would have been right, too
      for (const Mismatch& other : mismatches)
        merged.keywords.insert(merged.keywords.end(), other.keywords.begin(), other.keywords.end());
    Complain(line, first, depth, merged);
  }

  bool LooksLikeOurs(absl::string_view word) const {
    for (const auto& n : GetMode(ModeId::kRoot).root.children)
      if (n->own && n->type == ArgType::kKeyword && EditDistance(word, n->name) <= 1) return true;
    return false;
  }

  void Complain(const Line& line, size_t first, size_t depth, const Mismatch& m) {
    const Mode& mode = GetMode(stack_[depth].mode);
    std::vector<std::string> expected = m.expected;
    std::sort(expected.begin(), expected.end());
    constexpr size_t kShown = 12;
    if (expected.size() > kShown) {
      expected.resize(kShown);
      expected.push_back("…");
    }
    const std::string list = absl::StrJoin(expected, ", ");
    if (m.word >= line.words.size()) {
      const Word& last = line.words.back();
      c_.Error({line.number, last.column + static_cast<int>(last.text.size())},
               list.empty() ? "incomplete command" : absl::StrCat("incomplete command: expected ", list));
      return;
    }
    const Word& w = line.words[m.word];
    const Location where{line.number, w.column};
    const bool secret = IsSecretAt(line.raw, w.column);
    const std::string shown = secret ? "word after the key" : absl::StrCat("'", Shorten(w.text), "'");
    std::string nearest = secret ? "" : Nearest(w.text, m.keywords);
    std::string hint = nearest.empty() ? "" : absl::StrCat("did you mean '", nearest, "'?");
    if (secret) hint = "a key is one word, after 'pre-shared-key [local|remote] [0]' or 'key [0]'";
    std::string message;
    if (!m.detail.empty()) {
      message = absl::StartsWith(m.detail, "ambiguous") ? absl::StrCat(shown, " is ", m.detail)
                                                        : absl::StrCat(shown, ": ", m.detail);
    } else if (m.word <= first) {
      message = absl::StrCat("unknown command ", shown, " in ", mode.title);
    } else if (list.empty()) {
      message = absl::StrCat("unexpected ", shown, ": the command ends before it");
    } else {
      message = absl::StrCat("unexpected ", shown, ": expected ", list);
    }
    // Nobody asks us to configure a NIC: unknown lines there stay where they are.
    if (c_.interface != nullptr && mode.id == ModeId::kInterface && m.word <= first + 1 && line.indent > 0 &&
        c_.interface->kind == InterfaceKind::kLinux && nearest.empty()) {
      c_.Warn(where, absl::StrCat(message, "; ignored"), std::move(hint));
      return;
    }
    if (hint.empty() && m.word <= first) hint = absl::StrCat("commands here: ", list);
    c_.Error(where, std::move(message), std::move(hint));
  }

  static std::string Shorten(absl::string_view word) {
    std::string out(word.substr(0, 40));
    for (char& ch : out)
      if (static_cast<unsigned char>(ch) < 0x20 || static_cast<unsigned char>(ch) > 0x7e) ch = '?';
    return word.size() > 40 ? out + "…" : out;
  }

  Context c_;
  Lexer lexer_;
  std::vector<Frame> stack_;
  std::set<const Command*> informed_;
  bool open_text_ = false;  // the text ended within a banner
};

}  // namespace

bool ParseResult::ok() const {
  return std::none_of(diagnostics.begin(), diagnostics.end(),
                      [](const Diagnostic& d) { return d.severity == S::kError; });
}

namespace {

ParseResult Checked(ParseResult out) {
  std::vector<Diagnostic> more = Validate(out.model);
  out.diagnostics.insert(out.diagnostics.end(), std::make_move_iterator(more.begin()),
                         std::make_move_iterator(more.end()));
  std::stable_sort(out.diagnostics.begin(), out.diagnostics.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return a.where.line != b.where.line ? a.where.line < b.where.line : a.where.column < b.where.column;
  });
  return out;
}

}  // namespace

ParseResult Parse(absl::string_view text, const KeyCipher* cipher) {
  ParseResult out = Parser(text, DefaultModel(), cipher).Run();
  // The set of defaults counts from the first line on, wherever it is chosen.
  if (const DefaultSet set = out.model.defaults; set != DefaultSet::kModern) out = Parser(text, DefaultModel(set), cipher).Run();
  return Checked(std::move(out));
}

ParseResult ParseOnto(Model base, absl::string_view text, const KeyCipher* cipher) {
  ForgetPlaces(base);
  return Checked(Parser(text, std::move(base), cipher).Run());
}

ParseResult Parse(absl::string_view text) { return Parse(text, nullptr); }
ParseResult ParseOnto(Model base, absl::string_view text) { return ParseOnto(std::move(base), text, nullptr); }
Fragment ParseFragment(absl::string_view text) { return Parser(text, DefaultModel(), nullptr).RunFragment(); }

}  // namespace flexvpn::config
