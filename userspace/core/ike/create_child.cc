// SPDX-License-Identifier: Apache-2.0
// CREATE_CHILD_SA for Child SAs: new ones and rekeys, make before break (RFC 7296 §1.3.1, §1.3.3, §2.8, §2.25.1).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

constexpr Duration kRefusedWait = seconds(30);  // a refusal that will hardly change soon

Bytes SpiBytes(EspSpi spi) {
  ByteWriter w;
  w.U32(spi.value());
  return std::move(w).Release();
}

// Nonce and KE stand between SA and the two selectors, as RFC 7296 §1.3 lists them.
void InsertBeforeTs(Payloads& payloads, const Bytes& nonce, crypto::KeMethod method, const Bytes& public_value) {
  payloads.insert(payloads.end() - 2, NoncePayload{nonce});
  if (method != crypto::KeMethod::kNone) payloads.insert(payloads.end() - 2, KePayload{method, public_value});
}

}  // namespace

// ---- responder ----

void Endpoint::Impl::OnCreateChildClosing(IkeSa& sa, const Incoming& in, Request*) {
  Refuse(ReplyFor(sa, in), {NotifyType::kTemporaryFailure, {}, "", {}}, in.out);
}

void Endpoint::Impl::OnCreateChildRequest(IkeSa& sa, const Incoming& in, Request*) {
  Session& session = *sa.session;
  const auto* offer = ike::Find<SaPayload>(in.payloads);
  const ReplyTo to = ReplyFor(sa, in);
  if (offer == nullptr || offer->proposals.empty() || ike::Find<NoncePayload>(in.payloads) == nullptr)
    return Refuse(to, {NotifyType::kInvalidSyntax, {}, "", {}}, in.out);
  if (offer->proposals.front().protocol == ProtocolId::kIke) return OnRekeyIkeRequest(sa, in);
  if (session.current != sa.local_spi || sa.rekeying || sa.successor)
    return Refuse(to, {NotifyType::kTemporaryFailure, {}, "", {}}, in.out);
  ChildId old;
  if (auto refusal = FindRekeyed(sa, in.payloads, old)) return Refuse(to, *refusal, in.out);
  if (session.children.size() >= kMaxChildren)
    return Refuse(to, {NotifyType::kNoAdditionalSas, {}, "", {}}, in.out);
  auto selected = SelectChild(session, in.payloads, false);
  if (const auto* refusal = std::get_if<Refusal>(&selected)) {
    if (refusal->type != NotifyType::kInvalidKePayload)
      Warn(session.info,
           absl::StrCat("IKEv2: Child SA of ", PeerName(session.info), " refused: ", refusal->why), in.out);
    return Refuse(to, *refusal, in.out);
  }
  AnswerChild(sa, in, old, std::get<ChildAgreement>(std::move(selected)));
}

// Which Child SA is to be rekeyed; none for a new one.
std::optional<Endpoint::Impl::Refusal> Endpoint::Impl::FindRekeyed(IkeSa& sa, const Payloads& payloads, ChildId& old) {
  const NotifyPayload* rekey = FindNotify(payloads, NotifyType::kRekeySa);
  if (rekey == nullptr) return std::nullopt;
  if (rekey->spi.size() != 4) return Refusal{NotifyType::kInvalidSyntax, {}, "", {}};
  const EspSpi spi(ByteReader(rekey->spi).U32());
  Child* child = FindChildByPeerSpi(*sa.session, spi);
  if (child != nullptr && (child->deleting || (child->successor && !child->linger_until)))
    return Refusal{NotifyType::kTemporaryFailure, {}, "", {}};
  // The answer to our own request may be what makes the SA it means.
  if (child == nullptr && ChildRekeyUnderWay(*sa.session)) return Refusal{NotifyType::kTemporaryFailure, {}, "", {}};
  if (child == nullptr || child->linger_until) return Refusal{NotifyType::kChildSaNotFound, {}, "", spi};
  old = child->sa.id;
  return std::nullopt;
}

