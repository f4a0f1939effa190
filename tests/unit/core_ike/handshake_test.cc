// SPDX-License-Identifier: Apache-2.0
// IKE_SA_INIT, IKE_AUTH, configuration and NAT between two endpoints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core_ike/pair.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Handshake, FourMessagesBringUpASessionWithMatchingChildSas) {
  World w;
  w.Connect();
  ASSERT_EQ(w.a->live(), 1u);
  ASSERT_EQ(w.b->live(), 1u);
  EXPECT_EQ(w.wire.size(), 4u);
  EXPECT_TRUE(w.PairUsable());
  EXPECT_EQ(w.b->ups[0].remote_id, Fqdn("spoke1.example.net"));
  EXPECT_EQ(w.a->ups[0].remote_id, Fqdn("hub.example.net"));
  EXPECT_TRUE(w.a->ups[0].initiator);
  EXPECT_FALSE(w.b->ups[0].initiator);
  EXPECT_EQ(w.a->ups[0].spi_i, w.b->ups[0].spi_i);
  EXPECT_EQ(w.a->ups[0].spi_r, w.b->ups[0].spi_r);
  EXPECT_THAT(*w.a->ups[0].vendor_ids, Contains("FLEXVPN-SUPPORTED"));
  const ChildSa& child = w.b->children.at(0);
  EXPECT_TRUE(child.transport);
  EXPECT_FALSE(child.udp_encap);
  EXPECT_EQ(child.spi_in.value() >> 28, 0xcu);
  EXPECT_EQ(child.encr_in, w.a->children.at(0).encr_out);
  EXPECT_EQ(child.encr_out, w.a->children.at(0).encr_in);
  ASSERT_EQ(child.remote_ts.size(), 1u);
  EXPECT_EQ(child.remote_ts[0].start, Ip("192.0.2.1"));
  EXPECT_EQ(child.remote_ts[0].protocol, 47);
  EXPECT_EQ(w.a->endpoint->half_open() + w.b->endpoint->half_open(), 0u);
}

TEST(Handshake, SasAreAnnouncedBeforeTheAnswerIsSent) {
  World w;
  w.Connect();
  EXPECT_THAT(w.b->trace, ElementsAre("Send", "SessionUp", "ChildUp in out", "Send"));
  EXPECT_THAT(w.a->trace, ElementsAre("Send", "Send", "SessionUp", "ChildUp in out"));
}

TEST(Handshake, WorksWithAeadAndEveryPairOfSuites) {
  for (const Suite& suite : {IkeSuite(), IkeGcmSuite(), IkeGcmSuite(crypto::KeMethod::kModp2048)}) {
    World w;
    w.a->policy.suites = w.b->policy.suites = {suite};
    w.Connect();
    ASSERT_EQ(w.b->live(), 1u);
    EXPECT_EQ(w.a->ups[0].suite, suite);
    EXPECT_TRUE(w.PairUsable());
  }
}

TEST(Handshake, InvalidKePayloadMakesTheInitiatorTryTheWantedGroup) {
  World w;
  w.a->policy.suites = {IkeSuite(crypto::KeMethod::kModp2048), IkeSuite(crypto::KeMethod::kEcp384)};
  w.b->policy.suites = {IkeSuite(crypto::KeMethod::kEcp384)};
  w.Connect();
  ASSERT_EQ(w.a->live(), 1u);
  EXPECT_EQ(w.a->ups[0].suite.ke, crypto::KeMethod::kEcp384);
  EXPECT_EQ(w.wire.size(), 6u);
}

