// SPDX-License-Identifier: Apache-2.0
// IKE_INTERMEDIATE (RFC 9242) and additional key exchanges (RFC 9370), in IKE_SA_INIT and in CREATE_CHILD_SA.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ike/codec/fragment.h"
#include "core/ike/intermediate.h"
#include "unit/core_ike/insider.h"

namespace flexvpn::ike::test {
namespace {

using crypto::KeMethod;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Suite With(Suite suite, std::vector<KeMethod> additional) {
  std::copy(additional.begin(), additional.end(), suite.additional.begin());
  return suite;
}

void Use(Node& n, const std::vector<KeMethod>& methods) {
  n.policy.suites = {With(IkeSuite(), methods)};
  n.policy.session.child.pfs = {KeMethod::kCurve25519};
  n.policy.session.child.additional = {With(IkeSuite(), methods).additional};
}

const std::vector<KeMethod> kThree = {KeMethod::kEcp256, KeMethod::kMlKem768, KeMethod::kModp2048};

std::vector<ExchangeType> Exchanges(const World& w, size_t from = 0) {
  std::vector<ExchangeType> out;
  for (size_t i = from; i < w.wire.size(); ++i) {
    const Bytes& bytes = w.wire[i].second.bytes;
    const Header h = *DecodeHeader(bytes);
    if (IsFragment(h) && DecodeFragmentHeader(bytes)->number > 1) continue;  // an ML-KEM key needs two
    if (!h.is_response()) out.push_back(h.exchange);
  }
  return out;
}

// --- negotiation ---
TEST(AdditionalKe, AreTransformTypesSixAndUpWithNoneWhereOptional) {
  const Suite none = IkeSuite(), one = With(none, {KeMethod::kMlKem768});
  const SaPayload sa = BuildSa(ProtocolId::kIke, {}, {one, none});
  ASSERT_THAT(sa.proposals, SizeIs(1));
  std::vector<uint16_t> ids;
  for (const Transform& t : sa.proposals[0].transforms)
    if (static_cast<int>(t.type) == 6) ids.push_back(t.id);
  EXPECT_THAT(ids, ElementsAre(36, 0));
  EXPECT_EQ(SelectSuite(ProtocolId::kIke, {one, none}, sa)->suite, one);
  EXPECT_EQ(SelectSuite(ProtocolId::kIke, {none}, sa)->suite, none);
  const SaPayload must = BuildSa(ProtocolId::kIke, {}, {one});
  EXPECT_FALSE(SelectSuite(ProtocolId::kIke, {none}, must));
  EXPECT_FALSE(SelectSuite(ProtocolId::kIke, {With(none, {KeMethod::kMlKem1024})}, must));
}

TEST(AdditionalKe, AnAnswerIsMatchedInEveryDimension) {
  const Suite suite = With(IkeSuite(), kThree);
  const SaPayload offer = BuildSa(ProtocolId::kIke, {}, {suite, IkeSuite()});
  const auto chosen = SelectSuite(ProtocolId::kIke, {suite}, offer);
  ASSERT_TRUE(chosen);
  const auto parsed = ParseChosen(ProtocolId::kIke, SaPayload{{chosen->proposal}}, {suite, IkeSuite()});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(AdditionalMethods(parsed->suite), kThree);
}

TEST(AdditionalKe, NoMethodStandsTwiceInASuite) {
  const crypto::ToyProvider crypto;
  const Suite twice = With(IkeSuite(), {KeMethod::kEcp256, KeMethod::kEcp256});
  const Suite again = With(IkeSuite(KeMethod::kEcp256), {KeMethod::kEcp256});
  EXPECT_THAT(Supported(crypto, ProtocolId::kIke, {twice, again}), IsEmpty());
  Suite esp = With(EspSuite(), {KeMethod::kEcp256});
  EXPECT_THAT(Supported(crypto, ProtocolId::kEsp, {esp}), IsEmpty()) << "without PFS there is nothing to add to";
}

// --- key material and AUTH ---
TEST(AdditionalKe, TheirSecretsFollowTheNoncesInARekey) {
  const crypto::ToyProvider c;
  const Bytes sk_d(32, 1), shared(32, 2), ni(16, 3), nr(16, 4), more(64, 5);
  const IkeKeys keys = DeriveIkeKeys(c, IkeSuite(), shared, ni, nr, IkeSpi(1), IkeSpi(2), sk_d,
                                     crypto::Prf::kHmacSha256, more);
  const BytesView parts[] = {shared, ni, nr, more};
  const SecretBytes skeyseed = c.ComputePrf(crypto::Prf::kHmacSha256, sk_d, parts);
  ByteWriter seed;
  seed.Append(ni);
  seed.Append(nr);
  seed.U64(1);
  seed.U64(2);
  EXPECT_EQ(keys.sk_d, c.PrfPlus(crypto::Prf::kHmacSha256, skeyseed, seed.view(), 32));
  const ChildKeys child = DeriveChildKeys(c, crypto::Prf::kHmacSha256, sk_d, EspSuite(), shared, ni, nr, more);
  ByteWriter all;
  for (BytesView part : parts) all.Append(part);
  EXPECT_EQ(child.encr_i, c.PrfPlus(crypto::Prf::kHmacSha256, sk_d, all.view(), 20));
}

// The octets of RFC 9242 §3.3.2, written out by hand.
TEST(IntAuth, CoversTheMessageAsIfItWereNotEncrypted) {
  Header h;
  h.initiator_spi = IkeSpi(0x0102030405060708), h.responder_spi = IkeSpi(0x1112131415161718);
  h.exchange = ExchangeType::kIkeIntermediate;
  h.flags = kFlagInitiator;
  h.message_id = 1;
  h.length = 999;  // of the encrypted message: not covered
  const PlainPayloads inner = EncodePlain({KePayload{KeMethod::kCurve25519, {0xaa, 0xbb}}});
  EXPECT_EQ(ToHex(IntAuthOctets(h, inner)),
            "01020304050607081112131415161718" "2e202b08" "00000001" "0000002a"  // next SK, length 42
            "2200000e"                                                         // next KE, length 14
            "0000000a001f0000aabb");
}

TEST(IntAuth, IsAChainForEachSideAndEndsWithTheMessageIdOfIkeAuth) {
  const crypto::ToyProvider c;
  SecretBytes link;
  const Bytes key1(32, 1), key2(32, 2), one = {1}, two = {2};
  ExtendIntAuth(c, crypto::Prf::kHmacSha256, key1, one, link);
  const BytesView first[] = {one};
  EXPECT_EQ(link, c.ComputePrf(crypto::Prf::kHmacSha256, key1, first));
  const SecretBytes before = link;
  ExtendIntAuth(c, crypto::Prf::kHmacSha256, key2, two, link);
  const BytesView second[] = {before, two};
  EXPECT_EQ(link, c.ComputePrf(crypto::Prf::kHmacSha256, key2, second));
  EXPECT_EQ(IntAuthTail(Bytes{1, 2}, Bytes{3, 4}, 5), (Bytes{1, 2, 3, 4, 0, 0, 0, 5}));
  EXPECT_THAT(IntAuthTail({}, {}, 1), IsEmpty()) << "without IKE_INTERMEDIATE, AUTH is that of RFC 7296";
}

// --- IKE_SA_INIT ---
TEST(Intermediate, OneExchangeAKeyExchangeBeforeIkeAuth) {
  for (size_t n : {1u, 2u, 3u}) {
    World w;
    for (Node* node : {w.a, w.b}) Use(*node, {kThree.begin(), kThree.begin() + static_cast<std::ptrdiff_t>(n)});
    w.Connect();
    ASSERT_EQ(w.a->live(), 1u) << n;
    std::vector<ExchangeType> expected = {ExchangeType::kIkeSaInit};
    expected.insert(expected.end(), n, ExchangeType::kIkeIntermediate);
    expected.push_back(ExchangeType::kIkeAuth);
    EXPECT_EQ(Exchanges(w), expected);
    EXPECT_TRUE(w.PairUsable());
    EXPECT_EQ(w.a->ups.at(0).suite, w.b->ups.at(0).suite);
    EXPECT_THAT(AdditionalMethods(w.a->ups.at(0).suite), SizeIs(n));
  }
}

TEST(Intermediate, WorksTogetherWithAeadPpkChildlessAndNat) {
  World w;
  w.nat = Ip("203.0.113.7");
  for (Node* n : {w.a, w.b}) {
    n->policy.suites = {With(IkeGcmSuite(), {KeMethod::kMlKem1024})};
    n->policy.session.ppk = Ppk{ToBytes("id"), ToSecret(AsView("k")), true};
    n->policy.offers_ppk = true;
  }
  w.a->policy.session.childless = Childless::kForce;
  w.Connect();
  w.Run(1s);
  EXPECT_TRUE(w.PairUsable());
  EXPECT_TRUE(w.a->ups.at(0).ppk);
}

TEST(Intermediate, AResponderWithoutFallsBackWhereItIsOptional) {
  World w;
  w.a->policy.suites = {With(IkeSuite(), {KeMethod::kMlKem768}), IkeSuite()};
  w.Connect();
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_FALSE(HasAdditional(w.a->ups.at(0).suite));
  EXPECT_THAT(Exchanges(w), ElementsAre(ExchangeType::kIkeSaInit, ExchangeType::kIkeAuth));
}

TEST(Intermediate, IsRefusedWhereOneSideRequiresItAndTheOtherHasItNot) {
  World w;
  w.a->policy.suites = {With(IkeSuite(), {KeMethod::kMlKem768})};
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(1s);
  EXPECT_THAT(w.a->warnings, Contains(HasSubstr("NO_PROPOSAL_CHOSEN")));
}

TEST(Intermediate, APeerThatCannotDoItIsGivenNoAdditionalKeyExchange) {
  World w;
  w.b->policy.suites = {With(IkeSuite(), {KeMethod::kMlKem768})};
  SeededRng rng(3);
  Header h;
  h.initiator_spi = IkeSpi(5);
  h.exchange = ExchangeType::kIkeSaInit;
  h.flags = kFlagInitiator;
  const Payloads p = {BuildSa(ProtocolId::kIke, {}, w.b->policy.suites),
                      KePayload{KeMethod::kCurve25519, rng.Take(32)}, NoncePayload{rng.Take(32)}};
  w.Inject(*w.b, {w.a->address, 500}, EncodeMessage(h, p));  // offers it, but says no INTERMEDIATE_EXCHANGE_SUPPORTED
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
}

TEST(Intermediate, IkeAuthBeforeItIsOverIsRefused) {
  World w;
  for (Node* n : {w.a, w.b}) Use(*n, {KeMethod::kEcp256});
  w.drop = [](const Node& from, const Bytes& bytes) {
    return from.name == "A" && DecodeHeader(bytes)->exchange == ExchangeType::kIkeIntermediate;
  };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(50ms);
  Insider x(w, w.b->policy.suites[0]);
  const Payloads answer = x.Ask(ExchangeType::kIkeAuth, 1, {IdPayload{true, IdType::kFqdn, ToBytes("x")}});
  EXPECT_EQ(ErrorOf(answer), NotifyType::kInvalidSyntax);
  EXPECT_EQ(w.b->policy.selections, 0);
}

TEST(Intermediate, AuthCoversWhatPassedInIt) {
  World w;
  for (Node* n : {w.a, w.b}) Use(*n, {KeMethod::kEcp256});
  bool meddle = true;
  w.drop = [&](const Node& from, const Bytes& bytes) {
    return meddle && from.name == "A" && DecodeHeader(bytes)->exchange == ExchangeType::kIkeIntermediate;
  };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(50ms);
  ASSERT_EQ(Exchanges(w).back(), ExchangeType::kIkeIntermediate);
  Insider x(w, w.b->policy.suites[0]);  // has broken the first key exchange
  Payloads p = x.Read(true, w.wire.back().second.bytes);
  p.emplace_back(VendorIdPayload{{1}});
  meddle = false;
  w.Inject(*w.b, {w.a->address, 500}, x.Message(true, ExchangeType::kIkeIntermediate, 1, p));
  w.Run(1s);
  EXPECT_EQ(w.b->live(), 0u);
  EXPECT_THAT(w.b->warnings, Contains(HasSubstr("wrong pre-shared key")));
}

TEST(Intermediate, LossDuplicatesAndReorderingDoNoHarm) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    World w(seed, Patient());
    for (Node* n : {w.a, w.b}) Use(*n, kThree);
    w.loss = 0.3, w.duplicate = 0.2, w.jitter = 300ms;
    w.Connect();
    EXPECT_EQ(w.a->live(), 1u) << seed;
    EXPECT_EQ(w.b->live(), 1u) << seed;
    EXPECT_TRUE(w.PairUsable()) << seed;
  }
}

