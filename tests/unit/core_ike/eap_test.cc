// SPDX-License-Identifier: Apache-2.0
// EAP in IKE_AUTH (RFC 7296 §2.16), both sides against each other, with a method of the test's own.
#include "core/ike/eap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ike/auth.h"
#include "unit/core_ike/cert_world.h"
#include "unit/core_ike/insider.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = EapStep::Kind;

Bytes EapPacket(uint8_t code, uint8_t id, absl::string_view data = "") {
  ByteWriter w;
  w.U8(code);
  w.U8(id);
  w.U16(static_cast<uint16_t>(4 + data.size()));
  w.Append(AsView(data));
  return std::move(w).Release();
}

// A calls B and logs in by EAP: B asks `questions` times, A answers, and if the last answer is the password both have the key.
struct EapWorld : World {
  explicit EapWorld(Endpoint::Config config = {}) : World(1, config) {
    a->policy.session.local_eap = true;
    a->policy.session.local_psk = {};
    b->policy.session.accept_eap = true;
    b->policy.session.accept_psk = false;
    b->policy.session.local_psk = ToSecret(AsView("secret"));
    eap = [this](Node& n, const EapReceived& e) { Method(n, e); };
    eap_ended = [this](Node& n, const EapEnded&) { ++(&n == a ? ended_a : ended_b); };
  }
  void Method(Node& n, const EapReceived& e) {
    (&n == a ? heard_a : heard_b).push_back(e.message);
    if (&n == a ? silent_a : silent_b) return;
    At(now + thinks, [this, &n, e] {
      Do(n, [&](Endpoint& endpoint, Actions& out) { endpoint.EapAnswer(e.session.id, e.question, &n == a ? Peer(e.message) : Server(e.message), now, out); });
    });
  }
  EapStep Peer(const Bytes& message) const {
    if (message[0] == kEapSuccess) return {Kind::kSuccess, {}, key_a, {}, ""};
    if (message[0] == kEapFailure) return {Kind::kFailure, {}, {}, {}, "wrong password"};
    return {Kind::kMessage, EapPacket(kEapResponse, message[1], message[1] == questions ? password : "more"), {}, {}, ""};
  }
  EapStep Server(const Bytes& message) const {
    if (message.empty()) return {Kind::kMessage, EapPacket(kEapRequest, 1), {}, {}, ""};
    const uint8_t id = message[1];
    if (id < questions) return {Kind::kMessage, EapPacket(kEapRequest, static_cast<uint8_t>(id + 1), std::string(padding, 'x')), {}, {}, ""};
    if (Bytes(message.begin() + 4, message.end()) != ToBytes("password"))
      return {Kind::kFailure, EapPacket(kEapFailure, id), {}, {}, "wrong password of bob"};
    return {Kind::kSuccess, EapPacket(kEapSuccess, id), key_b, who, ""};
  }
  size_t Messages(ExchangeType exchange) const {
    return static_cast<size_t>(std::count_if(wire.begin(), wire.end(), [&](const auto& m) { return DecodeHeader(m.second.bytes)->exchange == exchange; }));
  }
  bool Nothing() const {
    const Endpoint::Usage none;
    return a->endpoint->usage() == none && b->endpoint->usage() == none;
  }

  uint8_t questions = 3;
  size_t padding = 0;
  std::string password = "password";
  SecretBytes key_a = ToSecret(AsView("the key that both have made of it")), key_b = key_a;
  std::optional<Identity> who = Fqdn("bob.example.net");
  Duration thinks = 20ms;
  bool silent_a = false, silent_b = false;
  std::vector<Bytes> heard_a, heard_b;
  int ended_a = 0, ended_b = 0;
};

