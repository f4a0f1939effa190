// SPDX-License-Identifier: Apache-2.0
// What an attacker, a broken peer or a flood can do: nothing, and it is counted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core_ike/insider.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Hostile, AnUnknownCriticalPayloadIsRefusedByName) {
  World w;
  w.Connect();
  Insider x(w);
  const Payloads answer = x.Ask(ExchangeType::kInformational, 2, {UnknownPayload{200, true, {1, 2}}});
  ASSERT_EQ(ErrorOf(answer), NotifyType::kUnsupportedCriticalPayload);
  EXPECT_EQ(FindError(answer)->data, Bytes{200});
  EXPECT_EQ(w.b->live(), 1u);
  EXPECT_EQ(ErrorOf(x.Ask(ExchangeType::kInformational, 3, {UnknownPayload{200, false, {1, 2}}})), NotifyType{});
}

TEST(Hostile, MessageIdsOutsideTheWindowAreDropped) {
  World w;
  w.Connect();
  Insider x(w);
  const size_t before = w.wire.size();
  for (uint32_t id : {0u, 7u, 8u, 0x7fffffffu, 0xffffffffu}) x.Ask(ExchangeType::kInformational, id, {});
  EXPECT_EQ(w.wire.size(), before);
  EXPECT_EQ(w.b->endpoint->counters().Get("drop: message id outside the window"), 5u);
  x.Ask(ExchangeType::kInformational, 6, {});  // 2..6 is the announced window of five
  EXPECT_EQ(w.wire.size(), before + 1);
}

TEST(Hostile, CreateChildSaWithoutItsPayloadsIsInvalidSyntax) {
  World w;
  w.Connect();
  Insider x(w);
  EXPECT_EQ(ErrorOf(x.Ask(ExchangeType::kCreateChildSa, 2, {})), NotifyType::kInvalidSyntax);
  EXPECT_EQ(w.b->live(), 0u);
}

TEST(Hostile, CreateChildSaWithoutSelectorsIsInvalidSyntax) {
  World w;
  w.Connect();
  Insider x(w);
  const Payloads no_ts = {BuildSa(ProtocolId::kEsp, Bytes{1, 2, 3, 4}, {EspSuite()}), NoncePayload{Bytes(32, 1)}};
  EXPECT_EQ(ErrorOf(x.Ask(ExchangeType::kCreateChildSa, 2, no_ts)), NotifyType::kInvalidSyntax);
}

TEST(Hostile, IkeAuthOnAnEstablishedSaIsInvalidSyntax) {
  World w;
  w.Connect();
  Insider x(w);
  EXPECT_EQ(ErrorOf(x.Ask(ExchangeType::kIkeAuth, 2, {})), NotifyType::kInvalidSyntax);
}

TEST(Hostile, ChildSasOfOneSessionAreLimited) {
  World w;
  w.Connect();
  Insider x(w);
  NotifyType last{};
  uint32_t id = 2;
  for (; id < 60 && last == NotifyType{}; ++id)
    last = ErrorOf(x.Ask(ExchangeType::kCreateChildSa, id, NewChild(1000 + id, *w.a, *w.b)));
  EXPECT_EQ(last, NotifyType::kNoAdditionalSas);
  EXPECT_EQ(w.b->inbound.size(), 32u);
}

TEST(Hostile, RekeyOfAnUnknownChildSaIsChildSaNotFound) {
  World w;
  w.Connect();
  Insider x(w);
  Payloads p = NewChild(1000, *w.a, *w.b);
  p.insert(p.begin(), NotifyPayload{ProtocolId::kEsp, {1, 2, 3, 4}, NotifyType::kRekeySa, {}});
  const Payloads answer = x.Ask(ExchangeType::kCreateChildSa, 2, p);
  ASSERT_EQ(ErrorOf(answer), NotifyType::kChildSaNotFound);
  EXPECT_EQ(FindError(answer)->spi, (Bytes{1, 2, 3, 4}));
}

TEST(Hostile, AReservedEspSpiIsRefused) {
  World w;
  w.Connect();
  Insider x(w);
  EXPECT_EQ(ErrorOf(x.Ask(ExchangeType::kCreateChildSa, 2, NewChild(255, *w.a, *w.b))), NotifyType::kNoProposalChosen);
}

