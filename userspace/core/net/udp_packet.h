// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_NET_UDP_PACKET_H_
#define FLEXVPN_CORE_NET_UDP_PACKET_H_

#include <optional>

#include "base/bytes.h"
#include "core/net/ip.h"

namespace flexvpn::net {

// UDP in IPv4 as it goes through a TUN device: the form in which this machine's kernel gives and takes ESP in UDP
// (RFC 3948).
struct UdpPacketView {
  Endpoint source, destination;
  BytesView payload;  // points into the packet
};

// nullopt if it is no whole UDP datagram in IPv4: another version or protocol, a fragment, a length that does not fit
// what it is in.  Octets after the datagram are left out.  Checksums are not looked at: the packet has not been on a
// wire, and the kernel may leave the one of UDP unfinished.
std::optional<UdpPacketView> ParseUdpPacket(BytesView ip_packet);

// TTL 64, may be fragmented, no UDP checksum (RFC 3948 §2.1).  nullopt if an address is not IPv4 or the packet would
// be longer than 65535 octets.
std::optional<Bytes> MakeUdpPacket(const Endpoint& source, const Endpoint& destination, BytesView payload);

}  // namespace flexvpn::net

#endif  // FLEXVPN_CORE_NET_UDP_PACKET_H_
