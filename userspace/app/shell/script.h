// SPDX-License-Identifier: Apache-2.0
// `flexvpn -f SCRIPT`: commands of a file, one a line.
#ifndef FLEXVPN_APP_SHELL_SCRIPT_H_
#define FLEXVPN_APP_SHELL_SCRIPT_H_

#include <stdio.h>

#include <string>

#include "app/shell/session.h"

namespace flexvpn::shell {

// Runs every line of `in` (called `name` in messages).  Answers go to standard output, errors to standard
// error with the number of their line; the first ends the script unless `keep_going`.  Returns the exit
// status.
int RunScript(Session& session, FILE* in, const std::string& name, bool keep_going);

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_SCRIPT_H_
