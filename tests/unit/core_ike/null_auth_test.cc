// SPDX-License-Identifier: Apache-2.0
// NULL authentication (RFC 7619): who may come without proof, under what name, and what such a peer cannot do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ike/auth.h"
#include "core/ike/codec/payloads.h"
#include "unit/core_ike/cert_world.h"
#include "unit/core_ike/insider.h"

namespace flexvpn::ike::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Identity kNobody{IdType::kNull, {}};

void ProveNothing(Node& n) {
  SessionPolicy& p = n.policy.session;
  p.local_id = kNobody;
  p.local_null = true;
  p.local_psk = {};
  p.credentials.clear();
}
void AcceptAnybody(Node& n) {
  SessionPolicy& p = n.policy.session;
  p.accept_null = true;
  p.accept_psk = p.accept_rsa = p.accept_elliptic = false;
  p.remote_psk = {};
}
// The purpose of it: a client that nobody needs to know, and a server that proves itself by its key.
struct ClientWorld : World {
  explicit ClientWorld(Endpoint::Config config = {}) : World(1, config) {
    ProveNothing(*a);
    AcceptAnybody(*b);
  }
};

// Computed with `openssl dgst -sha256 -mac HMAC` after RFC 7296 §2.15, with SK_pi and SK_pr as the shared secrets.
TEST(NullAuth, MatchesAnIndependentComputation) {
  const auto crypto = crypto::NewOpensslProvider();
  const Bytes sk_pi = FromHex("101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f");
  const Bytes sk_pr = FromHex("303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f");
  AuthInput i{crypto::Prf::kHmacSha256, AsView("first message of i"), AsView("nonce of r"), sk_pi, &kNobody};
  AuthInput r{crypto::Prf::kHmacSha256, AsView("first message of r"), AsView("nonce of i"), sk_pr, &kNobody};
  EXPECT_EQ(NullAuth(*crypto, i)->method, AuthMethod::kNull);
  EXPECT_EQ(ToHex(NullAuth(*crypto, i)->data), "5e1735a004b4b4bca3aba51e2e844600a4565f0effb0b2f8944a24ad058dbcfd");
  EXPECT_EQ(ToHex(NullAuth(*crypto, r)->data), "d4e37bf2786d87cf16c8ab51f9b47be7cc1ea82f264caf9cbdc6f6430ab6fcff");
  EXPECT_FALSE(VerifyNullAuth(*crypto, r, *NullAuth(*crypto, i)).ok());
  i.int_auth = r.int_auth = AsView("intermediate");  // RFC 9242
  EXPECT_EQ(ToHex(NullAuth(*crypto, i)->data), "0e8c62ef5d74697263778cbaef0059d650df7bbedd0580591f9af02ec2a541dc");
  EXPECT_EQ(ToHex(NullAuth(*crypto, r)->data), "aaf73124341d7b2291f3a859a88a1056f735d09348bcd14e8866d80c2059b527");
  EXPECT_TRUE(VerifyNullAuth(*crypto, r, *NullAuth(*crypto, r)).ok());
}

TEST(NullAuth, AnIdentityThatIsNoneHasNoData) {
  EXPECT_EQ(*DecodeId(FromHex("0d000000"), true), (IdPayload{true, IdType::kNull, {}}));
  EXPECT_FALSE(DecodeId(FromHex("0d00000061"), true).ok());
}

TEST(NullAuth, NobodyIsLetInUnlessThePolicySaysSo) {
  World w;
  ProveNothing(*w.a);
  w.Connect();
  EXPECT_EQ(w.a->live() + w.b->live(), 0u);
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("it does not authenticate itself (NULL), wanted is pre-share")));
  EXPECT_THAT(w.a->warnings, ElementsAre(HasSubstr("it lets nobody in without authentication")));

  World other;  // the one that is called
  ProveNothing(*other.b);
  other.Connect();
  other.Run(1s);
  EXPECT_EQ(other.a->live() + other.b->live(), 0u);
  EXPECT_THAT(other.a->warnings, ElementsAre(HasSubstr("it does not authenticate itself (NULL), wanted is pre-share")));
  EXPECT_THAT(other.b->warnings, ElementsAre(HasSubstr("it wants authentication")));
}

