// SPDX-License-Identifier: Apache-2.0
// Smart defaults: the objects an empty configuration has.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"

namespace flexvpn::config {

Model DefaultModel(DefaultSet defaults) {
  const bool ios15 = defaults == DefaultSet::kIos15;
  Model m;
  m.defaults = defaults;
  IkeProposal proposal;
  proposal.name = "default";
  if (ios15) {
    proposal.encryption = {{kEncrAesCbc, 256}, {kEncrAesCbc, 192}, {kEncrAesCbc, 128}};
    proposal.integrity = {14, 13, 12, 2, 1};  // sha512, sha384, sha256, sha1, md5
    proposal.prf = {7, 6, 5, 2, 1};
    proposal.groups = {5, 2};
  } else {
    proposal.encryption = {{kEncrAesGcm16, 256}, {kEncrAesCbc, 256}};
    proposal.integrity = {14, 13};
    proposal.prf = {7, 6};
    proposal.groups = {19, 14, 21};
  }
  m.proposals["default"] = proposal;
  IkePolicy policy;
  policy.name = "default";
  policy.match_fvrf = "any";
  policy.proposals = {"default"};
  m.policies["default"] = policy;
  AuthorizationPolicy authorization;
  authorization.name = "default";
  authorization.route_set_interface = true;
  authorization.route_accept_any = true;
  m.authorization_policies["default"] = authorization;
  TransformSet transform;
  transform.name = "default";
  transform.encryption = ios15 ? EncrChoice{kEncrAesCbc, 128} : EncrChoice{kEncrAesGcm16, 256};
  if (ios15) transform.integrity = 2;  // esp-sha-hmac
  transform.transport = true;
  m.transform_sets["default"] = transform;
  IpsecProfile profile;
  profile.name = "default";
  m.ipsec_profiles["default"] = profile;
  return m;
}

const Model& BuiltInModel(DefaultSet set) {
  static const auto* const kModern = new Model(DefaultModel(DefaultSet::kModern));
  static const auto* const kIos15 = new Model(DefaultModel(DefaultSet::kIos15));
  return set == DefaultSet::kIos15 ? *kIos15 : *kModern;
}

std::vector<net::Prefix> PermittedPrefixes(const AccessList& list) {
  std::vector<net::Prefix> out;
  for (size_t i = 0; i < list.entries.size(); ++i) {
    const AccessEntry& e = list.entries[i];
    if (!e.permit) continue;
    const bool denied = std::any_of(list.entries.begin(), list.entries.begin() + static_cast<std::ptrdiff_t>(i),
                                    [&](const AccessEntry& d) { return !d.permit && d.prefix.Contains(e.prefix); });
    if (!denied && std::find(out.begin(), out.end(), e.prefix) == out.end()) out.push_back(e.prefix);
  }
  return out;
}

net::Prefix Cover(const LocalPool& pool) {
  int length = pool.first.bits();
  while (length > 0 && !net::Prefix(pool.first, length).Contains(net::Prefix(pool.last, pool.length).Last())) --length;
  return net::Prefix(pool.first, length);
}

namespace {

// From `name` along what `next` says of each, until that is "".  nullptr: a circle, or an interface there is not.
template <class Next>
const Interface* Follow(const Model& model, const std::string& name, Next next) {
  constexpr int kSteps = 8;
  std::string at = name;
  for (int step = 0; step <= kSteps; ++step) {
    const auto it = model.interfaces.find(at);
    if (it == model.interfaces.end()) return nullptr;
    at = next(it->second);
    if (at.empty()) return &it->second;
  }
  return nullptr;
}

}  // namespace

const Interface* AddressOwner(const Model& model, const std::string& name) {
  return Follow(model, name, [](const Interface& i) { return i.unnumbered; });
}

const Interface* Ipv6AddressOwner(const Model& model, const std::string& name) {
  return Follow(model, name, [](const Interface& i) -> std::string {
    if (!i.ipv6_addresses.empty() || i.ipv6_negotiated) return "";
    return i.ipv6_unnumbered.empty() ? i.unnumbered : i.ipv6_unnumbered;
  });
}

}  // namespace flexvpn::config
