// SPDX-License-Identifier: Apache-2.0
#include "core/node/authorization.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace flexvpn::node {
namespace {

constexpr size_t kMaxCombinations = 256;  // of additional key exchanges in one proposal or profile

// Every choice of additional key exchanges, the preferred first; one without any if there are none.
std::vector<decltype(ike::Suite::additional)> AdditionalChoices(const config::AdditionalKe& list) {
  std::vector<decltype(ike::Suite::additional)> out(1);
  for (size_t n = 0; n < list.size(); ++n) {
    if (list[n].empty()) continue;
    std::vector<decltype(ike::Suite::additional)> next;
    for (const auto& choice : out) {
      for (uint16_t method : list[n]) {
        next.push_back(choice);
        next.back()[n] = static_cast<crypto::KeMethod>(method);
      }
    }
    out = std::move(next);
    if (out.size() > kMaxCombinations) out.resize(kMaxCombinations);
  }
  return out;
}

void ExpandAlgorithms(const config::IkeProposal& p, std::vector<ike::Suite>& out) {
  for (const config::EncrChoice& e : p.encryption) {
    const auto encr = static_cast<crypto::Encr>(e.encr);
    const bool aead = crypto::IsAead(encr);
    const std::vector<uint16_t> none{0};
    for (uint16_t integ : aead ? none : p.integrity) {
      // Without a prf line the PRF is the integrity's hash; 12..14 and 2, 1 map by family (IANA types 2 and 3).
      std::vector<uint16_t> prfs = p.prf;
      if (prfs.empty())
        for (uint16_t i : aead ? p.integrity : std::vector<uint16_t>{integ})
          prfs.push_back(i >= 12 ? static_cast<uint16_t>(i - 7) : i);
      for (uint16_t prf : prfs)
        for (uint16_t group : p.groups)
          out.push_back({encr, e.key_bits, static_cast<crypto::Integ>(integ), static_cast<crypto::Prf>(prf),
                         static_cast<crypto::KeMethod>(group), false});
    }
  }
}

void ExpandProposal(const config::IkeProposal& p, std::vector<ike::Suite>& out) {
  std::vector<ike::Suite> suites;
  ExpandAlgorithms(p, suites);
  for (const auto& additional : AdditionalChoices(p.additional)) {
    for (ike::Suite s : suites) {
      s.additional = additional;
      out.push_back(s);
    }
  }
}

// 0 = no match; higher is more specific.
int Specificity(const config::Identity& rule, const ike::Identity& id) {
  if (!Matches(rule, id)) return 0;
  switch (rule.kind) {
    case config::IdentityKind::kAny: return 1;
    case config::IdentityKind::kAddress: return 2 + rule.prefix.length();
    case config::IdentityKind::kFqdnDomain:
    case config::IdentityKind::kEmailDomain: return 2 + static_cast<int>(std::min<size_t>(rule.text.size(), 255));
    default: return 1000;
  }
}

}  // namespace

const config::KeyringPeer* FindKeyringPeer(const config::Keyring& keyring,
                                           const std::optional<ike::Identity>& id, const net::IpAddress& remote) {
  const config::KeyringPeer* best = nullptr;
  int best_score = -1;
  for (const config::KeyringPeer& peer : keyring.peers) {
    int score = -1;
    if (id && peer.identity && Matches(*peer.identity, *id)) score = 2000 + Specificity(*peer.identity, *id);
    for (const net::Prefix& p : peer.addresses)
      if (p.Contains(remote)) score = std::max(score, p.length());
    if (score > best_score) best = &peer, best_score = score;
  }
  return best;
}

const config::KeyringPeer* FindKeyringPeer(const config::Keyring& keyring, const config::IkeProfile& profile,
                                           const std::optional<ike::Identity>& id, const net::IpAddress& remote) {
  const config::KeyringPeer* found = FindKeyringPeer(keyring, id, remote);
  if (found != nullptr || id) return found;
  const auto& wanted = profile.match_remote;
  for (const config::KeyringPeer& peer : keyring.peers) {
    if (!ByIdentityAlone(peer) || std::find(wanted.begin(), wanted.end(), *peer.identity) == wanted.end()) continue;
    if (found != nullptr) return nullptr;  // which of them answers is not known before its key is needed
    found = &peer;
  }
  return found;
}