TEST(NullAuth, AClientMayProveNothingAndTheServerItsKey) {
  ClientWorld w;
  w.Connect();
  ASSERT_EQ(w.b->live(), 1u) << ::testing::PrintToString(w.b->warnings);
  EXPECT_TRUE(w.PairUsable());
  EXPECT_EQ(w.a->ups[0].auth_local, "NULL");
  EXPECT_EQ(w.a->ups[0].auth_remote, "PSK");
  EXPECT_EQ(w.b->ups[0].auth_local, "PSK");
  EXPECT_EQ(w.b->ups[0].auth_remote, "NULL");
  EXPECT_TRUE(IsAnonymous(w.b->ups[0]));
  EXPECT_EQ(w.b->ups[0].remote_id.ToString(), "null");

  ClientWorld cheated;  // the server's key still has to be the right one
  cheated.b->policy.session.local_psk = ToSecret(AsView("another"));
  cheated.Connect();
  EXPECT_EQ(cheated.a->live(), 0u);
}

TEST(NullAuth, AClientMayProveNothingAndTheServerItsCertificate) {
  CertWorld w;
  ProveNothing(*w.a);
  AcceptAnybody(*w.b);
  w.Connect();
  ASSERT_EQ(w.b->live(), 1u) << ::testing::PrintToString(w.b->warnings);
  EXPECT_EQ(w.a->ups[0].auth_remote, "ECDSA");
  EXPECT_EQ(w.b->ups[0].auth_remote, "NULL");
  EXPECT_EQ(w.b->ups[0].remote_certificate, nullptr);
}

TEST(NullAuth, TheServerMayBeTheOneOrBoth) {
  World server;
  ProveNothing(*server.b);
  AcceptAnybody(*server.a);
  server.Connect();
  ASSERT_EQ(server.a->live(), 1u) << ::testing::PrintToString(server.a->warnings);
  EXPECT_EQ(server.a->ups[0].auth_remote, "NULL");
  EXPECT_EQ(server.b->ups[0].auth_remote, "PSK");

  ClientWorld both;
  ProveNothing(*both.b);
  AcceptAnybody(*both.a);
  both.Connect();
  ASSERT_EQ(both.a->live(), 1u) << ::testing::PrintToString(both.a->warnings);
  EXPECT_EQ(both.a->ups[0].auth_remote, "NULL");
  EXPECT_EQ(both.b->ups[0].auth_remote, "NULL");
  EXPECT_TRUE(both.PairUsable());
}

TEST(NullAuth, AWantedIdentityIsInsistedOn) {
  ClientWorld w;
  ProveNothing(*w.b);
  AcceptAnybody(*w.a);
  InitiateRequest r = w.Request(*w.a, *w.b);
  r.remote_id = Fqdn("hub.example.net");
  w.Initiate(*w.a, std::move(r));
  w.Run(5s);
  EXPECT_EQ(w.a->live(), 0u);
  EXPECT_THAT(w.a->warnings, ElementsAre(HasSubstr("it calls itself null, wanted hub.example.net")));
}

TEST(NullAuth, CoversPpkAndIntermediateExchanges) {
  const Ppk key{ToBytes("id"), ToSecret(AsView("quantum key")), true};
  ClientWorld required;
  required.a->policy.session.ppk = required.b->policy.session.ppk = key;
  required.b->policy.offers_ppk = true;
  required.Connect();
  ASSERT_EQ(required.b->live(), 1u) << ::testing::PrintToString(required.b->warnings);
  EXPECT_TRUE(required.a->ups[0].ppk && required.b->ups[0].ppk);

  ClientWorld lacking;  // NO_PPK_AUTH is made with the keys that hold no PPK
  lacking.a->policy.session.ppk = key;
  lacking.a->policy.session.ppk->required = false;
  lacking.b->policy.offers_ppk = true;
  lacking.Connect();
  ASSERT_EQ(lacking.b->live(), 1u) << ::testing::PrintToString(lacking.b->warnings);
  EXPECT_FALSE(lacking.a->ups[0].ppk || lacking.b->ups[0].ppk);

  ClientWorld other = ClientWorld();
  other.a->policy.session.ppk = other.b->policy.session.ppk = key;
  other.b->policy.session.ppk->key = ToSecret(AsView("another key"));
  other.b->policy.offers_ppk = true;
  other.Connect();
  EXPECT_EQ(other.b->live(), 0u);

  ClientWorld hybrid;
  Suite suite = IkeSuite();
  suite.additional[0] = crypto::KeMethod::kMlKem768;
  hybrid.a->policy.suites = hybrid.b->policy.suites = {suite};
  hybrid.Connect();
  ASSERT_EQ(hybrid.b->live(), 1u) << ::testing::PrintToString(hybrid.b->warnings);
  EXPECT_EQ(hybrid.b->ups[0].suite, suite);
}

