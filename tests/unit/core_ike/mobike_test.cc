// SPDX-License-Identifier: Apache-2.0
// MOBIKE (RFC 4555): moves by the initiator, checks by the responder, other addresses, NAT on the new way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core_ike/insider.h"
#include "unit/core_ike/pair.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

uint64_t Count(const Node& n, const char* counter) { return n.endpoint->counters().Get(counter); }

struct MobileWorld : World {
  explicit MobileWorld(uint64_t seed = 1, Endpoint::Config config = {}) : World(seed, config) {
    for (Node* n : {a, b}) n->policy.session.mobike = true;
  }
  bool MoveA(const char* to) {
    bool moved = false;
    a->address = Ip(to);
    Do(*a, [&](Endpoint& e, Actions& o) { moved = e.MoveTo(a->ups.at(0).id, a->address, now, o); });
    return moved;
  }
  SessionInfo Info(const Node& n) { return n.endpoint->List(now).at(0).session; }
  ChildSa Child(const Node& n) { return n.endpoint->List(now).at(0).children.at(0).child; }
};

Payloads Update() { return {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kUpdateSaAddresses, {}}}; }
const NotifyPayload* CookieOf(const Payloads& p) { return FindNotify(p, NotifyType::kCookie2); }

TEST(Mobike, IsAgreedInIkeAuthOnPort4500) {
  MobileWorld w;
  w.Connect();
  EXPECT_TRUE(w.a->ups.at(0).mobike);
  EXPECT_TRUE(w.b->ups.at(0).mobike);
  EXPECT_EQ(w.b->ups.at(0).remote, (net::Endpoint{w.a->address, 4500}));
  EXPECT_FALSE(w.a->children.at(0).udp_encap) << "no NAT: ESP stays as it is";
}

TEST(Mobike, NeedsBothSides) {
  for (const bool initiator_lacks_it : {true, false}) {
    MobileWorld w;
    (initiator_lacks_it ? w.a : w.b)->policy.session.mobike = false;
    w.Connect();
    EXPECT_FALSE(w.a->ups.at(0).mobike);
    EXPECT_FALSE(w.b->ups.at(0).mobike);
    EXPECT_FALSE(w.MoveA("192.0.2.77"));
    EXPECT_THAT(w.a->moves, IsEmpty());
    w.Do(*w.a, [&](Endpoint& e, Actions& o) { e.Terminate(w.a->ups.at(0).id, "moved", w.now, o); });
    EXPECT_EQ(w.wire.back().second.local.address, Ip("192.0.2.77")) << "the Delete";
    w.Run(1s);
    EXPECT_THAT(w.b->downs, SizeIs(1));
    EXPECT_THAT(w.a->endpoint->List(w.now), IsEmpty());
  }
}

TEST(Mobike, TheInitiatorMovesAtOnceAndTheResponderFollowsAndChecks) {
  MobileWorld w;
  w.traffic_every = 10ms;
  w.Connect();
  w.Run(1s);
  ASSERT_TRUE(w.MoveA("192.0.2.77"));
  ASSERT_THAT(w.a->moves, SizeIs(1));
  EXPECT_EQ(w.a->moves[0].local, (net::Endpoint{Ip("192.0.2.77"), 4500}));
  w.Run(1s);
  ASSERT_THAT(w.b->moves, SizeIs(1));
  EXPECT_EQ(w.b->moves[0].remote, (net::Endpoint{Ip("192.0.2.77"), 4500}));
  EXPECT_FALSE(w.b->moves[0].udp_encap);
  EXPECT_EQ(Count(*w.a, "address updates confirmed"), 1u);
  EXPECT_EQ(Count(*w.b, "address updates followed"), 1u);
  EXPECT_EQ(Count(*w.b, "new addresses of peers verified"), 1u);
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_EQ(w.Child(*w.b).remote_ts.at(0).start, Ip("192.0.2.77")) << "transport mode: selectors are the ends";
  EXPECT_EQ(w.Child(*w.a).local_ts.at(0).end, Ip("192.0.2.77"));
  EXPECT_EQ(w.a->lost + w.b->lost, 0u);
}

TEST(Mobike, RekeysAfterAMoveUseTheNewAddresses) {
  MobileWorld w;
  w.Connect();
  w.MoveA("192.0.2.77");
  w.Run(1s);
  w.Do(*w.b, [&](Endpoint& e, Actions& o) { e.RekeyChild(w.b->children.back().id, w.now, o); });
  w.Run(1s);
  w.Do(*w.a, [&](Endpoint& e, Actions& o) { e.RekeyIke(w.a->ups[0].id, w.now, o); });
  w.Run(1s);
  ASSERT_THAT(w.a->children, SizeIs(2));
  EXPECT_EQ(w.a->children[1].local, Ip("192.0.2.77"));
  EXPECT_EQ(w.b->children[1].remote, Ip("192.0.2.77"));
  EXPECT_THAT(w.b->rekeyed, SizeIs(1));
  EXPECT_TRUE(w.MoveA("192.0.2.78"));
  w.Run(1s);
  EXPECT_EQ(w.b->moves.back().remote.address, Ip("192.0.2.78"));
  EXPECT_TRUE(w.PairUsable());
}

