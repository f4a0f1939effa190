// SPDX-License-Identifier: Apache-2.0
#include "base/history.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flexvpn {
namespace {

TEST(History, KeepsTheLastValuesInOrderAndCountsTheOthers) {
  History<int> h(3);
  for (int i = 1; i <= 3; ++i) h.Add(i);
  EXPECT_THAT(h.values(), testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(h.dropped(), 0u);
  h.Add(4);
  h.Add(5);
  EXPECT_THAT(h.values(), testing::ElementsAre(3, 4, 5));
  EXPECT_EQ(h.dropped(), 2u);
  EXPECT_EQ(h.capacity(), 3u);
}

TEST(History, ASmallerOneLosesTheOldest) {
  History<int> h(3);
  for (int i = 1; i <= 3; ++i) h.Add(i);
  h.SetCapacity(1);
  EXPECT_THAT(h.values(), testing::ElementsAre(3));
  EXPECT_EQ(h.dropped(), 2u);
  h.SetCapacity(2);
  h.Add(4);
  EXPECT_THAT(h.values(), testing::ElementsAre(3, 4));
}

}  // namespace
}  // namespace flexvpn
