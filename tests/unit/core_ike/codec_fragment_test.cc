// SPDX-License-Identifier: Apache-2.0
// The Encrypted Fragment payload (RFC 7383 §2.5).
#include "core/ike/codec/fragment.h"
#include "support/openssl.h"
#include "unit/core_ike/protect_keys.h"

#include <gtest/gtest.h>

#include <set>

namespace flexvpn::ike {
namespace {

using crypto::Encr;
using crypto::Integ;

std::vector<ProtectKeys> AllKeys() {
  return {Keys(Encr::kAesCbc, 256, Integ::kHmacSha512_256), Keys(Encr::kAesCbc, 128, Integ::kHmacSha1_96),
          Keys(Encr::kAesGcm16, 256, Integ::kNone), Keys(Encr::kChacha20Poly1305, 0, Integ::kNone)};
}

Payloads Large(size_t size = 1000) {
  Bytes body(size);
  for (size_t i = 0; i < size; ++i) body[i] = static_cast<uint8_t>(i * 7);
  return {VendorIdPayload{std::move(body)}};
}
WireMessage Divide(const ProtectKeys& keys, const Payloads& payloads, size_t space, uint64_t* sequence = nullptr) {
  SeededRng rng(1);
  uint64_t own = 7;
  auto wire = ProtectWithin(Openssl(), keys, TestHeader(), EncodePlain(payloads), space,
                            sequence != nullptr ? *sequence : own, rng);
  EXPECT_TRUE(wire.ok()) << wire.status();
  return wire.value_or(WireMessage{});
}

TEST(CodecFragment, PartsInOrderAreTheMessageForEveryCipherAndSpace) {
  for (const ProtectKeys& keys : AllKeys()) {
    for (size_t space = 200; space < 700; space += 13) {
      const WireMessage wire = Divide(keys, Large(), space);
      ASSERT_GT(wire.size(), 1u);
      SecretBytes all;
      uint8_t first_type = 0;
      for (size_t i = 0; i < wire.size(); ++i) {
        EXPECT_LE(wire[i].size(), space);
        const auto header = DecodeHeader(wire[i]);
        ASSERT_TRUE(header.ok());
        EXPECT_TRUE(IsFragment(*header));
        const auto f = DecodeFragmentHeader(wire[i]);
        ASSERT_TRUE(f.ok());
        EXPECT_EQ(f->number, i + 1);
        EXPECT_EQ(f->total, wire.size());
        if (i == 0) first_type = f->first_type;
        const auto part = OpenFragment(Openssl(), keys, wire[i]);
        ASSERT_TRUE(part.ok()) << part.status();
        all.insert(all.end(), part->begin(), part->end());
      }
      const auto payloads = DecodePayloads(first_type, all);
      ASSERT_TRUE(payloads.ok());
      EXPECT_EQ(*payloads, Large());
    }
  }
}

// RFC 7383 §2.5: header, generic header, Fragment Number, Total Fragments, then as in an Encrypted payload.
TEST(CodecFragment, HasTheLayoutOfTheRfc) {
  const WireMessage wire = Divide(Keys(Encr::kAesGcm16, 128, Integ::kNone), Large(300), 200);
  ASSERT_EQ(wire.size(), 3u);
  const BytesView first(wire[0]), last(wire[2]);
  EXPECT_EQ(ToHex(first.subspan(16, 12)), "35202308" "00000001" "000000c8") << "53, 2.0, IKE_AUTH, flags, id, length";
  EXPECT_EQ(ToHex(first.subspan(28, 8)), "2b0000ac" "0001" "0003") << "first inner payload: 43, Vendor ID";
  EXPECT_EQ(ToHex(first.subspan(36, 8)), "0000000000000007") << "explicit IV";
  EXPECT_EQ(ToHex(last.subspan(28, 2)), "0000") << "Next Payload of the others is zero";
  EXPECT_EQ(ToHex(last.subspan(32, 4)), "0003" "0003");
}

TEST(CodecFragment, WhatFitsIsOneEncryptedPayload) {
  const ProtectKeys keys = Keys(Encr::kAesGcm16, 256, Integ::kNone);
  const size_t whole = Divide(keys, Large(), 0).at(0).size();
  EXPECT_EQ(Divide(keys, Large(), whole).size(), 1u);
  EXPECT_EQ(Divide(keys, Large(), whole - 1).size(), 2u);
  EXPECT_EQ(Divide(keys, {}, 1).size(), 1u);
  const Bytes one = Divide(keys, Large(), whole)[0];
  const auto payloads = Unprotect(Openssl(), keys, *DecodeHeader(one), one);
  ASSERT_TRUE(payloads.ok());
  EXPECT_EQ(*payloads, Large());
}

TEST(CodecFragment, NoExplicitIvIsUsedTwice) {
  uint64_t sequence = 7;
  std::set<Bytes> ivs;
  const ProtectKeys keys = Keys(Encr::kAesGcm16, 256, Integ::kNone);
  size_t datagrams = 0;
  for (int message = 0; message < 3; ++message)
    for (const Bytes& b : Divide(keys, Large(), message == 1 ? 0 : 200, &sequence)) {
      const size_t at = IsFragment(*DecodeHeader(b)) ? 36 : 32;
      ivs.insert(Bytes(b.begin() + static_cast<ptrdiff_t>(at), b.begin() + static_cast<ptrdiff_t>(at) + 8));
      ++datagrams;
    }
  EXPECT_EQ(ivs.size(), datagrams);
  EXPECT_EQ(sequence, 7 + datagrams);
}

TEST(CodecFragment, IsNeverMoreThanTheReceiverTakes) {
  for (const ProtectKeys& keys : AllKeys()) {
    const WireMessage wire = Divide(keys, Large(60000), 100);
    EXPECT_GT(wire.size(), 1u);
    EXPECT_LE(wire.size(), kMaxFragments);
  }
  Payloads huge = {VendorIdPayload{Bytes(65000, 1)}, VendorIdPayload{Bytes(65000, 1)}};
  SeededRng rng(1);
  uint64_t sequence = 1;
  EXPECT_TRUE(absl::IsResourceExhausted(
      ProtectWithin(Openssl(), AllKeys()[0], TestHeader(), EncodePlain(huge), 1000, sequence, rng).status()));
}

TEST(CodecFragment, EveryFlippedBitIsRefused) {
  for (const ProtectKeys& keys : AllKeys()) {
    const Bytes wire = Divide(keys, Large(300), 220)[0];
    for (size_t i = 0; i < wire.size(); ++i)
      for (int bit = 0; bit < 8; ++bit) {
        Bytes bad = wire;
        bad[i] ^= static_cast<uint8_t>(1 << bit);
        const auto header = DecodeHeader(bad);
        if (!header.ok() || !IsFragment(*header) || !DecodeFragmentHeader(bad).ok()) continue;
        EXPECT_TRUE(absl::IsUnauthenticated(OpenFragment(Openssl(), keys, bad).status())) << i << " bit " << bit;
      }
  }
}

TEST(CodecFragment, EveryTruncationIsRefused) {
  for (const ProtectKeys& keys : AllKeys()) {
    const Bytes wire = Divide(keys, Large(300), 220)[0];
    for (size_t n = 0; n < wire.size(); ++n) {
      Bytes cut(wire.begin(), wire.begin() + static_cast<ptrdiff_t>(n));
      EXPECT_FALSE(DecodeFragmentHeader(cut).ok()) << n;
      if (n >= 32) cut[30] = 0, cut[31] = static_cast<uint8_t>(n - 28);  // a length that fits
      const auto f = DecodeFragmentHeader(cut);
      if (f.ok()) {
        EXPECT_TRUE(absl::IsUnauthenticated(OpenFragment(Openssl(), keys, cut).status())) << n;
      }
    }
  }
}

TEST(CodecFragment, ImpossibleNumbersAreRefused) {
  const Bytes wire = Divide(Keys(Encr::kAesGcm16, 128, Integ::kNone), Large(300), 220)[0];
  const auto with = [&](uint16_t number, uint16_t total) {
    Bytes b = wire;
    b[32] = static_cast<uint8_t>(number >> 8), b[33] = static_cast<uint8_t>(number);
    b[34] = static_cast<uint8_t>(total >> 8), b[35] = static_cast<uint8_t>(total);
    return DecodeFragmentHeader(b).ok();
  };
  EXPECT_TRUE(with(1, 2));
  EXPECT_TRUE(with(kMaxFragments, kMaxFragments));
  EXPECT_FALSE(with(0, 2));
  EXPECT_FALSE(with(0, 0));
  EXPECT_FALSE(with(3, 2));
  EXPECT_FALSE(with(1, kMaxFragments + 1));
  EXPECT_FALSE(with(0xffff, 0xffff));
}

TEST(CodecFragment, SpaceCountsIpUdpAndTheNonEspMarker) {
  EXPECT_EQ(IkeSpace(1280, net::Family::kIpv4, false), 1252u);
  EXPECT_EQ(IkeSpace(1280, net::Family::kIpv4, true), 1248u);
  EXPECT_EQ(IkeSpace(1280, net::Family::kIpv6, true), 1228u);
  EXPECT_EQ(IkeSpace(50, net::Family::kIpv6, true), 0u);
}

}  // namespace
}  // namespace flexvpn::ike
