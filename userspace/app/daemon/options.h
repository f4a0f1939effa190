// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_OPTIONS_H_
#define FLEXVPN_APP_DAEMON_OPTIONS_H_

#include <string>

#include "os/control/peer.h"

namespace flexvpn::app {

struct Options {
  std::string config = "/etc/flexvpn/flexvpn.conf";
  std::string run_dir = "/run/flexvpn";
  std::string state_dir = "/var/lib/flexvpn";
  std::string bpf_dir = "/sys/fs/bpf/flexvpn";
  std::string instance = "default";
  std::string admin_group = os::kAdministrators;  // "" = none: root alone changes things
  bool debug = false;
  bool check = false;
  bool files = true;  // whether a check reads the files the configuration names
  std::string socket_path() const { return run_dir + "/control.sock"; }
  std::string instance_dir() const { return state_dir + "/" + instance; }
  std::string pin_dir() const { return bpf_dir + "/" + instance; }
};

// Parses the command line.  Prints help, version or a usage error itself; then `*exit_status` is set and false is
// returned.
bool ParseOptions(int argc, char** argv, Options* options, int* exit_status);

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_OPTIONS_H_