TEST(Handshake, InvalidKePayloadForAGroupNeverOfferedIsIgnored) {
  World w;
  w.drop = [&](const Node& from, const Bytes&) { return from.name == "B"; };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(100ms);
  const auto header = DecodeHeader(w.wire.at(0).second.bytes);
  ASSERT_TRUE(header.ok());
  Header h = *header;
  h.flags = kFlagResponse;
  for (auto group : {crypto::KeMethod::kModp1024, crypto::KeMethod::kCurve25519}) {
    ByteWriter data;
    data.U16(static_cast<uint16_t>(group));
    Payloads p = {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kInvalidKePayload, std::move(data).Release()}};
    w.Inject(*w.a, {w.b->address, 500}, EncodeMessage(h, p));
  }
  EXPECT_EQ(w.a->endpoint->counters().Get("drop: INVALID_KE_PAYLOAD names a group we did not offer"), 1u);
  EXPECT_EQ(w.a->endpoint->counters().Get("drop: INVALID_KE_PAYLOAD names a group we have used"), 1u);
  w.drop = nullptr;
  EXPECT_TRUE(w.RunUntil([&] { return w.a->live() == 1; }, 10s));
}

TEST(Handshake, CookieIsDemandedFromTheThresholdAndObeyed) {
  Endpoint::Config config;
  config.cookie_threshold = 0;
  World w(1, config);
  w.Connect();
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_EQ(w.wire.size(), 6u);
  EXPECT_EQ(w.b->endpoint->counters().Get("cookies demanded"), 1u);
  EXPECT_EQ(w.a->endpoint->counters().Get("cookies obeyed"), 1u);
}

TEST(Handshake, ACookieChallengeKeepsNoState) {
  Endpoint::Config config;
  config.cookie_threshold = 0;
  World w(1, config);
  w.drop = [&](const Node& from, const Bytes&) { return from.name == "B"; };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(3s);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  EXPECT_FALSE(w.b->endpoint->NextDeadline().has_value());
}

TEST(Handshake, NoCommonProposalIsSaidOnBothSides) {
  World w;
  w.b->policy.suites = {IkeGcmSuite()};
  w.Connect();
  EXPECT_EQ(w.a->live(), 0u);
  ASSERT_EQ(w.a->downs.size(), 1u);
  EXPECT_FALSE(w.a->downs[0].was_up);
  EXPECT_THAT(w.a->downs[0].reason, HasSubstr("NO_PROPOSAL_CHOSEN"));
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("192.0.2.1:500")));
}

TEST(Handshake, WrongPresharedKeyIsOneClearLineOnEachSide) {
  World w;
  w.b->policy.session.remote_psk = ToSecret(AsView("other"));
  w.Connect();
  EXPECT_EQ(w.a->live() + w.b->live(), 0u);
  ASSERT_THAT(w.a->warnings, ElementsAre(HasSubstr("wrong pre-shared key")));
  EXPECT_THAT(w.a->warnings[0], HasSubstr("192.0.2.2"));
  ASSERT_THAT(w.b->warnings, ElementsAre(HasSubstr("wrong pre-shared key")));
  EXPECT_THAT(w.b->warnings[0], HasSubstr("spoke1.example.net"));
  ASSERT_EQ(w.a->downs.size(), 1u);
  EXPECT_TRUE(w.b->downs.empty());  // never announced
  EXPECT_TRUE(w.a->inbound.empty() && w.b->inbound.empty());
}

TEST(Handshake, AResponderWithTheWrongKeyIsToldAndTakenDown) {
  World w;
  w.b->policy.session.local_psk = ToSecret(AsView("other"));
  w.Connect();
  w.Run(2s);
  EXPECT_EQ(w.a->live() + w.b->live(), 0u);
  EXPECT_THAT(w.a->warnings, ElementsAre(HasSubstr("wrong pre-shared key")));
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("wrong pre-shared key")));
  EXPECT_TRUE(w.b->inbound.empty() && w.b->outbound.empty());
}

TEST(Handshake, DifferentKeysPerDirectionWork) {
  World w;
  w.a->policy.session.local_psk = w.b->policy.session.remote_psk = ToSecret(AsView("one"));
  w.a->policy.session.remote_psk = w.b->policy.session.local_psk = ToSecret(AsView("two"));
  w.Connect();
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
}