// --- CREATE_CHILD_SA ---
struct Followed : World {
  explicit Followed(uint64_t seed = 1, std::vector<KeMethod> methods = kThree) : World(seed, Patient()) {
    for (Node* n : {a, b}) Use(*n, methods);
    traffic_every = 4ms;
    Connect();
    Run(100ms);
    for (Node* n : {a, b}) n->lost = n->without_sa = 0;
  }
  uint64_t missing() const { return a->lost + b->lost + a->without_sa + b->without_sa; }
  void RekeyChildOf(Node& n) {
    Do(n, [&](Endpoint& e, Actions& out) { e.RekeyChild(n.outbound.back().id, now, out); });
  }
  void RekeyIkeOf(Node& n) {
    Do(n, [&](Endpoint& e, Actions& out) { e.RekeyIke(n.ups.back().id, now, out); });
  }
};

TEST(FollowupKe, AChildRekeyHasOneExchangeEachAndLosesNothing) {
  Followed w;
  const size_t before = w.wire.size();
  w.RekeyChildOf(*w.a);
  w.Run(10s);
  EXPECT_THAT(Exchanges(w, before),
              ElementsAre(ExchangeType::kCreateChildSa, ExchangeType::kIkeFollowupKe, ExchangeType::kIkeFollowupKe,
                          ExchangeType::kIkeFollowupKe, ExchangeType::kInformational));
  EXPECT_EQ(w.missing(), 0u);
  EXPECT_EQ(w.a->children.size(), 2u);
  EXPECT_EQ(AdditionalMethods(w.a->children.back().suite), kThree);
  EXPECT_TRUE(w.PairUsable());
  EXPECT_EQ(w.a->inbound.size(), 1u);
  EXPECT_EQ(w.b->inbound.size(), 1u);
}

