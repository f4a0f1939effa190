// SPDX-License-Identifier: Apache-2.0
// `match address local interface`: a profile is for callers of the addresses its interface has at that time.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "sim/hub_and_spokes.h"
#include "sim/world.h"
#include "support/values.h"

namespace flexvpn::sim {
namespace {

// A hub whose profile has this line, and a spoke that calls `hub`.
std::string Hub(const std::string& match) {
  return absl::StrReplaceAll(HubText("key"), {{"crypto ikev2 profile FLEX\n", absl::StrCat("crypto ikev2 profile FLEX\n", match)}});
}
std::string Spoke(int i, const char* hub = "198.51.100.1") {
  return absl::StrReplaceAll(SpokeText(i, "key"), {{"destination 198.51.100.1", absl::StrCat("destination ", hub)}});
}

class MatchInterface : public testing::Test {
 protected:
  void AddHub(const std::string& match) { w_.Add(Hub(match), Ip("198.51.100.1"), *net::Prefix::Parse("172.31.255.0/24")); }
  size_t AddSpoke(int i, const char* hub = "198.51.100.1") {
    return w_.Add(Spoke(i, hub), Ip(absl::StrCat("203.0.113.", i)), *net::Prefix::Parse(absl::StrCat("172.16.", i, ".0/24")));
  }
  World w_{{.seed = 5}};
};

TEST_F(MatchInterface, AdmitsCallersOfItsAddress) {
  AddHub(" match address local interface eth0\n");
  AddSpoke(1);
  EXPECT_TRUE(w_.ComesUp(0, 1)) << w_.violation();
}

TEST_F(MatchInterface, RefusesCallersOfOtherAddresses) {
  AddHub(" match address local interface eth1\n match address local interface Loopback0\n");
  AddSpoke(1);
  EXPECT_FALSE(w_.ComesUp(0, 1));
  // One line fits: that is enough.
  w_.Configure(0, config::Parse(Hub(" match address local interface eth1\n match address local interface eth0\n")).model);
  EXPECT_TRUE(w_.ComesUp(0, 1)) << w_.violation();
}

TEST_F(MatchInterface, FollowsTheInterfaceToAnotherAddress) {
  AddHub(" match address local interface eth0\n");
  w_.Readdress(0, Ip("198.51.100.99"));
  AddSpoke(1, "198.51.100.99");
  EXPECT_TRUE(w_.ComesUp(0, 1)) << w_.violation();
}

// Who may call in future is nothing to a session that is up.
TEST_F(MatchInterface, AChangeKeepsWhoIsUp) {
  AddHub(" match address local interface eth0\n");
  AddSpoke(1);
  ASSERT_TRUE(w_.ComesUp(0, 1)) << w_.violation();
  w_.Configure(0, config::Parse(Hub(" match address local interface eth7\n")).model);
  EXPECT_EQ(w_.node(0).restarts().restarted, 0u);
  EXPECT_EQ(w_.PeersUp(0), 1u);
}

TEST_F(MatchInterface, ANameOfThePlatformStandsForItsLinuxDevice) {
  w_.Add(absl::StrCat("platform interface GigabitEthernet1 linux eth0\n", Hub(" match address local interface Gi1\n")),
         Ip("198.51.100.1"), *net::Prefix::Parse("172.31.255.0/24"));
  AddSpoke(1);
  EXPECT_TRUE(w_.ComesUp(0, 1)) << w_.violation();
}

}  // namespace
}  // namespace flexvpn::sim
