// SPDX-License-Identifier: Apache-2.0
#include "app/shell/session.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/config/exec.h"
#include "core/config/grammar.h"

namespace flexvpn::shell {
namespace {

using config::Diagnostic;

constexpr char kHelpText[] =
    R"(Help may be asked for at any point of a line by a question mark '?':
1. after a blank: what may come next, each with a few words about it (show ?)
2. within a word: the words that begin so (show cr?)
Tab completes a word.  Words may be abbreviated (sh cry ike sa).  Output of a show command goes through filters:
show … | {begin|count|exclude|include|section} EXPRESSION, show … | json
)";

std::string ErrorText(const std::string& message, const std::string& hint) {
  return absl::StrCat("% ", message, "\n", hint.empty() ? "" : absl::StrCat("  hint: ", hint, "\n"));
}

Outcome Refused(const std::string& message, const std::string& hint = "") {
  Outcome out;
  out.ok = false;
  out.text = ErrorText(message, hint);
  return out;
}

std::string Text(const show::Json& object, const char* key) {
  const auto it = object.is_object() ? object.find(key) : object.end();
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

std::string JsonText(const show::Json& data) {
  return data.dump(2, ' ', false, show::Json::error_handler_t::replace) + "\n";
}

// A place in `command`, which is a part of `line`, as a place in the line.
Outcome RefusedAt(const config::ExecError& e, absl::string_view line, absl::string_view command) {
  Outcome out = Refused(e.message, e.hint);
  if (e.column <= 0 || static_cast<size_t>(e.column) > command.size() + 1) return out;
  out.input = config::PrintableLine(line);
  out.column = e.column + static_cast<int>(command.data() - line.data());
  return out;
}

}  // namespace

Session::Session(Options options, Call call, Ask ask)
    : options_(options), call_(std::move(call)), ask_(std::move(ask)) {}

std::string WithInput(const Outcome& o) {
  if (o.column <= 0) return o.text;
  int column = o.column;
  const std::string input = config::MaskSecrets(o.input, &column);
  return absl::StrCat(input, "\n", std::string(static_cast<size_t>(column) - 1, ' '), "^\n", o.text);
}

std::string Session::Prompt() const {
  if (!configuring_) return absl::StrCat(hostname_, options_.privileged ? "#" : ">");
  if (in_text()) return "";
  return absl::StrCat(hostname_, "(", config::GetMode(candidate_.mode()).prompt, ")#");
}

absl::Status Session::Learn() {
  const auto answer = call_("show version", nullptr, Form::kJson);
  if (!answer.ok()) return answer.status();
  if (std::string name = Text(answer->data, "hostname"); !name.empty())
    hostname_ = config::PrintableLine(name);
  options_.privileged = answer->administrator.value_or(options_.privileged);
  return absl::OkStatus();
}

// In a script nobody has asked yet.
bool Session::MayChange() {
  if (!options_.privileged) Learn().IgnoreError();
  return options_.privileged;
}

Outcome Session::Execute(absl::string_view line) {
  if (in_text()) return AddLine(line);
  const absl::string_view bare = absl::StripAsciiWhitespace(line);
  if (bare.empty() || bare[0] == '!') return {};
  return configuring_ ? Configuration(line) : Exec(line, bare);
}

Outcome Session::Finish() {
  Outcome out;
  if (in_text())
    out = Refused("The input ended within a banner");
  else if (!candidate_.empty())
    out = Refused("The input ended with uncommitted changes: 'commit' or 'abort' first");
  candidate_.Clear();
  return out;
}

// An exec command: `command` is the part of `line` after `do`.
Outcome Session::Exec(absl::string_view line, absl::string_view command) {
  const Piped piped = SplitPipes(command);
  if (!piped.error.message.empty()) return RefusedAt(piped.error, line, command);
  const config::ExecLine parsed = config::ParseExec(piped.command);
  const bool piping = piped.pipe != std::string::npos;
  if (piping && parsed.command != nullptr && !absl::StartsWith(parsed.words, "show "))
    return RefusedAt({"Invalid input detected at '^' marker.", "", static_cast<int>(piped.pipe) + 1,
                      "only the output of show commands can be filtered"},
                     line, command);
  if (parsed.command != nullptr && parsed.command->place == config::Place::kShell) return Local(parsed.words);
  // What this shell does not know, a newer daemon may; else it says what is wrong with the line.
  return Send(line, command, piped, nullptr);
}

Outcome Session::Send(absl::string_view line, absl::string_view command, const Piped& piped,
                      const std::vector<std::string>* lines) {
  const bool json = options_.json || (!piped.filters.empty() && piped.filters[0].kind == FilterKind::kJson);
  const auto answer = call_(piped.command, lines, json ? Form::kJson : Form::kText);
  if (!answer.ok()) {
    Outcome out = Refused(std::string(answer.status().message()));
    out.unreachable = true;
    return out;
  }
  if (!answer->ok) return Refusal(*answer, line, command);
  Outcome out;
  out.text = ApplyFilters(piped.filters, json ? JsonText(answer->data) : answer->text);
  return out;
}

Outcome Session::Refusal(const Answer& answer, absl::string_view line, absl::string_view command) const {
  if (options_.answer_data) {
    Outcome out;
    out.ok = false;
    out.text = JsonText(answer.data);
    return out;
  }
  const auto column = answer.data.is_object() ? answer.data.find("column") : answer.data.end();
  if (column == answer.data.end() || !column->is_number_integer() || Text(answer.data, "input").empty()) {
    Outcome out;
    out.ok = false;
    out.text = answer.text;
    return out;
  }
  return RefusedAt({Text(answer.data, "error"), "", column->get<int>(), Text(answer.data, "hint")}, line,
                   command);
}

// Commands of the shell, words in full.
Outcome Session::Local(const std::string& words) {
  Outcome out;
  const std::vector<std::string> w = absl::StrSplit(words, ' ');
  int number = 0;
  const bool has_number = absl::SimpleAtoi(w.back(), &number);
  if (words == "help") {
    out.text = kHelpText;
  } else if (w[0] == "terminal") {
    (w[1] == "length" ? length_ : width_) = number;
  } else if (w[0] == "monitor") {
    out.monitor_interval = has_number ? number : 1;
  } else if (words == "enable") {
    if (!MayChange()) return Send(words, words, SplitPipes(words), nullptr);
  } else if (configuring_) {
    return Refused(absl::StrCat("'", words, "' does not go with 'do'"));
  } else if (words == "configure terminal") {
    if (!MayChange()) return Send(words, words, SplitPipes(words), nullptr);
    configuring_ = true;
    if (ask_)
      out.text =
          "Enter configuration commands, one per line.  End with CNTL/Z; 'commit' puts them into force.\n";
  } else {
    out.leave = true;  // exit, quit, logout
  }
  return out;
}

Outcome Session::Configuration(absl::string_view line) {
  if (candidate_.Swallows(line)) return AddLine(line);
  const Split split = FirstWord(line);
  const std::string word = absl::AsciiStrToLower(split.word);
  const absl::string_view bare = absl::StripAsciiWhitespace(line);
  if (word == "do") {
    if (split.rest.empty()) return Refused("Incomplete command.", "do COMMAND");
    return Exec(line, absl::StripTrailingAsciiWhitespace(split.rest));
  }
  if (split.rest.empty()) {
    if (word == "end") return LeaveConfiguration();
    if (word == "exit" || word == "quit") return candidate_.Exit() ? Outcome() : LeaveConfiguration();
    if (Abbreviates(word, "abort", 2)) {
      candidate_.Clear();
      return LeaveConfiguration();
    }
  }
  if (Abbreviates(word, "commit", 3)) return WithCandidate(line, bare);
  if (Abbreviates(word, "show", 3)) {
    const bool of_candidate = Abbreviates(FirstWord(split.rest).word, "configuration", 4);
    return of_candidate ? WithCandidate(line, bare) : Exec(line, bare);
  }
  return AddLine(line);
}

// commit …, show configuration diff: the lines go along.
Outcome Session::WithCandidate(absl::string_view line, absl::string_view command) {
  const Piped piped = SplitPipes(command);
  if (!piped.error.message.empty()) return RefusedAt(piped.error, line, command);
  Outcome out = Send(line, command, piped, &candidate_.lines());
  const Split split = FirstWord(command);
  if (out.ok && Abbreviates(split.word, "commit", 3) &&
      !Abbreviates(FirstWord(split.rest).word, "check", 2)) {
    candidate_.Clear();
    Learn().IgnoreError();
  }
  return out;
}

Outcome Session::AddLine(absl::string_view line) {
  const bool was_in_text = in_text();
  const std::vector<Diagnostic> said = candidate_.Add(line);
  Outcome out;
  for (const Diagnostic& d : said) {
    const bool error = d.severity == Diagnostic::Severity::kError;
    if (error && out.ok) {
      out.ok = false;
      out.text.clear();
      if (d.where.column > 0 && static_cast<size_t>(d.where.column) <= line.size() + 1 && !was_in_text) {
        out.input = config::PrintableLine(line);
        out.column = d.where.column;
      }
    }
    if (!out.ok && !error) continue;
    const char* kind = error ? "" : d.severity == Diagnostic::Severity::kWarning ? "Warning: " : "";
    absl::StrAppend(&out.text, ErrorText(absl::StrCat(kind, d.message), d.hint));
  }
  if (in_text() && !was_in_text && ask_) out.text = absl::StrCat(candidate_.TextNotice(), "\n");
  return out;
}

Outcome Session::LeaveConfiguration() {
  Outcome out;
  if (!candidate_.empty()) {
    const std::optional<std::string> answer =
        ask_ ? ask_("Uncommitted changes: commit them? [yes/no/cancel]: ") : std::nullopt;
    if (!answer) return Refused("Uncommitted changes: 'commit' or 'abort' first");
    const std::string word = absl::AsciiStrToLower(absl::StripAsciiWhitespace(*answer));
    if (!word.empty() && Abbreviates(word, "yes", 1)) {
      out = WithCandidate("commit", "commit");
      out.column = 0;
      if (!out.ok) return out;
    } else if (word.empty() || !Abbreviates(word, "no", 1)) {
      return out;  // stays where it was
    }
  }
  candidate_.Clear();
  candidate_.ToTop();
  configuring_ = false;
  return out;
}

}  // namespace flexvpn::shell
