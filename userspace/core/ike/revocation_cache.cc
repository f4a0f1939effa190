// SPDX-License-Identifier: Apache-2.0
#include "core/ike/revocation_cache.h"

#include <algorithm>
#include <utility>

namespace flexvpn::ike {

std::vector<RevocationCache::Entry>::iterator RevocationCache::Find(const std::string& key) {
  return std::lower_bound(entries_.begin(), entries_.end(), key,
                          [](const Entry& e, const std::string& k) { return e.known->key < k; });
}

void RevocationCache::Erase(std::vector<Entry>::iterator it) {
  octets_ -= it->known->record.size;
  entries_.erase(it);
  snapshot_.reset();
}

void RevocationCache::Expire(Instant now) {
  if (!next_ || now < *next_) return;
  next_.reset();
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (it->expires <= now) {
      const auto index = it - entries_.begin();
      Erase(it);
      it = entries_.begin() + index;
    } else {
      next_ = Earlier(next_, it->expires);
      ++it;
    }
  }
}

void RevocationCache::Insert(std::shared_ptr<const crypto::KnownRevocation> known, Instant expires,
                             Instant now) {
  Expire(now);
  if (const auto old = Find(known->key); old != entries_.end() && old->known->key == known->key) Erase(old);
  const size_t size = known->record.size;
  while (!entries_.empty() && (entries_.size() >= kMaxEntries || octets_ + size > kMaxOctets))
    Erase(std::min_element(entries_.begin(), entries_.end(),
                           [](const Entry& a, const Entry& b) { return a.expires < b.expires; }));
  octets_ += size;
  const auto at = Find(known->key);
  entries_.insert(at, {std::move(known), expires});
  next_ = Earlier(next_, expires);
  snapshot_.reset();
}

void RevocationCache::Put(const std::string& key, crypto::RevocationRecord record, Duration lifetime,
                          Instant now) {
  auto known = std::make_shared<crypto::KnownRevocation>();
  known->key = key;
  known->record = std::move(record);
  Insert(std::move(known), now + std::clamp<Duration>(lifetime, kMinLifetime, kMaxLifetime), now);
}

void RevocationCache::PutFailure(const std::string& key, std::string why, Instant now) {
  auto known = std::make_shared<crypto::KnownRevocation>();
  known->key = key;
  known->failure = std::move(why);
  Insert(std::move(known), now + kFailureLifetime, now);
}

bool RevocationCache::Contains(const std::string& key, Instant now) {
  Expire(now);
  const auto it = Find(key);
  return it != entries_.end() && it->known->key == key;
}

crypto::RevocationKnowledge RevocationCache::Snapshot(Instant now) {
  Expire(now);
  if (snapshot_ == nullptr && !entries_.empty()) {
    auto all = std::make_shared<std::vector<std::shared_ptr<const crypto::KnownRevocation>>>();
    all->reserve(entries_.size());
    for (const Entry& e : entries_) all->push_back(e.known);
    snapshot_ = std::move(all);
  }
  return snapshot_;
}

}  // namespace flexvpn::ike
