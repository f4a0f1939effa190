// SPDX-License-Identifier: Apache-2.0
// Tunnels we start: static ones, which are kept up, and those a resolution asks for.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/config/names.h"
#include "core/node/authorization.h"
#include "core/node/node.h"

namespace flexvpn::node {
namespace {

constexpr uint16_t kIkePort = 500;

bool IsResponderOnly(const config::Model& model, const config::Interface& i) {
  const auto p = model.ipsec_profiles.find(i.ipsec_profile);
  return p != model.ipsec_profiles.end() && p->second.responder_only;
}

bool IsUniqueLocal(const net::IpAddress& a) { return a.is_v6() && (a.bytes()[0] & 0xfe) == 0xfc; }  // RFC 4193

}  // namespace

std::optional<net::IpAddress> Node::SourceAddress(const config::Interface& interface) const {
  const auto source = SourceCandidate(interface);
  return source && SourceFree(*source, interface.tunnel_vrf) ? source : std::nullopt;
}

// What `tunnel source` and the addresses here say, whoever else has it.
std::optional<net::IpAddress> Node::SourceCandidate(const config::Interface& interface) const {
  if (interface.source_address && interface.tunnel_vrf.empty()) return interface.source_address;
  const bool v6 = interface.mode == config::TunnelMode::kGreIpv6 || interface.mode == config::TunnelMode::kIpsecIpv6;
  if (const config::Interface* source = FindInterface(interface.source_interface); source != nullptr && source->address &&
      source->kind == config::InterfaceKind::kLoopback && source->address->is_v6() == v6)
    return source->address;
  if (interface.source_dynamic) {
    for (const std::string& name : interface.client.sources) {
      config::Interface one = interface;
      one.source_dynamic = false;
      one.source_interface = name;
      if (const auto source = SourceCandidate(one)) return source;
    }
    return std::nullopt;
  }
  // Several addresses: one that stays, of the destination's kind (unique local or global); else the first.
  const auto hub = HubOf(interface);
  const bool to_local = hub && IsUniqueLocal(*hub);
  const std::string& device = config::LinuxDevice(model_, interface.source_interface);
  const LocalAddress* best = nullptr;
  int best_score = -1;
  for (const LocalAddress& a : network_.addresses) {
    if (a.vrf != interface.tunnel_vrf || a.address.is_v6() != v6 || a.address.is_link_local()) continue;
    if (interface.source_address ? a.address != *interface.source_address : a.device != device)
      continue;
    const int score = (a.passing ? 0 : 2) + (IsUniqueLocal(a.address) == to_local ? 1 : 0);
    if (score > best_score) best = &a, best_score = score;
  }
  return best == nullptr ? std::nullopt : std::optional(best->address);
}

net::IpAddress Node::OverlayAddress(const std::string& interface) const {
  const config::Interface* owner = config::AddressOwner(model_, interface);
  if (owner == nullptr) return {};
  if (owner->address) return *owner->address;
  if (auto it = tunnels_.find(owner->name); it != tunnels_.end() && it->second.negotiated) return *it->second.negotiated;
  return LinuxAddress(owner->name, net::Family::kIpv4);
}

net::IpAddress Node::OverlayAddress6(const std::string& interface) const {
  const config::Interface* owner = config::Ipv6AddressOwner(model_, interface);
  if (owner == nullptr) return {};
  if (!owner->ipv6_addresses.empty()) return owner->ipv6_addresses.front().address;
  if (const auto tunnel = tunnels_.find(owner->name); owner->ipv6_negotiated && tunnel != tunnels_.end())
    return tunnel->second.negotiated6.value_or(net::IpAddress());
  // Who borrows IPv4 alone need not mean that of an uplink.
  const config::Interface* i = FindInterface(interface);
  return i->ipv6_unnumbered.empty() ? net::IpAddress() : LinuxAddress(owner->name, net::Family::kIpv6);
}

net::IpAddress Node::LinuxAddress(const std::string& interface, net::Family family) const {
  const auto address = device_addresses_.find({config::LinuxDevice(model_, interface), family});
  return address == device_addresses_.end() ? net::IpAddress() : address->second;
}

void Node::SyncTunnels() {
  for (const auto& [name, i] : model_.interfaces) {
    const bool wanted = i.kind == config::InterfaceKind::kTunnel && !i.down() && !i.Hubs().empty() && ProfileOf(i) != nullptr &&
                        !ProfileOf(i)->inbound_only && !IsResponderOnly(model_, i) &&
                        ProfileOf(i)->inoperative.empty();
    auto it = tunnels_.find(name);
    if (it != tunnels_.end() && !i.client.manual) it->second.told = false;
    if (wanted && it == tunnels_.end()) {
      Tunnel& tunnel = tunnels_[name];
      tunnel.name = name;
      if (MayCall(tunnel, i)) tunnel.retry_at = now_;
      tunnel.backoff = options_.tunnel_retry_first;
    }
    if (wanted && it != tunnels_.end() && !it->second.session && !it->second.up && !it->second.retry_at && MayCall(it->second, i))
      it->second.retry_at = now_;  // `connect manual` was taken back
    if (!wanted && it != tunnels_.end()) tunnels_.erase(it);
  }
  std::erase_if(tunnels_, [&](const auto& t) { return FindInterface(t.first) == nullptr; });
  TunnelTick();
}

void Node::TunnelTick() {
  if (stopping_ || !network_known_) return;
  GiveUpSilentCalls();
  TryUdpAgain();
  TryBetterHubs();
  for (auto& [name, tunnel] : tunnels_)
    if (!tunnel.session && tunnel.retry_at && now_ >= *tunnel.retry_at) {
      const config::Interface* i = FindInterface(name);
      i != nullptr && MayCall(tunnel, *i) ? TryTunnel(tunnel) : tunnel.retry_at.reset();
    }
  for (size_t i = 0; i < deferred_.size();) {
    if (now_ < deferred_[i].at) {
      ++i;
      continue;
    }
    const nhrp::NeedTunnel need = deferred_[i].need;
    deferred_.erase(deferred_.begin() + static_cast<std::ptrdiff_t>(i));
    if (!JoinShortcut(need)) CallShortcut(need);
  }
}

void Node::RetryTunnel(Tunnel& tunnel) {
  tunnel.session = {};
  tunnel.up = false;
  tunnel.answer_by.reset();
  tunnel.udp_at.reset();
  tunnel.better_at.reset();
  tunnel.retry_at.reset();
  const config::Interface* i = FindInterface(tunnel.name);
  if (stopping_ || i == nullptr || !MayCall(tunnel, *i)) return;
  // Jitter keeps thousands of spokes from knocking in step when a hub comes back.
  const auto jitter = Duration(static_cast<int64_t>(rng_.Below(static_cast<uint64_t>(tunnel.backoff.count() / 4) + 1)));
  tunnel.retry_at = now_ + tunnel.backoff + jitter;
  tunnel.backoff = std::min(tunnel.backoff * 2, options_.tunnel_retry_max);
}

void Node::TryTunnel(Tunnel& tunnel) {
  const config::Interface& i = *FindInterface(tunnel.name);
  tunnel.retry_at.reset();
  const std::vector<config::Hub> hubs = i.Hubs();
  if (tunnel.hub >= hubs.size()) tunnel.hub = 0;
  const config::Hub& hub = hubs[tunnel.hub];
  if (!hub.name.empty()) {
    if (hubs.size() > 1 && (tunnel.looking_up != hub.name || !tunnel.answer_by)) tunnel.answer_by = now_ + kHubTurn;
    return LookUpHub(tunnel.looking_up, i, hub.name);
  }
  tunnel.found = {};
  CallHub(tunnel, i, hub.address);
}

void Node::CallHub(Tunnel& tunnel, const config::Interface& i, const net::IpAddress& address) {
  const config::IkeProfile& profile = *ProfileOf(i);
  auto request = PrepareCall(tunnel, i, profile, address);
  if (!request) {
    RetryTunnel(tunnel);
    if (tunnel.waiting_for.empty()) NextHub(tunnel);  // this one cannot be called: no key for it, say
    return;
  }
  if (CallsInTcp(tunnel, i, profile)) GoByTcp(*request, profile.tcp_port);
  if (profile.tcp == config::TcpEncapsulation::kFallback && TcpFits(i)) tunnel.answer_by = now_ + kTcpTurn;
  else if (i.Hubs().size() > 1) tunnel.answer_by = now_ + kHubTurn;
  tunnel.session = Call(tunnel, *std::move(request), i.Hubs()[tunnel.hub].name);
}

// The session before goes on until now: nothing is lost.
void Node::TakeTrial(Tunnel& tunnel) {
  const ike::IkeSaId old = std::exchange(tunnel.session, std::exchange(tunnel.trial, {}));
  const bool better = tunnel.trial_hub.has_value();
  if (better) tunnel.hub = *std::exchange(tunnel.trial_hub, {});
  tunnel.trial_found = {};
  const Session& session = sessions_.at(tunnel.session);
  tunnel.found = session.hub_name.empty() ? net::IpAddress() : session.info.remote.address;
  tunnel.udp_at.reset();
  const std::string why = better ? absl::StrCat("a better hub answers, ", session.info.remote.address.ToString())
                                 : "UDP passes again";
  Say(Log::Level::kInfo, absl::StrCat(tunnel.name, ": ", why));
  if (old && old != tunnel.session) Terminate(old, why);
  UdpLater(tunnel);
  BetterLater(tunnel);
}

// A call in UDP; nothing, and why in the log, if it cannot be made now.
std::optional<ike::InitiateRequest> Node::PrepareCall(Tunnel& tunnel, const config::Interface& i,
                                                      const config::IkeProfile& profile, const net::IpAddress& hub) {
  const auto local = SourceAddress(i);
  if (!local) {
    SayOnce(tunnel.waiting_for, Log::Level::kWarning, absl::StrCat(tunnel.name, ": waiting for ", WaitsFor(i)));
    return std::nullopt;
  }
  tunnel.waiting_for.clear();
  const auto refuse = [&](Log::Level level, absl::string_view why) {
    SayOnce(tunnel.refused, level, absl::StrCat(tunnel.name, ": ", why));
    return std::nullopt;
  };
  if (const std::string other = PeerOfAnother(tunnel, i, hub); !other.empty())
    return refuse(Log::Level::kWarning, absl::StrCat(hub.ToString(), " is the peer of ", other,
                                                     " already: not called (give one of them a `tunnel key`)"));
  auto policy = MakeSessionPolicy(model_, profile, i, std::nullopt, *local, hub, pki_);
  if (!policy.ok()) return refuse(Log::Level::kError, policy.status().message());
  tunnel.refused.clear();
  ike::InitiateRequest request;
  request.local = {*local, kIkePort, VrfIdOf(i.tunnel_vrf)};
  request.remote = {hub, kIkePort, request.local.vrf};
  request.suites = IkeSuites(model_, EndOf(request.local));
  request.policy = *std::move(policy);
  if (!profile.config_exchange_request || profile.authorization.empty()) return request;
  if (i.address_negotiated) {
    request.config_request.push_back({ike::CfgAttr::kIp4Address, {}});
    request.config_request.push_back({ike::CfgAttr::kIp4Netmask, {}});
  }
  if (i.ipv6_negotiated) request.config_request.push_back({ike::CfgAttr::kIp6Address, {}});
  for (const ike::CfgAttr type : {ike::CfgAttr::kIp4Dns, ike::CfgAttr::kIp6Dns, ike::CfgAttr::kIp4Nbns, ike::CfgAttr::kDnsDomain,
                                  ike::CfgAttr::kIp4Subnet, ike::CfgAttr::kUnityDefDomain, ike::CfgAttr::kUnityBanner})
    request.config_request.push_back({type, {}});
  request.config_request.push_back({ike::CfgAttr::kApplicationVersion, ToBytes("flexvpn")});
  return request;
}

ike::IkeSaId Node::Call(const Tunnel& tunnel, ike::InitiateRequest request, const std::string& hub_name) {
  ike::Actions actions;
  const net::IpAddress hub = request.remote.address;
  const ike::IkeSaId id = ike_.Initiate(std::move(request), now_, actions);
  Session& session = sessions_[id];
  session.key_address = hub;  // a redirection leads elsewhere with the same key
  session.hub_name = hub_name;
  session.config_interface = tunnel.name;
  session.created = now_;
  for (ike::Action& a : actions) ike_queue_.push_back(std::move(a));
  return id;
}

// The template of shortcuts in this NHRP network; a Tunnel names it before a template does.
const config::Interface* Node::ShortcutTemplate(uint32_t network_id) const {
  const config::Interface* names = nullptr;
  for (const auto& [name, i] : model_.interfaces) {
    if (i.nhrp.network_id != network_id || !i.nhrp.shortcut_virtual_template) continue;
    names = &i;
    if (i.kind == config::InterfaceKind::kTunnel) break;
  }
  if (names == nullptr) return nullptr;
  return FindInterface(absl::StrCat("Virtual-Template", *names->nhrp.shortcut_virtual_template));
}

// The other side may have been faster, or be on its way already.
bool Node::JoinShortcut(const nhrp::NeedTunnel& need) {
  const config::Interface* vt = ShortcutTemplate(need.network_id);
  const net::VrfId vrf = VrfIdOf(vt == nullptr ? "" : vt->tunnel_vrf);
  for (auto& [id, peer] : peers_) {
    const config::Interface* i = FindInterface(peer.config_interface);
    if (!peer.up || peer.remote != need.nbma || peer.vrf != vrf || need.behind_nat || i == nullptr ||
        i->kind != config::InterfaceKind::kVirtualTemplate || i->nhrp.network_id != need.network_id)
      continue;
    peer.tokens.push_back(need.token);
    if (peer.confirmed) Confirm(peer);
    return true;
  }
  for (auto& [id, session] : sessions_) {
    if (session.up || !session.shortcut || session.info.remote.address != need.nbma || session.info.remote.vrf != vrf)
      continue;
    session.tokens.push_back(need.token);
    return true;
  }
  return false;
}

void Node::OnNeedTunnel(const nhrp::NeedTunnel& need) {
  if (JoinShortcut(need)) return;
  const Peer* asked_by = nullptr;
  for (const auto& [id, peer] : peers_)
    if (peer.up && !peer.local_protocol.Of(need.protocol.family()).empty()) asked_by = &peer;
  const bool yields = need.asking && !need.behind_nat && asked_by != nullptr &&
                      asked_by->local_protocol.Of(need.protocol.family()) < need.protocol;
  if (yields)
    deferred_.push_back({now_ + options_.yield, need});
  else
    CallShortcut(need);
}

void Node::CallShortcut(const nhrp::NeedTunnel& need) {
  auto fail = [&](const std::string& why, Log::Level level = Log::Level::kWarning) {
    Say(level, absl::StrCat("no shortcut to ", need.protocol.ToString(), " (", need.nbma.ToString(), "): ", why));
    Nhrp([&](auto& nhrp, auto& a) { nhrp.TunnelFailed(need.token, now_, a); });
  };
  const config::Interface* vt = ShortcutTemplate(need.network_id);
  if (vt == nullptr) return fail("no interface has `ip nhrp shortcut virtual-template` with a template that exists");
  if (const Peer* hub = PeerInTcp(need.network_id))
    return fail(absl::StrCat("UDP does not pass here: the session with ", hub->identity, " goes in TCP"), Log::Level::kDebug);
  const config::IkeProfile* profile = ProfileOf(*vt);
  if (IsResponderOnly(model_, *vt) || (profile != nullptr && profile->inbound_only))
    return fail(absl::StrCat(vt->name, " calls nobody"), Log::Level::kDebug);
  const auto local = SourceAddress(*vt);
  if (profile == nullptr || !local) return fail(absl::StrCat(vt->name, " has no IKEv2 profile or no source address"));
  auto policy = MakeSessionPolicy(model_, *profile, *vt, std::nullopt, *local, need.nbma, pki_);
  if (!policy.ok()) return fail(std::string(policy.status().message()));
  ike::InitiateRequest request;
  request.local = {*local, kIkePort, VrfIdOf(vt->tunnel_vrf)};
  request.remote = {need.nbma, kIkePort, request.local.vrf};
  request.suites = IkeSuites(model_, EndOf(request.local));
  request.policy = *std::move(policy);
  request.policy.initial_contact = false;  // both spokes may start at once
  const net::Endpoint remote = request.remote;
  ike::Actions actions;
  const ike::IkeSaId id = ike_.Initiate(std::move(request), now_, actions);
  Session& session = sessions_[id];
  session.key_address = remote.address;
  session.config_interface = vt->name;
  session.created = now_;
  session.shortcut = true;
  session.info.id = id;
  session.info.remote = remote;
  session.tokens.push_back(need.token);
  for (ike::Action& a : actions) ike_queue_.push_back(std::move(a));
}

void Node::CancelToken(nhrp::TunnelToken token) {
  for (auto& [id, session] : sessions_) std::erase(session.tokens, token);
  for (auto& [id, peer] : peers_) std::erase(peer.tokens, token);
  std::erase_if(deferred_, [&](const Deferred& d) { return d.need.token == token; });
}

}  // namespace flexvpn::node
