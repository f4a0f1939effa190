// SPDX-License-Identifier: Apache-2.0
#include "app/shell/repl.h"

#include <signal.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "app/shell/complete.h"
#include "app/shell/editor.h"
#include "app/shell/history.h"
#include "app/shell/monitor.h"
#include "app/shell/options.h"
#include "app/shell/terminal.h"

namespace flexvpn::shell {
namespace {

class Prompt {
 public:
  Prompt(Session::Options options, const Session::Call& call, DebugStream& stream)
      : call_(call),
        stream_(stream),
        session_(options, call, [this](const std::string& q) { return Question(q); }),
        editor_({[this](const std::string& l) { return CompletionsAt(session_.modes(), l); },
                 [this](const std::string& l) { Help(l); }, [this] { return asking_ || session_.in_text(); },
                 [this] { return session_.configuring() && !asking_; }, [this] { return stream_.fd(); },
                 [this] { return stream_.Take(); }}),
        history_(HistoryFile()) {}

  int Run() {
    if (const absl::Status s = session_.Learn(); !s.ok())
      Write(absl::StrCat("% ", s.message(), "\n"));
    for (;;) {
      Write(stream_.Take());  // what came while a command was carried out
      const std::string prompt = session_.Prompt();
      const std::optional<std::string> typed = editor_.Read(prompt);
      if (!typed) {  // Ctrl-D: out of this mode
        Write("\n");
        if (session_.in_text() || !session_.configuring() || gone_) return kDone;
        gone_ = true;  // twice in a row: out of the shell
        if (Take("exit", "", false)) return kDone;
        continue;
      }
      gone_ = false;
      const std::vector<std::string> lines = absl::StrSplit(*typed, '\n');  // several if pasted
      for (const std::string& line : lines) {
        if (!session_.in_text()) history_.Add(line);
        if (Take(line, session_.Prompt(), lines.size() == 1)) return kDone;
      }
    }
  }

 private:
  int Rows() const { return session_.length() >= 0 ? session_.length() : Screen().rows; }
  int Columns() const { return session_.width() > 0 ? session_.width() : Screen().columns; }

  // True: leave.
  bool Take(const std::string& line, const std::string& prompt, bool below_prompt) {
    const Outcome o = session_.Execute(line);
    const size_t at = prompt.size() + static_cast<size_t>(o.column);
    if (o.column > 0 && below_prompt && at <= static_cast<size_t>(Columns())) {
      Write(absl::StrCat(std::string(at - 1, ' '), "^\n", o.text));
    } else {
      ShowPaged(WithInput(o), Rows(), Columns());
    }
    if (o.monitor_interval > 0) RunMonitor(call_, o.monitor_interval);
    return o.leave;
  }

  void Help(const std::string& line) {
    const size_t columns = static_cast<size_t>(Columns());
    ShowPaged(FormatHelp(HelpAt(session_.modes(), line), line, session_.Prompt().size(), columns), Rows(),
              Columns());
  }

  std::optional<std::string> Question(const std::string& question) {
    asking_ = true;
    std::optional<std::string> answer = editor_.Read(question);
    asking_ = false;
    return answer ? answer : "cancel";
  }

  Session::Call call_;
  DebugStream& stream_;
  bool asking_ = false;
  bool gone_ = false;
  Session session_;
  Editor editor_;
  History history_;
};

}  // namespace

int RunPrompt(Session::Options options, const Session::Call& call, DebugStream& stream) {
  // Ctrl-C while the daemon is asked interrupts the wait, not the shell.
  struct sigaction interrupt {};
  interrupt.sa_handler = [](int) {};
  sigaction(SIGINT, &interrupt, nullptr);
  return Prompt(options, call, stream).Run();
}

}  // namespace flexvpn::shell
