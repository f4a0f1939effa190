// SPDX-License-Identifier: Apache-2.0
// Spokes behind something that passes TCP only (RFC 9329).
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sim/hub_and_spokes.h"
#include "sim/world.h"
#include "support/values.h"

namespace flexvpn::sim {
namespace {

// A hub that listens on TCP port 443 and two spokes; nothing but TCP passes the first one's uplink.
struct TcpOverlay {
  explicit TcpOverlay(const std::string& word, const std::string& global = "") : world({}) {
    hub = world.Add(absl::StrCat(HubText("key"), "crypto ikev2 tcp-encapsulation 443\n", global), Ip("198.51.100.1"),
                    *net::Prefix::Parse("172.16.0.0/24"));
    for (int i : {1, 2})
      spokes.push_back(world.Add(absl::StrCat(SpokeText(i, "key"), "crypto ikev2 profile FLEX\n tcp-encapsulation ", word,
                                              " 443\n", global),
                                 Ip(absl::StrCat("198.51.100.", i + 1)),
                                 *net::Prefix::Parse(absl::StrCat("172.16.", i, ".0/24"))));
    world.BlockUdp(spokes[0]);
  }
  bool Up() { return world.ComesUp(hub, 2); }
  // Of the first spoke, at `router`.
  bool InTcp(size_t router) const {
    return std::any_of(world.kernel(router).all().begin(), world.kernel(router).all().end(), [&](const auto& entry) {
      const auto* p = std::get_if<dataplane::Peer>(&entry.second);
      return p != nullptr && p->in_tcp && (router != hub || p->remote == Ip("198.51.100.2"));
    });
  }
  World world;
  size_t hub = 0;
  std::vector<size_t> spokes;
};

TEST(Tcp, ASpokeWhoseUdpIsBlockedFallsBack) {
  TcpOverlay o("fallback");
  ASSERT_TRUE(o.Up()) << o.world.violation();
  EXPECT_EQ(o.world.Lines("in UDP, trying TCP port 443"), 1u);
  EXPECT_TRUE(o.InTcp(o.spokes[0]));
  EXPECT_TRUE(o.InTcp(o.hub));
  EXPECT_FALSE(o.InTcp(o.spokes[1])) << "UDP answers there";
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.hub, 1));
  EXPECT_TRUE(o.world.Reaches(o.hub, o.spokes[0], 1));
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.spokes[1], 2));
  EXPECT_TRUE(o.world.Reaches(o.spokes[1], o.spokes[0], 2));
  o.world.RunFor(seconds(1));
  EXPECT_EQ(o.world.Lines("UDP does not pass here"), 1u);
  EXPECT_FALSE(absl::StrContains(o.world.Show(o.spokes[0], "show crypto ikev2 sa"), "IN-NEG"));
  o.world.RunFor(seconds(30));
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.spokes[1], 2)) << "nobody can call the spoke in UDP: no shortcut, and no harm";
  EXPECT_EQ(o.world.violation(), "");
  EXPECT_EQ(o.world.CheckSaPairs(), "");
}

TEST(Tcp, WithoutUdpAtAll) {
  TcpOverlay o("always");
  ASSERT_TRUE(o.Up()) << o.world.violation();
  EXPECT_TRUE(o.InTcp(o.spokes[0]));
  EXPECT_TRUE(o.InTcp(o.spokes[1]));
  EXPECT_EQ(o.world.Lines("trying TCP"), 0u);
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.spokes[1], 2));
  const std::string sas = o.world.Show(o.hub, "show crypto ikev2 sa detailed");
  EXPECT_TRUE(absl::StrContains(sas, "IKE and ESP go in TCP (RFC 9329)")) << sas;
  EXPECT_TRUE(absl::StrContains(o.world.Show(o.hub, "show crypto ipsec sa"), "TCP-Encaps"));
}

TEST(Tcp, WhenUdpPassesAgainTheSessionReturnsToItAndNothingIsLost) {
  TcpOverlay o("fallback");
  ASSERT_TRUE(o.Up()) << o.world.violation();
  o.world.RunFor(seconds(700));
  EXPECT_TRUE(o.InTcp(o.spokes[0])) << "asked in between, without an answer";
  EXPECT_EQ(o.world.Lines("SA_DOWN"), 0u);
  o.world.BlockUdp(o.spokes[0], false);
  size_t sent = 0;
  const size_t before = o.world.delivered().size();
  for (; sent < 1400; ++sent) {  // 700 s
    o.world.Ping(o.spokes[0], o.hub);
    o.world.RunFor(milliseconds(500));
  }
  o.world.RunFor(seconds(1));
  EXPECT_EQ(o.world.delivered().size(), before + sent);
  EXPECT_EQ(o.world.Lines("Tunnel0: UDP passes again"), 1u);
  EXPECT_FALSE(o.InTcp(o.spokes[0]));
  EXPECT_FALSE(o.InTcp(o.hub));
  EXPECT_EQ(o.world.PeersUp(o.spokes[0]), 1u);
  EXPECT_EQ(o.world.violation(), "");
  EXPECT_EQ(o.world.CheckSaPairs(), "");
}

class TcpBreaks : public testing::TestWithParam<const char*> {};

