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

// Whether the profile lets the peer in after all: its identity or certificate fits, and without authentication (RFC 7619)
// only where `authentication remote null` says so and the peer claims no identity.
bool LetsIn(const config::Model& model, const config::IkeProfile& profile, const ike::SessionInfo& session);

ike::Identity ToIke(const std::optional<config::Identity>& identity, const net::IpAddress& local);

// What a session over `interface` goes by and can take over when it changes; without proposals if the interface has no
// usable protection.
ike::SessionTerms MakeTerms(const config::Model& model, const config::IkeProfile& profile, const config::Interface& interface);
// Everything the endpoint needs for a session over `interface` (a Tunnel or Virtual-Template).
absl::StatusOr<ike::SessionPolicy> MakeSessionPolicy(const config::Model& model, const config::IkeProfile& profile,
                                                     const config::Interface& interface,
                                                     const std::optional<ike::Identity>& remote_id,
                                                     const net::IpAddress& local, const net::IpAddress& remote,
                                                     const Pki& pki = {});

// How the peer has authenticated, as `aaa authorization group` names it: "psk", "cert", "eap", "null".
std::string AuthorizationMethod(const ike::SessionInfo& session);
// The authorization policy of `profile` for peers that authenticate by `method`; nullptr if it has none.
const config::AuthorizationPolicy* FindAuthorization(const config::Model& model, const config::IkeProfile& profile,
                                                     const std::string& method);

// Prefixes that policy announces: `route set interface` (`own_addresses`: those of the tunnel, or of the interface it names),
// access lists, remote.
std::vector<net::Prefix> AnnouncedPrefixes(const config::Model& model, const config::AuthorizationPolicy& policy,
                                           const std::vector<net::IpAddress>& own_addresses);

// What a peer is given beside address and routes, of what it asked for with `request`: name servers, their domains
// (RFC 8598 to who asks for INTERNAL_DNS_DOMAIN, Cisco Unity to who does not), default domain, banner.
std::vector<ike::ConfigAttribute> Handout(const config::AuthorizationPolicy& policy,
                                          const std::vector<ike::ConfigAttribute>& request);
bool Asks(const std::vector<ike::ConfigAttribute>& request, ike::CfgAttr type);
// What of `policy` is told at the beginning of a session alone, to be compared.
std::string HandoutText(const config::AuthorizationPolicy& policy);

// Whether the peer follows routes that change while a session is up: one of ours, or of Cisco's.  Others ignore them.
bool TakesRoutes(const ike::SessionInfo& session);

// INTERNAL_IP4_SUBNET / INTERNAL_IP6_SUBNET (RFC 7296 §3.15.1) and back.
ike::ConfigAttribute SubnetAttribute(const net::Prefix& prefix);
std::vector<net::Prefix> Subnets(const std::vector<ike::ConfigAttribute>& attributes);
// INTERNAL_IP4_ADDRESS, INTERNAL_IP6_ADDRESS: the first of `family`, if it is one that a host can have.
std::optional<net::IpAddress> AddressAttribute(const std::vector<ike::ConfigAttribute>& attributes, net::Family family);
// The address a client gets of what it has leased: that address, or the first of its prefix.
net::IpAddress ClientAddress(const net::Prefix& leased);

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_AUTHORIZATION_H_
