// SPDX-License-Identifier: Apache-2.0
// show dataplane ….
#include <algorithm>

#include "core/node/views.h"

namespace flexvpn::node {

std::vector<show::PeerRow> Node::Views::PeerRows(const Measurements& m) const {
  std::vector<show::PeerRow> rows;
  absl::flat_hash_map<net::PeerId, const PeerCounter*> counters;
  for (const PeerCounter& c : m.peers) counters[c.peer] = &c;
  for (const auto& [id, p] : n_.peers_) {
    show::PeerRow r;
    r.peer_id = id.value();
    r.interface = p.interface;
    if (const config::Interface* i = n_.FindInterface(p.config_interface)) {
      r.device = n_.DeviceFor(*i);
      r.gre_key = i->key;
      r.network_id = i->nhrp.network_id;
      r.redirect = i->nhrp.redirect;
    }
    r.local = p.local;
    r.remote = p.remote;
    r.overlay = {n_.NextHopOf(p, net::Family::kIpv4)};
    if (const net::IpAddress& v6 = p.remote_protocol.v6(); !v6.empty()) r.overlay.push_back(v6);
    if (const auto c = counters.find(id); c != counters.end()) {
      r.packets_in = c->second->packets_in;
      r.bytes_in = c->second->bytes_in;
      r.packets_out = c->second->packets_out;
      r.bytes_out = c->second->bytes_out;
    }
    rows.push_back(std::move(r));
  }
  return rows;
}

std::vector<show::KernelSaRow> Node::Views::KernelSaRows(const Measurements& m) const {
  std::vector<show::KernelSaRow> rows;
  const SaCounterIndex counters(m);
  for (const auto& [key, object] : n_.want_.all()) {
    const auto* sa = std::get_if<dataplane::Sa>(&object);
    if (sa == nullptr) continue;
    show::KernelSaRow r;
    r.inbound = sa->direction == dataplane::Direction::kIn;
    r.spi = sa->spi;
    r.source = sa->source;
    r.destination = sa->destination;
    r.peer_id = sa->peer.value();
    r.encr = sa->encr;
    r.key_bits = sa->encr_key_bits;
    r.integ = sa->integ;
    r.transport = sa->mode == dataplane::Mode::kTransport;
    r.esn = sa->esn;
    r.replay_window = sa->replay_window;
    r.encap_source_port = sa->encap_source_port;
    r.encap_destination_port = sa->encap_destination_port;
    r.in_kernel = false;
    if (const SaCounter* c = counters.Find(r.spi, r.inbound)) {
      r.in_kernel = true;
      r.packets = c->packets;
      r.bytes = c->bytes;
      r.integrity_failures = c->integrity_failures;
      r.replay_failures = c->replay_failures;
      r.offload = c->offload;
    }
    rows.push_back(std::move(r));
  }
  return rows;
}

std::vector<show::OffloadRow> Node::Views::OffloadRows(const Measurements& m) const {
  std::vector<show::OffloadRow> rows;
  for (const show::IpsecSaRow& s : IpsecRows(m)) {
    auto same = std::find_if(rows.begin(), rows.end(), [&](const auto& r) {
      return r.profile == s.ipsec_profile && r.interface == s.interface && r.state == s.offload_state;
    });
    if (same != rows.end()) {
      ++same->sas;
      continue;
    }
    rows.push_back({s.ipsec_profile, s.interface, s.underlay_interface, s.offload_wanted, s.offload_state,
                    s.offload_reason, 1});
  }
  return rows;
}

std::vector<show::DropRow> Node::Views::DropRows(const Measurements& m) const {
  std::vector<show::DropRow> rows = m.drops;
  for (const auto& [name, value] : n_.ike_.counters().all()) rows.push_back({"ike", name, value, ""});
  for (const auto& [name, value] : n_.nhrp_.counters().all()) rows.push_back({"nhrp", name, value, ""});
  return rows;
}

show::Document Node::Views::Dataplane(const Query& q) const {
  if (q.Has("peers") || q.Has("bpf")) return show::MakePeers(PeerRows(q.m));
  if (q.Has("sas") || q.Has("xfrm")) return show::MakeKernelSas(KernelSaRows(q.m));
  if (q.Has("drops")) return show::MakeDrops(DropRows(q.m));
  if (q.Has("offload")) return show::MakeOffload(OffloadRows(q.m));
  if (q.Has("devices")) return show::MakeDevices(q.m.devices);
  return show::MakeDataplane(q.m.devices, PeerRows(q.m), KernelSaRows(q.m), OffloadRows(q.m), DropRows(q.m));
}

// `present` is what the node has handed to the kernel and the kernel has not refused; an orphan stands there without
// being wanted: it is of an earlier run, or lingers until packets on the way have come in.
show::Document Node::Views::Reconcile(const Query&) const {
  constexpr const char* kKinds[] = {"device", "block", "address", "rule", "sa", "policy", "peer", "next hop", "route"};
  static_assert(std::size(kKinds) == std::variant_size_v<dataplane::Object>);
  show::ReconcileRow r;
  for (const char* kind : kKinds) r.kinds.push_back({kind});
  for (const auto& [key, object] : n_.want_.all()) {
    ++r.kinds[object.index()].wanted;
    if (n_.kernel_.Find(key) != nullptr) ++r.kinds[object.index()].present;
  }
  for (const auto& [key, object] : n_.kernel_.all())
    if (n_.want_.Find(key) == nullptr) ++r.kinds[object.index()].orphans;
  r.changes_applied = n_.applied_;
  r.changes_under_way = n_.applying_.size();
  r.changes_refused = n_.refusals_.dropped() + n_.refusals_.values().size();
  r.lingering = n_.lingering_.size();
  if (n_.orphans_at_) r.orphans_removed_in = seconds(WholeSeconds(std::max(*n_.orphans_at_ - n_.now_, Duration(0))));
  if (!n_.refusals_.values().empty()) {
    const Refusal& last = n_.refusals_.values().back();
    r.last_refusal = last.what;
    r.last_refusal_ago = Since(last.at);
  }
  return show::MakeReconcile(r);
}

}  // namespace flexvpn::node
