// SPDX-License-Identifier: Apache-2.0
// CREATE_CHILD_SA that rekeys the IKE SA (RFC 7296 §1.3.2, §2.8, §2.8.2, §2.18, §2.25.2).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

constexpr Duration kRefusedWait = seconds(30);  // a refusal that will hardly change soon

Bytes SpiBytes(IkeSpi spi) {
  ByteWriter w;
  w.U64(spi.value());
  return std::move(w).Release();
}

IkeSpi SpiOf(const Bytes& bytes) { return bytes.size() == 8 ? IkeSpi(ByteReader(bytes).U64()) : IkeSpi(); }

// What may take the place of `sa`, in order of preference: what it has, else what has its group, before the others.
std::vector<Suite> Acceptable(const Session& session, const IkeSa& sa) {
  std::vector<Suite> out = *session.suites;
  std::stable_partition(out.begin(), out.end(), [&](const Suite& s) { return s.ke == sa.suite.ke; });
  const auto same = std::find(out.begin(), out.end(), sa.suite);
  if (same != out.end()) std::rotate(out.begin(), same, same + 1);
  if (out.empty()) out.push_back(sa.suite);
  return out;
}

}  // namespace

bool Endpoint::Impl::ChildExchangeUnderWay(const Session& session) const {
  return std::any_of(session.children.begin(), session.children.end(),
                     [](const auto& c) { return !c.second.gone && (c.second.rekeying || c.second.deleting); }) ||
         session.creating ||
         std::any_of(session.sas.begin(), session.sas.end(), [](const auto& sa) { return !sa->followups.empty(); });
}

// The SA it is about may have gone meanwhile.
bool Endpoint::Impl::ChildRekeyUnderWay(const Session& session) const {
  const auto asks_for_child = [](const auto& r) {
    const Op& op = r.second.op();
    const auto* followup = std::get_if<FollowupKeOp>(&op);
    return std::holds_alternative<RekeyChildOp>(op) ||
           (followup != nullptr && std::holds_alternative<RekeyChildOp>(followup->original));
  };
  return session.creating ||
         std::any_of(session.children.begin(), session.children.end(),
                     [](const auto& c) { return !c.second.gone && c.second.rekeying; }) ||
         std::any_of(session.sas.begin(), session.sas.end(), [&](const auto& sa) {
           return std::any_of(sa->send.all().begin(), sa->send.all().end(), asks_for_child);
         });
}

void Endpoint::Impl::StartRekeyIke(Session& session, Instant now, Actions& out) {
  IkeSa* sa = Current(session);
  if (sa == nullptr || sa->state != IkeState::kEstablished || sa->rekeying || sa->successor || sa->peer_rekey) return;
  if (ChildExchangeUnderWay(session)) return RetryRekeyIke(*sa, now);
  session.soft.reset();
  QueueRekeyIke(*sa, Acceptable(session, *sa), 0, out);
}

void Endpoint::Impl::QueueRekeyIke(IkeSa& sa, std::vector<Suite> offer, int restarts, Actions& out) {
  sa.rekeying = true;
  const crypto::KeMethod group = offer.front().ke;
  StartJob(sa, crypto::GenerateKey{group},
           [this, offer = std::move(offer), restarts](IkeSa& s, crypto::JobResult made, Instant t, Actions&) {
             if (!made.ok() || !std::holds_alternative<crypto::KeyPair>(*made)) {
               s.rekeying = false;
               return RetryRekeyIke(s, t);
             }
             if (s.successor) {  // the peer was faster
               s.rekeying = false;
               return;
             }
             s.queue.emplace_back(RekeyIkeOp{offer, restarts, tables_.NewSpi(rng_), rng_.Take(kNonceSize),
                                             std::get<crypto::KeyPair>(*std::move(made))});
           },
           out);
}

