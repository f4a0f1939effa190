// SPDX-License-Identifier: Apache-2.0
#include "sim/ike/world.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace flexvpn::ike::sim {
namespace {

constexpr size_t kHeard = 64;

net::Endpoint Outside(const World::Node& n, net::Endpoint e) {
  if (!n.nat) return e;
  return {*n.nat, static_cast<uint16_t>(e.port + n.nat_shift)};
}

std::string ChildText(const ChildSa& sa) {
  return absl::StrCat("child ", sa.id.value(), " in ", absl::Hex(sa.spi_in.value()), " out ",
                      absl::Hex(sa.spi_out.value()),
                      sa.replaces ? absl::StrCat(" for ", sa.replaces.value()) : "");
}

std::string Halves(bool in, bool out) { return absl::StrCat(in ? " inbound" : "", out ? " outbound" : ""); }

}  // namespace

absl::StatusOr<std::vector<ConfigAttribute>> World::Node::OnConfigRequest(
    const SessionInfo&, const std::vector<ConfigAttribute>& r) {
  return r;
}

World::World(const Settings& s) : settings(s), rng_(s.seed), crypto_(s.seed, s.record) {
  for (size_t i = 0; i < s.nodes; ++i) {
    auto n = std::make_unique<Node>();
    n->index = i;
    n->address = net::IpAddress::V4(0xc0000201 + static_cast<uint32_t>(i));
    n->session.profile = "sim";
    n->session.local_id = {IdType::kFqdn, ToBytes(absl::StrCat("n", i, ".example.net"))};
    n->session.local_psk = n->session.remote_psk = ToSecret(AsView("secret"));
    nodes_.push_back(std::move(n));
    Start(*nodes_.back());
  }
}
World::~World() = default;

void World::Start(Node& n) {
  n.rng = std::make_unique<SeededRng>(rng_.U64());
  n.endpoint = std::make_unique<Endpoint>(settings.config, n, crypto_, *n.rng);
  n.alive = true;
}

void World::Note(const std::function<std::string()>& text) {
  if (!settings.record) return;
  const double t = std::chrono::duration<double>(now_ - Instant(std::chrono::hours(1))).count();
  transcript_.push_back(absl::StrFormat("%10.4f  %s", t, text()));
}

void World::Order(size_t i, const std::string& what, const std::function<void(Endpoint&, Actions&)>& f) {
  Node& n = node(i);
  if (!n.alive) return;
  Note([&] { return absl::StrCat("n", i, " is told: ", what); });
  digest_.Add(AsView(what)).Add(i);
  Actions out;
  f(*n.endpoint, out);
  Apply(n, out);
}

void World::Initiate(size_t from, size_t to) {
  Node& n = node(from);
  const Node& peer = node(to);
  InitiateRequest r;
  r.local = {n.address, 500};
  r.remote = {peer.address, 500};
  r.suites = n.suites;
  r.policy = n.session;
  r.config_request = {{CfgAttr::kApplicationVersion, {}}};
  Order(from, absl::StrCat("initiate to n", to), [&](Endpoint& e, Actions& out) {
    const IkeSaId id = e.Initiate(std::move(r), now_, out);
    n.sessions.emplace(id, false);
  });
}

void World::Kill(size_t i) {
  Node& n = node(i);
  if (!n.alive) return;
  Note([&] { return absl::StrCat("n", i, " loses power"); });
  watch_.Died(n.life());
  n.alive = false;
  n.endpoint.reset();
  n.sessions.clear();
  n.children.clear();
  ++n.generation;
}

void World::Restart(size_t i) {
  if (node(i).alive) return;
  Note([&] { return absl::StrCat("n", i, " starts again"); });
  Start(node(i));
}

void World::Rebind(size_t i) {
  Node& n = node(i);
  if (!n.nat) return;
  n.nat_shift = static_cast<uint16_t>(1000 + rng_.Below(50000));
  Note([&] { return absl::StrCat("the NAT of n", i, " forgets its mappings"); });
}

void World::Jump(Duration d) {
  now_ += d;
  watch_.Jumped(now_);
  Note([&] { return absl::StrCat("the clock has jumped by ", WholeSeconds(d), " s"); });
}

void World::Settle() {
  settings.loss = settings.duplicate = settings.corrupt = 0;
  settings.jitter = settings.job_jitter = Duration{};
  Note([] { return std::string("the network is perfect from now on"); });
}

