// SPDX-License-Identifier: Apache-2.0
// Parse(Render(m)) == m, over the examples and over generated models.
#include <algorithm>

#include "base/rng.h"
#include "core/config/names.h"
#include "files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flexvpn::config {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Render, IsUndoneByParseForEveryExample) {
  for (const char* below : {"", "/bad"}) {
    for (const auto& path : Configs(below)) {
      const Model m = Parse(ReadFile(path)).model;
      EXPECT_EQ(Parse(Render(m, true, true)).model, m) << path << "\n" << Render(m, true, true);
      EXPECT_EQ(Parse(Render(m, false, true)).model, m) << path << "\n" << Render(m, false, true);
    }
  }
}

TEST(Render, HidesSmartDefaultsUnlessAll) {
  EXPECT_THAT(Render(DefaultModel(), false, true), Not(HasSubstr("default")));
  const std::string all = Render(DefaultModel(), true, true);
  for (const char* line : {"crypto ikev2 proposal default\n encryption aes-gcm-256 aes-cbc-256\n",
                           "crypto ikev2 policy default\n match fvrf any\n",
                           "crypto ikev2 authorization policy default\n route set interface\n route accept any\n",
                           "crypto ipsec transform-set default esp-gcm 256\n mode transport\n",
                           "crypto ipsec profile default\n"})
    EXPECT_THAT(all, HasSubstr(line));
}

TEST(Render, RemovedDefaultsStayRemoved) {
  const Model m = Parse("no crypto ikev2 proposal default\nno crypto ipsec profile default\n").model;
  EXPECT_THAT(Render(m, false, true), HasSubstr("no crypto ikev2 proposal default\n"));
  EXPECT_EQ(Parse(Render(m, false, true)).model, m);
}

TEST(Render, WithoutSecretsShowsNone) {
  for (const auto& path : Configs()) {
    const Model m = Parse(ReadFile(path)).model;
    const std::string out = Render(m, true, false);
    for (const auto& [name, k] : m.keyrings)
      for (const KeyringPeer& p : k.peers)
        if (p.local_key.size() > 4) {
          EXPECT_THAT(out, Not(HasSubstr(" " + ToString(BytesView(p.local_key)) + "\n"))) << path;
          EXPECT_THAT(out, Not(HasSubstr(ToHex(BytesView(p.local_key))))) << path;
        }
    for (const char* s : {"granite RO", "not-a-real-hash", "also-not-real", "winter", "quarz"})
      EXPECT_THAT(out, Not(HasSubstr(s))) << path;
  }
}

// --- generated models ------------------------------------------------------------------------------------------
class Generator {
 public:
  explicit Generator(uint64_t seed) : rng_(seed) {}

  Model Make() {
    Model m = DefaultModel();
    m.hostname = Name();
    if (Flip()) m.domain_name = "example.net";
    m.aaa_new_model = Flip();
    Repeat(2, [&] { AaaAuthorizationList l{Name(), Flip(), {}}; if (!l.local) l.methods = {"group", "radius"}; m.aaa_authorization[l.name] = l; });
    m.ike = Global();
    Repeat(3, [&] { Put(m.proposals, Proposal()); });
    Repeat(3, [&] { Put(m.policies, Policy()); });
    Repeat(3, [&] { Put(m.keyrings, Ring()); });
    Repeat(3, [&] { Put(m.authorization_policies, Authorization()); });
    Repeat(3, [&] { Put(m.profiles, Profile()); });
    Repeat(3, [&] { Put(m.trustpoints, TrustpointOf()); });
    Repeat(3, [&] { Put(m.certificate_maps, MapOf()); });
    Repeat(3, [&] { Put(m.transform_sets, Transform()); });
    Repeat(3, [&] { Put(m.ipsec_profiles, Ipsec()); });
    Repeat(5, [&] { Put(m.interfaces, MakeInterface()); });
    Repeat(3, [&] { Put(m.pools, LocalPool{Name(), V4(), V4(), 32, {}}); });
    Repeat(2, [&] { Put(m.ipv6_pools, Ipv6Pool()); });
    Repeat(3, [&] { Put(m.access_lists, Acl()); });
    if (Flip()) m.platform_interfaces["GigabitEthernet0/0"] = "ens3";
    if (Flip()) m.foreign_lines = {"router bgp 1", " neighbor 10.0.0.1 remote-as 1", "ip route 0.0.0.0 0.0.0.0 Null0"};
    if (Below(8) == 0) m.proposals.erase("default");
    if (Flip()) m.banners["motd"] = Text() + "\n # C " + Text();
    if (Flip()) m.ipsec.lifetime = seconds(120 + Below(1000));
    if (Flip()) m.ipsec.lifetime_kilobytes.emplace(std::nullopt);
    if (Flip()) m.ipsec.replay_window = Pick<uint32_t>({0, 128});
    if (Flip()) m.kept = Parse(kKeptText).model.kept;
    if (Flip()) m.vrfs = Parse(kVrfText).model.vrfs;
    Derive(m);
    return m;
  }

