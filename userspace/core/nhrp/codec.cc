// SPDX-License-Identifier: Apache-2.0
#include "core/nhrp/codec.h"

#include <optional>

#include "absl/status/status.h"
#include "base/status_macros.h"

namespace flexvpn::nhrp {
namespace {

constexpr size_t kFixedHeader = 20;     // RFC 2332 §5.1
constexpr size_t kCommonMandatory = 8;  // §5.2, up to the addresses
constexpr size_t kChecksumOffset = 12;
constexpr size_t kExtensionOffset = 14;
constexpr uint16_t kAfnIpv4 = 1, kAfnIpv6 = 2;  // IANA address family numbers
constexpr uint16_t kEtherTypeIpv4 = 0x0800, kEtherTypeIpv6 = 0x86dd;
constexpr uint16_t kCompulsory = 0x8000;
constexpr uint16_t kExtensionTypeMask = 0x3fff;
constexpr uint8_t kLengthMask = 0x3f;

absl::Status Bad(absl::string_view what) { return absl::InvalidArgumentError(what); }

bool IsAddressLength(size_t n) { return n == 0 || n == 4 || n == 16; }

// §5.2.0: type/length octet of an NBMA address; we know NSAP-format IPv4 and IPv6, not E.164.
bool IsNbmaTypeLength(uint8_t tl) { return (tl & ~kLengthMask) == 0 && IsAddressLength(tl); }

// Ones' complement sum that adds an odd last octet as the low one.
uint16_t ChecksumOddLow(BytesView data) {
  uint32_t sum = data.back();
  for (size_t i = 0; i + 1 < data.size(); i += 2) sum += static_cast<uint32_t>(data[i] << 8 | data[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

// A packet that includes its checksum sums up to zero.
bool ChecksumOk(BytesView packet) {
  if (net::InternetChecksum(packet) == 0) return true;
  return packet.size() % 2 == 1 && ChecksumOddLow(packet) == 0;
}

std::optional<Cie> ReadCie(ByteReader& r) {
  Cie c;
  c.code = r.U8();
  c.prefix_length = r.U8();
  r.U16();  // unused
  c.mtu = r.U16();
  c.holdtime = r.U16();
  uint8_t nbma = r.U8(), sub = r.U8(), protocol = r.U8();
  c.preference = r.U8();
  if (!r.ok() || !IsNbmaTypeLength(nbma) || !IsAddressLength(protocol)) return std::nullopt;
  c.nbma = net::IpAddress::FromBytes(r.Take(nbma));
  BytesView subaddress = r.Take(sub & kLengthMask);
  c.nbma_subaddress.assign(subaddress.begin(), subaddress.end());
  c.protocol = net::IpAddress::FromBytes(r.Take(protocol));
  if (!r.ok()) return std::nullopt;
  return c;
}

void WriteCie(const Cie& c, ByteWriter& w) {
  w.U8(c.code);
  w.U8(c.prefix_length);
  w.U16(0);
  w.U16(c.mtu);
  w.U16(c.holdtime);
  w.U8(static_cast<uint8_t>(c.nbma.bytes().size()));
  size_t sub = std::min<size_t>(c.nbma_subaddress.size(), kLengthMask);
  w.U8(static_cast<uint8_t>(sub));
  w.U8(static_cast<uint8_t>(c.protocol.bytes().size()));
  w.U8(c.preference);
  w.Append(c.nbma.bytes());
  w.Append(BytesView(c.nbma_subaddress).first(sub));
  w.Append(c.protocol.bytes());
}

struct FixedHeader {
  Packet packet;  // families, hop count, type
  uint16_t size = 0, extension_offset = 0;
  uint8_t nbma_length = 0, subaddress_length = 0;
};

absl::StatusOr<net::Family> FamilyOf(uint16_t number, uint16_t v4, uint16_t v6, absl::string_view what) {
  if (number == v4) return net::Family::kIpv4;
  if (number == v6) return net::Family::kIpv6;
  return Bad(what);
}

absl::StatusOr<FixedHeader> ReadFixedHeader(BytesView data) {
  ByteReader r(data);
  FixedHeader h;
  uint16_t afn = r.U16(), protocol = r.U16();
  r.Skip(5);  // ar$pro.snap
  h.packet.hop_count = r.U8();
  h.size = r.U16();
  r.U16();  // checksum
  h.extension_offset = r.U16();
  uint8_t version = r.U8(), type = r.U8(), nbma = r.U8();
  h.subaddress_length = r.U8() & kLengthMask;
  if (!r.ok()) return Bad("truncated fixed header");
  if (version != 1) return Bad("version");
  if (type < 1 || type > 8) return Bad("packet type");
  if (!IsNbmaTypeLength(nbma)) return Bad("NBMA address length");
  ASSIGN_OR_RETURN(h.packet.nbma_family, FamilyOf(afn, kAfnIpv4, kAfnIpv6, "NBMA address family"));
  ASSIGN_OR_RETURN(h.packet.protocol_family,
                   FamilyOf(protocol, kEtherTypeIpv4, kEtherTypeIpv6, "protocol type"));
  h.packet.type = static_cast<PacketType>(type);
  h.nbma_length = nbma;
  return h;
}

absl::Status ReadMandatory(const FixedHeader& h, ByteReader& r, Packet& p) {
  uint8_t source_length = r.U8(), destination_length = r.U8();
  p.flags = r.U16();
  if (p.has_offending_packet()) {
    p.code = r.U16();
    p.error_offset = r.U16();
  } else {
    p.request_id = r.U32();
  }
  if (!IsAddressLength(source_length) || !IsAddressLength(destination_length)) {
    return Bad("protocol address length");
  }
  p.source_nbma = net::IpAddress::FromBytes(r.Take(h.nbma_length));
  BytesView sub = r.Take(h.subaddress_length);
  p.source_nbma_subaddress.assign(sub.begin(), sub.end());
  p.source_protocol = net::IpAddress::FromBytes(r.Take(source_length));
  p.destination_protocol = net::IpAddress::FromBytes(r.Take(destination_length));
  if (!r.ok()) return Bad("truncated mandatory part");
  BytesView rest = r.TakeAll();
  if (p.has_offending_packet()) {
    p.payload.assign(rest.begin(), rest.end());
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(p.cies, DecodeCieList(rest));
  return absl::OkStatus();
}

absl::Status ReadExtensions(BytesView data, Packet& p) {
  ByteReader r(data);
  while (true) {
    uint16_t type = r.U16();
    BytesView value = r.Take(r.U16());
    if (!r.ok()) return Bad("extensions without END or cut short");
    if ((type & kExtensionTypeMask) == kExtEnd) return absl::OkStatus();
    if (p.extensions.size() == kMaxExtensions) return Bad("too many extensions");
    p.extensions.push_back({.type = static_cast<uint16_t>(type & kExtensionTypeMask),
                            .compulsory = (type & kCompulsory) != 0,
                            .value = Bytes(value.begin(), value.end())});
  }
}

}  // namespace

const Extension* Packet::Find(uint16_t ext) const {
  for (const Extension& e : extensions) {
    if (e.type == ext) return &e;
  }
  return nullptr;
}

Extension* Packet::Find(uint16_t ext) {
  return const_cast<Extension*>(static_cast<const Packet*>(this)->Find(ext));
}

absl::StatusOr<Packet> Decode(BytesView data) {
  ASSIGN_OR_RETURN(FixedHeader h, ReadFixedHeader(data));
  if (h.size < kFixedHeader + kCommonMandatory || h.size > kMaxPacketSize) return Bad("packet size");
  if (h.size > data.size()) return Bad("truncated packet");
  data = data.first(h.size);
  if (!ChecksumOk(data)) return Bad("checksum");
  size_t end = h.extension_offset == 0 ? data.size() : h.extension_offset;
  if (end < kFixedHeader + kCommonMandatory || end > data.size()) return Bad("extension offset");
  Packet p = std::move(h.packet);
  ByteReader r(data.first(end));
  r.Skip(kFixedHeader);
  RETURN_IF_ERROR(ReadMandatory(h, r, p));
  if (h.extension_offset != 0) RETURN_IF_ERROR(ReadExtensions(data.subspan(end), p));
  return p;
}

Bytes Encode(const Packet& p) {
  ByteWriter w;
  w.U16(p.nbma_family == net::Family::kIpv6 ? kAfnIpv6 : kAfnIpv4);
  w.U16(p.protocol_family == net::Family::kIpv6 ? kEtherTypeIpv6 : kEtherTypeIpv4);
  w.Zeros(5);
  w.U8(p.hop_count);
  w.Zeros(6);  // size, checksum, extension offset: patched below
  w.U8(1);
  w.U8(static_cast<uint8_t>(p.type));
  w.U8(static_cast<uint8_t>(p.source_nbma.bytes().size()));
  size_t sub = std::min<size_t>(p.source_nbma_subaddress.size(), kLengthMask);
  w.U8(static_cast<uint8_t>(sub));
  w.U8(static_cast<uint8_t>(p.source_protocol.bytes().size()));
  w.U8(static_cast<uint8_t>(p.destination_protocol.bytes().size()));
  w.U16(p.flags);
  if (p.has_offending_packet()) {
    w.U16(p.code);
    w.U16(p.error_offset);
  } else {
    w.U32(p.request_id);
  }
  w.Append(p.source_nbma.bytes());
  w.Append(BytesView(p.source_nbma_subaddress).first(sub));
  w.Append(p.source_protocol.bytes());
  w.Append(p.destination_protocol.bytes());
  if (p.has_offending_packet()) {
    w.Append(p.payload);
  } else {
    for (const Cie& c : p.cies) WriteCie(c, w);
  }
  if (!p.extensions.empty() || w.size() % 2 == 1) {
    if (w.size() > UINT16_MAX) return {};
    w.PatchU16(kExtensionOffset, static_cast<uint16_t>(w.size()));
    for (const Extension& e : p.extensions) {
      if (e.value.size() > UINT16_MAX) return {};
      w.U16(static_cast<uint16_t>((e.type & kExtensionTypeMask) | (e.compulsory ? kCompulsory : 0)));
      w.U16(static_cast<uint16_t>(e.value.size()));
      w.Append(e.value);
    }
    w.U16(kCompulsory | kExtEnd);
    w.U16(0);
  }
  if (w.size() > UINT16_MAX) return {};
  w.PatchU16(10, static_cast<uint16_t>(w.size()));
  w.PatchU16(kChecksumOffset, net::InternetChecksum(w.view()));
  return std::move(w).Release();
}

absl::StatusOr<std::vector<Cie>> DecodeCieList(BytesView value) {
  ByteReader r(value);
  std::vector<Cie> cies;
  while (r.left() > 0) {
    if (cies.size() == kMaxCies) return Bad("too many client information entries");
    std::optional<Cie> c = ReadCie(r);
    if (!c) return Bad("client information entry");
    cies.push_back(*std::move(c));
  }
  return cies;
}

Bytes EncodeCieList(const std::vector<Cie>& cies) {
  ByteWriter w;
  for (const Cie& c : cies) WriteCie(c, w);
  return std::move(w).Release();
}

Extension AuthenticationExtension(absl::string_view password) {
  ByteWriter w;
  w.U32(1);
  w.Append(AsView(password));
  return {.type = kExtAuthentication, .compulsory = true, .value = std::move(w).Release()};
}

absl::StatusOr<OffendingHeader> DecodeOffendingHeader(BytesView data) {
  ASSIGN_OR_RETURN(FixedHeader h, ReadFixedHeader(data));
  ByteReader r(data);
  r.Skip(kFixedHeader + 4);
  OffendingHeader o{.type = h.packet.type, .request_id = r.U32()};
  if (!r.ok()) return Bad("truncated mandatory part");
  return o;
}

}  // namespace flexvpn::nhrp
