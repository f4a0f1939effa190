// SPDX-License-Identifier: Apache-2.0
// Session resumption (RFC 5723), both sides against each other.
#include "core/ike/resume.h"

#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include "core/ike/auth.h"
#include "unit/core_ike/insider.h"

namespace flexvpn::ike::test {
namespace {

// A and B with session resumption, up by a full handshake.
struct Resumable : World {
  explicit Resumable(Endpoint::Config config = {}) : World(1, config) {
    a->policy.session.resumption = b->policy.session.resumption = seconds(1800);
    a->policy.session.dpd = {seconds(10), seconds(2), false};
  }
  void Start() {
    Connect();
    ASSERT_EQ(a->endpoint->usage().tickets, 1u);
  }
  // A misses B and gives the session up.
  void Lose() {
    drop = [](const Node&, const Bytes&) { return true; };
    RunUntil([&] { return a->live() == 0; }, 120s);
    drop = nullptr;
  }
  // A calls again.
  bool Again() {
    mark = wire.size();
    const size_t ups = a->ups.size(), theirs = b->ups.size();
    Initiate(*a, Request(*a, *b));
    return RunUntil([&] { return a->ups.size() > ups && b->ups.size() > theirs; }, 60s);
  }
  const Bytes& Sent(size_t n) const { return wire.at(mark + n).second.bytes; }
  size_t Count(ExchangeType exchange) const {
    const auto begin = wire.begin() + static_cast<std::ptrdiff_t>(mark);
    return static_cast<size_t>(std::count_if(
        begin, wire.end(), [&](const auto& m) { return DecodeHeader(m.second.bytes)->exchange == exchange; }));
  }
  uint64_t At(const Node* n, const char* counter) const { return n->endpoint->counters().Get(counter); }
  size_t mark = 0;
};

Payloads Plain(const Bytes& bytes) {
  return *DecodePayloads(DecodeHeader(bytes)->next_payload, BytesView(bytes).subspan(kHeaderSize));
}

class ResumeByEitherForm : public ::testing::TestWithParam<TicketForm> {
 protected:
  ResumeByEitherForm() { w.b->policy.session.ticket_form = GetParam(); }
  Resumable w;
};
INSTANTIATE_TEST_SUITE_P(Forms, ResumeByEitherForm, ::testing::Values(TicketForm::kByValue, TicketForm::kByReference),
                         FormName);

TEST(Resume, IsOffUnlessConfigured) {
  World w;
  w.Connect();
  EXPECT_EQ(w.a->endpoint->usage().tickets, 0u);
  EXPECT_EQ(w.b->endpoint->counters().Get("tickets given"), 0u);
}

TEST(Resume, AResponderWithoutItSaysNack) {
  Resumable w;
  w.b->policy.session.resumption = seconds(0);
  w.Connect();
  EXPECT_EQ(w.a->endpoint->usage().tickets, 0u);
  EXPECT_EQ(w.At(w.a, "tickets not given by the peer"), 1u);
}

TEST_P(ResumeByEitherForm, ALostSessionIsTakenUpInFourMessagesWithoutKeyExchange) {
  w.Start();
  w.Lose();
  ASSERT_TRUE(w.Again());
  EXPECT_EQ(w.Count(ExchangeType::kIkeSaInit), 0u);
  EXPECT_EQ(w.Count(ExchangeType::kIkeSessionResume), 2u);
  EXPECT_EQ(w.Count(ExchangeType::kIkeAuth), 2u);
  EXPECT_EQ(ike::Find<KePayload>(Plain(w.Sent(0))), nullptr);
  EXPECT_TRUE(w.a->ups.back().resumed);
  EXPECT_TRUE(w.b->ups.back().resumed);
  EXPECT_EQ(w.b->ups.back().remote_id, Fqdn("spoke1.example.net"));
  EXPECT_TRUE(w.PairUsable());
  EXPECT_EQ(w.At(w.b, "sessions resumed"), 1u);
  EXPECT_EQ(w.a->endpoint->usage().tickets, 1u) << "the next one";
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyIke(w.a->ups.back().id, w.now, out); });
  w.Run(10s);
  EXPECT_EQ(w.a->rekeyed.size(), 1u);
  EXPECT_TRUE(w.PairUsable());
}

