// SPDX-License-Identifier: Apache-2.0
#include "core/config/candidate.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <vector>

namespace flexvpn::config {
namespace {

void Forget(std::optional<Identity>& identity) {
  if (identity) identity->where = {};
}

template <class T>
void ForgetAll(std::map<std::string, T>& objects) {
  for (auto& [name, object] : objects) object.where = {};
}

}  // namespace

void ForgetPlaces(Model& m) {
  m.source.at.clear();
  ForgetAll(m.proposals);
  ForgetAll(m.policies);
  ForgetAll(m.keyrings);
  for (auto& [name, keyring] : m.keyrings)
    for (KeyringPeer& p : keyring.peers) {
      p.where = {};
      Forget(p.identity);
    }
  ForgetAll(m.trustpoints);
  ForgetAll(m.certificate_maps);
  ForgetAll(m.authorization_policies);
  ForgetAll(m.profiles);
  for (auto& [name, profile] : m.profiles) {
    for (Identity& i : profile.match_remote) i.where = {};
    Forget(profile.identity_local);
  }
  ForgetAll(m.transform_sets);
  ForgetAll(m.ipsec_profiles);
  ForgetAll(m.interfaces);
  ForgetAll(m.pools);
  ForgetAll(m.ipv6_pools);
  ForgetAll(m.access_lists);
}

ParseResult ParseCandidate(const Model& running, absl::string_view lines, const KeyCipher* cipher) {
  const auto placeless = [](const Diagnostic& d) { return d.where.line == 0; };
  ParseResult out = ParseOnto(running, lines, cipher);
  if (std::none_of(out.diagnostics.begin(), out.diagnostics.end(), placeless)) return out;
  Model base = running;
  ForgetPlaces(base);
  using Known = std::tuple<Diagnostic::Severity, std::string, std::string>;
  std::set<Known> known;
  for (Diagnostic& d : Validate(base)) known.emplace(d.severity, std::move(d.message), std::move(d.hint));
  std::erase_if(out.diagnostics, [&](const Diagnostic& d) {
    return placeless(d) && known.contains(Known(d.severity, d.message, d.hint));
  });
  return out;
}

}  // namespace flexvpn::config
