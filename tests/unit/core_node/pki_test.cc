// SPDX-License-Identifier: Apache-2.0
// Trustpoints from configuration to session: maps, profiles, policies, and two nodes that meet by
// certificate.
#include "core/node/pki.h"

#include <deque>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/overloaded.h"
#include "core/node/authorization.h"
#include "core/node/node.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/test_pki.h"
#include "support/values.h"
#include "unit/core_node/parse.h"

namespace flexvpn::node {
namespace {

using crypto::KeyKind;
using crypto::test::kNow;
using crypto::test::TestCert;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const TestCert& Ca() {
  static const auto* ca = new TestCert({.cn = "CA", .ca = true, .key_number = 9});
  return *ca;
}
LoadedTrustpoint Loaded(const TestCert* own, const std::vector<Bytes>& crls = {}) {
  LoadedTrustpoint t;
  if (own != nullptr) t.credential = crypto::test::Own(*own, {&Ca()});
  t.authorities = {Ca().info()};
  t.crls = crls;
  t.trust =
      crypto::test::Trust({&Ca()}, crls, crls.empty() ? crypto::RevocationPolicy() : crypto::test::ByCrl());
  return t;
}

config::CertificateMap Map(const std::string& rules) {
  return Parse("crypto pki certificate map M 10\n" + rules).certificate_maps.at("M");
}

TEST(CertificateMap, ComparesWithoutCaseAndBlanksAroundSigns) {
  const TestCert cert({.cn = "Hub One", .san = "DNS:hub.example.net,IP:192.0.2.1"}, &Ca());
  const crypto::CertificateInfo c = cert.info();
  for (const char* rule :
       {" subject-name eq CN = hub one , O=example", " subject-name co cn=Hub", " subject-name nc sales",
        " subject-name ne cn=other", " issuer-name co CN=ca", " alt-subject-name eq HUB.example.net",
        " alt-subject-name co 192.0.2.1", " name co hub one", " name eq hub.example.net"})
    EXPECT_TRUE(Matches(Map(rule), c)) << rule;
  for (const char* rule :
       {" subject-name eq cn=hub", " subject-name co sales", " subject-name nc hub", " issuer-name co hub",
        " alt-subject-name eq example.net", " alt-subject-name nc hub", " serial-number eq 01"})
    EXPECT_FALSE(Matches(Map(rule), c)) << rule;
  EXPECT_TRUE(Matches(Map(absl::StrCat(" serial-number eq 00", c.serial)), c));
}

TEST(CertificateMap, LinesOfOneNumberAllHoldNumbersAreAlternatives) {
  const crypto::CertificateInfo c = TestCert({.cn = "hub"}, &Ca()).info();
  EXPECT_TRUE(Matches(Map(" subject-name co hub\n issuer-name co cn=ca\n"), c));
  EXPECT_FALSE(Matches(Map(" subject-name co hub\n issuer-name co other\n"), c));
  EXPECT_TRUE(
      Matches(Map(" subject-name co other\ncrypto pki certificate map M 20\n subject-name co hub\n"), c));
}

constexpr char kProfile[] = R"(
crypto pki trustpoint TP
 certificate-file /c
 key-file /k
 ca-file /ca
crypto pki certificate map SPOKES 10
 subject-name co cn=spoke
crypto ikev2 profile CERT
 match certificate SPOKES
 authentication local ecdsa-sig
 authentication remote rsa-sig
 authentication remote ecdsa-sig
 pki trustpoint TP
 virtual-template 1
crypto ikev2 profile NAMES
 match identity remote fqdn domain example.net
 authentication local ecdsa-sig
 authentication remote ecdsa-sig
 virtual-template 1
crypto ipsec profile P
 set ikev2-profile CERT
interface eth0
interface Virtual-Template1 type tunnel
 ip unnumbered eth0
 tunnel source eth0
 tunnel protection ipsec profile P
)";

TEST(FindProfile, CertificateMapCountsAsExact) {
  const config::Model m = Parse(kProfile);
  const crypto::CertificateInfo spoke = TestCert({.cn = "spoke1"}, &Ca()).info(),
                                other = TestCert({.cn = "x"}, &Ca()).info();
  const ike::Identity id{ike::IdType::kFqdn, ToBytes("spoke1.example.net")};
  EXPECT_EQ(FindProfile(m, Ip("192.0.2.1"), id, &spoke)->name, "CERT");
  EXPECT_EQ(FindProfile(m, Ip("192.0.2.1"), id, &other)->name, "NAMES");
  EXPECT_EQ(FindProfile(m, Ip("192.0.2.1"), id, nullptr)->name, "NAMES");
  EXPECT_FALSE(ProfileAccepts(m, m.profiles.at("CERT"), id, nullptr));
  EXPECT_TRUE(ProfileAccepts(m, m.profiles.at("CERT"), id, &spoke));
}

TEST(SessionPolicy, HoldsCredentialTrustAndTheSubjectAsIdentity) {
  const config::Model m = Parse(kProfile);
  const TestCert hub({.cn = "hub"}, &Ca());
  const Pki pki = {{"TP", Loaded(&hub)}};
  const auto policy = MakeSessionPolicy(m, m.profiles.at("CERT"), m.interfaces.at("Virtual-Template1"),
                                        std::nullopt, Ip("192.0.2.1"), Ip("192.0.2.2"), pki);
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->credentials.size(), 1u);
  EXPECT_EQ(policy->trust.size(), 1u);
  EXPECT_FALSE(policy->accept_psk);
  EXPECT_TRUE(policy->accept_rsa && policy->accept_elliptic);
  EXPECT_EQ(policy->local_id.ToString(), "cn=hub,o=Example");
  EXPECT_THAT(Authorities(m, pki, Ip("192.0.2.1")), ElementsAre(Ca().info().key_id));
}

