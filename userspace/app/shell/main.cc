// SPDX-License-Identifier: Apache-2.0
// flexvpn: shell and one-shot client of the daemon's control socket.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "app/shell/complete.h"
#include "app/shell/daemon.h"
#include "app/shell/options.h"
#include "app/shell/repl.h"
#include "app/shell/script.h"
#include "app/shell/session.h"
#include "app/shell/stream.h"
#include "app/shell/terminal.h"
#include "core/config/exec.h"

namespace flexvpn::shell {
namespace {

// Lines of `debug` as they come; Ctrl-C ends the program, and so what it debugs.
int Follow(DebugStream& stream) {
  while (stream.fd() >= 0) {
    Write(stream.Take());
    pollfd p[] = {{stream.fd(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
    if (stream.fd() >= 0) poll(p, 2, -1);
    if ((p[1].revents & (POLLERR | POLLHUP)) != 0) return kDone;  // nobody reads it any more
  }
  return kUnreachable;
}

int RunOnce(Session& session, const Options& options, DebugStream& stream) {
  const Outcome o = session.Execute(options.command);
  if (o.monitor_interval > 0 || session.configuring()) {
    fprintf(stderr, "flexvpn: '%s' is a command of the interactive shell or of a script\n",
            options.command.c_str());
    return kUsage;
  }
  if (o.unreachable) {
    fprintf(stderr, "flexvpn: %s", o.text.substr(o.text.find_first_not_of("% ")).c_str());
    return kUnreachable;
  }
  fputs(WithInput(o).c_str(), o.ok || options.json ? stdout : stderr);
  fflush(stdout);
  if (o.ok && absl::StartsWith(config::ParseExec(options.command).words, "debug ")) return Follow(stream);
  return o.ok ? kDone : kRefused;
}

// A script is over before anything could come.
Answer NoDebugHere() {
  const std::string why = "'debug' shows lines as they come: type it in the shell, or 'flexvpn debug ...'";
  return {false, absl::StrCat("% ", why, "\n"), {{"error", why}}};
}

int Main(int argc, char** argv) {
  Options options;
  int status = kDone;
  if (!ParseOptions(argc, argv, &options, &status)) return status;
  if (options.complete) {
    for (const std::string& word : CompletionsAt({}, *options.complete)) puts(word.c_str());
    return kDone;
  }
  DebugStream stream(options.socket, options.json);
  const bool terminal = isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
  const bool prompt = options.command.empty() && !options.script && terminal;
  const bool script = options.command.empty() && !prompt;
  const Session::Call call = [&](const std::string& command, const std::vector<std::string>* lines,
                                 Form form) -> absl::StatusOr<Answer> {
    if (lines == nullptr && IsDebugCommand(command)) {
      if (!script) return stream.Ask(command, form);
      if (absl::StartsWith(config::ParseExec(command).words, "debug ")) return NoDebugHere();
    }
    return AskDaemon(options.socket, command, lines, form);
  };
  const Session::Options how{geteuid() == 0, options.json, options.json && !options.command.empty()};
  if (prompt) return RunPrompt(how, call, stream);
  Session session(how, call, nullptr);
  if (!options.command.empty()) return RunOnce(session, options, stream);
  const std::string name = options.script.value_or("-");
  if (name == "-") return RunScript(session, stdin, "standard input", options.keep_going);
  FILE* in = fopen(name.c_str(), "re");
  if (in == nullptr) {
    fprintf(stderr, "flexvpn: %s: %s\n", name.c_str(), strerror(errno));
    return kUsage;
  }
  status = RunScript(session, in, name, options.keep_going);
  fclose(in);
  return status;
}

}  // namespace
}  // namespace flexvpn::shell

int main(int argc, char** argv) { return flexvpn::shell::Main(argc, argv); }
