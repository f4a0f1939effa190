// SPDX-License-Identifier: Apache-2.0
#include "core/dissect/summary.h"

#include <gtest/gtest.h>

namespace flexvpn::dissect {
namespace {

using namespace ike;  // NOLINT: every payload by its name

Bytes Octets(absl::string_view text) { return Bytes(text.begin(), text.end()); }

TEST(Summary, ShowsWhatIsAgreedAndOnlyTheSizeOfWhatIsSecret) {
  const Bytes secret(20, 0xa5);
  const Payloads payloads = {
      IdPayload{true, IdType::kFqdn, Octets("spoke1.example.net")},
      AuthPayload{AuthMethod::kSharedKey, secret},
      NoncePayload{secret},
      EapPayload{secret},
      NotifyPayload{ProtocolId::kNone, {}, NotifyType::kCookie, secret},
      ConfigPayload{CfgType::kReply,
                    {{CfgAttr::kIp4Address, {10, 0, 0, 1}}, {CfgAttr::kDnsDomain, Octets("a.example")}}},
      DeletePayload{ProtocolId::kEsp, {EspSpi(0xc0ffee01)}},
      UnknownPayload{200, false, secret},
  };
  EXPECT_EQ(Summarize(payloads),
            "IDi(ID_FQDN spoke1.example.net), AUTH(shared key 20 octets), Nonce(20 octets), EAP(20 octets), "
            "N(COOKIE 20 octets), "
            "CP(CFG_REPLY INTERNAL_IP4_ADDRESS 10.0.0.1 INTERNAL_DNS_DOMAIN 9 octets), D(ESP c0ffee01), "
            "PAYLOAD_200(20 octets)");
}

TEST(Summary, EscapesTheTextOfAPeerAndIsBounded) {
  EXPECT_EQ(Summarize({IdPayload{false, IdType::kFqdn, Octets("a\x1b[2Jb")}}), "IDr(ID_FQDN a\\x1b[2Jb)");
  EXPECT_EQ(Summarize(Payloads{}), "no payloads");
  const Payloads many(64, Payload(IdPayload{true, IdType::kFqdn, Bytes(4000, 'x')}));
  EXPECT_EQ(Summarize(many).size(), kMaxSummary + 4);
}

TEST(Summary, OfAHeaderIsThatOfTheDissector) {
  Header h;
  h.initiator_spi = IkeSpi(0x0123456789abcdef);
  h.exchange = ExchangeType::kIkeSaInit;
  h.flags = kFlagInitiator;
  const net::Endpoint a{*net::IpAddress::Parse("192.0.2.1"), 500, {}},
      b{*net::IpAddress::Parse("192.0.2.2"), 500, {}};
  EXPECT_EQ(Summarize(a, b, h),
            "192.0.2.1:500 > 192.0.2.2:500 IKE_SA_INIT request 0 i 0123456789abcdef/0000000000000000");
}

}  // namespace
}  // namespace flexvpn::dissect
