// SPDX-License-Identifier: Apache-2.0
// Commands of the shell: show, clear, rekey.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/config/exec.h"
#include "core/ike/proposal.h"
#include "core/node/authorization.h"
#include "core/node/node.h"

namespace flexvpn::node {
namespace {

std::vector<std::string> Words(absl::string_view line) {
  std::vector<std::string> words;
  for (absl::string_view w : absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty())) words.emplace_back(w);
  return words;
}

show::Document MakeInputError(const config::ExecError& e) {
  return show::MakeInputError({e.message, e.input, e.column, e.hint});
}

}  // namespace

void Node::OnCommand(const Command& command) {
  const config::ExecLine line = config::ParseExec(command.line);
  const auto refuse = [&](show::Document why) { out_->push_back(Reply{command.id, false, std::move(why)}); };
  if (line.command == nullptr) return refuse(MakeInputError(line.error));
  if (line.command->place == config::Place::kShell)
    return refuse(show::MakeError(absl::StrCat("'", line.words, "' is a command of the shell, not of the daemon")));
  if (line.command->privileged && !command.privileged)
    return refuse(show::MakeError(absl::StrCat("permission denied: '", line.words, "' needs root")));
  const Command full{command.id, line.words, command.privileged};
  if (!line.command->measures) return Answer(full, {});
  const uint64_t token = next_token_++;
  measuring_[token] = {Purpose::kCommand, full};
  out_->push_back(Measure{token});
}

void Node::Answer(const Command& command, const Measurements& m) {
  const std::vector<std::string> words = Words(command.line);
  if (words[0] == "show") {
    out_->push_back(Reply{command.id, true, Show(command.line.substr(5), m, command.privileged)});
    return;
  }
  const std::string message = Clear(words);
  const bool ok = !absl::StartsWith(message, "no ");
  out_->push_back(Reply{command.id, ok, ok ? show::MakeMessage(message) : show::MakeError(message)});
}

std::string Node::Clear(const std::vector<std::string>& words) {
  if (absl::StartsWith(absl::StrJoin(words, " "), "clear ip nhrp")) {
    Nhrp([&](auto& nhrp, auto& a) { nhrp.Clear(now_, a); });
    return "NHRP cache cleared";
  }
  size_t n = 0;
  if (words[0] == "rekey" && words[2] == "ipsec") {
    std::vector<ike::ChildId> ids;
    for (const auto& [id, child] : children_)
      if (child.in && child.out) ids.push_back(id);
    for (ike::ChildId id : ids) Ike([&](auto& ike, auto& a) { ike.RekeyChild(id, now_, a); });
    return absl::StrCat(ids.size(), " Child SAs are being rekeyed");
  }
  std::optional<net::IpAddress> remote;
  if (words.size() == 6 && !(remote = net::IpAddress::Parse(words[5])))
    return absl::StrCat("no address: ", words[5]);
  std::vector<ike::IkeSaId> ids;
  for (const auto& [id, session] : sessions_)
    if (!remote || session.info.remote.address == *remote) ids.push_back(id);
  for (ike::IkeSaId id : ids) {
    if (words[0] == "rekey")
      Ike([&](auto& ike, auto& a) { ike.RekeyIke(id, now_, a); });
    else
      Terminate(id, "cleared by the administrator");
    ++n;
  }
  return absl::StrCat(n, words[0] == "rekey" ? " IKE SAs are being rekeyed" : " IKE SAs cleared");
}

std::string Node::KeyLogWarning() const {
  return absl::StrCat("THE KEYS OF ALL IKE SAs ARE WRITTEN TO ", model_.ike.key_log,
                      " (debug crypto ikev2 keylog): who reads it can read the traffic");
}

show::Document Node::Show(const std::string& what, const Measurements& m, bool secrets) const {
  show::Document document = ShowOf(what, m, secrets);
  // A configuration must stay one; it has the line itself.
  if (!model_.ike.key_log.empty() && !absl::StartsWith(what, "running-config"))
    show::AddWarning(document, KeyLogWarning());
  return document;
}

