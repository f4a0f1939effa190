// SPDX-License-Identifier: Apache-2.0
// Model -> running-config.  Inverse of Parse: see tests/unit/core_config/render_test.cc.
#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/config/additional_ke.h"
#include "core/config/grammar.h"
#include "core/config/lexer.h"
#include "core/config/names.h"
#include "core/config/render.h"

namespace flexvpn::config {

std::string IdentityWords(const Identity& id) {
  switch (id.kind) {
    case IdentityKind::kAny: return "any";
    case IdentityKind::kAddress:
      if (id.prefix.is_host()) return absl::StrCat("address ", id.prefix.address().ToString());
      if (id.prefix.family() == net::Family::kIpv4)
        return absl::StrCat("address ", id.prefix.address().ToString(), " ", id.prefix.Netmask().ToString());
      return absl::StrCat("address ", id.prefix.ToString());
    case IdentityKind::kFqdn: return absl::StrCat("fqdn ", id.text);
    case IdentityKind::kFqdnDomain: return absl::StrCat("fqdn domain ", id.text);
    case IdentityKind::kEmail: return absl::StrCat("email ", id.text);
    case IdentityKind::kEmailDomain: return absl::StrCat("email domain ", id.text);
    case IdentityKind::kKeyId: return absl::StrCat("key-id ", id.text);
    case IdentityKind::kDn: return "dn";
    case IdentityKind::kNull: return "null";
  }
  return "";
}

const char* OffloadWord(Offload offload) {
  constexpr const char* kWords[] = {"off", "auto", "crypto", "packet"};
  return kWords[static_cast<size_t>(offload)];
}

std::vector<std::string> RouteSetWords(const AuthorizationPolicy& p) {
  std::vector<std::string> out;
  if (p.route_set_interface)
    out.push_back(absl::StrCat("interface", p.route_set_interface_name.empty() ? "" : " ", p.route_set_interface_name));
  for (const std::string& l : p.route_set_access_lists) out.push_back(absl::StrCat("access-list ", l));
  for (const StaticRoute& r : p.route_set_remote) {
    if (r.prefix.family() == net::Family::kIpv4)
      out.push_back(absl::StrCat("remote ipv4 ", r.prefix.address().ToString(), " ", r.prefix.Netmask().ToString()));
    else
      out.push_back(absl::StrCat("remote ipv6 ", r.prefix.ToString()));
  }
  return out;
}

namespace {

class Renderer {
 public:
  Renderer(const Model& model, bool all, bool secrets, const KeyCipher* cipher)
      : m_(model), built_in_(BuiltInModel(model.defaults)), all_(all), secrets_(secrets),
        cipher_(EncryptsKeys(model) ? cipher : nullptr) {}

  std::string Run() {
    if (m_.defaults == DefaultSet::kIos15) Line("platform defaults ios-15");
    Line("hostname ", m_.hostname);
    if (!m_.domain_name.empty()) Line("ip domain name ", m_.domain_name);
    Foreign();
    if (m_.aaa_new_model) Line("aaa new-model");
    for (const auto& [name, list] : m_.aaa_authorization)
      Line("aaa authorization network ", name, " ",
           list.methods.empty() ? std::string(list.local ? "local" : "group radius") : absl::StrJoin(list.methods, " "));
    for (const auto& [ios, linux_name] : m_.platform_interfaces) Line("platform interface ", ios, " linux ", linux_name);
    for (const auto& [kind, text] : m_.banners) Banner(kind, text);
    Bang();
    Globals();
    IpsecGlobals();
    Kept(m_.kept, "");
    for (const auto& [name, v] : m_.vrfs) VrfOf(v);
    for (const auto& [name, p] : m_.authorization_policies) Authorization(p);
    for (const auto& [name, p] : m_.proposals) Proposal(p);
    for (const auto& [name, p] : m_.policies) Policy(p);
    for (const auto& [name, k] : m_.keyrings) KeyringOf(k);
    for (const auto& [name, t] : m_.trustpoints) TrustpointOf(t);
    for (const auto& [name, m] : m_.certificate_maps) MapOf(m);
    for (const auto& [name, p] : m_.profiles) Profile(p);
    for (const auto& [name, t] : m_.transform_sets) Transform(t);
    for (const auto& [name, p] : m_.ipsec_profiles) Ipsec(p);
    Disabled();
    for (const auto& [name, i] : m_.interfaces) InterfaceOf(i);
    for (const auto& [name, p] : m_.pools)
      Line("ip local pool ", name, " ", p.first.ToString(), " ", p.last.ToString());
    for (const auto& [name, p] : m_.ipv6_pools) Line("ipv6 local pool ", name, " ", Cover(p).ToString(), " ", p.length, p.rest.empty() ? "" : " ", p.rest);
    for (const auto& [name, a] : m_.access_lists) Acl(a);
    Line("end");
    return std::move(out_);
  }

