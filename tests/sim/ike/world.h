// SPDX-License-Identifier: Apache-2.0
// IKE endpoints in one process under a network that loses, repeats, reorders and bends, with NATs that
// forget, clocks that jump, and nodes that die.  A run is a function of its settings and orders; everything
// that happens goes into a digest, and into a transcript if asked for.
#ifndef FLEXVPN_TESTS_SIM_IKE_WORLD_H_
#define FLEXVPN_TESTS_SIM_IKE_WORLD_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/ike/endpoint.h"
#include "sim/ike/digest.h"
#include "sim/ike/watch.h"
#include "sim/ike/wiretap.h"

namespace flexvpn::ike::sim {

struct Settings {
  uint64_t seed = 1;
  size_t nodes = 2;
  double loss = 0, duplicate = 0, corrupt = 0;  // of every datagram
  Duration delay = milliseconds(10), jitter{};
  Duration job_time = milliseconds(1), job_jitter{};
  Endpoint::Config config;
  bool record = false;  // keep the transcript
};

class World {
 public:
  struct Node : Policy {
    size_t index = 0;
    uint64_t generation = 0;  // restarts
    bool alive = true;
    net::IpAddress address;
    std::optional<net::IpAddress> nat;  // its address outside
    uint16_t nat_shift = 0;             // of its ports outside; another one after the mapping was lost
    std::vector<Suite> suites;
    SessionPolicy session;
    std::unique_ptr<SeededRng> rng;
    std::unique_ptr<Endpoint> endpoint;
    std::map<IkeSaId, bool> sessions;  // announced: up or not yet
    std::map<ChildId, IkeSaId> children;

    Life life() const { return {index, generation}; }
    std::vector<Suite> InitSuites(const net::Endpoint&, const net::Endpoint&) override { return suites; }
    absl::StatusOr<SessionPolicy> SelectProfile(const SessionInfo&, const std::optional<Identity>&) override {
      return session;
    }
    absl::StatusOr<std::vector<ConfigAttribute>> OnConfigRequest(
        const SessionInfo&, const std::vector<ConfigAttribute>& r) override;
    std::vector<ConfigAttribute> OnConfigSet(const SessionInfo&,
                                             const std::vector<ConfigAttribute>& set) override {
      return set;
    }
  };

  explicit World(const Settings& settings);
  ~World();

  Settings settings;  // loss and the like may be changed at any time
  Node& node(size_t i) { return *nodes_[i]; }
  size_t nodes() const { return nodes_.size(); }
  Instant now() const { return now_; }
  Watch& watch() { return watch_; }
  const std::string& violation() const { return watch_.violation(); }
  uint64_t digest() const { return digest_.value(); }
  const std::vector<std::string>& transcript() const { return transcript_; }

  // An order to a node, with what follows from it: f(endpoint, actions).
  void Order(size_t i, const std::string& what, const std::function<void(Endpoint&, Actions&)>& f);
  void Initiate(size_t from, size_t to);
  void Kill(size_t i);
  void Restart(size_t i);
  void Rebind(size_t i);       // its NAT forgets the mappings
  void Jump(Duration d);       // nothing runs meanwhile, as in a suspended machine
  void Attack(size_t victim);  // a datagram of somebody who has no keys
  void Settle();               // from now on the network is perfect

  // Runs until `done`, for `limit` of virtual time, or until a violation; true if `done`.
  bool RunUntil(const std::function<bool()>& done, Duration limit);
  void RunFor(Duration d);

  // Every session that is up has its other half, with the same IKE SA, Child SAs crosswise, nothing under
  // way. Empty if so, else what is wrong.
  std::string Disagreement() const;
  // Nothing is left anywhere.  Empty if so, else what is left.
  std::string Leftovers() const;

 private:
  struct Event {
    std::function<void()> run;
  };

  void Start(Node& n);
  void At(Instant when, std::function<void()> f) {
    events_.emplace(std::pair(when, serial_++), std::move(f));
  }
  void Step();
  void Apply(Node& n, Actions& actions);
  void Record(Node& n, const Action& action);
  void Send(Node& from, SendDatagram d);
  Bytes Bend(const Bytes& bytes);
  void Arrive(const net::Endpoint& source, const net::Endpoint& destination, const Bytes& bytes,
              bool authentic);
  void HandUnauthentic(Node& n, const Datagram& d);
  enum class Scope { kAll, kSas, kEstablished };
  static Scope MayChange(BytesView datagram);
  uint64_t Fingerprint(const Node& n, Scope scope) const;
  bool Chance(double p) { return p > 0 && static_cast<double>(rng_.Below(1000000)) < p * 1000000; }
  void Note(const std::function<std::string()>& text);

  SeededRng rng_;
  Wiretap crypto_;
  Watch watch_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<std::pair<Instant, uint64_t>, std::function<void()>> events_;
  uint64_t serial_ = 0;
  Instant now_{std::chrono::hours(1)};
  Digest digest_;
  std::vector<std::string> transcript_;
  std::vector<std::pair<net::Endpoint, SendDatagram>>
      heard_;  // some datagrams an attacker has seen, by source
  size_t heard_next_ = 0;
};

}  // namespace flexvpn::ike::sim

#endif  // FLEXVPN_TESTS_SIM_IKE_WORLD_H_
