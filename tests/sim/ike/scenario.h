// SPDX-License-Identifier: Apache-2.0
// One seed, one life of a small network: who is in it, what the network does to them, what they are told, how
// it ends.
#ifndef FLEXVPN_TESTS_SIM_IKE_SCENARIO_H_
#define FLEXVPN_TESTS_SIM_IKE_SCENARIO_H_

#include <cstdint>
#include <string>
#include <vector>

namespace flexvpn::ike::sim {

struct Outcome {
  std::string violation;  // empty: every invariant held
  uint64_t digest = 0;
  std::vector<std::string> transcript;  // if recorded
  uint64_t established = 0, rekeyed = 0, collisions = 0, replayed = 0,
           moved = 0;  // that something happened at all
};

Outcome RunSeed(uint64_t seed, bool record);

}  // namespace flexvpn::ike::sim

#endif  // FLEXVPN_TESTS_SIM_IKE_SCENARIO_H_