TEST(Hostile, DeletingUnknownChildSasIsAnsweredAndHarmless) {
  World w;
  w.Connect();
  Insider x(w);
  EXPECT_TRUE(x.Ask(ExchangeType::kInformational, 2, {DeletePayload{ProtocolId::kEsp, {EspSpi(1), EspSpi(2)}}}).empty());
  EXPECT_EQ(w.b->inbound.size(), 1u);
}

TEST(Hostile, DeletingTheChildSaIsAnsweredWithOurHalf) {
  World w;
  w.Connect();
  Insider x(w);
  const ChildSa child = w.b->children[0];
  const Payloads answer = x.Ask(ExchangeType::kInformational, 2, {DeletePayload{ProtocolId::kEsp, {child.spi_out}}});
  ASSERT_NE(ike::Find<DeletePayload>(answer), nullptr);
  EXPECT_THAT(ike::Find<DeletePayload>(answer)->spis, ElementsAre(child.spi_in));
  EXPECT_TRUE(w.b->inbound.empty() && w.b->outbound.empty());
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(Hostile, AForgedDeleteFromOutsideChangesNothing) {
  World w;
  w.Connect();
  Insider x(w);
  Bytes del = x.Message(true, ExchangeType::kInformational, 2, {DeletePayload{ProtocolId::kIke, {}}});
  const size_t before = w.wire.size();
  for (size_t i = kHeaderSize; i < del.size(); ++i) {
    Bytes bad = del;
    bad[i] ^= 1;
    w.Inject(*w.b, {w.a->address, 500}, bad);
  }
  EXPECT_EQ(w.b->live(), 1u);
  EXPECT_EQ(w.wire.size(), before);
  w.Inject(*w.b, {w.a->address, 500}, del);  // the window is where it was
  EXPECT_EQ(w.b->live(), 0u);
}

TEST(Hostile, AnEchoedMessageIsNotTakenAsThePeers) {
  World w;
  const IkeSaId id = w.Connect();
  w.drop = [](const Node&, const Bytes&) { return true; };
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.SendConfigSet(id, {{CfgAttr::kIp4Dns, {}}}, w.now, out); });
  const Bytes sent = w.wire.back().second.bytes;
  const size_t before = w.wire.size();
  w.Inject(*w.a, {w.b->address, 500}, sent);
  Bytes flipped = sent;
  flipped[19] ^= kFlagInitiator;
  w.Inject(*w.a, {w.b->address, 500}, flipped);
  EXPECT_EQ(w.wire.size(), before);
  EXPECT_TRUE(w.a->configs.empty());
}

TEST(Hostile, AnAnswerNobodyAskedForIsDropped) {
  World w;
  w.Connect();
  Insider x(w);
  SeededRng rng(3);
  const size_t trace = w.b->trace.size();
  for (uint32_t id = 0; id < 5; ++id) {
    Header h = x.MakeHeader(true, ExchangeType::kInformational, id, true);
    (void)h;
    Bytes m = x.Message(true, ExchangeType::kInformational, id, {});
    m[19] |= kFlagResponse;
    w.Inject(*w.b, {w.a->address, 500}, m);
  }
  EXPECT_EQ(w.b->trace.size(), trace);
  EXPECT_EQ(w.b->endpoint->counters().Get("drop: answer to no request"), 5u);
}

TEST(Hostile, AFloodOfGarbageChangesNothingAndIsHardlyAnswered) {
  World w;
  w.Connect();
  SeededRng rng(4);
  const size_t sent = w.wire.size(), trace = w.b->trace.size();
  const auto list = w.b->endpoint->List(w.now);
  for (int i = 0; i < 20000; ++i) {
    Bytes junk = rng.Take(rng.Below(200));
    const Bytes& real = w.wire[rng.Below(4)].second.bytes;
    if (i % 2 == 0) {  // a real message, bent
      junk = real;
      for (int k = 0; k < 3; ++k) junk[rng.Below(junk.size())] = static_cast<uint8_t>(rng.U32());
      junk[16] = 46;  // never a parsable IKE_SA_INIT
    }
    w.Inject(*w.b, {Ip("198.51.100.1"), 500}, junk);
  }
  EXPECT_LE(w.wire.size(), sent + 20) << "answers outside of an IKE SA are limited a second";
  EXPECT_EQ(w.b->trace.size() - trace, w.wire.size() - sent);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  EXPECT_EQ(w.b->endpoint->List(w.now).at(0).remote_request_id, list.at(0).remote_request_id);
  EXPECT_TRUE(w.PairUsable());
}

