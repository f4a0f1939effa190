// SPDX-License-Identifier: Apache-2.0
#include "core/nhrp/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "support/values.h"
#include "unit/core_nhrp/golden_packets.h"

namespace flexvpn::nhrp {
namespace {

// Sets size and checksum of a packet that a test has changed.
Bytes Repaired(Bytes b) {
  b[10] = static_cast<uint8_t>(b.size() >> 8);
  b[11] = static_cast<uint8_t>(b.size());
  b[12] = b[13] = 0;
  uint16_t sum = net::InternetChecksum(b);
  b[12] = static_cast<uint8_t>(sum >> 8);
  b[13] = static_cast<uint8_t>(sum);
  return b;
}

Cie Entry(uint8_t prefix, uint16_t mtu, uint16_t holdtime, absl::string_view nbma,
          absl::string_view protocol) {
  Cie c;
  c.prefix_length = prefix;
  c.mtu = mtu;
  c.holdtime = holdtime;
  c.nbma = Ip(nbma);
  c.protocol = Ip(protocol);
  return c;
}

TEST(NhrpDecode, ReadsCiscoTrafficIndication) {
  absl::StatusOr<Packet> p = Decode(FromHex(golden::kCiscoTrafficIndication));
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_EQ(p->type, PacketType::kTrafficIndication);
  EXPECT_EQ(p->hop_count, 255);
  EXPECT_EQ(p->code, 0);
  EXPECT_EQ(p->source_nbma, Ip("192.168.200.1"));
  EXPECT_EQ(p->source_protocol, Ip("10.255.255.1"));
  EXPECT_EQ(p->destination_protocol, Ip("10.255.255.3"));
  ASSERT_EQ(p->payload.size(), 28u);
  EXPECT_EQ(net::ParseIpHeader(p->payload)->destination, Ip("10.255.255.2"));
  ASSERT_EQ(p->extensions.size(), 4u);
  EXPECT_EQ(p->extensions[2], AuthenticationExtension("secret"));
  EXPECT_EQ(p->extensions[3], (Extension{kExtNat, false, {}}));
}

TEST(NhrpDecode, ReadsCiscoResolutionRequestAndReply) {
  absl::StatusOr<Packet> request = Decode(FromHex(golden::kCiscoResolutionRequest));
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->flags, kFlagRouter | kFlagAuthoritative | kFlagSourceStable | kFlagNat);
  EXPECT_EQ(request->request_id, 5u);
  ASSERT_EQ(request->cies.size(), 1u);
  EXPECT_EQ(request->cies[0].holdtime, 7200);
  EXPECT_TRUE(request->cies[0].nbma.empty());

