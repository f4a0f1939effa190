// SPDX-License-Identifier: Apache-2.0
// One router of the world.  For the files of World alone.
#ifndef FLEXVPN_TESTS_SIM_ROUTER_H_
#define FLEXVPN_TESTS_SIM_ROUTER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/world.h"

namespace flexvpn::sim {

struct World::Router {
  size_t index = 0;
  config::Model model;
  net::IpAddress underlay;
  net::Prefix lan;
  std::unique_ptr<SeededRng> rng;
  std::unique_ptr<node::Node> node;
  dataplane::State kernel;
  uint64_t epoch = 0;                 // of the power cycle: events of an earlier life are void
  std::optional<Instant> armed;
  uint16_t tcp_port = 0;              // where it accepts TCP connections
  bool udp_blocked = false;
  std::map<std::pair<net::Endpoint, net::Endpoint>, int> tcp_uses;  // how many sessions use a connection
  std::map<std::pair<net::PeerId, net::IpAddress>, Instant> redirected;  // spoke_classify's limiter
  std::map<net::PeerId, uint64_t> sent;
  std::vector<std::string> debug;             // lines of `debug`
  std::map<std::string, uint64_t> installed;  // when, by key: the kernel sends with the newest SA
};

}  // namespace flexvpn::sim

#endif  // FLEXVPN_TESTS_SIM_ROUTER_H_