bool World::RunUntil(const std::function<bool()>& done, Duration limit) {
  const Instant end = now_ + limit;
  while (!done()) {
    if (!violation().empty()) return false;
    std::optional<Instant> next;
    if (!events_.empty()) next = events_.begin()->first.first;
    for (auto& n : nodes_)
      if (n->alive) next = Earlier(next, n->endpoint->NextDeadline());
    if (!next || *next > end) {
      now_ = end;
      return done();
    }
    now_ = std::max(now_, *next);
    Step();
  }
  return true;
}

void World::RunFor(Duration d) {
  RunUntil([] { return false; }, d);
}

void World::Step() {
  while (!events_.empty() && events_.begin()->first.first <= now_) {
    auto run = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    run();
  }
  for (auto& n : nodes_) {
    if (!n->alive) continue;
    for (int turn = 0; turn < 8; ++turn) {
      const auto due = n->endpoint->NextDeadline();
      if (!due || *due > now_) break;
      if (turn == 7)
        watch_.Violate(absl::StrCat("n", n->index, " has a deadline that a tick does not serve"));
      Actions out;
      n->endpoint->OnTick(now_, out);
      Apply(*n, out);
    }
  }
}

void World::Apply(Node& n, Actions& actions) {
  for (Action& action : actions) {
    if (auto* send = std::get_if<SendDatagram>(&action)) {
      Send(n, std::move(*send));
    } else if (auto* job = std::get_if<StartJob>(&action)) {
      const Duration extra(rng_.Below(static_cast<uint64_t>(settings.job_jitter.count()) + 1));
      At(now_ + settings.job_time + extra,
         [this, &n, life = n.life(), id = job->id, work = std::move(job->job)] {
           if (!n.alive || n.life() != life) return;
           Actions out;
           n.endpoint->JobDone(id, crypto_.Run(work), now_, out);
           Apply(n, out);
         });
    } else {
      Record(n, action);
    }
  }
  watch_.EndEvent();
}

void World::Record(Node& n, const Action& action) {
  const auto note = [&](const std::string& text) {
    digest_.Add(n.index).Add(AsView(text)).Add(static_cast<uint64_t>(now_.time_since_epoch().count()));
    Note([&] { return absl::StrCat("n", n.index, ": ", text); });
  };
  if (const auto* up = std::get_if<SessionUp>(&action)) {
    note(absl::StrCat("session ", up->session.id.value(), " up"));
    watch_.SessionUp(n.life(), up->session.id);
    if (std::exchange(n.sessions[up->session.id], true)) watch_.Violate("a session came up twice");
  } else if (const auto* down = std::get_if<SessionDown>(&action)) {
    note(absl::StrCat("session ", down->session.id.value(), " down: ", down->reason));
    watch_.SessionDown(n.life(), down->session.id);
    if (n.sessions.erase(down->session.id) == 0) watch_.Violate("a session went down that nobody knew");
  } else if (const auto* child = std::get_if<ChildUp>(&action)) {
    note(absl::StrCat(ChildText(child->child), " up", Halves(child->inbound, child->outbound)));
    n.children[child->child.id] = child->child.ike;
    watch_.ChildUp(n.life(), *child, now_);
  } else if (const auto* gone = std::get_if<ChildDown>(&action)) {
    note(absl::StrCat("child ", gone->id.value(), " down", Halves(gone->inbound, gone->outbound)));
    if (gone->inbound) n.children.erase(gone->id);
    watch_.ChildDown(n.life(), *gone, now_);
  } else if (const auto* rekeyed = std::get_if<SessionRekeyed>(&action)) {
    note(absl::StrCat("session ", rekeyed->session.id.value(), " has new IKE SA ",
                      absl::Hex(rekeyed->session.spi_i.value() >> 48, absl::kZeroPad4)));
  } else if (const auto* moved = std::get_if<AddressChanged>(&action)) {
    note(absl::StrCat("session ", moved->id.value(), " moved to ", moved->remote.ToString()));
  } else if (const auto* notice = std::get_if<Notice>(&action)) {
    note(notice->text);
  }
}

void World::Send(Node& from, SendDatagram d) {
  watch_.Sent(from.index, d.bytes);
  digest_.Add(from.index).Add(d.bytes).Add(d.remote.port);
  const net::Endpoint source = Outside(from, d.local);
  if (heard_.size() < kHeard) heard_.emplace_back();
  heard_[heard_next_++ % kHeard] = {source, d};
  const int copies = Chance(settings.loss) ? 0 : Chance(settings.duplicate) ? 2 : 1;
  Note([&] {
    return absl::StrCat("n", from.index, " -> ", d.remote.ToString(), "  ", crypto_.Describe(d.bytes),
                        copies == 0 ? "  (lost)" : "");
  });
  for (int i = 0; i < copies; ++i) {
    const Duration extra(rng_.Below(static_cast<uint64_t>(settings.jitter.count()) + 1));
    const bool bent = Chance(settings.corrupt);
    At(now_ + settings.delay + extra,
       [this, source, destination = d.remote, bytes = bent ? Bend(d.bytes) : d.bytes, bent] {
         Arrive(source, destination, bytes, !bent);
       });
  }
}