  absl::StatusOr<Packet> reply = Decode(FromHex(golden::kCiscoResolutionReply));
  ASSERT_TRUE(reply.ok());
  Cie self = Entry(32, 1514, 7200, "192.168.200.2", "10.255.255.2");
  EXPECT_EQ(reply->cies, std::vector<Cie>{self});
  self.prefix_length = 0;
  EXPECT_EQ(*DecodeCieList(reply->Find(kExtResponderAddress)->value), std::vector<Cie>{self});
  EXPECT_EQ(*DecodeCieList(reply->Find(kExtForwardTransit)->value),
            std::vector<Cie>{Entry(0, 1514, 7200, "192.168.200.1", "10.255.255.1")});
  EXPECT_TRUE(reply->Find(kExtReverseTransit)->value.empty());
}

TEST(NhrpDecode, TakesTheLengthOfAnAddressFromItsOwnEntry) {
  absl::StatusOr<Packet> p = Decode(FromHex(golden::kFrrV6ResolutionReply));
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(p->protocol_family, net::Family::kIpv6);
  EXPECT_EQ(p->cies[0], Entry(64, 0, 30, "10.1.1.1", "2001:db8:ff::1"));
  EXPECT_EQ(*DecodeCieList(p->Find(kExtResponderAddress)->value),
            std::vector<Cie>{Entry(0, 0, 30, "10.1.1.1", "10.255.255.1")});
}

TEST(NhrpDecode, AcceptsBothChecksumFormsOfAnOddPacket) {
  Bytes low = FromHex(golden::kFrrOddTrafficIndication);
  ASSERT_EQ(low.size() % 2, 1u);
  absl::StatusOr<Packet> a = Decode(low);
  ASSERT_TRUE(a.ok()) << a.status();
  absl::StatusOr<Packet> b = Decode(Repaired(low));
  ASSERT_TRUE(b.ok()) << b.status();
  EXPECT_EQ(*a, *b);
  low[13] ^= 1;
  EXPECT_FALSE(Decode(low).ok());
}

TEST(NhrpEncode, GivesBackEveryGoldenPacketOctetByOctet) {
  for (absl::string_view hex : golden::kAll) {
    if (hex == golden::kFrrOddTrafficIndication) continue;
    Bytes wire = FromHex(hex);
    absl::StatusOr<Packet> p = Decode(wire);
    ASSERT_TRUE(p.ok()) << hex << ": " << p.status();
    EXPECT_EQ(ToHex(Encode(*p)), ToHex(wire));
  }
}

TEST(NhrpEncode, ClosesAnOddPacketWithEndSoThatAllChecksumsAgree) {
  Packet p = *Decode(FromHex(golden::kFrrOddTrafficIndication));
  ASSERT_TRUE(p.extensions.empty());
  Bytes wire = Encode(p);
  ASSERT_EQ(wire.size() % 2, 1u);
  EXPECT_EQ(ToHex(BytesView(wire).last(4)), "80000000");
  EXPECT_EQ(*Decode(wire), p);
}

TEST(NhrpDecode, RejectsEveryTruncation) {
  for (absl::string_view hex : golden::kAll) {
    Bytes wire = FromHex(hex);
    for (size_t n = 0; n < wire.size(); ++n) EXPECT_FALSE(Decode(BytesView(wire).first(n)).ok()) << hex << n;
  }
}

// As before, but with size and checksum made right: only the structure tells.
TEST(NhrpDecode, SurvivesEveryTruncationWithARightChecksum) {
  for (absl::string_view hex : golden::kAll) {
    Bytes wire = FromHex(hex);
    bool payload = Decode(wire)->has_offending_packet();
    for (size_t n = 28; n < wire.size(); ++n) {
      Bytes cut(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(n));
      absl::StatusOr<Packet> p = Decode(Repaired(cut));
      if (!payload) {
        EXPECT_FALSE(p.ok()) << hex << n;
      }
      if (p.ok()) {
        EXPECT_EQ(*Decode(Encode(*p)), *p);
      }
    }
  }
}

TEST(NhrpDecode, RejectsOneChangedBitAnywhere) {
  Bytes wire = FromHex(golden::kCiscoResolutionReply);
  for (size_t i = 0; i < wire.size() * 8; ++i) {
    Bytes bad = wire;
    bad[i / 8] = static_cast<uint8_t>(bad[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(Decode(bad).ok()) << i;
  }
}

// Any change with a right checksum either does not decode or encodes to something that decodes to the same.
TEST(NhrpCodec, DecodeOfEncodeIsIdentityOnMutatedPackets) {
  SeededRng rng(7);
  int decoded = 0;
  for (int round = 0; round < 40000; ++round) {
    Bytes b = FromHex(golden::kAll[rng.Below(golden::kAll.size())]);
    for (uint64_t k = rng.Below(4) + 1; k > 0; --k) b[rng.Below(b.size())] = static_cast<uint8_t>(rng.U32());
    absl::StatusOr<Packet> p = Decode(Repaired(b));
    if (!p.ok()) continue;
    ++decoded;
    absl::StatusOr<Packet> again = Decode(Encode(*p));
    ASSERT_TRUE(again.ok()) << again.status();
    ASSERT_EQ(*again, *p) << ToHex(b);
  }
  EXPECT_GT(decoded, 1000);
}

TEST(NhrpCodec, CarriesIpv4OverlayOnIpv6Nbma) {
  Packet p;
  p.nbma_family = net::Family::kIpv6;
  p.request_id = 9;
  p.source_nbma = Ip("2001:db8::1");
  p.source_protocol = Ip("10.0.0.1");
  p.destination_protocol = Ip("192.168.2.1");
  p.cies = {Entry(24, 1400, 600, "2001:db8::2", "10.0.0.2")};
  Bytes wire = Encode(p);
  EXPECT_EQ(ToHex(BytesView(wire).first(4)), "00020800");
  EXPECT_EQ(wire[18], 16);
  EXPECT_EQ(*Decode(wire), p);
}

TEST(NhrpCodec, KeepsUnknownExtensionsAndSubaddresses) {
  Packet p = *Decode(FromHex(golden::kFrrResolutionRequest));
  p.extensions.push_back({.type = 0x1234, .compulsory = true, .value = {1, 2, 3}});
  p.source_nbma_subaddress = {7, 8};
  p.cies[0].nbma_subaddress = {9};
  EXPECT_EQ(*Decode(Encode(p)), p);
}

struct Fault {
  const char* name;
  size_t offset;
  uint8_t value;
  const char* message;
};
TEST(NhrpDecode, NamesTheFault) {
  const Fault kFaults[] = {
      {"version", 16, 2, "version"},
      {"type 0", 17, 0, "packet type"},
      {"type 9", 17, 9, "packet type"},
      {"E.164 NBMA", 18, 0x44, "NBMA address length"},
      {"NBMA of 5", 18, 5, "NBMA address length"},
      {"afn 3", 1, 3, "NBMA address family"},
      {"AppleTalk", 2, 0x80, "protocol type"},
      {"protocol length 5", 20, 5, "protocol address length"},
      {"extensions in the header", 15, 8, "extension offset"},
      {"extensions beyond the end", 15, 0xff, "extension offset"},
      {"entry cut", 15, 0x33, "client information entry"},
      {"entry with odd address", 48, 7, "client information entry"},
      {"extension longer than the packet", 55, 0xff, "extensions without END"},
  };
  for (const Fault& f : kFaults) {
    Bytes b = FromHex(golden::kFrrResolutionRequest);
    b[f.offset] = f.value;
    absl::Status s = Decode(Repaired(b)).status();
    EXPECT_FALSE(s.ok()) << f.name;
    EXPECT_THAT(std::string(s.message()), testing::HasSubstr(f.message)) << f.name;
  }
}

TEST(NhrpDecode, BoundsCounts) {
  Packet p = *Decode(FromHex(golden::kFrrResolutionRequest));
  Packet many = p;
  many.extensions.resize(kMaxExtensions, {.type = 77, .compulsory = false, .value = {}});
  EXPECT_TRUE(Decode(Encode(many)).ok());
  many.extensions.push_back(many.extensions.back());
  EXPECT_FALSE(Decode(Encode(many)).ok());
  many = p;
  many.cies.resize(kMaxCies);
  EXPECT_TRUE(Decode(Encode(many)).ok());
  many.cies.emplace_back();
  EXPECT_FALSE(Decode(Encode(many)).ok());
  many = p;
  many.extensions.push_back({.type = 8, .compulsory = false, .value = Bytes(kMaxPacketSize)});
  EXPECT_FALSE(Decode(Encode(many)).ok());
  many.extensions.back().value.resize(70000);
  EXPECT_TRUE(Encode(many).empty());
}

TEST(NhrpDecode, IgnoresLinkPadding) {
  Bytes wire = FromHex(golden::kFrrResolutionRequest);
  wire.resize(wire.size() + 10, 0xee);
  EXPECT_TRUE(Decode(wire).ok());
}

TEST(NhrpOffendingHeader, IsReadFromACutPacket) {
  Bytes wire = FromHex(golden::kFrrResolutionRequest);
  absl::StatusOr<OffendingHeader> h = DecodeOffendingHeader(BytesView(wire).first(28));
  ASSERT_TRUE(h.ok());
  EXPECT_EQ(h->type, PacketType::kResolutionRequest);
  EXPECT_EQ(h->request_id, 9u);
  for (size_t n = 0; n < 28; ++n) EXPECT_FALSE(DecodeOffendingHeader(BytesView(wire).first(n)).ok());
}

}  // namespace
}  // namespace flexvpn::nhrp