void Endpoint::Impl::AnswerChild(IkeSa& sa, const Incoming& in, ChildId old, ChildAgreement agreement) {
  const Bytes nonce_i = ike::Find<NoncePayload>(in.payloads)->nonce;
  const Bytes nonce_r = rng_.Take(kNonceSize);
  if (Child* child = FindChild(*sa.session, old)) child->peer_rekey = PeerRekey{nonce_i, nonce_r};
  const ReplyTo to = ReplyFor(sa, in);
  const crypto::KeMethod group = agreement.choice.suite.ke;
  if (group == crypto::KeMethod::kNone)
    return FinishChildAnswer(sa, to, old, agreement, {}, {}, nonce_i, nonce_r, in.now, in.out);
  const Bytes peer_public = ike::Find<KePayload>(in.payloads)->public_value;
  StartJob(sa, crypto::AnswerKey{group, peer_public},
           [=, this](IkeSa& s, crypto::JobResult result, Instant now, Actions& out) {
             if (!result.ok() || !std::holds_alternative<crypto::KeyAnswer>(*result))
               return Refuse(to, {NotifyType::kInvalidSyntax, {}, "", {}}, out);
             const auto& made = std::get<crypto::KeyAnswer>(*result);
             FinishChildAnswer(s, to, old, agreement, made.secret, made.public_value, nonce_i, nonce_r, now, out);
           },
           in.out);
}

void Endpoint::Impl::FinishChildAnswer(IkeSa& sa, const ReplyTo& to, ChildId old, const ChildAgreement& agreement,
                                       BytesView shared, const Bytes& public_value, const Bytes& nonce_i,
                                       const Bytes& nonce_r, Instant now, Actions& out) {
  const Suite& suite = agreement.choice.suite;
  if (!MayAwaitFollowup(sa, suite)) return Refuse(to, {NotifyType::kTemporaryFailure, {}, "", {}}, out);
  const ChildPromise promise{agreement, tables_.NewEspSpi(rng_), old, nonce_i, nonce_r};
  Payloads answer;
  AppendChildAnswer(agreement, promise.spi_in, answer);
  InsertBeforeTs(answer, nonce_r, public_value.empty() ? crypto::KeMethod::kNone : suite.ke, public_value);
  if (HasAdditional(suite)) {
    answer.push_back(AwaitFollowup(sa, PromiseFollowup(promise, shared), now));
  } else if (!KeepPromise(sa, promise, shared, {}, now, out)) {
    tables_.ReleaseEspSpi(promise.spi_in);
    return Refuse(to, {NotifyType::kTemporaryFailure, {}, "", {}}, out);
  }
  MarkAnswered(*sa.session, to);
  Respond(to, answer, out);
}

PendingFollowup Endpoint::Impl::PromiseFollowup(const ChildPromise& promise, BytesView shared) {
  PendingFollowup pending;
  pending.left = AdditionalMethods(promise.agreement.choice.suite);
  pending.first = ToSecret(shared);
  pending.spi = promise.spi_in;
  pending.finish = [this, promise](IkeSa& sa, const PendingFollowup& p, Instant now, Actions& out) {
    return KeepPromise(sa, promise, p.first, p.rest, now, out);
  };
  pending.cancel = [this, promise](IkeSa& sa) {
    tables_.ReleaseEspSpi(promise.spi_in);
    if (Child* child = FindChild(*sa.session, promise.old)) child->peer_rekey.reset();
  };
  return pending;
}

// Makes the Child SA; false if what it replaces has gone meanwhile.
bool Endpoint::Impl::KeepPromise(IkeSa& sa, const ChildPromise& promise, BytesView shared, BytesView additional,
                                 Instant now, Actions& out) {
  Session& session = *sa.session;
  const ChildId old = promise.old;
  Child* replaced = FindChild(session, old);
  if (session.down || (old && replaced == nullptr)) return false;
  ChildParams params;
  params.suite = promise.agreement.choice.suite;
  params.spi_in = promise.spi_in;
  params.spi_out = promise.agreement.spi_out;
  params.transport = promise.agreement.transport;
  params.local_ts = promise.agreement.local_ts;
  params.remote_ts = promise.agreement.remote_ts;
  params.shared = shared;
  params.additional = additional;
  params.nonce_i = promise.nonce_i;
  params.nonce_r = promise.nonce_r;
  params.replaces = old;
  Child& child = AddChild(session, sa, params, now);
  if (!old) {
    RaiseChild(child, true, true, out);
  } else {
    RaiseChild(child, true, false, out);
    if (!replaced->successor) {  // else our own rekey of it has won meanwhile
      replaced->successor = child.sa.id;
      AwaitOutbound(session, child, now);
    }
  }
  return true;
}

