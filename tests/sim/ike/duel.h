// SPDX-License-Identifier: Apache-2.0
// Two endpoints with one session, each told one thing at the same instant, and every datagram between them in our
// hand: which arrives next, and which never does.
#ifndef FLEXVPN_TESTS_SIM_IKE_DUEL_H_
#define FLEXVPN_TESTS_SIM_IKE_DUEL_H_

#include <memory>
#include <string>
#include <vector>

#include "core/ike/endpoint.h"
#include "sim/ike/watch.h"
#include "sim/ike/wiretap.h"

namespace flexvpn::ike::sim {

enum class Move { kNothing, kRekeyChild, kRekeyIke, kDeleteChild, kDeleteIke };
const char* MoveName(Move move);

struct Play {
  Move a{}, b{};
  uint64_t seed = 1;
  bool pfs = false;
  uint32_t window = 1;
  std::vector<size_t> order{};  // of those under way, which arrives next; 0 = the oldest, also beyond the end
  int lost = -1;              // number of the datagram, from the moves on, that never arrives
};

struct Ending {
  std::string violation;         // of an invariant; empty: none
  bool up = false;               // both have the session
  size_t children = 0;           // Child SAs of each (they agree)
  bool child_replaced = false, ike_replaced = false;
  uint64_t won = 0, lost = 0;    // collisions decided
  std::vector<size_t> options;   // how many were under way at each choice
  int sent = 0;                  // datagrams
  std::string arrows;            // what was sent and when it arrived
};

Ending RunPlay(const Play& play);

}  // namespace flexvpn::ike::sim

#endif  // FLEXVPN_TESTS_SIM_IKE_DUEL_H_
