// SPDX-License-Identifier: Apache-2.0
#include "core/net/udp_packet.h"

#include <gtest/gtest.h>

namespace flexvpn::net {
namespace {

const Endpoint kFrom{IpAddress::V4(0xc0000201), 4500}, kTo{IpAddress::V4(0xc6336402), 51515};
const Bytes kPayload = FromHex("c0000001 00000001 abcd");
const Bytes kPacket = FromHex("45 00 0026 0000 0000 40 11 8e90 c0000201 c6336402"  // IPv4: TTL 64, UDP
                              "1194 c93b 0012 0000"                                // ports, length, no checksum
                              "c0000001 00000001 abcd");

// `packet` with one octet changed.
Bytes With(Bytes packet, size_t at, uint8_t value) {
  packet[at] = value;
  return packet;
}

TEST(MakeUdpPacket, IsIpv4AndUdp) {
  const auto packet = MakeUdpPacket(kFrom, kTo, kPayload);
  ASSERT_TRUE(packet);
  EXPECT_EQ(ToHex(*packet), ToHex(kPacket));
  EXPECT_EQ(InternetChecksum(BytesView(*packet).first(20)), 0) << "a header with its right checksum sums up to 0";
}

TEST(MakeUdpPacket, RefusesIpv6AndTooMuch) {
  const Endpoint v6{*IpAddress::Parse("2001:db8::1"), 4500};
  EXPECT_FALSE(MakeUdpPacket(v6, kTo, kPayload));
  EXPECT_FALSE(MakeUdpPacket(kFrom, v6, kPayload));
  EXPECT_FALSE(MakeUdpPacket({}, kTo, kPayload));
  EXPECT_EQ(MakeUdpPacket(kFrom, kTo, Bytes(65507, 1))->size(), 65535u);
  EXPECT_FALSE(MakeUdpPacket(kFrom, kTo, Bytes(65508, 1)));
}

TEST(ParseUdpPacket, IsInverseOfMake) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1400}, size_t{65507}}) {
    const Bytes payload(size, 0x5a);
    const auto packet = MakeUdpPacket(kFrom, kTo, payload);
    const auto view = ParseUdpPacket(*packet);
    ASSERT_TRUE(view) << size;
    EXPECT_EQ(view->source, kFrom);
    EXPECT_EQ(view->destination, kTo);
    EXPECT_EQ(Bytes(view->payload.begin(), view->payload.end()), payload);
  }
}

TEST(ParseUdpPacket, SkipsIpOptionsAndWhatFollowsTheDatagram) {
  const auto view = ParseUdpPacket(FromHex("46 00 0020 0000 4000 40 11 0000 c0000201 c6336402 01010101"  // DF, options
                                           "1194 0001 0008 ffff"                                        // no payload
                                           "eeeeee"));
  ASSERT_TRUE(view);
  EXPECT_EQ(view->destination.port, 1);
  EXPECT_TRUE(view->payload.empty());
  Bytes padded = With(kPacket, 25, 0x11);  // UDP one octet shorter than IP
  ASSERT_TRUE(ParseUdpPacket(padded));
  EXPECT_EQ(ParseUdpPacket(padded)->payload.size(), kPayload.size() - 1);
}

TEST(ParseUdpPacket, RefusesEveryTruncation) {
  for (size_t n = 0; n < kPacket.size(); ++n) EXPECT_FALSE(ParseUdpPacket(BytesView(kPacket).first(n))) << n;
}

TEST(ParseUdpPacket, RefusesWhatIsNoWholeDatagramOfUdpInIpv4) {
  ASSERT_TRUE(ParseUdpPacket(kPacket));
  EXPECT_FALSE(ParseUdpPacket(With(kPacket, 9, 6))) << "TCP";
  EXPECT_FALSE(ParseUdpPacket(With(kPacket, 6, 0x20))) << "more fragments";
  EXPECT_FALSE(ParseUdpPacket(With(kPacket, 7, 1))) << "offset";
  EXPECT_TRUE(ParseUdpPacket(With(kPacket, 6, 0x40))) << "DF is no fragment";
  EXPECT_FALSE(ParseUdpPacket(With(kPacket, 0, 0x65))) << "version 6";
  EXPECT_FALSE(ParseUdpPacket(With(kPacket, 0, 0x44))) << "header too short";
  EXPECT_FALSE(ParseUdpPacket(With(kPacket, 0, 0x4f))) << "header longer than the packet";
  EXPECT_FALSE(ParseUdpPacket(With(kPacket, 3, 0x27))) << "longer than the buffer";
  EXPECT_FALSE(ParseUdpPacket(With(kPacket, 3, 27))) << "no room for the UDP header";
  EXPECT_FALSE(ParseUdpPacket(With(kPacket, 3, 0))) << "total length 0";
  EXPECT_FALSE(ParseUdpPacket(With(kPacket, 25, 0x13))) << "UDP longer than IP";
  EXPECT_FALSE(ParseUdpPacket(With(kPacket, 25, 7))) << "UDP shorter than its header";
  const Bytes v6 = FromHex("60000000 0008 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002"
                           "1194119400080000");
  EXPECT_FALSE(ParseUdpPacket(v6));
}

}  // namespace
}  // namespace flexvpn::net