TEST(Handshake, TheRefusalIsRepeatedWhenItsAnswerWasLost) {
  World w;
  w.b->policy.session.remote_psk = ToSecret(AsView("other"));
  int answers = 0;
  w.drop = [&](const Node& from, const Bytes&) { return from.name == "B" && ++answers == 2; };
  w.Connect();
  EXPECT_THAT(w.a->warnings, ElementsAre(HasSubstr("wrong pre-shared key")));
  EXPECT_EQ(w.b->warnings.size(), 1u);
}

TEST(Handshake, AProfileRefusalLooksTheSameToThePeerButNotToOurLog) {
  World w;
  w.b->policy.refuse = absl::NotFoundError("no profile matches");
  w.Connect();
  EXPECT_THAT(w.a->warnings, ElementsAre(HasSubstr("AUTHENTICATION_FAILED")));
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("no profile matches")));
  w.Run(60s);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
}

TEST(Handshake, AnotherResponderIdentityThanWantedIsRefused) {
  World w;
  auto r = w.Request(*w.a, *w.b);
  r.remote_id = Fqdn("hub2.example.net");
  w.Initiate(*w.a, r);
  w.Run(5s);
  EXPECT_EQ(w.a->live() + w.b->live(), 0u);
  EXPECT_EQ(w.b->policy.wanted, Fqdn("hub2.example.net"));
  EXPECT_THAT(w.a->warnings, ElementsAre(HasSubstr("hub.example.net, wanted hub2.example.net")));
}

TEST(Handshake, ARefusedChildSaEndsTheInitiatorsSession) {
  World w;
  w.b->policy.session.child.local = {TsPolicy{false, 47, *net::Prefix::Parse("198.51.100.0/24")}};
  w.Connect();
  w.Run(1s);
  EXPECT_EQ(w.a->live() + w.b->live(), 0u);
  ASSERT_EQ(w.a->downs.size(), 1u);
  EXPECT_THAT(w.a->downs[0].reason, HasSubstr("TS_UNACCEPTABLE"));
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("traffic selectors")));
  EXPECT_EQ(w.b->downs.size(), 1u);  // was up, then deleted by the peer
}

TEST(Handshake, TunnelModeIsTakenWhenTheResponderDoesNotDoTransport) {
  World w;
  w.b->policy.session.child.transport = false;
  w.Connect();
  ASSERT_EQ(w.a->live(), 1u);
  EXPECT_FALSE(w.a->children[0].transport);
  EXPECT_FALSE(w.b->children[0].transport);
}

TEST(Handshake, TransportOnlyDoesNotAcceptTunnelMode) {
  World w;
  w.b->policy.session.child.transport = false;
  w.a->policy.session.child.tunnel = false;
  w.Connect();
  EXPECT_EQ(w.a->live(), 0u);
  EXPECT_THAT(w.a->downs[0].reason, HasSubstr("transport"));
}

TEST(Handshake, SelectorsAreNarrowedToWhatBothWant) {
  World w;
  for (Node* n : {w.a, w.b}) n->policy.session.child.transport = false;
  w.a->policy.session.child.local = w.a->policy.session.child.remote = {
      TsPolicy{false, 0, *net::Prefix::Parse("0.0.0.0/0")}};
  w.b->policy.session.child.local = {TsPolicy{false, 0, *net::Prefix::Parse("10.1.0.0/16")},
                                     TsPolicy{false, 17, *net::Prefix::Parse("10.2.0.0/16")}};
  w.b->policy.session.child.remote = {TsPolicy{false, 0, *net::Prefix::Parse("10.9.0.0/24")}};
  w.Connect();
  ASSERT_EQ(w.a->live(), 1u);
  EXPECT_EQ(w.a->children[0].remote_ts, w.b->children[0].local_ts);
  EXPECT_EQ(w.a->children[0].remote_ts.size(), 2u);
  EXPECT_EQ(w.a->children[0].local_ts[0].end, Ip("10.9.0.255"));
}

