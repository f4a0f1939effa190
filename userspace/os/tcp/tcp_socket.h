// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_TCP_TCP_SOCKET_H_
#define FLEXVPN_OS_TCP_TCP_SOCKET_H_

#include <optional>

#include "absl/status/statusor.h"
#include "core/net/ip.h"
#include "os/loop/fd.h"

namespace flexvpn::os {

// The sockets of os/tcp, all IPv4, non-blocking and in the global VRF.  They send at once (no Nagle), ask a silent peer
// for signs of life, and mark their packets CS6 as IKE in UDP does.

// On all addresses.  kAlreadyExists if somebody has the port; errors name it.
absl::StatusOr<Fd> ListenTcp(uint16_t port);

// connect() has been called and goes on; the socket is writable when it has ended, well or not.  `local`: none or any
// for what the kernel chooses.
absl::StatusOr<Fd> DialTcp(const net::IpAddress& local, const net::IpAddress& remote, uint16_t port);

struct AcceptedTcp {
  Fd fd;
  net::IpAddress local, remote;
  uint16_t local_port = 0, remote_port = 0;
};
// The next caller.  kUnavailable: nobody calls.  kAborted: one has gone again.  kResourceExhausted: there is no
// descriptor or memory for the one who calls, so that asking again at once gives the same.
absl::StatusOr<AcceptedTcp> AcceptTcp(int listener);

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_TCP_TCP_SOCKET_H_
