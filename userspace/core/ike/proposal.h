// SPDX-License-Identifier: Apache-2.0
// Suites of configuration <-> proposals on the wire (RFC 7296 §2.7, §3.3).
#ifndef FLEXVPN_CORE_IKE_PROPOSAL_H_
#define FLEXVPN_CORE_IKE_PROPOSAL_H_

#include <optional>
#include <vector>

#include "core/ike/codec/message.h"
#include "core/ike/keymat.h"

namespace flexvpn::ike {

// The suite with everything its protocol does not negotiate removed: AEAD has no integrity, ESP no PRF, IKE no ESN.
Suite Normalize(ProtocolId protocol, Suite suite);

// Transforms of one suite: AEAD without INTEG, ESP without PRF and always with ESN, KE unless kNone.
std::vector<Transform> TransformsOf(ProtocolId protocol, const Suite& suite);

// The SA payload that offers exactly `suites`: suites that together are a cross product share one proposal, AEAD
// and others never do.  Order of first appearance is kept.
SaPayload BuildSa(ProtocolId protocol, BytesView spi, const std::vector<Suite>& suites);

struct Choice {
  Suite suite;
  Proposal proposal;  // one transform a type, with the number and SPI of the offer
};

struct SelectOptions {
  bool ignore_ke = false;  // IKE_AUTH negotiates none (§1.2): KE transforms, also additional ones, are passed over
  crypto::KeMethod prefer_ke = crypto::KeMethod::kNone;  // of the KE payload that came along: saves a round trip
  bool no_additional = false;  // the peer cannot do additional key exchanges in IKE_SA_INIT (RFC 9370 §2.2.1)
};
// Responder: the first of our suites that the offer contains; nullopt: NO_PROPOSAL_CHOSEN.
std::optional<Choice> SelectSuite(ProtocolId protocol, const std::vector<Suite>& own, const SaPayload& offer,
                                  const SelectOptions& options = {});

// Initiator: the group that INVALID_KE_PAYLOAD asks for (§1.3), if some suite of `offered` has it; nullopt: another error, a
// malformed one, or a group we did not offer.
std::optional<crypto::KeMethod> WantedGroup(const NotifyPayload& error, const std::vector<Suite>& offered);
inline constexpr int kMaxGroupRetries = 3;  // of one CREATE_CHILD_SA

// Initiator: the answer's one proposal, if it is one of `offered`.
std::optional<Choice> ParseChosen(ProtocolId protocol, const SaPayload& answer, const std::vector<Suite>& offered);

// Suites that can be done: of IKE by the provider, of ESP by a kernel (which says itself what it lacks).  A key
// exchange may not stand twice in one suite (RFC 9370 §2.2.1).
std::vector<Suite> Supported(const crypto::Provider& crypto, ProtocolId protocol, const std::vector<Suite>& suites);

// The additional key exchanges of a suite, in the order in which they are done.
std::vector<crypto::KeMethod> AdditionalMethods(const Suite& suite);
bool HasAdditional(const Suite& suite);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_PROPOSAL_H_
