// SPDX-License-Identifier: Apache-2.0
// IKE_AUTH as responder (RFC 7296 §1.2, §2.4, §2.15, §2.19, §2.21.2).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {

void Endpoint::Impl::OnAuthRequest(IkeSa& sa, const Incoming& in, Request*) {
  Session& session = *sa.session;
  Handshake& h = *sa.handshake;
  if (h.resumed) return OnResumedAuthRequest(sa, in);
  if (h.eap) return OnEapRequest(sa, in);
  if (h.additional_done != AdditionalMethods(sa.suite).size())
    return RejectAuth(sa, in, NotifyType::kInvalidSyntax, "IKE_AUTH before the additional key exchanges are over");
  h.int_auth = IntAuthTail(h.int_auth_i, h.int_auth_r, in.header.message_id);
  const IdPayload* idi = FindId(in.payloads, true);
  const auto* auth = ike::Find<AuthPayload>(in.payloads);
  if (idi == nullptr) return RejectAuth(sa, in, NotifyType::kInvalidSyntax, "it sends no identity");
  session.info.remote_id = {idi->type, idi->data};
  if (auth == nullptr) return BeginEap(sa, *idi, in);
  if (!NoteCertificate(sa, *auth, in)) return;
  sa.handshake->authorities = ReadCertRequests(in.payloads);
  if (!SelectPeer(sa, *idi, in)) return;
  AuthPayload offered = *auth;
  if (const absl::Status ppk = ChoosePpk(sa, in.payloads, offered); !ppk.ok())
    return RejectAuth(sa, in, NotifyType::kAuthenticationFailed, std::string(ppk.message()));
  JudgePeer(sa, true, offered, in, &Impl::InitiatorJudged);
}

// The certificate the initiator came with, for the choice of its profile.  False: nothing to go on with now, or at all.
bool Endpoint::Impl::NoteCertificate(IkeSa& sa, const AuthPayload& auth, const Incoming& in) {
  SessionInfo& info = sa.session->info;
  info.remote_certificate.reset();
  if (auth.method == AuthMethod::kNull) return true;  // whosever it is, it will not be proved
  if (AwaitCertificates(sa, in)) return false;
  const auto certificates = ReadCertificates(in.payloads);
  if (!certificates.ok()) {
    RejectAuth(sa, in, NotifyType::kAuthenticationFailed, std::string(certificates.status().message()));
    return false;
  }
  if (certificates->empty()) return true;
  if (auto own = crypto::ParseCertificate(certificates->front()); own.ok()) {
    own->der.clear();
    info.remote_certificate = std::make_shared<const crypto::CertificateInfo>(*std::move(own));
  }
  return true;
}

void Endpoint::Impl::InitiatorJudged(IkeSa& sa, const absl::Status& verdict, const Incoming& in) {
  if (!verdict.ok()) return RejectAuth(sa, in, NotifyType::kAuthenticationFailed, std::string(verdict.message()));
  ProveOurselves(sa, in);
}

bool Endpoint::Impl::SelectPeer(IkeSa& sa, const IdPayload&, const Incoming& in) {
  Session& session = *sa.session;
  std::optional<Identity> wanted;
  if (const IdPayload* idr = FindId(in.payloads, false)) wanted = Identity{idr->type, idr->data};
  auto policy = policy_.SelectProfile(session.info, wanted);
  if (!policy.ok()) {
    RejectAuth(sa, in, NotifyType::kAuthenticationFailed, std::string(policy.status().message()));
    return false;
  }
  session.policy = policies_.Share(*std::move(policy));
  session.info.local_id = session.policy->local_id;
  session.info.profile = session.policy->profile;
  return true;
}

void Endpoint::Impl::RejectAuth(IkeSa& sa, const Incoming& in, NotifyType type, const std::string& log) {
  Refuse(ReplyFor(sa, in), {type, {}, log, {}}, in.out);
  AuthFailed(sa, log, in.now, in.out);
}

// The IKE SA lingers only to repeat the answer; it still counts as half-open.
void Endpoint::Impl::AuthFailed(IkeSa& sa, const std::string& log, Instant now, Actions& out) {
  counters_.Add("authentications failed");
  ++stats_.attempts().incoming_failed;
  const SessionInfo& info = sa.session->info;
  Warn(info,
       absl::StrCat("IKEv2: authentication of peer ", PeerName(info), " failed",
                    info.profile.empty() ? "" : absl::StrCat(" (profile ", info.profile, ")"), ": ", log),
       out);
  sa.state = IkeState::kClosed;
  sa.expires = now + std::min<Duration>(config_.half_open_timeout, kAnswerLinger);
  Down(*sa.session, log, out);
}

void Endpoint::Impl::ProveOurselves(IkeSa& sa, const Incoming& in) {
  if (OwnCredential(sa) != nullptr) {
    Hold(sa, in);
    return SignOwn(sa, false, PpkUse::kIfAny, in.now, in.out, &Impl::OwnSigned);
  }
  const auto own = UnsignedAuth(sa, false, PpkUse::kIfAny);
  if (!own.ok())
    return RejectAuth(sa, in, NotifyType::kAuthenticationFailed, std::string(own.status().message()));
  ResponderUp(sa, *own, in);
}

