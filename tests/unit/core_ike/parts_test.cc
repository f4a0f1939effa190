// SPDX-License-Identifier: Apache-2.0
// The pure parts of the endpoint: proposals, selectors, NAT hashes, cookies, windows, timers' table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ike/cookie.h"
#include "core/ike/nat.h"
#include "core/ike/proposal.h"
#include "core/ike/request.h"
#include "core/ike/tables.h"
#include "core/ike/ts.h"
#include "unit/core_ike/pair.h"

namespace flexvpn::ike::test {
namespace {

using crypto::Encr;
using crypto::Integ;
using crypto::KeMethod;
using crypto::Prf;
using ::testing::ElementsAre;

std::vector<Suite> SmartDefault() {  // as IOS expands its default proposal
  std::vector<Suite> out;
  for (uint16_t bits : {uint16_t{256}, uint16_t{192}, uint16_t{128}})
    for (auto [integ, prf] : {std::pair(Integ::kHmacSha512_256, Prf::kHmacSha512), {Integ::kHmacSha384_192, Prf::kHmacSha384}})
      for (KeMethod ke : {KeMethod::kEcp256, KeMethod::kModp2048, KeMethod::kEcp521})
        out.push_back({Encr::kAesCbc, bits, integ, prf, ke, false});
  return out;
}

TEST(Proposals, ACrossProductSharesOneProposalPerIntegrityAndPrfPair) {
  const SaPayload sa = BuildSa(ProtocolId::kIke, {}, SmartDefault());
  ASSERT_EQ(sa.proposals.size(), 2u);  // integrity and PRF go together: not a product
  EXPECT_EQ(sa.proposals[0].number, 1);
  EXPECT_EQ(sa.proposals[1].number, 2);
  EXPECT_EQ(sa.proposals[0].transforms.size(), 3u + 1 + 1 + 3);
}

TEST(Proposals, OfferExactlyTheGivenSuites) {
  const std::vector<Suite> suites = SmartDefault();
  const SaPayload sa = BuildSa(ProtocolId::kIke, {}, suites);
  for (const Suite& s : suites) EXPECT_TRUE(SelectSuite(ProtocolId::kIke, {s}, sa).has_value());
  Suite mixed = suites[0];
  mixed.prf = Prf::kHmacSha384;
  EXPECT_FALSE(SelectSuite(ProtocolId::kIke, {mixed}, sa).has_value());
  mixed = suites[0];
  mixed.ke = KeMethod::kModp1024;
  EXPECT_FALSE(SelectSuite(ProtocolId::kIke, {mixed}, sa).has_value());
}

TEST(Proposals, AeadStandsApartAndHasNoIntegrity) {
  const SaPayload sa = BuildSa(ProtocolId::kIke, {}, {IkeGcmSuite(), IkeSuite()});
  ASSERT_EQ(sa.proposals.size(), 2u);
  for (const Transform& t : sa.proposals[0].transforms) EXPECT_NE(t.type, TransformType::kInteg);
}

TEST(Proposals, EspHasEsnAlwaysAndPrfNever) {
  Suite s = EspSuite();
  s.prf = Prf::kHmacSha256;
  s.integ = Integ::kHmacSha256_128;  // meaningless with AEAD
  EXPECT_THAT(TransformsOf(ProtocolId::kEsp, s),
              ElementsAre(Transform{TransformType::kEncr, 20, uint16_t{128}}, Transform{TransformType::kEsn, 0, {}}));
}

TEST(Proposals, OurOrderDecidesUnlessTheKeyExchangeFits) {
  const std::vector<Suite> own = {IkeSuite(KeMethod::kEcp384), IkeSuite(KeMethod::kEcp256)};
  const SaPayload sa = BuildSa(ProtocolId::kIke, {}, {own[1], own[0]});
  EXPECT_EQ(SelectSuite(ProtocolId::kIke, own, sa)->suite.ke, KeMethod::kEcp384);
  EXPECT_EQ(SelectSuite(ProtocolId::kIke, own, sa, {.prefer_ke = KeMethod::kEcp256})->suite.ke, KeMethod::kEcp256);
  EXPECT_EQ(SelectSuite(ProtocolId::kIke, own, sa, {.prefer_ke = KeMethod::kModp2048})->suite.ke, KeMethod::kEcp384);
}

TEST(Proposals, AnUnknownTransformTypeIsAcceptedOnlyAsNone) {
  SaPayload sa = BuildSa(ProtocolId::kIke, {}, {IkeSuite()});
  auto& transforms = sa.proposals[0].transforms;
  transforms.push_back({static_cast<TransformType>(6), 36, std::nullopt});  // additional key exchange (RFC 9370)
  EXPECT_FALSE(SelectSuite(ProtocolId::kIke, {IkeSuite()}, sa).has_value());
  transforms.push_back({static_cast<TransformType>(6), 0, std::nullopt});
  const auto choice = SelectSuite(ProtocolId::kIke, {IkeSuite()}, sa);
  ASSERT_TRUE(choice.has_value());
  EXPECT_EQ(choice->proposal.transforms.back(), (Transform{static_cast<TransformType>(6), 0, std::nullopt}));
}

TEST(Proposals, AnotherKeyLengthIsAnotherTransform) {
  Suite other = EspSuite();
  other.encr_key_bits = 256;
  EXPECT_FALSE(SelectSuite(ProtocolId::kEsp, {other}, BuildSa(ProtocolId::kEsp, {}, {EspSuite()})).has_value());
}

TEST(Proposals, OptionalPfsSaysNoneAmongTheGroups) {
  Suite with = EspSuite();
  with.ke = KeMethod::kEcp256;
  const SaPayload sa = BuildSa(ProtocolId::kEsp, {}, {EspSuite(), with});
  ASSERT_EQ(sa.proposals.size(), 1u);
  const auto choice = SelectSuite(ProtocolId::kEsp, {EspSuite()}, sa);
  ASSERT_TRUE(choice.has_value());
  EXPECT_TRUE(SelectSuite(ProtocolId::kEsp, {with}, sa).has_value());
  EXPECT_FALSE(SelectSuite(ProtocolId::kEsp, {EspSuite()}, BuildSa(ProtocolId::kEsp, {}, {with})).has_value());
  EXPECT_TRUE(
      SelectSuite(ProtocolId::kEsp, {EspSuite()}, BuildSa(ProtocolId::kEsp, {}, {with}), {.ignore_ke = true}).has_value());
}

TEST(Proposals, AnAnswerMustBeOneProposalWithOneTransformAType) {
  SaPayload sa = BuildSa(ProtocolId::kIke, {}, {IkeSuite(), IkeSuite(KeMethod::kEcp256)});
  EXPECT_FALSE(ParseChosen(ProtocolId::kIke, sa, {IkeSuite()}).has_value());
  sa = BuildSa(ProtocolId::kIke, {}, {IkeSuite()});
  EXPECT_TRUE(ParseChosen(ProtocolId::kIke, sa, {IkeSuite()}).has_value());
  EXPECT_FALSE(ParseChosen(ProtocolId::kIke, sa, {IkeGcmSuite()}).has_value());
  sa.proposals.push_back(sa.proposals[0]);
  EXPECT_FALSE(ParseChosen(ProtocolId::kIke, sa, {IkeSuite()}).has_value());
  EXPECT_FALSE(ParseChosen(ProtocolId::kIke, SaPayload{}, {IkeSuite()}).has_value());
}

TrafficSelector Ts(const char* from, const char* to, uint8_t protocol = 0, uint16_t low = 0, uint16_t high = 65535) {
  TrafficSelector t;
  t.protocol = protocol;
  t.start_port = low;
  t.end_port = high;
  t.start = Ip(from);
  t.end = Ip(to);
  return t;
}

TEST(Selectors, IntersectByFamilyProtocolPortsAndAddresses) {
  EXPECT_EQ(IntersectTs(Ts("10.0.0.0", "10.0.0.9", 6), Ts("10.0.0.5", "10.0.0.20", 0, 80, 80)),
            Ts("10.0.0.5", "10.0.0.9", 6, 80, 80));
  EXPECT_FALSE(IntersectTs(Ts("10.0.0.0", "10.0.0.9"), Ts("10.0.0.10", "10.0.0.20")).has_value());
  EXPECT_FALSE(IntersectTs(Ts("10.0.0.0", "10.0.0.9", 6), Ts("10.0.0.0", "10.0.0.9", 17)).has_value());
  EXPECT_FALSE(IntersectTs(Ts("0.0.0.0", "255.255.255.255"), Ts("::", "ffff::")).has_value());
  EXPECT_FALSE(IntersectTs(Ts("10.0.0.0", "10.0.0.9", 6, 1, 2), Ts("10.0.0.0", "10.0.0.9", 6, 3, 4)).has_value());
}

TEST(Selectors, NarrowingIsBoundedAndHasNoDuplicates) {
  const std::vector<TrafficSelector> many(200, Ts("10.0.0.0", "10.0.0.9"));
  EXPECT_EQ(NarrowTs(many, many).size(), 1u);
  std::vector<TrafficSelector> hosts;
  for (uint32_t i = 0; i < 200; ++i) {
    TrafficSelector t = Ts("10.0.0.0", "10.0.0.0");
    t.start = t.end = net::IpAddress::V4(0x0a000000 + i);
    hosts.push_back(t);
  }
  EXPECT_EQ(NarrowTs({Ts("0.0.0.0", "255.255.255.255")}, hosts).size(), 64u);
}

TEST(Selectors, WithinWantsEachInsideOne) {
  EXPECT_TRUE(WithinTs({Ts("10.0.0.1", "10.0.0.2")}, {Ts("10.0.0.0", "10.0.0.9")}));
  EXPECT_FALSE(WithinTs({Ts("10.0.0.1", "10.0.0.20")}, {Ts("10.0.0.0", "10.0.0.9")}));
  EXPECT_FALSE(WithinTs({}, {Ts("10.0.0.0", "10.0.0.9")}));
}

TEST(Selectors, NatSubstitutionIsUndoneForTheAnswer) {
  std::vector<TrafficSelector> ts = {Ts("10.0.0.5", "10.0.0.5", 47), Ts("10.0.0.0", "10.0.0.255")};
  const auto original = ts;
  TsNatMap map;
  map.Apply(ts, Ip("203.0.113.9"));
  EXPECT_EQ(ts[0], Ts("203.0.113.9", "203.0.113.9", 47));
  EXPECT_EQ(ts[1], original[1]);  // a range is no endpoint address
  map.Undo(ts);
  EXPECT_EQ(ts, original);
}

TEST(NatDetection, ComparesHashesWithWhatIsSeen) {
  const auto crypto = crypto::NewOpensslProvider();
  SeededRng rng(1);
  const net::Endpoint local{Ip("192.0.2.1"), 500}, remote{Ip("192.0.2.2"), 500}, translated{Ip("203.0.113.9"), 1024};
  Payloads p;
  EXPECT_FALSE(DetectNat(*crypto, p, IkeSpi(1), IkeSpi(2), local, remote).supported);
  AppendNatDetection(*crypto, rng, IkeSpi(1), IkeSpi(2), local, remote, false, p);
  auto found = DetectNat(*crypto, p, IkeSpi(1), IkeSpi(2), remote, local);
  EXPECT_TRUE(found.supported);
  EXPECT_FALSE(found.local || found.remote);
  found = DetectNat(*crypto, p, IkeSpi(1), IkeSpi(2), remote, translated);
  EXPECT_TRUE(found.remote);
  EXPECT_FALSE(found.local);
  found = DetectNat(*crypto, p, IkeSpi(1), IkeSpi(2), translated, local);
  EXPECT_TRUE(found.local);
  Payloads pretended;
  AppendNatDetection(*crypto, rng, IkeSpi(1), IkeSpi(2), local, remote, true, pretended);
  EXPECT_TRUE(DetectNat(*crypto, pretended, IkeSpi(1), IkeSpi(2), remote, local).remote);
}

TEST(NatDetection, HashIsSha1OfSpisAddressAndPort) {  // computed with sha1sum(1) over the 22 octets
  const auto crypto = crypto::NewOpensslProvider();
  const Bytes octets = FromHex("0000000000000001 0000000000000002 c0000201 01f4");
  const BytesView parts[] = {octets};
  EXPECT_EQ(NatHash(*crypto, IkeSpi(1), IkeSpi(2), {Ip("192.0.2.1"), 500}), crypto->Sha1(parts));
}

TEST(Cookie, BindsNonceAddressAndSpiAndAges) {
  const auto crypto = crypto::NewOpensslProvider();
  SeededRng rng(1);
  CookieJar jar(*crypto, rng);
  Instant now{1000s};
  const Bytes nonce(32, 7), other(32, 8);
  const Bytes cookie = jar.Make(nonce, Ip("192.0.2.1"), IkeSpi(5), now);
  EXPECT_EQ(cookie.size(), 33u);
  EXPECT_TRUE(jar.Check(cookie, nonce, Ip("192.0.2.1"), IkeSpi(5), now));
  EXPECT_FALSE(jar.Check(cookie, other, Ip("192.0.2.1"), IkeSpi(5), now));
  EXPECT_FALSE(jar.Check(cookie, nonce, Ip("192.0.2.2"), IkeSpi(5), now));
  EXPECT_FALSE(jar.Check(cookie, nonce, Ip("192.0.2.1"), IkeSpi(6), now));
  for (size_t n = 0; n < cookie.size(); ++n)
    EXPECT_FALSE(jar.Check(BytesView(cookie).first(n), nonce, Ip("192.0.2.1"), IkeSpi(5), now));
  EXPECT_TRUE(jar.Check(cookie, nonce, Ip("192.0.2.1"), IkeSpi(5), now + CookieJar::kRotation));  // previous secret
  EXPECT_FALSE(jar.Check(cookie, nonce, Ip("192.0.2.1"), IkeSpi(5), now + 2 * CookieJar::kRotation));
}

TEST(Cookie, ALongSilenceInvalidatesBothSecrets) {
  const auto crypto = crypto::NewOpensslProvider();
  SeededRng rng(1);
  CookieJar jar(*crypto, rng);
  const Bytes nonce(32, 7);
  const Bytes cookie = jar.Make(nonce, Ip("192.0.2.1"), IkeSpi(5), Instant(1000s));
  EXPECT_FALSE(jar.Check(cookie, nonce, Ip("192.0.2.1"), IkeSpi(5), Instant(1000s) + 2 * CookieJar::kRotation));
}

TEST(RequestTimes, GrowByTheFactorAndEndAfterTheTries) {
  Request r(7, ExchangeType::kInformational, {Bytes{1}}, LivenessOp{}, {500ms, 2.0, 3});
  Instant now{10s};
  std::vector<Duration> gaps;
  r.Sent(now);
  while (!r.Exhausted()) {
    gaps.push_back(r.deadline() - now);
    r.Sent(now = r.deadline());
  }
  gaps.push_back(r.deadline() - now);
  EXPECT_THAT(gaps, ElementsAre(500ms, 1s, 2s));
  EXPECT_EQ(r.sent(), 3);
}

TEST(SendWindow, OpensAsFarAsThePeerAnnouncedAndNeverShrinks) {
  SendWindow w;
  auto add = [&] {
    const uint32_t id = w.TakeId();
    w.Add(Request(id, ExchangeType::kInformational, {Bytes{1}}, LivenessOp{}, {}));
  };
  add();
  EXPECT_FALSE(w.Open());
  w.SetSize(3);
  EXPECT_TRUE(w.Open());
  w.SetSize(1);
  EXPECT_EQ(w.size(), 3u);
  add();
  add();
  EXPECT_FALSE(w.Open());
  EXPECT_TRUE(w.Take(1).has_value());
  EXPECT_FALSE(w.Take(1).has_value());
  EXPECT_FALSE(w.Open());  // 0 is still open, so 3 may not be sent
  EXPECT_TRUE(w.Take(0).has_value());
  EXPECT_TRUE(w.Open());
  w.SetSize(0xffffffff);
  EXPECT_EQ(w.size(), 16u);
}

TEST(ReceiveWindow, AcceptsOutOfOrderWithinTheWindowOnly) {
  using V = ReceiveWindow::Verdict;
  ReceiveWindow w;
  w.SetSize(3);
  EXPECT_EQ(w.Check(3, 1), V::kOutside);
  EXPECT_EQ(w.Check(2, 1), V::kNew);
  w.Begin(2, 1);
  EXPECT_EQ(w.Check(2, 1), V::kInProgress);
  EXPECT_EQ(w.Check(2, 9), V::kOutside);  // other octets
  w.Finish(2, {Bytes{42}});
  EXPECT_EQ(w.Check(2, 1), V::kRepeat);
  EXPECT_EQ(w.Answer(2), WireMessage{Bytes{42}});
  EXPECT_EQ(w.base(), 0u);
  for (uint32_t id : {0u, 1u}) {
    w.Begin(id, id);
    w.Finish(id, {Bytes{7}});
  }
  EXPECT_EQ(w.base(), 3u);
  EXPECT_EQ(w.Check(0, 0), V::kRepeat);
  for (uint32_t id = 3; id < 100; ++id) {
    EXPECT_EQ(w.Check(id, id), V::kNew);
    w.Begin(id, id);
    w.Finish(id, {Bytes{7}});
  }
  EXPECT_EQ(w.Check(0, 0), V::kOutside);  // memory is bounded
  EXPECT_EQ(w.Check(97, 97), V::kRepeat);
}

TEST(Collision, TheLowestNonceLoses) {
  EXPECT_TRUE(OursLoses(Bytes{1, 9}, Bytes{9}, {Bytes{2}, Bytes{3}}));
  EXPECT_TRUE(OursLoses(Bytes{9}, Bytes{1}, {Bytes{2}, Bytes{3}}));
  EXPECT_FALSE(OursLoses(Bytes{2}, Bytes{3}, {Bytes{9}, Bytes{1}}));
}

TEST(IdentityText, IsReadableByType) {
  EXPECT_EQ(Fqdn("hub.example.net").ToString(), "hub.example.net");
  EXPECT_EQ((Identity{IdType::kIpv4, {192, 0, 2, 1}}).ToString(), "192.0.2.1");
  EXPECT_EQ((Identity{IdType::kKeyId, {0, 1}}).ToString(), "0x0001");
  EXPECT_EQ((Identity{IdType::kFqdn, ToBytes("evil\nline")}).ToString(), "0x6576696c0a6c696e65");
}

TEST(Tables, TimersComeInOrderAndMoveCheaply) {
  Tables t;
  SeededRng rng(1);
  std::vector<IkeSaId> ids;
  for (int i = 0; i < 1000; ++i) {
    Session& s = t.AddSession();
    t.AddSa(s, t.NewSpi(rng));
    t.Schedule(s, Instant(seconds(1000 - i)));
    ids.push_back(s.info.id);
  }
  EXPECT_EQ(t.NextDeadline(), Instant(1s));
  t.Schedule(*t.FindSession(ids[999]), Instant(5000s));
  EXPECT_EQ(t.NextDeadline(), Instant(2s));
  EXPECT_EQ(t.TakeDue(Instant(11s)).size(), 10u);
  t.Schedule(*t.FindSession(ids[0]), std::nullopt);
  EXPECT_EQ(t.TakeDue(Instant(1000s)).size(), 988u);
  EXPECT_EQ(t.TakeDue(Instant(9999s)), std::vector<IkeSaId>{ids[999]});
}

TEST(Tables, EspSpisAreUniqueAndOfTheRange) {
  Tables t;
  SeededRng rng(1);
  std::set<EspSpi> seen;
  for (int i = 0; i < 10000; ++i) {
    const EspSpi spi = t.NewEspSpi(rng);
    EXPECT_EQ(spi.value() >> 28, 0xcu);
    EXPECT_TRUE(seen.insert(spi).second);
  }
}

TEST(Supported, AsksTheProviderForIkeAndNotForEsp) {
  const crypto::ToyProvider provider;
  auto esp = [&](crypto::Encr e, uint16_t bits, crypto::Integ i) {
    Suite s;
    s.encr = e;
    s.encr_key_bits = bits;
    s.integ = i;
    return !Supported(provider, ProtocolId::kEsp, {s}).empty();
  };
  EXPECT_TRUE(esp(crypto::Encr::kNull, 0, crypto::Integ::kHmacSha256_128));
  EXPECT_TRUE(esp(crypto::Encr::kNullAesGmac, 256, crypto::Integ::kNone));
  EXPECT_TRUE(esp(crypto::Encr::kAesCbc, 128, crypto::Integ::kAesXcbc96));
  EXPECT_TRUE(esp(crypto::Encr::kAesCtr, 192, crypto::Integ::kAesCmac96));
  EXPECT_FALSE(esp(crypto::Encr::kAesCbc, 128, crypto::Integ::kNone)) << "encryption without integrity";
  EXPECT_FALSE(esp(crypto::Encr::kNull, 0, crypto::Integ::kNone));
  EXPECT_FALSE(esp(crypto::Encr::kAesGcm16, 100, crypto::Integ::kNone));
  Suite ike = {crypto::Encr::kAesCtr, 256, crypto::Integ::kAesCmac96, crypto::Prf::kAesCmac, crypto::KeMethod::kEcp256, false};
  EXPECT_EQ(Supported(provider, ProtocolId::kIke, {ike}).size(), 1u);
  ike.encr = crypto::Encr::kNull;
  EXPECT_TRUE(Supported(provider, ProtocolId::kIke, {ike}).empty());
  ike.encr = crypto::Encr::kNullAesGmac;
  EXPECT_TRUE(Supported(provider, ProtocolId::kIke, {ike}).empty());
}

}  // namespace
}  // namespace flexvpn::ike::test
