// SPDX-License-Identifier: Apache-2.0
// Golden bytes follow linux/xfrm.h (little-endian machine).
#include "os/netlink/xfrm.h"

#include <gtest/gtest.h>
#include <linux/xfrm.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "os/netlink/algorithms.h"
#include "support/values.h"
#include "unit/os_netlink/golden.h"

namespace flexvpn::os::netlink {
namespace {

using dataplane::Direction;
using dataplane::Mode;
using dataplane::Policy;
using dataplane::Sa;

Sa InboundGcm() {
  Sa s;
  s.direction = Direction::kIn;
  s.spi = 0xc0ffee01;
  s.source = Ip("203.0.113.9");
  s.destination = Ip("198.51.100.1");
  s.peer = net::PeerId(3);
  s.encr = 20;
  s.encr_key_bits = 128;
  for (uint8_t i = 0; i < 20; ++i) s.encr_key.push_back(i);
  return s;
}

Policy GrePolicy(Direction d) {
  Policy p;
  p.direction = d;
  p.peer = net::PeerId(3);
  p.local = Ip("198.51.100.1");
  p.remote = Ip("203.0.113.9");
  return p;
}

// The value of one attribute of an SA message.
std::string AttrOf(const Message& m, size_t body, uint16_t type) {
  Attrs attrs(m.bytes().subspan(16 + body));
  return attrs.Has(type) ? ToHex(attrs.Get(type)) : "absent";
}
std::string SaAttr(const Message& m, uint16_t type) { return AttrOf(m, sizeof(xfrm_usersa_info), type); }
std::string PolicyAttr(const Message& m, uint16_t type) { return AttrOf(m, sizeof(xfrm_userpolicy_info), type); }

SaInfo Parse(const Message& m) {
  BytesView data = m.bytes();
  return *ParseSa(*NextMessage(data));
}

TEST(XfrmSa, FixedPartOfATransportState) {
  Message m = *NewSa(InboundGcm(), {.sequence = 0x80000001});
  EXPECT_EQ(m.type(), XFRM_MSG_NEWSA);
  const std::string infinite = "ffffffffffffffff";
  EXPECT_EQ(ToHex(m.bytes().subspan(16, sizeof(xfrm_usersa_info))),
            Golden("00000000000000000000000000000000 00000000000000000000000000000000"  // selector: any
                   "0000 0000 0000 0000"                                               // ports
                   "0200 00 00 00 000000 00000000 00000000"                            // AF_INET, /0, /0, any
                   "c6336401000000000000000000000000 c0ffee01 32 000000"               // daddr, SPI, ESP
                   "cb007109000000000000000000000000") +                               // saddr
                infinite + infinite + infinite + infinite +
                Golden("0000000000000000 0000000000000000 0000000000000000 0000000000000000"  // no lifetimes
                       "0000000000000000 0000000000000000 0000000000000000 0000000000000000"  // curlft
                       "00000000 00000000 00000000"                                           // stats
                       "01000080 03000000 0200 00 00 00 000000 00000000"));  // seq, reqid, family, transport
}

TEST(XfrmSa, GcmKeyIsKeyThenSaltWithA128BitIcv) {
  Message m = *NewSa(InboundGcm(), {});
  std::string name = ToHex(ToBytes("rfc4106(gcm(aes))"));
  name.resize(128, '0');
  EXPECT_EQ(SaAttr(m, XFRMA_ALG_AEAD), name + Golden("a0000000 80000000"  // 160 bits, ICV 128 bits
                                                     "000102030405060708090a0b0c0d0e0f 10111213"));
  EXPECT_EQ(SaAttr(m, XFRMA_ALG_CRYPT), "absent");
}

TEST(XfrmSa, CbcWithSha256IsTruncatedTo128Bits) {
  Sa s = InboundGcm();
  s.encr = 12;
  s.encr_key_bits = 256;
  s.encr_key = SecretBytes(32, 0xee);
  s.integ = 12;
  s.integ_key = SecretBytes(32, 0xaa);
  Message m = *NewSa(s, {});
  std::string name = ToHex(ToBytes("hmac(sha256)"));
  name.resize(128, '0');
  EXPECT_EQ(SaAttr(m, XFRMA_ALG_AUTH_TRUNC), name + Golden("00010000 80000000") + ToHex(Bytes(32, 0xaa)));
  EXPECT_EQ(SaAttr(m, XFRMA_ALG_CRYPT).substr(128), Golden("00010000") + ToHex(Bytes(32, 0xee)));
}

// Names of linux/net/xfrm/xfrm_algo.c; sizes of the RFCs beside them.
TEST(XfrmSa, EveryEspAlgorithmHasItsNameAndSizes) {
  const struct {
    uint16_t encr, bits;
    const char* name;
    size_t key;
    uint32_t icv_bits;  // 0: not an AEAD
  } kAll[] = {
      {3, 192, "cbc(des3_ede)", 24, 0},
      {11, 0, "ecb(cipher_null)", 0, 0},
      {12, 128, "cbc(aes)", 16, 0},
      {12, 192, "cbc(aes)", 24, 0},
      {12, 256, "cbc(aes)", 32, 0},
      {13, 128, "rfc3686(ctr(aes))", 20, 0},
      {13, 256, "rfc3686(ctr(aes))", 36, 0},
      {14, 128, "rfc4309(ccm(aes))", 19, 64},
      {15, 192, "rfc4309(ccm(aes))", 27, 96},
      {16, 256, "rfc4309(ccm(aes))", 35, 128},
      {18, 128, "rfc4106(gcm(aes))", 20, 64},
      {19, 192, "rfc4106(gcm(aes))", 28, 96},
      {20, 256, "rfc4106(gcm(aes))", 36, 128},
      {21, 128, "rfc4543(gcm(aes))", 20, 128},
      {21, 256, "rfc4543(gcm(aes))", 36, 128},
      {28, 256, "rfc7539esp(chacha20,poly1305)", 36, 128},
  };
  for (const auto& a : kAll) {
    SCOPED_TRACE(absl::StrCat(a.name, " ", a.bits));
    Sa s = InboundGcm();
    s.encr = a.encr;
    s.encr_key_bits = a.bits;
    s.encr_key = SecretBytes(a.key, 0xee);
    s.integ = a.icv_bits == 0 ? 12 : 0;
    s.integ_key = SecretBytes(a.icv_bits == 0 ? 32 : 0, 0xaa);
    const absl::StatusOr<Message> m = NewSa(s, {});
    ASSERT_TRUE(m.ok()) << m.status();
    std::string head = ToHex(ToBytes(a.name));
    head.resize(128, '0');
    ByteWriter w;
    w.U8(static_cast<uint8_t>(a.key * 8));
    w.U8(static_cast<uint8_t>(a.key * 8 >> 8));
    w.U16(0);
    if (a.icv_bits != 0) w.U32(a.icv_bits << 24);
    EXPECT_EQ(SaAttr(*m, a.icv_bits != 0 ? XFRMA_ALG_AEAD : XFRMA_ALG_CRYPT),
              head + ToHex(w.view()) + ToHex(Bytes(a.key, 0xee)));
    for (size_t wrong : {a.key + 1, a.key - 1}) {
      s.encr_key = SecretBytes(wrong % 64, 0xee);
      EXPECT_FALSE(NewSa(s, {}).ok()) << wrong;
    }
  }
}

TEST(XfrmSa, EveryIntegrityAlgorithmHasItsNameAndSizes) {
  const struct {
    uint16_t integ;
    const char* name;
    size_t key;
    uint32_t bits;
  } kAll[] = {{1, "hmac(md5)", 16, 96},      {2, "hmac(sha1)", 20, 96},     {5, "xcbc(aes)", 16, 96},
              {8, "cmac(aes)", 16, 96},      {12, "hmac(sha256)", 32, 128}, {13, "hmac(sha384)", 48, 192},
              {14, "hmac(sha512)", 64, 256}};
  for (const auto& a : kAll) {
    SCOPED_TRACE(a.name);
    Sa s = InboundGcm();
    s.encr = 12;
    s.encr_key_bits = 128;
    s.encr_key = SecretBytes(16, 0xee);
    s.integ = a.integ;
    s.integ_key = SecretBytes(a.key, 0xaa);
    const absl::StatusOr<Message> m = NewSa(s, {});
    ASSERT_TRUE(m.ok()) << m.status();
    EXPECT_EQ(SaAttr(*m, XFRMA_ALG_AUTH_TRUNC).substr(0, 2 * std::strlen(a.name)), ToHex(ToBytes(a.name)));
    EXPECT_EQ(FindIntegrity(a.integ)->truncated_bits, a.bits);
    s.integ_key.pop_back();
    EXPECT_FALSE(NewSa(s, {}).ok());
  }
}

TEST(XfrmSa, WhatTheKernelLacksIsToldWithItsOptions) {
  EXPECT_EQ(MissingAlgorithms(28, 0),
            "this kernel lacks rfc7539esp(chacha20,poly1305): CONFIG_CRYPTO_CHACHA20POLY1305 CONFIG_CRYPTO_SEQIV");
  EXPECT_EQ(MissingAlgorithms(12, 8),
            "this kernel lacks cbc(aes) or cmac(aes): CONFIG_CRYPTO_AES CONFIG_CRYPTO_CBC CONFIG_CRYPTO_CMAC "
            "CONFIG_CRYPTO_AES CONFIG_CRYPTO_AUTHENC");
  EXPECT_EQ(MissingAlgorithms(999, 0), "");
  EXPECT_EQ(MissingAlgorithms(12, 999), "");
}

TEST(XfrmSa, TruncationsAreThoseOfTheRfcs) {
  EXPECT_EQ(FindIntegrity(2)->truncated_bits, 96u);    // RFC 2404
  EXPECT_EQ(FindIntegrity(12)->truncated_bits, 128u);  // RFC 4868
  EXPECT_EQ(FindIntegrity(13)->truncated_bits, 192u);
  EXPECT_EQ(FindIntegrity(14)->truncated_bits, 256u);
  EXPECT_EQ(FindIntegrity(7777), nullptr);
}

TEST(XfrmSa, InboundSetsTheMarkOutboundDoesNot) {
  Sa s = InboundGcm();
  EXPECT_EQ(SaAttr(*NewSa(s, {}), XFRMA_SET_MARK), Golden("03000000"));
  EXPECT_EQ(SaAttr(*NewSa(s, {}), XFRMA_SET_MARK_MASK), Golden("ffff0f00"));
  EXPECT_EQ(SaAttr(*NewSa(s, {}), XFRMA_MARK), "absent");
  s.direction = Direction::kOut;
  EXPECT_EQ(SaAttr(*NewSa(s, {}), XFRMA_SET_MARK), "absent");
  EXPECT_EQ(SaAttr(*NewSa(s, {}), XFRMA_MARK), "absent");
  s.mark_state = true;
  EXPECT_EQ(SaAttr(*NewSa(s, {}), XFRMA_MARK), Golden("03000000 ffff0f00"));
}

TEST(XfrmSa, LargeReplayWindowsUseTheLongState) {
  Sa s = InboundGcm();
  Message m = *NewSa(s, {});
  EXPECT_EQ(SaAttr(m, XFRMA_REPLAY_ESN_VAL), Golden("04000000 00000000 00000000 00000000 00000000 80000000") +
                                                 ToHex(Bytes(16, 0)));  // 4 words of bitmap for 128 packets
  EXPECT_EQ(Parse(m).replay_window, 128u);
  s.replay_window = 32;
  EXPECT_EQ(SaAttr(*NewSa(s, {}), XFRMA_REPLAY_ESN_VAL), "absent");
  EXPECT_EQ(Parse(*NewSa(s, {})).replay_window, 32u);
  s.replay_window = 1u << 30;
  EXPECT_EQ(Parse(*NewSa(s, {})).replay_window, 4096u);
}

TEST(XfrmSa, AMovedSaKeepsItsSequenceNumbers) {
  Sa s = InboundGcm();
  s.direction = Direction::kOut;
  Bytes state = FromHex("2a000000 00000000 00000000");  // struct xfrm_replay_state: oseq 42
  EXPECT_EQ(SaAttr(*NewSa(s, {.replay_state = state}), XFRMA_REPLAY_VAL), ToHex(state));
  EXPECT_EQ(Parse(*NewSa(s, {.replay_state = state})).replay_state, state);
  EXPECT_EQ(SaAttr(*NewSa(s, {}), XFRMA_REPLAY_VAL), "absent");
}

TEST(XfrmSa, OutboundHasNoWindowExceptEsnOnOldKernels) {
  Sa s = InboundGcm();
  s.direction = Direction::kOut;
  EXPECT_EQ(Parse(*NewSa(s, {})).replay_window, 0u);
  s.esn = true;
  EXPECT_EQ(Parse(*NewSa(s, {})).replay_window, 0u);
  EXPECT_EQ(SaAttr(*NewSa(s, {}), kXfrmaSaDir), "02");
  Message old = *NewSa(s, {.direction_attribute = false});
  EXPECT_EQ(Parse(old).replay_window, 1u);
  EXPECT_EQ(SaAttr(old, kXfrmaSaDir), "absent");
}

TEST(XfrmSa, EncapsulationPortsAreNetworkOrder) {
  Sa s = InboundGcm();
  s.encap_source_port = 10003;
  s.encap_destination_port = 4500;
  Message m = *NewSa(s, {});
  EXPECT_EQ(SaAttr(m, XFRMA_ENCAP), Golden("0200 2713 1194 0000") + ToHex(Bytes(16, 0)));
  EXPECT_EQ(Parse(m).encap_source_port, 10003);
}

TEST(XfrmSa, OffloadNamesDeviceAndDirection) {
  Message m = *NewSa(InboundGcm(), {.offload_index = 5});
  EXPECT_EQ(SaAttr(m, XFRMA_OFFLOAD_DEV), Golden("05000000 02 000000"));
  EXPECT_EQ(Parse(m).offload_index, 5);
}

TEST(XfrmSa, TunnelModeAcceptsEitherFamilyInside) {
  Sa s = InboundGcm();
  s.mode = Mode::kTunnel;
  Message m = *NewSa(s, {});
  auto info = Received{m.type(), 0, 0, m.bytes().subspan(16)}.Body<xfrm_usersa_info>();
  EXPECT_EQ(info->sel.family, 0);
  EXPECT_EQ(info->flags, XFRM_STATE_AF_UNSPEC);
  EXPECT_EQ(info->mode, XFRM_MODE_TUNNEL);
}

TEST(XfrmSa, WrongKeysAndAlgorithmsAreRefusedBeforeTheKernelSeesThem) {
  Sa s = InboundGcm();
  s.encr_key.pop_back();
  EXPECT_FALSE(NewSa(s, {}).ok());
  s = InboundGcm();
  s.encr = 999;
  EXPECT_FALSE(NewSa(s, {}).ok());
  s = InboundGcm();
  s.encr = 12;
  s.encr_key.resize(16);
  EXPECT_FALSE(NewSa(s, {}).ok()) << "CBC without integrity";
  s = InboundGcm();
  s.spi = 255;
  EXPECT_FALSE(NewSa(s, {}).ok()) << "reserved SPI";
}

TEST(XfrmSa, ReadsBackWhatItBuilt) {
  SaInfo i = Parse(*NewSa(InboundGcm(), {.sequence = 0x80000001}));
  EXPECT_EQ(i.spi, 0xc0ffee01u);
  EXPECT_EQ(i.source, Ip("203.0.113.9"));
  EXPECT_EQ(i.destination, Ip("198.51.100.1"));
  EXPECT_EQ(i.reqid, 3u);
  EXPECT_EQ(i.sequence, 0x80000001u);
  EXPECT_EQ(i.output_mark, 3u);
  EXPECT_EQ(i.output_mark_mask, 0xfffffu);
  EXPECT_EQ(i.direction, Direction::kIn);
  EXPECT_EQ(i.algorithm, "rfc4106(gcm(aes))");
}

TEST(XfrmPolicy, OutboundGreCarriesMarkAndTemplate) {
  std::vector<Message> m = PutPolicy(GrePolicy(Direction::kOut), 0xabc, {});
  ASSERT_EQ(m.size(), 1u);
  EXPECT_EQ(m[0].type(), XFRM_MSG_UPDPOLICY);
  EXPECT_EQ(ToHex(m[0].bytes().subspan(16, 56)),
            Golden("cb007109000000000000000000000000 c6336401000000000000000000000000"  // daddr, saddr
                   "0000 0000 0000 0000"                                               // ports
                   "0200 20 20 2f 000000 00000000 00000000"));                         // AF_INET /32 /32 GRE
  EXPECT_EQ(PolicyAttr(m[0], XFRMA_MARK), Golden("03000000 ffff0f00"));
  EXPECT_EQ(PolicyAttr(m[0], XFRMA_TMPL),
            Golden("cb007109000000000000000000000000 00000000 32 000000"  // to the peer, any SPI, ESP
                   "0200 0000 c6336401000000000000000000000000"           // family, from us
                   "03000000 00 00 00 00"                                 // reqid 3, transport, required
                   "ffffffff ffffffff ffffffff"));
}

PolicyInfo ParseOne(const Message& m) {
  BytesView data = m.bytes();
  return *ParsePolicy(*NextMessage(data));
}

TEST(XfrmPolicy, EveryPolicyWinsOverEveryBlock) {
  Policy widest = GrePolicy(Direction::kOut);
  widest.mode = Mode::kTunnel;
  widest.local = Ip("2001:db8::1");
  widest.remote = Ip("2001:db8::2");
  widest.local_selector = widest.remote_selector = net::Prefix::Default(net::Family::kIpv6);
  std::vector<Message> block = PutBlock({Ip("198.51.100.1")}, 0);
  for (const Message& b : block) {
    EXPECT_LT(ParseOne(PutPolicy(widest, 0xfff, {})[0]).priority, ParseOne(b).priority);
  }
}

TEST(XfrmPolicy, TheNarrowerTunnelPolicyWins) {
  Policy narrow = GrePolicy(Direction::kOut);
  narrow.mode = Mode::kTunnel;
  narrow.protocol = 0;
  narrow.local_selector = *net::Prefix::Parse("10.1.0.0/16");
  narrow.remote_selector = *net::Prefix::Parse("10.2.3.0/24");
  Policy wide = narrow;
  wide.remote_selector = *net::Prefix::Parse("10.2.0.0/16");
  EXPECT_LT(ParseOne(PutPolicy(narrow, 0xfff, {})[0]).priority, ParseOne(PutPolicy(wide, 0, {})[0]).priority);
}

TEST(XfrmPolicy, TunnelModeInboundAlsoForwards) {
  Policy p = GrePolicy(Direction::kIn);
  EXPECT_EQ(PutPolicy(p, 0, {}).size(), 1u);
  p.mode = Mode::kTunnel;
  std::vector<Message> m = PutPolicy(p, 0, {});
  ASSERT_EQ(m.size(), 2u);
  EXPECT_EQ(ParseOne(m[0]).direction, XFRM_POLICY_IN);
  EXPECT_EQ(ParseOne(m[1]).direction, XFRM_POLICY_FWD);
  EXPECT_EQ(ParseOne(m[1]).template_source, Ip("203.0.113.9"));
  EXPECT_EQ(DeletePolicy(p).size(), 2u);
}

TEST(XfrmPolicy, UnmarkedPolicyHasNoMark) {
  Policy p = GrePolicy(Direction::kIn);
  p.marked = false;
  EXPECT_EQ(PolicyAttr(PutPolicy(p, 0, {})[0], XFRMA_MARK), "absent");
}

TEST(XfrmPolicy, BlockDropsGreBothWays) {
  std::vector<Message> m = PutBlock({Ip("198.51.100.1")}, 0xabc);
  ASSERT_EQ(m.size(), 2u);
  PolicyInfo out = ParseOne(m[0]), in = ParseOne(m[1]);
  EXPECT_TRUE(out.block && in.block);
  EXPECT_EQ(out.direction, XFRM_POLICY_OUT);
  EXPECT_EQ(out.source, *net::Prefix::Parse("198.51.100.1/32"));
  EXPECT_EQ(out.destination, *net::Prefix::Parse("0.0.0.0/0"));
  EXPECT_EQ(in.direction, XFRM_POLICY_IN);
  EXPECT_EQ(in.destination, *net::Prefix::Parse("198.51.100.1/32"));
  EXPECT_EQ(out.protocol, 47);
  EXPECT_EQ(out.priority, 0x7b100abcu);
}

TEST(XfrmEventParse, EveryTruncationIsRefused) {
  Message m(XFRM_MSG_EXPIRE, 0);
  m.Body(xfrm_user_expire{});
  for (size_t n = 0; n < sizeof(xfrm_user_expire); ++n) {
    EXPECT_FALSE(ParseXfrmEvent({XFRM_MSG_EXPIRE, 0, 0, m.bytes().subspan(16, n)})) << n;
  }
  EXPECT_TRUE(ParseXfrmEvent({XFRM_MSG_EXPIRE, 0, 0, m.bytes().subspan(16)}));
  EXPECT_FALSE(ParseXfrmEvent({XFRM_MSG_ACQUIRE, 0, 0, m.bytes().subspan(16, 8)}));
}

TEST(XfrmEventParse, AcquireNamesPeerAndMark) {
  Message m(XFRM_MSG_ACQUIRE, 0);
  xfrm_user_acquire a{};
  a.sel.family = 2;
  m.Body(a);
  xfrm_user_tmpl t{};
  t.reqid = 9;
  t.family = 2;
  m.AttrStruct(XFRMA_TMPL, t);
  m.AttrStruct(XFRMA_MARK, xfrm_mark{9, 0xfffff});
  auto event = ParseXfrmEvent({XFRM_MSG_ACQUIRE, 0, 0, m.bytes().subspan(16)});
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<Acquire>(*event).reqid, 9u);
  EXPECT_EQ(std::get<Acquire>(*event).mark, 9u);
}

template <class T>
Bytes Raw(const T& value) {
  const auto* p = reinterpret_cast<const uint8_t*>(&value);
  return {p, p + sizeof(value)};
}

TEST(XfrmSkipAhead, MovesTheOutboundNumberOnlyAndNeverBack) {
  EXPECT_EQ(SkipAhead(Raw(xfrm_replay_state{7, 5, 3}), 100), Raw(xfrm_replay_state{107, 5, 3}));
  EXPECT_EQ(SkipAhead(Raw(xfrm_replay_state{0xfffffff0, 5, 3}), 100), Raw(xfrm_replay_state{0xffffffff, 5, 3}))
      << "32 bits: at its end the SA sends no more";
  xfrm_replay_state_esn wide{};
  wide.bmp_len = 4, wide.oseq = 0xfffffff0, wide.oseq_hi = 2, wide.seq = 9, wide.seq_hi = 1, wide.replay_window = 128;
  xfrm_replay_state_esn after = wide;
  after.oseq = 0xfffffff0u + 100u, after.oseq_hi = 3;
  EXPECT_EQ(SkipAhead(Raw(wide), 100), Raw(after));
  EXPECT_TRUE(SkipAhead({}, 100).empty());
}

}  // namespace
}  // namespace flexvpn::os::netlink