bool ByIdentityAlone(const config::KeyringPeer& peer) { return peer.identity && peer.addresses.empty(); }

bool KeyIsOf(const config::Model& model, const config::IkeProfile& profile, const ike::Identity& id,
             const net::IpAddress& remote) {
  const auto keyring = model.keyrings.find(profile.keyring);
  if (keyring == model.keyrings.end()) return true;
  const config::KeyringPeer* used = FindKeyringPeer(keyring->second, profile, std::nullopt, remote);
  return used == nullptr || !ByIdentityAlone(*used) || FindKeyringPeer(keyring->second, id, remote) == used;
}

namespace {

ike::ChildPolicy MakeChildPolicy(const config::Model& model, const config::IpsecProfile& ipsec,
                                 const config::Interface& interface) {
  ike::ChildPolicy child;
  child.transport = false;
  bool require = true;
  for (const std::string& name : ipsec.transform_sets) {
    auto it = model.transform_sets.find(name);
    if (it == model.transform_sets.end()) continue;
    const config::TransformSet& t = it->second;
    if (!t.usable()) continue;
    ike::Suite s;
    s.encr = static_cast<crypto::Encr>(t.encryption.encr);
    s.encr_key_bits = t.encryption.key_bits;
    s.integ = static_cast<crypto::Integ>(t.integrity);
    s.esn = t.esn;
    child.proposals.push_back(s);
    child.transport |= t.transport;
    require &= t.transport && t.transport_require;
  }
  child.tunnel = !require;
  if (ipsec.pfs_group) child.pfs.push_back(static_cast<crypto::KeMethod>(*ipsec.pfs_group));
  if (ipsec.additional != config::AdditionalKe{}) child.additional = AdditionalChoices(ipsec.additional);
  const bool gre = interface.mode == config::TunnelMode::kGreIpv4 || interface.mode == config::TunnelMode::kGreIpv6 ||
                   interface.mode == config::TunnelMode::kGreMultipoint;
  ike::TsPolicy ts;
  ts.dynamic = gre;
  ts.protocol = gre ? 47 : 0;
  if (!gre)
    ts.prefix = net::Prefix::Default(interface.mode == config::TunnelMode::kIpsecIpv6 ? net::Family::kIpv6
                                                                                      : net::Family::kIpv4);
  child.local = {ts};
  child.remote = {ts};
  child.lifetime = ipsec.lifetime;
  child.lifetime_bytes = ipsec.lifetime_kilobytes.value_or(0) * 1024;
  child.replay_window = ipsec.replay_window;
  return child;
}

}  // namespace

bool Fits(const std::vector<net::IpAddress>& addresses, const std::vector<std::string>& interfaces,
          const std::string& match_fvrf, const LocalEnd& local) {
  if (match_fvrf != "any" && match_fvrf != local.fvrf) return false;
  if (addresses.empty() && interfaces.empty()) return true;
  return std::find(addresses.begin(), addresses.end(), local.address) != addresses.end() ||
         std::find_first_of(interfaces.begin(), interfaces.end(), local.interfaces.begin(), local.interfaces.end()) !=
             interfaces.end();
}

bool Fits(const config::IkeProfile& p, const LocalEnd& local) {
  return Fits(p.match_local_addresses, p.match_local_interfaces, p.match_fvrf, local);
}

std::vector<ike::Suite> IkeSuites(const config::Model& model, const LocalEnd& local) {
  std::vector<ike::Suite> out;
  auto add = [&](const config::IkePolicy& policy) {
    if (!Fits(policy.match_local, {}, policy.match_fvrf, local)) return;
    for (const std::string& name : policy.proposals)
      if (auto it = model.proposals.find(name); it != model.proposals.end()) ExpandProposal(it->second, out);
  };
  for (const auto& [name, policy] : model.policies)
    if (name != "default") add(policy);
  // A named policy that fits replaces the default one, as in IOS.
  if (auto it = model.policies.find("default"); out.empty() && it != model.policies.end()) add(it->second);
  return out;
}

