// SPDX-License-Identifier: Apache-2.0
// A decoded message on one line, for somebody who watches.  What could harm if it were read is left out: no AUTH data,
// no keys, nonces, cookies, tickets or tokens, only how long they are.
#ifndef FLEXVPN_CORE_DISSECT_SUMMARY_H_
#define FLEXVPN_CORE_DISSECT_SUMMARY_H_

#include <string>

#include "core/ike/codec/message.h"
#include "core/net/ip.h"

namespace flexvpn::dissect {

// "192.0.2.1:500 > 192.0.2.2:500 IKE_SA_INIT request 0 i 0123…/0000…", as the first line of RenderText.
std::string Summarize(const net::Endpoint& source, const net::Endpoint& destination, const ike::Header& header);

// "SA(1 IKE ENCR_AES_GCM_16/256 …), KE(KE_ECP_256 64 octets), Nonce(32 octets), N(COOKIE 8 octets)".  Text of the peer
// is escaped.  At most kMaxSummary octets, then "...".
inline constexpr size_t kMaxSummary = 2048;
std::string Summarize(const ike::Payloads& payloads);

}  // namespace flexvpn::dissect

#endif  // FLEXVPN_CORE_DISSECT_SUMMARY_H_
