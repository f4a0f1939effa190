// SPDX-License-Identifier: Apache-2.0
#include "core/ike/machine.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/overloaded.h"

namespace flexvpn::ike {

void Endpoint::Impl::Finish(Instant now, Actions& out) {
  while (!touched_.empty()) {
    std::vector<IkeSaId> ids = std::exchange(touched_, {});
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    for (IkeSaId id : ids) {
      Session* session = tables_.FindSession(id);
      if (session == nullptr) continue;
      for (size_t i = 0; i < session->sas.size(); ++i) Pump(*session->sas[i], now, out);
      tables_.Sweep(id);
      if (session = tables_.FindSession(id); session != nullptr) tables_.Schedule(*session, Deadline(*session));
    }
  }
}

void Endpoint::Impl::Pump(IkeSa& sa, Instant now, Actions& out) {
  if (sa.state == IkeState::kClosed && !sa.expires) sa.expires = now + kAnswerLinger;
  if (sa.state != IkeState::kEstablished && sa.state != IkeState::kClosing) return;
  while (!sa.gone && !sa.queue.empty() && sa.send.Open()) {
    // A replaced IKE SA goes only when nothing is under way on it.
    if (std::holds_alternative<DeleteIkeOp>(sa.queue.front()) && sa.successor && !sa.send.Idle()) return;
    Op op = std::move(sa.queue.front());
    sa.queue.erase(sa.queue.begin());
    StartOp(sa, std::move(op), now, out);
  }
}

void Endpoint::Impl::StartOp(IkeSa& sa, Op op, Instant now, Actions& out) {
  if (auto* rekey = std::get_if<RekeyChildOp>(&op)) return SendRekeyChild(sa, std::move(*rekey), now, out);
  if (auto* rekey = std::get_if<RekeyIkeOp>(&op)) return SendRekeyIke(sa, std::move(*rekey), now, out);
  if (auto* followup = std::get_if<FollowupKeOp>(&op)) return SendFollowup(sa, std::move(*followup), now, out);
  Payloads payloads;
  if (const auto* del = std::get_if<DeleteIkeOp>(&op)) {
    if (del->authentication_failed)
      payloads.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kAuthenticationFailed, {}});
    else
      payloads.emplace_back(DeletePayload{ProtocolId::kIke, {}});
  } else if (const auto* child = std::get_if<DeleteChildOp>(&op)) {
    if (child->child && FindChild(*sa.session, child->child) == nullptr) return;  // the peer was faster
    payloads.emplace_back(DeletePayload{ProtocolId::kEsp, {child->spi_in}});
  } else if (const auto* set = std::get_if<ConfigSetOp>(&op)) {
    payloads.emplace_back(ConfigPayload{CfgType::kSet, set->attributes});
  } else if (auto* update = std::get_if<UpdateAddressesOp>(&op)) {
    AppendUpdate(sa, *update, payloads);
  } else if (std::holds_alternative<AddressesOp>(op)) {
    AppendAddresses(*sa.session, payloads);
    const net::IpAddress& own = sa.session->info.local.address;
    payloads.emplace_back(NotifyPayload{
        ProtocolId::kNone, {}, own.is_v6() ? NotifyType::kAdditionalIp6Address : NotifyType::kAdditionalIp4Address,
        {own.bytes().begin(), own.bytes().end()}});
  } else if (const auto* check = std::get_if<RoutabilityOp>(&op)) {
    payloads.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kCookie2, check->cookie});
  } else if (std::holds_alternative<TicketOp>(op)) {
    payloads.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kTicketRequest, {}});
    AppendNews(sa, payloads);
  } else if (std::holds_alternative<LivenessOp>(op)) {
    AppendNatCheck(sa, payloads);
    AppendNews(sa, payloads);
  }
  SendRequest(sa, ExchangeType::kInformational, payloads, std::move(op), now, out);
}

