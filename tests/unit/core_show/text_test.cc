// SPDX-License-Identifier: Apache-2.0
// Layouts against outputs of IOS XE devices (labels, columns, order); values of our own.
#include "core/show/rows.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/values.h"

namespace flexvpn::show {
namespace {

using testing::HasSubstr;
using testing::Not;

net::Prefix Pfx(const char* s) { return *net::Prefix::Parse(s); }

// A client with a pushed address and IKEv2 routes, as the genieparser sample of `show crypto ikev2 sa detailed`
// (IOS XE) prints it; addresses replaced by documentation ones of the same length.
IkeSaRow Client() {
  IkeSaRow r;
  r.tunnel_id = 973;
  r.session_id = 17155;
  r.local = {Ip("192.0.2.101"), 500};
  r.remote = {Ip("198.51.100.2"), 500};
  r.ivrf = "121";
  r.initiator = true;
  r.local_spi = 0x000D3669857A0F82;
  r.remote_spi = 0xE0419B1DB02DE6AE;
  r.encr = 12;
  r.key_bits = 256;
  r.prf = 5;
  r.integ = 12;
  r.group = 19;
  r.local_id = "user@example.com";
  r.remote_id = "198.51.100.2";
  r.active = seconds(12689);
  r.local_next_msg_id = r.local_queued = 214;
  r.remote_next_msg_id = r.remote_queued = 6;
  r.local_window = r.remote_window = 5;
  r.dpd_interval = seconds(60);
  r.dpd_retry = seconds(3);
  r.dynamic_route = true;
  r.pushed_address = Ip("10.1.9.4");
  r.remote_subnets = {Pfx("10.0.0.0/8"), Pfx("172.16.0.0/12")};
  return r;
}

TEST(ShowIkeSa, DetailedHasTheLayoutOfIosXe) {
  EXPECT_EQ(RenderText(MakeIkeSas({Client()}, true)),
            " IPv4 Crypto IKEv2  SA\n"
            "\n"
            "Tunnel-id Local                 Remote                fvrf/ivrf            Status\n"
            "973       192.0.2.101/500       198.51.100.2/500      none/121             READY\n"
            "      Encr: AES-CBC, keysize: 256, PRF: SHA256, Hash: SHA256, DH Grp:19, Auth sign: PSK, Auth verify: PSK\n"
            "      Life/Active Time: 86400/12689 sec\n"
            "      CE id: 0, Session-id: 17155\n"
            "      Status Description: Negotiation done\n"
            "      Local spi: 000D3669857A0F82       Remote spi: E0419B1DB02DE6AE\n"
            "      Local id: user@example.com\n"
            "      Remote id: 198.51.100.2\n"
            "      Local req msg id:  214            Remote req msg id:  6\n"
            "      Local next msg id: 214            Remote next msg id: 6\n"
            "      Local req queued:  214            Remote req queued:  6\n"
            "      Local window:      5              Remote window:      5\n"
            "      DPD configured for 60 seconds, retry 3\n"
            "      Fragmentation not  configured.\n"
            "      Dynamic Route Update: enabled\n"
            "      Extended Authentication not configured.\n"
            "      NAT-T is not detected\n"
            "      Cisco Trust Security SGT is disabled\n"
            "      Initiator of SA : Yes\n"
            "      Pushed IP address: 10.1.9.4\n"
            "      Remote subnets:\n"
            "      10.0.0.0 255.0.0.0\n"
            "      172.16.0.0 255.240.0.0\n"
            "\n"
            " IPv6 Crypto IKEv2  SA\n"
            "\n");
}

TEST(ShowIkeSa, ShortFormIsTheFirstThreeLines) {
  EXPECT_EQ(RenderText(MakeIkeSas({Client()}, false)),
            " IPv4 Crypto IKEv2  SA\n"
            "\n"
            "Tunnel-id Local                 Remote                fvrf/ivrf            Status\n"
            "973       192.0.2.101/500       198.51.100.2/500      none/121             READY\n"
            "      Encr: AES-CBC, keysize: 256, PRF: SHA256, Hash: SHA256, DH Grp:19, Auth sign: PSK, Auth verify: PSK\n"
            "      Life/Active Time: 86400/12689 sec\n"
            "\n"
            " IPv6 Crypto IKEv2  SA\n"
            "\n");
}

TEST(ShowIkeSa, Ipv6HasItsAddressesOnLinesOfTheirOwn) {
  IkeSaRow r = Client();
  r.tunnel_id = 1;
  r.ivrf = "";
  r.local = {Ip("2001:db8:1101::131"), 500};
  r.remote = {Ip("2001:db8:1201::122"), 500};
  r.initiator = false;
  r.pushed_address.reset();
  r.assigned_address = Ip("10.1.9.9");
  r.peer_type = "IOS-XE";
  r.remote_subnets.clear();
  r.encr = 20;
  r.integ = 0;
  const std::string text = RenderText(MakeIkeSas({r}, true));
  EXPECT_THAT(text, HasSubstr(" IPv4 Crypto IKEv2  SA\n\n IPv6 Crypto IKEv2  SA\n\n"
                              "Tunnel-id    fvrf/ivrf              Status\n"
                              "1          none/none             READY\n"
                              "Local  2001:db8:1101::131/500\n"
                              "Remote  2001:db8:1201::122/500\n"
                              "      Encr: AES-GCM, keysize: 256, PRF: SHA256, Hash: None, DH Grp:19,"));
  EXPECT_THAT(text, HasSubstr("      CE id: 0, Session-id: 17155\n      Local spi: 000D3669857A0F82       Remote spi:"));
  EXPECT_THAT(text, HasSubstr("      Initiator of SA : No\n      Assigned host addr: 10.1.9.9\n      PEER TYPE: IOS-XE\n"));
}

TEST(ShowIkeSession, HasTheLayoutOfIosXe) {
  IkeSessionRow s;
  s.sa = Client();
  s.sa.tunnel_id = s.sa.session_id = 1;
  s.sa.local = {Ip("10.10.100.30"), 500};
  s.sa.remote = {Ip("10.10.50.15"), 500};
  s.sa.fvrf = "OUTSIDE_TWO";
  s.sa.ivrf = "OUTSIDE_THREE";
  s.sa.active = seconds(1002);
  SessionChildRow c;
  c.local = {{Ip("10.10.100.30"), Ip("10.10.100.30"), 0, 65535, 47}};
  c.remote = {{Ip("10.10.50.15"), Ip("10.10.50.15"), 0, 65535, 47}};
  c.spi_in = 0x448C5B0;
  c.spi_out = 0x41CCF09E;
  s.children = {c};
  EXPECT_EQ(RenderText(MakeIkeSessions({s}, false)),
            " IPv4 Crypto IKEv2 Session\n"
            "\n"
            "Session-id:1, Status:UP-ACTIVE, IKE count:1, CHILD count:1\n"
            "\n"
            "Tunnel-id Local                 Remote                fvrf/ivrf            Status\n"
            "1         10.10.100.30/500      10.10.50.15/500       OUTSIDE_TWO/OUTSID   READY\n"
            "      Encr: AES-CBC, keysize: 256, PRF: SHA256, Hash: SHA256, DH Grp:19, Auth sign: PSK, Auth verify: PSK\n"
            "      Life/Active Time: 86400/1002 sec\n"
            "Child sa: local selector  10.10.100.30/0 - 10.10.100.30/65535\n"
            "          remote selector 10.10.50.15/0 - 10.10.50.15/65535\n"
            "          ESP spi in/out: 0x448C5B0/0x41CCF09E\n"
            "\n"
            " IPv6 Crypto IKEv2 Session\n"
            "\n");
}

TEST(ShowIpsecSa, HasTheLayoutOfIosXe) {
  IpsecSaRow r;
  r.interface = "Tunnel0";
  r.local = Ip("192.0.2.1");
  r.remote = Ip("198.51.100.1");
  r.local_ident = Pfx("0.0.0.0/0");
  r.remote_ident = Pfx("0.0.0.0/0");
  r.spi_in = 0xA27AED59;
  r.spi_out = 0x9A357D78;
  r.encr = 12;
  r.key_bits = 256;
  r.integ = 12;
  r.replay_window = 64;
  r.remaining = seconds(3544);
  r.packets_out = 7;
  r.packets_in = 5;
  r.plaintext_mtu = 1438;
  r.underlay_interface = "eth0";
  r.offload_wanted = "auto";
  r.offload_reason = "driver has no xfrm offload";
  const std::string block =
      "        transform: esp-256-aes esp-sha256-hmac ,\n"
      "        in use settings ={Tunnel, }\n"
      "        conn id: 1, flow_id: 1, sibling_flags 80000000, crypto map: Tunnel0-head-0, initiator : False\n"
      "        sa timing: remaining key lifetime (sec): 3544\n"
      "        Kilobyte Volume Rekey has been disabled\n"
      "        IV size: 16 bytes\n"
      "        replay detection support: Y  replay window size: 64\n"
      "        offload: software (wanted auto: driver has no xfrm offload)\n"
      "        Status: ACTIVE(ACTIVE)\n";
  std::string block2 = block;
  block2.replace(block2.find("conn id: 1, flow_id: 1"), 22, "conn id: 2, flow_id: 2");
  EXPECT_EQ(RenderText(MakeIpsecSas({r})),
            "interface: Tunnel0\n"
            "    Crypto map tag: Tunnel0-head-0, local addr 192.0.2.1\n"
            "\n"
            "   protected vrf: (none)\n"
            "   local  ident (addr/mask/prot/port): (0.0.0.0/0.0.0.0/0/0)\n"
            "   remote ident (addr/mask/prot/port): (0.0.0.0/0.0.0.0/0/0)\n"
            "   current_peer 198.51.100.1 port 500\n"
            "     PERMIT, flags={origin_is_acl,}\n"
            "    #pkts encaps: 7, #pkts encrypt: 7, #pkts digest: 7\n"
            "    #pkts decaps: 5, #pkts decrypt: 5, #pkts verify: 5\n"
            "    #pkts compressed: 0, #pkts decompressed: 0\n"
            "    #pkts not compressed: 0, #pkts compr. failed: 0\n"
            "    #pkts not decompressed: 0, #pkts decompress failed: 0\n"
            "    #send errors 0, #recv errors 0\n"
            "\n"
            "     local crypto endpt.: 192.0.2.1, remote crypto endpt.: 198.51.100.1\n"
            "     plaintext mtu 1438, path mtu 1500, ip mtu 1500, ip mtu idb eth0\n"
            "     current outbound spi: 0x9A357D78(2587196792)\n"
            "     PFS (Y/N): N, DH group: none\n"
            "\n"
            "     inbound esp sas:\n"
            "      spi: 0xA27AED59(2725965145)\n" +
                block +
                "\n     inbound ah sas:\n\n     inbound pcp sas:\n\n"
                "     outbound esp sas:\n"
                "      spi: 0x9A357D78(2587196792)\n" +
                block2 + "\n     outbound ah sas:\n\n     outbound pcp sas:\n");
}

// The spoke of Cisco's spoke-to-spoke guide behind NAT, in its layout.
TEST(ShowIpNhrp, HasTheLayoutOfIosXe) {
  NhrpRow remote;
  remote.prefix = Pfx("10.0.0.1/32");
  remote.next_hop = Ip("10.0.0.1");
  remote.interface = "Virtual-Access1";
  remote.created_ago = seconds(112);
  remote.expires_in = seconds(7094);
  remote.flags = {"router", "implicit", "rib", "nho"};
  remote.nbma = Ip("172.17.1.9");
  remote.claimed_nbma = Ip("172.16.2.1");
  NhrpRow fixed;
  fixed.prefix = Pfx("10.0.0.100/32");
  fixed.next_hop = Ip("10.0.0.100");
  fixed.interface = "Tunnel100";
  fixed.created_ago = seconds((10 * 7 + 2) * 86400);
  fixed.type = "static";
  fixed.flags = {"no-socket"};
  fixed.nbma = Ip("198.51.100.1");
  const std::vector<NhrpRow> rows = {remote, fixed};
  EXPECT_EQ(RenderText(MakeNhrp(rows)),
            "10.0.0.1/32 via 10.0.0.1\n"
            "   Virtual-Access1 created 00:01:52, expire 01:58:14\n"
            "   Type: dynamic, Flags: router implicit rib nho\n"
            "   NBMA address: 172.17.1.9\n"
            "    (Claimed NBMA address: 172.16.2.1)\n"
            "10.0.0.100/32 via 10.0.0.100\n"
            "   Tunnel100 created 10w2d, never expire\n"
            "   Type: static, Flags:\n"
            "   NBMA address: 198.51.100.1\n"
            "    (no-socket)\n");
  const std::string shortcuts = RenderText(MakeNhrpShortcuts(rows));
  EXPECT_THAT(shortcuts, HasSubstr("10.0.0.1/32  10.0.0.1  172.17.1.9    Virtual-Access1  00:01:52  01:58:14"));
  EXPECT_THAT(shortcuts, Not(HasSubstr("10.0.0.100")));
}

TEST(ShowIpRoute, HasTheLinesOfIosXe) {
  RouteRow connected;
  connected.code = 'C';
  connected.prefix = Pfx("10.0.252.0/24");
  connected.interface = "Tunnel0";
  RouteRow host;
  host.code = 'H';
  host.prefix = Pfx("10.0.252.4/32");
  host.interface = "Tunnel0";
  host.age = seconds(160);
  RouteRow net = host;
  net.prefix = Pfx("192.168.30.0/24");
  net.next_hop = Ip("10.100.0.30");
  net.distance = 250;
  net.metric = 1;
  RouteRow overridden = net;
  overridden.code = 'S';
  overridden.next_hop_override = true;
  overridden.distance = 2;
  overridden.tag = 1;
  const std::string text = RenderText(MakeRoutes({connected, host, net, overridden}));
  EXPECT_THAT(text, HasSubstr("C        10.0.252.0/24 is directly connected, Tunnel0\n"
                              "H        10.0.252.4/32 is directly connected, 00:02:40, Tunnel0\n"
                              "H        192.168.30.0/24 [250/1] via 10.100.0.30, 00:02:40, Tunnel0\n"
                              "S   %    192.168.30.0/24 [2/1] via 10.100.0.30, 00:02:40, Tunnel0, tag 1\n"));
}

TEST(ShowDataplane, TablesAlign) {
  DropRow a{"peer_select", "no_peer", 7, "no such next hop"};
  DropRow b{"ike", "bad_cookie", 12345, ""};
  EXPECT_EQ(RenderText(MakeDrops({a, b})),
            "Component    Reason      Count  Meaning\n"
            "peer_select  no_peer         7  no such next hop\n"
            "ike          bad_cookie  12345\n");
  const std::string all = RenderText(MakeDataplane({}, {}, {}, {}, {a}));
  for (const char* title : {"Devices\n", "\nPeers\n", "\nSecurity associations\n", "\nOffload\n", "\nDrops\n"})
    EXPECT_THAT(all, HasSubstr(title));
}

TEST(ShowNames, AreThoseOfIos) {
  EXPECT_EQ(DhGroupName(19), "DH_GROUP_256_ECP/Group 19");
  EXPECT_EQ(DhGroupName(14), "DH_GROUP_2048_MODP/Group 14");
  EXPECT_EQ(EspTransformName(12, 128, 2), "esp-aes esp-sha-hmac");
  EXPECT_EQ(EspTransformName(12, 256, 14), "esp-256-aes esp-sha512-hmac");
  EXPECT_EQ(EspTransformName(20, 256, 0), "esp-gcm 256");
  EXPECT_EQ(EspTransformName(20, 128, 0), "esp-gcm");
  EXPECT_EQ(EspTransformName(16, 192, 0), "esp-ccm 192");
  EXPECT_EQ(EspTransformName(13, 128, 8), "esp-ctr esp-aes-cmac");
  EXPECT_EQ(EspTransformName(28, 256, 0), "esp-chacha20-poly1305");
  EXPECT_EQ(DhGroupName(32), "DH_GROUP_CURVE448/Group 32");
  EXPECT_EQ(EncrName(15), "AES-CCM");
  EXPECT_EQ(IntegName(2), "SHA96");
  EXPECT_EQ(IntegName(1), "MD596");
  EXPECT_EQ(PrfName(2), "SHA1");
}

TEST(ShowAges, AreThoseOfIos) {
  EXPECT_EQ(FormatAge(seconds(0)), "00:00:00");
  EXPECT_EQ(FormatAge(seconds(7094)), "01:58:14");
  EXPECT_EQ(FormatAge(seconds(86399)), "23:59:59");
  EXPECT_EQ(FormatAge(seconds(86400 + 7200)), "1d02h");
  EXPECT_EQ(FormatAge(seconds(72 * 86400)), "10w2d");
  EXPECT_EQ(FormatAge(seconds(400 * 86400)), "1y5w");
  EXPECT_EQ(FormatAge(seconds(-5)), "00:00:00");
}

}  // namespace
}  // namespace flexvpn::show
