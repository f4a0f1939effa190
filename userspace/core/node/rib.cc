// SPDX-License-Identifier: Apache-2.0
#include "core/node/rib.h"

#include <algorithm>

namespace flexvpn::node {

void Rib::Count(const net::Prefix& prefix, int by) {
  auto& lengths = prefix.family() == net::Family::kIpv6 ? v6_lengths_ : v4_lengths_;
  lengths[static_cast<size_t>(prefix.length())] += by;
}

void Rib::SetLocal(const std::vector<net::Prefix>& prefixes) {
  for (const net::Prefix& p : local_) Count(p, -1);
  local_.clear();
  for (const net::Prefix& p : prefixes)
    if (local_.insert(p).second) Count(p, 1);
}

void Rib::Add(const net::Prefix& prefix, net::PeerId peer, uint8_t distance) {
  std::vector<Way>& ways = peers_[prefix];
  if (ways.empty()) Count(prefix, 1);
  std::erase_if(ways, [&](const Way& w) { return w.peer == peer; });
  const auto better = std::find_if(ways.begin(), ways.end(), [&](const Way& w) { return w.distance < distance; });
  ways.insert(better, {peer, distance});
}

void Rib::Remove(const net::Prefix& prefix, net::PeerId peer) {
  auto it = peers_.find(prefix);
  if (it == peers_.end()) return;
  std::erase_if(it->second, [&](const Way& w) { return w.peer == peer; });
  if (!it->second.empty()) return;
  peers_.erase(it);
  Count(prefix, -1);
}

net::PeerId Rib::Active(const net::Prefix& prefix) const {
  auto it = peers_.find(prefix);
  return it == peers_.end() ? net::PeerId() : it->second.back().peer;
}

std::optional<uint8_t> Rib::Distance(const net::Prefix& prefix, net::PeerId peer) const {
  const auto it = peers_.find(prefix);
  if (it != peers_.end())
    for (const Way& w : it->second)
      if (w.peer == peer) return w.distance;
  return std::nullopt;
}

Rib::Match Rib::Lookup(const net::IpAddress& destination) const {
  if (destination.empty()) return {};
  if (self_.contains(destination)) return {Match::Kind::kSelf, net::Prefix::Host(destination), {}};
  const auto& lengths = destination.is_v6() ? v6_lengths_ : v4_lengths_;
  for (int length = destination.bits(); length >= 0; --length) {
    if (lengths[static_cast<size_t>(length)] == 0) continue;
    const net::Prefix prefix(destination, length);
    if (local_.contains(prefix)) return {Match::Kind::kLocal, prefix, {}};
    if (net::PeerId peer = Active(prefix)) return {Match::Kind::kPeer, prefix, peer};
  }
  return {};
}

}  // namespace flexvpn::node
