// SPDX-License-Identifier: Apache-2.0
// `monitor`: a table of sessions, their rates and the shortcuts, drawn again and again.
#ifndef FLEXVPN_APP_SHELL_MONITOR_H_
#define FLEXVPN_APP_SHELL_MONITOR_H_

#include <string>

#include "app/shell/session.h"

namespace flexvpn::shell {

// Answers of one moment: `show crypto ikev2 session`, `show dataplane peers`, `show ip nhrp shortcut` as
// JSON.
struct Sample {
  show::Json sessions, peers, shortcuts;
  double seconds = 0;  // when, from any beginning
};

// The table.  Rates are those since `before` (null: none yet); a peer that was not there then has none. Pure.
std::string MonitorText(const Sample& now, const Sample* before);

// Draws until `q`, Ctrl-C or the daemon stops answering.  Standard input and output are a terminal.
void RunMonitor(const Session::Call& call, int interval_seconds);

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_MONITOR_H_
