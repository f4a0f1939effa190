// SPDX-License-Identifier: Apache-2.0
// flexvpn: one-shot client of the daemon's control socket.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "core/show/document.h"
#include "os/control/client.h"
#include "os/control/frame.h"

namespace {

using flexvpn::show::Json;

constexpr char kHelp[] =
    R"(usage: flexvpn [--json] [--socket PATH] COMMAND...
Asks the running flexvpnd.  Words may be abbreviated as in IOS (flexvpn sh cry ikev2 sa).

  show crypto ikev2 sa [detailed]        IKE SAs
  show crypto ikev2 session [detailed]   IKE SAs with their Child SAs
  show crypto ipsec sa                   IPsec SAs with packet counters
  show ip nhrp [shortcut]                NHRP cache
  show ip route flexvpn                  routes of ours: S from IKEv2, H shortcuts
  show dataplane [peers|sas|drops|offload|devices]
  show running-config [all]
  show version
  clear crypto ikev2 sa [remote A.B.C.D]
  clear ip nhrp
  rekey crypto {ikev2|ipsec} sa

  -j, --json          print the answer as JSON (docs/show-json.md)
  -s, --socket PATH   control socket (default $FLEXVPN_SOCKET or /run/flexvpn/control.sock)
  -h, --help          print this
      --version       print the version

exit status: 0 done, 1 refused by the daemon, 64 usage, 69 daemon not reachable
)";

struct Arguments {
  std::string socket = "/run/flexvpn/control.sock";
  std::string command;
  bool json = false;
};

// False: finished with *status.
bool Parse(int argc, char** argv, Arguments* a, int* status) {
  static const option kOptions[] = {{"json", no_argument, nullptr, 'j'},
                                    {"socket", required_argument, nullptr, 's'},
                                    {"help", no_argument, nullptr, 'h'},
                                    {"version", no_argument, nullptr, 'V'},
                                    {nullptr, 0, nullptr, 0}};
  if (const char* path = getenv("FLEXVPN_SOCKET"); path != nullptr && *path != 0) a->socket = path;
  for (int c; (c = getopt_long(argc, argv, "js:h", kOptions, nullptr)) != -1;) {
    if (c == 'j') {
      a->json = true;
    } else if (c == 's') {
      a->socket = optarg;
    } else if (c == 'h' || c == 'V') {
      c == 'h' ? fputs(kHelp, stdout) : printf("flexvpn %s\n", FLEXVPN_VERSION);
      *status = 0;
      return false;
    } else {
      *status = 64;
      return false;
    }
  }
  for (int i = optind; i < argc; ++i) absl::StrAppend(&a->command, a->command.empty() ? "" : " ", argv[i]);
  if (!a->command.empty()) return true;
  fputs(kHelp, stderr);
  *status = 64;
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  int status = 0;
  if (!Parse(argc, argv, &a, &status)) return status;
  Json request;
  request["version"] = flexvpn::os::kControlVersion;
  request["command"] = a.command;
  auto client = flexvpn::os::ControlClient::Connect(a.socket);
  if (!client.ok()) {
    fprintf(stderr, "flexvpn: %s\n", std::string(client.status().message()).c_str());
    return 69;
  }
  auto body = client->Call(request.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!body.ok()) {
    fprintf(stderr, "flexvpn: %s\n", std::string(body.status().message()).c_str());
    return 69;
  }
  const Json answer = Json::parse(*body, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object() || !answer.contains("ok") || !answer.contains("text") || !answer.contains("data")) {
    fputs("flexvpn: malformed answer of the daemon\n", stderr);
    return 69;
  }
  const bool ok = answer["ok"].is_boolean() && answer["ok"].get<bool>();
  const std::string text =
      a.json ? answer["data"].dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : answer["text"].get<std::string>();
  fputs(text.c_str(), ok || a.json ? stdout : stderr);
  return ok ? 0 : 1;
}