TEST_P(ResumeByEitherForm, TheSessionThatTheResponderStillHasGoes) {
  w.b->policy.session.initial_contact = w.a->policy.session.initial_contact = false;
  w.Start();
  w.Lose();
  ASSERT_EQ(w.b->live(), 1u);
  ASSERT_TRUE(w.Again());
  ASSERT_EQ(w.b->downs.size(), 1u);
  EXPECT_EQ(w.b->downs[0].reason, "resumed by the peer");
  EXPECT_EQ(w.b->endpoint->usage().sessions, 1u);
}

// prf of the suite is HMAC-SHA-256; computed here with OpenSSL alone.
Bytes Hmac(BytesView key, std::initializer_list<BytesView> parts) {
  Bytes all, out(32);
  for (BytesView p : parts) all.insert(all.end(), p.begin(), p.end());
  unsigned size = 32;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), all.data(), all.size(), out.data(), &size);
  return out;
}

// §5.1 and RFC 7296 §2.13: SKEYSEED = prf(SK_d, "Resumption" | Ni | Nr), keys = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr).
TEST(Resume, KeysAreThoseOfTheRfc) {
  Endpoint::Config config;
  config.log_keys = true;
  Resumable w(config);
  w.Start();
  // SK_d of the first IKE SA, from the toy key exchange.
  crypto::ToyProvider crypto;
  const Payloads p = Plain(w.wire.at(0).second.bytes), q = Plain(w.wire.at(1).second.bytes);
  const auto* ke = ike::Find<KePayload>(p);
  const auto shared = crypto.Run(crypto::DeriveSecret{{ke->method, ke->public_value, nullptr},
                                                      ike::Find<KePayload>(q)->public_value});
  const Header h = *DecodeHeader(w.wire.at(1).second.bytes);
  const IkeKeys first =
      DeriveIkeKeys(crypto, IkeSuite(), std::get<SecretBytes>(*shared), ike::Find<NoncePayload>(p)->nonce,
                    ike::Find<NoncePayload>(q)->nonce, h.initiator_spi, h.responder_spi);
  w.Lose();
  w.a->keys.clear(), w.b->keys.clear();
  ASSERT_TRUE(w.Again());
  const Bytes ni = ike::Find<NoncePayload>(Plain(w.Sent(0)))->nonce;
  const Bytes nr = ike::Find<NoncePayload>(Plain(w.Sent(1)))->nonce;
  const Bytes seed = Hmac(first.sk_d, {AsView("Resumption"), ni, nr});
  const Bytes& answer = w.Sent(1);
  const BytesView spis = BytesView(answer).first(16);
  Bytes material, block;
  for (uint8_t n = 1; n <= 7; ++n) {
    block = Hmac(seed, {block, ni, nr, spis, BytesView(&n, 1)});
    material.insert(material.end(), block.begin(), block.end());
  }
  // SK_d, SK_ai, SK_ar, SK_ei, SK_er of 32 octets each.
  ASSERT_EQ(w.a->keys.size(), 1u);
  ASSERT_EQ(w.b->keys.size(), 1u);
  for (const KeyLogEntry& log : {w.a->keys[0], w.b->keys[0]}) {
    EXPECT_EQ(ToHex(log.initiator.integ_key), ToHex(BytesView(material).subspan(32, 32)));
    EXPECT_EQ(ToHex(log.responder.integ_key), ToHex(BytesView(material).subspan(64, 32)));
    EXPECT_EQ(ToHex(log.initiator.encr_key), ToHex(BytesView(material).subspan(96, 32)));
    EXPECT_EQ(ToHex(log.responder.encr_key), ToHex(BytesView(material).subspan(128, 32)));
  }
  // §4.3.3: AUTH = prf(SK_pi, message | Nr | prf(SK_pi, IDi)).
  const auto auth = Unprotect(crypto, w.b->keys[0].initiator, *DecodeHeader(w.Sent(2)), w.Sent(2));
  ASSERT_TRUE(auth.ok());
  const BytesView sk_pi = BytesView(material).subspan(160, 32);
  const Bytes id = IdBody(Fqdn("spoke1.example.net"));
  EXPECT_EQ(ike::Find<AuthPayload>(*auth)->method, AuthMethod::kSharedKey);
  EXPECT_EQ(ToHex(ike::Find<AuthPayload>(*auth)->data), ToHex(Hmac(sk_pi, {w.Sent(0), nr, Hmac(sk_pi, {id})})));
}