  std::string RunInterface(const Interface& i) {
    InterfaceOf(i);
    return std::move(out_);
  }

 private:
  template <class... A>
  void Line(const A&... parts) {
    absl::StrAppend(&out_, parts..., "\n");
  }
  void Bang() { out_ += "!\n"; }

  template <class T>
  bool Hidden(const T& object, const std::map<std::string, T>& built_in) const {
    const auto it = built_in.find(object.name);
    return !all_ && it != built_in.end() && it->second == object;
  }

  void Kept(const std::vector<Statement>& list, const std::string& indent) {
    for (const Statement& s : list) {
      Line(indent, s.ToString(secrets_));
      Kept(s.body, indent + " ");
      if (!s.block) continue;
      if (!indent.empty()) Line(indent, " exit");
      else Line("exit");
    }
  }

  // Between characters that the text does not have.
  void Banner(const std::string& kind, const std::string& text) {
    std::string delimiter = "^C";
    for (const char* d : {"#", "%", "~", "|", "$", "+", "=", "@"})
      if (absl::StrContains(text, delimiter) || absl::StartsWith(text, "C")) delimiter = d;
    Line("banner ", kind, " ", delimiter, text, delimiter);
  }

  void IpsecGlobals() {
    const IpsecGlobal& g = m_.ipsec;
    const std::string head = "crypto ipsec security-association ";
    if (g.lifetime) Line(head, "lifetime seconds ", g.lifetime->count());
    if (g.lifetime_kilobytes)
      Line(head, "lifetime kilobytes ", *g.lifetime_kilobytes ? absl::StrCat(**g.lifetime_kilobytes) : "disable");
    if (g.replay_window)
      Line(head, "replay ", *g.replay_window == 0 ? "disable" : absl::StrCat("window-size ", *g.replay_window));
  }

  void Foreign() {
    for (const std::string& entry : m_.foreign_lines) {
      const std::vector<std::string> lines = absl::StrSplit(entry, '\n');
      for (const std::string& l : lines) Line(secrets_ ? l : MaskSecrets(l));
      if (lines.size() > 1) Line(" exit");
    }
  }

  // "0 KEY", "hex …" for keys that a word cannot hold, "6 …" with a master key, "<removed>" without secrets.
  std::string Key(const SecretBytes& key, absl::string_view purpose = kPreSharedKey) const {
    if (!secrets_) return "<removed>";
    if (cipher_ != nullptr) return absl::StrCat("6 ", cipher_->Seal(key, purpose));
    const bool word = !key.empty() && key[0] != '!' &&
                      std::all_of(key.begin(), key.end(), [](uint8_t b) { return b > 0x20 && b < 0x7f; });
    if (word) return absl::StrCat("0 ", ToString(BytesView(key)));
    return absl::StrCat("hex ", ToHex(BytesView(key)));
  }

  static std::string DpdWords(const Dpd& d) {
    return absl::StrCat("dpd ", d.interval.count(), " ", d.retry.count(), d.on_demand ? " on-demand" : " periodic");
  }