// Computed with Python's hmac and hashlib after RFC 7296 §2.15, §2.16: first with the key "msk", then with SK_pi.
TEST(Eap, AuthMatchesAnIndependentComputation) {
  const auto crypto = crypto::NewOpensslProvider();
  const Identity id = Fqdn("spoke1.example.net");
  const Bytes sk_pi = FromHex("101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f");
  const AuthInput in{crypto::Prf::kHmacSha256, AsView("first message of i"), AsView("nonce of r"), sk_pi, &id};
  const auto keyed = EapAuth(*crypto, AsView("msk"), in);
  EXPECT_EQ(keyed->method, AuthMethod::kSharedKey);
  EXPECT_EQ(ToHex(keyed->data), "abce27de1d3f72bcc1f6839cf1ac40900b0676a7c2b1600e0ca8061c5dec1da2");
  EXPECT_EQ(ToHex(EapAuth(*crypto, {}, in)->data), "240410e7c64d67d7772ee423c5f318ac43e9b3892706a784904b164e17958665");
  EXPECT_TRUE(VerifyEapAuth(*crypto, AsView("msk"), in, *keyed).ok());
  EXPECT_FALSE(VerifyEapAuth(*crypto, AsView("msK"), in, *keyed).ok());
  EXPECT_FALSE(VerifyEapAuth(*crypto, {}, in, *keyed).ok());
}

TEST(Eap, ALoginBringsUpTheSessionUnderTheNameThatWasProved) {
  EapWorld w;
  w.b->policy.config_reply = std::vector<ConfigAttribute>{{CfgAttr::kIp4Address, {10, 0, 0, 7}}};
  InitiateRequest r = w.Request(*w.a, *w.b);
  r.config_request = {{CfgAttr::kIp4Address, {}}};
  w.Initiate(*w.a, std::move(r));
  ASSERT_TRUE(w.RunUntil([&] { return w.a->live() == 1 && w.b->live() == 1; }, 10s));
  EXPECT_TRUE(w.PairUsable());
  EXPECT_EQ(w.Messages(ExchangeType::kIkeAuth), 10u) << "one without AUTH, three answers, one with AUTH";
  EXPECT_EQ(w.b->ups[0].remote_id, Fqdn("bob.example.net"));
  EXPECT_EQ(w.b->ups[0].auth_remote, "EAP");
  EXPECT_EQ(w.a->ups[0].auth_local, "EAP");
  EXPECT_EQ(w.a->ups[0].auth_remote, "PSK");
  EXPECT_EQ(w.b->policy.selections, 1);
  EXPECT_EQ(w.heard_b.front(), Bytes{}) << "the first message is the method's";
  ASSERT_EQ(w.a->configs.size(), 1u);
  EXPECT_EQ(w.ended_a + w.ended_b, 0);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyIke(w.a->ups[0].id, w.now, out); });
  w.Run(5s);
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
}

TEST(Eap, AMethodWithoutAKeyLeavesItToTheKeysOfTheExchange) {
  EapWorld w;
  w.key_a = w.key_b = {};
  w.a->policy.session.eap_keyless = w.b->policy.session.eap_keyless = true;
  w.Connect();
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_TRUE(w.PairUsable());
}

TEST(Eap, TheServerProvesItselfByCertificate) {
  CertWorld w;
  w.a->policy.session.local_eap = true;
  w.b->policy.session.accept_eap = true;
  EapWorld method;  // its messages alone
  w.eap = [&](Node& n, const EapReceived& e) {
    w.At(w.now + 5ms, [&w, &n, &method, e] {
      w.Do(n, [&](Endpoint& endpoint, Actions& out) {
        endpoint.EapAnswer(e.session.id, e.question, &n == w.a ? method.Peer(e.message) : method.Server(e.message), w.now, out);
      });
    });
  };
  w.Connect();
  ASSERT_EQ(w.a->live() + w.b->live(), 2u) << testing::PrintToString(w.a->warnings) << testing::PrintToString(w.b->warnings);
  EXPECT_NE(w.a->ups[0].remote_certificate, nullptr);
  EXPECT_EQ(w.b->ups[0].remote_certificate, nullptr);
}

TEST(Eap, SurvivesLossRepetitionAndDisorder) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    EapWorld w(Patient());
    w.questions = 6;
    w.loss = 0.3;
    w.duplicate = 0.2;
    w.jitter = 30ms;
    w.Connect();
    EXPECT_EQ(w.a->live() + w.b->live(), 2u) << seed;
  }
}

