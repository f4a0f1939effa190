// SPDX-License-Identifier: Apache-2.0
// crypto ikev2 profile.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

constexpr uint64_t kDefaultReconnect = 1800;  // seconds, as IOS

void EnterProfile(Context& c, const Call& k) {
  const std::string name = k.Text("NAME");
  if (!k.set()) {
    c.model.profiles.erase(name);
    return;
  }
  IkeProfile& p = c.model.profiles[name];
  p.name = name;
  p.where = k.where();
  c.profile = &p;
  c.path = absl::StrCat("crypto ikev2 profile ", name);
}

Identity ReadIdentity(const Call& k) {
  Identity id;
  id.where = k.where();
  id.text = k.Text("S");
  const bool domain = k.Has("domain");
  if (k.Has("dn")) id.kind = IdentityKind::kDn;
  if (k.Has("fqdn")) id.kind = domain ? IdentityKind::kFqdnDomain : IdentityKind::kFqdn;
  if (k.Has("email")) id.kind = domain ? IdentityKind::kEmailDomain : IdentityKind::kEmail;
  if (k.Has("key-id")) id.kind = IdentityKind::kKeyId;
  if (const Arg* a = k.Find("A")) {
    id.kind = IdentityKind::kAddress;
    const Arg* m = k.Find("M");
    id.prefix = m != nullptr ? *net::Prefix::FromMask(a->address, m->address)
                : a->address.is_any() ? net::Prefix::Default(a->address.family())
                                      : net::Prefix::Host(a->address);
  }
  if (const Arg* p = k.Find("P")) {
    id.kind = IdentityKind::kAddress;
    id.prefix = p->prefix;
  }
  if (domain && !id.text.empty() && id.text[0] == '@') id.text.erase(0, 1);
  return id;
}

void MatchIdentity(Context& c, const Call& k) {
  std::vector<Identity>& list = c.profile->match_remote;
  if (!k.set() && k.args.size() <= 3) {
    list.clear();
    return;
  }
  const Identity id = ReadIdentity(k);
  const auto it = std::find(list.begin(), list.end(), id);
  if (k.set() && it == list.end()) list.push_back(id);
  if (!k.set() && it != list.end()) list.erase(it);
}

void IdentityLocal(Context& c, const Call& k) {
  c.profile->identity_local.reset();
  if (k.set()) c.profile->identity_local = ReadIdentity(k);
}

void Authentication(Context& c, const Call& k) {
  const bool local = k.Has("local");
  SecretBytes key;
  if (k.set() && (k.Find("KEY") != nullptr || k.Find("HEX") != nullptr) && !ReadKey(c, k, kPreSharedKey, &key)) return;
  if (local && k.set()) c.profile->local_rsa = c.profile->local_rsa_pss = c.profile->local_elliptic = false;
  (local ? c.profile->local_psk : c.profile->remote_psk) = k.set();
  (local ? c.profile->local_key : c.profile->remote_key) = std::move(key);
}

// One method of our own; the peer may have the choice of several.
void CertificateAuthentication(Context& c, const Call& k) {
  IkeProfile& p = *c.profile;
  const bool rsa = k.Has("rsa-sig");
  if (k.Has("remote")) {
    (rsa ? p.remote_rsa : p.remote_elliptic) = k.set();
    return;
  }
  if (k.set()) {
    p.local_psk = p.local_rsa = p.local_elliptic = false;
    p.local_key = {};
  }
  (rsa ? p.local_rsa : p.local_elliptic) = k.set();
  p.local_rsa_pss = k.set() && k.Has("pss");
}

void PkiTrustpoint(Context& c, const Call& k) {
  std::vector<TrustpointUse>& list = c.profile->trustpoints;
  const Arg* name = k.Find("NAME");
  std::erase_if(list, [&](const TrustpointUse& t) { return name == nullptr || t.name == name->text; });
  if (k.set()) list.push_back({name->text, !k.Has("verify"), !k.Has("sign")});
}

void MatchCertificate(Context& c, const Call& k) {
  std::vector<std::string>& list = c.profile->match_certificate;
  const Arg* map = k.Find("MAP");
  std::erase_if(list, [&](const std::string& m) { return map == nullptr || m == map->text; });
  if (k.set()) list.push_back(map->text);
}

