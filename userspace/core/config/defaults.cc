// SPDX-License-Identifier: Apache-2.0
// Smart defaults: the objects an empty configuration has, and values completed from other objects at the end.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"

namespace flexvpn::config {

Model DefaultModel() {
  Model m;
  IkeProposal proposal;
  proposal.name = "default";
  proposal.encryption = {{kEncrAesGcm16, 256}, {kEncrAesCbc, 256}};
  proposal.integrity = {14, 13};  // sha512, sha384
  proposal.prf = {7, 6};
  proposal.groups = {19, 14, 21};
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
  transform.encryption = {kEncrAesGcm16, 256};
  transform.transport = true;
  m.transform_sets["default"] = transform;
  IpsecProfile profile;
  profile.name = "default";
  m.ipsec_profiles["default"] = profile;
  return m;
}

namespace {

bool IsTunnel(const Interface& i) {
  return i.kind == InterfaceKind::kTunnel || i.kind == InterfaceKind::kVirtualTemplate;
}

bool HasSource(const Interface& i) { return !i.source_interface.empty() || i.source_address.has_value(); }

// A template without `tunnel source`: that of the tunnel whose shortcuts it makes or whose address it borrows,
// else the one Linux interface with an address.
void CompleteSource(Model& m, Interface& t) {
  const Interface* from = nullptr;
  for (const auto& [name, i] : m.interfaces) {
    if (i.kind != InterfaceKind::kTunnel || !HasSource(i)) continue;
    if (i.nhrp.shortcut_virtual_template == t.number || t.unnumbered == name) from = &i;
  }
  if (from != nullptr) {
    t.source_interface = from->source_interface;
    t.source_address = from->source_address;
    return;
  }
  const Interface* only = nullptr;
  size_t count = 0;
  for (const auto& [name, i] : m.interfaces) {
    if (i.kind != InterfaceKind::kLinux || !i.address) continue;
    only = &i;
    ++count;
  }
  if (count == 1) t.source_interface = only->name;
}

void ApplyIpsecGlobals(Context& c) {
  for (auto& [name, p] : c.model.ipsec_profiles) {
    if (c.ipsec_lifetime && c.own_lifetime.count(name) == 0) p.lifetime = *c.ipsec_lifetime;
    if (c.ipsec_kilobytes && c.own_kilobytes.count(name) == 0) p.lifetime_kilobytes = *c.ipsec_kilobytes;
    if (c.ipsec_replay && c.own_replay.count(name) == 0) p.replay_window = *c.ipsec_replay;
  }
}

}  // namespace

void Finish(Context& c) {
  ApplyIpsecGlobals(c);
  const auto profile = c.model.ipsec_profiles.find("default");
  if (profile != c.model.ipsec_profiles.end() && profile->second.ike_profile.empty() &&
      c.model.profiles.count("default") != 0)
    profile->second.ike_profile = "default";
  for (auto& [name, i] : c.model.interfaces)
    if (i.kind == InterfaceKind::kVirtualTemplate && IsTunnel(i) && !HasSource(i)) CompleteSource(c.model, i);
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

const Interface* AddressOwner(const Model& model, const std::string& name) {
  std::string at = name;
  for (int step = 0; step <= 8; ++step) {
    const auto it = model.interfaces.find(at);
    if (it == model.interfaces.end()) return nullptr;
    if (it->second.unnumbered.empty()) return &it->second;
    at = it->second.unnumbered;
  }
  return nullptr;
}

}  // namespace flexvpn::config