// The responder of a rekey sends on the new SA when the DELETE of the old one comes, or after a while.
void Endpoint::Impl::AwaitOutbound(Session& session, Child& child, Instant now) {
  child.outbound_at = now + kResponderOutbound;
  const Child* old = FindChild(session, child.sa.replaces);
  if (old != nullptr && old->hard) child.outbound_at = std::min(*child.outbound_at, *old->hard);
}

// `to` is answered now: the answer makes the Child SAs that have none yet.
void Endpoint::Impl::MarkAnswered(Session& session, const ReplyTo& to) {
  for (auto& [id, child] : session.children) {
    if (!child.outbound_at || child.answered_on) continue;
    child.answered_on = to.sa;
    child.answered_id = to.message_id;
  }
}

// A request that is repeated has not been answered as far as the peer knows: it cannot receive on the SA yet.
void Endpoint::Impl::AnswerRepeated(IkeSa& sa, uint32_t message_id, Instant now) {
  for (auto& [id, child] : sa.session->children) {
    if (!child.outbound_at || child.answered_on != sa.local_spi || child.answered_id != message_id) continue;
    AwaitOutbound(*sa.session, child, now);
    Touch(*sa.session);
  }
}

// ---- initiator ----

void Endpoint::Impl::StartRekeyChild(Session& session, Child& child, Instant now, Actions& out) {
  IkeSa* sa = Current(session);
  if (sa == nullptr || sa->state != IkeState::kEstablished || !session.up) return;
  if (child.rekeying || child.deleting || child.successor || child.linger_until) return;
  if (sa->rekeying || sa->successor || sa->peer_rekey || !child.outbound) return RetryRekeyChild(session, child.sa.id, now);
  child.rekeying = true;
  child.soft.reset();
  RekeyChildOp op;
  op.old = child.sa.id;
  op.offer = MakeOffer(session, true);
  op.offer.transport = child.sa.transport;
  const auto& pfs = session.policy->child.pfs;
  const crypto::KeMethod group = pfs.empty() || op.offer.suites.empty() ? crypto::KeMethod::kNone : op.offer.suites.front().ke;
  QueueRekeyChild(*sa, std::move(op), group, now, out);
}

void Endpoint::Impl::StartCreateChild(Session& session, Instant now, Actions& out) {
  IkeSa* sa = Current(session);
  if (sa == nullptr || sa->state != IkeState::kEstablished || !session.up || session.creating) return;
  session.create_at.reset();
  if (session.children.size() >= kMaxChildren) return;
  if (sa->rekeying || sa->successor || sa->peer_rekey) return RetryRekeyChild(session, ChildId(), now);
  session.creating = true;
  RekeyChildOp op;
  op.offer = MakeOffer(session, true);
  const auto& pfs = session.policy->child.pfs;
  const crypto::KeMethod group = pfs.empty() || op.offer.suites.empty() ? crypto::KeMethod::kNone : op.offer.suites.front().ke;
  QueueRekeyChild(*sa, std::move(op), group, now, out);
}

void Endpoint::Impl::QueueRekeyChild(IkeSa& sa, RekeyChildOp op, crypto::KeMethod group, Instant, Actions& out) {
  op.nonce = rng_.Take(kNonceSize);
  op.key = {};
  if (group == crypto::KeMethod::kNone) {
    sa.queue.emplace_back(std::move(op));
    return;
  }
  const Op pending = op;
  StartJob(sa, crypto::GenerateKey{group},
           [this, op](IkeSa& s, crypto::JobResult made, Instant now, Actions&) {
             IkeSa* current = Current(*s.session);
             RekeyChildOp ready = op;
             if (current == nullptr || !made.ok() || !std::holds_alternative<crypto::KeyPair>(*made)) {
               EndOp(s, ready);
               return RetryRekeyChild(*s.session, ready.old, now);
             }
             ready.key = std::get<crypto::KeyPair>(*std::move(made));
             current->queue.emplace_back(std::move(ready));
           },
           out, pending);
}

