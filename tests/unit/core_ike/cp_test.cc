// SPDX-License-Identifier: Apache-2.0
#include "core/ike/cp.h"

#include <gtest/gtest.h>

namespace flexvpn::ike {
namespace {

std::string Text(uint16_t type, const char* hex) { return ToString(ConfigAttribute{static_cast<CfgAttr>(type), FromHex(hex)}); }

TEST(ConfigAttributeText, IsReadableByType) {
  EXPECT_EQ(Text(1, "0a000001"), "INTERNAL_IP4_ADDRESS 10.0.0.1");
  EXPECT_EQ(Text(3, "c0000235"), "INTERNAL_IP4_DNS 192.0.2.53");
  EXPECT_EQ(Text(8, "20010db800000000000000000000000140"), "INTERNAL_IP6_ADDRESS 2001:db8::1/64");
  EXPECT_EQ(Text(10, "20010db8000000000000000000000035"), "INTERNAL_IP6_DNS 2001:db8::35");
  EXPECT_EQ(Text(13, "0a010000ffff0000"), "INTERNAL_IP4_SUBNET 10.1.0.0/16");
  EXPECT_EQ(Text(15, "20010db800000000000000000000000020"), "INTERNAL_IP6_SUBNET 2001:db8::/32");
  EXPECT_EQ(Text(25, "636f72702e6578616d706c65"), "INTERNAL_DNS_DOMAIN corp.example");
  EXPECT_EQ(Text(28672, "6869"), "UNITY_BANNER hi");
  EXPECT_EQ(Text(28676, "0a010000ffff0000000000000000" "0a020000ffff0000000000000000"),
            "UNITY_SPLIT_INCLUDE 10.1.0.0/16 10.2.0.0/16");
  EXPECT_EQ(Text(1, ""), "INTERNAL_IP4_ADDRESS");
}

TEST(ConfigAttributeText, OctetsAreShownWhereTheFormIsNotThatOfTheType) {
  EXPECT_EQ(Text(99, "0102"), "ATTRIBUTE_99 0x0102");
  EXPECT_EQ(Text(1, "0a0000"), "INTERNAL_IP4_ADDRESS 0x0a0000");
  EXPECT_EQ(Text(25, "610a62"), "INTERNAL_DNS_DOMAIN 0x610a62");
  EXPECT_EQ(Text(8, "20010db8000000000000000000000001ff"), "INTERNAL_IP6_ADDRESS 0x20010db8000000000000000000000001ff");
  EXPECT_EQ(ToString(ConfigAttribute{static_cast<CfgAttr>(99), Bytes(1000, 1)}).size(), 13u + 2 + 512);
}

TEST(ConfigAttributeText, EveryLengthOfEveryTypeIsHarmless) {
  for (uint32_t type = 0; type < 40; ++type)
    for (size_t n = 0; n < 40; ++n)
      for (uint8_t fill : {uint8_t{0}, uint8_t{0xff}})
        EXPECT_FALSE(ToString(ConfigAttribute{static_cast<CfgAttr>(type), Bytes(n, fill)}).empty());
  for (uint32_t type = 28670; type < 28690; ++type)
    for (size_t n = 0; n < 40; ++n)
      EXPECT_FALSE(ToString(ConfigAttribute{static_cast<CfgAttr>(type), Bytes(n, 0x41)}).empty());
}

}  // namespace
}  // namespace flexvpn::ike