// The peer wants another of the groups we have offered (§1.3).
bool Endpoint::Impl::RekeyWithOtherGroup(IkeSa& sa, const RekeyIkeOp& op, const NotifyPayload& error, Actions& out) {
  const auto wanted = WantedGroup(error, op.offer);
  if (!wanted || *wanted == op.key.method || op.restarts >= kMaxGroupRetries || sa.state != IkeState::kEstablished) return false;
  std::vector<Suite> offer = op.offer;
  std::stable_partition(offer.begin(), offer.end(), [&](const Suite& s) { return s.ke == *wanted; });
  QueueRekeyIke(sa, std::move(offer), op.restarts + 1, out);
  return true;
}

// Our own rekey of an IKE SA that the peer has replaced: what has not been sent never will be.
void Endpoint::Impl::DropQueuedRekey(IkeSa& sa) {
  std::erase_if(sa.queue, [&](const Op& op) {
    const bool rekey = std::holds_alternative<RekeyIkeOp>(op);
    if (rekey) EndOp(sa, op);
    return rekey;
  });
}

void Endpoint::Impl::RetryRekeyIke(IkeSa& sa, Instant now, Duration wait) {
  counters_.Add("rekeys put off");
  if (sa.session->current == sa.local_spi && !sa.successor)
    sa.session->soft = now + Jittered(wait);
}

void Endpoint::Impl::SendRekeyIke(IkeSa& sa, RekeyIkeOp op, Instant now, Actions& out) {
  if (sa.successor || sa.session->current != sa.local_spi || sa.session->down) return EndOp(sa, op);
  Payloads payloads;
  payloads.emplace_back(BuildSa(ProtocolId::kIke, SpiBytes(op.spi), op.offer));
  payloads.emplace_back(NoncePayload{op.nonce});
  payloads.emplace_back(KePayload{op.key.method, op.key.public_value});
  SendRequest(sa, ExchangeType::kCreateChildSa, payloads, std::move(op), now, out);
}

void Endpoint::Impl::OnRekeyIkeRequest(IkeSa& sa, const Incoming& in) {
  Session& session = *sa.session;
  const ReplyTo to = ReplyFor(sa, in);
  const auto* ke = ike::Find<KePayload>(in.payloads);
  const auto& offer = *ike::Find<SaPayload>(in.payloads);
  if (ke == nullptr) return Refuse(to, {NotifyType::kInvalidSyntax, {}, "", {}}, in.out);
  if (session.current != sa.local_spi || sa.successor || sa.peer_rekey || ChildExchangeUnderWay(session))
    return Refuse(to, {NotifyType::kTemporaryFailure, {}, "", {}}, in.out);
  const auto choice = SelectSuite(ProtocolId::kIke, Acceptable(session, sa), offer, {.prefer_ke = ke->method});
  const IkeSpi peer_spi = choice ? SpiOf(choice->proposal.spi) : IkeSpi();
  if (!choice || !peer_spi) return Refuse(to, {NotifyType::kNoProposalChosen, {}, "", {}}, in.out);
  if (choice->suite.ke != ke->method) {
    ByteWriter w;
    w.U16(static_cast<uint16_t>(choice->suite.ke));
    return Refuse(to, {NotifyType::kInvalidKePayload, std::move(w).Release(), "", {}}, in.out);
  }
  const Bytes nonce_i = ike::Find<NoncePayload>(in.payloads)->nonce;
  const Bytes nonce_r = rng_.Take(kNonceSize);
  sa.peer_rekey = PeerRekey{nonce_i, nonce_r};
  StartJob(sa, crypto::AnswerKey{choice->suite.ke, ke->public_value},
           [=, this, chosen = *choice](IkeSa& s, crypto::JobResult result, Instant now, Actions& out) {
             if (!result.ok() || !std::holds_alternative<crypto::KeyAnswer>(*result) || s.session->down) {
               s.peer_rekey.reset();
               return Refuse(to, {NotifyType::kTemporaryFailure, {}, "", {}}, out);
             }
             const auto& made = std::get<crypto::KeyAnswer>(*result);
             AnswerRekeyIke(s, to, chosen, made.public_value, made.secret, nonce_i, nonce_r, peer_spi, now, out);
           },
           in.out);
}

