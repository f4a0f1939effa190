// SPDX-License-Identifier: Apache-2.0
// Rules of RFC 7296 that only show when a peer errs, has lost its state or speaks another version.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core_ike/insider.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Bytes Plain(const Header& h, const Payloads& p) { return EncodeMessage(h, p); }

// The error in the last datagram on the wire, which must be in the clear.
NotifyType LastPlainError(const World& w, Header* header = nullptr) {
  const Bytes& bytes = w.wire.back().second.bytes;
  const auto h = DecodeHeader(bytes);
  if (!h.ok()) return {};
  if (header != nullptr) *header = *h;
  const auto p = DecodePayloads(h->next_payload, BytesView(bytes).subspan(kHeaderSize));
  return p.ok() ? ErrorOf(*p) : NotifyType{};
}

const net::Endpoint kStranger{Ip("198.51.100.1"), 500};

TEST(Version, AHigherOneIsAnsweredWithOursAndALowerOneIsNot) {
  World w;
  Header h;
  h.version = 0x30;
  h.initiator_spi = IkeSpi(5);
  h.exchange = ExchangeType::kIkeSaInit;
  h.flags = kFlagInitiator;
  w.Inject(*w.b, kStranger, Plain(h, {}));
  ASSERT_THAT(w.wire, SizeIs(1));
  Header answer;
  EXPECT_EQ(LastPlainError(w, &answer), NotifyType::kInvalidMajorVersion);
  EXPECT_EQ(answer.version, 0x20);
  EXPECT_EQ(answer.initiator_spi, h.initiator_spi);
  EXPECT_TRUE(answer.is_response());
  EXPECT_FALSE(answer.from_initiator());
  h.version = 0x10;
  w.Inject(*w.b, kStranger, Plain(h, {}));
  h.version = 0x30;
  h.flags |= kFlagResponse;
  w.Inject(*w.b, kStranger, Plain(h, {}));
  EXPECT_THAT(w.wire, SizeIs(1)) << "neither IKEv1 nor a response is answered";
}

TEST(Version, AMinorVersionAndReservedFlagsAreIgnored) {
  World w;
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(2ms);
  Bytes init = w.wire.at(0).second.bytes;
  init[17] = 0x25;
  init[19] |= 0x47;
  w.Inject(*w.b, kStranger, init);
  EXPECT_EQ(w.b->endpoint->half_open(), 1u);
}

TEST(UnknownSpi, IsAnsweredInTheClearButNotWithoutEnd) {
  World w;
  Header h;
  h.initiator_spi = IkeSpi(5), h.responder_spi = IkeSpi(6);
  h.exchange = ExchangeType::kInformational;
  h.flags = kFlagInitiator;
  h.message_id = 7;
  for (int i = 0; i < 100; ++i) w.Inject(*w.b, kStranger, Plain(h, {}));
  ASSERT_THAT(w.wire, SizeIs(20));
  Header answer;
  EXPECT_EQ(LastPlainError(w, &answer), NotifyType::kInvalidIkeSpi);
  EXPECT_EQ(answer.responder_spi, h.responder_spi);
  EXPECT_EQ(answer.exchange, h.exchange);
  EXPECT_EQ(answer.message_id, 7u);
  h.flags = kFlagInitiator | kFlagResponse;
  w.now += 1s;
  w.Inject(*w.b, kStranger, Plain(h, {}));
  EXPECT_THAT(w.wire, SizeIs(20)) << "responses are never answered";
  EXPECT_EQ(w.b->endpoint->counters().Get("drop: unknown IKE SPI"), 101u);
}

TEST(UnknownSpi, APeerThatLostItsStateIsFoundByItsHint) {
  World w;
  w.Connect();
  w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.Forget(w.b->ups.back().id, w.now, out); });
  const IkeSaId id = w.a->ups.back().id;
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.SendConfigSet(id, {{CfgAttr::kIp4Subnet, Bytes(8, 1)}}, w.now, out); });
  w.Run(1s);
  EXPECT_GE(w.a->endpoint->counters().Get("hints that the peer has lost an IKE SA"), 1u);
  EXPECT_EQ(w.a->live(), 1u) << "the hint alone ends nothing";
  w.Run(120s);
  EXPECT_EQ(w.a->live(), 0u);
}

