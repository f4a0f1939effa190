// SPDX-License-Identifier: Apache-2.0
// IKE_SA_INIT as initiator (RFC 7296 §1.2, §2.6, §2.7, §2.23).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/explain.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

constexpr size_t kMaxVendorIds = 16, kMaxVendorIdSize = 64;
constexpr absl::string_view kFlexVpnSupported = "FLEXVPN-SUPPORTED";  // else IOS narrows to the assigned address

std::vector<crypto::KeMethod> Groups(const std::vector<Suite>& suites) {
  std::vector<crypto::KeMethod> out;
  for (const Suite& s : suites)
    if (std::find(out.begin(), out.end(), s.ke) == out.end()) out.push_back(s.ke);
  return out;
}

}  // namespace

void Endpoint::Impl::AppendVendorIds(Payloads& out) {
  out.emplace_back(VendorIdPayload{ToBytes(kFlexVpnSupported)});
  out.emplace_back(VendorIdPayload{ToBytes(kOwnVendorId)});
}

std::shared_ptr<const std::vector<std::string>> Endpoint::Impl::VendorIds(const Payloads& payloads) {
  std::vector<std::string> ids;
  for (const Payload& p : payloads) {
    const auto* vid = std::get_if<VendorIdPayload>(&p);
    if (vid == nullptr || ids.size() == kMaxVendorIds) continue;
    const BytesView data = BytesView(vid->data).first(std::min(vid->data.size(), kMaxVendorIdSize));
    const bool text = std::all_of(data.begin(), data.end(), [](uint8_t c) { return c >= 0x20 && c < 0x7f; });
    ids.push_back(text ? ToString(data) : ToHex(data));
  }
  return vendor_ids_.Share(std::move(ids));
}

IkeSaId Endpoint::Impl::Initiate(InitiateRequest request, Instant now, Actions& out) {
  Session& session = tables_.AddSession();
  Touch(session);
  session.created = session.last_heard = session.last_sent = now;
  session.info.initiator = session.info.spi_i_is_ours = true;
  session.info.local = request.local;
  session.info.remote = request.remote;
  session.info.local_id = request.policy.local_id;
  if (request.remote_id) session.info.remote_id = *request.remote_id;
  session.info.profile = request.policy.profile;
  ++stats_.attempts().outgoing;
  session.policy = policies_.Share(request.policy);
  session.suites = suites_.Share(Supported(crypto_, ProtocolId::kIke, request.suites));
  session.request = std::make_unique<InitiateRequest>(std::move(request));

  const IkeSaId id = session.info.id;
  if (session.suites->empty())
    FailInit(session, "no usable IKE proposal is configured", out);
  else if (config_.max_initiating != 0 && tables_.negotiating() >= config_.max_initiating)
    FailInit(session, absl::StrCat(tables_.negotiating(), " IKE SAs of ours are in negotiation already, which is the limit"), out);
  else if (tables_.BeginNegotiation(session); auto kept = UsableTicket(session, now))
    BeginResume(session, *std::move(kept), now, out);
  else
    BeginInit(session, now, out);
  Finish(now, out);
  return id;
}

void Endpoint::Impl::BeginInit(Session& session, Instant now, Actions& out) {
  IkeSa& sa = tables_.AddSa(session, tables_.NewSpi(rng_));
  sa.initiator = true;
  sa.spi_i = session.info.spi_i = session.current = sa.local_spi;
  sa.handshake = std::make_unique<Handshake>();
  sa.handshake->nonce_i = rng_.Take(kNonceSize);
  GenerateInitKey(sa, session.suites->front().ke, now, out);
}

void Endpoint::Impl::GenerateInitKey(IkeSa& sa, crypto::KeMethod group, Instant, Actions& out) {
  sa.state = IkeState::kKeyGeneration;
  sa.handshake->tried.push_back(group);
  StartJob(sa, crypto::GenerateKey{group}, [this](IkeSa& s, crypto::JobResult result, Instant now, Actions& actions) {
    if (!result.ok() || !std::holds_alternative<crypto::KeyPair>(*result))
      return FailInit(*s.session, absl::StrCat("key generation failed: ", result.status().message()), actions);
    s.handshake->key = std::get<crypto::KeyPair>(*std::move(result));
    SendInit(s, now, actions);
  }, out);
}

