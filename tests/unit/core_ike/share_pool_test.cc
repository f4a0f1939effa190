// SPDX-License-Identifier: Apache-2.0
#include "core/ike/share_pool.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flexvpn::ike {
namespace {

TEST(SharePool, EqualValuesAreOneObject) {
  SharePool<std::string> pool;
  const auto a = pool.Share("hub"), b = pool.Share("spoke");
  EXPECT_EQ(pool.Share("hub"), a);
  EXPECT_EQ(pool.Share("spoke"), b);
  EXPECT_NE(a, b);
  EXPECT_EQ(*a, "hub");
}

TEST(SharePool, HoldsNothingAlive) {
  SharePool<std::string> pool;
  const std::weak_ptr<const std::string> gone = pool.Share("secret");
  EXPECT_TRUE(gone.expired());
  EXPECT_EQ(*pool.Share("secret"), "secret");
}

TEST(SharePool, RemembersAFewAndStaysRightWithMany) {
  SharePool<int> pool;
  std::vector<std::shared_ptr<const int>> held;
  for (int i = 0; i < 100; ++i) held.push_back(pool.Share(i));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(*held[static_cast<size_t>(i)], i);
  EXPECT_EQ(pool.Share(99), held[99]);
  EXPECT_EQ(*pool.Share(0), 0);
}

}  // namespace
}  // namespace flexvpn::ike
