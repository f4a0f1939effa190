// SPDX-License-Identifier: Apache-2.0
#include "core/ike/ppk.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

constexpr uint8_t kPpkIdFixed = 2;

}  // namespace

PpkKeys MixPpk(const crypto::Provider& c, crypto::Prf prf, const Ppk& ppk, const IkeKeys& keys) {
  auto mix = [&](const SecretBytes& key) { return c.PrfPlus(prf, ppk.key, key, key.size()); };
  return {mix(keys.sk_d), mix(keys.sk_pi), mix(keys.sk_pr)};
}

Bytes EncodePpkIdentity(const Ppk& ppk) {
  ByteWriter w;
  w.U8(kPpkIdFixed);
  w.Append(ppk.id);
  return std::move(w).Release();
}

std::optional<Bytes> DecodePpkIdentity(BytesView data) {
  if (data.size() < 2 || data[0] != kPpkIdFixed) return std::nullopt;
  return Bytes(data.begin() + 1, data.end());
}

// From now on the keys with the PPK are the keys of the IKE SA; what is protected with SK_e and SK_a is as it was.
void Endpoint::Impl::AdoptPpk(IkeSa& sa) {
  PpkKeys& mixed = *sa.handshake->ppk;
  sa.keys.sk_d = std::move(mixed.sk_d);
  sa.keys.sk_pi = std::move(mixed.sk_pi);
  sa.keys.sk_pr = std::move(mixed.sk_pr);
  sa.handshake->ppk.reset();
  sa.session->info.ppk = true;
}

// Initiator: PPK_IDENTITY, and AUTH without the PPK for a responder that may lack it (§3.2).
void Endpoint::Impl::AppendPpk(const IkeSa& sa, Payloads& out) const {
  const Handshake& h = *sa.handshake;
  if (!h.ppk) return;
  out.emplace_back(
      NotifyPayload{ProtocolId::kNone, {}, NotifyType::kPpkIdentity, EncodePpkIdentity(*sa.session->policy->ppk)});
  if (!h.no_ppk_auth.empty())
    out.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kNoPpkAuth, h.no_ppk_auth});
}

// Initiator: the answer tells whether the responder used the PPK.
absl::Status Endpoint::Impl::SettlePpk(IkeSa& sa, const Payloads& answer) {
  if (!sa.handshake->ppk) return absl::OkStatus();
  if (FindNotify(answer, NotifyType::kPpkIdentity) != nullptr) {
    AdoptPpk(sa);
  } else if (sa.session->policy->ppk->required) {
    return absl::UnauthenticatedError("it did not use the post-quantum pre-shared key, which is required here");
  } else {
    sa.handshake->ppk.reset();
  }
  return absl::OkStatus();
}

// Responder: takes over the PPK if both have it; else `auth` becomes the one computed without (§3.2).  Error: the peer
// is refused.
absl::Status Endpoint::Impl::ChoosePpk(IkeSa& sa, const Payloads& request, AuthPayload& auth) {
  const std::optional<Ppk>& ppk = sa.session->policy->ppk;
  const auto* identity = FindNotify(request, NotifyType::kPpkIdentity);
  const auto wanted = identity != nullptr ? DecodePpkIdentity(identity->data) : std::nullopt;
  if (ppk && wanted && sa.handshake->agreed.ppk && *wanted == ppk->id) {
    sa.handshake->ppk = MixPpk(crypto_, sa.suite.prf, *ppk, sa.keys);
    AdoptPpk(sa);
    return absl::OkStatus();
  }
  if (ppk && ppk->required)
    return absl::UnauthenticatedError(
        absl::StrCat("the post-quantum pre-shared key ", ToString(ppk->id), " is required, ",
                     wanted ? absl::StrCat("it uses ", absl::CHexEscape(ToString(*wanted))) : "it uses none"));
  if (identity == nullptr) return absl::OkStatus();
  const auto* plain = FindNotify(request, NotifyType::kNoPpkAuth);
  if (plain == nullptr)
    return absl::UnauthenticatedError("it insists on a post-quantum pre-shared key that is not configured for it");
  auth.data = plain->data;
  return absl::OkStatus();
}

}  // namespace flexvpn::ike