  void Globals() {
    const IkeGlobal& g = m_.ike;
    if (g.dpd) Line("crypto ikev2 ", DpdWords(*g.dpd));
    if (g.nat_keepalive) Line("crypto ikev2 nat keepalive ", g.nat_keepalive->count());
    if (all_ || g.window != IkeGlobal().window) Line("crypto ikev2 window ", g.window);
    if (g.cookie_challenge) Line("crypto ikev2 cookie-challenge ", *g.cookie_challenge);
    const uint32_t in = g.max_negotiating_incoming, outgoing = g.max_negotiating_outgoing;
    const char* const limit = "crypto ikev2 limit max-in-negotation-sa ";
    if (in != 0 && in == outgoing) Line(limit, in);
    if (in != 0 && in != outgoing) Line(limit, in, " incoming");
    if (outgoing != 0 && in != outgoing) Line(limit, outgoing, " outgoing");
    if (g.max_sa != 0) Line("crypto ikev2 limit max-sa ", g.max_sa);
    if (g.queue_sa_init != 0) Line("crypto ikev2 limit queue sa-init ", g.queue_sa_init);
    if (!g.key_log.empty()) Line("debug crypto ikev2 keylog ", g.key_log);
    if (!g.mobike)
      Line("no crypto ikev2 mobike");
    else if (all_)
      Line("crypto ikev2 mobike");
    for (const net::IpAddress& a : g.mobike_addresses) Line("crypto ikev2 mobike additional-address ", a.ToString());
    if (g.diagnose_errors != IkeGlobal().diagnose_errors || all_) Line("crypto ikev2 diagnose error ", g.diagnose_errors);
    if (g.tcp_port != 0) Line("crypto ikev2 tcp-encapsulation ", g.tcp_port);
    if (g.fragmentation_mtu == 0)
      Line("no crypto ikev2 fragmentation");
    else if (all_ || g.fragmentation_mtu != IkeGlobal().fragmentation_mtu)
      Line("crypto ikev2 fragmentation mtu ", g.fragmentation_mtu);
    if (g.max_redirects != 0) Line("crypto ikev2 redirect client max-redirects ", static_cast<int>(g.max_redirects));
    if (g.http_url)
      Line("crypto ikev2 http-url cert");
    else if (all_)
      Line("no crypto ikev2 http-url cert");
    if (!g.quick_crash_detection) Line("no crypto ikev2 quick-crash-detection");
  }

  void VrfOf(const Vrf& v) {
    Line("vrf definition ", v.name);
    if (!v.description.empty()) Line(" description ", v.description);
    Kept(v.kept, " ");
    Bang();
  }

  void Servers(absl::string_view keyword, const std::vector<net::IpAddress>& servers) {
    if (servers.empty()) return;
    Line(" ", keyword, " ", servers[0].ToString(), servers.size() > 1 ? " " + servers[1].ToString() : "");
  }

  void Authorization(const AuthorizationPolicy& p) {
    if (Hidden(p, built_in_.authorization_policies)) return;
    Line("crypto ikev2 authorization policy ", p.name);
    if (!p.pool.empty()) Line(" pool ", p.pool);
    if (p.netmask) Line(" netmask ", p.netmask->ToString());
    if (!p.ipv6_pool.empty()) Line(" ipv6 pool ", p.ipv6_pool);
    if (p.ipv6_length) Line(" ipv6 prefix ", *p.ipv6_length);
    Servers("dns", p.dns);
    Servers("ipv6 dns", p.ipv6_dns);
    Servers("wins", p.wins);
    for (const std::string& domain : p.split_dns) Line(" split-dns ", domain);
    if (!p.def_domain.empty()) Line(" def-domain ", p.def_domain);
    if (!p.banner.empty()) Line(" banner ", p.banner);
    if (!p.route_set_interface && p.name == "default") Line(" no route set interface");
    for (const std::string& words : RouteSetWords(p)) Line(" route set ", words);
    const AuthorizationPolicy fresh;
    const std::string tag = p.route_tag == fresh.route_tag ? "" : absl::StrCat(" tag ", p.route_tag);
    const std::string distance =
        p.route_distance == fresh.route_distance ? "" : absl::StrCat(" distance ", uint32_t{p.route_distance});
    if (p.route_accept_any) Line(" route accept any", tag, distance);
    else if (p.name == "default") Line(" no route accept any");
    if (p.session_lifetime) Line(" session-lifetime ", p.session_lifetime->count());
    Kept(p.kept, " ");
    Bang();
  }

