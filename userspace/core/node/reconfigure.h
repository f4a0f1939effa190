// SPDX-License-Identifier: Apache-2.0
// Which sessions a new configuration leaves alone.
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
  };
  Reconfiguration(const config::Model& from, const config::Model& to);

  // Whether what `session` was made from is not what it would be made from now.  What can be changed under a living
  // session (texts, ip mtu, adjust-mss, NHRP settings, who else may match its profile) does not concern it.
  bool Concerns(const Basis& session) const;

 private:
  bool SameClient(const Basis& s) const;
  bool SameInterface(const std::string& name) const;
  bool SameProfile(const Basis& session) const;
  bool SameKeys(const Basis& session, const config::IkeProfile& was, const config::IkeProfile& is) const;
  bool SameCertificates(const ike::SessionInfo& info, const config::IkeProfile& was, const config::IkeProfile& is) const;
  bool SameIpsec(const std::string& interface) const;
  bool SameAuthorization(const Basis& session) const;

  const config::Model &from_, &to_;
  struct KeyringChange {  // only of keyrings that differ
    config::Keyring was, is;  // entries that the other one does not have like this
    bool reordered = false;   // those that stayed are in another order
  };
  std::map<std::string, KeyringChange> keyrings_;
};

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_RECONFIGURE_H_
