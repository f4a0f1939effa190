// SPDX-License-Identifier: Apache-2.0
// RFC 7296 §2.8.1, §2.8.2, §2.25: every pair of operations started by both sides at once, in every order in which the
// datagrams can arrive, and with each one of them lost.  `story` is what is really sent when the oldest always arrives
// first; a number alone is the arrival.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sim/ike/duel.h"

namespace flexvpn::ike::sim {
namespace {

struct Case {
  Move a, b;
  const char* rule;
  bool up;          // the session stays
  size_t children;  // Child SAs of it
  bool child_replaced, ike_replaced;
  const char* story;
};

constexpr Case kMatrix[] = {
#include "sim/ike/matrix.inc"
};

std::string Name(const Case& c) { return absl::StrCat(MoveName(c.a), " x ", MoveName(c.b)); }

std::string Check(const Case& c, const Ending& e) {
  if (!e.violation.empty()) return e.violation;
  if (e.up != c.up) return c.up ? "the session has ended" : "the session is still there";
  if (!e.up) return "";
  if (e.children != c.children) return absl::StrCat(e.children, " Child SAs");
  if (e.children > 0 && e.child_replaced != c.child_replaced) return "the Child SA is not the expected one";
  if (e.ike_replaced != c.ike_replaced) return "the IKE SA is not the expected one";
  return "";
}

// The next order in which datagrams may arrive, choices beyond `depth` being always the oldest; false: no more.
bool NextOrder(std::vector<size_t>& order, const std::vector<size_t>& options, size_t depth) {
  const size_t n = std::min(depth, options.size());
  order.resize(n);
  for (size_t i = n; i-- > 0;) {
    if (order[i] + 1 < options[i]) {
      ++order[i];
      order.resize(i + 1);
      return true;
    }
  }
  return false;
}

// All orders with one datagram lost, or none; the number of plays.
size_t Explore(const Case& c, Play play, size_t depth) {
  size_t plays = 0;
  const int sent = RunPlay(play).sent;
  for (play.lost = -1; play.lost <= sent; ++play.lost) {
    play.order.clear();
    while (true) {
      const Ending e = RunPlay(play);
      ++plays;
      if (const std::string wrong = Check(c, e); !wrong.empty()) {
        ADD_FAILURE() << Name(c) << ": " << wrong << "\norder " << absl::StrJoin(play.order, ",") << " lost " << play.lost
                      << " window " << play.window << (play.pfs ? " with PFS" : "") << " seed " << play.seed << "\n"
                      << e.arrows;
        return plays;
      }
      if (!NextOrder(play.order, e.options, depth)) break;
    }
  }
  return plays;
}

TEST(CollisionMatrix, EveryPairEndsByTheRulesInEveryOrderAndWithEachDatagramLost) {
  const size_t depth = std::getenv("FLEXVPN_SIM_SMALL") != nullptr ? 4 : 8;
  size_t plays = 0;
  for (const Case& c : kMatrix)
    for (uint32_t window : {1u, 5u})
      for (uint64_t seed : {1u, 2u, 3u})
        plays += Explore(c, {.a = c.a, .b = c.b, .seed = seed, .pfs = seed == 3, .window = window}, depth);
  std::printf("%zu plays of %zu pairs\n", plays, std::size(kMatrix));
}

TEST(CollisionMatrix, IsDrawnAsItIs) {
  for (const Case& c : kMatrix) {
    const Ending e = RunPlay({.a = c.a, .b = c.b});
    EXPECT_EQ(absl::StrCat("\n", e.arrows), c.story) << Name(c);
  }
}

TEST(CollisionMatrix, HasEveryPair) {
  constexpr Move kMoves[] = {Move::kRekeyChild, Move::kRekeyIke, Move::kDeleteChild, Move::kDeleteIke};
  for (Move a : kMoves) {
    for (Move b : {Move::kNothing, Move::kRekeyChild, Move::kRekeyIke, Move::kDeleteChild, Move::kDeleteIke}) {
      const bool found = std::any_of(std::begin(kMatrix), std::end(kMatrix), [&](const Case& c) {
        return (c.a == a && c.b == b) || (c.a == b && c.b == a);
      });
      EXPECT_TRUE(found) << MoveName(a) << " x " << MoveName(b);
    }
  }
}

// §2.8.1, §2.8.2: both sides find the same loser, and it is not always the same side.
TEST(CollisionMatrix, TheLowestNonceLosesOnBothSides) {
  for (Move move : {Move::kRekeyChild, Move::kRekeyIke}) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      const Ending e = RunPlay({.a = move, .b = move, .seed = seed});
      EXPECT_EQ(e.violation, "");
      EXPECT_EQ(e.won, 1u) << seed;
      EXPECT_EQ(e.lost, 1u) << seed;
    }
  }
}

}  // namespace
}  // namespace flexvpn::ike::sim
