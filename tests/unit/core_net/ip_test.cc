// SPDX-License-Identifier: Apache-2.0
#include "core/net/ip.h"

#include <gtest/gtest.h>

#include "absl/hash/hash.h"

namespace flexvpn::net {
namespace {

IpAddress Ip(absl::string_view text) { return IpAddress::Parse(text).value_or(IpAddress()); }
Prefix Net(absl::string_view text) { return Prefix::Parse(text).value_or(Prefix()); }

TEST(Prefix, SiblingIsTheOtherHalf) {
  for (const auto& [of, is] : {std::pair("10.0.0.0/8", "11.0.0.0/8"), {"10.0.0.0/9", "10.128.0.0/9"}, {"192.0.2.1", "192.0.2.0/32"},
                               {"2001:db8::/32", "2001:db9::/32"}, {"2001:db8::1/128", "2001:db8::/128"}, {"0.0.0.0/0", "0.0.0.0/0"}})
    EXPECT_EQ(Prefix::Parse(of)->Sibling(), *Prefix::Parse(is)) << of;
}

TEST(IpAddressParse, ReadsAndPrintsIpv4) {
  EXPECT_EQ(Ip("10.0.0.1").v4(), 0x0a000001u);
  EXPECT_EQ(Ip("255.255.255.255").ToString(), "255.255.255.255");
  for (const char* bad : {"", "10", "10.0.0", "10.0.0.0.1", "256.0.0.1", "1.2.3.", ".1.2.3", "1.2.3.4 ", " 1.2.3.4",
                          "+1.2.3.4", "1.-2.3.4", "0001.2.3.4", "a.b.c.d"})
    EXPECT_FALSE(IpAddress::Parse(bad)) << bad;
}

// RFC 5952 §4: lower case, no leading zeros, the longest run of zeros, the first one on a tie, never one group.
TEST(IpAddressToString, IsCanonicalIpv6) {
  const std::pair<const char*, const char*> kCases[] = {
      {"2001:DB8::0001", "2001:db8::1"},
      {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"0:0:0:0:0:0:0:0", "::"},
      {"::1", "::1"},
      {"fe80:0:0:0:0:0:0:0", "fe80::"},
      {"::ffff:192.0.2.1", "::ffff:c000:201"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
      {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
  };
  for (const auto& [text, canonical] : kCases) {
    EXPECT_EQ(Ip(text).ToString(), canonical) << text;
    EXPECT_EQ(Ip(canonical), Ip(text)) << text;
  }
  EXPECT_EQ(IpAddress().ToString(), "none");
}

TEST(IpAddressParse, RefusesBadIpv6) {
  for (const char* bad : {":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4:5:6:7:8::",
                          "::1:2:3:4:5:6:7:8", "12345::", "g::", "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "1:", ":1",
                          "fe80::1%eth0", "::-1", "::0x1", " ::1"})
    EXPECT_FALSE(IpAddress::Parse(bad)) << bad;
}

TEST(IpAddress, KnowsSpecialAddresses) {
  EXPECT_TRUE(Ip("0.0.0.0").is_any());
  EXPECT_TRUE(Ip("::").is_any());
  EXPECT_FALSE(IpAddress().is_any());
  EXPECT_TRUE(Ip("224.0.0.5").is_multicast());
  EXPECT_TRUE(Ip("ff02::1").is_multicast());
  EXPECT_FALSE(Ip("240.0.0.1").is_multicast());
  EXPECT_TRUE(Ip("127.1.2.3").is_loopback());
  EXPECT_TRUE(Ip("::1").is_loopback());
  EXPECT_FALSE(Ip("::2").is_loopback());
  EXPECT_TRUE(Ip("169.254.1.1").is_link_local());
  EXPECT_TRUE(Ip("febf::1").is_link_local());
  EXPECT_FALSE(Ip("fec0::1").is_link_local());
}

TEST(IpAddress, BytesAreInNetworkOrder) {
  EXPECT_EQ(ToHex(Ip("192.0.2.1").bytes()), "c0000201");
  EXPECT_EQ(Ip("2001:db8::1").bytes().size(), 16u);
  EXPECT_TRUE(IpAddress().bytes().empty());
  EXPECT_EQ(IpAddress::FromBytes(FromHex("c0000201")), Ip("192.0.2.1"));
  EXPECT_TRUE(IpAddress::FromBytes(FromHex("c00002")).empty());
  EXPECT_EQ(Ip("2001:db8::1").v4(), 0u);
}

TEST(IpAddress, PlusCarriesAndWraps) {
  EXPECT_EQ(Ip("10.0.0.255").Plus(1), Ip("10.0.1.0"));
  EXPECT_EQ(Ip("10.0.0.0").Plus(65536 + 257), Ip("10.1.1.1"));
  EXPECT_EQ(Ip("255.255.255.255").Plus(1), Ip("0.0.0.0"));
  EXPECT_EQ(Ip("2001:db8::ffff:ffff:ffff:ffff").Plus(1), Ip("2001:db8:0:1::"));
  EXPECT_EQ(Ip("::").Plus(~uint64_t{0}), Ip("::ffff:ffff:ffff:ffff"));
}

TEST(IpAddress, OrdersByFamilyThenValueAndHashes) {
  EXPECT_LT(Ip("255.0.0.0"), Ip("::"));
  EXPECT_LT(Ip("9.255.0.0"), Ip("10.0.0.0"));
  EXPECT_NE(Ip("0.0.0.0"), Ip("::"));
  EXPECT_EQ(absl::HashOf(Ip("10.0.0.1")), absl::HashOf(IpAddress::V4(0x0a000001)));
}

TEST(Prefix, IsMaskedSoThatEqualPrefixesAreEqual) {
  EXPECT_EQ(Net("10.1.2.3/8"), Net("10.0.0.0/8"));
  EXPECT_EQ(Net("2001:db8:ffff::1/33").ToString(), "2001:db8:8000::/33");
  EXPECT_EQ(Net("10.1.2.3"), Net("10.1.2.3/32"));
  EXPECT_TRUE(Net("10.1.2.3").is_host());
  EXPECT_EQ(Net("10.1.2.3/0"), Prefix::Default(Family::kIpv4));
  EXPECT_EQ(Prefix(Ip("10.1.2.3"), 99).length(), 32);
  EXPECT_EQ(Prefix(Ip("10.1.2.3"), -1).length(), 0);
}

TEST(PrefixParse, RefusesBadLengths) {
  for (const char* bad : {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "10.0.0.0/8/9", "10.0.0/8", "/8",
                          "10.0.0.0/ 8", "10.0.0.0/+8", "10.0.0.0/8 "})
    EXPECT_FALSE(Prefix::Parse(bad)) << bad;
}

TEST(Prefix, MasksAndWildcardsMustBeContiguous) {
  EXPECT_EQ(Prefix::FromMask(Ip("10.1.2.3"), Ip("255.255.0.0")), Net("10.1.0.0/16"));
  EXPECT_EQ(Prefix::FromMask(Ip("10.1.2.3"), Ip("0.0.0.0")), Net("0.0.0.0/0"));
  EXPECT_EQ(Prefix::FromMask(Ip("10.1.2.3"), Ip("255.255.255.255")), Net("10.1.2.3/32"));
  EXPECT_FALSE(Prefix::FromMask(Ip("10.1.2.3"), Ip("255.0.255.0")));
  EXPECT_FALSE(Prefix::FromMask(Ip("2001:db8::"), Ip("255.255.0.0")));
  EXPECT_EQ(Prefix::FromWildcard(Ip("10.1.2.3"), Ip("0.0.255.255")), Net("10.1.0.0/16"));
  EXPECT_FALSE(Prefix::FromWildcard(Ip("10.1.2.3"), Ip("0.255.0.255")));
  EXPECT_EQ(Net("10.0.0.0/20").Netmask(), Ip("255.255.240.0"));
  EXPECT_EQ(Net("0.0.0.0/0").Netmask(), Ip("0.0.0.0"));
}

TEST(Prefix, ContainsAddressesAndPrefixesOfItsFamily) {
  EXPECT_TRUE(Net("10.0.0.0/8").Contains(Ip("10.255.255.255")));
  EXPECT_FALSE(Net("10.0.0.0/8").Contains(Ip("11.0.0.0")));
  EXPECT_TRUE(Net("0.0.0.0/0").Contains(Ip("1.2.3.4")));
  EXPECT_FALSE(Net("0.0.0.0/0").Contains(Ip("::1")));
  EXPECT_TRUE(Net("10.0.0.0/8").Contains(Net("10.1.0.0/16")));
  EXPECT_FALSE(Net("10.1.0.0/16").Contains(Net("10.0.0.0/8")));
  EXPECT_FALSE(Prefix().Contains(IpAddress()));
  EXPECT_EQ(Net("10.0.0.0/9").Last(), Ip("10.127.255.255"));
  EXPECT_EQ(Net("2001:db8::/127").Last(), Ip("2001:db8::1"));
}

TEST(Endpoint, PrintsIpv6InBrackets) {
  EXPECT_EQ((Endpoint{Ip("192.0.2.1"), 500}).ToString(), "192.0.2.1:500");
  EXPECT_EQ((Endpoint{Ip("2001:db8::1"), 4500}).ToString(), "[2001:db8::1]:4500");
}

// The example of RFC 1071 §3, and an IPv4 header whose checksum is known.
TEST(InternetChecksum, MatchesKnownSums) {
  EXPECT_EQ(InternetChecksum(FromHex("0001 f203 f4f5 f6f7")), static_cast<uint16_t>(~0xddf2));
  EXPECT_EQ(InternetChecksum(FromHex("4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7")), 0xb861);
  EXPECT_EQ(InternetChecksum(FromHex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7")), 0);
  EXPECT_EQ(InternetChecksum(FromHex("01")), InternetChecksum(FromHex("0100")));
  EXPECT_EQ(InternetChecksum({}), 0xffff);
}

const Bytes kIpv4 = FromHex("46 00 0020 0000 0000 3b 2f 0000 c0000201 c6336402 01010101");
const Bytes kIpv6 = FromHex("60000000 0008 3a 40 20010db8000000000000000000000001 20010db8000000000000000000000002");

TEST(ParseIpHeader, ReadsIpv4WithOptionsAndIpv6) {
  const auto v4 = ParseIpHeader(kIpv4);
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->header_length, 24);
  EXPECT_EQ(v4->total_length, 32);
  EXPECT_EQ(v4->ttl, 59);
  EXPECT_EQ(v4->protocol, 47);
  EXPECT_EQ(v4->source, Ip("192.0.2.1"));
  EXPECT_EQ(v4->destination, Ip("198.51.100.2"));
  const auto v6 = ParseIpHeader(kIpv6);
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->header_length, 40);
  EXPECT_EQ(v6->total_length, 48);
  EXPECT_EQ(v6->ttl, 64);
  EXPECT_EQ(v6->protocol, 58);
  EXPECT_EQ(v6->destination, Ip("2001:db8::2"));
}

TEST(ParseIpHeader, RefusesEveryTruncationOfTheFixedHeader) {
  for (size_t n = 0; n < 20; ++n) EXPECT_FALSE(ParseIpHeader(BytesView(kIpv4).first(n))) << n;
  for (size_t n = 0; n < 40; ++n) EXPECT_FALSE(ParseIpHeader(BytesView(kIpv6).first(n))) << n;
  Bytes bad = kIpv4;
  bad[0] = 0x44;
  EXPECT_FALSE(ParseIpHeader(bad)) << "header length below 20";
  bad[0] = 0x55;
  EXPECT_FALSE(ParseIpHeader(bad)) << "version 5";
}

}  // namespace
}  // namespace flexvpn::net