TEST(Eap, LargeMessagesGoInFragments) {
  EapWorld w;
  w.padding = 4000;
  w.Connect();
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
  for (const auto& [from, d] : w.wire) EXPECT_LE(d.bytes.size(), 1280u);
}

TEST(Eap, GoesAfterAdditionalKeyExchanges) {
  EapWorld w;
  Suite suite = IkeSuite();
  suite.additional[0] = crypto::KeMethod::kEcp256;
  w.a->policy.suites = w.b->policy.suites = {suite};
  w.Connect();
  EXPECT_EQ(w.a->live() + w.b->live(), 2u) << testing::PrintToString(w.b->warnings);
}

TEST(Eap, AWrongPasswordIsSaidOnBothSides) {
  EapWorld w;
  w.password = "guess";
  w.Connect();
  w.Run(60s);
  EXPECT_EQ(w.a->live() + w.b->live(), 0u);
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("the login by EAP has failed: wrong password of bob")));
  EXPECT_THAT(w.a->warnings, ElementsAre(HasSubstr("the login by EAP has failed: wrong password")));
  EXPECT_EQ(w.heard_a.back()[0], kEapFailure);
  EXPECT_EQ(w.ended_a, 1);
  EXPECT_EQ(w.ended_b, 1);
  EXPECT_TRUE(w.Nothing());
}

TEST(Eap, ASilentMethodOfEitherSideIsGivenUp) {
  for (bool server : {true, false}) {
    EapWorld w;
    (server ? w.silent_b : w.silent_a) = true;
    w.Connect();
    w.Run(100s);
    EXPECT_EQ(w.a->live() + w.b->live(), 0u);
    EXPECT_EQ(w.ended_b, 1) << server;
    EXPECT_TRUE(w.Nothing()) << server;
    Actions out;  // it wakes up
    w.b->endpoint->EapAnswer(IkeSaId(1), EapQuestion(1), {Kind::kSuccess, EapPacket(kEapSuccess, 1), {}, w.who, ""}, w.now, out);
    EXPECT_TRUE(out.empty());
  }
}

TEST(Eap, ThePeersPatienceIsNotTested) {  // the method thinks longer than the first retransmissions
  EapWorld w;
  w.thinks = 4s;
  w.Connect();
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_EQ(w.heard_b.size(), 4u) << "repetitions are not heard twice";
}

TEST(Eap, IsOffUnlessThePolicySaysSo) {
  EapWorld w;
  w.b->policy.session.accept_eap = false;
  w.b->policy.session.accept_psk = true;
  w.Connect();
  EXPECT_EQ(w.a->live() + w.b->live(), 0u);
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("it wants EAP, which is not configured")));
  EXPECT_THAT(w.a->warnings, ElementsAre(HasSubstr("it does not take EAP")));
  EXPECT_THAT(w.heard_b, IsEmpty());
}

TEST(Eap, WhoShouldLogInDoesNotGetInByAKey) {
  EapWorld w;
  w.a->policy.session = MakePolicy("spoke1.example.net", "secret", "secret");
  w.Connect();
  EXPECT_EQ(w.a->live() + w.b->live(), 0u);
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("it authenticates with a pre-shared key, wanted is eap")));
}

TEST(Eap, DoesNotGoWithAPostQuantumKeyThatIsRequired) {
  EapWorld w;
  w.a->policy.session.ppk = Ppk{ToBytes("id"), ToSecret(AsView("key")), true};
  w.b->policy.offers_ppk = true;
  w.Connect();
  EXPECT_THAT(w.a->warnings, Contains(HasSubstr("does not go together with EAP")));
  EXPECT_THAT(w.heard_b, IsEmpty());

  EapWorld other;  // nor on the side that is called
  other.b->policy.session.ppk = Ppk{ToBytes("id"), ToSecret(AsView("key")), true};
  other.Connect();
  EXPECT_THAT(other.b->warnings, ElementsAre(HasSubstr("does not go together with EAP")));
  EXPECT_THAT(other.heard_b, IsEmpty());
}