// What the peer does not know yet of an IKE SA that came by a rekey.
void Endpoint::Impl::AppendNews(IkeSa& sa, Payloads& out) {
  AppendQcdToken(sa, out);
  if (sa.window_announced || sa.receive.size() <= 1) return;
  ByteWriter w;
  w.U32(sa.receive.size());
  out.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kSetWindowSize, std::move(w).Release()});
  sa.window_announced = true;
}

void Endpoint::Impl::StartJob(IkeSa& sa, crypto::Job job, JobHandler then, Actions& out, std::optional<Op> op) {
  const crypto::JobId id(next_job_++);
  jobs_[id] = {sa.local_spi, sa.session->info.id, std::move(op), std::move(then)};
  out.emplace_back(ike::StartJob{id, std::move(job)});
}

void Endpoint::Impl::StartJob(HalfOpen& half_open, crypto::Job job, HalfOpenHandler then, Actions& out) {
  const crypto::JobId id(next_job_++);
  jobs_[id] = {half_open.spi_r, half_open.id, std::nullopt, std::move(then)};
  out.emplace_back(ike::StartJob{id, std::move(job)});
}

void Endpoint::Impl::JobDone(crypto::JobId id, crypto::JobResult result, Instant now, Actions& out) {
  if (AnswerChecked(id, result, now, out)) return Finish(now, out);
  auto it = jobs_.find(id);
  if (it == jobs_.end()) return;
  PendingJob job = std::move(it->second);
  jobs_.erase(it);
  if (const auto* then = std::get_if<HalfOpenHandler>(&job.then)) {
    if (HalfOpen* half_open = tables_.FindHalfOpen(job.sa)) (*then)(*half_open, std::move(result), now, out);
    return Finish(now, out);
  }
  IkeSa* sa = tables_.FindSa(job.sa);
  if (sa == nullptr) {  // ended meanwhile
    if (job.op) AbandonOp(tables_.FindSession(job.session), *job.op, now);
    return Finish(now, out);
  }
  Touch(*sa->session);
  std::get<JobHandler>(job.then)(*sa, std::move(result), now, out);
  Finish(now, out);
}

IkeSa* Endpoint::Impl::Current(const Session& session) const {
  return session.down ? nullptr : tables_.FindSa(session.current);
}

void Endpoint::Impl::Note(Notice::Level level, std::string text, Actions& out) const {
  out.emplace_back(Notice{level, std::move(text)});
}

void Endpoint::Impl::Warn(const SessionInfo& about, std::string text, Actions& out) const {
  const bool known = !(about.remote_id == Identity());
  out.emplace_back(Notice{Notice::Level::kWarning, std::move(text),
                          {about.remote, known ? about.remote_id.ToString() : "", about.profile}});
}

void Endpoint::Impl::WarnNoSa(const SessionInfo& about, absl::string_view why, Actions& out) const {
  Warn(about, absl::StrCat("IKEv2: no IKE SA with ", PeerName(about), ": ", why), out);
}

uint64_t Endpoint::Impl::SoftPermille() { return 850 + rng_.Below(100); }  // the two sides rarely meet

Duration Endpoint::Impl::SoftLifetime(Duration lifetime) {
  return Duration(lifetime.count() / 1000 * static_cast<int64_t>(SoftPermille()));
}

void Endpoint::Impl::SetIkeLifetime(Session& session, Instant now) {
  session.ike_created = now;
  session.soft.reset();
  session.hard.reset();
  if (session.policy->lifetime <= seconds(0)) return;
  session.soft = now + SoftLifetime(session.policy->lifetime);
  session.hard = now + session.policy->lifetime;
}

void Endpoint::Impl::Up(Session& session, IkeSa& sa, Instant now, Actions& out) {
  sa.state = IkeState::kEstablished;
  sa.expires.reset();
  tables_.EndHalfOpen(sa);
  sa.receive.SetSize(ReceiveWindowOf(*session.policy));
  session.up = true;
  tables_.EndNegotiation(session);
  if (session.authenticated == Instant{}) session.authenticated = now;
  session.established = session.last_heard = session.last_sent = session.last_probe = now;
  SetIkeLifetime(session, now);
  tables_.BindIdentity(session);
  tables_.BindAddress(session);
  counters_.Add("IKE SAs established");
  ++(session.info.initiator ? stats_.attempts().outgoing_up : stats_.attempts().incoming_up);
  stats_.CountNat(session.info.nat_local, session.info.nat_remote);
  out.emplace_back(SessionUp{session.info});
  if (std::exchange(session.path_lost, false)) TellNewPath(session);
}

