// SPDX-License-Identifier: Apache-2.0
// Two (or more) endpoints in one process: virtual time, a network that loses, repeats and reorders, an optional NAT,
// and a model of the kernel's SAs through which packets are sent all the time.
#ifndef FLEXVPN_TESTS_UNIT_CORE_IKE_PAIR_H_
#define FLEXVPN_TESTS_UNIT_CORE_IKE_PAIR_H_

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/ike/endpoint.h"
#include "support/toy_crypto.h"
#include "support/values.h"

namespace flexvpn::ike::test {

using namespace std::chrono_literals;

inline Identity Fqdn(const char* name) { return {IdType::kFqdn, ToBytes(name)}; }

// Of tests that run with both forms of tickets.
inline std::string FormName(const ::testing::TestParamInfo<TicketForm>& form) {
  return form.param == TicketForm::kByValue ? "ByValue" : "ByReference";
}

inline Suite IkeSuite(crypto::KeMethod ke = crypto::KeMethod::kCurve25519) {
  return {crypto::Encr::kAesCbc, 256, crypto::Integ::kHmacSha256_128, crypto::Prf::kHmacSha256, ke, false};
}
inline Suite IkeGcmSuite(crypto::KeMethod ke = crypto::KeMethod::kEcp256) {
  return {crypto::Encr::kAesGcm16, 256, crypto::Integ::kNone, crypto::Prf::kHmacSha512, ke, false};
}
inline Suite EspSuite() {
  return {crypto::Encr::kAesGcm16, 128, crypto::Integ::kNone, crypto::Prf::kNone, crypto::KeMethod::kNone, false};
}

inline SessionPolicy MakePolicy(const char* id, const char* local_psk, const char* remote_psk) {
  SessionPolicy p;
  p.profile = "default";
  p.local_id = Fqdn(id);
  p.local_psk = ToSecret(AsView(local_psk));
  p.remote_psk = ToSecret(AsView(remote_psk));
  p.child.proposals = {EspSuite()};
  p.child.local = p.child.remote = {TsPolicy{true, 47, {}}};
  p.child.lifetime = seconds(3600);
  return p;
}

class TestPolicy : public Policy {
 public:
  std::vector<Suite> suites = {IkeSuite()};
  SessionPolicy session;
  absl::Status refuse;  // SelectProfile
  absl::StatusOr<std::vector<ConfigAttribute>> config_reply = std::vector<ConfigAttribute>{};
  std::vector<ConfigAttribute> config_requested, config_set;
  std::optional<Identity> wanted;
  std::vector<Bytes> authorities;
  std::shared_ptr<const crypto::CertificateInfo> seen_certificate;
  int selections = 0;
  bool offers_ppk = false;
  std::optional<Gateway> redirect_to;
  bool force_encap = false, accepts_move = true;

  std::vector<Suite> InitSuites(const net::Endpoint&, const net::Endpoint&) override { return suites; }
  bool OffersPpk(const net::Endpoint&, const net::Endpoint&) override { return offers_ppk; }
  std::optional<Gateway> RedirectTo(const net::Endpoint&, const net::Endpoint&) override { return redirect_to; }
  std::vector<Bytes> Authorities(const net::Endpoint&, const net::Endpoint&) override { return authorities; }
  absl::StatusOr<SessionPolicy> SelectProfile(const SessionInfo& s, const std::optional<Identity>& w) override {
    ++selections;
    seen_certificate = s.remote_certificate;
    wanted = w;
    if (!refuse.ok()) return refuse;
    return session;
  }
  absl::StatusOr<std::vector<ConfigAttribute>> OnConfigRequest(const SessionInfo&,
                                                               const std::vector<ConfigAttribute>& r) override {
    config_requested = r;
    return config_reply;
  }
  std::vector<ConfigAttribute> OnConfigSet(const SessionInfo&, const std::vector<ConfigAttribute>& set) override {
    config_set = set;
    return set;
  }
  bool ForceEncap(const net::Endpoint&, const net::Endpoint&) override { return force_encap; }
  bool AcceptsMove(const SessionInfo&, const net::Endpoint&, const net::Endpoint&) override { return accepts_move; }
};

// So patient that no exchange is given up under the losses tried here.
inline Endpoint::Config Patient() {
  Endpoint::Config c;
  c.retransmit_backoff = 1.2;
  c.retransmit_tries = 25;
  return c;
}

// One node: endpoint, policy and what a kernel would hold.
struct Node {
  std::string name;
  net::IpAddress address;
  std::vector<net::IpAddress> more;  // receives there as well
  SeededRng rng;
  crypto::ToyProvider crypto;
  TestPolicy policy;
  std::unique_ptr<Endpoint> endpoint;
  bool alive = true;

