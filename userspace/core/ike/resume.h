// SPDX-License-Identifier: Apache-2.0
// Session resumption (RFC 5723): what both sides keep for it, and of it while it goes on.
#ifndef FLEXVPN_CORE_IKE_RESUME_H_
#define FLEXVPN_CORE_IKE_RESUME_H_

#include <map>
#include <string>
#include <utility>

#include "core/ike/ticket.h"

namespace flexvpn::ike {

// Responder: an IKE SA that is being resumed.
struct Resumption {
  TicketState state;
  TicketId id;
};

// Initiator: a ticket, and what goes with it.  In memory only.
struct KeptTicket {
  SecretBytes ticket, sk_d;
  Suite suite;
  Identity local_id, remote_id;
  Bytes policy;        // PolicyDigest() of ours
  IkeSaId session;     // it came on
  bool ppk = false, childless = false;  // of the IKE SA it came on
  Instant expires{};
};

// After TICKET_ACK the initiator asks again so much later; the responder gives no two tickets on one session sooner.
inline constexpr seconds kTicketAgain{60};
inline constexpr seconds kTicketMuchLater{900};  // after TICKET_NACK of a peer that has given tickets before
inline constexpr seconds kTicketPause{30};

// The initiator's tickets: one for each peer address, VRF and profile.
class TicketWallet {
 public:
  static constexpr size_t kMost = 4096;
  using Key = std::pair<net::Endpoint, std::string>;  // peer, profile; the port is 0

  // In place of an older one.  Dropped if there is no room.
  void Keep(const Key& key, KeptTicket ticket, Instant now);
  // Takes out the ticket; nothing if there is none or it has expired.
  std::optional<KeptTicket> Take(const Key& key, Instant now);
  void Drop(const Key& key) { tickets_.erase(key); }
  // Only if it came on that session.
  void Drop(const Key& key, IkeSaId session);
  size_t size() const { return tickets_.size(); }

 private:
  std::map<Key, KeptTicket> tickets_;
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_RESUME_H_
