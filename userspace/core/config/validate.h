// SPDX-License-Identifier: Apache-2.0
// Inside core/config: the parts of Validate().
#ifndef FLEXVPN_CORE_CONFIG_VALIDATE_H_
#define FLEXVPN_CORE_CONFIG_VALIDATE_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/config/model.h"

namespace flexvpn::config {

class Checker {
 public:
  explicit Checker(const Model& model) : m(model) {}

  // Where `statement` of the object `path` stands, else where the object begins.
  Location At(const std::string& path, const std::string& statement, Location object) const {
    const auto it = m.source.at.find(absl::StrCat(path, "/", statement));
    return it == m.source.at.end() ? object : it->second;
  }
  void Error(Location where, std::string message, std::string hint = "") {
    out.push_back({Diagnostic::Severity::kError, where, std::move(message), std::move(hint)});
  }
  void Warn(Location where, std::string message, std::string hint = "") {
    out.push_back({Diagnostic::Severity::kWarning, where, std::move(message), std::move(hint)});
  }
  // What is valid, but keeps a tunnel or profile from being used (Interface::inoperative, IkeProfile::inoperative).
  void Shut(Location where, std::string message, std::string hint = "") {
    Warn(where, absl::StrCat(message, "; it stays shut"), std::move(hint));
  }
  // "… (line 12)" for messages that name two places.
  static std::string Place(Location where) {
    return where.line > 0 ? absl::StrCat(" (line ", where.line, ")") : " (built in)";
  }
  // Reports a name that nothing answers to, with the nearest one that exists.
  template <class T>
  bool Known(const std::map<std::string, T>& map, const std::string& name, Location where, const std::string& user,
             const std::string& what) {
    if (map.count(name) != 0) return true;
    std::vector<std::string> names;
    for (const auto& [n, v] : map) names.push_back(n);
    Dangling(name, where, user, what, names);
    return false;
  }
  void Dangling(const std::string& name, Location where, const std::string& user, const std::string& what,
                const std::vector<std::string>& names);

  void CheckIke();         // proposals, policies, keyrings, authorization policies
  void CheckProfiles();    // IKEv2 profiles
  void CheckPki();         // trustpoints, certificate maps
  void CheckIpsec();       // transform sets, IPsec profiles
  void CheckInterfaces();  // tunnels, templates
  void CheckPools();       // pools, access lists
  void CheckPoolRanges(const std::map<std::string, LocalPool>& pools, const std::string& kind);
  void CheckVrfs();        // VRFs that are named somewhere

  const Model& m;
  std::vector<Diagnostic> out;

 private:
  void CheckProposal(const IkeProposal& p);
  void CheckPolicies();
  void CheckAuthorization(const AuthorizationPolicy& p);
  void CheckProfile(const IkeProfile& p);
  void CheckProfileKeys(const IkeProfile& p, const std::string& path, const std::string& user);
  void CheckProfileCertificates(const IkeProfile& p, const std::string& path, const std::string& user);
  void CheckProfileNull(const IkeProfile& p, const std::string& path, const std::string& user);
  void CheckProfileAuthorization(const IkeProfile& p, const std::string& path, const std::string& user);
  void CheckSameMatch();
  void CheckTunnel(const Interface& i, const std::string& path, const std::string& user);
  void CheckDestinationName(const Interface& i, Location where, const std::string& user);
  void CheckTemplate(const Interface& i, const std::string& path, const std::string& user);
  void CheckTunnelCommon(const Interface& i, const std::string& path, const std::string& user);
  void CheckTunnelVrf(const Interface& i, const std::string& path, const std::string& user);
  void CheckNhrp(const Interface& i, const std::string& path, const std::string& user);
  const IkeProfile* IkeProfileOf(const Interface& i) const;  // of its tunnel protection; nullptr: none
  void CheckBorrowed(const Interface& i, const std::string& path, const char* command, const std::string& borrowed,
                     const Interface* owner, bool has_address);
  void CheckAddresses(const Interface& i, const std::string& path);
  void CheckSameEndpoints();
  void CheckClients();      // crypto ikev2 client flexvpn and the tunnels they connect
};

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_VALIDATE_H_
