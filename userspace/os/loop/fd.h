// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_LOOP_FD_H_
#define FLEXVPN_OS_LOOP_FD_H_

#include <unistd.h>

#include <utility>

namespace flexvpn::os {

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  Fd& operator=(Fd&& o) noexcept {
    if (this != &o) {
      Close();
      fd_ = std::exchange(o.fd_, -1);
    }
    return *this;
  }
  ~Fd() { Close(); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int fd_ = -1;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_LOOP_FD_H_
