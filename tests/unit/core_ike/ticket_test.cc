// SPDX-License-Identifier: Apache-2.0
// Tickets of session resumption (RFC 5723): what they hold and how they are sealed.
#include "core/ike/ticket.h"

#include <gtest/gtest.h>

#include "unit/core_ike/pair.h"

namespace flexvpn::ike::test {
namespace {

TicketState MakeState(Instant expires) {
  TicketState s;
  s.suite = IkeSuite();
  s.suite.additional[2] = crypto::KeMethod::kEcp384;
  s.sk_d = ToSecret(Bytes(32, 7));
  s.initiator = Fqdn("spoke1.example.net");
  s.responder = Fqdn("hub.example.net");
  s.profile = "default";
  s.policy = Bytes(32, 9);
  s.session = IkeSaId(77);
  s.ppk = true;
  s.expires = expires;
  s.authenticated = Instant(5s);
  return s;
}

struct Jar {
  crypto::ToyProvider crypto;
  SeededRng rng{3};
  TicketJar jar{crypto, rng};
  Instant now{1h};
};
struct TicketsByValue : Jar, ::testing::Test {
  std::optional<TicketJar::Sealed> Seal(const TicketState& state, Instant at) {
    return jar.Seal(state, TicketForm::kByValue, at);
  }
};
struct TicketJarTest : Jar, ::testing::TestWithParam<TicketForm> {
  std::optional<TicketJar::Sealed> Seal(const TicketState& state) { return jar.Seal(state, GetParam(), now); }
};
INSTANTIATE_TEST_SUITE_P(Forms, TicketJarTest, ::testing::Values(TicketForm::kByValue, TicketForm::kByReference),
                         FormName);

// RFC 5723 §7.2: lifetime, ticket.
TEST(LifetimeTicket, IsLaidOutAsTheRfcSays) {
  const Bytes wire = FromHex("00000e10" "aabbcc");
  EXPECT_EQ(EncodeLifetimeTicket({3600s, FromHex("aabbcc")}), wire);
  const auto read = DecodeLifetimeTicket(wire);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->lifetime, 3600s);
  EXPECT_EQ(read->ticket, FromHex("aabbcc"));
}

TEST(LifetimeTicket, RefusesTruncationsAndWhatIsTooLarge) {
  for (size_t n = 0; n <= 4; ++n) EXPECT_FALSE(DecodeLifetimeTicket(Bytes(n, 1))) << n;
  EXPECT_TRUE(DecodeLifetimeTicket(Bytes(4 + kMaxTicketSize, 1)));
  EXPECT_FALSE(DecodeLifetimeTicket(Bytes(5 + kMaxTicketSize, 1)));
}

TEST(TicketStateCodec, IsItsOwnInverseAndRefusesEveryTruncation) {
  const TicketState state = MakeState(Instant(2h));
  const SecretBytes octets = EncodeTicketState(state);
  EXPECT_EQ(DecodeTicketState(octets), state);
  for (size_t n = 0; n < octets.size(); ++n) EXPECT_FALSE(DecodeTicketState(BytesView(octets).first(n))) << n;
  SecretBytes longer = octets;
  longer.push_back(0);
  EXPECT_FALSE(DecodeTicketState(longer));
}

TEST(TicketStateCodec, RefusesAKeyThatDoesNotFitThePrf) {
  TicketState state = MakeState(Instant(2h));
  state.sk_d.pop_back();
  EXPECT_FALSE(DecodeTicketState(EncodeTicketState(state)));
}

TEST_P(TicketJarTest, OpensWhatItSealedAndNothingAltered) {
  const TicketState state = MakeState(now + 1h);
  const Bytes ticket = Seal(state)->ticket;
  ASSERT_TRUE(jar.Open(ticket, now));
  EXPECT_EQ(jar.Open(ticket, now)->state, state);
  for (size_t i = 0; i < ticket.size(); ++i) {
    Bytes bent = ticket;
    bent[i] ^= 1;
    EXPECT_FALSE(jar.Open(bent, now)) << i;
  }
  for (size_t n = 0; n < ticket.size(); ++n) EXPECT_FALSE(jar.Open(BytesView(ticket).first(n), now)) << n;
  EXPECT_FALSE(jar.Open(Bytes(kMaxTicketSize + 1, 1), now));
}

TEST_P(TicketJarTest, HidesWhatIsInIt) {
  const TicketState state = MakeState(now + 1h);
  const std::string ticket = flexvpn::ToString(Seal(state)->ticket);
  EXPECT_EQ(ticket.find("spoke1"), std::string::npos);
  EXPECT_EQ(ticket.find(std::string(8, '\7')), std::string::npos);
}

TEST_P(TicketJarTest, TakesEachTicketOnceAndNotAfterItsTime) {
  const auto a = *Seal(MakeState(now + 1h)), b = *Seal(MakeState(now + 1h));
  EXPECT_NE(a.ticket, b.ticket);
  EXPECT_TRUE(jar.Use(a.id));
  EXPECT_FALSE(jar.Use(a.id));
  EXPECT_FALSE(jar.Open(a.ticket, now));
  EXPECT_TRUE(jar.Open(b.ticket, now + 59min));
  EXPECT_FALSE(jar.Open(b.ticket, now + 1h));
}

TEST_F(TicketsByValue, RotatesItsKeyAndKeepsTheOldOneForItsTickets) {
  const auto first = *Seal(MakeState(now + kMaxTicketLifetime), now);
  const Instant later = now + TicketJar::kRotation;
  const auto second = *Seal(MakeState(later + kMaxTicketLifetime), later);
  EXPECT_NE(first.id.key, second.id.key);
  EXPECT_TRUE(jar.Open(first.ticket, later));
  EXPECT_TRUE(jar.Open(second.ticket, later));
  const Instant end = now + TicketJar::kRotation + kMaxTicketLifetime;
  EXPECT_FALSE(jar.Open(first.ticket, end));
  EXPECT_FALSE(jar.Use(first.id)) << "its key is gone";
  EXPECT_TRUE(jar.Open(second.ticket, end - 1s));
}

TEST_F(TicketsByValue, UsedOnesAreRememberedUntilTheyWouldHaveExpired) {
  // Ten times as many as there is room for, each renewed before it expires.
  const auto first = *Seal(MakeState(now + kMaxTicketLifetime), now);
  ASSERT_TRUE(jar.Use(first.id));
  uint64_t serial = 1000;
  for (int round = 0; round < 20; ++round) {
    const Instant at = now + round * 30min;
    const auto fresh = *Seal(MakeState(at + 30min), at);
    for (size_t n = 0; n + 2 < TicketJar::kMaxUsed / 2; ++n) ASSERT_TRUE(jar.Use({first.id.key, ++serial, at + 30min}));
    EXPECT_TRUE(jar.Open(fresh.ticket, at)) << round;
    EXPECT_FALSE(jar.Open(first.ticket, at)) << round;
  }
}

TEST_F(TicketsByValue, WhenTheMemoryOfUsedOnesIsFullAllEndAndLaterOnesAreGood) {
  const auto used = *Seal(MakeState(now + 1h), now), good = *Seal(MakeState(now + 1h), now);
  ASSERT_TRUE(jar.Use(used.id));
  for (uint64_t n = 1; n < TicketJar::kMaxUsed; ++n) ASSERT_TRUE(jar.Use({used.id.key, 1000 + n, now + 1h}));
  EXPECT_TRUE(jar.Open(good.ticket, now));
  EXPECT_TRUE(jar.Use({used.id.key, 999, now + 1h}));
  EXPECT_FALSE(jar.Open(used.ticket, now));
  EXPECT_FALSE(jar.Open(good.ticket, now));
  EXPECT_TRUE(jar.Open(Seal(MakeState(now + 1h), now)->ticket, now));
}

TEST(TicketsByReference, HaveRoomForSoManyAndMakeItWhenTheyExpire) {
  Jar j;
  for (size_t n = 0; n < TicketShelf::kMost; ++n)
    ASSERT_TRUE(j.jar.Seal(MakeState(j.now + (n == 0 ? 1min : 1h)), TicketForm::kByReference, j.now));
  EXPECT_FALSE(j.jar.Seal(MakeState(j.now + 1h), TicketForm::kByReference, j.now));
  EXPECT_TRUE(j.jar.Seal(MakeState(j.now + 1h), TicketForm::kByReference, j.now + 1min));
  EXPECT_FALSE(j.jar.Seal(MakeState(j.now + 1h), TicketForm::kByReference, j.now + 1min));
}

TEST(TicketsByReference, AreShort) {
  Jar j;
  EXPECT_EQ(j.jar.Seal(MakeState(j.now + 1h), TicketForm::kByReference, j.now)->ticket.size(), 25u);
}

TEST_P(TicketJarTest, OfAnotherStartOpensNothing) {
  const Bytes ticket = Seal(MakeState(now + 1h))->ticket;
  SeededRng other_rng{4};
  TicketJar other{crypto, other_rng};
  EXPECT_FALSE(other.Open(ticket, now));
  ASSERT_TRUE(other.Seal(MakeState(now + 1h), GetParam(), now));
  EXPECT_FALSE(other.Open(ticket, now));
}

}  // namespace
}  // namespace flexvpn::ike::test
