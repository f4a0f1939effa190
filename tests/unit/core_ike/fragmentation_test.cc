// SPDX-License-Identifier: Apache-2.0
// Message fragmentation between two endpoints (RFC 7383).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core_ike/insider.h"
#include "unit/core_ike/pair.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::IsEmpty;

constexpr uint16_t kSmallMtu = 220;  // IKE_AUTH of the tests does not fit

Endpoint::Config WithMtu(uint16_t mtu, Endpoint::Config c = {}) {
  c.fragmentation_mtu = mtu;
  return c;
}
bool Fragment(const Bytes& bytes) {
  const auto h = DecodeHeader(bytes);
  return h.ok() && IsFragment(*h);
}
std::vector<Bytes> FragmentsOf(const World& w, const std::string& sender) {
  std::vector<Bytes> out;
  for (const auto& [name, d] : w.wire)
    if (name == sender && Fragment(d.bytes)) out.push_back(d.bytes);
  return out;
}
uint64_t Count(const Node& n, const char* counter) { return n.endpoint->counters().Get(counter); }

TEST(Fragmentation, IsAgreedByDefaultAndLeavesSmallMessagesWhole) {
  World w;
  w.Connect();
  EXPECT_TRUE(w.a->ups.at(0).fragmentation);
  EXPECT_TRUE(w.b->ups.at(0).fragmentation);
  EXPECT_EQ(w.wire.size(), 4u);
}

TEST(Fragmentation, BothSidesSendWhatExceedsTheMtuInFragmentsThatFit) {
  for (const bool v6 : {false, true}) {
    for (const Suite& suite : {IkeSuite(), IkeGcmSuite()}) {
      World w(1, WithMtu(kSmallMtu));
      if (v6) w.a->address = Ip("2001:db8::1"), w.b->address = Ip("2001:db8::2");
      w.a->policy.suites = w.b->policy.suites = {suite};
      w.Connect();
      ASSERT_EQ(w.a->live(), 1u);
      EXPECT_TRUE(w.PairUsable());
      for (const Node* n : {w.a, w.b}) {
        const auto sent = FragmentsOf(w, n->name);
        EXPECT_GT(sent.size(), 1u);
        for (const Bytes& f : sent) EXPECT_LE(f.size() + 8 + (v6 ? 40 : 20), kSmallMtu);
        EXPECT_EQ(Count(*n, "messages put together from fragments"), 1u);
        EXPECT_EQ(Count(*n, "fragments sent"), sent.size());
      }
    }
  }
}

TEST(Fragmentation, CountsTheNonEspMarkerBehindNat) {
  World w(1, WithMtu(kSmallMtu));
  w.nat = Ip("203.0.113.1");
  w.Connect();
  ASSERT_EQ(w.a->live(), 1u);
  for (const Bytes& f : FragmentsOf(w, "A")) EXPECT_LE(f.size() + 4 + 8 + 20, kSmallMtu);
}

TEST(Fragmentation, NeedsBothSides) {
  for (const bool initiator_lacks_it : {true, false}) {
    World w(1, WithMtu(kSmallMtu));
    (initiator_lacks_it ? w.a : w.b)->endpoint->SetConfig(WithMtu(0));
    w.Connect();
    ASSERT_EQ(w.a->live(), 1u);
    EXPECT_FALSE(w.a->ups.at(0).fragmentation);
    EXPECT_FALSE(w.b->ups.at(0).fragmentation);
    EXPECT_EQ(w.wire.size(), 4u);
    Insider x(w);
    for (const Bytes& f : x.Fragments(true, ExchangeType::kInformational, 2, {VendorIdPayload{Bytes(400)}}, 200))
      w.Inject(*w.b, {w.a->address, 500}, f);
    EXPECT_GT(Count(*w.b, "drop: fragment, but fragmentation is not agreed"), 1u);
    EXPECT_EQ(w.wire.size(), 4u);
  }
}

TEST(Fragmentation, ARetransmissionRepeatsTheSameFragments) {
  World w(1, WithMtu(kSmallMtu));
  bool lose = true;
  w.drop = [&](const Node& from, const Bytes& b) { return lose && from.name == "A" && Fragment(b); };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(300ms);
  const auto first = FragmentsOf(w, "A");
  ASSERT_GT(first.size(), 1u);
  w.Run(500ms);
  lose = false;
  auto both = first;
  both.insert(both.end(), first.begin(), first.end());
  EXPECT_EQ(FragmentsOf(w, "A"), both);
  EXPECT_TRUE(w.RunUntil([&] { return w.a->live() == 1; }, 10s));
}

