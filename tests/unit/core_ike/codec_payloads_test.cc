// SPDX-License-Identifier: Apache-2.0
// Every payload: annotated golden bytes (layouts of RFC 7296 §3), every truncation, every rule about values.
#include "core/ike/codec/payloads.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "support/values.h"

namespace flexvpn::ike {
namespace {

using crypto::KeMethod;
using net::IpAddress;

// Payload and its body; `from`: shortest truncation of the body that is still a valid payload (bodies that end
// in "the rest" have some), or npos.
struct Golden {
  const char* name;
  uint8_t type;
  Payload payload;
  Bytes body;
  size_t from = std::string::npos;
};

std::vector<Golden> AllGolden() {
  std::vector<Golden> g;
  g.push_back({"SA", 33,
               SaPayload{{
                   {1, ProtocolId::kIke, {}, {{TransformType::kEncr, 20, 256}, {TransformType::kKe, 31, {}}}},
                   {2, ProtocolId::kEsp, FromHex("c1c2c3c4"), {{TransformType::kEsn, 1, {}}}},
               }},
               FromHex("02 00 001c"        // More proposals, RESERVED, Proposal Length 28
                       "01 01 00 02"       // Num 1, Protocol IKE, SPI Size 0, Num Transforms 2
                       "03 00 000c"        // More transforms, Transform Length 12
                       "01 00 0014"        // Type ENCR, ID 20 AES-GCM-16
                       "800e 0100"         // Attribute TV, Key Length 256
                       "00 00 0008"        // Last transform, 8 octets
                       "04 00 001f"        // Type KE, ID 31 Curve25519
                       "00 00 0014"        // Last proposal, 20 octets
                       "02 03 04 01"       // Num 2, Protocol ESP, SPI Size 4, Num Transforms 1
                       "c1c2c3c4"          // SPI
                       "00 00 0008"        // Last transform
                       "05 00 0001")});    // Type ESN, ID 1 extended sequence numbers
  g.push_back({"KE", 34, KePayload{KeMethod::kCurve25519, FromHex("a0a1a2")},
               FromHex("001f"       // Key Exchange Method 31
                       "0000"       // RESERVED
                       "a0a1a2"),   // Key Exchange Data
               5});
  g.push_back({"IDi", 35, IdPayload{true, IdType::kFqdn, ToBytes("hub")},
               FromHex("02 000000"  // ID Type FQDN, RESERVED
                       "687562"),   // "hub"
               4});
  g.push_back({"IDr", 36, IdPayload{false, IdType::kIpv4, FromHex("c0000201")},
               FromHex("01 000000"    // ID Type IPv4
                       "c0000201")}); // 192.0.2.1
  g.push_back({"CERT", 37, CertPayload{4, FromHex("3082")},
               FromHex("04"      // X.509 Certificate - Signature
                       "3082"),  // DER
               1});
  g.push_back({"CERTREQ", 38, CertReqPayload{4, FromHex("0102")}, FromHex("04 0102"), 1});
  g.push_back({"AUTH", 39, AuthPayload{AuthMethod::kSharedKey, FromHex("deadbeef")},
               FromHex("02 000000"   // Auth Method: Shared Key MIC
                       "deadbeef"),  // Authentication Data
               5});
  g.push_back({"Nonce", 40, NoncePayload{Bytes(17, 0x55)}, Bytes(17, 0x55), 16});
  g.push_back({"Notify", 41, NotifyPayload{ProtocolId::kEsp, FromHex("c1c2c3c4"), NotifyType::kRekeySa, {0xaa}},
               FromHex("03 04 4009"  // Protocol ESP, SPI Size 4, REKEY_SA
                       "c1c2c3c4"    // SPI
                       "aa"),        // Notification Data
               8});
  g.push_back({"Delete", 42, DeletePayload{ProtocolId::kEsp, {EspSpi(0xc1c2c3c4), EspSpi(1)}},
               FromHex("03 04 0002"             // Protocol ESP, SPI Size 4, Num of SPIs 2
                       "c1c2c3c4 00000001")});  // SPIs
  g.push_back({"Vendor ID", 43, VendorIdPayload{ToBytes("FLEXVPN-SUPPORTED")}, ToBytes("FLEXVPN-SUPPORTED"), 0});
  g.push_back({"TSi", 44,
               TsPayload{true,
                         {{47, 0, 65535, Ip("10.0.0.1"), Ip("10.0.0.9")},
                          {0, 65535, 0, Ip("2001:db8::"), Ip("2001:db8::ffff")}}},
               FromHex("02 000000"                         // Number of TSs 2
                       "07 2f 0010"                        // IPv4 range, protocol 47 GRE, Selector Length 16
                       "0000 ffff 0a000001 0a000009"       // ports 0-65535, 10.0.0.1-10.0.0.9
                       "08 00 0028"                        // IPv6 range, any protocol, length 40
                       "ffff 0000"                         // ports: OPAQUE
                       "20010db8000000000000000000000000"  // 2001:db8::
                       "20010db800000000000000000000ffff")});
  g.push_back({"TSr", 45, TsPayload{false, {{0, 0, 65535, Ip("0.0.0.0"), Ip("255.255.255.255")}}},
               FromHex("01 000000 07 00 0010 0000 ffff 00000000 ffffffff")});
  g.push_back({"CP", 47,
               ConfigPayload{CfgType::kReply,
                             {{CfgAttr::kIp4Address, FromHex("0a000001")}, {CfgAttr::kIp4Dns, {}}}},
               FromHex("02 000000"            // CFG_REPLY
                       "0001 0004 0a000001"   // INTERNAL_IP4_ADDRESS 10.0.0.1
                       "0003 0000"),          // INTERNAL_IP4_DNS, empty
               4});
  g.push_back({"EAP", 48, EapPayload{FromHex("01 07 0005 01")},
               FromHex("01"       // Code: Request
                       "07"       // Identifier
                       "0005"     // Length 5
                       "01")});   // Type: Identity
  return g;
}

// The body as a single payload of a chain.
absl::StatusOr<Payload> DecodeAs(uint8_t type, BytesView body) {
  ByteWriter w;
  w.U16(0);
  w.U16(static_cast<uint16_t>(body.size() + kGenericHeaderSize));
  w.Append(body);
  auto payloads = DecodePayloads(type, w.view());
  if (!payloads.ok()) return payloads.status();
  return payloads->front();
}
absl::Status StatusOf(uint8_t type, const char* body_hex) { return DecodeAs(type, FromHex(body_hex)).status(); }

TEST(CodecPayloads, DecodeReadsGoldenBytes) {
  for (const Golden& g : AllGolden()) {
    const auto payload = DecodeAs(g.type, g.body);
    ASSERT_TRUE(payload.ok()) << g.name << payload.status();
    EXPECT_EQ(*payload, g.payload) << g.name;
  }
}

TEST(CodecPayloads, EncodeGivesGoldenBytes) {
  for (const Golden& g : AllGolden()) {
    ByteWriter w;
    EXPECT_EQ(EncodePayloads({g.payload}, w), g.type) << g.name;
    EXPECT_EQ(ToHex(w.view().subspan(kGenericHeaderSize)), ToHex(g.body)) << g.name;
    EXPECT_EQ(ToHex(w.view().first(2)), "0000") << g.name;
  }
}

TEST(CodecPayloads, RefuseEveryTruncationThatIsNotAPayloadItself) {
  for (const Golden& g : AllGolden()) {
    for (size_t n = 0; n < g.body.size(); ++n) {
      const absl::Status s = DecodeAs(g.type, BytesView(g.body).first(n)).status();
      // CP is a list without a count: it may end after any attribute.
      const bool cp_boundary = g.type == 47 && n >= 4;
      if (cp_boundary) {
        EXPECT_EQ(s.ok(), n == 4 || n == 12) << g.name << " " << n;
      } else {
        EXPECT_EQ(s.ok(), n >= g.from) << g.name << " " << n;
      }
      if (!s.ok()) {
        EXPECT_TRUE(absl::IsInvalidArgument(s)) << g.name << s;
      }
    }
  }
}

TEST(CodecPayloads, ErrorsBeginWithTheNameOfThePayload) {
  EXPECT_EQ(StatusOf(34, "001f").message().substr(0, 10), "KE payload");
  EXPECT_EQ(StatusOf(33, "").message().substr(0, 10), "SA payload");
  EXPECT_EQ(StatusOf(44, "01000000").message().substr(0, 10), "TS payload");
}

TEST(SaPayloadDecode, RefusesContradictionsInTheSubstructures) {
  const char* kBad[] = {
      "02 00 0010 01010001 00000008 0400001f",                                    // more proposals, none follows
      "00 00 0010 01010001 00000008 0400001f 00 00 0010 02010001 00000008 0400001f",  // last, one follows
      "01 00 0010 01010001 00000008 0400001f",                                    // neither last nor more
      "00 00 0010 01010001 03000008 0400001f",                                    // more transforms, none follows
      "00 00 0018 01010002 00000008 0400001f 00000008 04000013",                  // last transform, one follows
      "00 00 0010 01010002 00000008 0400001f",                                    // one transform too few
      "00 00 0018 01010001 03000008 0400001f 00000008 04000013",                  // one too many
      "00 00 0008 01010000",                                                      // no transform
      "00 00 0011 01010001 00000008 0400001f",                                    // longer than the payload
      "00 00 0007 01010001 00000008 0400001f",                                    // shorter than its header
      "00 00 0010 01010001 00000007 0400001f",                                    // transform shorter than its header
      "00 00 0010 01010001 00000009 0400001f",                                    // transform longer than the proposal
      "00 00 0014 01010401 c1c2c3c4 00000008 0400001f",                           // IKE with an SPI of 4
      "00 00 0010 01030001 00000008 05000000",                                    // ESP without SPI
      "00 00 0018 01030801 c1c2c3c4c5c6c7c8 00000008 05000000",                   // ESP with an SPI of 8
      "00 00 0010 0103ff01 00000008 05000000",                                    // SPI longer than the proposal
  };
  for (const char* body : kBad) EXPECT_TRUE(absl::IsInvalidArgument(StatusOf(33, body))) << body;
  EXPECT_TRUE(StatusOf(33, "00 00 0010 01010001 00000008 0400001f").ok());
  EXPECT_TRUE(StatusOf(33, "00 00 0018 01010801 c1c2c3c4c5c6c7c8 00000008 0400001f").ok());
}

TEST(SaPayloadDecode, ProposalNumbersRise) {
  const std::string first = "02 00 0010 01010001 00000008 0400001f";
  EXPECT_TRUE(StatusOf(33, absl::StrCat(first, "00 00 0010 02010001 00000008 0400001f").c_str()).ok());
  EXPECT_FALSE(StatusOf(33, absl::StrCat(first, "00 00 0010 01010001 00000008 0400001f").c_str()).ok());
}

TEST(SaPayloadDecode, BoundsTheNumberOfProposals) {
  for (int count : {64, 65}) {
    ByteWriter w;
    for (int i = 1; i <= count; ++i) {
      w.Append(Bytes{static_cast<uint8_t>(i == count ? 0 : 2), 0, 0, 16, static_cast<uint8_t>(i), 1, 0, 1});
      w.Append(FromHex("00000008 0400001f"));
    }
    EXPECT_EQ(DecodeSa(w.view()).ok(), count == 64);
  }
}

TEST(SaPayloadDecode, KeepsAttributesItDoesNotKnow) {
  const Bytes body = FromHex(
      "00 00 0022 01010001"
      "00 00 001a 01 00 000c"  // ENCR AES-CBC
      "800e 0080"              // Key Length 128
      "9234 5678"              // unknown, TV
      "1235 0006 010203040506");  // unknown, TLV of 6 octets
  const auto sa = DecodeSa(body);
  ASSERT_TRUE(sa.ok()) << sa.status();
  const Transform& t = sa->proposals[0].transforms[0];
  EXPECT_EQ(t.key_bits, 128);
  EXPECT_EQ(ToHex(t.other_attributes), "9234567812350006010203040506");
  EXPECT_NE(t, (Transform{TransformType::kEncr, 12, 128})) << "such a transform matches no policy";
  ByteWriter w;
  EncodeBody(*sa, w);
  EXPECT_EQ(ToHex(w.view()), ToHex(body));
}

TEST(SaPayloadDecode, RefusesBadAttributes) {
  const char* kBad[] = {
      "00 00 0016 01010001 00 00 000e 01 00 000c 000e 0002 0080",       // Key Length as TLV
      "00 00 0018 01010001 00 00 0010 01 00 000c 800e 0080 800e 0100",  // twice
      "00 00 0012 01010001 00 00 000a 01 00 000c 800e",                 // cut
      "00 00 0014 01010001 00 00 000c 01 00 000c 1234 0001",            // TLV longer than the transform
  };
  for (const char* body : kBad) EXPECT_FALSE(StatusOf(33, body).ok()) << body;
}

TEST(SaPayloadDecode, KeepsUnknownTypesAndIds) {
  const auto sa = DecodeSa(FromHex("00 00 0010 07 63 00 01 00 00 0008 f1 00 abcd"));
  ASSERT_TRUE(sa.ok()) << sa.status();
  EXPECT_EQ(sa->proposals[0].protocol, static_cast<ProtocolId>(0x63));
  EXPECT_EQ(sa->proposals[0].transforms[0].type, static_cast<TransformType>(0xf1));
  EXPECT_EQ(sa->proposals[0].transforms[0].id, 0xabcd);
}

TEST(CodecPayloads, IgnoreReservedFields) {
  EXPECT_TRUE(StatusOf(34, "001f ffff a0a1a2").ok());
  EXPECT_TRUE(StatusOf(35, "02 ffffff 687562").ok());
  EXPECT_TRUE(StatusOf(39, "02 ffffff 00").ok());
  EXPECT_TRUE(StatusOf(47, "01 ffffff").ok());
  EXPECT_EQ(DecodeConfig(FromHex("01 000000 8001 0000"))->attributes[0].type, CfgAttr::kIp4Address);
  const auto critical = DecodePayloads(43, FromHex("00 ff 0005 61"));
  EXPECT_EQ(critical->front(), Payload(VendorIdPayload{ToBytes("a")})) << "known payloads ignore the critical bit";
}

TEST(IdPayloadDecode, AddressesHaveTheirSize) {
  EXPECT_FALSE(StatusOf(35, "01 000000 c00002").ok());
  EXPECT_FALSE(StatusOf(35, "01 000000 c000020101").ok());
  EXPECT_FALSE(StatusOf(36, "05 000000 c0000201").ok());
  EXPECT_TRUE(StatusOf(36, "05 000000 20010db8000000000000000000000001").ok());
}

TEST(NoncePayloadDecode, HasSixteenTo256Octets) {
  EXPECT_FALSE(DecodeNonce(Bytes(15)).ok());
  EXPECT_TRUE(DecodeNonce(Bytes(16)).ok());
  EXPECT_TRUE(DecodeNonce(Bytes(256)).ok());
  EXPECT_FALSE(DecodeNonce(Bytes(257)).ok());
}

TEST(DeletePayloadDecode, CountAndSizesMustAgree) {
  EXPECT_TRUE(StatusOf(42, "01 00 0000").ok()) << "an IKE SA has no SPI here";
  EXPECT_FALSE(StatusOf(42, "01 08 0001 0102030405060708").ok());
  EXPECT_FALSE(StatusOf(42, "01 00 0001").ok());
  EXPECT_TRUE(StatusOf(42, "03 04 0000").ok());
  EXPECT_FALSE(StatusOf(42, "03 04 0001 01020304 05060708").ok());
  EXPECT_FALSE(StatusOf(42, "03 00 ffff").ok());
  EXPECT_FALSE(StatusOf(42, "03 08 0001 0102030405060708").ok());
  EXPECT_FALSE(StatusOf(42, "09 04 0001 01020304").ok());
}

TEST(TsPayloadDecode, RefusesEmptyRangesAndWrongLengths) {
  EXPECT_FALSE(StatusOf(44, "01 000000 07 00 0010 0000 ffff 0a000002 0a000001").ok());
  EXPECT_FALSE(StatusOf(44, "01 000000 07 00 0010 0002 0001 0a000001 0a000002").ok());
  EXPECT_FALSE(StatusOf(44, "01 000000 07 00 0014 0000 ffff 0a000001 0a000002 00000000").ok());
  EXPECT_FALSE(StatusOf(44, "01 000000 07 00 000c 0000 ffff 0a000001").ok());
  EXPECT_FALSE(StatusOf(44, "01 000000 08 00 0010 0000 ffff 0a000001 0a000002").ok());
  EXPECT_FALSE(StatusOf(44, "00 000000 07 00 0010 0000 ffff 0a000001 0a000002").ok()) << "one more than counted";
  EXPECT_FALSE(StatusOf(44, "01 000000 09 00 0003 00").ok());
}

TEST(TsPayloadDecode, LeavesOutSelectorTypesItDoesNotKnow) {
  const auto ts = DecodeTs(FromHex("02 000000"
                                   "0a 00 0007 616263"  // TS_SECLABEL (RFC 9478)
                                   "07 00 0010 0000 ffff 0a000001 0a000001"),
                           true);
  ASSERT_TRUE(ts.ok()) << ts.status();
  EXPECT_EQ(ts->selectors.size(), 1u);
  EXPECT_TRUE(DecodeTs(FromHex("01 000000 0a 00 0007 616263"), true)->selectors.empty());
}

TEST(TrafficSelectorToString, IsThatOfIos) {
  EXPECT_EQ((TrafficSelector{47, 0, 65535, Ip("10.0.0.1"), Ip("10.0.0.9")}).ToString(),
            "10.0.0.1/0 - 10.0.0.9/65535");
}

TEST(EapPayloadDecode, LengthFieldMustAgree) {
  EXPECT_FALSE(StatusOf(48, "01 07 0006 01").ok());
  EXPECT_FALSE(StatusOf(48, "01 07 0004 01").ok());
  EXPECT_TRUE(StatusOf(48, "03 07 0004").ok());
}

}  // namespace
}  // namespace flexvpn::ike
