// SPDX-License-Identifier: Apache-2.0
// Proof by certificate in IKE_AUTH (RFC 7296 §2.15, RFC 7427).  Making and checking signatures are jobs: the message
// that needs one is held meanwhile, its repetitions find the request in progress, and whatever else the peer sends
// comes too early and is repeated by it.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

absl::string_view MethodName(crypto::KeyKind key) { return crypto::IsRsa(key) ? "RSA" : crypto::IsEdDsa(key) ? "EdDSA" : "ECDSA"; }

std::string Accepted(const SessionPolicy& policy) {
  std::string out;
  auto add = [&](bool accepted, const char* what) {
    if (accepted) absl::StrAppend(&out, out.empty() ? "" : " or ", what);
  };
  add(policy.accept_psk, "pre-share");
  add(policy.accept_rsa, "rsa-sig");
  add(policy.accept_elliptic, "ecdsa-sig");
  add(policy.accept_eap, "eap");
  add(policy.accept_null, "null");
  return out;
}

}  // namespace

std::optional<HashSet> Endpoint::Impl::SignatureHashes(const Payloads& payloads) {
  const auto* notify = FindNotify(payloads, NotifyType::kSignatureHashAlgorithms);
  return notify == nullptr ? std::nullopt : DecodeHashes(notify->data);
}

// The one under a CA the peer asks for; the request is a hint, so any other is better than none (§3.7).
const crypto::Credential* Endpoint::Impl::OwnCredential(const IkeSa& sa) const {
  const auto& all = sa.session->policy->credentials;
  if (all.empty()) return nullptr;
  const std::vector<Bytes>& wanted = sa.handshake->authorities;
  for (const auto& credential : all)
    for (const Bytes& id : credential->authorities)
      if (std::find(wanted.begin(), wanted.end(), id) != wanted.end()) return credential.get();
  return all.front().get();
}

std::vector<Bytes> Endpoint::Impl::Authorities(const SessionPolicy& policy) const {
  std::vector<Bytes> out;
  if (!policy.accept_rsa && !policy.accept_elliptic) return out;
  for (const auto& trust : policy.trust)
    for (const Bytes& id : trust->authorities())
      if (std::find(out.begin(), out.end(), id) == out.end()) out.push_back(id);
  return out;
}

crypto::UnixTime Endpoint::Impl::TimeOfDay(Instant now) const {
  if (!time_of_day_) return 0;  // 1970: no certificate is valid
  return time_of_day_->first + WholeSeconds(now - time_of_day_->second);
}

void Endpoint::Impl::Hold(IkeSa& sa, const Incoming& in) {
  sa.handshake->held =
      std::make_unique<Held>(Held{{in.datagram.local, in.datagram.remote, {}}, in.header, in.payloads, {}});
}

// Is the peer who it says it is?  `then` hears the verdict, at once or after a job.
void Endpoint::Impl::JudgePeer(IkeSa& sa, bool of_initiator, const AuthPayload& auth, const Incoming& in, Judged then) {
  Session& session = *sa.session;
  const SessionPolicy& policy = *session.policy;
  if (auth.method == AuthMethod::kNull) return (this->*then)(sa, JudgeNull(sa, of_initiator, auth), in);
  if (IsAnonymous(session.info))
    return (this->*then)(sa, absl::UnauthenticatedError("it proves to be somebody and does not say who (ID_NULL)"), in);
  if (auth.method != AuthMethod::kSharedKey) return JudgeCertificate(sa, of_initiator, auth, in, then);
  session.info.remote_certificate.reset();
  session.info.auth_remote = "PSK";
  absl::Status verdict = absl::UnauthenticatedError(
      absl::StrCat("it authenticates with a pre-shared key, wanted is ", Accepted(policy)));
  if (policy.accept_psk)
    verdict = NewPskAuthenticator(crypto_, policy.local_psk, policy.remote_psk)
                  ->Verify(AuthFor(sa, of_initiator, session.info.remote_id), auth);
  (this->*then)(sa, verdict, in);
}

// Only where the profile says so, and only under no name: whoever names itself has to prove it (RFC 7619 §2.2).
absl::Status Endpoint::Impl::JudgeNull(IkeSa& sa, bool of_initiator, const AuthPayload& auth) {
  SessionInfo& info = sa.session->info;
  info.remote_certificate.reset();
  info.auth_remote = "NULL";
  if (!sa.session->policy->accept_null)
    return absl::UnauthenticatedError(
        absl::StrCat("it does not authenticate itself (NULL), wanted is ", Accepted(*sa.session->policy)));
  if (!IsAnonymous(info))
    return absl::UnauthenticatedError(
        absl::StrCat("it calls itself ", info.remote_id.ToString(), " and does not prove it (NULL authentication)"));
  RETURN_IF_ERROR(VerifyNullAuth(crypto_, AuthFor(sa, of_initiator, info.remote_id), auth));
  counters_.Add("peers without authentication accepted");
  return absl::OkStatus();
}