TEST(Fragmentation, ALostFragmentAloneIsWaitedFor) {
  World w(1, WithMtu(kSmallMtu));
  bool lost = false;
  w.drop = [&](const Node& from, const Bytes& b) {
    if (from.name != "A" || !Fragment(b) || DecodeFragmentHeader(b)->number != 2) return false;
    return !std::exchange(lost, true);
  };
  w.Connect();
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_GE(Count(*w.b, "drop: repeated fragment"), 1u);
  EXPECT_EQ(Count(*w.b, "messages put together from fragments"), 1u);
}

TEST(Fragmentation, ALostAnswerIsRepeatedWholeForTheFirstFragmentOnly) {
  World w(1, WithMtu(kSmallMtu));
  bool lose = true;
  w.drop = [&](const Node& from, const Bytes& b) { return lose && from.name == "B" && Fragment(b); };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(300ms);
  const auto answer = FragmentsOf(w, "B");
  ASSERT_GT(answer.size(), 1u);
  lose = false;
  w.Run(1s);
  EXPECT_EQ(w.a->live(), 1u);
  auto both = answer;
  both.insert(both.end(), answer.begin(), answer.end());
  EXPECT_EQ(FragmentsOf(w, "B"), both);
  EXPECT_EQ(Count(*w.b, "requests answered from cache"), 1u);
  EXPECT_EQ(w.b->policy.selections, 1);
}

TEST(Fragmentation, ARequestDividedAnewIsAnsweredFromTheCache) {
  World w(1, WithMtu(kSmallMtu));
  w.Connect();
  Insider x(w);
  const Payloads p = {VendorIdPayload{Bytes(400)}};
  const auto ask = [&](size_t space) {
    const size_t before = w.wire.size();
    for (const Bytes& f : x.Fragments(true, ExchangeType::kInformational, 2, p, space))
      w.Inject(*w.b, {w.a->address, 500}, f);
    return w.wire.size() - before;
  };
  EXPECT_EQ(ask(400), 1u);
  EXPECT_EQ(ask(200), 1u);
  EXPECT_EQ(Count(*w.b, "requests answered from cache"), 1u);
  EXPECT_GE(Count(*w.b, "drop: fragment of a complete request"), 2u);
  WireMessage bent = x.Fragments(true, ExchangeType::kInformational, 2, p, 200);
  bent[0].back() ^= 1;
  const size_t before = w.wire.size();
  w.Inject(*w.b, {w.a->address, 500}, bent[0]);
  EXPECT_EQ(w.wire.size(), before) << "not authentic: not answered";
}

TEST(Fragmentation, AWholeMessageOvertakesItsFragments) {
  World w;
  w.Connect();
  Insider x(w);
  const auto f = x.Fragments(true, ExchangeType::kInformational, 2, {VendorIdPayload{Bytes(400)}}, 200);
  w.Inject(*w.b, {w.a->address, 500}, f[0]);
  x.Ask(ExchangeType::kInformational, 2, {});
  const size_t before = w.wire.size();
  for (size_t i = 1; i < f.size(); ++i) w.Inject(*w.b, {w.a->address, 500}, f[i]);
  EXPECT_EQ(w.wire.size(), before);
  EXPECT_EQ(Count(*w.b, "messages put together from fragments"), 0u);
}

TEST(Fragmentation, ForgedFragmentsKeepNothingAndStopNobody) {
  World w(1, WithMtu(kSmallMtu));
  std::vector<Bytes> seen;
  w.drop = [&](const Node& from, const Bytes& b) {
    if (from.name == "A" && Fragment(b)) seen.push_back(b);
    return from.name == "A" && Fragment(b) && seen.size() < 3;
  };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(200ms);
  ASSERT_GT(seen.size(), 1u);
  for (Bytes forged : seen) {  // same SPIs and numbers, other content
    forged[forged.size() - 20] ^= 0x55;
    w.Inject(*w.b, {Ip("198.51.100.9"), 500}, forged);
    forged[32] = 0, forged[33] = 1, forged[34] = 0, forged[35] = 60;  // "a finer division"
    w.Inject(*w.b, {Ip("198.51.100.9"), 500}, forged);
  }
  EXPECT_GE(Count(*w.b, "drop: integrity check of a fragment failed"), 4u);
  EXPECT_TRUE(w.RunUntil([&] { return w.a->live() == 1; }, 10s));
  EXPECT_EQ(w.b->ups.at(0).remote.address, w.a->address);
}