TEST(FollowupKe, AnIkeRekeyKeepsTheSessionAndItsChildren) {
  Followed w;
  w.RekeyIkeOf(*w.b);
  w.Run(10s);
  EXPECT_EQ(w.b->rekeyed.size(), 1u);
  EXPECT_EQ(w.a->rekeyed.size(), 1u);
  w.RekeyChildOf(*w.a);
  w.Run(10s);
  EXPECT_EQ(w.missing(), 0u);
  EXPECT_TRUE(w.PairUsable());
  EXPECT_EQ(w.a->endpoint->List(w.now).size(), 1u);
}

class FollowupAtOnce : public ::testing::TestWithParam<uint64_t> {};

TEST_P(FollowupAtOnce, RekeysOfAllKindsEndInOneUsablePair) {
  Followed w(GetParam(), {KeMethod::kEcp256, KeMethod::kMlKem512});
  if (GetParam() % 3 == 0) w.loss = 0.2, w.jitter = 50ms;
  w.RekeyChildOf(*w.a);
  w.Run(milliseconds(GetParam() % 7 * 5));
  w.RekeyChildOf(*w.b);
  w.Run(milliseconds(GetParam() % 5 * 20));
  if (GetParam() % 2 == 0) w.RekeyIkeOf(*w.a);
  if (GetParam() % 4 == 0) w.RekeyIkeOf(*w.b);
  w.Run(120s);
  w.loss = 0;
  w.Run(120s);
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_EQ(w.a->inbound.size(), 1u);
  EXPECT_EQ(w.b->inbound.size(), 1u);
  EXPECT_TRUE(w.PairUsable());
  EXPECT_EQ(w.missing(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, FollowupAtOnce, ::testing::Range<uint64_t>(1, 41));

TEST(FollowupKe, AnUnknownLinkIsStateNotFound) {
  World w;
  w.Connect();
  Insider x(w);
  const Payloads ask = {KePayload{KeMethod::kEcp256, Bytes(64, 1)},
                        NotifyPayload{ProtocolId::kNone, {}, NotifyType::kAdditionalKeyExchange, {1, 2}}};
  EXPECT_EQ(ErrorOf(x.Ask(ExchangeType::kIkeFollowupKe, 2, ask)), NotifyType::kStateNotFound);
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(FollowupKe, WhatTheInitiatorGivesUpIsForgottenAndRekeyingGoesOn) {
  Followed w;
  w.drop = [](const Node& from, const Bytes& bytes) {
    return from.name == "A" && bytes.size() > kHeaderSize && DecodeHeader(bytes)->exchange == ExchangeType::kIkeFollowupKe;
  };
  w.RekeyChildOf(*w.a);
  w.Run(35s);
  EXPECT_EQ(w.b->endpoint->counters().Get("additional key exchanges given up by the peer"), 1u);
  EXPECT_EQ(w.b->children.size(), 1u);
  w.drop = nullptr;
  w.Run(60s);  // A is told STATE_NOT_FOUND and begins anew
  EXPECT_EQ(w.missing(), 0u);
  EXPECT_EQ(w.a->children.size(), 2u);
  EXPECT_TRUE(w.PairUsable());
}

// --- ML-KEM ---
TEST(MlKem, SizesAreThoseOfFips203) {
  EXPECT_EQ(crypto::KePublicSize(KeMethod::kMlKem512), 800u);
  EXPECT_EQ(crypto::KeResponseSize(KeMethod::kMlKem512), 768u);
  EXPECT_EQ(crypto::KePublicSize(KeMethod::kMlKem768), 1184u);
  EXPECT_EQ(crypto::KeResponseSize(KeMethod::kMlKem768), 1088u);
  EXPECT_EQ(crypto::KePublicSize(KeMethod::kMlKem1024), 1568u);
  EXPECT_EQ(crypto::KeResponseSize(KeMethod::kMlKem1024), 1568u);
}

}  // namespace
}  // namespace flexvpn::ike::test