bool Matches(const config::Identity& rule, const ike::Identity& id) {
  const std::string text = ToString(BytesView(id.data));
  switch (rule.kind) {
    case config::IdentityKind::kAny:
      return true;
    case config::IdentityKind::kAddress:
      return (id.type == ike::IdType::kIpv4 || id.type == ike::IdType::kIpv6) &&
             rule.prefix.Contains(net::IpAddress::FromBytes(id.data));
    case config::IdentityKind::kFqdn:
      return id.type == ike::IdType::kFqdn && absl::EqualsIgnoreCase(rule.text, text);
    case config::IdentityKind::kFqdnDomain:
      return id.type == ike::IdType::kFqdn && absl::EndsWithIgnoreCase(text, absl::StrCat(".", rule.text));
    case config::IdentityKind::kEmail:
      return id.type == ike::IdType::kEmail && absl::EqualsIgnoreCase(rule.text, text);
    case config::IdentityKind::kEmailDomain:
      return id.type == ike::IdType::kEmail && absl::EndsWithIgnoreCase(text, absl::StrCat("@", rule.text));
    case config::IdentityKind::kKeyId:
      return id.type == ike::IdType::kKeyId && rule.text == text;
    case config::IdentityKind::kNull:
      return id.type == ike::IdType::kNull;
    case config::IdentityKind::kDn:
      return false;  // `identity local` only
  }
  return false;
}

namespace {

bool MapFits(const config::Model& model, const config::IkeProfile& profile, const crypto::CertificateInfo* certificate) {
  return certificate != nullptr && ExpectsCertificate(profile) &&
         std::any_of(profile.match_certificate.begin(), profile.match_certificate.end(), [&](const std::string& name) {
           auto map = model.certificate_maps.find(name);
           return map != model.certificate_maps.end() && Matches(map->second, *certificate);
         });
}

}  // namespace

bool ProfileAccepts(const config::Model& model, const config::IkeProfile& profile, const ike::Identity& remote,
                    const crypto::CertificateInfo* certificate) {
  return MapFits(model, profile, certificate) ||
         std::any_of(profile.match_remote.begin(), profile.match_remote.end(),
                     [&](const config::Identity& rule) { return Matches(rule, remote); });
}

bool LetsIn(const config::Model& model, const config::IkeProfile& profile, const ike::SessionInfo& session) {
  const bool unproved = session.auth_remote == "NULL";
  if (unproved != ike::IsAnonymous(session) || (unproved && !profile.remote_null)) return false;
  return ProfileAccepts(model, profile, session.remote_id, session.remote_certificate.get());
}

const config::IkeProfile* FindProfile(const config::Model& model, const LocalEnd& local,
                                      const ike::Identity& remote, const crypto::CertificateInfo* certificate) {
  constexpr int kExact = 1000;
  const config::IkeProfile* best = nullptr;
  int best_score = 0;
  for (const auto& [name, profile] : model.profiles) {
    if (profile.down() || !Fits(profile, local)) continue;
    if (best_score < kExact && MapFits(model, profile, certificate)) best = &profile, best_score = kExact;
    for (const config::Identity& rule : profile.match_remote)
      if (int score = Specificity(rule, remote); score > best_score) best = &profile, best_score = score;
  }
  return best;
}

absl::StatusOr<Keys> FindKeys(const config::Model& model, const config::IkeProfile& profile,
                              const std::optional<ike::Identity>& remote_id, const net::IpAddress& remote) {
  Keys keys{profile.local_key, profile.remote_key};
  const bool need_local = !profile.local_rsa && !profile.local_elliptic && !profile.local_null;
  const bool need_remote = profile.remote_psk || (!ExpectsCertificate(profile) && !profile.remote_null);
  auto complete = [&] { return (!need_local || !keys.local.empty()) && (!need_remote || !keys.remote.empty()); };
  if (complete()) return keys;
  auto it = model.keyrings.find(profile.keyring);
  if (it == model.keyrings.end())
    return absl::NotFoundError(absl::StrCat("profile ", profile.name, " has neither a key nor a keyring"));
  const config::KeyringPeer* peer = FindKeyringPeer(it->second, profile, remote_id, remote);
  if (peer == nullptr)
    return absl::NotFoundError(absl::StrCat("keyring ", profile.keyring, " has no peer for ", remote.ToString(),
                                            remote_id ? absl::StrCat(" (", remote_id->ToString(), ")") : "",
                                            ": add one with `address` or `identity`"));
  if (keys.local.empty()) keys.local = peer->local_key;
  if (keys.remote.empty()) keys.remote = peer->remote_key;
  if (!complete())
    return absl::NotFoundError(absl::StrCat("keyring ", profile.keyring, " peer ", peer->name, " has no pre-shared-key"));
  return keys;
}

