// SPDX-License-Identifier: Apache-2.0
// Rows of the show commands about what happens and has happened: sessions, statistics, errors, interfaces, the log.  As
// in rows.h: the node fills them, the Make… functions give them their JSON form, the text layouts print that JSON.
#ifndef FLEXVPN_CORE_SHOW_STATE_ROWS_H_
#define FLEXVPN_CORE_SHOW_STATE_ROWS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/net/ip.h"
#include "core/show/document.h"
#include "core/show/rows.h"

namespace flexvpn::show {

// --- show crypto session [brief|detail] --------------------------------------------------------------------------
// One IKE SA with the Child SAs it has made.
struct CryptoSessionRow {
  IkeSaRow sa;
  std::string status;                 // UP-ACTIVE, UP-IDLE, DOWN-NEGOTIATING
  std::vector<IpsecSaRow> flows;
};

// --- show crypto ikev2 stats ---------------------------------------------------------------------------------------
struct IkeStatsRow {
  uint32_t max_sas = 0, max_negotiating_incoming = 0, max_negotiating_outgoing = 0;  // 0 = unlimited
  uint64_t incoming = 0, incoming_active = 0, incoming_negotiating = 0;  // IKE SAs now, by who began
  uint64_t outgoing = 0, outgoing_active = 0, outgoing_negotiating = 0;
  uint64_t requests_in = 0, accepted_in = 0, rejected_in = 0;            // attempts so far
  uint64_t requests_out = 0, accepted_out = 0, rejected_out = 0;
  uint64_t rejected_resources = 0, rejected_limit = 0;                   // of rejected_in
  uint64_t dropped = 0;                                                  // datagrams without effect
  uint64_t cookies_demanded = 0, cookies_accepted = 0, cookies_refused = 0;
  uint64_t ppk_sessions = 0;          // IKE SAs now whose keys hold a post-quantum pre-shared key
};

// --- show crypto ikev2 stats exchange --------------------------------------------------------------------------
// Messages (requests and responses sent, requests and responses received) that are or hold this.
struct ExchangeRow {
  std::string name;                   // IKE_SA_INIT, NO_PROPOSAL_CHOSEN …
  uint64_t sent_requests = 0, sent_responses = 0, received_requests = 0, received_responses = 0;
};
struct ConfigPayloadRow {
  std::string name;                   // CFG_REQUEST …
  uint64_t sent = 0, received = 0;
};
struct OtherCountRow {
  std::string name;                   // NAT_INSIDE …
  uint64_t count = 0;
};
struct IkeExchangesRow {
  std::vector<ExchangeRow> exchanges, errors, notifies;
  std::vector<ConfigPayloadRow> config;
  std::vector<OtherCountRow> other;
};

// --- show crypto ikev2 diagnose error --------------------------------------------------------------------------
struct IkeErrorRow {
  seconds ago{0};
  int64_t time = 0;                   // seconds since 1970, UTC; 0 = not known
  net::Endpoint remote;               // empty: not about one peer
  std::string identity, profile;      // empty: not known yet
  std::string reason;
};

// --- show ip nhrp traffic --------------------------------------------------------------------------------------
// Packets by type (RFC 2332: 1 resolution request … 7 error indication; 8 traffic indication), index 0 unused.
using NhrpCounts = std::array<uint64_t, 9>;
struct NhrpTrafficRow {
  uint32_t network_id = 0;
  std::vector<std::string> interfaces;
  NhrpCounts sent{}, received{};
  uint64_t redirects_suppressed = 0;  // traffic indications not sent, to spare the receiver
};

// --- show ip nhrp nhs ----------------------------------------------------------------------------------------------
struct NhsRow {
  std::string interface;      // Tunnel0
  uint32_t network_id = 0;
  net::IpAddress address;     // in the overlay; empty: not known yet
  net::IpAddress nbma;        // outer; empty: not known yet
  bool responding = false;    // there is a session with it, and the tunnel is up
  std::string identity;       // its IKE identity, if there is a session
  seconds up_for{};           // if responding
};

// --- show ip nhrp multicast ------------------------------------------------------------------------------------------
struct NhrpMulticastRow {
  std::string interface;      // Tunnel0, Virtual-Access1
  uint32_t network_id = 0;
  net::IpAddress nbma;        // of whom copies of multicast packets go to; empty: nobody
};

// --- show interfaces, show derived-config interface --------------------------------------------------------------
struct InterfaceRow {
  std::string name;                   // "Virtual-Access1"
  std::string cloned_from;            // Virtual-Template; empty: configured itself
  std::string device;                 // Linux name of what carries it
  std::string description;
  bool administratively_down = false, up = false;
  std::string address_owner;          // `ip unnumbered`: whose address; empty: its own
  net::IpAddress address;             // empty: none
  int prefix_length = 0;
  net::IpAddress source, destination;
  bool ipv6_underlay = false;
  std::optional<uint32_t> key;
  uint32_t mtu = 0;
  std::string ipsec_profile, remote_identity;
  seconds up_for{0};
  uint64_t packets_in = 0, bytes_in = 0, packets_out = 0, bytes_out = 0;
};
// The lines of an interface with those its session adds; without secrets unless the reader may see them.
struct DerivedConfigRow {
  std::string interface;
  std::string cloned_from;
  std::string config;
};

// --- show dataplane reconcile ------------------------------------------------------------------------------------
struct ReconcileRow {
  struct Kind {
    std::string kind;                 // "device", "sa" …
    uint64_t wanted = 0;              // that the node wants
    uint64_t present = 0;             // of those, that it has put in the kernel
    uint64_t orphans = 0;             // in the kernel, not wanted: of an earlier run, or about to go
  };
  std::vector<Kind> kinds;
  uint64_t changes_applied = 0, changes_refused = 0, changes_under_way = 0;
  uint64_t lingering = 0;             // orphans that go at a time of their own
  std::optional<seconds> orphans_removed_in;  // nullopt: none of an earlier run wait
  std::string last_refusal;           // empty: none
  seconds last_refusal_ago{0};
};

// --- show logging ------------------------------------------------------------------------------------------------
struct LogRow {
  seconds ago{0};
  int64_t time = 0;                   // seconds since 1970, UTC; 0 = not known
  std::string level;                  // info, warning, error
  std::string text;
};

// `detailed`, `brief`: the text layout only.
enum class SessionForm : uint8_t { kPlain, kBrief, kDetail };
Document MakeCryptoSessions(const std::vector<CryptoSessionRow>& rows, SessionForm form);
Document MakeIkeStats(const IkeStatsRow& row);
Document MakeIkeExchanges(const IkeExchangesRow& row);
Document MakeIkeErrors(const std::vector<IkeErrorRow>& rows, uint64_t capacity, uint64_t dropped);
Document MakeNhrpTraffic(const std::vector<NhrpTrafficRow>& rows);
Document MakeNhs(const std::vector<NhsRow>& rows, bool detail);
Document MakeNhrpMulticast(const std::vector<NhrpMulticastRow>& rows);
Document MakeNhrpFlags();  // what the words of `show ip nhrp` mean
Document MakeInterface(const InterfaceRow& row);
Document MakeDerivedConfig(const DerivedConfigRow& row);
Document MakeReconcile(const ReconcileRow& row);
Document MakeLogging(const std::vector<LogRow>& rows, uint64_t capacity, uint64_t dropped);
// What one session of the control socket debugs.
struct DebugRow {
  uint64_t session = 0;  // of the daemon's counting
  bool own = false;      // that which asks
  std::vector<std::string> kinds;  // "IKEv2 packet" …
  std::vector<net::IpAddress> peers;
  std::vector<std::string> profiles;
  bool unmatched = false;
};
Document MakeDebugging(const std::vector<DebugRow>& rows);
// `show crypto ikev2 performance`: numbers and how they spread.
struct SpreadRow {
  std::string name;
  uint64_t samples = 0, mean = 0, least = 0, greatest = 0;
};
struct PerformanceRow {
  std::vector<SpreadRow> ingress, egress;  // a second
  std::vector<SpreadRow> packets;          // a second
  std::vector<SpreadRow> times;            // milliseconds
};
Document MakePerformance(const PerformanceRow& row);
// `show tech-support`: the answers of other commands, each under the words that give it.
struct TechSection {
  std::string words;  // "show version"
  Document document;
};
Document MakeTechSupport(std::vector<TechSection> sections);

}  // namespace flexvpn::show

#endif  // FLEXVPN_CORE_SHOW_STATE_ROWS_H_