show::Document Node::ShowOf(const std::string& what, const Measurements& m, bool secrets) const {
  if (what == "crypto ikev2 sa") return show::MakeIkeSas(IkeRows(), false);
  if (what == "crypto ikev2 sa detailed") return show::MakeIkeSas(IkeRows(), true);
  if (what == "crypto ikev2 session") return show::MakeIkeSessions(SessionRows(), false);
  if (what == "crypto ikev2 session detailed") return show::MakeIkeSessions(SessionRows(), true);
  if (what == "crypto ipsec sa") return show::MakeIpsecSas(IpsecRows(m));
  if (what == "crypto pki certificates") return show::MakeCertificates(CertificateRows(pki_, WallClock()));
  if (what == "ip nhrp") return show::MakeNhrp(NhrpRows());
  if (what == "ip nhrp shortcut") return show::MakeNhrpShortcuts(NhrpRows());
  if (what == "ip route flexvpn") return show::MakeRoutes(RouteRows());
  if (what == "dataplane peers") return show::MakePeers(PeerRows(m));
  if (what == "dataplane sas") return show::MakeKernelSas(KernelSaRows(m));
  if (what == "dataplane drops") return show::MakeDrops(DropRows(m));
  if (what == "dataplane offload") return show::MakeOffload(OffloadRows(m));
  if (what == "dataplane devices") return show::MakeDevices(m.devices);
  if (what == "dataplane")
    return show::MakeDataplane(m.devices, PeerRows(m), KernelSaRows(m), OffloadRows(m), DropRows(m));
  if (what == "running-config") return show::MakeRunningConfig(config::Render(model_, false, secrets));
  if (what == "running-config all") return show::MakeRunningConfig(config::Render(model_, true, secrets));
  show::VersionInfo v;
  v.version = FLEXVPN_VERSION;
  v.instance = options_.instance;
  v.hostname = model_.hostname;
  v.compiler = __VERSION__;
  v.uptime = seconds(WholeSeconds(now_ - started_));
  return show::MakeVersion(v);
}

std::vector<show::IkeSaRow> Node::IkeRows() const {
  std::vector<show::IkeSaRow> rows;
  uint32_t n = 0;
  for (const ike::SaInfo& sa : ike_.List(now_)) {
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
    r.children = static_cast<uint32_t>(sa.children.size());
    if (auto it = sessions_.find(s.id); it != sessions_.end()) {
      const Peer* peer = FindPeer(it->second.peer);
      r.interface = peer != nullptr ? peer->interface : it->second.config_interface;
      r.assigned_address = it->second.assigned;
      r.pushed_address = it->second.pushed;
      r.remote_subnets = it->second.remote_prefixes;
      r.configuration = it->second.configuration;
    }
    static const std::vector<std::string> kNone;
    for (const std::string& v : s.vendor_ids ? *s.vendor_ids : kNone) {
      if (absl::StrContains(v, "strongSwan")) r.peer_type = "strongSwan";
      if (absl::StrContains(v, "FLEXVPN-FOR-LINUX")) r.peer_type = "flexvpn";
      if (v == "CISCO-DYNAMIC-ROUTE") r.dynamic_route = true;
      if (absl::StrContains(v, "CISCO-DELETE-REASON") && r.peer_type.empty()) r.peer_type = "IOS-XE";
    }
    rows.push_back(std::move(r));
  }
  return rows;
}