// --- what a peer may send that has all keys of its IKE SA ---------------------------------------------------------
// A's IKE_AUTH is lost, and another one comes in its place.
struct Forger {
  explicit Forger(World& world) : w(world) {
    w.drop = [](const Node& from, const Bytes& b) {
      return from.name == "A" && DecodeHeader(b)->exchange == ExchangeType::kIkeAuth;
    };
    w.Initiate(*w.a, w.Request(*w.a, *w.b));
    w.Run(100ms);
    x = std::make_unique<Insider>(w, IkeSuite());
  }
  // AUTH of `id` by method NULL.
  AuthPayload Auth(const Identity& id) const {
    const Bytes& response = w.wire.at(1).second.bytes;
    const auto p = *DecodePayloads(DecodeHeader(response)->next_payload, BytesView(response).subspan(kHeaderSize));
    const Bytes nonce = ike::Find<NoncePayload>(p)->nonce;
    return *NullAuth(w.b->crypto, {IkeSuite().prf, w.wire.at(0).second.bytes, nonce, x->keys().sk_pi, &id});
  }
  // The answer of B, which lets it in or not.
  Payloads Say(const Identity& id, const AuthPayload& auth, const Payloads& more = {}) {
    Payloads p = {IdPayload{true, id.type, id.data}, auth};
    p.insert(p.end(), more.begin(), more.end());
    const Payloads child = NewChild(0xc1234567, *w.a, *w.b);
    for (const Payload& c : child)
      if (!std::holds_alternative<NoncePayload>(c)) p.push_back(c);
    return x->Ask(ExchangeType::kIkeAuth, 1, p);
  }
  World& w;
  std::unique_ptr<Insider> x;
};

TEST(NullAuthHostile, TheForgerOfTheseTestsGetsInByRightOctets) {
  ClientWorld w;
  Forger f(w);
  f.Say(kNobody, f.Auth(kNobody));
  EXPECT_EQ(w.b->live(), 1u) << ::testing::PrintToString(w.b->warnings);
}

TEST(NullAuthHostile, EveryAlteredAuthIsRefused) {
  const std::vector<std::function<void(AuthPayload&)>> alterations = {
      [](AuthPayload& a) { a.data.front() ^= 1; },       [](AuthPayload& a) { a.data.back() ^= 0x80; },
      [](AuthPayload& a) { a.data.pop_back(); },         [](AuthPayload& a) { a.data.push_back(0); },
      [](AuthPayload& a) { a.data.clear(); },            [](AuthPayload& a) { a.data.assign(a.data.size(), 0); },
      [](AuthPayload& a) { a.method = AuthMethod::kSharedKey; }, [](AuthPayload& a) { a.method = AuthMethod::kSignature; }};
  for (size_t n = 0; n < alterations.size(); ++n) {
    ClientWorld w;
    Forger f(w);
    AuthPayload auth = f.Auth(kNobody);
    alterations[n](auth);
    const NotifyType wanted = auth.data.empty() ? NotifyType::kInvalidSyntax : NotifyType::kAuthenticationFailed;
    EXPECT_EQ(ErrorOf(f.Say(kNobody, auth)), wanted) << n;
    EXPECT_THAT(w.b->ups, IsEmpty()) << n;
  }
}

TEST(NullAuthHostile, ANameWithoutProofIsRefusedWhateverElseIsAccepted) {
  const net::IpAddress address = Ip("192.0.2.1");
  for (const Identity& id : {Fqdn("spoke1.example.net"), Identity{IdType::kIpv4, {address.bytes().begin(), address.bytes().end()}},
                             Identity{IdType::kKeyId, {}}, Identity{static_cast<IdType>(200), {}}}) {
    ClientWorld w;
    w.b->policy.session.accept_psk = true;
    w.b->policy.session.remote_psk = ToSecret(AsView("secret"));
    Forger f(w);
    EXPECT_EQ(ErrorOf(f.Say(id, f.Auth(id))), NotifyType::kAuthenticationFailed);
    EXPECT_THAT(w.b->ups, IsEmpty());
    EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("and does not prove it")));
  }
}

