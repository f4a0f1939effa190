// SPDX-License-Identifier: Apache-2.0
// The one way in and out of messages: header check, SPI dispatch, windows, protection (RFC 7296 §2.1-2.3, §3.1).
#include "core/ike/machine.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace flexvpn::ike {
namespace {

ExchangeStats::Purpose PurposeOf(const Op& op) {
  using Purpose = ExchangeStats::Purpose;
  if (const auto* child = std::get_if<RekeyChildOp>(&op)) return child->old ? Purpose::kChildRekey : Purpose::kOther;
  if (std::holds_alternative<RekeyIkeOp>(op)) return Purpose::kIkeRekey;
  return std::holds_alternative<LivenessOp>(op) ? Purpose::kLiveness : Purpose::kOther;
}

}  // namespace

// First match wins; no match: counted and dropped, nothing changes.  IKE_SA_INIT has its own way (init.cc).
const Endpoint::Impl::Rule Endpoint::Impl::kRequestRules[] = {
    {IkeState::kAuthWait, ExchangeType::kIkeAuth, &Impl::OnAuthRequest,
     "peer authenticates, choosing profile and Child SA (§1.2)"},
    {IkeState::kAuthWait, ExchangeType::kIkeIntermediate, &Impl::OnIntermediateRequest,
     "an additional key exchange before IKE_AUTH (RFC 9370 §2.2.2)"},
    {IkeState::kAuthWait, ExchangeType::kInformational, &Impl::OnGivenUp, "peer gives up its login by EAP"},
    {IkeState::kEstablished, ExchangeType::kCreateChildSa, &Impl::OnCreateChildRequest,
     "peer creates or rekeys an SA (§1.3)"},
    {IkeState::kEstablished, ExchangeType::kIkeFollowupKe, &Impl::OnFollowupRequest,
     "an additional key exchange of a CREATE_CHILD_SA (RFC 9370 §2.2.4)"},
    {IkeState::kEstablished, ExchangeType::kInformational, &Impl::OnInformationalRequest,
     "peer deletes, configures or asks for life (§1.4)"},
    {IkeState::kClosing, ExchangeType::kCreateChildSa, &Impl::OnCreateChildClosing,
     "peer wants an SA while ours is being deleted (§2.25.2)"},
    {IkeState::kClosing, ExchangeType::kInformational, &Impl::OnInformationalRequest,
     "peer deletes too (§1.4.1)"},
};
const Endpoint::Impl::Rule Endpoint::Impl::kResponseRules[] = {
    {IkeState::kIntermediateSent, ExchangeType::kIkeIntermediate, &Impl::OnIntermediateResponse,
     "additional key exchange answered"},
    {IkeState::kAuthSent, ExchangeType::kIkeAuth, &Impl::OnAuthResponse, "peer proves itself (§1.2)"},
    {IkeState::kEstablished, ExchangeType::kCreateChildSa, &Impl::OnCreateChildResponse, "rekey answered (§1.3)"},
    {IkeState::kEstablished, ExchangeType::kIkeFollowupKe, &Impl::OnFollowupResponse, "additional key exchange answered"},
    {IkeState::kClosing, ExchangeType::kIkeFollowupKe, &Impl::OnFollowupResponse, "late answer"},
    {IkeState::kEstablished, ExchangeType::kInformational, &Impl::OnInformationalResponse, "answered (§1.4)"},
    {IkeState::kClosing, ExchangeType::kCreateChildSa, &Impl::OnCreateChildResponse, "late answer (§1.3)"},
    {IkeState::kClosing, ExchangeType::kInformational, &Impl::OnInformationalResponse, "farewell answered (§1.4.1)"},
};

void Endpoint::Impl::Handle(const Datagram& d, Instant now, Actions& out) {
  if (d.bytes.size() == 1 && d.bytes[0] == 0xff) return counters_.Add("NAT keepalives received");
  Header header;
  switch (ReadHeader(d.bytes, header)) {
    case HeaderFault::kNone:
      break;
    case HeaderFault::kVersion:
      return OnOtherVersion(d, header, now, out);
    default:
      return Drop("drop: malformed header");
  }
  if (header.exchange == ExchangeType::kIkeSaInit || header.exchange == ExchangeType::kIkeSessionResume)
    HandleInit(d, header, now, out);
  else
    HandleProtected(d, header, now, out);
  Finish(now, out);
}

