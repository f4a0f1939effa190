// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_NODE_RIB_H_
#define FLEXVPN_CORE_NODE_RIB_H_

#include <array>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "core/net/ip.h"
#include "core/net/peer_id.h"

namespace flexvpn::node {

// Prefixes this node can reach, without NHRP shortcuts: own addresses, networks of the machine, IKEv2 routes.
class Rib {
 public:
  struct Match {
    enum class Kind : uint8_t { kNone, kSelf, kLocal, kPeer } kind = Kind::kNone;
    net::Prefix prefix;
    net::PeerId peer;
  };

  void SetSelf(absl::flat_hash_set<net::IpAddress> addresses) { self_ = std::move(addresses); }
  void SetLocal(const std::vector<net::Prefix>& prefixes);
  bool IsSelf(const net::IpAddress& a) const { return self_.contains(a); }
  bool IsLocal(const net::Prefix& p) const { return local_.contains(p); }

  // Several peers may announce one prefix: the one with the least distance is used, of equal ones that which came last; the
  // others are kept for when it goes.
  void Add(const net::Prefix& prefix, net::PeerId peer, uint8_t distance);
  void Remove(const net::Prefix& prefix, net::PeerId peer);
  net::PeerId Active(const net::Prefix& prefix) const;  // 0 = none
  std::optional<uint8_t> Distance(const net::Prefix& prefix, net::PeerId peer) const;  // none: it does not announce it

  // Longest match; on equal length own addresses before local networks before peers.
  Match Lookup(const net::IpAddress& destination) const;

 private:
  void Count(const net::Prefix& prefix, int by);
  // Prefix lengths in use, so that a lookup probes only those (at most 33 or 129).
  std::array<int, 129> v4_lengths_{}, v6_lengths_{};
  absl::flat_hash_set<net::IpAddress> self_;
  absl::flat_hash_set<net::Prefix> local_;
  struct Way {
    net::PeerId peer;
    uint8_t distance = 0;
  };
  absl::flat_hash_map<net::Prefix, std::vector<Way>> peers_;  // the best last
};

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_RIB_H_