std::optional<ike::Ppk> FindPpk(const config::Model& model, const config::IkeProfile& profile,
                                const std::optional<ike::Identity>& remote_id, const net::IpAddress& remote) {
  auto it = model.keyrings.find(profile.keyring);
  if (it == model.keyrings.end()) return std::nullopt;
  const config::KeyringPeer* peer = FindKeyringPeer(it->second, profile, remote_id, remote);
  if (peer == nullptr || !peer->ppk) return std::nullopt;
  return ike::Ppk{ToBytes(peer->ppk->id), peer->ppk->key, peer->ppk->required};
}

bool MayUsePpk(const config::Model& model) {
  return std::any_of(model.keyrings.begin(), model.keyrings.end(), [](const auto& keyring) {
    const auto& peers = keyring.second.peers;
    return std::any_of(peers.begin(), peers.end(), [](const config::KeyringPeer& p) { return p.ppk.has_value(); });
  });
}

ike::Identity ToIke(const std::optional<config::Identity>& identity, const net::IpAddress& local) {
  auto address = [](const net::IpAddress& a) {
    return ike::Identity{a.is_v6() ? ike::IdType::kIpv6 : ike::IdType::kIpv4, {a.bytes().begin(), a.bytes().end()}};
  };
  if (!identity) return address(local);
  switch (identity->kind) {
    case config::IdentityKind::kAddress: return address(identity->prefix.address());
    case config::IdentityKind::kEmail: return {ike::IdType::kEmail, ToBytes(identity->text)};
    case config::IdentityKind::kKeyId: return {ike::IdType::kKeyId, ToBytes(identity->text)};
    case config::IdentityKind::kFqdn: return {ike::IdType::kFqdn, ToBytes(identity->text)};
    case config::IdentityKind::kNull: return {ike::IdType::kNull, {}};
    default: return address(local);
  }
}

ike::SessionTerms MakeTerms(const config::Model& model, const config::IkeProfile& profile, const config::Interface& interface) {
  ike::SessionTerms terms;
  const auto ipsec = model.ipsec_profiles.find(interface.ipsec_profile);
  if (ipsec != model.ipsec_profiles.end()) terms.child = MakeChildPolicy(model, ipsec->second, interface);
  if (const auto& dpd = profile.dpd ? profile.dpd : model.ike.dpd) terms.dpd = {dpd->interval, dpd->retry, dpd->on_demand};
  if (const auto& keepalive = profile.nat_keepalive ? profile.nat_keepalive : model.ike.nat_keepalive)
    terms.nat_keepalive = *keepalive;
  terms.lifetime = profile.lifetime;
  terms.window = model.ike.window;
  return terms;
}