TEST(Resume, SurvivesTheLossOfEveryOneOfItsMessages) {
  for (size_t lost = 0; lost < 4; ++lost) {
    Resumable w;
    w.Start();
    w.Lose();
    size_t seen = 0;
    w.drop = [&](const Node&, const Bytes&) { return seen++ == lost; };
    ASSERT_TRUE(w.Again()) << lost;
    EXPECT_TRUE(w.a->ups.back().resumed) << lost;
    EXPECT_TRUE(w.PairUsable()) << lost;
    EXPECT_EQ(w.At(w.b, "sessions resumed"), 1u);
  }
}

TEST(Resume, CookiesAreAskedForAsInIkeSaInit) {
  Endpoint::Config config;
  config.cookie_threshold = 0;
  Resumable w(config);
  w.Start();
  w.Lose();
  w.mark = w.wire.size();
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.Run(11ms);
  EXPECT_NE(FindNotify(Plain(w.Sent(1)), NotifyType::kCookie), nullptr);
  EXPECT_EQ(DecodeHeader(w.Sent(1))->exchange, ExchangeType::kIkeSessionResume);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  w.Run(5s);
  EXPECT_TRUE(w.a->ups.back().resumed);
  EXPECT_EQ(w.Count(ExchangeType::kIkeSaInit), 0u);
}

// Every reason for which a responder refuses a ticket: the initiator comes by the full handshake.
struct Refusal {
  const char* name;
  std::function<void(Resumable&)> cause;
};
class ResumeRefused : public ::testing::TestWithParam<Refusal> {};

TEST_P(ResumeRefused, AFullHandshakeFollows) {
  Resumable w;
  w.Start();
  w.Lose();
  GetParam().cause(w);
  ASSERT_TRUE(w.Again());
  EXPECT_FALSE(w.a->ups.back().resumed);
  EXPECT_FALSE(w.b->ups.back().resumed);
  EXPECT_EQ(w.At(w.b, "tickets refused"), 1u);
  EXPECT_EQ(w.At(w.a, "tickets refused by the peer"), 1u);
  EXPECT_EQ(w.At(w.b, "sessions resumed"), 0u);
  EXPECT_TRUE(w.PairUsable());
}

INSTANTIATE_TEST_SUITE_P(
    Causes, ResumeRefused,
    ::testing::Values(
        Refusal{"Altered", [](Resumable& w) {
          w.rewrite = [](const Node& from, Bytes& bytes) {
            const auto h = DecodeHeader(bytes);
            if (from.name != "A" || h->exchange != ExchangeType::kIkeSessionResume) return;
            Payloads p = Plain(bytes);
            for (Payload& x : p)
              if (auto* n = std::get_if<NotifyPayload>(&x); n != nullptr && n->type == NotifyType::kTicketOpaque)
                n->data.back() ^= 1;
            bytes = EncodeMessage(*h, p);
          };
        }},
        Refusal{"ResponderRestarted", [](Resumable& w) {
          w.b->endpoint = std::make_unique<Endpoint>(Endpoint::Config{}, w.b->policy, w.b->crypto, w.b->rng);
          w.b->downs.push_back({w.b->ups.back(), "restart", true});
        }},
        Refusal{"NoLongerConfigured", [](Resumable& w) { w.b->policy.session.resumption = seconds(0); }},
        Refusal{"OtherProfile", [](Resumable& w) { w.b->policy.session.profile = "other"; }},
        Refusal{"KeyAdded", [](Resumable& w) { w.b->policy.session.accept_rsa = true; }},
        Refusal{"OtherAlgorithms", [](Resumable& w) {
          w.b->policy.suites = {IkeSuite(crypto::KeMethod::kEcp256)};
          w.a->policy.suites = {IkeSuite(), IkeSuite(crypto::KeMethod::kEcp256)};
        }}),
    [](const auto& test) { return test.param.name; });

// After `change` at the responder neither the ticket nor the full handshake lets the caller in.
void ExpectNobodyGetsIn(void (*change)(Resumable&)) {
  Resumable w;
  w.Start();
  w.Lose();
  change(w);
  EXPECT_FALSE(w.Again());
  EXPECT_EQ(w.At(w.b, "tickets refused"), 1u);
  EXPECT_EQ(w.a->ups.size(), 1u);
}

TEST(Resume, ARemovedProfileLetsNobodyInByTicketOrByKey) {
  ExpectNobodyGetsIn([](Resumable& w) { w.b->policy.refuse = absl::NotFoundError("no profile"); });
}

