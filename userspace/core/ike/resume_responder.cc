// SPDX-License-Identifier: Apache-2.0
// Session resumption as responder (RFC 5723): no state before the ticket is found good, and none of its own for it.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {

// The policy of today for the owner of a ticket, as if it authenticated now.  Error: it has to.
absl::StatusOr<SessionPolicy> Endpoint::Impl::ResumedPolicy(SessionInfo info, const TicketState& ticket, Instant now) {
  info.remote_id = ticket.initiator;
  info.profile.clear();
  auto policy = policy_.SelectProfile(info, ticket.responder);
  if (!policy.ok()) return policy;
  if (policy->resumption <= seconds(0)) return absl::FailedPreconditionError("its profile has no session resumption");
  if (policy->profile != ticket.profile ||
      !crypto_.ConstantTimeEqual(ticket.policy, PolicyDigest(crypto_, *policy)))
    return absl::FailedPreconditionError("its profile or keys have changed since it got its ticket");
  if (policy->auth_lifetime > seconds(0) && ticket.authenticated + policy->auth_lifetime <= now + seconds(1))
    return absl::FailedPreconditionError("it has to authenticate again");
  return policy;
}

void Endpoint::Impl::ConsiderResume(const Datagram& d, const Header& h, const Payloads& p, uint64_t key, Instant now,
                                    Actions& out) {
  const auto* ticket = FindNotify(p, NotifyType::kTicketOpaque);
  if (ticket == nullptr || ike::Find<NoncePayload>(p) == nullptr) return Drop("drop: incomplete IKE_SESSION_RESUME");
  auto opened = tickets_.Open(ticket->data, now);
  const auto own = suites_.Share(Supported(crypto_, ProtocolId::kIke, policy_.InitSuites(d.local, d.remote)));
  SessionInfo info;
  info.local = d.local;
  info.remote = d.remote;
  if (opened) info.suite = opened->state.suite;
  if (!opened || std::find(own->begin(), own->end(), info.suite) == own->end() ||
      !ResumedPolicy(info, opened->state, now).ok()) {
    counters_.Add("tickets refused");
    return AnswerPlain(d, h, NotifyPayload{ProtocolId::kNone, {}, NotifyType::kTicketNack, {}}, out);
  }
  HalfOpen& r = NewHalfOpen(d, h, p, key, now);
  r.suite = info.suite;
  r.suites = own;
  r.resumed = std::make_unique<const Resumption>(Resumption{std::move(opened->state), opened->id});
  AnswerResume(r, out);
}

void Endpoint::Impl::AnswerResume(HalfOpen& r, Actions& out) {
  const Bytes nonce_r = rng_.Take(kNonceSize);
  Payloads payloads;
  payloads.emplace_back(NoncePayload{nonce_r});
  AppendNatDetection(crypto_, rng_, r.spi_i, r.spi_r, r.local, r.remote, r.force_encap, payloads);
  if (r.fragmentation) AppendFragmentation(payloads);
  AppendVendorIds(payloads);
  SendHalfOpen(r, ExchangeType::kIkeSessionResume, payloads,
               ResumedSkeyseed(crypto_, r.suite.prf, r.resumed->state.sk_d, r.nonce_i(), nonce_r), nonce_r, out);
}

