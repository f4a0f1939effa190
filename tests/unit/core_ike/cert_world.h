// SPDX-License-Identifier: Apache-2.0
// Two endpoints with certificates of one CA.
#ifndef FLEXVPN_TESTS_UNIT_CORE_IKE_CERT_WORLD_H_
#define FLEXVPN_TESTS_UNIT_CORE_IKE_CERT_WORLD_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/test_pki.h"
#include "unit/core_ike/pair.h"

namespace flexvpn::ike::test {

using crypto::KeyKind;
using crypto::test::CertSpec;
using crypto::test::kDay;
using crypto::test::kNow;
using crypto::test::Own;
using crypto::test::TestCert;
using crypto::test::Trust;

inline const TestCert& Ca() {
  static const auto* ca = new TestCert({.cn = "CA", .ca = true, .key_number = 9});
  return *ca;
}
inline CertSpec SpokeSpec(KeyKind key = KeyKind::kEcdsa256) {
  return {.cn = "spoke1",
          .san = "DNS:spoke1.example.net,IP:192.0.2.1,email:spoke@example.net",
          .key = key,
          .key_number = 1};
}
inline CertSpec HubSpec(KeyKind key = KeyKind::kEcdsa256) {
  return {.cn = "hub", .san = "DNS:hub.example.net", .key = key, .key_number = 2};
}

// A calls B.  By default both have a certificate of one CA and accept nothing else.
class CertWorld : public World {
 public:
  explicit CertWorld(KeyKind spoke = KeyKind::kEcdsa256, KeyKind hub = KeyKind::kEcdsa256)
      : CertWorld(SpokeSpec(spoke), HubSpec(hub)) {}
  CertWorld(const CertSpec& spoke, const CertSpec& hub) : spoke_cert(spoke, &Ca()), hub_cert(hub, &Ca()) {
    UseCertificate(*a, spoke_cert);
    UseCertificate(*b, hub_cert);
    for (Node* n : {a, b}) {
      AcceptCertificates(*n);
      n->endpoint->SetTimeOfDay(kNow, now);
    }
  }
  static void UseCertificate(Node& n, const TestCert& cert,
                             const std::vector<const TestCert*>& above = {&Ca()}) {
    n.policy.session.local_psk = {};
    n.policy.session.credentials = {Own(cert, above)};
  }
  static void AcceptCertificates(Node& n) {
    SessionPolicy& p = n.policy.session;
    p.remote_psk = {};
    p.accept_psk = false;
    p.accept_rsa = p.accept_elliptic = true;
    p.trust = {Trust({&Ca()})};
    n.policy.authorities = {Ca().info().key_id};
  }
  // Both sides have ended, and the side that refused has said why in one line.
  void ExpectRefusedBy(const Node& refusing, const char* why, const char* profile = "profile default") {
    Connect();
    EXPECT_EQ(a->live() + b->live(), 0u);
    EXPECT_THAT(refusing.warnings, ::testing::ElementsAre(::testing::AllOf(::testing::HasSubstr(why),
                                                                           ::testing::HasSubstr("192.0.2."),
                                                                           ::testing::HasSubstr(profile))));
    Run(120s);
    for (Node* n : {a, b}) {
      EXPECT_EQ(n->endpoint->half_open(), 0u);
      EXPECT_TRUE(n->endpoint->List(now).empty());
      EXPECT_FALSE(n->endpoint->NextDeadline().has_value());
    }
  }
  TestCert spoke_cert, hub_cert;
};

}  // namespace flexvpn::ike::test

#endif  // FLEXVPN_TESTS_UNIT_CORE_IKE_CERT_WORLD_H_
