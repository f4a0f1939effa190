// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_NET_IP_H_
#define FLEXVPN_CORE_NET_IP_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "core/net/vrf_id.h"

namespace flexvpn::net {

enum class Family : uint8_t { kNone = 0, kIpv4 = 4, kIpv6 = 6 };

inline constexpr uint16_t kIpv6MinimumMtu = 1280;  // octets (RFC 8200 §5)

inline constexpr Family kFamilies[] = {Family::kIpv4, Family::kIpv6};

// An IPv4 or IPv6 address, or none.  Ordered (family first) and hashable.
class IpAddress {
 public:
  IpAddress() = default;
  // `host_order`: 10.0.0.1 is 0x0a000001.
  static IpAddress V4(uint32_t host_order);
  static IpAddress V6(const std::array<uint8_t, 16>& network_order);
  // 4 or 16 octets in network order; anything else gives none.
  static IpAddress FromBytes(BytesView bytes);
  static std::optional<IpAddress> Parse(absl::string_view text);
  static IpAddress Any(Family f);

  Family family() const { return family_; }
  bool is_v4() const { return family_ == Family::kIpv4; }
  bool is_v6() const { return family_ == Family::kIpv6; }
  bool empty() const { return family_ == Family::kNone; }
  bool is_any() const;        // 0.0.0.0 or ::
  bool is_multicast() const;  // 224/4 or ff00::/8
  bool is_loopback() const;
  bool is_link_local() const;
  // A host's that others can reach: none of the above, not empty, not 255.255.255.255.
  bool is_routable() const;
  int bits() const { return is_v4() ? 32 : is_v6() ? 128 : 0; }
  uint32_t v4() const;  // host order; 0 unless is_v4()
  // 4, 16 or 0 octets, network order; valid as long as this object.
  BytesView bytes() const { return {b_.data(), static_cast<size_t>(bits() / 8)}; }
  // Network order; IPv4 in the first four octets, the rest zero.
  const std::array<uint8_t, 16>& raw() const { return b_; }
  // Address + n (may wrap); for pools and ranges.
  IpAddress Plus(uint64_t n) const;
  std::string ToString() const;  // RFC 5952; "none" if empty

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
  template <class H>
  friend H AbslHashValue(H h, const IpAddress& a) {
    return H::combine(std::move(h), a.family_, a.b_);
  }

 private:
  Family family_ = Family::kNone;
  std::array<uint8_t, 16> b_{};
};

// Network prefix; always masked, so equal prefixes compare equal.
class Prefix {
 public:
  Prefix() = default;
  Prefix(const IpAddress& address, int length);  // length is clamped to the family's bits
  static Prefix Host(const IpAddress& a) { return {a, a.bits()}; }
  static Prefix Default(Family f) { return {IpAddress::Any(f), 0}; }
  static std::optional<Prefix> Parse(absl::string_view cidr);  // "10.0.0.0/8"; a bare address is a host prefix
  // From an IPv4 netmask (255.255.0.0); nullopt if the mask is not contiguous.
  static std::optional<Prefix> FromMask(const IpAddress& address, const IpAddress& mask);
  static std::optional<Prefix> FromWildcard(const IpAddress& address, const IpAddress& wildcard);  // 0.0.255.255

  const IpAddress& address() const { return address_; }
  int length() const { return length_; }
  Family family() const { return address_.family(); }
  bool is_host() const { return length_ == address_.bits() && length_ != 0; }
  bool Contains(const IpAddress& a) const;
  bool Contains(const Prefix& p) const;
  IpAddress Netmask() const;   // IPv4 only
  IpAddress First() const { return address_; }
  IpAddress Last() const;
  Prefix Next() const;  // of the same length; of the last one the first
  Prefix Sibling() const;  // the other half of the prefix that is one bit shorter; of length 0 itself
  std::string ToString() const;

  friend auto operator<=>(const Prefix&, const Prefix&) = default;
  template <class H>
  friend H AbslHashValue(H h, const Prefix& p) {
    return H::combine(std::move(h), p.address_, p.length_);
  }

 private:
  IpAddress address_;
  int length_ = 0;
};

// The TCP port of the side that listens, unless said otherwise (RFC 9329 §2).
inline constexpr uint16_t kTcpPort = 4500;

// What an endpoint's messages travel in: UDP, or a TCP connection (RFC 9329) that we or the other end opened.
enum class Carrier : uint8_t { kUdp, kTcpDialled, kTcpAccepted };

// Where IKE messages come from and go to.  Both ends of a message are in the same VRF and have the same carrier.
// In TCP the local port is kTcpPort whatever port the connection has: the remote endpoint and our address tell
// connections apart.
struct Endpoint {
  IpAddress address;
  uint16_t port = 0;
  VrfId vrf{};
  Carrier carrier = Carrier::kUdp;
  bool in_tcp() const { return carrier != Carrier::kUdp; }
  // 192.0.2.1:500, [2001:db8::1]:500, "192.0.2.1:4500 (TCP)"; without the VRF
  std::string ToString() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
  template <class H>
  friend H AbslHashValue(H h, const Endpoint& e) {
    return H::combine(std::move(h), e.address, e.port, e.vrf, e.carrier);
  }
};

// Header fields of an IP packet that routing and redirects need.
struct IpHeaderView {
  IpAddress source, destination;
  uint8_t protocol = 0;      // IPv6: first next header
  uint8_t ttl = 0;
  uint16_t total_length = 0; // octets, from the header
  uint8_t header_length = 0; // octets
};
// nullopt if shorter than the fixed header or not version 4/6.  Total length is not checked against `packet`.
std::optional<IpHeaderView> ParseIpHeader(BytesView packet);

// Internet checksum (RFC 1071) over `data`, an odd last octet being the high one of a zero-padded word.
// Returned ready to be stored in network order by ByteWriter::U16.
uint16_t InternetChecksum(BytesView data);

}  // namespace flexvpn::net

#endif  // FLEXVPN_CORE_NET_IP_H_