void Endpoint::Impl::ResponderUp(IkeSa& sa, const AuthPayload& own, const Incoming& in) {
  Session& session = *sa.session;
  const bool alone = FindNotify(in.payloads, NotifyType::kInitialContact) != nullptr;
  if (alone || session.policy->initial_contact_force) {
    tables_.BindIdentity(session);
    ForgetOlder(session, !alone, in.out);
  }
  NoteMobike(session, in.payloads);
  Up(session, sa, in.now, in.out);
  NoteWindow(sa, in.payloads);
  NoteQcdToken(sa, in.payloads);
  Payloads answer;
  if (!sa.handshake->eap) AppendOwnIdentity(sa, answer);
  answer.emplace_back(own);
  if (session.info.ppk && !session.info.resumed)
    answer.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kPpkIdentity, {}});
  const bool configured = AnswerConfig(session, in, answer);
  AppendAuthNotifies(session, answer);
  AppendQcdToken(sa, answer);
  AppendAuthLifetime(session, in.now, answer);
  AppendTicket(session, sa, in.payloads, in.now, answer);
  if (session.info.mobike) AppendMobike(session, answer);
  sa.window_announced = true;
  const bool childless = ike::Find<SaPayload>(in.payloads) == nullptr && FindTs(in.payloads, true) == nullptr &&
                         FindTs(in.payloads, false) == nullptr;  // RFC 6023
  if (configured && !childless) AnswerAuthChild(sa, in, answer);
  Respond(ReplyFor(sa, in), answer, in.out);
  sa.handshake.reset();
}

// As responder, what comes before AUTH.
void Endpoint::Impl::AppendOwnIdentity(const IkeSa& sa, Payloads& out) const {
  const Session& session = *sa.session;
  out.emplace_back(IdPayload{false, session.policy->local_id.type, session.policy->local_id.data});
  const crypto::Credential* credential = session.info.resumed ? nullptr : OwnCredential(sa);
  if (credential != nullptr) AppendCertificates(*credential, out);
}

// False: the Child SA is refused with INTERNAL_ADDRESS_FAILURE.
bool Endpoint::Impl::AnswerConfig(Session& session, const Incoming& in, Payloads& answer) {
  const auto* request = ike::Find<ConfigPayload>(in.payloads);
  if (request == nullptr || request->type != CfgType::kRequest) return true;
  auto reply = policy_.OnConfigRequest(session.info, request->attributes);
  if (!reply.ok()) {
    Warn(session.info,
         absl::StrCat("IKEv2: no configuration for ", PeerName(session.info), ": ", reply.status().message()), in.out);
    answer.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kInternalAddressFailure, {}});
    return false;
  }
  for (const ConfigAttribute& a : *reply)
    if (a.type == CfgAttr::kIp4Address && a.value.size() == 4 && session.assigned_remote.empty())
      session.assigned_remote = net::IpAddress::FromBytes(a.value);
  answer.emplace_back(ConfigPayload{CfgType::kReply, *std::move(reply)});
  return true;
}

void Endpoint::Impl::AnswerAuthChild(IkeSa& sa, const Incoming& in, Payloads& answer) {
  Session& session = *sa.session;
  auto selected = SelectChild(session, in.payloads, true);
  if (const auto* refusal = std::get_if<Refusal>(&selected)) {  // the IKE SA stays (§1.2)
    Warn(session.info,
         absl::StrCat("IKEv2: Child SA of ", PeerName(session.info), " (profile ", session.policy->profile, ") refused: ",
                      refusal->why),
         in.out);
    answer.emplace_back(NotifyPayload{ProtocolId::kNone, {}, refusal->type, refusal->data});
    return;
  }
  const auto& agreed = std::get<ChildAgreement>(selected);
  ChildParams params;
  params.suite = agreed.choice.suite;
  params.spi_in = tables_.NewEspSpi(rng_);
  params.spi_out = agreed.spi_out;
  params.transport = agreed.transport;
  params.local_ts = agreed.local_ts;
  params.remote_ts = agreed.remote_ts;
  params.nonce_i = sa.handshake->nonce_i;
  params.nonce_r = sa.handshake->nonce_r;
  Child& child = AddChild(session, sa, params, in.now);
  RaiseChild(child, true, true, in.out);
  AppendChildAnswer(agreed, params.spi_in, answer);
}

// INITIAL_CONTACT (§2.4).  What came up after the peer began this IKE SA is not older: both sides may have called
// each other at once.  `tell`: the peer has not said that it knows nothing of them.  A peer that is nobody in particular has
// no older sessions: without that, anybody could end those of all others (RFC 7619 §2.3).
void Endpoint::Impl::ForgetOlder(Session& session, bool tell, Actions& out) {
  if (IsAnonymous(session.info)) return;
  for (IkeSaId id : tables_.SameIdentity(session)) {
    Session* other = tables_.FindSession(id);
    if (other == nullptr || !other->up || other->down || other->established > session.created) continue;
    // A name that a login has proved is one of another book.
    if ((other->info.auth_remote == "EAP") != (session.info.auth_remote == "EAP")) continue;
    counters_.Add("IKE SAs replaced by INITIAL_CONTACT");
    if (tell) {
      Close(*other, "replaced by a newer session (initial-contact force)", false, out);
      continue;
    }
    Down(*other, "peer started anew (INITIAL_CONTACT)", out);
    DropSas(*other);
  }
}

}  // namespace flexvpn::ike