TEST_P(TcpBreaks, TheSessionGoesOnOverAnotherConnection) {
  TcpOverlay o("fallback", GetParam());
  ASSERT_TRUE(o.Up()) << o.world.violation();
  const size_t ups = o.world.Lines("SA_UP");
  o.world.CutTcp();
  o.world.RunFor(seconds(5));
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.hub, 1));
  EXPECT_TRUE(o.world.Reaches(o.hub, o.spokes[0], 1));
  EXPECT_EQ(o.world.Lines("SA_UP"), ups);
  EXPECT_EQ(o.world.Lines("SA_DOWN"), 0u);
  EXPECT_EQ(o.world.CheckSaPairs(), "");
  o.world.RunFor(seconds(120));
  EXPECT_EQ(o.world.Lines("SA_DOWN"), 0u);
  EXPECT_EQ(o.world.violation(), "");
}
INSTANTIATE_TEST_SUITE_P(Mobike, TcpBreaks, testing::Values("", "no crypto ikev2 mobike\n"));

TEST(Tcp, SasAreRekeyed) {
  TcpOverlay o("fallback");
  ASSERT_TRUE(o.Up()) << o.world.violation();
  for (size_t router : {o.spokes[0], o.hub})
    for (const char* what : {"ipsec", "ikev2"}) {
      const std::string show = absl::StrCat("show crypto ", what, " sa", what[1] == 'k' ? " detailed" : "");
      const auto spis = [&] {
        std::set<std::string> found;
        for (absl::string_view line : absl::StrSplit(o.world.Show(o.spokes[0], show), '\n'))
          if (absl::StrContains(line, "spi:")) found.emplace(line);
        return found;
      };
      const auto before = spis();
      o.world.Show(router, absl::StrCat("rekey crypto ", what, " sa"));
      o.world.RunFor(seconds(10));
      std::vector<std::string> kept;
      const auto after = spis();
      std::set_intersection(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(kept));
      EXPECT_TRUE(kept.empty()) << what << " by " << router << ": " << kept[0];
      EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.hub, 1));
    }
  EXPECT_EQ(o.world.violation(), "");
}

TEST(Tcp, WithoutTheListenerSessionsInTcpEndWithAWordAndOthersStay) {
  TcpOverlay o("fallback");
  ASSERT_TRUE(o.Up()) << o.world.violation();
  o.world.Configure(o.hub, config::Parse(HubText("key")).model);
  o.world.RunFor(seconds(1));
  EXPECT_EQ(o.world.Lines("SA_DOWN"), 2u) << "one session, at both ends";
  EXPECT_EQ(o.world.Lines("deleted by peer"), 1u);
  EXPECT_EQ(o.world.PeersUp(o.hub), 1u);
  o.world.RunFor(seconds(60));
  EXPECT_EQ(o.world.PeersUp(o.hub), 1u) << "nothing passes but TCP";
  o.world.BlockUdp(o.spokes[0], false);
  EXPECT_TRUE(o.Up()) << "in UDP, when its turn comes";
  EXPECT_FALSE(o.InTcp(o.spokes[0]));
  EXPECT_EQ(o.world.violation(), "");
}

TEST(Tcp, UdpAndTcpTakeTurnsUntilSomebodyAnswers) {
  TcpOverlay o("fallback");
  o.world.Kill(o.hub);
  o.world.RunFor(seconds(60));
  EXPECT_GE(o.world.Lines("in UDP, trying TCP"), 2u) << "spokes go on with both";
  o.world.Restart(o.hub);
  EXPECT_TRUE(o.Up());
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.hub, 1));
  EXPECT_EQ(o.world.violation(), "");
}

TEST(Tcp, AHubThatIsGoneIsGivenUpAndNotDialledForEver) {
  TcpOverlay o("fallback");
  ASSERT_TRUE(o.Up());
  o.world.Kill(o.hub);
  o.world.CutTcp();
  o.world.RunFor(seconds(120));
  EXPECT_GE(o.world.Lines("router 1: %IKEV2-5-SA_DOWN"), 1u);
  EXPECT_EQ(o.world.PeersUp(o.spokes[0]), 0u);
}

TEST(Tcp, AfterARestartOfTheHubWhoseUdpPassesIsInUdp) {
  TcpOverlay o("fallback");
  ASSERT_TRUE(o.Up());
  o.world.Show(o.hub, "clear crypto ikev2 sa");
  o.world.Kill(o.hub);
  o.world.CutTcp();
  o.world.RunFor(seconds(18));  // a turn of both has passed; it comes back within one of UDP
  o.world.Restart(o.hub);
  ASSERT_TRUE(o.Up());
  EXPECT_FALSE(o.InTcp(o.spokes[1]));
  EXPECT_TRUE(o.InTcp(o.spokes[0]));
}

TEST(Tcp, ARestartOfTheHubIsSurvived) {
  TcpOverlay o("fallback", "crypto ikev2 dpd 10 2 periodic\n");
  ASSERT_TRUE(o.Up());
  o.world.Kill(o.hub);
  o.world.CutTcp();
  o.world.RunFor(seconds(5));
  o.world.Restart(o.hub);
  EXPECT_TRUE(o.world.RunUntil([&] { return o.world.PeersUp(o.hub) == 2; }, seconds(120)));
  o.world.RunFor(seconds(5));
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.hub, 1));
  EXPECT_TRUE(o.InTcp(o.spokes[0]));
  EXPECT_EQ(o.world.violation(), "");
}

}  // namespace
}  // namespace flexvpn::sim