TEST(Mobike, InTunnelModeSelectorsThatAreAnOuterAddressFollow) {
  MobileWorld w;
  for (Node* n : {w.a, w.b}) n->policy.session.child.transport = false;
  w.Connect();
  const net::IpAddress before = w.a->address;
  ASSERT_EQ(w.Child(*w.b).remote_ts.at(0).start, before);
  ASSERT_TRUE(w.MoveA("192.0.2.77"));
  w.Run(1s);
  EXPECT_FALSE(w.Child(*w.b).transport);
  EXPECT_EQ(w.Child(*w.b).remote_ts.at(0).start, Ip("192.0.2.77"));
  EXPECT_EQ(w.Child(*w.b).remote_ts.at(0).end, Ip("192.0.2.77"));
  EXPECT_EQ(w.Child(*w.a).local_ts.at(0).start, Ip("192.0.2.77"));
  EXPECT_EQ(w.Child(*w.a).remote_ts.at(0).start, w.b->address) << "who stays keeps its own";
  w.Do(*w.b, [&](Endpoint& e, Actions& o) { e.RekeyChild(w.b->children.back().id, w.now, o); });
  w.Run(1s);
  EXPECT_THAT(w.a->children, SizeIs(2));
  EXPECT_TRUE(w.PairUsable());
}

TEST(Mobike, TheFirstInitiatorDecidesAlsoAfterARekeyByTheOther) {
  MobileWorld w;
  w.Connect();
  w.Do(*w.b, [&](Endpoint& e, Actions& o) { e.RekeyIke(w.b->ups[0].id, w.now, o); });
  w.Run(5s);
  EXPECT_TRUE(w.MoveA("192.0.2.77"));
  w.Run(1s);
  EXPECT_EQ(w.Info(*w.b).remote.address, Ip("192.0.2.77"));
  EXPECT_EQ(Count(*w.b, "address updates followed"), 1u);
  EXPECT_EQ(Count(*w.a, "address updates followed"), 0u);
}

TEST(Mobike, AResponderTellsItsNewAddressAndTheInitiatorGoesThere) {
  MobileWorld w;
  w.Connect();
  bool moved = false;
  w.b->address = Ip("198.51.100.99");
  w.Do(*w.b, [&](Endpoint& e, Actions& o) { moved = e.MoveTo(w.b->ups.at(0).id, w.b->address, w.now, o); });
  EXPECT_TRUE(moved);
  w.Run(1s);
  EXPECT_EQ(w.Info(*w.a).remote.address, Ip("198.51.100.99"));
  EXPECT_EQ(w.Info(*w.b).local.address, Ip("198.51.100.99"));
  EXPECT_EQ(Count(*w.b, "address updates followed"), 1u);
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_TRUE(w.PairUsable());
}

TEST(Mobike, MovesManyTimesUnderLoss) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    MobileWorld w(seed, Patient());
    w.loss = 0.3;
    w.duplicate = 0.2;
    w.jitter = 40ms;
    w.Connect();
    ASSERT_EQ(w.a->live(), 1u);
    for (const char* to : {"192.0.2.71", "192.0.2.72", "192.0.2.73", "192.0.2.71"}) {
      ASSERT_TRUE(w.MoveA(to));
      w.Run(300ms);
    }
    w.Run(120s);
    EXPECT_EQ(w.Info(*w.b).remote.address, Ip("192.0.2.71")) << seed;
    EXPECT_EQ(w.a->live() + w.b->live(), 2u) << seed;
  }
}

TEST(Mobike, AMoveBehindANatAndOutOfItSwitchesUdpEncapsulation) {
  MobileWorld w;
  w.Connect();
  w.nat = Ip("203.0.113.1");
  ASSERT_TRUE(w.MoveA("10.0.0.5"));
  w.Run(1s);
  ASSERT_FALSE(w.b->moves.empty());
  EXPECT_EQ(w.b->moves.back().remote, (net::Endpoint{Ip("203.0.113.1"), 14500}));
  EXPECT_TRUE(w.b->moves.back().udp_encap);
  EXPECT_TRUE(w.a->moves.back().udp_encap);
  EXPECT_TRUE(w.Info(*w.a).nat_local);
  EXPECT_TRUE(w.Info(*w.b).nat_remote);
  w.nat.reset();
  ASSERT_TRUE(w.MoveA("192.0.2.1"));
  w.Run(1s);
  EXPECT_FALSE(w.a->moves.back().udp_encap);
  EXPECT_FALSE(w.b->moves.back().udp_encap);
  EXPECT_FALSE(w.Info(*w.b).nat_remote);
}

