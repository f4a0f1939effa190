// SPDX-License-Identifier: Apache-2.0
// flexvpn: shell and one-shot client of the daemon's control socket.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "app/shell/complete.h"
#include "app/shell/daemon.h"
#include "app/shell/options.h"
#include "app/shell/repl.h"
#include "app/shell/script.h"
#include "app/shell/session.h"
#include "app/shell/terminal.h"

namespace flexvpn::shell {
namespace {

int RunOnce(Session& session, const Options& options) {
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
  return o.ok ? kDone : kRefused;
}

int Main(int argc, char** argv) {
  Options options;
  int status = kDone;
  if (!ParseOptions(argc, argv, &options, &status)) return status;
  if (options.complete) {
    for (const std::string& word : CompletionsAt({}, *options.complete)) puts(word.c_str());
    return kDone;
  }
  const Session::Call call = [&](const std::string& command, const std::vector<std::string>* lines, Form form) {
    return AskDaemon(options.socket, command, lines, form);
  };
  const Session::Options how{geteuid() == 0, options.json, options.json && !options.command.empty()};
  if (options.command.empty() && !options.script && isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0)
    return RunPrompt(how, call);
  Session session(how, call, nullptr);
  if (!options.command.empty()) return RunOnce(session, options);
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
