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
                       : error == EACCES                        ? ": permission denied: only root and members of the Unix groups flexvpn and flexvpn-admin may connect"
                                                                : "";
    return absl::ErrnoToStatus(error, absl::StrCat(path, hint));
  }
  return ControlClient(std::move(fd));
}

absl::StatusOr<std::string> ControlClient::Call(const std::string& body) {
  RETURN_IF_ERROR(Send(body));
  return Receive();
}

absl::Status ControlClient::Send(const std::string& body) {
  const std::string out = EncodeFrame(body);
  for (size_t sent = 0; sent < out.size();) {
    const ssize_t n = ::send(fd_.get(), out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) break;  // it has closed; what it said before that, Receive() tells
    if (n <= 0) return absl::ErrnoToStatus(errno, "send to the daemon");
    sent += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ControlClient::Receive() {
  for (;;) {
    ASSIGN_OR_RETURN(std::optional<std::string> frame, TakeFrame(buffer_, kMaxResponse));
    if (frame) return *std::move(frame);
    char chunk[65536];
    const ssize_t n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
    if (n == 0) return absl::UnavailableError("the daemon closed the connection");
    if (n < 0 && errno == EAGAIN) return absl::DeadlineExceededError("no answer from the daemon within 60 s");
    if (n < 0 && errno == EINTR) return absl::CancelledError("interrupted: the answer was not waited for");
    if (n < 0) return absl::ErrnoToStatus(errno, "receive from the daemon");
    buffer_.append(chunk, static_cast<size_t>(n));
  }
}

absl::Status ControlClient::Fill() {
  char chunk[65536];
  const ssize_t n = ::recv(fd_.get(), chunk, sizeof chunk, MSG_DONTWAIT);
  if (n == 0) return absl::UnavailableError("the daemon closed the connection");
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return absl::OkStatus();
  if (n < 0) return absl::ErrnoToStatus(errno, "receive from the daemon");
  buffer_.append(chunk, static_cast<size_t>(n));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> ControlClient::Take() { return TakeFrame(buffer_, kMaxResponse); }

}  // namespace flexvpn::os
