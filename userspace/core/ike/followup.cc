// SPDX-License-Identifier: Apache-2.0
// IKE_FOLLOWUP_KE: the additional key exchanges of a CREATE_CHILD_SA, one after the other (RFC 9370 §2.2.4).  The SA
// comes into being with the last of them, on both sides.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

constexpr size_t kLinkSize = 8;
constexpr Duration kFollowupLifetime = seconds(30);  // a responder waits so long for the next exchange
constexpr size_t kMaxFollowups = 4;                  // under way on one IKE SA

Payload Link(const Bytes& link) {
  return NotifyPayload{ProtocolId::kNone, {}, NotifyType::kAdditionalKeyExchange, link};
}

}  // namespace

// ---- initiator ----

// The next exchange, or the end if there is none left.
void Endpoint::Impl::ContinueFollowup(IkeSa& sa, FollowupKeOp op, Instant now, Actions& out) {
  if (op.left.empty()) return op.finish(sa, op, now, out);
  if (op.link.empty()) return FollowupFailed(sa, op, now, "peer gave no link to the additional key exchange", out);
  StartJob(sa, crypto::GenerateKey{op.left.front()},
           [this, op](IkeSa& s, crypto::JobResult made, Instant t, Actions& o) {
             FollowupKeOp ready = op;
             if (!made.ok() || !std::holds_alternative<crypto::KeyPair>(*made))
               return FollowupFailed(s, ready, t, "key generation failed", o);
             ready.key = std::get<crypto::KeyPair>(*std::move(made));
             s.queue.emplace_back(std::move(ready));
           },
           out, op);
}

void Endpoint::Impl::SendFollowup(IkeSa& sa, FollowupKeOp op, Instant now, Actions& out) {
  const Payloads payloads = {KePayload{op.key.method, op.key.public_value}, Link(op.link)};
  SendRequest(sa, ExchangeType::kIkeFollowupKe, payloads, std::move(op), now, out);
}

void Endpoint::Impl::OnFollowupResponse(IkeSa& sa, const Incoming& in, Request* request) {
  const auto& op = std::get<FollowupKeOp>(request->op());
  const auto* ke = ike::Find<KePayload>(in.payloads);
  const NotifyPayload* error = FindError(in.payloads);
  if (ke == nullptr || ke->method != op.key.method)
    return FollowupFailed(sa, op, in.now, error != nullptr ? NotifyName(error->type) : "no fitting KE payload", in.out);
  FollowupKeOp next = op;
  const auto* link = FindNotify(in.payloads, NotifyType::kAdditionalKeyExchange);
  next.link = link != nullptr ? link->data : Bytes();
  next.left.erase(next.left.begin());
  StartJob(sa, crypto::DeriveSecret{std::exchange(next.key, {}), ke->public_value},
           [this, next](IkeSa& s, crypto::JobResult secret, Instant now, Actions& out) {
             if (!secret.ok() || !std::holds_alternative<SecretBytes>(*secret))
               return FollowupFailed(s, next, now, "bad public value of the peer", out);
             FollowupKeOp more = next;
             const SecretBytes& shared = std::get<SecretBytes>(*secret);
             more.rest.insert(more.rest.end(), shared.begin(), shared.end());
             ContinueFollowup(s, std::move(more), now, out);
           },
           in.out, next);
}

void Endpoint::Impl::FollowupFailed(IkeSa& sa, const FollowupKeOp& op, Instant now, const std::string& why,
                                    Actions& out) {
  counters_.Add("additional key exchanges failed");
  EndOp(sa, op);
  Session& session = *sa.session;
  if (session.down) return;
  Warn(session.info,
       absl::StrCat("IKEv2: ", PeerName(session.info), ": additional key exchange failed: ", why), out);
  if (const auto* child = std::get_if<RekeyChildOp>(&op.original)) {
    sa.queue.emplace_back(DeleteChildOp{ChildId(), child->offer.spi});  // should the peer have made it
    return RetryRekeyChild(session, child->old, now);
  }
  RetryRekeyIke(sa, now);
}