TEST(Handshake, ConfigurationIsRequestedAnsweredAndPushed) {
  World w;
  const ConfigAttribute address{CfgAttr::kIp4Address, {10, 9, 0, 7}};
  const ConfigAttribute subnet{CfgAttr::kIp4Subnet, {10, 0, 0, 0, 255, 0, 0, 0}};
  const ConfigAttribute pushed{CfgAttr::kIp4Subnet, {172, 16, 0, 0, 255, 255, 0, 0}};
  w.b->policy.config_reply = std::vector<ConfigAttribute>{address, subnet};
  auto r = w.Request(*w.a, *w.b);
  r.config_request = {{CfgAttr::kIp4Address, {}}, {CfgAttr::kIp4Subnet, {}}};
  r.config_set = {pushed};
  w.Initiate(*w.a, r);
  w.Run(2s);
  ASSERT_EQ(w.a->configs.size(), 1u);
  EXPECT_EQ(w.a->configs[0].type, CfgType::kReply);
  EXPECT_THAT(w.a->configs[0].attributes, ElementsAre(address, subnet));
  EXPECT_EQ(w.b->policy.config_requested.size(), 2u);
  EXPECT_THAT(w.b->policy.config_set, ElementsAre(pushed));
  ASSERT_EQ(w.b->configs.size(), 1u);
  EXPECT_EQ(w.b->configs[0].type, CfgType::kSet);
  EXPECT_THAT(w.b->configs[0].attributes, ElementsAre(pushed));
  EXPECT_THAT(w.a->trace, ElementsAre("Send", "Send", "SessionUp", "ConfigReceived", "ChildUp in out", "Send"));
  w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.SendConfigSet(w.b->ups[0].id, {subnet}, w.now, out); });
  w.Run(1s);
  EXPECT_THAT(w.a->policy.config_set, ElementsAre(subnet));
}

TEST(Handshake, AFailedAddressAssignmentIsReported) {
  World w;
  w.b->policy.config_reply = absl::ResourceExhaustedError("pool is empty");
  auto r = w.Request(*w.a, *w.b);
  r.config_request = {{CfgAttr::kIp4Address, {}}};
  w.Initiate(*w.a, r);
  w.Run(2s);
  EXPECT_THAT(w.a->downs.at(0).reason, HasSubstr("INTERNAL_ADDRESS_FAILURE"));
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("pool is empty")));
}

TEST(Handshake, TheAssignedAddressIsTheDynamicSelectorOfTunnelMode) {
  World w;
  for (Node* n : {w.a, w.b}) n->policy.session.child.transport = false;
  w.b->policy.session.child.remote = {TsPolicy{true, 0, {}}};
  w.a->policy.session.child.local = {TsPolicy{true, 0, {}}};
  w.b->policy.config_reply = std::vector<ConfigAttribute>{{CfgAttr::kIp4Address, {10, 9, 0, 7}}};
  auto r = w.Request(*w.a, *w.b);
  r.config_request = {{CfgAttr::kIp4Address, {}}};
  w.Initiate(*w.a, r);
  w.Run(2s);
  ASSERT_EQ(w.a->children.size(), 1u);
  EXPECT_EQ(w.a->children[0].local_ts[0].start, Ip("10.9.0.7"));
  EXPECT_EQ(w.b->children[0].remote_ts[0].end, Ip("10.9.0.7"));
}

