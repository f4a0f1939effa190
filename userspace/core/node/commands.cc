// SPDX-License-Identifier: Apache-2.0
// Commands of the shell: who answers which, and those that change something.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/node/views.h"

namespace flexvpn::node {

// The longest entry that a line begins with answers it.  It has all the words that tell the command from others: what
// follows are its options and arguments.
const Node::Verb* Node::FindVerb(const config::ExecLine& line) {
  if (line.command == nullptr) return nullptr;
  static constexpr Verb kVerbs[] = {
      {"show crypto ikev2 sa", &Views::IkeSas},
      {"show crypto ikev2 session", &Views::IkeSessions},
      {"show crypto ikev2 proposal", &Views::Proposals},
      {"show crypto ikev2 policy", &Views::Policies},
      {"show crypto ikev2 profile", &Views::Profiles},
      {"show crypto ikev2 authorization policy", &Views::AuthorizationPolicies},
      {"show crypto ikev2 client flexvpn", &Views::FlexClients},
      {"show crypto ikev2 stats", &Views::IkeStats},
      {"show crypto ikev2 stats exchange", &Views::IkeExchanges},
      {"show crypto ikev2 diagnose error", &Views::IkeErrors},
      {"show crypto ikev2 performance", &Views::IkePerformance},
      {"show crypto session", &Views::CryptoSessions},
      {"show crypto ipsec sa", &Views::IpsecSas},
      {"show crypto ipsec transform-set", &Views::TransformSets},
      {"show crypto ipsec profile", &Views::IpsecProfiles},
      {"show crypto pki certificates", &Views::Certificates},
      {"show ip local pool", &Views::Pools},
      {"show ipv6 local pool", &Views::Pools},
      {"show ip nhrp", &Views::Nhrp},
      {"show ip nhrp traffic", &Views::NhrpTraffic},
      {"show ip nhrp flags", &Views::NhrpFlags},
      {"show ip nhrp nhs", &Views::Nhs},
      {"show ip nhrp multicast", &Views::NhrpMulticast},
      {"show ip route flexvpn", &Views::Routes},
      {"show ipv6 nhrp", &Views::Nhrp},
      {"show ipv6 nhrp traffic", &Views::NhrpTraffic},
      {"show ipv6 nhrp flags", &Views::NhrpFlags},
      {"show ipv6 nhrp nhs", &Views::Nhs},
      {"show ipv6 nhrp multicast", &Views::NhrpMulticast},
      {"show ipv6 route flexvpn", &Views::Routes},
      {"show interfaces", &Views::InterfaceState},
      {"show derived-config interface", &Views::DerivedConfig},
      {"show dataplane", &Views::Dataplane},
      {"show dataplane reconcile", &Views::Reconcile},
      {"show running-config", &Views::RunningConfig},
      {"show logging", &Views::Logging},
      {"show tech-support", &Views::TechSupport},
      {"show version", &Views::Version},
      {"show debugging", &Views::Debugging},
      {"clear crypto ikev2 sa", nullptr, &Node::ClearIkeSas},
      {"clear crypto ikev2 session", nullptr, &Node::ClearIkeSas},
      {"clear crypto ikev2 client flexvpn", nullptr, &Node::ClearClients},
      {"crypto ikev2 client flexvpn connect", nullptr, &Node::ConnectClients},
      {"clear crypto session", nullptr, &Node::ClearIkeSas},
      {"clear crypto ikev2 stats", nullptr, &Node::ClearIkeStats},
      {"clear ip nhrp", nullptr, &Node::ClearNhrp},
      {"clear ipv6 nhrp", nullptr, &Node::ClearNhrp},
      {"rekey crypto ikev2 sa", nullptr, &Node::RekeyIkeSas},
      {"rekey crypto ipsec sa", nullptr, &Node::RekeyChildSas},
      {"debug crypto ikev2", nullptr, &Node::TurnDebug},
      {"debug crypto condition", nullptr, &Node::TurnDebug},
      {"debug nhrp", nullptr, &Node::TurnDebug},
      {"undebug all", nullptr, &Node::TurnDebug},
      {"undebug crypto ikev2", nullptr, &Node::TurnDebug},
      {"undebug crypto condition", nullptr, &Node::TurnDebug},
      {"undebug nhrp", nullptr, &Node::TurnDebug},
      {"no debug all", nullptr, &Node::TurnDebug},
      {"no debug crypto ikev2", nullptr, &Node::TurnDebug},
      {"no debug crypto condition", nullptr, &Node::TurnDebug},
      {"no debug nhrp", nullptr, &Node::TurnDebug},
  };
  const absl::string_view words = line.words;
  const Verb* found = nullptr;
  for (const Verb& v : kVerbs) {
    const auto blanks = static_cast<size_t>(std::count(v.words.begin(), v.words.end(), ' '));
    if (blanks + 1 < line.command->fixed_words) continue;
    const size_t size = v.words.size();
    const bool begins = absl::StartsWith(words, v.words) && (words.size() == size || words[size] == ' ');
    if (begins && (found == nullptr || size > found->words.size())) found = &v;
  }
  return found;
}

void Node::OnCommand(const Command& command) {
  const config::ExecLine line = config::ParseExec(command.line);
  const auto refuse = [&](show::Document why) { out_->push_back(Reply{command.id, false, std::move(why)}); };
  if (line.command == nullptr)
    return refuse(show::MakeInputError({line.error.message, line.error.input, line.error.column, line.error.hint}));
  if (line.command->privileged && !command.privileged) {
    const std::string& group = options_.administrators;
    return refuse(show::MakeError(absl::StrCat("permission denied: '", line.words, "' needs root",
                                               group.empty() ? "" : absl::StrCat(" or membership of the Unix group ", group))));
  }
  if (line.command->place != config::Place::kDaemon) {
    const bool shell = line.command->place == config::Place::kShell;
    return refuse(show::MakeError(absl::StrCat("'", line.words, "' is a command of the ",
                                               shell ? "shell, not of the daemon" : "configuration session")));
  }
  if (!line.command->measures) return Answer(command, {});
  const uint64_t token = next_token_++;
  measuring_[token] = {Purpose::kCommand, command};
  out_->push_back(Measure{token});
}

void Node::Answer(const Command& command, const Measurements& m) {
  show::Document document = Run(command, m);
  const bool ok = !document.data.contains("error");
  // A configuration must stay one; it has the line itself.
  if (ok && !model_.ike.key_log.empty() && document.command != "running-config" && document.command != "message")
    show::AddWarning(document, KeyLogWarning());
  out_->push_back(Reply{command.id, ok, std::move(document)});
}

show::Document Node::Run(const Command& command, const Measurements& m) {
  const config::ExecLine line = config::ParseExec(command.line);
  const Verb* verb = FindVerb(line);
  if (verb == nullptr) return show::MakeError(absl::StrCat("'", line.words, "' has no answer in this version"));
  const Query query{line, m, command.privileged, command.session};
  return verb->show != nullptr ? (Views(*this).*verb->show)(query) : (this->*verb->act)(query);
}

std::vector<ike::IkeSaId> Node::IkeSasTo(const config::Arg* remote) const {
  std::vector<ike::IkeSaId> ids;
  for (const auto& [id, session] : sessions_)
    if (remote == nullptr || session.info.remote.address == remote->address) ids.push_back(id);
  return ids;
}

show::Document Node::ClearIkeSas(const Query& q) {
  const std::vector<ike::IkeSaId> ids = IkeSasTo(q.line.call.Find("A"));
  for (ike::IkeSaId id : ids) Terminate(id, "cleared by the administrator");
  return show::MakeMessage(absl::StrCat(ids.size(), " IKE SAs cleared"));
}

show::Document Node::ClearIkeStats(const Query&) {
  ike_.ClearCounters();
  performance_.Clear();
  return show::MakeMessage("IKEv2 statistics cleared");
}

show::Document Node::ClearNhrp(const Query& q) {
  if (q.Has("counters")) {
    nhrp_.ClearCounters();
    return show::MakeMessage("NHRP counters cleared");
  }
  if (q.Has("shortcut")) {
    Nhrp([&](auto& nhrp, auto& a) { nhrp.ClearShortcuts(a); });
    return show::MakeMessage("NHRP shortcuts cleared");
  }
  Nhrp([&](auto& nhrp, auto& a) { nhrp.Clear(now_, a); });
  return show::MakeMessage("NHRP cache cleared");
}

show::Document Node::RekeyIkeSas(const Query& q) {
  const std::vector<ike::IkeSaId> ids = IkeSasTo(q.line.call.Find("A"));
  for (ike::IkeSaId id : ids) Ike([&](auto& ike, auto& a) { ike.RekeyIke(id, now_, a); });
  return show::MakeMessage(absl::StrCat(ids.size(), " IKE SAs are being rekeyed"));
}

show::Document Node::RekeyChildSas(const Query& q) {
  const config::Arg* remote = q.line.call.Find("A");
  std::vector<ike::ChildId> ids;
  for (const auto& [id, child] : children_)
    if (child.in && child.out && (remote == nullptr || child.sa.remote == remote->address)) ids.push_back(id);
  for (ike::ChildId id : ids) Ike([&](auto& ike, auto& a) { ike.RekeyChild(id, now_, a); });
  return show::MakeMessage(absl::StrCat(ids.size(), " Child SAs are being rekeyed"));
}

std::string Node::KeyLogWarning() const {
  return absl::StrCat("THE KEYS OF ALL IKE SAs ARE WRITTEN TO ", model_.ike.key_log,
                      " (debug crypto ikev2 keylog): who reads it can read the traffic");
}

}  // namespace flexvpn::node
