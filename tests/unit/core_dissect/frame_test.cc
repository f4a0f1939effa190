// SPDX-License-Identifier: Apache-2.0
// Frames of every link layer, fragments in any order, and what strangers may put into a capture.
#include "core/dissect/frame.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace flexvpn::dissect {
namespace {

constexpr int kEthernet = 1, kRaw = 12, kCooked = 113, kCooked2 = 276;

Bytes Concat(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& p : parts) out.insert(out.end(), p.begin(), p.end());
  return out;
}

// UDP 500 -> 4500 with `text`.
Bytes Udp(const std::string& text) {
  ByteWriter w;
  w.U16(500);
  w.U16(4500);
  w.U16(static_cast<uint16_t>(8 + text.size()));
  w.U16(0);
  w.Append(AsView(text));
  return std::move(w).Release();
}
Bytes Ipv4(const Bytes& payload, uint16_t fragment = 0, uint16_t id = 7) {
  ByteWriter w;
  w.U16(0x4500);
  w.U16(static_cast<uint16_t>(20 + payload.size()));
  w.U16(id);
  w.U16(fragment);  // 0x2000: more follow; offset in units of 8 octets
  w.U16(0x4011);    // TTL 64, UDP
  w.U16(0);
  w.U32(0xc0000201);  // 192.0.2.1
  w.U32(0xc0000202);
  w.Append(payload);
  return std::move(w).Release();
}
Bytes Ipv6(const Bytes& payload, uint8_t next, const Bytes& extension = {}) {
  return Concat({FromHex("60000000"),
                 {static_cast<uint8_t>((payload.size() + extension.size()) >> 8),
                  static_cast<uint8_t>(payload.size() + extension.size()), next, 64},
                 FromHex("20010db8000000000000000000000001"),
                 FromHex("20010db8000000000000000000000002"),
                 extension,
                 payload});
}
const Bytes kMacs = FromHex(
    "020000000001"
    "020000000002");

std::string Text(const std::optional<UdpPacket>& p) { return p ? ToString(p->payload) : "none"; }

TEST(FrameReader, FindsUdpBehindEveryLinkLayer) {
  FrameReader r;
  const Bytes ip = Ipv4(Udp("hello"));
  const auto packet = r.Read(kEthernet, Concat({kMacs, FromHex("0800"), ip}));
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->source.ToString(), "192.0.2.1:500");
  EXPECT_EQ(packet->destination.ToString(), "192.0.2.2:4500");
  EXPECT_EQ(Text(packet), "hello");
  EXPECT_EQ(Text(r.Read(kEthernet, Concat({kMacs, FromHex("8100 0064 0800"), ip}))), "hello") << "VLAN 100";
  EXPECT_EQ(Text(r.Read(kEthernet, Concat({kMacs, FromHex("88a8 0001 8100 0064 0800"), ip}))), "hello")
      << "802.1ad";
  EXPECT_EQ(Text(r.Read(kCooked, Concat({Bytes(14), FromHex("0800"), ip}))), "hello");
  EXPECT_EQ(Text(r.Read(kCooked2, Concat({FromHex("0800"), Bytes(18), ip}))), "hello");
  EXPECT_EQ(Text(r.Read(kRaw, ip)), "hello");
  EXPECT_EQ(Text(r.Read(0, Concat({Bytes(4), ip}))), "hello") << "BSD loopback";
  EXPECT_EQ(Text(r.Read(kEthernet, Concat({kMacs, FromHex("0800"), ip, Bytes(13)}))), "hello")
      << "padding of Ethernet";
}

TEST(FrameReader, ReadsIpv6WithExtensionHeaders) {
  FrameReader r;
  const auto packet = r.Read(kRaw, Ipv6(Udp("six"), 17));
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->source.ToString(), "[2001:db8::1]:500");
  EXPECT_EQ(Text(r.Read(kRaw, Ipv6(Udp("six"), 0, FromHex("11 00 010400000000")))), "six") << "hop-by-hop";
  EXPECT_EQ(Text(r.Read(kRaw, Ipv6(Udp("six"), 60, FromHex("2b 00 010400000000 11 00 000000000000")))),
            "six");
}