TEST(Eap, TwoAtOnceAreTwo) {
  EapWorld w;
  Node* c = w.Add("C", "192.0.2.3", "spoke3.example.net");
  c->policy.session.local_eap = true;
  w.eap = [&](Node& n, const EapReceived& e) {
    w.At(w.now + 10ms, [&w, &n, e] {
      w.Do(n, [&](Endpoint& endpoint, Actions& out) { endpoint.EapAnswer(e.session.id, e.question, &n == w.b ? w.Server(e.message) : w.Peer(e.message), w.now, out); });
    });
  };
  w.Initiate(*c, w.Request(*c, *w.b));
  w.Connect();
  w.Run(2s);
  EXPECT_EQ(w.b->live(), 2u);
}

TEST(EapHostile, AnotherKeyThanTheMethodsIsNoProof) {
  EapWorld w;
  w.key_a = ToSecret(AsView("another"));
  w.Connect();
  w.Run(60s);
  EXPECT_EQ(w.a->live() + w.b->live(), 0u);
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("its AUTH is not made with the key of the EAP login")));
  EXPECT_EQ(w.ended_b, 1);
  EXPECT_TRUE(w.Nothing());
}

TEST(EapHostile, AServerThatDoesNotProveItselfHearsNoPassword) {
  EapWorld w;
  w.b->policy.session.local_psk = ToSecret(AsView("not the key"));
  w.Connect();
  w.Run(60s);
  EXPECT_EQ(w.a->live() + w.b->live(), 0u);
  EXPECT_THAT(w.heard_a, IsEmpty());
  EXPECT_THAT(w.a->warnings, Contains(HasSubstr("authentication of the peer failed")));
}

TEST(EapHostile, AMethodThatProvesNoNameLetsNobodyIn) {
  EapWorld w;
  w.who.reset();
  w.Connect();
  EXPECT_EQ(w.b->live(), 0u);
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("does not say who the peer has proved to be")));
}

TEST(EapHostile, AMethodWithoutAKeyIsAFailureUnlessThePolicySaysSo) {
  EapWorld w;
  w.key_a = w.key_b = {};
  w.Connect();
  EXPECT_EQ(w.a->live() + w.b->live(), 0u);
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("the method has made no key")));
}

TEST(EapHostile, AServerThatIsNobodyHearsNoPassword) {  // although nobody would do without EAP
  EapWorld w;
  w.a->policy.session.accept_null = true;
  w.b->policy.session.local_null = true;
  w.b->policy.session.local_id = {IdType::kNull, {}};
  w.Connect();
  EXPECT_THAT(w.heard_a, IsEmpty());
  EXPECT_EQ(w.a->live() + w.b->live(), 0u);
}

TEST(EapHostile, NoTicketStandsForALogin) {
  EapWorld w;
  w.a->policy.session.resumption = w.b->policy.session.resumption = seconds(1800);
  w.Connect();
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
  EXPECT_EQ(w.a->endpoint->usage().tickets, 0u);
}

TEST(EapHostile, AnAnswerToAnEarlierQuestionIsIgnored) {
  EapWorld w;
  std::optional<EapQuestion> first;
  w.eap = [&](Node& n, const EapReceived& e) {
    if (&n == w.b && first) {
      w.Do(n, [&](Endpoint& endpoint, Actions& out) {  // too early and to another question
        endpoint.EapAnswer(e.session.id, *first, {Kind::kSuccess, EapPacket(kEapSuccess, 1), w.key_b, w.who, ""}, w.now, out);
        EXPECT_TRUE(out.empty());
      });
    }
    if (&n == w.b && !first) first = e.question;
    w.Method(n, e);
  };
  w.Connect();
  EXPECT_EQ(w.a->live() + w.b->live(), 2u);
}