IkeSa& Endpoint::Impl::NewGeneration(IkeSa& old, IkeSpi local_spi, bool initiator, const Choice& choice,
                                     IkeSpi peer_spi, BytesView shared, BytesView nonce_i, BytesView nonce_r,
                                     BytesView additional) {
  IkeSa& made = tables_.AddSa(*old.session, local_spi);
  made.initiator = initiator;
  made.spi_i = initiator ? local_spi : peer_spi;
  made.spi_r = initiator ? peer_spi : local_spi;
  made.suite = choice.suite;
  made.keys = DeriveIkeKeys(crypto_, made.suite, shared, nonce_i, nonce_r, made.spi_i, made.spi_r, old.keys.sk_d,
                            old.suite.prf, additional);
  made.state = IkeState::kEstablished;
  made.receive.SetSize(ReceiveWindowOf(*old.session->policy));
  return made;
}

void Endpoint::Impl::AnswerRekeyIke(IkeSa& old, const ReplyTo& to, const Choice& choice, const Bytes& public_value,
                                    BytesView shared, const Bytes& nonce_i, const Bytes& nonce_r, IkeSpi peer_spi,
                                    Instant now, Actions& out) {
  const IkeSpi spi = tables_.NewSpi(rng_);
  PendingFollowup pending;
  pending.left = AdditionalMethods(choice.suite);
  pending.first = ToSecret(shared);
  pending.finish = [=, this](IkeSa& sa, const PendingFollowup& p, Instant at, Actions& o) {
    IkeSa& made = NewGeneration(sa, spi, false, choice, peer_spi, p.first, nonce_i, nonce_r, p.rest);
    LogKeys(made.spi_i, made.spi_r, made.keys, o);
    if (sa.successor) {  // our own rekey has won meanwhile; the peer will delete this one
      made.expires = at + kRedundantLifetime;
      return true;
    }
    sa.successor = spi;
    sa.replaced_by_peer = true;
    DropQueuedRekey(sa);
    sa.session->switch_at = at + kResponderSwitch;
    return true;
  };
  pending.cancel = [](IkeSa& sa) { sa.peer_rekey.reset(); };
  Payloads answer;
  Proposal proposal = choice.proposal;
  proposal.spi = SpiBytes(spi);
  answer.emplace_back(SaPayload{{std::move(proposal)}});
  answer.emplace_back(NoncePayload{nonce_r});
  answer.emplace_back(KePayload{choice.suite.ke, public_value});
  if (HasAdditional(choice.suite))
    answer.push_back(AwaitFollowup(old, std::move(pending), now));
  else
    pending.finish(old, pending, now, out);
  Respond(to, answer, out);
}

