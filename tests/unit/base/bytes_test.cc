// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <gtest/gtest.h>

namespace flexvpn {
namespace {

TEST(Hex, RoundTripsAndIgnoresBlanks) {
  EXPECT_EQ(ToHex(Bytes{0x00, 0xff, 0x1a}), "00ff1a");
  EXPECT_EQ(FromHex("00 FF\n1a\t"), (Bytes{0x00, 0xff, 0x1a}));
  EXPECT_EQ(FromHex("0 0f f"), (Bytes{0x00, 0xff}));
  EXPECT_EQ(ToHex({}), "");
}

TEST(Hex, RefusesOddDigitsAndOtherCharacters) {
  EXPECT_TRUE(FromHex("abc").empty());
  EXPECT_TRUE(FromHex("0x12").empty());
  EXPECT_TRUE(FromHex("1g").empty());
  EXPECT_TRUE(FromHex("12-34").empty());
}

TEST(Text, ConvertsBothWaysWithoutATerminator) {
  EXPECT_EQ(ToBytes("ab"), (Bytes{'a', 'b'}));
  EXPECT_EQ(ToString(Bytes{'a', 0, 'b'}), std::string("a\0b", 3));
  EXPECT_EQ(AsView("abc").size(), 3u);
}

TEST(ByteReader, ReadsBigEndianFieldsInOrder) {
  const Bytes data = FromHex("01 0203 04050607 08090a0b0c0d0e0f aabb");
  ByteReader r(data);
  EXPECT_EQ(r.U8(), 1u);
  EXPECT_EQ(r.U16(), 0x0203u);
  EXPECT_EQ(r.U32(), 0x04050607u);
  EXPECT_EQ(r.U64(), 0x08090a0b0c0d0e0fu);
  EXPECT_EQ(r.pos(), 15u);
  EXPECT_EQ(r.left(), 2u);
  EXPECT_EQ(ToHex(r.TakeAll()), "aabb");
  EXPECT_TRUE(r.ok());
}

TEST(ByteReader, FailsForGoodAfterOneShortRead) {
  const Bytes data = FromHex("010203");
  ByteReader r(data);
  EXPECT_EQ(r.U32(), 0u);
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.U8(), 0u) << "an octet was there, but the reader has failed already";
  EXPECT_TRUE(r.TakeAll().empty());
  EXPECT_EQ(r.left(), 0u);
  EXPECT_FALSE(r.ok());
}

TEST(ByteReader, RefusesLengthsBeyondTheEnd) {
  const Bytes data(8);
  ByteReader r(data);
  r.Skip(3);
  EXPECT_TRUE(r.ok());
  EXPECT_TRUE(r.Take(static_cast<size_t>(-1)).empty());
  EXPECT_FALSE(r.ok());
}

TEST(ByteReader, TakingNothingFromTheEndIsFine) {
  ByteReader r({});
  EXPECT_TRUE(r.Take(0).empty());
  EXPECT_TRUE(r.TakeAll().empty());
  EXPECT_TRUE(r.ok());
}

TEST(ByteWriter, WritesBigEndianAndPatchesInPlace) {
  ByteWriter w;
  w.U8(1);
  w.U16(0x0203);
  w.U32(0x04050607);
  w.U64(0x08090a0b0c0d0e0f);
  w.Zeros(6);
  w.Append(Bytes{0xaa});
  EXPECT_EQ(w.size(), 22u);
  w.PatchU16(15, 0x1122);
  w.PatchU32(17, 0x33445566);
  w.PatchU8(0, 0xee);
  EXPECT_EQ(ToHex(std::move(w).Release()), "ee02030405060708090a0b0c0d0e0f112233445566aa");
}

}  // namespace
}  // namespace flexvpn
