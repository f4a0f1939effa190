// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_PRIVILEGES_H_
#define FLEXVPN_APP_DAEMON_PRIVILEGES_H_

#include <string>
#include <vector>

namespace flexvpn::app {

// Names of the capabilities the daemon needs and this process does not have, with what each is for.
std::vector<std::string> MissingCapabilities();

// Keys must not reach core dumps or other processes of the same user: no dumps, no ptrace.
void ProtectMemory();

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_PRIVILEGES_H_
