// SPDX-License-Identifier: Apache-2.0
// Messages outside of any IKE SA: answers to what we cannot serve, and hints of the peer that it has lost ours
// (RFC 7296 §1.5, §2.4, §2.5, §2.21.4).  Nothing here is authentic, so nothing here changes an SA.
#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

constexpr Duration kHintInterval = seconds(10);  // one liveness check by hints a session in that time

}  // namespace

// Same SPIs, message id and exchange type as the request, our own version, no protection (§1.5).
void Endpoint::Impl::AnswerOutside(const Datagram& d, const Header& h, const Payloads& payloads, Instant now,
                                   Actions& out) {
  if (h.is_response()) return;  // two confused peers must not answer each other for ever
  if (!outside_.Admit(now)) return counters_.Add("answers outside of an IKE SA held back");
  Header answer;
  answer.initiator_spi = h.initiator_spi;
  answer.responder_spi = h.responder_spi;
  answer.exchange = h.exchange;
  answer.flags = static_cast<uint8_t>(kFlagResponse | (h.from_initiator() ? 0 : kFlagInitiator));
  answer.message_id = h.message_id;
  counters_.Add("answers outside of an IKE SA");
  out.emplace_back(SendDatagram{d.local, d.remote, EncodeMessage(answer, payloads)});
}

// §2.5: a higher major version is answered, a lower one (IKEv1) has other rules and is dropped.
void Endpoint::Impl::OnOtherVersion(const Datagram& d, const Header& h, Instant now, Actions& out) {
  Drop("drop: other major version");
  if (h.version >> 4 < 2) return;
  AnswerOutside(d, h, {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kInvalidMajorVersion, {}}}, now, out);
}

void Endpoint::Impl::OnUnknownSpi(const Datagram& d, const Header& h, Instant now, Actions& out) {
  Drop("drop: unknown IKE SPI");
  if (!h.responder_spi) return;
  if (tables_.Knows(h.initiator_spi) || tables_.Knows(h.responder_spi)) return;  // an echo
  Payloads answer = {NotifyPayload{ProtocolId::kNone, {}, NotifyType::kInvalidIkeSpi, {}}};
  if (!config_.qcd_secret.empty())  // RFC 6290 §4.3; the SPIs are surely not those of an SA that we have
    answer.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kQcdToken,
                                      QcdToken(crypto_, config_.qcd_secret, h.initiator_spi, h.responder_spi)});
  AnswerOutside(d, h, answer, now, out);
}

// Anybody could have sent it: it only makes us ask the peer ourselves (§2.4), unless a token proves it (RFC 6290).
void Endpoint::Impl::OnUnprotectedNotify(IkeSa& sa, const Datagram& d, const Header& h, Instant now, Actions& out) {
  const Session& session = *sa.session;
  if (!h.is_response() || d.remote.address != session.info.remote.address)
    return Drop("drop: unprotected message for an IKE SA");
  const auto payloads = DecodePayloads(h.next_payload, BytesView(d.bytes).subspan(kHeaderSize));
  if (!payloads.ok()) return Drop("drop: malformed payloads");
  if (FindNotify(*payloads, NotifyType::kInvalidIkeSpi) == nullptr) return Drop("drop: unprotected message for an IKE SA");
  if (ProvesCrash(sa, *payloads)) {
    counters_.Add("IKE SAs ended by a crash detection token");
    EndAtOnce(sa, "peer has restarted without it (crash detection token)", out);
    sa.gone = true;
    return;
  }
  counters_.Add("hints that the peer has lost an IKE SA");
  CheckLiveness(sa, now);
}

void Endpoint::Impl::CheckLiveness(IkeSa& sa, Instant now) {
  Session& session = *sa.session;
  if (Current(session) != &sa || !session.up || sa.state != IkeState::kEstablished) return;
  if (!sa.send.Idle() || !sa.queue.empty()) return;  // whatever is under way shows it as well
  if (session.last_hint != Instant{} && now - session.last_hint < kHintInterval) return;
  session.last_hint = session.last_probe = now;
  counters_.Add("liveness checks");
  sa.queue.emplace_back(LivenessOp{});
  Touch(session);
}

// The IKE SA ends without a word more on both sides (§2.21.3): ours only repeats its last answer.
void Endpoint::Impl::EndAtOnce(IkeSa& sa, const std::string& reason, Actions& out) {
  Session& session = *sa.session;
  if (sa.expires) sa.expires = std::min<Instant>(*sa.expires, session.last_heard + kAnswerLinger);  // a login may take longer
  Touch(session);
  for (const Op& op : sa.send.TakeAll()) EndOp(sa, op);
  for (const Op& op : sa.queue) EndOp(sa, op);
  sa.queue.clear();
  sa.state = IkeState::kClosed;  // Finish() sets when it expires
  if (session.current != sa.local_spi || session.down) return;
  if (session.up)
    Warn(session.info, absl::StrCat("IKEv2: IKE SA with ", PeerName(session.info), " ended: ", reason), out);
  Down(session, reason, out);
  for (auto& other : session.sas) other->gone = other->gone || other.get() != &sa;
}

}  // namespace flexvpn::ike
