// SPDX-License-Identifier: Apache-2.0
// CREATE_CHILD_SA that rekeys the IKE SA (RFC 7296 §1.3.2, §2.8, §2.8.2, §2.18, §2.25.2).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

constexpr size_t kNonceSize = 32;

Bytes SpiBytes(IkeSpi spi) {
  ByteWriter w;
  w.U64(spi.value());
  return std::move(w).Release();
}

IkeSpi SpiOf(const Bytes& bytes) { return bytes.size() == 8 ? IkeSpi(ByteReader(bytes).U64()) : IkeSpi(); }

}  // namespace

bool Endpoint::Impl::ChildExchangeUnderWay(const Session& session) const {
  return std::any_of(session.children.begin(), session.children.end(),
                     [](const auto& c) { return !c.second.gone && (c.second.rekeying || c.second.deleting); });
}

void Endpoint::Impl::StartRekeyIke(Session& session, Instant now, Actions& out) {
  IkeSa* sa = Current(session);
  if (sa == nullptr || sa->state != IkeState::kEstablished || sa->rekeying || sa->successor || sa->peer_rekey) return;
  if (ChildExchangeUnderWay(session)) return RetryRekeyIke(*sa, now);
  sa->rekeying = true;
  session.soft.reset();
  StartJob(*sa, crypto::GenerateKey{sa->suite.ke},
           [this](IkeSa& s, crypto::JobResult made, Instant t, Actions&) {
             if (!made.ok() || !std::holds_alternative<crypto::KeyPair>(*made)) {
               s.rekeying = false;
               return RetryRekeyIke(s, t);
             }
             s.queue.emplace_back(RekeyIkeOp{tables_.NewSpi(rng_), rng_.Take(kNonceSize),
                                             std::get<crypto::KeyPair>(*std::move(made))});
           },
           out);
}

void Endpoint::Impl::RetryRekeyIke(IkeSa& sa, Instant now) {
  counters_.Add("rekeys put off");
  if (sa.session->current == sa.local_spi && !sa.successor)
    sa.session->soft = now + seconds(1) + milliseconds(static_cast<int64_t>(rng_.Below(2000)));
}

void Endpoint::Impl::SendRekeyIke(IkeSa& sa, RekeyIkeOp op, Instant now, Actions& out) {
  if (sa.successor || sa.session->current != sa.local_spi || sa.session->down) return EndOp(sa, op);
  Payloads payloads;
  payloads.emplace_back(BuildSa(ProtocolId::kIke, SpiBytes(op.spi), {sa.suite}));
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
  std::vector<Suite> own = {sa.suite};
  own.insert(own.end(), session.suites->begin(), session.suites->end());
  const auto choice = SelectSuite(ProtocolId::kIke, own, offer, {.prefer_ke = ke->method});
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
  StartJob(sa, crypto::GenerateKey{choice->suite.ke},
           [=, this, chosen = *choice, peer_public = ke->public_value](IkeSa& s, crypto::JobResult made, Instant,
                                                                      Actions& out) {
             if (!made.ok() || !std::holds_alternative<crypto::KeyPair>(*made)) {
               s.peer_rekey.reset();
               return Refuse(to, {NotifyType::kTemporaryFailure, {}, "", {}}, out);
             }
             const auto key = std::get<crypto::KeyPair>(*std::move(made));
             StartJob(s, crypto::DeriveSecret{key, peer_public},
                      [=, this](IkeSa& s2, crypto::JobResult secret, Instant now, Actions& out2) {
                        if (!secret.ok() || !std::holds_alternative<SecretBytes>(*secret) || s2.session->down) {
                          s2.peer_rekey.reset();
                          return Refuse(to, {NotifyType::kTemporaryFailure, {}, "", {}}, out2);
                        }
                        AnswerRekeyIke(s2, to, chosen, key.public_value, std::get<SecretBytes>(*secret), nonce_i,
                                       nonce_r, peer_spi, now, out2);
                      },
                      out);
           },
           in.out);
}

