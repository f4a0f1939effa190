// SPDX-License-Identifier: Apache-2.0
// Everything that happens because time passes: retransmission, liveness, lifetimes, lingering.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

bool Due(const std::optional<Instant>& when, Instant now) { return when && *when <= now; }

std::string TimeoutReason(const Op& op) {
  if (std::holds_alternative<InitOp>(op)) return "no answer to IKE_SA_INIT";
  if (std::holds_alternative<IntermediateOp>(op)) return "no answer to IKE_INTERMEDIATE";
  if (std::holds_alternative<AuthOp>(op)) return "no answer to IKE_AUTH";
  if (std::holds_alternative<LivenessOp>(op)) return "peer not responding (DPD)";
  if (std::holds_alternative<UpdateAddressesOp>(op)) return "no answer to our change of address";
  if (std::holds_alternative<RoutabilityOp>(op)) return "peer not reachable at its new address";
  return "peer not responding";
}

}  // namespace

void Endpoint::Impl::OnTick(Instant now, Actions& out) {
  if (const size_t n = tables_.ExpireHalfOpen(now); n != 0) counters_.Add("half-open SAs expired", n);
  for (IkeSaId id : tables_.TakeDue(now)) {
    Session* session = tables_.FindSession(id);
    if (session == nullptr) continue;
    Touch(*session);
    Tick(*session, now, out);
  }
  Finish(now, out);
}

void Endpoint::Impl::Tick(Session& session, Instant now, Actions& out) {
  for (size_t i = 0; i < session.sas.size(); ++i) {
    IkeSa& sa = *session.sas[i];
    if (!sa.gone && Due(sa.expires, now)) Expire(sa, now, out);
    if (!sa.gone && Due(RevocationDue(sa), now)) ContinueJudgement(sa, now, out);
    if (!sa.gone && Due(CertificatesDue(sa), now))
      CertificatesMissing(sa, absl::UnauthenticatedError("its certificate could not be fetched in time"), now, out);
    if (!sa.gone) ExpireFragments(sa, now);
    if (!sa.gone) TickRequests(sa, now, out);
    if (!sa.gone) ExpireFollowups(sa, now);
  }
  TickChildren(session, now, out);
  if (session.up && !session.down) TickSession(session, now, out);
}

void Endpoint::Impl::Expire(IkeSa& sa, Instant now, Actions& out) {
  if (sa.handshake && sa.handshake->eap && sa.state != IkeState::kClosed) return LoginTooLong(sa, now, out);
  if (!sa.half_open.empty() && sa.state < IkeState::kEstablished) counters_.Add("half-open SAs expired");
  sa.gone = true;
}

void Endpoint::Impl::TickRequests(IkeSa& sa, Instant now, Actions& out) {
  for (uint32_t id : sa.send.Due(now)) {
    Request* request = sa.send.Find(id);
    if (request == nullptr || sa.gone) continue;
    if (request->Exhausted()) {
      // Only of the current IKE SA: nothing else may wait for an answer that does not come.
      const bool heard = !sa.session->down && sa.session->current == sa.local_spi &&
                         sa.session->last_heard > request->first_sent();
      if (!std::holds_alternative<LivenessOp>(request->op()) || !heard) {
        TimedOut(sa, *request, now, out);
        continue;
      }
      request->Renew();
    }
    counters_.Add("retransmissions");
    request->Sent(now);
    Transmit(*sa.session, request->wire(), now, out);
    Show(MessageSeen::Way::kSentAgain, sa.session->info.local, sa.session->info.remote,
         MakeHeader(sa, request->exchange(), false, id), nullptr, ProfileOf(sa));
  }
}

void Endpoint::Impl::TimedOut(IkeSa& sa, Request& request, Instant now, Actions& out) {
  Session& session = *sa.session;
  const std::string reason = TimeoutReason(request.op());
  counters_.Add("requests given up");
  if (session.down || session.current != sa.local_spi) {  // a farewell nobody hears
    EndOp(sa, request.op());
    sa.gone = true;
    return;
  }
  if (ResumptionTimedOut(sa, request.op(), now, out) || TryOtherPath(session, now, out)) return;
  Warn(session.info, absl::StrCat("IKEv2: ", PeerName(session.info), ": ", reason), out);
  session.lost = true;
  Down(session, reason, out);
  DropSas(session);
}

