// SPDX-License-Identifier: Apache-2.0
// IKE_AUTH as initiator (RFC 7296 §1.2, §2.15, §2.19, §2.21.2).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

NotifyPayload Status(NotifyType type, Bytes data = {}) { return {ProtocolId::kNone, {}, type, std::move(data)}; }

Bytes U32Bytes(uint32_t v) {
  ByteWriter w;
  w.U32(v);
  return std::move(w).Release();
}

}  // namespace

AuthInput Endpoint::Impl::AuthFor(const IkeSa& sa, bool of_initiator, const Identity& id, PpkUse ppk) const {
  const Handshake& h = *sa.handshake;
  AuthInput in;
  in.prf = sa.suite.prf;
  in.first_message = of_initiator ? h.init_request : h.init_response;
  in.peer_nonce = of_initiator ? h.nonce_r : h.nonce_i;
  in.sk_p = of_initiator ? sa.keys.sk_pi : sa.keys.sk_pr;
  if (h.ppk && ppk == PpkUse::kIfAny) in.sk_p = of_initiator ? h.ppk->sk_pi : h.ppk->sk_pr;
  in.id = &id;
  in.int_auth = h.int_auth;
  return in;
}

// Our AUTH where it is no signature: by shared key, or by none (RFC 7619).
absl::StatusOr<AuthPayload> Endpoint::Impl::UnsignedAuth(IkeSa& sa, bool of_initiator, PpkUse ppk) {
  const SessionPolicy& policy = *sa.session->policy;
  const AuthInput input = AuthFor(sa, of_initiator, policy.local_id, ppk);
  sa.session->info.auth_local = policy.local_null ? "NULL" : "PSK";
  if (policy.local_null) return NullAuth(crypto_, input);
  return NewPskAuthenticator(crypto_, policy.local_psk, policy.remote_psk)->Sign(input);
}

void Endpoint::Impl::AppendAuthNotifies(const Session& session, Payloads& out) const {
  const uint32_t window = ReceiveWindowOf(*session.policy);
  if (window > 1) out.emplace_back(Status(NotifyType::kSetWindowSize, U32Bytes(window)));
  out.emplace_back(Status(NotifyType::kEspTfcPaddingNotSupported));
}

void Endpoint::Impl::NoteWindow(IkeSa& sa, const Payloads& payloads) {
  const auto* notify = FindNotify(payloads, NotifyType::kSetWindowSize);
  if (notify != nullptr && notify->data.size() == 4) sa.send.SetSize(ByteReader(notify->data).U32());
}

void Endpoint::Impl::SendAuth(IkeSa& sa, Instant now, Actions& out) {
  Session& session = *sa.session;
  if (sa.handshake->kept) {
    session.info.auth_local = "PSK";
    return SendAuthRequest(sa, ResumedAuth(crypto_, AuthFor(sa, true, session.policy->local_id)), now, out);
  }
  if (session.policy->local_eap) return BeginEap(sa, now, out);
  if (sa.handshake->agreed.ppk) sa.handshake->ppk = MixPpk(crypto_, sa.suite.prf, *session.policy->ppk, sa.keys);
  // An optional PPK: AUTH is made twice, for a responder that has the key and for one that lacks it (RFC 8784 §3).
  const bool also_without = sa.handshake->ppk && !session.policy->ppk->required;
  if (OwnCredential(sa) != nullptr) {
    return also_without ? SignOwn(sa, true, PpkUse::kWithout, now, out, &Impl::SignWithPpk)
                        : SignOwn(sa, true, PpkUse::kIfAny, now, out, &Impl::SendAuthRequest);
  }
  const auto auth = UnsignedAuth(sa, true, PpkUse::kIfAny);
  if (!auth.ok()) return FailInit(session, std::string(auth.status().message()), out);
  if (also_without) {
    auto without = UnsignedAuth(sa, true, PpkUse::kWithout);
    if (without.ok()) sa.handshake->no_ppk_auth = std::move(without->data);
  }
  SendAuthRequest(sa, *auth, now, out);
}

void Endpoint::Impl::SignWithPpk(IkeSa& sa, const AuthPayload& without, Instant now, Actions& out) {
  sa.handshake->no_ppk_auth = without.data;
  SignOwn(sa, true, PpkUse::kIfAny, now, out, &Impl::SendAuthRequest);
}

void Endpoint::Impl::SendAuthRequest(IkeSa& sa, const AuthPayload& auth, Instant now, Actions& out) {
  SendFirstAuth(sa, &auth, now, out);
}