TEST(Resume, AChangedKeyLetsNobodyInByTicket) {
  ExpectNobodyGetsIn([](Resumable& w) { w.b->policy.session.remote_psk = ToSecret(AsView("changed")); });
}

TEST(Resume, AProfileRemovedBetweenTheTwoExchangesIsFoundOutInIkeAuth) {
  Resumable w;
  w.Start();
  w.Lose();
  w.rewrite = [&](const Node& from, Bytes& bytes) {
    if (from.name == "A" && DecodeHeader(bytes)->exchange == ExchangeType::kIkeAuth)
      w.b->policy.refuse = absl::NotFoundError("no profile");
  };
  EXPECT_FALSE(w.Again());
  EXPECT_EQ(w.At(w.b, "sessions resumed"), 0u);
  EXPECT_EQ(w.At(w.a, "resumptions given up"), 1u);
  EXPECT_EQ(w.a->ups.size(), 1u);
}

TEST_P(ResumeByEitherForm, AnExpiredTicketIsNotTriedNorTaken) {
  w.Start();
  w.Lose();
  w.Run(1800s);
  ASSERT_TRUE(w.Again());
  EXPECT_EQ(w.Count(ExchangeType::kIkeSessionResume), 0u);
  EXPECT_FALSE(w.a->ups.back().resumed);
}

// What B says to IKE_SESSION_RESUME with `ticket`, of a stranger.
Payloads Present(Resumable& w, const Bytes& ticket) {
  Header h;
  h.initiator_spi = IkeSpi(0x6666666666666666);
  h.exchange = ExchangeType::kIkeSessionResume;
  h.flags = kFlagInitiator;
  const size_t sent = w.wire.size();
  w.Inject(*w.b, {Ip("192.0.2.66"), 500},
           EncodeMessage(h, {NoncePayload{Bytes(32, 1)}, NotifyPayload{ProtocolId::kNone, {}, NotifyType::kTicketOpaque, ticket}}));
  return w.wire.size() == sent + 1 ? Plain(w.wire.back().second.bytes) : Payloads{};
}

// The ticket in message `n` of B on the wire.
Bytes TicketIn(Resumable& w, size_t n) {
  Insider evil(w);
  const Payloads p = evil.Read(false, w.wire.at(n).second.bytes);
  const auto* given = FindNotify(p, NotifyType::kTicketLtOpaque);
  return given == nullptr ? Bytes() : DecodeLifetimeTicket(given->data)->ticket;
}

TEST_P(ResumeByEitherForm, ARenewedTicketIsGoodNoMore) {
  w.Start();
  const Bytes first = TicketIn(w, 3);
  ASSERT_FALSE(first.empty());
  w.Run(1210s);
  ASSERT_EQ(w.At(w.b, "tickets given"), 2u);
  EXPECT_NE(FindNotify(Present(w, first), NotifyType::kTicketNack), nullptr);
  size_t at = w.wire.size();
  Bytes second;
  while (second.empty() && at-- > 0) second = w.wire[at].first == "B" ? TicketIn(w, at) : Bytes();
  ASSERT_NE(second, first);
  EXPECT_NE(ike::Find<NoncePayload>(Present(w, second)), nullptr);
}

TEST_P(ResumeByEitherForm, ATicketIsRenewedBeforeItExpires) {
  w.Start();
  w.Run(1190s);
  EXPECT_EQ(w.At(w.b, "tickets given"), 1u);
  w.Run(20s);
  EXPECT_EQ(w.At(w.b, "tickets given"), 2u) << "two thirds of 1800 seconds have passed";
  EXPECT_EQ(w.a->endpoint->usage().tickets, 1u);
  w.Run(3600s);
  EXPECT_EQ(w.At(w.b, "tickets given"), 5u);
  w.Lose();
  ASSERT_TRUE(w.Again());
  EXPECT_EQ(w.Count(ExchangeType::kIkeSaInit), 0u);
  EXPECT_TRUE(w.a->ups.back().resumed);
}

TEST(Resume, ATicketIsRenewedAfterARekeyOfTheIkeSaWithItsKeys) {
  Resumable w;
  w.Start();
  w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyIke(w.a->ups[0].id, w.now, out); });
  w.Run(1300s);
  EXPECT_EQ(w.At(w.b, "tickets given"), 2u);
  w.Lose();
  ASSERT_TRUE(w.Again());
  EXPECT_TRUE(w.a->ups.back().resumed);
}

