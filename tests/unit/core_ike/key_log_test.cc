// SPDX-License-Identifier: Apache-2.0
// The key log: Wireshark's names, and reading back what was written.
#include "core/ike/key_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core_ike/pair.h"

namespace flexvpn::ike {
namespace {

using crypto::Encr;
using crypto::Integ;
using testing::HasSubstr;

ProtectKeys Keys(Encr encr, uint16_t bits, Integ integ, uint8_t fill) {
  ProtectKeys k;
  k.encr = encr;
  k.integ = integ;
  k.encr_key.assign(crypto::EncrKeySize(encr, bits) + crypto::SaltSize(encr), fill);
  k.integ_key.assign(crypto::IntegKeySize(integ), static_cast<uint8_t>(fill + 1));
  return k;
}
KeyLogEntry Entry(Encr encr, uint16_t bits, Integ integ) {
  return {IkeSpi(0x0102030405060708), IkeSpi(0xa1a2a3a4a5a6a7a8), Keys(encr, bits, integ, 0x11),
          Keys(encr, bits, integ, 0x22)};
}
std::string Line(const KeyLogEntry& e) {
  const SecretBytes s = FormatKeyLog(e);
  return std::string(s.begin(), s.end());
}

TEST(KeyLog, WritesALineOfWiresharksTable) {
  EXPECT_EQ(
      Line(Entry(Encr::kAesCbc, 128, Integ::kHmacSha1_96)),
      "0102030405060708,a1a2a3a4a5a6a7a8,11111111111111111111111111111111,22222222222222222222222222222222,"
      "\"AES-CBC-128 "
      "[RFC3602]\",1212121212121212121212121212121212121212,2323232323232323232323232323232323232323,"
      "\"HMAC_SHA1_96 [RFC2404]\"\n");
  EXPECT_EQ(Line(Entry(Encr::kAesGcm16, 128, Integ::kNone)),
            "0102030405060708,a1a2a3a4a5a6a7a8,1111111111111111111111111111111111111111,"
            "2222222222222222222222222222222222222222,\"AES-GCM-128 with 16 octet ICV [RFC5282]\",,,\"NONE "
            "[RFC4306]\"\n");
}

TEST(KeyLog, MarksWhatWiresharkCannotReadAsAComment) {
  EXPECT_THAT(Line(Entry(Encr::kChacha20Poly1305, 0, Integ::kNone)),
              testing::StartsWith("#flexvpn:0102030405060708,"));
}

TEST(KeyLog, ReadsBackEverySuiteItWrites) {
  std::string text = "# a comment\n\n";
  std::vector<KeyLogEntry> all;
  for (Encr e : {Encr::k3des, Encr::kAesCbc, Encr::kAesCtr, Encr::kAesCcm8, Encr::kAesCcm12, Encr::kAesCcm16,
                 Encr::kAesGcm8, Encr::kAesGcm12, Encr::kAesGcm16, Encr::kChacha20Poly1305})
    for (const uint16_t bits : std::initializer_list<uint16_t>{0, 128, 192, 256})
      for (Integ i : {Integ::kNone, Integ::kHmacMd5_96, Integ::kHmacSha1_96, Integ::kAesCmac96,
                      Integ::kHmacSha256_128, Integ::kHmacSha384_192, Integ::kHmacSha512_256})
        if (crypto::EncrKeySize(e, bits) != 0 && crypto::IsAead(e) == (i == Integ::kNone) &&
            (bits == 0 || e != Encr::k3des))
          all.push_back(Entry(e, bits, i));
  ASSERT_GT(all.size(), 50u);
  for (const KeyLogEntry& e : all) text += Line(e);
  const auto read = ParseKeyLog(text + "\r\n");
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->size(), all.size());
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(Line((*read)[i]), Line(all[i]));
}

TEST(KeyLog, SaysWhichLineIsWrongAndWhy) {
  const std::string good = Line(Entry(Encr::kAesCbc, 128, Integ::kHmacSha1_96));
  auto why = [&](std::string line) { return std::string(ParseKeyLog("\n" + line).status().message()); };
  EXPECT_EQ(why("01,02"), "line 2: not eight fields");
  EXPECT_THAT(why("x" + good.substr(1)), HasSubstr("an SPI is not 16 hexadecimal digits"));
  EXPECT_THAT(why(good.substr(1)), HasSubstr("an SPI is not 16 hexadecimal digits"));
  std::string other = good;
  other.replace(other.find("AES-CBC-128"), 11, "AES-CBC-129");
  EXPECT_THAT(why(other), HasSubstr("unknown encryption algorithm"));
  other = good;
  other.replace(other.find("AES-CBC-128"), 11, "AES-CBC-256");
  EXPECT_THAT(why(other), HasSubstr("a key has the wrong size"));
  other = good;
  other.replace(other.find("HMAC_SHA1_96 [RFC2404]"), 22, "NONE [RFC4306]");
  EXPECT_THAT(why(other), HasSubstr("unknown integrity algorithm"));
  other = good;
  other[40] = 'g';
  EXPECT_THAT(why(other), HasSubstr("a key is not hexadecimal"));
}

TEST(KeyLog, NoCutOfALineIsTakenForAWholeOne) {
  const std::string good = Line(Entry(Encr::kAesCbc, 256, Integ::kHmacSha256_128));
  for (size_t n = 1; n + 2 < good.size(); ++n) EXPECT_FALSE(ParseKeyLog(good.substr(0, n)).ok()) << n;
}

// The keys both sides tell open every protected message of the wire, before and after a rekey of the IKE SA.
TEST(KeyLog, EndpointTellsItsKeysOnlyWhenAsked) {
  for (bool asked : {false, true}) {
    Endpoint::Config config;
    config.log_keys = asked;
    test::World w(1, config);
    w.Connect();
    w.Do(*w.a, [&](Endpoint& e, Actions& out) { e.RekeyIke(w.a->ups[0].id, w.now, out); });
    w.Run(seconds(5));
    ASSERT_EQ(w.a->keys.size(), asked ? 2u : 0u);
    ASSERT_EQ(w.b->keys.size(), w.a->keys.size());
    if (!asked) continue;
    for (size_t i = 0; i < 2; ++i) EXPECT_EQ(Line(w.a->keys[i]), Line(w.b->keys[i]));
    size_t opened = 0;
    for (const auto& [sender, datagram] : w.wire) {
      const auto header = DecodeHeader(datagram.bytes);
      ASSERT_TRUE(header.ok());
      if (header->exchange == ExchangeType::kIkeSaInit) continue;
      for (const KeyLogEntry& k : w.a->keys) {
        if (k.spi_i != header->initiator_spi || k.spi_r != header->responder_spi) continue;
        EXPECT_TRUE(Unprotect(w.a->crypto, header->from_initiator() ? k.initiator : k.responder, *header,
                              datagram.bytes)
                        .ok());
        ++opened;
      }
    }
    EXPECT_EQ(opened, w.wire.size() - 2);
  }
}

}  // namespace
}  // namespace flexvpn::ike
