// SPDX-License-Identifier: Apache-2.0
#include "core/ike/redirect.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

enum GatewayType : uint8_t { kIpv4 = 1, kIpv6 = 2, kFqdn = 3 };  // §6.2

bool IsName(BytesView v) {
  return !v.empty() && std::all_of(v.begin(), v.end(), [](uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

}  // namespace

Bytes EncodeRedirect(const Gateway& to, BytesView nonce) {
  const BytesView identity = to.address.empty() ? AsView(to.name) : to.address.bytes();
  ByteWriter w;
  w.U8(to.address.empty() ? kFqdn : to.address.is_v4() ? kIpv4 : kIpv6);
  w.U8(static_cast<uint8_t>(identity.size()));
  w.Append(identity);
  w.Append(nonce);
  return std::move(w).Release();
}

std::optional<Redirect> DecodeRedirect(BytesView data) {
  ByteReader r(data);
  const uint8_t type = r.U8();
  const size_t length = r.U8();
  const BytesView identity = r.Take(length);
  if (!r.ok()) return std::nullopt;
  Redirect out;
  if ((type == kIpv4 && length == 4) || (type == kIpv6 && length == 16))
    out.to.address = net::IpAddress::FromBytes(identity);
  else if (type == kFqdn && IsName(identity))
    out.to.name = flexvpn::ToString(identity);
  else
    return std::nullopt;
  const BytesView nonce = r.TakeAll();
  out.nonce.assign(nonce.begin(), nonce.end());
  return out;
}

// ---- client ----

void Endpoint::Impl::AppendRedirectSupport(const Session& session, Payloads& out) const {
  if (session.policy->max_redirects == 0) return;
  if (session.redirected_from.empty())
    out.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kRedirectSupported, {}});
  else
    out.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kRedirectedFrom,
                                   EncodeRedirect(Gateway{session.redirected_from, {}})});
}

// Where `notify` sends us; what is wrong with it else.
absl::StatusOr<net::IpAddress> Endpoint::Impl::RedirectTarget(const Session& session, const NotifyPayload& notify) const {
  const auto redirect = DecodeRedirect(notify.data);
  if (!redirect) return absl::InvalidArgumentError("malformed REDIRECT");
  if (session.policy->max_redirects == 0) return absl::FailedPreconditionError("it redirects, which is not configured here");
  if (session.redirects >= session.policy->max_redirects)
    return absl::FailedPreconditionError(absl::StrCat("redirected more than ", session.policy->max_redirects, " times"));
  if (redirect->to.address.empty())
    return absl::UnimplementedError(absl::StrCat("it redirects to the name ", redirect->to.name, ", not to an address"));
  if (redirect->to.address.family() != session.info.local.address.family())
    return absl::FailedPreconditionError("it redirects to an address of another family");
  return redirect->to.address;
}

// In the answer to IKE_SA_INIT: only the nonce shows that it answers us (§3), so one that fails is as if lost.
void Endpoint::Impl::OnInitRedirect(IkeSa& sa, const NotifyPayload& notify, const Incoming& in) {
  const auto redirect = DecodeRedirect(notify.data);
  if (!redirect || redirect->nonce != sa.handshake->nonce_i) return Drop("drop: REDIRECT without our nonce");
  const auto to = RedirectTarget(*sa.session, notify);
  if (!to.ok()) return FailInit(*sa.session, std::string(to.status().message()), in.out);
  sa.gone = true;
  FollowRedirect(*sa.session, *to, in.now, in.out);
}

// Begins anew with another gateway in the same session (§5 bounds how often).
void Endpoint::Impl::FollowRedirect(Session& session, const net::IpAddress& to, Instant now, Actions& out) {
  ++session.redirects;
  counters_.Add("redirects followed");
  Note(Notice::Level::kInfo,
       absl::StrCat("IKEv2: ", PeerName(session.info), " redirects us to ", to.ToString()), out);
  session.redirected_from = session.info.remote.address;
  session.info.remote = session.request->remote;
  session.info.remote.address = to;
  session.info.local.port = session.request->local.port;
  session.info.nat_local = session.info.nat_remote = false;
  session.info.spi_r = IkeSpi();
  BeginInit(session, now, out);
}

// On an established IKE SA (§4): we end it and call again; the gateway redirects us in IKE_SA_INIT.
void Endpoint::Impl::OnLateRedirect(Session& session, const NotifyPayload& notify, Actions& out) {
  const auto to = RedirectTarget(session, notify);
  const std::string why = to.ok() ? absl::StrCat("redirected to ", to->ToString()) : std::string(to.status().message());
  Note(Notice::Level::kInfo, absl::StrCat("IKEv2: ", PeerName(session.info), ": ", why), out);
  if (to.ok()) Close(session, why, false, out);
}

// ---- gateway ----

// True: the client was sent elsewhere, at the cost of a stateless answer.
bool Endpoint::Impl::RedirectsInit(const Datagram& d, const Header& h, const Payloads& p, Actions& out) {
  if (FindNotify(p, NotifyType::kRedirectSupported) == nullptr && FindNotify(p, NotifyType::kRedirectedFrom) == nullptr)
    return false;
  const auto* nonce = ike::Find<NoncePayload>(p);
  const auto to = policy_.RedirectTo(d.local, d.remote);
  if (nonce == nullptr || !to) return false;
  counters_.Add("clients redirected");
  AnswerPlain(d, h, NotifyPayload{ProtocolId::kNone, {}, NotifyType::kRedirect, EncodeRedirect(*to, nonce->nonce)}, out);
  return true;
}

}  // namespace flexvpn::ike
