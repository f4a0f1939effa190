// SPDX-License-Identifier: Apache-2.0
// show crypto ikev2 stats [exchange], show crypto ikev2 diagnose error, show ip nhrp traffic, show ip nhrp flags.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/show/text.h"

namespace flexvpn::show {
namespace {

std::string ExchangeLines(const Json& list) {
  std::string out;
  for (const Json& r : list)
    absl::StrAppend(&out, absl::StrFormat("%-32s %11d %11d %11d %11d\n", Str(r, "name"), Uint(r, "sent_requests"),
                                          Uint(r, "sent_responses"), Uint(r, "received_requests"),
                                          Uint(r, "received_responses")));
  return out;
}

std::string Packets(const Json& counts, uint64_t suppressed) {
  const auto n = [&](const char* key) { return Uint(counts, key); };
  return absl::StrCat("Total ", n("total"), "\n         ", n("resolution_request"), " Resolution Request  ",
                      n("resolution_reply"), " Resolution Reply  ", n("registration_request"),
                      " Registration Request\n         ", n("registration_reply"), " Registration Reply  ",
                      n("purge_request"), " Purge Request  ", n("purge_reply"), " Purge Reply\n         ",
                      n("error_indication"), " Error Indication  ", n("traffic_indication"), " Traffic Indication  ",
                      suppressed, " Redirect Suppress\n");
}

}  // namespace

std::string TextIkeStats(const Json& data) {
  const Json& r = Member(data, "ike_stats");
  const auto n = [&](const char* key) { return absl::StrCat(Uint(r, key)); };
  const auto pad = [&](const char* key) { return absl::StrFormat("%-8d", Uint(r, key)); };
  const std::string rule(80, '-');
  std::string out = absl::StrCat(rule, "\n                          Crypto IKEv2 SA Statistics\n", rule, "\n");
  absl::StrAppend(&out, "System Resource Limit:   0        Max IKEv2 SAs: ", pad("max_sas"), " Max in nego(in/out): ",
                  n("max_negotiating_incoming"), "/", n("max_negotiating_outgoing"), "\nTotal incoming IKEv2 SA Count:    ", pad("incoming_sas"),
                  " active:        ", pad("incoming_active"), " negotiating: ", n("incoming_negotiating"),
                  "\nTotal outgoing IKEv2 SA Count:    ", pad("outgoing_sas"), " active:        ",
                  pad("outgoing_active"), " negotiating: ", n("outgoing_negotiating"), "\n");
  absl::StrAppend(&out, "Incoming IKEv2 Requests: ", pad("incoming_requests"), " accepted:      ",
                  pad("incoming_accepted"), " rejected:    ", n("incoming_rejected"), "\nOutgoing IKEv2 Requests: ",
                  pad("outgoing_requests"), " accepted:      ", pad("outgoing_accepted"), " rejected:    ",
                  n("outgoing_rejected"), "\nRejected IKEv2 Requests: ", pad("incoming_rejected"),
                  " rsrc low:      ", pad("rejected_resources"), " SA limit:    ", n("rejected_limit"), "\n");
  absl::StrAppend(&out, "IKEv2 packets dropped at dispatch: ", n("dropped"),
                  "\nIncoming IKEV2 Cookie Challenged Requests: ", n("cookies_demanded"), "\n    accepted: ",
                  pad("cookies_accepted"), " rejected: ", n("cookies_refused"),
                  "\nSessions with Quantum Resistance: ", pad("ppk_sessions"), " Manual: ", pad("ppk_sessions"),
                  " Dynamic: 0\n");
  return out;
}

std::string TextIkeExchanges(const Json& data) {
  std::string out = absl::StrFormat("%-32s %11s %11s %11s %11s\n", "EXCHANGE/NOTIFY", "TX(REQ)", "TX(RES)", "RX(REQ)",
                                    "RX(RES)");
  absl::StrAppend(&out, "\nEXCHANGES\n\n", ExchangeLines(List(data, "exchanges")), "\nERROR NOTIFY\n\n",
                  ExchangeLines(List(data, "error_notifies")), "\nOTHER NOTIFY\n\n",
                  ExchangeLines(List(data, "other_notifies")), "\n\n",
                  absl::StrFormat("%-32s %11s %11s\n\n", "CONFIG PAYLOAD TYPE", "TX", "RX"));
  for (const Json& r : List(data, "config_payloads"))
    absl::StrAppend(&out, absl::StrFormat("%-32s %11d %11d\n", Str(r, "name"), Uint(r, "sent"), Uint(r, "received")));
  out += "\n\nOTHER COUNTERS\n\n";
  for (const Json& r : List(data, "other_counters"))
    absl::StrAppend(&out, absl::StrFormat("%-32s %11d\n", Str(r, "name"), Uint(r, "count")));
  return out;
}

std::string TextIkeErrors(const Json& data) {
  const Json& errors = List(data, "errors");
  std::string out = absl::StrCat("Exit Path Table - status: enable, current entry ", errors.size(), ", deleted ",
                                 Uint(data, "dropped"), ", max allow ", Uint(data, "capacity"), "\n\n");
  int n = 0;
  for (const Json& e : errors) {
    absl::StrAppend(&out, "Error(", ++n, "): ", Str(e, "reason"), "\n  ", FormatTime(e));
    if (Has(e, "remote_address"))
      absl::StrAppend(&out, ", peer ", Str(e, "remote_address"), "/", Int(e, "remote_port"));
    if (Has(e, "remote_id")) absl::StrAppend(&out, ", id ", Str(e, "remote_id"));
    if (Has(e, "profile")) absl::StrAppend(&out, ", profile ", Str(e, "profile"));
    out += "\n";
  }
  return out;
}

// IOS shows the load of the CPU beside the rates of IKE SAs; we do not measure it.
std::string TextPerformance(const Json& data) {
  const Json& p = Member(data, "performance");
  const auto lines = [&](const char* key) {
    std::string out;
    for (const Json& r : List(p, key))
      absl::StrAppend(&out, absl::StrFormat("%-23s %10d %10d %10d %10d\n", Str(r, "name"), Uint(r, "samples"),
                                            Uint(r, "average"), Uint(r, "minimum"), Uint(r, "maximum")));
    return out;
  };
  const auto head = [](const char* title, const char* average) {
    return absl::StrFormat("%-23s %10s %10s %10s %10s\n", title, "SampleSize", average, "min", "max");
  };
  return absl::StrCat("Crypto ISAKMP Performance Stats (tps):\n", head("Ingress:", "tps/avg"),
                      lines("ingress_per_second"), "\n", head("Egress:", "tps/avg"), lines("egress_per_second"),
                      "\nCrypto ISAKMP Packet Stats (pps):\n", head("", "avg"), lines("packets_per_second"),
                      "\nCrypto IKEv2 Packet Queue Stats (milliseconds):\n", head("", "avg"), lines("milliseconds"));
}

std::string TextNhrpTraffic(const Json& data) {
  std::string out;
  for (const Json& r : List(data, "nhrp_traffic"))
    absl::StrAppend(&out, Join(List(r, "interfaces"), ", "), ": Network-id: ", Uint(r, "network_id"),
                    ", Max-send limit:none\n   Sent: ",
                    Packets(Member(r, "sent"), Uint(r, "redirects_suppressed")), "   Rcvd: ",
                    Packets(Member(r, "received"), 0));
  return out;
}

std::string TextNhrpFlags(const Json& data) {
  std::string out;
  for (const auto& [key, title] : {std::pair("types", "Type"), std::pair("flags", "Flag")}) {
    Table t({title, "Meaning"});
    for (const Json& r : List(data, key)) t.Row({Str(r, "word"), Str(r, "meaning")});
    absl::StrAppend(&out, out.empty() ? "" : "\n", t.Text());
  }
  return out;
}

}  // namespace flexvpn::show
