// SPDX-License-Identifier: Apache-2.0
#include "core/node/node.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/overloaded.h"
#include "core/config/names.h"
#include "core/node/authorization.h"

namespace flexvpn::node {
namespace {

constexpr size_t kMaxKeptText = 1024;  // octets of one line kept; a peer's identity may be long

}  // namespace

Node::Node(Options options, config::Model model, Rng& rng, const crypto::Provider& crypto, Pki pki)
    : options_(std::move(options)), model_(std::move(model)), pki_(std::move(pki)), rng_(rng), crypto_(crypto),
      ike_(options_.ike, *this, crypto, rng), nhrp_(*this, rng, {}) {}

Node::~Node() = default;

void Node::Begin(Instant now, Actions& out) {
  now_ = now;
  out_ = &out;
  if (started_known_) return;
  started_ = now;
  started_known_ = true;
  Listen(config::FrontDoorVrfs(model_));
  Configure();
}

void Node::Finish() {
  Pump();
  FlushPlan();
  out_ = nullptr;
}

// IKE and NHRP answer each other until both are silent.
void Node::Pump() {
  while (!ike_queue_.empty() || !nhrp_queue_.empty()) {
    while (!ike_queue_.empty()) {
      ike::Action action = std::move(ike_queue_.front());
      ike_queue_.pop_front();
      On(action);
    }
    while (!nhrp_queue_.empty()) {
      nhrp::Action action = std::move(nhrp_queue_.front());
      nhrp_queue_.pop_front();
      On(action);
    }
  }
}

void Node::Handle(const Input& in, Instant now, Actions& out) {
  Begin(now, out);
  std::visit(Overloaded{
                 [&](const IkeDatagram& d) {
                   performance_.OnDatagram(d.datagram.bytes, d.received, now);
                   Ike([&](auto& ike, auto& a) { ike.Handle(d.datagram, now, a); });
                 },
                 [&](const TcpLost& t) { OnTcpLost(t); },
                 [&](const CryptoDone& d) {
                   performance_.OnJobDone(d.id, now);
                   Ike([&](auto& ike, auto& a) { ike.JobDone(d.id, d.result, now, a); });
                 },
                 [&](const FetchDone& d) { Ike([&](auto& ike, auto& a) { ike.FetchDone(d.id, d.answer, now, a); }); },
                 [&](const LookedUp& l) { OnLookedUp(l); },
                 [&](const NhrpPacket& p) {
                   Peer* peer = FindPeer(p.peer);
                   if (peer == nullptr || !peer->up) return;
                   Confirm(*peer);
                   if (debug_.Wants(DebugKind::kNhrpPacket)) DebugNhrpPacket(p.peer, true, p.packet);
                   Nhrp([&](auto& nhrp, auto& a) { nhrp.OnPacket(p.peer, p.packet, now, a); });
                 },
                 [&](const SpokeToSpoke& e) {
                   if (debug_.Wants(DebugKind::kNhrp))
                     Debug(DebugKind::kNhrp, SubjectOf(e.ingress),
                           absl::StrCat("traffic of ", PeerText(e.ingress), " leaves to another peer"));
                   Nhrp([&](auto& nhrp, auto& a) { nhrp.OnSpokeToSpoke(e.ingress, e.packet, now, a); });
                 },
                 [&](const LocalNetwork& n) { OnLocalNetwork(n); },
                 [&](const Adopt& a) { OnAdopt(a); },
                 [&](const ApplyDone& d) { OnApplyDone(d); },
                 [&](const SaExpired& e) { OnSaExpired(e); },
                 [&](const Measurements& m) { OnMeasurements(m); },
                 [&](const Command& c) { OnCommand(c); },
                 [&](const SessionEnded& s) {
                   debug_.Forget(s.session);
                   SyncDebugSink();
                 },
                 [&](const NewConfig& c) { OnNewConfig(c.model, c.pki); },
                 [&](const TimeOfDay& t) {
                   time_of_day_ = {t.time, now};
                   ike_.SetTimeOfDay(t.time, now);
                 },
             },
             in);
  Finish();
}

void Node::Handle(Input&& in, Instant now, Actions& out) {
  auto* config = std::get_if<NewConfig>(&in);
  if (config == nullptr) return Handle(std::as_const(in), now, out);
  Begin(now, out);
  OnNewConfig(std::move(config->model), std::move(config->pki));
  Finish();
}

void Node::OnTick(Instant now, Actions& out) {
  Begin(now, out);
  Ike([&](auto& ike, auto& a) { ike.OnTick(now, a); });
  Nhrp([&](auto& nhrp, auto& a) { nhrp.OnTick(now, a); });
  Pump();
  TunnelTick();
  PeerTick();
  EndSessions();
  TellRoutes();
  for (size_t i = 0; i < lingering_.size();) {
    if (now < lingering_[i].at) {
      ++i;
      continue;
    }
    const std::string key = lingering_[i].key;
    lingering_.erase(lingering_.begin() + static_cast<std::ptrdiff_t>(i));
    Erase(key);
  }
  if (orphans_at_ && now >= *orphans_at_) {
    orphans_at_.reset();
    std::vector<std::string> orphans;
    for (const auto& [key, object] : kernel_.all())
      if (want_.Find(key) == nullptr) orphans.push_back(key);
    for (const std::string& key : orphans) Erase(key);
    if (!orphans.empty()) Say(Log::Level::kInfo, absl::StrCat("removed ", orphans.size(), " objects of an earlier run"));
  }
  Finish();
}

std::optional<Instant> Node::NextDeadline() const {
  std::optional<Instant> d = Earlier(ike_.NextDeadline(), nhrp_.NextDeadline());
  for (const auto& [name, t] : tunnels_)
    for (const auto& at : {t.retry_at, t.answer_by, t.udp_at, t.better_at}) d = Earlier(d, at);
  for (const auto& [id, peer] : peers_) d = Earlier(d, Earlier(peer.confirm_at, Earlier(peer.dedupe_at, peer.idle_at)));
  for (const Lingering& l : lingering_) d = Earlier(d, l.at);
  for (const Deferred& call : deferred_) d = Earlier(d, call.at);
  if (!session_ends_.empty()) d = Earlier(d, session_ends_.begin()->first);
  return Earlier(d, Earlier(tell_at_, orphans_at_));
}

void Node::Shutdown(Instant now, Actions& out) {
  Begin(now, out);
  stopping_ = true;
  std::vector<ike::IkeSaId> ids;
  for (const auto& [id, session] : sessions_) ids.push_back(id);
  for (ike::IkeSaId id : ids) Terminate(id, "shutdown");
  Pump();
  // Nothing may come out of a tunnel any more before the routes go that keep it inside.
  std::vector<std::string> sas, keys;
  for (const auto& [key, object] : kernel_.all())
    (std::holds_alternative<dataplane::Sa>(object) ? sas : keys).push_back(key);
  for (const std::string& key : sas) Erase(key);
  FlushPlan();
  for (const std::string& key : keys) Erase(key);
  Finish();
}

void Node::On(ike::Action& action) {
  if (debug_.WantsIke()) DebugIke(action);
  std::visit(Overloaded{
                 [&](ike::SendDatagram& d) {
                   FlushPlan();  // what was decided before this datagram stands before it is sent
                   out_->push_back(SendIke{std::move(d)});
                 },
                 [&](ike::StartJob& j) {
                   performance_.OnJobStarted(j.id, now_);
                   out_->push_back(StartJob{j.id, std::move(j.job)});
                 },
                 [&](ike::StartFetch& f) { out_->push_back(StartFetch{std::move(f)}); },
                 [&](ike::SessionUp& s) {
                   performance_.established(s.session.initiator).ike.Add(now_);
                   OnSessionUp(s.session);
                 },
                 [&](ike::ConfigReceived& c) { OnConfigReceived(c); },
                 [&](ike::SessionDown& s) { OnSessionDown(s); },
                 [&](ike::ChildUp& c) {
                   if (c.inbound) performance_.established(c.child.initiator).ipsec_child.Add(now_);
                   OnChildUp(c);
                 },
                 [&](ike::ChildDown& c) { OnChildDown(c); },
                 [&](ike::AddressChanged& c) { OnAddressChanged(c); },
                 [&](ike::SessionRekeyed& s) {
                   performance_.established(s.session.spi_i_is_ours).ike_child.Add(now_);
                   if (auto it = sessions_.find(s.session.id); it != sessions_.end()) it->second.info = s.session;
                 },
                 [&](ike::KeysDerived& k) {
                   if (SecretBytes line = ike::FormatKeyLog(k.keys); !line.empty() && !model_.ike.key_log.empty())
                     out_->push_back(AppendKeyLog{model_.ike.key_log, std::move(line)});
                 },
                 // No profile accepts or does EAP in this version: there are no methods yet.
                 [&](ike::EapReceived& e) {
                   Ike([&](auto& ike, auto& a) {
                     ike.EapAnswer(e.session.id, e.question, {ike::EapStep::Kind::kFailure, {}, {}, {}, "no method of EAP is here"}, now_, a);
                   });
                 },
                 [](ike::EapEnded&) {},
                 [&](ike::Notice& n) {
                   if (n.level == ike::Notice::Level::kWarning)
                     NoteFailure(n.about.remote, n.about.identity, n.about.profile, n.text);
                   Say(n.level == ike::Notice::Level::kWarning ? Log::Level::kWarning
                       : n.level == ike::Notice::Level::kInfo  ? Log::Level::kInfo
                                                               : Log::Level::kDebug,
                       n.text);
                 },
             },
             action);
}

void Node::On(nhrp::Action& action) {
  if (debug_.Wants(DebugKind::kNhrp) || debug_.Wants(DebugKind::kNhrpPacket)) DebugNhrp(action);
  std::visit(Overloaded{
                 [&](nhrp::SendPacket& p) {
                   const Peer* peer = FindPeer(p.peer);
                   if (peer == nullptr || !peer->up) return;
                   FlushPlan();
                   const config::Interface* i = FindInterface(peer->config_interface);
                   if (i != nullptr) out_->push_back(SendNhrp{p.peer, DeviceFor(*i), std::move(p.packet)});
                 },
                 [&](nhrp::NeedTunnel& n) { OnNeedTunnel(n); },
                 [&](nhrp::CancelTunnel& c) { CancelToken(c.token); },
                 [&](nhrp::ShortcutUp& s) { OnShortcutUp(s); },
                 [&](nhrp::ShortcutDown& s) { OnShortcutDown(s); },
                 [&](nhrp::PeerAddress& p) {
                   Peer* peer = FindPeer(p.peer);
                   if (peer == nullptr) return;
                   SetOverlay(*peer, p.protocol);
                   if (!peer->remote_protocol.Has(p.protocol)) TellNhrp(*peer);  // it is another's
                 },
                 [&](nhrp::QueryTraffic&) {
                   const uint64_t token = next_token_++;
                   measuring_[token] = {Purpose::kTraffic, {}};
                   out_->push_back(Measure{token});
                 },
                 [&](nhrp::Notice& n) { Say(Log::Level::kInfo, n.text); },
             },
             action);
}

void Node::ChooseDeviceAddresses() {
  const auto before = std::exchange(device_addresses_, {});
  const auto rank = [&](const LocalAddress& a) {
    const auto was = before.find({a.device, a.address.family()});
    return (a.passing ? 0 : 2) + (was != before.end() && was->second == a.address ? 1 : 0);
  };
  std::map<std::pair<std::string, net::Family>, int> ranks;
  for (const LocalAddress& a : network_.addresses) {
    if (a.address.is_v6() && !a.address.is_routable()) continue;
    const std::pair key(a.device, a.address.family());
    const auto [best, first] = ranks.try_emplace(key, rank(a));
    if (!first && rank(a) <= best->second) continue;
    best->second = rank(a);
    device_addresses_[key] = a.address;
  }
}

void Node::OnLocalNetwork(const LocalNetwork& in) {
  network_ = in;
  network_known_ = true;
  ChooseDeviceAddresses();
  const bool had_ipv6 = std::exchange(ipv6_, in.ipv6 && TunnelsCarryIpv6());
  SyncMatchedInterfaces();
  absl::flat_hash_set<net::IpAddress> self;
  for (const LocalAddress& a : in.addresses)
    if (a.vrf.empty()) self.insert(a.address);
  for (const auto& [name, i] : model_.interfaces) {
    if (i.address) self.insert(*i.address);
    for (const config::Ipv6Address& a : i.ipv6_addresses) self.insert(a.address);
  }
  rib_.SetSelf(std::move(self));
  // A default route is the way to the underlay, not a network behind this node.
  std::set<std::string> underlay;
  for (const auto& [name, i] : model_.interfaces) {
    if (!i.source_interface.empty()) underlay.insert(config::LinuxDevice(model_, i.source_interface));
    for (const std::string& source : i.client.sources) underlay.insert(config::LinuxDevice(model_, source));
  }
  std::vector<net::Prefix> local;
  for (const LocalRoute& r : in.routes)
    if (r.prefix.length() > 0 && !underlay.contains(r.device)) local.push_back(r.prefix);
  rib_.SetLocal(local);
  NoteMissingVrfs();
  AssignSources();
  SyncBase();
  const std::vector<ike::IkeSaId> outdated = SyncOverlayAddresses();
  if (ipv6_ != had_ipv6)
    for (auto& [id, peer] : peers_) RefreshPeer(peer);
  MoveSessions();
  EndOutdated(outdated);  // by the addresses they have moved to
  RenewSources();
  for (auto& [name, tunnel] : tunnels_)  // what it waits for may be there now
    if (!tunnel.session && !tunnel.waiting_for.empty()) tunnel.retry_at = now_;
  SyncTunnels();
  Nhrp([&](auto& nhrp, auto& a) { nhrp.RoutesChanged(now_, a); });
}

void Node::OnAdopt(const Adopt& in) {
  uint32_t highest = 0;
  for (const auto& [key, object] : in.have.all()) {
    if (const auto* peer = std::get_if<dataplane::Peer>(&object)) highest = std::max(highest, peer->id.value());
    if (const auto* sa = std::get_if<dataplane::Sa>(&object)) highest = std::max(highest, sa->peer.value());
    kernel_.Put(object);
  }
  next_peer_ = std::max(next_peer_, highest + 1);
  if (!in.have.all().empty()) {
    Say(Log::Level::kInfo, absl::StrCat("found ", in.have.all().size(), " objects of an earlier run: kept until "
                                        "replaced or for ", WholeSeconds(options_.orphan_grace), " s"));
    orphans_at_ = now_ + options_.orphan_grace;
  }
  SyncBase();
}

void Node::OnApplyDone(const ApplyDone& in) {
  auto it = applying_.find(in.token);
  if (it == applying_.end()) return;
  const std::set<net::PeerId> peers = std::move(it->second);
  applying_.erase(it);
  if (in.status.ok()) {
    ++applied_;
    return;
  }
  refusals_.Add({now_, std::string(in.status.message())});
  Say(Log::Level::kError, absl::StrCat("kernel refused: ", in.status.message()));
  std::set<ike::IkeSaId> sessions;
  for (net::PeerId id : peers)
    if (const Peer* peer = FindPeer(id)) sessions.insert(peer->sessions.begin(), peer->sessions.end());
  for (ike::IkeSaId id : sessions)
    if (auto s = sessions_.find(id); s != sessions_.end())
      NoteFailure(s->second.info, absl::StrCat("kernel refused: ", in.status.message()));
  for (ike::IkeSaId id : sessions) Terminate(id, "the kernel refused its SAs, policies or routes");
}

void Node::OnMeasurements(const Measurements& in) {
  auto it = measuring_.find(in.token);
  if (it == measuring_.end()) return;
  const PendingMeasure pending = std::move(it->second);
  measuring_.erase(it);
  if (pending.purpose == Purpose::kCommand) return Answer(pending.command, in);
  for (const PeerCounter& c : in.peers)
    Nhrp([&](auto& nhrp, auto& a) { nhrp.PeerTraffic(c.peer, c.packets_out, now_, a); });
}

namespace {

void SyncPools(const std::map<std::string, config::LocalPool>& wanted, std::map<std::string, AddressPool>& pools) {
  auto have = pools.begin();  // both in the order of names: thousands are gone through once
  for (const auto& [name, pool] : wanted) {
    while (have != pools.end() && have->first < name) have = pools.erase(have);
    if (have == pools.end() || have->first != name) pools.emplace_hint(have, name, pool);
    else (have++)->second.Resize(pool);
  }
  pools.erase(have, pools.end());
}

}  // namespace

void Node::Configure() {
  ike::Endpoint::Config ike = options_.ike;
  failures_.SetCapacity(model_.ike.diagnose_errors);
  if (model_.ike.cookie_challenge) ike.cookie_threshold = *model_.ike.cookie_challenge;
  // IKE_SA_INIT is answered at once: what waits is the half-open SA.  The lower of both limits counts.
  if (model_.ike.queue_sa_init != 0) ike.max_half_open = model_.ike.queue_sa_init;
  if (const uint32_t most = model_.ike.max_negotiating_incoming; most != 0)
    ike.max_half_open = model_.ike.queue_sa_init == 0 ? most : std::min(ike.max_half_open, most);
  ike.max_initiating = model_.ike.max_negotiating_outgoing;
  ike.max_sas = model_.ike.max_sa;
  ike.log_keys = !model_.ike.key_log.empty();
  if (ike.log_keys) Say(Log::Level::kWarning, KeyLogWarning());
  ike.certificates_by_url = model_.ike.http_url;
  ike.fragmentation_mtu = model_.ike.fragmentation_mtu;
  if (!model_.ike.quick_crash_detection) ike.qcd_secret.clear();
  ike_.SetConfig(ike);
  NoteMissingAlgorithms();
  std::map<uint32_t, nhrp::DomainConfig> domains;
  for (const auto& [name, i] : model_.interfaces) {
    if (i.nhrp.network_id == 0 || i.down()) continue;
    nhrp::DomainConfig& d = domains[i.nhrp.network_id];
    d.network_id = i.nhrp.network_id;
    d.holdtime = i.nhrp.holdtime;
    d.redirect |= i.nhrp.redirect;
    d.shortcut |= i.nhrp.shortcut;
    d.redirect_interval = i.nhrp.redirect_timeout;
    if (!i.nhrp.authentication.empty()) d.authentication = i.nhrp.authentication;
  }
  std::vector<nhrp::DomainConfig> list;
  for (auto& [id, d] : domains) list.push_back(std::move(d));
  Nhrp([&](auto& nhrp, auto& a) { nhrp.Configure(std::move(list), now_, a); });
  SyncPools(model_.pools, pools_);
  SyncPools(model_.ipv6_pools, ipv6_pools_);
  SyncMatchedInterfaces();
}

// A loopback has the address that the configuration says, every other interface those that Linux has on it.
void Node::SyncMatchedInterfaces() {
  matched_interfaces_.clear();
  for (const auto& [profile_name, profile] : model_.profiles)
    for (const std::string& name : profile.match_local_interfaces) matched_interfaces_.try_emplace(name);
  for (auto& [name, ends] : matched_interfaces_) {
    if (const config::Interface* i = FindInterface(name); i != nullptr && i->kind == config::InterfaceKind::kLoopback && i->address)
      ends.emplace_back(*i->address);
    const std::string& device = config::LinuxDevice(model_, name);
    for (const LocalAddress& a : network_.addresses)
      if (a.device == device) ends.emplace_back(a.address, a.vrf);
  }
}

LocalEnd Node::EndOf(const net::Endpoint& local) const {
  LocalEnd end(local.address, VrfName(local.vrf));
  for (const auto& [name, ends] : matched_interfaces_)
    if (std::any_of(ends.begin(), ends.end(),
                    [&](const LocalEnd& e) { return e.address == end.address && e.fvrf == end.fvrf; }))
      end.interfaces.push_back(name);
  return end;
}

// A key exchange that the loaded OpenSSL lacks is not offered; where it is not optional nothing is.
void Node::NoteMissingAlgorithms() {
  auto note = [&](absl::string_view user, const config::AdditionalKe& list) {
    for (const auto& methods : list) {
      for (uint16_t number : methods) {
        const auto method = static_cast<crypto::KeMethod>(number);
        if (number == 0 || crypto_.Supports(method)) continue;
        Say(Log::Level::kWarning,
            absl::StrCat(user, ": the loaded OpenSSL has no ", crypto::KeName(method),
                         crypto::IsKem(method) ? " (version 3.5 and later, or a provider with it, has)" : "",
                         "; what needs it is not offered"));
      }
    }
  };
  for (const auto& [name, p] : model_.proposals) note(absl::StrCat("crypto ikev2 proposal ", name), p.additional);
  for (const auto& [name, p] : model_.ipsec_profiles) note(absl::StrCat("crypto ipsec profile ", name), p.additional);
}

crypto::UnixTime Node::WallClock() const {
  return time_of_day_ ? time_of_day_->first + WholeSeconds(now_ - time_of_day_->second) : 0;
}

void Node::Say(Log::Level level, std::string text) {
  if (level != Log::Level::kDebug) log_.Add({now_, level, text.substr(0, kMaxKeptText)});
  out_->push_back(Log{level, std::move(text)});
}

void Node::SayOnce(std::string& said, Log::Level level, std::string text) {
  if (said == text) return;
  said = text;
  Say(level, std::move(text));
}

void Node::NoteFailure(const net::Endpoint& remote, absl::string_view identity, absl::string_view profile,
                       absl::string_view reason) {
  const auto kept = [](absl::string_view s) { return std::string(s.substr(0, kMaxKeptText)); };
  failures_.Add({now_, remote, kept(identity), kept(profile), kept(reason)});
}

void Node::NoteFailure(const ike::SessionInfo& session, absl::string_view reason) {
  NoteFailure(session.remote, session.remote_id.ToString(), session.profile, reason);
}

std::vector<Node::PeerView> Node::Peers() const {
  std::vector<PeerView> out;
  for (const auto& [id, p] : peers_)
    out.push_back({id, p.interface, p.identity, p.local, p.remote, p.remote_protocol.v4(), p.up, p.sessions.size()});
  return out;
}

const config::Interface* Node::FindInterface(const std::string& name) const {
  auto it = model_.interfaces.find(name);
  return it == model_.interfaces.end() ? nullptr : &it->second;
}

const config::IkeProfile* Node::ProfileOf(const config::Interface& interface) const {
  auto ipsec = model_.ipsec_profiles.find(interface.ipsec_profile);
  if (ipsec == model_.ipsec_profiles.end()) return nullptr;
  auto profile = model_.profiles.find(ipsec->second.ike_profile);
  return profile == model_.profiles.end() ? nullptr : &profile->second;
}

const config::IkeProfile* Node::ProfileOf(const std::string& interface) const {
  const config::Interface* i = FindInterface(interface);
  return i == nullptr ? nullptr : ProfileOf(*i);
}

Node::Peer* Node::FindPeer(net::PeerId id) {
  auto it = peers_.find(id);
  return it == peers_.end() ? nullptr : &it->second;
}
const Node::Peer* Node::FindPeer(net::PeerId id) const { return const_cast<Node*>(this)->FindPeer(id); }

}  // namespace flexvpn::node