void Endpoint::Impl::HandleInit(const Datagram& d, const Header& h, Instant now, Actions& out) {
  if (h.message_id != 0 || !h.initiator_spi) return Drop("drop: malformed IKE_SA_INIT");
  if (!h.is_response()) {
    if (!h.from_initiator() || h.responder_spi) return Drop("drop: malformed IKE_SA_INIT");
    return OnInitRequest(d, h, now, out);
  }
  if (h.from_initiator()) return Drop("drop: malformed IKE_SA_INIT");
  IkeSa* sa = tables_.FindSa(h.initiator_spi);
  if (sa == nullptr || !sa->initiator || !sa->handshake ||
      sa->state != (h.exchange == ExchangeType::kIkeSaInit ? IkeState::kInitSent : IkeState::kResumeSent))
    return Drop("drop: unexpected IKE_SA_INIT answer");
  if (d.remote.address != sa->session->info.remote.address || d.local.vrf != sa->session->info.local.vrf)
    return Drop("drop: IKE_SA_INIT answer from elsewhere");
  const auto payloads = DecodePayloads(h.next_payload, BytesView(d.bytes).subspan(kHeaderSize));
  if (!payloads.ok()) return Drop("drop: malformed payloads");
  if (FindUnknownCritical(*payloads) != nullptr) return Drop("drop: unknown critical payload in an answer");
  Touch(*sa->session);
  stats_.Count(ExchangeStats::kReceivedResponse, h.exchange, {}, *payloads);
  Show(MessageSeen::Way::kReceived, d.local, d.remote, h, &*payloads, ProfileOf(*sa));
  const Incoming in{d, h, *payloads, now, out, {}};
  if (sa->state == IkeState::kResumeSent) return OnResumeResponse(*sa, in);
  OnInitResponse(*sa, in);
}

void Endpoint::Impl::HandleProtected(const Datagram& d, const Header& h, Instant now, Actions& out) {
  if (h.from_initiator())
    if (HalfOpen* half_open = tables_.FindHalfOpen(h.responder_spi)) return HandleHalfOpen(*half_open, d, h, now, out);
  IkeSa* sa = tables_.FindSa(h.from_initiator() ? h.responder_spi : h.initiator_spi);
  if (sa == nullptr || sa->initiator == h.from_initiator()) return OnUnknownSpi(d, h, now, out);
  if (sa->spi_i != h.initiator_spi || sa->spi_r != h.responder_spi) return Drop("drop: unknown IKE SPI");
  if (d.local.vrf != sa->session->info.local.vrf) return Drop("drop: message by another VRF");
  if (sa->keys.sk_d.empty()) return Drop("drop: no keys yet");
  if (h.next_payload == static_cast<uint8_t>(PayloadType::kNotify)) return OnUnprotectedNotify(*sa, d, h, now, out);
  if (h.is_response())
    HandleResponse(*sa, d, h, now, out);
  else
    HandleRequest(*sa, d, h, now, out);
}

// nullopt: counted and dropped, or more fragments are to come.
std::optional<Endpoint::Impl::Opened> Endpoint::Impl::Open(IkeSa& sa, const Datagram& d, const Header& h,
                                                           uint64_t fingerprint, Instant now) {
  absl::StatusOr<PlainPayloads> plain;
  if (IsFragment(h)) {
    auto whole = OpenFragments(sa, d, h, fingerprint, now);
    if (!whole) return std::nullopt;
    plain = std::move(whole->plain);
    fingerprint = whole->first_fingerprint;
  } else {
    plain = UnprotectPlain(crypto_, sa.receive_keys(), h, d.bytes);
    if (!plain.ok() && !absl::IsInvalidArgument(plain.status())) {
      Drop("drop: integrity check failed");
      return std::nullopt;
    }
    if (sa.reassembly) sa.reassembly->Forget(Reassembly::KeyOf(h));
  }
  auto payloads = plain.ok() ? DecodePayloads(plain->first_type, plain->octets) : plain.status();
  if (!payloads.ok()) Drop("drop: malformed payloads");
  return Opened{std::move(payloads), plain.ok() ? *std::move(plain) : PlainPayloads{}, fingerprint};
}