void Endpoint::Impl::SendInit(IkeSa& sa, Instant now, Actions& out) {
  Session& session = *sa.session;
  Handshake& h = *sa.handshake;
  Payloads payloads;
  if (!h.cookie.empty())
    payloads.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kCookie, h.cookie});
  payloads.emplace_back(BuildSa(ProtocolId::kIke, {}, *session.suites));
  payloads.emplace_back(KePayload{h.key.method, h.key.public_value});
  payloads.emplace_back(NoncePayload{h.nonce_i});
  AppendNatDetection(crypto_, rng_, sa.spi_i, IkeSpi(), session.info.local, session.info.remote,
                     session.policy->force_encap, payloads);
  AppendFragmentation(payloads);
  AppendInitExtensions(session, payloads);
  payloads.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kSignatureHashAlgorithms, EncodeOwnHashes()});
  AppendVendorIds(payloads);
  stats_.Count(ExchangeStats::kSentRequest, ExchangeType::kIkeSaInit, {}, payloads);
  const Header header = MakeHeader(sa, ExchangeType::kIkeSaInit, false, 0);
  Show(MessageSeen::Way::kSent, session.info.local, session.info.remote, header, &payloads, session.info.profile);
  h.init_request = EncodeMessage(header, payloads);
  sa.state = IkeState::kInitSent;
  SendPlainRequest(sa, h.init_request, ExchangeType::kIkeSaInit, InitOp{}, now, out);
}

void Endpoint::Impl::FailInit(Session& session, const std::string& why, Actions& out) {
  WarnNoSa(session.info, why, out);
  Down(session, why, out);
  DropSas(session);
}

void Endpoint::Impl::OnInitResponse(IkeSa& sa, const Incoming& in) {
  if (OnInitNotify(sa, in)) return;
  const auto* answer = ike::Find<SaPayload>(in.payloads);
  const auto* ke = ike::Find<KePayload>(in.payloads);
  const auto* nonce = ike::Find<NoncePayload>(in.payloads);
  if (answer == nullptr || ke == nullptr || nonce == nullptr || !in.header.responder_spi)
    return Drop("drop: incomplete IKE_SA_INIT answer");
  const auto choice = ParseChosen(ProtocolId::kIke, *answer, *sa.session->suites);
  if (!choice) return Drop("drop: IKE_SA_INIT answer chooses what was not offered");
  if (ke->method != choice->suite.ke || ke->method != sa.handshake->key.method)
    return Drop("drop: IKE_SA_INIT answer with another group");
  AcceptInit(sa, *choice, *ke, *nonce, in);
}

// COOKIE, INVALID_KE_PAYLOAD and errors; false if the answer is a positive one.
bool Endpoint::Impl::OnInitNotify(IkeSa& sa, const Incoming& in) {
  if (ike::Find<SaPayload>(in.payloads) != nullptr) return false;
  if (const auto* cookie = FindNotify(in.payloads, NotifyType::kCookie)) {
    OnInitCookie(sa, *cookie, in);
    return true;
  }
  if (const auto* redirect = FindNotify(in.payloads, NotifyType::kRedirect)) {
    OnInitRedirect(sa, *redirect, in);
    return true;
  }
  const NotifyPayload* error = FindError(in.payloads);
  if (error == nullptr) return false;
  if (error->type == NotifyType::kInvalidKePayload) {
    OnInitWrongGroup(sa, *error, in);
  } else if (error->type == NotifyType::kNoProposalChosen) {
    FailInit(*sa.session,
             absl::StrCat("peer accepts none of our IKE proposals (NO_PROPOSAL_CHOSEN): offered ",
                          DescribeSuites(ProtocolId::kIke, sa.session->request->suites)),
             in.out);
  } else {
    FailInit(*sa.session, absl::StrCat("peer answered ", NotifyName(error->type)), in.out);
  }
  return true;
}

void Endpoint::Impl::OnInitCookie(IkeSa& sa, const NotifyPayload& cookie, const Incoming& in) {
  if (cookie.data.empty() || cookie.data.size() > 64) return Drop("drop: malformed cookie");
  if (++sa.handshake->cookies > kMaxCookies) return Drop("drop: too many cookies");
  sa.handshake->cookie = cookie.data;
  counters_.Add("cookies obeyed");
  if (sa.handshake->kept) return SendResume(sa, in.now, in.out);
  SendInit(sa, in.now, in.out);
}