void Endpoint::Impl::Down(Session& session, const std::string& reason, Actions& out) {
  if (session.down) return;
  for (auto& [id, child] : session.children) LowerChild(session, child, true, true, out);
  session.down = true;
  for (auto& sa : session.sas) EndEap(*sa, out);
  tables_.EndNegotiation(session);
  EndTickets(session);
  Touch(session);
  if (session.info.initiator && !session.up) ++stats_.attempts().outgoing_failed;
  if (session.up || session.info.initiator) {  // a responder's half-open SA was never announced
    out.emplace_back(SessionDown{session.info, reason, session.up, session.lost});
  }
}

void Endpoint::Impl::DropSas(Session& session) {
  for (auto& sa : session.sas) sa->gone = true;
  Touch(session);
}

// The farewell goes over the current IKE SA; others of the session end without a word.
void Endpoint::Impl::Close(Session& session, const std::string& reason, bool authentication_failed, Actions& out) {
  IkeSa* current = Current(session);
  Down(session, reason, out);
  for (auto& sa : session.sas) {
    if (sa.get() != current) {
      sa->gone = true;
      continue;
    }
    for (const Op& op : sa->queue) tables_.ReleaseOffer(op);
    sa->queue.clear();
    sa->state = IkeState::kClosing;
    sa->successor = {};
    sa->queue.emplace_back(DeleteIkeOp{authentication_failed});
  }
}

void Endpoint::Impl::EndRekey(Session& session, Child& child) {
  child.rekeying = false;
  if (child.ending) QueueDelete(session, child);
}

// An operation ended without success or was overtaken: undoes what it had marked.
void Endpoint::Impl::EndOp(IkeSa& sa, const Op& op) {
  tables_.ReleaseOffer(op);
  if (const auto* rekey = std::get_if<RekeyChildOp>(&op)) {
    if (Child* child = FindChild(*sa.session, rekey->old)) EndRekey(*sa.session, *child);
    if (!rekey->old) sa.session->creating = false;
  } else if (const auto* del = std::get_if<DeleteChildOp>(&op)) {
    if (Child* child = FindChild(*sa.session, del->child)) child->deleting = false;
  } else if (const auto* followup = std::get_if<FollowupKeOp>(&op)) {
    std::visit([&](const auto& original) { EndOp(sa, original); }, followup->original);
  } else if (std::holds_alternative<RekeyIkeOp>(op)) {
    sa.rekeying = false;
  } else if (std::holds_alternative<ConfigSetOp>(op)) {
    ConfigSetDone(*sa.session);
  }
}

// The IKE SA of an operation ended while it waited for a job.  The peer may have made what was asked for.
void Endpoint::Impl::AbandonOp(Session* session, const Op& op, Instant now) {
  tables_.ReleaseOffer(op);
  const auto* followup = std::get_if<FollowupKeOp>(&op);
  const auto* rekey =
      followup != nullptr ? std::get_if<RekeyChildOp>(&followup->original) : std::get_if<RekeyChildOp>(&op);
  if (rekey == nullptr || session == nullptr || session->down) return;
  Touch(*session);
  if (!rekey->old) session->creating = false;
  if (IkeSa* current = Current(*session)) current->queue.emplace_back(DeleteChildOp{ChildId(), rekey->offer.spi});
  if (Child* child = FindChild(*session, rekey->old)) EndRekey(*session, *child);
  RetryRekeyChild(*session, rekey->old, now);
}