void Endpoint::Impl::HandleRequest(IkeSa& sa, const Datagram& d, const Header& h, Instant now, Actions& out) {
  const uint64_t fingerprint = Fingerprint(d.bytes);
  switch (sa.receive.Check(h.message_id, fingerprint)) {
    case ReceiveWindow::Verdict::kNew:
      break;
    case ReceiveWindow::Verdict::kRepeat:
      counters_.Add("requests answered from cache");
      SendTo(d.local, d.remote, sa.receive.Answer(h.message_id), out);
      Show(MessageSeen::Way::kSentAgain, d.local, d.remote, MakeHeader(sa, h.exchange, true, h.message_id), nullptr,
           ProfileOf(sa));
      return AnswerRepeated(sa, h.message_id, now);
    case ReceiveWindow::Verdict::kInProgress:
      return Drop("drop: request is being worked on");
    case ReceiveWindow::Verdict::kOutside:
      if (IsFragment(h) && sa.receive.Knows(h.message_id)) return RepeatAnswer(sa, d, h, out);
      return Drop("drop: message id outside the window");
  }
  if (sa.state == IkeState::kClosed) return Drop("drop: IKE SA has ended");
  // The responder is up one message before us: it repeats what comes too early.
  if (sa.initiator && sa.state < IkeState::kEstablished) return Drop("drop: request before the peer is authenticated");
  if (const auto opened = Open(sa, d, h, fingerprint, now)) AcceptRequest(sa, d, h, *opened, now, out);
}

void Endpoint::Impl::AcceptRequest(IkeSa& sa, const Datagram& d, const Header& h, const Opened& opened, Instant now,
                                   Actions& out) {
  Touch(*sa.session);
  const absl::StatusOr<Payloads>& payloads = opened.payloads;
  NotePeer(sa, d, now, out);
  sa.receive.Begin(h.message_id, opened.fingerprint);
  ReplyTo to{sa.local_spi, h.message_id, h.exchange, d.local, d.remote};
  if (!payloads.ok()) return Refuse(to, {NotifyType::kInvalidSyntax, {}, "", {}}, out);
  to.purpose = ExchangeStats::PurposeOf(h.exchange, *payloads);
  stats_.Count(ExchangeStats::kReceivedRequest, h.exchange, to.purpose, *payloads);
  Show(MessageSeen::Way::kReceived, d.local, d.remote, h, &*payloads, ProfileOf(sa));
  if (const UnknownPayload* unknown = FindUnknownCritical(*payloads))
    return Refuse(to, {NotifyType::kUnsupportedCriticalPayload, {unknown->type}, "", {}}, out);
  Dispatch(std::begin(kRequestRules), std::end(kRequestRules), sa, Incoming{d, h, *payloads, now, out, opened.plain},
           nullptr);
}

void Endpoint::Impl::HandleResponse(IkeSa& sa, const Datagram& d, const Header& h, Instant now, Actions& out) {
  Request* pending = sa.send.Find(h.message_id);
  if (pending == nullptr || pending->exchange() != h.exchange) return Drop("drop: answer to no request");
  const auto opened = Open(sa, d, h, Fingerprint(d.bytes), now);
  if (!opened || !opened->payloads.ok()) return;
  Touch(*sa.session);
  const absl::StatusOr<Payloads>& payloads = opened->payloads;
  NotePeer(sa, d, now, out);
  std::optional<Request> request = sa.send.Take(h.message_id);
  stats_.Count(ExchangeStats::kReceivedResponse, h.exchange, PurposeOf(request->op()), *payloads);
  Show(MessageSeen::Way::kReceived, d.local, d.remote, h, &*payloads, ProfileOf(sa));
  if (FindUnknownCritical(*payloads) != nullptr) {  // the exchange has failed; nothing is sent (§2.21)
    Drop("drop: unknown critical payload in an answer");
    EndOp(sa, request->op());
    return;
  }
  if (sa.state == IkeState::kEstablished && FindNotify(*payloads, NotifyType::kInvalidSyntax) != nullptr) {
    EndOp(sa, request->op());
    return EndAtOnce(sa, "peer answered INVALID_SYNTAX", out);  // it has ended the IKE SA (§2.21.3)
  }
  Dispatch(std::begin(kResponseRules), std::end(kResponseRules), sa, Incoming{d, h, *payloads, now, out, opened->plain},
           &*request);
}

