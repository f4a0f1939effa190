// SPDX-License-Identifier: Apache-2.0
#include "core/ike/auth_lifetime.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {

Bytes EncodeAuthLifetime(seconds lifetime) {
  ByteWriter w;
  w.U32(static_cast<uint32_t>(lifetime.count()));
  return std::move(w).Release();
}

std::optional<seconds> DecodeAuthLifetime(BytesView data) {
  if (data.size() != 4) return std::nullopt;
  return seconds(ByteReader(data).U32());
}

seconds ReauthenticateAfter(seconds lifetime) {
  lifetime = std::clamp(lifetime, kMinAuthLifetime, kMaxAuthLifetime);
  return lifetime - std::min(lifetime / 10, seconds(60));
}

// Responder, in the answer to IKE_AUTH: tells the lifetime and holds the peer to it.
void Endpoint::Impl::AppendAuthLifetime(Session& session, Instant now, Payloads& out) const {
  if (session.policy->auth_lifetime <= seconds(0)) return;
  // A ticket (RFC 5723) is no new proof: the time goes on from the last one.
  session.authentication_ends = session.authenticated + session.policy->auth_lifetime;
  const seconds lifetime(WholeSeconds(*session.authentication_ends - now));
  out.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kAuthLifetime, EncodeAuthLifetime(lifetime)});
}

// Initiator, from an authentic message; the newest counts.
void Endpoint::Impl::NoteAuthLifetime(Session& session, const Payloads& payloads, Instant now) {
  const auto* notify = FindNotify(payloads, NotifyType::kAuthLifetime);
  if (notify == nullptr || !session.info.initiator) return;
  const auto lifetime = DecodeAuthLifetime(notify->data);
  if (!lifetime) return counters_.Add("malformed AUTH_LIFETIME ignored");
  session.authentication_ends = now + ReauthenticateAfter(*lifetime);
}

// The initiator ends the session and is called on to make it anew, with all of IKE_AUTH; a rekey does not count (§2).
void Endpoint::Impl::AuthenticationEnds(Session& session, Actions& out) {
  const bool ours = session.info.initiator;
  counters_.Add(ours ? "reauthentications" : "sessions ended for lack of reauthentication");
  const std::string why = ours ? "the peer asks for reauthentication" : "the peer did not authenticate again in time";
  Note(Notice::Level::kInfo, absl::StrCat("IKEv2: ", PeerName(session.info), ": ", why), out);
  Close(session, why, false, out);
}

}  // namespace flexvpn::ike