Bytes World::Bend(const Bytes& bytes) {
  Bytes out = bytes;
  switch (rng_.Below(4)) {
    case 0:
      out.resize(rng_.Below(out.size()));
      break;
    case 1:
      out.push_back(static_cast<uint8_t>(rng_.Below(256)));
      break;
    default:
      for (uint64_t i = 0, n = 1 + rng_.Below(3); i < n; ++i)
        out[rng_.Below(out.size())] ^= static_cast<uint8_t>(1 + rng_.Below(255));
  }
  return out == bytes ? Bytes{} : out;
}

void World::Arrive(const net::Endpoint& source, const net::Endpoint& destination, const Bytes& bytes,
                   bool authentic) {
  for (auto& n : nodes_) {
    net::Endpoint inside = destination;
    if (n->nat && destination.address == *n->nat)
      inside = {n->address, static_cast<uint16_t>(destination.port - n->nat_shift)};
    else if (n->nat || destination.address != n->address)
      continue;
    if (!n->alive || (inside.port != 500 && inside.port != 4500)) return;  // no mapping
    const Datagram d{inside, source, bytes};
    if (!authentic) return HandUnauthentic(*n, d);
    Actions out;
    n->endpoint->Handle(d, now_, out);
    return Apply(*n, out);
  }
}

// What must stay as it is.  An unprotected message may be a hint: it starts a liveness check at most (RFC 7296 §2.4).
// The peer of IKE_SA_INIT may be anybody.
World::Scope World::MayChange(BytesView datagram) {
  if (datagram.size() < kHeaderSize) return Scope::kAll;
  if (datagram[18] == static_cast<uint8_t>(ExchangeType::kIkeSaInit)) return Scope::kEstablished;
  const auto first = static_cast<PayloadType>(datagram[16]);
  return first == PayloadType::kEncrypted || first == PayloadType::kEncryptedFragment ? Scope::kAll : Scope::kSas;
}

uint64_t World::Fingerprint(const Node& n, Scope scope) const {
  Digest out;
  for (const SaInfo& sa : n.endpoint->List(now_)) {
    if (scope == Scope::kEstablished && sa.state == "IN-NEG") continue;
    out.Add(sa.session.id.value())
        .Add(sa.session.spi_i.value())
        .Add(sa.session.spi_r.value())
        .Add(AsView(sa.state));
    out.Add(sa.session.remote.address.bytes()).Add(sa.session.remote.port).Add(sa.session.local.port);
    if (scope != Scope::kSas) out.Add(sa.local_request_id);
    out.Add(sa.remote_request_id).Add(sa.local_window).Add(sa.remote_window);
    for (const ChildInfo& c : sa.children) out.Add(c.child.spi_in.value()).Add(c.child.spi_out.value());
  }
  if (scope != Scope::kAll) return out.value();
  const Endpoint::Usage u = n.endpoint->usage();
  for (size_t v :
       {u.sessions, u.ike_sas, u.children, u.esp_spis, u.requests, u.queued, u.jobs, u.half_open,
                   u.reassembly, u.entries})
    out.Add(v);
  if (const auto next = n.endpoint->NextDeadline())
    out.Add(static_cast<uint64_t>(next->time_since_epoch().count()));
  return out.value();
}

void World::HandUnauthentic(Node& n, const Datagram& d) {
  const Scope scope = MayChange(d.bytes);
  const uint64_t before = Fingerprint(n, scope);
  Note([&] {
    return absl::StrCat("n", n.index, " gets an unauthentic datagram: ", crypto_.Describe(d.bytes));
  });
  Actions out;
  n.endpoint->Handle(d, now_, out);
  if (Fingerprint(n, scope) != before)
    watch_.Violate(absl::StrCat("n", n.index, " changed its state for a message that is not authentic"));
  for (const Action& a : out)
    if (scope != Scope::kEstablished && !std::holds_alternative<Notice>(a) && !std::holds_alternative<SendDatagram>(a))
      watch_.Violate(absl::StrCat("n", n.index, " acted on a message that is not authentic"));
  Apply(n, out);
}

