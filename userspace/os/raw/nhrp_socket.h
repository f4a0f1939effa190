// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_RAW_NHRP_SOCKET_H_
#define FLEXVPN_OS_RAW_NHRP_SOCKET_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "core/net/peer_id.h"
#include "os/loop/fd.h"

namespace flexvpn::os {

// NHRP (GRE protocol type 0x2001) on one collect-metadata GRE device.  The peer is the mark: the inbound SA's
// output-mark on what we receive, SO_MARK for peer_select on what we send.  Needs CAP_NET_RAW and CAP_NET_ADMIN.
class NhrpSocket {
 public:
  static absl::StatusOr<std::unique_ptr<NhrpSocket>> Make(const std::string& device, int ifindex);
  int fd() const { return fd_.get(); }
  const std::string& device() const { return device_; }
  int ifindex() const { return ifindex_; }
  void Receive(const std::function<void(net::PeerId peer, BytesView packet)>& receiver, int limit = 64);
  absl::Status Send(net::PeerId peer, BytesView packet);

 private:
  NhrpSocket(Fd fd, std::string device, int ifindex)
      : fd_(std::move(fd)), device_(std::move(device)), ifindex_(ifindex) {}
  Fd fd_;
  std::string device_;
  int ifindex_;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_RAW_NHRP_SOCKET_H_