TEST(SessionPolicy, KeyOfTheOtherKindIsNoCertificateForTheProfile) {
  const config::Model m = Parse(kProfile);
  const TestCert hub({.cn = "hub", .key = KeyKind::kRsa}, &Ca());
  const auto policy = MakeSessionPolicy(m, m.profiles.at("CERT"), m.interfaces.at("Virtual-Template1"),
                                        std::nullopt, Ip("192.0.2.1"), Ip("192.0.2.2"), {{"TP", Loaded(&hub)}});
  EXPECT_THAT(std::string(policy.status().message()), HasSubstr("ecdsa-sig"));
}

// Two nodes, a network without loss, jobs answered at once.
class Pair {
 public:
  Pair(const std::string& a, const std::string& b, Pki pki_a, Pki pki_b) : rng_{SeededRng(1), SeededRng(2)} {
    nodes_[0] = std::make_unique<Node>(Node::Options{}, Parse(a), rng_[0], *crypto_, std::move(pki_a));
    nodes_[1] = std::make_unique<Node>(Node::Options{}, Parse(b), rng_[1], *crypto_, std::move(pki_b));
    for (size_t i : {0u, 1u}) Feed(i, TimeOfDay{kNow});
    for (size_t i : {1u, 0u}) Feed(i, LocalNetwork{{{"eth0", Address(i), 24}}, {}});
  }
  static net::IpAddress Address(size_t i) { return i == 0 ? Ip("192.0.2.1") : Ip("192.0.2.2"); }
  void Run(Duration limit) {
    const Instant end = now_ + limit;
    while (true) {
      while (!queue_.empty()) {
        auto [to, input] = std::move(queue_.front());
        queue_.pop_front();
        Feed(to, input);
      }
      std::optional<Instant> next = Earlier(nodes_[0]->NextDeadline(), nodes_[1]->NextDeadline());
      if (!next || *next > end) return;
      now_ = std::max(now_, *next);
      for (size_t i : {0u, 1u}) {
        Actions out;
        nodes_[i]->OnTick(now_, out);
        Carry(i, out);
      }
    }
  }
  bool Up(size_t i) const { return !nodes_[i]->Peers().empty() && nodes_[i]->Peers()[0].up; }
  void Feed(size_t i, const Input& input) {
    Actions out;
    nodes_[i]->Handle(input, now_, out);
    Carry(i, out);
  }
  show::Document Show(size_t i, const std::string& line) {
    Feed(i, Command{1, line, true});
    return reply_;
  }
  std::vector<std::string> log[2];
  std::map<std::string, Bytes> web;  // what HTTP servers answer
  std::vector<std::string> fetched[2];