IkeSa& Endpoint::Impl::NewGeneration(IkeSa& old, IkeSpi local_spi, bool initiator, const Choice& choice,
                                     IkeSpi peer_spi, BytesView shared, BytesView nonce_i, BytesView nonce_r) {
  IkeSa& made = tables_.AddSa(*old.session, local_spi);
  made.initiator = initiator;
  made.spi_i = initiator ? local_spi : peer_spi;
  made.spi_r = initiator ? peer_spi : local_spi;
  made.suite = choice.suite;
  made.keys = DeriveIkeKeys(crypto_, made.suite, shared, nonce_i, nonce_r, made.spi_i, made.spi_r, old.keys.sk_d,
                            old.suite.prf);
  made.state = IkeState::kEstablished;
  made.receive.SetSize(std::clamp<uint32_t>(old.session->policy->window, 1, kMaxReceiveWindow));
  return made;
}

void Endpoint::Impl::AnswerRekeyIke(IkeSa& old, const ReplyTo& to, const Choice& choice, const Bytes& public_value,
                                    BytesView shared, const Bytes& nonce_i, const Bytes& nonce_r, IkeSpi peer_spi,
                                    Instant now, Actions& out) {
  Session& session = *old.session;
  const IkeSpi spi = tables_.NewSpi(rng_);
  IkeSa& made = NewGeneration(old, spi, false, choice, peer_spi, shared, nonce_i, nonce_r);
  LogKeys(made, out);
  if (old.successor) {  // our own rekey has won meanwhile; the peer will delete this one
    made.expires = now + kRedundantLifetime;
  } else {
    old.successor = spi;
    old.replaced_by_peer = true;
    session.switch_at = now + kResponderSwitch;
  }
  Payloads answer;
  Proposal proposal = choice.proposal;
  proposal.spi = SpiBytes(spi);
  answer.emplace_back(SaPayload{{std::move(proposal)}});
  answer.emplace_back(NoncePayload{nonce_r});
  answer.emplace_back(KePayload{choice.suite.ke, public_value});
  Respond(to, answer, out);
}

void Endpoint::Impl::OnRekeyIkeResponse(IkeSa& sa, const RekeyIkeOp& op, const Incoming& in) {
  const NotifyPayload* error = FindError(in.payloads);
  const auto* answer = ike::Find<SaPayload>(in.payloads);
  const auto* ke = ike::Find<KePayload>(in.payloads);
  const auto* nonce = ike::Find<NoncePayload>(in.payloads);
  const auto choice = answer != nullptr ? ParseChosen(ProtocolId::kIke, *answer, {sa.suite}) : std::nullopt;
  const IkeSpi peer_spi = choice ? SpiOf(choice->proposal.spi) : IkeSpi();
  if (!peer_spi || ke == nullptr || nonce == nullptr || ke->method != op.key.method) {
    sa.rekeying = false;
    if (sa.successor || sa.session->down) return;  // the peer's own rekey goes on
    if (error == nullptr || error->type != NotifyType::kTemporaryFailure)
      Note(Notice::Level::kWarning,
           absl::StrCat("IKEv2: IKE SA rekey refused by ", PeerName(sa.session->info), ": ",
                        error != nullptr ? NotifyName(error->type) : "unusable answer"),
           in.out);
    return RetryRekeyIke(sa, in.now);
  }
  StartJob(sa, crypto::DeriveSecret{op.key, ke->public_value},
           [this, op, chosen = *choice, nonce_r = nonce->nonce, peer_spi](IkeSa& s, crypto::JobResult secret,
                                                                         Instant now, Actions& out) {
             if (!secret.ok() || !std::holds_alternative<SecretBytes>(*secret)) {
               s.rekeying = false;
               return RetryRekeyIke(s, now);
             }
             FinishRekeyIke(s, op, chosen, std::get<SecretBytes>(*secret), nonce_r, peer_spi, now, out);
           },
           in.out);
}

void Endpoint::Impl::FinishRekeyIke(IkeSa& sa, const RekeyIkeOp& op, const Choice& choice, BytesView shared,
                                    const Bytes& nonce_r, IkeSpi peer_spi, Instant now, Actions& out) {
  Session& session = *sa.session;
  sa.rekeying = false;
  if (session.down) return;
  IkeSa& made = NewGeneration(sa, op.spi, true, choice, peer_spi, shared, op.nonce, nonce_r);
  LogKeys(made, out);
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
