// SPDX-License-Identifier: Apache-2.0
#include "os/dataplane/context.h"

#include <cerrno>
#include <optional>

namespace flexvpn::os {
namespace {

// FNV-1a, 32 bits.
uint32_t Hash(const std::string& text) {
  uint32_t h = 2166136261u;
  for (char c : text) h = (h ^ static_cast<uint8_t>(c)) * 16777619u;
  return h;
}

}  // namespace

uint32_t InstanceTag(const std::string& instance) {
  uint32_t h = Hash(instance);
  return (h ^ (h >> 12) ^ (h >> 24)) & netlink::kInstanceTagMask;
}

uint32_t SaTag(const std::string& instance, dataplane::Direction direction, uint32_t spi) {
  return Hash(absl::StrCat(instance, direction == dataplane::Direction::kIn ? " in " : " out ", spi)) | 0x80000000u;
}

absl::StatusOr<std::optional<netlink::Link>> FindLink(netlink::Socket& route, const std::string& name) {
  std::optional<netlink::Link> out;
  absl::Status s = route.Query(netlink::GetLink(name),
                               [&out](const netlink::Received& m) { out = netlink::ParseLink(m); });
  if (absl::IsNotFound(s)) return std::optional<netlink::Link>();
  if (!s.ok()) return s;
  return out;
}

bool IsAbsent(int error) {
  return error == ESRCH || error == ENOENT || error == ENODEV || error == EADDRNOTAVAIL || error == ENXIO;
}

}  // namespace flexvpn::os