 private:
  void Carry(size_t i, Actions& out) {
    for (Action& action : out) {
      if (auto* send = std::get_if<SendIke>(&action))
        queue_.emplace_back(1 - i,
                            IkeDatagram{{send->datagram.remote, send->datagram.local, send->datagram.bytes}});
      else if (auto* job = std::get_if<StartJob>(&action))
        queue_.emplace_back(i, CryptoDone{job->id, crypto_->Run(job->job)});
      else if (auto* fetch = std::get_if<StartFetch>(&action))
        Fetch(i, fetch->fetch);
      else if (auto* apply = std::get_if<Apply>(&action))
        queue_.emplace_back(i, ApplyDone{apply->token, absl::OkStatus()});
      else if (auto* reply = std::get_if<Reply>(&action))
        reply_ = reply->document;
      else if (auto* line = std::get_if<Log>(&action); line != nullptr && line->level >= Log::Level::kWarning)
        log[i].push_back(line->text);
    }
  }
  void Fetch(size_t i, const ike::StartFetch& f) {
    fetched[i].push_back(f.request.url);
    const auto it = web.find(f.request.url);
    absl::StatusOr<Bytes> answer = absl::UnavailableError("no server");
    if (it != web.end()) answer = it->second;
    queue_.emplace_back(i, FetchDone{f.id, std::move(answer)});
  }
  std::unique_ptr<crypto::Provider> crypto_ = crypto::NewOpensslProvider();
  SeededRng rng_[2];
  std::unique_ptr<Node> nodes_[2];
  std::deque<std::pair<size_t, Input>> queue_;
  Instant now_{std::chrono::hours(1)};
  show::Document reply_;
};

std::string Router(const char* name, const char* overlay, const char* peer) {
  return absl::StrCat("hostname ", name, R"(
crypto pki trustpoint TP
 certificate-file /c
 key-file /k
 ca-file /ca
crypto pki certificate map ALL 10
 issuer-name co cn=ca
crypto ikev2 profile default
 match certificate ALL
 authentication local ecdsa-sig
 authentication remote ecdsa-sig
crypto ipsec profile default
 set ikev2-profile default
interface eth0
interface Tunnel0
 ip address )",
                      overlay, R"( 255.255.255.252
 tunnel source eth0
 tunnel destination )",
                      peer, "\n tunnel protection ipsec profile default\n");
}