void AaaGroup(Context& c, const Call& k) {
  const std::string method = k.Has("psk") ? "psk" : k.Has("cert") ? "cert" : "";
  if (k.set())
    c.profile->authorization[method] = {k.Text("LIST"), k.Text("NAME"), k.Has("override"), k.Has("local")};
  else if (method.empty() && k.Find("LIST") == nullptr)
    c.profile->authorization.clear();
  else
    c.profile->authorization.erase(method);
}

void VirtualTemplate(Context& c, const Call& k) {
  c.profile->virtual_template.reset();
  c.profile->virtual_template_auto = k.set() && k.Has("mode");
  if (!k.set()) return;
  c.profile->virtual_template = static_cast<uint32_t>(k.Number("N"));
  if (k.Has("mode"))
    c.Warn(k.where(), "accepted, but this version does not find the tunnel mode by itself",
           "the 'tunnel mode' of the template is used for every peer");
}

void ProfileDpd(Context& c, const Call& k) {
  c.profile->dpd.reset();
  if (k.set())
    c.profile->dpd = Dpd{seconds(k.Number("INTERVAL")), seconds(k.Number("RETRY")), !k.Has("periodic")};
}

template <class T>
void AddOrRemove(std::vector<T>& list, const T& value, bool add) {
  const auto it = std::find(list.begin(), list.end(), value);
  if (add && it == list.end()) list.push_back(value);
  if (!add && it != list.end()) list.erase(it);
}

// `no match address local` takes both kinds back.
void MatchLocal(Context& c, const Call& k) {
  IkeProfile& p = *c.profile;
  if (const Arg* a = k.Find("A")) return AddOrRemove(p.match_local_addresses, a->address, k.set());
  if (const Arg* i = k.Find("IF")) return AddOrRemove(p.match_local_interfaces, i->text, k.set());
  p.match_local_interfaces.clear();
  if (!k.Has("interface")) p.match_local_addresses.clear();
}

void MatchFvrf(Context& c, const Call& k) {
  c.profile->match_fvrf = !k.set() ? "" : k.Has("any") ? "any" : k.Text("VRF");
}

template <auto Member>
void Flag(Context& c, const Call& k) {
  (*c.profile).*Member = k.set();
}
// On by default: `default X` restores it.
template <auto Member>
void FlagOn(Context& c, const Call& k) {
  (*c.profile).*Member = k.op != Op::kNo;
}

