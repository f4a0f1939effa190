// SPDX-License-Identifier: Apache-2.0
// Checking a peer's certificate when that needs data that is not here yet: IKE_AUTH waits for the fetch as it
// waits for any job.  One fetch serves all who wait for the same thing; a job checks what comes, and it is kept.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

// Of one peer, whatever has to be fetched; below half_open_timeout.
constexpr Duration kRevocationWait = seconds(12);
constexpr size_t kMaxFetches = 1024;

}  // namespace

void Endpoint::Impl::BeginJudgement(IkeSa& sa, crypto::VerifyPeer job, Instant now, Actions& out) {
  const bool asks = std::any_of(job.trust.begin(), job.trust.end(),
                                [](const auto& trust) { return trust->asks_for_revocation(); });
  if (asks) {
    sa.handshake->judging = std::make_unique<Judging>(Judging{job, {}, now + kRevocationWait});
    return ContinueJudgement(sa, now, out);
  }
  RunJudgement(sa, std::move(job), out);
}

void Endpoint::Impl::ContinueJudgement(IkeSa& sa, Instant now, Actions& out) {
  Judging& judging = *sa.handshake->judging;
  judging.awaited.clear();
  judging.job.at = TimeOfDay(now);
  judging.job.known = revocation_.Snapshot(now);
  judging.job.may_fetch = now < judging.deadline;
  RunJudgement(sa, judging.job, out);
}

void Endpoint::Impl::RunJudgement(IkeSa& sa, crypto::VerifyPeer job, Actions& out) {
  StartJob(
      sa, std::move(job),
      [this](IkeSa& s, crypto::JobResult result, Instant at, Actions& actions) {
        if (auto* needed = result.ok() ? std::get_if<crypto::RevocationNeeded>(&*result) : nullptr)
          return AwaitRevocation(s, std::move(*needed), at, actions);
        JudgementDone(s, std::move(result), at, actions);
      },
      out);
}

void Endpoint::Impl::AwaitRevocation(IkeSa& sa, crypto::RevocationNeeded needed, Instant now, Actions& out) {
  Judging& judging = *sa.handshake->judging;
  for (crypto::RevocationFetch& fetch : needed.fetches) {
    if (revocation_.Contains(fetch.key, now)) continue;  // came while the job ran
    if (!FetchRevocation(fetch, sa.local_spi, out)) {
      judging.deadline = now;  // too many: what we do not have is not to be had
      return ContinueJudgement(sa, now, out);
    }
    judging.awaited.push_back(std::move(fetch.key));
  }
  if (judging.awaited.empty()) ContinueJudgement(sa, now, out);
}

// False: too many are under way.
bool Endpoint::Impl::FetchRevocation(const crypto::RevocationFetch& fetch, IkeSpi waiter, Actions& out) {
  const auto under_way = fetch_by_key_.find(fetch.key);
  if (under_way != fetch_by_key_.end()) {
    fetches_[under_way->second].waiters.push_back(waiter);
    return true;
  }
  if (fetches_.size() >= kMaxFetches) {
    counters_.Add("fetches refused: too many under way");
    return false;
  }
  const FetchId id(next_fetch_++);
  fetches_[id] = {fetch, {waiter}};
  fetch_by_key_[fetch.key] = id;
  counters_.Add("fetches for revocation");
  out.emplace_back(StartFetch{id, fetch.request, kFetchTimeout});
  return true;
}

void Endpoint::Impl::FetchDone(FetchId id, absl::StatusOr<Bytes> answer, Instant now, Actions& out) {
  const auto it = fetches_.find(id);
  if (it == fetches_.end()) return;
  if (std::holds_alternative<CertificateUrl>(it->second.what)) {
    const PendingFetch fetch = std::move(it->second);
    fetches_.erase(it);
    --stranger_fetches_;
    CertificateFetched(std::get<CertificateUrl>(fetch.what), fetch.waiters.front(), answer, now, out);
    return Finish(now, out);
  }
  const auto& what = std::get<crypto::RevocationFetch>(it->second.what);
  const size_t limit = what.request.max_size;
  if (answer.ok() && answer->size() > limit)
    answer = absl::ResourceExhaustedError(absl::StrCat("the answer is longer than ", limit, " octets"));
  if (!answer.ok()) {
    RevocationLearned(id, answer.status(), now, out);
  } else {
    const crypto::JobId job(next_job_++);
    answer_checks_[job] = id;
    out.emplace_back(
        ike::StartJob{job, crypto::CheckRevocationAnswer{what, *std::move(answer), TimeOfDay(now)}});
  }
  Finish(now, out);
}

// True: the job was the check of an answer.
bool Endpoint::Impl::AnswerChecked(crypto::JobId job, const crypto::JobResult& result, Instant now,
                                   Actions& out) {
  const auto it = answer_checks_.find(job);
  if (it == answer_checks_.end()) return false;
  const FetchId id = it->second;
  answer_checks_.erase(it);
  const auto* record = result.ok() ? std::get_if<crypto::RevocationRecord>(&*result) : nullptr;
  if (record != nullptr)
    RevocationLearned(id, *record, now, out);
  else
    RevocationLearned(id, result.ok() ? absl::InternalError("no record") : result.status(), now, out);
  return true;
}

void Endpoint::Impl::RevocationLearned(FetchId id, absl::StatusOr<crypto::RevocationRecord> record,
                                       Instant now, Actions& out) {
  const auto it = fetches_.find(id);
  if (it == fetches_.end()) return;
  const PendingFetch fetch = std::move(it->second);
  const auto& what = std::get<crypto::RevocationFetch>(fetch.what);
  fetches_.erase(it);
  fetch_by_key_.erase(what.key);
  if (record.ok()) {
    const Duration lifetime = seconds(std::max<int64_t>(0, record->expires - TimeOfDay(now)));
    revocation_.Put(what.key, *std::move(record), lifetime, now);
  } else {
    counters_.Add("fetches failed");
    const std::string why(record.status().message());
    Note(Notice::Level::kWarning,
         absl::StrCat("IKEv2: revocation of certificates: ", what.request.url, ": ", why), out);
    revocation_.PutFailure(what.key, why, now);
  }
  for (IkeSpi spi : fetch.waiters) {
    IkeSa* sa = tables_.FindSa(spi);
    if (sa == nullptr || sa->gone || sa->state != IkeState::kAuthVerify || !sa->handshake ||
        !sa->handshake->judging)
      continue;
    std::vector<std::string>& awaited = sa->handshake->judging->awaited;
    if (std::erase(awaited, what.key) == 0 || !awaited.empty()) continue;
    Touch(*sa->session);
    ContinueJudgement(*sa, now, out);
  }
}

std::optional<Instant> Endpoint::Impl::RevocationDue(const IkeSa& sa) {
  if (sa.state != IkeState::kAuthVerify || !sa.handshake || !sa.handshake->judging || sa.handshake->judging->awaited.empty()) return {};
  return sa.handshake->judging->deadline;
}

}  // namespace flexvpn::ike
