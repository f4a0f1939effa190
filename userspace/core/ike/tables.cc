// SPDX-License-Identifier: Apache-2.0
#include "core/ike/tables.h"

#include <algorithm>

#include "absl/hash/hash.h"

namespace flexvpn::ike {

Session& Tables::AddSession() {
  auto session = std::make_unique<Session>();
  session->info.id = IkeSaId(next_session_++);
  Session& ref = *session;
  sessions_.emplace(ref.info.id, std::move(session));
  return ref;
}

IkeSa& Tables::AddSa(Session& session, IkeSpi local_spi) {
  auto sa = std::make_unique<IkeSa>();
  sa->session = &session;
  sa->local_spi = local_spi;
  IkeSa& ref = *sa;
  session.sas.push_back(std::move(sa));
  by_spi_[local_spi] = &ref;
  return ref;
}

Session* Tables::FindSession(IkeSaId id) const {
  auto it = sessions_.find(id);
  return it == sessions_.end() ? nullptr : it->second.get();
}

IkeSa* Tables::FindSa(IkeSpi local_spi) const {
  auto it = by_spi_.find(local_spi);
  return it == by_spi_.end() || it->second->gone ? nullptr : it->second;
}

std::vector<IkeSaId> Tables::SessionsBetween(const net::Endpoint& local, const net::Endpoint& remote) const {
  std::vector<IkeSaId> out;
  for (const auto& [id, session] : sessions_)
    if (session->info.remote == remote && session->info.local == local) out.push_back(id);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<IkeSaId> Tables::SessionIds() const {
  std::vector<IkeSaId> ids;
  ids.reserve(sessions_.size());
  for (const auto& [id, session] : sessions_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

IkeSpi Tables::NewSpi(Rng& rng) const {
  while (true) {
    const IkeSpi spi(rng.U64());
    if (spi && !by_spi_.contains(spi) && !half_open_sas_.contains(spi)) return spi;
  }
}

EspSpi Tables::NewEspSpi(Rng& rng) {
  while (true) {
    const EspSpi spi(0xc0000000u | static_cast<uint32_t>(rng.Below(0x10000000)));
    if (esp_spis_.insert(spi).second) return spi;
  }
}

ChildId Tables::NewChildId(IkeSaId owner) {
  const ChildId id(next_child_++);
  child_owner_[id] = owner;
  return id;
}

Session* Tables::OwnerOf(ChildId id) const {
  auto it = child_owner_.find(id);
  return it == child_owner_.end() ? nullptr : FindSession(it->second);
}

uint64_t Tables::InitKey(const net::Endpoint& remote, uint64_t fingerprint) {
  return absl::HashOf(remote, fingerprint);
}

IkeSpi Tables::FindInit(uint64_t key) const {
  auto it = by_init_.find(key);
  return it == by_init_.end() ? IkeSpi() : it->second;
}

HalfOpen& Tables::AddHalfOpen(std::unique_ptr<HalfOpen> half_open) {
  HalfOpen& ref = *half_open;
  ref.id = IkeSaId(next_session_++);
  by_init_[ref.init_key] = ref.spi_r;
  half_open_timers_.emplace(ref.expires, ref.spi_r);
  ++half_open_;
  ++half_open_by_source_[ref.remote.address];
  half_open_sas_[ref.spi_r] = std::move(half_open);
  return ref;
}

HalfOpen* Tables::FindHalfOpen(IkeSpi local_spi) const {
  auto it = half_open_sas_.find(local_spi);
  return it == half_open_sas_.end() ? nullptr : it->second.get();
}

HalfOpen* Tables::FindHalfOpen(IkeSaId id) const {
  if (sessions_.contains(id)) return nullptr;
  for (const auto& [spi, half_open] : half_open_sas_)
    if (half_open->id == id) return half_open.get();
  return nullptr;
}

std::vector<const HalfOpen*> Tables::HalfOpenSas() const {
  std::vector<const HalfOpen*> all;
  all.reserve(half_open_sas_.size());
  for (const auto& [spi, half_open] : half_open_sas_) all.push_back(half_open.get());
  std::sort(all.begin(), all.end(), [](const HalfOpen* a, const HalfOpen* b) { return a->id < b->id; });
  return all;
}

void Tables::Remove(const HalfOpen& half_open) {
  half_open_timers_.erase({half_open.expires, half_open.spi_r});
  half_open_sas_.erase(half_open.spi_r);
}

void Tables::DropHalfOpen(const HalfOpen& half_open) {
  Uncount(half_open.remote.address);
  by_init_.erase(half_open.init_key);
  Remove(half_open);
}

void Tables::Promote(const HalfOpen& half_open, std::unique_ptr<Session> session) {
  by_spi_[half_open.spi_r] = session->sas.front().get();
  sessions_[half_open.id] = std::move(session);
  Remove(half_open);
}

size_t Tables::ExpireHalfOpen(Instant now) {
  size_t expired = 0;
  for (; !half_open_timers_.empty() && half_open_timers_.begin()->first <= now; ++expired)
    DropHalfOpen(*FindHalfOpen(half_open_timers_.begin()->second));
  return expired;
}

void Tables::Uncount(const net::IpAddress& source) {
  --half_open_;
  auto count = half_open_by_source_.find(source);
  if (count != half_open_by_source_.end() && --count->second == 0) half_open_by_source_.erase(count);
}

void Tables::EndHalfOpen(IkeSa& sa) {
  if (!sa.half_open.empty()) Uncount(std::exchange(sa.half_open, {}));
}

size_t Tables::half_open(const net::IpAddress& source) const {
  auto it = half_open_by_source_.find(source);
  return it == half_open_by_source_.end() ? 0 : it->second;
}

void Tables::BindIdentity(Session& session) {
  const Identity& id = session.info.remote_id;
  session.identity_key = absl::HashOf(session.info.profile, id.type, id.data);
  by_identity_.insert({*session.identity_key, session.info.id});
}

std::vector<IkeSaId> Tables::SameIdentity(const Session& session) const {
  std::vector<IkeSaId> ids;
  if (!session.identity_key) return ids;
  for (auto it = by_identity_.lower_bound({*session.identity_key, IkeSaId()});
       it != by_identity_.end() && it->first == *session.identity_key; ++it) {
    const Session* other = FindSession(it->second);
    if (other == nullptr || other == &session) continue;
    if (other->info.profile == session.info.profile && other->info.remote_id == session.info.remote_id &&
        other->info.local.vrf == session.info.local.vrf)
      ids.push_back(it->second);
  }
  return ids;
}

void Tables::UnbindAddress(Session& session) {
  auto it = up_by_address_.find(session.bound_address);
  if (it != up_by_address_.end() && --it->second == 0) up_by_address_.erase(it);
  session.bound_address = {};
}

void Tables::BindAddress(Session& session) {
  if (!session.bound_address.empty()) UnbindAddress(session);
  session.bound_address = session.info.remote.address;
  ++up_by_address_[session.bound_address];
}

size_t Tables::up_with(const net::IpAddress& remote) const {
  auto it = up_by_address_.find(remote);
  return it == up_by_address_.end() ? 0 : it->second;
}

void Tables::Schedule(Session& session, std::optional<Instant> when) {
  if (session.scheduled == when) return;
  if (session.scheduled) timers_.erase({*session.scheduled, session.info.id});
  session.scheduled = when;
  if (when) timers_.emplace(*when, session.info.id);
}

std::optional<Instant> Tables::NextDeadline() const {
  std::optional<Instant> next;
  if (!timers_.empty()) next = timers_.begin()->first;
  if (!half_open_timers_.empty()) next = Earlier(next, half_open_timers_.begin()->first);
  return next;
}

std::vector<IkeSaId> Tables::TakeDue(Instant now) {
  std::vector<IkeSaId> due;
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const IkeSaId id = timers_.begin()->second;
    timers_.erase(timers_.begin());
    if (Session* s = FindSession(id)) s->scheduled.reset();
    due.push_back(id);
  }
  return due;
}

void Tables::BeginNegotiation(Session& session) {
  if (!session.negotiating) ++negotiating_;
  session.negotiating = true;
}

void Tables::EndNegotiation(Session& session) {
  if (session.negotiating) --negotiating_;
  session.negotiating = false;
}

void Tables::Unlink(IkeSa& sa) {
  EndHalfOpen(sa);
  by_spi_.erase(sa.local_spi);
  if (sa.init_key) by_init_.erase(*sa.init_key);
  if (sa.handshake) ReleaseEspSpi(sa.handshake->offer.spi);
  for (const auto& [id, request] : sa.send.all()) ReleaseOffer(request.op());
  for (const Op& op : sa.queue) ReleaseOffer(op);
  for (const PendingFollowup& pending : sa.followups) ReleaseEspSpi(pending.spi);
}

void Tables::ReleaseOffer(const Op& op) {
  if (const auto* rekey = std::get_if<RekeyChildOp>(&op)) ReleaseEspSpi(rekey->offer.spi);
  if (const auto* followup = std::get_if<FollowupKeOp>(&op))
    if (const auto* child = std::get_if<RekeyChildOp>(&followup->original)) ReleaseEspSpi(child->offer.spi);
}

void Tables::Sweep(IkeSaId id) {
  Session* session = FindSession(id);
  if (session == nullptr) return;
  for (auto it = session->children.begin(); it != session->children.end();) {
    if (!it->second.gone) {
      ++it;
      continue;
    }
    ReleaseEspSpi(it->second.sa.spi_in);
    DropChildId(it->first);
    it = session->children.erase(it);
  }
  std::erase_if(session->sas, [this](const std::unique_ptr<IkeSa>& sa) {
    if (sa->gone) Unlink(*sa);
    return sa->gone;
  });
  if (session->down && session->identity_key) {
    by_identity_.erase({*session->identity_key, id});
    session->identity_key.reset();
  }
  if (session->down && !session->bound_address.empty()) UnbindAddress(*session);
  if (!session->sas.empty()) return;
  Schedule(*session, std::nullopt);
  EndNegotiation(*session);
  sessions_.erase(id);
}

void Tables::Count(Endpoint::Usage& usage) const {
  usage.sessions = size();
  usage.ike_sas = by_spi_.size() + half_open_sas_.size();
  for (const auto& [id, session] : sessions_) {
    usage.children += session->children.size();
    for (const auto& sa : session->sas) {
      usage.requests += sa->send.all().size();
      usage.queued += sa->queue.size();
    }
  }
  usage.esp_spis = esp_spis_.size();
  usage.half_open = half_open_;
  usage.entries = by_init_.size() + half_open_by_source_.size() + by_identity_.size() + up_by_address_.size() +
                  child_owner_.size() + timers_.size() + half_open_timers_.size();
}

}  // namespace flexvpn::ike
