// SPDX-License-Identifier: Apache-2.0
// Rows of show crypto ikev2 sa, show crypto ikev2 session.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/ike/proposal.h"
#include "core/node/authorization.h"
#include "core/node/node.h"

namespace flexvpn::node {

std::vector<show::IkeSaRow> Node::IkeRows(const std::vector<ike::SaInfo>& sas) const {
  std::vector<show::IkeSaRow> rows;
  rows.reserve(sas.size());
  uint32_t n = 0;
  for (const ike::SaInfo& sa : sas) {
    const ike::SessionInfo& s = sa.session;
    show::IkeSaRow r;
    r.tunnel_id = r.session_id = s.id.value() != 0 ? static_cast<uint32_t>(s.id.value()) : ++n;
    r.profile = s.profile;
    r.local = s.local;
    r.remote = s.remote;
    r.fvrf = VrfName(s.local.vrf);
    r.status = sa.state;
    r.status_description = sa.state == "READY" ? "Negotiation done" : "Negotiating";
    r.initiator = s.initiator;
    r.local_spi = (s.initiator ? s.spi_i : s.spi_r).value();
    r.remote_spi = (s.initiator ? s.spi_r : s.spi_i).value();
    r.encr = static_cast<uint16_t>(s.suite.encr);
    r.key_bits = crypto::EncrKeyBits(s.suite.encr, s.suite.encr_key_bits);
    r.prf = static_cast<uint16_t>(s.suite.prf);
    r.integ = static_cast<uint16_t>(s.suite.integ);
    r.group = static_cast<uint16_t>(s.suite.ke);
    r.ppk = s.ppk;
    for (crypto::KeMethod m : ike::AdditionalMethods(s.suite)) r.additional.push_back(crypto::KeName(m));
    r.local_id = s.local_id.ToString();
    r.remote_id = s.remote_id.ToString();
    if (!s.auth_local.empty()) r.auth_local = std::string(s.auth_local);
    if (!s.auth_remote.empty()) r.auth_remote = std::string(s.auth_remote);
    if (s.remote_certificate != nullptr)
      r.remote_certificate = absl::StrCat(s.remote_certificate->subject, ", serial ", s.remote_certificate->serial,
                                          ", issued by ", s.remote_certificate->issuer);
    r.lifetime = seconds(WholeSeconds(sa.lifetime));
    r.active = seconds(WholeSeconds(sa.age));
    r.local_next_msg_id = r.local_queued = sa.local_request_id;
    r.remote_next_msg_id = r.remote_queued = sa.remote_request_id;
    r.local_window = sa.local_window;
    r.remote_window = sa.remote_window;
    r.dpd_interval = sa.dpd.interval;
    r.dpd_retry = sa.dpd.interval.count() != 0 ? sa.dpd.retry : seconds(0);
    r.nat_local = s.nat_local;
    r.nat_remote = s.nat_remote;
    r.fragmentation = s.fragmentation;
    r.mobike = s.mobike;
    r.dynamic_route = TakesRoutes(s);
    r.children = static_cast<uint32_t>(sa.children.size());
    r.ike_outdated = sa.outdated;
    r.child_outdated = std::any_of(sa.children.begin(), sa.children.end(), [](const ike::ChildInfo& c) { return c.outdated; });
    if (auto it = sessions_.find(s.id); it != sessions_.end()) {
      const Peer* peer = FindPeer(it->second.peer);
      r.interface = peer != nullptr ? peer->interface : it->second.config_interface;
      r.assigned_address = it->second.assigned;
      r.pushed_address = it->second.pushed;
      if (it->second.assigned6) r.assigned_ipv6_address = ClientAddress(*it->second.assigned6);
      r.pushed_ipv6_address = it->second.pushed6;
      r.remote_subnets = it->second.remote_prefixes;
      r.configuration = it->second.configuration;
      const config::AuthorizationPolicy* policy = AuthorizationOf(s);
      r.handout_outdated = policy != nullptr && !it->second.handout.empty() && it->second.handout != HandoutText(*policy);
      r.routes_outdated = it->second.routes_wait;
    }
    static const std::vector<std::string> kNone;
    for (const std::string& v : s.vendor_ids ? *s.vendor_ids : kNone) {
      if (absl::StrContains(v, "strongSwan")) r.peer_type = "strongSwan";
      if (absl::StrContains(v, "FLEXVPN-FOR-LINUX")) r.peer_type = "flexvpn";
      if (absl::StrContains(v, "CISCO-DELETE-REASON") && r.peer_type.empty()) r.peer_type = "IOS-XE";
    }
    rows.push_back(std::move(r));
  }
  return rows;
}

std::vector<show::IkeSessionRow> Node::SessionRows() const {
  std::vector<show::IkeSessionRow> rows;
  const std::vector<ike::SaInfo> infos = ike_.List(now_);
  std::vector<show::IkeSaRow> sas = IkeRows(infos);
  size_t i = 0;
  for (const ike::SaInfo& sa : infos) {
    show::IkeSessionRow row;
    row.sa = std::move(sas[i++]);
    row.status = sa.state == "READY" ? (sa.children.empty() ? "UP-IDLE" : "UP-ACTIVE") : "DOWN-NEGOTIATING";
    for (const ike::ChildInfo& c : sa.children) {
      show::SessionChildRow child;
      for (const auto* list : {&c.child.local_ts, &c.child.remote_ts})
        for (const ike::TrafficSelector& ts : *list)
          (list == &c.child.local_ts ? child.local : child.remote)
              .push_back({ts.start, ts.end, ts.start_port, ts.end_port, ts.protocol});
      child.spi_in = c.child.spi_in.value();
      child.spi_out = c.child.spi_out.value();
      child.encr = static_cast<uint16_t>(c.child.suite.encr);
      child.key_bits = crypto::EncrKeyBits(c.child.suite.encr, c.child.suite.encr_key_bits);
      child.integ = static_cast<uint16_t>(c.child.suite.integ);
      child.transport = c.child.transport;
      row.children.push_back(std::move(child));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace flexvpn::node