TEST(FrameReader, PutsFragmentsTogetherInAnyOrder) {
  const Bytes whole = Udp(std::string(3000, 'x') + "end");
  std::vector<Bytes> parts;
  for (size_t at = 0; at < whole.size(); at += 1400) {
    const size_t n = std::min<size_t>(1400, whole.size() - at);
    const auto fragment = static_cast<uint16_t>((at + n < whole.size() ? 0x2000 : 0) | at / 8);
    parts.push_back(Ipv4(Bytes(whole.begin() + static_cast<std::ptrdiff_t>(at),
                               whole.begin() + static_cast<std::ptrdiff_t>(at + n)),
                         fragment));
  }
  ASSERT_EQ(parts.size(), 3u);
  for (const std::vector<size_t>& order :
       {std::vector<size_t>{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {0, 0, 2, 2, 1}}) {
    FrameReader r;
    std::optional<UdpPacket> last;
    for (size_t i : order) {
      EXPECT_FALSE(last);
      last = r.Read(kRaw, parts[i]);
    }
    ASSERT_TRUE(last);
    EXPECT_EQ(last->payload.size(), 3003u);
  }
}

TEST(FrameReader, PutsIpv6FragmentsTogether) {
  const Bytes whole = Udp("0123456789abcdef");
  FrameReader r;
  EXPECT_FALSE(
      r.Read(kRaw, Ipv6(Bytes(whole.begin(), whole.begin() + 16), 44, FromHex("11 00 0001 0000002a"))));
  EXPECT_EQ(
      Text(r.Read(kRaw, Ipv6(Bytes(whole.begin() + 16, whole.end()), 44, FromHex("11 00 0010 0000002a")))),
      "0123456789abcdef");
}

TEST(FrameReader, GivesUpOverlappingFragments) {
  const Bytes whole = Udp(std::string(40, 'x'));
  FrameReader r;
  EXPECT_FALSE(r.Read(kRaw, Ipv4(Bytes(whole.begin(), whole.begin() + 24), 0x2000)));
  EXPECT_FALSE(r.Read(kRaw, Ipv4(Bytes(whole.begin() + 16, whole.end()), 2)));
  EXPECT_EQ(r.counters().Get("overlapping fragments"), 1u);
}

TEST(FrameReader, KeepsABoundedNumberOfUnfinishedDatagrams) {
  FrameReader r;
  for (uint16_t id = 0; id < 1000; ++id) EXPECT_FALSE(r.Read(kRaw, Ipv4(Bytes(64), 0x2000, id)));
  EXPECT_EQ(r.counters().Get("fragments given up for newer ones"), 1000u - 64);
}

TEST(FrameReader, EveryTruncationIsHarmless) {
  const Bytes frame =
      Concat({kMacs, FromHex("8100 0064 86dd"), Ipv6(Udp("six"), 60, FromHex("11 00 010400000000"))});
  for (int link_type : {0, 1, 12, 101, 108, 113, 228, 229, 276, 4711})
    for (size_t n = 0; n <= frame.size(); ++n) {
      FrameReader r;
      (void)r.Read(link_type, BytesView(frame).first(n));
    }
  FrameReader r;
  EXPECT_EQ(Text(r.Read(kEthernet, frame)), "six");
}

TEST(FrameReader, NoiseIsHarmless) {
  SeededRng rng(1);
  FrameReader r;
  for (int i = 0; i < 20000; ++i) {
    Bytes frame = rng.Take(rng.Below(120));
    if (frame.size() > 20) {
      frame[0] = i % 2 == 0 ? 0x45 : 0x60;
      frame[i % 2 == 0 ? 9 : 6] = 17;
    }
    (void)r.Read(kRaw, frame);
  }
}

}  // namespace
}  // namespace flexvpn::dissect
