// SPDX-License-Identifier: Apache-2.0
// The terminal outside of line editing: its size, single keys, long output.
#ifndef FLEXVPN_APP_SHELL_TERMINAL_H_
#define FLEXVPN_APP_SHELL_TERMINAL_H_

#include <termios.h>

#include <optional>
#include <string>

namespace flexvpn::shell {

struct ScreenSize {
  int rows = 24;
  int columns = 80;
};
ScreenSize Screen();

// Keys come one by one and unseen while it lives; Ctrl-C comes as a key.
class RawKeys {
 public:
  RawKeys();
  ~RawKeys();
  RawKeys(const RawKeys&) = delete;
  RawKeys& operator=(const RawKeys&) = delete;
  // The next key; nullopt: none within `timeout_ms` (-1: no limit), or the terminal is gone (then gone() is
  // true).
  std::optional<char> Get(int timeout_ms = -1);
  bool gone() const { return gone_; }

 private:
  termios before_{};
  bool restore_ = false;
  bool gone_ = false;
};

// Writes all of it to standard output; a reader that has gone is no error.
void Write(const std::string& text);

// Shows the text; with " --More-- " after each page (space: a page, Enter: a line, any other key: the end) if
// standard output is a terminal and `rows` is not 0.
void ShowPaged(std::string text, int rows, int columns);

}  // namespace flexvpn::shell

#endif  // FLEXVPN_APP_SHELL_TERMINAL_H_
