// SPDX-License-Identifier: Apache-2.0
// What an endpoint has sent and received, by exchange and by what the messages hold: `show crypto ikev2 stats`.
#ifndef FLEXVPN_CORE_IKE_STATS_H_
#define FLEXVPN_CORE_IKE_STATS_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/ike/codec/message.h"

namespace flexvpn::ike {

inline constexpr uint16_t kFirstStatusNotify = 16384;  // IANA: smaller ones are errors

class ExchangeStats {
 public:
  enum Flow : uint8_t { kSentRequest, kSentResponse, kReceivedRequest, kReceivedResponse };
  using Row = std::array<uint64_t, 4>;  // by Flow
  // What an exchange is for, where its type does not say it.
  enum class Purpose : uint8_t { kOther, kChildRekey, kIkeRekey, kLiveness };
  // IKE SAs tried for, by who began, and how that ended.
  struct Attempts {
    uint64_t incoming = 0, incoming_up = 0, incoming_failed = 0;
    uint64_t outgoing = 0, outgoing_up = 0, outgoing_failed = 0;
  };
  // IKE SAs that came up: behind which NAT.  Both may hold.
  struct Nat {
    uint64_t inside = 0, outside = 0, none = 0;
  };

  // Of a request of the peer, from what it holds.
  static Purpose PurposeOf(ExchangeType exchange, const Payloads& request);
  // One message, not one datagram: repetitions are not counted.
  void Count(Flow flow, ExchangeType exchange, Purpose purpose, const Payloads& payloads);
  Attempts& attempts() { return attempts_; }
  const Attempts& attempts() const { return attempts_; }
  void CountNat(bool inside, bool outside);

  // By name, in the order IOS shows them; those that IOS does not have only if they occurred.
  std::vector<std::pair<std::string, Row>> exchanges() const;
  // At most kMaxNotifyTypes: a peer chooses the types it sends.
  const std::map<NotifyType, Row>& notifies() const { return notifies_; }
  const Row& liveness() const { return liveness_; }
  std::vector<std::pair<std::string, std::array<uint64_t, 2>>> config() const;  // sent, received
  const Nat& nat() const { return nat_; }

 private:
  static constexpr size_t kMaxNotifyTypes = 256;
  static constexpr size_t kFirstExchange = 34, kExchanges = 11;  // IKE_SA_INIT to IKE_FOLLOWUP_KE

  Attempts attempts_;
  std::array<Row, kExchanges> exchanges_{};
  Row child_rekey_{}, ike_rekey_{}, liveness_{};
  std::map<NotifyType, Row> notifies_;
  std::array<std::array<uint64_t, 2>, 5> config_{};  // by CfgType
  Nat nat_;
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_STATS_H_
