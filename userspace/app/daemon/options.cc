// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "core/config/help.h"

namespace flexvpn::app {
namespace {

constexpr char kHelp[] =
    R"(usage: flexvpnd [OPTION]...
FlexVPN daemon: IKEv2, NHRP and the kernel's IPsec datapath, configured in IOS grammar.

  -c, --config FILE      configuration (default /etc/flexvpn/flexvpn.conf)
      --check [FILE]     only check the configuration, or this file; needs no privileges
      --no-files         with --check: not the certificates and keys it names, which may be on another machine
      --commands FORM    print the reference of all commands, FORM markdown or json
      --instance NAME    name of this instance, for several on one machine (default "default")
      --admin-group NAME Unix group whose members may do all that root may through the control socket, "" for none
                         (default flexvpn-admin, if there is such a group)
      --run-dir DIR      control socket (default /run/flexvpn)
      --state-dir DIR    saved state (default /var/lib/flexvpn)
      --bpf-dir DIR      directory on a bpf file system for pinned maps (default /sys/fs/bpf/flexvpn)
      --log-level LEVEL  info or debug (default info); the log goes to standard error
      --version          print the version
  -h, --help             print this

exit status: 0 stopped, 64 usage, 69 a needed kernel feature or privilege is missing, 78 configuration error
signals: TERM and INT stop (sessions are deleted, the kernel is cleaned up), HUP reloads the configuration
)";

enum { kCheck = 256, kNoFiles, kCommands, kInstance, kAdminGroup, kRunDir, kStateDir, kBpfDir, kLogLevel, kVersion };
constexpr option kOptions[] = {
    {"config", required_argument, nullptr, 'c'},      {"check", no_argument, nullptr, kCheck},
    {"no-files", no_argument, nullptr, kNoFiles},
    {"commands", required_argument, nullptr, kCommands},
    {"instance", required_argument, nullptr, kInstance}, {"admin-group", required_argument, nullptr, kAdminGroup},
    {"run-dir", required_argument, nullptr, kRunDir},
    {"state-dir", required_argument, nullptr, kStateDir}, {"bpf-dir", required_argument, nullptr, kBpfDir},
    {"log-level", required_argument, nullptr, kLogLevel}, {"version", no_argument, nullptr, kVersion},
    {"help", no_argument, nullptr, 'h'},              {nullptr, 0, nullptr, 0},
};

}  // namespace

bool ParseOptions(int argc, char** argv, Options* o, int* exit_status) {
  *exit_status = 64;
  for (int c; (c = getopt_long(argc, argv, "c:h", kOptions, nullptr)) != -1;) {
    switch (c) {
      case 'c': o->config = optarg; break;
      case kCheck: o->check = true; break;
      case kNoFiles: o->files = false; break;
      case kCommands:
        if (strcmp(optarg, "markdown") != 0 && strcmp(optarg, "json") != 0) {
          fprintf(stderr, "flexvpnd: --commands: '%s' is neither markdown nor json\n", optarg);
          return false;
        }
        fputs((*optarg == 'm' ? config::CommandsMarkdown() : config::CommandsJson()).c_str(), stdout);
        *exit_status = 0;
        return false;
      case kInstance: o->instance = optarg; break;
      case kAdminGroup: o->admin_group = optarg; break;
      case kRunDir: o->run_dir = optarg; break;
      case kStateDir: o->state_dir = optarg; break;
      case kBpfDir: o->bpf_dir = optarg; break;
      case kLogLevel:
        if (strcmp(optarg, "debug") != 0 && strcmp(optarg, "info") != 0) {
          fprintf(stderr, "flexvpnd: --log-level: '%s' is neither info nor debug\n", optarg);
          return false;
        }
        o->debug = strcmp(optarg, "debug") == 0;
        break;
      case kVersion:
        printf("flexvpnd %s\n", FLEXVPN_VERSION);
        *exit_status = 0;
        return false;
      case 'h':
        fputs(kHelp, stdout);
        *exit_status = 0;
        return false;
      default:
        fputs("try 'flexvpnd --help'\n", stderr);
        return false;
    }
  }
  if (o->check && optind == argc - 1) o->config = argv[optind++];
  if (optind < argc) {
    fprintf(stderr, "flexvpnd: unexpected argument '%s'\n", argv[optind]);
    return false;
  }
  if (!o->files && !o->check) {
    fputs("flexvpnd: --no-files goes with --check only\n", stderr);
    return false;
  }
  if (o->instance.empty() || o->instance.find('/') != std::string::npos || o->instance.size() > 64) {
    fputs("flexvpnd: --instance wants 1 to 64 characters without '/'\n", stderr);
    return false;
  }
  return true;
}

}  // namespace flexvpn::app