void Endpoint::Impl::OnRekeyIkeResponse(IkeSa& sa, const RekeyIkeOp& op, const Incoming& in) {
  const NotifyPayload* error = FindError(in.payloads);
  const auto* answer = ike::Find<SaPayload>(in.payloads);
  const auto* ke = ike::Find<KePayload>(in.payloads);
  const auto* nonce = ike::Find<NoncePayload>(in.payloads);
  const auto choice = answer != nullptr ? ParseChosen(ProtocolId::kIke, *answer, op.offer) : std::nullopt;
  const IkeSpi peer_spi = choice ? SpiOf(choice->proposal.spi) : IkeSpi();
  if (!peer_spi || ke == nullptr || nonce == nullptr || ke->method != op.key.method || choice->suite.ke != ke->method) {
    sa.rekeying = false;
    if (sa.successor || sa.session->down) return;  // the peer's own rekey goes on
    if (error != nullptr && RekeyWithOtherGroup(sa, op, *error, in.out)) return;
    if (error != nullptr && error->type == NotifyType::kTemporaryFailure) return RetryRekeyIke(sa, in.now);
    const std::string why = absl::StrCat("peer refuses to rekey the IKE SA (",
                                         error != nullptr ? NotifyName(error->type) : "unusable answer", ")");
    Warn(sa.session->info, absl::StrCat("IKEv2: ", PeerName(sa.session->info), ": ", why), in.out);
    if (error != nullptr && error->type == NotifyType::kNoAdditionalSas)
      return Close(*sa.session, why, false, in.out);  // §4: begin anew
    return RetryRekeyIke(sa, in.now, kRefusedWait);
  }
  FollowupKeOp followup{op, {}, AdditionalMethods(choice->suite), {}, {}, {}};
  if (const auto* link = FindNotify(in.payloads, NotifyType::kAdditionalKeyExchange)) followup.link = link->data;
  followup.finish = [this, op, chosen = *choice, nonce_r = nonce->nonce, peer_spi](
                        IkeSa& s, const FollowupKeOp& done, Instant now, Actions& out) {
    FinishRekeyIke(s, op, chosen, done.first, nonce_r, peer_spi, now, out, done.rest);
  };
  StartJob(sa, crypto::DeriveSecret{op.key, ke->public_value},
           [this, followup](IkeSa& s, crypto::JobResult secret, Instant now, Actions& out) {
             if (!secret.ok() || !std::holds_alternative<SecretBytes>(*secret)) {
               s.rekeying = false;
               return RetryRekeyIke(s, now);
             }
             FollowupKeOp next = followup;
             next.first = std::get<SecretBytes>(*std::move(secret));
             ContinueFollowup(s, std::move(next), now, out);
           },
           in.out);
}

void Endpoint::Impl::FinishRekeyIke(IkeSa& sa, const RekeyIkeOp& op, const Choice& choice, BytesView shared,
                                    const Bytes& nonce_r, IkeSpi peer_spi, Instant now, Actions& out,
                                    BytesView additional) {
  Session& session = *sa.session;
  sa.rekeying = false;
  if (session.down) return;
  IkeSa& made = NewGeneration(sa, op.spi, true, choice, peer_spi, shared, op.nonce, nonce_r, additional);
  LogKeys(made.spi_i, made.spi_r, made.keys, out);
  if (sa.peer_rekey && OursLoses(op.nonce, nonce_r, *sa.peer_rekey)) {  // §2.8.2: ours goes, by us
    counters_.Add("rekey collisions lost");
    made.state = IkeState::kClosing;
    made.queue.emplace_back(DeleteIkeOp{});
    return;
  }
  if (sa.peer_rekey) counters_.Add("rekey collisions won");
  if (IkeSa* theirs = tables_.FindSa(sa.successor)) theirs->expires = now + kRedundantLifetime;
  counters_.Add("IKE SAs rekeyed");
  sa.successor = made.local_spi;
  sa.replaced_by_peer = false;
  SwitchTo(session, made, now, out);
  if (sa.state != IkeState::kEstablished) return;  // the peer has deleted it already
  sa.state = IkeState::kClosing;
  sa.queue.emplace_back(DeleteIkeOp{});
}

// New exchanges use `sa` from now on; what waited on the old one waits here.
void Endpoint::Impl::SwitchTo(Session& session, IkeSa& sa, Instant now, Actions& out) {
  IkeSa* old = tables_.FindSa(session.current);
  session.current = sa.local_spi;
  session.switch_at.reset();
  sa.expires.reset();
  session.info.spi_i = sa.spi_i;
  session.info.spi_r = sa.spi_r;
  session.info.spi_i_is_ours = sa.initiator;
  session.info.suite = sa.suite;
  SetIkeLifetime(session, now);
  out.emplace_back(SessionRekeyed{session.info});
  if (!config_.qcd_secret.empty()) sa.queue.emplace_back(LivenessOp{});  // brings our token (RFC 6290 §4.2)
  if (old == nullptr) return;
  for (Op& op : old->queue) {
    if (std::holds_alternative<RekeyIkeOp>(op))
      EndOp(*old, op);
    else
      sa.queue.push_back(std::move(op));
  }
  old->queue.clear();
}

}  // namespace flexvpn::ike