std::vector<show::IkeSessionRow> Node::SessionRows() const {
  std::vector<show::IkeSessionRow> rows;
  const std::vector<show::IkeSaRow> sas = IkeRows();
  size_t i = 0;
  for (const ike::SaInfo& sa : ike_.List(now_)) {
    show::IkeSessionRow row;
    row.sa = sas[i++];
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

std::vector<show::IpsecSaRow> Node::IpsecRows(const Measurements& m) const {
  std::vector<show::IpsecSaRow> rows;
  auto counter = [&](uint32_t spi, bool inbound) -> const SaCounter* {
    for (const SaCounter& c : m.sas)
      if (c.spi == spi && c.inbound == inbound) return &c;
    return nullptr;
  };
  for (const auto& [id, child] : children_) {
    const Peer* peer = FindPeer(child.peer);
    if (peer == nullptr) continue;
    show::IpsecSaRow r;
    r.interface = peer->interface;
    const config::Interface* i = FindInterface(peer->config_interface);
    if (i != nullptr) {
      r.ipsec_profile = i->ipsec_profile;
      r.underlay_interface = i->source_interface;
      if (const config::IkeProfile* p = ProfileOf(*i)) r.ike_profile = p->name;
      if (auto p = model_.ipsec_profiles.find(i->ipsec_profile); p != model_.ipsec_profiles.end()) {
        constexpr const char* kNames[] = {"off", "auto", "crypto", "packet"};
        r.offload_wanted = kNames[static_cast<size_t>(p->second.offload)];
        r.pfs_group = p->second.pfs_group;
      }
      r.ip_mtu = i->mtu != 0 ? i->mtu : 1400;
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
    r.udp_encap = child.sa.udp_encap;
    r.initiator = child.sa.initiator;
    r.replay_window = child.sa.replay_window;
    r.remaining = std::max(seconds(0), child.sa.lifetime - seconds(WholeSeconds(now_ - child.created)));
    if (const SaCounter* c = counter(r.spi_in, true)) {
      r.packets_in = c->packets;
      r.bytes_in = c->bytes;
      r.receive_errors = c->integrity_failures + c->replay_failures;
    }
    if (const SaCounter* c = counter(r.spi_out, false)) {
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

std::vector<show::NhrpRow> Node::NhrpRows() const {
  std::vector<show::NhrpRow> rows;
  for (const nhrp::CacheRow& c : nhrp_.Rows(now_)) {
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
    if (const Peer* peer = FindPeer(c.peer))
      if (const config::Interface* i = FindInterface(peer->config_interface)) r.network_id = i->nhrp.network_id;
    rows.push_back(std::move(r));
  }
  return rows;
}

std::vector<show::RouteRow> Node::RouteRows() const {
  std::vector<show::RouteRow> rows;
  for (const auto& [key, object] : want_.all()) {
    if (const auto* a = std::get_if<dataplane::Address>(&object)) {
      show::RouteRow r;
      r.code = 'L';
      r.prefix = net::Prefix::Host(a->address);
      r.interface = r.device = a->device;
      rows.push_back(std::move(r));
      continue;
    }
    const auto* route = std::get_if<dataplane::Route>(&object);
    if (route == nullptr || route->metric == dataplane::kFallbackRouteMetric) continue;
    show::RouteRow r;
    r.shortcut = route->metric == dataplane::kShortcutRouteMetric;
    r.code = r.shortcut ? 'H' : 'S';
    r.prefix = route->prefix;
    r.next_hop = route->next_hop;
    r.device = route->device;
    auto owner = owner_.find(key);
    if (owner != owner_.end())
      if (const Peer* peer = FindPeer(owner->second)) r.interface = peer->interface;
    r.distance = r.shortcut ? 250 : 2;
    r.metric = r.shortcut ? 1 : 0;
    r.linux_metric = route->metric;
    r.tag = r.shortcut ? 0 : 1;
    r.next_hop_override = !r.shortcut && shortcuts_.contains(route->prefix);
    if (auto since = route_since_.find(route->prefix); since != route_since_.end())
      r.age = seconds(WholeSeconds(now_ - since->second));
    rows.push_back(std::move(r));
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::tie(a.prefix, a.linux_metric) < std::tie(b.prefix, b.linux_metric);
  });
  return rows;
}

std::vector<show::PeerRow> Node::PeerRows(const Measurements& m) const {
  std::vector<show::PeerRow> rows;
  for (const auto& [id, p] : peers_) {
    show::PeerRow r;
    r.peer_id = id.value();
    r.interface = p.interface;
    if (const config::Interface* i = FindInterface(p.config_interface)) {
      r.device = DeviceFor(*i);
      r.gre_key = i->key;
      r.network_id = i->nhrp.network_id;
      r.redirect = i->nhrp.redirect;
    }
    r.local = p.local;
    r.remote = p.remote;
    r.overlay = {NextHopOf(p)};
    for (const PeerCounter& c : m.peers)
      if (c.peer == id) {
        r.packets_in = c.packets_in;
        r.bytes_in = c.bytes_in;
        r.packets_out = c.packets_out;
        r.bytes_out = c.bytes_out;
      }
    rows.push_back(std::move(r));
  }
  return rows;
}

std::vector<show::KernelSaRow> Node::KernelSaRows(const Measurements& m) const {
  std::vector<show::KernelSaRow> rows;
  for (const auto& [key, object] : want_.all()) {
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
    for (const SaCounter& c : m.sas)
      if (c.spi == r.spi && c.inbound == r.inbound) {
        r.in_kernel = true;
        r.packets = c.packets;
        r.bytes = c.bytes;
        r.integrity_failures = c.integrity_failures;
        r.replay_failures = c.replay_failures;
        r.offload = c.offload;
      }
    rows.push_back(std::move(r));
  }
  return rows;
}

std::vector<show::OffloadRow> Node::OffloadRows(const Measurements& m) const {
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

std::vector<show::DropRow> Node::DropRows(const Measurements& m) const {
  std::vector<show::DropRow> rows = m.drops;
  for (const auto& [name, value] : ike_.counters().all()) rows.push_back({"ike", name, value, ""});
  for (const auto& [name, value] : nhrp_.counters().all()) rows.push_back({"nhrp", name, value, ""});
  return rows;
}

}  // namespace flexvpn::node
