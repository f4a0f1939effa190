// SPDX-License-Identifier: Apache-2.0
#include "os/control/client.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/control/frame.h"

namespace flexvpn::os {

absl::StatusOr<ControlClient> ControlClient::Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return absl::InvalidArgumentError(absl::StrCat("socket path too long: ", path));
  path.copy(address.sun_path, path.size());
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "socket");
  const timeval timeout{60, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    const char* hint = error == ENOENT || error == ECONNREFUSED ? ": flexvpnd is not running there"
                       : error == EACCES                        ? ": permission denied (root or the socket's group)"
                                                                : "";
    return absl::ErrnoToStatus(error, absl::StrCat(path, hint));
  }
  return ControlClient(std::move(fd));
}

absl::StatusOr<std::string> ControlClient::Call(const std::string& body) {
  std::string out = EncodeFrame(body);
  while (!out.empty()) {
    const ssize_t n = ::send(fd_.get(), out.data(), out.size(), MSG_NOSIGNAL);
    if (n <= 0) return absl::ErrnoToStatus(errno, "send to the daemon");
    out.erase(0, static_cast<size_t>(n));
  }
  for (;;) {
    ASSIGN_OR_RETURN(std::optional<std::string> frame, TakeFrame(buffer_, kMaxResponse));
    if (frame) return *std::move(frame);
    char chunk[65536];
    const ssize_t n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
    if (n == 0) return absl::UnavailableError("the daemon closed the connection");
    if (n < 0)
      return errno == EAGAIN ? absl::DeadlineExceededError("no answer from the daemon within 60 s")
                             : absl::ErrnoToStatus(errno, "receive from the daemon");
    buffer_.append(chunk, static_cast<size_t>(n));
  }
}

}  // namespace flexvpn::os
