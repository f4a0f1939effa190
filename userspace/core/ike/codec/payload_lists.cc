// SPDX-License-Identifier: Apache-2.0
// Traffic Selector payload (RFC 7296 §3.13) and Configuration payload (§3.15).
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "core/ike/codec/payloads.h"

namespace flexvpn::ike {
namespace {

constexpr uint8_t kIpv4Range = 7, kIpv6Range = 8;
constexpr size_t kSelectorHeader = 8;
constexpr uint16_t kAttributeTypeMask = 0x7fff;  // the high bit is reserved

absl::Status BadTs(const char* what) { return absl::InvalidArgumentError(std::string("TS payload: ") + what); }
absl::Status BadCp(const char* what) { return absl::InvalidArgumentError(std::string("CP payload: ") + what); }

// Nullopt for a selector type that is not known.
absl::StatusOr<std::optional<TrafficSelector>> DecodeSelector(ByteReader& r) {
  const uint8_t type = r.U8();
  TrafficSelector ts;
  ts.protocol = r.U8();
  const size_t length = r.U16();
  if (!r.ok() || length < 4) return BadTs("selector too short");
  ByteReader body(r.Take(length - 4));
  if (!r.ok()) return BadTs("truncated selector");
  if (type != kIpv4Range && type != kIpv6Range) return std::nullopt;
  const size_t size = type == kIpv4Range ? 4 : 16;
  ts.start_port = body.U16();
  ts.end_port = body.U16();
  ts.start = net::IpAddress::FromBytes(body.Take(size));
  ts.end = net::IpAddress::FromBytes(body.Take(size));
  if (!body.ok() || body.left() != 0) return BadTs("selector length");
  const bool opaque = ts.start_port == 65535 && ts.end_port == 0;
  if (ts.end < ts.start) return BadTs("empty address range");
  if (ts.end_port < ts.start_port && !opaque) return BadTs("empty port range");
  return ts;
}

}  // namespace

absl::StatusOr<TsPayload> DecodeTs(BytesView body, bool initiator) {
  ByteReader r(body);
  TsPayload ts;
  ts.initiator = initiator;
  const size_t count = r.U8();
  r.Skip(3);  // RESERVED
  if (!r.ok()) return BadTs("truncated");
  for (size_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const std::optional<TrafficSelector> selector, DecodeSelector(r));
    if (selector) ts.selectors.push_back(*selector);
  }
  if (r.left() != 0) return BadTs("number of selectors");
  return ts;
}

void EncodeBody(const TsPayload& p, ByteWriter& out) {
  out.U8(static_cast<uint8_t>(p.selectors.size()));
  out.Zeros(3);
  for (const TrafficSelector& ts : p.selectors) {
    out.U8(ts.start.is_v6() ? kIpv6Range : kIpv4Range);
    out.U8(ts.protocol);
    out.U16(static_cast<uint16_t>(kSelectorHeader + ts.start.bytes().size() + ts.end.bytes().size()));
    out.U16(ts.start_port);
    out.U16(ts.end_port);
    out.Append(ts.start.bytes());
    out.Append(ts.end.bytes());
  }
}

std::string TrafficSelector::ToString() const {
  return absl::StrCat(start.ToString(), "/", start_port, " - ", end.ToString(), "/", end_port);
}

absl::StatusOr<ConfigPayload> DecodeConfig(BytesView body) {
  ByteReader r(body);
  ConfigPayload cp;
  cp.type = static_cast<CfgType>(r.U8());
  r.Skip(3);  // RESERVED
  if (!r.ok()) return BadCp("truncated");
  while (r.left() > 0) {
    ConfigAttribute a;
    a.type = static_cast<CfgAttr>(r.U16() & kAttributeTypeMask);
    const size_t length = r.U16();
    a.value = ToOwned(r.Take(length));
    if (!r.ok()) return BadCp("truncated attribute");
    cp.attributes.push_back(std::move(a));
  }
  return cp;
}

void EncodeBody(const ConfigPayload& p, ByteWriter& out) {
  out.U8(static_cast<uint8_t>(p.type));
  out.Zeros(3);
  for (const ConfigAttribute& a : p.attributes) {
    out.U16(static_cast<uint16_t>(a.type) & kAttributeTypeMask);
    out.U16(static_cast<uint16_t>(a.value.size()));
    out.Append(a.value);
  }
}

}  // namespace flexvpn::ike