TEST(NullAuthHostile, AProofWithoutANameIsRefused) {
  World w;  // with the right key
  w.b->policy.session.accept_null = true;
  w.a->policy.session.local_id = kNobody;
  w.Connect();
  EXPECT_EQ(w.b->live(), 0u);
  EXPECT_THAT(w.b->warnings, ElementsAre(HasSubstr("does not say who (ID_NULL)")));
  CertWorld c;
  c.b->policy.session.accept_null = true;
  c.a->policy.session.local_id = kNobody;
  c.Connect();
  EXPECT_EQ(c.b->live(), 0u);
  EXPECT_THAT(c.b->warnings, ElementsAre(HasSubstr("does not say who (ID_NULL)")));
}

TEST(NullAuthHostile, AnIdentityThatIsNoneButHasDataIsMalformed) {
  ClientWorld w;
  Forger f(w);
  const Identity id{IdType::kNull, ToBytes("admin")};
  EXPECT_EQ(ErrorOf(f.Say(id, f.Auth(id))), NotifyType::kInvalidSyntax);
  EXPECT_THAT(w.b->ups, IsEmpty());
}

TEST(NullAuthHostile, SomebodysCertificateDoesNotChooseTheProfile) {
  CertWorld w;
  w.b->policy.session.accept_null = true;
  Forger f(w);
  Payloads certificate;
  AppendCertificates(*Own(w.spoke_cert, {&Ca()}), certificate);
  f.Say(kNobody, f.Auth(kNobody), certificate);
  ASSERT_EQ(w.b->ups.size(), 1u) << ::testing::PrintToString(w.b->warnings);
  EXPECT_EQ(w.b->policy.seen_certificate, nullptr);
  EXPECT_EQ(w.b->ups[0].remote_certificate, nullptr);
}

TEST(NullAuthHostile, WhoIsNobodyEndsNoOlderSession) {
  for (bool force : {false, true}) {
    ClientWorld w;
    w.b->policy.session.initial_contact_force = force;
    Node* first = w.Add("C", "192.0.2.7", "");
    first->policy.session = w.a->policy.session;
    w.Initiate(*first, w.Request(*first, *w.b));
    w.Run(1s);
    ASSERT_EQ(w.b->live(), 1u);
    w.wire.clear();
    Forger f(w);
    f.Say(kNobody, f.Auth(kNobody), {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kInitialContact, {}}});
    EXPECT_EQ(w.b->live(), 2u) << force;
    EXPECT_THAT(w.b->downs, IsEmpty());
  }
}

TEST(NullAuth, TheInitiatorSaysNoInitialContact) {
  ClientWorld w;
  w.Connect();
  Insider x(w);
  const Payloads request = x.Read(true, w.wire.at(2).second.bytes);
  EXPECT_EQ(FindId(request, true)->type, IdType::kNull);
  EXPECT_EQ(ike::Find<AuthPayload>(request)->method, AuthMethod::kNull);
  EXPECT_EQ(FindNotify(request, NotifyType::kInitialContact), nullptr);
}

TEST(NullAuth, NoTicketIsAskedForGivenOrKept) {
  ClientWorld w;
  w.a->policy.session.resumption = w.b->policy.session.resumption = seconds(1800);
  w.Connect();
  ASSERT_EQ(w.b->live(), 1u);
  EXPECT_EQ(w.a->endpoint->usage().tickets + w.b->endpoint->usage().tickets, 0u);

  ClientWorld asks;
  asks.b->policy.session.resumption = seconds(1800);
  Forger f(asks);
  const Payloads answer =
      f.Say(kNobody, f.Auth(kNobody), {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kTicketRequest, {}}});
  EXPECT_NE(FindNotify(answer, NotifyType::kTicketNack), nullptr);
  EXPECT_EQ(FindNotify(answer, NotifyType::kTicketLtOpaque), nullptr);
}

TEST(NullAuth, SuchSessionsCountAgainstTheLimitOfSas) {
  Endpoint::Config config;
  config.max_sas = 1;
  ClientWorld w(config);
  w.Connect();
  ASSERT_EQ(w.b->live(), 1u);
  Node* more = w.Add("C", "192.0.2.7", "");
  more->policy.session = w.a->policy.session;
  w.Initiate(*more, w.Request(*more, *w.b));
  w.Run(60s);
  EXPECT_EQ(w.b->live(), 1u);
  EXPECT_EQ(more->live(), 0u);
}

}  // namespace
}  // namespace flexvpn::ike::test
