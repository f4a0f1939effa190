// SPDX-License-Identifier: Apache-2.0
// IKE header and payload chain.
#include <gtest/gtest.h>

#include "core/ike/codec/message.h"

namespace flexvpn::ike {
namespace {

const Bytes kHeader = FromHex(
    "126f927540283eae"  // IKE SA Initiator's SPI
    "e8d687a564167f4e"  // IKE SA Responder's SPI
    "00"                // Next Payload: none
    "20"                // Major version 2, minor 0
    "25"                // Exchange Type 37, INFORMATIONAL
    "28"                // Flags: Initiator, Response
    "01020304"          // Message ID
    "0000001c");        // Length 28

TEST(HeaderDecode, ReadsGoldenBytes) {
  const auto h = DecodeHeader(kHeader);
  ASSERT_TRUE(h.ok()) << h.status();
  EXPECT_EQ(h->initiator_spi, IkeSpi(0x126f927540283eae));
  EXPECT_EQ(h->responder_spi, IkeSpi(0xe8d687a564167f4e));
  EXPECT_EQ(h->next_payload, 0);
  EXPECT_EQ(h->version, 0x20);
  EXPECT_EQ(h->exchange, ExchangeType::kInformational);
  EXPECT_TRUE(h->is_response());
  EXPECT_TRUE(h->from_initiator());
  EXPECT_EQ(h->message_id, 0x01020304u);
  EXPECT_EQ(h->length, 28u);
  EXPECT_EQ(EncodeMessage(*h, {}), kHeader);
}

TEST(HeaderDecode, RefusesEveryTruncationAndAnyOtherLength) {
  for (size_t n = 0; n < kHeader.size(); ++n) EXPECT_FALSE(DecodeHeader(BytesView(kHeader).first(n)).ok()) << n;
  Bytes longer = kHeader;
  longer.push_back(0);
  EXPECT_TRUE(absl::IsInvalidArgument(DecodeHeader(longer).status()));
}

TEST(HeaderDecode, TellsAForeignMajorVersionFromASyntaxError) {
  Bytes v1 = kHeader, v3 = kHeader, v2_7 = kHeader;
  v1[17] = 0x10;
  v3[17] = 0x30;
  v2_7[17] = 0x27;
  EXPECT_TRUE(absl::IsUnimplemented(DecodeHeader(v1).status()));
  EXPECT_TRUE(absl::IsUnimplemented(DecodeHeader(v3).status()));
  EXPECT_TRUE(DecodeHeader(v2_7).ok()) << "a minor version is ignored (RFC 7296 §2.5)";
}

TEST(HeaderDecode, RefusesAZeroInitiatorSpiAndIgnoresUnknownFlags) {
  Bytes zero = kHeader;
  std::fill_n(zero.begin(), 8, uint8_t{0});
  EXPECT_TRUE(absl::IsInvalidArgument(DecodeHeader(zero).status()));
  Bytes flags = kHeader;
  flags[19] = 0xff;
  EXPECT_EQ(DecodeHeader(flags)->flags, 0x38);
}

// Two payloads the codec does not know, the second critical.
const Bytes kChain = FromHex(
    "c9 00 0006 aabb"   // Next Payload 201, not critical, 6 octets
    "00 80 0004");      // last, critical, empty
constexpr uint8_t kFirst = 200;

TEST(PayloadsDecode, KeepsUnknownPayloadsAndTheirCriticalBit) {
  const auto payloads = DecodePayloads(kFirst, kChain);
  ASSERT_TRUE(payloads.ok()) << payloads.status();
  EXPECT_EQ(*payloads, (Payloads{UnknownPayload{200, false, FromHex("aabb")}, UnknownPayload{201, true, {}}}));
  ByteWriter w;
  EXPECT_EQ(EncodePayloads(*payloads, w), kFirst);
  EXPECT_EQ(std::move(w).Release(), kChain);
}

TEST(PayloadsDecode, RefusesEveryTruncationAndTrailingOctets) {
  for (size_t n = 0; n < kChain.size(); ++n)
    EXPECT_TRUE(absl::IsInvalidArgument(DecodePayloads(kFirst, BytesView(kChain).first(n)).status())) << n;
  Bytes longer = kChain;
  longer.push_back(0);
  EXPECT_FALSE(DecodePayloads(kFirst, longer).ok());
  EXPECT_FALSE(DecodePayloads(0, longer).ok());
}

TEST(PayloadsDecode, RefusesALengthBelowTheGenericHeader) {
  for (const char* length : {"0000", "0001", "0003"})
    EXPECT_FALSE(DecodePayloads(kFirst, FromHex(std::string("0000") + length)).ok()) << length;
}

TEST(PayloadsDecode, TakesSixtyFourPayloadsAndNoMore) {
  Bytes chain;
  for (int i = 0; i < 64; ++i) {
    const Bytes one = {static_cast<uint8_t>(i == 63 ? 0 : 200), 0, 0, 4};
    chain.insert(chain.end(), one.begin(), one.end());
  }
  EXPECT_EQ(DecodePayloads(200, chain)->size(), 64u);
  chain.insert(chain.begin(), {200, 0, 0, 4});
  EXPECT_FALSE(DecodePayloads(200, chain).ok());
}

TEST(PayloadsDecode, RefusesAnEncryptedPayloadInThePlain) {
  EXPECT_FALSE(DecodePayloads(46, FromHex("00000004")).ok());
  EXPECT_FALSE(DecodePayloads(53, FromHex("00000008 00010001")).ok());
}

TEST(PayloadsDecode, AnEmptyChainIsNoError) {
  EXPECT_TRUE(DecodePayloads(0, {})->empty());
  ByteWriter w;
  EXPECT_EQ(EncodePayloads({}, w), 0);
  EXPECT_EQ(w.size(), 0u);
}

TEST(PayloadsFind, GivesTheFirstOfItsKind) {
  const Payloads payloads = {
      NotifyPayload{ProtocolId::kNone, {}, NotifyType::kCookie, {1}},
      NotifyPayload{ProtocolId::kNone, {}, NotifyType::kInvalidSyntax, {2}},
      NotifyPayload{ProtocolId::kNone, {}, NotifyType::kNoProposalChosen, {3}},
      IdPayload{false, IdType::kFqdn, {4}},
      IdPayload{true, IdType::kFqdn, {5}},
      TsPayload{false, {}},
  };
  EXPECT_EQ(FindNotify(payloads, NotifyType::kCookie)->data, Bytes{1});
  EXPECT_EQ(FindNotify(payloads, NotifyType::kRekeySa), nullptr);
  EXPECT_EQ(FindError(payloads)->type, NotifyType::kInvalidSyntax);
  EXPECT_EQ(FindError({payloads[0]}), nullptr);
  EXPECT_EQ(FindId(payloads, true)->data, Bytes{5});
  EXPECT_EQ(FindId(payloads, false)->data, Bytes{4});
  EXPECT_NE(FindTs(payloads, false), nullptr);
  EXPECT_EQ(FindTs(payloads, true), nullptr);
  EXPECT_EQ(Find<SaPayload>(payloads), nullptr);
}

TEST(Names, AreThoseOfTheRegistry) {
  EXPECT_EQ(ExchangeName(ExchangeType::kIkeSaInit), "IKE_SA_INIT");
  EXPECT_EQ(ExchangeName(static_cast<ExchangeType>(99)), "EXCHANGE_99");
  EXPECT_EQ(NotifyName(NotifyType::kNoProposalChosen), "NO_PROPOSAL_CHOSEN");
  EXPECT_EQ(NotifyName(static_cast<NotifyType>(40960)), "NOTIFY_40960");
}

}  // namespace
}  // namespace flexvpn::ike
