// SPDX-License-Identifier: Apache-2.0
// A configuration that changes under living sessions: whom it concerns, and nobody else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "core/config/candidate.h"
#include "sim/world.h"

namespace flexvpn::sim {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr size_t kSpokes = 4;

std::string Common(const std::string& name, const std::string& rest) {
  return absl::StrCat("hostname ", name, "\naaa new-model\naaa authorization network default local\n",
                      "crypto ikev2 profile default\n match identity remote fqdn domain example.net\n identity local fqdn ", name,
                      ".example.net\n authentication remote pre-share\n authentication local pre-share\n keyring local KR\n"
                      " aaa authorization group psk list default default\n",
                      rest, " tunnel source eth0\n tunnel protection ipsec profile default\n");
}

std::string Hub() {
  std::string keys = " virtual-template 1\ncrypto ikev2 keyring KR\n";
  for (size_t i = 1; i <= kSpokes; ++i)
    absl::StrAppend(&keys, " peer S", i, "\n  identity fqdn spoke", i, ".example.net\n  pre-shared-key key-of-", i, "\n");
  return Common("hub", absl::StrCat(keys, R"(ip local pool FLEX 10.0.0.1 10.0.0.99
ip access-list standard LANS
 permit 172.16.0.0 0.15.255.255
crypto ikev2 authorization policy default
 pool FLEX
 route set access-list LANS
interface Loopback0
 ip address 10.0.255.254 255.255.255.255
interface Virtual-Template1 type tunnel
 ip unnumbered Loopback0
 ip nhrp network-id 1
)"));
}

std::string Spoke(size_t i) {
  return Common(absl::StrCat("spoke", i),
                absl::StrCat("crypto ikev2 keyring KR\n peer HUB\n  address 198.51.100.1\n  pre-shared-key key-of-", i,
                             "\nip access-list standard LAN\n permit 172.16.", i,
                             ".0 0.0.0.255\ncrypto ikev2 authorization policy default\n route set access-list LAN\n"
                             "interface Tunnel0\n ip address negotiated\n ip nhrp network-id 1\n"
                             " tunnel destination 198.51.100.1\n"));
}

net::IpAddress Underlay(size_t i) { return *net::IpAddress::Parse(absl::StrCat("198.51.100.", i + 1)); }

class Change : public testing::Test {
 protected:
  Change() : w_({}) {
    w_.Add(Hub(), Underlay(0), *net::Prefix::Parse("172.31.0.0/24"));
    for (size_t i = 1; i <= kSpokes; ++i)
      w_.Add(Spoke(i), Underlay(i), *net::Prefix::Parse(absl::StrCat("172.16.", i, ".0/24")));
  }
  void SetUp() override {
    ASSERT_TRUE(w_.RunUntil([&] { return w_.PeersUp(kHub) == kSpokes; }, seconds(60))) << w_.violation();
    w_.RunFor(seconds(5));
  }
  // Typed into the running configuration of `router`.
  void Type(size_t router, const std::string& lines) {
    config::ParseResult r = config::ParseCandidate(w_.node(router).model(), lines);
    ASSERT_TRUE(r.ok()) << r.diagnostics[0].message;
    w_.Configure(router, std::move(r.model));
  }
  // SPIs of the SAs in the hub's kernel towards a spoke.
  std::set<uint32_t> Spis(size_t spoke) const {
    std::set<uint32_t> out;
    for (const auto& [key, object] : w_.kernel(kHub).all())
      if (const auto* sa = std::get_if<dataplane::Sa>(&object);
          sa != nullptr && (sa->source == Underlay(spoke) || sa->destination == Underlay(spoke)))
        out.insert(sa->spi);
    return out;
  }
  std::vector<std::set<uint32_t>> AllSpis() const {
    std::vector<std::set<uint32_t>> out;
    for (size_t i = 1; i <= kSpokes; ++i) out.push_back(Spis(i));
    return out;
  }
  bool Pings(size_t from, size_t to) {
    const size_t before = w_.delivered().size();
    w_.Ping(from, to);
    w_.RunFor(seconds(1));
    return w_.delivered().size() == before + 1;
  }
  size_t restarted() const { return w_.node(kHub).restarts().restarted; }
  size_t renewed() const { return w_.node(kHub).restarts().renewed; }
  World w_;
};

TEST_F(Change, OfOnePeersKeyRestartsThatPeerAlone) {
  const auto before = AllSpis();
  for (const auto& s : before) ASSERT_FALSE(s.empty());
  Type(kHub, "crypto ikev2 keyring KR\n peer S2\n  pre-shared-key another-key\n");
  EXPECT_EQ(restarted(), 1u);
  w_.RunFor(seconds(20));
  const auto after = AllSpis();
  EXPECT_EQ(after[0], before[0]);
  EXPECT_TRUE(after[1].empty());  // its key is not the spoke's any more
  EXPECT_EQ(after[2], before[2]);
  EXPECT_EQ(after[3], before[3]);
  Type(2, "crypto ikev2 keyring KR\n peer HUB\n  pre-shared-key another-key\n");
  EXPECT_TRUE(w_.RunUntil([&] { return w_.PeersUp(kHub) == kSpokes; }, seconds(120)));
  EXPECT_TRUE(w_.violation().empty()) << w_.violation();
}

TEST_F(Change, OfAPeerThatIsGoneEndsItsSessionAlone) {
  const auto before = AllSpis();
  Type(kHub, "crypto ikev2 keyring KR\n no peer S3\n peer S9\n  identity fqdn new.example.net\n  pre-shared-key x\n");
  EXPECT_EQ(restarted(), 1u);
  w_.RunFor(seconds(5));
  const auto after = AllSpis();
  EXPECT_EQ(after[0], before[0]);
  EXPECT_EQ(after[1], before[1]);
  EXPECT_TRUE(after[2].empty());
}

TEST_F(Change, OfTheMtuOfTheTemplateIsMadeUnderLivingSessions) {
  const auto before = AllSpis();
  Type(kHub, "interface Virtual-Template1 type tunnel\n ip mtu 1300\n ip tcp adjust-mss 1260\n description new\n");
  EXPECT_EQ(restarted(), 0u);
  EXPECT_TRUE(Pings(1, 2));  // at once
  EXPECT_EQ(AllSpis(), before);
  size_t peers = 0;
  for (const auto& [key, object] : w_.kernel(kHub).all()) {
    const auto* d = std::get_if<dataplane::Device>(&object);
    EXPECT_TRUE(d == nullptr || d->name != "flex-gre0" || d->mtu == 1300);
    if (const auto* p = std::get_if<dataplane::Peer>(&object)) {
      EXPECT_EQ(p->adjust_mss, 1260);
      ++peers;
    }
  }
  EXPECT_EQ(peers, kSpokes);
}

TEST_F(Change, OfACipherWaitsForTheNextRekeyAndShowSaysSo) {
  const auto before = AllSpis();
  Type(kHub, "crypto ipsec transform-set default esp-gcm 128\n mode transport\n");
  EXPECT_EQ(restarted(), 0u);
  EXPECT_EQ(renewed(), kSpokes);
  EXPECT_EQ(AllSpis(), before);
  const std::string waits = "Changed configuration comes into force for the Child SA: at its next rekey\n";
  EXPECT_THAT(w_.Show(kHub, "show crypto ikev2 sa detailed"), HasSubstr(waits));
  for (size_t i = 1; i <= kSpokes; ++i) Type(i, "crypto ipsec transform-set default esp-gcm 128\n mode transport\n");
  w_.Show(kHub, "rekey crypto ipsec sa");
  w_.RunFor(seconds(30));
  EXPECT_THAT(w_.Show(kHub, "show crypto ikev2 sa detailed"), Not(HasSubstr("Changed configuration")));
  EXPECT_THAT(w_.Show(kHub, "show crypto ikev2 session detailed"), HasSubstr("keysize: 128, esp_hmac: None"));
  EXPECT_THAT(w_.Show(kHub, "show crypto ikev2 session detailed"), Not(HasSubstr("keysize: 256, esp_hmac: None")));
  EXPECT_TRUE(Pings(1, 2));
  EXPECT_TRUE(w_.violation().empty()) << w_.violation();
}

TEST_F(Change, OfAnAccessListIsToldToThePeersAtOnce) {
  const auto before = AllSpis();
  EXPECT_THAT(w_.Show(1, "show ip route flexvpn"), HasSubstr("172.16.0.0/12"));
  Type(kHub, "ip access-list standard LANS\n no permit 172.16.0.0 0.15.255.255\n permit 172.16.0.0 0.0.255.255\n"
             " permit 192.168.7.0 0.0.0.255\n");
  EXPECT_EQ(restarted(), 0u);
  EXPECT_EQ(renewed(), kSpokes);
  w_.RunFor(seconds(2));
  EXPECT_EQ(AllSpis(), before);
  const std::string routes = w_.Show(1, "show ip route flexvpn");
  EXPECT_THAT(routes, AllOf(HasSubstr("172.16.0.0/16"), HasSubstr("192.168.7.0/24"), Not(HasSubstr("172.16.0.0/12"))));
  const std::string sa = w_.Show(1, "show crypto ikev2 sa detailed");
  EXPECT_THAT(sa, AllOf(HasSubstr("192.168.7.0"), Not(HasSubstr("255.240.0.0"))));
  EXPECT_TRUE(Pings(1, 2));
  Type(kHub, "crypto ikev2 authorization policy default\n no route set access-list LANS\n");
  w_.RunFor(seconds(2));
  EXPECT_THAT(w_.Show(1, "show ip route flexvpn"), Not(HasSubstr("172.16.0.0/16")));
}

TEST_F(Change, OfWhatASpokeAnnouncesAndTheHubAccepts) {
  Type(1, "ip access-list standard LAN\n permit 172.17.1.0 0.0.0.255\n");
  w_.RunFor(seconds(2));
  EXPECT_THAT(w_.Show(kHub, "show ip route flexvpn"), HasSubstr("172.17.1.0/24"));
  Type(kHub, "crypto ikev2 authorization policy default\n no route accept any\n");
  EXPECT_EQ(restarted(), 0u);
  EXPECT_THAT(w_.Show(kHub, "show ip route flexvpn"), Not(HasSubstr("172.1")));
  Type(kHub, "crypto ikev2 authorization policy default\n route accept any\n");  // nobody has to say it again
  EXPECT_THAT(w_.Show(kHub, "show ip route flexvpn"), AllOf(HasSubstr("172.17.1.0/24"), HasSubstr("172.16.4.0/24")));
  EXPECT_TRUE(Pings(2, 1));
  EXPECT_TRUE(w_.violation().empty()) << w_.violation();
}

TEST_F(Change, OfDpdIsInForceAtOnce) {
  Type(kHub, "crypto ikev2 dpd 10 2 periodic\n");
  EXPECT_EQ(renewed(), kSpokes);
  w_.Kill(3);
  EXPECT_TRUE(w_.RunUntil([&] { return w_.PeersUp(kHub) == kSpokes - 1; }, seconds(120)));
}

TEST_F(Change, OfDnsServersCountsInTheNextSession) {
  Type(kHub, "crypto ikev2 authorization policy default\n dns 10.9.9.9\n split-dns corp.example\n");
  EXPECT_EQ(restarted(), 0u);
  EXPECT_THAT(w_.Show(kHub, "show crypto ikev2 sa detailed"),
              HasSubstr("comes into force for DNS, domain, netmask and banner: in the next session\n"));
  w_.Show(kHub, "clear crypto session");
  ASSERT_TRUE(w_.RunUntil([&] { return w_.PeersUp(kHub) == kSpokes; }, seconds(120)));
  w_.RunFor(seconds(5));
  EXPECT_THAT(w_.Show(kHub, "show crypto ikev2 sa detailed"), Not(HasSubstr("comes into force")));
  EXPECT_THAT(w_.Show(1, "show crypto ikev2 sa detailed"),
              AllOf(HasSubstr("INTERNAL_IP4_DNS 10.9.9.9"), HasSubstr("INTERNAL_DNS_DOMAIN corp.example")));
}

TEST_F(Change, OfThePoolRestartsWhoseAddressIsNoLongerInIt) {
  Type(kHub, "ip local pool FLEX 10.0.0.1 10.0.1.99\n");
  EXPECT_EQ(restarted(), 0u);
  Type(kHub, "ip local pool FLEX 10.0.0.2 10.0.1.99\n");
  EXPECT_EQ(restarted(), 1u);
  EXPECT_TRUE(w_.RunUntil([&] { return w_.PeersUp(kHub) == kSpokes; }, seconds(120)));
  w_.RunFor(seconds(5));
  const std::string sas = w_.Show(kHub, "show crypto ikev2 sa detailed");
  for (const char* address : {"10.0.0.2\n", "10.0.0.3\n", "10.0.0.4\n", "10.0.0.5\n"})
    EXPECT_THAT(sas, HasSubstr(absl::StrCat("Assigned host addr: ", address)));
  EXPECT_TRUE(w_.violation().empty()) << w_.violation();
}

}  // namespace
}  // namespace flexvpn::sim
