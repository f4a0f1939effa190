// SPDX-License-Identifier: Apache-2.0
#include "sim/ike/scenario.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sim/ike/world.h"

namespace flexvpn::ike::sim {
namespace {

using crypto::Encr;
using crypto::Integ;
using crypto::KeMethod;
using crypto::Prf;

// What may happen in this run.
struct Features {
  bool deaths = false;   // killed and restarted nodes
  bool endings = false;  // terminate, forget
  bool jumps = false;    // of the clock
  bool nat = false;
  bool attacks = false;
  bool short_lives = false;  // rekeys by lifetime
  bool patient = true;       // no request is given up
  bool pfs = false;
};

class Scenario {
 public:
  Scenario(uint64_t seed, bool record)
      : dice_(seed * 0x9e3779b97f4a7c15ULL + 1), world_(Setup(seed, record)) {
    for (size_t i = 0; i < world_.nodes(); ++i) Configure(world_.node(i));
    world_.watch().SetFlight(world_.settings.delay + world_.settings.jitter);
  }

  Outcome Run() {
    const uint64_t orders = 20 + dice_.Below(150);
    world_.Initiate(0, world_.nodes() - 1);
    world_.RunFor(Pause());
    for (uint64_t i = 0; i < orders && world_.violation().empty(); ++i) {
      Order();
      world_.RunFor(Pause());
    }
    End();
    Outcome out;
    out.violation = world_.violation();
    out.digest = world_.digest();
    out.transcript = world_.transcript();
    out.established = Count("IKE SAs established");
    out.rekeyed = Count("IKE SAs rekeyed") + Count("Child SAs rekeyed");
    out.collisions = Count("rekey collisions won") + Count("rekey collisions lost");
    out.replayed = Count("requests answered from cache");
    out.moved = Count("NAT mappings moved");
    return out;
  }

 private:
  bool Maybe(uint64_t percent) { return dice_.Below(100) < percent; }
  Duration Millis(uint64_t most) { return milliseconds(static_cast<int64_t>(dice_.Below(most + 1))); }

  Settings Setup(uint64_t seed, bool record) {
    f_.deaths = Maybe(25);
    f_.endings = Maybe(40);
    f_.jumps = Maybe(15);
    f_.nat = Maybe(30);
    f_.attacks = Maybe(40);
    f_.short_lives = Maybe(40);
    f_.patient = Maybe(80);
    f_.pfs = Maybe(30);
    Settings s;
    s.seed = seed;
    s.record = record;
    s.nodes = Maybe(60) ? 2 : 3 + dice_.Below(4);
    s.loss = Maybe(30) ? 0 : static_cast<double>(dice_.Below(41)) / 100;
    s.duplicate = Maybe(50) ? 0 : static_cast<double>(dice_.Below(30)) / 100;
    s.corrupt = f_.attacks ? static_cast<double>(dice_.Below(15)) / 100 : 0;
    s.delay = milliseconds(1) + Millis(40);
    if (Maybe(70)) s.jitter = Millis(100);
    s.job_time = Millis(5);
    if (Maybe(30)) s.job_jitter = Millis(50);
    if (f_.patient) {
      s.config.retransmit_backoff = 1.1;
      s.config.retransmit_tries = 32;
    }
    if (Maybe(20)) s.config.cookie_threshold = 0;
    if (Maybe(30)) s.config.fragmentation_mtu = static_cast<uint16_t>(150 + dice_.Below(300));
    return s;
  }

  void Configure(World::Node& n) {
    static constexpr Suite kCbc = {Encr::kAesCbc,         256,  Integ::kHmacSha256_128, Prf::kHmacSha256,
                                   KeMethod::kCurve25519, false};
    static constexpr Suite kGcm = {Encr::kAesGcm16,   256,  Integ::kNone, Prf::kHmacSha512,
                                   KeMethod::kEcp256, false};
    n.suites = Maybe(50) ? std::vector<Suite>{kCbc, kGcm} : std::vector<Suite>{kGcm, kCbc};
    SessionPolicy& p = n.session;
    p.child.proposals = {{Encr::kAesGcm16, 128, Integ::kNone, Prf::kNone, KeMethod::kNone, false}};
    if (f_.pfs)
      p.child.pfs = Maybe(50) ? std::vector{KeMethod::kEcp256, KeMethod::kCurve25519}
                              : std::vector{KeMethod::kCurve25519, KeMethod::kEcp256};
    p.child.local = p.child.remote = {TsPolicy{true, 47, {}}};
    p.child.transport = Maybe(70);
    p.child.lifetime = f_.short_lives ? seconds(40 + dice_.Below(60)) : seconds(86400);
    p.lifetime = f_.short_lives ? seconds(60 + dice_.Below(120)) : seconds(864000);
    p.window = static_cast<uint32_t>(1 + dice_.Below(5));
    p.dpd = {seconds(5 + dice_.Below(20)), seconds(1 + dice_.Below(3)), Maybe(50)};
    p.force_encap = Maybe(10);
    if (!f_.nat || n.index % 2 != 0) return;
    n.nat = net::IpAddress::V4(0xcb007101 + static_cast<uint32_t>(n.index));
    n.nat_shift = 10000;
  }

  Duration Pause() {
    switch (dice_.Below(4)) {
      case 0:
        return Duration{};
      case 1:
        return Millis(60);
      case 2:
        return Millis(1000);
      default:
        return Millis(20000);
    }
  }

  size_t AnyNode() { return dice_.Below(world_.nodes()); }
  template <class Map>
  auto AnyKey(const Map& map) -> std::optional<typename Map::key_type> {
    if (map.empty()) return std::nullopt;
    return std::next(map.begin(), static_cast<ptrdiff_t>(dice_.Below(map.size())))->first;
  }

