// SPDX-License-Identifier: Apache-2.0
// Profiles that accept NULL authentication (RFC 7619): whom they let in, and with what.
#include "core/config/candidate.h"
#include "core/node/authorization.h"
#include "core/node/reconfigure.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/values.h"

namespace flexvpn::node {
namespace {

const ike::Identity kNobody{ike::IdType::kNull, {}};
const ike::Identity kSpoke{ike::IdType::kFqdn, ToBytes("spoke.example.net")};

// OPEN is for everybody, KEY for those with a key, LAX for both; CALLER is a client's.
constexpr char kNullConfig[] = R"(
crypto ikev2 profile OPEN
 match identity remote null
 authentication local pre-share key server-key
 authentication remote null
crypto ikev2 profile KEY
 match identity remote any
 authentication local pre-share key a
 authentication remote pre-share key b
crypto ikev2 keyring KR
 peer SPOKE
  identity fqdn spoke.example.net
  pre-shared-key spoke-key
crypto ikev2 profile LAX
 match identity remote any
 authentication local pre-share key server-key
 authentication remote pre-share
 authentication remote null
 keyring local KR
crypto ikev2 profile CALLER
 match identity remote fqdn hub.example.net
 authentication local null
 authentication remote pre-share key server-key
crypto ipsec profile I
 set ikev2-profile OPEN
interface eth0
interface Loopback0
 ip address 10.0.0.254 255.255.255.255
interface Virtual-Template1 type tunnel
 ip unnumbered Loopback0
 tunnel source eth0
 tunnel protection ipsec profile I
)";

config::Model Configured() {
  config::ParseResult r = config::Parse(kNullConfig);
  for (const auto& d : r.diagnostics)
    EXPECT_NE(d.severity, config::Diagnostic::Severity::kError) << config::FormatDiagnostic(d, "test", kNullConfig);
  return std::move(r.model);
}

absl::StatusOr<ike::SessionPolicy> PolicyOf(const config::Model& m, const char* profile, const ike::Identity& peer) {
  return MakeSessionPolicy(m, m.profiles.at(profile), m.interfaces.at("Virtual-Template1"), peer, Ip("192.0.2.1"), Ip("192.0.2.9"));
}

TEST(NullProfile, WhoIsNobodyFitsTheLineThatSaysSoBeforeTheOneForAll) {
  config::Model m = Configured();
  EXPECT_EQ(FindProfile(m, Ip("192.0.2.1"), kNobody)->name, "OPEN");
  EXPECT_NE(FindProfile(m, Ip("192.0.2.1"), kSpoke)->name, "OPEN");
  m.profiles.erase("OPEN");
  m.profiles.erase("LAX");
  EXPECT_EQ(FindProfile(m, Ip("192.0.2.1"), kNobody)->name, "KEY") << "which does not accept NULL authentication";
  EXPECT_FALSE(PolicyOf(m, "KEY", kNobody)->accept_null);
}

TEST(NullProfile, AcceptsItOnlyWhereItSaysSo) {
  const config::Model m = Configured();
  const auto open = PolicyOf(m, "OPEN", kNobody), key = PolicyOf(m, "KEY", kSpoke), lax = PolicyOf(m, "LAX", kSpoke);
  ASSERT_TRUE(open.ok() && key.ok() && lax.ok()) << open.status() << key.status() << lax.status();
  EXPECT_TRUE(open->accept_null && !open->accept_psk && !open->local_null);
  EXPECT_TRUE(!key->accept_null && key->accept_psk);
  EXPECT_TRUE(lax->accept_null && lax->accept_psk);
  EXPECT_EQ(lax->remote_psk, ToSecret(AsView("spoke-key")));
  const auto stranger = PolicyOf(m, "LAX", kNobody);  // of whom the keyring knows nothing
  ASSERT_TRUE(stranger.ok()) << stranger.status();
  EXPECT_TRUE(stranger->accept_null && !stranger->accept_psk);
}

TEST(NullProfile, OfACallerNeedsNoKeyAndSendsNoName) {
  config::Model m = Configured();
  auto policy = PolicyOf(m, "CALLER", kSpoke);
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_TRUE(policy->local_null && !policy->accept_null && policy->local_psk.empty());
  EXPECT_EQ(policy->local_id, kNobody);
  m.profiles.at("CALLER").identity_local = config::Identity{config::IdentityKind::kFqdn, {}, "a.example.net", {}};
  EXPECT_EQ(PolicyOf(m, "CALLER", kSpoke)->local_id.ToString(), "a.example.net");
  m.profiles.at("CALLER").identity_local = config::Identity{config::IdentityKind::kNull, {}, "", {}};
  EXPECT_EQ(PolicyOf(m, "CALLER", kSpoke)->local_id, kNobody);
}

TEST(NullProfile, LetsNobodyInUnderANameItHasNotProved) {
  const config::Model m = Configured();
  const auto let_in = [&](const char* profile, const ike::Identity& id, absl::string_view method) {
    ike::SessionInfo info;
    info.remote_id = id;
    info.auth_remote = method;
    return LetsIn(m, m.profiles.at(profile), info);
  };
  EXPECT_TRUE(let_in("OPEN", kNobody, "NULL"));
  EXPECT_TRUE(let_in("LAX", kNobody, "NULL"));
  EXPECT_TRUE(let_in("LAX", kSpoke, "PSK"));
  EXPECT_FALSE(let_in("LAX", kSpoke, "NULL"));
  EXPECT_FALSE(let_in("LAX", kNobody, "PSK"));
  EXPECT_FALSE(let_in("KEY", kNobody, "NULL"));
  EXPECT_FALSE(let_in("OPEN", kSpoke, "PSK"));
  EXPECT_FALSE(let_in("CALLER", kNobody, "NULL"));
}

TEST(NullProfile, IsAMethodOfItsOwnForAuthorization) {
  ike::SessionInfo info;
  info.auth_remote = "NULL";
  EXPECT_EQ(AuthorizationMethod(info), "null");
}

TEST(NullProfile, ChangedToItOrFromItRestartsItsSessions) {
  const config::Model m = Configured();
  ike::SessionInfo info;
  info.profile = "OPEN";
  info.remote_id = kNobody;
  info.auth_remote = "NULL";
  const std::string interface = "Virtual-Template1", pool;
  const std::optional<net::IpAddress> assigned;
  const std::optional<net::Prefix> assigned6;
  const auto restarted = [&](const std::string& lines) {
    const config::ParseResult after = config::ParseCandidate(m, lines);
    EXPECT_TRUE(after.ok()) << lines;
    return Reconfiguration(m, after.model).On({info, interface, pool, assigned, pool, assigned6, info.remote.address, ""}).restart;
  };
  EXPECT_TRUE(restarted("crypto ikev2 profile OPEN\n no authentication remote null\n authentication remote pre-share key x\n"));
  EXPECT_TRUE(restarted("crypto ikev2 profile OPEN\n authentication local null\n"));
  EXPECT_TRUE(restarted("crypto ikev2 profile OPEN\n match identity remote fqdn a.b\n no match identity remote null\n"));
  EXPECT_FALSE(restarted("crypto ikev2 profile OPEN\n match identity remote any\n"));
  EXPECT_FALSE(restarted("crypto ikev2 keyring KR\n peer SPOKE\n  pre-shared-key other\n"));
}

}  // namespace
}  // namespace flexvpn::node
