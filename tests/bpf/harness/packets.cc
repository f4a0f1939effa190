// SPDX-License-Identifier: Apache-2.0
#include "bpf/harness/packets.h"

#include <algorithm>

namespace flexvpn::bpf_test {
namespace {

void Append(Bytes& to, BytesView from) { to.insert(to.end(), from.begin(), from.end()); }

// RFC 9293 section 3.1: pseudo header and segment.
uint16_t TcpSum(BytesView source, BytesView destination, BytesView segment) {
  ByteWriter w;
  w.Append(source);
  w.Append(destination);
  w.U32(static_cast<uint32_t>(segment.size()));
  w.U32(6);
  w.Append(segment);
  return net::InternetChecksum(w.view());
}

}  // namespace

Bytes Frame(uint16_t ether_type, BytesView payload) {
  ByteWriter w;
  w.Append(FromHex("020000000001 020000000002"));
  w.U16(ether_type);
  w.Append(payload);
  return Bytes(w.view().begin(), w.view().end());
}

Bytes Ip(const IpSpec& spec) {
  const net::IpAddress source = *net::IpAddress::Parse(spec.source);
  const net::IpAddress destination = *net::IpAddress::Parse(spec.destination);
  const Bytes payload = spec.payload.empty() ? Bytes(spec.payload_octets, 0xa5) : spec.payload;
  ByteWriter w;
  if (source.is_v4()) {
    w.U8(0x45);
    w.U8(spec.tos);
    w.U16(static_cast<uint16_t>(20 + payload.size()));
    w.U16(0x1234);
    w.U16(static_cast<uint16_t>((spec.do_not_fragment ? 0x4000 : 0) | spec.fragment_offset));
    w.U8(spec.ttl);
    w.U8(spec.protocol);
    w.U16(0);
  } else {
    w.U32(0x60000000U | static_cast<uint32_t>(spec.tos) << 20);
    w.U16(static_cast<uint16_t>(payload.size()));
    w.U8(spec.protocol);
    w.U8(spec.ttl);
  }
  w.Append(source.bytes());
  w.Append(destination.bytes());
  Bytes packet(w.view().begin(), w.view().end());
  if (source.is_v4()) {
    uint16_t sum = net::InternetChecksum(packet);
    packet[10] = static_cast<uint8_t>(sum >> 8);
    packet[11] = static_cast<uint8_t>(sum);
  }
  Append(packet, payload);
  return Frame(source.is_v4() ? kEthIpv4 : kEthIpv6, packet);
}

Bytes Tcp(const std::string& source, const std::string& destination, uint8_t flags, BytesView options) {
  ByteWriter w;
  w.U16(40000);
  w.U16(80);
  w.U32(0x01020304);
  w.U32(0);
  w.U8(static_cast<uint8_t>((20 + options.size()) / 4 << 4));
  w.U8(flags);
  w.U16(64240);
  w.U16(0);
  w.U16(0);
  w.Append(options);
  Bytes segment(w.view().begin(), w.view().end());
  uint16_t sum = TcpSum(net::IpAddress::Parse(source)->bytes(), net::IpAddress::Parse(destination)->bytes(), segment);
  segment[16] = static_cast<uint8_t>(sum >> 8);
  segment[17] = static_cast<uint8_t>(sum);
  return Ip({.source = source, .destination = destination, .protocol = 6, .payload = segment});
}

bool TcpChecksumRight(const Bytes& frame) {
  const BytesView packet = BytesView(frame).subspan(kEthernet);
  const bool v6 = packet[0] >> 4 == 6;
  const size_t addresses = v6 ? 8 : 12, octets = v6 ? 16 : 4;
  return TcpSum(packet.subspan(addresses, octets), packet.subspan(addresses + octets, octets),
                packet.subspan(addresses + 2 * octets)) == 0;
}

}  // namespace flexvpn::bpf_test
