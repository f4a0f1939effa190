// SPDX-License-Identifier: Apache-2.0
// Host names to addresses by the system's own rules (hosts file, DNS …), off the loop.
#ifndef FLEXVPN_OS_NAMES_RESOLVER_H_
#define FLEXVPN_OS_NAMES_RESOLVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/net/ip.h"

namespace flexvpn::os {

// Asks on threads of its own, so many at a time; more wait their turn.  A name server that does not answer holds
// a thread for as long as resolv.conf says: the destructor does not wait for it.
class Resolver {
 public:
  static constexpr size_t kParallel = 4;
  using Answer = absl::StatusOr<std::vector<net::IpAddress>>;
  // Once for every question but those a destructor cuts off, on a thread of the resolver or, if it can have none, in LookUp.  It must not call the resolver.
  using Done = std::function<void(Answer)>;
  using Ask = std::function<Answer(const std::string& name, net::Family family)>;  // may block; on several threads

  explicit Resolver(Ask ask = AskSystem);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  // Addresses a packet can be sent to, in the system's order of preference; at least one, or an error: kNotFound (no such
  // name, or it has none of this family), kUnavailable (nobody could say).  A question that is open already is not asked a
  // second time: the answer to the first is the answer, and this `done` is never called.
  void LookUp(std::string name, net::Family family, Done done);

  static Answer AskSystem(const std::string& name, net::Family family);  // getaddrinfo()

 private:
  struct State;
  static bool StartWorker(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_NAMES_RESOLVER_H_