void Endpoint::Impl::TickChildren(Session& session, Instant now, Actions& out) {
  for (auto& [id, child] : session.children) {
    if (child.gone) continue;
    // The peer may not know yet; or our rekey lost against the peer's, and its answer still needs the nonces here.
    if (Due(child.linger_until, now) && (child.deleting || child.rekeying)) {
      child.linger_until = now + config_.rekeyed_child_linger;
    } else if (Due(child.linger_until, now)) {
      LowerChild(session, child, true, true, out);
      continue;
    }
    if (Due(child.outbound_at, now)) {
      Child* old = FindChild(session, child.sa.replaces);
      if (old != nullptr && old->rekeying) {  // two rekeys at once: ours decides
        child.outbound_at = now + seconds(1);
      } else {
        child.outbound_at.reset();
        RaiseChild(child, false, true, out);
        if (old != nullptr) LowerChild(session, *old, false, true, out);
      }
    }
    if (Due(child.hard, now)) {
      Warn(session.info,
           absl::StrCat("IKEv2: a Child SA of ", PeerName(session.info), " reached its lifetime without a rekey"),
           out);
      if (Child* next = FindChild(session, child.successor)) {
        next->outbound_at.reset();
        RaiseChild(*next, false, true, out);
      }
      LetLinger(session, child, now, out);
      QueueDelete(session, child);
    } else if (Due(child.soft, now)) {
      child.soft.reset();
      StartRekeyChild(session, child, now, out);
    }
  }
}

void Endpoint::Impl::TickSession(Session& session, Instant now, Actions& out) {
  IkeSa* sa = Current(session);
  if (sa == nullptr) return;
  if (Due(session.hard, now)) {
    Warn(session.info,
         absl::StrCat("IKEv2: the IKE SA with ", PeerName(session.info), " reached its lifetime without a rekey"), out);
    return Close(session, "lifetime expired", false, out);
  }
  if (Due(session.authentication_ends, now)) return AuthenticationEnds(session, out);
  if (Due(session.soft, now)) {
    session.soft.reset();
    StartRekeyIke(session, now, out);
  }
  if (Due(session.create_at, now)) {
    session.create_at.reset();
    StartCreateChild(session, now, out);
  }
  if (Due(session.switch_at, now)) {
    session.switch_at.reset();
    IkeSa* next = sa->successor ? tables_.FindSa(sa->successor) : nullptr;
    if (sa->rekeying)
      session.switch_at = now + seconds(1);
    else if (next != nullptr)
      SwitchTo(session, *next, now, out);
  }
  if (Due(LivenessDue(session), now) || Due(NatCheckDue(session), now)) {
    session.last_probe = now;
    counters_.Add("liveness checks");
    if (IkeSa* current = Current(session)) current->queue.emplace_back(LivenessOp{});
  }
  if (Due(session.ticket_at, now)) {
    session.ticket_at.reset();
    if (IkeSa* current = Current(session)) current->queue.emplace_back(TicketOp{});
  }
  if (Due(KeepaliveDue(session), now)) Transmit(session, {Bytes{0xff}}, now, out);
}

// Any request under way shows as well whether the peer lives.
std::optional<Instant> Endpoint::Impl::LivenessDue(const Session& session) const {
  const DpdPolicy& dpd = session.policy->dpd;
  const IkeSa* sa = Current(session);
  if (!session.up || dpd.interval <= seconds(0) || sa == nullptr || sa->state != IkeState::kEstablished) return {};
  if (!sa->send.Idle() || !sa->queue.empty()) return {};
  return (dpd.on_demand ? session.last_heard : session.last_probe) + dpd.interval;
}

std::optional<Instant> Endpoint::Impl::KeepaliveDue(const Session& session) const {
  if (!session.up || session.down || !session.info.nat_local || session.info.local.port != kNatTPort ||
      session.info.local.in_tcp())
    return {};
  if (session.policy->nat_keepalive <= seconds(0)) return {};
  return session.last_sent + session.policy->nat_keepalive;
}

std::optional<Instant> Endpoint::Impl::Deadline(const Session& session) const {
  std::optional<Instant> next;
  for (const auto& sa : session.sas) {
    if (sa->gone) continue;
    next = Earlier(next, sa->expires);
    next = Earlier(next, sa->send.NextDeadline());
    next = Earlier(next, RevocationDue(*sa));
    next = Earlier(next, CertificatesDue(*sa));
    if (sa->reassembly) next = Earlier(next, sa->reassembly->NextDeadline());
    for (const PendingFollowup& pending : sa->followups)
      if (!pending.busy) next = Earlier(next, pending.expires);
  }
  if (session.down) return next;
  for (const auto& [id, child] : session.children) {
    if (child.gone) continue;
    for (const auto& when : {child.linger_until, child.outbound_at, child.soft, child.hard}) next = Earlier(next, when);
  }
  if (!session.up) return next;
  for (const auto& when : {session.soft, session.hard, session.authentication_ends, session.create_at,
                           session.switch_at, session.ticket_at, LivenessDue(session), NatCheckDue(session), KeepaliveDue(session)})
    next = Earlier(next, when);
  return next;
}

}  // namespace flexvpn::ike
