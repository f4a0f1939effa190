// SPDX-License-Identifier: Apache-2.0
// show interfaces, show derived-config interface: what carries one peer.
#include "absl/strings/str_cat.h"
#include "core/config/render.h"
#include "core/node/views.h"

namespace flexvpn::node {

const Node::Peer* Node::Views::PeerOn(const std::string& interface) const {
  for (const auto& [id, peer] : n_.peers_)
    if (peer.interface == interface) return &peer;
  return nullptr;
}

// A Virtual-Access interface is its peer's; a Tunnel is there without one, too.
show::Document Node::Views::InterfaceState(const Query& q) const {
  const std::string name = q.Text("IF");
  const Peer* peer = PeerOn(name);
  const config::Interface* i = n_.FindInterface(peer != nullptr ? peer->config_interface : name);
  if (i == nullptr || i->kind == config::InterfaceKind::kLoopback || i->kind == config::InterfaceKind::kLinux)
    return show::MakeError(absl::StrCat("there is no Tunnel or Virtual-Access interface ", name));
  show::InterfaceRow r;
  r.name = name;
  if (name != i->name) r.cloned_from = i->name;
  r.device = n_.DeviceFor(*i);
  r.description = i->description;
  r.administratively_down = i->down();
  r.up = peer != nullptr && peer->up;
  r.address_owner = i->unnumbered;
  r.address = n_.OverlayAddress(i->name);
  r.prefix_length = i->prefix_length;
  if (peer != nullptr) r.source = peer->local;
  else r.source = n_.SourceAddress(*i).value_or(net::IpAddress());
  r.destination = peer != nullptr ? peer->remote : n_.HubOf(*i).value_or(net::IpAddress());
  r.ipv6_underlay = config::IsIpv6(i->mode);
  r.key = i->key;
  r.mtu = i->mtu != 0 ? i->mtu : kDefaultTunnelMtu;
  r.ipsec_profile = i->ipsec_profile;
  if (peer == nullptr) return show::MakeInterface(r);
  r.remote_identity = peer->identity;
  r.up_for = Since(peer->created);
  for (const PeerCounter& c : q.m.peers) {
    if (c.peer != peer->id) continue;
    r.packets_in = c.packets_in, r.bytes_in = c.bytes_in;
    r.packets_out = c.packets_out, r.bytes_out = c.bytes_out;
  }
  return show::MakeInterface(r);
}

show::Document Node::Views::DerivedConfig(const Query& q) const {
  const std::string name = q.Text("IF");
  const Peer* peer = PeerOn(name);
  const config::Interface* i = n_.FindInterface(peer != nullptr ? peer->config_interface : name);
  if (i == nullptr) return show::MakeError(absl::StrCat("there is no interface ", name));
  config::Interface derived = *i;
  derived.kind = config::InterfaceKind::kTunnel;  // no `type tunnel` behind the name of a clone
  derived.name = name;
  if (peer != nullptr) {
    derived.source_interface.clear();
    derived.source_address = peer->local;
    derived.implied_source = {};
    derived.destination = peer->remote;
    derived.source_dynamic = derived.destination_dynamic = false;
    if (derived.mtu == 0) derived.mtu = kDefaultTunnelMtu;
  }
  const std::string cloned_from = name == i->name ? "" : i->name;
  return show::MakeDerivedConfig({name, cloned_from, config::RenderInterface(derived, q.privileged)});
}

}  // namespace flexvpn::node
