// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_TCP_ESP_TUN_H_
#define FLEXVPN_OS_TCP_ESP_TUN_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "base/counters.h"
#include "core/net/ip.h"
#include "os/loop/fd.h"
#include "os/loop/loop.h"
#include "os/netlink/mark_route.h"

namespace flexvpn::os {

// Where ESP that goes in TCP (RFC 9329) leaves the kernel and comes back: the TUN device flex-tcp0.  The kernel knows it as
// ESP in UDP (RFC 3948) between our port 4500 and the peer's TCP port.  Packets with net::kTcpMark are routed there, by
// a rule and a table of our own.  IPv4.
class EspTun {
 public:
  using Receiver = std::function<void(const net::Endpoint& local, const net::Endpoint& remote, BytesView esp)>;
  // Errors name what is missing: CAP_NET_ADMIN, CONFIG_TUN; kAlreadyExists if another daemon has the device.
  static absl::StatusOr<std::unique_ptr<EspTun>> Make(Loop& loop, Receiver receiver);
  // The device goes, and its rule.
  ~EspTun();
  EspTun(const EspTun&) = delete;
  EspTun& operator=(const EspTun&) = delete;

  // Gives the kernel an ESP packet as if it had come from `remote` in UDP.  Without memory for it: lost, and counted.
  void Deliver(const net::Endpoint& local, const net::Endpoint& remote, BytesView esp);
  const Counters& counters() const { return counters_; }

 private:
  EspTun(Loop& loop, Fd fd, Receiver receiver) : loop_(loop), fd_(std::move(fd)), receiver_(std::move(receiver)) {}
  absl::Status Prepare();
  void Receive();

  Loop& loop_;
  Fd fd_;
  Receiver receiver_;
  Counters counters_;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_TCP_ESP_TUN_H_
