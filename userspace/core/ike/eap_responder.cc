// SPDX-License-Identifier: Apache-2.0
// A login by EAP as responder (RFC 7296 §2.16), and what both roles have in common.  What the first IKE_AUTH asks for waits
// until the last; the IKE SA counts as half-open all the while.
#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

// What is wrong with it; empty: nothing.
absl::string_view Fault(const EapStep& step, bool initiator, const SessionPolicy& policy, int rounds) {
  using Kind = EapStep::Kind;
  const uint8_t code = step.message.empty() ? uint8_t{0} : step.message.front();
  if (step.message.size() > kMaxEapMessage) return "the method's message is too large";
  switch (step.kind) {
    case Kind::kMessage:
      if (code == (initiator ? kEapResponse : kEapRequest)) return "";
      return initiator ? "the method's message is no response" : "the method's message is no request";
    case Kind::kSuccess:
      if (step.msk.empty() && !policy.eap_keyless) return "the method has made no key";
      if (initiator) return "";
      if (code != kEapSuccess || rounds == 0) return "the method's last message is no success";
      return step.identity ? "" : "the method does not say who the peer has proved to be";
    case Kind::kFailure:
      return initiator || code == 0 || code == kEapFailure ? "" : "the method's last message is no failure";
  }
  return "the method's answer is none";
}

}  // namespace

void Endpoint::Impl::BeginEap(IkeSa& sa, const IdPayload& idi, const Incoming& in) {
  Session& session = *sa.session;
  const auto refuse = [&](const char* why) { RejectAuth(sa, in, NotifyType::kAuthenticationFailed, why); };
  session.info.remote_certificate.reset();
  sa.handshake->authorities = ReadCertRequests(in.payloads);
  if (!SelectPeer(sa, idi, in)) return;
  if (!session.policy->accept_eap) return refuse("it wants EAP, which is not configured");
  if (session.policy->local_null) return refuse("it wants EAP, and we do not prove ourselves (NULL authentication)");
  if (session.policy->ppk && session.policy->ppk->required)
    return refuse("a post-quantum pre-shared key is required, which does not go together with EAP");
  session.info.auth_remote = "EAP";
  sa.expires = in.now + session.policy->eap_timeout;
  sa.handshake->eap = std::make_unique<EapLogin>();
  sa.handshake->eap->claimed = session.info.remote_id;
  Hold(sa, in);
  sa.handshake->eap->first = std::make_unique<Held>(*sa.handshake->held);
  if (OwnCredential(sa) != nullptr) return SignOwn(sa, false, PpkUse::kWithout, in.now, in.out, &Impl::EapBegun);
  const auto own = UnsignedAuth(sa, false, PpkUse::kWithout);
  if (!own.ok()) return SigningFailed(sa, own.status(), in.now, in.out);
  EapBegun(sa, *own, in.now, in.out);
}

// Our own proof is made.
void Endpoint::Impl::EapBegun(IkeSa& sa, const AuthPayload& own, Instant, Actions& out) {
  EapLogin& login = *sa.handshake->eap;
  login.own = own;
  login.last = std::move(sa.handshake->held);
  AskMethod(sa, {}, out);
}

// What else comes meanwhile comes too early.
void Endpoint::Impl::AskMethod(IkeSa& sa, Bytes message, Actions& out) {
  sa.handshake->eap->question = EapQuestion(next_question_++);
  sa.state = IkeState::kAuthVerify;
  out.emplace_back(EapReceived{sa.handshake->eap->question, sa.session->info, std::move(message)});
}

void Endpoint::Impl::EapAnswer(IkeSaId id, EapQuestion question, EapStep step, Instant now, Actions& out) {
  Session* session = tables_.FindSession(id);
  IkeSa* sa = session == nullptr ? nullptr : Current(*session);
  if (sa == nullptr || !sa->handshake || !sa->handshake->eap || !question ||
      sa->handshake->eap->question != question)
    return counters_.Add("EAP answers that nobody waits for");
  Touch(*session);
  sa->handshake->eap->question = {};
  if (const auto fault = Fault(step, sa->initiator, *session->policy, sa->handshake->eap->rounds); !fault.empty())
    step = {EapStep::Kind::kFailure, {}, {}, {}, std::string(fault)};
  if (sa->initiator) EapStepOfInitiator(*sa, std::move(step), now, out);
  else EapStepOfResponder(*sa, std::move(step), now, out);
  Finish(now, out);
}