void Endpoint::Impl::SendRekeyChild(IkeSa& sa, RekeyChildOp op, Instant now, Actions& out) {
  const Child* child = FindChild(*sa.session, op.old);
  Payloads payloads;
  if (op.old) {
    if (child == nullptr || child->deleting || child->successor || child->linger_until) return EndOp(sa, op);
    if (!child->lost)
      payloads.emplace_back(NotifyPayload{ProtocolId::kEsp, SpiBytes(child->sa.spi_in), NotifyType::kRekeySa, {}});
  }
  AppendOffer(op.offer, payloads);
  InsertBeforeTs(payloads, op.nonce, op.key.method, op.key.public_value);
  SendRequest(sa, ExchangeType::kCreateChildSa, payloads, std::move(op), now, out);
}

void Endpoint::Impl::OnCreateChildResponse(IkeSa& sa, const Incoming& in, Request* request) {
  if (auto* rekey = std::get_if<RekeyChildOp>(&request->op())) return OnRekeyChildResponse(sa, *rekey, in);
  if (auto* rekey = std::get_if<RekeyIkeOp>(&request->op())) return OnRekeyIkeResponse(sa, *rekey, in);
}

void Endpoint::Impl::OnRekeyChildResponse(IkeSa& sa, RekeyChildOp& op, const Incoming& in) {
  Session& session = *sa.session;
  const NotifyPayload* error = FindError(in.payloads);
  if (error != nullptr && ike::Find<SaPayload>(in.payloads) == nullptr) return RekeyChildFailed(sa, op, *error, in);
  if (session.down) return EndOp(sa, op);
  auto params = AcceptChild(session, op.offer, in.payloads);
  const auto* nonce = ike::Find<NoncePayload>(in.payloads);
  const auto* ke = ike::Find<KePayload>(in.payloads);
  const crypto::KeMethod group = params.ok() ? params->suite.ke : crypto::KeMethod::kNone;
  const bool ke_fits = group == crypto::KeMethod::kNone ||
                       (ke != nullptr && ke->method == group && op.key.method == group);
  if (!params.ok() || nonce == nullptr || !ke_fits) {
    Warn(session.info,
         absl::StrCat("IKEv2: unusable answer to CREATE_CHILD_SA from ", PeerName(session.info), ": ",
                      params.ok() ? "nonce or key exchange is missing" : params.status().message()),
         in.out);
    sa.queue.emplace_back(DeleteChildOp{ChildId(), op.offer.spi});  // the peer has made it
    EndOp(sa, op);
    return RetryRekeyChild(session, op.old, in.now, kRefusedWait);
  }
  if (group == crypto::KeMethod::kNone)
    return FinishRekeyChild(sa, op, *params, {}, nonce->nonce, in.now, in.out);
  FollowupKeOp followup{op, {}, AdditionalMethods(params->suite), {}, {}, {}};
  if (const auto* link = FindNotify(in.payloads, NotifyType::kAdditionalKeyExchange)) followup.link = link->data;
  followup.finish = [this, op, params = *params, nonce_r = nonce->nonce](IkeSa& s, const FollowupKeOp& done,
                                                                        Instant now, Actions& out) {
    ChildParams complete = params;
    complete.additional = done.rest;
    FinishRekeyChild(s, op, complete, done.first, nonce_r, now, out);
  };
  StartJob(sa, crypto::DeriveSecret{op.key, ke->public_value},
           [this, op, followup](IkeSa& s, crypto::JobResult secret, Instant now, Actions& out) {
             if (!secret.ok() || !std::holds_alternative<SecretBytes>(*secret)) {
               s.queue.emplace_back(DeleteChildOp{ChildId(), op.offer.spi});
               EndOp(s, op);
               return RetryRekeyChild(*s.session, op.old, now);
             }
             FollowupKeOp next = followup;
             next.first = std::get<SecretBytes>(*std::move(secret));
             ContinueFollowup(s, std::move(next), now, out);
           },
           in.out, op);
}