// ---- responder ----

// The answer's link to what is still to come; nothing is made yet.
Payload Endpoint::Impl::AwaitFollowup(IkeSa& sa, PendingFollowup pending, Instant now) {
  pending.link = rng_.Take(kLinkSize);
  pending.expires = now + kFollowupLifetime;
  sa.followups.push_back(std::move(pending));
  return Link(sa.followups.back().link);
}

bool Endpoint::Impl::MayAwaitFollowup(const IkeSa& sa, const Suite& suite) const {
  return AdditionalMethods(suite).empty() || sa.followups.size() < kMaxFollowups;
}

void Endpoint::Impl::OnFollowupRequest(IkeSa& sa, const Incoming& in, Request*) {
  const ReplyTo to = ReplyFor(sa, in);
  const auto* ke = ike::Find<KePayload>(in.payloads);
  const auto* link = FindNotify(in.payloads, NotifyType::kAdditionalKeyExchange);
  if (ke == nullptr || link == nullptr) return Refuse(to, {NotifyType::kInvalidSyntax, {}, "", {}}, in.out);
  PendingFollowup* pending = FindFollowup(sa, link->data);
  if (pending == nullptr || pending->busy) return Refuse(to, {NotifyType::kStateNotFound, {}, "", {}}, in.out);
  if (ke->method != pending->left.front()) return Refuse(to, {NotifyType::kInvalidSyntax, {}, "", {}}, in.out);
  pending->busy = true;
  StartJob(sa, crypto::AnswerKey{ke->method, ke->public_value},
           [this, to, link = link->data, method = ke->method](IkeSa& s, crypto::JobResult result, Instant now,
                                                              Actions& out) {
             if (!result.ok() || !std::holds_alternative<crypto::KeyAnswer>(*result))
               return Refuse(to, {NotifyType::kInvalidSyntax, {}, "", {}}, out);
             AnswerFollowup(s, to, link, method, std::get<crypto::KeyAnswer>(*result), now, out);
           },
           in.out);
}

PendingFollowup* Endpoint::Impl::FindFollowup(IkeSa& sa, const Bytes& link) const {
  const auto it = std::find_if(sa.followups.begin(), sa.followups.end(),
                               [&](const PendingFollowup& p) { return p.link == link; });
  return it == sa.followups.end() ? nullptr : &*it;
}

void Endpoint::Impl::AnswerFollowup(IkeSa& sa, const ReplyTo& to, const Bytes& link, crypto::KeMethod method,
                                    const crypto::KeyAnswer& made, Instant now, Actions& out) {
  PendingFollowup* found = FindFollowup(sa, link);
  if (found == nullptr || sa.session->down) return Refuse(to, {NotifyType::kStateNotFound, {}, "", {}}, out);
  PendingFollowup pending = std::move(*found);
  sa.followups.erase(sa.followups.begin() + (found - sa.followups.data()));
  pending.rest.insert(pending.rest.end(), made.secret.begin(), made.secret.end());
  pending.left.erase(pending.left.begin());
  pending.busy = false;
  Payloads answer = {KePayload{method, made.public_value}};
  if (!pending.left.empty())
    answer.push_back(AwaitFollowup(sa, std::move(pending), now));
  else if (!pending.finish(sa, pending, now, out))
    return Refuse(to, {NotifyType::kTemporaryFailure, {}, "", {}}, out);
  MarkAnswered(*sa.session, to);
  Respond(to, answer, out);
}

void Endpoint::Impl::ExpireFollowups(IkeSa& sa, Instant now) {
  for (size_t i = 0; i < sa.followups.size();) {
    if (sa.followups[i].expires > now || sa.followups[i].busy) {
      ++i;
      continue;
    }
    counters_.Add("additional key exchanges given up by the peer");
    const PendingFollowup lost = std::move(sa.followups[i]);
    sa.followups.erase(sa.followups.begin() + static_cast<std::ptrdiff_t>(i));
    lost.cancel(sa);
  }
}

}  // namespace flexvpn::ike
