// SPDX-License-Identifier: Apache-2.0
#include "core/node/pool.h"

namespace flexvpn::node {
namespace {

constexpr size_t kMostRemembered = 65536;  // clients that are gone; an IPv6 pool has addresses without end

}  // namespace

bool Contains(const config::LocalPool& pool, const net::Prefix& leased) {
  return pool.length == leased.length() && pool.first <= leased.address() && leased.address() <= pool.last;
}

AddressPool::AddressPool(const config::LocalPool& pool)
    : first_(pool.first, pool.length), last_(pool.last, pool.length), next_(first_) {
  if (last_ < first_) next_.reset();
}

std::optional<net::Prefix> AddressPool::NeverUsed(const std::function<bool(const net::Prefix&)>& taken) {
  while (next_) {
    const net::Prefix one = *next_;
    if (one < last_) next_ = one.Next();
    else next_.reset();
    if (!kept_.contains(one) && !taken(one)) return one;
  }
  return std::nullopt;
}

std::optional<net::Prefix> AddressPool::Lease(const std::string& client, const std::function<bool(const net::Prefix&)>& taken) {
  auto it = clients_.find(client);
  if (it != clients_.end()) {
    if (it->second.leases++ == 0) ++leased_;
    return it->second.address;
  }
  // Never used addresses first, so that a client's old address stays remembered for as long as possible.
  if (const auto address = clients_.size() - leased_ < kMostRemembered ? NeverUsed(taken) : std::nullopt) {
    clients_[client] = Entry{*address, 1};
    ++leased_;
    return address;
  }
  for (auto old = clients_.begin(); old != clients_.end(); ++old) {
    if (old->second.leases != 0) continue;
    const net::Prefix address = old->second.address;
    clients_.erase(old);
    clients_[client] = Entry{address, 1};
    ++leased_;
    return address;
  }
  return std::nullopt;
}

void AddressPool::Resize(const config::LocalPool& pool) {
  const AddressPool fresh(pool);
  if (fresh.first_ == first_ && fresh.last_ == last_) return;
  first_ = fresh.first_;
  last_ = fresh.last_;
  next_ = fresh.next_;
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
