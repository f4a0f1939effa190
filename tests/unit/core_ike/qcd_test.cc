// SPDX-License-Identifier: Apache-2.0
// Quick crash detection (RFC 6290): a peer that restarted is found at once, and nobody else can end an SA.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ike/qcd.h"
#include "unit/core_ike/insider.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::HasSubstr;

Endpoint::Config WithSecret(const char* secret) {
  Endpoint::Config c;
  c.qcd_secret = ToSecret(AsView(secret));
  return c;
}

// Computed with Python's hmac module.
TEST(Qcd, TheTokenIsAMacOfBothSpis) {
  const crypto::ToyProvider c;
  EXPECT_EQ(ToHex(QcdToken(c, AsView("secret"), IkeSpi(1), IkeSpi(2))),
            "3747e0b40fa23c1af3b27577fe7433f9fbbdf15ca863657c91aac6d3b774ae3b");
}

// B comes back after a crash with the same secret and no memory.
void Restart(World& w, Node& n, const Endpoint::Config& config) {
  n.endpoint = std::make_unique<Endpoint>(config, n.policy, n.crypto, n.rng);
  n.inbound.clear();
  n.outbound.clear();
  (void)w;
}

TEST(Qcd, APeerThatRestartedIsFoundWithTheFirstMessage) {
  World w(1, WithSecret("s"));
  const IkeSaId id = w.Connect();
  Restart(w, *w.b, WithSecret("s"));
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.SendConfigSet(id, {{CfgAttr::kIp4Subnet, Bytes(8, 1)}}, w.now, out); });
  w.Run(50ms);
  EXPECT_EQ(w.a->live(), 0u);
  EXPECT_THAT(w.a->downs.back().reason, HasSubstr("restarted"));
  EXPECT_TRUE(w.a->inbound.empty() && w.a->outbound.empty());
  w.Run(1s);
  EXPECT_TRUE(w.a->endpoint->List(w.now).empty());
}

TEST(Qcd, AfterAnIkeRekeyTheTokensAreThoseOfTheNewSa) {
  World w(1, WithSecret("s"));
  const IkeSaId id = w.Connect();
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyIke(id, w.now, out); });
  w.Run(20s);
  ASSERT_EQ(w.a->rekeyed.size(), 1u);
  Restart(w, *w.b, WithSecret("s"));
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.SendConfigSet(id, {{CfgAttr::kIp4Subnet, Bytes(8, 1)}}, w.now, out); });
  w.Run(50ms);
  EXPECT_EQ(w.a->live(), 0u);
}

TEST(Qcd, AnotherTokenOrNoneIsAHintOnly) {
  World w(1, WithSecret("s"));
  const IkeSaId id = w.Connect();
  Restart(w, *w.b, WithSecret("other"));
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.SendConfigSet(id, {{CfgAttr::kIp4Subnet, Bytes(8, 1)}}, w.now, out); });
  w.Run(50ms);
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_GE(w.a->endpoint->counters().Get("hints that the peer has lost an IKE SA"), 1u);
}

TEST(Qcd, TheTokenOfALivingSaIsNotGivenToStrangers) {
  World w(1, WithSecret("s"));
  w.Connect();
  const Header known = *DecodeHeader(w.wire.at(1).second.bytes);
  const size_t before = w.wire.size();
  for (const uint8_t flags : {kFlagInitiator, uint8_t{0}}) {  // bent in every way that is still about this SA
    for (const bool other : {false, true}) {
      Header h;
      h.initiator_spi = known.initiator_spi;
      h.responder_spi = other ? IkeSpi(known.responder_spi.value() ^ 1) : known.responder_spi;
      h.exchange = ExchangeType::kInformational;
      h.flags = flags;
      const Bytes bytes = EncodeMessage(h, {});
      w.Inject(*w.b, {Ip("198.51.100.1"), 500}, bytes);
    }
  }
  for (size_t i = before; i < w.wire.size(); ++i) {
    const Bytes& bytes = w.wire[i].second.bytes;
    const auto p = DecodePayloads(DecodeHeader(bytes)->next_payload, BytesView(bytes).subspan(kHeaderSize));
    const auto* token = p.ok() ? FindNotify(*p, NotifyType::kQcdToken) : nullptr;
    if (token == nullptr) continue;
    EXPECT_NE(token->data, QcdToken(w.b->crypto, AsView("s"), known.initiator_spi, known.responder_spi));
  }
  EXPECT_EQ(w.a->live(), 1u);
}

TEST(Qcd, WithoutASecretNoTokenIsGiven) {
  World w;
  w.Connect();
  Insider x(w);
  for (size_t i = 2; i < 4; ++i)
    EXPECT_EQ(FindNotify(x.Read(i == 2, w.wire.at(i).second.bytes), NotifyType::kQcdToken), nullptr);
}

}  // namespace
}  // namespace flexvpn::ike::test
