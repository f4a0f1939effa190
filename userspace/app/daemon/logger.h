// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_LOGGER_H_
#define FLEXVPN_APP_DAEMON_LOGGER_H_

#include "absl/strings/string_view.h"
#include "core/node/io.h"

namespace flexvpn::app {

using Level = node::Log::Level;

// One line on standard error: with a time stamp on a terminal or in a file, with a journal priority (sd-daemon(3))
// under systemd.  Control characters, which may come from a peer, are made visible.
void LogLine(Level level, absl::string_view text);
void SetDebug(bool on);

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_LOGGER_H_