  std::map<EspSpi, ChildSa> inbound;
  std::vector<ChildSa> outbound;  // the last one is used
  std::vector<std::string> trace, warnings;
  std::vector<net::FetchRequest> fetches;
  std::vector<SessionInfo> ups;
  std::vector<SessionDown> downs;
  std::vector<ConfigReceived> configs;
  std::vector<AddressChanged> moves;
  std::vector<SessionInfo> rekeyed;
  std::vector<KeyLogEntry> keys;  // with Config::log_keys
  std::vector<ChildSa> children;  // every ChildUp with an inbound half
  uint64_t sent = 0, lost = 0, without_sa = 0;
  bool had_outbound = false;

  Node(std::string n, net::IpAddress a, uint64_t seed, Endpoint::Config config)
      : name(std::move(n)), address(a), rng(seed), crypto(seed) {
    endpoint = std::make_unique<Endpoint>(config, policy, crypto, rng);
  }
  size_t live() const {  // sessions ready
    return ups.size() - static_cast<size_t>(std::count_if(downs.begin(), downs.end(), [](const auto& d) { return d.was_up; }));
  }
};

class World {
 public:
  explicit World(uint64_t seed = 1, Endpoint::Config config = {}) : rng_(seed), config_(config) {
    a = Add("A", "192.0.2.1", "spoke1.example.net");
    b = Add("B", "192.0.2.2", "hub.example.net");
  }

  double loss = 0, duplicate = 0;
  Duration delay = 10ms, jitter = 0ms, job_time = 1ms;
  Duration traffic_every = 0ms;  // 0: none
  // NAT before A: its addresses become this one, ports are shifted.
  std::optional<net::IpAddress> nat;
  uint16_t nat_shift = 10000;
  // NAT before B: one address for another, ports as they are (a forwarded port).
  std::optional<net::IpAddress> nat_b;
  // What HTTP servers answer, by URL; others say they have nothing.  After `fetch_time` each; `silent` ones never.
  std::map<std::string, Bytes> web;
  std::vector<std::string> silent;
  Duration fetch_time = 30ms;
  // The EAP methods of either side.
  std::function<void(Node&, const EapReceived&)> eap;
  std::function<void(Node&, const EapEnded&)> eap_ended;
  std::function<bool(const Node& from, const Bytes&)> drop;  // true: this datagram is lost
  std::function<void(const Node& from, Bytes&)> rewrite;     // before it is sent
  std::function<bool(const Datagram&)> cut;                  // the same, by addresses as sent
  std::vector<std::pair<std::string, Datagram>> wire;        // everything sent, by sender
  Instant now{std::chrono::hours(1)};
  Node* a;
  Node* b;

  Node* Add(const char* name, const char* address, const char* id) {
    nodes_.push_back(std::make_unique<Node>(name, Ip(address), rng_.U64(), config_));
    nodes_.back()->policy.session = MakePolicy(id, "secret", "secret");
    return nodes_.back().get();
  }

  InitiateRequest Request(const Node& from, const Node& to) {
    InitiateRequest r;
    r.local = {from.address, 500};
    r.remote = {nat && &to == a ? *nat : nat_b && &to == b ? *nat_b : to.address, 500};
    r.suites = from.policy.suites;
    r.policy = from.policy.session;
    return r;
  }
  IkeSaId Initiate(Node& from, InitiateRequest r) {
    Actions out;
    const IkeSaId id = from.endpoint->Initiate(std::move(r), now, out);
    Apply(from, out);
    return id;
  }
  IkeSaId Connect() {
    const IkeSaId id = Initiate(*a, Request(*a, *b));
    RunUntil([&] { return a->live() > 0 && b->live() > 0; }, 60s);
    return id;
  }
  template <class F>
  void Do(Node& n, F f) {  // f(endpoint, actions)
    Actions out;
    f(*n.endpoint, out);
    Apply(n, out);
  }
  void Inject(Node& to, const net::Endpoint& from, Bytes bytes, uint16_t port = 500) {
    Actions out;
    to.endpoint->Handle(Datagram{{to.address, port}, from, std::move(bytes)}, now, out);
    Apply(to, out);
  }
  void At(Instant when, std::function<void()> f) { events_.emplace(std::pair(when, serial_++), std::move(f)); }

