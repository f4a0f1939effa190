// SPDX-License-Identifier: Apache-2.0
// From configuration to what IKE negotiates: suites, profiles, keys, Child SA policy.  Pure functions of the model.
#ifndef FLEXVPN_CORE_NODE_AUTHORIZATION_H_
#define FLEXVPN_CORE_NODE_AUTHORIZATION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/config/model.h"
#include "core/ike/endpoint.h"
#include "core/node/local_end.h"
#include "core/node/pki.h"

namespace flexvpn::node {

// Suites of the policies whose `match` lines fit, in order of policy (named ones before `default`) and
// proposal.  A proposal that mixes AEAD and CBC gives AEAD suites without integrity and CBC suites with it.
std::vector<ike::Suite> IkeSuites(const config::Model& model, const LocalEnd& local);

// Whether `profile` is for messages to `local`.
bool Fits(const config::IkeProfile& profile, const LocalEnd& local);

// Does the peer's identity fit one line of `match identity remote` / a keyring's `identity`?
bool Matches(const config::Identity& rule, const ike::Identity& identity);
// The profile with the most specific fitting line (exact before domain or prefix before any; name order on a tie).  A
// certificate map that fits counts as exact.  `certificate` is the peer's, nullptr if it has none.
const config::IkeProfile* FindProfile(const config::Model& model, const LocalEnd& local,
                                      const ike::Identity& remote,
                                      const crypto::CertificateInfo* certificate = nullptr);
bool ProfileAccepts(const config::Model& model, const config::IkeProfile& profile, const ike::Identity& remote,
                    const crypto::CertificateInfo* certificate = nullptr);

// The entry for a peer: found by identity (if known), else by the most specific address, the first on a tie; nullptr if
// there is none.
const config::KeyringPeer* FindKeyringPeer(const config::Keyring& keyring, const std::optional<ike::Identity>& id,
                                           const net::IpAddress& remote);
// The same for one who calls with this profile and does not know yet who answers: where no address fits, the one entry by
// identity alone that the profile asks for; nullptr if there are several.
const config::KeyringPeer* FindKeyringPeer(const config::Keyring& keyring, const config::IkeProfile& profile,
                                           const std::optional<ike::Identity>& id, const net::IpAddress& remote);
bool ByIdentityAlone(const config::KeyringPeer& peer);
// Whether the key that a call to `remote` was made with is that of `id`, who has proved to have it: a key chosen by identity
// proves no other identity, whatever the profile accepts.
bool KeyIsOf(const config::Model& model, const config::IkeProfile& profile, const ike::Identity& id,
             const net::IpAddress& remote);

struct Keys {
  SecretBytes local, remote;
};
// Pre-shared keys for a peer: profile key, else the keyring peer found by identity (if known), else by the most
// specific address.  Only those the profile's authentication lines need must be there; kNotFound names the keyring and
// what to add.
absl::StatusOr<Keys> FindKeys(const config::Model& model, const config::IkeProfile& profile,
                              const std::optional<ike::Identity>& remote_id, const net::IpAddress& remote);
// Post-quantum pre-shared key of that keyring peer, if it has one; needed whatever the peer authenticates with.
std::optional<ike::Ppk> FindPpk(const config::Model& model, const config::IkeProfile& profile,
                                const std::optional<ike::Identity>& remote_id, const net::IpAddress& remote);
// Whether any keyring peer has one.
bool MayUsePpk(const config::Model& model);

ike::Identity ToIke(const std::optional<config::Identity>& identity, const net::IpAddress& local);

// Everything the endpoint needs for a session over `interface` (a Tunnel or Virtual-Template).
absl::StatusOr<ike::SessionPolicy> MakeSessionPolicy(const config::Model& model, const config::IkeProfile& profile,
                                                     const config::Interface& interface,
                                                     const std::optional<ike::Identity>& remote_id,
                                                     const net::IpAddress& local, const net::IpAddress& remote,
                                                     const Pki& pki = {});

// How the peer has authenticated, as `aaa authorization group` names it: "psk", "cert".
std::string AuthorizationMethod(const ike::SessionInfo& session);
// The authorization policy of `profile` for peers that authenticate by `method`; nullptr if it has none.
const config::AuthorizationPolicy* FindAuthorization(const config::Model& model, const config::IkeProfile& profile,
                                                     const std::string& method);

// Prefixes that policy announces: `route set interface` (`own_address`: that of the tunnel, or of the interface it names),
// access lists, remote.
std::vector<net::Prefix> AnnouncedPrefixes(const config::Model& model, const config::AuthorizationPolicy& policy,
                                           const net::IpAddress& own_address);

// INTERNAL_IP4_SUBNET / INTERNAL_IP6_SUBNET (RFC 7296 §3.15.1) and back.
ike::ConfigAttribute SubnetAttribute(const net::Prefix& prefix);
std::vector<net::Prefix> Subnets(const std::vector<ike::ConfigAttribute>& attributes);
std::optional<net::IpAddress> AddressAttribute(const std::vector<ike::ConfigAttribute>& attributes);

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_AUTHORIZATION_H_
