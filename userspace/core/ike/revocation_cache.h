// SPDX-License-Identifier: Apache-2.0
// CRLs and OCSP answers fetched earlier, and where fetching failed lately.
#ifndef FLEXVPN_CORE_IKE_REVOCATION_CACHE_H_
#define FLEXVPN_CORE_IKE_REVOCATION_CACHE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/crypto/revocation.h"

namespace flexvpn::ike {

// Keeps what the limits allow; what expires first goes first.  Time is of the node's clock: jumps of the time
// of day neither lengthen nor shorten anything, and the dates inside are checked anew at each use.
class RevocationCache {
 public:
  static constexpr size_t kMaxEntries = 1024;
  static constexpr size_t kMaxOctets = 16 << 20;  // as fetched
  static constexpr Duration kFailureLifetime = seconds(30);
  static constexpr Duration kMaxLifetime = std::chrono::hours(24);  // whatever nextUpdate says
  static constexpr Duration kMinLifetime = seconds(10);             // those who wait for it use it at least

  // `lifetime` of the record from now on.
  void Put(const std::string& key, crypto::RevocationRecord record, Duration lifetime, Instant now);
  void PutFailure(const std::string& key, std::string why, Instant now);
  // Is there something about `key`, be it a failure?
  bool Contains(const std::string& key, Instant now);
  // All of it, shared with jobs.
  crypto::RevocationKnowledge Snapshot(Instant now);

  size_t size() const { return entries_.size(); }
  size_t octets() const { return octets_; }

 private:
  struct Entry {
    std::shared_ptr<const crypto::KnownRevocation> known;
    Instant expires{};
  };
  void Insert(std::shared_ptr<const crypto::KnownRevocation> known, Instant expires, Instant now);
  void Expire(Instant now);
  void Erase(std::vector<Entry>::iterator it);
  std::vector<Entry>::iterator Find(const std::string& key);

  std::vector<Entry> entries_;  // by key
  size_t octets_ = 0;
  std::optional<Instant> next_;           // when the first entry expires
  crypto::RevocationKnowledge snapshot_;  // nullptr: to be made
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_REVOCATION_CACHE_H_
