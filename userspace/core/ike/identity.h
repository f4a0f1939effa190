// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_IKE_IDENTITY_H_
#define FLEXVPN_CORE_IKE_IDENTITY_H_

#include <string>

#include "core/ike/codec/message.h"

namespace flexvpn::ike {

// Who somebody is, or says to be: the body of an ID payload (RFC 7296 §3.5).
struct Identity {
  IdType type = IdType::kFqdn;
  Bytes data;
  std::string ToString() const;  // hub.example.net, 192.0.2.1
  friend bool operator==(const Identity&, const Identity&) = default;
};

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_IDENTITY_H_
