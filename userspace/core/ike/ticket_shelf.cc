// SPDX-License-Identifier: Apache-2.0
#include "core/ike/ticket_shelf.h"

namespace flexvpn::ike {

std::optional<TicketShelf::Handle> TicketShelf::Keep(TicketState state, Instant now) {
  while (!ends_.empty() && ends_.begin()->first <= now) Drop(ends_.begin()->second);
  if (kept_.size() >= kMost) return std::nullopt;
  Handle handle;
  handle.number = next_++;
  SecretBytes secret(kSecretSize);
  rng_.Fill(secret);
  ByteWriter w;
  w.U64(handle.number);
  w.Append(secret);
  handle.octets = std::move(w).Release();
  ends_.emplace(state.expires, handle.number);
  kept_.emplace(handle.number, Kept{std::move(secret), std::move(state)});
  return handle;
}

std::optional<TicketShelf::Found> TicketShelf::Find(BytesView handle, Instant now) const {
  ByteReader r(handle);
  const uint64_t number = r.U64();
  const BytesView secret = r.TakeAll();
  const auto it = r.ok() ? kept_.find(number) : kept_.end();
  if (it == kept_.end() || it->second.state.expires <= now || !crypto_.ConstantTimeEqual(it->second.secret, secret))
    return std::nullopt;
  return Found{number, &it->second.state};
}

bool TicketShelf::Drop(uint64_t number) {
  const auto it = kept_.find(number);
  if (it == kept_.end()) return false;
  ends_.erase({it->second.state.expires, number});
  kept_.erase(it);
  return true;
}

}  // namespace flexvpn::ike