TEST(Mobike, ANatThatChangesItsMappingIsFoundAndTold) {
  MobileWorld w;
  w.nat = Ip("203.0.113.1");
  w.Connect();
  ASSERT_TRUE(w.Info(*w.a).nat_local);
  w.Run(150s);  // two checks
  EXPECT_THAT(w.b->moves, IsEmpty());
  w.nat_shift = 20000;
  w.Run(100s);
  EXPECT_EQ(Count(*w.a, "NAT mappings found changed"), 1u);
  ASSERT_THAT(w.b->moves, SizeIs(1));
  EXPECT_EQ(w.b->moves[0].remote.port, 24500);
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(Mobike, AMessageFromElsewhereMovesNothingWithoutUpdate) {
  MobileWorld w;
  w.nat = Ip("203.0.113.1");
  w.Connect();
  Insider x(w);
  w.Inject(*w.b, {Ip("198.51.100.66"), 4500}, x.Message(true, ExchangeType::kInformational, 2, {}), 4500);
  EXPECT_THAT(w.b->moves, IsEmpty());
  EXPECT_EQ(w.wire.back().second.remote.address, Ip("198.51.100.66")) << "but it is answered where it came from";
}

TEST(Mobike, APeerThatDoesNotReceiveAtItsNewAddressIsGivenUpInSeconds) {
  MobileWorld w;
  w.Connect();
  Insider x(w);
  w.Inject(*w.b, {Ip("198.51.100.66"), 4500}, x.Message(true, ExchangeType::kInformational, 2, Update()), 4500);
  ASSERT_THAT(w.b->moves, SizeIs(1));
  w.Run(8s);
  ASSERT_THAT(w.b->downs, SizeIs(1));
  EXPECT_THAT(w.b->downs[0].reason, HasSubstr("not reachable at its new address"));
}

TEST(Mobike, AWrongCookieEndsTheSession) {
  MobileWorld w;
  w.Connect();
  Insider x(w);
  const net::Endpoint elsewhere{Ip("198.51.100.66"), 4500};
  w.Inject(*w.b, elsewhere, x.Message(true, ExchangeType::kInformational, 2, Update()), 4500);
  const Bytes& check = w.wire.back().second.bytes;
  const Payloads asked = x.Read(false, check);
  ASSERT_NE(CookieOf(asked), nullptr);
  EXPECT_EQ(CookieOf(asked)->data.size(), 16u);
  Payloads answer = {*CookieOf(asked)};
  std::get<NotifyPayload>(answer[0]).data[3] ^= 1;
  w.Inject(*w.b, elsewhere, x.Answer(true, *DecodeHeader(check), answer), 4500);
  ASSERT_THAT(w.b->downs, SizeIs(1));
  EXPECT_THAT(w.b->downs[0].reason, HasSubstr("COOKIE2"));
  EXPECT_EQ(Count(*w.b, "new addresses of peers not verified"), 1u);
}

TEST(Mobike, ACookieIsReturnedUnchanged) {
  MobileWorld w;
  w.Connect();
  Insider x(w);
  const NotifyPayload cookie{ProtocolId::kNone, {}, NotifyType::kCookie2, Bytes(20, 7)};
  const Payloads answer = x.Ask(ExchangeType::kInformational, 2, {cookie});
  ASSERT_NE(CookieOf(answer), nullptr);
  EXPECT_EQ(CookieOf(answer)->data, Bytes(20, 7));
  for (size_t bad : {7u, 65u})
    EXPECT_EQ(CookieOf(x.Ask(ExchangeType::kInformational, bad == 7 ? 3 : 4,
                             {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kCookie2, Bytes(bad, 7)}})),
              nullptr);
}

TEST(Mobike, AnOlderUpdateThatComesLateIsAnsweredButNotFollowed) {
  MobileWorld w;
  w.Connect();
  Insider x(w);
  const auto from = [&](const char* address, uint32_t id) {
    w.Inject(*w.b, {Ip(address), 4500}, x.Message(true, ExchangeType::kInformational, id, Update()), 4500);
  };
  from("198.51.100.3", 3);
  const size_t before = w.wire.size();
  from("198.51.100.2", 2);
  EXPECT_EQ(w.wire.size(), before + 1);
  EXPECT_EQ(w.Info(*w.b).remote.address, Ip("198.51.100.3"));
}

