// SPDX-License-Identifier: Apache-2.0
// Tickets by reference (RFC 5723): what a responder needs to take up a lost IKE SA again stays here, the initiator gets
// a handle.  Short on the wire and no key of ours around it, at the price of memory for each.
#ifndef FLEXVPN_CORE_IKE_TICKET_SHELF_H_
#define FLEXVPN_CORE_IKE_TICKET_SHELF_H_

#include <optional>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "core/ike/ticket_state.h"

namespace flexvpn::ike {

class TicketShelf {
 public:
  static constexpr size_t kMost = 1 << 16;  // tickets kept; beyond it none is given
  static constexpr size_t kSecretSize = 16;
  static constexpr size_t kHandleSize = 8 + kSecretSize;  // number, secret

  TicketShelf(const crypto::Provider& crypto, Rng& rng) : crypto_(crypto), rng_(rng) {}

  struct Handle {
    uint64_t number = 0;
    Bytes octets;  // kHandleSize
  };
  // Until `state.expires`.  Nothing: there is no room.
  std::optional<Handle> Keep(TicketState state, Instant now);
  struct Found {
    uint64_t number = 0;
    const TicketState* state = nullptr;  // until the next call of Keep or Drop
  };
  // Nothing for what is no handle of ours, used or expired.  The secret is compared in constant time.
  std::optional<Found> Find(BytesView handle, Instant now) const;
  // False: it was gone already.
  bool Drop(uint64_t number);
  size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    SecretBytes secret;
    TicketState state;
  };
  const crypto::Provider& crypto_;
  Rng& rng_;
  absl::flat_hash_map<uint64_t, Kept> kept_;
  absl::btree_set<std::pair<Instant, uint64_t>> ends_;
  uint64_t next_ = 1;
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_TICKET_SHELF_H_