TEST(Eap, WhoGivesUpTellsTheResponder) {
  EapWorld w;
  w.eap = [&](Node& n, const EapReceived& e) {
    if (&n == w.b) return w.Method(n, e);
    w.At(w.now + 5ms, [&w, &n, e] {
      w.Do(n, [&](Endpoint& endpoint, Actions& out) { endpoint.EapAnswer(e.session.id, e.question, {Kind::kFailure, {}, {}, {}, "no password"}, w.now, out); });
    });
  };
  w.Connect();
  EXPECT_EQ(w.ended_b, 1);
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("it has given up its login by EAP")));
  w.Run(30s);
  EXPECT_TRUE(w.Nothing());
}

TEST(EapHostile, AMalformedMessageFreesItsPlaceSoon) {
  EapWorld w;
  w.silent_a = true;
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  ASSERT_TRUE(w.RunUntil([&] { return !w.heard_a.empty(); }, 5s));
  Insider evil(w, IkeSuite());
  evil.Ask(ExchangeType::kCreateChildSa, 2, {NoncePayload{Bytes(32, 1)}});
  w.Run(35s);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
}

TEST(EapHostile, ANameOfALoginEndsNoSessionOfAnotherBook) {
  EapWorld w;
  w.b->policy.session.accept_psk = true;
  w.b->policy.session.remote_psk = ToSecret(AsView("secret"));
  Node* c = w.Add("C", "192.0.2.3", "bob.example.net");
  w.Initiate(*c, w.Request(*c, *w.b));
  ASSERT_TRUE(w.RunUntil([&] { return w.b->live() == 1; }, 10s));
  w.Run(1s);
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(5s);
  EXPECT_EQ(w.b->live(), 2u) << testing::PrintToString(w.b->warnings);
}

// The initiator's keys in other hands, instead of its first answer.
struct EapInsider : EapWorld {
  EapInsider() {
    silent_a = true;
    Connect();
    EXPECT_EQ(heard_a.size(), 1u);
    evil.emplace(*this, IkeSuite());
  }
  Payloads Say(uint32_t id, Payload payload) { return evil->Ask(ExchangeType::kIkeAuth, id, {std::move(payload)}); }
  std::optional<Insider> evil;
};

TEST(EapHostile, WhatIsNoEapResponseEndsTheLogin) {
  const Payload kWrong[] = {EapPayload{EapPacket(kEapRequest, 1)}, EapPayload{EapPacket(kEapSuccess, 1)},
                            AuthPayload{AuthMethod::kSharedKey, Bytes(32)},
                            NotifyPayload{ProtocolId::kNone, {}, NotifyType::kInitialContact, {}}};
  for (const Payload& wrong : kWrong) {
    EapInsider w;
    const Payloads answer = w.Say(2, wrong);
    EXPECT_EQ(ErrorOf(answer), NotifyType::kInvalidSyntax);
    EXPECT_EQ(w.ended_b, 1);
    EXPECT_EQ(w.heard_b.size(), 1u);
    w.Run(60s);
    EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  }
}

TEST(EapHostile, ALoginWithoutEndIsEnded) {
  EapInsider w;
  w.questions = 255;
  w.thinks = 0ms;
  uint32_t id = 2;
  for (; w.ended_b == 0 && id < 1000; ++id) {
    w.Say(id, EapPayload{EapPacket(kEapResponse, 1, "more")});
    w.Run(1ms);
  }
  EXPECT_EQ(id, 2u + kMaxEapRounds + 1);
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("takes too many or too large messages")));
}

TEST(EapHostile, AnotherMessageWhileTheMethodThinksIsNotHeard) {
  EapInsider w;
  w.silent_b = true;
  w.Say(2, EapPayload{EapPacket(kEapResponse, 1, "more")});
  w.Say(3, EapPayload{EapPacket(kEapResponse, 1, "password")});
  w.Say(2, EapPayload{EapPacket(kEapResponse, 1, "other")});
  EXPECT_EQ(w.heard_b.size(), 2u);
  EXPECT_EQ(w.b->live(), 0u);
}

}  // namespace
}  // namespace flexvpn::ike::test
