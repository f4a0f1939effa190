// SPDX-License-Identifier: Apache-2.0
// Configurations of a hub (198.51.100.1) and spokes that its tests of show and debug have in common.
#ifndef FLEXVPN_TESTS_SIM_HUB_AND_SPOKES_H_
#define FLEXVPN_TESTS_SIM_HUB_AND_SPOKES_H_

#include <string>

#include "absl/strings/str_cat.h"

namespace flexvpn::sim {

// Router `name`.example.net with a key for everybody.
inline std::string Keys(const std::string& name, const std::string& key) {
  return absl::StrCat("hostname ", name, R"(
aaa new-model
aaa authorization network default local
crypto ikev2 keyring ALL
 peer ANY
  address 0.0.0.0 0.0.0.0
  pre-shared-key )", key, R"(
crypto ikev2 profile FLEX
 match identity remote fqdn domain example.net
 identity local fqdn )", name, R"(.example.net
 authentication local pre-share
 authentication remote pre-share
 keyring local ALL
 aaa authorization group psk list default default
 virtual-template 1
crypto ipsec profile default
 set ikev2-profile FLEX
)");
}

// `more`: lines of its tunnel interfaces.
inline std::string HubText(const std::string& key, const std::string& more = "") {
  return absl::StrCat(Keys("hub", key), R"(
ip local pool FLEX 10.0.0.1 10.0.0.254
crypto ikev2 authorization policy default
 pool FLEX
 route set remote ipv4 172.16.0.0 255.240.0.0
interface Loopback0
 ip address 10.0.255.254 255.255.255.255
interface Virtual-Template1 type tunnel
 ip unnumbered Loopback0
 ip nhrp network-id 1
 ip nhrp redirect
)", more, R"( tunnel source eth0
 tunnel protection ipsec profile default
)");
}

// Its LAN is 172.16.`i`.0/24.
inline std::string SpokeText(int i, const std::string& key, const std::string& more = "") {
  const std::string common = absl::StrCat(R"(
 ip nhrp network-id 1
 ip nhrp shortcut virtual-template 1
 ip nhrp redirect
)", more, R"( tunnel source eth0
 tunnel protection ipsec profile default
)");
  return absl::StrCat(Keys(absl::StrCat("spoke", i), key), "crypto ikev2 authorization policy default\n"
                      " route set remote ipv4 172.16.", i, ".0 255.255.255.0\n"
                      "interface Tunnel0\n ip address negotiated\n tunnel destination 198.51.100.1", common,
                      "interface Virtual-Template1 type tunnel\n ip unnumbered Tunnel0", common);
}

}  // namespace flexvpn::sim

#endif  // FLEXVPN_TESTS_SIM_HUB_AND_SPOKES_H_
