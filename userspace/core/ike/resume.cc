// SPDX-License-Identifier: Apache-2.0
// Session resumption as initiator (RFC 5723), and the tickets it keeps.
#include "core/ike/resume.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
void TicketWallet::Keep(const Key& key, KeptTicket ticket, Instant now) {
  std::erase_if(tickets_, [&](const auto& entry) { return entry.second.expires <= now; });
  if (tickets_.size() >= kMost && !tickets_.contains(key)) return;
  tickets_.insert_or_assign(key, std::move(ticket));
}

std::optional<KeptTicket> TicketWallet::Take(const Key& key, Instant now) {
  auto node = tickets_.extract(key);
  if (node.empty() || node.mapped().expires <= now) return std::nullopt;
  return std::move(node.mapped());
}

void TicketWallet::Drop(const Key& key, IkeSaId session) {
  const auto it = tickets_.find(key);
  if (it != tickets_.end() && it->second.session == session) tickets_.erase(it);
}

TicketWallet::Key Endpoint::Impl::WalletKey(const Session& session) {
  return {{session.info.remote.address, 0, session.info.remote.vrf}, session.info.profile};
}

// A ticket that fits what we are to do now: the same keys and identities, and algorithms that are still wanted.
std::optional<KeptTicket> Endpoint::Impl::UsableTicket(const Session& session, Instant now) {
  if (session.policy->resumption <= seconds(0)) return std::nullopt;
  auto kept = wallet_.Take(WalletKey(session), now);
  if (!kept) return std::nullopt;
  const auto& suites = *session.suites;
  const auto& wanted = session.request->remote_id;
  if (std::find(suites.begin(), suites.end(), kept->suite) == suites.end() ||
      kept->local_id != session.policy->local_id || (wanted && *wanted != kept->remote_id) ||
      !crypto_.ConstantTimeEqual(kept->policy, PolicyDigest(crypto_, *session.policy)))
    return std::nullopt;
  return kept;
}

void Endpoint::Impl::BeginResume(Session& session, KeptTicket kept, Instant now, Actions& out) {
  IkeSa& sa = tables_.AddSa(session, tables_.NewSpi(rng_));
  sa.initiator = true;
  sa.spi_i = session.info.spi_i = session.current = sa.local_spi;
  sa.suite = session.info.suite = kept.suite;
  sa.handshake = std::make_unique<Handshake>();
  sa.handshake->nonce_i = rng_.Take(kNonceSize);
  sa.handshake->kept = std::make_unique<KeptTicket>(std::move(kept));
  session.info.resumed = true;
  counters_.Add("resumptions begun");
  SendResume(sa, now, out);
}

// IKE_SESSION_RESUME (§4.3.1).
void Endpoint::Impl::SendResume(IkeSa& sa, Instant now, Actions& out) {
  Session& session = *sa.session;
  Handshake& h = *sa.handshake;
  Payloads payloads;
  if (!h.cookie.empty())
    payloads.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kCookie, h.cookie});
  payloads.emplace_back(NoncePayload{h.nonce_i});
  const SecretBytes& ticket = h.kept->ticket;
  payloads.emplace_back(
      NotifyPayload{ProtocolId::kNone, {}, NotifyType::kTicketOpaque, Bytes(ticket.begin(), ticket.end())});
  AppendNatDetection(crypto_, rng_, sa.spi_i, IkeSpi(), session.info.local, session.info.remote,
                     session.policy->force_encap, payloads);
  AppendFragmentation(payloads);
  AppendVendorIds(payloads);
  stats_.Count(ExchangeStats::kSentRequest, ExchangeType::kIkeSessionResume, {}, payloads);
  const Header header = MakeHeader(sa, ExchangeType::kIkeSessionResume, false, 0);
  Show(MessageSeen::Way::kSent, session.info.local, session.info.remote, header, &payloads, session.info.profile);
  h.init_request = EncodeMessage(header, payloads);
  sa.state = IkeState::kResumeSent;
  SendPlainRequest(sa, h.init_request, ExchangeType::kIkeSessionResume, ResumeOp{}, now, out);
}

// Nothing of it is authentic: what does not fit is as if lost, and a TICKET_NACK costs a full handshake at most.
void Endpoint::Impl::OnResumeResponse(IkeSa& sa, const Incoming& in) {
  if (const auto* cookie = FindNotify(in.payloads, NotifyType::kCookie)) return OnInitCookie(sa, *cookie, in);
  if (FindNotify(in.payloads, NotifyType::kTicketNack) != nullptr) {
    counters_.Add("tickets refused by the peer");
    return FallBack(sa, "the peer does not take our ticket", in.now, in.out);
  }
  const auto* nonce = ike::Find<NoncePayload>(in.payloads);
  if (nonce == nullptr || !in.header.responder_spi) return Drop("drop: incomplete IKE_SESSION_RESUME answer");
  Session& session = *sa.session;
  Handshake& h = *sa.handshake;
  sa.spi_r = session.info.spi_r = in.header.responder_spi;
  h.nonce_r = nonce->nonce;
  h.init_response = in.datagram.bytes;
  h.agreed.childless = h.kept->childless;
  session.info.vendor_ids = VendorIds(in.payloads);
  NoteInitNat(sa, in);
  sa.keys = ExpandIkeKeys(crypto_, sa.suite, ResumedSkeyseed(crypto_, sa.suite.prf, h.kept->sk_d, h.nonce_i, h.nonce_r),
                          h.nonce_i, h.nonce_r, sa.spi_i, sa.spi_r);
  session.info.ppk = h.kept->ppk;
  LogKeys(sa.spi_i, sa.spi_r, sa.keys, in.out);
  sa.send.Take(0);
  FloatPorts(session);
  SendAuth(sa, in.now, in.out);
}