TEST(Resume, WhoAsksTooOftenIsToldToComeLater) {
  Resumable w;
  w.Start();
  Insider evil(w);  // the initiator's keys
  const Payloads ask = {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kTicketRequest, {}}};
  for (uint32_t id = 2; id < 100; ++id)
    EXPECT_NE(FindNotify(evil.Ask(ExchangeType::kInformational, id, ask), NotifyType::kTicketAck), nullptr) << id;
  EXPECT_EQ(w.At(w.b, "tickets given"), 1u);
}

// B's first renewal of a ticket becomes `answer`.
struct Unwilling : Resumable {
  explicit Unwilling(NotifyType answer) {
    Start();
    evil.emplace(*this);
    drop = [this, answer](const Node& from, const Bytes& bytes) {
      const Header h = *DecodeHeader(bytes);
      if (replaced || &from != b || h.exchange != ExchangeType::kInformational || !h.is_response() ||
          FindNotify(evil->Read(false, bytes), NotifyType::kTicketLtOpaque) == nullptr)
        return false;
      replaced = true;
      Inject(*a, {b->address, 500}, evil->Answer(false, h, {NotifyPayload{ProtocolId::kNone, {}, answer, {}}}));
      return true;
    };
    Run(1250s);
  }
  std::optional<Insider> evil;
  bool replaced = false;
};

TEST(Resume, AnInitiatorThatIsToldToComeLaterDoes) {
  Unwilling w(NotifyType::kTicketAck);
  ASSERT_TRUE(w.replaced);
  EXPECT_EQ(w.At(w.a, "tickets kept"), 1u);
  w.Run(60s);
  EXPECT_EQ(w.At(w.a, "tickets kept"), 2u);
}

TEST(Resume, AnInitiatorWhoseTicketIsNotRenewedAsksMuchLater) {
  Unwilling w(NotifyType::kTicketNack);
  ASSERT_TRUE(w.replaced);
  w.Run(800s);
  EXPECT_EQ(w.At(w.a, "tickets kept"), 1u);
  w.Run(100s);
  EXPECT_EQ(w.At(w.a, "tickets kept"), 2u);
}