// IKE_AUTH of a resumed IKE SA (§4.3.2).
void Endpoint::Impl::OnResumedAuthRequest(IkeSa& sa, const Incoming& in) {
  Session& session = *sa.session;
  const Resumption& resumed = *sa.handshake->resumed;
  const IdPayload* idi = FindId(in.payloads, true);
  const auto* auth = ike::Find<AuthPayload>(in.payloads);
  if (idi == nullptr || auth == nullptr)
    return RejectAuth(sa, in, NotifyType::kInvalidSyntax, "it sends no identity or no AUTH");
  session.info.remote_id = {idi->type, idi->data};
  auto reject = [&](absl::string_view why) {
    RejectAuth(sa, in, NotifyType::kAuthenticationFailed, absl::StrCat("not resumed: ", why));
  };
  if (!(session.info.remote_id == resumed.state.initiator)) return reject("the ticket is of another identity");
  const absl::Status verdict = VerifyResumedAuth(crypto_, AuthFor(sa, true, session.info.remote_id), *auth);
  if (!verdict.ok()) return reject(verdict.message());
  auto policy = ResumedPolicy(session.info, resumed.state, in.now);
  if (!policy.ok()) return reject(policy.status().message());
  if (!tickets_.Use(resumed.id)) return reject("the ticket was used already");
  session.policy = policies_.Share(*std::move(policy));
  session.info.local_id = session.policy->local_id;
  session.info.profile = session.policy->profile;
  session.info.auth_local = session.info.auth_remote = "PSK";
  session.info.ppk = resumed.state.ppk;
  session.authenticated = resumed.state.authenticated;
  DropResumed(resumed.state, in.out);
  counters_.Add("sessions resumed");
  const auto own = ResumedAuth(crypto_, AuthFor(sa, false, session.policy->local_id));
  ResponderUp(sa, own, in);
}

// The session that is resumed, if we have not missed its peer yet: it goes without a word (§4.3.2).
void Endpoint::Impl::DropResumed(const TicketState& ticket, Actions& out) {
  Session* old = tables_.FindSession(ticket.session);
  if (old == nullptr || !old->up || old->down) return;
  old->ticket.reset();
  Down(*old, "resumed by the peer", out);
  DropSas(*old);
}

// In the answer to IKE_AUTH or INFORMATIONAL, if it was asked for (§4.1).  One ticket of a session is good at a time.
void Endpoint::Impl::AppendTicket(Session& session, const IkeSa& sa, const Payloads& request, Instant now,
                                  Payloads& answer) {
  if (FindNotify(request, NotifyType::kTicketRequest) == nullptr) return;
  auto say = [&](NotifyType type, Bytes data) {
    answer.emplace_back(NotifyPayload{ProtocolId::kNone, {}, type, std::move(data)});
  };
  const SessionPolicy& policy = *session.policy;
  // Tickets cost memory that all peers share.
  if (session.ticket && now < session.ticket_given + kTicketPause) return say(NotifyType::kTicketAck, {});
  Instant end = session.authenticated + kMaxTicketLifetime;
  if (policy.auth_lifetime > seconds(0)) end = std::min<Instant>(end, session.authenticated + policy.auth_lifetime);
  const seconds lifetime(WholeSeconds(std::min<Duration>(policy.resumption, end - now)));
  // Who came with a certificate may be revoked by then, and only the full handshake finds out; who came without
  // authentication has nothing to resume.
  if (lifetime <= seconds(0) || session.info.auth_remote != "PSK" || policy.local_null) return say(NotifyType::kTicketNack, {});
  TicketState state;
  state.suite = sa.suite;
  state.sk_d = sa.keys.sk_d;
  state.initiator = session.info.remote_id;
  state.responder = session.info.local_id;
  state.profile = policy.profile;
  state.policy = PolicyDigest(crypto_, policy);
  state.session = session.info.id;
  state.ppk = session.info.ppk;
  state.expires = now + lifetime;
  state.authenticated = session.authenticated;
  auto sealed = tickets_.Seal(state, policy.ticket_form, now);
  if (!sealed && session.ticket && tickets_.Use(*std::exchange(session.ticket, std::nullopt)))
    sealed = tickets_.Seal(state, policy.ticket_form, now);  // that has made room
  if (!sealed) return say(NotifyType::kTicketNack, {});
  if (session.ticket) tickets_.Use(*session.ticket);
  session.ticket = sealed->id;
  session.ticket_given = now;
  counters_.Add("tickets given");
  say(NotifyType::kTicketLtOpaque, EncodeLifetimeTicket({lifetime, std::move(sealed->ticket)}));
}

}  // namespace flexvpn::ike
