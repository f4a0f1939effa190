// SPDX-License-Identifier: Apache-2.0
// IKE_SA_INIT as responder (RFC 7296 §1.2, §2.6), and the first checks of IKE_SESSION_RESUME: cheap checks first, no state before the peer has earned it.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/explain.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {
constexpr Duration kProposalNoticeInterval = seconds(1);
}  // namespace

void Endpoint::Impl::OnInitRequest(const Datagram& d, const Header& h, Instant now, Actions& out) {
  if (d.bytes.size() > kMaxInitSize) return Drop("drop: IKE_SA_INIT too large");
  // Without its interface such an address leads nowhere.
  if (d.remote.address.is_v6() && d.remote.address.is_link_local()) return Drop("drop: IPv6 link-local peer");
  const uint64_t key = Tables::InitKey(d.remote, Fingerprint(d.bytes));
  if (AnswerRepeatedInit(d, h, key, out)) return;
  if (!AdmitInit(d, h)) return;
  const auto payloads = DecodePayloads(h.next_payload, BytesView(d.bytes).subspan(kHeaderSize));
  if (!payloads.ok()) return Drop("drop: malformed payloads");
  stats_.Count(ExchangeStats::kReceivedRequest, h.exchange, {}, *payloads);
  Show(MessageSeen::Way::kReceived, d.local, d.remote, h, &*payloads, "");
  if (!CookieHolds(d, h, *payloads, now, out)) return;
  if (const UnknownPayload* unknown = FindUnknownCritical(*payloads)) {
    Drop(h.exchange == ExchangeType::kIkeSaInit ? "drop: unknown critical payload in IKE_SA_INIT"
                                                : "drop: unknown critical payload in IKE_SESSION_RESUME");
    return AnswerPlain(
        d, h, NotifyPayload{ProtocolId::kNone, {}, NotifyType::kUnsupportedCriticalPayload, {unknown->type}}, out);
  }
  if (h.exchange == ExchangeType::kIkeSessionResume) return ConsiderResume(d, h, *payloads, key, now, out);
  ConsiderInit(d, h, *payloads, key, now, out);
}

// True: the request is one that was accepted before; while its IKE SA waits for IKE_AUTH it gets the same answer again.
bool Endpoint::Impl::AnswerRepeatedInit(const Datagram& d, const Header& h, uint64_t key, Actions& out) {
  const IkeSpi ours = tables_.FindInit(key);
  const HalfOpen* half_open = tables_.FindHalfOpen(ours);
  const IkeSa* sa = half_open == nullptr ? tables_.FindSa(ours) : nullptr;
  if (half_open == nullptr && sa == nullptr) return false;
  if (h.initiator_spi != (half_open != nullptr ? half_open->spi_i : sa->spi_i)) return false;
  BytesView answer;
  if (half_open != nullptr) answer = half_open->response();
  if (sa != nullptr && sa->state == IkeState::kAuthWait) answer = sa->handshake->init_response;
  if (answer.empty()) {
    Drop("drop: repeated IKE_SA_INIT");
    return true;
  }
  counters_.Add("requests answered from cache");
  out.emplace_back(SendDatagram{d.local, d.remote, Bytes(answer.begin(), answer.end())});
  return true;
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
  if (cookie != nullptr && cookies_.Check(cookie->data, nonce->nonce, d.remote.address, h.initiator_spi, now)) {
    counters_.Add("cookies accepted");
    return true;
  }
  if (cookie != nullptr) counters_.Add("cookies refused");
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
  answer.exchange = h.exchange;
  answer.flags = kFlagResponse;
  Payloads payloads;
  payloads.push_back(std::move(notify));
  stats_.Count(ExchangeStats::kSentResponse, h.exchange, {}, payloads);
  Show(MessageSeen::Way::kSent, d.local, d.remote, answer, &payloads, "");
  out.emplace_back(SendDatagram{d.local, d.remote, EncodeMessage(answer, payloads)});
}

