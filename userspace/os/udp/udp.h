// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_UDP_UDP_H_
#define FLEXVPN_OS_UDP_UDP_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "core/net/ip.h"
#include "os/loop/fd.h"

namespace flexvpn::os {

// One IKE socket: one family, port and VRF, all local addresses.  The local address of each datagram is kept and given
// back, so that answers leave from the address they were sent to.  On port 4500 the non-ESP marker (RFC 3948 §2.2) is
// removed and added here, and the kernel takes ESP out of UDP before we see it.  Datagrams leave with DSCP CS6 and
// without DF.
class UdpSocket {
 public:
  enum class Encap : uint8_t { kNone, kEspInUdp };
  // Errors name the port and the likely cause: kAlreadyExists if somebody has it (another IKE daemon), a missing capability.
  // `vrf`: the number its datagrams carry; `device`: the VRF device, empty for the global one.
  static absl::StatusOr<std::unique_ptr<UdpSocket>> Make(net::Family family, uint16_t port, Encap encap,
                                                         net::VrfId vrf = {}, const std::string& device = {});
  // While set, a socket of a VRF may be made for the port of this one.  Off otherwise: no other daemon slips in.
  void AllowVrfs(bool allow);

  int fd() const { return fd_.get(); }
  using Receiver = std::function<void(const net::Endpoint& local, const net::Endpoint& remote, BytesView bytes)>;
  // Reads at most `limit` datagrams, in batches; NAT keepalives and over-long datagrams are dropped.
  void Receive(const Receiver& receiver, int limit = 256);
  // Errors are the kernel's (unreachable, would block): a lost datagram to the caller.
  absl::Status Send(const net::Endpoint& local, const net::Endpoint& remote, BytesView bytes);
  // Many datagrams in one system call: they leave in order, with Flush() or when a batch is full.  The error of
  // Flush() is the first one; the other datagrams are sent all the same.
  void Queue(const net::Endpoint& local, const net::Endpoint& remote, Bytes bytes);
  absl::Status Flush();
  uint64_t send_errors() const { return send_errors_; }

 private:
  UdpSocket(Fd fd, net::Family family, uint16_t port, Encap encap, net::VrfId vrf)
      : fd_(std::move(fd)), family_(family), port_(port), encap_(encap), vrf_(vrf) {}
  Fd fd_;
  net::Family family_;
  uint16_t port_;
  Encap encap_;
  net::VrfId vrf_;
  struct Outgoing {
    net::Endpoint local, remote;
    Bytes bytes;
  };
  std::vector<Outgoing> queue_;
  uint64_t send_errors_ = 0;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_UDP_UDP_H_
