// SPDX-License-Identifier: Apache-2.0
// IKE header (RFC 7296 §3.1) and the chain of payloads (§3.2).
#include "core/ike/codec/message.h"

#include "absl/strings/str_cat.h"
#include "base/overloaded.h"
#include "base/status_macros.h"
#include "core/ike/codec/payloads.h"

namespace flexvpn::ike {
namespace {

constexpr uint8_t kKnownFlags = kFlagInitiator | kFlagVersion | kFlagResponse;
constexpr uint8_t kCritical = 0x80;
constexpr size_t kUsualMessage = 512;   // octets
constexpr size_t kUsualPayloads = 12;  // in a message

template <class T>
absl::StatusOr<Payload> Wrap(absl::StatusOr<T> decoded) {
  if (!decoded.ok()) return std::move(decoded).status();
  return Payload(*std::move(decoded));
}

absl::StatusOr<Payload> DecodeOne(uint8_t type, bool critical, BytesView body) {
  switch (static_cast<PayloadType>(type)) {
    case PayloadType::kSa:
      return Wrap(DecodeSa(body));
    case PayloadType::kKe:
      return Wrap(DecodeKe(body));
    case PayloadType::kIdi:
    case PayloadType::kIdr:
      return Wrap(DecodeId(body, type == static_cast<uint8_t>(PayloadType::kIdi)));
    case PayloadType::kCert:
      return Wrap(DecodeCert(body));
    case PayloadType::kCertReq:
      return Wrap(DecodeCertReq(body));
    case PayloadType::kAuth:
      return Wrap(DecodeAuth(body));
    case PayloadType::kNonce:
      return Wrap(DecodeNonce(body));
    case PayloadType::kNotify:
      return Wrap(DecodeNotify(body));
    case PayloadType::kDelete:
      return Wrap(DecodeDelete(body));
    case PayloadType::kVendorId:
      return Payload(VendorIdPayload{ToOwned(body)});
    case PayloadType::kTsi:
    case PayloadType::kTsr:
      return Wrap(DecodeTs(body, type == static_cast<uint8_t>(PayloadType::kTsi)));
    case PayloadType::kConfig:
      return Wrap(DecodeConfig(body));
    case PayloadType::kEap:
      return Wrap(DecodeEap(body));
    case PayloadType::kEncrypted:
    case PayloadType::kEncryptedFragment:
      return absl::InvalidArgumentError("SK payload: not expected here");
    default:
      return Payload(UnknownPayload{type, critical, ToOwned(body)});
  }
}

uint8_t TypeOf(const Payload& payload) {
  const auto number = [](PayloadType t) { return static_cast<uint8_t>(t); };
  return std::visit(
      Overloaded{
          [&](const SaPayload&) { return number(PayloadType::kSa); },
          [&](const KePayload&) { return number(PayloadType::kKe); },
          [&](const IdPayload& p) { return number(p.initiator ? PayloadType::kIdi : PayloadType::kIdr); },
          [&](const CertPayload&) { return number(PayloadType::kCert); },
          [&](const CertReqPayload&) { return number(PayloadType::kCertReq); },
          [&](const AuthPayload&) { return number(PayloadType::kAuth); },
          [&](const NoncePayload&) { return number(PayloadType::kNonce); },
          [&](const NotifyPayload&) { return number(PayloadType::kNotify); },
          [&](const DeletePayload&) { return number(PayloadType::kDelete); },
          [&](const VendorIdPayload&) { return number(PayloadType::kVendorId); },
          [&](const TsPayload& p) { return number(p.initiator ? PayloadType::kTsi : PayloadType::kTsr); },
          [&](const ConfigPayload&) { return number(PayloadType::kConfig); },
          [&](const EapPayload&) { return number(PayloadType::kEap); },
          [&](const UnknownPayload& p) { return p.type; },
      },
      payload);
}

}  // namespace

HeaderFault ReadHeader(BytesView datagram, Header& h) {
  ByteReader r(datagram);
  h.initiator_spi = IkeSpi(r.U64());
  h.responder_spi = IkeSpi(r.U64());
  h.next_payload = r.U8();
  h.version = r.U8();
  h.exchange = static_cast<ExchangeType>(r.U8());
  h.flags = r.U8() & kKnownFlags;
  h.message_id = r.U32();
  h.length = r.U32();
  if (!r.ok()) return HeaderFault::kTruncated;
  if (h.length != datagram.size()) return HeaderFault::kLength;
  if (h.version >> 4 != 2) return HeaderFault::kVersion;
  return h.initiator_spi ? HeaderFault::kNone : HeaderFault::kNoSpi;
}

absl::StatusOr<Header> DecodeHeader(BytesView datagram) {
  Header h;
  switch (ReadHeader(datagram, h)) {
    case HeaderFault::kNone:
      return h;
    case HeaderFault::kTruncated:
      return absl::InvalidArgumentError("IKE header: truncated");
    case HeaderFault::kLength:
      return absl::InvalidArgumentError("IKE header: length");
    case HeaderFault::kVersion:
      return absl::UnimplementedError("IKE header: major version");
    case HeaderFault::kNoSpi:
      break;
  }
  return absl::InvalidArgumentError("IKE header: initiator SPI is zero");
}

void EncodeHeader(const Header& h, uint8_t next_payload, ByteWriter& out) {
  out.U64(h.initiator_spi.value());
  out.U64(h.responder_spi.value());
  out.U8(next_payload);
  out.U8(h.version);
  out.U8(static_cast<uint8_t>(h.exchange));
  out.U8(h.flags);
  out.U32(h.message_id);
  out.U32(0);  // length
}

absl::StatusOr<Payloads> DecodePayloads(uint8_t first, BytesView body) {
  ByteReader r(body);
  Payloads payloads;
  payloads.reserve(kUsualPayloads);
  uint8_t type = first;
  while (type != static_cast<uint8_t>(PayloadType::kNone)) {
    if (payloads.size() == kMaxPayloads) return absl::InvalidArgumentError("message: too many payloads");
    const uint8_t next = r.U8();
    const bool critical = (r.U8() & kCritical) != 0;
    const size_t length = r.U16();
    if (!r.ok() || length < kGenericHeaderSize) return absl::InvalidArgumentError("message: payload header");
    const BytesView content = r.Take(length - kGenericHeaderSize);
    if (!r.ok()) return absl::InvalidArgumentError("message: truncated payload");
    ASSIGN_OR_RETURN(Payload payload, DecodeOne(type, critical, content));
    payloads.push_back(std::move(payload));
    type = next;
  }
  if (r.left() != 0) return absl::InvalidArgumentError("message: octets after the last payload");
  return payloads;
}

uint8_t EncodePayloads(const Payloads& payloads, ByteWriter& out) {
  for (size_t i = 0; i < payloads.size(); ++i) {
    const size_t start = out.size();
    const auto* unknown = std::get_if<UnknownPayload>(&payloads[i]);
    out.U8(i + 1 < payloads.size() ? TypeOf(payloads[i + 1]) : 0);
    out.U8(unknown != nullptr && unknown->critical ? kCritical : 0);
    out.U16(0);  // length
    std::visit([&out](const auto& p) { EncodeBody(p, out); }, payloads[i]);
    out.PatchU16(start + 2, static_cast<uint16_t>(out.size() - start));
  }
  return payloads.empty() ? 0 : TypeOf(payloads.front());
}

Bytes EncodeMessage(Header header, const Payloads& payloads) {
  ByteWriter out(kUsualMessage);
  EncodeHeader(header, payloads.empty() ? 0 : TypeOf(payloads.front()), out);
  EncodePayloads(payloads, out);
  out.PatchU32(kLengthOffset, static_cast<uint32_t>(out.size()));
  return std::move(out).Release();
}

const NotifyPayload* FindNotify(const Payloads& payloads, NotifyType type) {
  for (const Payload& p : payloads) {
    const auto* n = std::get_if<NotifyPayload>(&p);
    if (n != nullptr && n->type == type) return n;
  }
  return nullptr;
}

const IdPayload* FindId(const Payloads& payloads, bool initiator) {
  for (const Payload& p : payloads) {
    const auto* id = std::get_if<IdPayload>(&p);
    if (id != nullptr && id->initiator == initiator) return id;
  }
  return nullptr;
}

const TsPayload* FindTs(const Payloads& payloads, bool initiator) {
  for (const Payload& p : payloads) {
    const auto* ts = std::get_if<TsPayload>(&p);
    if (ts != nullptr && ts->initiator == initiator) return ts;
  }
  return nullptr;
}

const NotifyPayload* FindError(const Payloads& payloads) {
  constexpr uint16_t kFirstStatusType = 16384;
  for (const Payload& p : payloads) {
    const auto* n = std::get_if<NotifyPayload>(&p);
    if (n != nullptr && static_cast<uint16_t>(n->type) < kFirstStatusType) return n;
  }
  return nullptr;
}

const UnknownPayload* FindUnknownCritical(const Payloads& payloads) {
  for (const Payload& p : payloads) {
    const auto* unknown = std::get_if<UnknownPayload>(&p);
    if (unknown != nullptr && unknown->critical) return unknown;
  }
  return nullptr;
}

}  // namespace flexvpn::ike