TEST(UnknownSpi, AForgedHintCostsOneLivenessCheckInTenSeconds) {
  World w;
  w.Connect();
  Header h = *DecodeHeader(w.wire.at(1).second.bytes);
  h.exchange = ExchangeType::kInformational;
  h.flags = kFlagResponse;
  const Payloads hint = {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kInvalidIkeSpi, {}}};
  const size_t before = w.wire.size();
  for (int i = 0; i < 50; ++i) {
    w.Inject(*w.a, {w.b->address, 500}, Plain(h, hint));
    w.Run(100ms);
  }
  EXPECT_EQ(w.wire.size(), before + 2);  // one check and its answer
  EXPECT_EQ(w.a->live(), 1u);
  w.Inject(*w.a, kStranger, Plain(h, hint));
  EXPECT_EQ(w.a->endpoint->counters().Get("drop: unprotected message for an IKE SA"), 1u);
}

TEST(InvalidSyntax, EndsTheIkeSaOnBothSidesWithoutADelete) {
  World w;
  w.Connect();
  Insider x(w);
  const Payloads bad = {DeletePayload{ProtocolId::kEsp, {EspSpi(1)}}};
  Bytes message = x.Message(true, ExchangeType::kCreateChildSa, 2, bad);
  w.Inject(*w.b, {w.a->address, 500}, message);
  EXPECT_EQ(w.b->live(), 0u);
  EXPECT_TRUE(w.b->inbound.empty() && w.b->outbound.empty());
  EXPECT_THAT(w.b->downs.back().reason, HasSubstr("INVALID_SYNTAX"));
  const size_t sent = w.wire.size();
  w.Inject(*w.b, {w.a->address, 500}, message);
  ASSERT_EQ(w.wire.size(), sent + 1) << "the refusal is repeated when it was lost";
  EXPECT_EQ(w.wire.back().second.bytes, w.wire[sent - 1].second.bytes);
  w.Run(60s);
  EXPECT_THAT(w.b->endpoint->List(w.now), IsEmpty());
}

TEST(InvalidSyntax, InAnAnswerEndsOurSideToo) {
  World w;
  w.Connect();
  Insider x(w);
  w.drop = [](const Node& from, const Bytes&) { return from.name == "B"; };
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyChild(w.a->outbound.back().id, w.now, out); });
  w.Run(5ms);
  Bytes refusal = x.Message(false, ExchangeType::kCreateChildSa, 2,
                            {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kInvalidSyntax, {}}}, true);
  w.Inject(*w.a, {w.b->address, 500}, refusal);
  EXPECT_EQ(w.a->live(), 0u);
  w.Run(60s);
  EXPECT_THAT(w.a->endpoint->List(w.now), IsEmpty());
}

TEST(CriticalBit, InAnInitAnswerDropsTheAnswerAlone) {
  World w;
  bool lose = true;
  w.drop = [&](const Node& from, const Bytes&) { return lose && from.name == "B"; };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(20ms);
  Header h = *DecodeHeader(w.wire.at(0).second.bytes);
  h.responder_spi = IkeSpi(9);
  h.flags = kFlagResponse;
  w.Inject(*w.a, {w.b->address, 500}, Plain(h, {UnknownPayload{200, true, {}}}));
  EXPECT_EQ(w.a->endpoint->counters().Get("drop: unknown critical payload in an answer"), 1u);
  lose = false;
  w.Run(5s);
  EXPECT_EQ(w.a->live(), 1u);
}

