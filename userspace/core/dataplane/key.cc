// SPDX-License-Identifier: Apache-2.0
// Identities and ranks of dataplane objects.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/overloaded.h"
#include "core/dataplane/objects.h"

namespace flexvpn::dataplane {
namespace {

const char* Name(Direction d) { return d == Direction::kIn ? "in" : "out"; }

std::string SaKey(const Sa& s) {
  // The kernel finds a state by destination, SPI, protocol and mark; the mark is part of it only where set.
  std::string key = absl::StrCat(SaKeyPrefix(s.direction, s.spi), s.destination.ToString());
  if (s.mark_state) absl::StrAppend(&key, " mark ", s.peer.value());
  return key;
}

net::Prefix Selector(const net::Prefix& given, const net::IpAddress& outer) {
  return given.family() == net::Family::kNone ? net::Prefix::Host(outer) : given;
}

std::string PolicyKey(const Policy& p) {
  std::string key = absl::StrCat("policy ", Name(p.direction), " ", Selector(p.local_selector, p.local).ToString(),
                                 " ", Selector(p.remote_selector, p.remote).ToString(), " proto ",
                                 static_cast<int>(p.protocol));
  if (p.marked) absl::StrAppend(&key, " mark ", p.peer.value());
  return key;
}

std::string RouteKey(const Route& r) {
  return absl::StrCat("route ", r.prefix.ToString(), " metric ", r.metric, " dev ", r.device);
}

}  // namespace

std::string SaKeyPrefix(Direction direction, uint32_t spi) {
  return absl::StrFormat("sa %s 0x%08x ", Name(direction), spi);
}

std::string Key(const Object& object) {
  return std::visit(
      Overloaded{
          [](const Device& d) { return absl::StrCat("device ", d.name); },
          [](const Block& b) { return absl::StrCat("block gre ", b.local.ToString()); },
          [](const Address& a) { return absl::StrCat("address ", a.address.ToString(), " dev ", a.device); },
          [](const SourceRule& r) { return absl::StrCat("rule from ", r.source.ToString()); },
          [](const Sa& s) { return SaKey(s); },
          [](const Policy& p) { return PolicyKey(p); },
          [](const Peer& p) { return absl::StrCat("peer ", p.id.value()); },
          [](const NextHop& n) { return absl::StrCat("next-hop ", n.address.ToString(), " dev ", n.device); },
          [](const Route& r) { return RouteKey(r); },
      },
      object);
}

}  // namespace flexvpn::dataplane
