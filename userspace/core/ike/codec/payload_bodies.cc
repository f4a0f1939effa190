// SPDX-License-Identifier: Apache-2.0
// Payloads with a flat body: KE, ID, CERT, CERTREQ, AUTH, Nonce, Notify, Delete, Vendor ID, EAP.
#include "core/ike/codec/payloads.h"

namespace flexvpn::ike {
namespace {

constexpr size_t kMinNonce = 16, kMaxNonce = 256;  // §3.9
constexpr uint8_t kEspSpiSize = 4;

absl::Status Truncated(const char* payload) {
  return absl::InvalidArgumentError(std::string(payload) + " payload: truncated");
}
absl::Status Bad(const char* what) { return absl::InvalidArgumentError(what); }

void SkipReserved3(ByteReader& r) { r.Skip(3); }

}  // namespace

absl::StatusOr<KePayload> DecodeKe(BytesView body) {
  ByteReader r(body);
  KePayload ke;
  ke.method = static_cast<crypto::KeMethod>(r.U16());
  r.U16();  // RESERVED
  ke.public_value = ToOwned(r.TakeAll());
  if (!r.ok() || ke.public_value.empty()) return Truncated("KE");
  return ke;
}
void EncodeBody(const KePayload& p, ByteWriter& out) {
  out.U16(static_cast<uint16_t>(p.method));
  out.U16(0);
  out.Append(p.public_value);
}

absl::StatusOr<IdPayload> DecodeId(BytesView body, bool initiator) {
  ByteReader r(body);
  IdPayload id;
  id.initiator = initiator;
  id.type = static_cast<IdType>(r.U8());
  SkipReserved3(r);
  id.data = ToOwned(r.TakeAll());
  if (!r.ok()) return Truncated("ID");
  if ((id.type == IdType::kIpv4 && id.data.size() != 4) || (id.type == IdType::kIpv6 && id.data.size() != 16))
    return Bad("ID payload: address size");
  if (id.type == IdType::kNull && !id.data.empty()) return Bad("ID payload: ID_NULL with data");  // RFC 7619 §2.2
  return id;
}
void EncodeBody(const IdPayload& p, ByteWriter& out) {
  out.U8(static_cast<uint8_t>(p.type));
  out.Zeros(3);
  out.Append(p.data);
}

absl::StatusOr<CertPayload> DecodeCert(BytesView body) {
  ByteReader r(body);
  CertPayload cert;
  cert.encoding = r.U8();
  cert.data = ToOwned(r.TakeAll());
  if (!r.ok()) return Truncated("CERT");
  return cert;
}
void EncodeBody(const CertPayload& p, ByteWriter& out) {
  out.U8(p.encoding);
  out.Append(p.data);
}

absl::StatusOr<CertReqPayload> DecodeCertReq(BytesView body) {
  ByteReader r(body);
  CertReqPayload request;
  request.encoding = r.U8();
  request.data = ToOwned(r.TakeAll());
  if (!r.ok()) return Truncated("CERTREQ");
  return request;
}
void EncodeBody(const CertReqPayload& p, ByteWriter& out) {
  out.U8(p.encoding);
  out.Append(p.data);
}

absl::StatusOr<AuthPayload> DecodeAuth(BytesView body) {
  ByteReader r(body);
  AuthPayload auth;
  auth.method = static_cast<AuthMethod>(r.U8());
  SkipReserved3(r);
  auth.data = ToOwned(r.TakeAll());
  if (!r.ok() || auth.data.empty()) return Truncated("AUTH");
  return auth;
}
void EncodeBody(const AuthPayload& p, ByteWriter& out) {
  out.U8(static_cast<uint8_t>(p.method));
  out.Zeros(3);
  out.Append(p.data);
}

absl::StatusOr<NoncePayload> DecodeNonce(BytesView body) {
  if (body.size() < kMinNonce || body.size() > kMaxNonce) return Bad("Nonce payload: size not in 16..256");
  return NoncePayload{ToOwned(body)};
}
void EncodeBody(const NoncePayload& p, ByteWriter& out) { out.Append(p.nonce); }

absl::StatusOr<NotifyPayload> DecodeNotify(BytesView body) {
  ByteReader r(body);
  NotifyPayload n;
  n.protocol = static_cast<ProtocolId>(r.U8());
  const size_t spi_size = r.U8();
  n.type = static_cast<NotifyType>(r.U16());
  n.spi = ToOwned(r.Take(spi_size));
  n.data = ToOwned(r.TakeAll());
  if (!r.ok()) return Truncated("Notify");
  return n;
}
void EncodeBody(const NotifyPayload& p, ByteWriter& out) {
  out.U8(static_cast<uint8_t>(p.protocol));
  out.U8(static_cast<uint8_t>(p.spi.size()));
  out.U16(static_cast<uint16_t>(p.type));
  out.Append(p.spi);
  out.Append(p.data);
}

absl::StatusOr<DeletePayload> DecodeDelete(BytesView body) {
  ByteReader r(body);
  DeletePayload d;
  d.protocol = static_cast<ProtocolId>(r.U8());
  const uint8_t spi_size = r.U8();
  const uint16_t count = r.U16();
  if (!r.ok()) return Truncated("Delete");
  const bool ike = d.protocol == ProtocolId::kIke;
  if (!ike && d.protocol != ProtocolId::kEsp && d.protocol != ProtocolId::kAh) return Bad("Delete payload: protocol");
  if (spi_size != (ike ? 0 : kEspSpiSize) || (ike && count != 0)) return Bad("Delete payload: SPI size");
  if (r.left() != size_t{count} * spi_size) return Bad("Delete payload: number of SPIs");
  for (size_t i = 0; i < count; ++i) d.spis.emplace_back(r.U32());
  return d;
}
void EncodeBody(const DeletePayload& p, ByteWriter& out) {
  out.U8(static_cast<uint8_t>(p.protocol));
  out.U8(p.protocol == ProtocolId::kIke ? 0 : kEspSpiSize);
  out.U16(static_cast<uint16_t>(p.spis.size()));
  for (EspSpi spi : p.spis) out.U32(spi.value());
}

absl::StatusOr<EapPayload> DecodeEap(BytesView body) {
  ByteReader r(body);
  r.U16();  // code, identifier
  const size_t length = r.U16();
  if (!r.ok()) return Truncated("EAP");
  if (length != body.size()) return Bad("EAP payload: length");
  return EapPayload{ToOwned(body)};
}
void EncodeBody(const EapPayload& p, ByteWriter& out) { out.Append(p.message); }

void EncodeBody(const VendorIdPayload& p, ByteWriter& out) { out.Append(p.data); }
void EncodeBody(const UnknownPayload& p, ByteWriter& out) { out.Append(p.body); }

}  // namespace flexvpn::ike