void Endpoint::Impl::OnInitWrongGroup(IkeSa& sa, const NotifyPayload& notify, const Incoming& in) {
  if (notify.data.size() != 2) return Drop("drop: malformed INVALID_KE_PAYLOAD");
  const auto wanted = static_cast<crypto::KeMethod>(ByteReader(notify.data).U16());
  const auto offered = Groups(*sa.session->suites);
  const auto& tried = sa.handshake->tried;
  if (std::find(offered.begin(), offered.end(), wanted) == offered.end())
    return Drop("drop: INVALID_KE_PAYLOAD names a group we did not offer");
  if (std::find(tried.begin(), tried.end(), wanted) != tried.end())
    return Drop("drop: INVALID_KE_PAYLOAD names a group we have used");
  counters_.Add("IKE_SA_INIT repeated with another group");
  sa.send.Take(0);
  GenerateInitKey(sa, wanted, in.now, in.out);
}

void Endpoint::Impl::AcceptInit(IkeSa& sa, const Choice& choice, const KePayload& ke, const NoncePayload& nonce,
                                const Incoming& in) {
  Session& session = *sa.session;
  sa.spi_r = session.info.spi_r = in.header.responder_spi;
  sa.suite = session.info.suite = choice.suite;
  sa.handshake->nonce_r = nonce.nonce;
  sa.handshake->init_response = in.datagram.bytes;
  sa.state = IkeState::kInitDerive;
  sa.handshake->peer_hashes = SignatureHashes(in.payloads);
  sa.handshake->authorities = ReadCertRequests(in.payloads);
  session.info.vendor_ids = VendorIds(in.payloads);
  sa.handshake->agreed = SaidExtensions(in.payloads);
  sa.handshake->agreed.ppk = sa.handshake->agreed.ppk && session.policy->ppk;
  NoteInitNat(sa, in);
  StartJob(sa, crypto::DeriveSecret{sa.handshake->key, ke.public_value},
           [this](IkeSa& s, crypto::JobResult r, Instant now, Actions& o) { InitDerived(s, std::move(r), now, o); },
           in.out);
}

void Endpoint::Impl::NoteInitNat(IkeSa& sa, const Incoming& in) const {
  Session& session = *sa.session;
  const NatFinding nat = DetectNat(crypto_, in.payloads, sa.spi_i, sa.spi_r, in.datagram.local, in.datagram.remote);
  session.info.nat_local = nat.local || (nat.supported && session.policy->force_encap);
  session.info.nat_remote = nat.remote;
  session.nat_supported = nat.supported;
  session.info.fragmentation = AgreesFragmentation(in.payloads);
}

// §2.23: before IKE_AUTH.  With MOBIKE in any case (RFC 4555 §3.3): the next address may be behind NAT.
void Endpoint::Impl::FloatPorts(Session& session) {
  if (session.info.local.in_tcp()) return;
  if (!session.info.nat_local && !session.info.nat_remote && !(session.policy->mobike && session.nat_supported)) return;
  if (session.info.local.port == kIkePort) session.info.local.port = kNatTPort;
  if (session.info.remote.port == kIkePort) session.info.remote.port = kNatTPort;
}

void Endpoint::Impl::InitDerived(IkeSa& sa, crypto::JobResult result, Instant now, Actions& out) {
  Session& session = *sa.session;
  Handshake& h = *sa.handshake;
  if (!result.ok() || !std::holds_alternative<SecretBytes>(*result)) {
    // Nothing of that answer was authentic: forget it, the request is still being repeated.
    Drop("drop: bad public value in an IKE_SA_INIT answer");
    sa.spi_r = session.info.spi_r = IkeSpi();
    sa.state = IkeState::kInitSent;
    return;
  }
  sa.keys = DeriveIkeKeys(crypto_, sa.suite, std::get<SecretBytes>(*result), h.nonce_i, h.nonce_r, sa.spi_i, sa.spi_r);
  LogKeys(sa.spi_i, sa.spi_r, sa.keys, out);
  sa.send.Take(0);
  h.key = {};
  if (const std::string missing = MissingExtension(sa); !missing.empty()) return FailInit(session, missing, out);
  FloatPorts(session);
  NextIntermediate(sa, now, out);
}

}  // namespace flexvpn::ike
