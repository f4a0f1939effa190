// SPDX-License-Identifier: Apache-2.0
// Certificates by hash and URL (RFC 7296 §3.6): IKE_AUTH waits until they are here and goes on as if the peer
// had sent them.  At this time the peer has proved nothing.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

constexpr size_t kMaxStrangerFetches = 16;  // of all peers

// With the certificates in place of their URLs.
Payloads Replaced(const Payloads& payloads, const FetchedCertificates& by_url) {
  Payloads out;
  for (size_t i = 0; i < payloads.size(); ++i) {
    const auto url =
        std::find_if(by_url.urls.begin(), by_url.urls.end(), [&](const auto& u) { return u.index == i; });
    if (url == by_url.urls.end()) {
      out.push_back(payloads[i]);
      continue;
    }
    for (const Bytes& der : by_url.found[static_cast<size_t>(url - by_url.urls.begin())])
      out.emplace_back(CertPayload{kX509Signature, der});
  }
  return out;
}

}  // namespace

void Endpoint::Impl::AppendHttpLookup(Payloads& out) const {
  if (config_.certificates_by_url && ike::Find<CertReqPayload>(out) != nullptr)
    out.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kHttpCertLookupSupported, {}});
}

// True: the message waits for certificates, or is refused; else it is to be processed.
bool Endpoint::Impl::AwaitCertificates(IkeSa& sa, const Incoming& in) {
  if (!config_.certificates_by_url) return false;  // ReadCertificates says why
  const absl::Status status = FetchCertificates(sa, in);
  if (!status.ok()) RefusePeer(sa, status, in);
  return !status.ok() || sa.handshake->by_url != nullptr;
}

absl::Status Endpoint::Impl::FetchCertificates(IkeSa& sa, const Incoming& in) {
  auto urls = ReadCertificateUrls(in.payloads);
  if (!urls.ok()) return urls.status();
  if (urls->empty()) return absl::OkStatus();
  if (stranger_fetches_ + urls->size() > kMaxStrangerFetches) {
    counters_.Add("fetches refused: too many under way");
    return absl::UnauthenticatedError("too many certificates are being fetched; it may try again");
  }
  auto by_url = std::make_unique<FetchedCertificates>();
  by_url->urls = *std::move(urls);
  by_url->missing = by_url->urls.size();
  by_url->found.resize(by_url->missing);
  by_url->state = sa.state;
  by_url->deadline = in.now + kFetchTimeout + seconds(1);
  for (const CertificateUrl& u : by_url->urls) {
    const FetchId id(next_fetch_++);
    fetches_[id] = {u, {sa.local_spi}};
    ++stranger_fetches_;
    counters_.Add("fetches for certificates");
    in.out.emplace_back(StartFetch{
        id, {u.url, {}, "", u.bundle ? kMaxBundleSize : kMaxCertificateSize, true}, kFetchTimeout});
  }
  Hold(sa, in);
  sa.state = IkeState::kAuthVerify;
  sa.handshake->by_url = std::move(by_url);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Bytes>> Endpoint::Impl::CheckFetched(const CertificateUrl& what,
                                                                const absl::StatusOr<Bytes>& answer) const {
  const std::string where = absl::StrCat("its certificate at ", what.url, ": ");
  if (!answer.ok()) return absl::UnauthenticatedError(absl::StrCat(where, answer.status().message()));
  if (answer->size() > (what.bundle ? kMaxBundleSize : kMaxCertificateSize))
    return absl::UnauthenticatedError(absl::StrCat(where, "too long"));
  const BytesView parts[] = {*answer};
  if (crypto_.Sha1(parts) != what.hash)
    return absl::UnauthenticatedError(absl::StrCat(where, "not what the hash is of"));
  if (!what.bundle) return std::vector<Bytes>{*answer};
  auto bundle = crypto::ParseCertificateBundle(*answer, kMaxCertificates);
  if (!bundle.ok()) return absl::UnauthenticatedError(absl::StrCat(where, bundle.status().message()));
  return bundle;
}

void Endpoint::Impl::CertificateFetched(const CertificateUrl& what, IkeSpi waiter,
                                        const absl::StatusOr<Bytes>& answer, Instant now, Actions& out) {
  IkeSa* sa = tables_.FindSa(waiter);
  if (sa == nullptr || sa->gone || sa->state != IkeState::kAuthVerify || !sa->handshake ||
      !sa->handshake->by_url)
    return;
  Touch(*sa->session);
  auto found = CheckFetched(what, answer);
  if (!found.ok()) return CertificatesMissing(*sa, found.status(), now, out);
  FetchedCertificates& by_url = *sa->handshake->by_url;
  for (size_t i = 0; i < by_url.urls.size(); ++i)
    if (by_url.urls[i].index == what.index) by_url.found[i] = *std::move(found);
  if (--by_url.missing != 0) return;
  const std::unique_ptr<FetchedCertificates> all = std::move(sa->handshake->by_url);
  const std::unique_ptr<Held> held = std::move(sa->handshake->held);
  held->payloads = Replaced(held->payloads, *all);
  sa->state = all->state;
  if (sa->initiator)
    OnAuthResponse(*sa, View(*held, now, out), nullptr);
  else
    OnAuthRequest(*sa, View(*held, now, out), nullptr);
}

void Endpoint::Impl::CertificatesMissing(IkeSa& sa, const absl::Status& why, Instant now, Actions& out) {
  sa.handshake->by_url.reset();
  const std::unique_ptr<Held> held = std::move(sa.handshake->held);
  RefusePeer(sa, why, View(*held, now, out));
}

void Endpoint::Impl::RefusePeer(IkeSa& sa, const absl::Status& why, const Incoming& in) {
  if (sa.initiator) return PeerJudged(sa, why, in);
  RejectAuth(sa, in, NotifyType::kAuthenticationFailed, std::string(why.message()));
}

std::optional<Instant> Endpoint::Impl::CertificatesDue(const IkeSa& sa) {
  if (sa.state != IkeState::kAuthVerify || !sa.handshake || !sa.handshake->by_url) return {};
  return sa.handshake->by_url->deadline;
}

}  // namespace flexvpn::ike
