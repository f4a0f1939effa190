// SPDX-License-Identifier: Apache-2.0
// The host's links, addresses and routes as the node sees them, kept up to date by kernel events.
#ifndef FLEXVPN_OS_DATAPLANE_KERNEL_WATCH_H_
#define FLEXVPN_OS_DATAPLANE_KERNEL_WATCH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/net/ip.h"
#include "os/netlink/rtnl.h"
#include "os/netlink/socket.h"

namespace flexvpn::os {

// A unicast route of table main.  A route over several next hops appears once for each.
struct KernelRoute {
  net::Prefix prefix;
  std::string device;
  uint8_t protocol = 0;     // rtm_protocol: 2 kernel (connected), 3 boot, 4 static, 177 ours, ...
  net::IpAddress gateway;   // empty: directly connected
  uint32_t metric = 0;
  bool ours = false;
  friend auto operator<=>(const KernelRoute&, const KernelRoute&) = default;
};

struct LocalAddress {
  std::string device;
  net::IpAddress address;
  int prefix_length = 0;
  bool passing = false;  // see netlink::LinkAddress
  std::string vrf = {};  // VRF device that its device is enslaved to, or is
  friend auto operator<=>(const LocalAddress&, const LocalAddress&) = default;
};

struct KernelLink {
  std::string name;
  bool up = false;  // administratively up and carrier
  uint32_t mtu = 0;
  int index = 0;
  uint32_t vrf_table = 0;  // of a VRF device
  friend auto operator<=>(const KernelLink&, const KernelLink&) = default;
};

// What changed since the last Process().
struct KernelChange {
  bool links = false, addresses = false, routes = false;  // `routes`: of others than us
  bool vrfs = false;  // VRF devices, or what is in them
  bool any() const { return links || addresses || routes || vrfs; }
};

class KernelWatch {
 public:
  // Reads everything once.  Belongs to the network namespace of the calling thread.
  static absl::StatusOr<std::unique_ptr<KernelWatch>> Create();

  // Readable when events wait.
  int event_fd() const { return events_->fd(); }
  // Takes in every waiting event.  Lost events are made good by reading everything anew.
  absl::StatusOr<KernelChange> Process();

  // Link-local addresses and routes, loopback addresses and multicast are left out.
  std::vector<KernelRoute> SnapshotRoutes() const;
  std::vector<LocalAddress> SnapshotAddresses() const;
  std::vector<KernelLink> SnapshotLinks() const;

  // First address of that family on the interface, none if there is none; IPv6 prefers global ones.
  net::IpAddress AddressOf(const std::string& device, net::Family family) const;
  // The source address the kernel would use for `destination`; kUnavailable without a route.
  absl::StatusOr<net::IpAddress> SourceFor(const net::IpAddress& destination);

 private:
  // Prefix, tos, metric: what the kernel keeps one route for, or several appended ones.
  using RouteKey = std::tuple<net::Prefix, uint8_t, uint32_t>;

  KernelWatch() = default;
  absl::Status ReadAll();
  absl::Status ReadRoutes();
  void Take(const netlink::Received& message, KernelChange& change, bool& stale);
  void TakeLink(const netlink::Received& message, KernelChange& change, bool& stale);
  void TakeAddress(const netlink::Received& message, KernelChange& change, bool& stale);
  void TakeRoute(const netlink::Received& message, KernelChange& change);
  std::string Name(int index) const;
  std::string VrfOf(int index) const;

  std::unique_ptr<netlink::Socket> queries_, events_;
  std::map<int, netlink::Link> links_;
  std::vector<netlink::LinkAddress> addresses_;
  std::map<RouteKey, std::vector<netlink::RouteEntry>> routes_;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_DATAPLANE_KERNEL_WATCH_H_
