// SPDX-License-Identifier: Apache-2.0
// Front-door VRFs: the outer packets of a tunnel are in a VRF of the administrator's (`tunnel vrf`).
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/node/node.h"

namespace flexvpn::node {
namespace {

constexpr net::VrfId kNowhere(0xffff);  // nobody listens in it

}  // namespace

net::VrfId Node::VrfIdOf(const std::string& name) const {
  const auto it = std::find(vrf_names_.begin(), vrf_names_.end(), name);
  return it == vrf_names_.end() ? kNowhere : net::VrfId(static_cast<uint16_t>(it - vrf_names_.begin()));
}

const std::string& Node::VrfName(net::VrfId id) const {
  static const std::string unknown = "?";
  return id.value() < vrf_names_.size() ? vrf_names_[id.value()] : unknown;
}

const LocalVrf* Node::FindVrf(const std::string& name) const {
  const auto& all = network_.vrfs;
  const auto it = std::find_if(all.begin(), all.end(), [&](const LocalVrf& v) { return v.name == name; });
  return it == all.end() ? nullptr : &*it;
}

std::string Node::InVrf(const net::Endpoint& local) const {
  return local.vrf ? absl::StrCat(" in VRF ", VrfName(local.vrf)) : "";
}

// Numbers are never given anew: a session keeps its VRF whatever the configuration becomes.
void Node::Listen(const std::set<std::string>& vrfs) {
  ListenIn action;
  for (const std::string& name : vrfs) {
    if (VrfIdOf(name) == kNowhere && vrf_names_.size() < kNowhere.value()) vrf_names_.push_back(name);
    if (const net::VrfId id = VrfIdOf(name); id != kNowhere) action.vrfs[name] = id;
  }
  action.tcp_port = model_.ike.tcp_port;
  action.tcp = action.tcp_port != 0 ||
               std::any_of(model_.profiles.begin(), model_.profiles.end(),
                           [](const auto& p) { return p.second.tcp != config::TcpEncapsulation::kNever; }) ||
               // Their peers are told before it ends.
               std::any_of(sessions_.begin(), sessions_.end(), [](const auto& s) { return s.second.info.remote.in_tcp(); });
  if (action == listening_.value_or(ListenIn{})) return;
  listening_ = action;
  out_->push_back(std::move(action));
}

void Node::NoteMissingVrfs() {
  std::set<std::string> missing;
  for (const std::string& name : config::FrontDoorVrfs(model_)) {
    if (FindVrf(name) != nullptr) continue;
    missing.insert(name);
    if (!missing_vrfs_.contains(name))
      Say(Log::Level::kWarning, absl::StrCat("VRF ", name, ": there is no such VRF device, its tunnels wait for it (ip link ",
                                             "add ", name, " type vrf table N)"));
  }
  missing_vrfs_ = std::move(missing);
}

// SAs, policies, rules and the GRE device know addresses and no VRFs, so each outer address of ours has one VRF.
// Sessions keep theirs; then the interfaces choose in the order of their names.
void Node::AssignSources() {
  sources_.clear();
  for (const auto& [id, peer] : peers_) sources_.try_emplace(peer.local, VrfName(peer.vrf));
  std::set<std::string> refused;
  for (const auto& [name, i] : model_.interfaces) {
    const auto source = i.is_tunnel() && !i.down() ? SourceCandidate(i) : std::nullopt;
    if (!source) continue;
    if (SourceFree(*source, i.tunnel_vrf)) {
      sources_.try_emplace(*source, i.tunnel_vrf);
      continue;
    }
    refused.insert(name);
    if (!refused_sources_.contains(name))
      Say(Log::Level::kError,
          absl::StrCat(name, " stays down: its source ", source->ToString(), " is also that of a tunnel in another VRF, or ",
                       "an address of the global VRF: packets could leave by the wrong one; give it an address of its own"));
  }
  refused_sources_ = std::move(refused);
}

bool Node::SourceFree(const net::IpAddress& address, const std::string& vrf) const {
  if (const auto it = sources_.find(address); it != sources_.end() && it->second != vrf) return false;
  // What the global VRF sends from an address of its own would follow the rule.  That of other VRFs finds the kernel's
  // own rule for them first.
  return vrf.empty() || std::none_of(network_.addresses.begin(), network_.addresses.end(), [&](const LocalAddress& a) {
           return a.address == address && a.vrf.empty();
         });
}

std::string Node::WaitsFor(const config::Interface& i) const {
  if (!i.tunnel_vrf.empty() && FindVrf(i.tunnel_vrf) == nullptr) return absl::StrCat("VRF ", i.tunnel_vrf);
  if (const auto source = SourceCandidate(i))
    return absl::StrCat("a source of its own: ", source->ToString(), " is used in another VRF");
  const std::string where =
      i.source_address   ? i.source_address->ToString()
      : i.source_dynamic ? absl::StrCat("an address on ", absl::StrJoin(i.client.sources, " or "))
                         : absl::StrCat("an address on ", i.source_interface);
  return i.tunnel_vrf.empty() ? where : absl::StrCat(where, " in VRF ", i.tunnel_vrf);
}

void Node::SyncRules(std::vector<dataplane::Object>& objects) const {
  for (const auto& [source, name] : sources_) {
    const LocalVrf* vrf = FindVrf(name);
    if (!name.empty() && source.is_v4()) objects.push_back(dataplane::SourceRule{source, vrf == nullptr ? 0 : vrf->table});
  }
}

void Node::ClaimSource(const Peer& peer) {
  sources_.try_emplace(peer.local, VrfName(peer.vrf));
  if ((peer.vrf && want_.Find(dataplane::Key(dataplane::SourceRule{peer.local})) == nullptr) ||
      want_.Find(dataplane::Key(dataplane::Block{peer.local})) == nullptr)
    SyncBase();
}

void Node::RenewSources() {
  if (!listening_ || listening_->vrfs.empty()) return;
  AssignSources();
  SyncBase();
}

}  // namespace flexvpn::node
