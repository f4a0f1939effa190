// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/overloaded.h"
#include "core/show/document.h"
#include "sim/router.h"
#include "support/toy_crypto.h"

namespace flexvpn::sim {
namespace {

constexpr size_t kMaxLog = 4000;
constexpr int kMaxHops = 8;

Bytes InnerHeader(const net::IpAddress& source, const net::IpAddress& destination) {
  ByteWriter w;
  if (source.is_v6()) {
    w.U32(0x60000000);
    w.U32(0x00083a3f);  // 8 octets of ICMPv6, hop limit 63
    w.Append(source.bytes());
    w.Append(destination.bytes());
    w.U32(0x80000000);
    w.U32(0x00010001);
    return std::move(w).Release();
  }
  w.U16(0x4500);
  w.U16(84);
  w.U32(0);
  w.U8(63);
  w.U8(1);
  w.U16(0);
  w.Append(source.bytes());
  w.Append(destination.bytes());
  w.U32(0x08000000);
  w.U32(0x00010001);
  return std::move(w).Release();
}

}  // namespace

World::World(Settings settings)
    : settings_(settings), rng_(settings.seed), crypto_(std::make_unique<crypto::ToyProvider>()) {}
World::~World() = default;

size_t World::Add(const std::string& config, const net::IpAddress& underlay, const net::Prefix& lan) {
  auto r = std::make_unique<Router>();
  r->index = routers_.size();
  config::ParseResult parsed = config::Parse(config);
  for (const config::Diagnostic& d : parsed.diagnostics)
    if (d.severity == config::Diagnostic::Severity::kError && violation_.empty())
      violation_ = config::FormatDiagnostic(d, "sim.conf", config);
  r->model = std::move(parsed.model);
  r->underlay = underlay;
  r->lan = lan;
  by_address_[underlay] = r->index;
  routers_.push_back(std::move(r));
  Start(*routers_.back());
  return routers_.size() - 1;
}

void World::Start(Router& r) {
  ++r.epoch;
  r.armed.reset();
  r.kernel = {};
  r.redirected.clear();
  r.tcp_uses.clear();
  r.installed.clear();
  r.rng = std::make_unique<SeededRng>(settings_.seed * 1000003 + r.index * 7919 + r.epoch);
  r.node = std::make_unique<node::Node>(node::Node::Options{}, r.model, *r.rng, *crypto_);
  FeedNetwork(r);
}

void World::FeedNetwork(Router& r) {
  node::LocalNetwork n;
  n.addresses.push_back({"eth0", r.underlay, r.underlay.is_v6() ? 64 : 24});
  n.addresses.push_back({"eth1", r.lan.address().Plus(1), r.lan.length()});
  n.routes.push_back({r.lan, "eth1"});
  Feed(r.index, n);
}

void World::Readdress(size_t router, const net::IpAddress& underlay) {
  Router& r = *routers_[router];
  Note(absl::StrCat("router ", router, " is now ", underlay.ToString()));
  by_address_.erase(r.underlay);
  r.underlay = underlay;
  by_address_[underlay] = router;
  if (r.node) FeedNetwork(r);
}

void World::Kill(size_t router) {
  Router& r = *routers_[router];
  Note(absl::StrCat("kill ", router));
  ++r.epoch;
  r.node.reset();
  r.kernel = {};
  r.armed.reset();
}

void World::Restart(size_t router) {
  Note(absl::StrCat("restart ", router));
  Start(*routers_[router]);
}

void World::Configure(size_t router, config::Model model) {
  Router& r = *routers_[router];
  Note(absl::StrCat("configure ", router));
  r.model = std::move(model);
  Feed(router, node::NewConfig{r.model, {}});
}

void World::SilenceNames(bool silent) {
  names_silent_ = silent;
  if (silent) return;
  for (const auto& answer : std::exchange(names_asked_, {})) answer();
}

void World::AnswerName(size_t router, uint64_t epoch, const node::LookUp& asked) {
  if (names_silent_) {
    names_asked_.push_back([=, this] { AnswerName(router, epoch, asked); });
    return;
  }
  node::LookedUp answer{asked.name, asked.family, absl::NotFoundError("no such name in this world")};
  std::vector<net::IpAddress> found;
  if (const auto it = names_.find(asked.name); it != names_.end())
    std::copy_if(it->second.begin(), it->second.end(), std::back_inserter(found),
                 [&](const net::IpAddress& x) { return x.family() == asked.family; });
  if (!found.empty()) answer.addresses = std::move(found);
  if (routers_[router]->epoch == epoch) Feed(router, answer);
}

void World::SetName(const std::string& name, std::vector<net::IpAddress> addresses) {
  if (addresses.empty()) names_.erase(name);
  else names_[name] = std::move(addresses);
}

bool World::alive(size_t router) const { return routers_[router]->node != nullptr; }
const node::Node& World::node(size_t router) const { return *routers_[router]->node; }
const dataplane::State& World::kernel(size_t router) const { return routers_[router]->kernel; }

void World::At(Instant at, std::function<void()> run) { events_.push({at, next_order_++, std::move(run)}); }

bool World::Lost() { return rng_.Below(1000000) < static_cast<uint64_t>(settings_.loss * 1e6); }
Duration World::Delay() {
  return settings_.delay + Duration(static_cast<int64_t>(rng_.Below(static_cast<uint64_t>(settings_.jitter.count()) + 1)));
}

bool World::RunUntil(const std::function<bool()>& done, Duration limit) {
  const Instant end = now_ + limit;
  while (!done()) {
    if (events_.empty() || events_.top().at > end) {
      now_ = end;
      return done();
    }
    const Event e = events_.top();
    events_.pop();
    now_ = std::max(now_, e.at);
    e.run();
    if (!violation_.empty()) return false;
  }
  return true;
}

void World::RunFor(Duration d) {
  RunUntil([] { return false; }, d);
}

void World::Feed(size_t router, const node::Input& input) {
  Router& r = *routers_[router];
  if (!r.node) return;
  node::Actions actions;
  r.node->Handle(input, now_, actions);
  for (node::Action& a : actions) Carry(r, a);
  CheckInvariants(r);
  Arm(r);
}

void World::Tick(size_t router) {
  Router& r = *routers_[router];
  node::Actions actions;
  r.node->OnTick(now_, actions);
  for (node::Action& a : actions) Carry(r, a);
  CheckInvariants(r);
  Arm(r);
}

void World::Arm(Router& r) {
  if (!r.node) return;
  const std::optional<Instant> d = r.node->NextDeadline();
  if (!d || (r.armed && *r.armed <= *d && *r.armed > now_)) return;
  r.armed = std::max(*d, now_ + Duration(1));
  At(*r.armed, [this, index = r.index, epoch = r.epoch, at = *r.armed] {
    Router& router = *routers_[index];
    if (router.epoch != epoch || router.armed != at) return;
    router.armed.reset();
    Tick(index);
  });
}

void World::Carry(Router& r, node::Action& action) {
  std::visit(Overloaded{
                 [&](node::SendIke& a) { SendIke(r, a.datagram); },
                 [&](node::ListenIn& a) {
                   r.tcp_port = a.tcp_port;
                   if (!a.tcp) CloseTcp(r);
                 },  // there are no VRFs in this world
                 [&](node::UseTcp& a) {
                   int& uses = r.tcp_uses[{a.local, a.remote}];
                   uses += a.in_use ? 1 : -1;
                   if (uses < 0 && violation_.empty()) violation_ = absl::StrCat("router ", r.index, " leaves a connection twice");
                   if (uses == 0) r.tcp_uses.erase({a.local, a.remote});
                 },
                 [&](node::StartJob& a) {
                   auto result = std::make_shared<crypto::JobResult>(crypto_->Run(a.job));
                   At(now_, [this, index = r.index, epoch = r.epoch, id = a.id, result] {
                     if (routers_[index]->epoch == epoch) Feed(index, node::CryptoDone{id, *result});
                   });
                 },
                 [&](node::StartFetch& a) {  // there is no HTTP server in this world
                   At(now_, [this, index = r.index, epoch = r.epoch, id = a.fetch.id] {
                     if (routers_[index]->epoch == epoch)
                       Feed(index, node::FetchDone{id, absl::UnavailableError("no server")});
                   });
                 },
                 [&](node::LookUp& a) {
                   At(now_ + settings_.delay, [this, index = r.index, epoch = r.epoch, a] { AnswerName(index, epoch, a); });
                 },
                 [&](node::SendNhrp& a) { SendNhrp(r, a); },
                 [&](node::Apply& a) {
                   r.kernel.Apply(a.plan);
                   for (const dataplane::Step& step : a.plan) r.installed[dataplane::Key(step.object)] = next_order_++;
                   At(now_, [this, index = r.index, epoch = r.epoch, token = a.token] {
                     if (routers_[index]->epoch == epoch) Feed(index, node::ApplyDone{token, absl::OkStatus()});
                   });
                 },
                 [&](node::Measure& a) {
                   node::Measurements m;
                   m.token = a.token;
                   for (const auto& [peer, packets] : r.sent) m.peers.push_back({peer, 0, 0, packets, packets * 84});
                   At(now_, [this, index = r.index, epoch = r.epoch, m] {
                     if (routers_[index]->epoch == epoch) Feed(index, m);
                   });
                 },
                 [&](node::Reply& a) { reply_ = std::move(a.document); },
                 [&](node::Log& a) { Note(absl::StrCat("router ", r.index, ": ", a.text)); },
                 [&](node::AppendKeyLog&) {},
                 [&](node::DebugLine& a) { r.debug.push_back(absl::StrCat(a.facility, ": ", a.text)); },
             },
             action);
}

void World::Note(const std::string& line) {
  const std::string text = absl::StrCat(now_.time_since_epoch().count() / 1000000, " ms ", line);
  for (char c : text) transcript_ = (transcript_ ^ static_cast<uint8_t>(c)) * 1099511628211ULL;
  if (log_.size() < kMaxLog) log_.push_back(text);
}

void World::SendIke(Router& r, const ike::SendDatagram& d) {
  for (uint8_t b : d.bytes) transcript_ = (transcript_ ^ b) * 1099511628211ULL;
  if (d.remote.in_tcp()) return SendTcp(r, d);
  auto it = by_address_.find(d.remote.address);
  if (it == by_address_.end() || d.local.address != r.underlay || r.udp_blocked || routers_[it->second]->udp_blocked || Lost())
    return;
  At(now_ + Delay(), [this, to = it->second, from = r.underlay, d] {
    if (d.bytes.size() > 1) Feed(to, node::IkeDatagram{{d.remote, {from, d.local.port}, d.bytes}});
  });
}

// As in Linux: over IPv6 XFRM sees a GRE packet before it has a source address.  Without a policy for that it would
// leave in clear, without an SA for it it would not leave.
bool World::FlowMatches(const Router& r, const dataplane::Sa& out) const {
  if (!out.destination.is_v6()) return true;
  const net::Prefix unspecified = net::Prefix::Host(net::Prefix::Default(net::Family::kIpv6).address());
  const bool allowed = std::any_of(r.kernel.all().begin(), r.kernel.all().end(), [&](const auto& entry) {
    const auto* policy = std::get_if<dataplane::Policy>(&entry.second);
    return policy != nullptr && policy->peer == out.peer && policy->direction == dataplane::Direction::kOut &&
           policy->local_selector == unspecified && policy->remote_selector.Contains(out.destination);
  });
  const bool blocked = r.kernel.Find(dataplane::Key(dataplane::Block{unspecified.address()})) != nullptr;
  return allowed && blocked && (out.mode == dataplane::Mode::kTunnel || out.source.is_any());
}

std::optional<std::pair<size_t, net::PeerId>> World::EspPath(const Router& r, net::PeerId peer) const {
  const dataplane::Sa* out = nullptr;
  uint64_t newest = 0;
  for (const auto& [key, object] : r.kernel.all())
    if (const auto* sa = std::get_if<dataplane::Sa>(&object);
        sa != nullptr && sa->peer == peer && sa->direction == dataplane::Direction::kOut && r.installed.at(key) >= newest) {
      out = sa;
      newest = r.installed.at(key);
    }
  if (out == nullptr || !FlowMatches(r, *out)) return std::nullopt;
  auto it = by_address_.find(out->destination);
  if (it == by_address_.end()) return std::nullopt;
  const Router& other = *routers_[it->second];
  dataplane::Sa key;
  key.direction = dataplane::Direction::kIn;
  key.spi = out->spi;
  key.source = out->source;
  key.destination = out->destination;
  const dataplane::Object* in = other.kernel.Find(dataplane::Key(key));
  if (in == nullptr || !other.node || !Passes(r, other, peer)) return std::nullopt;
  return std::make_pair(other.index, std::get<dataplane::Sa>(*in).peer);
}

void World::SendNhrp(Router& r, const node::SendNhrp& p) {
  for (uint8_t b : p.packet) transcript_ = (transcript_ ^ b) * 1099511628211ULL;
  const auto path = EspPath(r, p.peer);
  if (!path || Lost()) return;
  At(now_ + Delay(), [this, to = *path, packet = p.packet] { Feed(to.first, node::NhrpPacket{to.second, packet}); });
}

net::IpAddress World::Host(size_t router) const { return routers_[router]->lan.address().Plus(10); }

void World::Ping(size_t from, size_t to) { Forward(from, net::PeerId(), {from, to, Host(from), Host(to), 0}); }

// What a router's kernel does with an inner packet: route, next hop -> peer, SA; on the way spoke_classify.
void World::Forward(size_t router, net::PeerId ingress, Inner packet) {
  Router& r = *routers_[router];
  if (!r.node || packet.hops > kMaxHops) return;
  if (r.lan.Contains(packet.destination)) {
    if (router == packet.to) delivered_.push_back({packet.from, packet.to, packet.hops});
    return;
  }
  const dataplane::Route* best = nullptr;
  for (const auto& [key, object] : r.kernel.all()) {
    const auto* route = std::get_if<dataplane::Route>(&object);
    if (route == nullptr || !route->prefix.Contains(packet.destination)) continue;
    if (best == nullptr || route->prefix.length() > best->prefix.length() ||
        (route->prefix.length() == best->prefix.length() && route->metric < best->metric))
      best = route;
  }
  if (best == nullptr) return;
  dataplane::NextHop key;
  key.device = best->device;
  key.address = best->next_hop;
  const dataplane::Object* hop = r.kernel.Find(dataplane::Key(key));
  if (hop == nullptr) {
    ++no_sa_drops_;
    return;
  }
  const net::PeerId egress = std::get<dataplane::NextHop>(*hop).peer;
  dataplane::Peer in_key, out_key;
  in_key.id = ingress;
  out_key.id = egress;
  const dataplane::Object* in_peer = r.kernel.Find(dataplane::Key(in_key));
  const dataplane::Object* out_peer = r.kernel.Find(dataplane::Key(out_key));
  if (ingress && in_peer != nullptr && out_peer != nullptr && ingress != egress &&
      std::get<dataplane::Peer>(*in_peer).redirect &&
      std::get<dataplane::Peer>(*in_peer).network_id == std::get<dataplane::Peer>(*out_peer).network_id) {
    Instant& last = r.redirected[{ingress, packet.destination}];
    if (last == Instant{} || now_ - last >= seconds(8)) {
      last = now_;
      Feed(router, node::SpokeToSpoke{ingress, InnerHeader(packet.source, packet.destination)});
    }
  }
  ++r.sent[egress];
  const auto path = EspPath(r, egress);
  if (!path) {
    ++no_sa_drops_;
    return;
  }
  if (Lost()) return;
  ++packet.hops;
  At(now_ + Delay(), [this, to = *path, packet] { Forward(to.first, to.second, packet); });
}

// After every event: a route leads to a next hop of a peer that has an SA in each direction, and nothing is left of
// peers that are gone.
void World::CheckInvariants(const Router& r) {
  if (!r.node || !violation_.empty()) return;
  std::set<net::PeerId> in, out, maps;
  std::map<std::pair<std::string, net::IpAddress>, net::PeerId> hops;
  std::set<net::PeerId> known;
  std::set<net::IpAddress> own = {r.underlay, r.lan.address().Plus(1), {}};
  for (const auto& p : r.node->Peers()) known.insert(p.id);
  for (const auto& [key, object] : r.kernel.all()) {
    if (const auto* sa = std::get_if<dataplane::Sa>(&object))
      (sa->direction == dataplane::Direction::kIn ? in : out).insert(sa->peer);
    if (const auto* p = std::get_if<dataplane::Peer>(&object)) maps.insert(p->id);
    if (const auto* a = std::get_if<dataplane::Address>(&object)) own.insert(a->address);
    if (const auto* h = std::get_if<dataplane::NextHop>(&object)) hops[{h->device, h->address}] = h->peer;
  }
  auto fail = [&](const std::string& what) {
    violation_ = absl::StrCat("router ", r.index, " at ", now_.time_since_epoch().count() / 1000000, " ms: ", what);
  };
  for (const auto& [key, object] : r.kernel.all())
    if (const auto* route = std::get_if<dataplane::Route>(&object);
        route != nullptr && route->metric != dataplane::kFallbackRouteMetric) {
      if (!own.contains(route->preferred_source)) return fail(absl::StrCat(key, " has a source that is not there"));
      auto hop = hops.find({route->device, route->next_hop});
      if (hop == hops.end()) return fail(absl::StrCat(key, " has no next hop entry"));
      if (!maps.contains(hop->second)) return fail(absl::StrCat(key, " leads to a peer without map entry"));
      if (!in.contains(hop->second) || !out.contains(hop->second)) return fail(absl::StrCat(key, " has no SA pair"));
    }
  for (net::PeerId p : maps)
    if (!known.contains(p)) return fail(absl::StrCat("map entry of peer ", p.value(), ", which is gone"));
  for (net::PeerId p : out)
    if (!known.contains(p)) return fail(absl::StrCat("outbound SA of peer ", p.value(), ", which is gone"));
}

std::string World::CheckSaPairs() const {
  for (const auto& r : routers_) {
    if (!r->node) continue;
    for (const auto& [key, object] : r->kernel.all()) {
      const auto* sa = std::get_if<dataplane::Sa>(&object);
      if (sa == nullptr || sa->direction != dataplane::Direction::kOut) continue;
      auto it = by_address_.find(sa->destination);
      if (it == by_address_.end() || !routers_[it->second]->node) continue;
      dataplane::Sa other = *sa;
      other.direction = dataplane::Direction::kIn;
      const dataplane::Object* found = routers_[it->second]->kernel.Find(dataplane::Key(other));
      if (found == nullptr) return absl::StrCat("router ", r->index, ": ", key, " has no counterpart at ", it->second);
      if (std::get<dataplane::Sa>(*found).encr_key != sa->encr_key)
        return absl::StrCat("router ", r->index, ": ", key, ": keys differ from those at ", it->second);
    }
  }
  return "";
}

const std::vector<std::string>& World::DebugLines(size_t router) const { return routers_[router]->debug; }

std::string World::Show(size_t router, const std::string& command, uint64_t session) {
  Feed(router, node::Command{1, command, true, session});
  RunFor(Duration(1));  // counters are measured first
  return absl::StrCat(router, "# ", command, "\n", show::RenderText(reply_));
}

show::Json World::ShowJson(size_t router, const std::string& command) {
  Feed(router, node::Command{1, command, true, 0});
  RunFor(Duration(1));
  return show::Data(reply_);
}

size_t World::PeersUp(size_t router) const {
  if (!routers_[router]->node) return 0;
  const auto peers = routers_[router]->node->Peers();
  return static_cast<size_t>(std::count_if(peers.begin(), peers.end(), [](const auto& p) { return p.up; }));
}

bool World::ComesUp(size_t router, size_t peers, Duration limit) {
  const bool up = RunUntil([&] { return PeersUp(router) == peers; }, limit);
  RunFor(std::chrono::seconds(5));
  return up;
}

bool World::Reaches(size_t from, size_t to, int hops) {
  const size_t before = delivered_.size();
  Ping(from, to);
  RunFor(std::chrono::seconds(1));
  return delivered_.size() == before + 1 && delivered_.back().hops == hops;
}

size_t World::Lines(const std::string& part) const {
  return static_cast<size_t>(
      std::count_if(log_.begin(), log_.end(), [&](const std::string& l) { return absl::StrContains(l, part); }));
}

bool World::HasShortcut(size_t from, size_t to) const {
  for (const auto& [key, object] : routers_[from]->kernel.all())
    if (const auto* route = std::get_if<dataplane::Route>(&object))
      if (route->metric == dataplane::MetricIn(route->prefix.family(), dataplane::kShortcutRouteMetric) && route->prefix.Contains(Host(to))) return true;
  return false;
}

}  // namespace flexvpn::sim
