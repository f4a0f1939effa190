// SPDX-License-Identifier: Apache-2.0
// What a change does to a session, line by line: it is made anew, takes it over, or is not concerned.
#include "core/node/reconfigure.h"

#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "core/config/candidate.h"

namespace flexvpn::node {
namespace {

constexpr char kChangeConfig[] = R"(aaa new-model
aaa authorization network L local
ip local pool P 10.0.0.1 10.0.0.9
ip local pool OTHER 10.1.0.1 10.1.0.9
ipv6 local pool SIX 2001:db8:c::/64 128
ipv6 local pool SEVEN 2001:db8:d::/64 128
ip access-list standard A
 permit 172.16.0.0 0.0.255.255
ip access-list standard B
 permit 172.17.0.0 0.0.255.255
crypto ikev2 authorization policy AP
 pool P
 ipv6 pool SIX
 route set access-list A
crypto ikev2 keyring K
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key any
 peer SPOKE
  identity fqdn spoke.example.net
  pre-shared-key spoke
 peer OTHER
  identity fqdn other.example.net
  pre-shared-key other
crypto pki trustpoint TP
 ca-file /ca
crypto ikev2 profile F
 match identity remote fqdn domain example.net
 authentication local pre-share
 authentication remote pre-share
 keyring local K
 aaa authorization group psk list L AP
 virtual-template 1
crypto ikev2 profile G
 match identity remote fqdn domain example.org
 authentication local pre-share key x
 authentication remote pre-share key x
crypto ipsec transform-set T esp-gcm 256
crypto ipsec profile I
 set transform-set T
 set ikev2-profile F
interface Loopback0
 ip address 10.0.0.254 255.255.255.255
interface Virtual-Template1 type tunnel
 ip unnumbered Loopback0
 ip nhrp network-id 1
 tunnel source eth0
 tunnel protection ipsec profile I
)";

class Session : public testing::Test {
 protected:
  Session() : before_(config::Parse(kChangeConfig)) {
    EXPECT_TRUE(before_.ok());
    info_.profile = "F";
    info_.remote_id = {ike::IdType::kFqdn, ToBytes("spoke.example.net")};
    info_.remote = {*net::IpAddress::Parse("192.0.2.7"), 500};
    info_.auth_remote = "PSK";
  }
  // "restart"; else what changes under it; "" = nothing.
  std::string Effect(const std::string& lines) {
    const config::ParseResult after = config::ParseCandidate(before_.model, lines);
    EXPECT_TRUE(after.ok()) << lines << (after.diagnostics.empty() ? "" : after.diagnostics[0].message);
    EXPECT_NE(after.model, before_.model) << lines;
    const auto effect =
        Reconfiguration(before_.model, after.model).On({info_, interface_, pool_, assigned_, pool6_, assigned6_, info_.remote.address, hub_name_});
    if (effect.restart) return "restart";
    std::vector<std::string> parts;
    if (effect.terms) parts.push_back("terms");
    if (effect.announce) parts.push_back("announce");
    if (effect.accept) parts.push_back("accept");
    if (effect.limits) parts.push_back("limits");
    if (effect.handout) parts.push_back("handout");
    return absl::StrJoin(parts, " ");
  }
  config::ParseResult before_;
  ike::SessionInfo info_;
  std::string interface_ = "Virtual-Template1", pool_ = "P", pool6_ = "SIX";
  std::optional<net::Prefix> assigned6_ = net::Prefix::Parse("2001:db8:c::5/128");
  std::string hub_name_;
  std::optional<net::IpAddress> assigned_ = net::IpAddress::Parse("10.0.0.3");
};

TEST_F(Session, IsMadeAnewForWhatItCannotTakeOver) {
  for (const char* lines : {"interface Virtual-Template1\n tunnel source eth1", "interface Virtual-Template1\n ip nhrp network-id 2",
                            "interface Virtual-Template1\n shutdown",
                            "no interface Virtual-Template1\ncrypto ikev2 profile F\n no virtual-template 1",
                            "interface Loopback0\n ip address 10.0.0.253 255.255.255.255", "interface Virtual-Template1\n tunnel key 5",
                            "crypto ikev2 profile F\n nat force-encap", "crypto ikev2 profile F\n no config-exchange set accept",
                            "crypto ikev2 profile F\n lifetime authentication 3600", "crypto ikev2 profile F\n shutdown",
                            "no crypto ikev2 profile F\ncrypto ipsec profile I\n set ikev2-profile G",
                            "crypto ikev2 profile F\n no match identity remote fqdn domain example.net\n match identity remote fqdn a.b",
                            "crypto ikev2 keyring K\n peer SPOKE\n  pre-shared-key new", "crypto ikev2 keyring K\n no peer SPOKE",
                            "crypto ipsec transform-set T esp-gcm 256\n mode transport",
                            "crypto ikev2 authorization policy AP\n pool OTHER", "ip local pool P 10.0.0.4 10.0.0.8",
                            "crypto ikev2 authorization policy AP\n ipv6 pool SEVEN", "ipv6 local pool SIX 2001:db8:c:0:8000::/65 128",
                            "ipv6 local pool SIX 2001:db8:c::/64 112", "interface Loopback0\n ipv6 address 2001:db8::9/128",
                            "crypto ikev2 keyring K\n peer SPOKE\n  ppk manual id A key B"})
    EXPECT_EQ(Effect(lines), "restart") << lines;
}

TEST_F(Session, TakesOverWhatANextRekeyOrAConfigurationPayloadCanBring) {
  const std::pair<const char*, const char*> cases[] = {
      {"crypto ikev2 profile F\n lifetime 3600", "terms"},
      {"crypto ikev2 profile F\n dpd 10 2 periodic", "terms"},
      {"crypto ikev2 window 7", "terms"},
      {"crypto ikev2 dpd 20 3 on-demand", "terms"},
      {"crypto ikev2 proposal default\n group 20", "terms"},
      {"crypto ipsec profile I\n set pfs group19", "terms"},
      {"crypto ipsec profile I\n set security-association lifetime seconds 600", "terms"},
      {"crypto ipsec transform-set T esp-gcm 128", "terms"},
      {"crypto ipsec transform-set U esp-aes 256 esp-sha256-hmac\ncrypto ipsec profile I\n set transform-set T U", "terms"},
      {"crypto ikev2 authorization policy AP\n dns 10.9.9.9", "handout"},
      {"crypto ikev2 authorization policy AP\n route set access-list B", "announce"},
      {"crypto ikev2 authorization policy AP\n route accept any distance 9", "accept"},
      {"crypto ikev2 authorization policy AP\n session-lifetime 3600", "limits"},
      {"crypto ikev2 authorization policy AP\n split-dns a.example\n wins 10.9.9.8", "handout"},
      {"ip access-list standard A\n permit 172.18.0.0 0.0.255.255", "announce"},
  };
  for (const auto& [lines, effect] : cases) EXPECT_EQ(Effect(lines), effect) << lines;
}

TEST_F(Session, IsNotConcernedByTheRest) {
  for (const char* lines : {"interface Virtual-Template1\n ip mtu 1300", "interface Virtual-Template1\n ip nhrp redirect",
                            "interface Virtual-Template1\n description x\n ip tcp adjust-mss 1200",
                            "interface Loopback0\n description x", "interface Loopback9\n ip address 10.7.0.1 255.255.255.255",
                            "crypto ikev2 profile F\n match identity remote fqdn domain example.com",
                            "crypto ikev2 profile G\n lifetime 3600", "crypto ikev2 profile F\n description x",
                            "crypto ikev2 diagnose error 50", "crypto ikev2 limit max-sa 50",
                            "crypto ikev2 keyring K\n peer OTHER\n  pre-shared-key new", "crypto ikev2 keyring K\n no peer OTHER",
                            "crypto ikev2 keyring K\n peer NEW\n  address 192.0.2.99\n  pre-shared-key new",
                            "crypto ikev2 keyring K\n peer SPOKE\n  description x",
                            "crypto ipsec transform-set U esp-gcm 128", "crypto ipsec profile I\n description x",
                            "ip access-list standard B\n permit 172.19.0.0 0.0.255.255", "ip local pool OTHER 10.1.0.1 10.1.0.8",
                            "crypto pki trustpoint TP\n ca-file /other", "hostname x",
                            "ip local pool P 10.0.0.1 10.0.0.99", "ipv6 local pool SIX 2001:db8:c::/60 128"})
    EXPECT_EQ(Effect(lines), "") << lines;
}

// The one who calls does not know the peer's identity before it has to choose the key.
TEST_F(Session, ThatWeCalledHasTheKeyOfTheAddress) {
  EXPECT_EQ(Effect("crypto ikev2 keyring K\n peer ANY\n  pre-shared-key new"), "");
  info_.initiator = true;
  EXPECT_EQ(Effect("crypto ikev2 keyring K\n peer ANY\n  pre-shared-key new"), "restart");
  EXPECT_EQ(Effect("crypto ikev2 keyring K\n peer NEW\n  address 192.0.2.7\n  pre-shared-key new"), "restart");
  EXPECT_EQ(Effect("crypto ikev2 keyring K\n peer SPOKE\n  pre-shared-key new"), "");
}

}  // namespace
}  // namespace flexvpn::node