std::vector<Command> Own() {
  return {
      {"match identity remote any", "every peer", MatchIdentity},
      {"match identity remote address <A:address> [<M:mask>]", "peers of this identity", MatchIdentity},
      {"match identity remote address <P:prefix>", "peers of this identity", MatchIdentity},
      {"match identity remote {fqdn|email} [domain] <S>", "peers of this identity", MatchIdentity},
      {"match identity remote key-id <S>", "peers of this identity", MatchIdentity},
      {"match certificate <MAP>", "peers whose certificate fits this map; repeatable", MatchCertificate},
      {"match address local <A:address>", "only for this local address; repeatable", MatchLocal},
      {"match address local interface <IF:interface>", "only for the addresses this interface has; repeatable", MatchLocal},
      {"match fvrf {any|<VRF>}", "VRF that the peers call by; without it the global one", MatchFvrf},
      {"identity local {fqdn|email} <S>", "who we say we are", IdentityLocal},
      {"identity local key-id <S>", "who we say we are", IdentityLocal},
      {"identity local address <A:address>", "who we say we are", IdentityLocal},
      {"identity local dn", "who we say we are: the subject of our certificate", IdentityLocal},
      {"authentication local rsa-sig [pss]", "prove ourselves with an RSA certificate; `pss`: by RSASSA-PSS, our own word",
       CertificateAuthentication},
      {"authentication local ecdsa-sig", "prove ourselves with a certificate of an elliptic-curve key", CertificateAuthentication},
      {"authentication remote rsa-sig", "expect an RSA certificate", CertificateAuthentication},
      {"authentication remote ecdsa-sig", "expect a certificate of an elliptic-curve key", CertificateAuthentication},
      {"pki trustpoint <NAME> [sign|verify]", "sign or check by this trustpoint; repeatable; without it by all", PkiTrustpoint},
      {"authentication local pre-share [key [0] <KEY:secret>]", "prove ourselves with a pre-shared key", Authentication},
      {"authentication local pre-share key hex <HEX:secret>", "the key as hexadecimal digits", Authentication},
      WithMasterKey(Kept("authentication {local|remote} pre-share key 6 <KEY:secret>", "a key encrypted by the master key",
                         "decrypt keys of type 6 without a master key", Gravity::kShut, Keep::kPerWord),
                    Authentication),
      {"authentication remote pre-share [key [0] <KEY:secret>]", "expect a pre-shared key", Authentication},
      {"authentication remote pre-share key hex <HEX:secret>", "the key as hexadecimal digits", Authentication},
      {"keyring local <NAME>", "keys of the peers",
       [](Context& c, const Call& k) { c.profile->keyring = k.set() ? k.Text("NAME") : ""; }},
      {"keyring <NAME>", "keys of the peers (old spelling)",
       [](Context& c, const Call& k) { c.profile->keyring = k.set() ? k.Text("NAME") : ""; }},
      {"aaa authorization group [override] [psk|cert] list <LIST> [<NAME> [local]]", "authorization policy of the peers",
       AaaGroup},
      {"virtual-template <N:1-4095> [mode auto]", "interface template for peers that call us", VirtualTemplate},
      {"dpd <INTERVAL:10-3600> <RETRY:2-60> {on-demand|periodic}", "dead peer detection", ProfileDpd},
      {"nat keepalive <S:5-3600>", "seconds between NAT keepalives",
       [](Context& c, const Call& k) {
         c.profile->nat_keepalive.reset();
         if (k.set()) c.profile->nat_keepalive = seconds(k.Number("S"));
       }},
      {"match inbound-only", "for peers that call us; tunnels with this profile call nobody", Flag<&IkeProfile::inbound_only>},
      {"nat force-encap", "UDP encapsulation even without NAT", Flag<&IkeProfile::nat_force_encap>},
      {"tcp-encapsulation {fallback|always} [<PORT:1-65535>]",
       "call in TCP (RFC 9329) when UDP brings no answer, or always; our own command",
       [](Context& c, const Call& k) {
         c.profile->tcp = TcpEncapsulation::kNever;
         c.profile->tcp_port = net::kTcpPort;
         if (!k.set()) return;
         c.profile->tcp = k.Has("always") ? TcpEncapsulation::kAlways : TcpEncapsulation::kFallback;
         c.profile->tcp_port = static_cast<uint16_t>(k.Number("PORT", net::kTcpPort));
       }},
      {"lifetime <S:120-86400>", "seconds between rekeys of the IKE SA",
       [](Context& c, const Call& k) { c.profile->lifetime = seconds(k.Number("S", 86400)); }},
      {"lifetime authentication <S:300-2592000>", "seconds until callers authenticate again (RFC 4478); ours",
       [](Context& c, const Call& k) { c.profile->auth_lifetime = seconds(k.Number("S", 0)); }},
      {"reconnect [timeout <S:600-86400>] [by-reference]",
       "resume lost sessions by ticket (RFC 5723), which is good for so many seconds",
       [](Context& c, const Call& k) {
         c.profile->reconnect = k.set() ? seconds(k.Number("S", kDefaultReconnect)) : seconds(0);
         c.profile->ticket_by_reference = k.set() && k.Has("by-reference");
       }},
      {"config-exchange request", "ask for an address and routes", FlagOn<&IkeProfile::config_exchange_request>},
      {"config-exchange set send", "send our routes", FlagOn<&IkeProfile::config_exchange_set_send>},
      {"config-exchange set accept", "accept the peer's routes", FlagOn<&IkeProfile::config_exchange_set_accept>},
      {"initial-contact force", "delete older SAs of the same peer", Flag<&IkeProfile::initial_contact_force>},
      {"childless {prefer|force}", "begin with the IKE SA alone, the Child SA follows (RFC 6023); our own command",
       [](Context& c, const Call& k) {
         c.profile->childless = !k.set()           ? ChildlessMode::kNever
                                : k.Has("prefer") ? ChildlessMode::kPrefer
                                                  : ChildlessMode::kForce;
       }},
      {"description <TEXT:line>", "free text",
       [](Context& c, const Call& k) { c.profile->description = k.set() ? k.Text("TEXT") : ""; }},
      {"shutdown", "do not use this profile", Flag<&IkeProfile::shutdown>},
  };
}

