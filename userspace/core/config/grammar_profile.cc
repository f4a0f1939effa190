// SPDX-License-Identifier: Apache-2.0
// crypto ikev2 profile.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

using S = Diagnostic::Severity;

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
  if (k.set() && (k.Find("KEY") != nullptr || k.Find("HEX") != nullptr) && !ReadKey(c, k, &key)) return;
  if (local && k.set()) c.profile->local_rsa = c.profile->local_elliptic = false;
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
  c.profile->authorization_list = k.set() ? k.Text("LIST") : "";
  c.profile->authorization_policy = k.set() ? k.Text("NAME") : "";
  if (k.set() && k.Find("NAME") == nullptr)
    c.Error(At(k, *k.Find("LIST")), "not supported by this version: authorization by the identity of the peer",
            "name the authorization policy after the list: 'aaa authorization group psk list LIST default'");
}

void VirtualTemplate(Context& c, const Call& k) {
  c.profile->virtual_template.reset();
  if (!k.set()) return;
  c.profile->virtual_template = static_cast<uint32_t>(k.Number("N"));
  if (k.Has("mode"))
    c.Warn(k.where(), "not supported by this version: tunnel mode auto",
           "the 'tunnel mode' of the template is used for every peer");
}

void ProfileDpd(Context& c, const Call& k) {
  c.profile->dpd.reset();
  if (k.set())
    c.profile->dpd = Dpd{seconds(k.Number("INTERVAL")), seconds(k.Number("RETRY")), !k.Has("periodic")};
}

void MatchLocal(Context& c, const Call& k) {
  std::vector<net::IpAddress>& list = c.profile->match_local_addresses;
  const Arg* a = k.Find("A");
  if (a == nullptr) {
    list.clear();
    return;
  }
  const auto it = std::find(list.begin(), list.end(), a->address);
  if (k.set() && it == list.end()) list.push_back(a->address);
  if (!k.set() && it != list.end()) list.erase(it);
}

void MatchFvrf(Context& c, const Call& k) {
  c.profile->match_fvrf = !k.set() ? "" : k.Has("any") ? "any" : k.Text("VRF");
  if (k.set() && !k.Has("any")) c.Error(At(k, *k.Find("VRF")), "not supported by this version: VRFs");
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
      {"match fvrf {any|<VRF>}", "outer VRF", MatchFvrf},
      {"identity local {fqdn|email} <S>", "who we say we are", IdentityLocal},
      {"identity local key-id <S>", "who we say we are", IdentityLocal},
      {"identity local address <A:address>", "who we say we are", IdentityLocal},
      {"identity local dn", "who we say we are: the subject of our certificate", IdentityLocal},
      {"authentication local rsa-sig", "prove ourselves with an RSA certificate", CertificateAuthentication},
      {"authentication local ecdsa-sig", "prove ourselves with a certificate of an elliptic-curve key", CertificateAuthentication},
      {"authentication remote rsa-sig", "expect an RSA certificate", CertificateAuthentication},
      {"authentication remote ecdsa-sig", "expect a certificate of an elliptic-curve key", CertificateAuthentication},
      {"pki trustpoint <NAME> [sign|verify]", "sign or check by this trustpoint; repeatable; without it by all", PkiTrustpoint},
      {"authentication local pre-share [key [0] <KEY:secret>]", "prove ourselves with a pre-shared key", Authentication},
      {"authentication local pre-share key hex <HEX:secret>", "the key as hexadecimal digits", Authentication},
      {"authentication local pre-share key 6 <KEY:secret>", "encrypted key (not supported yet)", Authentication},
      {"authentication remote pre-share [key [0] <KEY:secret>]", "expect a pre-shared key", Authentication},
      {"authentication remote pre-share key hex <HEX:secret>", "the key as hexadecimal digits", Authentication},
      {"authentication remote pre-share key 6 <KEY:secret>", "encrypted key (not supported yet)", Authentication},
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
      {"nat force-encap", "UDP encapsulation even without NAT", Flag<&IkeProfile::nat_force_encap>},
      {"lifetime <S:120-86400>", "seconds between rekeys of the IKE SA",
       [](Context& c, const Call& k) { c.profile->lifetime = seconds(k.Number("S", 86400)); }},
      {"lifetime authentication <S:300-2592000>", "seconds until callers authenticate again (RFC 4478); ours",
       [](Context& c, const Call& k) { c.profile->auth_lifetime = seconds(k.Number("S", 0)); }},
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

std::vector<Command> NotYet() {
  return {
      Unsupported(S::kError, "authentication {local|remote} eap [<REST:words>]", "EAP"),
      Unsupported(S::kError, "authentication remote anyconnect-eap [<REST:words>]", "AnyConnect-EAP"),
      Unsupported(S::kError, "authentication local dynamic", "dynamic profiles"),
      Unsupported(S::kError, "match address local interface <REST:words>",
                  "match address local interface; write the address"),
      Unsupported(S::kWarning, "match inbound-only", "match inbound-only"),
      Unsupported(S::kError, "keyring aaa <REST:words>", "keyrings on a RADIUS server"),
      Unsupported(S::kError, "aaa authorization group [override] [psk|cert] list <LIST> {name-mangler|password} <REST:words>",
                  "name manglers; name an authorization policy after the list"),
      Unsupported(S::kWarning, "aaa authorization group [override] {eap|anyconnect-eap} list <REST:words>",
                  "authorization of EAP peers"),
      Unsupported(S::kError, "aaa authorization user <REST:words>", "authorization of single users"),
      Unsupported(S::kWarning, "aaa authentication <REST:words>", "EAP"),
      Unsupported(S::kWarning, "aaa accounting <REST:words>", "accounting"),
      Unsupported(S::kWarning, "anyconnect profile <REST:words>", "AnyConnect profiles"),
      Unsupported(S::kError, "dynamic", "dynamic profiles"),
      Unsupported(S::kError, "ivrf <VRF>", "VRFs"),
      Unsupported(S::kWarning, "lifetime certificate", "the lifetime of the certificate; write seconds"),
      Unsupported(S::kWarning, "reconnect [<REST:words>]", "IKEv2 reconnect"),
      Unsupported(S::kWarning, "redirect gateway auth", "IKEv2 redirect"),
      Unsupported(S::kError, "ppk <REST:words>", "post-quantum keys in the profile; write 'ppk manual' in the keyring"),
  };
}

}  // namespace

void AddProfileCommands(Mode& root, Mode& profile) {
  root.Add({{"crypto ikev2 profile <NAME>", "who may connect, and how", EnterProfile, ModeId::kProfile}});
  profile.Add(Own());
  profile.Add(NotYet());
}

}  // namespace flexvpn::config