 private:
  static constexpr char kKeptText[] =
      "crypto ikev2 client flexvpn C\n peer 1 192.0.2.1 track 5 up\n client connect Tunnel0\n backup group 3\n"
      "crypto ikev2 cluster\n port 2000\n no shutdown\ncrypto ikev2 name-mangler M\n eap suffix delimiter @\n"
      "ip access-list extended E\n 10 permit ip any any\nusername bob privilege 15 secret 9 !abc\n"
      "radius server R\n address ipv4 192.0.2.9 auth-port 1812 acct-port 1813\n key 7 abc\n"
      "track 5 interface eth0 line-protocol\nroute-map X permit 10\n match ip address 1\n"
      "ipv6 local pool P6 2001:db8::/48 64\nlogging buffered 10000\ncrypto ipsec df-bit clear\n";
  static constexpr char kVrfText[] =
      "vrf definition RED\n description customers\n rd 1:1\n address-family ipv4\n  route-target export 1:1\n"
      " exit-address-family\n address-family ipv6\nvrf definition BLUE\n";
  std::vector<Statement> KeptIn(const std::string& text) {
    const Model m = Parse(text).model;
    if (!m.profiles.empty()) return m.profiles.begin()->second.kept;
    return m.interfaces.empty() ? m.authorization_policies.at("K").kept : m.interfaces.begin()->second.kept;
  }
  uint64_t Below(uint64_t n) { return rng_.Below(n); }
  bool Flip() { return Below(2) == 0; }
  template <class F>
  void Repeat(uint64_t most, F f) {
    for (uint64_t i = Below(most + 1); i > 0; --i) f();
  }
  template <class T>
  void Put(std::map<std::string, T>& map, T object) {
    const std::string name = object.name;
    map[name] = std::move(object);
  }
  template <class T>
  T Pick(const std::vector<T>& list) {
    return list[Below(list.size())];
  }
  template <class T>
  std::vector<T> Some(std::vector<T> list, size_t least) {
    std::vector<T> out;
    for (const T& v : list)
      if (Flip()) out.push_back(v);
    while (out.size() < least) out.assign(1, list[Below(list.size())]);
    return out;
  }
  std::string Name() {
    return Pick<std::string>({"A", "b-1", "FLEX", "any1", "local", "default", "remote", "0", "10x", "Zürich", "a.b_c"});
  }
  std::string Text() { return Pick<std::string>({"text", "two words", "a  b", "no", "exit now"}); }
  net::IpAddress V4() { return net::IpAddress::V4(rng_.U32()); }
  net::IpAddress V6() {
    std::array<uint8_t, 16> a{};
    rng_.Fill(a);
    a[0] = 0x20;
    return net::IpAddress::V6(a);
  }
  net::IpAddress Host() {
    for (;;)
      if (const net::IpAddress a = Flip() ? V4() : V6(); !a.is_any()) return a;
  }
  net::Prefix P4() { return net::Prefix(V4(), static_cast<int>(Below(33))); }
  net::Prefix AnyPrefix() { return Flip() ? P4() : net::Prefix(V6(), static_cast<int>(Below(129))); }
  SecretBytes Key() {
    if (Flip()) return ToSecret(AsView(Pick<std::string>({"k", "0", "6", "hex", "local", "!x", "a!b", "pass word", "\xff"})));
    return ToSecret(BytesView(rng_.Take(1 + Below(40))));
  }
  std::vector<uint16_t> Numbers(const std::vector<NumberName>& names, size_t least) {
    std::vector<uint16_t> all;
    for (const NumberName& n : names)
      if (n.standing != Standing::kRefused && std::find(all.begin(), all.end(), n.number) == all.end())
        all.push_back(n.number);
    return Some(all, least);
  }

