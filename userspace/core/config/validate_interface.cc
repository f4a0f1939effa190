// SPDX-License-Identifier: Apache-2.0
// Tunnels and templates: what they need to work, and how they fit to each other.
#include <algorithm>
#include <cstring>
#include <map>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "core/config/names.h"
#include "core/config/validate.h"

namespace flexvpn::config {
namespace {

bool IsTunnel(const Interface& i) {
  return i.kind == InterfaceKind::kTunnel || i.kind == InterfaceKind::kVirtualTemplate;
}
bool HasIpv6(const Interface& i) { return !i.ipv6_addresses.empty() || i.ipv6_negotiated || !i.ipv6_unnumbered.empty(); }
bool SameHub(const Hub& a, const Hub& b) { return a.address == b.address && absl::EqualsIgnoreCase(a.name, b.name); }
bool IsGre(TunnelMode m) { return m != TunnelMode::kIpsecIpv4 && m != TunnelMode::kIpsecIpv6; }

}  // namespace

// `command` of interface `i` names `borrowed`, by which it gets the address of `owner`; nullptr: there is none at the end.
void Checker::CheckBorrowed(const Interface& i, const std::string& path, const char* command, const std::string& borrowed,
                            const Interface* owner, bool has_address) {
  if (borrowed.empty()) return;
  const Location where = At(path, command, i.where);
  if (m.interfaces.count(borrowed) == 0) {
    if (IsIosName(borrowed)) Known(m.interfaces, borrowed, where, path, "interface");
    else
      Warn(where, absl::StrCat(path, " gets no address: interface ", borrowed, " is not in the configuration"),
           absl::StrCat("write 'interface ", borrowed, "', alone if the address is Linux's"));
    return;
  }
  const absl::string_view family(command, std::strcspn(command, " "));  // ip, ipv6
  if (owner == nullptr)
    Error(where, absl::StrCat(path, ": '", command, "' goes round in a circle or ends nowhere"));
  else if (!has_address && owner->kind != InterfaceKind::kLinux)
    Error(where, absl::StrCat(path, " uses the ", family == "ip" ? "" : "IPv6 ", "address of ", owner->name, Place(owner->where), ", which has none"),
          absl::StrCat("give it an '", family, " address'"));
}

void Checker::CheckAddresses(const Interface& i, const std::string& path) {
  const Interface* owner = AddressOwner(m, i.name);
  CheckBorrowed(i, path, "ip unnumbered", i.unnumbered, owner, owner != nullptr && (owner->address || owner->address_negotiated));
  owner = Ipv6AddressOwner(m, i.name);
  CheckBorrowed(i, path, "ipv6 unnumbered", i.ipv6_unnumbered, owner,
                owner != nullptr && (!owner->ipv6_addresses.empty() || owner->ipv6_negotiated));
  if (IsTunnel(i) && i.mtu != 0 && i.mtu < net::kIpv6MinimumMtu && absl::c_any_of(m.interfaces, [](const auto& e) { return HasIpv6(e.second); }))
    Warn(At(path, "ip mtu", i.where), path + ": packets of less than 1280 octets carry no IPv6, so there is none in any tunnel",
         "write 'ip mtu 1280' or more");
}

const IkeProfile* Checker::IkeProfileOf(const Interface& i) const {
  const auto ipsec = m.ipsec_profiles.find(i.ipsec_profile);
  const auto ike = ipsec == m.ipsec_profiles.end() ? m.profiles.end() : m.profiles.find(ipsec->second.ike_profile);
  return ike == m.profiles.end() ? nullptr : &ike->second;
}

void Checker::CheckTunnelCommon(const Interface& i, const std::string& path, const std::string& user) {
  if (i.ipsec_profile.empty())
    return Shut(i.where, user + " is not protected: nothing may leave in clear",
                "add 'tunnel protection ipsec profile NAME'");
  if (i.source_dynamic && i.client.sources.empty())
    Shut(At(path, "tunnel source dynamic", i.where),
         absl::StrCat(user, " has 'tunnel source dynamic', but no 'crypto ikev2 client flexvpn' that connects it has a 'source'"),
         "add 'source 1 INTERFACE' to the block, or name the interface or its address here");
  else if (!i.has_source() && !i.source_dynamic)
    Shut(i.where, user + " has no 'tunnel source'", "add 'tunnel source INTERFACE'");
  if (IsIosName(i.source_interface) && m.platform_interfaces.count(i.source_interface) == 0 &&
      i.source_interface.rfind("Loopback", 0) != 0)
    Known(m.interfaces, i.source_interface, At(path, "tunnel source", i.where), user, "interface");
  if (i.source_interface == i.name) Error(At(path, "tunnel source", i.where), user + " is its own source");
  if (i.source_address && i.source_address->is_v6() != IsIpv6(i.mode))
    Error(At(path, "tunnel source", i.where), user + ": address family of 'tunnel source' does not fit 'tunnel mode'");
  if (i.source_address && i.source_address->is_v6() && i.source_address->is_link_local())
    Error(At(path, "tunnel source", i.where), user + ": a link-local address cannot be the source of a tunnel");
  if (i.mode == TunnelMode::kGreMultipoint)
    Shut(At(path, "tunnel mode gre multipoint", i.where),
         "accepted, but this version does not do 'tunnel mode gre multipoint': " + user,
         "write 'tunnel mode gre ip' and 'tunnel destination'");
  if (i.mode == TunnelMode::kIpsecIpv4 || i.mode == TunnelMode::kIpsecIpv6)
    Shut(At(path, "tunnel mode ipsec", i.where), "accepted, but this version does not do 'tunnel mode ipsec': " + user,
         "write 'tunnel mode gre ip' or 'gre ipv6' at both ends");
  CheckTunnelVrf(i, path, user);
  const Location protection = At(path, "tunnel protection ipsec profile", i.where);
  if (!Known(m.ipsec_profiles, i.ipsec_profile, protection, user, "crypto ipsec profile")) return;
  const IpsecProfile& p = m.ipsec_profiles.at(i.ipsec_profile);
  if (p.ike_profile.empty())
    Shut(protection, absl::StrCat(user, " uses ipsec profile '", p.name, "'", Place(p.where),
                                  ", which has no 'set ikev2-profile'"),
         absl::StrCat("add 'set ikev2-profile NAME' to 'crypto ipsec profile ", p.name, "'"));
  else if (absl::StrContains(i.inoperative, "no transform set"))
    Shut(protection, absl::StrCat(user, ": ", i.inoperative), "use esp-gcm 256");
}

// The profile of its peers has to be for the VRF that their calls arrive by.
void Checker::CheckTunnelVrf(const Interface& i, const std::string& path, const std::string& user) {
  const Location where = At(path, "tunnel vrf", i.where);
  if (!i.tunnel_vrf.empty() && IsIpv6(i.mode))
    Shut(where, "accepted, but this version does 'tunnel vrf' over IPv4 only: " + user, "write 'tunnel mode gre ip'");
  if (!i.tunnel_vrf.empty() && i.source_interface.rfind("Loopback", 0) == 0)
    Shut(where, absl::StrCat(user, " is in VRF '", i.tunnel_vrf, "', but its source ", i.source_interface,
                             " is in the global VRF"),
         "name an interface that is in the VRF");
  const IkeProfile* profile = IkeProfileOf(i);
  if (profile == nullptr || profile->match_fvrf == "any" || profile->match_fvrf == i.tunnel_vrf) return;
  const IkeProfile& p = *profile;
  const std::string vrf = i.tunnel_vrf.empty() ? "the global VRF" : absl::StrCat("VRF '", i.tunnel_vrf, "'");
  Warn(where,
       absl::StrCat(user, " has its outer packets in ", vrf, ", but crypto ikev2 profile '", p.name, "'",
                    Place(p.where), " is for peers in ",
                    p.match_fvrf.empty() ? "the global VRF" : absl::StrCat("VRF '", p.match_fvrf, "'"),
                    ": no peer can call it"),
       absl::StrCat("add 'match fvrf ", i.tunnel_vrf.empty() ? "any" : i.tunnel_vrf, "' to the profile"));
}

void Checker::CheckDestinationName(const Interface& i, Location where, const std::string& user) {
  if (i.destination_name.empty()) return;
  if (absl::c_all_of(i.destination_name, [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '.'; }))
    return Error(where, absl::StrCat(user, ": '", i.destination_name, "' is no address, and no name of a host"),
                 "write A.B.C.D, an IPv6 address, or a host name");
  const auto ipsec = m.ipsec_profiles.find(i.ipsec_profile);
  if (ipsec == m.ipsec_profiles.end()) return;
  const IkeProfile* profile = IkeProfileOf(i);
  if (ipsec->second.responder_only || (profile != nullptr && profile->inbound_only))
    Warn(where, absl::StrCat(user, " calls nobody, so the name of its destination is never looked up, and nobody can be known by it"),
         "write an address, or an interface Virtual-Template for those who call");
}

void Checker::CheckTunnel(const Interface& i, const std::string& path, const std::string& user) {
  const Location where = At(path, "tunnel destination", i.where);
  if (i.destination_dynamic) {
    if (i.client.hubs.empty())
      Shut(At(path, "tunnel destination dynamic", i.where),
           absl::StrCat(user, " has 'tunnel destination dynamic', but no 'crypto ikev2 client flexvpn' that connects it has a ",
                        "'peer' with an ", IsIpv6(i.mode) ? "IPv6" : "IPv4", " address or a name for one"),
           absl::StrCat("write 'peer 1 ADDRESS' and 'client connect ", i.name, "' in a block"));
  } else if (i.Hubs().empty() && i.mode != TunnelMode::kGreMultipoint) {
    Shut(i.where, user + " has no 'tunnel destination'", "add 'tunnel destination ADDRESS'");
  }
  if (i.destination && i.destination->is_v6() != IsIpv6(i.mode))
    Error(where, user + ": address family of 'tunnel destination' does not fit 'tunnel mode'",
          i.destination->is_v6() ? "add 'tunnel mode gre ipv6'" : "");
  CheckDestinationName(i, where, user);
  if (i.destination && (i.destination->is_any() || i.destination->is_multicast()))
    Error(where, user + ": the destination is no host");
  if (i.destination && i.destination->is_v6() && i.destination->is_link_local())
    Error(where, user + ": a link-local address says nothing without its interface",
          "write the global or unique local address of the peer");
  if (!i.address && !i.address_negotiated && i.unnumbered.empty())
    Warn(i.where, user + " has no IP address", "add 'ip address negotiated' on a spoke");
  if (!i.address_negotiated && !i.ipv6_negotiated) return;
  if (const IkeProfile* profile = IkeProfileOf(i); profile != nullptr && !profile->config_exchange_request)
    Error(At(path, i.address_negotiated ? "ip address negotiated" : "ipv6 address negotiated", i.where),
          absl::StrCat(user, " wants an address from the hub, but profile '", profile->name, "'",
                       Place(profile->where), " has 'no config-exchange request'"));
}

void Checker::CheckTemplate(const Interface& i, const std::string& path, const std::string& user) {
  if (i.address || i.address_negotiated)
    Error(At(path, i.address ? "ip address" : "ip address negotiated", i.where),
          user + " cannot have an address of its own: every clone would have it",
          "write 'ip unnumbered INTERFACE'");
  else if (i.unnumbered.empty())
    Error(i.where, user + " has no address", "add 'ip unnumbered INTERFACE'");
  if (!i.ipv6_addresses.empty() || i.ipv6_negotiated)
    Error(At(path, i.ipv6_negotiated ? "ipv6 address negotiated" : "ipv6 address", i.where),
          user + " cannot have an IPv6 address of its own: every clone would have it", "write 'ipv6 unnumbered INTERFACE'");
  if (i.destination)
    Warn(At(path, "tunnel destination", i.where), user + ": 'tunnel destination' has no effect in a template");
}

void Checker::CheckNhrp(const Interface& i, const std::string& path, const std::string& user) {
  const NhrpInterface& n = i.nhrp;
  if (n.network_id == 0 && (n.redirect || n.shortcut))
    Warn(i.where, user + " has NHRP settings but no 'ip nhrp network-id'", "add 'ip nhrp network-id 1'");
  if (n.network_id != 0 && !IsGre(i.mode))
    Warn(At(path, "ip nhrp network-id", i.where), user + ": NHRP needs GRE; no shortcuts in 'tunnel mode ipsec'");
  if (!n.shortcut) return;
  const Location where = At(path, "ip nhrp shortcut", i.where);
  if (!n.shortcut_virtual_template) {
    if (i.kind == InterfaceKind::kTunnel)
      Warn(where, user + ": 'ip nhrp shortcut' without a template cannot answer other spokes",
           "write 'ip nhrp shortcut virtual-template 1'");
    return;
  }
  const std::string name = absl::StrCat("Virtual-Template", *n.shortcut_virtual_template);
  if (!Known(m.interfaces, name, where, user, "interface")) return;
  const Interface& t = m.interfaces.at(name);
  if (t.nhrp.network_id != n.network_id)
    Warn(where, absl::StrCat(user, " has network-id ", n.network_id, ", its shortcut template ", name, Place(t.where),
                             " has ", t.nhrp.network_id),
         "use the same network-id, else shortcuts are not refreshed");
  if (t.mode != i.mode)
    Warn(where, absl::StrCat(user, " and its shortcut template ", name, Place(t.where), " differ in 'tunnel mode'"));
  if (t.tunnel_vrf != i.tunnel_vrf)
    Warn(where, absl::StrCat(user, " and its shortcut template ", name, Place(t.where), " differ in 'tunnel vrf'"));
}

// Two tunnels with the same ends and key cannot be told apart on the wire.
void Checker::CheckSameEndpoints() {
  for (const auto& [name, i] : m.interfaces) {
    if (i.kind != InterfaceKind::kTunnel || i.Hubs().empty() || i.shutdown) continue;
    for (const auto& [other_name, o] : m.interfaces) {
      if (other_name <= name || o.kind != InterfaceKind::kTunnel || o.shutdown) continue;
      const std::vector<Hub> hubs = i.Hubs(), others = o.Hubs();
      const bool meet = std::find_first_of(hubs.begin(), hubs.end(), others.begin(), others.end(), SameHub) != hubs.end();
      if (meet && o.source_interface == i.source_interface && o.source_address == i.source_address &&
          o.client.sources == i.client.sources && o.tunnel_vrf == i.tunnel_vrf && o.key == i.key && o.mode == i.mode)
        Error(o.where, absl::StrCat("interface ", other_name, " has the same source, destination and key as ", name,
                                    Place(i.where)),
              "give one of them a 'tunnel key'");
    }
  }
}

void Checker::CheckClients() {
  std::map<std::string, std::string> connected;  // tunnel -> block
  for (const Statement& block : m.kept) {
    if (!block.StartsWith("crypto ikev2 client flexvpn")) continue;
    const std::string user = absl::StrCat("crypto ikev2 client flexvpn '", block.Text("NAME"), "'");
    const auto line = std::find_if(block.body.begin(), block.body.end(), [](const Statement& s) { return s.StartsWith("client connect"); });
    if (line == block.body.end()) {
      Warn({}, user + " connects no tunnel", "add 'client connect TunnelN' to it");
      continue;
    }
    const std::string tunnel = line->Text("IF");
    const auto i = m.interfaces.find(tunnel);
    if (i == m.interfaces.end()) {
      Warn({}, absl::StrCat(user, " connects ", tunnel, ", which is not configured"), absl::StrCat("add 'interface ", tunnel, "'"));
    } else if (const auto [first, fresh] = connected.try_emplace(tunnel, user); !fresh) {
      Warn(i->second.where, absl::StrCat(first->second, " and ", user, " both connect ", tunnel, ": the last one counts"));
    } else if (!i->second.destination_dynamic) {
      Warn(i->second.where, absl::StrCat(user, " connects ", tunnel, ", which has no 'tunnel destination dynamic': the block has no effect"),
           absl::StrCat("write 'tunnel destination dynamic' in interface ", tunnel));
    }
  }
}

// Names of VRFs, and what they name.
void Checker::CheckVrfs() {
  const auto check = [&](const std::string& name, Location where, const std::string& user) {
    constexpr size_t kLongest = 15;  // IFNAMSIZ
    if (name.empty() || !Known(m.vrfs, name, where, user, "vrf definition")) return;
    if (name.size() > kLongest || name.find('/') != std::string::npos)
      Error(m.vrfs.at(name).where,
            absl::StrCat("vrf definition '", name, "', which ", user, Place(where),
                         " uses, is no name that a Linux VRF device can have"),
            absl::StrCat("names of Linux devices have up to ", kLongest, " characters and no '/'"));
  };
  const auto named = [](const std::string& match) { return match == "any" ? std::string() : match; };
  for (const auto& [name, p] : m.policies)
    check(named(p.match_fvrf), At(absl::StrCat("crypto ikev2 policy ", name), "match fvrf", p.where),
          absl::StrCat("crypto ikev2 policy '", name, "'"));
  for (const auto& [name, p] : m.profiles)
    check(named(p.match_fvrf), At(absl::StrCat("crypto ikev2 profile ", name), "match fvrf", p.where),
          absl::StrCat("crypto ikev2 profile '", name, "'"));
  for (const auto& [name, i] : m.interfaces) {
    const std::string user = absl::StrCat("interface ", name);
    check(i.tunnel_vrf, At(user, "tunnel vrf", i.where), user);
  }
}

void Checker::CheckInterfaces() {
  for (const auto& [name, i] : m.interfaces) {
    const std::string path = absl::StrCat("interface ", name);
    const std::string user = path;
    CheckAddresses(i, path);
    if (!IsTunnel(i)) {
      if (!i.ipsec_profile.empty() || i.destination || !i.source_interface.empty() || i.source_address ||
          !i.tunnel_vrf.empty())
        Error(i.where, user + " is no tunnel, but has tunnel commands", "use 'interface Tunnel0'");
      if (i.kind == InterfaceKind::kLoopback && (i.address_negotiated || i.ipv6_negotiated))
        Error(i.where, user + ": nobody negotiates the address of a Loopback");
      continue;
    }
    if (i.shutdown) continue;
    CheckTunnelCommon(i, path, user);
    if (i.ipsec_profile.empty()) continue;
    CheckNhrp(i, path, user);
    if (i.kind == InterfaceKind::kTunnel) CheckTunnel(i, path, user);
    if (i.kind == InterfaceKind::kVirtualTemplate) CheckTemplate(i, path, user);
  }
  CheckSameEndpoints();
  CheckClients();
}

}  // namespace flexvpn::config
