// SPDX-License-Identifier: Apache-2.0
#include "core/config/diff.h"

#include <unordered_map>

#include "absl/strings/str_cat.h"

namespace flexvpn::config {
namespace {

class Differ {
 public:
  template <class T>
  void Maps(absl::string_view what, const std::map<std::string, T>& from, const std::map<std::string, T>& to) {
    auto a = from.begin();
    auto b = to.begin();
    while (a != from.end() || b != to.end()) {
      if (b == to.end() || (a != from.end() && a->first < b->first)) {
        Say(Change::Kind::kRemoved, absl::StrCat(what, " ", (a++)->first));
      } else if (a == from.end() || b->first < a->first) {
        Say(Change::Kind::kAdded, absl::StrCat(what, " ", (b++)->first));
      } else {
        if (!(a->second == b->second)) Say(Change::Kind::kChanged, absl::StrCat(what, " ", a->first));
        ++a;
        ++b;
      }
    }
  }

  template <class T>
  void Value(absl::string_view what, const T& from, const T& to) {
    if (!(from == to)) Say(Change::Kind::kChanged, std::string(what));
  }

  void Keyrings(const std::map<std::string, Keyring>& from, const std::map<std::string, Keyring>& to) {
    for (const auto& [name, k] : from)
      if (to.count(name) == 0) Say(Change::Kind::kRemoved, absl::StrCat("crypto ikev2 keyring ", name));
    for (const auto& [name, k] : to) {
      const auto old = from.find(name);
      if (old == from.end()) Say(Change::Kind::kAdded, absl::StrCat("crypto ikev2 keyring ", name));
      else if (!(old->second == k)) Peers(absl::StrCat(" of crypto ikev2 keyring ", name), old->second.peers, k.peers);
    }
  }

  std::vector<Change> out;

 private:
  void Say(Change::Kind kind, std::string object) { out.push_back({kind, std::move(object)}); }

  void Peers(const std::string& ring, const std::vector<KeyringPeer>& from, const std::vector<KeyringPeer>& to) {
    std::unordered_map<std::string, const KeyringPeer*> old;
    for (const KeyringPeer& p : from) old[p.name] = &p;
    const size_t before = out.size();
    for (const KeyringPeer& p : to) {
      const auto it = old.find(p.name);
      if (it == old.end()) {
        Say(Change::Kind::kAdded, absl::StrCat("peer ", p.name, ring));
        continue;
      }
      if (!(*it->second == p)) Say(Change::Kind::kChanged, absl::StrCat("peer ", p.name, ring));
      old.erase(it);
    }
    for (const KeyringPeer& p : from)
      if (old.count(p.name) != 0) Say(Change::Kind::kRemoved, absl::StrCat("peer ", p.name, ring));
    if (out.size() == before) Say(Change::Kind::kChanged, absl::StrCat("order of the peers", ring));
  }
};

}  // namespace

std::vector<Change> Diff(const Model& from, const Model& to) {
  Differ d;
  d.Value("hostname", from.hostname, to.hostname);
  d.Value("platform defaults", from.defaults, to.defaults);
  d.Value("ip domain name", from.domain_name, to.domain_name);
  d.Value("aaa new-model", from.aaa_new_model, to.aaa_new_model);
  d.Maps("aaa authorization network", from.aaa_authorization, to.aaa_authorization);
  d.Value("crypto ikev2", from.ike, to.ike);
  d.Maps("crypto ikev2 proposal", from.proposals, to.proposals);
  d.Maps("crypto ikev2 policy", from.policies, to.policies);
  d.Keyrings(from.keyrings, to.keyrings);
  d.Maps("crypto pki trustpoint", from.trustpoints, to.trustpoints);
  d.Maps("crypto pki certificate map", from.certificate_maps, to.certificate_maps);
  d.Maps("crypto ikev2 authorization policy", from.authorization_policies, to.authorization_policies);
  d.Maps("crypto ikev2 profile", from.profiles, to.profiles);
  d.Maps("crypto ipsec transform-set", from.transform_sets, to.transform_sets);
  d.Maps("crypto ipsec profile", from.ipsec_profiles, to.ipsec_profiles);
  d.Value("crypto ipsec security-association", from.ipsec, to.ipsec);
  d.Maps("vrf definition", from.vrfs, to.vrfs);
  d.Maps("interface", from.interfaces, to.interfaces);
  d.Maps("ip local pool", from.pools, to.pools);
  d.Maps("ipv6 local pool", from.ipv6_pools, to.ipv6_pools);
  d.Maps("ip access-list standard", from.access_lists, to.access_lists);
  d.Maps("platform interface", from.platform_interfaces, to.platform_interfaces);
  d.Maps("banner", from.banners, to.banners);
  d.Value("kept lines", from.kept, to.kept);
  d.Value("lines of other subsystems", from.foreign_lines, to.foreign_lines);
  return std::move(d.out);
}

}  // namespace flexvpn::config
