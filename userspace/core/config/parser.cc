// SPDX-License-Identifier: Apache-2.0
// Text -> model: walks the lines, keeps the stack of modes, finds the command, reports what did not fit.
#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

using S = Diagnostic::Severity;
constexpr size_t kMaxDiagnostics = 1000;

struct Frame {
  ModeId mode;
  int indent;        // of the line that opened it
  std::string path;  // of the object
};

class Parser {
 public:
  explicit Parser(absl::string_view text) : lexer_(text, &c_.diagnostics) {
    c_.model = DefaultModel();
    stack_.push_back({ModeId::kRoot, -1, ""});
  }

  ParseResult Run() {
    Line line;
    while (lexer_.Next(&line)) {
      if (c_.diagnostics.size() > kMaxDiagnostics) {
        c_.Error({line.number, 1}, "too many messages; the rest of the text is not read");
        break;
      }
      OnLine(line);
    }
    Finish(c_);
    ParseResult out;
    out.model = std::move(c_.model);
    out.diagnostics = std::move(c_.diagnostics);
    return out;
  }

 private:
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
    if (command.handler != nullptr) command.handler(c_, call);
    if (command.enter != ModeId::kNone && call.set()) stack_.push_back({command.enter, line.indent, c_.path});
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
    if (command.enter != ModeId::kNone && call.set()) stack_.push_back({command.enter, line.indent, ""});
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
    const bool banner = absl::EqualsIgnoreCase(line.words[0].text, "banner");
    c_.model.foreign_lines.push_back(banner ? std::string(absl::StripLeadingAsciiWhitespace(line.raw)) : code);
    if (banner) return SkipBanner(line);
    if (call.set()) stack_.push_back({ModeId::kForeign, line.indent, ""});
  }

  static std::string FirstWords(const Call& call) {
    std::vector<std::string> words;
    for (const Arg& a : call.args)
      if (a.type == ArgType::kKeyword) words.push_back(a.name);
    return absl::StrJoin(words, " ");
  }

  // `banner motd ^C … ^C`: up to the next line with the delimiter.
  void SkipBanner(const Line& first) {
    if (first.words.size() < 3) return;
    const absl::string_view start = first.words[2].text;
    const std::string delimiter(start.substr(0, absl::StartsWith(start, "^C") ? 2 : 1));
    const absl::string_view rest =
        first.raw.substr(static_cast<size_t>(first.words[2].column - 1) + delimiter.size());
    if (rest.find(delimiter) != absl::string_view::npos) return;
    Line line;
    while (lexer_.NextRaw(&line)) {
      c_.model.foreign_lines.emplace_back(line.raw);
      if (line.raw.find(delimiter) != absl::string_view::npos) return;
    }
    c_.Error({first.number, 1}, "the banner does not end: the rest of the text was taken for it",
             absl::StrCat("end it with a line '", delimiter, "'"));
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
};

Mode NewMode(ModeId id, const char* prompt, const char* title, ModeId parent) {
  Mode m;
  m.id = id;
  m.prompt = prompt;
  m.title = title;
  m.parent = parent;
  return m;
}

struct Modes {
  Mode root = NewMode(ModeId::kRoot, "config", "the configuration", ModeId::kNone);
  Mode keyring = NewMode(ModeId::kKeyring, "config-ikev2-keyring", "crypto ikev2 keyring", ModeId::kRoot);
  Mode peer = NewMode(ModeId::kKeyringPeer, "config-ikev2-keyring-peer", "peer of a keyring", ModeId::kKeyring);
  Mode proposal = NewMode(ModeId::kProposal, "config-ikev2-proposal", "crypto ikev2 proposal", ModeId::kRoot);
  Mode policy = NewMode(ModeId::kPolicy, "config-ikev2-policy", "crypto ikev2 policy", ModeId::kRoot);
  Mode authorization =
      NewMode(ModeId::kAuthorization, "config-ikev2-author-policy", "crypto ikev2 authorization policy", ModeId::kRoot);
  Mode profile = NewMode(ModeId::kProfile, "config-ikev2-profile", "crypto ikev2 profile", ModeId::kRoot);
  Mode trustpoint = NewMode(ModeId::kTrustpoint, "ca-trustpoint", "crypto pki trustpoint", ModeId::kRoot);
  Mode certificate_map = NewMode(ModeId::kCertificateMap, "ca-certificate-map", "crypto pki certificate map", ModeId::kRoot);
  Mode transform_set = NewMode(ModeId::kTransformSet, "cfg-crypto-trans", "crypto ipsec transform-set", ModeId::kRoot);
  Mode ipsec_profile = NewMode(ModeId::kIpsecProfile, "ipsec-profile", "crypto ipsec profile", ModeId::kRoot);
  Mode interface = NewMode(ModeId::kInterface, "config-if", "interface", ModeId::kRoot);
  Mode access_list = NewMode(ModeId::kAccessList, "config-std-nacl", "ip access-list standard", ModeId::kRoot);

