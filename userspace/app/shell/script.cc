// SPDX-License-Identifier: Apache-2.0
#include "app/shell/script.h"

#include <stdlib.h>

#include "absl/strings/str_cat.h"
#include "app/shell/options.h"
#include "base/secret.h"

namespace flexvpn::shell {

int RunScript(Session& session, FILE* in, const std::string& name, bool keep_going) {
  int status = kDone, number = 0;
  const auto report = [&](const Outcome& o) {
    if (o.ok) {
      fputs(o.text.c_str(), stdout);
      return true;
    }
    fflush(stdout);
    fputs(absl::StrCat(name, ":", number, ": error\n", WithInput(o)).c_str(), stderr);
    status = o.unreachable ? kUnreachable : kRefused;
    return keep_going && !o.unreachable;
  };
  char* line = nullptr;
  size_t size = 0;
  bool left = false;
  for (ssize_t n; (n = getline(&line, &size, in)) >= 0;) {
    ++number;
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) --n;
    const Outcome o = session.Execute(absl::string_view(line, static_cast<size_t>(n)));
    if ((left = o.leave) || !report(o)) break;
  }
  if (line != nullptr) WipeMemory(line, size);
  free(line);
  if (const Outcome end = session.Finish(); !left && (status == kDone || keep_going)) report(end);
  return status;
}

}  // namespace flexvpn::shell