TEST(Nat, BothSidesFloatAndSubstituteSelectors) {
  World w;
  w.nat = Ip("203.0.113.9");
  w.Connect();
  ASSERT_EQ(w.b->live(), 1u);
  EXPECT_TRUE(w.a->ups[0].nat_local);
  EXPECT_FALSE(w.a->ups[0].nat_remote);
  EXPECT_TRUE(w.b->ups[0].nat_remote);
  EXPECT_EQ(w.b->ups[0].remote, (net::Endpoint{Ip("203.0.113.9"), 14500}));
  EXPECT_EQ(w.a->ups[0].local.port, 4500);
  const ChildSa& at_b = w.b->children[0];
  EXPECT_TRUE(at_b.udp_encap);
  EXPECT_EQ(at_b.remote_port, 14500);
  EXPECT_EQ(at_b.local_port, 4500);
  EXPECT_EQ(at_b.remote, Ip("203.0.113.9"));
  EXPECT_EQ(at_b.remote_ts[0].start, Ip("203.0.113.9"));  // §2.23.1
  EXPECT_EQ(w.a->children[0].local_ts[0].start, Ip("192.0.2.1"));
  EXPECT_TRUE(w.PairUsable());
}

TEST(Nat, ChildRekeyStartedFromEitherSideWorksThroughNat) {
  World w;
  w.nat = Ip("203.0.113.9");
  w.traffic_every = 5ms;
  w.Connect();
  w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.RekeyChild(w.b->children.back().id, w.now, out); });
  w.Run(10s);
  EXPECT_EQ(w.b->children.size(), 2u);
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyChild(w.a->children.back().id, w.now, out); });
  w.Run(10s);
  EXPECT_EQ(w.b->children.size(), 3u);
  EXPECT_EQ(w.b->children.back().remote_ts[0].start, Ip("203.0.113.9"));
  EXPECT_EQ(w.a->lost + w.b->lost, 0u);
}

TEST(Nat, KeepalivesAreSentByTheSideBehindIt) {
  World w;
  w.nat = Ip("203.0.113.9");
  w.Connect();
  w.Run(61s);
  const auto keepalive = [](const auto& d) { return d.second.bytes == Bytes{0xff}; };
  EXPECT_EQ(std::count_if(w.wire.begin(), w.wire.end(), keepalive), 3);
  EXPECT_EQ(w.b->endpoint->counters().Get("NAT keepalives received"), 3u);
}

TEST(Nat, AMovedMappingIsFollowedOnlyForAuthenticMessages) {
  World w;
  w.nat = Ip("203.0.113.9");
  w.a->policy.session.dpd = {5s, 1s, false};
  w.Connect();
  Bytes replay = w.wire.back().second.bytes;
  w.Inject(*w.b, {Ip("198.51.100.66"), 9999}, w.wire.at(2).second.bytes, 4500);  // a replay moves nothing
  EXPECT_TRUE(w.b->moves.empty());
  w.nat_shift = 20000;
  w.Run(10s);
  ASSERT_EQ(w.b->moves.size(), 1u);
  EXPECT_EQ(w.b->moves[0].remote, (net::Endpoint{Ip("203.0.113.9"), 24500}));
  EXPECT_EQ(w.b->endpoint->Find(w.b->ups[0].id)->remote.port, 24500);
}

TEST(Nat, ForcedEncapsulationPretendsANat) {
  World w;
  w.a->policy.session.force_encap = true;
  w.Connect();
  EXPECT_TRUE(w.a->children.at(0).udp_encap);
  EXPECT_TRUE(w.b->children.at(0).udp_encap);
  EXPECT_EQ(w.b->children[0].remote_ts[0].start, w.a->address);
}

TEST(Retransmission, SendsIdenticalOctetsAndGivesUp) {
  World w;
  w.b->alive = false;
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(300s);
  ASSERT_EQ(w.wire.size(), 8u);
  for (const auto& sent : w.wire) EXPECT_EQ(sent.second.bytes, w.wire[0].second.bytes);
  ASSERT_EQ(w.a->downs.size(), 1u);
  EXPECT_EQ(w.a->downs[0].reason, "no answer to IKE_SA_INIT");
  EXPECT_FALSE(w.a->endpoint->NextDeadline().has_value());
}

