// SPDX-License-Identifier: Apache-2.0
// The Encrypted payload: what is refused before and after decryption.
#include "core/ike/codec/protect.h"
#include "support/openssl.h"
#include "unit/core_ike/protect_keys.h"

#include <gtest/gtest.h>

namespace flexvpn::ike {
namespace {

using crypto::Encr;
using crypto::Integ;

struct Case {
  const char* name;
  ProtectKeys keys;
};
std::vector<Case> AllCases() {
  return {
      {"aes-cbc-256 sha512", Keys(Encr::kAesCbc, 256, Integ::kHmacSha512_256)},
      {"aes-cbc-128 sha1", Keys(Encr::kAesCbc, 128, Integ::kHmacSha1_96)},
      {"3des md5", Keys(Encr::k3des, 0, Integ::kHmacMd5_96)},
      {"aes-gcm-128", Keys(Encr::kAesGcm16, 128, Integ::kNone)},
      {"aes-gcm-256 icv 8", Keys(Encr::kAesGcm8, 256, Integ::kNone)},
      {"aes-ctr-256 cmac", Keys(Encr::kAesCtr, 256, Integ::kAesCmac96)},
      {"aes-ctr-128 sha256", Keys(Encr::kAesCtr, 128, Integ::kHmacSha256_128)},
      {"aes-gcm-192 icv 12", Keys(Encr::kAesGcm12, 192, Integ::kNone)},
      {"aes-ccm-192 icv 8", Keys(Encr::kAesCcm8, 192, Integ::kNone)},
      {"aes-ccm-256", Keys(Encr::kAesCcm16, 256, Integ::kNone)},
      {"aes-ccm-128", Keys(Encr::kAesCcm12, 128, Integ::kNone)},
      {"chacha20", Keys(Encr::kChacha20Poly1305, 0, Integ::kNone)},
  };
}

Payloads TestPayloads(size_t extra = 5) {
  return {IdPayload{true, IdType::kFqdn, ToBytes("spoke1.example.net")}, VendorIdPayload{Bytes(extra, 'v')}};
}

Bytes ProtectOk(const ProtectKeys& keys, const Payloads& payloads, uint64_t sequence = 7) {
  SeededRng rng(1);
  auto wire = Protect(Openssl(), keys, TestHeader(), payloads, sequence, rng);
  EXPECT_TRUE(wire.ok()) << wire.status();
  return wire.value_or(Bytes{});
}
absl::StatusOr<Payloads> UnprotectAny(const ProtectKeys& keys, BytesView wire) {
  auto header = DecodeHeader(wire);
  if (!header.ok()) return header.status();
  return Unprotect(Openssl(), keys, *header, wire);
}

TEST(CodecProtect, UnprotectUndoesProtectForEveryPaddingLength) {
  for (const Case& c : AllCases()) {
    for (size_t extra = 0; extra < 40; ++extra) {
      const Bytes wire = ProtectOk(c.keys, TestPayloads(extra));
      EXPECT_EQ(wire[16], 46) << "Next Payload: SK";
      const auto payloads = UnprotectAny(c.keys, wire);
      ASSERT_TRUE(payloads.ok()) << c.name << payloads.status();
      EXPECT_EQ(*payloads, TestPayloads(extra)) << c.name;
    }
  }
}

TEST(CodecProtect, AnEmptyMessageIsALivenessCheck) {
  for (const Case& c : AllCases()) {
    const Bytes wire = ProtectOk(c.keys, {});
    EXPECT_EQ(wire[28], 0) << "no inner payload";
    const auto payloads = UnprotectAny(c.keys, wire);
    ASSERT_TRUE(payloads.ok()) << c.name << payloads.status();
    EXPECT_TRUE(payloads->empty());
  }
}

TEST(CodecProtect, EveryFlippedBitIsUnauthenticOrNoHeader) {
  for (const Case& c : AllCases()) {
    const Bytes wire = ProtectOk(c.keys, TestPayloads());
    for (size_t i = 0; i < wire.size(); ++i)
      for (int bit = 0; bit < 8; ++bit) {
        Bytes bad = wire;
        bad[i] ^= static_cast<uint8_t>(1 << bit);
        const auto header = DecodeHeader(bad);
        if (!header.ok()) continue;
        const absl::Status s = Unprotect(Openssl(), c.keys, *header, bad).status();
        EXPECT_TRUE(absl::IsUnauthenticated(s)) << c.name << " octet " << i << " bit " << bit << s;
      }
  }
}

// A cut message with a header that agrees with the cut.
TEST(CodecProtect, EveryTruncationIsUnauthentic) {
  for (const Case& c : AllCases()) {
    const Bytes wire = ProtectOk(c.keys, TestPayloads());
    for (size_t n = kHeaderSize; n < wire.size(); ++n) {
      Bytes cut(wire.begin(), wire.begin() + static_cast<ptrdiff_t>(n));
      cut[26] = static_cast<uint8_t>(n >> 8);
      cut[27] = static_cast<uint8_t>(n);
      if (n >= 32) {
        cut[30] = static_cast<uint8_t>((n - 28) >> 8);
        cut[31] = static_cast<uint8_t>(n - 28);
      }
      EXPECT_TRUE(absl::IsUnauthenticated(UnprotectAny(c.keys, cut).status())) << c.name << " " << n;
    }
  }
}

TEST(CodecProtect, OtherKeysDoNotOpenIt) {
  for (const Case& c : AllCases()) {
    ProtectKeys other = c.keys;
    (crypto::IsAead(c.keys.encr) ? other.encr_key : other.integ_key).front() ^= 1;
    EXPECT_TRUE(absl::IsUnauthenticated(UnprotectAny(other, ProtectOk(c.keys, TestPayloads())).status())) << c.name;
  }
}

TEST(CodecProtect, TheSaltIsPartOfTheKey) {
  ProtectKeys other = Keys(Encr::kAesGcm16, 128, Integ::kNone);
  const Bytes wire = ProtectOk(other, TestPayloads());
  other.encr_key.back() ^= 1;
  EXPECT_TRUE(absl::IsUnauthenticated(UnprotectAny(other, wire).status()));
}

// Layout of RFC 5282 §3 with the pieces checked by hand: header, SK header, IV = sequence, ciphertext, tag.
TEST(CodecProtect, AeadMessageIsLaidOutAsRfc5282Says) {
  const ProtectKeys keys = Keys(Encr::kAesGcm16, 128, Integ::kNone);
  const Bytes wire = ProtectOk(keys, {VendorIdPayload{ToBytes("ab")}}, 0x0102030405060708);
  ASSERT_EQ(wire.size(), 28u + 4 + 8 + (6 + 1) + 16);
  EXPECT_EQ(ToHex(BytesView(wire).first(40)),
            "0102030405060708" "1112131415161718"
            "2e" "20" "23" "08" "00000001" "0000003f"  // SK, 2.0, IKE_AUTH, Initiator, ID 1, 63 octets
            "2b" "00" "0023"                           // inner: Vendor ID; SK payload of 35 octets
            "0102030405060708");                       // IV
  const Bytes nonce = FromHex("11111111" "0102030405060708");  // salt | IV
  const auto plain = Openssl().Open(Encr::kAesGcm16, Bytes(16, 0x11), nonce, BytesView(wire).first(32),
                                    BytesView(wire).subspan(40));
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(ToHex(*plain), "00000006" "6162" "00");  // payload | Pad Length 0
}

TEST(CodecProtect, CbcMessageIsPaddedAndSignedAsRfc7296Says) {
  const ProtectKeys keys = Keys(Encr::kAesCbc, 128, Integ::kHmacSha256_128);
  const Bytes wire = ProtectOk(keys, {VendorIdPayload{ToBytes("ab")}});
  ASSERT_EQ(wire.size(), 28u + 4 + 16 + 16 + 16);
  const auto plain = Openssl().Decrypt(Encr::kAesCbc, Bytes(16, 0x11), BytesView(wire).subspan(32, 16),
                                          BytesView(wire).subspan(48, 16));
  EXPECT_EQ(ToHex(*plain), "00000006" "6162" "000000000000000000" "09");
  const BytesView parts[] = {BytesView(wire).first(64)};
  EXPECT_EQ(ToHex(Openssl().ComputeIntegrity(Integ::kHmacSha256_128, keys.integ_key, parts)),
            ToHex(BytesView(wire).last(16)));
}

// Authentic messages with an inside nobody should send.
Bytes CbcMessage(const ProtectKeys& keys, uint8_t inner, const Bytes& plain) {
  Header h = TestHeader();
  h.next_payload = 46;
  const Bytes iv(16, 9);
  const Bytes cipher = Openssl().Encrypt(keys.encr, keys.encr_key, iv, plain).value_or(Bytes{});
  ByteWriter w;
  Bytes header = EncodeMessage(h, {});
  header[16] = 46;
  header[27] = static_cast<uint8_t>(28 + 4 + 16 + cipher.size() + 32);
  w.Append(header);
  w.U8(inner);
  w.U8(0);
  w.U16(static_cast<uint16_t>(4 + 16 + cipher.size() + 32));
  w.Append(iv);
  w.Append(cipher);
  const BytesView parts[] = {w.view()};
  w.Append(Openssl().ComputeIntegrity(keys.integ, keys.integ_key, parts));
  return std::move(w).Release();
}

TEST(CodecProtect, AuthenticButMalformedIsASyntaxError) {
  const ProtectKeys keys = Keys(Encr::kAesCbc, 256, Integ::kHmacSha512_256);
  Bytes plain(16);
  plain.back() = 15;
  EXPECT_TRUE(UnprotectAny(keys, CbcMessage(keys, 0, plain)).ok()) << "only padding";
  for (uint8_t pad : {uint8_t{16}, uint8_t{255}}) {
    plain.back() = pad;
    EXPECT_TRUE(absl::IsInvalidArgument(UnprotectAny(keys, CbcMessage(keys, 0, plain)).status())) << int{pad};
  }
  plain.back() = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(UnprotectAny(keys, CbcMessage(keys, 0, plain)).status())) << "octets left";
  plain.back() = 15;
  EXPECT_TRUE(absl::IsInvalidArgument(UnprotectAny(keys, CbcMessage(keys, 34, plain)).status())) << "no KE inside";
}

TEST(CodecProtect, NoSkPayloadIsUnauthentic) {
  for (const Case& c : AllCases()) {
    EXPECT_TRUE(absl::IsUnauthenticated(UnprotectAny(c.keys, EncodeMessage(TestHeader(), TestPayloads())).status()));
    EXPECT_TRUE(absl::IsUnauthenticated(UnprotectAny(c.keys, EncodeMessage(TestHeader(), {})).status()));
  }
}

TEST(CodecProtect, NeverWithoutIntegrity) {
  SeededRng rng(1);
  for (const ProtectKeys& keys : {Keys(Encr::kAesCbc, 128, Integ::kNone), Keys(Encr::kNone, 0, Integ::kHmacSha1_96)}) {
    EXPECT_FALSE(Protect(Openssl(), keys, TestHeader(), TestPayloads(), 1, rng).ok());
    EXPECT_FALSE(UnprotectAny(keys, ProtectOk(Keys(Encr::kAesCbc, 128, Integ::kHmacSha1_96), TestPayloads())).ok());
  }
}

TEST(CodecProtect, RefusesAMessageLongerThanADatagram) {
  SeededRng rng(1);
  const ProtectKeys keys = Keys(Encr::kAesGcm16, 128, Integ::kNone);
  const Payloads payloads = {VendorIdPayload{Bytes(40000)}, VendorIdPayload{Bytes(40000)}};
  EXPECT_TRUE(absl::IsResourceExhausted(Protect(Openssl(), keys, TestHeader(), payloads, 1, rng).status()));
}

// RFC 7634 appendix B, the whole message: a request of the initial responder with SET_WINDOW_SIZE 10.
TEST(CodecProtect, MatchesTheMessageOfRfc7634) {
  ProtectKeys keys = Keys(Encr::kChacha20Poly1305, 0, Integ::kNone);
  for (size_t i = 0; i < keys.encr_key.size(); ++i) keys.encr_key[i] = static_cast<uint8_t>(0x80 + i);
  const Bytes wire = FromHex(
      "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029"
      "1011121314151617"
      "610394701f8d017f7c129248896b71bfe25236efd7cdc67066906315b2");
  const Payloads payloads = {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kSetWindowSize, FromHex("0000000a")}};
  Header header;
  header.initiator_spi = IkeSpi(0xc0c1c2c3c4c5c6c7);
  header.responder_spi = IkeSpi(0xd0d1d2d3d4d5d6d7);
  header.exchange = ExchangeType::kInformational;
  header.message_id = 9;
  SeededRng rng(1);
  EXPECT_EQ(*Protect(Openssl(), keys, header, payloads, 0x1011121314151617, rng), wire);
  EXPECT_EQ(*UnprotectAny(keys, wire), payloads);
}

TEST(CodecProtect, CounterModeNeverRepeatsAnIv) {
  const ProtectKeys keys = Keys(Encr::kAesCtr, 128, Integ::kHmacSha256_128);
  for (uint64_t sequence : {0ull, 1ull, 0xffffffffull, 0x100000000ull}) {
    ByteWriter iv;
    iv.U64(sequence);
    const Bytes wire = ProtectOk(keys, TestPayloads(), sequence);
    EXPECT_EQ(ToHex(BytesView(wire).subspan(32, 8)), ToHex(iv.view()));
  }
}

}  // namespace
}  // namespace flexvpn::ike
