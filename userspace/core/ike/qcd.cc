// SPDX-License-Identifier: Apache-2.0
#include "core/ike/qcd.h"

#include "core/ike/machine.h"

namespace flexvpn::ike {

Bytes QcdToken(const crypto::Provider& c, BytesView secret, IkeSpi spi_i, IkeSpi spi_r) {
  ByteWriter spis;
  spis.U64(spi_i.value());
  spis.U64(spi_r.value());
  const BytesView parts[] = {spis.view()};
  const SecretBytes token = c.ComputePrf(crypto::Prf::kHmacSha256, secret, parts);
  return {token.begin(), token.end()};
}

// Our token for `sa`, under its protection.  Nothing if we have no secret that outlives us.
void Endpoint::Impl::AppendQcdToken(IkeSa& sa, Payloads& out) {
  if (config_.qcd_secret.empty() || sa.token_sent) return;
  sa.token_sent = true;
  out.emplace_back(NotifyPayload{ProtocolId::kNone, {}, NotifyType::kQcdToken,
                                 QcdToken(crypto_, config_.qcd_secret, sa.spi_i, sa.spi_r)});
}

// The peer's, from an authentic message.
void Endpoint::Impl::NoteQcdToken(IkeSa& sa, const Payloads& payloads) const {
  const auto* token = FindNotify(payloads, NotifyType::kQcdToken);
  if (token != nullptr && token->data.size() >= kMinQcdToken && token->data.size() <= kMaxQcdToken)
    sa.peer_token = token->data;
}

// Whether an unprotected message shows that the peer has lost `sa` (§4.4).
bool Endpoint::Impl::ProvesCrash(const IkeSa& sa, const Payloads& payloads) const {
  const auto* token = FindNotify(payloads, NotifyType::kQcdToken);
  return token != nullptr && !sa.peer_token.empty() && crypto_.ConstantTimeEqual(token->data, sa.peer_token);
}

}  // namespace flexvpn::ike
