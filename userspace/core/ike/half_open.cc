// SPDX-License-Identifier: Apache-2.0
#include "core/ike/half_open.h"

#include "core/ike/codec/payloads.h"
#include "core/ike/machine.h"

namespace flexvpn::ike {
namespace {

constexpr size_t kNextPayloadOffset = 16;    // in the header (§3.1)
constexpr uint32_t kFirstProtectedId = 1;    // IKE_SA_INIT has message id 0

}  // namespace

BytesView BodyOf(BytesView message, PayloadType type) {
  if (message.size() < kHeaderSize) return {};
  uint8_t current = message[kNextPayloadOffset];
  ByteReader r(message.subspan(kHeaderSize));
  while (current != static_cast<uint8_t>(PayloadType::kNone)) {
    const uint8_t next = r.U8();
    r.U8();  // critical bit
    const uint16_t size = r.U16();
    if (!r.ok() || size < kGenericHeaderSize) return {};
    const BytesView body = r.Take(size - kGenericHeaderSize);
    if (!r.ok() || current == static_cast<uint8_t>(type)) return body;
    current = next;
  }
  return {};
}

void HalfOpen::SetAnswer(BytesView response, BytesView skeyseed) {
  SecretBytes all;
  all.reserve(request_size_ + response.size() + skeyseed.size());
  all.insert(all.end(), octets_.begin(), octets_.begin() + request_size_);
  all.insert(all.end(), response.begin(), response.end());
  all.insert(all.end(), skeyseed.begin(), skeyseed.end());
  octets_ = std::move(all);
  response_size_ = Size(response);
}

SessionInfo Endpoint::Impl::InfoOf(const HalfOpen& r) {
  SessionInfo info;
  info.id = r.id;
  info.spi_i = r.spi_i;
  info.spi_r = r.spi_r;
  info.local = r.local;
  info.remote = r.remote;
  info.suite = r.suite;
  info.nat_local = r.nat_local;
  info.nat_remote = r.nat_remote;
  info.fragmentation = r.fragmentation;
  info.vendor_ids = r.vendor_ids;
  return info;
}

// The session as it is after IKE_SA_INIT, outside of the tables.
std::unique_ptr<Session> Endpoint::Impl::Unfold(const HalfOpen& r) const {
  auto session = std::make_unique<Session>();
  session->info = InfoOf(r);
  session->suites = r.suites;
  session->force_encap = r.force_encap;
  session->created = session->last_heard = session->last_sent = r.created;
  session->current = r.spi_r;

  auto sa = std::make_unique<IkeSa>();
  sa->session = session.get();
  sa->local_spi = sa->spi_r = r.spi_r;
  sa->spi_i = r.spi_i;
  sa->state = IkeState::kAuthWait;
  sa->suite = r.suite;
  sa->receive = ReceiveWindow(kFirstProtectedId);
  sa->expires = r.expires;
  sa->init_key = r.init_key;
  sa->half_open = r.remote.address;
  sa->handshake = std::make_unique<Handshake>();
  Handshake& h = *sa->handshake;
  h.init_request.assign(r.request().begin(), r.request().end());
  h.init_response.assign(r.response().begin(), r.response().end());
  h.nonce_i.assign(r.nonce_i().begin(), r.nonce_i().end());
  h.nonce_r.assign(r.nonce_r().begin(), r.nonce_r().end());
  h.agreed = r.agreed;
  h.peer_hashes = r.peer_hashes;
  if (r.resumed) h.resumed = std::make_unique<Resumption>(*r.resumed);
  session->info.resumed = r.resumed != nullptr;
  sa->keys = ExpandIkeKeys(crypto_, r.suite, r.skeyseed(), h.nonce_i, h.nonce_r, r.spi_i, r.spi_r);
  session->sas.push_back(std::move(sa));
  return session;
}

// A message for an IKE SA whose peer was not heard since IKE_SA_INIT.  Unless it is authentic, nothing changes.
void Endpoint::Impl::HandleHalfOpen(HalfOpen& r, const Datagram& d, const Header& h, Instant now, Actions& out) {
  if (r.spi_i != h.initiator_spi) return Drop("drop: unknown IKE SPI");
  if (d.local.vrf != r.local.vrf) return Drop("drop: message by another VRF");
  if (!r.answered()) return Drop("drop: no keys yet");
  if (h.next_payload == static_cast<uint8_t>(PayloadType::kNotify))
    return Drop("drop: unprotected message for an IKE SA");
  if (h.is_response()) return Drop("drop: answer to no request");
  if (h.message_id != kFirstProtectedId) return Drop("drop: message id outside the window");
  std::unique_ptr<Session> session = Unfold(r);
  IkeSa& sa = *session->sas.front();
  const auto opened = Open(sa, d, h, Fingerprint(d.bytes), now);
  if (!opened && !sa.reassembly) return;
  Touch(*session);
  tables_.Promote(r, std::move(session));
  if (opened) AcceptRequest(sa, d, h, *opened, now, out);
}

SaInfo Endpoint::Impl::Describe(const HalfOpen& r, Instant now) {
  const Session blank;
  SaInfo info;
  info.session = InfoOf(r);
  info.state = "IN-NEG";
  info.age = now - r.created;
  info.lifetime = blank.policy->lifetime;
  info.dpd = blank.policy->dpd;
  info.remote_request_id = kFirstProtectedId;
  return info;
}

}  // namespace flexvpn::ike
