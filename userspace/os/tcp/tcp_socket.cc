// SPDX-License-Identifier: Apache-2.0
#include "os/tcp/tcp_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "absl/strings/str_cat.h"

namespace flexvpn::os {
namespace {

sockaddr_in ToSockaddr(const net::IpAddress& address, uint16_t port) {
  sockaddr_in s{};
  s.sin_family = AF_INET;
  s.sin_port = htons(port);
  s.sin_addr.s_addr = htonl(address.v4());
  return s;
}

int Bind(int fd, const sockaddr_in& s) { return bind(fd, reinterpret_cast<const sockaddr*>(&s), sizeof s); }

// None of it is worth refusing a connection for.
void SetOptions(int fd) {
  const auto set = [fd](int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(IPPROTO_IP, IP_TOS, 48 << 2);  // CS6
  // A peer that has gone without a word is noticed when three probes have found no answer; they hold a NAT's mapping open besides.
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 20);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  // What the path does not take waits with us, where late ESP is dropped, and not megabytes of it in the kernel.
  set(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 32 * 1024);
  // What nobody acknowledges so long goes by another connection: a NAT that has forgotten this one says nothing.
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 36'000);  // it ends the probes, too
}

Fd NewSocket() {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.valid()) SetOptions(fd.get());
  return fd;
}

}  // namespace

absl::StatusOr<Fd> ListenTcp(uint16_t port) {
  const std::string name = absl::StrCat("TCP 0.0.0.0:", port);
  Fd fd = NewSocket();
  if (!fd.valid()) return absl::ErrnoToStatus(errno, name);
  // Connections of an earlier run that are still in TIME_WAIT do not keep the port; another listener does.
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (Bind(fd.get(), ToSockaddr(net::IpAddress::Any(net::Family::kIpv4), port)) != 0 ||
      listen(fd.get(), SOMAXCONN) != 0) {
    const int error = errno;
    const std::string what = absl::StrCat("bind ", name);
    if (error == EADDRINUSE)
      return absl::AlreadyExistsError(absl::StrCat(what, ": does another program listen there? ", strerror(error)));
    return absl::ErrnoToStatus(error, absl::StrCat(what, error == EACCES ? " (CAP_NET_BIND_SERVICE is missing)" : ""));
  }
  return fd;
}

absl::StatusOr<Fd> DialTcp(const net::IpAddress& local, const net::IpAddress& remote, uint16_t port) {
  if (!remote.is_v4() || local.is_v6()) return absl::UnimplementedError("TCP is for IPv4 only");
  Fd fd = NewSocket();
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "socket");
  if (!local.empty() && !local.is_any()) {
    // The port is chosen when the destination is known: many connections may have the same one.
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (Bind(fd.get(), ToSockaddr(local, 0)) != 0)
      return absl::ErrnoToStatus(errno, absl::StrCat("bind ", local.ToString()));
  }
  const sockaddr_in to = ToSockaddr(remote, port);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)
    return absl::ErrnoToStatus(errno, "connect");
  return fd;
}

absl::StatusOr<AcceptedTcp> AcceptTcp(int listener) {
  sockaddr_in peer{}, self{};
  socklen_t size = sizeof peer;
  Fd fd(accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.valid()) {
    const int error = errno;
    if (error == EAGAIN) return absl::UnavailableError("nobody calls");
    if (error == ECONNABORTED || error == EINTR || error == EPROTO) return absl::AbortedError(strerror(error));
    return absl::ResourceExhaustedError(strerror(error));
  }
  size = sizeof self;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&self), &size) != 0) return absl::AbortedError(strerror(errno));
  int vrf = 0;  // with net.ipv4.tcp_l3mdev_accept the kernel gives us calls of VRFs; we take them for none of ours
  size = sizeof vrf;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_BINDTOIFINDEX, &vrf, &size) == 0 && vrf != 0)
    return absl::AbortedError("a call of a VRF");
  SetOptions(fd.get());
  return AcceptedTcp{std::move(fd), net::IpAddress::V4(ntohl(self.sin_addr.s_addr)),
                     net::IpAddress::V4(ntohl(peer.sin_addr.s_addr)), ntohs(self.sin_port), ntohs(peer.sin_port)};
}

}  // namespace flexvpn::os
