// SPDX-License-Identifier: Apache-2.0
#include "core/node/authorization.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "core/ike/cp.h"
#include "support/values.h"
#include "unit/core_node/parse.h"

namespace flexvpn::node {
namespace {

ike::Identity Fqdn(const std::string& name) { return {ike::IdType::kFqdn, ToBytes(name)}; }
ike::Identity Email(const std::string& name) { return {ike::IdType::kEmail, ToBytes(name)}; }

constexpr char kConfig[] = R"(
aaa new-model
aaa authorization network default local
ip access-list standard LANS
 deny 192.168.9.0 0.0.0.255
 permit 192.168.9.0 0.0.0.255
 permit 192.168.0.0 0.0.255.255
crypto ikev2 authorization policy default
 route set interface
 route set access-list LANS
crypto ikev2 keyring KR
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key any-key
 peer NET
  address 203.0.113.0 255.255.255.0
  pre-shared-key net-key
 peer NAMED
  identity fqdn a.example.net
  pre-shared-key local l-key
  pre-shared-key remote r-key
crypto ikev2 profile A
 match identity remote fqdn domain example.net
 identity local fqdn hub.example.net
 authentication remote pre-share
 authentication local pre-share
 keyring local KR
 aaa authorization group psk list default default
 virtual-template 1
crypto ikev2 profile B
 match identity remote fqdn special.example.net
 authentication remote pre-share
 authentication local pre-share
 keyring local KR
 virtual-template 1
crypto ipsec profile P
 set ikev2-profile A
interface Virtual-Template1 type tunnel
 ip unnumbered eth0
 tunnel source eth0
 tunnel protection ipsec profile P
)";

TEST(Matches, DomainMeansBelowTheDomainAndNotItsLookalike) {
  const config::Identity rule{config::IdentityKind::kFqdnDomain, {}, "example.net", {}};
  EXPECT_TRUE(Matches(rule, Fqdn("spoke1.example.net")));
  EXPECT_TRUE(Matches(rule, Fqdn("SPOKE1.EXAMPLE.NET")));
  EXPECT_FALSE(Matches(rule, Fqdn("example.net")));
  EXPECT_FALSE(Matches(rule, Fqdn("evilexample.net")));
  EXPECT_FALSE(Matches(rule, Email("x@a.example.net")));
}

TEST(Matches, AddressRuleIsAPrefixAndNeedsAnAddressIdentity) {
  const config::Identity rule{config::IdentityKind::kAddress, *net::Prefix::Parse("192.0.2.0/24"), "", {}};
  EXPECT_TRUE(Matches(rule, {ike::IdType::kIpv4, {192, 0, 2, 9}}));
  EXPECT_FALSE(Matches(rule, {ike::IdType::kIpv4, {192, 0, 3, 9}}));
  EXPECT_FALSE(Matches(rule, {ike::IdType::kIpv4, {192, 0, 2}}));  // malformed
  EXPECT_FALSE(Matches(rule, Fqdn("192.0.2.9")));
}

TEST(FindProfile, ExactNameWinsOverItsDomain) {
  const config::Model m = Parse(kConfig);
  EXPECT_EQ(FindProfile(m, Ip("198.51.100.1"), Fqdn("special.example.net"))->name, "B");
  EXPECT_EQ(FindProfile(m, Ip("198.51.100.1"), Fqdn("other.example.net"))->name, "A");
  EXPECT_EQ(FindProfile(m, Ip("198.51.100.1"), Fqdn("example.org")), nullptr);
}

TEST(FindProfile, AnInterfaceStandsForTheAddressesItHasNow) {
  const std::string rest = " authentication local pre-share key k\n authentication remote pre-share key k\n";
  const config::Model m = Parse(absl::StrCat(
      "crypto ikev2 profile EAST\n match identity remote any\n match address local interface eth0\n", rest,
      "crypto ikev2 profile WEST\n match identity remote any\n match address local 192.0.2.9\n"
      " match address local interface eth1\n", rest));
  const auto find = [&](const char* address, std::vector<std::string> interfaces) {
    LocalEnd end(Ip(address));
    end.interfaces = std::move(interfaces);
    const config::IkeProfile* p = FindProfile(m, end, Fqdn("a.example.net"));
    return p == nullptr ? "" : p->name;
  };
  EXPECT_EQ(find("192.0.2.1", {"eth0"}), "EAST");
  EXPECT_EQ(find("192.0.2.1", {"eth1"}), "WEST");
  EXPECT_EQ(find("192.0.2.9", {}), "WEST");
  EXPECT_EQ(find("192.0.2.1", {}), "");
  EXPECT_EQ(find("192.0.2.1", {"eth2"}), "");
}

TEST(FindKeys, CallerWithoutAddressTakesThePeerWhoseIdentityTheProfileMatches) {
  const config::Model m = Parse(
      "crypto ikev2 keyring K\n peer OTHERS\n  identity fqdn domain spokes.example.net\n  pre-shared-key others\n"
      " peer HUB\n  identity fqdn hub.example.net\n  pre-shared-key hub\n"
      "crypto ikev2 profile P\n match identity remote fqdn hub.example.net\n authentication remote pre-share\n"
      " authentication local pre-share\n keyring local K\n"
      "crypto ikev2 profile Q\n match identity remote fqdn domain example.net\n authentication remote pre-share\n"
      " authentication local pre-share\n keyring local K\n");
  EXPECT_EQ(FindKeys(m, m.profiles.at("P"), std::nullopt, Ip("192.0.2.1"))->local, ToSecret(AsView("hub")));
  EXPECT_FALSE(FindKeys(m, m.profiles.at("Q"), std::nullopt, Ip("192.0.2.1")).ok());
  EXPECT_FALSE(FindKeys(m, m.profiles.at("P"), Fqdn("stranger.example.net"), Ip("192.0.2.1")).ok());
}

// A hub and spokes with keys of their own, one profile for both.
config::Model TwoKeys(const char* hub_address = "") {
  return Parse(absl::StrCat(
      "crypto ikev2 keyring K\n peer OTHERS\n  identity fqdn domain spokes.example.net\n  pre-shared-key others\n"
      " peer HUB\n  identity fqdn hub.example.net\n", hub_address, "  pre-shared-key hub\n"
      "crypto ikev2 profile P\n match identity remote fqdn domain spokes.example.net\n match identity remote fqdn hub.example.net\n"
      " authentication remote pre-share\n authentication local pre-share\n keyring local K\n"));
}

TEST(FindKeys, CallerHasNoKeyIfSeveralPeersCouldAnswer) {
  const config::Model m = TwoKeys();
  EXPECT_FALSE(FindKeys(m, m.profiles.at("P"), std::nullopt, Ip("192.0.2.1")).ok());
}

TEST(FindKeys, APeerWithAnotherAddressIsNotTakenByIdentity) {
  const config::Model m = TwoKeys("  address 192.0.2.9\n");
  EXPECT_EQ(FindKeys(m, m.profiles.at("P"), std::nullopt, Ip("192.0.2.9"))->local, ToSecret(AsView("hub")));
  EXPECT_EQ(FindKeys(m, m.profiles.at("P"), std::nullopt, Ip("192.0.2.1"))->local, ToSecret(AsView("others")));
}

// Whoever has the spokes' key must not pass for the hub, although the profile accepts the hub, too.
TEST(KeyIsOf, AKeyChosenByIdentityProvesNoOther) {
  const config::Model m = TwoKeys("  address 192.0.2.9\n");
  const config::IkeProfile& p = m.profiles.at("P");
  EXPECT_TRUE(KeyIsOf(m, p, Fqdn("a.spokes.example.net"), Ip("192.0.2.1")));
  EXPECT_FALSE(KeyIsOf(m, p, Fqdn("hub.example.net"), Ip("192.0.2.1")));
  EXPECT_TRUE(KeyIsOf(m, p, Fqdn("hub.example.net"), Ip("192.0.2.9")));
}

TEST(FindKeys, IdentityBeatsAddressAndLongerPrefixBeatsShorter) {
  const config::Model m = Parse(kConfig);
  const config::IkeProfile& p = m.profiles.at("A");
  auto named = FindKeys(m, p, Fqdn("a.example.net"), Ip("203.0.113.5"));
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(named->local, ToSecret(AsView("l-key")));
  EXPECT_EQ(named->remote, ToSecret(AsView("r-key")));
  EXPECT_EQ(FindKeys(m, p, Fqdn("b.example.net"), Ip("203.0.113.5"))->local, ToSecret(AsView("net-key")));
  EXPECT_EQ(FindKeys(m, p, std::nullopt, Ip("192.0.2.1"))->local, ToSecret(AsView("any-key")));
}

TEST(IkeSuites, AMixedProposalGivesAeadSuitesWithoutAndCbcSuitesWithIntegrity) {
  const config::Model m = Parse(R"(
crypto ikev2 proposal P
 encryption aes-gcm-256 aes-cbc-128
 integrity sha256
 prf sha512
 group 19
crypto ikev2 policy Q
 proposal P
)");
  const std::vector<ike::Suite> s = IkeSuites(m, Ip("192.0.2.1"));
  ASSERT_EQ(s.size(), 2u);
  EXPECT_EQ(s[0], (ike::Suite{crypto::Encr::kAesGcm16, 256, crypto::Integ::kNone, crypto::Prf::kHmacSha512,
                              crypto::KeMethod::kEcp256, false}));
  EXPECT_EQ(s[1], (ike::Suite{crypto::Encr::kAesCbc, 128, crypto::Integ::kHmacSha256_128, crypto::Prf::kHmacSha512,
                              crypto::KeMethod::kEcp256, false}));
}

TEST(IkeSuites, WithoutPrfLineThePrfFollowsTheIntegrity) {
  const config::Model m = Parse(R"(
crypto ikev2 proposal P
 encryption aes-cbc-256
 integrity sha1 sha384
 group 14
crypto ikev2 policy Q
 proposal P
)");
  const std::vector<ike::Suite> s = IkeSuites(m, Ip("192.0.2.1"));
  ASSERT_EQ(s.size(), 2u);
  EXPECT_EQ(s[0].prf, crypto::Prf::kHmacSha1);
  EXPECT_EQ(s[1].prf, crypto::Prf::kHmacSha384);
}

TEST(SessionPolicy, GreInterfaceAsksForTheGreFlowBetweenTheEndpoints) {
  const config::Model m = Parse(kConfig);
  auto p = MakeSessionPolicy(m, m.profiles.at("A"), m.interfaces.at("Virtual-Template1"), Fqdn("b.example.net"),
                             Ip("198.51.100.1"), Ip("203.0.113.5"));
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_EQ(p->local_id, Fqdn("hub.example.net"));
  ASSERT_EQ(p->child.local.size(), 1u);
  EXPECT_TRUE(p->child.local[0].dynamic);
  EXPECT_EQ(p->child.local[0].protocol, 47);
  EXPECT_TRUE(p->child.transport);
}

TEST(AnnouncedPrefixes, OwnAddressAndWhatTheAccessListPermits) {
  const config::Model m = Parse(kConfig);
  const auto prefixes = AnnouncedPrefixes(m, m.authorization_policies.at("default"), {Ip("10.0.0.1")});
  ASSERT_EQ(prefixes.size(), 2u);  // 192.168.9.0/24 is denied first
  EXPECT_EQ(prefixes[0], *net::Prefix::Parse("10.0.0.1/32"));
  EXPECT_EQ(prefixes[1], *net::Prefix::Parse("192.168.0.0/16"));
}

TEST(SubnetAttribute, BytesAsInRfc7296AndBack) {
  const auto v4 = SubnetAttribute(*net::Prefix::Parse("192.168.0.0/16"));
  EXPECT_EQ(ToHex(v4.value), "c0a80000ffff0000");  // address, netmask (§3.15.1)
  const auto v6 = SubnetAttribute(*net::Prefix::Parse("2001:db8::/32"));
  EXPECT_EQ(ToHex(v6.value), "20010db800000000000000000000000020");
  EXPECT_EQ(Subnets({v4, v6}), (std::vector{*net::Prefix::Parse("192.168.0.0/16"), *net::Prefix::Parse("2001:db8::/32")}));
}

TEST(SubnetAttribute, WrongLengthsAndMasksAreIgnored) {
  EXPECT_TRUE(Subnets({{ike::CfgAttr::kIp4Subnet, FromHex("c0a80000ffff00")},
                       {ike::CfgAttr::kIp4Subnet, FromHex("c0a80000ff00ff00")},
                       {ike::CfgAttr::kIp6Subnet, FromHex("20010db8000000000000000000000000ff")},
                       {ike::CfgAttr::kIp4Subnet, {}}})
                  .empty());
}

std::vector<std::string> Given(const config::Model& model, const std::vector<ike::CfgAttr>& asked) {
  std::vector<ike::ConfigAttribute> request;
  for (ike::CfgAttr type : asked) request.push_back({type, {}});
  std::vector<std::string> out;
  for (const ike::ConfigAttribute& a : Handout(model.authorization_policies.at("H"), request)) out.push_back(ike::ToString(a));
  return out;
}

TEST(Handout, HasNameServersAndTheirDomainsInTheFormThePeerAsksFor) {
  using Texts = std::vector<std::string>;
  const std::string policy = "crypto ikev2 authorization policy H\n dns 192.0.2.53 192.0.2.54\n ipv6 dns 2001:db8::53\n"
                             " wins 192.0.2.42\n split-dns corp.example\n split-dns lab.example\n def-domain example.net\n"
                             " banner hello\n";
  EXPECT_EQ(Given(Parse(policy), {}),
            (Texts{"INTERNAL_IP4_DNS 192.0.2.53", "INTERNAL_IP4_DNS 192.0.2.54", "UNITY_DEF_DOMAIN example.net",
                   "UNITY_BANNER hello"}));
  EXPECT_EQ(Given(Parse(policy), {ike::CfgAttr::kUnitySplitDns}).at(2), "UNITY_SPLITDNS_NAME corp.example,lab.example");
  EXPECT_EQ(Given(Parse(policy), {ike::CfgAttr::kIp6Dns, ike::CfgAttr::kIp4Nbns, ike::CfgAttr::kDnsDomain}),
            (Texts{"INTERNAL_IP4_DNS 192.0.2.53", "INTERNAL_IP4_DNS 192.0.2.54", "INTERNAL_IP6_DNS 2001:db8::53",
                   "INTERNAL_IP4_NBNS 192.0.2.42", "INTERNAL_DNS_DOMAIN corp.example", "INTERNAL_DNS_DOMAIN lab.example",
                   "UNITY_DEF_DOMAIN example.net", "UNITY_BANNER hello"}));
}

// RFC 8598 §3: without a name server there is nobody to ask about the domains.
TEST(Handout, HasNoDomainsWithoutNameServers) {
  const std::string policy = "crypto ikev2 authorization policy H\n ipv6 dns 2001:db8::53\n split-dns corp.example\n";
  EXPECT_TRUE(Given(Parse(policy), {ike::CfgAttr::kDnsDomain}).empty());
  EXPECT_EQ(Given(Parse(policy), {ike::CfgAttr::kIp6Dns, ike::CfgAttr::kDnsDomain}).size(), 2u);
}

}  // namespace
}  // namespace flexvpn::node