  template <class T, class F>
  void ListLine(absl::string_view keyword, const std::vector<T>& list, bool needed, F word,
                const std::vector<std::string>& refused) {
    std::vector<std::string> words;
    for (const T& v : list) words.push_back(word(v));
    for (const std::string& r : refused)
      if (absl::StartsWith(r, absl::StrCat(keyword, " "))) words.push_back(r.substr(keyword.size() + 1));
    if (!words.empty()) Line(" ", keyword, " ", absl::StrJoin(words, " "));
    else if (needed) Line(" no ", keyword);
  }

  void Proposal(const IkeProposal& p) {
    if (Hidden(p, built_in_.proposals)) return;
    Line("crypto ikev2 proposal ", p.name);
    const bool d = p.name == "default";
    ListLine("encryption", p.encryption, d, IkeEncryptionWord, p.refused);
    ListLine("integrity", p.integrity, d, IntegrityWord, p.refused);
    ListLine("prf", p.prf, d, PrfWord, p.refused);
    ListLine("group", p.groups, d, [](uint16_t g) { return absl::StrCat(g); }, p.refused);
    for (const std::string& line : AdditionalLines(p.additional)) Line(" ", line);
    Bang();
  }

  void Policy(const IkePolicy& p) {
    if (Hidden(p, built_in_.policies)) return;
    Line("crypto ikev2 policy ", p.name);
    if (!p.match_fvrf.empty()) Line(" match fvrf ", p.match_fvrf);
    else if (p.name == "default") Line(" no match fvrf");
    for (const net::IpAddress& a : p.match_local) Line(" match address local ", a.ToString());
    if (p.name == "default") Line(" no proposal");
    for (const std::string& n : p.proposals) Line(" proposal ", n);
    Kept(p.kept, " ");
    Bang();
  }

  void KeyringOf(const Keyring& k) {
    Line("crypto ikev2 keyring ", k.name);
    for (const KeyringPeer& p : k.peers) {
      Line(" peer ", p.name);
      if (!p.description.empty()) Line("  description ", p.description);
      for (const net::Prefix& a : p.addresses) {
        if (a.family() == net::Family::kIpv4 && !a.is_host())
          Line("  address ", a.address().ToString(), " ", a.Netmask().ToString());
        else
          Line("  address ", a.is_host() ? a.address().ToString() : a.ToString());
      }
      if (p.identity) Line("  identity ", IdentityWords(*p.identity));
      if (p.local_key == p.remote_key) {
        if (!p.local_key.empty()) Line("  pre-shared-key ", Key(p.local_key));
      } else {
        if (!p.local_key.empty()) Line("  pre-shared-key local ", Key(p.local_key));
        if (!p.remote_key.empty()) Line("  pre-shared-key remote ", Key(p.remote_key));
      }
      Kept(p.kept, "  ");
      if (p.ppk) Line("  ppk manual id ", p.ppk->id, " key ", Key(p.ppk->key, kPpkKey), p.ppk->required ? " required" : "");
      Line(" !");
    }
    Bang();
  }

  void TrustpointOf(const Trustpoint& t) {
    Line("crypto pki trustpoint ", t.name);
    const std::string password = t.password.empty() ? "" : absl::StrCat(" password ", Key(t.password, kPassword));
    if (!t.certificate_file.empty()) Line(" certificate-file ", t.certificate_file);
    if (!t.key_uri.empty())
      Line(" private-key uri ", t.key_uri, t.pkcs12_file.empty() && t.key_file.empty() ? password : "");
    if (!t.key_file.empty()) Line(" key-file ", t.key_file, t.pkcs12_file.empty() ? password : "");
    if (!t.pkcs12_file.empty()) Line(" pkcs12-file ", t.pkcs12_file, password);
    if (!t.ca_file.empty()) Line(" ca-file ", t.ca_file);
    if (!t.crl_file.empty()) Line(" crl-file ", t.crl_file);
    constexpr const char* kMethods[] = {" crl", " ocsp", " none"};
    std::string methods;
    for (RevocationMethod m : t.revocation.value_or(std::vector<RevocationMethod>()))
      methods += kMethods[static_cast<size_t>(m)];
    if (t.revocation) Line(" revocation-check", methods);
    if (!t.ocsp_url.empty()) Line(" ocsp url ", t.ocsp_url);
    Kept(t.kept, " ");
    Bang();
  }

