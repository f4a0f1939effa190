// SPDX-License-Identifier: Apache-2.0
// Redirect (RFC 5685), both sides.
#include "core/ike/redirect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core_ike/insider.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// RFC 5685 §6.2: type, length, identity, nonce.
TEST(RedirectPayload, IsLaidOutAsTheRfcSays) {
  EXPECT_EQ(ToHex(EncodeRedirect({Ip("192.0.2.9"), ""}, Bytes{0xaa, 0xbb})), "0104c0000209aabb");
  EXPECT_EQ(ToHex(EncodeRedirect({Ip("2001:db8::1"), ""})), "021020010db8000000000000000000000001");
  EXPECT_EQ(ToHex(EncodeRedirect({{}, "gw.example"})), "030a67772e6578616d706c65");
  for (const Gateway& g : {Gateway{Ip("192.0.2.9"), ""}, Gateway{Ip("2001:db8::1"), ""}, Gateway{{}, "gw.example"}})
    for (const Bytes& nonce : {Bytes{}, Bytes(32, 7)})
      EXPECT_EQ(DecodeRedirect(EncodeRedirect(g, nonce)), (Redirect{g, nonce}));
}

TEST(RedirectPayload, RefusesTruncationsAndWhatIsNoGateway) {
  const Bytes good = EncodeRedirect({Ip("2001:db8::1"), ""});
  for (size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(DecodeRedirect(BytesView(good).first(n))) << n;
  for (const char* bad : {"0105c000020900", "0203c00002", "0400", "0300", "03026720", "0302670a", "00"})
    EXPECT_FALSE(DecodeRedirect(FromHex(bad))) << bad;
}

struct Cluster : World {
  Node* c;
  Cluster() {
    a->policy.session.max_redirects = 3;
    c = Add("C", "192.0.2.3", "hub2.example.net");
  }
  void Call() {
    Initiate(*a, Request(*a, *b));
    Run(5s);
  }
};

TEST(RedirectClient, GoesWhereItIsSentInTheSameSession) {
  Cluster w;
  w.b->policy.redirect_to = Gateway{w.c->address, ""};
  w.Call();
  ASSERT_EQ(w.a->live(), 1u);
  EXPECT_EQ(w.c->live(), 1u);
  EXPECT_EQ(w.b->live(), 0u);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  EXPECT_EQ(w.a->ups.at(0).remote.address, w.c->address);
  EXPECT_TRUE(w.a->downs.empty());
  const Bytes& second = w.wire.at(2).second.bytes;
  const auto p = *DecodePayloads(DecodeHeader(second)->next_payload, BytesView(second).subspan(kHeaderSize));
  const auto* from = FindNotify(p, NotifyType::kRedirectedFrom);
  ASSERT_NE(from, nullptr);
  EXPECT_EQ(DecodeRedirect(from->data)->to.address, w.b->address);
}

TEST(RedirectClient, EndsAfterAsManyAsConfigured) {
  Cluster w;
  w.b->policy.redirect_to = Gateway{w.c->address, ""};
  w.c->policy.redirect_to = Gateway{w.b->address, ""};
  w.Call();
  EXPECT_EQ(w.a->live(), 0u);
  EXPECT_EQ(w.a->endpoint->counters().Get("redirects followed"), 3u);
  EXPECT_THAT(w.a->warnings, Contains(HasSubstr("redirected more than 3 times")));
}

TEST(RedirectClient, WithoutConfigurationItIsNotSaidAndNotFollowed) {
  Cluster w;
  w.a->policy.session.max_redirects = 0;
  w.b->policy.redirect_to = Gateway{w.c->address, ""};
  w.Call();
  EXPECT_EQ(w.b->live(), 1u);
  EXPECT_EQ(w.a->live(), 1u);
}

TEST(RedirectClient, AForgedAnswerWithoutOurNonceIsDropped) {
  Cluster w;
  bool lose = true;
  w.drop = [&](const Node& from, const Bytes&) { return lose && from.name == "B"; };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(20ms);
  Header h;
  h.initiator_spi = DecodeHeader(w.wire.at(0).second.bytes)->initiator_spi;
  h.exchange = ExchangeType::kIkeSaInit;
  h.flags = kFlagResponse;
  const Bytes data = EncodeRedirect({w.c->address, ""}, Bytes(32, 9));
  w.Inject(*w.a, {w.b->address, 500},
           EncodeMessage(h, {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kRedirect, data}}));
  EXPECT_EQ(w.a->endpoint->counters().Get("drop: REDIRECT without our nonce"), 1u);
  lose = false;
  w.Run(5s);
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(RedirectClient, ANameIsSaidToBeUnsupported) {
  Cluster w;
  w.b->policy.redirect_to = Gateway{{}, "other.example"};
  w.Call();
  EXPECT_THAT(w.a->warnings, Contains(HasSubstr("other.example")));
}

TEST(RedirectClient, InIkeAuthTheGatewayIsAuthenticatedFirstAndLeftWithADelete) {
  Cluster w;
  w.drop = [](const Node& from, const Bytes& bytes) {
    return from.name == "B" && DecodeHeader(bytes)->exchange == ExchangeType::kIkeAuth;
  };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(300ms);
  Insider x(w, IkeSuite());
  Payloads answer = x.Read(false, w.wire.at(3).second.bytes);
  std::erase_if(answer, [](const Payload& p) {
    return std::holds_alternative<SaPayload>(p) || std::holds_alternative<TsPayload>(p);
  });
  answer.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kRedirect, EncodeRedirect({w.c->address, ""})});
  w.drop = nullptr;
  w.Inject(*w.a, {w.b->address, 500}, x.Message(false, ExchangeType::kIkeAuth, 1, answer, true));
  w.Run(1s);
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_EQ(w.c->live(), 1u);
  EXPECT_EQ(w.b->live(), 0u);
}

TEST(RedirectClient, AnEstablishedSessionIsEndedAndMayCallAgain) {
  Cluster w;
  w.Call();
  ASSERT_EQ(w.a->live(), 1u);
  Insider x(w);
  const Bytes data = EncodeRedirect({w.c->address, ""});
  w.Inject(*w.a, {w.b->address, 500},
           x.Message(false, ExchangeType::kInformational, 0,
                     {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kRedirect, data}}));
  w.Run(1s);
  EXPECT_EQ(w.a->live(), 0u);
  EXPECT_THAT(w.a->downs.back().reason, HasSubstr("redirected to 192.0.2.3"));
  EXPECT_EQ(w.b->live(), 0u) << "by our DELETE";
}

TEST(RedirectGateway, CostsNoState) {
  Cluster w;
  w.b->policy.redirect_to = Gateway{w.c->address, ""};
  for (int i = 0; i < 10; ++i) w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(15ms);
  EXPECT_EQ(w.b->endpoint->counters().Get("clients redirected"), 10u);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
}

}  // namespace
}  // namespace flexvpn::ike::test