absl::StatusOr<ike::SessionPolicy> MakeSessionPolicy(const config::Model& model, const config::IkeProfile& profile,
                                                     const config::Interface& interface,
                                                     const std::optional<ike::Identity>& remote_id,
                                                     const net::IpAddress& local, const net::IpAddress& remote,
                                                     const Pki& pki) {
  auto ipsec = model.ipsec_profiles.find(interface.ipsec_profile);
  if (ipsec == model.ipsec_profiles.end())
    return absl::FailedPreconditionError(absl::StrCat("interface ", interface.name, " has no tunnel protection"));
  if (!profile.inoperative.empty())
    return absl::FailedPreconditionError(absl::StrCat("profile ", profile.name, " is inoperative: ", profile.inoperative));
  if (!interface.inoperative.empty())
    return absl::FailedPreconditionError(absl::StrCat("interface ", interface.name, " stays shut: ", interface.inoperative));
  const bool proves = profile.local_psk || profile.local_rsa || profile.local_elliptic;
  const bool without_key = ExpectsCertificate(profile) || profile.remote_null;  // a peer may come so
  if ((!proves && !profile.local_null) || (!profile.remote_psk && !without_key))
    return absl::FailedPreconditionError(absl::StrCat("profile ", profile.name, " has no authentication method of this version"));
  ike::SessionPolicy policy;
  policy.profile = profile.name;
  policy.local_id = profile.local_null && !profile.identity_local ? ike::Identity{ike::IdType::kNull, {}}
                                                                  : ToIke(profile.identity_local, local);
  policy.local_null = profile.local_null;
  policy.accept_null = profile.remote_null;
  policy.ppk = FindPpk(model, profile, remote_id, remote);
  policy.childless = static_cast<ike::Childless>(profile.childless);
  RETURN_IF_ERROR(FillCertificates(model, pki, profile, policy));
  if (profile.local_psk || profile.remote_psk) {
    auto keys = FindKeys(model, profile, remote_id, remote);
    if (!keys.ok() && (!without_key || (profile.local_psk && profile.local_key.empty()))) return keys.status();
    policy.accept_psk = policy.accept_psk && keys.ok();
    policy.local_psk = keys.ok() ? std::move(keys->local) : profile.local_key;
    if (keys.ok()) policy.remote_psk = std::move(keys->remote);
  }
  static_cast<ike::SessionTerms&>(policy) = MakeTerms(model, profile, interface);
  if (policy.child.proposals.empty())
    return absl::FailedPreconditionError(absl::StrCat("ipsec profile ", ipsec->first, " has no usable transform set"));
  policy.force_encap = profile.nat_force_encap;
  policy.auth_lifetime = profile.auth_lifetime;
  policy.resumption = profile.reconnect;
  policy.ticket_form = profile.ticket_by_reference ? ike::TicketForm::kByReference : ike::TicketForm::kByValue;
  policy.rsa_pss = profile.local_rsa_pss;
  policy.initial_contact_force = profile.initial_contact_force;
  policy.max_redirects = model.ike.max_redirects;
  policy.mobike = model.ike.mobike;
  policy.additional_addresses = model.ike.mobike_addresses;
  return policy;
}

std::string AuthorizationMethod(const ike::SessionInfo& session) {
  if (session.auth_remote == "PSK") return "psk";
  if (session.auth_remote == "EAP") return "eap";
  return session.auth_remote == "NULL" ? "null" : "cert";
}

const config::AuthorizationPolicy* FindAuthorization(const config::Model& model, const config::IkeProfile& profile,
                                                     const std::string& method) {
  auto use = profile.authorization.find(method);
  if (use == profile.authorization.end()) use = profile.authorization.find("");
  if (use == profile.authorization.end()) return nullptr;
  auto it = model.authorization_policies.find(use->second.policy);
  return it == model.authorization_policies.end() ? nullptr : &it->second;
}

std::vector<net::Prefix> AnnouncedPrefixes(const config::Model& model, const config::AuthorizationPolicy& policy,
                                           const std::vector<net::IpAddress>& own_addresses) {
  std::vector<net::Prefix> out;
  if (policy.route_set_interface)
    for (const net::IpAddress& a : own_addresses) out.push_back(net::Prefix::Host(a));
  for (const std::string& name : policy.route_set_access_lists)
    if (auto it = model.access_lists.find(name); it != model.access_lists.end())
      for (const net::Prefix& p : config::PermittedPrefixes(it->second)) out.push_back(p);
  for (const config::StaticRoute& r : policy.route_set_remote) out.push_back(r.prefix);
  return out;
}

bool Asks(const std::vector<ike::ConfigAttribute>& request, ike::CfgAttr type) {
  return std::any_of(request.begin(), request.end(), [&](const auto& a) { return a.type == type; });
}