TEST(LostChild, InvalidSpiFromThePeerMakesANewOne) {
  World w;
  w.Connect();
  Insider x(w);
  ByteWriter spi;
  spi.U32(w.b->children.back().spi_out.value());
  const NotifyPayload lacks{ProtocolId::kNone, {}, NotifyType::kInvalidSpi, std::move(spi).Release()};
  const Payloads answer = x.Ask(ExchangeType::kInformational, 2, {lacks});
  EXPECT_TRUE(answer.empty());
  w.Run(2s);
  EXPECT_EQ(w.b->endpoint->counters().Get("Child SAs the peer has lost"), 1u);
  EXPECT_EQ(w.b->children.size(), 2u);
  EXPECT_EQ(w.b->inbound.size(), 1u);
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(NewChild, IsMadeByCreateChildSaBesideTheOthersWithAndWithoutPfs) {
  for (bool pfs : {false, true}) {
    World w;
    if (pfs)
      w.a->policy.session.child.pfs = w.b->policy.session.child.pfs = {crypto::KeMethod::kEcp256};
    const IkeSaId id = w.Connect();
    w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.CreateChild(id, w.now, out); });
    w.Run(1s);
    EXPECT_EQ(w.a->inbound.size(), 2u);
    EXPECT_EQ(w.b->inbound.size(), 2u);
    EXPECT_EQ(w.a->children.back().suite.ke, pfs ? crypto::KeMethod::kEcp256 : crypto::KeMethod::kNone);
    EXPECT_FALSE(w.a->children.back().replaces);
    EXPECT_TRUE(w.PairUsable());
  }
}

TEST(NewChild, MeetingAnIkeRekeyIsPutOffAndDone) {
  World w;
  const IkeSaId id = w.Connect();
  w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.RekeyIke(w.b->ups.back().id, w.now, out); });
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.CreateChild(id, w.now, out); });
  w.Run(20s);
  EXPECT_EQ(w.a->inbound.size(), 2u);
  EXPECT_EQ(w.b->inbound.size(), 2u);
  EXPECT_EQ(w.a->endpoint->List(w.now).size(), 1u);
}

// A's CREATE_CHILD_SA is lost and answered with `error`, as of B.
void Refuse(World& w, Insider& x, uint32_t id, NotifyType error) {
  w.drop = [](const Node& from, const Bytes&) { return from.name == "A"; };
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyChild(w.a->outbound.back().id, w.now, out); });
  w.Run(5ms);
  w.drop = nullptr;
  w.Inject(*w.a, {w.b->address, 500},
           x.Message(false, ExchangeType::kCreateChildSa, id, {NotifyPayload{ProtocolId::kNone, {}, error, {}}}, true));
}

TEST(LostChild, ChildSaNotFoundMakesANewOneBeforeTheOldGoes) {
  World w;
  w.Connect();
  Insider x(w);
  w.a->trace.clear();
  Refuse(w, x, 2, NotifyType::kChildSaNotFound);
  w.Run(2s);
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_TRUE(w.PairUsable());
  EXPECT_EQ(w.a->inbound.size(), 1u);
  const auto up = std::find(w.a->trace.begin(), w.a->trace.end(), "ChildUp in out");
  const auto down = std::find(w.a->trace.begin(), w.a->trace.end(), "ChildDown in out");
  ASSERT_TRUE(up != w.a->trace.end() && down != w.a->trace.end());
  EXPECT_LT(up, down);
}

TEST(RekeyRefused, TemporaryFailureIsTriedAgainSoonAndQuietly) {
  World w;
  w.Connect();
  Insider x(w);
  Refuse(w, x, 2, NotifyType::kTemporaryFailure);
  EXPECT_THAT(w.a->warnings, IsEmpty());
  const size_t before = w.wire.size();
  w.Run(990ms);
  EXPECT_EQ(w.wire.size(), before);
  w.Run(2100ms);
  EXPECT_GT(w.wire.size(), before);
}

TEST(RekeyRefused, ALastingRefusalIsOneWarningAndTriedSeldom) {
  World w;
  w.Connect();
  Insider x(w);
  Refuse(w, x, 2, NotifyType::kNoProposalChosen);
  EXPECT_THAT(w.a->warnings, Contains(HasSubstr("NO_PROPOSAL_CHOSEN")));
  const size_t before = w.wire.size();
  w.Run(29s);
  EXPECT_EQ(w.wire.size(), before);
  EXPECT_EQ(w.a->live(), 1u);
}

