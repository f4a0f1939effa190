// SPDX-License-Identifier: Apache-2.0
#include "core/dissect/frame.h"

#include <algorithm>

namespace flexvpn::dissect {
namespace {

// DLT_* of libpcap.
constexpr int kNull = 0, kEthernet = 1, kRawBsd = 12, kRaw = 101, kLoop = 108, kCooked = 113, kIpv4 = 228,
              kIpv6 = 229, kCooked2 = 276;
constexpr uint16_t kTypeIpv4 = 0x0800, kTypeIpv6 = 0x86dd, kTypeVlan = 0x8100, kTypeQinQ = 0x88a8,
                   kTypeOldQinQ = 0x9100;
constexpr uint8_t kUdp = 17, kFragment = 44;
constexpr size_t kMaxDatagram = 65535, kMaxParts = 512;
constexpr int kMaxTags = 4, kMaxExtensions = 8;

// The IP packet behind an EtherType, through VLAN tags; empty if there is none.
BytesView BehindEtherType(ByteReader r) {
  for (int tag = 0; tag <= kMaxTags && r.ok(); ++tag) {
    const uint16_t type = r.U16();
    if (type == kTypeIpv4 || type == kTypeIpv6) return r.TakeAll();
    if (type != kTypeVlan && type != kTypeQinQ && type != kTypeOldQinQ) break;
    r.Skip(2);  // priority and VLAN id
  }
  return {};
}

}  // namespace

bool FrameReader::Knows(int link_type) {
  for (int known : {kNull, kEthernet, kRawBsd, kRaw, kLoop, kCooked, kIpv4, kIpv6, kCooked2})
    if (link_type == known) return true;
  return false;
}

BytesView FrameReader::Network(int link_type, BytesView frame) {
  ByteReader r(frame);
  switch (link_type) {
    case kEthernet:
      r.Skip(12);  // addresses
      return BehindEtherType(r);
    case kCooked:
      r.Skip(14);  // packet type, device type, address
      return BehindEtherType(r);
    case kCooked2:
      if (frame.size() < 20) return {};
      {
        const uint16_t type = r.U16();
        return type == kTypeIpv4 || type == kTypeIpv6 ? frame.subspan(20) : BytesView{};
      }
    case kNull:
    case kLoop:
      r.Skip(4);  // address family, in the byte order of whoever captured: the IP version says the same
      return r.TakeAll();
    default:
      return frame;
  }
}

std::optional<FrameReader::Ip> FrameReader::ParseIpv4(BytesView packet) {
  ByteReader r(packet);
  const size_t header = (r.U8() & 15u) * 4u;
  r.U8();
  const size_t total = r.U16();
  Ip ip;
  ip.id = r.U16();
  const uint16_t fragment = r.U16();
  ip.more = (fragment & 0x2000) != 0;
  ip.offset = (fragment & 0x1fffu) * 8u;
  r.U8();
  ip.protocol = r.U8();
  r.U16();
  ip.source = net::IpAddress::FromBytes(r.Take(4));
  ip.destination = net::IpAddress::FromBytes(r.Take(4));
  if (!r.ok() || header < 20 || header > packet.size()) return std::nullopt;
  // A total length of zero: the capture was taken before segmentation in hardware.
  const size_t end = total == 0 ? packet.size() : std::min(total, packet.size());
  if (end < header) return std::nullopt;
  ip.payload = packet.subspan(header, end - header);
  return ip;
}

std::optional<FrameReader::Ip> FrameReader::ParseIpv6(BytesView packet) {
  ByteReader r(packet);
  r.U32();
  const size_t length = r.U16();
  uint8_t next = r.U8();
  r.U8();
  Ip ip;
  ip.source = net::IpAddress::FromBytes(r.Take(16));
  ip.destination = net::IpAddress::FromBytes(r.Take(16));
  if (!r.ok()) return std::nullopt;
  BytesView rest = r.TakeAll();
  if (length != 0) rest = rest.first(std::min(length, rest.size()));
  for (int n = 0; n < kMaxExtensions; ++n) {
    ByteReader e(rest);
    if (next == kFragment) {
      next = e.U8();
      e.U8();
      const uint16_t fragment = e.U16();
      ip.offset = fragment & 0xfff8u;
      ip.more = (fragment & 1) != 0;
      ip.id = e.U32();
      if (!e.ok()) return std::nullopt;
      rest = e.TakeAll();
      break;
    }
    if (next != 0 && next != 43 && next != 60) break;  // hop-by-hop, routing, destination options
    next = e.U8();
    const size_t size = 8 * (e.U8() + size_t{1});
    if (!e.ok() || size > rest.size()) return std::nullopt;
    rest = rest.subspan(size);
  }
  ip.protocol = next;
  ip.payload = rest;
  return ip;
}

// The whole payload once every octet of it is here.  Where fragments overlap the datagram is given up, as RFC
// 5722 asks for.
std::optional<Bytes> FrameReader::Reassemble(const Ip& ip) {
  if (ip.offset == 0 && !ip.more) return Bytes(ip.payload.begin(), ip.payload.end());
  if (ip.offset + ip.payload.size() > kMaxDatagram || ip.payload.empty()) return std::nullopt;
  const Key key(ip.source, ip.destination, ip.protocol, ip.id);
  if (pending_.count(key) == 0 && pending_.size() >= kMaxPending) {
    pending_.erase(std::min_element(pending_.begin(), pending_.end(), [](const auto& a, const auto& b) {
      return a.second.born < b.second.born;
    }));
    counters_.Add("fragments given up for newer ones");
  }
  Pending& p = pending_[key];
  if (p.born == 0) p.born = ++births_;
  p.parts.emplace(ip.offset, Bytes(ip.payload.begin(), ip.payload.end()));  // a repeated one changes nothing
  if (!ip.more) p.end = static_cast<uint32_t>(ip.offset + ip.payload.size());
  if (p.parts.size() > kMaxParts) {
    pending_.erase(key);
    return std::nullopt;
  }
  if (!p.end) return std::nullopt;
  Bytes whole;
  for (const auto& [offset, part] : p.parts) {
    if (offset > whole.size()) return std::nullopt;  // a hole
    if (offset < whole.size()) {
      pending_.erase(key);
      counters_.Add("overlapping fragments");
      return std::nullopt;
    }
    whole.insert(whole.end(), part.begin(), part.end());
  }
  const bool complete = whole.size() == *p.end;
  if (complete) pending_.erase(key);
  return complete ? std::optional<Bytes>(std::move(whole)) : std::nullopt;
}

std::optional<UdpPacket> FrameReader::Drop(const char* reason) {
  counters_.Add(reason);
  return std::nullopt;
}

std::optional<UdpPacket> FrameReader::Read(int link_type, BytesView frame) {
  if (!Knows(link_type)) return Drop("frames of an unknown link layer");
  const BytesView packet = Network(link_type, frame);
  if (packet.empty()) return Drop("frames without IP");
  const int version = packet[0] >> 4;
  const std::optional<Ip> ip = version == 4   ? ParseIpv4(packet)
                               : version == 6 ? ParseIpv6(packet)
                                              : std::nullopt;
  if (!ip) return Drop("broken IP headers");
  if (ip->protocol != kUdp) return Drop("packets other than UDP");
  const std::optional<Bytes> datagram = Reassemble(*ip);
  if (!datagram) return Drop("fragments of unfinished datagrams");
  ByteReader r(*datagram);
  UdpPacket out;
  out.source = {ip->source, r.U16()};
  out.destination = {ip->destination, r.U16()};
  const size_t length = r.U16();
  r.U16();  // checksum: often left to the hardware
  if (!r.ok()) return Drop("truncated UDP headers");
  BytesView payload = r.TakeAll();
  if (length > 8) payload = payload.first(std::min(length - 8, payload.size()));
  out.payload.assign(payload.begin(), payload.end());
  return out;
}

}  // namespace flexvpn::dissect
