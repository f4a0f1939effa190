// SPDX-License-Identifier: Apache-2.0
// Random numbers, secrets, counters, ids, time, status macros.
#include <gtest/gtest.h>

#include <set>

#include "absl/hash/hash.h"
#include "base/counters.h"
#include "base/overloaded.h"
#include "base/rng.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "base/strong_id.h"
#include "base/time.h"

namespace flexvpn {
namespace {

TEST(SeededRng, IsTheSameForTheSameSeedOnly) {
  SeededRng a(7), b(7), c(8);
  EXPECT_EQ(a.Take(100), b.Take(100));
  EXPECT_NE(a.Take(100), c.Take(100));
  EXPECT_NE(a.Take(16), a.Take(16));
}

// The reference implementation's first output for seed 0 is e220a8397b1dcdaf; the low octet comes first here.
TEST(SeededRng, IsSplitMix64) {
  SeededRng rng(0);
  EXPECT_EQ(ToHex(rng.Take(8)), "afcd1d7b39a820e2");
}

TEST(Rng, BelowStaysBelow) {
  SeededRng rng(1);
  std::set<uint64_t> seen;
  for (int i = 0; i < 200; ++i) seen.insert(rng.Below(5));
  EXPECT_EQ(seen, (std::set<uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(rng.Below(0), 0u);
  EXPECT_EQ(rng.Below(1), 0u);
}

TEST(Secret, WipesWhatItGivesBack) {
  uint8_t memory[4] = {1, 2, 3, 4};
  WipeMemory(memory, sizeof memory);
  EXPECT_EQ(ToHex(memory), "00000000");
  WipeMemory(nullptr, 0);
}

TEST(Secret, CopiesAViewAndConvertsBack) {
  const SecretBytes s = ToSecret(FromHex("0102"));
  EXPECT_EQ(ToHex(s), "0102");
  EXPECT_TRUE(ToSecret({}).empty());
}

TEST(Counters, CountByNameAndClear) {
  Counters c;
  c.Add("a");
  c.Add("a", 4);
  c.Add("b");
  EXPECT_EQ(c.Get("a"), 5u);
  EXPECT_EQ(c.Get("never"), 0u);
  EXPECT_EQ(c.all().size(), 2u) << "asking does not create";
  c.Clear();
  EXPECT_EQ(c.Get("a"), 0u);
}

using AppleId = StrongId<struct AppleTag, uint32_t>;
using PearId = StrongId<struct PearTag, uint32_t>;
static_assert(!std::is_convertible_v<AppleId, PearId>);
static_assert(!std::is_convertible_v<uint32_t, AppleId>);
static_assert(!std::is_convertible_v<AppleId, uint32_t>);

TEST(StrongId, OrdersComparesAndKnowsNone) {
  EXPECT_LT(AppleId(1), AppleId(2));
  EXPECT_EQ(AppleId(3).value(), 3u);
  EXPECT_FALSE(AppleId());
  EXPECT_TRUE(AppleId(1));
  EXPECT_EQ(absl::HashOf(AppleId(5)), absl::HashOf(AppleId(5)));
}

TEST(Time, EarlierPrefersAnyDeadlineToNone) {
  const Instant a{seconds(1)}, b{seconds(2)};
  EXPECT_EQ(Earlier(a, b), a);
  EXPECT_EQ(Earlier(b, a), a);
  EXPECT_EQ(Earlier(std::nullopt, b), b);
  EXPECT_EQ(Earlier(a, std::nullopt), a);
  EXPECT_EQ(Earlier(std::nullopt, std::nullopt), std::nullopt);
  EXPECT_EQ(WholeSeconds(milliseconds(1999)), 1);
}

absl::StatusOr<int> Half(int n) {
  if (n % 2 != 0) return absl::InvalidArgumentError("odd");
  return n / 2;
}
absl::StatusOr<int> Quarter(int n) {
  ASSIGN_OR_RETURN(const int half, Half(n));
  ASSIGN_OR_RETURN(const int quarter, Half(half));
  RETURN_IF_ERROR(quarter > 100 ? absl::OutOfRangeError("big") : absl::OkStatus());
  return quarter;
}

TEST(StatusMacros, PassValuesAndErrorsOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_TRUE(absl::IsInvalidArgument(Quarter(6).status()));
  EXPECT_TRUE(absl::IsOutOfRange(Quarter(1000).status()));
}

TEST(Overloaded, VisitsByType) {
  const std::variant<int, std::string> v = std::string("x");
  EXPECT_EQ(std::visit(Overloaded{[](int) { return 1; }, [](const std::string&) { return 2; }}, v), 2);
}

}  // namespace
}  // namespace flexvpn