  bool RunUntil(const std::function<bool()>& done, Duration limit) {
    const Instant end = now + limit;
    if (traffic_every > 0ms && !traffic_) StartTraffic();
    while (!done()) {
      std::optional<Instant> next;
      if (!events_.empty()) next = events_.begin()->first.first;
      for (auto& n : nodes_)
        if (n->alive) next = Earlier(next, n->endpoint->NextDeadline());
      if (!next || *next > end) {
        now = end;
        return done();
      }
      now = std::max(now, *next);
      Step();
    }
    return true;
  }
  void Run(Duration d) {
    RunUntil([] { return false; }, d);
  }

  // Each node's packets arrive at the other, with the right keys, using what is installed now.
  bool PairUsable() const { return Usable(*a, *b) && Usable(*b, *a); }

 private:
  static bool Usable(const Node& from, const Node& to) {
    if (from.outbound.empty()) return false;
    const ChildSa& sa = from.outbound.back();
    auto in = to.inbound.find(sa.spi_out);
    return in != to.inbound.end() && in->second.encr_in == sa.encr_out;
  }

  static uint64_t KeyTag(const SecretBytes& key) { return ByteReader(key).U64(); }

  void Step() {
    while (!events_.empty() && events_.begin()->first.first <= now) {
      auto f = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      f();
    }
    for (auto& n : nodes_) {
      if (!n->alive) continue;
      auto d = n->endpoint->NextDeadline();
      if (!d || *d > now) continue;
      Actions out;
      n->endpoint->OnTick(now, out);
      Apply(*n, out);
    }
  }

  void StartTraffic() {
    traffic_ = true;
    At(now + traffic_every, [this] { Traffic(); });
  }
  void Traffic() {
    Packet(*a, *b);
    Packet(*b, *a);
    At(now + traffic_every, [this] { Traffic(); });
  }
  void Packet(Node& from, Node& to) {
    if (from.outbound.empty()) {
      if (from.had_outbound && from.live() > 0) ++from.without_sa;
      return;
    }
    ++from.sent;
    const ChildSa& sa = from.outbound.back();
    At(now + delay, [&from, &to, spi = sa.spi_out, key = KeyTag(sa.encr_out)] {
      auto in = to.inbound.find(spi);
      if (in == to.inbound.end() || KeyTag(in->second.encr_in) != key) ++from.lost;
    });
  }

  void Apply(Node& n, Actions& actions) {
    for (Action& action : actions) {
      if (auto* x = std::get_if<SendDatagram>(&action)) {
        n.trace.push_back("Send");
        Send(n, Datagram{x->local, x->remote, std::move(x->bytes)});
      } else if (auto* x1 = std::get_if<StartJob>(&action)) {
        At(now + job_time, [this, &n, id = x1->id, job = std::move(x1->job)] {
          Actions out;
          n.endpoint->JobDone(id, n.crypto.Run(job), now, out);
          Apply(n, out);
        });
      } else if (auto* x2 = std::get_if<StartFetch>(&action)) {
        n.fetches.push_back(x2->request);
        Fetch(n, *x2);
      } else {
        Record(n, action);
      }
    }
  }

  void Fetch(Node& n, const StartFetch& f) {
    const std::string& url = f.request.url;
    if (std::find(silent.begin(), silent.end(), url) != silent.end()) return;
    At(now + fetch_time, [this, &n, id = f.id, url] {
      const auto it = web.find(url);
      absl::StatusOr<Bytes> answer = absl::UnavailableError("HTTP status 404");
      if (it != web.end()) answer = it->second;
      Actions out;
      n.endpoint->FetchDone(id, std::move(answer), now, out);
      Apply(n, out);
    });
  }

