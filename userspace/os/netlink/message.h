// SPDX-License-Identifier: Apache-2.0
// Netlink messages as bytes: building and taking apart, no I/O.  All integers in netlink are host order unless
// a field says otherwise.
#ifndef FLEXVPN_OS_NETLINK_MESSAGE_H_
#define FLEXVPN_OS_NETLINK_MESSAGE_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>

#include "absl/strings/string_view.h"
#include "base/bytes.h"
#include "base/secret.h"
#include "core/net/ip.h"

namespace flexvpn::os::netlink {

// One request.  Its bytes are wiped when freed, since XFRM messages carry keys.
class Message {
 public:
  // `flags` without NLM_F_REQUEST, which is always set; sequence number and NLM_F_ACK are the socket's business.
  Message(uint16_t type, uint16_t flags);

  // The fixed part that follows the header; once, before any attribute.
  template <class T>
  void Body(const T& body) {
    static_assert(std::is_trivially_copyable_v<T>);
    Append({reinterpret_cast<const uint8_t*>(&body), sizeof(T)});
  }
  void Attr(uint16_t type, BytesView value);
  template <class T>
  void AttrStruct(uint16_t type, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    Attr(type, {reinterpret_cast<const uint8_t*>(&value), sizeof(T)});
  }
  void AttrU8(uint16_t type, uint8_t v) { AttrStruct(type, v); }
  void AttrU32(uint16_t type, uint32_t v) { AttrStruct(type, v); }
  void AttrText(uint16_t type, absl::string_view text);  // zero-terminated
  void AttrFlag(uint16_t type) { Attr(type, {}); }
  void AttrIp(uint16_t type, const net::IpAddress& ip) { Attr(type, ip.bytes()); }
  // Nested attribute: everything added between Begin and End.
  size_t Begin(uint16_t type);
  void End(size_t begin);

  uint16_t type() const;
  uint16_t flags() const;
  void set_flags(uint16_t flags);
  void set_type(uint16_t type);
  void set_sequence(uint32_t sequence);
  BytesView bytes() const { return data_; }

 private:
  void Append(BytesView bytes);
  void StoreLength();
  SecretBytes data_;
};

// A received message; points into the receive buffer.
struct Received {
  uint16_t type = 0;
  uint16_t flags = 0;
  uint32_t sequence = 0;
  BytesView payload;  // after nlmsghdr

  // The fixed part; nullopt if the payload is shorter.
  template <class T>
  std::optional<T> Body() const {
    static_assert(std::is_trivially_copyable_v<T>);
    if (payload.size() < sizeof(T)) return std::nullopt;
    T out;
    std::memcpy(&out, payload.data(), sizeof(T));
    return out;
  }
  // What follows a fixed part of `size` octets.
  BytesView After(size_t size) const;
};
// Takes the next message off the front of `data`; nullopt at the end or on a malformed length.
std::optional<Received> NextMessage(BytesView& data);

// The attributes of one level, by type; of a repeated type the first counts.  Malformed tails are ignored.
class Attrs {
 public:
  static constexpr size_t kTypes = 80;
  explicit Attrs(BytesView data);
  bool Has(uint16_t type) const { return type < kTypes && present_[type]; }
  BytesView Get(uint16_t type) const { return type < kTypes ? value_[type] : BytesView(); }
  template <class T>
  std::optional<T> Struct(uint16_t type) const {
    BytesView v = Get(type);
    if (v.size() < sizeof(T)) return std::nullopt;
    T out;
    std::memcpy(&out, v.data(), sizeof(T));
    return out;
  }
  uint32_t U32(uint16_t type) const { return Struct<uint32_t>(type).value_or(0); }
  uint8_t U8(uint16_t type) const { return Struct<uint8_t>(type).value_or(0); }
  std::string Text(uint16_t type) const;
  net::IpAddress Ip(uint16_t type) const { return net::IpAddress::FromBytes(Get(type)); }

 private:
  std::array<BytesView, kTypes> value_{};
  std::array<bool, kTypes> present_{};
};

// AF_INET, AF_INET6 or AF_UNSPEC, and back.
uint8_t AddressFamily(net::Family family);
net::Family FamilyOf(int address_family);

}  // namespace flexvpn::os::netlink

#endif  // FLEXVPN_OS_NETLINK_MESSAGE_H_
