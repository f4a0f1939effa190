// SPDX-License-Identifier: Apache-2.0
// Messages as other implementations send them, and laws that hold for any message.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "core/ike/codec/message.h"

namespace flexvpn::ike {
namespace {

// IKE_SA_INIT response of strongSwan 5.9.8 as captured between two FRR 8.4.4 routers.
const Bytes kStrongswanInit = FromHex(
    "126f927540283eaee8d687a564167f4e2120222000000000000000f8"
    "220000300000002c010100040300000c0100000c800e0080030000080300000c0300000802000005000000080400001f"
    "28000028001f000096e486876cd1c9391e70f7a77fe1e7ad7571db503ce744297f8b2e56f76c584b"
    "290000249932f7ed3fddae13df547a4bab9eece29278603e6032b88f04f6cdd9fddc8462"
    "2900001c00004004cfdd542d2af83c87b0a80375ecd1b6b4d7260b16"
    "2900001c00004005fba8f7660a89f84cc7904c42f62dadb7f9105714"
    "290000080000402e"
    "290000100000402f0002000300040005"
    "2900000800004022"
    "0000000800004014");

TEST(CodecMessage, ReadsAStrongswanIkeSaInitResponse) {
  const auto header = DecodeHeader(kStrongswanInit);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_TRUE(header->is_response());
  EXPECT_FALSE(header->from_initiator());
  const auto payloads = DecodePayloads(header->next_payload, BytesView(kStrongswanInit).subspan(kHeaderSize));
  ASSERT_TRUE(payloads.ok()) << payloads.status();
  EXPECT_EQ(payloads->size(), 9u);
  const Proposal chosen = {1, ProtocolId::kIke, {},
                           {{TransformType::kEncr, 12, 128},
                            {TransformType::kInteg, 12, {}},
                            {TransformType::kPrf, 5, {}},
                            {TransformType::kKe, 31, {}}}};
  EXPECT_EQ(Find<SaPayload>(*payloads)->proposals, std::vector<Proposal>{chosen});
  EXPECT_EQ(Find<KePayload>(*payloads)->public_value.size(), 32u);
  EXPECT_EQ(Find<NoncePayload>(*payloads)->nonce.size(), 32u);
  EXPECT_EQ(FindNotify(*payloads, NotifyType::kNatDetectionSourceIp)->data.size(), 20u);
  EXPECT_NE(FindNotify(*payloads, static_cast<NotifyType>(16418)), nullptr);  // CHILDLESS_IKEV2_SUPPORTED
  EXPECT_EQ(ToHex(EncodeMessage(*header, *payloads)), ToHex(kStrongswanInit));
}

TEST(CodecMessage, RefusesEveryTruncationOfAStrongswanMessage) {
  const BytesView body = BytesView(kStrongswanInit).subspan(kHeaderSize);
  for (size_t n = 0; n < body.size(); ++n) EXPECT_FALSE(DecodePayloads(33, body.first(n)).ok()) << n;
}

Bytes Blob(Rng& rng, size_t min, size_t max) { return rng.Take(min + static_cast<size_t>(rng.Below(max - min + 1))); }
net::IpAddress RandomIp(Rng& rng, bool v6) { return net::IpAddress::FromBytes(rng.Take(v6 ? 16 : 4)); }

SaPayload RandomSa(Rng& rng) {
  SaPayload sa;
  for (uint64_t i = 1 + rng.Below(4), n = 0; n < i; ++n) {
    Proposal p;
    p.number = static_cast<uint8_t>(n + 1);
    p.protocol = rng.Below(2) != 0 ? ProtocolId::kIke : ProtocolId::kEsp;
    p.spi = rng.Take(p.protocol == ProtocolId::kEsp ? 4 : rng.Below(2) * 8);
    for (uint64_t k = 1 + rng.Below(6); k > 0; --k) {
      Transform t;
      t.type = static_cast<TransformType>(rng.Below(12));
      t.id = static_cast<uint16_t>(rng.U64());
      if (rng.Below(2) != 0) t.key_bits = static_cast<uint16_t>(rng.U64());
      if (rng.Below(8) == 0) t.other_attributes = FromHex("80010002");
      p.transforms.push_back(t);
    }
    sa.proposals.push_back(p);
  }
  return sa;
}

TrafficSelector RandomSelector(Rng& rng) {
  TrafficSelector ts;
  const bool v6 = rng.Below(2) != 0;
  ts.protocol = static_cast<uint8_t>(rng.U64());
  ts.start = RandomIp(rng, v6);
  ts.end = RandomIp(rng, v6);
  if (ts.end < ts.start) std::swap(ts.start, ts.end);
  ts.start_port = static_cast<uint16_t>(rng.Below(1000));
  ts.end_port = static_cast<uint16_t>(1000 + rng.Below(1000));
  return ts;
}

Payload RandomPayload(Rng& rng) {
  switch (rng.Below(14)) {
    case 0: return RandomSa(rng);
    case 1: return KePayload{static_cast<crypto::KeMethod>(rng.Below(40)), Blob(rng, 1, 300)};
    case 2: return IdPayload{rng.Below(2) != 0, IdType::kKeyId, Blob(rng, 0, 40)};
    case 3: return CertPayload{4, Blob(rng, 0, 500)};
    case 4: return CertReqPayload{4, Blob(rng, 0, 60)};
    case 5: return AuthPayload{AuthMethod::kSharedKey, Blob(rng, 1, 64)};
    case 6: return NoncePayload{Blob(rng, 16, 256)};
    case 7:
      return NotifyPayload{static_cast<ProtocolId>(rng.Below(4)), Blob(rng, 0, 8),
                           static_cast<NotifyType>(rng.Below(65536)), Blob(rng, 0, 40)};
    case 8: return DeletePayload{ProtocolId::kEsp, {EspSpi(rng.U32()), EspSpi(rng.U32())}};
    case 9: return VendorIdPayload{Blob(rng, 0, 40)};
    case 10: return TsPayload{rng.Below(2) != 0, {RandomSelector(rng), RandomSelector(rng)}};
    case 11:
      return ConfigPayload{static_cast<CfgType>(1 + rng.Below(4)),
                           {{static_cast<CfgAttr>(rng.Below(0x8000)), Blob(rng, 0, 20)}, {CfgAttr::kIp4Dns, {}}}};
    case 12: return EapPayload{FromHex("03010004")};
    default: return UnknownPayload{static_cast<uint8_t>(100 + rng.Below(100)), rng.Below(2) != 0, Blob(rng, 0, 30)};
  }
}

TEST(CodecMessage, DecodeUndoesEncodeForRandomMessages) {
  SeededRng rng(20260101);
  for (int round = 0; round < 2000; ++round) {
    Payloads payloads;
    for (uint64_t n = rng.Below(10); n > 0; --n) payloads.push_back(RandomPayload(rng));
    Header header;
    header.initiator_spi = IkeSpi(rng.U64() | 1);
    header.responder_spi = IkeSpi(rng.U64());
    header.exchange = ExchangeType::kIkeSaInit;
    header.flags = kFlagInitiator;
    header.message_id = rng.U32();
    const Bytes wire = EncodeMessage(header, payloads);
    const auto decoded_header = DecodeHeader(wire);
    ASSERT_TRUE(decoded_header.ok()) << decoded_header.status();
    EXPECT_EQ(decoded_header->initiator_spi, header.initiator_spi);
    EXPECT_EQ(decoded_header->message_id, header.message_id);
    const auto decoded = DecodePayloads(decoded_header->next_payload, BytesView(wire).subspan(kHeaderSize));
    ASSERT_TRUE(decoded.ok()) << round << decoded.status();
    ASSERT_EQ(*decoded, payloads) << round;
  }
}

// Whatever is accepted can be written and read back to the same value.
TEST(CodecMessage, EveryAcceptedMutationOfARealMessageRoundTrips) {
  SeededRng rng(5);
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    Bytes wire(kStrongswanInit.begin() + kHeaderSize, kStrongswanInit.end());
    for (uint64_t n = 1 + rng.Below(3); n > 0; --n)
      wire[static_cast<size_t>(rng.Below(wire.size()))] = static_cast<uint8_t>(rng.U64());
    const auto first = DecodePayloads(33, wire);
    if (!first.ok()) continue;
    ++accepted;
    ByteWriter w;
    const uint8_t type = EncodePayloads(*first, w);
    const auto second = DecodePayloads(type, w.view());
    ASSERT_TRUE(second.ok()) << second.status() << ToHex(wire);
    ASSERT_EQ(*first, *second) << ToHex(wire);
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace flexvpn::ike