void Endpoint::Impl::Dispatch(const Rule* first, const Rule* last, IkeSa& sa, const Incoming& in, Request* request) {
  const Rule* rule = std::find_if(
      first, last, [&](const Rule& r) { return r.state == sa.state && r.exchange == in.header.exchange; });
  if (rule != last) {
    if (debug_ != nullptr) debug_->OnStep(sa.session->info, in.header, rule->story);
    (this->*rule->run)(sa, in, request);
    return;
  }
  Drop("drop: exchange does not fit the state");
  if (request != nullptr) return EndOp(sa, request->op());
  Refuse(ReplyFor(sa, in), {NotifyType::kInvalidSyntax, {}, "", {}}, in.out);
}

// An authentic message arrived: sign of life, and perhaps a new NAT mapping (§2.23).
void Endpoint::Impl::NotePeer(IkeSa& sa, const Datagram& d, Instant now, Actions& out) {
  Session& session = *sa.session;
  session.last_heard = now;
  if (session.mobility) session.mobility->paths_tried = 0;
  IkeSa* current = Current(session);  // the peer uses the successor of a rekey: so may we, unless ours may win
  if (current != nullptr && current->successor == sa.local_spi && !current->rekeying && current->replaced_by_peer &&
      sa.state == IkeState::kEstablished) {
    SwitchTo(session, sa, now, out);
  }
  const bool moved = session.info.remote != d.remote || session.info.local != d.local;
  if (!moved) return;
  if (sa.state == IkeState::kAuthWait) {  // port floating before anything is up
    session.info.local = d.local;
    session.info.remote = d.remote;
    return;
  }
  if (session.down && d.remote.in_tcp()) {  // our farewell goes where the peer is now; the kernel has nothing of it any more
    session.info.local = d.local;
    session.info.remote = d.remote;
    return sa.send.Hurry(now);
  }
  // With MOBIKE only UPDATE_SA_ADDRESSES moves a session (RFC 4555 §3.8); without it the end that is not behind NAT
  // follows.  An initiator behind NAT does not: its peer's address is fixed, or it could not have called.
  // Who opens a TCP connection again has another port, NAT or not.
  const bool passing = session.info.nat_remote || d.remote.carrier == net::Carrier::kTcpAccepted;
  if (session.info.mobike || !passing || (session.info.nat_local && session.info.initiator)) return;
  if (!session.up || session.down || session.current != sa.local_spi) return;
  if (session.info.remote == d.remote && session.info.local.address == d.local.address) return;
  counters_.Add("NAT mappings moved");
  Relocate(session, d.local, d.remote, out);
}

Header Endpoint::Impl::MakeHeader(const IkeSa& sa, ExchangeType exchange, bool response, uint32_t id) const {
  Header h;
  h.initiator_spi = sa.spi_i;
  h.responder_spi = sa.spi_r;
  h.exchange = exchange;
  h.flags = static_cast<uint8_t>((sa.initiator ? kFlagInitiator : 0) | (response ? kFlagResponse : 0));
  h.message_id = id;
  return h;
}

void Endpoint::Impl::Transmit(Session& session, const WireMessage& wire, Instant now, Actions& out) {
  session.last_sent = now;
  SendTo(session.info.local, session.info.remote, wire, out);
}

void Endpoint::Impl::SendTo(const net::Endpoint& local, const net::Endpoint& remote, const WireMessage& wire,
                            Actions& out) {
  for (const Bytes& bytes : wire) out.emplace_back(SendDatagram{local, remote, bytes});
}

Retransmit Endpoint::Impl::RetransmitPolicy(const Session& session, const Op& op) const {
  if (std::holds_alternative<LivenessOp>(op) && session.policy->dpd.interval > seconds(0)) {
    const Duration retry = session.policy->dpd.retry > seconds(0) ? session.policy->dpd.retry : seconds(1);
    return {retry, 1.0, kLivenessTries};
  }
  if (std::holds_alternative<ResumeOp>(op))
    return {config_.retransmit_first, config_.retransmit_backoff, std::min(config_.retransmit_tries, kResumeTries)};
  if (std::holds_alternative<RoutabilityOp>(op)) return {kRoutabilityInterval, 1.0, kRoutabilityTries};
  return {config_.retransmit_first, config_.retransmit_backoff, config_.retransmit_tries};
}

