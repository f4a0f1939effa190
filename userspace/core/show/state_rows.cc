// SPDX-License-Identifier: Apache-2.0
#include "core/show/state_rows.h"

#include <utility>

#include "core/show/json.h"

namespace flexvpn::show {
namespace {

Json TimeOrNull(int64_t time) { return time == 0 ? Json(nullptr) : Json(time); }

Json Exchanges(const std::vector<ExchangeRow>& rows) {
  Json out = Json::array();
  for (const ExchangeRow& r : rows) {
    Json j;
    j["name"] = Printable(r.name);
    j["sent_requests"] = r.sent_requests;
    j["sent_responses"] = r.sent_responses;
    j["received_requests"] = r.received_requests;
    j["received_responses"] = r.received_responses;
    out.push_back(std::move(j));
  }
  return out;
}

constexpr const char* kNhrpTypes[] = {"",
                                      "resolution_request",
                                      "resolution_reply",
                                      "registration_request",
                                      "registration_reply",
                                      "purge_request",
                                      "purge_reply",
                                      "error_indication",
                                      "traffic_indication"};

Json Counts(const NhrpCounts& counts) {
  Json j = Json::object();
  uint64_t total = 0;
  for (size_t i = 1; i < counts.size(); ++i) total += counts[i];
  j["total"] = total;
  for (size_t i = 1; i < counts.size(); ++i) j[kNhrpTypes[i]] = counts[i];
  return j;
}

const char* Name(SessionForm form) {
  switch (form) {
    case SessionForm::kBrief: return "crypto session brief";
    case SessionForm::kDetail: return "crypto session detail";
    case SessionForm::kPlain: break;
  }
  return "crypto session";
}

struct Meaning {
  const char* word;
  const char* meaning;
};
constexpr Meaning kNhrpFlags[] = {
    {"authoritative", "from the router that owns the network, not from a cache on the way"},
    {"implicit", "learned from a packet of the peer (its request or reply), not asked for"},
    {"local", "a network of this router that was given to the requesters; they are told when it goes"},
    {"negative", "nobody answered for it, or it was refused: not asked for again until it expires"},
    {"nho", "next-hop override: a route of the same prefix exists, the shortcut goes before it"},
    {"no-socket", "there is no tunnel of its own to it and none is begun"},
    {"nhop", "the next hop of other entries"},
    {"rib", "a shortcut route (H) is installed"},
    {"router", "the address of the answering router, or a network behind it"},
    {"unique", "the answering router has said that nobody else has this address"},
    {"used", "the tunnel it leads to carried packets between the last two looks"},
};
constexpr Meaning kNhrpTypeWords[] = {
    {"dynamic", "learned from NHRP; expires unless it is used"},
    {"incomplete", "asked for, not answered yet"},
    {"negative", "asked for in vain"},
    {"static", "configured"},
};

}  // namespace

Document MakeCryptoSessions(const std::vector<CryptoSessionRow>& rows, SessionForm form) {
  Json list = Json::array();
  for (const CryptoSessionRow& r : rows) {
    Json j;
    j["status"] = Printable(r.status);
    j["ike_sa"] = ToJson(r.sa);
    j["flows"] = std::move(MakeIpsecSas(r.flows).data["ipsec_sas"]);
    list.push_back(std::move(j));
  }
  return Make(Name(form), "crypto_sessions", std::move(list));
}

Document MakeIkeStats(const IkeStatsRow& r) {
  Json j;
  j["max_sas"] = r.max_sas;
  j["max_negotiating_incoming"] = r.max_negotiating_incoming;
  j["max_negotiating_outgoing"] = r.max_negotiating_outgoing;
  j["incoming_sas"] = r.incoming;
  j["incoming_active"] = r.incoming_active;
  j["incoming_negotiating"] = r.incoming_negotiating;
  j["outgoing_sas"] = r.outgoing;
  j["outgoing_active"] = r.outgoing_active;
  j["outgoing_negotiating"] = r.outgoing_negotiating;
  j["incoming_requests"] = r.requests_in;
  j["incoming_accepted"] = r.accepted_in;
  j["incoming_rejected"] = r.rejected_in;
  j["outgoing_requests"] = r.requests_out;
  j["outgoing_accepted"] = r.accepted_out;
  j["outgoing_rejected"] = r.rejected_out;
  j["rejected_resources"] = r.rejected_resources;
  j["rejected_limit"] = r.rejected_limit;
  j["dropped"] = r.dropped;
  j["cookies_demanded"] = r.cookies_demanded;
  j["cookies_accepted"] = r.cookies_accepted;
  j["cookies_refused"] = r.cookies_refused;
  j["ppk_sessions"] = r.ppk_sessions;
  return Make("crypto ikev2 stats", "ike_stats", std::move(j));
}

Document MakeIkeExchanges(const IkeExchangesRow& r) {
  Document d{"crypto ikev2 stats exchange", Json::object()};
  d.data["exchanges"] = Exchanges(r.exchanges);
  d.data["error_notifies"] = Exchanges(r.errors);
  d.data["other_notifies"] = Exchanges(r.notifies);
  Json& config = d.data["config_payloads"] = Json::array();
  for (const ConfigPayloadRow& c : r.config) {
    Json j;
    j["name"] = Printable(c.name);
    j["sent"] = c.sent;
    j["received"] = c.received;
    config.push_back(std::move(j));
  }
  Json& other = d.data["other_counters"] = Json::array();
  for (const OtherCountRow& o : r.other) {
    Json j;
    j["name"] = Printable(o.name);
    j["count"] = o.count;
    other.push_back(std::move(j));
  }
  return d;
}

Document MakeIkeErrors(const std::vector<IkeErrorRow>& rows, uint64_t capacity, uint64_t dropped) {
  Json list = Json::array();
  for (const IkeErrorRow& r : rows) {
    Json j;
    j["age_seconds"] = r.ago.count();
    j["time"] = TimeOrNull(r.time);
    j["remote_address"] = AddressOrNull(r.remote.address);
    j["remote_port"] = r.remote.port;
    j["remote_id"] = TextOrNull(r.identity);
    j["profile"] = TextOrNull(r.profile);
    j["reason"] = Printable(r.reason);
    list.push_back(std::move(j));
  }
  Document d = Make("crypto ikev2 diagnose error", "errors", std::move(list));
  d.data["capacity"] = capacity;
  d.data["dropped"] = dropped;
  return d;
}

Document MakeNhrpTraffic(const std::vector<NhrpTrafficRow>& rows) {
  Json list = Json::array();
  for (const NhrpTrafficRow& r : rows) {
    Json j;
    j["network_id"] = r.network_id;
    j["interfaces"] = Texts(r.interfaces);
    j["sent"] = Counts(r.sent);
    j["received"] = Counts(r.received);
    j["redirects_suppressed"] = r.redirects_suppressed;
    list.push_back(std::move(j));
  }
  return Make("ip nhrp traffic", "nhrp_traffic", std::move(list));
}

Document MakeNhs(const std::vector<NhsRow>& rows, bool detail) {
  Json list = Json::array();
  for (const NhsRow& r : rows) {
    Json j;
    j["interface"] = Printable(r.interface);
    j["network_id"] = r.network_id;
    j["address"] = r.address.empty() ? Json(nullptr) : Json(r.address.ToString());
    j["nbma_address"] = r.nbma.empty() ? Json(nullptr) : Json(r.nbma.ToString());
    j["status"] = r.responding ? "responding" : "waiting";
    j["remote_id"] = TextOrNull(r.identity);
    j["up_seconds"] = r.responding ? Json(r.up_for.count()) : Json(nullptr);
    list.push_back(std::move(j));
  }
  return Make(detail ? "ip nhrp nhs detail" : "ip nhrp nhs", "nhs", std::move(list));
}

Document MakeNhrpMulticast(const std::vector<NhrpMulticastRow>& rows) {
  Json list = Json::array();
  for (const NhrpMulticastRow& r : rows) {
    Json j;
    j["interface"] = Printable(r.interface);
    j["network_id"] = r.network_id;
    j["nbma_address"] = AddressOrNull(r.nbma);
    list.push_back(std::move(j));
  }
  return Make("ip nhrp multicast", "nhrp_multicast", std::move(list));
}

Document MakeNhrpFlags() {
  Document d{"ip nhrp flags", Json::object()};
  const auto put = [&](const char* key, const auto& words) {
    Json& list = d.data[key] = Json::array();
    for (const Meaning& f : words) list.push_back(Json{{"word", f.word}, {"meaning", f.meaning}});
  };
  put("types", kNhrpTypeWords);
  put("flags", kNhrpFlags);
  return d;
}

Document MakeInterface(const InterfaceRow& r) {
  Json j;
  j["name"] = Printable(r.name);
  j["cloned_from"] = TextOrNull(r.cloned_from);
  j["device"] = TextOrNull(r.device);
  j["description"] = TextOrNull(r.description);
  j["administratively_down"] = r.administratively_down;
  j["up"] = r.up;
  j["up_seconds"] = r.up_for.count();
  j["address"] = AddressOrNull(r.address);
  j["prefix_length"] = r.prefix_length;
  j["address_owner"] = TextOrNull(r.address_owner);
  j["source"] = AddressOrNull(r.source);
  j["destination"] = AddressOrNull(r.destination);
  j["underlay"] = r.ipv6_underlay ? "ipv6" : "ipv4";
  j["gre_key"] = r.key ? Json(*r.key) : Json(nullptr);
  j["ip_mtu"] = r.mtu;
  j["ipsec_profile"] = TextOrNull(r.ipsec_profile);
  j["remote_id"] = TextOrNull(r.remote_identity);
  j["packets_in"] = r.packets_in;
  j["bytes_in"] = r.bytes_in;
  j["packets_out"] = r.packets_out;
  j["bytes_out"] = r.bytes_out;
  return Make("interfaces", "interface_state", std::move(j));
}

Document MakeDerivedConfig(const DerivedConfigRow& r) {
  Document d{"derived-config", Json::object()};
  d.data["interface"] = Printable(r.interface);
  d.data["cloned_from"] = TextOrNull(r.cloned_from);
  d.data["config"] = r.config;
  return d;
}

Document MakeReconcile(const ReconcileRow& r) {
  Json kinds = Json::array();
  for (const ReconcileRow::Kind& k : r.kinds) {
    Json j;
    j["kind"] = Printable(k.kind);
    j["wanted"] = k.wanted;
    j["present"] = k.present;
    j["orphans"] = k.orphans;
    kinds.push_back(std::move(j));
  }
  Document d = Make("dataplane reconcile", "objects", std::move(kinds));
  d.data["changes_applied"] = r.changes_applied;
  d.data["changes_refused"] = r.changes_refused;
  d.data["changes_under_way"] = r.changes_under_way;
  d.data["lingering"] = r.lingering;
  d.data["orphans_removed_in_seconds"] = r.orphans_removed_in ? Json(r.orphans_removed_in->count()) : Json(nullptr);
  d.data["last_refusal"] = TextOrNull(r.last_refusal);
  d.data["last_refusal_age_seconds"] = r.last_refusal.empty() ? Json(nullptr) : Json(r.last_refusal_ago.count());
  return d;
}

Document MakeLogging(const std::vector<LogRow>& rows, uint64_t capacity, uint64_t dropped) {
  Json list = Json::array();
  for (const LogRow& r : rows) {
    Json j;
    j["age_seconds"] = r.ago.count();
    j["time"] = TimeOrNull(r.time);
    j["level"] = Printable(r.level);
    j["text"] = Printable(r.text);
    list.push_back(std::move(j));
  }
  Document d = Make("logging", "log", std::move(list));
  d.data["capacity"] = capacity;
  d.data["dropped"] = dropped;
  return d;
}

Document MakeDebugging(const std::vector<DebugRow>& rows) {
  Json list = Json::array();
  for (const DebugRow& r : rows) {
    Json j;
    j["session"] = r.session;
    j["own"] = r.own;
    j["debugging"] = Json(r.kinds);
    j["peers"] = Json::array();
    for (const net::IpAddress& a : r.peers) j["peers"].push_back(a.ToString());
    j["profiles"] = Json::array();
    for (const std::string& p : r.profiles) j["profiles"].push_back(Printable(p));
    j["unmatched"] = r.unmatched;
    list.push_back(std::move(j));
  }
  return Make("debugging", "sessions", std::move(list));
}

Document MakePerformance(const PerformanceRow& row) {
  const auto list = [](const std::vector<SpreadRow>& rows) {
    Json out = Json::array();
    for (const SpreadRow& r : rows)
      out.push_back({{"name", r.name}, {"samples", r.samples}, {"average", r.mean}, {"minimum", r.least},
                     {"maximum", r.greatest}});
    return out;
  };
  Json j;
  j["ingress_per_second"] = list(row.ingress);
  j["egress_per_second"] = list(row.egress);
  j["packets_per_second"] = list(row.packets);
  j["milliseconds"] = list(row.times);
  return Make("crypto ikev2 performance", "performance", std::move(j));
}

Document MakeTechSupport(std::vector<TechSection> sections) {
  Json list = Json::array();
  for (TechSection& s : sections) {
    Json j;
    j["command"] = Printable(s.words);
    j["text"] = RenderText(s.document);
    j["data"] = Data(s.document);
    list.push_back(std::move(j));
  }
  return Make("tech-support", "sections", std::move(list));
}

}  // namespace flexvpn::show
