// SPDX-License-Identifier: Apache-2.0
// The prompt: reads lines until the user leaves.
#ifndef FLEXVPN_APP_SHELL_REPL_H_
#define FLEXVPN_APP_SHELL_REPL_H_

#include "app/shell/session.h"
#include "app/shell/stream.h"

namespace flexvpn::shell {

// Standard input and output are a terminal; `stream` is that of `call`.  Returns the exit status.
int RunPrompt(Session::Options options, const Session::Call& call, DebugStream& stream);

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_REPL_H_
