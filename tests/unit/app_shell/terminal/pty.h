// SPDX-License-Identifier: Apache-2.0
// A program on a terminal of its own, played like a user does.
#ifndef FLEXVPN_TESTS_UNIT_APP_SHELL_TERMINAL_PTY_H_
#define FLEXVPN_TESTS_UNIT_APP_SHELL_TERMINAL_PTY_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace flexvpn::shell {

class Pty {
 public:
  // `environment`: "NAME=VALUE" beside the caller's.  The screen has 24 rows of 80 columns.
  Pty(const std::vector<std::string>& argv, const std::vector<std::string>& environment);
  ~Pty();
  void Send(const std::string& keys);
  // Waits until the output since the last Expect holds `text` and takes it up to its end.  Returns it; a
  // failure of the test after ten seconds.
  std::string Expect(const std::string& text);
  // Waits for the end of the program; its exit status, -1 if it does not end.
  int Wait();

 private:
  bool Fill();
  int fd_ = -1;
  pid_t pid_ = -1;
  std::string pending_;
};

}  // namespace flexvpn::shell

#endif  // FLEXVPN_TESTS_UNIT_APP_SHELL_TERMINAL_PTY_H_
