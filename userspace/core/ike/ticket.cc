// SPDX-License-Identifier: Apache-2.0
#include "core/ike/ticket.h"

#include <algorithm>

namespace flexvpn::ike {
namespace {

constexpr uint8_t kValue = 1, kReference = 2;  // first octet
constexpr size_t kHeadSize = 1 + 4 + 8;  // version, key, serial: in the clear, authenticated
constexpr crypto::Encr kCipher = crypto::Encr::kAesGcm16;
constexpr size_t kKeySize = 32, kSaltSize = 4, kDigestSize = 32;

// Appends to secrets; lengths in two octets.
class SecretWriter {
 public:
  void Number(uint64_t v, size_t octets) {
    for (size_t i = octets; i-- > 0;) out_.push_back(static_cast<uint8_t>(v >> (8 * i)));
  }
  void Field(BytesView v) {
    Number(v.size(), 2);
    out_.insert(out_.end(), v.begin(), v.end());
  }
  SecretBytes Release() && { return std::move(out_); }

 private:
  SecretBytes out_;
};

BytesView Field(ByteReader& r) { return r.Take(r.U16()); }
Bytes Copy(BytesView v) { return {v.begin(), v.end()}; }

void PutIdentity(const Identity& id, SecretWriter& w) {
  w.Number(static_cast<uint8_t>(id.type), 1);
  w.Field(id.data);
}

Identity GetIdentity(ByteReader& r) {
  Identity id;
  id.type = static_cast<IdType>(r.U8());
  id.data = Copy(Field(r));
  return id;
}

void PutSuite(const Suite& s, SecretWriter& w) {
  for (uint16_t v : {static_cast<uint16_t>(s.encr), s.encr_key_bits, static_cast<uint16_t>(s.integ),
                     static_cast<uint16_t>(s.prf), static_cast<uint16_t>(s.ke), static_cast<uint16_t>(s.esn)})
    w.Number(v, 2);
  for (crypto::KeMethod m : s.additional) w.Number(static_cast<uint16_t>(m), 2);
}

Suite GetSuite(ByteReader& r) {
  Suite s;
  s.encr = static_cast<crypto::Encr>(r.U16());
  s.encr_key_bits = r.U16();
  s.integ = static_cast<crypto::Integ>(r.U16());
  s.prf = static_cast<crypto::Prf>(r.U16());
  s.ke = static_cast<crypto::KeMethod>(r.U16());
  s.esn = r.U16() != 0;
  for (crypto::KeMethod& m : s.additional) m = static_cast<crypto::KeMethod>(r.U16());
  return s;
}

SecretBytes Nonce(const SecretBytes& salt, uint64_t serial) {
  SecretBytes nonce = salt;
  for (int shift = 56; shift >= 0; shift -= 8) nonce.push_back(static_cast<uint8_t>(serial >> shift));
  return nonce;
}

uint64_t Ticks(Instant t) { return static_cast<uint64_t>(t.time_since_epoch().count()); }
Instant FromTicks(uint64_t v) { return Instant(Duration(static_cast<Duration::rep>(v))); }

}  // namespace

Bytes EncodeLifetimeTicket(const LifetimeTicket& ticket) {
  ByteWriter w;
  w.U32(static_cast<uint32_t>(ticket.lifetime.count()));
  w.Append(ticket.ticket);
  return std::move(w).Release();
}

std::optional<LifetimeTicket> DecodeLifetimeTicket(BytesView data) {
  ByteReader r(data);
  LifetimeTicket out;
  out.lifetime = seconds(r.U32());
  const BytesView ticket = r.TakeAll();
  if (!r.ok() || ticket.empty() || ticket.size() > kMaxTicketSize) return std::nullopt;
  out.ticket = Copy(ticket);
  return out;
}

SecretBytes EncodeTicketState(const TicketState& state) {
  SecretWriter w;
  PutSuite(state.suite, w);
  w.Field(state.sk_d);
  PutIdentity(state.initiator, w);
  PutIdentity(state.responder, w);
  w.Field(AsView(state.profile));
  w.Field(state.policy);
  w.Number(state.session.value(), 8);
  w.Number(state.ppk ? 1 : 0, 1);
  w.Number(Ticks(state.expires), 8);
  w.Number(Ticks(state.authenticated), 8);
  return std::move(w).Release();
}

std::optional<TicketState> DecodeTicketState(BytesView octets) {
  ByteReader r(octets);
  TicketState s;
  s.suite = GetSuite(r);
  s.sk_d = ToSecret(Field(r));
  s.initiator = GetIdentity(r);
  s.responder = GetIdentity(r);
  s.profile = flexvpn::ToString(Field(r));
  s.policy = Copy(Field(r));
  s.session = IkeSaId(r.U64());
  s.ppk = r.U8() != 0;
  s.expires = FromTicks(r.U64());
  s.authenticated = FromTicks(r.U64());
  if (!r.ok() || r.left() != 0 || s.policy.size() != kDigestSize) return std::nullopt;
  if (s.sk_d.empty() || s.sk_d.size() != crypto::PrfKeySize(s.suite.prf)) return std::nullopt;
  return s;
}

Bytes PolicyDigest(const crypto::Provider& crypto, const SessionPolicy& policy) {
  SecretWriter w;
  w.Field(AsView(policy.profile));
  PutIdentity(policy.local_id, w);
  w.Field(policy.local_psk);
  w.Field(policy.remote_psk);
  for (bool b : {policy.accept_psk, policy.accept_rsa, policy.accept_elliptic, policy.accept_null, policy.local_null,
                 policy.accept_eap, policy.local_eap,
                 policy.ppk.has_value()})
    w.Number(b ? 1 : 0, 1);
  if (policy.ppk) {
    w.Field(policy.ppk->id);
    w.Field(policy.ppk->key);
    w.Number(policy.ppk->required ? 1 : 0, 1);
  }
  const SecretBytes all = std::move(w).Release();
  const BytesView parts[] = {all};
  return crypto.Sha256(parts);
}

SecretBytes ResumedSkeyseed(const crypto::Provider& crypto, crypto::Prf prf, BytesView sk_d, BytesView nonce_i,
                            BytesView nonce_r) {
  const BytesView parts[] = {AsView("Resumption"), nonce_i, nonce_r};
  return crypto.ComputePrf(prf, sk_d, parts);
}

// A key outlives the last ticket made under it.
void TicketJar::DropOld(Instant now) {
  while (!keys_.empty() && now - keys_.front().made >= kRotation + kMaxTicketLifetime) keys_.pop_front();
  while (!used_ends_.empty() && std::get<Instant>(*used_ends_.begin()) <= now) {
    const auto& [end, key, serial] = *used_ends_.begin();
    used_.erase({key, serial});
    used_ends_.erase(used_ends_.begin());
  }
}

void TicketJar::Rotate(Instant now) {
  DropOld(now);
  if (!keys_.empty() && now - keys_.back().made < kRotation) return;
  Key key;
  do key.number = rng_.U32();
  while (key.number == 0 || Find(key.number) != nullptr);
  key.secret.resize(kKeySize);
  key.salt.resize(kSaltSize);
  rng_.Fill(key.secret);
  rng_.Fill(key.salt);
  key.made = now;
  keys_.push_back(std::move(key));
}

const TicketJar::Key* TicketJar::Find(uint32_t number) const {
  const auto it = std::find_if(keys_.begin(), keys_.end(), [&](const Key& k) { return k.number == number; });
  return it == keys_.end() ? nullptr : &*it;
}

std::optional<TicketJar::Sealed> TicketJar::Seal(const TicketState& state, TicketForm form, Instant now) {
  if (form == TicketForm::kByValue) return SealByValue(state, now);
  const auto handle = shelf_.Keep(state, now);
  if (!handle) return std::nullopt;
  ByteWriter w;
  w.U8(kReference);
  w.Append(handle->octets);
  return Sealed{std::move(w).Release(), {0, handle->number, state.expires}};
}

std::optional<TicketJar::Sealed> TicketJar::SealByValue(const TicketState& state, Instant now) {
  Rotate(now);
  Key& key = keys_.back();
  const TicketId id{key.number, key.next++, state.expires};
  ByteWriter w;
  w.U8(kValue);
  w.U32(id.key);
  w.U64(id.serial);
  const auto sealed =
      crypto_.Seal(kCipher, key.secret, Nonce(key.salt, id.serial), w.view(), EncodeTicketState(state));
  if (!sealed.ok() || kHeadSize + sealed->size() > kMaxTicketSize) return std::nullopt;
  w.Append(*sealed);
  return Sealed{std::move(w).Release(), id};
}

std::optional<TicketJar::Opened> TicketJar::Open(BytesView ticket, Instant now) {
  if (ticket.empty() || ticket.size() > kMaxTicketSize) return std::nullopt;
  if (ticket.front() == kValue) return OpenByValue(ticket, now);
  const auto found = ticket.front() == kReference ? shelf_.Find(ticket.subspan(1), now) : std::nullopt;
  if (!found) return std::nullopt;
  return Opened{*found->state, {0, found->number, found->state->expires}};
}

std::optional<TicketJar::Opened> TicketJar::OpenByValue(BytesView ticket, Instant now) {
  DropOld(now);
  ByteReader r(ticket.subspan(1));
  TicketId id;
  id.key = r.U32();
  id.serial = r.U64();
  const BytesView sealed = r.TakeAll();
  const Key* key = r.ok() ? Find(id.key) : nullptr;
  if (key == nullptr || id.serial >= key->next || used_.contains({id.key, id.serial})) return std::nullopt;
  const auto plain = crypto_.Open(kCipher, key->secret, Nonce(key->salt, id.serial), ticket.first(kHeadSize), sealed);
  if (!plain.ok()) return std::nullopt;
  auto state = DecodeTicketState(*plain);
  if (!state || state->expires <= now) return std::nullopt;
  id.expires = state->expires;
  return Opened{*std::move(state), id};
}

bool TicketJar::Use(const TicketId& id) {
  if (id.key == 0) return shelf_.Drop(id.serial);
  if (Find(id.key) == nullptr || used_.contains({id.key, id.serial})) return false;
  if (used_.size() >= kMaxUsed) {
    keys_.clear();
    used_.clear();
    used_ends_.clear();
    return true;
  }
  used_.emplace(id.key, id.serial);
  used_ends_.emplace(id.expires, id.key, id.serial);
  return true;
}

}  // namespace flexvpn::ike