// `auth`: nullptr before a login by EAP.
void Endpoint::Impl::SendFirstAuth(IkeSa& sa, const AuthPayload* auth, Instant now, Actions& out) {
  Session& session = *sa.session;
  const InitiateRequest& request = *session.request;
  Payloads payloads;
  payloads.emplace_back(IdPayload{true, session.policy->local_id.type, session.policy->local_id.data});
  if (!sa.handshake->kept) {  // a ticket stands for both certificates
    if (const crypto::Credential* own = auth == nullptr ? nullptr : OwnCredential(sa)) AppendCertificates(*own, payloads);
    AppendCertRequest(Authorities(*session.policy), payloads);
    AppendHttpLookup(payloads);
  }
  if (request.remote_id) payloads.emplace_back(IdPayload{false, request.remote_id->type, request.remote_id->data});
  if (auth != nullptr) payloads.emplace_back(*auth);
  // Only if it is true as far as we can know: this is our one IKE SA with the peer (§2.4).  Who is nobody in particular
  // does not say it (RFC 7619 §2.3).
  if (session.policy->initial_contact && !session.policy->local_null &&
      tables_.up_with(session.info.remote.address) == 0)
    payloads.emplace_back(Status(NotifyType::kInitialContact));
  if (!request.config_request.empty())
    payloads.emplace_back(ConfigPayload{CfgType::kRequest, request.config_request});
  AppendAuthNotifies(session, payloads);
  AppendQcdToken(sa, payloads);
  if (AsksForTicket(*session.policy)) payloads.emplace_back(Status(NotifyType::kTicketRequest));
  if (session.policy->mobike) AppendMobike(session, payloads);
  sa.window_announced = true;
  AppendPpk(sa, payloads);
  if (session.policy->childless == Childless::kNever || !sa.handshake->agreed.childless) {
    sa.handshake->offer = MakeOffer(session, false);
    AppendOffer(sa.handshake->offer, payloads);
  }
  sa.state = IkeState::kAuthSent;
  SendRequest(sa, ExchangeType::kIkeAuth, payloads, AuthOp{}, now, out);
}

// AUTHENTICATION_FAILED or another error instead of IDr and AUTH.
void Endpoint::Impl::AuthRejected(IkeSa& sa, const NotifyPayload& error, const Incoming& in) {
  Session& session = *sa.session;
  if (sa.handshake->kept) return FallBack(sa, absl::StrCat("peer answered ", NotifyName(error.type)), in.now, in.out);
  counters_.Add("authentications refused by the peer");
  std::string why = absl::StrCat("peer answered ", NotifyName(error.type));
  if (error.type == NotifyType::kAuthenticationFailed)
    why = absl::StrCat("peer rejected our authentication as ", session.info.local_id.ToString(),
                       " (AUTHENTICATION_FAILED); ",
                       OwnCredential(sa) != nullptr ? "it does not accept our certificate, or our identity is not configured there"
                       : session.policy->local_eap  ? "it does not take EAP, or not this login"
                       : session.policy->local_null ? "it lets nobody in without authentication (NULL)"
                                                    : "wrong pre-shared key, or our identity is not configured there");
  FailInit(session, why, in.out);
}

void Endpoint::Impl::AuthMissing(IkeSa& sa, const Incoming& in) {
  const NotifyPayload* error = FindError(in.payloads);
  static const NotifyPayload kSyntax{ProtocolId::kNone, {}, NotifyType::kInvalidSyntax, {}};
  AuthRejected(sa, error != nullptr ? *error : kSyntax, in);
}

void Endpoint::Impl::OnAuthResponse(IkeSa& sa, const Incoming& in, Request*) {
  const EapLogin* login = sa.handshake->eap.get();
  if (login != nullptr && login->peer_proved) return OnEapResponse(sa, in);
  const auto* auth = ike::Find<AuthPayload>(in.payloads);
  if (auth == nullptr) return AuthMissing(sa, in);
  Session& session = *sa.session;
  if (login != nullptr && auth->method == AuthMethod::kNull)
    return PeerJudged(sa, absl::UnauthenticatedError("it does not prove itself (NULL), and asks for our login"), in);
  if ((login != nullptr) != (ike::Find<EapPayload>(in.payloads) != nullptr))
    return PeerJudged(sa, absl::UnauthenticatedError(login != nullptr ? "it does not ask for EAP, which is configured here"
                                                                      : "it asks for EAP, which is not configured here"), in);
  if (!sa.handshake->kept && auth->method != AuthMethod::kNull && AwaitCertificates(sa, in)) return;
  const IdPayload* idr = FindId(in.payloads, false);
  if (idr == nullptr) return PeerJudged(sa, absl::UnauthenticatedError("answer without IDr"), in);
  const Identity id{idr->type, idr->data};
  session.info.remote_id = id;
  const auto& wanted = session.request->remote_id;
  if (wanted && !(*wanted == id)) {
    return PeerJudged(
        sa, absl::UnauthenticatedError(absl::StrCat("it calls itself ", id.ToString(), ", wanted ", wanted->ToString())), in);
  }
  if (sa.handshake->kept) return PeerJudged(sa, CheckResumedAnswer(sa, in.payloads), in);
  if (const absl::Status ppk = SettlePpk(sa, in.payloads); !ppk.ok()) return PeerJudged(sa, ppk, in);
  JudgePeer(sa, false, *auth, in, &Impl::PeerJudged);
}

