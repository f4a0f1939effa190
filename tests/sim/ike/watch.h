// SPDX-License-Identifier: Apache-2.0
// What must hold of everything IKE endpoints send and announce, whatever happens to them: checked on every
// datagram and every Child SA of a simulation.  The first violation is kept.
#ifndef FLEXVPN_TESTS_SIM_IKE_WATCH_H_
#define FLEXVPN_TESTS_SIM_IKE_WATCH_H_

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/ike/endpoint.h"

namespace flexvpn::ike::sim {

// One life of one node: a restarted node is another one.
struct Life {
  size_t node = 0;
  uint64_t generation = 0;
  friend auto operator<=>(const Life&, const Life&) = default;
};

class Watch {
 public:
  // How long a packet is under way at most: an inbound SA must outlive the last use of the peer's outbound
  // one by it.
  void SetFlight(Duration flight) { flight_ = flight; }
  // Breaks in traffic by a jump of the clock are nobody's fault.
  void Jumped(Instant now) { jumped_ = now; }

  // No message id is used for different octets (RFC 7296 §2.2), no IV twice under one key (RFC 5282 §4).
  void Sent(size_t node, BytesView datagram);

  void SessionUp(Life life, IkeSaId id) { sessions_[{life, id}] = true; }
  void SessionDown(Life life, IkeSaId id) { sessions_[{life, id}] = false; }
  void Died(Life life);
  void ChildUp(Life life, const ike::ChildUp& up, Instant now);
  void ChildDown(Life life, const ike::ChildDown& down, Instant now);
  // At the end of every event: breaks in traffic between two sessions that are both up are violations.
  void EndEvent();

  // SAs held by the (modelled) kernel of this life.
  size_t Installed(Life life) const;
  uint64_t expired_breaks() const { return expired_breaks_; }
  const std::string& violation() const { return violation_; }
  void Violate(const std::string& what) {
    if (violation_.empty()) violation_ = what;
  }

 private:
  struct End {
    Life life;
    IkeSaId session;
    ChildId child;
    bool known = false, installed = false;
    std::vector<TrafficSelector> source, destination;
    Instant since{}, expires = Instant::max();
  };
  // One direction of a Child SA pair: a key.
  struct Flow {
    EspSpi spi;
    End sender, receiver;
    bool rekey = false;   // replaces an older one: make before break holds from the start
    bool nat = false;     // selectors differ by address
    Instant last_used{};  // by the sender, when it changed to another one
  };
  struct Break {
    End sender, receiver;
    std::string what;
  };

  Flow& Join(Life life, const ChildSa& sa, bool sender, Instant now);
  void CheckAgreement(const Flow& flow);
  Flow* Used(Life life, IkeSaId session);
  bool Up(const End& end) const;
  void Suspect(const Flow& flow, const End& receiver, const std::string& what, Instant now);

  Duration flight_ = milliseconds(100);
  Instant jumped_{};
  std::unordered_map<uint64_t, uint64_t> octets_;  // message id in its context -> digest of the message
  std::unordered_map<uint64_t, uint64_t> ivs_;     // IV in its context -> digest of the message
  std::map<std::pair<Life, IkeSaId>, bool> sessions_;
  std::map<Bytes, Flow> flows_;                                           // by key
  std::map<std::pair<Life, ChildId>, std::pair<Flow*, Flow*>> children_;  // inbound and outbound flow
  std::map<std::pair<Life, ChildId>, Instant> created_;
  std::map<std::pair<Life, IkeSaId>, std::vector<Flow*>> outbound_;  // the last one is used
  std::vector<Break> breaks_;
  uint64_t expired_breaks_ = 0;
  std::string violation_;
};

}  // namespace flexvpn::ike::sim

#endif  // FLEXVPN_TESTS_SIM_IKE_WATCH_H_