// The full handshake, in the same session.
void Endpoint::Impl::FallBack(IkeSa& sa, const std::string& why, Instant now, Actions& out) {
  Session& session = *sa.session;
  counters_.Add("resumptions given up");
  Note(Notice::Level::kInfo, absl::StrCat("IKEv2: ", PeerName(session.info), ": not resumed: ", why), out);
  sa.gone = true;
  session.info.resumed = session.info.ppk = false;
  session.info.local.port = session.request->local.port;
  session.info.remote.port = session.request->remote.port;
  session.info.nat_local = session.info.nat_remote = session.nat_supported = false;
  session.info.spi_r = IkeSpi();
  session.info.remote_id = session.request->remote_id.value_or(Identity{});
  BeginInit(session, now, out);
}

// True: a request of a resumption was never answered, and the full handshake follows.
bool Endpoint::Impl::ResumptionTimedOut(IkeSa& sa, const Op& op, Instant now, Actions& out) {
  Session& session = *sa.session;
  if (session.up || !sa.handshake || !sa.handshake->kept) return false;
  // Never used, as far as we know: the peer may just be out of reach.
  if (std::holds_alternative<ResumeOp>(op)) wallet_.Keep(WalletKey(session), std::move(*sa.handshake->kept), now);
  FallBack(sa, "no answer", now, out);
  return true;
}

absl::Status Endpoint::Impl::CheckResumedAnswer(IkeSa& sa, const Payloads& payloads) {
  Session& session = *sa.session;
  session.info.auth_remote = "PSK";
  if (!(session.info.remote_id == sa.handshake->kept->remote_id))
    return absl::UnauthenticatedError(absl::StrCat("it calls itself ", session.info.remote_id.ToString(),
                                                   ", the ticket is of ", sa.handshake->kept->remote_id.ToString()));
  return VerifyResumedAuth(crypto_, AuthFor(sa, false, session.info.remote_id), *ike::Find<AuthPayload>(payloads));
}

// Not without authentication, nor in place of a login: a ticket would stand for it from then on.
bool Endpoint::Impl::AsksForTicket(const SessionPolicy& policy) {
  return policy.resumption > seconds(0) && !policy.local_null && !policy.local_eap;
}

// Initiator, from the answer to IKE_AUTH or to a question of its own: the new ticket in place of the old one.  Of a peer
// that proved itself by certificate we would have to ask again whether it is revoked: such sessions are not resumed.
void Endpoint::Impl::KeepTicket(Session& session, const IkeSa& sa, const Payloads& payloads, Instant now) {
  if (!AsksForTicket(*session.policy)) return;
  session.ticket_at.reset();
  if (sa.handshake) {
    wallet_.Drop(WalletKey(session));
    session.childless_peer = sa.handshake->agreed.childless;
  }
  if (FindNotify(payloads, NotifyType::kTicketNack) != nullptr) {
    counters_.Add("tickets not given by the peer");
    if (!sa.handshake) session.ticket_at = now + kTicketMuchLater;  // it has given one before
  }
  if (session.info.auth_remote != "PSK") return;
  const auto* notify = FindNotify(payloads, NotifyType::kTicketLtOpaque);
  if (notify == nullptr) {
    if (FindNotify(payloads, NotifyType::kTicketAck) != nullptr) session.ticket_at = now + kTicketAgain;
    return;
  }
  auto given = DecodeLifetimeTicket(notify->data);
  if (!given) return counters_.Add("malformed tickets ignored");
  const seconds lifetime = std::min(given->lifetime, kMaxTicketLifetime);
  KeptTicket kept;
  kept.ticket = ToSecret(given->ticket);
  kept.sk_d = sa.keys.sk_d;
  kept.suite = sa.suite;
  kept.local_id = session.info.local_id;
  kept.remote_id = session.info.remote_id;
  kept.policy = PolicyDigest(crypto_, *session.policy);
  kept.session = session.info.id;
  kept.ppk = session.info.ppk;
  kept.childless = session.childless_peer;
  kept.expires = now + lifetime;
  wallet_.Keep(WalletKey(session), std::move(kept), now);
  counters_.Add("tickets kept");
  // Before it expires; the last ones before the end of what may be resumed at all are not worth a message.
  if (lifetime >= kTicketAgain) session.ticket_at = now + lifetime * 2 / 3;
}

// A session that ends by word or decision is not taken up again (§4.1); one that is merely lost may be.
void Endpoint::Impl::EndTickets(Session& session) {
  if (session.lost) return;
  if (session.info.initiator) wallet_.Drop(WalletKey(session), session.info.id);
  if (session.ticket) tickets_.Use(*std::exchange(session.ticket, std::nullopt));
}

}  // namespace flexvpn::ike