TEST(Mobike, ARefusedAddressEndsTheSessionWithTheReason) {
  MobileWorld w;
  w.Connect();
  w.b->policy.accepts_move = false;
  ASSERT_TRUE(w.MoveA("192.0.2.77"));
  w.Run(1s);
  EXPECT_THAT(w.b->moves, IsEmpty());
  ASSERT_THAT(w.a->downs, SizeIs(1));
  EXPECT_THAT(w.a->downs[0].reason, HasSubstr("UNACCEPTABLE_ADDRESSES"));
}

TEST(Mobike, AnAnswerWithoutNatDetectionOfAPeerThatHasItIsARefusal) {
  for (const bool has_it : {true, false}) {
    MobileWorld w;
    w.Connect();
    Insider x(w);
    w.drop = [&](const Node& from, const Bytes&) { return &from == w.a; };
    ASSERT_TRUE(w.MoveA("192.0.2.77"));
    const Bytes update = w.wire.back().second.bytes;
    ASSERT_NE(FindNotify(x.Read(true, update), NotifyType::kUpdateSaAddresses), nullptr);
    Payloads answer;
    if (has_it)
      for (const Payload& p : x.Read(true, update))
        if (const auto* n = std::get_if<NotifyPayload>(&p); n != nullptr && n->type != NotifyType::kUpdateSaAddresses)
          answer.push_back(p);
    w.Inject(*w.a, {w.b->address, 4500}, x.Answer(false, *DecodeHeader(update), answer), 4500);
    ASSERT_THAT(w.a->downs, SizeIs(has_it ? 0 : 1));
    EXPECT_EQ(Count(*w.a, "address updates confirmed"), has_it ? 1u : 0u);
    if (has_it) continue;
    EXPECT_THAT(w.a->downs[0].reason, HasSubstr("peer does not accept our address 192.0.2.77"));
  }
}

TEST(Mobike, ImpossibleAddressesAndTheWrongSideAreRefused) {
  MobileWorld w;
  w.Connect();
  Insider x(w);
  uint32_t id = 2;
  for (const char* address : {"224.0.0.1", "127.0.0.1", "169.254.1.1", "0.0.0.0", "2001:db8::9"})
    w.Inject(*w.b, {Ip(address), 4500}, x.Message(true, ExchangeType::kInformational, id++, Update()), 4500);
  EXPECT_EQ(Count(*w.b, "address updates refused: address not acceptable"), 5u);
  w.Inject(*w.a, {w.b->address, 4500}, x.Message(false, ExchangeType::kInformational, 0, Update()), 4500);
  EXPECT_EQ(Count(*w.a, "address updates refused: the peer is not the initiator"), 1u);
  EXPECT_THAT(w.a->moves, IsEmpty());
  EXPECT_THAT(w.b->moves, IsEmpty());
}

TEST(Mobike, NatIsRefusedWhereThePeerAllowsNone) {
  MobileWorld w;
  w.Connect();
  Insider x(w);
  const auto update = [&](const char* claimed) {
    ByteWriter data;
    data.Append(Ip(claimed).bytes());
    data.Append(w.b->address.bytes());
    data.U16(500);
    data.U16(500);
    Payloads p = Update();
    p.push_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kNoNatsAllowed, std::move(data).Release()});
    return p;
  };
  const Payloads refused = x.Ask(ExchangeType::kInformational, 2, update("10.0.0.1"));
  ASSERT_NE(FindError(refused), nullptr);
  EXPECT_EQ(FindError(refused)->type, NotifyType::kUnexpectedNatDetected);
  EXPECT_THAT(w.b->moves, IsEmpty());
  EXPECT_EQ(FindError(x.Ask(ExchangeType::kInformational, 3, update("192.0.2.1"))), nullptr);
  EXPECT_THAT(w.b->moves, SizeIs(1));
}

TEST(Mobike, ASilentPeerIsTriedAtItsOtherAddress) {
  MobileWorld w;
  w.b->more = {Ip("198.51.100.2")};
  w.b->policy.session.additional_addresses = {w.b->address, Ip("198.51.100.2")};
  w.a->policy.session.dpd = {seconds(10), seconds(1), false};
  w.Connect();
  w.Run(15s);
  const net::IpAddress dead = w.b->address;
  w.cut = [&](const Datagram& d) { return d.remote.address == dead || d.local.address == dead; };
  w.Run(60s);
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_EQ(w.Info(*w.a).remote.address, Ip("198.51.100.2"));
  EXPECT_EQ(w.Info(*w.b).local.address, Ip("198.51.100.2"));
  EXPECT_THAT(w.a->warnings, ElementsAre(HasSubstr("trying its address 198.51.100.2")));
  w.cut = [&](const Datagram&) { return true; };
  w.Run(120s);
  EXPECT_EQ(w.a->live(), 0u) << "all addresses silent";
}

}  // namespace
}  // namespace flexvpn::ike::test
