// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"
#include "core/config/model.h"
#include "files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/values.h"
#include "unit/core_config/messages.h"

namespace flexvpn::config {
namespace {

using net::IpAddress;
using net::Prefix;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(Parse, EmptyTextGivesSmartDefaults) {
  const ParseResult r = Parse("");
  EXPECT_TRUE(r.ok());
  EXPECT_THAT(r.diagnostics, IsEmpty());
  EXPECT_EQ(r.model, DefaultModel());
}

TEST(Parse, HubExampleFillsTheModel) {
  const ParseResult r = Parse(ReadFile(FLEXVPN_SOURCE_DIR "/tests/configs/hub-psk.conf"));
  ASSERT_TRUE(r.ok());
  EXPECT_THAT(r.diagnostics, IsEmpty());
  const Model& m = r.model;
  EXPECT_EQ(m.hostname, "hub");
  EXPECT_TRUE(m.aaa_new_model);
  EXPECT_TRUE(m.aaa_authorization.at("FLEX").local);
  const KeyringPeer& peer = m.keyrings.at("SPOKES").peers.at(0);
  EXPECT_THAT(peer.addresses, ElementsAre(Prefix::Default(net::Family::kIpv4)));
  EXPECT_EQ(peer.local_key, ToSecret(AsView("hub-secret")));
  EXPECT_EQ(peer.remote_key, ToSecret(AsView("spoke-secret")));
  const IkeProfile& p = m.profiles.at("FLEX");
  ASSERT_EQ(p.match_remote.size(), 1u);
  EXPECT_EQ(p.match_remote[0].kind, IdentityKind::kFqdnDomain);
  EXPECT_EQ(p.match_remote[0].text, "example.net");
  EXPECT_EQ(p.identity_local->text, "hub.example.net");
  EXPECT_TRUE(p.local_psk && p.remote_psk);
  EXPECT_EQ(p.keyring, "SPOKES");
  EXPECT_EQ(p.dpd, (Dpd{seconds(30), seconds(5), true}));
  EXPECT_EQ(p.authorization.at("psk").policy, "SPOKES");
  EXPECT_EQ(p.virtual_template, 1u);
  const IkeProposal& proposal = m.proposals.at("STRONG");
  EXPECT_THAT(proposal.encryption, ElementsAre(EncrChoice{20, 256}));
  EXPECT_THAT(proposal.prf, ElementsAre(7));
  EXPECT_THAT(proposal.groups, ElementsAre(19, 20));
  EXPECT_EQ(m.transform_sets.at("GCM").encryption, (EncrChoice{20, 256}));
  EXPECT_TRUE(m.transform_sets.at("GCM").transport);
  const Interface& t = m.interfaces.at("Virtual-Template1");
  EXPECT_EQ(t.kind, InterfaceKind::kVirtualTemplate);
  EXPECT_EQ(t.unnumbered, "Loopback0");
  EXPECT_EQ(t.mtu, 1400);
  EXPECT_EQ(t.adjust_mss, 1360);
  EXPECT_EQ(t.nhrp.network_id, 1u);
  EXPECT_TRUE(t.nhrp.redirect);
  EXPECT_EQ(t.source_interface, "eth0");
  EXPECT_EQ(t.ipsec_profile, "FLEX");
  EXPECT_EQ(AddressOwner(m, "Virtual-Template1")->address, IpAddress::Parse("10.255.0.1"));
  EXPECT_EQ(m.pools.at("OVERLAY").last, *IpAddress::Parse("10.255.0.250"));
  EXPECT_THAT(PermittedPrefixes(m.access_lists.at("CORPORATE")),
              ElementsAre(*Prefix::Parse("10.0.0.0/8"), *Prefix::Parse("172.16.0.0/12")));
}

TEST(Parse, SpokeExampleFillsTheModel) {
  const ParseResult r = Parse(ReadFile(FLEXVPN_SOURCE_DIR "/tests/configs/spoke-psk.conf"));
  ASSERT_TRUE(r.ok());
  const Interface& t = r.model.interfaces.at("Tunnel0");
  EXPECT_TRUE(t.address_negotiated);
  EXPECT_EQ(t.destination, IpAddress::Parse("192.0.2.1"));
  EXPECT_TRUE(t.nhrp.shortcut);
  EXPECT_EQ(t.nhrp.shortcut_virtual_template, 1u);
  EXPECT_EQ(r.model.keyrings.at("HUB").peers.size(), 2u);
  EXPECT_EQ(r.model.ipsec_profiles.at("FLEX").transform_sets, std::vector<std::string>{"default"});
}

TEST(Parse, SmartDefaultsAreCompletedFromOtherObjects) {
  const ParseResult hub = Parse(ReadFile(FLEXVPN_SOURCE_DIR "/tests/configs/smart-defaults-hub.conf"));
  ASSERT_TRUE(hub.ok());
  EXPECT_EQ(hub.model.ipsec_profiles.at("default").ike_profile, "default");
  EXPECT_EQ(hub.model.interfaces.at("Virtual-Template1").source_interface, "eth0");
  EXPECT_TRUE(hub.model.authorization_policies.at("default").route_accept_any);
  const ParseResult spoke = Parse(ReadFile(FLEXVPN_SOURCE_DIR "/tests/configs/smart-defaults-spoke.conf"));
  ASSERT_TRUE(spoke.ok());
  EXPECT_EQ(spoke.model.interfaces.at("Virtual-Template1").source_interface, "eth0");
}

TEST(Parse, SloppyTextMeansWhatTheTidyOneMeans) {
  const ParseResult r = Parse(ReadFile(FLEXVPN_SOURCE_DIR "/tests/configs/sloppy.conf"));
  ASSERT_TRUE(r.ok());
  EXPECT_EQ(r.model.hostname, "sloppy");
  const Interface& t = r.model.interfaces.at("Tunnel0");
  EXPECT_EQ(t.unnumbered, "Loopback0");
  EXPECT_EQ(t.source_interface, "Ethernet0/0");
  EXPECT_EQ(t.nhrp.shortcut_virtual_template, 134u);
  EXPECT_EQ(r.model.platform_interfaces.at("Ethernet0/0"), "ens3");
  EXPECT_EQ(r.model.transform_sets.at("TS").encryption, (EncrChoice{12, 192}));
  EXPECT_EQ(r.model.transform_sets.at("TS").integrity, 2);
  EXPECT_EQ(r.model.keyrings.at("KEYS").peers.at(0).local_key, ToSecret(AsView("cisco123")));
}

TEST(Parse, EveryExampleIsAccepted) {
  ASSERT_GE(Configs().size(), 8u);
  for (const auto& path : Configs()) {
    const std::string text = ReadFile(path);
    const ParseResult r = Parse(text);
    for (const Diagnostic& d : r.diagnostics)
      EXPECT_NE(d.severity, Diagnostic::Severity::kError) << FormatDiagnostic(d, path.string(), text);
  }
}

TEST(Parse, IndentationDoesNotMatter) {
  for (const auto& path : Configs()) {
    if (path.stem() == "pasted-foreign") continue;  // bodies of foreign blocks need it
    std::string flat, deep;
    std::istringstream in(ReadFile(path));
    for (std::string line; std::getline(in, line);) {
      line.erase(0, line.find_first_not_of(" \t"));
      flat += line + "\n";
      deep += "      " + line + "   \r\n";
    }
    EXPECT_EQ(Parse(flat).model, Parse(ReadFile(path)).model) << path;
    EXPECT_EQ(Parse(deep).model, Parse(ReadFile(path)).model) << path;
  }
}

TEST(Parse, ForeignBlocksAreKeptAndReportedOnce) {
  const std::string text =
      "router bgp 1\n neighbor 10.0.0.1 remote-as 2\nip route 0.0.0.0 0.0.0.0 10.0.0.1\n"
      "ip route 10.0.0.0 255.0.0.0 10.0.0.2\ninterface eth0\n duplex auto\n ip address 10.0.0.9 255.255.255.0\n";
  const ParseResult r = Parse(text);
  EXPECT_TRUE(r.ok());
  EXPECT_THAT(r.model.foreign_lines,
              ElementsAre("router bgp 1", " neighbor 10.0.0.1 remote-as 2", "ip route 0.0.0.0 0.0.0.0 10.0.0.1",
                          "ip route 10.0.0.0 255.0.0.0 10.0.0.2", "interface eth0\n duplex auto"));
  EXPECT_THAT(Messages(r, Diagnostic::Severity::kInfo),
              ElementsAre("'router' is not used by flexvpn", "'ip route' is not used by flexvpn",
                          "'duplex' is not used by flexvpn"));
  EXPECT_EQ(r.model.interfaces.at("eth0").address, IpAddress::Parse("10.0.0.9"));
}

TEST(Parse, BodyOfAForeignBlockIsNeverOurs) {
  const ParseResult r = Parse("router eigrp 1\n interface Tunnel0\n crypto ikev2 window 7\n exit\ncrypto ikev2 window 9\n");
  EXPECT_EQ(r.model.ike.window, 9u);
  EXPECT_THAT(r.model.interfaces, IsEmpty());
}

TEST(Parse, BannerTextIsNeverACommand) {
  const ParseResult r = Parse("banner motd #\ncrypto ikev2 window 7\n#\ncrypto ikev2 window 9\n");
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(r.model.ike.window, 9u);
}

TEST(Parse, NoAndDefaultForms) {
  EXPECT_EQ(Parse("crypto ikev2 dpd 10 2 periodic\nno crypto ikev2 dpd\n").model, DefaultModel());
  EXPECT_EQ(Parse("crypto ikev2 proposal default\n group 14\n").model.proposals.at("default").groups,
            std::vector<uint16_t>{14});
  EXPECT_EQ(Parse("crypto ikev2 proposal default\n group 14\ndefault crypto ikev2 proposal default\n").model,
            DefaultModel());
  EXPECT_EQ(Parse("crypto ikev2 proposal default\n group 14\ndefault crypto ikev2 proposal\n").model, DefaultModel());
  EXPECT_EQ(Parse("no crypto ikev2 proposal default\n").model.proposals.count("default"), 0u);
  EXPECT_EQ(Parse("interface Tunnel4\nno interface tunnel 4\n").model, DefaultModel());
  EXPECT_FALSE(Parse("interface Tunnel4\n ip nhrp redirect\n no ip nhrp redirect\n").model.interfaces.at("Tunnel4").nhrp.redirect);
  EXPECT_EQ(Parse("interface Tunnel4\n ip mtu 1300\n no ip mtu 1300\n").model.interfaces.at("Tunnel4").mtu, 0);
  EXPECT_TRUE(Parse("interface Tunnel4\n shutdown\n").model.interfaces.at("Tunnel4").shutdown);
  EXPECT_FALSE(Parse("interface Tunnel4\n shutdown\n no shutdown\n").model.interfaces.at("Tunnel4").shutdown);
}

TEST(Parse, AWordWrittenOutInAnOuterModeGoesBeforeAnAbbreviation) {
  const Model m = Parse("crypto pki trustpoint T\n ca-file /ca.pem\nip local pool FLEX 10.0.0.1 10.0.0.9\n").model;
  EXPECT_EQ(m.pools.count("FLEX"), 1u);
  EXPECT_EQ(m.trustpoints.at("T").ca_file, "/ca.pem");
  EXPECT_EQ(Parse("int tun 0\n des words\n ip addr nego\n").model.interfaces.at("Tunnel0").address_negotiated, true);
}

TEST(Parse, ListsReplaceAsAWhole) {
  const Model m = Parse("crypto ikev2 proposal P\n encryption aes-cbc-128\n encryption aes-gcm-256 aes-gcm-128\n").model;
  EXPECT_THAT(m.proposals.at("P").encryption, ElementsAre(EncrChoice{20, 256}, EncrChoice{20, 128}));
}

TEST(Parse, IpsecGlobalsReachProfilesThatDoNotSayIt) {
  const Model m = Parse(
                      "crypto ipsec profile A\n set security-association lifetime seconds 500\n"
                      "crypto ipsec profile B\ncrypto ipsec security-association lifetime seconds 900\n")
                      .model;
  EXPECT_EQ(m.ipsec_profiles.at("A").lifetime, seconds(500));
  EXPECT_EQ(m.ipsec_profiles.at("B").lifetime, seconds(900));
  EXPECT_EQ(m.ipsec_profiles.at("default").lifetime, seconds(900));
}

TEST(Parse, PostQuantumKeysOfKeyringPeers) {
  auto ppk = [](const std::string& line) {
    return Parse("crypto ikev2 keyring K\n peer P\n  address 10.0.0.1\n  pre-shared-key abc\n  " + line + "\n")
        .model.keyrings.at("K")
        .peers.at(0)
        .ppk;
  };
  EXPECT_EQ(ppk("ppk manual id site-7 key quantum"), (PpkKey{"site-7", ToSecret(AsView("quantum")), false}));
  EXPECT_EQ(ppk("ppk manual id a key 0 key required"), (PpkKey{"a", ToSecret(AsView("key")), true}));
  EXPECT_EQ(ppk("ppk manual id a key hex 0x6162 required"), (PpkKey{"a", ToSecret(AsView("ab")), true}));
  EXPECT_EQ(ppk("ppk manual id a key b\n  no ppk manual id a key b"), std::nullopt);
  EXPECT_THAT(Errors("crypto ikev2 keyring K\n peer P\n  ppk dynamic S required\n"),
              testing::Contains(HasSubstr("key server")));
}

TEST(Parse, AdditionalKeyExchanges) {
  auto list = [](const std::string& lines) {
    return Parse("crypto ikev2 proposal P\n encryption aes-gcm-256\n prf sha512\n group 20\n " + lines + "\n")
        .model.proposals.at("P")
        .additional;
  };
  AdditionalKe expected{};
  expected[0] = {36, 37, 0};
  expected[6] = {19};
  EXPECT_EQ(list("additional-key-exchange 1 mlkem768 mlkem1024 none\n additional-key-exchange 7 19"), expected);
  expected[6].clear();
  EXPECT_EQ(list("additional-key-exchange 7 19\n additional-key-exchange 1 mlkem768 mlkem1024 none\n"
                 " no additional-key-exchange 7"),
            expected);
  EXPECT_EQ(list("additional-key-exchange 2 none"), AdditionalKe{});
  EXPECT_THAT(Errors("crypto ikev2 proposal P\n additional-key-exchange 1 mlkem7\n"), Not(testing::IsEmpty()));
  EXPECT_THAT(Errors("crypto ikev2 proposal P\n additional-key-exchange 1\n"),
              testing::Contains(HasSubstr("incomplete command: expected a key exchange")));
  EXPECT_THAT(Errors("crypto ikev2 proposal P\n pqc mlkem768\n"),
              testing::Contains(HasSubstr("additional-key-exchange 1 mlkem768")));
}

TEST(Parse, ChildlessInitiation) {
  auto mode = [](const std::string& line) {
    return Parse("crypto ikev2 profile P\n " + line + "\n").model.profiles.at("P").childless;
  };
  EXPECT_EQ(mode("description x"), ChildlessMode::kNever);
  EXPECT_EQ(mode("childless prefer"), ChildlessMode::kPrefer);
  EXPECT_EQ(mode("childless force"), ChildlessMode::kForce);
  EXPECT_EQ(mode("childless force\n no childless"), ChildlessMode::kNever);
}

TEST(Parse, KeysInEveryForm) {
  auto key = [](const std::string& line) {
    return Parse("crypto ikev2 keyring K\n peer P\n  " + line + "\n").model.keyrings.at("K").peers.at(0).local_key;
  };
  EXPECT_EQ(key("pre-shared-key abc"), ToSecret(AsView("abc")));
  EXPECT_EQ(key("pre-shared-key 0 abc"), ToSecret(AsView("abc")));
  EXPECT_EQ(key("pre-shared-key local 0 abc"), ToSecret(AsView("abc")));
  EXPECT_EQ(key("pre-shared-key hex 0x6162"), ToSecret(AsView("ab")));
  EXPECT_EQ(key("pre-shared-key hex 616263"), ToSecret(AsView("abc")));
  EXPECT_EQ(key("pre-shared-key 0 local"), ToSecret(AsView("local")));
  EXPECT_EQ(key("pre-shared-key hex"), ToSecret(AsView("hex")));
  EXPECT_EQ(key("pre-shared-key !abc"), ToSecret(AsView("!abc")));
  EXPECT_EQ(key("pre-shared-key abc! ! comment"), ToSecret(AsView("abc!")));
  EXPECT_EQ(key("pre-shared-key remote abc"), SecretBytes());
  EXPECT_THAT(Errors("crypto ikev2 keyring K\n peer P\n  address 10.0.0.1\n  pre-shared-key 6 abc\n"),
              testing::IsEmpty());
  EXPECT_EQ(key("pre-shared-key 6 abc"), SecretBytes());
}

// An interface name as written, and what it means.
TEST(Parse, InterfaceNames) {
  auto name = [](const char* a, const char* b = "") {
    const auto n = ParseInterfaceName(a, b);
    return n ? n->name : "?";
  };
  EXPECT_EQ(name("tunnel", "0"), "Tunnel0");
  EXPECT_EQ(name("tun0"), "Tunnel0");
  EXPECT_EQ(name("Tu7"), "Tunnel7");
  EXPECT_EQ(name("lo0"), "Loopback0");
  EXPECT_EQ(name("lo"), "lo");
  EXPECT_EQ(name("virtual-template", "134"), "Virtual-Template134");
  EXPECT_EQ(name("gi2"), "GigabitEthernet2");
  EXPECT_EQ(name("e0/0"), "Ethernet0/0");
  EXPECT_EQ(name("Ethernet0/0.100"), "Ethernet0/0.100");
  EXPECT_EQ(name("eth0"), "eth0");
  EXPECT_EQ(name("ens3"), "ens3");
  EXPECT_EQ(name("enp1s0f0.7"), "enp1s0f0.7");
  EXPECT_EQ(name("spoke1-wan"), "spoke1-wan");
  EXPECT_EQ(name("Tunnel99999999999"), "?");
  EXPECT_EQ(name("bad\"name"), "?");
}

TEST(Parse, RangesAreChecked) {
  EXPECT_THAT(Errors("crypto ikev2 window 201\n"), ElementsAre("'201': must be a number from 1 to 200"));
  EXPECT_THAT(Errors("crypto ikev2 dpd 9 2 periodic\n"), ElementsAre("'9': must be a number from 10 to 3600"));
  EXPECT_THAT(Errors("crypto ikev2 nat keepalive 99999999999999999999\n"),
              ElementsAre("'99999999999999999999': must be a number from 5 to 3600"));
  EXPECT_TRUE(Parse("crypto ikev2 window 200\n").ok());
}

TEST(Parse, LongLinesAndControlCharactersAreErrors) {
  EXPECT_THAT(Errors("hostname " + std::string(5000, 'a') + "\n"), testing::Contains(HasSubstr("line longer")));
  EXPECT_THAT(Errors(std::string("hostname a\x01\n")), ElementsAre("unprintable character"));
  EXPECT_THAT(Errors(std::string("hostname a\0b\n", 13)), ElementsAre("unprintable character"));
}

TEST(Parse, DiagnosticsAreBounded) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "nonsense\n";
  EXPECT_LT(Parse(text).diagnostics.size(), 2500u);
}

TEST(AccessList, SequenceNumbersOrderTheEntries) {
  const Model m = Parse(
                      "ip access-list standard A\n 20 permit 10.2.0.0 0.0.255.255\n 10 permit 10.1.0.0 0.0.255.255\n"
                      " 15 deny 10.3.0.0 0.0.255.255\n 30 permit 10.3.1.0 0.0.0.255\n")
                      .model;
  EXPECT_THAT(PermittedPrefixes(m.access_lists.at("A")),
              ElementsAre(*Prefix::Parse("10.1.0.0/16"), *Prefix::Parse("10.2.0.0/16")));
}

// Every command of every mode, negated and cut after each of its words: no handler relies on what is not there.
TEST(Parse, NegatedAndCutCommandsAreHarmless) {
  const std::pair<ModeId, const char*> modes[] = {
      {ModeId::kRoot, ""},
      {ModeId::kKeyring, "crypto ikev2 keyring K\n"},
      {ModeId::kKeyringPeer, "crypto ikev2 keyring K\n peer P\n"},
      {ModeId::kProposal, "crypto ikev2 proposal P\n"},
      {ModeId::kPolicy, "crypto ikev2 policy default\n"},
      {ModeId::kAuthorization, "crypto ikev2 authorization policy A\n"},
      {ModeId::kProfile, "crypto ikev2 profile P\n"},
      {ModeId::kNameMangler, "crypto ikev2 name-mangler M\n"},
      {ModeId::kClient, "crypto ikev2 client flexvpn C\n"},
      {ModeId::kCluster, "crypto ikev2 cluster\n"},
      {ModeId::kVrf, "vrf definition V\n"},
      {ModeId::kTrack, "track 1 interface eth0 line-protocol\n"},
      {ModeId::kRouteMap, "route-map R permit 10\n"},
      {ModeId::kRadiusServer, "radius server S\n"},
      {ModeId::kServerGroup, "aaa group server radius G\n"},
      {ModeId::kTrustpoint, "crypto pki trustpoint T\n"},
      {ModeId::kExtendedAccessList, "ip access-list extended E\n"},
      {ModeId::kIpv6AccessList, "ipv6 access-list E\n"},
      {ModeId::kTransformSet, "crypto ipsec transform-set T esp-gcm 256\n"},
      {ModeId::kIpsecProfile, "crypto ipsec profile P\n"},
      {ModeId::kInterface, "interface Tunnel0\n"},
      {ModeId::kAccessList, "ip access-list standard A\n"}};
  size_t tried = 0;
  for (const auto& [id, opener] : modes) {
    for (const auto& command : GetMode(id).commands) {
      std::string words;
      for (const char c : command->pattern) words += c == '[' || c == ']' || c == '{' || c == '}' || c == '|' ? ' ' : c;
      std::istringstream in(words);
      std::string line;
      for (std::string w; in >> w; ++tried) {
        line += w[0] == '<' ? " 10" : " " + w;
        for (const char* op : {"", " no", " default"}) {
          const ParseResult r = Parse(std::string(opener) + op + line + "\n");
          EXPECT_EQ(Parse(Render(r.model, true, true)).model, r.model) << op << line;
        }
      }
    }
  }
  EXPECT_GT(tried, 1000u);
  EXPECT_THAT(Errors("no interface\n"), ElementsAre("incomplete command: expected an interface"));
  EXPECT_THAT(Errors("no crypto ikev2 proposal\n"), ElementsAre("incomplete command: expected <NAME>"));
}

TEST(MatchLocal, AddressesAndInterfacesAreTwoListsThatOneNoTakesBack) {
  const std::string profile = "crypto ikev2 profile P\n match identity remote any\n authentication local pre-share key k\n"
                              " authentication remote pre-share key k\n";
  const auto parse = [&](const std::string& more) {
    const ParseResult r = Parse(profile + more);
    EXPECT_TRUE(r.ok()) << more;
    EXPECT_EQ(Parse(Render(r.model, false, true)).model, r.model) << more;
    return r.model.profiles.at("P");
  };
  const std::string all = " match address local 192.0.2.1\n match address local interface eth0\n"
                          " match address local interface eth0\n match address local interface ens3.100\n";
  EXPECT_THAT(parse(all).match_local_interfaces, ElementsAre("eth0", "ens3.100"));
  EXPECT_EQ(parse(all).inoperative, "");
  EXPECT_THAT(parse(all + " no match address local interface eth0\n").match_local_interfaces, ElementsAre("ens3.100"));
  EXPECT_THAT(parse(all + " no match address local 192.0.2.1\n").match_local_addresses, testing::IsEmpty());
  EXPECT_EQ(parse(all + " no match address local\n"), Parse(profile).model.profiles.at("P"));
}

// Linux may get a device by and by; an interface of the configuration is there or not.
TEST(MatchLocal, AnInterfaceIsOfTheConfigurationOrALinuxDevice) {
  const std::string profile = "crypto ikev2 profile P\n match identity remote any\n authentication local pre-share key k\n"
                              " authentication remote pre-share key k\n match address local interface ";
  EXPECT_THAT(Errors(profile + "wan7\n"), testing::IsEmpty());
  EXPECT_THAT(Errors(profile + "Loopback5\n"), testing::Contains(HasSubstr("Loopback5")));
  EXPECT_THAT(Errors(profile + "Loopback5\ninterface Loopback5\n ip address 192.0.2.1 255.255.255.255\n"), testing::IsEmpty());
  EXPECT_THAT(Errors(profile + "GigabitEthernet1\n"), testing::Contains(HasSubstr("GigabitEthernet1")));
  EXPECT_THAT(Errors("platform interface GigabitEthernet1 linux eth0\n" + profile + "GigabitEthernet1\n"), testing::IsEmpty());
}

// Everything IOS has and we do not must be said at its line, and where ignoring it would change what is protected or who
// may enter, its object is not used.
TEST(Kept, LinesThatWouldWeakenAProfileMakeItInoperative) {
  const std::string profile = "crypto ikev2 profile P\n match identity remote any\n authentication local pre-share key k\n"
                              " authentication remote pre-share key k\n";
  EXPECT_EQ(Parse(profile).model.profiles.at("P").inoperative, "");
  for (const char* line : {"authentication local dynamic", "authentication remote eap", "keyring aaa L", "ivrf RED",
                           "aaa authorization user psk cached", "authentication remote anyconnect-eap aggregate",
                           "authentication remote pre-share key 6 ABC"}) {
    const ParseResult r = Parse(profile + " " + line + "\n");
    EXPECT_TRUE(r.ok()) << line;
    EXPECT_NE(r.model.profiles.at("P").inoperative, "") << line;
    EXPECT_THAT(Messages(r, Diagnostic::Severity::kWarning), testing::Contains(HasSubstr("is inoperative: no peer matches it"))) << line;
    const std::string back = Render(r.model, false, true);
    EXPECT_THAT(back, HasSubstr(std::string(" ") + line + "\n"));
    EXPECT_EQ(Parse(profile + " " + line + "\n no " + line + "\n").model, Parse(profile).model) << line;
  }
}

TEST(Kept, LinesThatWouldWeakenATunnelShutIt) {
  const std::string tunnel = "crypto ikev2 profile P\n match identity remote any\n authentication local pre-share key k\n"
                             " authentication remote pre-share key k\ncrypto ipsec profile P\n set ikev2-profile P\n"
                             "interface Tunnel0\n ip address 10.0.0.1 255.255.255.0\n tunnel source eth0\n"
                             " tunnel destination 192.0.2.1\n tunnel protection ipsec profile P\n";
  EXPECT_EQ(Parse(tunnel).model.interfaces.at("Tunnel0").inoperative, "");
  for (const char* line : {"vrf forwarding RED", "ip access-group 101 in", "tunnel mode gre multipoint",
                           "tunnel destination dynamic", "tunnel source dynamic", "tunnel mode ipsec dual-overlay",
                           "no tunnel protection ipsec profile", "tunnel mode ipip",
                           "tunnel mode ipsec ipv4"}) {
    const ParseResult r = Parse(tunnel + " " + line + "\n");
    EXPECT_TRUE(r.ok()) << line;
    EXPECT_NE(r.model.interfaces.at("Tunnel0").inoperative, "") << line;
    EXPECT_THAT(Messages(r, Diagnostic::Severity::kWarning), testing::Contains(HasSubstr("stays shut"))) << line;
  }
}

// A spoke whose uplink is in VRF OUTSIDE.
const char kFrontDoor[] =
    "vrf definition OUTSIDE\n description uplink\n rd 1:1\n address-family ipv4\n  route-target export 1:1\n"
    "crypto ikev2 policy V\n match fvrf OUTSIDE\n proposal default\n"
    "crypto ikev2 profile P\n match fvrf OUTSIDE\n match identity remote any\n"
    " authentication local pre-share key k\n authentication remote pre-share key k\n"
    "crypto ipsec profile P\n set ikev2-profile P\ninterface eth0\n"
    "interface Tunnel0\n ip address 10.0.0.1 255.255.255.0\n tunnel source eth0\n tunnel destination 192.0.2.1\n"
    " tunnel vrf OUTSIDE\n tunnel protection ipsec profile P\n";

TEST(Vrf, FrontDoorIsReadAndShownAgain) {
  const ParseResult r = Parse(kFrontDoor);
  EXPECT_THAT(r.diagnostics, testing::IsEmpty());
  EXPECT_EQ(r.model.vrfs.at("OUTSIDE").description, "uplink");
  EXPECT_EQ(r.model.policies.at("V").match_fvrf, "OUTSIDE");
  EXPECT_EQ(r.model.profiles.at("P").match_fvrf, "OUTSIDE");
  EXPECT_EQ(r.model.profiles.at("P").inoperative, "");
  EXPECT_EQ(r.model.interfaces.at("Tunnel0").tunnel_vrf, "OUTSIDE");
  EXPECT_EQ(r.model.interfaces.at("Tunnel0").inoperative, "");
  EXPECT_THAT(FrontDoorVrfs(r.model), ElementsAre("OUTSIDE"));
  EXPECT_THAT(Render(r.model, false, true),
              HasSubstr("vrf definition OUTSIDE\n description uplink\n rd 1:1\n address-family ipv4\n"
                        "  route-target export 1:1\n  exit\n!\n"));
  EXPECT_THAT(FrontDoorVrfs(Parse(std::string(kFrontDoor) + " shutdown\n").model), testing::IsEmpty());
  EXPECT_EQ(Parse(std::string(kFrontDoor) + " no tunnel vrf\n").model.interfaces.at("Tunnel0").tunnel_vrf, "");
  EXPECT_EQ(Parse("ip vrf OLD\n rd 1:1\n").model, Parse("vrf definition OLD\n rd 1:1\n").model);
}

TEST(Vrf, NamesThatLeadNowhereAreErrorsWithTheNearestOne) {
  const ParseResult r = Parse("vrf definition INSIDE\n" + std::string(kFrontDoor) + " tunnel vrf OUTSIDE2\n");
  ASSERT_THAT(Messages(r, Diagnostic::Severity::kError),
              ElementsAre("interface Tunnel0 names vrf definition 'OUTSIDE2', which is not configured"));
  const auto error = std::find_if(r.diagnostics.begin(), r.diagnostics.end(),
                                  [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::kError; });
  EXPECT_EQ(error->where.line, 24);
  EXPECT_EQ(error->hint, "did you mean 'OUTSIDE'?");
  EXPECT_THAT(Errors(std::string(kFrontDoor) + "no vrf definition OUTSIDE\n"),
              ElementsAre("crypto ikev2 policy 'V' names vrf definition 'OUTSIDE', which is not configured",
                          "crypto ikev2 profile 'P' names vrf definition 'OUTSIDE', which is not configured",
                          "interface Tunnel0 names vrf definition 'OUTSIDE', which is not configured"));
}

TEST(Vrf, WhatLinuxCannotDoIsSaidWithBothPlaces) {
  EXPECT_THAT(Errors("vrf definition A-NAME-TOO-LONG-FOR-LINUX\n" + std::string(kFrontDoor) +
                     " tunnel vrf A-NAME-TOO-LONG-FOR-LINUX\n"),
              ElementsAre("vrf definition 'A-NAME-TOO-LONG-FOR-LINUX', which interface Tunnel0 (line 24) uses, is no name that "
                          "a Linux VRF device can have"));
  // Nobody could call a tunnel whose profile is for another VRF.
  const ParseResult other = Parse(std::string(kFrontDoor) + " no tunnel vrf\n");
  EXPECT_THAT(Messages(other, Diagnostic::Severity::kWarning),
              ElementsAre("interface Tunnel0 has its outer packets in the global VRF, but crypto ikev2 profile 'P' (line 9) is for "
                          "peers in VRF 'OUTSIDE': no peer can call it"));
  // What is over IPv6 or has a source elsewhere stays shut.
  const Model v6 = Parse(std::string(kFrontDoor) + " tunnel mode gre ipv6\n tunnel destination 2001:db8::1\n").model;
  EXPECT_THAT(v6.interfaces.at("Tunnel0").inoperative, HasSubstr("over IPv4 only"));
  const Model loopback = Parse(std::string(kFrontDoor) + " tunnel source Loopback0\ninterface Loopback0\n"
                                                         " ip address 10.9.9.9 255.255.255.255\n").model;
  EXPECT_THAT(loopback.interfaces.at("Tunnel0").inoperative, HasSubstr("in the global VRF"));
}

TEST(Client, BlocksThatConnectNothingSaySo) {
  const auto warnings = [](const std::string& block, const std::string& tunnel = "") {
    return Messages(Parse(absl::StrCat("crypto ikev2 client flexvpn X\n peer 1 192.0.2.1\n", block, tunnel)),
                    Diagnostic::Severity::kWarning);
  };
  EXPECT_THAT(warnings(""), ElementsAre("crypto ikev2 client flexvpn 'X' connects no tunnel"));
  EXPECT_THAT(warnings(" client connect Tunnel 0\n"), ElementsAre(HasSubstr("connects Tunnel0, which is not configured")));
  EXPECT_THAT(warnings(" client connect Tunnel0\n", "interface Tunnel0\n tunnel destination 192.0.2.1\n"),
              Contains(HasSubstr("connects Tunnel0, which has no 'tunnel destination dynamic'")));
}

TEST(Client, HubsAreInOrderAndOfTheTunnelsFamily) {
  const ParseResult r = Parse("crypto ikev2 client flexvpn X\n peer 20 192.0.2.2\n peer 3 2001:db8::1\n peer 7 192.0.2.1\n"
                              " connect manual\n client connect Tunnel0\ninterface Tunnel0\n tunnel source eth0\n"
                              " tunnel destination dynamic\n");
  const Interface& i = r.model.interfaces.at("Tunnel0");
  EXPECT_THAT(i.client.hubs, ElementsAre(Hub{*net::IpAddress::Parse("192.0.2.1")}, Hub{*net::IpAddress::Parse("192.0.2.2")}));
  EXPECT_EQ(i.client.name, "X");
  EXPECT_TRUE(i.client.manual);
  EXPECT_TRUE(i.Calls(*net::IpAddress::Parse("192.0.2.2")));
  EXPECT_FALSE(i.Calls(*net::IpAddress::Parse("2001:db8::1")));
}

TEST(Client, HubsMayHaveNames) {
  const auto hubs = [](const std::string& block, const std::string& mode = "") {
    const ParseResult r = Parse(absl::StrCat("crypto ikev2 client flexvpn X\n", block, " client connect Tunnel0\ninterface Tunnel0\n",
                                             " tunnel source eth0\n tunnel destination dynamic\n", mode));
    return r.model.interfaces.at("Tunnel0").Hubs();
  };
  const std::string names = " peer 9 fqdn b.example.net\n peer 2 fqdn a.example.net dynamic\n peer 5 fqdn c.example.net dynamic ipv6\n";
  EXPECT_THAT(hubs(names), ElementsAre(Hub{{}, "a.example.net"}, Hub{{}, "b.example.net"}));
  EXPECT_THAT(hubs(names, " tunnel mode gre ipv6\n"), ElementsAre(Hub{{}, "c.example.net"}));
  EXPECT_THAT(hubs(" peer 1 fqdn a.example.net track 7 up\n"), ElementsAre(Hub{{}, "a.example.net"}));
}

TEST(Client, TheDestinationMayHaveAName) {
  const ParseResult r = Parse(
      "interface Tunnel0\n tunnel source eth0\n tunnel destination hub.example.net\n tunnel protection ipsec profile default\n"
      "interface Tunnel1\n tunnel source eth0\n tunnel destination hub.example.net\n tunnel protection ipsec profile default\n");
  EXPECT_THAT(r.model.interfaces.at("Tunnel0").Hubs(), ElementsAre(Hub{{}, "hub.example.net"}));
  EXPECT_THAT(Messages(r, Diagnostic::Severity::kError),
              Contains(HasSubstr("Tunnel1 has the same source, destination and key as Tunnel0")));
}

TEST(Kept, WeakAlgorithmsAreNeverOffered) {
  const ParseResult r = Parse("crypto ikev2 proposal P\n encryption des aes-cbc-256\n integrity sha512\n group 24 19\n"
                              "crypto ikev2 policy P\n proposal P\n"
                              "crypto ipsec transform-set A ah-sha-hmac esp-aes\n");
  EXPECT_TRUE(r.ok());
  EXPECT_THAT(r.model.proposals.at("P").encryption, ElementsAre(EncrChoice{12, 256}));
  EXPECT_THAT(r.model.proposals.at("P").refused, ElementsAre("encryption des", "group 24"));
  EXPECT_FALSE(r.model.transform_sets.at("A").usable());
}

TEST(Kept, OneWarningALine) {
  for (const char* text : {"crypto ikev2 name-mangler X\n fqdn domain\n",
                           "crypto ikev2 cluster\n port 2000\n", "crypto ipsec df-bit clear\n", "crypto ikev2 cts sgt\n"})
    EXPECT_THAT(Messages(Parse(text), Diagnostic::Severity::kWarning), ElementsAre(HasSubstr("accepted, but this version does not")))
        << text;
}

TEST(Kept, NoNamesALineByItsFirstWords) {
  const std::string text = "username bob privilege 15 secret 9 abc\n";
  EXPECT_EQ(Parse(text).model.kept.size(), 1u);
  EXPECT_EQ(Parse(text + "no username bob\n").model, DefaultModel());
  EXPECT_EQ(Parse("ip local pool P 10.0.0.1 10.0.0.2\nno ip local pool P\n").model, DefaultModel());
}

TEST(Defaults, Ios15IsTheSetOfThatRelease) {
  for (const char* text : {"platform defaults ios-15\n", "crypto ikev2 window 7\nplatform defaults ios-15\nno crypto ikev2 window\n"}) {
    const Model m = Parse(text).model;
    EXPECT_EQ(m, DefaultModel(DefaultSet::kIos15));
    EXPECT_THAT(m.proposals.at("default").encryption, ElementsAre(EncrChoice{12, 256}, EncrChoice{12, 192}, EncrChoice{12, 128}));
    EXPECT_THAT(m.proposals.at("default").integrity, ElementsAre(14, 13, 12, 2, 1));
    EXPECT_THAT(m.proposals.at("default").groups, ElementsAre(5, 2));
    EXPECT_EQ(m.transform_sets.at("default").encryption, (EncrChoice{12, 128}));
    EXPECT_EQ(m.transform_sets.at("default").integrity, 2);
  }
  EXPECT_EQ(Parse("crypto ikev2 proposal default\n group 14\nplatform defaults ios-15\n").model.proposals.at("default").integrity.size(), 5u);
  EXPECT_EQ(Parse("platform defaults ios-15\nno platform defaults ios-15\n").model, DefaultModel());
}

TEST(ParseOnto, AppliesLinesToAModel) {
  const std::string text = "crypto ikev2 keyring K\n peer A\n  address 192.0.2.1\n  pre-shared-key old\n";
  const Model base = Parse(text).model;
  const ParseResult r = ParseOnto(base, "crypto ikev2 keyring K\n peer A\n  pre-shared-key new\n peer B\n  address 192.0.2.2\n  pre-shared-key b\n");
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(r.model, Parse(text + "  pre-shared-key new\n peer B\n  address 192.0.2.2\n  pre-shared-key b\n").model);
}

TEST(Parse, FragmentationAndMobikeAreOnUnlessTakenAway) {
  const auto mtu = [](const std::string& text) { return Parse(text).model.ike.fragmentation_mtu; };
  EXPECT_EQ(mtu(""), 1280);
  EXPECT_EQ(mtu("crypto ikev2 fragmentation mtu 576\n"), 576);
  EXPECT_EQ(mtu("no crypto ikev2 fragmentation\n"), 0);
  EXPECT_EQ(mtu("no crypto ikev2 fragmentation\ncrypto ikev2 fragmentation\n"), 1280);
  EXPECT_EQ(mtu("crypto ikev2 fragmentation mtu 576\ndefault crypto ikev2 fragmentation\n"), 1280);
  EXPECT_THAT(Errors("crypto ikev2 fragmentation mtu 67\n"), testing::SizeIs(1));
  EXPECT_TRUE(Parse("").model.ike.mobike);
  EXPECT_FALSE(Parse("no crypto ikev2 mobike\n").model.ike.mobike);
  EXPECT_TRUE(Parse("no crypto ikev2 mobike\ndefault crypto ikev2 mobike\n").model.ike.mobike);
}

TEST(Parse, AdditionalAddressesAreAFewAndSingle) {
  const std::string line = "crypto ikev2 mobike additional-address ";
  const auto list = [](const std::string& text) { return Parse(text).model.ike.mobike_addresses; };
  const IpAddress a = *IpAddress::Parse("198.51.100.1"), b = *IpAddress::Parse("2001:db8::1");
  EXPECT_THAT(list(line + "198.51.100.1\n" + line + "2001:db8::1\n" + line + "198.51.100.1\n"), ElementsAre(a, b));
  EXPECT_THAT(list(line + "198.51.100.1\n" + line + "2001:db8::1\nno " + line + "198.51.100.1\n"), ElementsAre(b));
  std::string many;
  for (int i = 1; i <= 9; ++i) many += line + "198.51.100." + std::to_string(i) + "\n";
  EXPECT_THAT(Errors(many), ElementsAre(HasSubstr("at most 8")));
}

TEST(Ipv6Addresses, OfPoolsPoliciesAndInterfaces) {
  const ParseResult r = Parse(R"(ipv6 local pool HOSTS 2001:db8:1::/64 128
ipv6 local pool SITES 2001:db8:ff00::/40 56
crypto ikev2 authorization policy default
 ipv6 pool HOSTS
 ipv6 prefix 64
interface Loopback0
 ip address 10.0.0.1 255.255.255.255
 ipv6 address 2001:db8:ff::1/128
 ipv6 address 2001:db8:fe::1/64
 ipv6 enable
interface Tunnel0
 ipv6 address negotiated
interface Virtual-Template1 type tunnel
 ip unnumbered Loopback0
interface Virtual-Template2 type tunnel
 ip unnumbered Loopback0
 ipv6 unnumbered Tunnel0
)");
  EXPECT_THAT(Messages(r, Diagnostic::Severity::kError), testing::IsEmpty());
  const Model& m = r.model;
  EXPECT_EQ(m.ipv6_pools.at("HOSTS").first, Ip("2001:db8:1::1")) << "the first is that of the subnet's routers";
  EXPECT_EQ(m.ipv6_pools.at("HOSTS").last, Ip("2001:db8:1:0:ffff:ffff:ffff:ffff"));
  EXPECT_EQ(m.ipv6_pools.at("SITES").first, Ip("2001:db8:ff00::"));
  EXPECT_EQ(m.ipv6_pools.at("SITES").last, Ip("2001:db8:ffff:ff00::"));
  EXPECT_EQ(m.ipv6_pools.at("SITES").length, 56);
  EXPECT_EQ(m.authorization_policies.at("default").ipv6_pool, "HOSTS");
  EXPECT_EQ(m.authorization_policies.at("default").ipv6_length, 64);
  EXPECT_EQ(m.interfaces.at("Loopback0").ipv6_addresses, (std::vector<Ipv6Address>{{Ip("2001:db8:ff::1"), 128}, {Ip("2001:db8:fe::1"), 64}}));
  EXPECT_EQ(Ipv6AddressOwner(m, "Virtual-Template1")->name, "Loopback0");
  EXPECT_EQ(Ipv6AddressOwner(m, "Virtual-Template2")->name, "Tunnel0");
  const Model less = ParseOnto(m, "interface Loopback0\n no ipv6 address 2001:db8:ff::1/128\nno ipv6 local pool SITES\n"
                                  "crypto ikev2 authorization policy default\n no ipv6 pool\n no ipv6 prefix\n").model;
  EXPECT_EQ(less.interfaces.at("Loopback0").ipv6_addresses, (std::vector<Ipv6Address>{{Ip("2001:db8:fe::1"), 64}}));
  EXPECT_EQ(less.ipv6_pools.size(), 1u);
  EXPECT_EQ(less.authorization_policies.at("default").ipv6_pool, "");
}

TEST(Parse, Ipv6AddressesComeAndGoOneByOne) {
  const Model m = Parse("interface Tunnel0\n ipv6 address 2001:db8::1/64\n ipv6 address 2001:db8::2/64\n ipv6 address negotiated\n").model;
  const auto after = [&](const std::string& lines) {
    return ParseOnto(m, absl::StrCat("interface Tunnel0\n", lines)).model.interfaces.at("Tunnel0");
  };
  const Ipv6Address one{Ip("2001:db8::1"), 64}, two{Ip("2001:db8::2"), 64};
  EXPECT_EQ(after(" no ipv6 address 2001:db8::1/64\n").ipv6_addresses, (std::vector<Ipv6Address>{two}));
  EXPECT_TRUE(after(" no ipv6 address 2001:db8::1/64\n").ipv6_negotiated);
  EXPECT_EQ(after(" no ipv6 address negotiated\n").ipv6_addresses, (std::vector<Ipv6Address>{one, two}));
  EXPECT_FALSE(after(" no ipv6 address negotiated\n").ipv6_negotiated);
  EXPECT_EQ(after(" ipv6 address 2001:db8::1/64\n").ipv6_addresses, (std::vector<Ipv6Address>{one, two})) << "in their order";
  EXPECT_TRUE(after(" ipv6 unnumbered Loopback0\n").ipv6_addresses.empty());
}

TEST(Parse, APoolThatOthersShareIsAPool) {
  const ParseResult r = Parse("ipv6 local pool P 2001:db8::/48 64 shared\nipv6 local pool Q 2001:db8:1::/48 64 cache-size 100\n"
                              "interface Tunnel0\n ipv6 address PROVIDER ::1:0:0:0:1/64\n");
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(r.model.ipv6_pools.at("P").length, 64);
  const std::string text = Render(r.model, false, true);
  for (const char* line : {"\nipv6 local pool P 2001:db8::/48 64 shared\n", "\nipv6 local pool Q 2001:db8:1::/48 64 cache-size 100\n",
                           "\n ipv6 address PROVIDER ::1:0:0:0:1/64\n"})
    EXPECT_TRUE(absl::StrContains(text, line)) << text;
}

}  // namespace
}  // namespace flexvpn::config
