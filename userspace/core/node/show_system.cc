// SPDX-License-Identifier: Apache-2.0
// show version, show logging, show tech-support.
#include "absl/strings/str_cat.h"
#include "core/node/views.h"

namespace flexvpn::node {

show::Document Node::Views::Version(const Query&) const {
  show::VersionInfo v;
  v.version = FLEXVPN_VERSION;
  v.instance = n_.options_.instance;
  v.hostname = n_.model_.hostname;
  v.kernel = n_.options_.kernel;
  v.compiler = __VERSION__;
  v.openssl = n_.options_.openssl;
  v.config_file = n_.options_.config_file;
  v.uptime = Since(n_.started_);
  return show::MakeVersion(v);
}

show::Document Node::Views::Logging(const Query&) const {
  constexpr const char* kLevels[] = {"debug", "info", "warning", "error"};
  std::vector<show::LogRow> rows;
  for (const LogLine& l : n_.log_.values())
    rows.push_back({Since(l.at), TimeAt(l.at), kLevels[static_cast<size_t>(l.level)], l.text});
  return show::MakeLogging(rows, n_.log_.capacity(), n_.log_.dropped());
}

// What goes to somebody else for help: never with secrets, whoever asks.
show::Document Node::Views::TechSupport(const Query& q) const {
  static constexpr const char* kSections[] = {
      "show version",
      "show running-config",
      "show crypto ikev2 sa detailed",
      "show crypto ikev2 session detailed",
      "show crypto session detail",
      "show crypto ipsec sa",
      "show crypto ikev2 stats",
      "show crypto ikev2 stats exchange",
      "show crypto ikev2 performance",
      "show crypto ikev2 diagnose error",
      "show crypto ikev2 proposal",
      "show crypto ikev2 policy",
      "show crypto ikev2 profile",
      "show crypto ikev2 authorization policy",
      "show crypto ipsec transform-set",
      "show crypto ipsec profile",
      "show crypto pki certificates",
      "show ip local pool",
      "show ipv6 local pool",
      "show ip nhrp detail",
      "show ip nhrp shortcut",
      "show ip nhrp traffic",
      "show ip route flexvpn",
      "show ipv6 nhrp detail",
      "show ipv6 route flexvpn",
      "show dataplane",
      "show dataplane reconcile",
      "show logging",
  };
  std::vector<show::TechSection> sections;
  for (const char* words : kSections) {
    const config::ExecLine line = config::ParseExec(words);
    const Verb* verb = FindVerb(line);
    if (verb == nullptr || verb->show == nullptr) continue;
    sections.push_back({words, (this->*verb->show)(Query{line, q.m, false})});
  }
  return show::MakeTechSupport(std::move(sections));
}

}  // namespace flexvpn::node
