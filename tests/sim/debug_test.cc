// SPDX-License-Identifier: Apache-2.0
// `debug …` and `show crypto ikev2 performance` while an overlay comes up.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hub_and_spokes.h"
#include "support/values.h"
#include "world.h"

namespace flexvpn::sim {
namespace {

using testing::ContainsRegex;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kKey[] = "the-key-nobody-may-see";

constexpr char kNhrpPassword[] = " ip nhrp authentication nhrppass\n";

class Debugging : public testing::Test {
 protected:
  void Add() {
    w_.Add(HubText(kKey, kNhrpPassword), Ip("198.51.100.1"), *net::Prefix::Parse("172.31.255.0/24"));
    for (int i : {1, 2})
      w_.Add(SpokeText(i, kKey, kNhrpPassword), Ip(absl::StrCat("203.0.113.", i)),
             *net::Prefix::Parse(absl::StrCat("172.16.", i, ".0/24")));
  }
  void Up() {
    const auto up = [&] { return w_.PeersUp(0) == 2 && w_.PeersUp(1) == 1 && w_.PeersUp(2) == 1; };
    ASSERT_TRUE(w_.RunUntil(up, seconds(10))) << w_.violation();
  }
  void Shortcut() {
    const auto direct = [&] {
      w_.Ping(1, 2);
      w_.RunFor(milliseconds(500));
      return w_.HasShortcut(1, 2);
    };
    ASSERT_TRUE(w_.RunUntil(direct, seconds(10))) << w_.violation();
  }
  std::string Lines(size_t router) const { return absl::StrJoin(w_.DebugLines(router), "\n"); }
  World w_{{.seed = 7}};
};

TEST_F(Debugging, TellsOfNegotiationsMessagesAndSteps) {
  Add();
  for (const char* what : {"", " packet", " internal"})
    w_.Show(0, absl::StrCat("debug crypto ikev2", what), 5);
  Up();
  const std::string lines = Lines(0);
  EXPECT_THAT(lines, HasSubstr("IKEv2: called by 203.0.113.1:500, at 198.51.100.1:500"));
  EXPECT_THAT(
      lines,
      ContainsRegex(
          "IKEv2-PAK: Received 203.0.113.1:500 > 198.51.100.1:500 IKE_SA_INIT request 0 i [0-9a-f]+/0+: "
          "SA\\(1 IKE ENCR_AES_GCM_16/256 [^)]*\\), KE\\(KE_ECP_256 64 octets\\), Nonce\\(32 octets\\)"));
  EXPECT_THAT(
      lines,
      ContainsRegex("IKEv2-PAK: Received .* IKE_AUTH request 1 i .*: IDi\\(ID_FQDN spoke1.example.net\\)"));
  EXPECT_THAT(lines, ContainsRegex("IKEv2-PAK: Sent 198.51.100.1:500 > .* IKE_AUTH response 1 r "));
  EXPECT_THAT(lines, HasSubstr("IKE_AUTH request 1: peer authenticates, choosing profile and Child SA"));
  EXPECT_THAT(lines, ContainsRegex("IKEv2: session [0-9]+ 203.0.113.1:4500: up: peer spoke1.example.net, "
                                   "profile FLEX, called by the peer"));
  EXPECT_THAT(
      lines,
      ContainsRegex(
          "IKEv2: session [0-9]+ 203.0.113.2:4500: Child SA up: SPI in 0x[0-9a-f]{8} out 0x[0-9a-f]{8}"));
}

TEST_F(Debugging, OfNhrpShowsPacketsAndShortcuts) {
  Add();
  Up();
  w_.Show(1, "debug nhrp", 5);
  w_.Show(1, "debug nhrp packet", 5);
  Shortcut();
  const std::string lines = Lines(1);
  EXPECT_THAT(
      lines,
      HasSubstr("NHRP-PAK: Received from Tunnel0 (198.51.100.1, 10.0.255.254): Traffic Indication code 0"));
  EXPECT_THAT(lines, ContainsRegex("NHRP-PAK: Sent to Tunnel0 .*: Resolution Request [0-9]+, hops [0-9]+, .* "
                                   "authentication [0-9]+ octets"));
  EXPECT_THAT(lines, ContainsRegex("NHRP: shortcut 172.16.2.0/24 via 10.0.0.[0-9]+ over Virtual-Access"));
}

TEST_F(Debugging, NeverShowsAKeyOrAuthenticationData) {
  Add();
  for (size_t router : {0u, 1u})
    for (const char* what : {"crypto ikev2", "crypto ikev2 packet", "crypto ikev2 internal",
                             "crypto ikev2 error", "nhrp", "nhrp packet"})
      w_.Show(router, absl::StrCat("debug ", what), 5);
  Up();
  Shortcut();
  for (size_t router : {0u, 1u}) {
    ASSERT_GT(w_.DebugLines(router).size(), 10u);
    for (const std::string& line : w_.DebugLines(router)) {
      for (const char* secret : {kKey, "nhrppass"}) {
        EXPECT_THAT(line, Not(HasSubstr(secret)));
        EXPECT_THAT(line, Not(HasSubstr(ToHex(AsView(secret)))));
      }
      // Nothing as long as a key or an AUTH value: SPIs are the longest hexadecimal numbers.
      EXPECT_THAT(line, Not(ContainsRegex("[0-9a-f]{20}"))) << line;
    }
  }
}

TEST_F(Debugging, AConditionLetsOnePeerThrough) {
  Add();
  w_.Show(0, "debug crypto condition peer ipv4 203.0.113.2", 5);
  w_.Show(0, "debug crypto ikev2 packet", 5);
  Up();
  EXPECT_THAT(w_.DebugLines(0), Not(IsEmpty()));
  EXPECT_THAT(w_.DebugLines(0), Each(HasSubstr("203.0.113.2")));
}

TEST_F(Debugging, AConditionHoldsForNhrpToo) {
  Add();
  Up();
  w_.Show(0, "debug crypto condition peer ipv4 203.0.113.2", 5);
  w_.Show(0, "debug nhrp packet", 5);
  w_.Show(0, "debug nhrp", 5);
  Shortcut();
  EXPECT_THAT(Lines(0), HasSubstr("(203.0.113.2, "));
  EXPECT_THAT(Lines(0), Not(HasSubstr("(203.0.113.1, ")));
}

TEST_F(Debugging, AProfileIsKnownFromItsChoiceOn) {
  Add();
  w_.Show(0, "debug crypto condition ikev2 profile FLEX", 5);
  w_.Show(0, "debug crypto ikev2 packet", 5);
  w_.Show(0, "debug crypto ikev2", 5);
  w_.Show(0, "debug crypto condition ikev2 profile OTHER", 6);
  w_.Show(0, "debug crypto condition unmatched", 6);
  w_.Show(0, "debug crypto ikev2 internal", 6);
  Up();
  EXPECT_THAT(Lines(0), ContainsRegex("Sent .* IKE_AUTH response 1"));
  EXPECT_THAT(Lines(0), Not(HasSubstr("IKE_SA_INIT")));
  EXPECT_THAT(Lines(0), HasSubstr("IKEv2-INTERNAL: session"));  // `unmatched`: the profile is not known yet
}

TEST_F(Debugging, IsOffWithoutAWordAfterUndebugAndAfterTheSessionsEnd) {
  Add();
  Up();
  EXPECT_THAT(w_.DebugLines(0), IsEmpty());
  w_.Show(0, "debug crypto ikev2 packet", 5);
  w_.Show(0, "no debug crypto ikev2 packet", 5);
  w_.Show(0, "rekey crypto ikev2 sa");
  w_.RunFor(seconds(2));
  EXPECT_THAT(w_.DebugLines(0), IsEmpty());
  EXPECT_THAT(w_.Show(0, "show debugging"), HasSubstr("No debugging is on"));
}

TEST_F(Debugging, PerformanceCountsWhatHappenedInEachSecond) {
  Add();
  EXPECT_THAT(w_.Show(0, "show crypto ikev2 performance"),
              HasSubstr("Incoming IKE Packets             0          0          0          0"));
  Up();
  w_.RunFor(seconds(2));
  w_.Show(0, "rekey crypto ikev2 sa");
  w_.RunFor(seconds(3));
  const std::string hub = w_.Show(0, "show crypto ikev2 performance");
  EXPECT_THAT(hub, HasSubstr("Ingress:                SampleSize    tps/avg        min        max\n"
                             "IKE Established                  1          2          2          2\n"
                             "IPSEC Child Established          1          2          2          2\n"
                             "IKE Child Established            0          0          0          0\n"));
  EXPECT_THAT(
      hub,
      HasSubstr(
          "IKE Child Established            1          2          2          2\n\nCrypto ISAKMP Packet"));
  EXPECT_THAT(hub, ContainsRegex("-Init  +1 +2 +2 +2\n-Auth  +1 +2 +2 +2\n-Child  +1 +2 +2 +2\n"));
  w_.Show(0, "clear crypto ikev2 stats");
  EXPECT_THAT(w_.Show(0, "show crypto ikev2 performance"), ContainsRegex("IKE Established  +0 +0 +0 +0"));
}

}  // namespace
}  // namespace flexvpn::sim
