// SPDX-License-Identifier: Apache-2.0
#include "core/net/udp_packet.h"

namespace flexvpn::net {
namespace {

constexpr size_t kIpHeaderSize = 20, kUdpHeaderSize = 8;
constexpr size_t kMaxPacket = 65535;
constexpr size_t kFragmentAt = 6, kChecksumAt = 10;
constexpr uint16_t kFragment = 0x3fff;  // more fragments, or an offset
constexpr uint8_t kUdp = 17, kTtl = 64;

}  // namespace

std::optional<UdpPacketView> ParseUdpPacket(BytesView packet) {
  const auto ip = ParseIpHeader(packet);
  if (!ip || !ip->source.is_v4() || ip->protocol != kUdp) return std::nullopt;
  if (ip->total_length > packet.size() || ip->total_length < ip->header_length + kUdpHeaderSize) return std::nullopt;
  if ((ByteReader(packet.subspan(kFragmentAt)).U16() & kFragment) != 0) return std::nullopt;
  ByteReader udp(packet.subspan(ip->header_length, static_cast<size_t>(ip->total_length - ip->header_length)));
  UdpPacketView view;
  view.source = {ip->source, udp.U16()};
  view.destination = {ip->destination, udp.U16()};
  const size_t length = udp.U16();
  udp.Skip(2);  // checksum
  if (length < kUdpHeaderSize) return std::nullopt;
  view.payload = udp.Take(length - kUdpHeaderSize);
  if (!udp.ok()) return std::nullopt;
  return view;
}

std::optional<Bytes> MakeUdpPacket(const Endpoint& source, const Endpoint& destination, BytesView payload) {
  if (!source.address.is_v4() || !destination.address.is_v4()) return std::nullopt;
  if (payload.size() > kMaxPacket - kIpHeaderSize - kUdpHeaderSize) return std::nullopt;
  const size_t udp_length = kUdpHeaderSize + payload.size();
  ByteWriter w(kIpHeaderSize + udp_length);
  w.U8(0x45);  // version 4, five words
  w.U8(0);     // DSCP
  w.U16(static_cast<uint16_t>(kIpHeaderSize + udp_length));
  w.U16(0);  // identification: goes to this machine's kernel only, so it is never cut
  w.U16(0);  // flags, offset
  w.U8(kTtl);
  w.U8(kUdp);
  w.U16(0);  // checksum, patched
  w.Append(source.address.bytes());
  w.Append(destination.address.bytes());
  w.PatchU16(kChecksumAt, InternetChecksum(w.view()));
  w.U16(source.port);
  w.U16(destination.port);
  w.U16(static_cast<uint16_t>(udp_length));
  w.U16(0);  // checksum: none
  w.Append(payload);
  return std::move(w).Release();
}

}  // namespace flexvpn::net
