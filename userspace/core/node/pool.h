// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_NODE_POOL_H_
#define FLEXVPN_CORE_NODE_POOL_H_

#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "core/config/model.h"
#include "core/net/ip.h"

namespace flexvpn::node {

// Addresses of one `ip local pool`.  A client that comes back gets the address it had, as long as nobody else
// needed it in between.
class AddressPool {
 public:
  explicit AddressPool(const config::LocalPool& pool);
  // The address of `client` (its identity), leased now; nullopt when every address is leased.
  std::optional<net::IpAddress> Lease(const std::string& client);
  // One lease less of `client`; the address is free when the last one is given back.
  void Release(const std::string& client);
  size_t leased() const { return leased_; }
  bool Covers(const config::LocalPool& pool) const { return pool.first == first_ && pool.last == last_; }

 private:
  struct Entry {
    net::IpAddress address;
    int leases = 0;
  };
  net::IpAddress first_, last_, next_;
  absl::flat_hash_map<std::string, Entry> clients_;
  size_t leased_ = 0;
};

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_POOL_H_