TEST(RekeyRefused, NoAdditionalSasMeansToBeginAnew) {
  World w;
  w.Connect();
  Insider x(w);
  Refuse(w, x, 2, NotifyType::kNoAdditionalSas);
  EXPECT_EQ(w.a->live(), 0u);
  EXPECT_THAT(w.a->downs.back().reason, HasSubstr("NO_ADDITIONAL_SAS"));
}

TEST(SinglePair, IsAskedForAgainWithOnePairOnly) {
  World w;
  const auto net = [](const char* p) { return TsPolicy{false, 0, *net::Prefix::Parse(p)}; };
  w.a->policy.session.child.transport = false;
  w.a->policy.session.child.local = {net("10.1.0.0/16"), net("10.2.0.0/16")};
  w.a->policy.session.child.remote = {net("10.9.0.0/16")};
  w.b->policy.session.child = w.a->policy.session.child;
  std::swap(w.b->policy.session.child.local, w.b->policy.session.child.remote);
  // B's answer to IKE_AUTH is turned into one of a peer that takes one pair at a time.
  w.drop = [](const Node& from, const Bytes& bytes) {
    const auto h = DecodeHeader(bytes);
    return from.name == "B" && h.ok() && h->exchange == ExchangeType::kIkeAuth;
  };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(300ms);
  Insider x(w, IkeSuite());
  Payloads answer = x.Read(false, w.wire.at(3).second.bytes);
  std::erase_if(answer, [](const Payload& p) {
    return std::holds_alternative<SaPayload>(p) || std::holds_alternative<TsPayload>(p);
  });
  answer.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kSinglePairRequired, {}});
  w.drop = nullptr;
  w.Inject(*w.a, {w.b->address, 500}, x.Message(false, ExchangeType::kIkeAuth, 1, answer, true));
  w.Run(1s);
  ASSERT_EQ(w.a->live(), 1u);
  ASSERT_EQ(w.a->children.size(), 1u);
  EXPECT_THAT(w.a->children[0].local_ts, SizeIs(1));
  EXPECT_EQ(w.a->children[0].local_ts[0].ToString(), w.b->children.back().remote_ts[0].ToString());
}

TEST(AdditionalTs, IsSaidWhenTheAnswerHasNoRoomForAll) {
  World w;
  w.a->policy.session.child.transport = false;
  w.a->policy.session.child.local.clear();
  for (uint32_t i = 0; i < 16; ++i)
    w.a->policy.session.child.local.push_back({false, 0, net::Prefix(net::IpAddress::V4(0x0a000000 + (i << 16)), 16)});
  w.a->policy.session.child.remote = {{false, 0, *net::Prefix::Parse("0.0.0.0/0")}};
  w.b->policy.session.child = w.a->policy.session.child;
  w.b->policy.session.child.local = {{false, 0, *net::Prefix::Parse("0.0.0.0/0")}};
  w.b->policy.session.child.remote.clear();
  for (uint32_t i = 0; i < 64; ++i)  // 16 x 5 intersections
    w.b->policy.session.child.remote.push_back({false, 0, net::Prefix(net::IpAddress::V4(0x0a000000 + (i << 14)), 18)});
  w.b->policy.session.child.remote.push_back({false, 0, *net::Prefix::Parse("10.0.0.0/8")});
  w.Connect();
  EXPECT_EQ(w.a->children.size(), 1u);
  EXPECT_EQ(w.a->endpoint->counters().Get("answers with ADDITIONAL_TS_POSSIBLE"), 1u);
}

TEST(Volume, TheLimitsAreGivenToTheKernelWithJitter) {
  World w;
  w.a->policy.session.child.lifetime_bytes = 1000000;
  w.Connect();
  EXPECT_EQ(w.a->children[0].hard_bytes, 1000000u);
  EXPECT_GE(w.a->children[0].soft_bytes, 850000u);
  EXPECT_LT(w.a->children[0].soft_bytes, 950000u);
  EXPECT_EQ(w.b->children[0].hard_bytes, 0u) << "none configured there";
}

}  // namespace
}  // namespace flexvpn::ike::test