void Endpoint::Impl::Terminate(IkeSaId id, const std::string& reason, Instant now, Actions& out) {
  if (const HalfOpen* half_open = tables_.FindHalfOpen(id)) return tables_.DropHalfOpen(*half_open);
  Session* session = tables_.FindSession(id);
  if (session == nullptr || session->down) return;
  Touch(*session);
  if (session->up) {
    Close(*session, reason, false, out);
  } else {
    Down(*session, reason, out);
    DropSas(*session);
  }
  Finish(now, out);
}

void Endpoint::Impl::Forget(IkeSaId id, Instant now, Actions& out) {
  if (const HalfOpen* half_open = tables_.FindHalfOpen(id)) return tables_.DropHalfOpen(*half_open);
  Session* session = tables_.FindSession(id);
  if (session == nullptr) return;
  Down(*session, "forgotten", out);
  DropSas(*session);
  Finish(now, out);
}

void Endpoint::Impl::Withdraw(IkeSaId id, Instant now, Actions& out) {
  const Session* session = tables_.FindSession(id);
  const IkeSa* sa = session == nullptr ? nullptr : tables_.FindSa(session->current);
  if (sa != nullptr && (sa->state == IkeState::kKeyGeneration || sa->state == IkeState::kInitSent ||
                        sa->state == IkeState::kResumeSent))
    Forget(id, now, out);
}

void Endpoint::Impl::PathLost(const net::Endpoint& local, const net::Endpoint& remote, Instant now, Actions& out) {
  for (IkeSaId id : tables_.SessionsBetween(local, remote)) {
    Session* session = tables_.FindSession(id);
    Touch(*session);
    // Not forgiven: a peer that is gone must not be called for ever.
    for (auto& sa : session->sas) sa->send.Hurry(now);
    session->path_lost = !session->up;
    if (session->up) TellNewPath(*session);
  }
  Finish(now, out);
}

// The peer sees another port: with MOBIKE it follows when told so, without it when it hears from there (§2.23).
void Endpoint::Impl::TellNewPath(Session& session) {
  IkeSa* sa = Current(session);
  if (sa == nullptr || session.down || !session.info.initiator) return;
  counters_.Add("TCP connections opened anew");
  if (session.info.mobike)
    QueueUpdate(*sa);
  else if (sa->send.Idle() && sa->queue.empty())
    sa->queue.emplace_back(LivenessOp{});
}

void Endpoint::Impl::RekeyIke(IkeSaId id, Instant now, Actions& out) {
  Session* session = tables_.FindSession(id);
  if (session == nullptr || !session->up || session->down) return;
  Touch(*session);
  StartRekeyIke(*session, now, out);
  Finish(now, out);
}

void Endpoint::Impl::RekeyChild(ChildId id, Instant now, Actions& out) {
  Session* session = tables_.OwnerOf(id);
  if (session == nullptr || session->down) return;
  Child* child = FindChild(*session, id);
  if (child == nullptr) return;
  Touch(*session);
  StartRekeyChild(*session, *child, now, out);
  Finish(now, out);
}

void Endpoint::Impl::CreateChild(IkeSaId id, Instant now, Actions& out) {
  Session* session = tables_.FindSession(id);
  if (session == nullptr || !session->up || session->down) return;
  Touch(*session);
  StartCreateChild(*session, now, out);
  Finish(now, out);
}

void Endpoint::Impl::DeleteChild(ChildId id, Instant now, Actions& out) {
  Session* session = tables_.OwnerOf(id);
  Child* child = session != nullptr && !session->down ? FindChild(*session, id) : nullptr;
  if (child == nullptr || child->deleting || child->rekeying || !child->outbound) return;
  Touch(*session);
  LetLinger(*session, *child, now, out);
  QueueDelete(*session, *child);
  Finish(now, out);
}

void Endpoint::Impl::SendConfigSet(IkeSaId id, std::vector<ConfigAttribute> attributes, Instant now, Actions& out) {
  Session* session = tables_.FindSession(id);
  IkeSa* sa = session != nullptr && session->up ? Current(*session) : nullptr;
  if (sa == nullptr) return;
  Touch(*session);
  if (session->telling)
    session->tell_next = std::move(attributes);
  else
    QueueConfigSet(*sa, std::move(attributes));
  Finish(now, out);
}

