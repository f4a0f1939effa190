// SPDX-License-Identifier: Apache-2.0
#include "core/nhrp/limiter.h"

#include <gtest/gtest.h>

namespace flexvpn::nhrp {
namespace {

using Verdict = RedirectLimiter::Verdict;
const net::IpAddress kA = net::IpAddress::V4(1), kB = net::IpAddress::V4(2), kC = net::IpAddress::V4(3);
const net::PeerId kPeer(1), kOther(2);

TEST(TokenBucket, GivesItsBurstAndThenItsRate) {
  TokenBucket b(10, 3);
  Instant now{};
  EXPECT_TRUE(b.Take(now) && b.Take(now) && b.Take(now));
  EXPECT_FALSE(b.Take(now));
  EXPECT_FALSE(b.Take(now + milliseconds(99)));
  EXPECT_TRUE(b.Take(now + milliseconds(100)));
  EXPECT_FALSE(b.Take(now + milliseconds(100)));
  now += seconds(100);
  EXPECT_TRUE(b.Take(now) && b.Take(now) && b.Take(now));
  EXPECT_FALSE(b.Take(now));
}

TEST(RedirectLimiter, LetsOneThroughPerPeerDestinationAndInterval) {
  RedirectLimiter l(10, 1000, 1000);
  Instant now{};
  EXPECT_EQ(l.Check(kPeer, kA, seconds(8), now), Verdict::kSend);
  EXPECT_EQ(l.Check(kPeer, kA, seconds(8), now + milliseconds(7999)), Verdict::kTooSoon);
  EXPECT_EQ(l.Check(kPeer, kB, seconds(8), now), Verdict::kSend);
  EXPECT_EQ(l.Check(kOther, kA, seconds(8), now), Verdict::kSend);
  EXPECT_EQ(l.Check(kPeer, kA, seconds(8), now + seconds(8)), Verdict::kSend);
  l.Forget(kPeer);
  EXPECT_EQ(l.size(), 1u);
  EXPECT_EQ(l.Check(kPeer, kA, seconds(8), now + seconds(9)), Verdict::kSend);
  EXPECT_EQ(l.Check(kOther, kA, seconds(8), now + seconds(7)), Verdict::kTooSoon);
}

TEST(RedirectLimiter, ForgetsTheOldestPairWhenFull) {
  RedirectLimiter l(2, 1000, 1000);
  Instant now{};
  l.Check(kPeer, kA, seconds(8), now);
  l.Check(kPeer, kB, seconds(8), now + seconds(1));
  l.Check(kPeer, kA, seconds(8), now + seconds(8));  // renewed: now kB is the oldest
  l.Check(kPeer, kC, seconds(8), now + seconds(8));
  EXPECT_EQ(l.size(), 2u);
  EXPECT_EQ(l.Check(kPeer, kA, seconds(8), now + seconds(8)), Verdict::kTooSoon);
  EXPECT_EQ(l.Check(kPeer, kB, seconds(8), now + seconds(8)), Verdict::kSend);
}

TEST(RedirectLimiter, HoldsTheTotalRateWithoutRememberingWhatItRefused) {
  RedirectLimiter l(10, 1, 1);
  Instant now{};
  EXPECT_EQ(l.Check(kPeer, kA, seconds(8), now), Verdict::kSend);
  EXPECT_EQ(l.Check(kPeer, kB, seconds(8), now), Verdict::kTotalRate);
  EXPECT_EQ(l.Check(kPeer, kB, seconds(8), now + seconds(1)), Verdict::kSend);
}

}  // namespace
}  // namespace flexvpn::nhrp
