// SPDX-License-Identifier: Apache-2.0
#include "core/node/performance.h"

#include <gtest/gtest.h>

namespace flexvpn::node {
namespace {

Instant At(Duration d) { return Instant{} + seconds(100) + d; }

TEST(RateMeter, CountsSecondsInWhichSomethingHappened) {
  RateMeter m;
  EXPECT_EQ(m.Read(At({})).samples, 0u);
  for (int ms : {0, 400, 999}) m.Add(At(milliseconds(ms)));
  EXPECT_EQ(m.Read(At(milliseconds(999))).samples, 0u) << "the second is not over";
  m.Add(At(milliseconds(7500)));
  const Spread s = m.Read(At(seconds(9)));
  EXPECT_EQ(s.samples, 2u);
  EXPECT_EQ(s.least, 1u);
  EXPECT_EQ(s.greatest, 3u);
  EXPECT_EQ(s.mean(), 2u);
}

TEST(Performance, TimesDatagramsAndJobs) {
  Performance p;
  Bytes auth(28);
  auth[18] = 35;
  p.OnDatagram(auth, At({}), At(milliseconds(12)));
  p.OnDatagram(Bytes(3), Instant{}, At(milliseconds(12)));  // when it came is not known
  EXPECT_EQ(p.queue().samples, 1u);
  EXPECT_EQ(p.queue().greatest, 12u);
  EXPECT_EQ(p.packets(Performance::kAll).Read(At(seconds(2))).sum, 2u);
  EXPECT_EQ(p.packets(Performance::kAuth).Read(At(seconds(2))).sum, 1u);
  EXPECT_EQ(p.packets(Performance::kOther).Read(At(seconds(2))).sum, 1u);
  p.OnJobStarted(crypto::JobId(1), At({}));
  p.OnJobDone(crypto::JobId(2), At(milliseconds(5)));  // never started here
  p.OnJobDone(crypto::JobId(1), At(milliseconds(30)));
  p.OnJobDone(crypto::JobId(1), At(milliseconds(40)));
  EXPECT_EQ(p.jobs().samples, 1u);
  EXPECT_EQ(p.jobs().mean(), 30u);
}

}  // namespace
}  // namespace flexvpn::node
