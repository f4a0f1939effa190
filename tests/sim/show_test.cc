// SPDX-License-Identifier: Apache-2.0
// Show commands against the state of a living overlay: a hub, two spokes, a shortcut.
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hub_and_spokes.h"
#include "support/values.h"
#include "world.h"

namespace flexvpn::sim {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::string Hub() { return HubText("right", " description to the spokes\n"); }
std::string Spoke(int i, const char* key = "right") { return SpokeText(i, key); }

class Shows : public testing::Test {
 protected:
  void Start() {
    w_.Add(Hub(), Ip("198.51.100.1"), *net::Prefix::Parse("172.31.255.0/24"));
    for (int i : {1, 2})
      w_.Add(Spoke(i), Ip(absl::StrCat("203.0.113.", i)), *net::Prefix::Parse(absl::StrCat("172.16.", i, ".0/24")));
    const auto up = [&] { return w_.PeersUp(0) == 2 && w_.PeersUp(1) == 1 && w_.PeersUp(2) == 1; };
    ASSERT_TRUE(w_.RunUntil(up, seconds(10))) << w_.violation();
    w_.RunFor(seconds(1));
  }
  void Shortcut() {
    ASSERT_TRUE(w_.RunUntil(
        [&] {
          w_.Ping(1, 2);
          w_.Ping(2, 1);
          w_.RunFor(milliseconds(500));
          return w_.HasShortcut(1, 2) && w_.HasShortcut(2, 1);
        },
        seconds(60)));
  }
  // The answer without the prompt.
  std::string Run(size_t router, const std::string& command) {
    const std::string all = w_.Show(router, command);
    return all.substr(all.find('\n') + 1);
  }
  std::string Exchanges(size_t router) { return Run(router, "show crypto ikev2 stats exchange"); }
  World w_{{.seed = 11}};
};

TEST_F(Shows, IkeSasAndSessionsByAddress) {
  Start();
  EXPECT_THAT(Run(0, "show crypto ikev2 sa remote 203.0.113.1"), HasSubstr("203.0.113.1/4500"));
  EXPECT_THAT(Run(0, "show crypto ikev2 sa remote 203.0.113.1"), Not(HasSubstr("203.0.113.2/4500")));
  EXPECT_THAT(Run(0, "show crypto ikev2 sa local 198.51.100.9"), Not(HasSubstr("READY")));
  EXPECT_THAT(Run(0, "show crypto ipsec sa peer 203.0.113.2"), HasSubstr("current_peer 203.0.113.2 port"));
  EXPECT_THAT(Run(0, "show crypto ipsec sa peer 203.0.113.2"), Not(HasSubstr("current_peer 203.0.113.1 port")));
  EXPECT_THAT(Run(1, "show crypto ipsec sa interface Tunnel0"), HasSubstr("interface: Tunnel0\n"));
  EXPECT_EQ(Run(1, "show crypto ipsec sa interface Tunnel9"), "");
}

TEST_F(Shows, CryptoSessionHasPeerSaAndFlow) {
  Start();
  EXPECT_THAT(Run(1, "show crypto session"),
              ContainsRegex("Interface: Tunnel0\n"
                            "Profile: FLEX\n"
                            "Session status: UP-ACTIVE\n"
                            "Peer: 198.51.100.1 port 4500\n"
                            "  Session ID: [0-9]+\n"
                            "  IKEv2 SA: local 203.0.113.1/4500 remote 198.51.100.1/4500 Active\n"
                            "  IPSEC FLOW: permit 47 host 203.0.113.1 host 198.51.100.1\n"
                            "        Active SAs: 2, origin: crypto map\n"));
  EXPECT_THAT(Run(1, "show crypto session detail"), HasSubstr("      Phase1_id: hub.example.net\n"));
  EXPECT_THAT(Run(0, "show crypto session brief"), ContainsRegex("203.0.113.2 .* spoke2.example.net .* UA\n"));
}

TEST_F(Shows, StatisticsCountWhatHappenedAndCanBeCleared) {
  Start();
  const std::string hub = Run(0, "show crypto ikev2 stats");
  EXPECT_THAT(hub, ContainsRegex("Total incoming IKEv2 SA Count: +2 +active: +2 +negotiating: 0\n"));
  EXPECT_THAT(hub, ContainsRegex("Incoming IKEv2 Requests: 2 +accepted: +2 +rejected: +0\n"));
  EXPECT_THAT(Run(1, "show crypto ikev2 stats"),
              ContainsRegex("Outgoing IKEv2 Requests: 1 +accepted: +1 +rejected: +0\n"));
  const std::string exchanges = Exchanges(0);
  EXPECT_THAT(exchanges, ContainsRegex("IKE_SA_INIT +0 +2 +2 +0\n"));
  EXPECT_THAT(exchanges, ContainsRegex("IKE_AUTH +0 +2 +2 +0\n"));
  EXPECT_THAT(exchanges, ContainsRegex("USE_TRANSPORT_MODE +0 +2 +2 +0\n"));
  EXPECT_THAT(exchanges, ContainsRegex("CFG_REQUEST +0 +2\n"));
  EXPECT_THAT(exchanges, ContainsRegex("NO_NAT +2\n"));
  Run(1, "rekey crypto ipsec sa");
  w_.RunFor(seconds(1));
  EXPECT_THAT(Exchanges(1), ContainsRegex("CREATE_CHILD_SA_IPSEC_REKEY +1 +0 +0 +1\n"));
  EXPECT_THAT(Exchanges(0), ContainsRegex("CREATE_CHILD_SA_IPSEC_REKEY +0 +1 +1 +0\n"));
  Run(1, "rekey crypto ikev2 sa");
  w_.RunFor(seconds(1));
  EXPECT_THAT(Exchanges(1), ContainsRegex("CREATE_CHILD_SA_IKE_REKEY +1 +0 +0 +1\n"));
  EXPECT_THAT(Exchanges(0), ContainsRegex("CREATE_CHILD_SA_IKE_REKEY +0 +1 +1 +0\n"));
  EXPECT_EQ(Run(0, "clear crypto ikev2 stats"), "IKEv2 statistics cleared\n");
  EXPECT_THAT(Exchanges(0), ContainsRegex("IKE_SA_INIT +0 +0 +0 +0\n"));
}

TEST_F(Shows, ErrorsNameThePeerTheProfileAndTheReason) {
  w_.Add(Hub(), Ip("198.51.100.1"), *net::Prefix::Parse("172.31.255.0/24"));
  w_.Add(Spoke(1, "wrong"), Ip("203.0.113.1"), *net::Prefix::Parse("172.16.1.0/24"));
  EXPECT_FALSE(w_.RunUntil([&] { return w_.PeersUp(0) != 0; }, seconds(600)));
  const std::string hub = Run(0, "show crypto ikev2 diagnose error");
  EXPECT_THAT(hub, HasSubstr("Exit Path Table - status: enable, current entry "));
  EXPECT_THAT(hub, HasSubstr(", max allow 32\n\nError(1): IKEv2: authentication of peer"));
  EXPECT_THAT(hub, HasSubstr(", peer 203.0.113.1/4500, id spoke1.example.net, profile FLEX\n"));
  EXPECT_THAT(hub, Not(HasSubstr("Error(33)")));
  EXPECT_THAT(Run(1, "show crypto ikev2 diagnose error"), HasSubstr("peer 198.51.100.1/4500"));
  EXPECT_THAT(Run(1, "show crypto ikev2 stats"),
              ContainsRegex("Outgoing IKEv2 Requests: [1-9][0-9]* +accepted: +0 +rejected: +[1-9]"));
  EXPECT_THAT(Run(0, "show crypto ikev2 stats"),
              ContainsRegex("Incoming IKEv2 Requests: [1-9][0-9]* +accepted: +0 +rejected: +[1-9]"));
}

TEST_F(Shows, InterfaceAndDerivedConfigOfAVirtualAccess) {
  Start();
  const std::string state = Run(0, "show interfaces virtual-access 1");
  EXPECT_THAT(state, HasSubstr("Virtual-Access1 is up, line protocol is up\n"
                               "  Hardware is Virtual Access interface\n"
                               "  Description: to the spokes\n"
                               "  Interface is unnumbered. Using address of Loopback0 (10.0.255.254)\n"));
  EXPECT_THAT(state, HasSubstr("  Tunnel vaccess, cloned from Virtual-Template1\n"));
  EXPECT_THAT(state, ContainsRegex("  Tunnel source 198.51.100.1, destination 203.0.113.[12]\n"));
  const std::string config = Run(0, "show derived-config interface Virtual-Access1");
  EXPECT_THAT(config, ContainsRegex("Derived configuration : [0-9]+ bytes\n!\ninterface Virtual-Access1\n"));
  EXPECT_THAT(config, HasSubstr(" ip unnumbered Loopback0\n ip mtu 1400\n ip nhrp network-id 1\n ip nhrp redirect\n"
                                " tunnel source 198.51.100.1\n tunnel destination 203.0.113."));
  EXPECT_THAT(config, HasSubstr(" tunnel protection ipsec profile default\nend\n"));
}

TEST_F(Shows, PoolsAndReconciliation) {
  Start();
  EXPECT_THAT(Run(0, "show ip local pool"), ContainsRegex(" FLEX +10.0.0.1 +10.0.0.254 +252 +2\n"));
  const std::string text = Run(0, "show dataplane reconcile");
  EXPECT_THAT(text, ContainsRegex("sa +4 +4 +0 +0\n"));
  EXPECT_THAT(text, ContainsRegex("peer +2 +2 +0 +0\n"));
  EXPECT_THAT(text, ContainsRegex("Changes: [1-9][0-9]* applied, 0 refused, 0 under way\n"));
  EXPECT_THAT(text, HasSubstr("Last refusal: none\n"));
  EXPECT_THAT(Run(0, "show logging"), HasSubstr("%IKEV2-5-SA_UP: Virtual-Access1 "));
}

TEST_F(Shows, NhrpTrafficBriefAndFamilies) {
  Start();
  Shortcut();
  EXPECT_THAT(Run(0, "show ip nhrp traffic"),
              ContainsRegex("Virtual-Template1: Network-id: 1, Max-send limit:none\n   Sent: Total [1-9][0-9]*\n"));
  EXPECT_THAT(Run(1, "show ip nhrp traffic"),
              ContainsRegex("^Tunnel0, Virtual-Template1: .*Rcvd: .* [1-9][0-9]* Traffic Indication"));
  EXPECT_THAT(Run(1, "show ip nhrp brief"), ContainsRegex("172.16.2.0/24 .* 203.0.113.2 +dynamic"));
  EXPECT_THAT(Run(1, "show ip nhrp detail"), HasSubstr("   Preference: 255\n"));
  EXPECT_EQ(Run(1, "show ipv6 nhrp"), "");
  EXPECT_THAT(Run(1, "show ip route flexvpn"), ContainsRegex("H +172.16.2.0/24"));
  EXPECT_THAT(Run(1, "show ipv6 route flexvpn"), Not(HasSubstr("172.16.2.0/24")));
  EXPECT_EQ(Run(1, "clear ip nhrp counters"), "NHRP counters cleared\n");
  EXPECT_THAT(Run(1, "show ip nhrp traffic"), ContainsRegex("Sent: Total 0\n.*Rcvd: Total 0\n"));
  EXPECT_THAT(Run(1, "show ip nhrp"), HasSubstr("172.16.2.0/24"));
}

TEST_F(Shows, TheNextHopServerIsTheHubOfTheTunnel) {
  Start();
  EXPECT_THAT(w_.Show(1, "show ip nhrp nhs"), HasSubstr("Legend: R=Responding, W=Waiting\nTunnel0:\n"
                                                       "10.0.255.254   R  NBMA Address: 198.51.100.1\n"));
  EXPECT_THAT(w_.Show(1, "show ip nhrp nhs detail"),
              ContainsRegex("198.51.100.1\n Network-id: 1\n Identity: hub.example.net\n Up for: 00:00:0[0-9]\n"));
  EXPECT_THAT(w_.Show(1, "show ipv6 nhrp nhs"), Not(HasSubstr("Tunnel0")));
  EXPECT_THAT(w_.Show(0, "show ip nhrp nhs"), Not(HasSubstr("NBMA"))) << "a hub has none";
  w_.Show(1, "clear crypto ikev2 session remote 198.51.100.1");
  EXPECT_THAT(w_.Show(1, "show ip nhrp nhs"), HasSubstr("unknown   W  NBMA Address: 198.51.100.1\n"));
}

TEST_F(Shows, MulticastGoesNowhereAndSaysSo) {
  Start();
  EXPECT_EQ(Run(1, "show ip nhrp multicast"),
            "  I/F     NBMA address\nTunnel0    none\nMulticast does not enter tunnels: 'show dataplane drops' counts it as tx-no-route\n");
  EXPECT_THAT(w_.Show(0, "show ip nhrp multicast"), HasSubstr("  I/F     NBMA address\nVirtual-Access1    none\n"));
}

TEST_F(Shows, ClientBlocksAreListedWithWhatIsMissing) {
  w_.Add(absl::StrCat(Hub(), R"(
crypto ikev2 client flexvpn HUBS
 peer 1 192.0.2.1 track 1 up
 peer 3 fqdn hub3.example.net dynamic
 source 1 eth0 track 1
 connect manual
 backup group 1
 client connect Tunnel7
)"),
         Ip("198.51.100.1"), *net::Prefix::Parse("172.31.255.0/24"));
  EXPECT_EQ(Run(0, "show crypto ikev2 client flexvpn HUBS"), R"(
  Profile : HUBS
  Current state:DOWN
  Peer : None
  Source : None
  ivrf : IP DEFAULT
  fvrf : IP DEFAULT
  Backup group: 1
  Tunnel interface : Tunnel7
  Connect : manual
  Configured peer : 192.0.2.1 track 1 up
  Configured peer : fqdn hub3.example.net dynamic
  Configured source : eth0 track 1
  Down because : there is no interface Tunnel7
)");
  EXPECT_THAT(w_.Show(0, "show crypto ikev2 client flexvpn OTHER"), HasSubstr("no client block is called OTHER"));
}

}  // namespace
}  // namespace flexvpn::sim
