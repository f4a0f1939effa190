// SPDX-License-Identifier: Apache-2.0
#include "unit/app_shell/terminal/pty.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

namespace flexvpn::shell {

Pty::Pty(const std::vector<std::string>& argv, const std::vector<std::string>& environment) {
  const winsize size{24, 80, 0, 0};
  pid_ = forkpty(&fd_, nullptr, nullptr, &size);
  if (pid_ != 0) return;
  for (const std::string& e : environment) putenv(const_cast<char*>(e.c_str()));
  std::vector<char*> raw;
  for (const std::string& a : argv) raw.push_back(const_cast<char*>(a.c_str()));
  raw.push_back(nullptr);
  execv(raw[0], raw.data());
  _exit(127);
}

Pty::~Pty() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(fd_);
}

void Pty::Send(const std::string& keys) {
  EXPECT_EQ(write(fd_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

bool Pty::Fill() {
  pollfd p{fd_, POLLIN, 0};
  if (poll(&p, 1, 10000) <= 0) return false;
  char buffer[4096];
  const ssize_t n = read(fd_, buffer, sizeof buffer);
  if (n <= 0) return false;
  for (ssize_t i = 0; i < n; ++i)
    if (buffer[i] != '\r' || pending_.find("\x1b[") != std::string::npos) pending_ += buffer[i];
  return true;
}

std::string Pty::Expect(const std::string& text) {
  size_t at;
  while ((at = pending_.find(text)) == std::string::npos) {
    if (Fill()) continue;
    ADD_FAILURE() << "waited for:\n" << text << "\ncame:\n" << pending_;
    return pending_;
  }
  const std::string out = pending_.substr(0, at + text.size());
  pending_.erase(0, at + text.size());
  return out;
}

int Pty::Wait() {
  while (Fill()) {
  }
  int status = 0;
  for (int i = 0; i < 100; ++i) {
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    poll(nullptr, 0, 50);
  }
  return -1;
}

}  // namespace flexvpn::shell
