// SPDX-License-Identifier: Apache-2.0
// show crypto ipsec sa.
#include <algorithm>

#include "core/config/render.h"
#include "core/node/views.h"

namespace flexvpn::node {

SaCounterIndex::SaCounterIndex(const Measurements& m) {
  for (const SaCounter& c : m.sas) by_spi_.try_emplace({c.spi, c.inbound}, &c);
}

const SaCounter* SaCounterIndex::Find(uint32_t spi, bool inbound) const {
  const auto it = by_spi_.find({spi, inbound});
  return it == by_spi_.end() ? nullptr : it->second;
}

std::vector<show::IpsecSaRow> Node::Views::IpsecRows(const Measurements& m) const {
  std::vector<show::IpsecSaRow> rows;
  const SaCounterIndex counters(m);
  for (const auto& [id, child] : n_.children_) {
    const Peer* peer = n_.FindPeer(child.peer);
    if (peer == nullptr) continue;
    show::IpsecSaRow r;
    r.interface = peer->interface;
    const config::Interface* i = n_.FindInterface(peer->config_interface);
    if (i != nullptr) {
      r.ipsec_profile = i->ipsec_profile;
      r.underlay_interface = i->source_dynamic ? n_.DeviceOf(child.sa.local) : i->source_interface;
      if (const config::IkeProfile* p = n_.ProfileOf(*i)) r.ike_profile = p->name;
      if (auto p = n_.model_.ipsec_profiles.find(i->ipsec_profile); p != n_.model_.ipsec_profiles.end()) {
        r.offload_wanted = config::OffloadWord(p->second.offload);
        r.pfs_group = p->second.pfs_group;
      }
      r.ip_mtu = i->mtu != 0 ? i->mtu : kDefaultTunnelMtu;
      r.plaintext_mtu = r.ip_mtu;
    }
    r.local = child.sa.local;
    r.remote = child.sa.remote;
    r.remote_port = child.sa.udp_encap ? child.sa.remote_port : 500;
    r.local_ident = net::Prefix::Host(child.sa.local);
    r.remote_ident = net::Prefix::Host(child.sa.remote);
    r.protocol = 47;
    r.spi_in = child.sa.spi_in.value();
    r.spi_out = child.sa.spi_out.value();
    r.encr = static_cast<uint16_t>(child.sa.suite.encr);
    r.key_bits = crypto::EncrKeyBits(child.sa.suite.encr, child.sa.suite.encr_key_bits);
    r.integ = static_cast<uint16_t>(child.sa.suite.integ);
    r.transport = child.sa.transport;
    r.esn = child.sa.suite.esn;
    const Peer* owner = n_.FindPeer(child.peer);
    r.tcp_encap = owner != nullptr && owner->in_tcp;
    r.udp_encap = child.sa.udp_encap && !r.tcp_encap;
    r.initiator = child.sa.initiator;
    r.replay_window = child.sa.replay_window;
    r.remaining = std::max(seconds(0), child.sa.lifetime - seconds(WholeSeconds(n_.now_ - child.created)));
    if (const SaCounter* c = counters.Find(r.spi_in, true)) {
      r.packets_in = c->packets;
      r.bytes_in = c->bytes;
      r.receive_errors = c->integrity_failures + c->replay_failures;
    }
    if (const SaCounter* c = counters.Find(r.spi_out, false)) {
      r.packets_out = c->packets;
      r.bytes_out = c->bytes;
      r.offload_state = c->offload;
      r.offload_reason = c->offload_reason;
    }
    if (const uint64_t limit = child.sa.hard_bytes; limit != 0)
      r.remaining_kilobytes = (limit - std::min(limit, std::max(r.bytes_in, r.bytes_out))) / 1024;
    rows.push_back(std::move(r));
  }
  return rows;
}

show::Document Node::Views::IpsecSas(const Query& q) const {
  std::vector<show::IpsecSaRow> rows = IpsecRows(q.m);
  if (const config::Arg* interface = q.line.call.Find("IF"))
    std::erase_if(rows, [&](const auto& r) { return r.interface != interface->text; });
  if (const config::Arg* peer = q.line.call.Find("A"))
    std::erase_if(rows, [&](const auto& r) { return r.remote != peer->address; });
  return show::MakeIpsecSas(rows);
}

}  // namespace flexvpn::node
