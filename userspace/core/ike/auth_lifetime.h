// SPDX-License-Identifier: Apache-2.0
// Repeated authentication (RFC 4478): how long the responder takes the peer's proof of identity for good.
#ifndef FLEXVPN_CORE_IKE_AUTH_LIFETIME_H_
#define FLEXVPN_CORE_IKE_AUTH_LIFETIME_H_

#include <optional>

#include "base/bytes.h"
#include "base/time.h"

namespace flexvpn::ike {

// Bounds of what we obey: a gateway cannot make us call more often than once a minute.
inline constexpr seconds kMinAuthLifetime{60};
inline constexpr seconds kMaxAuthLifetime{365 * 86400};

// Data of the AUTH_LIFETIME notification (§3): seconds in 4 octets, network byte order.
// `lifetime` must fit; the configuration allows 30 days at most.
Bytes EncodeAuthLifetime(seconds lifetime);
// Nothing if `data` has another length.  Not bounded: see above.
std::optional<seconds> DecodeAuthLifetime(BytesView data);

// When the initiator authenticates again, counted from the notification: before the end by a tenth, a minute at most.
// Brings `lifetime` within the bounds first.
seconds ReauthenticateAfter(seconds lifetime);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_AUTH_LIFETIME_H_
