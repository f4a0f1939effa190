// SPDX-License-Identifier: Apache-2.0
// show crypto ikev2 sa, session, stats, diagnose error, show crypto session, show crypto pki certificates.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "core/ike/stats.h"
#include "core/node/views.h"

namespace flexvpn::node {
namespace {

show::ExchangeRow RowOf(std::string name, const ike::ExchangeStats::Row& r) {
  return {std::move(name), r[0], r[1], r[2], r[3]};
}

}  // namespace

int64_t Node::Views::TimeAt(Instant then) const {
  const crypto::UnixTime now = n_.WallClock();
  return now == 0 ? 0 : now - WholeSeconds(n_.now_ - then);
}

show::Document Node::Views::IkeSas(const Query& q) const {
  std::vector<show::IkeSaRow> rows = n_.IkeRows(n_.ike_.List(n_.now_));
  if (const config::Arg* a = q.line.call.Find("A")) {
    const bool local = q.Has("local");
    std::erase_if(rows, [&](const auto& r) { return (local ? r.local : r.remote).address != a->address; });
  }
  return show::MakeIkeSas(std::move(rows), q.Has("detailed"));
}

show::Document Node::Views::IkeSessions(const Query& q) const {
  return show::MakeIkeSessions(n_.SessionRows(), q.Has("detailed"));
}

show::Document Node::Views::CryptoSessions(const Query& q) const {
  std::map<std::pair<uint32_t, uint32_t>, show::IpsecSaRow> flows;  // by the SPIs of a Child SA
  for (show::IpsecSaRow& r : IpsecRows(q.m)) flows.try_emplace({r.spi_in, r.spi_out}, std::move(r));
  std::vector<show::CryptoSessionRow> rows;
  for (show::IkeSessionRow& s : n_.SessionRows()) {
    show::CryptoSessionRow row;
    row.status = s.status;
    for (const show::SessionChildRow& c : s.children)
      if (auto it = flows.find({c.spi_in, c.spi_out}); it != flows.end()) row.flows.push_back(std::move(it->second));
    row.sa = std::move(s.sa);
    rows.push_back(std::move(row));
  }
  return show::MakeCryptoSessions(rows, q.Has("brief")    ? show::SessionForm::kBrief
                                        : q.Has("detail") ? show::SessionForm::kDetail
                                                          : show::SessionForm::kPlain);
}

show::Document Node::Views::IkeStats(const Query&) const {
  const Counters& c = n_.ike_.counters();
  const ike::ExchangeStats& stats = n_.ike_.stats();
  show::IkeStatsRow r;
  r.max_sas = n_.model_.ike.max_sa;
  r.max_negotiating_incoming = n_.model_.ike.max_negotiating_incoming;
  r.max_negotiating_outgoing = n_.model_.ike.max_negotiating_outgoing;
  for (const ike::SaInfo& sa : n_.ike_.List(n_.now_)) {
    const bool ours = sa.session.initiator, active = sa.state == "READY";
    ++(ours ? r.outgoing : r.incoming);
    if (active) ++(ours ? r.outgoing_active : r.incoming_active);
    if (sa.state == "IN-NEG") ++(ours ? r.outgoing_negotiating : r.incoming_negotiating);
    if (active && sa.session.ppk) ++r.ppk_sessions;
  }
  r.rejected_resources = c.Get("drop: too many half-open SAs") + c.Get("drop: too many half-open SAs of one source");
  r.rejected_limit = c.Get("drop: too many SAs");
  r.requests_in = stats.attempts().incoming + r.rejected_resources + r.rejected_limit;
  r.accepted_in = stats.attempts().incoming_up;
  r.rejected_in = stats.attempts().incoming_failed + r.rejected_resources + r.rejected_limit;
  r.requests_out = stats.attempts().outgoing;
  r.accepted_out = stats.attempts().outgoing_up;
  r.rejected_out = stats.attempts().outgoing_failed;
  for (const auto& [name, n] : c.all())
    if (absl::StartsWith(name, "drop: ")) r.dropped += n;
  r.cookies_demanded = c.Get("cookies demanded");
  r.cookies_accepted = c.Get("cookies accepted");
  r.cookies_refused = c.Get("cookies refused");
  return show::MakeIkeStats(r);
}

show::Document Node::Views::IkeExchanges(const Query&) const {
  const ike::ExchangeStats& stats = n_.ike_.stats();
  show::IkeExchangesRow out;
  for (const auto& [name, r] : stats.exchanges()) out.exchanges.push_back(RowOf(name, r));
  for (const auto& [type, r] : stats.notifies())
    (static_cast<uint16_t>(type) < ike::kFirstStatusNotify ? out.errors : out.notifies)
        .push_back(RowOf(ike::NotifyName(type), r));
  out.notifies.push_back(RowOf("DPD", stats.liveness()));
  for (const auto& [name, n] : stats.config()) out.config.push_back({name, n[0], n[1]});
  out.other = {{"NAT_INSIDE", stats.nat().inside}, {"NAT_OUTSIDE", stats.nat().outside}, {"NO_NAT", stats.nat().none}};
  return show::MakeIkeExchanges(out);
}

show::Document Node::Views::IkeErrors(const Query&) const {
  std::vector<show::IkeErrorRow> rows;
  for (const Failure& f : n_.failures_.values())
    rows.push_back({Since(f.at), TimeAt(f.at), f.remote, f.identity, f.profile, f.reason});
  return show::MakeIkeErrors(rows, n_.failures_.capacity(), n_.failures_.dropped());
}

show::Document Node::Views::IkePerformance(const Query&) const {
  const Performance& p = n_.performance_;
  const auto row = [](std::string name, const Spread& s) {
    return show::SpreadRow{std::move(name), s.samples, s.mean(), s.least, s.greatest};
  };
  const auto rate = [&](std::string name, const RateMeter& m) { return row(std::move(name), m.Read(n_.now_)); };
  show::PerformanceRow out;
  for (bool ours : {false, true}) {
    const Performance::Established& e = p.established(ours);
    std::vector<show::SpreadRow>& rows = ours ? out.egress : out.ingress;
    rows.push_back(rate("IKE Established", e.ike));
    rows.push_back(rate("IPSEC Child Established", e.ipsec_child));
    rows.push_back(rate("IKE Child Established", e.ike_child));
  }
  static constexpr const char* kPackets[] = {"Incoming IKE Packets", "-Init", "-Auth", "-Child", "-Info", "-Default"};
  for (size_t i = 0; i < Performance::kPacketKinds; ++i)
    out.packets.push_back(rate(kPackets[i], p.packets(static_cast<Performance::Packet>(i))));
  out.times = {row("Packet Queue[0]", p.queue()), row("Crypto jobs", p.jobs())};
  return show::MakePerformance(out);
}

show::Document Node::Views::Certificates(const Query&) const {
  return show::MakeCertificates(CertificateRows(n_.pki_, n_.WallClock()));
}

}  // namespace flexvpn::node
