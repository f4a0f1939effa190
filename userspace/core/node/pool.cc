// SPDX-License-Identifier: Apache-2.0
#include "core/node/pool.h"

namespace flexvpn::node {

bool Contains(const config::LocalPool& pool, const net::IpAddress& address) {
  return pool.first <= address && address <= pool.last;
}

AddressPool::AddressPool(const config::LocalPool& pool) : first_(pool.first), last_(pool.last), next_(pool.first) {}

std::optional<net::IpAddress> AddressPool::Lease(const std::string& client) {
  auto it = clients_.find(client);
  if (it != clients_.end()) {
    if (it->second.leases++ == 0) ++leased_;
    return it->second.address;
  }
  while (next_ <= last_ && kept_.contains(next_)) next_ = next_.Plus(1);
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

void AddressPool::Resize(const config::LocalPool& pool) {
  if (pool.first == first_ && pool.last == last_) return;
  first_ = next_ = pool.first;
  last_ = pool.last;
  leased_ = 0;
  kept_.clear();
  absl::erase_if(clients_, [&](const auto& c) { return !Contains(pool, c.second.address); });
  for (const auto& [client, entry] : clients_) {
    kept_.insert(entry.address);
    if (entry.leases != 0) ++leased_;
  }
}

void AddressPool::Release(const std::string& client) {
  auto it = clients_.find(client);
  if (it == clients_.end() || it->second.leases == 0) return;
  if (--it->second.leases == 0) --leased_;
}

}  // namespace flexvpn::node
