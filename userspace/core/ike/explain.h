// SPDX-License-Identifier: Apache-2.0
// What was offered and what was wanted, for the log: why two peers do not agree.
#ifndef FLEXVPN_CORE_IKE_EXPLAIN_H_
#define FLEXVPN_CORE_IKE_EXPLAIN_H_

#include <string>
#include <vector>

#include "core/ike/codec/message.h"
#include "core/ike/keymat.h"

namespace flexvpn::ike {

// "AES-CBC/256 SHA256 DH_GROUP_2048_MODP/Group 14, AES-GCM/128 …": transforms as offered, proposals divided by commas;
// printable, at most some 400 octets, whatever a peer offers.
std::string DescribeOffer(const SaPayload& offer);
// The same of suites of ours.
std::string DescribeSuites(ProtocolId protocol, const std::vector<Suite>& suites);
std::string DescribeSelectors(const std::vector<TrafficSelector>& selectors);
// "offered …; wanted …".
std::string OfferedAndWanted(const std::string& offered, const std::string& wanted);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_EXPLAIN_H_