void Endpoint::Impl::JudgeCertificate(IkeSa& sa, bool of_initiator, const AuthPayload& auth, const Incoming& in,
                                      Judged then) {
  Session& session = *sa.session;
  const SessionPolicy& policy = *session.policy;
  auto refuse = [&](absl::string_view why) { (this->*then)(sa, absl::UnauthenticatedError(why), in); };
  auto received = ReadSignatureAuth(auth);
  if (!received.ok()) return refuse(received.status().message());
  if (!policy.accept_rsa && !policy.accept_elliptic)
    return refuse(absl::StrCat("it authenticates with a signature, wanted is ", Accepted(policy)));
  auto chain = ReadCertificates(in.payloads);
  if (!chain.ok()) return refuse(chain.status().message());
  const auto claim = ToClaim(session.info.remote_id);
  if (!claim) return refuse("no certificate can prove an identity of this type");
  crypto::VerifyPeer job;
  job.trust = policy.trust;
  job.chain = *std::move(chain);
  job.at = TimeOfDay(in.now);
  job.identity = *claim;
  job.rsa = policy.accept_rsa;
  job.elliptic = policy.accept_elliptic;
  job.scheme = received->scheme;
  job.signature = std::move(received->signature);
  job.data = SignedOctets(crypto_, AuthFor(sa, of_initiator, session.info.remote_id));
  Hold(sa, in);
  sa.state = IkeState::kAuthVerify;
  BeginJudgement(sa, std::move(job), in.now, in.out);
}

void Endpoint::Impl::JudgementDone(IkeSa& sa, crypto::JobResult result, Instant now, Actions& out) {
  sa.handshake->judging.reset();
  const std::unique_ptr<Held> held = std::move(sa.handshake->held);
  const Incoming message = View(*held, now, out);
  if (auto* peer = result.ok() ? std::get_if<crypto::VerifiedPeer>(&*result) : nullptr) {
    peer->certificate.der.clear();
    sa.session->info.auth_remote = MethodName(*peer->certificate.key);
    sa.session->info.remote_certificate = std::make_shared<const crypto::CertificateInfo>(std::move(peer->certificate));
    counters_.Add("certificates accepted");
  } else {
    counters_.Add("certificates refused");
  }
  if (sa.initiator)
    PeerJudged(sa, result.status(), message);
  else
    InitiatorJudged(sa, result.status(), message);
}

void Endpoint::Impl::SignOwn(IkeSa& sa, bool of_initiator, PpkUse ppk, Instant now, Actions& out, Signed then) {
  Session& session = *sa.session;
  const crypto::Credential& own = *OwnCredential(sa);
  const auto chosen = ChooseScheme(own.key->kind(), sa.handshake->peer_hashes,
                                   session.policy->rsa_pss && own.key->kind() == crypto::KeyKind::kRsa);
  if (!chosen.ok()) return SigningFailed(sa, chosen.status(), now, out);
  session.info.auth_local = MethodName(own.key->kind());
  sa.state = IkeState::kAuthSign;
  crypto::Sign job{own.key, chosen->scheme, chosen->method == AuthMethod::kSignature,
                   SignedOctets(crypto_, AuthFor(sa, of_initiator, session.policy->local_id, ppk))};
  StartJob(sa, std::move(job),
           [this, then, method = chosen->method](IkeSa& s, crypto::JobResult result, Instant at, Actions& actions) {
             if (!result.ok() || !std::holds_alternative<crypto::Signature>(*result))
               return SigningFailed(s, result.status(), at, actions);
             (this->*then)(s, SignatureAuth(method, std::get<crypto::Signature>(*result)), at, actions);
           },
           out);
}

void Endpoint::Impl::SigningFailed(IkeSa& sa, const absl::Status& why, Instant now, Actions& out) {
  const std::string text = absl::StrCat("we cannot authenticate ourselves: ", why.message());
  if (sa.initiator) return FailInit(*sa.session, text, out);
  const std::unique_ptr<Held> held = std::move(sa.handshake->held);
  RejectAuth(sa, View(*held, now, out), NotifyType::kAuthenticationFailed, text);
}

void Endpoint::Impl::OwnSigned(IkeSa& sa, const AuthPayload& own, Instant now, Actions& out) {
  const std::unique_ptr<Held> held = std::move(sa.handshake->held);
  ResponderUp(sa, own, View(*held, now, out));
}

}  // namespace flexvpn::ike
