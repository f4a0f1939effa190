// SPDX-License-Identifier: Apache-2.0
#include "app/shell/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/config/help.h"

namespace flexvpn::shell {
namespace {

constexpr char kHead[] = R"(usage: flexvpn [OPTION]... [COMMAND...]
Asks and configures the running flexvpnd.  Without COMMAND: a prompt as that of IOS, with `?` and Tab, if standard
input is a terminal, else standard input is a script.  Words may be abbreviated (flexvpn sh cry ike sa).

)";
constexpr char kTail[] = R"(
In the shell and in one quoted argument: show … | {begin|count|exclude|include|section} EXPRESSION, show … | json

  -f, --file SCRIPT    commands, one a line; `-` is standard input; ends at the first error
      --keep-going     go on after errors; the exit status tells of them still
  -j, --json           print answers as JSON (docs/show-json.md)
  -s, --socket PATH    control socket (default $FLEXVPN_SOCKET or /run/flexvpn/control.sock)
      --complete LINE  print what the last word of LINE may become, one a line
  -h, --help           print this
      --version        print the version

exit status: 0 done, 1 refused by the daemon or an error in a script, 64 usage, 69 daemon not reachable
)";

enum { kKeepGoing = 256, kComplete, kVersion };
constexpr option kOptions[] = {
    {"file", required_argument, nullptr, 'f'},   {"keep-going", no_argument, nullptr, kKeepGoing},
    {"json", no_argument, nullptr, 'j'},         {"socket", required_argument, nullptr, 's'},
    {"help", no_argument, nullptr, 'h'},         {"complete", required_argument, nullptr, kComplete},
    {"version", no_argument, nullptr, kVersion}, {nullptr, 0, nullptr, 0}};

}  // namespace

std::string Usage() {
  const std::vector<config::HelpItem> commands = config::CommandList(config::ModeId::kExec);
  std::string out = kHead;
  constexpr size_t kColumn = 44;
  for (const config::HelpItem& c : commands) {
    const size_t pad = c.word.size() < kColumn ? kColumn - c.word.size() : 2;
    absl::StrAppend(&out, "  ", c.word, std::string(pad, ' '), c.help, "\n");
  }
  return out + kTail;
}

bool ParseOptions(int argc, char** argv, Options* o, int* status) {
  if (const char* path = getenv("FLEXVPN_SOCKET"); path != nullptr && *path != 0) o->socket = path;
  *status = kUsage;
  for (int c; (c = getopt_long(argc, argv, "f:js:h", kOptions, nullptr)) != -1;) {
    switch (c) {
      case 'f':
        o->script = optarg;
        break;
      case 'j':
        o->json = true;
        break;
      case 's':
        o->socket = optarg;
        break;
      case kKeepGoing:
        o->keep_going = true;
        break;
      case kComplete:
        o->complete = optarg;
        break;
      case 'h':
        fputs(Usage().c_str(), stdout);
        *status = kDone;
        return false;
      case kVersion:
        printf("flexvpn %s\n", FLEXVPN_VERSION);
        *status = kDone;
        return false;
      default:
        fputs("try 'flexvpn --help'\n", stderr);
        return false;
    }
  }
  for (int i = optind; i < argc; ++i) absl::StrAppend(&o->command, o->command.empty() ? "" : " ", argv[i]);
  if (!o->command.empty() && o->script) {
    fputs("flexvpn: either --file or a command\n", stderr);
    return false;
  }
  return true;
}

}  // namespace flexvpn::shell
