// SPDX-License-Identifier: Apache-2.0
#include "app/shell/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/shell/pager.h"

namespace flexvpn::shell {

ScreenSize Screen() {
  winsize w{};
  ScreenSize out;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0) return out;
  if (w.ws_row > 0) out.rows = w.ws_row;
  if (w.ws_col > 0) out.columns = w.ws_col;
  return out;
}

RawKeys::RawKeys() {
  if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  restore_ = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

RawKeys::~RawKeys() {
  if (restore_) tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

std::optional<char> RawKeys::Get(int timeout_ms) {
  pollfd p{STDIN_FILENO, POLLIN, 0};
  const int ready = poll(&p, 1, timeout_ms);
  if (ready == 0 || (ready < 0 && errno == EINTR)) return std::nullopt;
  char c = 0;
  if (ready > 0 && read(STDIN_FILENO, &c, 1) == 1) return c;
  gone_ = true;
  return std::nullopt;
}

void Write(const std::string& text) {
  fwrite(text.data(), 1, text.size(), stdout);
  fflush(stdout);
}

void ShowPaged(std::string text, int rows, int columns) {
  if (rows == 0 || isatty(STDOUT_FILENO) == 0) return Write(text);
  Pager pager(std::move(text), rows, columns);
  Write(std::string(pager.Page()));
  if (pager.done()) return;
  RawKeys keys;
  while (!pager.done()) {
    Write(" --More-- ");
    std::optional<char> key;
    while (!key && !keys.gone()) key = keys.Get();
    Write("\r          \r");
    if (key == ' ')
      Write(std::string(pager.Page()));
    else if (key == '\r' || key == '\n')
      Write(std::string(pager.Line()));
    else
      return;
  }
}

}  // namespace flexvpn::shell
