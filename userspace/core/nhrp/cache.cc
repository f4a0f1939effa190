// SPDX-License-Identifier: Apache-2.0
// Installed shortcuts: their life by use, and the rows of `show ip nhrp`.
#include <algorithm>

#include "core/nhrp/endpoint_impl.h"

namespace flexvpn::nhrp {
namespace {

// An entry is renewed if traffic flowed in the last part of its life: the last two minutes of the default
// holding time, as Cisco does, or the last third of a short one.
constexpr Duration kRefreshBefore = seconds(120);
constexpr Duration kLongestLook = seconds(60);
constexpr Duration kShortestLook = seconds(1);

// Nobody's in the Internet: RFC 1918, RFC 6598, RFC 4193.
bool IsPrivate(const net::IpAddress& a) {
  if (a.is_v6()) return (a.bytes()[0] & 0xfe) == 0xfc;
  const uint32_t v4 = a.v4();
  return v4 >> 24 == 10 || v4 >> 20 == 0xac1 || v4 >> 16 == 0xc0a8 || v4 >> 22 == 0x191;
}

}  // namespace

int ShortestPrefix(net::Family family) { return family == net::Family::kIpv6 ? 16 : 8; }

int PrefixLength(const Cie& cie, const net::IpAddress& address) {
  if (cie.prefix_length == 0 || cie.prefix_length > address.bits()) return address.bits();
  return cie.prefix_length;
}

bool Endpoint::Impl::CacheFull() {
  if (shortcuts_.size() + locals_.size() < limits_.cache_entries) return false;
  Drop("cache_full");
  return true;
}

// Adds or renews.  False if the cache is full or the peer is gone.
bool Endpoint::Impl::Install(const Key& key, Shortcut shortcut, Duration holdtime, Instant now,
                             Actions& out) {
  Peer* peer = FindPeer(shortcut.peer);
  if (peer == nullptr) return false;
  auto it = shortcuts_.find(key);
  bool same = false;
  shortcut.created = now;
  if (it == shortcuts_.end()) {
    if (CacheFull()) return false;
    RouteResult below = env_.Lookup(key.prefix.address());
    shortcut.override_route = below.kind != RouteResult::Kind::kUnreachable && below.prefix == key.prefix;
    it = shortcuts_.emplace(key, Shortcut{}).first;
    counters_.Add("shortcut_installed");
  } else {
    const Shortcut& old = it->second;
    same = old.peer == shortcut.peer && old.mtu == shortcut.mtu && old.next_hop == shortcut.next_hop;
    shortcut.created = old.created;
    shortcut.override_route = old.override_route;
    if (same) {
      shortcut.seen_packets = old.seen_packets;
      shortcut.used = old.used;
    }
    if (shortcut.implicit && !old.implicit) {  // an answer to our own question counts for more
      shortcut.implicit = false;
      shortcut.target = old.target;
    }
    if (Peer* before = FindPeer(old.peer)) before->shortcuts.erase(key);
    counters_.Add("shortcut_renewed");
  }
  shortcut.expires = now + holdtime;
  shortcut.refresh_at = now + std::max(holdtime * 2 / 3, holdtime - kRefreshBefore);
  it->second = shortcut;
  peer->shortcuts.insert(key);
  timers_.Set({TimerKind::kShortcut, key}, shortcut.refresh_at - std::min(kLongestLook, holdtime / 6));
  if (!same) out.push_back(ShortcutUp{key.prefix, shortcut.next_hop, shortcut.peer, shortcut.mtu});
  return true;
}

void Endpoint::Impl::InstallStation(uint32_t network, Shortcut s, Duration holdtime, Instant now, Actions& out) {
  const Key key{network, net::Prefix::Host(s.next_hop)};
  const RouteResult::Kind kind = env_.Lookup(s.next_hop).kind;
  const bool overlay = kind == RouteResult::Kind::kPeer || (kind == RouteResult::Kind::kUnreachable && IsPrivate(s.next_hop));
  if (!overlay && !shortcuts_.contains(key)) return Drop("station_not_in_overlay");
  s.implicit = true;
  s.target = s.next_hop;
  Install(key, s, holdtime, now, out);
}

void Endpoint::Impl::ShortcutRefused(const net::Prefix& prefix, net::PeerId id, Instant now, Actions& out) {
  const Peer* peer = FindPeer(id);
  if (peer == nullptr) return;
  const uint32_t network = peer->info.network_id;
  const auto it = shortcuts_.find({network, prefix});
  if (it == shortcuts_.end() || it->second.peer != id) return;
  const Key asked{network, net::Prefix::Host(it->second.target)};
  const bool implicit = it->second.implicit;
  Withdraw(it->first, out);
  counters_.Add("shortcut_refused");
  if (implicit || resolutions_.size() >= limits_.pending) return;
  Hold(asked, NewResolution(asked, now), Resolution::State::kNegative, now, out);
}

void Endpoint::Impl::Withdraw(const Key& in_key, Actions& out) {
  auto it = shortcuts_.find(in_key);
  if (it == shortcuts_.end()) return;
  const Key key = in_key;  // may live in what is erased
  if (Peer* peer = FindPeer(it->second.peer)) peer->shortcuts.erase(key);
  Key asked{key.network, net::Prefix::Host(it->second.target)};
  const net::PeerId over = it->second.peer;
  shortcuts_.erase(it);
  timers_.Erase({TimerKind::kShortcut, key});
  auto refresh = resolutions_.find(asked);
  if (refresh != resolutions_.end() && refresh->second.refresh_over) EraseResolution(asked);
  counters_.Add("shortcut_withdrawn");
  out.push_back(ShortcutDown{key.prefix, over});
}

// The peer of this shortcut goes.  Another tunnel to the same station takes over (both sides may have built
// one at the same time), otherwise traffic falls back to the routed path at once.
void Endpoint::Impl::MoveOrWithdraw(const Key& key, Actions& out) {
  auto it = shortcuts_.find(key);
  if (it == shortcuts_.end()) return;
  Shortcut& s = it->second;
  Peer *before = FindPeer(s.peer), *other = FindByProtocol(key.network, s.next_hop);
  if (other == nullptr || before == nullptr || other == before || !SameStation(*other, *before)) return Withdraw(key, out);
  before->shortcuts.erase(key);
  s.peer = other->info.id;
  s.seen_packets.reset();
  other->shortcuts.insert(key);
  counters_.Add("shortcut_moved");
  out.push_back(ShortcutUp{key.prefix, s.next_hop, s.peer, s.mtu});
}

// The longest installed prefix that covers `target`.
std::optional<Key> Endpoint::Impl::CoveringKey(uint32_t network, const net::IpAddress& target) const {
  for (int length = target.bits(); length >= ShortestPrefix(target.family()); --length) {
    Key key{network, net::Prefix(target, length)};
    if (shortcuts_.contains(key)) return key;
  }
  return std::nullopt;
}

void Endpoint::Impl::OnShortcutTimer(const Key& key, Instant now, Actions& out) {
  auto it = shortcuts_.find(key);
  if (it == shortcuts_.end()) return;
  Shortcut& s = it->second;
  if (s.expires <= now) {
    counters_.Add("shortcut_expired");
    return Withdraw(key, out);
  }
  s.looking = true;
  asked_.insert(s.peer);
  timers_.Set({TimerKind::kShortcut, key}, s.expires);
}

void Endpoint::Impl::PeerTraffic(net::PeerId id, uint64_t packets, Instant now, Actions& out) {
  Peer* peer = FindPeer(id);
  if (peer == nullptr) return;
  std::vector<Key> refresh;
  for (const Key& key : peer->shortcuts) {
    Shortcut& s = shortcuts_.find(key)->second;
    if (!s.looking) continue;
    s.looking = false;
    s.used = s.seen_packets && packets > *s.seen_packets;
    s.seen_packets = packets;
    Instant next = s.refresh_at;
    if (now >= s.refresh_at) {
      if (s.used) refresh.push_back(key);
      next = now + std::max(kShortestLook, (s.expires - now) / 2);
    }
    timers_.Set({TimerKind::kShortcut, key}, std::min(next, s.expires));
  }
  for (const Key& key : refresh) Refresh(key, now, out);
}

std::vector<CacheRow> Endpoint::Impl::Rows(Instant now) const {
  std::vector<CacheRow> rows;
  auto peer_of = [this](net::PeerId id) {
    auto it = peers_.find(id);
    return it == peers_.end() ? nullptr : &it->second;
  };
  for (const auto& [key, s] : shortcuts_) {
    const Peer* peer = peer_of(s.peer);
    CacheRow row{.prefix = key.prefix,
                 .next_hop = s.next_hop,
                 .nbma = {},
                 .claimed_nbma = {},
                 .interface = {},
                 .created_ago = now - s.created,
                 .expires_in = s.expires - now,
                 .type = "dynamic",
                 .flags = {"router"},
                 .peer = s.peer,
                 .requesters = {}};
    if (peer != nullptr) {
      row.nbma = peer->info.remote_nbma;
      row.interface = peer->info.interface;
      if (s.claimed != row.nbma) row.claimed_nbma = s.claimed;
    }
    if (s.implicit) row.flags.push_back("implicit");
    if (s.used) row.flags.push_back("used");
    row.flags.push_back("rib");
    if (s.override_route) row.flags.push_back("nho");
    rows.push_back(std::move(row));
  }
  for (const auto& [key, l] : locals_) {
    CacheRow row{.prefix = key.prefix,
                 .next_hop = l.own_protocol,
                 .nbma = l.own_nbma,
                 .claimed_nbma = {},
                 .interface = l.interface,
                 .created_ago = now - l.created,
                 .expires_in = l.expires - now,
                 .type = "dynamic",
                 .flags = {"router", "unique", "local", "no-socket"},
                 .peer = l.peer,
                 .requesters = {}};
    for (const Requester& r : l.requesters) row.requesters.push_back(r.protocol);
    rows.push_back(std::move(row));
  }
  for (const auto& [key, r] : resolutions_) {
    if (r.refresh_over) continue;
    const Peer* peer = peer_of(r.via);
    rows.push_back(CacheRow{.prefix = key.prefix,
                            .next_hop = key.prefix.address(),
                            .nbma = peer == nullptr ? net::IpAddress() : peer->info.remote_nbma,
                            .claimed_nbma = {},
                            .interface = peer == nullptr ? "" : peer->info.interface,
                            .created_ago = now - r.created,
                            .expires_in = r.expires - now,
                            .type = r.state == Resolution::State::kNegative ? "negative" : "incomplete",
                            .flags = {},
                            .peer = r.via,
                            .requesters = {}});
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const CacheRow& a, const CacheRow& b) { return a.prefix < b.prefix; });
  return rows;
}

}  // namespace flexvpn::nhrp