TEST(Retransmission, ARepeatedRequestGetsTheIdenticalAnswerAndChangesNothing) {
  World w;
  w.Connect();
  const auto trace = w.b->trace.size();
  for (size_t i : {0u, 2u}) {  // IKE_SA_INIT, IKE_AUTH
    const size_t before = w.wire.size();
    w.Inject(*w.b, {w.a->address, 500}, w.wire[i].second.bytes);
    if (i == 0) {
      EXPECT_EQ(w.wire.size(), before);  // long finished
      continue;
    }
    ASSERT_EQ(w.wire.size(), before + 1);
    EXPECT_EQ(w.wire.back().second.bytes, w.wire[i + 1].second.bytes);
  }
  EXPECT_EQ(w.b->trace.size(), trace + 1);
  EXPECT_EQ(w.b->policy.selections, 1);
}

TEST(Retransmission, ARepeatedInitIsAnsweredFromTheCache) {
  World w;
  w.drop = [&](const Node& from, const Bytes&) { return from.name == "B"; };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(2s);
  EXPECT_EQ(w.b->endpoint->half_open(), 1u);
  std::vector<Bytes> answers;
  for (const auto& [name, d] : w.wire)
    if (name == "B") answers.push_back(d.bytes);
  ASSERT_GE(answers.size(), 3u);
  for (const Bytes& a : answers) EXPECT_EQ(a, answers[0]);
}

class Lossy : public ::testing::TestWithParam<uint64_t> {};
TEST_P(Lossy, ConnectsRekeysAndKeepsTrafficDespiteThirtyPercentLossDuplicatesAndReordering) {
  World w(GetParam(), Patient());
  w.loss = 0.3;
  w.duplicate = 0.2;
  w.jitter = 40ms;
  w.traffic_every = 20ms;
  w.Connect();
  ASSERT_EQ(w.a->live(), 1u) << "seed " << GetParam();
  ASSERT_TRUE(w.RunUntil([&] { return w.PairUsable(); }, 60s));
  w.Run(1s);
  for (Node* n : {w.a, w.b}) n->lost = n->without_sa = 0;  // until the answer is there the responder talks to nobody
  for (int round = 0; round < 6; ++round) {
    Node& n = round % 2 == 0 ? *w.a : *w.b;
    w.Do(n, [&](Endpoint& e, Actions& out) {
      if (round < 4)
        e.RekeyChild(n.outbound.back().id, w.now, out);
      else
        e.RekeyIke(n.ups[0].id, w.now, out);
    });
    w.Run(40s);
  }
  w.Run(60s);
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_TRUE(w.PairUsable());
  EXPECT_EQ(w.a->lost + w.b->lost + w.a->without_sa + w.b->without_sa, 0u);
  EXPECT_GE(w.a->children.size(), 5u);
  EXPECT_EQ(w.a->inbound.size(), 1u);
  EXPECT_EQ(w.b->inbound.size(), 1u);
  EXPECT_EQ(w.a->rekeyed.size(), 2u);
}
INSTANTIATE_TEST_SUITE_P(Seeds, Lossy, ::testing::Range<uint64_t>(1, 26));

TEST(Delete, ATerminatedSessionGoesOnBothSidesAtOnceAndForGood) {
  World w;
  const IkeSaId id = w.Connect();
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.Terminate(id, "cleared", w.now, out); });
  EXPECT_EQ(w.a->downs.size(), 1u);
  EXPECT_TRUE(w.a->inbound.empty() && w.a->outbound.empty());
  EXPECT_EQ(w.a->endpoint->List(w.now).at(0).state, "DELETE");
  w.Run(1s);
  ASSERT_EQ(w.b->downs.size(), 1u);
  EXPECT_EQ(w.b->downs[0].reason, "deleted by peer");
  EXPECT_TRUE(w.b->downs[0].was_up);
  EXPECT_TRUE(w.b->inbound.empty() && w.b->outbound.empty());
  w.Run(60s);
  EXPECT_TRUE(w.a->endpoint->List(w.now).empty());
  EXPECT_FALSE(w.a->endpoint->NextDeadline().has_value());
  EXPECT_FALSE(w.b->endpoint->NextDeadline().has_value());
}

