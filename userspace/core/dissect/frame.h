// SPDX-License-Identifier: Apache-2.0
// From a captured frame to the UDP datagram in it.  Everything here comes from strangers: any octets are
// legal input.
#ifndef FLEXVPN_CORE_DISSECT_FRAME_H_
#define FLEXVPN_CORE_DISSECT_FRAME_H_

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>

#include "base/bytes.h"
#include "base/counters.h"
#include "core/net/ip.h"

namespace flexvpn::dissect {

struct UdpPacket {
  net::Endpoint source, destination;
  Bytes payload;
};

// Link layers: Ethernet with VLAN tags (802.1Q, 802.1ad), BSD loopback, raw IP, Linux "cooked" (both
// versions).
class FrameReader {
 public:
  // `link_type` as libpcap numbers it (DLT_*).
  static bool Knows(int link_type);
  // The datagram, when this frame holds one or is the last missing fragment of one (IPv4, IPv6).  Else the
  // reason is counted.  Memory: at most kMaxPending unfinished datagrams of 64 KiB; the oldest makes room.
  std::optional<UdpPacket> Read(int link_type, BytesView frame);
  const Counters& counters() const { return counters_; }

 private:
  static constexpr size_t kMaxPending = 64;
  struct Ip {
    net::IpAddress source, destination;
    uint8_t protocol = 0;
    uint32_t id = 0;
    uint32_t offset = 0;  // of the payload in the whole datagram, octets
    bool more = false;    // fragments follow
    BytesView payload;
  };
  using Key = std::tuple<net::IpAddress, net::IpAddress, uint8_t, uint32_t>;
  struct Pending {
    uint64_t born = 0;
    std::map<uint32_t, Bytes> parts;  // by offset
    std::optional<uint32_t> end;      // size of the whole, once the last fragment is here
  };
  static BytesView Network(int link_type, BytesView frame);
  static std::optional<Ip> ParseIpv4(BytesView packet);
  static std::optional<Ip> ParseIpv6(BytesView packet);
  std::optional<Bytes> Reassemble(const Ip& ip);
  std::optional<UdpPacket> Drop(const char* reason);

  std::map<Key, Pending> pending_;
  uint64_t births_ = 0;
  Counters counters_;
};

}  // namespace flexvpn::dissect

#endif  // FLEXVPN_CORE_DISSECT_FRAME_H_