TEST(Nodes, MeetByCertificateAndShowIt) {
  const TestCert a({.cn = "a", .san = "DNS:a.example.net", .key_number = 1}, &Ca()),
      b({.cn = "b", .key = KeyKind::kEd25519}, &Ca());
  Pair w(Router("a", "10.9.0.1", "192.0.2.2"), Router("b", "10.9.0.2", "192.0.2.1"), {{"TP", Loaded(&a)}},
         {{"TP", Loaded(&b)}});
  w.Run(seconds(5));
  EXPECT_TRUE(w.Up(0) && w.Up(1)) << testing::PrintToString(w.log[0]) << testing::PrintToString(w.log[1]);
  show::Document sas = w.Show(0, "show crypto ikev2 sa");
  const show::Json& sa = show::Data(sas)["ike_sas"][0];
  EXPECT_EQ(sa["auth_local"], "ECDSA");
  EXPECT_EQ(sa["auth_remote"], "EdDSA");
  EXPECT_EQ(sa["remote_id"], "cn=b,o=Example");
  EXPECT_THAT(sa["remote_certificate"].get<std::string>(), HasSubstr("issued by cn=CA,o=Example"));
  const show::Document certificates = w.Show(0, "show crypto pki certificates");
  EXPECT_EQ(certificates.data["certificates"].size(), 2u);
  const std::string text = show::RenderText(certificates);
  for (const char* line :
       {"Certificate\n  Status: Available\n", "    cn=a,o=Example\n", "    Name: a.example.net\n",
        "    end   date: 14:13:20 UTC Oct 21 2026\n", "CA Certificate\n", "  Associated Trustpoints: TP \n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Nodes, RevokedPeerIsRefusedWithOneLineAndRenewalNeedsNoRestart) {
  const TestCert a({.cn = "a", .key_number = 1}, &Ca()), b({.cn = "b", .key_number = 2}, &Ca());
  Pair w(Router("a", "10.9.0.1", "192.0.2.2"), Router("b", "10.9.0.2", "192.0.2.1"), {{"TP", Loaded(&a)}},
         {{"TP", Loaded(&b, {Ca().crl({&a})})}});
  w.Run(milliseconds(500));
  EXPECT_FALSE(w.Up(0) || w.Up(1));
  ASSERT_FALSE(w.log[1].empty());
  EXPECT_THAT(w.log[1][0], ::testing::AllOf(HasSubstr("192.0.2.1"), HasSubstr("profile default"),
                                            HasSubstr("cn=a"), HasSubstr("is revoked")));
  w.Feed(1, NewConfig{Parse(Router("b", "10.9.0.2", "192.0.2.1")), {{"TP", Loaded(&b, {Ca().crl({})})}}});
  w.Run(seconds(60));
  EXPECT_TRUE(w.Up(0) && w.Up(1));
}

TEST(Nodes, FetchWhatRevocationNeeds) {
  constexpr char kUrl[] = "http://pki.example.net/ca.crl";
  const TestCert a({.cn = "a", .key_number = 1, .crl_url = kUrl}, &Ca()), b({.cn = "b", .key_number = 2}, &Ca());
  auto world = [&] {
    LoadedTrustpoint checks = Loaded(&b);
    checks.trust = crypto::test::Trust({&Ca()}, {}, crypto::test::ByCrl());
    return std::make_unique<Pair>(Router("a", "10.9.0.1", "192.0.2.2"), Router("b", "10.9.0.2", "192.0.2.1"),
                                  Pki{{"TP", Loaded(&a)}}, Pki{{"TP", checks}});
  };
  auto good = world();
  good->web[kUrl] = Ca().crl({});
  good->Run(seconds(60));
  EXPECT_TRUE(good->Up(0) && good->Up(1)) << testing::PrintToString(good->log[1]);
  EXPECT_THAT(good->fetched[1], ElementsAre(kUrl));
  EXPECT_TRUE(good->fetched[0].empty());
  auto revoked = world();
  revoked->web[kUrl] = Ca().crl({&a});
  revoked->Run(seconds(60));
  EXPECT_FALSE(revoked->Up(0) || revoked->Up(1));
  EXPECT_THAT(revoked->log[1], testing::Contains(HasSubstr("is revoked (CRL)")));
  EXPECT_THAT(revoked->fetched[1], ElementsAre(kUrl));  // it calls again, the list is known
}

TEST(Revocation, IsWhatTheTrustpointSays) {
  auto policy = [](const std::string& lines) {
    return ToPolicy(Parse("crypto pki trustpoint TP\n ca-file /ca\n" + lines).trustpoints.at("TP"));
  };
  using M = crypto::RevocationMethod;
  EXPECT_TRUE(policy("").methods.empty());
  EXPECT_THAT(policy(" crl-file /crl\n").methods, ElementsAre(M::kCrl));
  EXPECT_THAT(policy(" crl-file /crl\n revocation-check none\n").methods, ElementsAre(M::kNone));
  EXPECT_THAT(policy(" revocation-check ocsp crl none\n").methods, ElementsAre(M::kOcsp, M::kCrl, M::kNone));
  EXPECT_EQ(policy(" revocation-check ocsp\n ocsp url http://192.0.2.9/\n").ocsp_url, "http://192.0.2.9/");
}

TEST(Pki, IsComparedByContent) {
  const TestCert a({.cn = "a"}, &Ca()), b({.cn = "a"}, &Ca());
  EXPECT_TRUE(SamePki({{"TP", Loaded(&a)}}, {{"TP", Loaded(&a)}}));
  EXPECT_FALSE(SamePki({{"TP", Loaded(&a)}}, {{"TP", Loaded(&b)}}));
  EXPECT_FALSE(SamePki({{"TP", Loaded(&a)}}, {{"TP", Loaded(&a, {Ca().crl({})})}}));
  EXPECT_FALSE(SamePki({{"TP", Loaded(&a)}}, {}));
}

}  // namespace
}  // namespace flexvpn::node