TEST(Fragmentation, EveryTruncationOfAFragmentIsDropped) {
  World w(1, WithMtu(kSmallMtu));
  w.Connect();
  Insider x(w);
  const Bytes f = x.Fragments(true, ExchangeType::kInformational, 2, {VendorIdPayload{Bytes(400)}}, 200)[0];
  const size_t before = w.wire.size();
  const uint64_t received = Count(*w.b, "fragments received");
  for (size_t n = 0; n < f.size(); ++n) {
    Bytes cut(f.begin(), f.begin() + static_cast<std::ptrdiff_t>(n));
    if (n >= kHeaderSize) cut[26] = static_cast<uint8_t>(n >> 8), cut[27] = static_cast<uint8_t>(n);
    if (n >= 32) cut[30] = 0, cut[31] = static_cast<uint8_t>(n - kHeaderSize);
    w.Inject(*w.b, {w.a->address, 500}, cut);
  }
  EXPECT_EQ(w.wire.size(), before);
  EXPECT_EQ(Count(*w.b, "fragments received"), received);
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(Fragmentation, AnIncompleteMessageIsForgottenInTime) {
  World w;
  w.Connect();
  Insider x(w);
  const auto f = x.Fragments(true, ExchangeType::kInformational, 2, {VendorIdPayload{Bytes(400)}}, 200);
  for (size_t i = 1; i < f.size(); ++i) w.Inject(*w.b, {w.a->address, 500}, f[i]);
  w.Run(40s);
  EXPECT_EQ(Count(*w.b, "incomplete fragmented messages given up"), 1u);
  const size_t before = w.wire.size();
  w.Inject(*w.b, {w.a->address, 500}, f[0]);
  EXPECT_EQ(w.wire.size(), before);
  for (size_t i = 1; i < f.size(); ++i) w.Inject(*w.b, {w.a->address, 500}, f[i]);
  EXPECT_EQ(w.wire.size(), before + 1) << "answered when it is complete after all";
}

TEST(Fragmentation, MalformedPayloadsInFragmentsAreInvalidSyntax) {
  World w;
  w.Connect();
  Insider x(w);
  const size_t before = w.wire.size();
  for (const Bytes& f : x.Fragments(true, ExchangeType::kInformational, 2,
                                    {UnknownPayload{33, false, Bytes(400, 0xff)}}, 200))  // no SA payload is so
    w.Inject(*w.b, {w.a->address, 500}, f);
  ASSERT_EQ(w.wire.size(), before + 1);
  const Payloads answer = x.Read(false, w.wire.back().second.bytes);
  ASSERT_NE(FindError(answer), nullptr);
  EXPECT_EQ(FindError(answer)->type, NotifyType::kInvalidSyntax);
}

TEST(Fragmentation, SurvivesLossRepetitionAndReordering) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    World w(seed, WithMtu(kSmallMtu, Patient()));
    w.loss = 0.3;
    w.duplicate = 0.3;
    w.jitter = 60ms;
    w.a->policy.session.child.lifetime = w.b->policy.session.child.lifetime = seconds(200);
    w.a->policy.session.lifetime = w.b->policy.session.lifetime = seconds(300);
    w.Connect();
    ASSERT_EQ(w.a->live(), 1u) << seed;
    w.Run(900s);
    EXPECT_EQ(w.a->live(), 1u) << seed;
    EXPECT_EQ(w.b->live(), 1u) << seed;
    EXPECT_TRUE(w.PairUsable()) << seed;
    EXPECT_GE(w.a->rekeyed.size(), 1u) << seed;
    EXPECT_THAT(w.a->warnings, IsEmpty()) << seed;
  }
}

}  // namespace
}  // namespace flexvpn::ike::test
