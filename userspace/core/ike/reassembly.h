// SPDX-License-Identifier: Apache-2.0
// Messages that arrive in fragments (RFC 7383 §2.6), of one IKE SA.  Only authentic fragments come in here, and what
// they may occupy is bounded for each message, each IKE SA and the node.
#ifndef FLEXVPN_CORE_IKE_REASSEMBLY_H_
#define FLEXVPN_CORE_IKE_REASSEMBLY_H_

#include <compare>
#include <map>
#include <optional>

#include "base/time.h"
#include "core/ike/codec/fragment.h"

namespace flexvpn::ike {

inline constexpr Duration kReassemblyTimeout = seconds(30);   // without another fragment
inline constexpr size_t kMaxPartialMessages = 4;              // of one IKE SA at a time
inline constexpr size_t kMaxPartialOctets = 96 * 1024;        // of one IKE SA, with a charge for each fragment
inline constexpr size_t kMaxHalfOpenOctets = 32 * 1024;       // while the peer has not proved who it is

// What all IKE SAs of a node keep of incomplete messages.
class ReassemblyMemory {
 public:
  explicit ReassemblyMemory(size_t limit) : limit_(limit) {}
  void SetLimit(size_t limit) { limit_ = limit; }
  size_t used() const { return used_; }
  // Peers that have not proved who they are share half of it.
  bool Take(size_t octets, bool half_open);
  void Give(size_t octets) { used_ -= octets; }

 private:
  size_t limit_, used_ = 0;
};

class Reassembly {
 public:
  explicit Reassembly(ReassemblyMemory& memory) : memory_(memory) {}
  ~Reassembly();
  Reassembly(const Reassembly&) = delete;
  Reassembly& operator=(const Reassembly&) = delete;

  // Requests and responses have numbers of their own.
  struct Key {
    uint32_t message_id = 0;
    bool response = false;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  static Key KeyOf(const Header& h) { return {h.message_id, h.is_response()}; }

  // Before the fragment is authenticated: nullptr if it is worth that, else why it is dropped (name of a counter).
  const char* Refuse(const Header& header, const FragmentHeader& fragment) const;

  struct Whole {
    PlainPayloads plain;
    uint64_t first_fingerprint = 0;  // of the datagram with fragment 1
  };
  struct Outcome {
    const char* dropped = nullptr;  // name of a counter
    std::optional<Whole> whole;     // the last one was here: the message, which is forgotten
  };
  // An authentic fragment that Refuse() let pass.  One of a finer division replaces what is there (§2.5.2).
  Outcome Add(const Header& header, const FragmentHeader& fragment, SecretBytes content, uint64_t fingerprint,
              bool half_open, Instant now);

  // The message has come in another way, or is not wanted any more.
  void Forget(const Key& key);
  bool empty() const { return partial_.empty(); }
  std::optional<Instant> NextDeadline() const;
  // Gives up what waited too long; returns how many messages.
  size_t Expire(Instant now);

 private:
  struct Partial {
    ExchangeType exchange{};
    uint16_t total = 0;
    uint8_t first_type = 0;
    uint64_t first_fingerprint = 0;
    size_t octets = 0, charged = 0;
    Instant deadline{};
    std::map<uint16_t, SecretBytes> parts;
  };
  void Erase(std::map<Key, Partial>::iterator it);

  ReassemblyMemory& memory_;
  std::map<Key, Partial> partial_;
  size_t charged_ = 0;
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_REASSEMBLY_H_