  void Order() {
    const size_t i = AnyNode();
    const uint64_t what = dice_.Below(100);
    if (what < 12) return Initiate(i);
    if (what < 30) return RekeyChild(i);
    if (what < 45) return RekeyIke(i);
    if (what < 55) return Both(&Scenario::RekeyChild, &Scenario::RekeyChild);
    if (what < 62) return Both(&Scenario::RekeyIke, &Scenario::RekeyIke);
    if (what < 70) return Both(&Scenario::RekeyIke, &Scenario::RekeyChild);
    if (what < 77) return ConfigSet(i);
    if (what < 79 && f_.endings) return DeleteChild(i);
    if (what < 82 && f_.endings) return Maybe(80) ? Terminate(i) : Forget(i);
    if (what < 84 && f_.endings)
      return Both(&Scenario::Terminate, Maybe(50) ? &Scenario::RekeyIke : &Scenario::Terminate);
    if (what < 88 && f_.deaths) return world_.node(i).alive ? world_.Kill(i) : world_.Restart(i);
    if (what < 91 && f_.nat) return world_.Rebind(i);
    if (what < 92 && f_.jumps)
      return world_.Jump(seconds(1) * static_cast<int64_t>(1 + dice_.Below(Maybe(50) ? 100 : 100000)));
    for (int n = 0; f_.attacks && n < 10; ++n) world_.Attack(AnyNode());
  }

  void Both(void (Scenario::*first)(size_t), void (Scenario::*second)(size_t)) {
    const size_t i = AnyNode();
    size_t other = AnyNode();
    if (other == i) other = (i + 1) % world_.nodes();
    (this->*first)(i);
    if (Maybe(50)) world_.RunFor(Millis(60));
    (this->*second)(other);
  }

  void Initiate(size_t i) {
    size_t peer = AnyNode();
    if (peer == i || world_.node(peer).nat) return;
    // One session between two nodes is what a router has; two at once is the exception.
    if (!world_.node(i).sessions.empty() && Maybe(60)) return;
    world_.Initiate(i, peer);
  }
  void RekeyChild(size_t i) {
    const auto id = AnyKey(world_.node(i).children);
    if (id)
      world_.Order(i, absl::StrCat("rekey child ", id->value()),
                   [&](Endpoint& e, Actions& out) { e.RekeyChild(*id, world_.now(), out); });
  }
  void DeleteChild(size_t i) {
    const auto id = AnyKey(world_.node(i).children);
    if (id)
      world_.Order(i, absl::StrCat("delete child ", id->value()),
                   [&](Endpoint& e, Actions& out) { e.DeleteChild(*id, world_.now(), out); });
  }
  template <class F>
  void WithSession(size_t i, const char* what, F f) {
    const auto id = AnyKey(world_.node(i).sessions);
    if (id)
      world_.Order(i, absl::StrCat(what, " session ", id->value()),
                   [&](Endpoint& e, Actions& out) { f(e, *id, out); });
  }
  void RekeyIke(size_t i) {
    WithSession(i, "rekey IKE SA of",
                [&](Endpoint& e, IkeSaId id, Actions& o) { e.RekeyIke(id, world_.now(), o); });
  }
  void Terminate(size_t i) {
    WithSession(i, "terminate",
                [&](Endpoint& e, IkeSaId id, Actions& o) { e.Terminate(id, "order", world_.now(), o); });
  }
  void Forget(size_t i) {
    WithSession(i, "forget", [&](Endpoint& e, IkeSaId id, Actions& o) { e.Forget(id, world_.now(), o); });
  }
  void ConfigSet(size_t i) {
    WithSession(i, "push configuration to", [&](Endpoint& e, IkeSaId id, Actions& o) {
      e.SendConfigSet(id, {{CfgAttr::kIp4Subnet, dice_.Take(8)}}, world_.now(), o);
    });
  }

  // The network heals; what lives must agree, and once everything is told to end nothing may be left.
  void End() {
    world_.Settle();
    world_.RunFor(seconds(400));
    std::string wrong;
    const auto agreed = [&] { return (wrong = world_.Disagreement()).empty(); };
    if (!world_.RunUntil(agreed, seconds(120)) && world_.violation().empty())
      return world_.watch().Violate(absl::StrCat("does not come to agree: ", wrong));
    for (size_t i = 0; i < world_.nodes(); ++i)
      while (!world_.node(i).sessions.empty()) {
        const IkeSaId id = world_.node(i).sessions.begin()->first;
        world_.Order(i, absl::StrCat("terminate session ", id.value()),
                     [&](Endpoint& e, Actions& o) { e.Terminate(id, "end", world_.now(), o); });
        if (world_.node(i).sessions.contains(id))
          return world_.watch().Violate("a session does not end when told to");
      }
    const auto empty = [&] { return (wrong = world_.Leftovers()).empty(); };
    if (!world_.RunUntil(empty, seconds(600)) && world_.violation().empty()) world_.watch().Violate(wrong);
  }

  uint64_t Count(const char* counter) {
    uint64_t sum = 0;
    for (size_t i = 0; i < world_.nodes(); ++i)
      if (world_.node(i).alive) sum += world_.node(i).endpoint->counters().Get(counter);
    return sum;
  }

  SeededRng dice_;
  Features f_;
  World world_;
};

}  // namespace

Outcome RunSeed(uint64_t seed, bool record) { return Scenario(seed, record).Run(); }

}  // namespace flexvpn::ike::sim