  Identity Id(bool local) {
    Identity id;
    const std::vector<IdentityKind> local_kinds = {IdentityKind::kAddress, IdentityKind::kFqdn, IdentityKind::kEmail,
                                                   IdentityKind::kKeyId};
    std::vector<IdentityKind> kinds = local_kinds;
    if (!local) {
      kinds.insert(kinds.end(), {IdentityKind::kAny, IdentityKind::kFqdnDomain, IdentityKind::kEmailDomain, IdentityKind::kNull});
    }
    id.kind = Pick(kinds);
    if (id.kind == IdentityKind::kAddress) id.prefix = local ? net::Prefix::Host(Host()) : AnyPrefix();
    else if (id.kind != IdentityKind::kAny && id.kind != IdentityKind::kNull) id.text = Pick<std::string>({"a.example.net", "u@example.net", "x", "domain1"});
    return id;
  }
  Dpd MakeDpd() { return {seconds(10 + Below(3591)), seconds(2 + Below(59)), Flip()}; }

  IkeGlobal Global() {
    IkeGlobal g;
    if (Flip()) g.dpd = MakeDpd();
    if (Flip()) g.nat_keepalive = seconds(5 + Below(3596));
    g.window = static_cast<uint32_t>(1 + Below(200));
    if (Flip()) g.cookie_challenge = static_cast<uint32_t>(Below(1001));
    g.max_negotiating_incoming = static_cast<uint32_t>(Below(9999));
    g.max_negotiating_outgoing = Flip() ? g.max_negotiating_incoming : static_cast<uint32_t>(Below(9999));
    g.max_sa = static_cast<uint32_t>(Below(9999));
    if (Flip()) g.queue_sa_init = static_cast<uint32_t>(100 + Below(99901));
    if (Flip()) g.key_log = "/var/lib/flexvpn/keys.txt";
    g.mobike = Flip();
    if (Flip()) g.mobike_addresses = {net::IpAddress::V4(0xc6336401), *net::IpAddress::Parse("2001:db8::1")};
    g.http_url = Flip();
    if (Flip()) g.tcp_port = static_cast<uint16_t>(Below(65536));
    if (Flip()) g.diagnose_errors = static_cast<uint32_t>(1 + Below(1000));
    if (Flip()) g.fragmentation_mtu = Flip() ? uint16_t{0} : static_cast<uint16_t>(68 + Below(1433));
    return g;
  }
  Trustpoint TrustpointOf() {
    Trustpoint t;
    t.name = Name();
    const bool bag = Flip();
    if (bag) t.pkcs12_file = "/etc/flexvpn/hub.p12";
    if (!bag && Flip()) t.certificate_file = "/etc/flexvpn/hub.pem", t.key_file = "/etc/flexvpn/hub.key";
    if (!bag && t.key_file.empty() && Flip())
      t.certificate_file = "/etc/flexvpn/hub.pem", t.key_uri = "pkcs11:token=VPN%20hub;object=hub;type=private";
    if ((bag || !t.key_file.empty() || !t.key_uri.empty()) && Flip()) t.password = Key();
    if (Flip()) t.ca_file = "/etc/flexvpn/ca.pem";
    if (Flip()) t.crl_file = "/etc/flexvpn/ca.crl";
    using M = RevocationMethod;
    if (Flip())
      t.revocation = Pick<std::vector<M>>({{M::kNone}, {M::kCrl}, {M::kCrl, M::kNone}, {M::kOcsp, M::kCrl, M::kNone}});
    if (Flip()) t.ocsp_url = "http://ocsp.example.net:8080/ca1?x";
    return t;
  }
  CertificateMap MapOf() {
    CertificateMap m;
    m.name = Name();
    for (uint32_t n : Some<uint32_t>({1, 10, 65535}, 1))
      Repeat(3, [&] {
        const CertificateRule rule{static_cast<CertificateField>(Below(5)), static_cast<CertificateOp>(Below(4)),
                                   Pick<std::string>({"cn=hub,o=Example", "o = Example Corp", "0a1b", "example.net"})};
        auto& rules = m.sequences[n];
        if (std::find(rules.begin(), rules.end(), rule) == rules.end()) rules.push_back(rule);
      });
    m.sequences[7];
    return m;
  }
  IkeProposal Proposal() {
    IkeProposal p;
    p.name = Name();
    std::vector<EncrChoice> all;
    for (const EncryptionName& n : IkeEncryptionNames())
      if (n.standing != Standing::kRefused) all.push_back(n.choice);
    p.encryption = Some(all, 0);
    p.integrity = Numbers(IntegrityNames(), 0);
    p.prf = Numbers(PrfNames(), 0);
    p.groups = Numbers(GroupNames(), 0);
    return p;
  }
  IkePolicy Policy() {
    IkePolicy p;
    p.name = Name();
    if (Flip()) p.match_local = {V4(), V6()};
    p.match_fvrf = Pick<std::string>({"", "any", "RED"});
    p.proposals = Some<std::string>({"default", "A", "b-1"}, 0);
    return p;
  }
  Keyring Ring() {
    Keyring k;
    k.name = Name();
    for (const char* name : {"P1", "P2", "P3"}) {
      KeyringPeer p;
      p.name = name;
      if (Flip()) p.addresses = {AnyPrefix()};
      if (Flip()) p.identity = Id(true);
      if (Flip()) p.description = Text();
      if (Flip()) p.local_key = Key();
      if (Flip()) p.remote_key = Flip() ? p.local_key : Key();
      k.peers.push_back(p);
    }
    return k;
  }
  AuthorizationPolicy Authorization() {
    AuthorizationPolicy p;
    p.name = Name();
    if (Flip()) p.pool = Name();
    if (Flip()) p.netmask = net::Prefix(V4(), static_cast<int>(Below(33))).Netmask();
    if (Flip()) p.ipv6_pool = Name();
    if (Flip()) p.ipv6_length = 1 + static_cast<int>(Below(128));
    if (Flip()) p.dns = {V4()};
    if (Flip()) p.dns.push_back(V4());
    if (Flip()) p.ipv6_dns = {*net::IpAddress::Parse("2001:db8::53")};
    if (Flip()) p.wins = {V4(), V4()};
    p.split_dns = Some<std::string>({"a.example", "b.example", "c.example"}, 0);
    if (Flip()) p.def_domain = "example.net";
    if (Flip()) p.banner = Text();
    p.route_set_interface = Flip();
    if (p.route_set_interface && Flip()) p.route_set_interface_name = "Loopback3";
    p.route_set_access_lists = Some<std::string>({"1", "NETS", "1999"}, 0);
    if (Flip()) p.route_set_remote = {{AnyPrefix()}};
    p.route_accept_any = Flip();
    if (p.route_accept_any && Flip()) p.route_tag = static_cast<uint32_t>(1 + Below(497777));
    if (p.route_accept_any && Flip()) p.route_distance = static_cast<uint8_t>(1 + Below(255));
    if (Flip()) p.session_lifetime = seconds(120 + Below(1000000));
    if (Flip()) p.kept = KeptIn("crypto ikev2 authorization policy K\n dhcp server 192.0.2.4\n backup-gateway a.example\n backup-gateway b.example\n");
    return p;
  }
  IkeProfile Profile() {
    IkeProfile p;
    p.name = Pick<std::string>({"FLEX", "other", "local"});
    if (Flip()) p.description = Text();
    for (int i = 0; i < 3; ++i)
      if (const Identity id = Id(false); std::find(p.match_remote.begin(), p.match_remote.end(), id) == p.match_remote.end())
        p.match_remote.push_back(id);
    if (Flip()) p.match_local_addresses = {Host()};
    if (Flip()) p.match_local_interfaces = {"eth0", "Loopback3"};
    p.match_fvrf = Pick<std::string>({"", "any", "BLUE"});
    if (Flip()) p.identity_local = Id(true);
    if (Below(5) == 0) {
      p.identity_local.emplace();
      p.identity_local->kind = Flip() ? IdentityKind::kDn : IdentityKind::kNull;
    }
    p.local_psk = Flip();
    p.remote_psk = Flip();
    if (p.local_psk && Flip()) p.local_key = Key();
    if (p.remote_psk && Flip()) p.remote_key = Key();
    if (!p.local_psk && Flip()) (Flip() ? p.local_rsa : p.local_elliptic) = true;
    if (p.local_rsa) p.local_rsa_pss = Flip();
    p.local_null = !p.local_psk && !p.local_rsa && !p.local_elliptic && Flip();
    p.remote_null = Flip();
    p.remote_rsa = Flip();
    p.remote_elliptic = Flip();
    if (Flip()) p.match_certificate = {"MAP", "other"};
    if (Flip()) p.trustpoints = {{"CA", true, true}, {"SIGN", true, false}, {"CHECK", false, true}};
    if (Flip()) p.keyring = Name();
    for (const char* method : {"", "psk", "cert", "null"})
      if (Flip()) p.authorization[method] = {Pick<std::string>({"L", "default"}), "A", Flip(), Flip()};
    p.inbound_only = Flip();
    if (Flip()) p.tcp = Flip() ? TcpEncapsulation::kAlways : TcpEncapsulation::kFallback, p.tcp_port = static_cast<uint16_t>(1 + Below(65535));
    if (Flip()) p.kept = KeptIn("crypto ikev2 profile K\n authentication remote eap query-identity\n ivrf RED\n lifetime certificate\n");
    if (Flip()) p.virtual_template = static_cast<uint32_t>(1 + Below(4095));
    if (Flip()) p.dpd = MakeDpd();
    if (Flip()) p.nat_keepalive = seconds(5 + Below(3596));
    p.nat_force_encap = Flip();
    p.lifetime = seconds(120 + Below(86281));
    if (Flip()) p.auth_lifetime = seconds(300 + Below(2591701));
    if (Flip()) p.reconnect = seconds(600 + Below(85801));
    p.ticket_by_reference = p.reconnect.count() != 0 && Flip();
    p.config_exchange_request = Flip();
    p.config_exchange_set_send = Flip();
    p.config_exchange_set_accept = Flip();
    p.initial_contact_force = Flip();
    p.shutdown = Flip();
    return p;
  }
  TransformSet Transform() {
    TransformSet t;
    t.name = Name();
    t.encryption = Pick<EncrChoice>({{12, 128}, {12, 192}, {12, 256}, {20, 128}, {20, 256}, {21, 256}, {3, 0}, {11, 0},
                                     {13, 192}, {14, 256}, {15, 128}, {16, 192}, {18, 128}, {19, 256}, {28, 0}});
    if (!IsAead(t.encryption.encr)) t.integrity = Pick<uint16_t>({1, 2, 5, 8, 12, 13, 14});
    t.esn = Flip();
    t.transport = Flip();
    t.transport_require = t.transport && Flip();
    return t;
  }
  IpsecProfile Ipsec() {
    IpsecProfile p;
    p.name = Name();
    if (Flip()) p.description = Text();
    if (Flip()) p.ike_profile = Name();
    p.transform_sets = Some<std::string>({"default", "A", "b-1"}, 1);
    if (Flip()) p.pfs_group = Pick<uint16_t>({14, 19, 20, 21});
    p.responder_only = Flip();
    p.own_lifetime = Flip(), p.own_kilobytes = Flip(), p.own_replay = Flip();
    p.lifetime = seconds(120 + Below(2000000));
    p.lifetime_kilobytes.reset();
    if (Flip()) p.lifetime_kilobytes = 2560 + Below(4000000000);
    p.replay_window = Pick<uint32_t>({0, 64, 128, 256, 512, 1024});
    p.offload = Pick<Offload>({Offload::kOff, Offload::kAuto, Offload::kCrypto, Offload::kPacket});
    return p;
  }
  LocalPool Ipv6Pool() {
    const net::Prefix pool = *net::Prefix::Parse(Pick<std::string>({"2001:db8:7::/48", "2001:db8::/64", "2001:db8::9/128"}));
    const int each = Pick<int>({128, std::max(64, pool.length())});
    const bool routers = each == 128 && pool.length() < 128;
    return {Name(), routers ? pool.First().Plus(1) : pool.First(), net::Prefix(pool.Last(), each).First(), each, {}};
  }

