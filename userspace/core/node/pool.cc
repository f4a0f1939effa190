// SPDX-License-Identifier: Apache-2.0
#include "core/node/pool.h"

namespace flexvpn::node {

AddressPool::AddressPool(const config::LocalPool& pool) : first_(pool.first), last_(pool.last), next_(pool.first) {}

std::optional<net::IpAddress> AddressPool::Lease(const std::string& client) {
  auto it = clients_.find(client);
  if (it != clients_.end()) {
    if (it->second.leases++ == 0) ++leased_;
    return it->second.address;
  }
  // Never used addresses first, so that a client's old address stays remembered for as long as possible.
  if (next_ <= last_) {
    const net::IpAddress address = next_;
    next_ = next_.Plus(1);
    clients_[client] = Entry{address, 1};
    ++leased_;
    return address;
  }
  for (auto old = clients_.begin(); old != clients_.end(); ++old) {
    if (old->second.leases != 0) continue;
    const net::IpAddress address = old->second.address;
    clients_.erase(old);
    clients_[client] = Entry{address, 1};
    ++leased_;
    return address;
  }
  return std::nullopt;
}

void AddressPool::Release(const std::string& client) {
  auto it = clients_.find(client);
  if (it == clients_.end() || it->second.leases == 0) return;
  if (--it->second.leases == 0) --leased_;
}

}  // namespace flexvpn::node