  void Record(Node& n, Action& action) {
    if (auto* k = std::get_if<KeysDerived>(&action)) n.keys.push_back(k->keys);
    if (auto* e = std::get_if<EapReceived>(&action); e != nullptr && eap) eap(n, *e);
    if (auto* e = std::get_if<EapEnded>(&action); e != nullptr && eap_ended) eap_ended(n, *e);
    if (auto* up = std::get_if<SessionUp>(&action)) {
      n.trace.push_back("SessionUp");
      n.ups.push_back(up->session);
    } else if (auto* down = std::get_if<SessionDown>(&action)) {
      n.trace.push_back("SessionDown");
      n.downs.push_back(*down);
    } else if (auto* config = std::get_if<ConfigReceived>(&action)) {
      n.trace.push_back("ConfigReceived");
      n.configs.push_back(*config);
    } else if (auto* child = std::get_if<ChildUp>(&action)) {
      n.trace.push_back(absl::StrCat("ChildUp", child->inbound ? " in" : "", child->outbound ? " out" : ""));
      if (child->inbound) {
        n.inbound[child->child.spi_in] = child->child;
        n.children.push_back(child->child);
      }
      if (child->outbound) {
        n.outbound.push_back(child->child);
        n.had_outbound = true;
      }
    } else if (auto* gone = std::get_if<ChildDown>(&action)) {
      n.trace.push_back(absl::StrCat("ChildDown", gone->inbound ? " in" : "", gone->outbound ? " out" : ""));
      auto same = [&](const ChildSa& c) { return c.id == gone->id; };
      if (gone->outbound) std::erase_if(n.outbound, same);
      if (gone->inbound) std::erase_if(n.inbound, [&](const auto& p) { return same(p.second); });
    } else if (auto* moved = std::get_if<AddressChanged>(&action)) {
      n.moves.push_back(*moved);
    } else if (auto* again = std::get_if<SessionRekeyed>(&action)) {
      n.trace.push_back("SessionRekeyed");
      n.rekeyed.push_back(again->session);
    } else if (auto* notice = std::get_if<Notice>(&action)) {
      if (notice->level == Notice::Level::kWarning) n.warnings.push_back(notice->text);
    }
  }

  void Send(Node& from, Datagram d) {
    if (rewrite) rewrite(from, d.bytes);
    wire.emplace_back(from.name, d);
    if ((drop && drop(from, d.bytes)) || (cut && cut(d))) return;
    int copies = 1;
    if (Chance(loss)) copies = 0;
    if (Chance(duplicate)) ++copies;
    if (nat && &from == a) {
      d.local.address = *nat;
      d.local.port = static_cast<uint16_t>(d.local.port + nat_shift);
    }
    if (nat_b && &from == b) d.local.address = *nat_b;
    for (int i = 0; i < copies; ++i) {
      const Duration extra = jitter == 0ms ? Duration{} : Duration(rng_.Below(static_cast<uint64_t>(jitter.count())));
      At(now + delay + extra, [this, d] { Deliver(d); });
    }
  }
  void Deliver(const Datagram& d) {  // local: sender, remote: receiver
    net::Endpoint to = d.remote;
    if (nat && to.address == *nat) {
      if (to.port < nat_shift) return;  // no mapping
      to = {a->address, static_cast<uint16_t>(to.port - nat_shift)};
    }
    if (nat_b && to.address == *nat_b) to.address = b->address;
    for (auto& n : nodes_) {
      const bool also = std::find(n->more.begin(), n->more.end(), to.address) != n->more.end();
      if ((n->address != to.address && !also) || !n->alive) continue;
      Actions out;
      n->endpoint->Handle(Datagram{to, d.local, d.bytes}, now, out);
      Apply(*n, out);
    }
  }
  bool Chance(double p) { return p > 0 && static_cast<double>(rng_.Below(1000000)) < p * 1000000; }

  SeededRng rng_;
  Endpoint::Config config_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<std::pair<Instant, uint64_t>, std::function<void()>> events_;
  uint64_t serial_ = 0;
  bool traffic_ = false;
};

}  // namespace flexvpn::ike::test

#endif  // FLEXVPN_TESTS_UNIT_CORE_IKE_PAIR_H_
