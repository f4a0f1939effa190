// SPDX-License-Identifier: Apache-2.0
#include "core/net/ip.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace flexvpn::net {
namespace {

std::optional<IpAddress> ParseV4(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  if (parts.size() != 4) return std::nullopt;
  uint32_t v = 0;
  for (absl::string_view p : parts) {
    uint32_t octet = 0;
    if (p.empty() || p.size() > 3 || !std::all_of(p.begin(), p.end(), [](char c) { return c >= '0' && c <= '9'; }) ||
        !absl::SimpleAtoi(p, &octet) || octet > 255)
      return std::nullopt;
    v = v << 8 | octet;
  }
  return IpAddress::V4(v);
}

// Appends the 16-bit groups of one side of "::".  An IPv4 address, allowed at the very end of an IPv6 address only,
// counts as two groups.
bool ParseGroups(absl::string_view text, bool at_end, std::vector<uint16_t>* out) {
  if (text.empty()) return true;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  for (size_t i = 0; i < parts.size(); ++i) {
    if (at_end && i + 1 == parts.size() && parts[i].find('.') != absl::string_view::npos) {
      const auto v4 = ParseV4(parts[i]);
      if (!v4) return false;
      out->push_back(static_cast<uint16_t>(v4->v4() >> 16));
      out->push_back(static_cast<uint16_t>(v4->v4()));
      continue;
    }
    uint32_t group = 0;
    if (parts[i].empty() || parts[i].size() > 4 || !absl::SimpleHexAtoi(parts[i], &group)) return false;
    if (parts[i].find_first_not_of("0123456789abcdefABCDEF") != absl::string_view::npos) return false;
    out->push_back(static_cast<uint16_t>(group));
  }
  return out->size() <= 8;
}

std::optional<IpAddress> ParseV6(absl::string_view text) {
  std::vector<uint16_t> head, tail;
  const size_t gap = text.find("::");
  if (gap == absl::string_view::npos) {
    if (!ParseGroups(text, true, &head) || head.size() != 8) return std::nullopt;
  } else {
    if (!ParseGroups(text.substr(0, gap), false, &head) || !ParseGroups(text.substr(gap + 2), true, &tail))
      return std::nullopt;
    if (head.size() + tail.size() > 7) return std::nullopt;
    head.resize(8 - tail.size(), 0);
    head.insert(head.end(), tail.begin(), tail.end());
  }
  std::array<uint8_t, 16> b{};
  for (size_t i = 0; i < 8; ++i) {
    b[2 * i] = static_cast<uint8_t>(head[i] >> 8);
    b[2 * i + 1] = static_cast<uint8_t>(head[i]);
  }
  return IpAddress::V6(b);
}

// RFC 5952: longest run of two or more zero groups becomes "::", the first one on a tie.
std::string V6ToString(const std::array<uint8_t, 16>& b) {
  uint16_t g[8];
  for (size_t i = 0; i < 8; ++i) g[i] = static_cast<uint16_t>(b[2 * i] << 8 | b[2 * i + 1]);
  int best = -1, best_len = 1;
  for (int i = 0; i < 8; ++i) {
    int n = 0;
    while (i + n < 8 && g[i + n] == 0) ++n;
    if (n > best_len) best = i, best_len = n;
  }
  std::string out;
  for (int i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += best_len - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    absl::StrAppend(&out, absl::Hex(g[i]));
  }
  return out;
}

}  // namespace

IpAddress IpAddress::V4(uint32_t v) {
  IpAddress a;
  a.family_ = Family::kIpv4;
  for (size_t i = 0; i < 4; ++i) a.b_[i] = static_cast<uint8_t>(v >> (24 - 8 * i));
  return a;
}

IpAddress IpAddress::V6(const std::array<uint8_t, 16>& b) {
  IpAddress a;
  a.family_ = Family::kIpv6;
  a.b_ = b;
  return a;
}

IpAddress IpAddress::FromBytes(BytesView bytes) {
  IpAddress a;
  if (bytes.size() != 4 && bytes.size() != 16) return a;
  a.family_ = bytes.size() == 4 ? Family::kIpv4 : Family::kIpv6;
  std::copy(bytes.begin(), bytes.end(), a.b_.begin());
  return a;
}

std::optional<IpAddress> IpAddress::Parse(absl::string_view text) {
  return text.find(':') == absl::string_view::npos ? ParseV4(text) : ParseV6(text);
}

IpAddress IpAddress::Any(Family f) {
  IpAddress a;
  a.family_ = f;
  return a;
}

bool IpAddress::is_any() const { return !empty() && b_ == std::array<uint8_t, 16>{}; }
bool IpAddress::is_multicast() const { return is_v4() ? (b_[0] & 0xf0) == 0xe0 : is_v6() && b_[0] == 0xff; }
bool IpAddress::is_routable() const {
  return !empty() && !is_any() && !is_multicast() && !is_loopback() && !is_link_local() && !(is_v4() && v4() == 0xffffffff);
}
bool IpAddress::is_link_local() const {
  return is_v4() ? b_[0] == 169 && b_[1] == 254 : is_v6() && b_[0] == 0xfe && (b_[1] & 0xc0) == 0x80;
}
bool IpAddress::is_loopback() const {
  if (is_v4()) return b_[0] == 127;
  std::array<uint8_t, 16> one{};
  one[15] = 1;
  return is_v6() && b_ == one;
}

