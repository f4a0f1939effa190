// SPDX-License-Identifier: Apache-2.0
// Inside core/node: what each command of the shell is answered with.
#ifndef FLEXVPN_CORE_NODE_VIEWS_H_
#define FLEXVPN_CORE_NODE_VIEWS_H_

#include <string>
#include <vector>

#include "core/config/exec.h"
#include "core/node/node.h"
#include "core/show/config_rows.h"
#include "core/show/rows.h"
#include "core/show/state_rows.h"

namespace flexvpn::node {

// One command line, understood.
struct Query {
  const config::ExecLine& line;
  const Measurements& m;    // empty unless the command measures
  bool privileged = false;  // may see secrets
  uint64_t session = 0;     // Command::session
  bool Has(absl::string_view keyword) const { return line.call.Has(keyword); }
  std::string Text(absl::string_view argument) const { return line.call.Text(argument); }
  net::Family family() const { return Has("ipv6") ? net::Family::kIpv6 : net::Family::kIpv4; }
};

// Finds the counters of an SA; lives no longer than the measurements.
class SaCounterIndex {
 public:
  explicit SaCounterIndex(const Measurements& m);
  const SaCounter* Find(uint32_t spi, bool inbound) const;  // nullptr: none

 private:
  absl::flat_hash_map<std::pair<uint32_t, bool>, const SaCounter*> by_spi_;
};

// The show commands: state in, document out.  A command that cannot be answered gives an error document.
class Node::Views {
 public:
  explicit Views(const Node& node) : n_(node) {}

  // show_ike.cc
  show::Document IkeSas(const Query& q) const;
  show::Document IkeSessions(const Query& q) const;
  show::Document CryptoSessions(const Query& q) const;
  show::Document IkeStats(const Query& q) const;
  show::Document IkeExchanges(const Query& q) const;
  show::Document IkeErrors(const Query& q) const;
  show::Document IkePerformance(const Query& q) const;
  show::Document Certificates(const Query& q) const;
  // show_config.cc
  show::Document Proposals(const Query& q) const;
  show::Document Policies(const Query& q) const;
  show::Document Profiles(const Query& q) const;
  show::Document AuthorizationPolicies(const Query& q) const;
  show::Document TransformSets(const Query& q) const;
  show::Document IpsecProfiles(const Query& q) const;
  show::Document Pools(const Query& q) const;
  show::Document FlexClients(const Query& q) const;
  show::Document RunningConfig(const Query& q) const;
  // show_ipsec.cc
  show::Document IpsecSas(const Query& q) const;
  // show_nhrp.cc
  show::Document Nhrp(const Query& q) const;
  show::Document NhrpTraffic(const Query& q) const;
  show::Document NhrpFlags(const Query& q) const;
  show::Document Nhs(const Query& q) const;
  show::Document NhrpMulticast(const Query& q) const;
  show::Document Routes(const Query& q) const;
  // show_interface.cc
  show::Document InterfaceState(const Query& q) const;
  show::Document DerivedConfig(const Query& q) const;
  // show_dataplane.cc
  show::Document Dataplane(const Query& q) const;
  show::Document Reconcile(const Query& q) const;
  // show_system.cc
  show::Document Version(const Query& q) const;
  show::Document Logging(const Query& q) const;
  show::Document TechSupport(const Query& q) const;
  show::Document Debugging(const Query& q) const;

 private:
  void AddClientState(show::FlexClientRow& row) const;
  std::vector<show::IpsecSaRow> IpsecRows(const Measurements& m) const;
  std::vector<show::NhrpRow> NhrpRows(net::Family family) const;
  std::vector<show::RouteRow> RouteRows(net::Family family) const;
  std::vector<show::PeerRow> PeerRows(const Measurements& m) const;
  std::vector<show::KernelSaRow> KernelSaRows(const Measurements& m) const;
  std::vector<show::OffloadRow> OffloadRows(const Measurements& m) const;
  std::vector<show::DropRow> DropRows(const Measurements& m) const;
  const Peer* PeerOn(const std::string& interface) const;  // nullptr: none
  seconds Since(Instant then) const { return seconds(WholeSeconds(n_.now_ - then)); }
  // Seconds since 1970 at `then`; 0 while the time of day is not known.
  int64_t TimeAt(Instant then) const;

  const Node& n_;
};

// One row of the table of commands: the words they begin with, and who answers.
struct Node::Verb {
  absl::string_view words;
  show::Document (Views::*show)(const Query&) const = nullptr;
  show::Document (Node::*act)(const Query&) = nullptr;
};

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_VIEWS_H_
