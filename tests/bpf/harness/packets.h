// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_TESTS_BPF_HARNESS_PACKETS_H_
#define FLEXVPN_TESTS_BPF_HARNESS_PACKETS_H_

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "core/net/ip.h"

// Frames for BPF_PROG_TEST_RUN: an Ethernet header, then the packet.
namespace flexvpn::bpf_test {

inline constexpr size_t kEthernet = 14;
inline constexpr uint16_t kEthIpv4 = 0x0800, kEthIpv6 = 0x86dd, kEthNhrp = 0x2001, kEthArp = 0x0806;

Bytes Frame(uint16_t ether_type, BytesView payload);

struct IpSpec {
  std::string source, destination;  // of one family, which is the packet's
  uint8_t protocol = 17;
  uint8_t ttl = 64;
  uint8_t tos = 0;
  bool do_not_fragment = false;
  uint16_t fragment_offset = 0;  // in units of 8 octets; IPv4
  size_t payload_octets = 100;   // filled with 0xa5, unless
  Bytes payload = {};            // this is given
};
Bytes Ip(const IpSpec& spec);    // the frame

// A TCP segment with a right checksum; `options` a multiple of 4 octets, `flags` as in the header (0x02 = SYN).
Bytes Tcp(const std::string& source, const std::string& destination, uint8_t flags, BytesView options);
// Whether the checksum of the TCP segment in `frame` (no IP options) is right.
bool TcpChecksumRight(const Bytes& frame);

}  // namespace flexvpn::bpf_test

#endif  // FLEXVPN_TESTS_BPF_HARNESS_PACKETS_H_