uint32_t IpAddress::v4() const {
  return is_v4() ? static_cast<uint32_t>(b_[0]) << 24 | static_cast<uint32_t>(b_[1]) << 16 |
                       static_cast<uint32_t>(b_[2]) << 8 | b_[3]
                 : 0;
}

IpAddress IpAddress::Plus(uint64_t n) const {
  IpAddress a = *this;
  for (size_t i = static_cast<size_t>(bits() / 8); i-- > 0 && n != 0;) {
    const uint64_t sum = a.b_[i] + (n & 0xff);
    a.b_[i] = static_cast<uint8_t>(sum);
    n = (n >> 8) + (sum >> 8);
  }
  return a;
}

std::string IpAddress::ToString() const {
  if (is_v4()) return absl::StrFormat("%d.%d.%d.%d", b_[0], b_[1], b_[2], b_[3]);
  return is_v6() ? V6ToString(b_) : "none";
}

Prefix::Prefix(const IpAddress& address, int length) : length_(std::clamp(length, 0, address.bits())) {
  std::array<uint8_t, 16> raw = address.raw();
  for (int bit = length_; bit < address.bits(); ++bit)
    raw[static_cast<size_t>(bit / 8)] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
  address_ = IpAddress::FromBytes(BytesView(raw).first(static_cast<size_t>(address.bits() / 8)));
}

Prefix Prefix::Sibling() const {
  if (length_ == 0) return *this;
  std::array<uint8_t, 16> raw = address_.raw();
  raw[static_cast<size_t>((length_ - 1) / 8)] ^= static_cast<uint8_t>(0x80 >> ((length_ - 1) % 8));
  return {IpAddress::FromBytes(BytesView(raw).first(static_cast<size_t>(address_.bits() / 8))), length_};
}

Prefix Prefix::Next() const { return {Last().Plus(1), length_}; }

std::optional<Prefix> Prefix::Parse(absl::string_view cidr) {
  const size_t slash = cidr.find('/');
  const auto address = IpAddress::Parse(cidr.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == absl::string_view::npos) return Host(*address);
  const absl::string_view digits = cidr.substr(slash + 1);
  int length = 0;
  if (digits.find_first_not_of("0123456789") != absl::string_view::npos || !absl::SimpleAtoi(digits, &length) ||
      length > address->bits())
    return std::nullopt;
  return Prefix(*address, length);
}

std::optional<Prefix> Prefix::FromMask(const IpAddress& address, const IpAddress& mask) {
  if (!address.is_v4() || !mask.is_v4()) return std::nullopt;
  const uint32_t inverse = ~mask.v4();
  if ((inverse & (inverse + 1)) != 0) return std::nullopt;
  int length = 32;
  for (uint32_t m = inverse; m != 0; m >>= 1) --length;
  return Prefix(address, length);
}

std::optional<Prefix> Prefix::FromWildcard(const IpAddress& address, const IpAddress& wildcard) {
  if (!wildcard.is_v4()) return std::nullopt;
  return FromMask(address, IpAddress::V4(~wildcard.v4()));
}

bool Prefix::Contains(const IpAddress& a) const {
  return a.family() == family() && !a.empty() && Prefix(a, length_).address_ == address_;
}
bool Prefix::Contains(const Prefix& p) const { return p.length_ >= length_ && Contains(p.address_); }

IpAddress Prefix::Netmask() const {
  return IpAddress::V4(length_ == 0 ? 0 : ~uint32_t{0} << (32 - length_));
}

IpAddress Prefix::Last() const {
  std::array<uint8_t, 16> raw = address_.raw();
  for (int bit = length_; bit < address_.bits(); ++bit)
    raw[static_cast<size_t>(bit / 8)] |= static_cast<uint8_t>(0x80 >> (bit % 8));
  return IpAddress::FromBytes(BytesView(raw).first(static_cast<size_t>(address_.bits() / 8)));
}

std::string Prefix::ToString() const { return absl::StrCat(address_.ToString(), "/", length_); }

std::string Endpoint::ToString() const {
  const char* tcp = in_tcp() ? " (TCP)" : "";
  return address.is_v6() ? absl::StrCat("[", address.ToString(), "]:", port, tcp)
                         : absl::StrCat(address.ToString(), ":", port, tcp);
}

std::optional<IpHeaderView> ParseIpHeader(BytesView p) {
  if (p.empty()) return std::nullopt;
  IpHeaderView h;
  if (p[0] >> 4 == 4 && p.size() >= 20 && (p[0] & 15) >= 5) {
    h.header_length = static_cast<uint8_t>((p[0] & 15) * 4);
    h.total_length = static_cast<uint16_t>(p[2] << 8 | p[3]);
    h.ttl = p[8];
    h.protocol = p[9];
    h.source = IpAddress::FromBytes(p.subspan(12, 4));
    h.destination = IpAddress::FromBytes(p.subspan(16, 4));
    return h;
  }
  if (p[0] >> 4 == 6 && p.size() >= 40) {
    h.header_length = 40;
    h.total_length = static_cast<uint16_t>(std::min(65535, (p[4] << 8 | p[5]) + 40));
    h.protocol = p[6];
    h.ttl = p[7];
    h.source = IpAddress::FromBytes(p.subspan(8, 16));
    h.destination = IpAddress::FromBytes(p.subspan(24, 16));
    return h;
  }
  return std::nullopt;
}

uint16_t InternetChecksum(BytesView data) {
  uint64_t sum = 0;
  for (size_t i = 0; i < data.size(); ++i) sum += static_cast<uint64_t>(data[i]) << (i % 2 == 0 ? 8 : 0);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace flexvpn::net
