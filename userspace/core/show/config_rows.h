// SPDX-License-Identifier: Apache-2.0
// Rows of the show commands that print objects of the configuration.  As in rows.h: the node fills them, the Make…
// functions give them their JSON form, the text layouts print that JSON.
#ifndef FLEXVPN_CORE_SHOW_CONFIG_ROWS_H_
#define FLEXVPN_CORE_SHOW_CONFIG_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/net/ip.h"
#include "core/show/document.h"

namespace flexvpn::show {

// Whether an object is a smart default, and an unchanged one.
enum class Origin : uint8_t { kConfigured, kDefault, kModifiedDefault };

// --- show crypto ikev2 proposal ------------------------------------------------------------------------------------
struct ProposalRow {
  struct Cipher {
    uint16_t encr = 0, key_bits = 0;  // IANA transform id
  };
  std::string name;
  Origin origin{};
  std::vector<Cipher> encryption;
  std::vector<uint16_t> integrity, prf, groups;       // IANA transform ids
  std::vector<std::string> additional_key_exchanges;  // lines of the configuration
};

// --- show crypto ikev2 policy ----------------------------------------------------------------------------------
struct PolicyRow {
  std::string name;
  Origin origin{};
  std::string fvrf;                    // "any", "global" or the name of a VRF
  std::vector<net::IpAddress> local;   // empty: any
  std::vector<std::string> proposals;
};

// --- show crypto ikev2 profile -----------------------------------------------------------------------------------
struct ProfileRow {
  std::string name;
  bool shutdown = false;
  std::string inoperative;             // why no peer may match it; empty: it works
  uint32_t references = 0;             // IPsec profiles that name it and sessions that use it
  std::string fvrf;
  std::vector<net::IpAddress> local;
  std::vector<std::string> local_interfaces;
  std::vector<std::string> identities, certificate_maps;
  std::string local_identity;          // empty: the address, or the certificate's subject
  std::vector<std::string> local_methods, remote_methods;  // "pre-share", "rsa-sig", "ecdsa-sig"
  std::string keyring;
  std::vector<std::string> trustpoints;
  seconds lifetime{0};
  std::optional<seconds> dpd_interval, dpd_retry;  // nullopt: off
  bool dpd_on_demand = false;
  std::optional<seconds> nat_keepalive;
  std::optional<uint32_t> virtual_template;
  bool mode_auto = false;
  std::string authorization_list, authorization_policy;  // the first of these
  std::vector<std::string> authorizations;               // "psk list LIST policy NAME", by method
};

// --- show crypto ikev2 authorization policy ------------------------------------------------------------------------
struct AuthorizationPolicyRow {
  std::string name;
  Origin origin{};
  std::string pool, ipv6_pool, def_domain, banner;
  std::optional<net::IpAddress> netmask;
  std::vector<net::IpAddress> dns, wins;  // dns: of both families
  std::vector<std::string> split_dns;
  std::vector<std::string> route_set;  // "interface", "access-list LAN", "remote ipv4 10.0.0.0 255.0.0.0"
  bool route_accept_any = false;
  uint32_t route_tag = 0, route_distance = 0;
  std::optional<seconds> session_lifetime;
};

// --- show crypto ipsec transform-set, show crypto ipsec profile ------------------------------------------------
struct TransformSetRow {
  std::string name;
  Origin origin{};
  uint16_t encr = 0, key_bits = 0, integ = 0;
  bool esn = false, transport = false;
};
struct IpsecProfileRow {
  std::string name;
  Origin origin{};
  std::string description, ike_profile;
  seconds lifetime{0};
  std::optional<uint64_t> lifetime_kilobytes;  // nullopt: no limit
  std::optional<uint16_t> pfs_group;
  uint32_t replay_window = 0;
  std::string offload;                         // off, auto, crypto, packet
  std::vector<TransformSetRow> transform_sets;
  std::vector<std::string> missing;            // names of transform sets that are not there
};

// --- show ip local pool, show ipv6 local pool ------------------------------------------------------------------------------------------
struct PoolRow {
  std::string name;
  net::IpAddress first, last;
  int length = 32;            // prefix length of what a client gets
  uint64_t size = 0, in_use = 0;
};

// --- show crypto ikev2 client flexvpn ---------------------------------------------------------------------------
struct FlexClientRow {
  std::string name;
  std::string state;                  // ACTIVE, NEGOTIATING, DOWN
  std::string why;                    // it is down; empty: it calls
  net::IpAddress peer;                // the hub it has, calls, or will call next; empty: none
  std::string source;                 // the outer address it calls from, and its interface; empty: none
  std::vector<std::string> peers;     // in order, as configured: "192.0.2.1 track 1 up", "fqdn hub.example.net"
  std::vector<std::string> sources;   // "eth0 track 1"
  std::string connect;                // auto, manual, "track 1 up"
  std::string tunnel, backup_group;   // empty: none
};

Document MakeProposals(const std::vector<ProposalRow>& rows);
Document MakePolicies(const std::vector<PolicyRow>& rows);
Document MakeProfiles(const std::vector<ProfileRow>& rows);
Document MakeAuthorizationPolicies(const std::vector<AuthorizationPolicyRow>& rows);
Document MakeTransformSets(const std::vector<TransformSetRow>& rows);
Document MakeIpsecProfiles(const std::vector<IpsecProfileRow>& rows);
Document MakePools(const std::vector<PoolRow>& rows);
Document MakeIpv6Pools(const std::vector<PoolRow>& rows);
Document MakeFlexClients(const std::vector<FlexClientRow>& rows);

}  // namespace flexvpn::show

#endif  // FLEXVPN_CORE_SHOW_CONFIG_ROWS_H_
