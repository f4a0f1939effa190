// SPDX-License-Identifier: Apache-2.0
// IKE_SA_INIT as responder (RFC 7296 §1.2, §2.6): cheap checks first, no state before the peer has earned it.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {
constexpr size_t kNonceSize = 32;
constexpr Duration kProposalNoticeInterval = seconds(1);
}  // namespace

void Endpoint::Impl::OnInitRequest(const Datagram& d, const Header& h, Instant now, Actions& out) {
  if (d.bytes.size() > kMaxInitSize) return Drop("drop: IKE_SA_INIT too large");
  // Without its interface such an address leads nowhere.
  if (d.remote.address.is_v6() && d.remote.address.is_link_local()) return Drop("drop: IPv6 link-local peer");
  const uint64_t key = Tables::InitKey(d.remote, Fingerprint(d.bytes));
  if (IkeSa* sa = tables_.FindInit(key, h.initiator_spi)) {
    if (sa->state != IkeState::kAuthWait) return Drop("drop: repeated IKE_SA_INIT");
    counters_.Add("requests answered from cache");
    out.emplace_back(SendDatagram{d.local, d.remote, sa->handshake->init_response});
    return;
  }
  if (!AdmitInit(d, h)) return;
  const auto payloads = DecodePayloads(h.next_payload, BytesView(d.bytes).subspan(kHeaderSize));
  if (!payloads.ok()) return Drop("drop: malformed payloads");
  if (!CookieHolds(d, h, *payloads, now, out)) return;
  ConsiderInit(d, h, *payloads, key, now, out);
}

bool Endpoint::Impl::AdmitInit(const Datagram& d, const Header&) {
  const char* refused = nullptr;
  if (tables_.half_open() >= config_.max_half_open) {
    refused = "drop: too many half-open SAs";
  } else if (tables_.half_open(d.remote.address) >= config_.max_half_open_per_source) {
    refused = "drop: too many half-open SAs of one source";
  } else if (config_.max_sas != 0 && tables_.size() >= config_.max_sas) {
    refused = "drop: too many SAs";
  }
  if (refused != nullptr) Drop(refused);
  return refused == nullptr;
}

bool Endpoint::Impl::CookieHolds(const Datagram& d, const Header& h, const Payloads& p, Instant now, Actions& out) {
  if (tables_.half_open() < config_.cookie_threshold) return true;
  const auto* nonce = ike::Find<NoncePayload>(p);
  if (nonce == nullptr) {
    Drop("drop: incomplete IKE_SA_INIT");
    return false;
  }
  const auto* cookie = FindNotify(p, NotifyType::kCookie);
  if (cookie != nullptr && cookies_.Check(cookie->data, nonce->nonce, d.remote.address, h.initiator_spi, now))
    return true;
  counters_.Add("cookies demanded");
  AnswerPlain(d, h,
              NotifyPayload{ProtocolId::kNone, {}, NotifyType::kCookie,
                            cookies_.Make(nonce->nonce, d.remote.address, h.initiator_spi, now)},
              out);
  return false;
}

// A stateless answer: no SPI of ours, nothing kept.
void Endpoint::Impl::AnswerPlain(const Datagram& d, const Header& h, Payload notify, Actions& out) {
  Header answer;
  answer.initiator_spi = h.initiator_spi;
  answer.exchange = ExchangeType::kIkeSaInit;
  answer.flags = kFlagResponse;
  Payloads payloads;
  payloads.push_back(std::move(notify));
  out.emplace_back(SendDatagram{d.local, d.remote, EncodeMessage(answer, payloads)});
}

void Endpoint::Impl::ConsiderInit(const Datagram& d, const Header& h, const Payloads& p, uint64_t key, Instant now,
                                  Actions& out) {
  if (const UnknownPayload* unknown = FindUnknownCritical(p)) {
    Drop("drop: unknown critical payload in IKE_SA_INIT");
    return AnswerPlain(
        d, h, NotifyPayload{ProtocolId::kNone, {}, NotifyType::kUnsupportedCriticalPayload, {unknown->type}}, out);
  }
  if (RedirectsInit(d, h, p, out)) return;
  const auto* offer = ike::Find<SaPayload>(p);
  const auto* ke = ike::Find<KePayload>(p);
  const auto* nonce = ike::Find<NoncePayload>(p);
  if (offer == nullptr || ke == nullptr || nonce == nullptr) return Drop("drop: incomplete IKE_SA_INIT");
  const auto own = suites_.Share(Supported(crypto_, ProtocolId::kIke, policy_.InitSuites(d.local, d.remote)));
  const bool additional = FindNotify(p, NotifyType::kIntermediateExchangeSupported) != nullptr;
  auto choice = SelectSuite(ProtocolId::kIke, *own, *offer, {.prefer_ke = ke->method, .no_additional = !additional});
  if (!choice) {
    counters_.Add("IKE_SA_INIT without a common proposal");
    if (proposal_notice_ == Instant{} || now - proposal_notice_ >= kProposalNoticeInterval) {
      proposal_notice_ = now;
      Note(Notice::Level::kWarning,
           absl::StrCat("IKEv2: ", d.remote.ToString(), " offers no IKE proposal that we accept"), out);
    }
    return AnswerPlain(d, h, NotifyPayload{ProtocolId::kNone, {}, NotifyType::kNoProposalChosen, {}}, out);
  }
  if (ke->method != choice->suite.ke) {
    counters_.Add("IKE_SA_INIT with another group");
    ByteWriter w;
    w.U16(static_cast<uint16_t>(choice->suite.ke));
    return AnswerPlain(
        d, h, NotifyPayload{ProtocolId::kNone, {}, NotifyType::kInvalidKePayload, std::move(w).Release()}, out);
  }
  IkeSa& sa = NewResponder(d, h, p, *std::move(choice), now);
  sa.session->suites = own;
  tables_.BindInit(sa, key);
  StartJob(sa, crypto::AnswerKey{sa.suite.ke, ke->public_value},
           [this](IkeSa& s, crypto::JobResult r, Instant t, Actions& o) { AnswerInit(s, std::move(r), t, o); }, out);
}

