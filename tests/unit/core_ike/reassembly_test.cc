// SPDX-License-Identifier: Apache-2.0
// Bounds and rules of messages in fragments (RFC 7383 §2.6); the fragments here are authentic already.
#include "core/ike/reassembly.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flexvpn::ike {
namespace {

using ::testing::HasSubstr;
using ::testing::IsNull;

constexpr Instant kNow{seconds(100)};

Header Message(uint32_t id, ExchangeType exchange = ExchangeType::kIkeAuth, bool response = false) {
  Header h;
  h.exchange = exchange;
  h.message_id = id;
  h.flags = response ? kFlagResponse : 0;
  return h;
}

class ReassemblyTest : public testing::Test {
 protected:
  Reassembly::Outcome Add(const Header& h, uint16_t number, uint16_t total, SecretBytes content, bool half_open = false,
                          Instant now = kNow) {
    const FragmentHeader f{number == 1 ? uint8_t{43} : uint8_t{0}, number, total};
    if (const char* refused = reassembly_.Refuse(h, f)) return {refused, {}};
    return reassembly_.Add(h, f, std::move(content), 1000u + number, half_open, now);
  }
  ReassemblyMemory memory_{1 << 20};
  Reassembly reassembly_{memory_};
};

TEST_F(ReassemblyTest, PutsTogetherInTheOrderOfNumbersNotOfArrival) {
  EXPECT_FALSE(Add(Message(1), 3, 3, {5}).whole);
  EXPECT_FALSE(Add(Message(1), 1, 3, {1, 2}).whole);
  const auto done = Add(Message(1), 2, 3, {3, 4});
  ASSERT_TRUE(done.whole);
  EXPECT_EQ(done.whole->plain.octets, (SecretBytes{1, 2, 3, 4, 5}));
  EXPECT_EQ(done.whole->plain.first_type, 43);
  EXPECT_EQ(done.whole->first_fingerprint, 1001u);
  EXPECT_TRUE(reassembly_.empty());
  EXPECT_EQ(memory_.used(), 0u);
}

TEST_F(ReassemblyTest, ARepeatedFragmentIsRefusedBeforeItIsDecrypted) {
  Add(Message(1), 1, 2, {1});
  EXPECT_THAT(reassembly_.Refuse(Message(1), {43, 1, 2}), HasSubstr("repeated"));
  EXPECT_THAT(reassembly_.Refuse(Message(1), {0, 2, 2}), IsNull());
}

TEST_F(ReassemblyTest, AFinerDivisionReplacesACoarserOneNotTheOtherWayRound) {
  Add(Message(1), 1, 2, {9, 9});
  EXPECT_EQ(Add(Message(1), 1, 3, {1}).dropped, nullptr);
  EXPECT_THAT(Add(Message(1), 2, 2, {9}).dropped, HasSubstr("coarser"));
  Add(Message(1), 2, 3, {2});
  const auto done = Add(Message(1), 3, 3, {3});
  ASSERT_TRUE(done.whole);
  EXPECT_EQ(done.whole->plain.octets, (SecretBytes{1, 2, 3}));
}

TEST_F(ReassemblyTest, MessagesDoNotMix) {
  Add(Message(1), 1, 2, {1});
  EXPECT_THAT(Add(Message(1, ExchangeType::kInformational), 2, 2, {2}).dropped, HasSubstr("another exchange"));
  EXPECT_FALSE(Add(Message(2), 2, 2, {2}).whole);
  EXPECT_FALSE(Add(Message(1, ExchangeType::kIkeAuth, true), 2, 2, {3}).whole);
  const auto done = Add(Message(1), 2, 2, {4});
  ASSERT_TRUE(done.whole);
  EXPECT_EQ(done.whole->plain.octets, (SecretBytes{1, 4}));
}

TEST_F(ReassemblyTest, FewMessagesAtATime) {
  for (uint32_t id = 0; id < kMaxPartialMessages; ++id) EXPECT_EQ(Add(Message(id), 1, 2, {1}).dropped, nullptr);
  EXPECT_THAT(Add(Message(9), 1, 2, {1}).dropped, HasSubstr("too many messages"));
  EXPECT_TRUE(Add(Message(2), 2, 2, {1}).whole);
  EXPECT_EQ(Add(Message(9), 1, 2, {1}).dropped, nullptr);
}

TEST_F(ReassemblyTest, MemoryOfOneIkeSaIsBoundedMoreSoBeforeAuthentication) {
  uint16_t n = 1;
  while (Add(Message(1), n, 64, SecretBytes(2000), true).dropped == nullptr) ++n;
  EXPECT_LE(memory_.used(), kMaxHalfOpenOctets);
  EXPECT_GT(memory_.used(), kMaxHalfOpenOctets / 2);
  while (n < 64 && Add(Message(2), n, 64, SecretBytes(2000)).dropped == nullptr) ++n;
  EXPECT_LT(n, 64);
  EXPECT_LE(memory_.used(), kMaxPartialOctets);
}

TEST_F(ReassemblyTest, AMessageLongerThanAnyIsDropped) {
  for (uint16_t n = 1; n <= 3; ++n) EXPECT_EQ(Add(Message(1), n, 5, SecretBytes(20000)).dropped, nullptr);
  EXPECT_THAT(Add(Message(1), 4, 5, SecretBytes(20000)).dropped, HasSubstr("too long"));
}

TEST_F(ReassemblyTest, MemoryOfTheNodeIsSharedAndGivenBack) {
  ReassemblyMemory small(10000);
  {
    Reassembly one(small), two(small);
    const FragmentHeader f{43, 1, 2};
    EXPECT_EQ(one.Add(Message(1), f, SecretBytes(4000), 1, true, kNow).dropped, nullptr);
    EXPECT_THAT(two.Add(Message(1), f, SecretBytes(4000), 1, true, kNow).dropped, HasSubstr("used up"));
    EXPECT_TRUE(two.empty());
    EXPECT_EQ(two.Add(Message(1), f, SecretBytes(4000), 1, false, kNow).dropped, nullptr);
    EXPECT_THAT(two.Add(Message(2), f, SecretBytes(4000), 1, false, kNow).dropped, HasSubstr("used up"));
    one.Forget({1, false});
    EXPECT_EQ(two.Add(Message(2), f, SecretBytes(4000), 1, false, kNow).dropped, nullptr);
  }
  EXPECT_EQ(small.used(), 0u);
}

TEST_F(ReassemblyTest, GivesUpAfterASilence) {
  Add(Message(1), 1, 3, {1});
  Add(Message(1), 2, 3, {1}, false, kNow + seconds(20));
  Add(Message(2), 1, 3, {1}, false, kNow + seconds(40));
  ASSERT_TRUE(reassembly_.NextDeadline());
  EXPECT_EQ(*reassembly_.NextDeadline(), kNow + seconds(50));
  EXPECT_EQ(reassembly_.Expire(kNow + seconds(49)), 0u);
  EXPECT_EQ(reassembly_.Expire(kNow + seconds(50)), 1u);
  EXPECT_EQ(reassembly_.Expire(kNow + seconds(70)), 1u);
  EXPECT_FALSE(reassembly_.NextDeadline());
  EXPECT_EQ(memory_.used(), 0u);
}

}  // namespace
}  // namespace flexvpn::ike
