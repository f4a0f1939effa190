// SPDX-License-Identifier: Apache-2.0
// Layouts of sessions, statistics and NHRP packets against outputs of IOS XE devices (labels, columns, order); values
// of our own.
#include "core/show/config_rows.h"
#include "core/show/state_rows.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/values.h"

namespace flexvpn::show {
namespace {

using testing::HasSubstr;

CryptoSessionRow Session() {
  CryptoSessionRow r;
  r.status = "UP-ACTIVE";
  r.sa.interface = "Tunnel13";
  r.sa.profile = "PROFILE1";
  r.sa.session_id = r.sa.tunnel_id = 2;
  r.sa.local = {Ip("10.18.1.2"), 500};
  r.sa.remote = {Ip("10.19.3.2"), 500};
  r.sa.remote_id = "10.19.3.2";
  r.sa.active = seconds(6 * 86400);
  r.sa.lifetime = seconds(7 * 86400);
  r.sa.dpd_interval = seconds(10);
  r.sa.dynamic_route = true;
  IpsecSaRow flow;
  flow.local_ident = net::Prefix::Host(Ip("10.18.1.2"));
  flow.remote_ident = net::Prefix::Host(Ip("10.19.3.2"));
  flow.protocol = 47;
  flow.packets_in = 46;
  flow.packets_out = 36933108;
  flow.remaining = seconds(3544);
  flow.remaining_kilobytes = 4607999;
  r.flows = {flow};
  return r;
}

TEST(ShowCryptoSession, HasTheLayoutOfIos) {
  EXPECT_EQ(RenderText(MakeCryptoSessions({Session()}, SessionForm::kPlain)),
            "Crypto session current status\n"
            "\n"
            "Interface: Tunnel13\n"
            "Profile: PROFILE1\n"
            "Session status: UP-ACTIVE\n"
            "Peer: 10.19.3.2 port 500\n"
            "  Session ID: 2\n"
            "  IKEv2 SA: local 10.18.1.2/500 remote 10.19.3.2/500 Active\n"
            "  IPSEC FLOW: permit 47 host 10.18.1.2 host 10.19.3.2\n"
            "        Active SAs: 2, origin: crypto map\n"
            "\n");
}

TEST(ShowCryptoSession, DetailAddsUptimeIdentityCapabilitiesAndPackets) {
  EXPECT_THAT(RenderText(MakeCryptoSessions({Session()}, SessionForm::kDetail)),
              HasSubstr("R - IKE Auto Reconnect, U - IKE Dynamic Route Update\n"
                        "S - SIP VPN, E - Stronger IKE Encryption Enforced\n"
                        "Q - Quantum-safe Encryption\n"
                        "\n"
                        "Interface: Tunnel13\n"
                        "Profile: PROFILE1\n"
                        "Uptime: 6d00h\n"
                        "Session status: UP-ACTIVE\n"
                        "Peer: 10.19.3.2 port 500 fvrf: (none) ivrf: (none)\n"
                        "      Phase1_id: 10.19.3.2\n"
                        "      Desc: (none)\n"
                        "  Session ID: 2\n"
                        "  IKEv2 SA: local 10.18.1.2/500 remote 10.19.3.2/500 Active\n"
                        "          Capabilities:DU connid:2 lifetime:1d00h\n"
                        "  IPSEC FLOW: permit 47 host 10.18.1.2 host 10.19.3.2\n"
                        "        Active SAs: 2, origin: crypto map\n"
                        "        Inbound:  #pkts dec'ed 46 drop 0 life (KB/Sec) 4607999/3544\n"
                        "        Outbound: #pkts enc'ed 36933108 drop 0 life (KB/Sec) 4607999/3544\n"));
}

TEST(ShowCryptoSession, TheSasBeforeAndAfterARekeyAreOneFlow) {
  CryptoSessionRow r = Session();
  r.flows.push_back(r.flows[0]);
  const std::string text = RenderText(MakeCryptoSessions({r}, SessionForm::kDetail));
  EXPECT_THAT(text, HasSubstr("Active SAs: 4, origin"));
  EXPECT_THAT(text, HasSubstr("#pkts dec'ed 92 "));
  EXPECT_EQ(text.find("IPSEC FLOW"), text.rfind("IPSEC FLOW"));
}

TEST(ShowIkeStats, HasTheLabelsOfIosXe) {
  IkeStatsRow r;
  r.incoming = 5206;
  r.incoming_active = 5203;
  r.incoming_negotiating = 3;
  r.requests_in = 5300;
  r.accepted_in = 5206;
  r.rejected_in = 94;
  r.rejected_resources = 90;
  r.cookies_demanded = 12;
  const std::string rule(80, '-');
  EXPECT_EQ(RenderText(MakeIkeStats(r)),
            rule + "\n                          Crypto IKEv2 SA Statistics\n" + rule +
                "\nSystem Resource Limit:   0        Max IKEv2 SAs: 0        Max in nego(in/out): 0/0\n"
                "Total incoming IKEv2 SA Count:    5206     active:        5203     negotiating: 3\n"
                "Total outgoing IKEv2 SA Count:    0        active:        0        negotiating: 0\n"
                "Incoming IKEv2 Requests: 5300     accepted:      5206     rejected:    94\n"
                "Outgoing IKEv2 Requests: 0        accepted:      0        rejected:    0\n"
                "Rejected IKEv2 Requests: 94       rsrc low:      90       SA limit:    0\n"
                "IKEv2 packets dropped at dispatch: 0\n"
                "Incoming IKEV2 Cookie Challenged Requests: 12\n"
                "    accepted: 0        rejected: 0\n"
                "Sessions with Quantum Resistance: 0        Manual: 0        Dynamic: 0\n");
}

TEST(ShowIkeStats, ExchangesHaveTheSectionsAndColumnsOfIosXe) {
  IkeExchangesRow r;
  r.exchanges = {{"IKE_SA_INIT", 8618, 0, 0, 5206}};
  r.errors = {{"NO_PROPOSAL_CHOSEN", 0, 0, 0, 5203}};
  r.notifies = {{"DPD", 0, 79170, 79170, 0}};
  r.config = {{"CFG_REQUEST", 5206, 0}};
  r.other = {{"NO_NAT", 5203}};
  EXPECT_EQ(RenderText(MakeIkeExchanges(r)),
            "EXCHANGE/NOTIFY                      TX(REQ)     TX(RES)     RX(REQ)     RX(RES)\n"
            "\nEXCHANGES\n\n"
            "IKE_SA_INIT                             8618           0           0        5206\n"
            "\nERROR NOTIFY\n\n"
            "NO_PROPOSAL_CHOSEN                         0           0           0        5203\n"
            "\nOTHER NOTIFY\n\n"
            "DPD                                        0       79170       79170           0\n"
            "\n\n"
            "CONFIG PAYLOAD TYPE                       TX          RX\n\n"
            "CFG_REQUEST                             5206           0\n"
            "\n\nOTHER COUNTERS\n\n"
            "NO_NAT                                  5203\n");
}

TEST(ShowNhrpTraffic, HasTheLayoutOfIosXe) {
  NhrpTrafficRow r;
  r.network_id = 1;
  r.interfaces = {"Tunnel100"};
  r.sent = {0, 69, 73, 5083, 0, 41, 0, 0, 0};
  r.received = {0, 73, 41, 0, 5055, 41, 0, 0, 41};
  EXPECT_EQ(RenderText(MakeNhrpTraffic({r})),
            "Tunnel100: Network-id: 1, Max-send limit:none\n"
            "   Sent: Total 5266\n"
            "         69 Resolution Request  73 Resolution Reply  5083 Registration Request\n"
            "         0 Registration Reply  41 Purge Request  0 Purge Reply\n"
            "         0 Error Indication  0 Traffic Indication  0 Redirect Suppress\n"
            "   Rcvd: Total 5251\n"
            "         73 Resolution Request  41 Resolution Reply  0 Registration Request\n"
            "         5055 Registration Reply  41 Purge Request  0 Purge Reply\n"
            "         0 Error Indication  41 Traffic Indication  0 Redirect Suppress\n");
}

TEST(ShowNhrp, DetailHasPreferenceSocketAndRequesters) {
  NhrpRow r;
  r.prefix = *net::Prefix::Parse("100.0.0.1/32");
  r.next_hop = Ip("100.0.0.1");
  r.interface = "Tunnel100";
  r.created_ago = seconds(42);
  r.expires_in = seconds(139);
  r.flags = {"router", "unique", "local", "no-socket"};
  r.nbma = Ip("102.1.1.1");
  r.requesters = {Ip("100.0.0.2")};
  Document d = MakeNhrp({r});
  d.command = "ip nhrp detail";
  EXPECT_EQ(RenderText(d),
            "100.0.0.1/32 via 100.0.0.1\n"
            "   Tunnel100 created 00:00:42, expire 00:02:19\n"
            "   Type: dynamic, Flags: router unique local\n"
            "   NBMA address: 102.1.1.1\n"
            "   Preference: 255\n"
            "    (no-socket)\n"
            "  Requester: 100.0.0.2\n");
}

TEST(ShowIkeErrors, HaveTimePeerIdentityAndProfile) {
  IkeErrorRow r;
  r.ago = seconds(112);
  r.time = 1764167702;
  r.remote = {Ip("203.0.113.1"), 500};
  r.identity = "spoke1.example.net";
  r.profile = "FLEX";
  r.reason = "no luck";
  IkeErrorRow unknown;
  unknown.ago = seconds(112);
  unknown.reason = "a stranger";
  EXPECT_EQ(RenderText(MakeIkeErrors({r, unknown}, 32, 5)),
            "Exit Path Table - status: enable, current entry 2, deleted 5, max allow 32\n"
            "\n"
            "Error(1): no luck\n"
            "  Nov 26 14:35:02 UTC, peer 203.0.113.1/500, id spoke1.example.net, profile FLEX\n"
            "Error(2): a stranger\n"
            "  00:01:52 ago\n");
}

TEST(ShowReconcile, SaysWhatIsMissingAndWhatTheKernelSaid) {
  ReconcileRow r;
  r.kinds = {{"sa", 4, 3, 2}};
  r.changes_applied = 9;
  r.changes_refused = 1;
  r.orphans_removed_in = seconds(41);
  r.last_refusal = "add in-SA: File exists";
  r.last_refusal_ago = seconds(7);
  EXPECT_EQ(RenderText(MakeReconcile(r)),
            "Object  Wanted  Present  Missing  Orphans\n"
            "sa           4        3        1        2\n"
            "\n"
            "Changes: 9 applied, 1 refused, 0 under way\n"
            "Lingering: 0\n"
            "Orphans of an earlier run: removed in 41 s\n"
            "Last refusal: add in-SA: File exists (00:00:07 ago)\n");
}

}  // namespace
}  // namespace flexvpn::show
