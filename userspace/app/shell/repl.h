// SPDX-License-Identifier: Apache-2.0
// The prompt: reads lines until the user leaves.
#ifndef FLEXVPN_APP_SHELL_REPL_H_
#define FLEXVPN_APP_SHELL_REPL_H_

#include "app/shell/session.h"

namespace flexvpn::shell {

// Standard input and output are a terminal.  Returns the exit status.
int RunPrompt(Session::Options options, const Session::Call& call);

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_REPL_H_