constexpr Gravity kWarn = Gravity::kWarn, kShut = Gravity::kShut;

// EAP, single users, VRFs: what a peer may do would not be what the profile says.
std::vector<Command> Shutting() {
  std::vector<Command> list = {
      Kept("authentication local eap [{gtc|md5|mschapv2} username <USER> password [0|6] <PASSWORD:secret>]",
           "prove ourselves by EAP (initiator only)", "do EAP", kShut, Keep::kOnce),
      Kept("authentication local eap {gtc|md5|mschapv2} username <USER>", "prove ourselves by EAP (initiator only)",
           "do EAP", kShut, Keep::kOnce),
      Kept("authentication remote eap [query-identity]", "expect EAP, checked by an AAA server", "do EAP", kShut),
      Kept("authentication remote eap timeout <S:45-180>", "seconds an EAP login may take", "do EAP", kShut),
      Kept("authentication remote anyconnect-eap aggregate [cert-request]", "expect an AnyConnect client",
           "do AnyConnect-EAP", kShut),
      Kept("authentication local dynamic", "method and identity from AAA", "do dynamic profiles", kShut),
      Kept("dynamic", "everything from AAA", "do dynamic profiles", kShut),
      Kept("keyring aaa <LIST> [name-mangler <MANGLER>] [password [0|6] <PASSWORD:secret>]",
           "keys of the peers from an AAA server", "ask AAA servers for keys", kShut),
      Kept("ivrf <VRF>", "VRF of the inner packets", "put the inside of tunnels into VRFs", kShut),
      Kept("ppk <REST:line>", "post-quantum keys of this profile",
           "read them here (write 'ppk manual' in the keyring)", kShut),
  };
  for (const char* method : {"", "psk ", "cert ", "eap ", "anyconnect-eap "}) {
    const std::string m = method;
    const std::string who = m.empty() ? "peers" : "peers with this method";
    list.push_back(Kept(absl::StrCat("aaa authorization user ", m, "list <LIST> [<NAME> [local]] [name-mangler <MANGLER>] "
                                     "[password [0|6] <PASSWORD:secret>]"),
                        absl::StrCat("authorization of single ", who), "authorize single users", kShut));
    if (!m.empty())
      list.push_back(Kept(absl::StrCat("aaa authorization user ", m, "cached"), "attributes that came with the login",
                          "authorize single users", kShut));
    const bool eap = absl::StrContains(m, "eap");
    list.push_back(Kept(absl::StrCat("aaa authorization group [override] ", m, "list <LIST> name-mangler <MANGLER> "
                                     "[password [0|6] <PASSWORD:secret>]"),
                        absl::StrCat("authorization policy by a name mangler"), "use name manglers", kShut));
    if (eap)
      list.push_back(Kept(absl::StrCat("aaa authorization group [override] ", m, "list <LIST> [<NAME> [local]] "
                                       "[password [0|6] <PASSWORD:secret>]"),
                          "authorization policy of EAP peers", "do EAP", kWarn));
  }
  return list;
}

std::vector<Command> Harmless() {
  return {
      Kept("aaa authentication {anyconnect-eap|eap|list} <LIST>", "where logins are checked", "check logins at AAA servers",
           kWarn, Keep::kPerWord),
      Kept("aaa accounting {anyconnect-eap|cert|eap|psk|list} <LIST>", "where sessions are accounted", "do accounting", kWarn,
           Keep::kPerWord),
      Kept("anyconnect profile <NAME>", "profile for AnyConnect clients", "send AnyConnect profiles"),
      Kept("lifetime certificate", "as long as the certificate", "end sessions with the certificate: 'lifetime' seconds count"),
      Kept("redirect gateway auth", "send the client to another gateway after its login", "redirect clients"),
  };
}

}  // namespace

void AddProfileCommands(Mode& root, Mode& profile) {
  root.Add({{"crypto ikev2 profile <NAME>", "who may connect, and how", EnterProfile, ModeId::kProfile}});
  profile.Add(Own());
  profile.Add(Shutting());
  profile.Add(Harmless());
}

}  // namespace flexvpn::config
