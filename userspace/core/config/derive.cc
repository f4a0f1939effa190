// SPDX-License-Identifier: Apache-2.0
// What follows from the rest of the model: implied values, and what is inoperative because a line of it asks for
// protection that this version does not give.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/config/model.h"
#include "core/config/names.h"

namespace flexvpn::config {
namespace {

// A template without `tunnel source`: that of the tunnel whose shortcuts it makes or whose address it borrows,
// else the one Linux interface with an address.
void CompleteSource(Model& m, Interface& t) {
  const Interface* from = nullptr;
  const Interface* only = nullptr;
  size_t count = 0;
  for (const auto& [name, i] : m.interfaces) {
    if (i.kind == InterfaceKind::kLinux && i.address) {
      only = &i;
      ++count;
    }
    if (i.kind != InterfaceKind::kTunnel || !i.has_source()) continue;
    if (i.nhrp.shortcut_virtual_template == t.number || t.unnumbered == name) from = &i;
  }
  if (from == nullptr && count != 1) return;
  t.source_interface = from != nullptr ? from->source_interface : only->name;
  if (from != nullptr) t.source_address = from->source_address;
  t.implied_source.value = true;
}

void DeriveIpsec(Model& m, IpsecProfile& p) {
  const IpsecProfile fresh;
  if (!p.own_lifetime) p.lifetime = m.ipsec.lifetime.value_or(fresh.lifetime);
  if (!p.own_kilobytes) p.lifetime_kilobytes = m.ipsec.lifetime_kilobytes.value_or(fresh.lifetime_kilobytes);
  if (!p.own_replay) p.replay_window = m.ipsec.replay_window.value_or(fresh.replay_window);
  if (p.implied_ike_profile) p.ike_profile.clear();
  p.implied_ike_profile.value = p.name == "default" && p.ike_profile.empty() && m.profiles.count("default") != 0;
  if (p.implied_ike_profile) p.ike_profile = "default";
}

// The lines of a client block that this version acts on.
FlexClient ReadClient(const Statement& block, bool v6) {
  FlexClient client;
  client.name = block.Text("NAME");
  std::map<uint64_t, Hub> hubs;
  std::map<uint64_t, std::string> sources;
  for (const Statement& line : block.body) {
    if (line.StartsWith("connect manual")) client.manual = true;
    if (line.StartsWith("peer reactivate")) client.reactivate = true;
    if (line.StartsWith("source")) sources[line.Number("SEQ")] = line.Text("IF");
    const auto hub = line.StartsWith("peer") ? net::IpAddress::Parse(line.Text("A")) : std::nullopt;
    if (hub && hub->is_v6() == v6) hubs[line.Number("SEQ")] = Hub{*hub};
    if (line.Find("NAME") != nullptr && line.Has("ipv6") == v6) hubs[line.Number("SEQ")] = Hub{{}, line.Text("NAME")};
  }
  for (const auto& [seq, hub] : hubs) client.hubs.push_back(hub);
  for (const auto& [seq, source] : sources) client.sources.push_back(source);
  return client;
}

void DeriveClient(const Model& m, Interface& i) {
  i.client = {};
  if (i.kind != InterfaceKind::kTunnel || !i.destination_dynamic) return;
  for (const Statement& block : m.kept) {
    if (!block.StartsWith("crypto ikev2 client flexvpn")) continue;
    const bool connects = std::any_of(block.body.begin(), block.body.end(), [&](const Statement& line) {
      return line.StartsWith("client connect") && line.Text("IF") == i.name;
    });
    if (connects) i.client = ReadClient(block, IsIpv6(i.mode));
  }
}

std::string FirstShut(const std::vector<Statement>& kept) {
  for (const Statement& s : kept)
    if (!s.shuts.empty()) return absl::StrCat("this version does not ", s.shuts);
  return "";
}

std::string WhyDown(const Model& m, const IkeProfile& p) {
  if (std::string why = FirstShut(p.kept); !why.empty()) return why;
  if ((p.local_rsa || p.local_elliptic) && SigningTrustpoints(m, p).empty())
    return "it signs, but no trustpoint has a certificate of ours";
  if ((p.remote_rsa || p.remote_elliptic) && !p.remote_psk && !p.remote_null && CheckingTrustpoints(m, p).empty())
    return "it expects certificates, but no trustpoint has a CA";
  for (const auto& [method, use] : p.authorization) {
    const auto list = m.aaa_authorization.find(use.list);
    if (list != m.aaa_authorization.end() && !list->second.local) return "this version does not ask AAA servers";
    if (use.policy.empty()) return "this version does not choose the authorization policy by the peer's identity";
  }
  return "";
}

std::string WhyDown(const Model& m, const IpsecProfile& p) {
  if (std::string why = FirstShut(p.kept); !why.empty()) return why;
  if (p.ike_profile.empty()) return absl::StrCat("ipsec profile '", p.name, "' has no 'set ikev2-profile'");
  const bool usable = std::any_of(p.transform_sets.begin(), p.transform_sets.end(), [&](const std::string& name) {
    const auto t = m.transform_sets.find(name);
    return t == m.transform_sets.end() || t->second.usable();  // a missing one is an error of its own
  });
  return usable ? "" : absl::StrCat("ipsec profile '", p.name, "' has no transform set that this version can use");
}

std::string WhyDown(const Model& m, const Interface& i) {
  if (i.kind == InterfaceKind::kLinux) return "";
  if (std::string why = FirstShut(i.kept); !why.empty() || !i.is_tunnel()) return why;
  if (i.mode == TunnelMode::kGreMultipoint) return "this version does not do 'tunnel mode gre multipoint'";
  if (i.mode == TunnelMode::kIpsecIpv4 || i.mode == TunnelMode::kIpsecIpv6) return "this version does not do 'tunnel mode ipsec'";
  if (!i.tunnel_vrf.empty() && IsIpv6(i.mode)) return "this version does 'tunnel vrf' over IPv4 only";
  if (!i.tunnel_vrf.empty() && i.source_interface.rfind("Loopback", 0) == 0)
    return "its source is a Loopback, which is in the global VRF";
  if (i.ipsec_profile.empty()) return "it is not protected, and nothing may leave in clear";
  if (const auto p = m.ipsec_profiles.find(i.ipsec_profile); p != m.ipsec_profiles.end())
    if (std::string why = WhyDown(m, p->second); !why.empty()) return why;
  if (i.destination_dynamic && i.client.hubs.empty())
    return "no 'crypto ikev2 client flexvpn' with 'client connect' of it has a 'peer' of the family of its mode";
  if (i.source_dynamic && i.client.sources.empty())
    return "no 'crypto ikev2 client flexvpn' with 'client connect' of it has a 'source'";
  if (!i.has_source() && !i.source_dynamic) return "it has no 'tunnel source'";
  if (i.kind == InterfaceKind::kVirtualTemplate) return "";
  return i.Hubs().empty() ? "it has no 'tunnel destination'" : "";
}

}  // namespace

bool TransformSet::usable() const {
  return encryption.encr != 0 && std::all_of(refused.begin(), refused.end(), [](const std::string& w) { return w == "comp-lzs"; });
}

std::set<std::string> FrontDoorVrfs(const Model& m) {
  std::set<std::string> names;
  for (const auto& [name, i] : m.interfaces)
    if (i.is_tunnel() && !i.down() && !i.tunnel_vrf.empty()) names.insert(i.tunnel_vrf);
  return names;
}

void Derive(Model& m) {
  for (auto& [name, p] : m.ipsec_profiles) DeriveIpsec(m, p);
  for (auto& [name, i] : m.interfaces) {
    if (i.kind != InterfaceKind::kVirtualTemplate) continue;
    if (i.implied_source) {
      i.source_interface.clear();
      i.source_address.reset();
      i.implied_source.value = false;
    }
    if (!i.has_source() && !i.source_dynamic) CompleteSource(m, i);
  }
  for (auto& [name, i] : m.interfaces) DeriveClient(m, i);
  for (auto& [name, p] : m.profiles) p.inoperative = WhyDown(m, p);
  for (auto& [name, i] : m.interfaces) i.inoperative = WhyDown(m, i);
}

}  // namespace flexvpn::config
