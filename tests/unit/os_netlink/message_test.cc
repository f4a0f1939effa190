// SPDX-License-Identifier: Apache-2.0
#include "os/netlink/message.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>

namespace flexvpn::os::netlink {
namespace {

// Netlink is host order; the golden bytes are those of a little-endian machine.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

TEST(NetlinkMessage, PadsAttributesAndCountsTheirRealLength) {
  Message m(0x10, 0x100);
  m.Body(uint32_t{0xaabbccdd});
  m.AttrText(3, "ab");
  size_t nest = m.Begin(4);
  m.AttrU8(1, 7);
  m.End(nest);
  EXPECT_EQ(ToHex(m.bytes()), ToHex(FromHex("28000000"   // nlmsg_len 40
                                            "1000"       // type
                                            "0101"       // flags: 0x100 and NLM_F_REQUEST
                                            "00000000"   // sequence
                                            "00000000"   // port
                                            "ddccbbaa"   // body
                                            "0700" "0300" "61620000"  // "ab", its zero, padding
                                            "0c00" "0400"             // nest of 12 octets
                                            "0500" "0100" "07000000")));
}

Bytes Reply() {
  Message m(0x18, 0);
  m.Body(uint64_t{1});
  m.AttrText(3, "eth0");
  m.AttrU32(4, 1500);
  BytesView b = m.bytes();
  return {b.begin(), b.end()};
}

TEST(NetlinkMessage, IsReadBackWithItsAttributes) {
  Bytes reply = Reply();
  BytesView data = reply;
  std::optional<Received> m = NextMessage(data);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->type, 0x18);
  EXPECT_EQ(m->Body<uint64_t>(), 1u);
  Attrs attrs(m->After(sizeof(uint64_t)));
  EXPECT_EQ(attrs.Text(3), "eth0");
  EXPECT_EQ(attrs.U32(4), 1500u);
  EXPECT_FALSE(attrs.Has(5));
  EXPECT_EQ(attrs.U32(5), 0u);
  EXPECT_TRUE(data.empty());
}

TEST(NetlinkMessage, EveryTruncationIsRefused) {
  Bytes reply = Reply();
  for (size_t n = 0; n < reply.size(); ++n) {
    BytesView data = BytesView(reply).first(n);
    EXPECT_FALSE(NextMessage(data)) << n;
  }
}

TEST(NetlinkAttrs, EveryTruncationIsHarmlessAndInventsNothing) {
  Bytes reply = Reply();
  BytesView attributes = BytesView(reply).subspan(sizeof(nlmsghdr) + sizeof(uint64_t));
  for (size_t n = 0; n < attributes.size(); ++n) {
    Attrs attrs(attributes.first(n));
    EXPECT_TRUE(attrs.Text(3).empty() || attrs.Text(3) == "eth0") << n;
    EXPECT_EQ(attrs.U32(4), 0u) << n;
  }
}

TEST(NetlinkAttrs, LengthsThatLieAreRefused) {
  EXPECT_FALSE(Attrs(FromHex("0300 0100")).Has(1));            // shorter than its own header
  EXPECT_FALSE(Attrs(FromHex("ffff 0100 00000000")).Has(1));   // longer than the message
  EXPECT_FALSE(Attrs(FromHex("0000 0000 0000")).Has(0));       // zero: must not loop
}

TEST(NetlinkMessage, BodyShorterThanItsStructureIsNone) {
  Received m;
  Bytes three(3);
  m.payload = three;
  EXPECT_FALSE(m.Body<uint32_t>());
  EXPECT_TRUE(m.After(64).empty());
}

}  // namespace
}  // namespace flexvpn::os::netlink
