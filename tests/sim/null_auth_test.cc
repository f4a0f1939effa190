// SPDX-License-Identifier: Apache-2.0
// A hub that proves itself and lets everybody in, and spokes that say nothing of themselves (RFC 7619).
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "sim/hub_and_spokes.h"
#include "sim/world.h"
#include "support/values.h"

namespace flexvpn::sim {
namespace {

std::string OpenHub() {
  return absl::StrReplaceAll(HubText("key"), {{"match identity remote fqdn domain example.net", "match identity remote null"},
                                              {"authentication remote pre-share", "authentication remote null"},
                                              {"group psk list", "group null list"}});
}
// Without shortcuts: spokes do not let each other in.
std::string Stranger(int i) {
  return absl::StrReplaceAll(SpokeText(i, "key"),
                             {{absl::StrCat(" identity local fqdn spoke", i, ".example.net\n"), ""},
                              {"authentication local pre-share", "authentication local null"},
                              {" ip nhrp shortcut virtual-template 1\n", ""}});
}

struct StrangerOverlay {
  StrangerOverlay() : world({}) {
    hub = world.Add(OpenHub(), Ip("198.51.100.1"), *net::Prefix::Parse("172.31.0.0/24"));
    for (int i : {1, 2})
      spokes.push_back(world.Add(Stranger(i), Ip(absl::StrCat("203.0.113.", i)),
                                 *net::Prefix::Parse(absl::StrCat("172.16.", i, ".0/24"))));
  }
  World world;
  size_t hub = 0;
  std::vector<size_t> spokes;
};

TEST(NullAuth, StrangersAreApartAndEachHasAnAddressOfItsOwn) {
  StrangerOverlay o;
  ASSERT_TRUE(o.world.ComesUp(o.hub, 2)) << o.world.violation();
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.hub, 1));
  EXPECT_TRUE(o.world.Reaches(o.spokes[0], o.spokes[1], 2));
  const std::string sas = o.world.Show(o.hub, "show crypto ikev2 sa detailed");
  EXPECT_TRUE(absl::StrContains(sas, "Auth verify: NULL")) << sas;
  EXPECT_TRUE(absl::StrContains(sas, "Auth sign: PSK")) << sas;
  for (const char* address : {"10.0.0.1", "10.0.0.2"}) EXPECT_TRUE(absl::StrContains(sas, address)) << sas;
  EXPECT_EQ(o.world.Lines("(null) profile FLEX, the peer is not authenticated"), 2u);
  EXPECT_EQ(o.world.violation(), "");
  EXPECT_EQ(o.world.CheckSaPairs(), "");
}

TEST(NullAuth, OneThatComesAnewTakesNothingFromAnother) {
  StrangerOverlay o;
  ASSERT_TRUE(o.world.ComesUp(o.hub, 2));
  o.world.Kill(o.spokes[0]);
  o.world.Restart(o.spokes[0]);
  ASSERT_TRUE(o.world.RunUntil([&] { return o.world.PeersUp(o.spokes[0]) == 1; }, seconds(60)));
  o.world.RunFor(seconds(5));
  EXPECT_EQ(o.world.Lines("INITIAL_CONTACT"), 0u);
  EXPECT_TRUE(o.world.Reaches(o.spokes[1], o.hub, 1));
  EXPECT_EQ(o.world.violation(), "");
}

TEST(NullAuth, AHubThatExpectsProofLetsNobodyIn) {
  World world({});
  const size_t hub = world.Add(HubText("key"), Ip("198.51.100.1"), *net::Prefix::Parse("172.31.0.0/24"));
  world.Add(Stranger(1), Ip("203.0.113.1"), *net::Prefix::Parse("172.16.1.0/24"));
  world.RunFor(seconds(30));
  EXPECT_EQ(world.PeersUp(hub), 0u);
  EXPECT_GE(world.Lines("no IKEv2 profile matches identity null"), 1u);
}

}  // namespace
}  // namespace flexvpn::sim