// The peer handles several requests in any order: each CFG_SET waits for the answer to the one before.
void Endpoint::Impl::QueueConfigSet(IkeSa& sa, std::vector<ConfigAttribute> attributes) {
  sa.session->telling = true;
  sa.queue.emplace_back(ConfigSetOp{std::move(attributes)});
}

void Endpoint::Impl::ConfigSetDone(Session& session) {
  session.telling = false;
  IkeSa* sa = Current(session);
  const auto next = std::exchange(session.tell_next, std::nullopt);
  if (next && sa != nullptr && !session.down) QueueConfigSet(*sa, *next);
}

void Endpoint::Impl::PeerAlive(IkeSaId id, Instant now) {
  // The timer stays: when it fires it sees that the peer was heard.
  if (Session* session = tables_.FindSession(id)) session->last_heard = std::max(session->last_heard, now);
}

std::optional<SessionInfo> Endpoint::Impl::Find(IkeSaId id) const {
  if (const HalfOpen* half_open = tables_.FindHalfOpen(id)) return InfoOf(*half_open);
  const Session* session = tables_.FindSession(id);
  if (session == nullptr || session->down) return std::nullopt;
  return session->info;
}

SaInfo Endpoint::Impl::Describe(const Session& session, Instant now) const {
  SaInfo info;
  info.session = session.info;
  info.state = session.down ? "DELETE" : session.up ? "READY" : "IN-NEG";
  info.age = now - (session.up ? session.ike_created : session.created);
  info.lifetime = session.hard ? *session.hard - session.ike_created : Duration(session.policy->lifetime);
  info.dpd = session.policy->dpd;
  if (const IkeSa* sa = tables_.FindSa(session.current)) {
    info.local_request_id = sa->send.next_id();
    info.remote_request_id = sa->receive.base();
    info.local_window = sa->receive.size();
    info.remote_window = sa->send.size();
    info.outdated = session.up && Outdated(session, *sa);
  }
  for (const auto& [id, child] : session.children) {
    if (child.gone || !child.outbound) continue;  // the half that lingers is no news
    ChildInfo c;
    c.child = child.sa;
    c.child.encr_in = c.child.integ_in = c.child.encr_out = c.child.integ_out = {};
    c.age = now - child.created;
    c.outdated = Outdated(session, child);
    if (child.soft) c.rekey_in = std::max(Duration{}, *child.soft - now);
    info.children.push_back(std::move(c));
  }
  return info;
}

Endpoint::Usage Endpoint::Impl::usage() const {
  Usage u;
  tables_.Count(u);
  u.jobs = jobs_.size() + answer_checks_.size();
  u.fetches = fetches_.size();
  u.reassembly = reassembly_memory_.used();
  u.tickets = wallet_.size();
  return u;
}

std::vector<SaInfo> Endpoint::Impl::List(Instant now) const {
  std::vector<SaInfo> out;
  const std::vector<const HalfOpen*> half_open = tables_.HalfOpenSas();
  auto next = half_open.begin();
  auto half_open_before = [&](IkeSaId id) {
    for (; next != half_open.end() && (*next)->id < id; ++next) out.push_back(Describe(**next, now));
  };
  for (IkeSaId id : tables_.SessionIds()) {
    half_open_before(id);
    const Session& session = *tables_.FindSession(id);
    const IkeSa* sa = tables_.FindSa(session.current);
    if (session.down && (sa == nullptr || sa->state != IkeState::kClosing)) continue;
    out.push_back(Describe(session, now));
  }
  half_open_before(IkeSaId(std::numeric_limits<uint64_t>::max()));
  return out;
}

void Endpoint::Impl::LogKeys(IkeSpi spi_i, IkeSpi spi_r, const IkeKeys& keys, Actions& out) const {
  if (config_.log_keys) out.emplace_back(KeysDerived{{spi_i, spi_r, keys.initiator, keys.responder}});
}

}  // namespace flexvpn::ike
