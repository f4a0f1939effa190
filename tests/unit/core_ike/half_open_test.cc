// SPDX-License-Identifier: Apache-2.0
// A responder's IKE SA between IKE_SA_INIT and the first authentic message of the peer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ike/half_open.h"
#include "unit/core_ike/insider.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::ElementsAre;

// A has called B, and B has answered; IKE_AUTH is held back.
class HalfOpenWorld : public World {
 public:
  explicit HalfOpenWorld(Endpoint::Config config = {}) : World(1, config) {
    drop = [this](const Node&, const Bytes& bytes) {
      return held && DecodeHeader(bytes)->exchange != ExchangeType::kIkeSaInit;
    };
    Initiate(*a, Request(*a, *b));
    Run(100ms);
  }
  bool held = true;
};

TEST(HalfOpenSa, IsListedWithWhatIsKnownOfIt) {
  HalfOpenWorld w;
  const auto list = w.b->endpoint->List(w.now);
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].state, "IN-NEG");
  EXPECT_EQ(list[0].session.remote.address, w.a->address);
  EXPECT_EQ(list[0].session.suite, IkeSuite());
  EXPECT_EQ(list[0].session.spi_r, DecodeHeader(w.wire.at(1).second.bytes)->responder_spi);
  EXPECT_THAT(*list[0].session.vendor_ids, ElementsAre("FLEXVPN-SUPPORTED", "FLEXVPN-FOR-LINUX"));
  EXPECT_EQ(list[0].remote_request_id, 1u);
  EXPECT_TRUE(w.b->endpoint->Find(list[0].session.id));
  EXPECT_EQ(w.b->endpoint->usage().sessions, 1u);
}

TEST(HalfOpenSa, IsNotChangedByForgedMessages) {
  HalfOpenWorld w;
  const auto before = w.b->endpoint->usage();
  Bytes forged = w.wire.at(2).second.bytes;  // IKE_AUTH
  ASSERT_EQ(DecodeHeader(forged)->exchange, ExchangeType::kIkeAuth);
  forged.back() ^= 1;
  const size_t sent = w.wire.size();
  for (int i = 0; i < 100; ++i) w.Inject(*w.b, {w.a->address, 500}, forged);
  EXPECT_EQ(w.b->endpoint->counters().Get("drop: integrity check failed"), 100u);
  EXPECT_EQ(w.b->endpoint->usage(), before);
  EXPECT_EQ(w.wire.size(), sent);
  w.held = false;
  w.Run(5s);
  EXPECT_TRUE(w.PairUsable());
}

TEST(HalfOpenSa, AnswersTheRepeatedRequestWithIdenticalOctetsBeforeAndAfterTheFirstFragment) {
  HalfOpenWorld w;
  Insider a(w, IkeSuite());
  const auto repeat = [&] {
    w.Inject(*w.b, {w.a->address, 500}, w.wire.at(0).second.bytes);
    EXPECT_EQ(w.wire.back().second.bytes, w.wire.at(1).second.bytes);
  };
  repeat();
  const auto fragments =
      a.Fragments(true, ExchangeType::kIkeAuth, 1, {VendorIdPayload{Bytes(500, 1)}}, 300);
  ASSERT_GT(fragments.size(), 1u);
  Bytes forged = fragments[0];
  forged.back() ^= 1;
  w.Inject(*w.b, {w.a->address, 500}, forged);
  EXPECT_EQ(w.b->endpoint->usage().reassembly, 0u);
  w.Inject(*w.b, {w.a->address, 500}, fragments[0]);
  EXPECT_GT(w.b->endpoint->usage().reassembly, 0u);
  repeat();
  EXPECT_EQ(w.b->endpoint->half_open(), 1u);
  w.Run(60s);
  EXPECT_EQ(w.b->endpoint->usage(), Endpoint::Usage());
}

TEST(HalfOpenSa, ExpiresAndLeavesNothing) {
  HalfOpenWorld w;
  w.Run(29s);
  EXPECT_EQ(w.b->endpoint->half_open(), 1u);
  w.Run(90s);
  EXPECT_EQ(w.b->endpoint->counters().Get("half-open SAs expired"), 1u);
  EXPECT_EQ(w.b->endpoint->usage(), Endpoint::Usage());
}

TEST(HalfOpenSa, CanBeTerminatedAndIsThenUnknown) {
  HalfOpenWorld w;
  const IkeSaId id = w.b->endpoint->List(w.now).at(0).session.id;
  w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.Terminate(id, "test", w.now, out); });
  EXPECT_EQ(w.b->endpoint->usage(), Endpoint::Usage());
  EXPECT_FALSE(w.b->endpoint->Find(id));
}

TEST(HalfOpenSa, GivesNoCrashTokenForItsSpis) {
  Endpoint::Config config;
  config.qcd_secret = ToSecret(Bytes(32, 7));
  HalfOpenWorld w(config);
  Bytes echo = w.wire.at(2).second.bytes;  // as if we had sent it: neither SPI may get a token (RFC 6290 §4.3)
  echo[19] = 0;                            // no flags
  const size_t sent = w.wire.size();
  w.Inject(*w.b, {w.a->address, 500}, echo);
  EXPECT_EQ(w.wire.size(), sent);
}

TEST(HalfOpenSa, IsSmall) { EXPECT_LE(sizeof(HalfOpen), 208u); }

TEST(BodyOf, FindsThePayloadAndStopsAtTruncation) {
  Header h;
  h.exchange = ExchangeType::kIkeSaInit;
  const Bytes nonce(16, 9);
  const Payloads payloads = {VendorIdPayload{Bytes(5, 1)}, NoncePayload{nonce}, VendorIdPayload{Bytes(3, 2)}};
  const Bytes message = EncodeMessage(h, payloads);
  const BytesView body = BodyOf(message, PayloadType::kNonce);
  EXPECT_EQ(Bytes(body.begin(), body.end()), nonce);
  EXPECT_TRUE(BodyOf(message, PayloadType::kKe).empty());
  const size_t end = kHeaderSize + (4 + 5) + (4 + 16);
  for (size_t n = 0; n < end; ++n) EXPECT_TRUE(BodyOf(BytesView(message).first(n), PayloadType::kNonce).empty()) << n;
}

}  // namespace
}  // namespace flexvpn::ike::test
