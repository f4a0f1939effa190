// SPDX-License-Identifier: Apache-2.0
// What a new configuration does to the sessions that are up.
#ifndef FLEXVPN_CORE_NODE_RECONFIGURE_H_
#define FLEXVPN_CORE_NODE_RECONFIGURE_H_

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/config/model.h"
#include "core/ike/endpoint.h"
#include "core/node/local_end.h"

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
    const std::string& pool6;                       // the same for IPv6
    const std::optional<net::Prefix>& assigned6;
    const net::IpAddress& key_address;  // where the peer was when its key was looked up
    const std::string& hub_name;        // by which we called it; "" = by address
  };
  // Interfaces say the rest by themselves: texts, ip mtu, adjust-mss and NHRP settings are no effect on a session.
  struct Effect {
    bool restart = false;   // it is made anew; the others do not count then
    // It goes on, and
    bool terms = false;     // its terms are others, or the suites of its IKE SA: Endpoint::SetTerms
    bool announce = false;  // what we announce may be different
    bool accept = false;    // so may be what is accepted of what the peer announces, or its distance and tag
    bool limits = false;    // so is how long it may last
    bool handout = false;   // so is what it got at its beginning alone (HandoutText)
    bool any() const { return restart || terms || announce || accept || limits || handout; }
  };
  Reconfiguration(const config::Model& from, const config::Model& to);

  Effect On(const Basis& session);
  // For sessions that go on: terms of now, and suites if they are others (nullptr: they are not).  Made once for all
  // sessions of one kind; valid as long as this.
  const ike::SessionTerms& Terms(const Basis& session);
  const std::vector<ike::Suite>* Suites(const LocalEnd& local);

 private:
  struct TermsChange {
    ike::SessionTerms was, is;
  };
  const TermsChange& ChangeOf(const Basis& session);
  bool SameClient(const Basis& s) const;
  bool SameInterface(const std::string& name) const;
  bool SameAddress(const std::string& interface) const;
  bool SameProfile(const Basis& session) const;
  bool SameKeys(const Basis& session, const config::IkeProfile& was, const config::IkeProfile& is) const;
  bool SameCertificates(const ike::SessionInfo& info, const config::IkeProfile& was, const config::IkeProfile& is) const;
  bool SameIkeProfile(const std::string& interface) const;
  void OfTerms(const Basis& session, Effect& effect);
  void OfAuthorization(const Basis& session, Effect& effect) const;
  bool SameAnnouncements(const config::AuthorizationPolicy& was, const config::AuthorizationPolicy& is) const;

  const config::Model &from_, &to_;
  bool same_suites_ = false;
  std::map<std::pair<std::string, std::string>, TermsChange> terms_;  // by profile and interface
  std::map<std::pair<net::IpAddress, std::string>, std::vector<ike::Suite>> suites_;
  struct KeyringChange {  // only of keyrings that differ
    config::Keyring was, is;  // entries that the other one does not have like this
    bool reordered = false;   // those that stayed are in another order
  };
  std::map<std::string, KeyringChange> keyrings_;
};

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_RECONFIGURE_H_
