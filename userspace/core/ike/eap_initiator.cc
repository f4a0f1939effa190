// SPDX-License-Identifier: Apache-2.0
// A login by EAP as initiator (RFC 7296 §2.16): the first IKE_AUTH goes without AUTH, the responder proves itself and
// begins, and when the method has succeeded both show by AUTH that they have its key.
#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {

void Endpoint::Impl::BeginEap(IkeSa& sa, Instant now, Actions& out) {
  Session& session = *sa.session;
  // RFC 8784 tells a responder in the message that has AUTH; here that comes after the responder's own.
  if (session.policy->ppk && session.policy->ppk->required)
    return FailInit(session, "a post-quantum pre-shared key is required, which does not go together with EAP", out);
  sa.handshake->eap = std::make_unique<EapLogin>();
  sa.expires = now + session.policy->eap_timeout;
  session.info.auth_local = "EAP";
  SendFirstAuth(sa, nullptr, now, out);
}

void Endpoint::Impl::OnEapResponse(IkeSa& sa, const Incoming& in) {
  EapLogin& login = *sa.handshake->eap;
  if (!login.success) return EapFromResponder(sa, in);
  const auto* auth = ike::Find<AuthPayload>(in.payloads);
  if (auth == nullptr) return AuthMissing(sa, in);
  PeerJudged(sa, VerifyEapAuth(crypto_, login.success->msk, AuthFor(sa, false, sa.session->info.remote_id), *auth), in);
}

void Endpoint::Impl::EapFromResponder(IkeSa& sa, const Incoming& in) {
  EapLogin& login = *sa.handshake->eap;
  const auto* eap = ike::Find<EapPayload>(in.payloads);
  if (eap == nullptr) return AuthMissing(sa, in);
  const uint8_t code = eap->message.empty() ? uint8_t{0} : eap->message.front();
  if ((code != kEapRequest && code != kEapSuccess && code != kEapFailure) || eap->message.size() > kMaxEapMessage ||
      ++login.rounds > kMaxEapRounds)
    return FailInit(*sa.session, "it sends no EAP message of an authenticator, a too large one, or too many", in.out);
  AskMethod(sa, eap->message, in.out);
}

void Endpoint::Impl::EapStepOfInitiator(IkeSa& sa, EapStep step, Instant now, Actions& out) {
  Session& session = *sa.session;
  if (step.kind == EapStep::Kind::kFailure) {
    const std::string why = absl::StrCat("the login by EAP has failed: ", step.why);
    WarnNoSa(session.info, why, out);
    return Close(session, why, true, out);  // or the responder would wait
  }
  Payloads payloads;
  if (step.kind == EapStep::Kind::kMessage) {
    payloads.emplace_back(EapPayload{std::move(step.message)});
  } else {
    auto auth = EapAuth(crypto_, step.msk, AuthFor(sa, true, session.policy->local_id));
    if (!auth.ok()) return FailInit(session, std::string(auth.status().message()), out);
    payloads.emplace_back(*std::move(auth));
    sa.handshake->eap->success = std::make_unique<EapStep>(std::move(step));
  }
  sa.state = IkeState::kAuthSent;
  SendRequest(sa, ExchangeType::kIkeAuth, payloads, AuthOp{}, now, out);
}

}  // namespace flexvpn::ike