void Endpoint::Impl::RekeyChildFailed(IkeSa& sa, const RekeyChildOp& op, const NotifyPayload& error,
                                      const Incoming& in) {
  Session& session = *sa.session;
  Child* child = FindChild(session, op.old);
  if (const auto wanted = WantedGroup(error, op.offer.suites);
      wanted && (child != nullptr || !op.old) && op.restarts < kMaxGroupRetries && sa.state == IkeState::kEstablished) {
    RekeyChildOp again = op;
    ++again.restarts;
    return QueueRekeyChild(sa, std::move(again), *wanted, in.now, in.out);
  }
  EndOp(sa, op);
  if (!op.old) return NewChildFailed(sa, error, in);
  if (child == nullptr || child->successor || child->peer_rekey) return;  // the peer's own rekey goes on
  if (error.type == NotifyType::kTemporaryFailure) return RetryRekeyChild(session, op.old, in.now);
  if (error.type == NotifyType::kChildSaNotFound && !child->lost) {  // §2.25.1: from scratch, then
    child->lost = true;
    return StartRekeyChild(session, *child, in.now, in.out);
  }
  const std::string why = absl::StrCat("peer refuses to rekey a Child SA (", NotifyName(error.type), ")");
  Warn(session.info, absl::StrCat("IKEv2: ", PeerName(session.info), ": ", why), in.out);
  if (error.type == NotifyType::kNoAdditionalSas) return Close(session, why, false, in.out);  // §4: begin anew
  RetryRekeyChild(session, op.old, in.now, kRefusedWait);
}

void Endpoint::Impl::NewChildFailed(IkeSa& sa, const NotifyPayload& error, const Incoming& in) {
  Session& session = *sa.session;
  if (session.down) return;
  if (error.type == NotifyType::kTemporaryFailure) return RetryRekeyChild(session, ChildId(), in.now);
  if (error.type == NotifyType::kSinglePairRequired && !std::exchange(session.single_pair, true))
    return StartCreateChild(session, in.now, in.out);
  const std::string why = absl::StrCat("no Child SA: peer answered ", NotifyName(error.type));
  Warn(session.info, absl::StrCat("IKEv2: ", PeerName(session.info), ": ", why), in.out);
  const bool useful = std::any_of(session.children.begin(), session.children.end(),
                                  [](const auto& c) { return !c.second.gone && !c.second.linger_until; });
  if (!useful) Close(session, why, false, in.out);
}

Duration Endpoint::Impl::Jittered(Duration wait) {  // once to three times as long
  return wait + milliseconds(static_cast<int64_t>(rng_.Below(static_cast<uint64_t>(wait / milliseconds(1)) * 2)));
}

void Endpoint::Impl::RetryRekeyChild(Session& session, ChildId old, Instant now, Duration wait) {
  counters_.Add("rekeys put off");
  Child* child = FindChild(session, old);
  if (!old) session.create_at = now + Jittered(wait);
  if (child != nullptr && !child->successor && !child->linger_until) child->soft = now + Jittered(wait);
}

void Endpoint::Impl::FinishRekeyChild(IkeSa& sa, const RekeyChildOp& op, ChildParams params, BytesView shared,
                                      BytesView nonce_r, Instant now, Actions& out) {
  Session& session = *sa.session;
  if (session.down) return EndOp(sa, op);
  if (std::erase(session.deleted_early, params.spi_out) != 0) {
    EndOp(sa, op);
    return RetryRekeyChild(session, op.old, now);
  }
  params.nonce_i = op.nonce;
  params.nonce_r = nonce_r;
  params.shared = shared;
  params.replaces = op.old;
  Child& made = AddChild(session, sa, params, now);
  Child* old = FindChild(session, op.old);
  if (!op.old) session.creating = false;
  if (old == nullptr) return RaiseChild(made, true, true, out);
  old->rekeying = false;
  if (old->peer_rekey && OursLoses(op.nonce, nonce_r, *old->peer_rekey)) {  // §2.8.1: ours goes, by us
    counters_.Add("rekey collisions lost");
    RaiseChild(made, true, false, out);
    return QueueDelete(session, made);
  }
  if (old->peer_rekey) counters_.Add("rekey collisions won");
  if (Child* theirs = FindChild(session, old->successor)) theirs->outbound_at.reset();
  counters_.Add("Child SAs rekeyed");
  RaiseChild(made, true, true, out);
  old->successor = made.sa.id;
  if (old->lost) return LowerChild(session, *old, true, true, out);
  const bool peer_has_it = old->outbound || old->ending;
  LetLinger(session, *old, now, out);
  if (peer_has_it) QueueDelete(session, *old);
}

}  // namespace flexvpn::ike
