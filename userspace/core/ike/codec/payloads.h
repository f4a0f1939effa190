// SPDX-License-Identifier: Apache-2.0
// Bodies of the single payloads, without the generic header of RFC 7296 §3.2.  Internal to the codec: others use
// DecodePayloads and EncodePayloads.
//
// Each decoder takes exactly one body and owns what it returns.  Errors are kInvalidArgument and begin with the
// payload's name.  Reserved fields are ignored on receipt and zero when sent.  Encode is the inverse.
#ifndef FLEXVPN_CORE_IKE_CODEC_PAYLOADS_H_
#define FLEXVPN_CORE_IKE_CODEC_PAYLOADS_H_

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "core/ike/codec/message.h"

namespace flexvpn::ike {

inline constexpr size_t kGenericHeaderSize = 4;
inline constexpr size_t kMaxPayloads = 64;
inline constexpr size_t kMaxProposals = 64;

// At most 64 proposals; numbers rise strictly (a repeated one was RFC 4306's way to combine AH and ESP, which
// RFC 7296 §3.3.1 forbids).  SPI sizes as the protocol wants them: IKE 0 or 8, AH and ESP 4.
absl::StatusOr<SaPayload> DecodeSa(BytesView body);
absl::StatusOr<KePayload> DecodeKe(BytesView body);
// Address identities must have their family's size.
absl::StatusOr<IdPayload> DecodeId(BytesView body, bool initiator);
absl::StatusOr<CertPayload> DecodeCert(BytesView body);
absl::StatusOr<CertReqPayload> DecodeCertReq(BytesView body);
absl::StatusOr<AuthPayload> DecodeAuth(BytesView body);
absl::StatusOr<NoncePayload> DecodeNonce(BytesView body);
absl::StatusOr<NotifyPayload> DecodeNotify(BytesView body);
absl::StatusOr<DeletePayload> DecodeDelete(BytesView body);
// Selectors of a type that is neither IPv4 nor IPv6 range are left out, so the list may come out empty.
absl::StatusOr<TsPayload> DecodeTs(BytesView body, bool initiator);
absl::StatusOr<ConfigPayload> DecodeConfig(BytesView body);
absl::StatusOr<EapPayload> DecodeEap(BytesView body);

void EncodeBody(const SaPayload& p, ByteWriter& out);
void EncodeBody(const KePayload& p, ByteWriter& out);
void EncodeBody(const IdPayload& p, ByteWriter& out);
void EncodeBody(const CertPayload& p, ByteWriter& out);
void EncodeBody(const CertReqPayload& p, ByteWriter& out);
void EncodeBody(const AuthPayload& p, ByteWriter& out);
void EncodeBody(const NoncePayload& p, ByteWriter& out);
void EncodeBody(const NotifyPayload& p, ByteWriter& out);
void EncodeBody(const DeletePayload& p, ByteWriter& out);
void EncodeBody(const VendorIdPayload& p, ByteWriter& out);
void EncodeBody(const TsPayload& p, ByteWriter& out);
void EncodeBody(const ConfigPayload& p, ByteWriter& out);
void EncodeBody(const EapPayload& p, ByteWriter& out);
void EncodeBody(const UnknownPayload& p, ByteWriter& out);

// Header with length 0, to be patched at kLengthOffset.
void EncodeHeader(const Header& header, uint8_t next_payload, ByteWriter& out);
inline constexpr size_t kLengthOffset = 24;

inline Bytes ToOwned(BytesView v) { return {v.begin(), v.end()}; }

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_CODEC_PAYLOADS_H_
