// SPDX-License-Identifier: Apache-2.0
// What we want in the kernel, and the plan that leads there.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/config/names.h"
#include "core/node/node.h"

namespace flexvpn::node {
namespace {

constexpr uint32_t kDefaultRouteMetric = 4096;
constexpr char kGre4[] = "flex-gre0";
constexpr char kGre6[] = "flex-gre6";

bool IsGre(config::TunnelMode m) {
  return m == config::TunnelMode::kGreIpv4 || m == config::TunnelMode::kGreIpv6 || m == config::TunnelMode::kGreMultipoint;
}
// Of an IKEv2 route: the distance 2 is kIkeRouteMetric, and every one comes after a shortcut.
uint32_t MetricOf(uint8_t distance) {
  return dataplane::kShortcutRouteMetric + 50u * std::max<uint32_t>(distance, 1);
}
static_assert(dataplane::kShortcutRouteMetric + 50 * 2 == dataplane::kIkeRouteMetric);

bool IsTunnel(const config::Interface& i) {
  return (i.kind == config::InterfaceKind::kTunnel || i.kind == config::InterfaceKind::kVirtualTemplate) && !i.down() &&
         !i.ipsec_profile.empty();
}

// Networks that configuration says belong to the overlay: what we announce and the addresses we give.  `ipv6`: this kernel has it.
std::vector<net::Prefix> OverlayNetworks(const config::Model& model, bool ipv6) {
  std::vector<net::Prefix> out;
  for (const auto& [name, policy] : model.authorization_policies) {
    for (const std::string& list : policy.route_set_access_lists)
      if (auto it = model.access_lists.find(list); it != model.access_lists.end())
        for (const net::Prefix& p : config::PermittedPrefixes(it->second)) out.push_back(p);
    constexpr int kWidest = 8;
    if (auto pool = model.pools.find(policy.pool); pool != model.pools.end())
      out.push_back(net::Prefix(pool->second.first, std::max(kWidest, Cover(pool->second).length())));
    if (auto pool = model.ipv6_pools.find(policy.ipv6_pool); pool != model.ipv6_pools.end()) out.push_back(Cover(pool->second));
  }
  std::erase_if(out, [&](const net::Prefix& p) { return p.length() == 0 || (p.family() == net::Family::kIpv6 && !ipv6); });
  return out;
}

// What is left of `prefixes` without that address.
void LeaveOut(const net::IpAddress& address, std::set<net::Prefix>& prefixes) {
  std::vector<net::Prefix> covering;
  for (const net::Prefix& p : prefixes)
    if (p.Contains(address)) covering.push_back(p);
  for (const net::Prefix& p : covering) {
    prefixes.erase(p);
    for (int length = p.length() + 1; length <= address.bits(); ++length) prefixes.insert(net::Prefix(address, length).Sibling());
  }
}

}  // namespace

net::IpAddress Node::FlowSource(const net::IpAddress& local) {
  return local.is_v6() ? net::Prefix::Default(net::Family::kIpv6).address() : local;
}

std::string Node::DeviceFor(const config::Interface& i) const {
  if (i.kind == config::InterfaceKind::kLoopback) return absl::StrCat("flex-lo", i.number);
  return i.mode == config::TunnelMode::kGreIpv6 ? kGre6 : kGre4;
}

void Node::Put(dataplane::Object object, net::PeerId owner) {
  const std::string key = dataplane::Key(object);
  Own(key, owner);
  const dataplane::Object* had = kernel_.Find(key);
  const bool same = had != nullptr && *had == object;
  want_.Put(object);
  std::erase_if(lingering_, [&](const Lingering& l) { return l.key == key; });
  if (same) return;
  kernel_.Put(object);
  plan_.push_back({dataplane::Step::Kind::kPut, std::move(object)});
}

void Node::Own(const std::string& key, net::PeerId owner) {
  auto [it, fresh] = owner_.try_emplace(key, owner);
  if (!fresh && it->second != owner) owned_[it->second].erase(key);
  it->second = owner;
  owned_[owner].insert(key);
}

void Node::Disown(const std::string& key) {
  auto it = owner_.find(key);
  if (it == owner_.end()) return;
  auto owned = owned_.find(it->second);
  owned->second.erase(key);
  if (owned->second.empty()) owned_.erase(owned);
  owner_.erase(it);
}

void Node::Erase(const std::string& key) {
  want_.Erase(key);
  Disown(key);
  const dataplane::Object* had = kernel_.Find(key);
  if (had == nullptr) return;
  plan_.push_back({dataplane::Step::Kind::kRemove, *had});
  kernel_.Erase(key);
}

void Node::EraseLater(const std::string& key, net::PeerId peer, Duration delay) {
  Disown(key);
  lingering_.push_back({now_ + delay, peer, key});
}

void Node::FlushPlan() {
  if (plan_.empty()) return;
  dataplane::Order(plan_);
  const uint64_t token = next_token_++;
  std::set<net::PeerId>& peers = applying_[token];
  for (const dataplane::Step& s : plan_)
    if (auto it = owner_.find(dataplane::Key(s.object));
        s.kind == dataplane::Step::Kind::kPut && it != owner_.end() && it->second)
      peers.insert(it->second);
  out_->push_back(Apply{token, std::exchange(plan_, {})});
}

// They share a device for each outer family, and Linux takes IPv6 away from a device of less than 1280 octets.
bool Node::TunnelsCarryIpv6() const {
  return std::none_of(model_.interfaces.begin(), model_.interfaces.end(), [](const auto& entry) {
    return IsTunnel(entry.second) && IsGre(entry.second.mode) && entry.second.mtu != 0 && entry.second.mtu < net::kIpv6MinimumMtu;
  });
}

void Node::AddAddresses(const config::Interface& i, const std::string& device, std::vector<dataplane::Object>& objects) const {
  const auto tunnel = tunnels_.find(i.name);
  const Tunnel* negotiated = tunnel == tunnels_.end() ? nullptr : &tunnel->second;
  if (i.address) objects.push_back(dataplane::Address{device, *i.address, i.prefix_length});
  if (i.address_negotiated && negotiated != nullptr && negotiated->negotiated)
    objects.push_back(dataplane::Address{device, *negotiated->negotiated, 32});
  if (!ipv6_) return;
  for (const config::Ipv6Address& a : i.ipv6_addresses) objects.push_back(dataplane::Address{device, a.address, a.length});
  if (i.ipv6_negotiated && negotiated != nullptr && negotiated->negotiated6)
    objects.push_back(dataplane::Address{device, *negotiated->negotiated6, 128});
}

// Devices, blocks and addresses that stand whatever the sessions do.
void Node::SyncBase() {
  if (stopping_ || !network_known_) return;
  std::vector<dataplane::Object> objects;
  for (const auto& [name, i] : model_.interfaces) {
    if (i.kind == config::InterfaceKind::kLoopback && !i.down()) {
      const std::string device = DeviceFor(i);
      objects.push_back(dataplane::Device{device, dataplane::DeviceKind::kLoopback, net::Family::kNone, 0});
      AddAddresses(i, device, objects);
    }
    if (!IsTunnel(i) || !IsGre(i.mode)) continue;
    const std::string device = DeviceFor(i);
    const net::Family family = i.mode == config::TunnelMode::kGreIpv6 ? net::Family::kIpv6 : net::Family::kIpv4;
    uint32_t mtu = i.mtu != 0 ? i.mtu : kDefaultTunnelMtu;
    for (const dataplane::Object& o : objects)
      if (const auto* d = std::get_if<dataplane::Device>(&o); d != nullptr && d->name == device) mtu = std::min(mtu, d->mtu);
    std::erase_if(objects, [&](const auto& o) {
      const auto* d = std::get_if<dataplane::Device>(&o);
      return d != nullptr && d->name == device;
    });
    objects.push_back(dataplane::Device{device, dataplane::DeviceKind::kGreExternal, family, mtu});
    if (auto local = SourceAddress(i)) {
      objects.push_back(dataplane::Block{*local});
      if (FlowSource(*local) != *local) objects.push_back(dataplane::Block{FlowSource(*local)});
    }
    if (i.kind == config::InterfaceKind::kTunnel) AddAddresses(i, device, objects);
  }
  std::set<net::IpAddress> in_use;  // a session may go on from an address that is no tunnel's source any more
  for (const auto& [id, peer] : peers_) in_use.insert({peer.local, FlowSource(peer.local)});
  for (const net::IpAddress& a : in_use) objects.push_back(dataplane::Block{a});
  SyncRules(objects);
  SyncFallbacks(objects);
  std::set<std::string> keys;
  for (dataplane::Object& o : objects) {
    keys.insert(dataplane::Key(o));
    Put(std::move(o), net::PeerId());
  }
  std::vector<std::string> stale;
  for (const std::string& key : owned_[net::PeerId()])
    if (!keys.contains(key)) stale.push_back(key);
  for (const std::string& key : stale) Erase(key);
}

bool Node::HasFallback(const net::Prefix& prefix) const {
  for (int length = prefix.length(); length > 0; --length)
    if (remembered_.contains(net::Prefix(prefix.address(), length))) return true;
  const std::vector<net::Prefix> configured = OverlayNetworks(model_, ipv6_);
  return std::any_of(configured.begin(), configured.end(), [&](const net::Prefix& p) { return p.Contains(prefix); });
}

void Node::Remember(const net::Prefix& prefix) {
  if (prefix.length() == 0 || (prefix.family() == net::Family::kIpv6 && !ipv6_) || remembered_.size() >= kMaxRemembered ||
      HasFallback(prefix))
    return;
  remembered_.insert(prefix);
  SyncBase();
}

void Node::SyncFallbacks(std::vector<dataplane::Object>& objects) const {
  const auto has = [&](const char* name) {
    return std::any_of(objects.begin(), objects.end(), [name](const dataplane::Object& o) {
      const auto* d = std::get_if<dataplane::Device>(&o);
      return d != nullptr && d->name == name;
    });
  };
  const char* device = has(kGre4) ? kGre4 : has(kGre6) ? kGre6 : nullptr;  // either drops what has no peer
  if (device == nullptr) return;
  std::set<net::Prefix> prefixes = remembered_;
  if (!ipv6_) std::erase_if(prefixes, [](const net::Prefix& p) { return p.family() == net::Family::kIpv6; });
  for (const net::IpAddress& hub : HubsOfUnderlay()) LeaveOut(hub, prefixes);
  for (const net::Prefix& p : OverlayNetworks(model_, ipv6_)) prefixes.insert(p);
  for (const net::Prefix& p : prefixes) {
    dataplane::Route r;
    r.prefix = p;
    r.device = device;
    r.metric = dataplane::kFallbackRouteMetric;
    objects.push_back(std::move(r));
  }
}

dataplane::Sa Node::MakeSa(const ike::ChildSa& child, const Peer& peer, dataplane::Direction direction) {
  const bool in = direction == dataplane::Direction::kIn;
  dataplane::Sa sa;
  sa.direction = direction;
  sa.spi = (in ? child.spi_in : child.spi_out).value();
  SetOuter(child, sa);
  sa.peer = peer.id;
  sa.mode = child.transport ? dataplane::Mode::kTransport : dataplane::Mode::kTunnel;
  sa.encr = static_cast<uint16_t>(child.suite.encr);
  sa.encr_key_bits = crypto::EncrKeyBits(child.suite.encr, child.suite.encr_key_bits);
  sa.integ = static_cast<uint16_t>(child.suite.integ);
  sa.encr_key = in ? child.encr_in : child.encr_out;
  sa.integ_key = in ? child.integ_in : child.integ_out;
  sa.esn = child.suite.esn;
  sa.replay_window = child.replay_window;
  // A second line behind the daemon's own timers, for the case that the daemon is gone.
  sa.hard_seconds = static_cast<uint64_t>(child.lifetime.count()) + 60;
  sa.soft_bytes = child.soft_bytes;
  sa.hard_bytes = child.hard_bytes;
  const config::Interface* i = FindInterface(peer.config_interface);
  if (i == nullptr) return sa;
  auto ipsec = model_.ipsec_profiles.find(i->ipsec_profile);
  if (ipsec != model_.ipsec_profiles.end() && ipsec->second.offload != config::Offload::kOff) {
    sa.offload_device = i->source_dynamic ? DeviceOf(child.local) : config::LinuxDevice(model_, i->source_interface);
    sa.offload_packet = ipsec->second.offload == config::Offload::kPacket;
  }
  return sa;
}

// Policies as soon as there is a Child SA; map entries once traffic can flow.
void Node::SyncPeer(const Peer& peer) {
  const config::Interface* i = FindInterface(peer.config_interface);
  if (i == nullptr) return;
  bool transport = true;
  for (ike::ChildId id : peer.children) transport = children_.at(id).sa.transport;
  std::set<std::string> keys;
  auto put = [&](dataplane::Object o) {
    keys.insert(dataplane::Key(o));
    Put(std::move(o), peer.id);
  };
  for (auto direction : {dataplane::Direction::kIn, dataplane::Direction::kOut}) {
    dataplane::Policy p;
    p.direction = direction;
    p.peer = peer.id;
    p.local = peer.local;
    p.remote = peer.remote;
    p.local_selector = net::Prefix::Host(peer.local);
    p.remote_selector = net::Prefix::Host(peer.remote);
    p.mode = transport ? dataplane::Mode::kTransport : dataplane::Mode::kTunnel;
    p.marked = !peer.local.is_v6();
    put(p);
    // Beside it, not instead: a kernel that fills the address in must find one, too.
    if (direction != dataplane::Direction::kOut || FlowSource(peer.local) == peer.local) continue;
    p.local_selector = net::Prefix::Host(FlowSource(peer.local));
    put(std::move(p));
  }
  if (peer.up) {
    dataplane::Peer p;
    p.id = peer.id;
    p.device = DeviceFor(*i);
    p.local = peer.local;
    p.remote = peer.remote;
    p.gre_key = i->key;
    p.network_id = i->nhrp.network_id;
    p.redirect = i->nhrp.redirect;
    p.adjust_mss = i->adjust_mss;
    p.in_tcp = peer.in_tcp;
    put(std::move(p));
    std::set<net::Family> families = {net::Family::kIpv4};
    for (const net::Prefix& prefix : peer.prefixes) families.insert(prefix.family());
    for (const auto& [prefix, id] : shortcuts_)
      if (id == peer.id) families.insert(prefix.family());
    for (net::Family family : families) put(dataplane::NextHop{DeviceFor(*i), NextHopOf(peer, family), peer.id});
  }
  std::vector<std::string> stale;
  for (const std::string& key : owned_[peer.id]) {
    if (keys.contains(key)) continue;
    const dataplane::Object* o = want_.Find(key);
    if (o != nullptr && (std::holds_alternative<dataplane::Policy>(*o) || std::holds_alternative<dataplane::NextHop>(*o) ||
                         std::holds_alternative<dataplane::Peer>(*o)))
      stale.push_back(key);
  }
  for (const std::string& key : stale) Erase(key);
}

void Node::RemovePeerObjects(net::PeerId id) {
  for (size_t i = 0; i < lingering_.size();) {
    if (lingering_[i].peer != id) {
      ++i;
      continue;
    }
    Erase(lingering_[i].key);
    lingering_.erase(lingering_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  const std::set<std::string> keys = owned_[id];
  for (const std::string& key : keys) Erase(key);
  owned_.erase(id);
}

// Else the kernel might choose an address of the uplink, and the answers would not come back by the tunnel.  Linux refuses
// routes whose source it does not have.
net::IpAddress Node::Ipv6SourceFor(const Peer& peer) const {
  const net::IpAddress& own = peer.local_protocol.v6();
  const config::Interface* owner = config::Ipv6AddressOwner(model_, peer.config_interface);
  if (own.empty() || owner == nullptr) return {};
  const bool there = owner->kind == config::InterfaceKind::kLinux
                         ? rib_.IsSelf(own)
                         : want_.Find(dataplane::Key(dataplane::Address{DeviceFor(*owner), own, own.bits()})) != nullptr;
  return there ? own : net::IpAddress();
}

// Installs or withdraws what should lead to `prefix` now: the shortcut and, below it, the IKEv2 route.
void Node::SyncRoute(const net::Prefix& prefix) {
  auto set = [&](net::PeerId id, uint32_t metric) {
    const Peer* peer = FindPeer(id);
    const config::Interface* i = peer == nullptr ? nullptr : FindInterface(peer->config_interface);
    dataplane::Route r;
    r.prefix = prefix;
    // A default route from a peer never beats the one the underlay has, whatever made that (DHCP: 1024).
    r.metric = prefix.length() == 0 ? kDefaultRouteMetric : dataplane::MetricIn(prefix.family(), metric);
    r.device = i != nullptr ? DeviceFor(*i) : prefix.family() == net::Family::kIpv6 ? kGre6 : kGre4;
    const bool usable = peer != nullptr && peer->up && (prefix.family() == net::Family::kIpv4 || ipv6_);
    if (usable && i != nullptr && !rib_.IsLocal(prefix)) {
      // The kernel knows no IPv6 route by an IPv4 next hop, nor the other way round on such a device.
      r.next_hop = NextHopOf(*peer, prefix.family());
      r.preferred_source = prefix.family() == net::Family::kIpv4 ? peer->local_protocol.v4() : Ipv6SourceFor(*peer);
      if (!want_.Find(dataplane::Key(r))) route_since_[prefix] = now_;
      Put(std::move(r), id);
      return;
    }
    for (const char* device : {kGre4, kGre6}) {
      r.device = device;
      if (want_.Find(dataplane::Key(r)) != nullptr) Erase(dataplane::Key(r));
    }
  };
  const Peer* active = FindPeer(rib_.Active(prefix));
  const uint32_t metric = MetricOf(active == nullptr ? kIkeRouteDistance : active->route_distance);
  const auto [installed, fresh] = route_metric_.try_emplace(prefix, metric);
  if (const uint32_t before = std::exchange(installed->second, metric); before != metric) set(net::PeerId(), before);
  set(rib_.Active(prefix), metric);
  if (!rib_.Active(prefix)) route_metric_.erase(prefix);
  auto shortcut = shortcuts_.find(prefix);
  if (prefix.length() > 0) set(shortcut == shortcuts_.end() ? net::PeerId() : shortcut->second, dataplane::kShortcutRouteMetric);
  if (!rib_.Active(prefix) && shortcut == shortcuts_.end()) route_since_.erase(prefix);
}

std::vector<net::IpAddress> Node::HubsOfUnderlay() const {
  std::vector<net::IpAddress> out;
  for (const auto& [name, i] : model_.interfaces) {
    if (!i.tunnel_vrf.empty()) continue;
    for (const config::Hub& hub : i.Hubs())
      if (hub.name.empty()) out.push_back(hub.address);
    if (const auto tunnel = tunnels_.find(name); tunnel != tunnels_.end())
      for (const auto& [hub, address] : tunnel->second.proved) out.push_back(address);
  }
  return out;
}

// A route that would swallow any tunnel's outer packets, our own addresses or another peer's address is refused.
bool Node::RoutableOverTunnel(const net::Prefix& prefix, const Peer& peer) const {
  if (prefix.address().is_multicast() || prefix.address().is_loopback() || prefix.address().is_link_local())
    return false;
  if (prefix.length() > 0) {  // outer packets in a VRF go by another table
    if (!peer.vrf && prefix.Contains(peer.remote)) return false;
    for (const auto& [id, other] : peers_)
      if (!other.vrf && prefix.Contains(other.remote)) return false;
    const std::vector<net::IpAddress> hubs = HubsOfUnderlay();
    if (std::any_of(hubs.begin(), hubs.end(), [&](const net::IpAddress& hub) { return prefix.Contains(hub); })) return false;
  }
  if (!prefix.is_host()) return true;
  if (rib_.IsSelf(prefix.address())) return false;
  auto it = peer_by_overlay_.find(prefix.address());
  const Peer* other = it == peer_by_overlay_.end() ? nullptr : FindPeer(it->second);
  return other == nullptr || other->id == peer.id || SameOwner(*other, peer) || !other->up;
}

}  // namespace flexvpn::node
