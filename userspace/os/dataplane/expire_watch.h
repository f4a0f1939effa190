// SPDX-License-Identifier: Apache-2.0
// The kernel's word that an SA has passed a limit of volume or time.
#ifndef FLEXVPN_OS_DATAPLANE_EXPIRE_WATCH_H_
#define FLEXVPN_OS_DATAPLANE_EXPIRE_WATCH_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/net/ip.h"
#include "os/netlink/socket.h"

namespace flexvpn::os {

class ExpireWatch {
 public:
  // Belongs to the network namespace of the calling thread.
  static absl::StatusOr<std::unique_ptr<ExpireWatch>> Create();

  // Readable when events wait.
  int event_fd() const { return events_->fd(); }
  // `hard`: the SA is gone, else it goes on and should be replaced.  Lost events (kDataLoss) are no harm: the daemon's
  // own timers rekey as well.
  using Receiver = std::function<void(uint32_t spi, const net::IpAddress& destination, bool hard)>;
  absl::Status Process(const Receiver& receiver);

 private:
  ExpireWatch() = default;
  std::unique_ptr<netlink::Socket> events_;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_DATAPLANE_EXPIRE_WATCH_H_
