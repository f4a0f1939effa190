// SPDX-License-Identifier: Apache-2.0
#include "core/net/tcp_stream.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>

namespace flexvpn::net {
namespace {

using Kind = TcpStream::Kind;
using Messages = std::vector<std::pair<Kind, Bytes>>;

// Content of `size` octets that begins with no zero word.
Bytes Content(size_t size, uint8_t first = 0xe5) {
  Bytes b(size);
  for (size_t i = 0; i < size; ++i) b[i] = static_cast<uint8_t>(first + i * 7);
  return b;
}

void Append(Bytes* to, const Bytes& more) { to->insert(to->end(), more.begin(), more.end()); }

Bytes Framed(const Messages& messages, bool prefix) {
  Bytes out;
  if (prefix) out.assign(kTcpPrefix.begin(), kTcpPrefix.end());
  for (const auto& [kind, content] : messages) Append(&out, *TcpFrame(kind, content));
  return out;
}

struct Taken {
  explicit Taken(bool prefix) : stream(prefix) {}
  absl::Status Feed(BytesView octets) {
    return stream.Feed(
        octets, [this](Kind kind, BytesView c) { messages.emplace_back(kind, Bytes(c.begin(), c.end())); });
  }
  TcpStream stream;
  Messages messages;
};

const Messages kMessages = {{Kind::kIke, Content(28)},       {Kind::kEsp, Content(8)},
                            {Kind::kEsp, Content(1400, 1)},  {Kind::kIke, Content(3000, 0)},
                            {Kind::kEsp, Content(65533, 3)}, {Kind::kIke, Content(65529, 4)},
                            {Kind::kEsp, Content(40, 9)}};

TEST(TcpFrame, IsLengthMarkerAndContent) {
  EXPECT_EQ(*TcpFrame(Kind::kIke, FromHex("0a0b0c")), FromHex("0009"      // length, its own two octets included
                                                              "00000000"  // non-ESP marker
                                                              "0a0b0c"));
  EXPECT_EQ(*TcpFrame(Kind::kEsp, FromHex("c000000100000001")), FromHex("000a c000000100000001"));
}

TEST(TcpFrame, RefusesWhatTheOtherEndWouldMisread) {
  EXPECT_EQ(TcpFrame(Kind::kIke, Content(65529))->size(), 65535u);
  EXPECT_FALSE(TcpFrame(Kind::kIke, Content(65530)));
  EXPECT_EQ(TcpFrame(Kind::kEsp, Content(65533))->size(), 65535u);
  EXPECT_FALSE(TcpFrame(Kind::kEsp, Content(65534)));
  EXPECT_FALSE(TcpFrame(Kind::kEsp, FromHex("0000000000000001 0203"))) << "would be IKE";
  EXPECT_FALSE(TcpFrame(Kind::kEsp, FromHex("c00000"))) << "no SPI";
}

TEST(TcpStream, GivesTheSameMessagesHoweverTheStreamIsCut) {
  std::mt19937 random(1);
  for (const bool prefix : {false, true}) {
    const Bytes all = Framed(kMessages, prefix);
    for (const size_t longest : std::initializer_list<size_t>{1, 2, 3, 100, 5000, 70000, all.size()}) {
      Taken taken(prefix);
      for (size_t at = 0; at < all.size();) {
        const size_t n = std::min(all.size() - at, 1 + random() % longest);
        ASSERT_TRUE(taken.Feed(BytesView(all).subspan(at, n)).ok());
        ASSERT_LE(taken.stream.buffered(), 65535u);
        at += n;
      }
      EXPECT_EQ(taken.messages, kMessages) << "pieces of up to " << longest;
      EXPECT_EQ(taken.stream.buffered(), 0u);
      EXPECT_EQ(taken.stream.ignored(), 0u);
    }
  }
}

// Both cuts of a stream of three frames, at every place.
TEST(TcpStream, EveryPairOfCuts) {
  const Messages messages = {{Kind::kEsp, Content(9)}, {Kind::kIke, Content(28)}, {Kind::kEsp, Content(8)}};
  const Bytes all = Framed(messages, true);
  for (size_t a = 0; a <= all.size(); ++a) {
    for (size_t b = a; b <= all.size(); ++b) {
      Taken taken(true);
      ASSERT_TRUE(taken.Feed(BytesView(all).first(a)).ok());
      ASSERT_TRUE(taken.Feed(BytesView(all).subspan(a, b - a)).ok());
      ASSERT_TRUE(taken.Feed(BytesView(all).subspan(b)).ok());
      ASSERT_EQ(taken.messages, messages) << a << " " << b;
    }
  }
}

TEST(TcpStream, EveryTruncationGivesTheWholeFramesOnly) {
  const Messages messages = {{Kind::kIke, Content(28)}, {Kind::kEsp, Content(20)}};
  const Bytes all = Framed(messages, true);
  const size_t first_end = 6 + 2 + 4 + 28;
  for (size_t n = 0; n <= all.size(); ++n) {
    Taken taken(true);
    ASSERT_TRUE(taken.Feed(BytesView(all).first(n)).ok());
    EXPECT_EQ(taken.messages.size(), (n >= first_end ? 1u : 0u) + (n == all.size() ? 1u : 0u)) << n;
    const size_t frame = n <= 6 ? 0 : n < first_end ? n - 6 : n == all.size() ? 0 : n - first_end;
    EXPECT_EQ(taken.stream.buffered(), frame) << n;
  }
}

TEST(TcpStream, AWrongPrefixIsFoundAtItsFirstWrongOctet) {
  const Bytes good(kTcpPrefix.begin(), kTcpPrefix.end());
  for (size_t wrong = 0; wrong < good.size(); ++wrong) {
    Bytes bad = good;
    bad[wrong] ^= 1;
    Taken taken(true);
    EXPECT_TRUE(taken.Feed(BytesView(bad).first(wrong)).ok());
    EXPECT_FALSE(taken.Feed(BytesView(bad).subspan(wrong, 1)).ok()) << wrong;
    EXPECT_FALSE(taken.Feed(Framed(kMessages, true)).ok()) << "final";
    EXPECT_FALSE(taken.Feed({}).ok());
    EXPECT_TRUE(taken.messages.empty());
    EXPECT_EQ(taken.stream.buffered(), 0u);
  }
}

TEST(TcpStream, LengthsThatDoNotHoldThemselvesEndTheStream) {
  const Messages one = {{Kind::kEsp, Content(8)}};
  for (const uint8_t length : {uint8_t{0}, uint8_t{1}}) {
    for (const bool octetwise : {false, true}) {
      Bytes all = Framed(one, false);
      Append(&all, {0, length});
      Append(&all, Framed(one, false));
      Taken taken(false);
      absl::Status s;
      for (size_t i = 0; i < all.size(); ++i) {
        s = octetwise ? taken.Feed(BytesView(all).subspan(i, 1)) : taken.Feed(all);
      }
      EXPECT_EQ(s.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_EQ(taken.messages, one) << "what came before";
      EXPECT_FALSE(taken.Feed(Framed(one, false)).ok());
      EXPECT_EQ(taken.messages, one);
    }
  }
}

TEST(TcpStream, FramesWithoutAMessageAreLeftOut) {
  Taken taken(false);
  EXPECT_TRUE(taken.Feed(FromHex("0002"                            // nothing in it
                                 "0003 ff"                         // NAT keepalive
                                 "0006 00000000"                   // marker alone
                                 "0009 c0000001 000000"            // ESP without all of its sequence number
                                 "000a 00000000 00000001")).ok());  // no IKE header
  EXPECT_EQ(taken.stream.ignored(), 5u);
  Bytes short_ike = *TcpFrame(Kind::kIke, Content(27));
  EXPECT_TRUE(taken.Feed(short_ike).ok());
  EXPECT_EQ(taken.stream.ignored(), 6u);
  EXPECT_TRUE(taken.messages.empty());
  EXPECT_TRUE(taken.Feed(Framed(kMessages, false)).ok());
  EXPECT_EQ(taken.messages, kMessages);
}

// Whatever comes, in whatever pieces: no crash, one frame kept at most, and the same result as in one piece.
TEST(TcpStream, RandomOctetsMeanTheSameInAnyPieces) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    Bytes all(random() % 4000);
    for (uint8_t& b : all) b = static_cast<uint8_t>(random() % 4 == 0 ? random() : 0);  // many small lengths
    Taken whole(false), pieces(false);
    const bool ok = whole.Feed(all).ok();
    bool pieces_ok = true;
    for (size_t at = 0; at < all.size();) {
      const size_t n = std::min<size_t>(all.size() - at, 1 + random() % 50);
      pieces_ok = pieces.Feed(BytesView(all).subspan(at, n)).ok();
      at += n;
    }
    ASSERT_EQ(ok, pieces_ok) << round;
    ASSERT_EQ(whole.messages, pieces.messages) << round;
    ASSERT_EQ(whole.stream.ignored(), pieces.stream.ignored()) << round;
    ASSERT_EQ(whole.stream.buffered(), pieces.stream.buffered()) << round;
  }
}

}  // namespace
}  // namespace flexvpn::net