  void MapOf(const CertificateMap& m) {
    constexpr const char* kFields[] = {"subject-name", "issuer-name", "alt-subject-name", "name", "serial-number"};
    constexpr const char* kOps[] = {"eq", "ne", "co", "nc"};
    for (const auto& [sequence, rules] : m.sequences) {
      Line("crypto pki certificate map ", m.name, " ", sequence);
      for (const CertificateRule& r : rules)
        Line(" ", kFields[static_cast<size_t>(r.field)], " ", kOps[static_cast<size_t>(r.op)], " ", r.value);
      Bang();
    }
  }

  void Authentication(absl::string_view side, bool psk, const SecretBytes& key) {
    if (!psk) return;
    Line(" authentication ", side, " pre-share", key.empty() ? "" : absl::StrCat(" key ", Key(key)));
  }

  void Profile(const IkeProfile& p) {
    Line("crypto ikev2 profile ", p.name);
    if (!p.description.empty()) Line(" description ", p.description);
    if (!p.match_fvrf.empty()) Line(" match fvrf ", p.match_fvrf);
    for (const net::IpAddress& a : p.match_local_addresses) Line(" match address local ", a.ToString());
    for (const std::string& i : p.match_local_interfaces) Line(" match address local interface ", i);
    for (const Identity& id : p.match_remote) Line(" match identity remote ", IdentityWords(id));
    for (const std::string& m : p.match_certificate) Line(" match certificate ", m);
    if (p.identity_local) Line(" identity local ", IdentityWords(*p.identity_local));
    Authentication("remote", p.remote_psk, p.remote_key);
    Authentication("local", p.local_psk, p.local_key);
    if (p.remote_rsa) Line(" authentication remote rsa-sig");
    if (p.remote_elliptic) Line(" authentication remote ecdsa-sig");
    if (p.local_rsa) Line(" authentication local rsa-sig", p.local_rsa_pss ? " pss" : "");
    if (p.local_elliptic) Line(" authentication local ecdsa-sig");
    if (p.remote_null) Line(" authentication remote null");
    if (p.local_null) Line(" authentication local null");
    for (const TrustpointUse& t : p.trustpoints)
      Line(" pki trustpoint ", t.name, t.sign && t.verify ? "" : t.sign ? " sign" : " verify");
    if (!p.keyring.empty()) Line(" keyring local ", p.keyring);
    if (p.lifetime != IkeProfile().lifetime || all_) Line(" lifetime ", p.lifetime.count());
    if (p.auth_lifetime.count() != 0) Line(" lifetime authentication ", p.auth_lifetime.count());
    if (p.reconnect.count() != 0)
      Line(" reconnect timeout ", p.reconnect.count(), p.ticket_by_reference ? " by-reference" : "");
    if (p.dpd) Line(" ", DpdWords(*p.dpd));
    if (p.nat_keepalive) Line(" nat keepalive ", p.nat_keepalive->count());
    if (p.nat_force_encap) Line(" nat force-encap");
    if (p.tcp != TcpEncapsulation::kNever)
      Line(" tcp-encapsulation ", p.tcp == TcpEncapsulation::kAlways ? "always " : "fallback ", p.tcp_port);
    for (const auto& [method, use] : p.authorization)
      Line(" aaa authorization group ", use.override_user ? "override " : "", method, method.empty() ? "list " : " list ", use.list,
           use.policy.empty() ? "" : " " + use.policy, use.local ? " local" : "");
    if (p.inbound_only) Line(" match inbound-only");
    if (!p.config_exchange_request) Line(" no config-exchange request");
    if (!p.config_exchange_set_send) Line(" no config-exchange set send");
    if (!p.config_exchange_set_accept) Line(" no config-exchange set accept");
    if (p.initial_contact_force) Line(" initial-contact force");
    if (p.childless != ChildlessMode::kNever)
      Line(" childless ", p.childless == ChildlessMode::kPrefer ? "prefer" : "force");
    if (p.virtual_template) Line(" virtual-template ", *p.virtual_template, p.virtual_template_auto ? " mode auto" : "");
    Kept(p.kept, " ");
    if (p.shutdown) Line(" shutdown");
    Bang();
  }

