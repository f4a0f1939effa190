// SPDX-License-Identifier: Apache-2.0
// Many seeds of scenario.h.  FLEXVPN_IKE_SEEDS and FLEXVPN_IKE_FIRST_SEED choose which; FLEXVPN_IKE_SEED=N
// runs one and prints its transcript:  tools/dev sim --seeds 10000,  tools/dev sim --seed N.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "sim/ike/scenario.h"

namespace flexvpn::ike::sim {
namespace {

constexpr size_t kTail = 400;  // lines of a failing transcript

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::strtoull(value, nullptr, 10) : otherwise;
}

void Print(const Outcome& o, size_t most) {
  const size_t from = o.transcript.size() > most ? o.transcript.size() - most : 0;
  if (from > 0) std::printf("  ... %zu lines before\n", from);
  for (size_t i = from; i < o.transcript.size(); ++i) std::printf("%s\n", o.transcript[i].c_str());
}

void Fail(uint64_t seed, const Outcome& o) {
  Print(RunSeed(seed, true), kTail);
  ADD_FAILURE() << "seed " << seed << ": " << o.violation
                << "\n  again, with the whole transcript: tools/dev sim --seed " << seed;
}

TEST(IkeSimulation, EveryInvariantHoldsForEverySeed) {
  if (const uint64_t one = FromEnvironment("FLEXVPN_IKE_SEED", 0); one != 0) {
    const Outcome o = RunSeed(one, true);
    Print(o, o.transcript.size());
    EXPECT_EQ(o.violation, "");
    return;
  }
  const uint64_t first = FromEnvironment("FLEXVPN_IKE_FIRST_SEED", 1);
  const uint64_t count =
      FromEnvironment("FLEXVPN_IKE_SEEDS", std::getenv("FLEXVPN_SIM_SMALL") != nullptr ? 60 : 300);
  Outcome sum;
  int failures = 0;
  for (uint64_t seed = first; seed < first + count && failures < 5; ++seed) {
    const Outcome o = RunSeed(seed, false);
    if (!o.violation.empty()) ++failures, Fail(seed, o);
    sum.established += o.established, sum.rekeyed += o.rekeyed, sum.collisions += o.collisions;
    sum.replayed += o.replayed, sum.moved += o.moved;
  }
  std::printf("%llu seeds: %llu sessions, %llu rekeys, %llu collisions, %llu repeated answers, %llu moves\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(sum.established),
              static_cast<unsigned long long>(sum.rekeyed), static_cast<unsigned long long>(sum.collisions),
              static_cast<unsigned long long>(sum.replayed), static_cast<unsigned long long>(sum.moved));
  EXPECT_GT(sum.established, count);  // it was not quiet because nothing happened
  EXPECT_GT(sum.rekeyed, count);
  EXPECT_GT(sum.collisions, count / 10);
  EXPECT_GT(sum.replayed, count);
  EXPECT_GT(sum.moved, 0u);
}

TEST(IkeSimulation, TheSameSeedIsTheSameRun) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome o = RunSeed(seed, false);
    EXPECT_EQ(o.digest, RunSeed(seed, true).digest) << seed;
    EXPECT_NE(o.digest, RunSeed(seed + 1000, false).digest);
  }
}

}  // namespace
}  // namespace flexvpn::ike::sim
