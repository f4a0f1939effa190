// SPDX-License-Identifier: Apache-2.0
// show ip nhrp …, show ip route flexvpn, and the same for IPv6.
#include <algorithm>
#include <map>

#include "core/node/views.h"

namespace flexvpn::node {

std::vector<show::NhrpRow> Node::Views::NhrpRows(net::Family family) const {
  std::vector<show::NhrpRow> rows;
  for (const nhrp::CacheRow& c : n_.nhrp_.Rows(n_.now_)) {
    if (c.prefix.family() != family) continue;
    show::NhrpRow r;
    r.prefix = c.prefix;
    r.next_hop = c.next_hop;
    r.interface = c.interface;
    r.created_ago = seconds(WholeSeconds(c.created_ago));
    r.expires_in = seconds(WholeSeconds(c.expires_in));
    r.type = c.type;
    r.flags = c.flags;
    r.nbma = c.nbma;
    r.claimed_nbma = c.claimed_nbma;
    r.requesters = c.requesters;
    if (const Peer* peer = n_.FindPeer(c.peer))
      if (const config::Interface* i = n_.FindInterface(peer->config_interface)) r.network_id = i->nhrp.network_id;
    rows.push_back(std::move(r));
  }
  return rows;
}

std::vector<show::RouteRow> Node::Views::RouteRows(net::Family family) const {
  std::vector<show::RouteRow> rows;
  for (const auto& [key, object] : n_.want_.all()) {
    if (const auto* a = std::get_if<dataplane::Address>(&object)) {
      show::RouteRow r;
      r.code = 'L';
      r.prefix = net::Prefix::Host(a->address);
      r.device = a->device;
      for (const auto& [name, i] : n_.model_.interfaces)
        if (i.unnumbered.empty() && n_.DeviceFor(i) == a->device && n_.OverlayAddress(name) == a->address) r.interface = name;
      r.installed = n_.kernel_.Find(key) != nullptr;
      rows.push_back(std::move(r));
      continue;
    }
    const auto* route = std::get_if<dataplane::Route>(&object);
    if (route == nullptr || route->metric == dataplane::kFallbackRouteMetric) continue;
    show::RouteRow r;
    r.shortcut = route->metric == dataplane::MetricIn(route->prefix.family(), dataplane::kShortcutRouteMetric);
    r.code = r.shortcut ? 'H' : 'S';
    r.prefix = route->prefix;
    r.next_hop = route->next_hop;
    r.device = route->device;
    auto owner = n_.owner_.find(key);
    if (owner != n_.owner_.end())
      if (const Peer* peer = n_.FindPeer(owner->second)) r.interface = peer->interface;
    const Peer* by = owner == n_.owner_.end() ? nullptr : n_.FindPeer(owner->second);
    r.distance = r.shortcut ? 250 : by != nullptr ? by->route_distance : kIkeRouteDistance;
    r.metric = r.shortcut ? 1 : 0;
    r.linux_metric = route->metric;
    r.tag = r.shortcut ? 0 : by != nullptr ? by->route_tag : 1;
    r.installed = n_.kernel_.Find(key) != nullptr;
    r.next_hop_override = !r.shortcut && n_.shortcuts_.contains(route->prefix);
    if (auto since = n_.route_since_.find(route->prefix); since != n_.route_since_.end())
      r.age = seconds(WholeSeconds(n_.now_ - since->second));
    rows.push_back(std::move(r));
  }
  std::erase_if(rows, [&](const auto& r) { return r.prefix.family() != family; });
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::tie(a.prefix, a.linux_metric) < std::tie(b.prefix, b.linux_metric);
  });
  return rows;
}

show::Document Node::Views::Nhrp(const Query& q) const {
  const std::vector<show::NhrpRow> rows = NhrpRows(q.family());
  if (q.Has("shortcut")) return show::MakeNhrpShortcuts(rows);
  show::Document d = show::MakeNhrp(rows);
  if (q.Has("detail")) d.command = "ip nhrp detail";
  if (q.Has("brief")) d.command = "ip nhrp brief";
  return d;
}

show::Document Node::Views::NhrpTraffic(const Query&) const {
  std::map<uint32_t, show::NhrpTrafficRow> domains;
  for (const auto& [name, i] : n_.model_.interfaces)
    if (i.nhrp.network_id != 0) domains[i.nhrp.network_id].interfaces.push_back(name);
  std::vector<show::NhrpTrafficRow> rows;
  for (auto& [network, r] : domains) {
    r.network_id = network;
    if (const auto t = n_.nhrp_.traffic().find(network); t != n_.nhrp_.traffic().end()) {
      r.sent = t->second.sent;
      r.received = t->second.received;
      r.redirects_suppressed = t->second.redirects_suppressed;
    }
    rows.push_back(std::move(r));
  }
  return show::MakeNhrpTraffic(rows);
}

show::Document Node::Views::NhrpFlags(const Query&) const { return show::MakeNhrpFlags(); }

// FlexVPN registers with nobody: the server of a tunnel is the hub at its end, and it responds while the session is up.
show::Document Node::Views::Nhs(const Query& q) const {
  std::vector<show::NhsRow> rows;
  for (const auto& [name, tunnel] : n_.tunnels_) {
    const config::Interface* interface = n_.FindInterface(name);
    if (interface == nullptr || interface->nhrp.network_id == 0) continue;
    show::NhsRow r;
    r.interface = name;
    r.network_id = interface->nhrp.network_id;
    if (const auto hub = n_.HubOf(*interface)) r.nbma = *hub;
    const auto session = n_.sessions_.find(tunnel.session);
    if (session != n_.sessions_.end() && session->second.up) r.nbma = session->second.info.remote.address;
    if (const Peer* peer = session == n_.sessions_.end() ? nullptr : n_.FindPeer(session->second.peer)) {
      r.address = peer->remote_protocol.Of(q.family());
      r.responding = peer->up;
      r.identity = peer->identity;
      r.up_for = Since(session->second.created);
    }
    // Which families it serves is known from its addresses.
    if (!r.address.empty() || q.family() == net::Family::kIpv4) rows.push_back(std::move(r));
  }
  return show::MakeNhs(rows, q.Has("detail"));
}

// No next hop of ours stands for a group: what is sent to one finds no peer.
show::Document Node::Views::NhrpMulticast(const Query&) const {
  std::vector<show::NhrpMulticastRow> rows;
  for (const auto& [id, peer] : n_.peers_) {
    const config::Interface* i = n_.FindInterface(peer.config_interface);
    if (i != nullptr && i->nhrp.network_id != 0) rows.push_back({peer.interface, i->nhrp.network_id, {}});
  }
  return show::MakeNhrpMulticast(rows);
}

show::Document Node::Views::Routes(const Query& q) const { return show::MakeRoutes(RouteRows(q.family())); }

}  // namespace flexvpn::node