std::vector<ike::ConfigAttribute> Handout(const config::AuthorizationPolicy& policy,
                                          const std::vector<ike::ConfigAttribute>& request) {
  std::vector<ike::ConfigAttribute> out;
  const auto servers = [&](ike::CfgAttr type, const std::vector<net::IpAddress>& list) {
    for (const net::IpAddress& a : list) out.push_back({type, {a.bytes().begin(), a.bytes().end()}});
  };
  servers(ike::CfgAttr::kIp4Dns, policy.dns);
  if (Asks(request, ike::CfgAttr::kIp6Dns)) servers(ike::CfgAttr::kIp6Dns, policy.ipv6_dns);
  if (Asks(request, ike::CfgAttr::kIp4Nbns)) servers(ike::CfgAttr::kIp4Nbns, policy.wins);
  // RFC 8598 §3: domains go with the name servers that know them.
  if (!policy.split_dns.empty() && (!policy.dns.empty() || (!policy.ipv6_dns.empty() && Asks(request, ike::CfgAttr::kIp6Dns)))) {
    if (Asks(request, ike::CfgAttr::kDnsDomain))
      for (const std::string& domain : policy.split_dns) out.push_back({ike::CfgAttr::kDnsDomain, ToBytes(domain)});
    else if (Asks(request, ike::CfgAttr::kUnitySplitDns))
      out.push_back({ike::CfgAttr::kUnitySplitDns, ToBytes(absl::StrJoin(policy.split_dns, ","))});
  }
  if (!policy.def_domain.empty()) out.push_back({ike::CfgAttr::kUnityDefDomain, ToBytes(policy.def_domain)});
  if (!policy.banner.empty()) out.push_back({ike::CfgAttr::kUnityBanner, ToBytes(policy.banner)});
  return out;
}

std::string HandoutText(const config::AuthorizationPolicy& policy) {
  std::string out = policy.netmask ? policy.netmask->ToString() : "";
  if (policy.ipv6_length) absl::StrAppend(&out, "/", *policy.ipv6_length);
  for (const auto* list : {&policy.dns, &policy.ipv6_dns, &policy.wins})
    absl::StrAppend(&out, "|", absl::StrJoin(*list, ",", [](std::string* s, const net::IpAddress& a) { *s += a.ToString(); }));
  absl::StrAppend(&out, "|", absl::StrJoin(policy.split_dns, ","), "|", policy.def_domain, "|", policy.banner);
  return out;
}

bool TakesRoutes(const ike::SessionInfo& session) {
  return session.vendor_ids != nullptr &&
         std::any_of(session.vendor_ids->begin(), session.vendor_ids->end(), [](const std::string& v) {
           return absl::StrContains(v, "FLEXVPN-FOR-LINUX") || v == "CISCO-DYNAMIC-ROUTE";
         });
}

ike::ConfigAttribute SubnetAttribute(const net::Prefix& prefix) {
  ByteWriter w;
  w.Append(prefix.address().bytes());
  if (prefix.family() == net::Family::kIpv6) {
    w.U8(static_cast<uint8_t>(prefix.length()));
    return {ike::CfgAttr::kIp6Subnet, std::move(w).Release()};
  }
  w.Append(prefix.Netmask().bytes());
  return {ike::CfgAttr::kIp4Subnet, std::move(w).Release()};
}

std::vector<net::Prefix> Subnets(const std::vector<ike::ConfigAttribute>& attributes) {
  std::vector<net::Prefix> out;
  for (const ike::ConfigAttribute& a : attributes) {
    const BytesView v(a.value);
    if (a.type == ike::CfgAttr::kIp4Subnet && v.size() == 8) {
      if (auto p = net::Prefix::FromMask(net::IpAddress::FromBytes(v.first(4)), net::IpAddress::FromBytes(v.subspan(4))))
        out.push_back(*p);
    } else if (a.type == ike::CfgAttr::kIp6Subnet && v.size() == 17 && v[16] <= 128) {
      out.push_back(net::Prefix(net::IpAddress::FromBytes(v.first(16)), v[16]));
    }
  }
  return out;
}

std::optional<net::IpAddress> AddressAttribute(const std::vector<ike::ConfigAttribute>& attributes, net::Family family) {
  const bool v6 = family == net::Family::kIpv6;
  for (const ike::ConfigAttribute& a : attributes) {
    const BytesView value(a.value);
    // RFC 7296 §3.15.1: 16 octets and the prefix length; RFC 4306 had it without.
    if (v6 ? a.type != ike::CfgAttr::kIp6Address || (value.size() != 16 && value.size() != 17)
           : a.type != ike::CfgAttr::kIp4Address || value.size() != 4)
      continue;
    const net::IpAddress address = net::IpAddress::FromBytes(value.first(v6 ? 16 : 4));
    if (address.is_routable() || (!v6 && address.is_link_local())) return address;
  }
  return std::nullopt;
}

net::IpAddress ClientAddress(const net::Prefix& leased) {
  return leased.is_host() ? leased.address() : leased.address().Plus(1);
}

}  // namespace flexvpn::node
