// SPDX-License-Identifier: Apache-2.0
// What the shell does with each line: exec commands, filters, configuration mode and its candidate.  Knows
// neither terminal nor socket: the daemon and the user's answers come through functions.
#ifndef FLEXVPN_APP_SHELL_SESSION_H_
#define FLEXVPN_APP_SHELL_SESSION_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "app/shell/candidate.h"
#include "app/shell/complete.h"
#include "app/shell/pipe.h"
#include "core/show/document.h"

namespace flexvpn::shell {

// Of an answer only one form is fetched; of a refusal the daemon sends both.
enum class Form : uint8_t { kText, kJson };
struct Answer {
  bool ok = false;
  std::string text;
  show::Json data;
  std::optional<bool> administrator = {};  // whom the daemon takes the asker for
};

// What a line led to.
struct Outcome {
  bool ok = true;
  bool leave = false;        // the shell ends
  bool unreachable = false;  // the daemon did not answer
  std::string text;          // to print, with line ends
  std::string input;         // the line, printable, keys and all; empty if no place in it is meant
  int column = 0;            // of what does not fit in `input`, from 1; 0: none
  int monitor_interval = 0;  // > 0: the live table is to be shown, redrawn after so many seconds
};

class Session {
 public:
  struct Options {
    bool privileged = true;    // the prompt is `#`, configuration is allowed; until the daemon has said what holds
    bool json = false;         // answers as JSON
    bool answer_data = false;  // a refusal, too, is told as JSON (one-shot --json)
  };
  // Sends a command to the daemon; `lines` (may be null) go along as the candidate.  Errors: not reachable.
  using Call = std::function<absl::StatusOr<Answer>(const std::string& command,
                                                    const std::vector<std::string>* lines, Form form)>;
  // Puts a question to the user; nullopt: nobody is there to answer.
  using Ask = std::function<std::optional<std::string>(const std::string& question)>;

  Session(Options options, Call call, Ask ask);

  Outcome Execute(absl::string_view line);
  // The input ended: an error if lines are not committed yet.
  Outcome Finish();

  // "hub#", "hub(config-if)#", empty within a banner.
  std::string Prompt() const;
  // Asks the daemon for the name of the router and for our rights; keeps what it has, and says why, if it does not answer.
  absl::Status Learn();
  bool configuring() const { return configuring_; }
  bool in_text() const { return candidate_.in_text(); }
  Modes modes() const { return configuring_ ? candidate_.modes() : Modes(); }
  // `terminal length` and `terminal width`; -1: as the terminal is.
  int length() const { return length_; }
  int width() const { return width_; }

 private:
  Outcome Exec(absl::string_view line, absl::string_view command);
  bool MayChange();
  Outcome Local(const std::string& words);
  Outcome Configuration(absl::string_view line);
  Outcome WithCandidate(absl::string_view line, absl::string_view command);
  Outcome AddLine(absl::string_view line);
  Outcome LeaveConfiguration();
  Outcome Send(absl::string_view line, absl::string_view command, const Piped& piped,
               const std::vector<std::string>* lines);
  Outcome Refusal(const Answer& answer, absl::string_view line, absl::string_view command) const;

  Options options_;
  Call call_;
  Ask ask_;
  std::string hostname_ = "flexvpn";
  bool configuring_ = false;
  Candidate candidate_;
  int length_ = -1, width_ = -1;
};

// The line and the caret below it, for output without a prompt line above it, keys masked; then the text.
std::string WithInput(const Outcome& outcome);

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_SESSION_H_