Bytes InitFrom(SeededRng& rng, const Suite& suite, BytesView nonce) {
  Header h;
  h.initiator_spi = IkeSpi(rng.U64() | 1);
  h.exchange = ExchangeType::kIkeSaInit;
  h.flags = kFlagInitiator;
  Payloads p = {BuildSa(ProtocolId::kIke, {}, {suite}), KePayload{suite.ke, rng.Take(crypto::KePublicSize(suite.ke))},
                NoncePayload{Bytes(nonce.begin(), nonce.end())}};
  return EncodeMessage(h, p);
}

TEST(Flood, HalfOpenSasAreLimitedInAllAndBySource) {
  Endpoint::Config config;
  config.cookie_threshold = 1000000;
  config.max_half_open = 100;
  config.max_half_open_per_source = 10;
  World w(1, config);
  SeededRng rng(5);
  const Bytes nonce(32, 1);
  for (int i = 0; i < 50; ++i) w.Inject(*w.b, {Ip("198.51.100.1"), 500}, InitFrom(rng, IkeSuite(), nonce));
  EXPECT_EQ(w.b->endpoint->half_open(), 10u);
  EXPECT_EQ(w.b->endpoint->counters().Get("drop: too many half-open SAs of one source"), 40u);
  for (uint32_t i = 0; i < 500; ++i)
    w.Inject(*w.b, {net::IpAddress::V4(0x0a000000 + i), 500}, InitFrom(rng, IkeSuite(), nonce));
  EXPECT_EQ(w.b->endpoint->half_open(), 100u);
  EXPECT_EQ(w.b->endpoint->counters().Get("drop: too many half-open SAs"), 410u);
  w.Run(31s);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  EXPECT_TRUE(w.b->endpoint->List(w.now).empty());
  EXPECT_TRUE(w.b->downs.empty());
  EXPECT_FALSE(w.b->endpoint->NextDeadline().has_value());
}

TEST(Flood, UnderAttackAnHonestPeerStillConnectsByCookie) {
  World w;
  SeededRng rng(6);
  const Bytes nonce(32, 1);
  for (uint32_t i = 0; i < 200; ++i)
    w.Inject(*w.b, {net::IpAddress::V4(0x0a000000 + i), 500}, InitFrom(rng, IkeSuite(), nonce));
  EXPECT_EQ(w.b->endpoint->half_open(), 30u);
  w.Connect();
  EXPECT_EQ(w.b->live(), 1u);
  EXPECT_EQ(w.a->endpoint->counters().Get("cookies obeyed"), 1u);
}

