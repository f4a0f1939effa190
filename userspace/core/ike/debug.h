// SPDX-License-Identifier: Apache-2.0
// What IKE does, told step by step to somebody who debugs it.  Without a sink nothing is told, and nothing made for it.
#ifndef FLEXVPN_CORE_IKE_DEBUG_H_
#define FLEXVPN_CORE_IKE_DEBUG_H_

#include "absl/strings/string_view.h"
#include "core/ike/endpoint.h"

namespace flexvpn::ike {

// One message, not one datagram.  Valid during the call.
struct MessageSeen {
  enum class Way : uint8_t {
    kReceived,   // its protection held, if it has any; what is in it may still be refused
    kSent,
    kSentAgain,  // without payloads: the octets are those of before
  } way{};
  const net::Endpoint& local;
  const net::Endpoint& remote;
  const Header& header;         // `length` is not filled in for what is sent
  const Payloads* payloads;     // decrypted: AUTH, keys and tokens are in it
  absl::string_view profile;    // empty: not known yet
};

// Called while the endpoint works: must not call it.
class DebugSink {
 public:
  virtual ~DebugSink() = default;
  virtual void OnMessage(const MessageSeen& message) = 0;
  // A datagram without effect; `reason` is the name of its counter.  `remote` is nullptr if it is not at hand.
  virtual void OnDropped(absl::string_view reason, const net::Endpoint* remote) = 0;
  // A row of the state machine's tables runs; `story` is what it says.
  virtual void OnStep(const SessionInfo& about, const Header& header, absl::string_view story) = 0;
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_DEBUG_H_