void Endpoint::Impl::ConsiderInit(const Datagram& d, const Header& h, const Payloads& p, uint64_t key, Instant now,
                                  Actions& out) {
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
    ++stats_.attempts().incoming, ++stats_.attempts().incoming_failed;
    if (proposal_notice_ == Instant{} || now - proposal_notice_ >= kProposalNoticeInterval) {
      proposal_notice_ = now;
      SessionInfo about;
      about.remote = d.remote;
      Warn(about, absl::StrCat("IKEv2: ", d.remote.ToString(), " offers no IKE proposal that we accept: ",
                               OfferedAndWanted(DescribeOffer(*offer), DescribeSuites(ProtocolId::kIke, *own))),
           out);
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
  HalfOpen& half_open = NewHalfOpen(d, h, p, key, now);
  half_open.suite = choice->suite;
  half_open.suites = own;
  StartJob(half_open, crypto::AnswerKey{choice->suite.ke, ke->public_value},
           [this, chosen = std::move(choice->proposal)](HalfOpen& r, crypto::JobResult result, Instant, Actions& o) {
             AnswerInit(r, chosen, std::move(result), o);
           },
           out);
}

HalfOpen& Endpoint::Impl::NewHalfOpen(const Datagram& d, const Header& h, const Payloads& p, uint64_t key,
                                      Instant now) {
  auto r = std::make_unique<HalfOpen>(d.bytes);
  r->spi_i = h.initiator_spi;
  r->spi_r = tables_.NewSpi(rng_);
  r->init_key = key;
  r->created = now;
  r->expires = now + config_.half_open_timeout;
  r->local = d.local;
  r->remote = d.remote;
  const NatFinding nat = DetectNat(crypto_, p, h.initiator_spi, IkeSpi(), d.local, d.remote);
  r->force_encap = policy_.ForceEncap(d.local, d.remote);
  r->nat_local = nat.local || (nat.supported && r->force_encap);
  r->nat_remote = nat.remote;
  r->fragmentation = AgreesFragmentation(p);
  r->agreed = SaidExtensions(p);
  r->peer_hashes = SignatureHashes(p);
  r->vendor_ids = VendorIds(p);
  ++stats_.attempts().incoming;
  counters_.Add(h.exchange == ExchangeType::kIkeSaInit ? "IKE_SA_INIT accepted" : "IKE_SESSION_RESUME accepted");
  return tables_.AddHalfOpen(std::move(r));
}

void Endpoint::Impl::AnswerInit(HalfOpen& r, const Proposal& chosen, crypto::JobResult result, Actions& out) {
  if (!result.ok() || !std::holds_alternative<crypto::KeyAnswer>(*result)) {
    Drop(absl::IsInvalidArgument(result.status()) ? "drop: bad public value in an IKE_SA_INIT request"
                                                  : "key generation failed");
    return tables_.DropHalfOpen(r);
  }
  const auto& key = std::get<crypto::KeyAnswer>(*result);
  const Bytes nonce_r = rng_.Take(kNonceSize);
  SendHalfOpen(r, ExchangeType::kIkeSaInit, InitAnswer(r, chosen, key.public_value, nonce_r),
               Skeyseed(crypto_, r.suite.prf, key.secret, r.nonce_i(), nonce_r), nonce_r, out);
}

// The answer that makes the keys: kept for repetitions, and sent.
void Endpoint::Impl::SendHalfOpen(HalfOpen& r, ExchangeType exchange, const Payloads& payloads,
                                  const SecretBytes& skeyseed, const Bytes& nonce_r, Actions& out) {
  Header header;
  header.initiator_spi = r.spi_i;
  header.responder_spi = r.spi_r;
  header.exchange = exchange;
  header.flags = kFlagResponse;
  stats_.Count(ExchangeStats::kSentResponse, exchange, {}, payloads);
  Show(MessageSeen::Way::kSent, r.local, r.remote, header, &payloads, "");
  Bytes response = EncodeMessage(header, payloads);
  r.SetAnswer(response, skeyseed);
  if (config_.log_keys) {
    const BytesView nonce_i = r.nonce_i();
    LogKeys(r.spi_i, r.spi_r, ExpandIkeKeys(crypto_, r.suite, r.skeyseed(), nonce_i, nonce_r, r.spi_i, r.spi_r), out);
  }
  out.emplace_back(SendDatagram{r.local, r.remote, std::move(response)});
}

Payloads Endpoint::Impl::InitAnswer(HalfOpen& r, const Proposal& chosen, const Bytes& public_value,
                                    const Bytes& nonce_r) {
  Payloads payloads;
  payloads.emplace_back(SaPayload{{chosen}});
  payloads.emplace_back(KePayload{r.suite.ke, public_value});
  payloads.emplace_back(NoncePayload{nonce_r});
  AppendNatDetection(crypto_, rng_, r.spi_i, r.spi_r, r.local, r.remote, r.force_encap, payloads);
  if (r.fragmentation) AppendFragmentation(payloads);
  AnswerInitExtensions(r, payloads);
  if (r.peer_hashes)
    payloads.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kSignatureHashAlgorithms, EncodeOwnHashes()});
  AppendCertRequest(policy_.Authorities(r.local, r.remote), payloads);
  AppendHttpLookup(payloads);
  AppendVendorIds(payloads);
  return payloads;
}

}  // namespace flexvpn::ike
