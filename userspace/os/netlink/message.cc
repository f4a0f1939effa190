// SPDX-License-Identifier: Apache-2.0
#include "os/netlink/message.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>

namespace flexvpn::os::netlink {
namespace {

constexpr size_t Align(size_t n) { return (n + 3) & ~size_t{3}; }

template <class T>
T Load(BytesView data, size_t pos) {
  T out;
  std::memcpy(&out, data.data() + pos, sizeof(T));
  return out;
}

template <class T>
void Store(SecretBytes& data, size_t pos, T value) {
  std::memcpy(data.data() + pos, &value, sizeof(T));
}

}  // namespace

Message::Message(uint16_t type, uint16_t flags) : data_(sizeof(nlmsghdr), 0) {
  set_type(type);
  set_flags(flags | NLM_F_REQUEST);
  StoreLength();
}

void Message::Append(BytesView bytes) {
  data_.insert(data_.end(), bytes.begin(), bytes.end());
  data_.resize(Align(data_.size()), 0);
  StoreLength();
}

void Message::StoreLength() {
  Store(data_, offsetof(nlmsghdr, nlmsg_len), static_cast<uint32_t>(data_.size()));
}

void Message::Attr(uint16_t type, BytesView value) {
  nlattr head{};
  head.nla_len = static_cast<uint16_t>(NLA_HDRLEN + value.size());
  head.nla_type = type;
  Append({reinterpret_cast<const uint8_t*>(&head), sizeof(head)});
  Append(value);
}

void Message::AttrText(uint16_t type, absl::string_view text) {
  Bytes value = ToBytes(text);
  value.push_back(0);
  Attr(type, value);
}

size_t Message::Begin(uint16_t type) {
  size_t begin = data_.size();
  Attr(type, {});
  return begin;
}

void Message::End(size_t begin) {
  Store(data_, begin + offsetof(nlattr, nla_len), static_cast<uint16_t>(data_.size() - begin));
}

uint16_t Message::type() const { return Load<uint16_t>(data_, offsetof(nlmsghdr, nlmsg_type)); }
uint16_t Message::flags() const { return Load<uint16_t>(data_, offsetof(nlmsghdr, nlmsg_flags)); }
void Message::set_flags(uint16_t flags) { Store(data_, offsetof(nlmsghdr, nlmsg_flags), flags); }
void Message::set_type(uint16_t type) { Store(data_, offsetof(nlmsghdr, nlmsg_type), type); }
void Message::set_sequence(uint32_t sequence) { Store(data_, offsetof(nlmsghdr, nlmsg_seq), sequence); }

BytesView Received::After(size_t size) const {
  size_t skip = Align(size);
  return skip >= payload.size() ? BytesView() : payload.subspan(skip);
}

std::optional<Received> NextMessage(BytesView& data) {
  if (data.size() < sizeof(nlmsghdr)) return std::nullopt;
  auto head = Load<nlmsghdr>(data, 0);
  if (head.nlmsg_len < sizeof(nlmsghdr) || head.nlmsg_len > data.size()) return std::nullopt;
  Received out{head.nlmsg_type, head.nlmsg_flags, head.nlmsg_seq,
               data.subspan(sizeof(nlmsghdr), head.nlmsg_len - sizeof(nlmsghdr))};
  data = data.subspan(std::min(Align(head.nlmsg_len), data.size()));
  return out;
}

Attrs::Attrs(BytesView data) {
  while (data.size() >= NLA_HDRLEN) {
    auto head = Load<nlattr>(data, 0);
    if (head.nla_len < NLA_HDRLEN || head.nla_len > data.size()) return;
    size_t type = head.nla_type & NLA_TYPE_MASK;
    if (type < kTypes && !present_[type]) {
      present_[type] = true;
      value_[type] = data.subspan(NLA_HDRLEN, head.nla_len - NLA_HDRLEN);
    }
    data = data.subspan(std::min(Align(head.nla_len), data.size()));
  }
}

std::string Attrs::Text(uint16_t type) const {
  BytesView v = Get(type);
  return std::string(v.begin(), std::find(v.begin(), v.end(), uint8_t{0}));
}

uint8_t AddressFamily(net::Family family) {
  switch (family) {
    case net::Family::kIpv4: return AF_INET;
    case net::Family::kIpv6: return AF_INET6;
    case net::Family::kNone: break;
  }
  return AF_UNSPEC;
}

net::Family FamilyOf(int address_family) {
  if (address_family == AF_INET) return net::Family::kIpv4;
  if (address_family == AF_INET6) return net::Family::kIpv6;
  return net::Family::kNone;
}

}  // namespace flexvpn::os::netlink
