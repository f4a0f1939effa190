// SPDX-License-Identifier: Apache-2.0
// Repeated authentication (RFC 4478).
#include "core/ike/auth_lifetime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core_ike/insider.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::HasSubstr;

Payloads Lifetime(Bytes data) {
  return {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kAuthLifetime, std::move(data)}};
}

// RFC 4478 §3: four octets, network byte order.
TEST(AuthLifetime, IsSecondsInFourOctets) {
  EXPECT_EQ(ToHex(EncodeAuthLifetime(seconds(3600))), "00000e10");
  EXPECT_EQ(DecodeAuthLifetime(FromHex("00000e10")), seconds(3600));
  for (const char* bad : {"", "00", "0000", "00000e", "00000e1000"})
    EXPECT_FALSE(DecodeAuthLifetime(FromHex(bad))) << bad;
}

TEST(AuthLifetime, IsObeyedWithinBoundsAndBeforeItsEnd) {
  EXPECT_EQ(ReauthenticateAfter(seconds(300)), seconds(270));
  EXPECT_EQ(ReauthenticateAfter(seconds(3600)), seconds(3540));
  EXPECT_EQ(ReauthenticateAfter(seconds(0)), seconds(54));
  EXPECT_EQ(ReauthenticateAfter(seconds(0xffffffff)), kMaxAuthLifetime - seconds(60));
}

TEST(AuthLifetime, TheInitiatorEndsTheSessionInTimeToMakeItAnew) {
  World w;
  w.b->policy.session.auth_lifetime = seconds(600);
  w.Connect();
  w.Run(530s);
  EXPECT_EQ(w.a->live(), 1u);
  w.Run(15s);
  EXPECT_EQ(w.a->live(), 0u);
  EXPECT_EQ(w.b->live(), 0u);
  EXPECT_THAT(w.a->downs.back().reason, HasSubstr("reauthentication"));
  EXPECT_EQ(w.a->endpoint->counters().Get("reauthentications"), 1u);
  EXPECT_EQ(w.b->endpoint->counters().Get("sessions ended for lack of reauthentication"), 0u);
}

TEST(AuthLifetime, ARekeyOfTheIkeSaIsNoReauthentication) {
  World w;
  w.b->policy.session.auth_lifetime = seconds(600);
  const IkeSaId id = w.Connect();
  w.Run(500s);
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyIke(id, w.now, out); });
  w.Run(45s);
  EXPECT_EQ(w.a->rekeyed.size(), 1u);
  EXPECT_EQ(w.a->live(), 0u);
}

TEST(AuthLifetime, WithoutConfigurationNothingIsSentAndNothingEnds) {
  World w;
  w.Connect();
  w.Run(700s);
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_EQ(w.a->endpoint->counters().Get("reauthentications"), 0u);
}

TEST(AuthLifetime, TheResponderEndsASessionWhoseInitiatorDoesNotObey) {
  World w;
  w.b->policy.session.auth_lifetime = seconds(600);
  w.Connect();
  Insider x(w);  // a year instead, told to the initiator alone
  w.Inject(*w.a, {w.b->address, 500},
           x.Message(false, ExchangeType::kInformational, 0, Lifetime(EncodeAuthLifetime(kMaxAuthLifetime))));
  w.Run(590s);
  EXPECT_EQ(w.b->live(), 1u);
  w.Run(15s);
  EXPECT_EQ(w.b->live(), 0u);
  EXPECT_EQ(w.b->endpoint->counters().Get("sessions ended for lack of reauthentication"), 1u);
}

TEST(AuthLifetime, AnInformationalMayTellItLaterButOnlyTheInitiator) {
  World w;
  w.Connect();
  Insider x(w);
  x.Ask(ExchangeType::kInformational, 2, Lifetime(EncodeAuthLifetime(seconds(60))));
  w.Run(100s);
  EXPECT_EQ(w.b->live(), 1u);
  w.Inject(*w.a, {w.b->address, 500},
           x.Message(false, ExchangeType::kInformational, 0, Lifetime(EncodeAuthLifetime(seconds(100)))));
  w.Run(95s);
  EXPECT_EQ(w.a->live(), 0u);
}

TEST(AuthLifetime, AMalformedOneIsCountedAndChangesNothing) {
  World w;
  w.Connect();
  Insider x(w);
  w.Inject(*w.a, {w.b->address, 500}, x.Message(false, ExchangeType::kInformational, 0, Lifetime(Bytes(3, 0))));
  w.Run(100s);
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_EQ(w.a->endpoint->counters().Get("malformed AUTH_LIFETIME ignored"), 1u);
}

}  // namespace
}  // namespace flexvpn::ike::test