TEST(Delete, BothAtOnceIsFine) {
  World w;
  const IkeSaId id = w.Connect();
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.Terminate(id, "x", w.now, out); });
  w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.Terminate(w.b->ups[0].id, "y", w.now, out); });
  w.Run(100s);
  EXPECT_EQ(w.a->downs.size() + w.b->downs.size(), 2u);
  EXPECT_FALSE(w.a->endpoint->NextDeadline().has_value());
  EXPECT_FALSE(w.b->endpoint->NextDeadline().has_value());
}

TEST(Delete, ForgetSaysNothing) {
  World w;
  const IkeSaId id = w.Connect();
  const size_t sent = w.wire.size();
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.Forget(id, w.now, out); });
  w.Run(1s);
  EXPECT_EQ(w.wire.size(), sent);
  EXPECT_FALSE(w.a->endpoint->Find(id).has_value());
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(Delete, WithdrawEndsAnUnansweredAttemptAndNothingElse) {
  World w;
  w.drop = [&](const Node& from, const Bytes&) { return &from == w.b; };
  const IkeSaId id = w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(2s);
  w.drop = nullptr;
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.Withdraw(id, w.now, out); });
  ASSERT_EQ(w.a->downs.size(), 1u);
  EXPECT_FALSE(w.a->downs[0].was_up);
  w.Run(60s);
  EXPECT_EQ(w.a->live() + w.b->live(), 0u);

  const IkeSaId other = w.Connect();
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.Withdraw(other, w.now, out); });
  w.Run(60s);
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_TRUE(w.PairUsable());
}

TEST(InitialContact, ARestartedPeerReplacesItsOldSession) {
  World w;
  w.Connect();
  Node* again = w.Add("A2", "192.0.2.1", "spoke1.example.net");
  w.a->alive = false;
  w.Run(1s);
  w.Initiate(*again, w.Request(*again, *w.b));
  w.Run(2s);
  EXPECT_EQ(again->live(), 1u);
  EXPECT_EQ(w.b->live(), 1u);
  ASSERT_EQ(w.b->downs.size(), 1u);
  EXPECT_THAT(w.b->downs[0].reason, HasSubstr("INITIAL_CONTACT"));
  EXPECT_EQ(w.b->inbound.size(), 1u);
}

TEST(InitialContact, ForcedItIsTakenAsSaid) {
  for (bool force : {false, true}) {
    World w;
    w.Connect();
    Node* again = w.Add("A2", "192.0.2.1", "spoke1.example.net");
    again->policy.session.initial_contact = false;
    w.b->policy.session.initial_contact_force = force;
    w.Initiate(*again, w.Request(*again, *w.b));
    w.Run(2s);
    EXPECT_EQ(w.b->live(), force ? 1u : 2u);
    EXPECT_EQ(again->live(), 1u);
    EXPECT_EQ(w.a->live(), force ? 0u : 1u) << "the other one is told";
  }
}

TEST(InitialContact, CallsMeetingEachOtherDoNotKillEachOther) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    World w(seed);
    w.jitter = 20ms;
    w.loss = seed > 20 ? 0.2 : 0;
    w.Initiate(*w.a, w.Request(*w.a, *w.b));
    w.Run(std::chrono::milliseconds(seed));
    w.Initiate(*w.b, w.Request(*w.b, *w.a));
    w.Run(90s);
    EXPECT_EQ(w.a->live(), w.b->live()) << seed;
    EXPECT_GE(w.a->live(), 1u) << seed;
  }
}

}  // namespace
}  // namespace flexvpn::ike::test