IkeSa& Endpoint::Impl::NewResponder(const Datagram& d, const Header& h, const Payloads& p, Choice choice, Instant now) {
  Session& session = tables_.AddSession();
  Touch(session);
  session.created = session.last_heard = session.last_sent = now;
  session.info.local = d.local;
  session.info.remote = d.remote;
  session.info.spi_i = h.initiator_spi;
  session.info.suite = choice.suite;
  CollectVendorIds(p, session.info);
  const NatFinding nat = DetectNat(crypto_, p, h.initiator_spi, IkeSpi(), d.local, d.remote);
  session.force_encap = policy_.ForceEncap(d.local, d.remote);
  session.info.nat_local = nat.local || (nat.supported && session.force_encap);
  session.info.nat_remote = nat.remote;
  session.info.fragmentation = AgreesFragmentation(p);

  IkeSa& sa = tables_.AddSa(session, tables_.NewSpi(rng_));
  session.current = sa.local_spi;
  sa.state = IkeState::kInitAnswer;
  sa.spi_i = h.initiator_spi;
  sa.spi_r = session.info.spi_r = sa.local_spi;
  sa.suite = choice.suite;
  sa.receive = ReceiveWindow(1);
  sa.expires = now + config_.half_open_timeout;
  sa.handshake = std::make_unique<Handshake>();
  NoteInitExtensions(sa, p);
  sa.handshake->init_request = d.bytes;
  sa.handshake->nonce_i = ike::Find<NoncePayload>(p)->nonce;
  sa.handshake->nonce_r = rng_.Take(kNonceSize);
  sa.handshake->choice = std::move(choice);
  NoteSignatureHashes(sa, p);
  tables_.BeginHalfOpen(sa);
  counters_.Add("IKE_SA_INIT accepted");
  return sa;
}

void Endpoint::Impl::AnswerInit(IkeSa& sa, crypto::JobResult result, Instant now, Actions& out) {
  Session& session = *sa.session;
  if (!result.ok() || !std::holds_alternative<crypto::KeyAnswer>(*result)) {
    Drop(absl::IsInvalidArgument(result.status()) ? "drop: bad public value in an IKE_SA_INIT request"
                                                  : "key generation failed");
    return DropSas(session);
  }
  const auto& key = std::get<crypto::KeyAnswer>(*result);
  Handshake& h = *sa.handshake;
  sa.keys = DeriveIkeKeys(crypto_, sa.suite, key.secret, h.nonce_i, h.nonce_r, sa.spi_i, sa.spi_r);
  LogKeys(sa, out);
  Payloads payloads;
  payloads.emplace_back(SaPayload{{h.choice.proposal}});
  payloads.emplace_back(KePayload{sa.suite.ke, key.public_value});
  payloads.emplace_back(NoncePayload{h.nonce_r});
  AppendNatDetection(crypto_, rng_, sa.spi_i, sa.spi_r, session.info.local, session.info.remote,
                     session.force_encap, payloads);
  if (session.info.fragmentation) AppendFragmentation(payloads);
  AnswerInitExtensions(sa, payloads);
  if (h.peer_hashes)
    payloads.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kSignatureHashAlgorithms, EncodeOwnHashes()});
  AppendCertRequest(policy_.Authorities(session.info.local, session.info.remote), payloads);
  AppendHttpLookup(payloads);
  AppendVendorIds(payloads);
  h.init_response = EncodeMessage(MakeHeader(sa, ExchangeType::kIkeSaInit, true, 0), payloads);
  h.choice = {};
  sa.state = IkeState::kAuthWait;
  Transmit(session, {h.init_response}, now, out);
}

}  // namespace flexvpn::ike
