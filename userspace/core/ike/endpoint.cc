// SPDX-License-Identifier: Apache-2.0
#include "core/ike/endpoint.h"

#include "core/ike/machine.h"

namespace flexvpn::ike {

Endpoint::Endpoint(Config config, Policy& policy, const crypto::Provider& crypto, Rng& rng)
    : impl_(std::make_unique<Impl>(config, policy, crypto, rng)) {}
Endpoint::~Endpoint() = default;

void Endpoint::SetTimeOfDay(crypto::UnixTime time, Instant now) { impl_->SetTimeOfDay(time, now); }
void Endpoint::SetConfig(const Config& config) { impl_->SetConfig(config); }

void Endpoint::SetDebug(DebugSink* sink) { impl_->SetDebug(sink); }

void Endpoint::Handle(const Datagram& datagram, Instant now, Actions& out) {
  impl_->SetSource(&datagram.remote);
  impl_->Handle(datagram, now, out);
  impl_->SetSource(nullptr);
}

void Endpoint::JobDone(crypto::JobId id, crypto::JobResult result, Instant now, Actions& out) {
  impl_->JobDone(id, std::move(result), now, out);
}

void Endpoint::FetchDone(FetchId id, absl::StatusOr<Bytes> answer, Instant now, Actions& out) {
  impl_->FetchDone(id, std::move(answer), now, out);
}

void Endpoint::EapAnswer(IkeSaId id, EapQuestion question, EapStep step, Instant now, Actions& out) {
  impl_->EapAnswer(id, question, std::move(step), now, out);
}
void Endpoint::OnTick(Instant now, Actions& out) { impl_->OnTick(now, out); }

std::optional<Instant> Endpoint::NextDeadline() const { return impl_->NextDeadline(); }

IkeSaId Endpoint::Initiate(InitiateRequest request, Instant now, Actions& out) {
  return impl_->Initiate(std::move(request), now, out);
}

void Endpoint::Terminate(IkeSaId id, const std::string& reason, Instant now, Actions& out) {
  impl_->Terminate(id, reason, now, out);
}

void Endpoint::Forget(IkeSaId id, Instant now, Actions& out) { impl_->Forget(id, now, out); }

void Endpoint::Withdraw(IkeSaId id, Instant now, Actions& out) { impl_->Withdraw(id, now, out); }
void Endpoint::PathLost(const net::Endpoint& local, const net::Endpoint& remote, Instant now, Actions& out) {
  impl_->PathLost(local, remote, now, out);
}

void Endpoint::RekeyIke(IkeSaId id, Instant now, Actions& out) { impl_->RekeyIke(id, now, out); }

void Endpoint::RekeyChild(ChildId id, Instant now, Actions& out) { impl_->RekeyChild(id, now, out); }

void Endpoint::CreateChild(IkeSaId id, Instant now, Actions& out) { impl_->CreateChild(id, now, out); }
void Endpoint::DeleteChild(ChildId id, Instant now, Actions& out) { impl_->DeleteChild(id, now, out); }

void Endpoint::SetTerms(IkeSaId id, const SessionTerms& terms, const std::vector<Suite>* suites, Instant now, Actions& out) {
  impl_->SetTerms(id, terms, suites, now, out);
}
void Endpoint::SendConfigSet(IkeSaId id, std::vector<ConfigAttribute> attributes, Instant now, Actions& out) {
  impl_->SendConfigSet(id, std::move(attributes), now, out);
}

bool Endpoint::MoveTo(IkeSaId id, const net::IpAddress& local, Instant now, Actions& out) {
  return impl_->MoveTo(id, local, now, out);
}

void Endpoint::PeerAlive(IkeSaId id, Instant now) { impl_->PeerAlive(id, now); }

std::optional<SessionInfo> Endpoint::Find(IkeSaId id) const { return impl_->Find(id); }

std::vector<SaInfo> Endpoint::List(Instant now) const { return impl_->List(now); }

size_t Endpoint::half_open() const { return impl_->half_open(); }

const Counters& Endpoint::counters() const { return impl_->counters(); }

const ExchangeStats& Endpoint::stats() const { return impl_->stats(); }

void Endpoint::ClearCounters() { impl_->ClearCounters(); }

Endpoint::Usage Endpoint::usage() const { return impl_->usage(); }

}  // namespace flexvpn::ike