  void Transform(const TransformSet& t) {
    if (Hidden(t, built_in_.transform_sets)) return;
    std::string words;
    for (const std::string& w :
         {EspEncryptionWords(t.encryption), EspIntegrityWord(t.integrity), std::string(t.esn ? "esn" : "")})
      if (!w.empty()) absl::StrAppend(&words, " ", w);
    for (const std::string& w : t.refused) absl::StrAppend(&words, " ", w);
    Line("crypto ipsec transform-set ", t.name, words);
    Line(" mode ", t.transport ? "transport" : "tunnel", t.transport && t.transport_require ? " require" : "");
    Bang();
  }

  void Ipsec(const IpsecProfile& p) {
    IpsecProfile plain = p;
    if (p.implied_ike_profile) plain.ike_profile.clear();
    if (!p.own_lifetime) plain.lifetime = IpsecProfile().lifetime;
    if (!p.own_kilobytes) plain.lifetime_kilobytes = IpsecProfile().lifetime_kilobytes;
    if (!p.own_replay) plain.replay_window = IpsecProfile().replay_window;
    if (Hidden(plain, built_in_.ipsec_profiles)) return;
    const IpsecProfile fresh;
    Line("crypto ipsec profile ", p.name);
    if (!p.description.empty()) Line(" description ", p.description);
    if (p.own_lifetime) Line(" set security-association lifetime seconds ", p.lifetime.count());
    if (p.own_kilobytes)
      Line(" set security-association lifetime kilobytes ",
           p.lifetime_kilobytes ? absl::StrCat(*p.lifetime_kilobytes) : "disable");
    if (p.responder_only) Line(" responder-only");
    if (p.own_replay)
      Line(" set security-association replay ",
           p.replay_window == 0 ? "disable" : absl::StrCat("window-size ", p.replay_window));
    if (p.offload != Offload::kOff)
      Line(" set security-association offload ", OffloadWord(p.offload));
    if (all_ || p.transform_sets != fresh.transform_sets)
      Line(" set transform-set ", absl::StrJoin(p.transform_sets, " "));
    if (p.pfs_group) Line(" set pfs group", *p.pfs_group);
    for (const std::string& line : AdditionalLines(p.additional)) Line(" set ", line);
    if (!p.ike_profile.empty() && (all_ || !p.implied_ike_profile)) Line(" set ikev2-profile ", p.ike_profile);
    Kept(p.kept, " ");
    Bang();
  }

  // Built-in objects that were removed.
  template <class T>
  void DisabledOf(absl::string_view command, const std::map<std::string, T>& have,
                  const std::map<std::string, T>& built_in) {
    for (const auto& [name, object] : built_in)
      if (have.count(name) == 0) Line("no ", command, " ", name);
  }
  void Disabled() {
    DisabledOf("crypto ikev2 proposal", m_.proposals, built_in_.proposals);
    DisabledOf("crypto ikev2 policy", m_.policies, built_in_.policies);
    DisabledOf("crypto ikev2 authorization policy", m_.authorization_policies, built_in_.authorization_policies);
    DisabledOf("crypto ipsec transform-set", m_.transform_sets, built_in_.transform_sets);
    DisabledOf("crypto ipsec profile", m_.ipsec_profiles, built_in_.ipsec_profiles);
  }

  void InterfaceOf(const Interface& i) {
    Line("interface ", i.name, i.kind == InterfaceKind::kVirtualTemplate ? " type tunnel" : "");
    if (!i.description.empty()) Line(" description ", i.description);
    if (i.address)
      Line(" ip address ", i.address->ToString(), " ",
           net::Prefix(*i.address, i.prefix_length).Netmask().ToString());
    if (i.address_negotiated) Line(" ip address negotiated");
    if (!i.unnumbered.empty()) Line(" ip unnumbered ", i.unnumbered);
    for (const Ipv6Address& a : i.ipv6_addresses) Line(" ipv6 address ", a.address.ToString(), "/", a.length);
    if (i.ipv6_negotiated) Line(" ipv6 address negotiated");
    if (!i.ipv6_unnumbered.empty()) Line(" ipv6 unnumbered ", i.ipv6_unnumbered);
    if (i.mtu != 0) Line(" ip mtu ", i.mtu);
    Nhrp(i.nhrp);
    if (i.adjust_mss != 0) Line(" ip tcp adjust-mss ", i.adjust_mss);
    const bool written = all_ || !i.implied_source;
    if (written && !i.source_interface.empty()) Line(" tunnel source ", i.source_interface);
    if (written && i.source_address) Line(" tunnel source ", i.source_address->ToString());
    if (i.source_dynamic) Line(" tunnel source dynamic");
    if (i.mode != TunnelMode::kGreIpv4 || (all_ && IsTunnel(i))) Line(" tunnel mode ", ModeWords(i.mode));
    if (i.destination) Line(" tunnel destination ", i.destination->ToString());
    if (i.destination_dynamic) Line(" tunnel destination dynamic");
    if (!i.destination_name.empty()) Line(" tunnel destination ", i.destination_name);
    if (i.key) Line(" tunnel key ", *i.key);
    if (!i.tunnel_vrf.empty()) Line(" tunnel vrf ", i.tunnel_vrf);
    if (!i.ipsec_profile.empty()) Line(" tunnel protection ipsec profile ", i.ipsec_profile);
    Kept(i.kept, " ");
    if (i.shutdown) Line(" shutdown");
    Bang();
  }

