// SPDX-License-Identifier: Apache-2.0
// Message-id rules of one IKE SA (RFC 7296 §2.1-2.3): requests in flight with retransmission of identical octets,
// and the cache of answers given.  Both windows may be larger than one (SET_WINDOW_SIZE).
#ifndef FLEXVPN_CORE_IKE_REQUEST_H_
#define FLEXVPN_CORE_IKE_REQUEST_H_

#include <map>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "core/ike/codec/fragment.h"
#include "core/ike/exchange.h"

namespace flexvpn::ike {

struct Retransmit {
  Duration first = milliseconds(500);
  double backoff = 1.8;
  int tries = 8;  // sends in all
};

// One request in flight.  Only the requester retransmits; the octets never change.
class Request {
 public:
  Request(uint32_t message_id, ExchangeType exchange, WireMessage wire, Op op, const Retransmit& policy)
      : message_id_(message_id), exchange_(exchange), wire_(std::move(wire)), op_(std::move(op)),
        interval_(policy.first), policy_(policy) {}

  uint32_t message_id() const { return message_id_; }
  ExchangeType exchange() const { return exchange_; }
  const WireMessage& wire() const { return wire_; }
  Op& op() { return op_; }
  const Op& op() const { return op_; }
  Instant deadline() const { return deadline_; }
  Instant first_sent() const { return first_sent_; }
  int sent() const { return sent_; }

  // To be called whenever the octets go out.
  void Sent(Instant now);
  bool Exhausted() const { return sent_ >= policy_.tries; }
  // Starts counting anew: the peer was heard, only this answer is missing.
  void Renew() { sent_ = 0, interval_ = policy_.first, first_sent_ = {}; }
  // The same, and it is due at once: the way to the peer has changed.
  void Hasten(Instant now) {
    Renew();
    deadline_ = now;
  }
  // Due at once, and counted as ever: the way to the peer may be open again.
  void Hurry(Instant now) { deadline_ = now; }

 private:
  uint32_t message_id_;
  ExchangeType exchange_;
  WireMessage wire_;
  Op op_;
  int sent_ = 0;
  Duration interval_;
  Retransmit policy_;
  Instant deadline_{}, first_sent_{};
};

// Our requests in flight; at most as many as the peer announced (1 until it does).
class SendWindow {
 public:
  // Counted from the oldest request without an answer: the peer keeps no older answers than that (§2.3).
  bool Open() const { return requests_.empty() || next_ - requests_.begin()->first < size_; }
  bool Idle() const { return requests_.empty(); }
  uint32_t size() const { return size_; }
  void SetSize(uint32_t announced);
  uint32_t next_id() const { return next_; }
  uint32_t TakeId() { return next_++; }
  Request& Add(Request request);
  Request* Find(uint32_t message_id);
  std::optional<Request> Take(uint32_t message_id);
  std::optional<Instant> NextDeadline() const;
  std::vector<uint32_t> Due(Instant now) const;
  void Hasten(Instant now) {
    for (auto& [id, request] : requests_) request.Hasten(now);
  }
  void Hurry(Instant now) {
    for (auto& [id, request] : requests_) request.Hurry(now);
  }
  // Operations still unanswered, oldest first; the window is empty afterwards.
  std::vector<Op> TakeAll();
  const std::map<uint32_t, Request>& all() const { return requests_; }

 private:
  std::map<uint32_t, Request> requests_;
  uint32_t next_ = 0;
  uint32_t size_ = 1;
};

// Requests of the peer: which ids may come now, and the answers to those that came.
class ReceiveWindow {
 public:
  enum class Verdict {
    kNew,         // process it
    kRepeat,      // answered already: send Answer() again
    kInProgress,  // the same request is being worked on
    kOutside,     // id too old, too new, or used for other octets
  };
  explicit ReceiveWindow(uint32_t first = 0) : base_(first) {}
  void SetSize(uint32_t size) { size_ = size == 0 ? 1 : size; }
  uint32_t size() const { return size_; }
  // Lowest id without an answer.
  uint32_t base() const { return base_; }

  Verdict Check(uint32_t id, uint64_t fingerprint) const;
  void Begin(uint32_t id, uint64_t fingerprint);
  void Finish(uint32_t id, WireMessage answer);
  bool Knows(uint32_t id) const { return slots_.contains(id); }  // being worked on or answered
  const WireMessage& Answer(uint32_t id) const;                  // empty if there is none

 private:
  struct Slot {
    uint64_t fingerprint = 0;
    WireMessage answer;  // empty while in progress
  };
  std::map<uint32_t, Slot> slots_;
  uint32_t base_;
  uint32_t size_ = 1;
};

// Tells a retransmission from another message with the same id; of a fragmented message that of its first fragment.
uint64_t Fingerprint(BytesView datagram);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_REQUEST_H_
