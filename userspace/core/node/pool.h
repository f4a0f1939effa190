// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_NODE_POOL_H_
#define FLEXVPN_CORE_NODE_POOL_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "core/config/model.h"
#include "core/net/ip.h"

namespace flexvpn::node {

bool Contains(const config::LocalPool& pool, const net::Prefix& leased);

// Addresses of one `ip local pool`, or prefixes of one `ipv6 local pool`.  A client that comes back gets the address it had, as long as nobody else
// needed it in between.
class AddressPool {
 public:
  explicit AddressPool(const config::LocalPool& pool);
  // What `client` (its identity) has, leased now: a host prefix, or one of the pool's length; nullopt when all are leased.
  // `taken` says which nobody can get.
  std::optional<net::Prefix> Lease(const std::string& client, const std::function<bool(const net::Prefix&)>& taken);
  // One lease less of `client`; the address is free when the last one is given back.
  void Release(const std::string& client);
  size_t leased() const { return leased_; }
  // The range is another one.  Clients whose address is in it keep it, leased or not; the others are forgotten.
  void Resize(const config::LocalPool& pool);

 private:
  struct Entry {
    net::Prefix address;
    int leases = 0;
  };
  std::optional<net::Prefix> NeverUsed(const std::function<bool(const net::Prefix&)>& taken);
  net::Prefix first_, last_;
  std::optional<net::Prefix> next_;
  absl::flat_hash_map<std::string, Entry> clients_;
  absl::flat_hash_set<net::Prefix> kept_;  // of those that were there before the range changed
  size_t leased_ = 0;
};

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_POOL_H_