void Endpoint::Impl::SendRequest(IkeSa& sa, ExchangeType exchange, const Payloads& payloads, Op op, Instant now,
                                 Actions& out) {
  const uint32_t id = sa.send.next_id();
  const Header header = MakeHeader(sa, exchange, false, id);
  auto wire = ProtectMessage(sa, header, payloads, sa.session->info.local);
  if (!wire.ok()) {
    counters_.Add("messages that could not be protected");
    return EndOp(sa, op);
  }
  sa.send.TakeId();
  counters_.Add("requests sent");
  stats_.Count(ExchangeStats::kSentRequest, exchange, PurposeOf(op), payloads);
  Show(MessageSeen::Way::kSent, sa.session->info.local, sa.session->info.remote, header, &payloads, ProfileOf(sa));
  const Retransmit policy = RetransmitPolicy(*sa.session, op);
  Request& request = sa.send.Add(Request(id, exchange, *std::move(wire), std::move(op), policy));
  request.Sent(now);
  Transmit(*sa.session, request.wire(), now, out);
}

// IKE_SA_INIT, IKE_SESSION_RESUME: always message id 0, also after a COOKIE or INVALID_KE_PAYLOAD.
void Endpoint::Impl::SendPlainRequest(IkeSa& sa, Bytes bytes, ExchangeType exchange, Op op, Instant now,
                                      Actions& out) {
  if (sa.send.next_id() == 0) sa.send.TakeId();
  sa.send.Take(0);
  const Retransmit policy = RetransmitPolicy(*sa.session, op);
  Request& request = sa.send.Add(Request(0, exchange, {std::move(bytes)}, std::move(op), policy));
  request.Sent(now);
  Transmit(*sa.session, request.wire(), now, out);
}

Endpoint::Impl::ReplyTo Endpoint::Impl::ReplyFor(const IkeSa& sa, const Incoming& in) const {
  return {sa.local_spi, in.header.message_id, in.header.exchange, in.datagram.local, in.datagram.remote,
          ExchangeStats::PurposeOf(in.header.exchange, in.payloads)};
}

void Endpoint::Impl::Respond(const ReplyTo& to, const Payloads& payloads, Actions& out) {
  IkeSa* sa = tables_.FindSa(to.sa);
  if (sa == nullptr) return;
  const Header header = MakeHeader(*sa, to.exchange, true, to.message_id);
  auto wire = ProtectMessage(*sa, header, payloads, to.local);
  if (!wire.ok()) return counters_.Add("messages that could not be protected");
  counters_.Add("requests answered");
  stats_.Count(ExchangeStats::kSentResponse, to.exchange, to.purpose, payloads);
  Show(MessageSeen::Way::kSent, to.local, to.remote, header, &payloads, ProfileOf(*sa));
  SendTo(to.local, to.remote, *wire, out);
  sa->receive.Finish(to.message_id, *std::move(wire));
}

void Endpoint::Impl::Refuse(const ReplyTo& to, const Refusal& refusal, Actions& out) {
  Payloads answer;
  NotifyPayload notify;
  notify.type = refusal.type;
  notify.data = refusal.data;
  if (refusal.spi) {
    ByteWriter w;
    w.U32(refusal.spi.value());
    notify.protocol = ProtocolId::kEsp;
    notify.spi = std::move(w).Release();
  }
  answer.emplace_back(std::move(notify));
  counters_.Add("requests refused");
  Respond(to, answer, out);
  if (refusal.type != NotifyType::kInvalidSyntax) return;
  IkeSa* sa = tables_.FindSa(to.sa);
  if (sa == nullptr || sa->state == IkeState::kClosed) return;
  counters_.Add("IKE SAs ended by INVALID_SYNTAX");
  EndAtOnce(*sa, "peer sent a malformed request (INVALID_SYNTAX)", out);
}

}  // namespace flexvpn::ike
