// SPDX-License-Identifier: Apache-2.0
// Any line typed at the shell: parsed, helped with and completed in every mode.  The first octet chooses the
// mode.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/config/exec.h"
#include "core/config/fragment.h"
#include "core/config/help.h"

namespace {

void Check(bool good, const char* what, absl::string_view line) {
  if (good) return;
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(line.size()), line.data());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flexvpn::config;
  if (size == 0) return 0;
  const auto mode = static_cast<ModeId>(1 + data[0] % (static_cast<int>(ModeId::kCount) - 1));
  const absl::string_view line(reinterpret_cast<const char*>(data) + 1, size - 1);
  const ExecLine exec = ParseExec(line);
  if (exec.command != nullptr) {
    const ExecLine again = ParseExec(exec.words);
    Check(again.command == exec.command && again.words == exec.words, "words in full mean something else",
          exec.words);
  } else {
    Check(!exec.error.message.empty(), "no command and no error", line);
    Check(exec.error.column <= static_cast<int>(exec.error.input.size()) + 1, "caret behind the line", line);
  }
  for (const HelpItem& i : Help(mode, line).items) Check(!i.word.empty(), "help for no word", line);
  const size_t last = line.find_last_of(" \t") + 1;
  for (const std::string& word : Complete(mode, line)) {
    const std::string completed(std::string(line.substr(0, last)) + word);
    Check(Help(mode, completed).column == 0, "completed to what fits nowhere", completed);
  }
  for (const Diagnostic& d : ParseFragment(line).diagnostics)
    Check(!d.message.empty(), "a message without words", line);
  return 0;
}
