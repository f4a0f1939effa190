// SPDX-License-Identifier: Apache-2.0
// What no single line shows: names that lead nowhere, incomplete objects, contradictions.
#include "core/config/validate.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "core/config/names.h"

namespace flexvpn::config {

void Checker::Dangling(const std::string& name, Location where, const std::string& user, const std::string& what,
                       const std::vector<std::string>& names) {
  const std::string nearest = Nearest(name, names);
  Error(where, absl::StrCat(user, " names ", what, " '", name, "', which is not configured"),
        nearest.empty() ? absl::StrCat("configure ", what, " ", name)
                        : absl::StrCat("did you mean '", nearest, "'?"));
}

// --- crypto ikev2 -------------------------------------------------------------------------------------------
void Checker::CheckProposal(const IkeProposal& p) {
  const std::string user = absl::StrCat("crypto ikev2 proposal '", p.name, "'");
  const auto only_refused = [&](absl::string_view keyword) {
    return std::any_of(p.refused.begin(), p.refused.end(), [&](const std::string& w) { return absl::StartsWith(w, keyword); });
  };
  if (p.encryption.empty() && only_refused("encryption "))
    Warn(p.where, user + " has no encryption that this version does: it is never offered", "add 'encryption aes-gcm-256'");
  else if (p.encryption.empty()) Error(p.where, user + " has no encryption", "add 'encryption aes-gcm-256'");
  if (p.groups.empty() && only_refused("group "))
    Warn(p.where, user + " has no Diffie-Hellman group that this version does: it is never offered", "add 'group 19'");
  else if (p.groups.empty()) Error(p.where, user + " has no Diffie-Hellman group", "add 'group 19'");
  const auto aead = std::find_if(p.encryption.begin(), p.encryption.end(), [](EncrChoice e) { return IsAead(e.encr); });
  const auto other = std::find_if(p.encryption.begin(), p.encryption.end(), [](EncrChoice e) { return !IsAead(e.encr); });
  if (other != p.encryption.end() && p.integrity.empty())
    Error(p.where, absl::StrCat(user, " has no integrity algorithm for ", IkeEncryptionWord(*other)),
          "add 'integrity sha512'");
  if (aead != p.encryption.end() && p.prf.empty() && p.integrity.empty())
    Error(p.where, absl::StrCat(user, " has no PRF for ", IkeEncryptionWord(*aead)), "add 'prf sha512'");
  if (other == p.encryption.end() && !p.encryption.empty() && !p.integrity.empty() && !p.prf.empty())
    Warn(p.where, absl::StrCat(user, " has an integrity algorithm that is never used: ", IkeEncryptionWord(*aead),
                               " carries its own"),
         "leave out 'integrity'");
}

void Checker::CheckPolicies() {
  std::set<std::string> used;
  for (const auto& [name, p] : m.policies) {
    const std::string path = absl::StrCat("crypto ikev2 policy ", name);
    const std::string user = absl::StrCat("crypto ikev2 policy '", name, "'");
    if (p.proposals.empty()) Error(p.where, user + " has no proposal", "add 'proposal NAME'");
    for (const std::string& n : p.proposals) {
      used.insert(n);
      // The built-in policy may lose its proposal when another policy takes its place.
      if (p.where.line == 0 && m.proposals.count(n) == 0 && m.policies.size() > 1) continue;
      Known(m.proposals, n, At(path, "proposal", p.where), user, "crypto ikev2 proposal");
    }
    for (const auto& [other_name, o] : m.policies) {
      if (other_name <= name || p.where.line == 0 || o.where.line == 0) continue;
      if (o.match_local == p.match_local && o.match_fvrf == p.match_fvrf)
        Warn(o.where, absl::StrCat("crypto ikev2 policy '", other_name, "' matches the same as '", name, "'",
                                   Place(p.where), "; only one of them is used"));
    }
  }
  if (m.policies.empty()) Error({}, "there is no crypto ikev2 policy", "write 'default crypto ikev2 policy'");
  for (const auto& [name, p] : m.proposals)
    if (used.count(name) == 0 && p.where.line != 0)
      Warn(p.where, absl::StrCat("crypto ikev2 proposal '", name, "' is not used by any policy"),
           "name it in a 'crypto ikev2 policy', else the built-in default proposal is negotiated");
}

void Checker::CheckAuthorization(const AuthorizationPolicy& p) {
  const std::string path = absl::StrCat("crypto ikev2 authorization policy ", p.name);
  const std::string user = absl::StrCat("crypto ikev2 authorization policy '", p.name, "'");
  if (!p.pool.empty()) Known(m.pools, p.pool, At(path, "pool", p.where), user, "ip local pool");
  if (!p.ipv6_pool.empty()) Known(m.ipv6_pools, p.ipv6_pool, At(path, "ipv6 pool", p.where), user, "ipv6 local pool");
  for (const std::string& l : p.route_set_access_lists)
    Known(m.access_lists, l, At(path, "route set access-list", p.where), user, "ip access-list standard");
  if (IsIosName(p.route_set_interface_name))
    Known(m.interfaces, p.route_set_interface_name, At(path, "route set interface", p.where), user, "interface");
}

void Checker::CheckIke() {
  for (const auto& [name, p] : m.proposals) CheckProposal(p);
  CheckPolicies();
  for (const auto& [name, k] : m.keyrings) {
    if (k.peers.empty()) Warn(k.where, absl::StrCat("crypto ikev2 keyring '", name, "' has no peer"));
    for (const KeyringPeer& p : k.peers) {
      const std::string user = absl::StrCat("peer '", p.name, "' of keyring '", name, "'");
      const bool encrypted = std::any_of(p.kept.begin(), p.kept.end(), [](const Statement& s) { return s.StartsWith("pre-shared-key"); });
      const bool named = std::any_of(p.kept.begin(), p.kept.end(), [](const Statement& s) { return s.StartsWith("hostname"); });
      if (encrypted) continue;  // said at the line
      if (named && p.addresses.empty() && !p.identity) continue;
      if (p.local_key.empty() && p.remote_key.empty())
        Error(p.where, user + " has no key", "add 'pre-shared-key KEY'");
      else if (p.local_key.empty() || p.remote_key.empty())
        Error(p.where, absl::StrCat(user, " has no ", p.local_key.empty() ? "local" : "remote", " key"),
              absl::StrCat("add 'pre-shared-key ", p.local_key.empty() ? "local" : "remote", " KEY'"));
      if (p.addresses.empty() && !p.identity)
        Error(p.where, user + " matches nobody", "add 'address 0.0.0.0 0.0.0.0' or 'identity …'");
    }
  }
  for (const auto& [name, p] : m.authorization_policies) CheckAuthorization(p);
}

// --- crypto ikev2 profile -------------------------------------------------------------------------------------
void Checker::CheckProfileAuthorization(const IkeProfile& p, const std::string& path, const std::string& user) {
  const Location where = At(path, "aaa authorization group", p.where);
  if (!p.authorization.empty() && !m.aaa_new_model)
    Warn(where, user + " uses AAA, but 'aaa new-model' is missing", "add 'aaa new-model'");
  for (const auto& [method, use] : p.authorization) {
    const auto list = m.aaa_authorization.find(use.list);
    if (list == m.aaa_authorization.end())
      Error(where, absl::StrCat(user, " names authorization list '", use.list, "', which is not configured"),
            absl::StrCat("add 'aaa authorization network ", use.list, " local'"));
    else if (!list->second.local)
      Warn(where, absl::StrCat(user, " uses authorization list '", use.list,
                               "', which is not local: it is inoperative, no peer matches it"),
           "servers are not supported by this version");
    else if (use.policy.empty())
      Warn(where, absl::StrCat("accepted, but this version does not choose the authorization policy by the identity; ", user,
                               " is inoperative: no peer matches it"),
           "name the authorization policy after the list: 'aaa authorization group psk list LIST default'");
    const bool possible = method.empty() || (method == "psk"    ? p.remote_psk
                                             : method == "null" ? p.remote_null
                                                                : p.remote_rsa || p.remote_elliptic);
    if (!possible)
      Warn(where, absl::StrCat("'aaa authorization group ", method, "' of ", user, " is for nobody: no such 'authentication remote'"));
    if (!use.policy.empty())
      Known(m.authorization_policies, use.policy, where, user, "crypto ikev2 authorization policy");
  }
}

void Checker::CheckProfileKeys(const IkeProfile& p, const std::string& path, const std::string& user) {
  // A method this version does not have was reported where it stands.
  const bool other_method = std::any_of(p.kept.begin(), p.kept.end(), [](const Statement& s) {
    return s.StartsWith("authentication") || s.StartsWith("dynamic") || s.StartsWith("keyring");
  });
  if (!p.local_psk && !p.local_rsa && !p.local_elliptic && !p.local_null && !other_method)
    Error(p.where, user + " does not say how we authenticate ourselves", "add 'authentication local pre-share'");
  if (!p.remote_psk && !p.remote_rsa && !p.remote_elliptic && !p.remote_null && !other_method)
    Error(p.where, user + " does not say how the peer authenticates itself", "add 'authentication remote pre-share'");
  const bool keys = (!p.local_psk || !p.local_key.empty()) && (!p.remote_psk || !p.remote_key.empty());
  if (p.keyring.empty() && !keys && !other_method)
    Error(p.where, user + " has no key for its pre-shared-key authentication", "add 'keyring local NAME'");
  if (!p.keyring.empty())
    Known(m.keyrings, p.keyring,
          At(path, "keyring local", At(path, "keyring", p.where)), user, "crypto ikev2 keyring");
}

// NULL authentication (RFC 7619): said aloud, and told where it cannot come to anything.
void Checker::CheckProfileNull(const IkeProfile& p, const std::string& path, const std::string& user) {
  const auto nobody = std::find_if(p.match_remote.begin(), p.match_remote.end(),
                                   [](const Identity& id) { return id.kind == IdentityKind::kNull; });
  const bool any = std::any_of(p.match_remote.begin(), p.match_remote.end(),
                               [](const Identity& id) { return id.kind == IdentityKind::kAny; });
  const Location remote = At(path, "authentication remote null", p.where);
  if (p.remote_null && nobody == p.match_remote.end() && !any)
    Warn(remote, user + " accepts peers without authentication, but none of its lines matches them",
         "add 'match identity remote null'");
  else if (p.remote_null)
    Warn(remote, absl::StrCat("anybody who reaches this router is let in by profile '", p.name,
                              "': it accepts peers without authentication"),
         "leave out 'authentication remote null' unless the tunnel may be everybody's");
  if (!p.remote_null && nobody != p.match_remote.end())
    Warn(nobody->where, user + " matches peers that do not say who they are, but does not accept them",
         "add 'authentication remote null', or leave this line out");
  if (!p.identity_local) return;
  if (p.identity_local->kind == IdentityKind::kNull && !p.local_null)
    Error(p.identity_local->where, user + " does not say who we are, but authenticates us: nobody can check that",
          "write 'authentication local null' or another 'identity local'");
  if (p.identity_local->kind != IdentityKind::kNull && p.local_null)
    Warn(p.identity_local->where, user + " says who we are without proving it; peers may refuse that",
         "leave out 'identity local': we are nobody in particular then");
}

void Checker::CheckProfile(const IkeProfile& p) {
  const std::string path = absl::StrCat("crypto ikev2 profile ", p.name);
  const std::string user = absl::StrCat("crypto ikev2 profile '", p.name, "'");
  if (p.match_remote.empty() && p.match_certificate.empty())
    Error(p.where, user + " matches no peer", "add 'match identity remote any' or one with an identity");
  CheckProfileKeys(p, path, user);
  CheckProfileCertificates(p, path, user);
  CheckProfileNull(p, path, user);
  CheckProfileAuthorization(p, path, user);
  for (const std::string& i : p.match_local_interfaces)  // any other name may be a Linux device, there or to come
    if (IsIosName(i) && m.platform_interfaces.count(i) == 0)
      Known(m.interfaces, i, At(path, "match address local interface", p.where), user, "interface");
  if (p.virtual_template) {
    const std::string name = absl::StrCat("Virtual-Template", *p.virtual_template);
    Known(m.interfaces, name, At(path, "virtual-template", p.where), user, "interface");
  }
}

// Two profiles that ask for the same identity: the peer gets one of them, by chance of the name.
void Checker::CheckSameMatch() {
  for (const auto& [name, p] : m.profiles) {
    for (const auto& [other_name, o] : m.profiles) {
      if (other_name <= name || p.shutdown || o.shutdown || p.match_local_addresses != o.match_local_addresses ||
          p.match_local_interfaces != o.match_local_interfaces ||
          p.match_fvrf != o.match_fvrf)
        continue;
      for (const Identity& id : o.match_remote) {
        const auto it = std::find(p.match_remote.begin(), p.match_remote.end(), id);
        if (it != p.match_remote.end())
          Warn(id.where, absl::StrCat("crypto ikev2 profile '", other_name, "' matches the same identity as '", name, "'",
                                      Place(it->where), "; only one of them is used"));
      }
    }
  }
}

void Checker::CheckProfiles() {
  for (const auto& [name, p] : m.profiles) CheckProfile(p);
  CheckSameMatch();
}

// --- crypto ipsec -----------------------------------------------------------------------------------------------
void Checker::CheckIpsec() {
  for (const auto& [name, t] : m.transform_sets) {
    const std::string user = absl::StrCat("crypto ipsec transform-set '", name, "'");
    if (!t.refused.empty()) continue;  // said at the word
    if (t.encryption.encr == 0) {
      Error(t.where, user + " has no transform", "write 'crypto ipsec transform-set NAME esp-gcm 256'");
    } else if (!IsAead(t.encryption.encr) && t.integrity == 0) {
      Error(t.where, absl::StrCat(user, " has ", EspEncryptionWords(t.encryption), " without integrity"),
            "add esp-sha256-hmac or use esp-gcm 256");
    }
  }
  for (const auto& [name, p] : m.ipsec_profiles) {
    const std::string path = absl::StrCat("crypto ipsec profile ", name);
    const std::string user = absl::StrCat("crypto ipsec profile '", name, "'");
    if (!p.pfs_group && p.additional != AdditionalKe{})
      Warn(p.where, user + " has an additional-key-exchange without a first one: it is not used", "add 'set pfs group20'");
    if (!p.ike_profile.empty())
      Known(m.profiles, p.ike_profile, At(path, "set ikev2-profile", p.where), user, "crypto ikev2 profile");
    for (const std::string& t : p.transform_sets)
      if (Known(m.transform_sets, t, At(path, "set transform-set", p.where), user, "crypto ipsec transform-set") &&
          m.transform_sets.at(t).esn && p.replay_window == 0)
        Error(At(path, "set security-association replay", p.where),
              absl::StrCat(user, " has no replay window, which extended sequence numbers need (transform-set '", t, "')"),
              "set a window-size or leave out 'esn'");
  }
}

// --- pools and lists ----------------------------------------------------------------------------------------------
void Checker::CheckPoolRanges(const std::map<std::string, LocalPool>& pools, const std::string& kind) {
  for (const auto& [name, p] : pools) {
    const std::string user = absl::StrCat(kind, " '", name, "'");
    if (p.first > p.last)
      Error(p.where, absl::StrCat(user, " ends (", p.last.ToString(), ") before it begins (", p.first.ToString(), ")"));
    const auto inside = [&, first = p.first, last = net::Prefix(p.last, p.length).Last()](const net::IpAddress& a) { return first <= a && a <= last; };
    for (const auto& [interface, i] : m.interfaces)
      if ((i.address && inside(*i.address)) ||
          std::any_of(i.ipv6_addresses.begin(), i.ipv6_addresses.end(), [&](const Ipv6Address& a) { return inside(a.address); }))
        Warn(p.where, absl::StrCat(user, " contains the address of ", interface, Place(i.where)),
             "the address will not be given out; better leave it out of the pool");
  }
  std::vector<const LocalPool*> sorted;  // by first address: only neighbours can overlap unseen
  for (const auto& [name, p] : pools)
    if (p.first <= p.last) sorted.push_back(&p);
  std::stable_sort(sorted.begin(), sorted.end(), [](const LocalPool* a, const LocalPool* b) { return a->first < b->first; });
  const LocalPool* widest = nullptr;
  for (const LocalPool* p : sorted) {
    if (widest != nullptr && p->first <= net::Prefix(widest->last, widest->length).Last()) {
      const auto [a, b] = widest->name < p->name ? std::pair(widest, p) : std::pair(p, widest);
      Error(a->where.line > b->where.line ? a->where : b->where,
            absl::StrCat("pools '", a->name, "'", Place(a->where), " and '", b->name, "'", Place(b->where),
                         " have addresses in common"));
    }
    if (widest == nullptr || p->last > widest->last) widest = p;
  }
}

void Checker::CheckPools() {
  CheckPoolRanges(m.pools, "ip local pool");
  CheckPoolRanges(m.ipv6_pools, "ipv6 local pool");
  for (const auto& [name, a] : m.access_lists) {
    if (a.entries.empty()) Warn(a.where, absl::StrCat("access list '", name, "' has no entry"));
    for (size_t i = 0; i < a.entries.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (!a.entries[j].permit && a.entries[i].permit && a.entries[j].prefix != a.entries[i].prefix &&
            a.entries[i].prefix.Contains(a.entries[j].prefix))
          Warn(a.where,
               absl::StrCat("access list '", name, "': the hole ", a.entries[j].prefix.ToString(), " in ",
                            a.entries[i].prefix.ToString(), " cannot be told as a route"),
               "write the prefixes around it");
  }
}

std::vector<Diagnostic> Validate(const Model& model) {
  Checker c(model);
  c.CheckIke();
  c.CheckProfiles();
  c.CheckPki();
  c.CheckIpsec();
  c.CheckVrfs();
  c.CheckInterfaces();
  c.CheckPools();
  constexpr size_t kMost = 1000;
  if (c.out.size() > kMost) c.out.resize(kMost);
  return std::move(c.out);
}

}  // namespace flexvpn::config