void Endpoint::Impl::PeerJudged(IkeSa& sa, const absl::Status& verdict, const Incoming& in) {
  EapLogin* login = sa.handshake->eap.get();
  if (verdict.ok() && login != nullptr && !login->success) {
    login->peer_proved = true;
    return EapFromResponder(sa, in);
  }
  if (verdict.ok()) return InitiatorUp(sa, in);
  Session& session = *sa.session;
  counters_.Add("authentications failed");
  const std::string why =
      absl::StrCat("authentication of the peer failed (profile ", session.info.profile, "): ", verdict.message());
  WarnNoSa(session.info, why, in.out);
  Close(session, why, true, in.out);  // it believes to be up: tell it (§2.21.2)
}

void Endpoint::Impl::InitiatorUp(IkeSa& sa, const Incoming& in) {
  Session& session = *sa.session;
  const auto* config = ike::Find<ConfigPayload>(in.payloads);
  if (config != nullptr && config->type == CfgType::kReply) {
    for (const ConfigAttribute& a : config->attributes)
      if (a.type == CfgAttr::kIp4Address && a.value.size() == 4 && session.assigned_local.empty())
        session.assigned_local = net::IpAddress::FromBytes(a.value);
  }
  NoteWindow(sa, in.payloads);
  NoteQcdToken(sa, in.payloads);
  NoteAuthLifetime(session, in.payloads, in.now);
  const auto* redirect = FindNotify(in.payloads, NotifyType::kRedirect);
  if (redirect != nullptr && ike::Find<SaPayload>(in.payloads) == nullptr) {  // RFC 5685 §3: it has made no Child SA
    const auto to = RedirectTarget(session, *redirect);
    if (!to.ok()) return Close(session, std::string(to.status().message()), false, in.out);
    EndEap(sa, in.out);
    StartOp(sa, DeleteIkeOp{}, in.now, in.out);  // once: repeated it would go to the new gateway
    sa.gone = true;
    return FollowRedirect(session, *to, in.now, in.out);
  }
  const bool childless = !sa.handshake->offer.spi;
  absl::StatusOr<ChildParams> child = absl::NotFoundError("none was asked for");
  if (!childless) child = AcceptChild(session, sa.handshake->offer, in.payloads);
  const bool one_pair = !child.ok() && FindNotify(in.payloads, NotifyType::kSinglePairRequired) != nullptr;
  if (!child.ok() && !one_pair && !childless) {  // by RFC the IKE SA could stay; for us it is useless without a Child SA
    const std::string why = absl::StrCat("no Child SA: ", child.status().message());
    WarnNoSa(session.info, why, in.out);
    return Close(session, why, false, in.out);
  }
  NoteMobike(session, in.payloads);
  Up(session, sa, in.now, in.out);
  if (FindNotify(in.payloads, NotifyType::kInitialContact) != nullptr) ForgetOlder(session, false, in.out);
  if (config != nullptr && config->type == CfgType::kReply)
    in.out.emplace_back(ConfigReceived{session.info.id, CfgType::kReply, config->attributes});
  if (!child.ok()) {  // the Child SA has an exchange of its own (RFC 6023, §2.9)
    session.single_pair = one_pair;
    tables_.ReleaseEspSpi(sa.handshake->offer.spi);
    StartCreateChild(session, in.now, in.out);
  } else {
    ChildParams params = *child;
    params.nonce_i = sa.handshake->nonce_i;
    params.nonce_r = sa.handshake->nonce_r;
    Child& made = AddChild(session, sa, params, in.now);
    RaiseChild(made, true, true, in.out);
  }
  KeepTicket(session, sa, in.payloads, in.now);
  sa.handshake->offer.spi = EspSpi();  // the Child SA's now, or free
  sa.handshake.reset();
  if (!session.request->config_set.empty()) QueueConfigSet(sa, session.request->config_set);
  session.request.reset();
}

}  // namespace flexvpn::ike