void World::Attack(size_t victim) {
  Node& n = node(victim);
  if (!n.alive) return;
  const net::Endpoint elsewhere{net::IpAddress::V4(0xc6336401),
                                static_cast<uint16_t>(1024 + rng_.Below(60000))};
  Datagram d{{n.address, static_cast<uint16_t>(rng_.Below(2) == 0 ? 500 : 4500)}, elsewhere, {}};
  if (heard_.empty() || rng_.Below(4) == 0) {
    d.bytes = rng_.Take(rng_.Below(200));
  } else {
    const auto& [source, sent] = heard_[rng_.Below(heard_.size())];
    if (sent.bytes.size() < kHeaderSize) return;
    if (rng_.Below(2) == 0) d.remote = source;
    if (sent.bytes[18] == static_cast<uint8_t>(ExchangeType::kIkeSaInit)) {
      // Who sees IKE_SA_INIT and is faster can always prevent an IKE SA (RFC 7296 §2.4), but no more than
      // that.
      d.bytes = sent.bytes;
      if (rng_.Below(2) == 0) d.bytes = Bend(sent.bytes);
    } else if (rng_.Below(2) == 0) {
      d.bytes = Bend(sent.bytes);
    } else {  // a message in clear on known SPIs: delete, errors
      Header h = *DecodeHeader(sent.bytes);
      h.exchange = static_cast<ExchangeType>(35 + rng_.Below(3));
      h.flags = static_cast<uint8_t>(rng_.Below(8) << 3);
      h.message_id = static_cast<uint32_t>(rng_.Below(16));
      Payloads p;
      if (rng_.Below(2) == 0) p.emplace_back(DeletePayload{ProtocolId::kIke, {}});
      p.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kInvalidIkeSpi, {}});
      d.bytes = EncodeMessage(h, p);
    }
  }
  HandUnauthentic(n, d);
}

std::string World::Disagreement() const {
  struct Half {
    size_t node;
    SaInfo sa;
  };
  std::map<std::pair<IkeSpi, IkeSpi>, std::vector<Half>> halves;
  for (const auto& n : nodes_) {
    if (!n->alive) continue;
    const Endpoint::Usage u = n->endpoint->usage();
    if (u.requests + u.queued + u.jobs != 0) return absl::StrCat("n", n->index, " has exchanges under way");
    for (SaInfo& sa : n->endpoint->List(now_)) {
      if (sa.state != "READY") return absl::StrCat("n", n->index, " has a session in state ", sa.state);
      halves[{sa.session.spi_i, sa.session.spi_r}].push_back({n->index, std::move(sa)});
    }
  }
  for (const auto& [spis, pair] : halves) {
    const std::string where = absl::StrCat("session ", pair[0].sa.session.id.value(), " of n", pair[0].node);
    if (pair.size() != 2) return absl::StrCat(where, " has no other half");
    if (pair[0].sa.session.spi_i_is_ours == pair[1].sa.session.spi_i_is_ours)
      return absl::StrCat(where, ": both call themselves ",
                          pair[0].sa.session.spi_i_is_ours ? "initiator" : "responder", " of the IKE SA");
    std::vector<std::pair<EspSpi, EspSpi>> mine, theirs;
    for (const ChildInfo& c : pair[0].sa.children) mine.emplace_back(c.child.spi_in, c.child.spi_out);
    for (const ChildInfo& c : pair[1].sa.children) theirs.emplace_back(c.child.spi_out, c.child.spi_in);
    std::sort(mine.begin(), mine.end());
    std::sort(theirs.begin(), theirs.end());
    if (mine != theirs) return absl::StrCat(where, ": Child SAs are not those of the peer");
    if (mine.size() > 1) return absl::StrCat(where, " has ", mine.size(), " Child SAs where one is wanted");
  }
  return "";
}

std::string World::Leftovers() const {
  for (const auto& n : nodes_) {
    if (!n->alive) continue;
    const Endpoint::Usage u = n->endpoint->usage();
    if (u != Endpoint::Usage{})
      return absl::StrCat("n", n->index, " still holds ", u.sessions, " sessions, ", u.ike_sas, " IKE SAs, ",
                          u.children, " Child SAs, ", u.esp_spis, " ESP SPIs, ", u.requests, " requests, ",
                          u.queued, " queued, ", u.jobs, " jobs, ", u.half_open, " half-open, ", u.reassembly, " octets, ", u.entries,
                          " table entries");
    if (n->endpoint->NextDeadline()) return absl::StrCat("n", n->index, " still waits for something");
    if (watch_.Installed(n->life()) != 0) return absl::StrCat("n", n->index, " left SAs in the kernel");
    if (!n->sessions.empty() || !n->children.empty())
      return absl::StrCat("n", n->index, " never announced an end");
  }
  return "";
}

}  // namespace flexvpn::ike::sim
