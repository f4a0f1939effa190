// SPDX-License-Identifier: Apache-2.0
// What a new configuration does to the sessions that are up.
#ifndef FLEXVPN_CORE_NODE_RECONFIGURE_H_
#define FLEXVPN_CORE_NODE_RECONFIGURE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/config/model.h"
#include "core/ike/endpoint.h"

namespace flexvpn::node {

// From one configuration to the next.  Both must outlive it.
class Reconfiguration {
 public:
  // A session that is up, as far as it was made from configuration.
  struct Basis {
    const ike::SessionInfo& info;
    const std::string& interface;  // Tunnel0, Virtual-Template1
    const std::string& pool;       // its address is from; empty: none
    const std::optional<net::IpAddress>& assigned;  // that address
  };
  // Interfaces say the rest by themselves: texts, ip mtu, adjust-mss and NHRP settings are no effect on a session.
  struct Effect {
    bool restart = false;  // it is made anew; the others do not count then
    // It goes on, and
    bool policy = false;   // what its IKE SA and Child SAs go by is another: Endpoint::SetPolicy
    bool routes = false;   // so may be what it announces or accepts
    bool handout = false;  // so is what it got at its beginning alone (DNS servers, domain, banner, netmask)
  };
  Reconfiguration(const config::Model& from, const config::Model& to);

  Effect On(const Basis& session) const;

 private:
  bool SameClient(const Basis& s) const;
  bool SameInterface(const std::string& name) const;
  bool SameAddress(const std::string& interface) const;
  bool SameKeys(const Basis& session, const config::IkeProfile& was, const config::IkeProfile& is) const;
  bool SameCertificates(const ike::SessionInfo& info, const config::IkeProfile& was, const config::IkeProfile& is) const;
  void OfProfile(const Basis& session, Effect& effect) const;
  void OfIpsec(const std::string& interface, Effect& effect) const;
  void OfAuthorization(const Basis& session, Effect& effect) const;
  bool SameAnnouncements(const config::AuthorizationPolicy& was, const config::AuthorizationPolicy& is) const;

  const config::Model &from_, &to_;
  bool same_ike_ = false;  // global settings, proposals and policies
  struct KeyringChange {  // only of keyrings that differ
    config::Keyring was, is;  // entries that the other one does not have like this
    bool reordered = false;   // those that stayed are in another order
  };
  std::map<std::string, KeyringChange> keyrings_;
};

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_RECONFIGURE_H_