  Modes() {
    AddGlobalCommands(root);
    AddIkeCommands(root, keyring, peer, proposal, policy, authorization);
    AddProfileCommands(root, profile);
    AddPkiCommands(root, trustpoint, certificate_map);
    AddIpsecCommands(root, transform_set, ipsec_profile);
    AddInterfaceCommands(root, interface);
    AddAccessListCommands(root, access_list);
  }
};

}  // namespace

const Mode& GetMode(ModeId id) {
  static const Modes* const kModes = new Modes;  // never destroyed: used until the process ends
  switch (id) {
    case ModeId::kKeyring: return kModes->keyring;
    case ModeId::kKeyringPeer: return kModes->peer;
    case ModeId::kProposal: return kModes->proposal;
    case ModeId::kPolicy: return kModes->policy;
    case ModeId::kAuthorization: return kModes->authorization;
    case ModeId::kProfile: return kModes->profile;
    case ModeId::kTrustpoint: return kModes->trustpoint;
    case ModeId::kCertificateMap: return kModes->certificate_map;
    case ModeId::kTransformSet: return kModes->transform_set;
    case ModeId::kIpsecProfile: return kModes->ipsec_profile;
    case ModeId::kInterface: return kModes->interface;
    case ModeId::kAccessList: return kModes->access_list;
    default: return kModes->root;
  }
}

void Context::Report(Diagnostic::Severity severity, Location where, std::string message, std::string hint) {
  diagnostics.push_back({severity, where, std::move(message), std::move(hint)});
}

Command Unsupported(Diagnostic::Severity severity, std::string pattern, std::string what, ModeId enter) {
  Command c;
  c.pattern = std::move(pattern);
  c.help = std::move(what);
  c.enter = enter;
  c.kind = Command::Kind::kUnsupported;
  c.severity = severity;
  return c;
}

Command Foreign(std::string pattern, ModeId enter) {
  Command c;
  c.pattern = std::move(pattern);
  c.enter = enter;
  c.kind = Command::Kind::kForeign;
  return c;
}

const char* Choose(Context& c, const Call& call, const Word& word, const std::vector<std::string>& known,
                   absl::string_view what, size_t* index) {
  std::vector<size_t> found;
  for (size_t i = 0; i < known.size(); ++i) {
    if (absl::EqualsIgnoreCase(known[i], word.text)) {
      found = {i};
      break;
    }
    if (absl::StartsWithIgnoreCase(known[i], word.text)) found.push_back(i);
  }
  if (found.size() == 1) {
    *index = found[0];
    return known[found[0]].c_str();
  }
  const std::string nearest = Nearest(word.text, known);
  c.Error({call.line, word.column},
          absl::StrCat(found.empty() ? "unknown " : "ambiguous ", what, " '", word.text.substr(0, 40), "': expected ",
                       absl::StrJoin(known, ", ")),
          nearest.empty() ? "" : absl::StrCat("did you mean '", nearest, "'?"));
  return nullptr;
}

bool ReadKey(Context& c, const Call& call, SecretBytes* out) {
  if (const Arg* hex = call.Find("HEX")) {
    std::string digits = hex->text;
    if (absl::StartsWithIgnoreCase(digits, "0x")) digits.erase(0, 2);
    const bool good = !digits.empty() && digits.size() % 2 == 0 &&
                      digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    if (!good) {
      c.Error(At(call, *hex), "the key must be an even number of hexadecimal digits");
      return false;
    }
    *out = ToSecret(FromHex(digits));
    WipeMemory(digits.data(), digits.size());
    return true;
  }
  const Arg* key = call.Find("KEY");
  if (key == nullptr) return true;
  if (call.Has("6")) {
    c.Error(At(call, *key), "encrypted keys (type 6) are not supported yet", "write the key in clear: '0 KEY'");
    return false;
  }
  *out = ToSecret(AsView(key->text));
  return true;
}

bool ParseResult::ok() const {
  return std::none_of(diagnostics.begin(), diagnostics.end(),
                      [](const Diagnostic& d) { return d.severity == S::kError; });
}

ParseResult Parse(absl::string_view text) {
  ParseResult out = Parser(text).Run();
  std::vector<Diagnostic> more = Validate(out.model);
  out.diagnostics.insert(out.diagnostics.end(), std::make_move_iterator(more.begin()),
                         std::make_move_iterator(more.end()));
  std::stable_sort(out.diagnostics.begin(), out.diagnostics.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return a.where.line != b.where.line ? a.where.line < b.where.line : a.where.column < b.where.column;
  });
  return out;
}

}  // namespace flexvpn::config
