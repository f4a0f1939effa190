// SPDX-License-Identifier: Apache-2.0
// IKE sessions: which profile, which interface, which addresses and routes.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/config/names.h"
#include "core/ike/cp.h"
#include "core/node/authorization.h"
#include "core/node/node.h"

namespace flexvpn::node {
namespace {

constexpr size_t kMaxConfiguration = 64;  // attributes kept for show
constexpr size_t kMaxPrefixes = 1024;     // routes of one peer
constexpr char kNotRoutable[] = "it covers the tunnel endpoint or that of a hub, or is ours or another peer's";

// The other host of a tunnel's /30 or /31: the peer of a point-to-point tunnel with fixed addresses.
std::optional<net::IpAddress> PointToPointPeer(const config::Interface& i) {
  if (i.kind != config::InterfaceKind::kTunnel || !i.address || !i.address->is_v4()) return std::nullopt;
  const uint32_t own = i.address->v4();
  if (i.prefix_length == 31) return net::IpAddress::V4(own ^ 1);
  if (i.prefix_length == 30 && ((own & 3) == 1 || (own & 3) == 2)) return net::IpAddress::V4(own ^ 3);
  return std::nullopt;
}

bool IsSubnet(const ike::ConfigAttribute& a) {
  return a.type == ike::CfgAttr::kIp4Subnet || a.type == ike::CfgAttr::kIp6Subnet;
}

// A CFG_SET tells all networks anew; without any it withdraws them, unless it is about something else.
bool TellsRoutes(const std::vector<ike::ConfigAttribute>& set) {
  return set.empty() || std::any_of(set.begin(), set.end(), IsSubnet);
}

std::set<net::Family> Families(const std::set<net::Prefix>& prefixes) {
  std::set<net::Family> families;
  for (const net::Prefix& p : prefixes) families.insert(p.family());
  return families;
}

// Whose address it is: that of an identity, but strangers without one do not share it.
std::string LeaseName(const ike::SessionInfo& info) {
  return ike::IsAnonymous(info) ? absl::StrCat("null, session ", info.id.value()) : info.remote_id.ToString();
}

}  // namespace

std::vector<ike::Suite> Node::InitSuites(const net::Endpoint& local, const net::Endpoint&) {
  return IkeSuites(model_, EndOf(local));
}

bool Node::OffersPpk(const net::Endpoint&, const net::Endpoint&) { return MayUsePpk(model_); }

std::vector<Bytes> Node::Authorities(const net::Endpoint& local, const net::Endpoint&) {
  return node::Authorities(model_, pki_, EndOf(local));
}

// A Tunnel whose destination is this peer, else a clone of the profile's virtual-template; of the VRF it calls by.
const config::Interface* Node::BindResponder(const config::IkeProfile& profile, const net::Endpoint& remote) const {
  const std::string& vrf = VrfName(remote.vrf);
  for (const auto& [name, i] : model_.interfaces)
    if (i.kind == config::InterfaceKind::kTunnel && !i.down() && Calls(i, remote.address) &&
        i.tunnel_vrf == vrf && ProfileOf(i) == &profile)
      return &i;
  if (!profile.virtual_template) return nullptr;
  const config::Interface* t = FindInterface(absl::StrCat("Virtual-Template", *profile.virtual_template));
  return t != nullptr && !t->down() && t->tunnel_vrf == vrf ? t : nullptr;
}

absl::StatusOr<ike::SessionPolicy> Node::SelectProfile(const ike::SessionInfo& session,
                                                       const std::optional<ike::Identity>& wanted) {
  const config::IkeProfile* profile = FindProfile(model_, EndOf(session.local), session.remote_id,
                                                  session.remote_certificate.get());
  if (profile == nullptr)
    return absl::NotFoundError(absl::StrCat("no IKEv2 profile", InVrf(session.local), " matches identity ",
                                            session.remote_id.ToString(),
                                            session.remote_certificate == nullptr
                                                ? ""
                                                : absl::StrCat(" or certificate ", session.remote_certificate->subject)));
  const config::Interface* interface = BindResponder(*profile, session.remote);
  if (interface == nullptr)
    return absl::FailedPreconditionError(absl::StrCat("profile ", profile->name, " has no virtual-template in use",
                                                      InVrf(session.local), " and no Tunnel has destination ",
                                                      session.remote.address.ToString()));
  if (!SourceFree(session.local.address, interface->tunnel_vrf))
    return absl::FailedPreconditionError(absl::StrCat("our address ", session.local.address.ToString(),
                                                      InVrf(session.local), " is used in another VRF"));
  auto policy = MakeSessionPolicy(model_, *profile, *interface, session.remote_id, session.local.address,
                                  session.remote.address, pki_);
  if (policy.ok() && wanted && wanted->type != ike::IdType::kNull && !(*wanted == policy->local_id))
    Say(Log::Level::kDebug, absl::StrCat(session.remote_id.ToString(), " asked for ", wanted->ToString(),
                                         ", answering as ", policy->local_id.ToString()));
  if (policy.ok()) policy->initial_contact = false;
  return policy;
}

absl::StatusOr<std::vector<ike::ConfigAttribute>> Node::OnConfigRequest(
    const ike::SessionInfo& info, const std::vector<ike::ConfigAttribute>& request) {
  std::vector<ike::ConfigAttribute> reply;
  auto profile = model_.profiles.find(info.profile);
  if (profile == model_.profiles.end()) return reply;
  const config::AuthorizationPolicy* policy = FindAuthorization(model_, profile->second, AuthorizationMethod(info));
  if (policy == nullptr) return reply;
  const config::Interface* interface = BindResponder(profile->second, info.remote);
  if (interface == nullptr) return reply;
  if (const absl::Status given = GiveAddresses(info, *policy, request, reply); !given.ok()) return given;
  for (ike::ConfigAttribute& a : Handout(*policy, request)) reply.push_back(std::move(a));
  Session& session = sessions_[info.id];
  session.configured = true;
  session.handout = HandoutText(*policy);
  session.told = AnnouncedPrefixes(model_, *policy, AnnouncedAddresses(*policy, interface->name));
  for (const net::Prefix& p : session.told) reply.push_back(SubnetAttribute(p));
  return reply;
}

bool Node::IsOurs(const net::Prefix& address) const {
  if (std::any_of(network_.addresses.begin(), network_.addresses.end(),
                  [&](const LocalAddress& a) { return a.vrf.empty() && address.Contains(a.address); }))
    return true;
  return std::any_of(model_.interfaces.begin(), model_.interfaces.end(), [&](const auto& entry) {
    const config::Interface& i = entry.second;
    return (i.address && address.Contains(*i.address)) ||
           std::any_of(i.ipv6_addresses.begin(), i.ipv6_addresses.end(), [&](const auto& a) { return address.Contains(a.address); });
  });
}

// INTERNAL_ADDRESS_FAILURE (RFC 7296 §3.15.4) if there is nothing for who asks for something; one family of two is an answer.
absl::Status Node::GiveAddresses(const ike::SessionInfo& info, const config::AuthorizationPolicy& policy,
                                 const std::vector<ike::ConfigAttribute>& request, std::vector<ike::ConfigAttribute>& reply) {
  const auto lease = [&](std::map<std::string, AddressPool>& pools, const std::string& name) -> std::optional<net::Prefix> {
    const auto pool = pools.find(name);
    if (pool == pools.end()) return std::nullopt;
    return pool->second.Lease(LeaseName(info), [this](const net::Prefix& p) { return IsOurs(p); });
  };
  const bool v4 = Asks(request, ike::CfgAttr::kIp4Address) && !policy.pool.empty();
  const bool v6 = Asks(request, ike::CfgAttr::kIp6Address) && !policy.ipv6_pool.empty();
  if (!v4 && !v6) return absl::OkStatus();
  Session& session = sessions_[info.id];
  if (v4 && !session.assigned)
    if (const auto given = lease(pools_, policy.pool)) session.assigned = given->address(), session.pool = policy.pool;
  if (v6 && !session.assigned6)
    if (const auto given = lease(ipv6_pools_, policy.ipv6_pool)) session.assigned6 = given, session.pool6 = policy.ipv6_pool;
  const std::string none = v4 && !session.assigned ? absl::StrCat("ip local pool ", policy.pool)
                           : v6 && !session.assigned6 ? absl::StrCat("ipv6 local pool ", policy.ipv6_pool) : "";
  if (!session.assigned && !session.assigned6) return absl::ResourceExhaustedError(absl::StrCat(none, " is used up"));
  if (!none.empty())
    Say(Log::Level::kWarning, absl::StrCat(info.remote_id.ToString(), " gets an address of one family only: ", none, " is used up"));
  if (v4 && session.assigned) {
    const BytesView address = session.assigned->bytes();
    reply.push_back({ike::CfgAttr::kIp4Address, {address.begin(), address.end()}});
    const net::IpAddress mask = policy.netmask.value_or(net::IpAddress::V4(0xffffffff));
    reply.push_back({ike::CfgAttr::kIp4Netmask, {mask.bytes().begin(), mask.bytes().end()}});
  }
  if (v6 && session.assigned6) {
    ByteWriter w;
    w.Append(ClientAddress(*session.assigned6).bytes());
    w.U8(static_cast<uint8_t>(policy.ipv6_length.value_or(session.assigned6->length())));
    reply.push_back({ike::CfgAttr::kIp6Address, std::move(w).Release()});
  }
  return absl::OkStatus();
}

void Node::ReleaseAddresses(const Session& session, const ike::SessionInfo& info) {
  if (const auto pool = pools_.find(session.pool); pool != pools_.end() && session.assigned) pool->second.Release(LeaseName(info));
  if (const auto pool = ipv6_pools_.find(session.pool6); pool != ipv6_pools_.end() && session.assigned6)
    pool->second.Release(LeaseName(info));
}

std::vector<ike::ConfigAttribute> Node::OnConfigSet(const ike::SessionInfo& info,
                                                    const std::vector<ike::ConfigAttribute>& set) {
  auto it = sessions_.find(info.id);
  auto profile = model_.profiles.find(info.profile);
  if (it == sessions_.end() || profile == model_.profiles.end()) return {};
  it->second.configured = true;
  if (!profile->second.config_exchange_set_accept || !TellsRoutes(set)) return {};
  std::erase_if(it->second.configuration, [](const std::string& s) { return absl::StrContains(s, "_SUBNET "); });
  Hear(it->second, Subnets(set));
  const config::AuthorizationPolicy* policy = AuthorizationOf(info);
  if (policy == nullptr || !policy->route_accept_any) return {};
  std::vector<ike::ConfigAttribute> accepted;
  for (const ike::ConfigAttribute& a : set)
    if (IsSubnet(a)) accepted.push_back({a.type, {}});
  return accepted;
}

const config::AuthorizationPolicy* Node::AuthorizationOf(const ike::SessionInfo& session) const {
  const auto profile = model_.profiles.find(session.profile);
  return profile == model_.profiles.end() ? nullptr
                                          : FindAuthorization(model_, profile->second, AuthorizationMethod(session));
}

// `route set interface [IF]`: the addresses of IF, else those of the tunnel.
std::vector<net::IpAddress> Node::AnnouncedAddresses(const config::AuthorizationPolicy& policy, const std::string& tunnel) const {
  const std::string& name = policy.route_set_interface_name;
  const std::string& from = name.empty() ? tunnel : name;
  std::vector<net::IpAddress> own;
  const net::DualAddress overlay = OverlayAddresses(from);
  for (net::Family family : net::kFamilies) {
    net::IpAddress a = overlay.Of(family);
    if (a.empty() && !name.empty()) a = LinuxAddress(name, family);  // not configured here, as `eth1` need not be
    if (!a.empty()) own.push_back(a);
  }
  return own;
}

// The peer's overlay address as far as it follows from what we gave or configured.
std::optional<net::IpAddress> Node::PeerAddress(const Session& session) const {
  if (session.assigned) return session.assigned;
  const config::Interface* i = FindInterface(session.config_interface);
  return i == nullptr ? std::nullopt : PointToPointPeer(*i);
}

// Kept whether or not it is accepted: the configuration may change.
void Node::Hear(Session& session, std::vector<net::Prefix> announced) {
  if (announced.size() > kMaxPrefixes) {
    Say(Log::Level::kWarning, absl::StrCat(session.info.remote_id.ToString(), " announced more than ", kMaxPrefixes,
                                           " routes: rest ignored"));
    announced.resize(kMaxPrefixes);
  }
  session.announced = std::move(announced);
  const config::AuthorizationPolicy* policy = AuthorizationOf(session.info);
  if (policy != nullptr && policy->route_accept_any) AcceptPrefixes(session, session.announced);
}

// Tells the peer which networks are behind us, unless it knows.
void Node::Announce(Session& session, const config::AuthorizationPolicy& policy) {
  std::vector<net::Prefix> prefixes =
      AnnouncedPrefixes(model_, policy, AnnouncedAddresses(policy, session.config_interface));
  session.routes_wait = prefixes != session.told && !session.info.initiator && !TakesRoutes(session.info);
  if (prefixes == session.told || session.routes_wait) return;
  session.told = std::move(prefixes);
  std::vector<ike::ConfigAttribute> set;
  for (const net::Prefix& p : session.told) set.push_back(SubnetAttribute(p));
  Ike([&](auto& ike, auto& a) { ike.SendConfigSet(session.info.id, std::move(set), now_, a); });
}

void Node::AcceptPrefixes(Session& session, const std::vector<net::Prefix>& prefixes) {
  Peer* peer = FindPeer(session.peer);
  if (peer == nullptr) return;
  const config::AuthorizationPolicy* policy = AuthorizationOf(session.info);
  peer->route_distance = policy == nullptr ? kIkeRouteDistance : policy->route_distance;
  peer->route_tag = policy == nullptr ? 1 : policy->route_tag;
  session.remote_prefixes.clear();
  for (const net::Prefix& p : prefixes) {
    if (!RoutableOverTunnel(p, *peer)) {
      Say(Log::Level::kWarning, absl::StrCat("route ", p.ToString(), " from ", peer->identity, " refused: ", kNotRoutable));
      continue;
    }
    session.remote_prefixes.push_back(p);
  }
  std::set<net::Prefix> fresh(session.remote_prefixes.begin(), session.remote_prefixes.end());
  // Its own address leads to the peer whether or not it announces it: only FlexVPN peers do (`route set interface`).
  const auto address = PeerAddress(session);
  for (const auto& own : {address ? std::optional(net::Prefix::Host(*address)) : std::nullopt, session.assigned6})
    if (own && RoutableOverTunnel(*own, *peer)) fresh.insert(*own);
    else if (own) Say(Log::Level::kWarning, absl::StrCat("no route to ", own->ToString(), " of ", peer->identity, ", which got it from us: ", kNotRoutable));
  const std::set<net::Prefix> old = std::exchange(peer->prefixes, fresh);
  for (const net::Prefix& p : old)
    if (!fresh.contains(p)) rib_.Remove(p, peer->id);
  for (const net::Prefix& p : fresh)
    if (!old.contains(p) || rib_.Distance(p, peer->id) != peer->route_distance) rib_.Add(p, peer->id, peer->route_distance);
  // Who says `route set interface` names its own addresses first.
  for (net::Family family : net::kFamilies) {
    const net::Prefix before = net::Prefix::Host(peer->remote_protocol.Of(family));
    if (old.contains(before) && !fresh.contains(before)) ForgetOverlay(*peer, family);  // it has another now
    const auto own = std::find_if(session.remote_prefixes.begin(), session.remote_prefixes.end(),
                                  [family](const net::Prefix& p) { return p.is_host() && p.family() == family; });
    if (own != session.remote_prefixes.end() && peer->remote_protocol.Of(family).empty()) SetOverlay(*peer, own->address());
  }
  if (peer->up && Families(old) != Families(fresh)) SyncPeer(*peer);  // a next hop of each
  for (const net::Prefix& p : old) SyncRoute(p);
  for (const net::Prefix& p : fresh) SyncRoute(p);
  for (const net::Prefix& p : fresh) Remember(p);
  if (peer->up) Nhrp([&](auto& nhrp, auto& a) { nhrp.RoutesChanged(now_, a); });
}

void Node::OnSessionUp(const ike::SessionInfo& info) {
  Session& session = sessions_[info.id];
  session.info = info;
  session.up = true;
  session.created = now_;
  if (session.key_address.empty()) session.key_address = info.remote.address;
  auto profile = model_.profiles.find(info.profile);
  if (profile == model_.profiles.end()) return Terminate(info.id, "its profile is gone");
  if (session.config_interface.empty()) {
    const config::Interface* interface = BindResponder(profile->second, info.remote);
    if (interface == nullptr) return Terminate(info.id, "no interface for it");
    session.config_interface = interface->name;
  }
  if (!LetsIn(model_, profile->second, info)) {
    Say(Log::Level::kWarning, absl::StrCat("peer ", info.remote.ToString(), " authenticated as ",
                                           info.remote_id.ToString(), ", which profile ", info.profile,
                                           " does not match (`match identity remote`, `match certificate`)"));
    NoteFailure(info, "the profile does not match the identity it has authenticated with");
    return Terminate(info.id, "identity not accepted");
  }
  if (info.initiator && info.auth_remote == "PSK" &&
      !KeyIsOf(model_, profile->second, info.remote_id, info.remote.address)) {
    Say(Log::Level::kWarning, absl::StrCat("IKEv2: ", info.remote.ToString(), " has proved to be ", info.remote_id.ToString(),
                                           " with the key of another peer of keyring ", profile->second.keyring));
    NoteFailure(info, "the key is that of another peer of the keyring");
    return Terminate(info.id, "identity not accepted");
  }
  RenewIfJustChanged(session);
  Peer& peer = FindOrCreatePeer(session);
  session.peer = peer.id;
  peer.sessions.insert(info.id);
  UseConnection(info.local, info.remote, true);
  SyncCarrier(peer);
  const auto address = PeerAddress(session);
  if (address) SetOverlay(peer, *address);
  if (session.assigned6) SetOverlay(peer, ClientAddress(*session.assigned6));
  if (address || session.assigned6) AcceptPrefixes(session, {});
  if (const auto* authorization = AuthorizationOf(info); authorization != nullptr) SetEnd(session, *authorization);
  if (peer.sessions.size() > 1 && !peer.dedupe_at) peer.dedupe_at = now_ + options_.duplicate_delay;
  if (auto t = tunnels_.find(session.config_interface); t != tunnels_.end()) {
    t->second.up = true;
    t->second.retry_at.reset();  // nobody has to call any more
    t->second.backoff = options_.tunnel_retry_first;
    t->second.answer_by.reset();
    t->second.tcp_next = false;  // the next time UDP is asked first again
    if (!session.hub_name.empty() && !ike::IsAnonymous(info) && session.key_address == info.remote.address && t->second.proved.size() < kMaxProved)
      t->second.proved.emplace(session.hub_name, info.remote.address);
    if (session.hub_name.empty() && t->second.found == info.remote.address)  // the hub was faster
      if (const auto hubs = FindInterface(t->first)->Hubs(); t->second.hub < hubs.size()) session.hub_name = hubs[t->second.hub].name;
    if (!t->second.session || !info.initiator) {
      const ike::IkeSaId own = std::exchange(t->second.session, info.id);
      if (own && own != info.id) Ike([&](auto& ike, auto& a) { ike.Withdraw(own, now_, a); });
    }
    if (t->second.trial == info.id) {
      TakeTrial(t->second);
    } else {
      UdpLater(t->second);
      BetterLater(t->second);
    }
  }
  Say(Log::Level::kInfo, absl::StrFormat("%%IKEV2-5-SA_UP: %s %s <-> %s (%s) profile %s%s%s", peer.interface,
                                         info.local.ToString(), info.remote.ToString(), info.remote_id.ToString(),
                                         info.profile, InVrf(info.local),
                                         ike::IsAnonymous(info) ? ", the peer is not authenticated" : ""));
}

// What the hub gives us, all of it: what an earlier session got may be another's now.
void Node::TakeAddresses(Session& session, const std::vector<ike::ConfigAttribute>& attributes) {
  session.pushed = AddressAttribute(attributes, net::Family::kIpv4);
  session.pushed6 = AddressAttribute(attributes, net::Family::kIpv6);
  const auto tunnel = tunnels_.find(session.config_interface);
  if (tunnel == tunnels_.end() || (tunnel->second.negotiated == session.pushed && tunnel->second.negotiated6 == session.pushed6)) return;
  tunnel->second.negotiated = session.pushed;
  tunnel->second.negotiated6 = session.pushed6;
  SyncBase();
  EndOutdated(SyncOverlayAddresses());
}

void Node::OnConfigReceived(const ike::ConfigReceived& received) {
  auto it = sessions_.find(received.id);
  if (it == sessions_.end() || !it->second.peer) return;
  Session& session = it->second;
  session.configured = true;
  for (const ike::ConfigAttribute& a : received.attributes) {
    std::string text = ike::ToString(a);
    const bool known = std::find(session.configuration.begin(), session.configuration.end(), text) != session.configuration.end();
    if (!known && session.configuration.size() < kMaxConfiguration) session.configuration.push_back(std::move(text));
  }
  const auto profile = model_.profiles.find(session.info.profile);
  if (profile == model_.profiles.end()) return;
  const config::AuthorizationPolicy* policy = AuthorizationOf(session.info);
  if (received.type != ike::CfgType::kReply) return;  // else OnConfigSet has seen to it
  TakeAddresses(session, received.attributes);
  Hear(session, Subnets(received.attributes));
  if (policy != nullptr && profile->second.config_exchange_set_send) Announce(session, *policy);
}

void Node::OnChildUp(ike::ChildUp& up) {
  auto it = sessions_.find(up.child.ike);
  if (it == sessions_.end() || !it->second.peer) return;
  Peer* peer = FindPeer(it->second.peer);
  if (peer == nullptr) return;
  Child& child = children_[up.child.id];
  if (!child.in && !child.out) child.created = now_;
  child.peer = peer->id;
  child.sa.transport = up.child.transport;
  peer->children.insert(up.child.id);
  SyncPeer(*peer);
  if (up.inbound && !child.in) {
    child.in = true;
    Put(MakeSa(up.child, *peer, dataplane::Direction::kIn), peer->id);
  }
  if (up.outbound && !child.out) {
    child.out = true;
    Put(MakeSa(up.child, *peer, dataplane::Direction::kOut), peer->id);
  }
  child.sa = up.child;
  child.sa.encr_in = child.sa.encr_out = child.sa.integ_in = child.sa.integ_out = {};
  SyncCarrier(*peer);
  if (!peer->up && PeerUsable(*peer)) BringPeerUp(*peer);
  // As initiator we know that the responder installed its half before it answered.
  if (it->second.info.initiator && up.outbound) Confirm(*peer);
}

void Node::OnChildDown(const ike::ChildDown& down) {
  auto it = children_.find(down.id);
  if (it == children_.end()) return;
  Child& child = it->second;
  Peer* peer = FindPeer(child.peer);
  const bool others = peer != nullptr && peer->sessions.size() > 1;
  if (down.outbound && child.out) {
    child.out = false;
    Erase(SaKeyOf(child.sa, dataplane::Direction::kOut));
  }
  if (down.inbound && child.in) {
    child.in = false;
    const std::string key = SaKeyOf(child.sa, dataplane::Direction::kIn);
    // Packets on the way under this SA must not be lost when the peer lives on in another session.
    others ? EraseLater(key, peer->id, options_.inbound_linger) : Erase(key);
  }
  const ike::IkeSaId ike = down.ike;
  if (!child.in && !child.out) {
    if (peer != nullptr) peer->children.erase(down.id);
    children_.erase(it);
  }
  if (peer != nullptr) SyncCarrier(*peer);
  if (peer == nullptr || PeerUsable(*peer) || !peer->up) return;
  // The IKE SA may live on without a Child SA; FlexVPN has no use for that.
  if (sessions_.contains(ike)) Terminate(ike, "its last Child SA was deleted");
}

void Node::OnSaExpired(const SaExpired& in) {
  const ike::EspSpi spi(in.spi);
  const auto it = std::find_if(children_.begin(), children_.end(), [&](const auto& c) {
    const ike::ChildSa& sa = c.second.sa;
    return (sa.spi_in == spi && sa.local == in.destination) || (sa.spi_out == spi && sa.remote == in.destination);
  });
  if (it == children_.end()) return;  // replaced meanwhile
  Ike([&, id = it->first](auto& ike, auto& a) { ike.RekeyChild(id, now_, a); });
}

void Node::OnSessionDown(const ike::SessionDown& down) {
  auto it = sessions_.find(down.session.id);
  if (it == sessions_.end()) return;
  const Session session = std::move(it->second);
  sessions_.erase(it);
  if (session.ends_at) session_ends_.erase({*session.ends_at, down.session.id});
  std::vector<ike::ChildId> children;
  if (const Peer* peer = FindPeer(session.peer))
    for (ike::ChildId id : peer->children)
      if (children_.at(id).sa.ike == down.session.id) children.push_back(id);
  ReleaseAddresses(session, down.session);
  for (ike::ChildId id : children) OnChildDown({id, down.session.id, true, true});
  Peer* peer = FindPeer(session.peer);
  if (session.up)
    Say(Log::Level::kInfo, absl::StrFormat("%%IKEV2-5-SA_DOWN: %s %s (%s): %s",
                                           peer != nullptr ? peer->interface : session.config_interface,
                                           down.session.remote.ToString(), down.session.remote_id.ToString(), down.reason));
  if (peer != nullptr) {
    peer->sessions.erase(down.session.id);
    UseConnection(session.info.local, session.info.remote, false);
    peer->sessions.empty() ? PeerGone(peer->id) : SyncCarrier(*peer);
  }
  for (nhrp::TunnelToken token : session.tokens)
    Nhrp([&](auto& nhrp, auto& a) { nhrp.TunnelFailed(token, now_, a); });
  for (auto& [name, tunnel] : tunnels_)
    if (tunnel.trial == down.session.id) {
      tunnel.trial = {};
      if (!tunnel.trial_hub) UdpLater(tunnel);
      else if (tunnel.better_at) tunnel.better_at = now_;  // the next one's turn
    }
  for (auto& [name, tunnel] : tunnels_)
    if (tunnel.session == down.session.id && !GoOnWith(tunnel, down.session)) {
      RetryTunnel(tunnel);
      if (down.was_up && session.peer) tunnel.hub = 0, tunnel.found = {};  // it was ours, too: not rejected after it had authenticated
      else if (down.silent || tunnel.given_up) TakeTurns(tunnel);
      else NextHub(tunnel);
    }
}

// When both ends have called, the tunnel may have lost one of two sessions with that peer: nobody has to call again.
bool Node::GoOnWith(Tunnel& tunnel, const ike::SessionInfo& lost) {
  const auto same = [&](const ike::SessionInfo& info) {
    return info.remote_id == lost.remote_id && (!ike::IsAnonymous(info) || info.remote.address == lost.remote.address);
  };
  const auto carries = [&](ike::IkeSaId id) {
    return std::any_of(children_.begin(), children_.end(),
                       [&](const auto& c) { return c.second.sa.ike == id && c.second.in && c.second.out; });
  };
  const auto other = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& s) {
    return s.second.up && s.second.config_interface == tunnel.name && same(s.second.info) && carries(s.first);
  });
  if (other == sessions_.end()) return false;
  tunnel.session = other->first;
  return true;
}

void Node::Terminate(ike::IkeSaId id, const std::string& reason) {
  Ike([&](auto& ike, auto& a) { ike.Terminate(id, reason, now_, a); });
}

}  // namespace flexvpn::node
