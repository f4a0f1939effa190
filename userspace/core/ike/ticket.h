// SPDX-License-Identifier: Apache-2.0
// Tickets of session resumption (RFC 5723): what a responder needs to take up a lost IKE SA again, sealed under a key
// of its own and kept by the initiator (by value, §6.1), or kept here and named by the initiator (by reference).
#ifndef FLEXVPN_CORE_IKE_TICKET_H_
#define FLEXVPN_CORE_IKE_TICKET_H_

#include <deque>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "base/rng.h"
#include "core/ike/ticket_shelf.h"

namespace flexvpn::ike {

// Octets of a ticket that we open as responder or keep as initiator.
inline constexpr size_t kMaxTicketSize = 2048;
// No ticket is good for longer, and no chain of resumptions goes further from the last full authentication.
inline constexpr seconds kMaxTicketLifetime{86400};

// Data of TICKET_LT_OPAQUE (§7.2): seconds in 4 octets, network byte order, then the ticket.
struct LifetimeTicket {
  seconds lifetime{};
  Bytes ticket;  // 1..kMaxTicketSize octets
};
Bytes EncodeLifetimeTicket(const LifetimeTicket& ticket);
// Nothing if the ticket is missing or larger than we keep.  The lifetime is not bounded.
std::optional<LifetimeTicket> DecodeLifetimeTicket(BytesView data);

SecretBytes EncodeTicketState(const TicketState& state);
std::optional<TicketState> DecodeTicketState(BytesView octets);

// SHA-256 over what authentication by this policy depends on: keys, identities, accepted proofs.
Bytes PolicyDigest(const crypto::Provider& crypto, const SessionPolicy& policy);

// SKEYSEED of a resumed IKE SA (§5.1): prf(SK_d of the old one, "Resumption" | Ni | Nr).
SecretBytes ResumedSkeyseed(const crypto::Provider& crypto, crypto::Prf prf, BytesView sk_d, BytesView nonce_i,
                            BytesView nonce_r);

// Which ticket: number of its key (0: by reference), its own number under that key, and when it ends.
struct TicketId {
  uint32_t key = 0;
  uint64_t serial = 0;
  Instant expires{};
  friend bool operator==(const TicketId&, const TicketId&) = default;
};

// Makes and opens tickets.  By value: 1 | key number | serial | AES-256-GCM(TicketState); keys are made of the node's
// randomness when they are first needed and never leave it.  By reference: 2 | handle.  A restart ends all tickets.
// A used ticket is remembered until it would have expired.  If there is no room for that, all tickets by value end.
class TicketJar {
 public:
  static constexpr Duration kRotation = seconds(6 * 3600);  // then the next ticket is made under a new key
  static constexpr size_t kMaxUsed = 1 << 17;               // tickets remembered as used, of all keys

  TicketJar(const crypto::Provider& crypto, Rng& rng) : crypto_(crypto), rng_(rng), shelf_(crypto, rng) {}

  struct Sealed {
    Bytes ticket;
    TicketId id;
  };
  // `state.expires` is kMaxTicketLifetime from now at most.  Nothing: it would be too large, or there is no room.
  std::optional<Sealed> Seal(const TicketState& state, TicketForm form, Instant now);
  struct Opened {
    TicketState state;
    TicketId id;
  };
  // Nothing for what is none of our tickets, altered, expired, used, or made under a key that is gone.
  std::optional<Opened> Open(BytesView ticket, Instant now);
  // Takes note that it is used, or good no more.  False: it was already.
  bool Use(const TicketId& id);

 private:
  struct Key {
    uint32_t number = 0;
    SecretBytes secret, salt;
    uint64_t next = 0;  // serial: the IV
    Instant made{};
  };
  std::optional<Sealed> SealByValue(const TicketState& state, Instant now);
  std::optional<Opened> OpenByValue(BytesView ticket, Instant now);
  void Rotate(Instant now);
  void DropOld(Instant now);
  const Key* Find(uint32_t number) const;

  const crypto::Provider& crypto_;
  Rng& rng_;
  TicketShelf shelf_;
  std::deque<Key> keys_;  // newest last
  absl::flat_hash_set<std::pair<uint32_t, uint64_t>> used_;  // key, serial
  absl::btree_set<std::tuple<Instant, uint32_t, uint64_t>> used_ends_;  // the same, by their ends
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_TICKET_H_
