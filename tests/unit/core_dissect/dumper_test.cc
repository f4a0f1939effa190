// SPDX-License-Identifier: Apache-2.0
// Whole conversations of two endpoints, dumped with and without their key log; and by tshark, where it is
// installed.
#include "core/dissect/dumper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/ike/codec/payloads.h"
#include "support/openssl.h"
#include "unit/core_ike/pair.h"

namespace flexvpn::dissect {
namespace {

using crypto::Encr;
using crypto::Integ;
using crypto::Prf;
using ike::test::World;
using testing::HasSubstr;

struct Conversation {
  std::vector<UdpPacket> packets;
  std::vector<ike::KeyLogEntry> keys;
};

// IKE_SA_INIT, IKE_AUTH, a rekey of the IKE SA and its delete.
Conversation Talk(const ike::Suite& suite) {
  ike::Endpoint::Config config;
  config.log_keys = true;
  World w(1, config);
  w.a->policy.suites = w.b->policy.suites = {suite};
  w.Connect();
  w.Do(*w.a, [&](ike::Endpoint& e, ike::Actions& out) { e.RekeyIke(w.a->ups[0].id, w.now, out); });
  w.Run(seconds(5));
  Conversation c;
  c.keys = w.a->keys;
  for (const auto& [sender, d] : w.wire) c.packets.push_back({d.local, d.remote, d.bytes});
  return c;
}
ike::Suite Gcm() {
  return {Encr::kAesGcm16, 256, Integ::kNone, Prf::kHmacSha512, crypto::KeMethod::kEcp256, false};
}

std::vector<std::string> Names(const Json& message) {
  std::vector<std::string> out;
  for (const Json& p : message["payloads"]) out.push_back(p["payload"]);
  return out;
}

TEST(Dumper, DecryptsEveryMessageOfAConversation) {
  for (const ike::Suite& suite : {Gcm(), ike::test::IkeSuite(),
                                  ike::Suite{Encr::kAesCtr, 128, Integ::kAesCmac96, Prf::kAesCmac,
                                             crypto::KeMethod::kCurve25519, false},
                                  ike::Suite{Encr::kChacha20Poly1305, 0, Integ::kNone, Prf::kHmacSha256,
                                             crypto::KeMethod::kCurve25519, false}}) {
    const Conversation c = Talk(suite);
    ASSERT_GE(c.packets.size(), 8u);
    Dumper dumper(Openssl(), c.keys);
    size_t decrypted = 0;
    for (const UdpPacket& p : c.packets) {
      const Json m = dumper.Dump("t", p);
      EXPECT_FALSE(m.contains("error")) << m.dump(1);
      if (m.contains("decrypted")) decrypted += m["decrypted"].get<bool>() ? 1 : 0;
    }
    EXPECT_EQ(decrypted, c.packets.size() - 2);
  }
}

TEST(Dumper, ShowsWhatIsInTheMessages) {
  const Conversation c = Talk(Gcm());
  Dumper dumper(Openssl(), c.keys);
  const Json init = dumper.Dump("12:00", c.packets[0]);
  EXPECT_EQ(init["exchange"], "IKE_SA_INIT");
  EXPECT_EQ(init["response"], false);
  EXPECT_EQ(init["from_initiator"], true);
  EXPECT_EQ(init["source"], "192.0.2.1:500");
  const std::string text = RenderText(init);
  EXPECT_THAT(text, HasSubstr("12:00 192.0.2.1:500 > 192.0.2.2:500 IKE_SA_INIT request 0 i "));
  EXPECT_THAT(text, HasSubstr("ENCR_AES_GCM_16/256"));
  EXPECT_THAT(text, HasSubstr("KE: method KE_ECP_256, data "));
  EXPECT_THAT(text, HasSubstr("N: type NAT_DETECTION_SOURCE_IP"));
  const Json auth = dumper.Dump("12:00", c.packets[2]);
  EXPECT_THAT(Names(auth), testing::IsSupersetOf({"IDi", "AUTH", "SA", "TSi", "TSr"}));
  EXPECT_THAT(RenderText(auth), HasSubstr("IDi: type ID_FQDN, value spoke1.example.net"));
  EXPECT_THAT(RenderText(auth), HasSubstr(", decrypted\n"));
}

TEST(Dumper, SaysWhenKeysAreMissingOrDoNotFit) {
  const Conversation c = Talk(Gcm()), other = Talk(ike::test::IkeSuite());
  Dumper none(Openssl(), {});
  const Json blind = none.Dump("t", c.packets[2]);
  EXPECT_EQ(blind["error"], "the key log has no keys of this IKE SA");
  EXPECT_THAT(Names(blind), testing::ElementsAre("SK"));
  EXPECT_EQ(blind["payloads"][0]["first"], "IDi");
  std::vector<ike::KeyLogEntry> wrong = c.keys;
  for (ike::KeyLogEntry& k : wrong) k.initiator.encr_key[0] ^= 1;
  EXPECT_EQ(Dumper(Openssl(), wrong).Dump("t", c.packets[2])["error"],
            "the key log's keys do not fit this message");
}

TEST(Dumper, PassesOverWhatIsNotIke) {
  Dumper dumper(Openssl(), {});
  const net::Endpoint a{*net::IpAddress::Parse("192.0.2.1"), 4500},
      b{*net::IpAddress::Parse("192.0.2.2"), 4500};
  EXPECT_TRUE(dumper.Dump("t", {a, b, FromHex("ff")}).is_null()) << "keepalive";
  EXPECT_TRUE(dumper.Dump("t", {a, b, FromHex("c0ffee0100000001")}).is_null()) << "ESP";
  EXPECT_TRUE(dumper.Dump("t", {{a.address, 53}, {b.address, 53}, Bytes(40)}).is_null());
  EXPECT_TRUE(dumper.Dump("t", {{a.address, 500}, {b.address, 500}, FromHex("00")})["error"].is_string());
  const Conversation c = Talk(Gcm());
  UdpPacket floated{a, b, Bytes(4)};
  floated.payload.insert(floated.payload.end(), c.packets[0].payload.begin(), c.packets[0].payload.end());
  EXPECT_EQ(dumper.Dump("t", floated)["exchange"], "IKE_SA_INIT") << "behind the non-ESP marker";
}

TEST(Dumper, EveryTruncationAndEveryAlteredOctetIsHarmless) {
  const Conversation c = Talk(Gcm());
  Dumper dumper(Openssl(), c.keys);
  for (size_t i : {size_t{0}, size_t{2}}) {
    const UdpPacket& whole = c.packets[i];
    for (size_t n = 0; n < whole.payload.size(); ++n) {
      UdpPacket cut = whole;
      cut.payload.resize(n);
      EXPECT_TRUE(dumper.Dump("t", cut).contains("error")) << n;
      UdpPacket altered = whole;
      altered.payload[n] ^= 0x40;
      EXPECT_FALSE(RenderText(dumper.Dump("t", altered)).empty());
    }
  }
}

// One message in three fragments (RFC 7383 §2.5), made with the codec's own parts.
TEST(Dumper, PutsEncryptedFragmentsTogetherInAnyOrder) {
  ike::ProtectKeys keys;
  keys.encr = Encr::kAesGcm16;
  keys.encr_key.assign(20, 0x11);
  ByteWriter chain;
  const uint8_t first =
      ike::EncodePayloads({ike::IdPayload{true, ike::IdType::kFqdn, ToBytes("spoke1.example.net")},
                           ike::VendorIdPayload{Bytes(50, 'v')}},
                          chain);
  std::vector<Bytes> wire;
  for (uint16_t number = 1; number <= 3; ++number) {
    const BytesView all = chain.view();
    const size_t at = (number - 1u) * 30u;
    SecretBytes plain = ToSecret(number < 3 ? all.subspan(at, 30) : all.subspan(at));
    plain.push_back(0);  // no padding
    ike::Header h;
    h.initiator_spi = ike::IkeSpi(1);
    h.responder_spi = ike::IkeSpi(2);
    h.exchange = ike::ExchangeType::kIkeAuth;
    h.flags = ike::kFlagInitiator;
    h.message_id = 1;
    ByteWriter w;
    ike::EncodeHeader(h, 53, w);
    const size_t total = 28 + 8 + 8 + plain.size() + 16;
    w.PatchU32(ike::kLengthOffset, static_cast<uint32_t>(total));
    w.U8(number == 1 ? first : 0);
    w.U8(0);
    w.U16(static_cast<uint16_t>(total - 28));
    w.U16(number);
    w.U16(3);
    ByteWriter iv;
    iv.U64(number);
    SecretBytes nonce(4, 0x11);
    nonce.insert(nonce.end(), iv.view().begin(), iv.view().end());
    const Bytes sealed =
        *Openssl().Seal(keys.encr, BytesView(keys.encr_key).first(16), nonce, w.view(), plain);
    w.Append(iv.view());
    w.Append(sealed);
    wire.push_back(std::move(w).Release());
  }
  const net::Endpoint a{*net::IpAddress::Parse("192.0.2.1"), 500},
      b{*net::IpAddress::Parse("192.0.2.2"), 500};
  for (const std::vector<size_t>& order : {std::vector<size_t>{0, 1, 2}, {2, 0, 1}, {1, 1, 2, 0}}) {
    Dumper dumper(Openssl(), {{ike::IkeSpi(1), ike::IkeSpi(2), keys, keys}});
    Json last;
    for (size_t i : order) last = dumper.Dump("t", {a, b, wire[i]});
    EXPECT_THAT(Names(last), testing::ElementsAre("SKF", "IDi", "V")) << last.dump(1);
  }
}

// --- another decoder
// ------------------------------------------------------------------------------------------------
void Number32(std::ofstream& f, uint32_t v) { f.write(reinterpret_cast<const char*>(&v), 4); }

// pcap of raw IPv4 (link type 228) in this machine's byte order.
void WritePcap(const std::filesystem::path& path, const std::vector<UdpPacket>& packets) {
  std::ofstream f(path, std::ios::binary);
  for (uint32_t v : {0xa1b2c3d4u, 0x00040002u, 0u, 0u, 65535u, 228u}) Number32(f, v);
  uint32_t time = 1;
  for (const UdpPacket& p : packets) {
    ByteWriter w;
    w.U16(0x4500);
    w.U16(static_cast<uint16_t>(28 + p.payload.size()));
    w.U32(0x00004000);
    w.U16(0x4011);
    w.U16(0);
    w.Append(p.source.address.bytes());
    w.Append(p.destination.address.bytes());
    w.U16(p.source.port);
    w.U16(p.destination.port);
    w.U16(static_cast<uint16_t>(8 + p.payload.size()));
    w.U16(0);
    w.Append(p.payload);
    const auto size = static_cast<uint32_t>(w.size());
    for (uint32_t v : {time++, 0u, size, size}) Number32(f, v);
    f.write(reinterpret_cast<const char*>(w.view().data()), static_cast<std::streamsize>(w.size()));
  }
}

std::string Output(const std::string& command) {
  std::string out;
  FILE* f = popen(command.c_str(), "r");
  if (f == nullptr) return out;
  char chunk[4096];
  size_t n;
  while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) out.append(chunk, n);
  pclose(f);
  return out;
}

// What tshark finds in the messages when it has our key log.
std::string Tshark(const Conversation& c) {
  char name[] = "/tmp/flexvpn-keylog-XXXXXX";
  const std::filesystem::path dir = mkdtemp(name);
  WritePcap(dir / "c.pcap", c.packets);
  std::ofstream table(dir / "ikev2_decryption_table");
  for (const ike::KeyLogEntry& k : c.keys) {
    const SecretBytes line = ike::FormatKeyLog(k);
    table.write(reinterpret_cast<const char*>(line.data()), static_cast<std::streamsize>(line.size()));
  }
  table.close();
  const std::string out =
      Output("WIRESHARK_CONFIG_DIR=" + dir.string() + " tshark -r " + (dir / "c.pcap").string() + " -V 2>&1");
  std::filesystem::remove_all(dir);
  return out;
}

size_t Count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST(KeyLogFile, LetsTsharkDecryptEveryMessage) {
  if (Output("tshark --version 2>/dev/null").find("TShark") == std::string::npos)
    GTEST_SKIP() << "tshark is not installed";
  const crypto::KeMethod ke = crypto::KeMethod::kCurve25519;
  const ike::Suite kSuites[] = {
      Gcm(),
      {Encr::kAesGcm8, 128, Integ::kNone, Prf::kHmacSha256, ke, false},
      {Encr::kAesGcm12, 192, Integ::kNone, Prf::kHmacSha256, ke, false},
      {Encr::kAesCcm16, 256, Integ::kNone, Prf::kHmacSha256, ke, false},
      {Encr::kAesCbc, 256, Integ::kHmacSha512_256, Prf::kHmacSha512, ke, false},
      {Encr::kAesCbc, 128, Integ::kHmacSha1_96, Prf::kHmacSha1, ke, false},
      {Encr::kAesCbc, 192, Integ::kAesCmac96, Prf::kAesCmac, ke, false},
      {Encr::k3des, 0, Integ::kHmacMd5_96, Prf::kHmacMd5, ke, false},
      {Encr::kAesCtr, 128, Integ::kHmacSha256_128, Prf::kHmacSha256, ke, false},
  };
  for (const ike::Suite& suite : kSuites) {
    SCOPED_TRACE(absl::StrCat(crypto::EncrName(suite.encr), " ", suite.encr_key_bits, " ",
                              crypto::IntegName(suite.integ)));
    const Conversation c = Talk(suite);
    const std::string text = Tshark(c);
    EXPECT_EQ(Count(text, "Decrypted Data"), c.packets.size() - 2) << text.substr(0, 3000);
    EXPECT_EQ(Count(text, "incorrect"), 0u) << text;
    EXPECT_THAT(text, HasSubstr("spoke1.example.net"));
  }
}

}  // namespace
}  // namespace flexvpn::dissect