TEST(Flood, TheLimitOfSasHolds) {
  Endpoint::Config config;
  config.max_sas = 1;
  World w(1, config);
  w.Connect();
  Node* c = w.Add("C", "192.0.2.3", "spoke3.example.net");
  w.Initiate(*c, w.Request(*c, *w.b));
  w.Run(5s);
  EXPECT_EQ(c->live(), 0u);
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(Flood, OurOwnNegotiationsAreLimitedAndMakeRoomWhenTheyEnd) {
  Endpoint::Config config;
  config.max_initiating = 2;
  World w(1, config);
  for (int i = 0; i < 3; ++i) w.Initiate(*w.a, w.Request(*w.a, *w.b));
  EXPECT_THAT(w.a->warnings, ::testing::ElementsAre(::testing::HasSubstr("2 IKE SAs of ours are in negotiation already")));
  w.Run(5s);
  EXPECT_EQ(w.a->live(), 2u);
  w.Initiate(*w.a, w.Request(*w.a, *w.b));  // those before are up: they do not count
  w.Run(5s);
  EXPECT_EQ(w.a->live(), 3u);
  for (int i = 0; i < 2; ++i) {  // nor do those that failed
    InitiateRequest nobody = w.Request(*w.a, *w.b);
    nobody.remote.address = Ip("198.51.100.77");
    w.Initiate(*w.a, nobody);
  }
  w.Run(300s);
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(5s);
  EXPECT_EQ(w.a->live(), 4u);
}

TEST(Flood, AnOversizedOrTruncatedInitIsDropped) {
  World w;
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(2ms);
  const Bytes init = w.wire.at(0).second.bytes;
  for (size_t n = 0; n < init.size(); ++n) {
    Bytes cut(init.begin(), init.begin() + static_cast<std::ptrdiff_t>(n));
    w.Inject(*w.b, {Ip("198.51.100.1"), 500}, cut);
    if (n < kHeaderSize) continue;
    cut[24] = cut[25] = 0;  // also with a length that fits
    cut[26] = static_cast<uint8_t>(n >> 8);
    cut[27] = static_cast<uint8_t>(n);
    w.Inject(*w.b, {Ip("198.51.100.1"), 500}, cut);
  }
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  Bytes huge = init;
  huge.resize(9000);
  huge[26] = 9000 >> 8;
  huge[27] = 9000 & 0xff;
  w.Inject(*w.b, {Ip("198.51.100.1"), 500}, huge);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  EXPECT_EQ(w.b->endpoint->counters().Get("drop: IKE_SA_INIT too large"), 1u);
}

TEST(Flood, ABadPublicValueLeavesNothingBehind) {
  World w;
  SeededRng rng(7);
  Header h;
  h.initiator_spi = IkeSpi(77);
  h.exchange = ExchangeType::kIkeSaInit;
  h.flags = kFlagInitiator;
  Payloads p = {BuildSa(ProtocolId::kIke, {}, {IkeSuite()}), KePayload{IkeSuite().ke, Bytes(5, 1)},
                NoncePayload{Bytes(32, 1)}};
  w.Inject(*w.b, {Ip("198.51.100.1"), 500}, EncodeMessage(h, p));
  w.Run(1s);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  EXPECT_EQ(w.b->endpoint->counters().Get("drop: bad public value in an IKE_SA_INIT request"), 1u);
}

TEST(Flood, AForgedInitAnswerWithABadPublicValueDoesNotStopTheInitiator) {
  World w;
  bool lose = true;
  w.drop = [&](const Node& from, const Bytes&) { return lose && from.name == "B"; };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(100ms);
  Header h = *DecodeHeader(w.wire.at(0).second.bytes);
  h.responder_spi = IkeSpi(66);
  h.flags = kFlagResponse;
  Payloads p = {BuildSa(ProtocolId::kIke, {}, {IkeSuite()}), KePayload{IkeSuite().ke, Bytes(5, 1)},
                NoncePayload{Bytes(32, 1)}};
  w.Inject(*w.a, {w.b->address, 500}, EncodeMessage(h, p));
  w.Run(100ms);
  EXPECT_EQ(w.a->endpoint->counters().Get("drop: bad public value in an IKE_SA_INIT answer"), 1u);
  lose = false;
  w.Run(5s);
  EXPECT_EQ(w.a->live(), 1u);
}

TEST(Scale, TenThousandSessionsWakeOneByOneOnly) {
  World w;
  w.b->policy.session.dpd = {};
  SeededRng rng(8);
  Endpoint::Config config;
  config.cookie_threshold = 1000000;
  config.max_half_open = 1000000;
  config.max_half_open_per_source = 1000000;
  w.b->endpoint->SetConfig(config);
  const Bytes nonce(32, 1);
  for (uint32_t i = 0; i < 10000; ++i) {
    w.Inject(*w.b, {net::IpAddress::V4(0x0a000000 + i), 500}, InitFrom(rng, IkeSuite(), nonce));
    w.now += 1ms;
  }
  EXPECT_EQ(w.b->endpoint->half_open(), 10000u);
  w.Run(60s);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  EXPECT_EQ(w.b->endpoint->counters().Get("half-open SAs expired"), 10000u);
}

}  // namespace
}  // namespace flexvpn::ike::test