TEST_P(ResumeByEitherForm, ATicketIsGoodOnce) {
  w.Start();
  w.Lose();
  ASSERT_TRUE(w.Again());
  Bytes replay = w.Sent(0);  // the same ticket, as of another initiator
  replay[0] ^= 1;
  const size_t sent = w.wire.size();
  w.Inject(*w.b, {Ip("192.0.2.66"), 500}, replay);
  ASSERT_EQ(w.wire.size(), sent + 1);
  EXPECT_NE(FindNotify(Plain(w.wire.back().second.bytes), NotifyType::kTicketNack), nullptr);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(Resume, AStolenTicketWithoutItsKeyMakesNothingAndSpoilsNothing) {
  Resumable w;
  w.Start();
  w.Lose();
  bool first = true;
  w.rewrite = [&](const Node& from, Bytes& bytes) {  // the thief is faster
    if (!first || from.name != "A" || DecodeHeader(bytes)->exchange != ExchangeType::kIkeSessionResume) return;
    first = false;
    Bytes theft = bytes;
    theft[0] ^= 1;
    w.Inject(*w.b, {Ip("192.0.2.66"), 500}, theft);
  };
  ASSERT_TRUE(w.Again());
  EXPECT_TRUE(w.a->ups.back().resumed);
  w.Run(60s);
  EXPECT_EQ(w.b->endpoint->half_open(), 0u);
  EXPECT_EQ(w.b->live(), 1u);
}

TEST(Resume, ASilentPeerIsCalledByTheFullHandshakeAndTheTicketStays) {
  Resumable w;
  w.Start();
  w.Lose();
  w.drop = [](const Node&, const Bytes& bytes) {
    return DecodeHeader(bytes)->exchange == ExchangeType::kIkeSessionResume;
  };
  w.mark = w.wire.size();
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.RunUntil([&] { return w.Count(ExchangeType::kIkeSaInit) > 0; }, 10s);
  EXPECT_EQ(w.Count(ExchangeType::kIkeSessionResume), 3u);
  EXPECT_EQ(w.a->endpoint->usage().tickets, 1u);
  w.RunUntil([&] { return w.a->live() == 1; }, 10s);
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_FALSE(w.a->ups.back().resumed);
}

TEST(Resume, ALostIkeAuthFallsBackToo) {
  Resumable w;
  w.Start();
  w.Lose();
  bool resumed_auth = true;
  w.drop = [&](const Node&, const Bytes& bytes) {
    const ExchangeType e = DecodeHeader(bytes)->exchange;
    if (e == ExchangeType::kIkeSaInit) resumed_auth = false;
    return resumed_auth && e == ExchangeType::kIkeAuth;
  };
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  w.RunUntil([&] { return w.a->live() == 1; }, 300s);
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_FALSE(w.a->ups.back().resumed);
}

TEST(Resume, ASessionEndedByWordIsNotResumed) {
  for (const bool by_a : {true, false}) {
    Resumable w;
    w.Start();
    Node& n = by_a ? *w.a : *w.b;
    const IkeSaId id = n.ups.back().id;
    w.Do(n, [&](Endpoint& e, Actions& out) { e.Terminate(id, "test", w.now, out); });
    w.Run(1s);
    EXPECT_EQ(w.a->endpoint->usage().tickets, 0u);
    ASSERT_TRUE(w.Again());
    EXPECT_FALSE(w.a->ups.back().resumed);
  }
}

TEST_P(ResumeByEitherForm, TheResponderCanTakeTheSessionAndItsTicketAway) {
  w.Start();
  w.Lose();
  w.drop = [](const Node&, const Bytes&) { return true; };  // A does not hear of it
  const IkeSaId id = w.b->ups.back().id;
  w.Do(*w.b, [&](Endpoint& e, Actions& out) { e.Terminate(id, "test", w.now, out); });
  w.drop = nullptr;
  ASSERT_TRUE(w.Again());
  EXPECT_FALSE(w.a->ups.back().resumed);
  EXPECT_EQ(w.At(w.b, "tickets refused"), 1u);
}

TEST_P(ResumeByEitherForm, DoesNotProlongAnAuthentication) {
  w.b->policy.session.auth_lifetime = seconds(600);
  w.Start();
  const Instant begin = w.now;
  w.Run(200s);
  w.Lose();
  ASSERT_TRUE(w.Again());
  ASSERT_TRUE(w.a->ups.back().resumed);
  w.RunUntil([&] { return w.a->live() == 0; }, 1000s);
  EXPECT_EQ(w.a->downs.back().reason, "the peer asks for reauthentication");
  EXPECT_LE(w.now - begin, 600s);
  EXPECT_EQ(w.a->endpoint->usage().tickets, 0u);
}

TEST(Resume, KeepsAPostQuantumKeyInItsKeys) {
  Resumable w;
  w.b->policy.offers_ppk = true;
  w.a->policy.session.ppk = w.b->policy.session.ppk = Ppk{ToBytes("p"), ToSecret(AsView("quantum")), true};
  w.Start();
  w.Lose();
  ASSERT_TRUE(w.Again());
  EXPECT_TRUE(w.a->ups.back().resumed && w.a->ups.back().ppk && w.b->ups.back().ppk);
  EXPECT_TRUE(w.PairUsable());
}

TEST(Resume, AForgedNackCostsAFullHandshakeOnly) {
  Resumable w;
  w.Start();
  w.Lose();
  w.drop = [](const Node& from, const Bytes& bytes) {
    return from.name == "B" && DecodeHeader(bytes)->exchange == ExchangeType::kIkeSessionResume;
  };
  w.mark = w.wire.size();
  w.Initiate(*w.a, w.Request(*w.a, *w.b));
  Header h = *DecodeHeader(w.Sent(0));
  h.flags = kFlagResponse;
  const Bytes nack = EncodeMessage(h, {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kTicketNack, {}}});
  w.Inject(*w.a, {Ip("192.0.2.66"), 500}, nack);
  EXPECT_EQ(w.At(w.a, "resumptions given up"), 0u) << "from elsewhere";
  w.Inject(*w.a, {w.b->address, 500}, nack);
  EXPECT_EQ(w.At(w.a, "resumptions given up"), 1u);
  w.Run(10s);
  EXPECT_EQ(w.a->live(), 1u);
  EXPECT_TRUE(w.PairUsable());
}

}  // namespace
}  // namespace flexvpn::ike::test
