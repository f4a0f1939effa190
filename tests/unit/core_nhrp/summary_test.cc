// SPDX-License-Identifier: Apache-2.0
#include "core/nhrp/summary.h"

#include <gtest/gtest.h>

#include "core/nhrp/codec.h"

namespace flexvpn::nhrp {
namespace {

TEST(Summary, OfAReplyShowsItsEntriesButNotThePassword) {
  Packet p;
  p.type = PacketType::kResolutionReply;
  p.flags = kFlagRouter;
  p.request_id = 7;
  p.source_nbma = *net::IpAddress::Parse("203.0.113.2");
  p.source_protocol = *net::IpAddress::Parse("10.0.0.1");
  p.destination_protocol = *net::IpAddress::Parse("192.168.2.5");
  Cie c;
  c.prefix_length = 24;
  c.holdtime = 7200;
  c.nbma = *net::IpAddress::Parse("203.0.113.6");
  c.protocol = *net::IpAddress::Parse("10.0.0.2");
  p.cies = {c};
  p.extensions = {AuthenticationExtension("geheim")};
  EXPECT_EQ(Summarize(Encode(p)),
            "Resolution Reply 7, hops 255, flags 0x8000, 203.0.113.2 10.0.0.1 > 192.168.2.5 "
            "[code 0 10.0.0.2/24 at 203.0.113.6 mtu 0 hold 7200]; authentication 10 octets");
}

TEST(Summary, SaysWhyAPacketDoesNotDecode) {
  EXPECT_EQ(Summarize(Bytes(5)).substr(0, 29), "5 octets that do not decode: ");
}

}  // namespace
}  // namespace flexvpn::nhrp
