// SPDX-License-Identifier: Apache-2.0
// The running flexvpnd, asked over its control socket (docs/control-protocol.md).
#ifndef FLEXVPN_APP_SHELL_DAEMON_H_
#define FLEXVPN_APP_SHELL_DAEMON_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "app/shell/session.h"

namespace flexvpn::shell {

// A request and an answer of the protocol.  `lines` may hold keys: wipe the body once it is sent.
std::string RequestBody(const std::string& command, const std::vector<std::string>* lines, Form form);
absl::StatusOr<Answer> ReadAnswer(const std::string& body);

// One request on a connection of its own: a shell left open survives restarts of the daemon and takes none of
// its few connections.  Errors: not reachable, or it answers something else than an answer.
absl::StatusOr<Answer> AskDaemon(const std::string& socket, const std::string& command,
                                 const std::vector<std::string>* lines, Form form);

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_DAEMON_H_