  Interface MakeInterface() {
    Interface i;
    const auto name = *ParseInterfaceName(
        Pick<std::string>({"Tunnel0", "Tunnel2147483647", "Loopback1", "Virtual-Template9", "eth0", "gi0/0/1"}), "");
    i.kind = name.kind;
    i.number = name.number;
    i.name = name.name;
    if (Flip()) i.description = Text();
    switch (Below(4)) {
      case 0: i.address = V4(), i.prefix_length = static_cast<int>(Below(33)); break;
      case 1: i.address_negotiated = true; break;
      case 2: i.unnumbered = "Loopback0"; break;
      default: break;
    }
    switch (Below(4)) {
      case 0: i.ipv6_addresses = {{*net::IpAddress::Parse("2001:db8::7"), 64}, {*net::IpAddress::Parse("2001:db8:1::1"), 128}}; break;
      case 1: i.ipv6_negotiated = true; break;
      case 2: i.ipv6_unnumbered = "Loopback0"; break;
      default: break;
    }
    if (Flip()) i.mtu = static_cast<uint16_t>(68 + Below(9000));
    if (Flip()) i.adjust_mss = static_cast<uint16_t>(500 + Below(9000));
    i.shutdown = Flip();
    i.mode = Pick<TunnelMode>({TunnelMode::kGreIpv4, TunnelMode::kGreIpv6, TunnelMode::kGreMultipoint,
                               TunnelMode::kIpsecIpv4, TunnelMode::kIpsecIpv6});
    if (Flip() || i.kind == InterfaceKind::kVirtualTemplate) i.source_interface = Pick<std::string>({"eth0", "Loopback0", "lan0"});
    else if (Flip()) i.source_address = Host();
    if (Flip()) i.destination = Host();
    else i.destination_dynamic = Flip();
    if (Flip()) i.key = rng_.U32();
    if (Below(3) == 0) i.tunnel_vrf = "RED";
    if (Flip()) i.ipsec_profile = Name();
    i.nhrp.network_id = rng_.U32() | 1;
    i.nhrp.holdtime = seconds(1 + Below(65535));
    i.nhrp.redirect = Flip();
    if (i.nhrp.redirect) i.nhrp.redirect_timeout = seconds(2 + Below(29));
    i.nhrp.shortcut = Flip();
    if (i.nhrp.shortcut && Flip()) i.nhrp.shortcut_virtual_template = static_cast<uint32_t>(1 + Below(4095));
    if (Flip()) i.nhrp.authentication = "quarz";
    if (Below(4) == 0) i.kept = KeptIn("interface Tunnel0\n vrf forwarding RED\n ip nhrp map multicast dynamic\n ipv6 enable\n");
    return i;
  }
  AccessList Acl() {
    AccessList a;
    a.name = Pick<std::string>({"1", "99", "1300", "NETS", "a-list"});
    for (int i = 0; i < 4; ++i) a.entries.push_back({Flip(), P4(), static_cast<uint32_t>(10 * i + 10 + (Flip() ? 0 : 5))});
    return a;
  }

  SeededRng rng_;
};

TEST(Render, IsUndoneByParseForGeneratedModels) {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    const Model m = Generator(seed).Make();
    for (const bool all : {true, false}) {
      const std::string text = Render(m, all, true);
      const Model back = Parse(text).model;
      ASSERT_EQ(back == m, true) << "seed " << seed << "\n" << text << "\nread back as\n" << Render(back, all, true);
    }
  }
}

}  // namespace
}  // namespace flexvpn::config