void Endpoint::Impl::EapStepOfResponder(IkeSa& sa, EapStep step, Instant now, Actions& out) {
  EapLogin& login = *sa.handshake->eap;
  const std::unique_ptr<Held> last = std::move(login.last);
  const Incoming in = View(*last, now, out);
  Payloads answer;
  if (login.own) {
    AppendOwnIdentity(sa, answer);
    answer.emplace_back(*std::exchange(login.own, std::nullopt));
  }
  if (!step.message.empty()) answer.emplace_back(EapPayload{std::move(step.message)});
  if (step.kind == EapStep::Kind::kFailure) return RejectLogin(sa, in, std::move(answer), step.why);
  Respond(ReplyFor(sa, in), answer, out);
  sa.state = IkeState::kAuthWait;
  if (step.kind == EapStep::Kind::kSuccess) login.success = std::make_unique<EapStep>(std::move(step));
}

// EAP-Failure says it all; a method that has none is spoken for.
void Endpoint::Impl::RejectLogin(IkeSa& sa, const Incoming& in, Payloads answer, const std::string& why) {
  const std::string log = absl::StrCat("the login by EAP has failed: ", why);
  if (ike::Find<EapPayload>(answer) == nullptr) return RejectAuth(sa, in, NotifyType::kAuthenticationFailed, log);
  Respond(ReplyFor(sa, in), answer, in.out);
  AuthFailed(sa, log, in.now, in.out);
}

void Endpoint::Impl::OnEapRequest(IkeSa& sa, const Incoming& in) {
  EapLogin& login = *sa.handshake->eap;
  if (login.success) return EapProved(sa, in);
  const auto* eap = ike::Find<EapPayload>(in.payloads);
  if (eap == nullptr) return RejectAuth(sa, in, NotifyType::kInvalidSyntax, "it goes on without EAP before its login is over");
  if (eap->message.empty() || eap->message.front() != kEapResponse)
    return RejectAuth(sa, in, NotifyType::kInvalidSyntax, "what it sends is no EAP response");
  if (eap->message.size() > kMaxEapMessage || ++login.rounds > kMaxEapRounds)
    return RejectAuth(sa, in, NotifyType::kAuthenticationFailed, "its login by EAP takes too many or too large messages");
  login.last = std::make_unique<Held>(Held{{in.datagram.local, in.datagram.remote, {}}, in.header, {}, {}});
  AskMethod(sa, eap->message, in.out);
}

// The last message: AUTH with the method's key over the identity that came first.
void Endpoint::Impl::EapProved(IkeSa& sa, const Incoming& in) {
  EapLogin& login = *sa.handshake->eap;
  Session& session = *sa.session;
  const auto* auth = ike::Find<AuthPayload>(in.payloads);
  if (auth == nullptr) return RejectAuth(sa, in, NotifyType::kInvalidSyntax, "it does not prove that its login by EAP is its own");
  const SecretBytes& msk = login.success->msk;
  const absl::Status verdict = VerifyEapAuth(crypto_, msk, AuthFor(sa, true, login.claimed), *auth);
  if (!verdict.ok()) return RejectAuth(sa, in, NotifyType::kAuthenticationFailed, std::string(verdict.message()));
  const auto own = EapAuth(crypto_, msk, AuthFor(sa, false, session.policy->local_id));
  if (!own.ok()) return RejectAuth(sa, in, NotifyType::kAuthenticationFailed, std::string(own.status().message()));
  session.info.remote_id = *login.success->identity;
  counters_.Add("logins by EAP accepted");
  const std::unique_ptr<Held> first = std::move(login.first);
  ResponderUp(sa, *own, {in.datagram, in.header, first->payloads, in.now, in.out, first->plain});
}

// INFORMATIONAL before anything is up: whatever it says, the peer does not go on.
void Endpoint::Impl::OnGivenUp(IkeSa& sa, const Incoming& in, Request*) {
  if (!sa.handshake->eap) {
    Drop("drop: exchange does not fit the state");
    return Refuse(ReplyFor(sa, in), {NotifyType::kInvalidSyntax, {}, "", {}}, in.out);
  }
  Respond(ReplyFor(sa, in), {}, in.out);
  AuthFailed(sa, "it has given up its login by EAP", in.now, in.out);
}

void Endpoint::Impl::LoginTooLong(IkeSa& sa, Instant now, Actions& out) {
  const char* why = "the login by EAP has taken too long";
  if (sa.initiator) return FailInit(*sa.session, why, out);
  const std::unique_ptr<Held> last = std::move(sa.handshake->eap->last);
  if (last == nullptr) return AuthFailed(sa, why, now, out);
  RejectAuth(sa, View(*last, now, out), NotifyType::kAuthenticationFailed, why);
}

void Endpoint::Impl::EndEap(IkeSa& sa, Actions& out) {
  if (!sa.handshake || !sa.handshake->eap || sa.session->up) return;
  sa.handshake->eap->question = {};
  if (!std::exchange(sa.handshake->eap->ended, true)) out.emplace_back(EapEnded{sa.session->info.id});
}

}  // namespace flexvpn::ike