  static bool IsTunnel(const Interface& i) {
    return i.kind == InterfaceKind::kTunnel || i.kind == InterfaceKind::kVirtualTemplate;
  }

  static const char* ModeWords(TunnelMode m) {
    switch (m) {
      case TunnelMode::kGreIpv4: return "gre ip";
      case TunnelMode::kGreIpv6: return "gre ipv6";
      case TunnelMode::kGreMultipoint: return "gre multipoint";
      case TunnelMode::kIpsecIpv4: return "ipsec ipv4";
      case TunnelMode::kIpsecIpv6: return "ipsec ipv6";
    }
    return "gre ip";
  }

  void Nhrp(const NhrpInterface& n) {
    const NhrpInterface fresh;
    if (!n.authentication.empty())
      Line(" ip nhrp authentication ", secrets_ ? n.authentication : std::string("<removed>"));
    if (n.network_id != 0) Line(" ip nhrp network-id ", n.network_id);
    if (n.holdtime != fresh.holdtime || (all_ && n.network_id != 0)) Line(" ip nhrp holdtime ", n.holdtime.count());
    if (n.redirect)
      Line(" ip nhrp redirect",
           n.redirect_timeout == fresh.redirect_timeout ? "" : absl::StrCat(" timeout ", n.redirect_timeout.count()));
    if (n.shortcut)
      Line(" ip nhrp shortcut",
           n.shortcut_virtual_template ? absl::StrCat(" virtual-template ", *n.shortcut_virtual_template) : "");
  }

  void Acl(const AccessList& a) {
    Line("ip access-list standard ", a.name);
    uint32_t next = 0;
    for (const AccessEntry& e : a.entries) {
      std::string what = "any";
      if (e.prefix.is_host()) what = absl::StrCat("host ", e.prefix.address().ToString());
      else if (e.prefix.length() != 0)
        what = absl::StrCat(e.prefix.address().ToString(), " ",
                            net::IpAddress::V4(~e.prefix.Netmask().v4()).ToString());
      next += 10;
      Line(e.sequence == next ? "" : absl::StrCat(" ", e.sequence), e.permit ? " permit " : " deny ", what);
      next = e.sequence;
    }
    Bang();
  }

  const Model& m_;
  const Model& built_in_;
  const bool all_, secrets_;
  const KeyCipher* const cipher_;  // nullptr: keys in clear
  std::string out_;
};

}  // namespace

std::string RenderInterface(const Interface& interface, bool secrets) {
  static const Model* const kEmpty = new Model();
  std::string out = Renderer(*kEmpty, false, secrets, nullptr).RunInterface(interface);
  if (absl::EndsWith(out, "!\n")) out.resize(out.size() - 2);
  return out;
}

bool EncryptsKeys(const Model& model) {
  return std::any_of(model.kept.begin(), model.kept.end(),
                     [](const Statement& s) { return s.StartsWith("password encryption aes"); });
}

std::string Render(const Model& model, bool all, bool secrets, const KeyCipher* cipher) {
  return Renderer(model, all, secrets, cipher).Run();
}
std::string Render(const Model& model, bool all, bool secrets) { return Render(model, all, secrets, nullptr); }

}  // namespace flexvpn::config
