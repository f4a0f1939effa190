// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_NODE_POOL_H_
#define FLEXVPN_CORE_NODE_POOL_H_

#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "core/config/model.h"
#include "core/net/ip.h"

namespace flexvpn::node {

bool Contains(const config::LocalPool& pool, const net::IpAddress& address);

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
  // The range is another one.  Clients whose address is in it keep it, leased or not; the others are forgotten.
  void Resize(const config::LocalPool& pool);

 private:
  struct Entry {
    net::IpAddress address;
    int leases = 0;
  };
  net::IpAddress first_, last_, next_;
  absl::flat_hash_map<std::string, Entry> clients_;
  absl::flat_hash_set<net::IpAddress> kept_;  // of those that were there before the range changed
  size_t leased_ = 0;
};

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_POOL_H_
