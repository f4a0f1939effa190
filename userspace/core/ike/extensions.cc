// SPDX-License-Identifier: Apache-2.0
// Extensions that IKE_SA_INIT agrees on: who says what, and what both said.
#include <algorithm>

#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

Payload Say(NotifyType type) { return NotifyPayload{ProtocolId::kNone, {}, type, {}}; }

}  // namespace

// Initiator.
void Endpoint::Impl::AppendInitExtensions(const Session& session, Payloads& out) const {
  AppendRedirectSupport(session, out);
  if (session.policy->ppk) out.push_back(Say(NotifyType::kUsePpk));
  if (std::any_of(session.suites->begin(), session.suites->end(), HasAdditional))
    out.push_back(Say(NotifyType::kIntermediateExchangeSupported));
}

// Responder, in its answer to `request`; notes what is agreed.
void Endpoint::Impl::AnswerInitExtensions(HalfOpen& r, Payloads& out) const {
  Agreed& agreed = r.agreed;
  agreed.childless = true;
  out.push_back(Say(NotifyType::kChildlessIkev2Supported));
  agreed.ppk = agreed.ppk && policy_.OffersPpk(r.local, r.remote);
  if (agreed.ppk) out.push_back(Say(NotifyType::kUsePpk));
  if (agreed.intermediate) out.push_back(Say(NotifyType::kIntermediateExchangeSupported));
}

// What the peer says: agreed if it is the answer to ours.
Agreed Endpoint::Impl::SaidExtensions(const Payloads& payloads) {
  auto said = [&](NotifyType type) { return FindNotify(payloads, type) != nullptr; };
  Agreed agreed;
  agreed.childless = said(NotifyType::kChildlessIkev2Supported);
  agreed.intermediate = said(NotifyType::kIntermediateExchangeSupported);
  agreed.ppk = said(NotifyType::kUsePpk);
  return agreed;
}

// Initiator: an empty result, or what is required and missing.
std::string Endpoint::Impl::MissingExtension(const IkeSa& sa) const {
  const Agreed& agreed = sa.handshake->agreed;
  const SessionPolicy& policy = *sa.session->policy;
  if (policy.ppk && policy.ppk->required && !agreed.ppk)
    return "peer does not use post-quantum pre-shared keys (USE_PPK), which the keyring requires";
  if (policy.childless == Childless::kForce && !agreed.childless)
    return "peer does not do childless initiation, which the profile forces";
  if (HasAdditional(sa.suite) && !agreed.intermediate)
    return "peer chose additional key exchanges without IKE_INTERMEDIATE";
  return {};
}

}  // namespace flexvpn::ike
