// SPDX-License-Identifier: Apache-2.0
#include "core/ike/codec/protect.h"

#include "base/status_macros.h"
#include "core/ike/codec/payloads.h"

namespace flexvpn::ike {
namespace {

constexpr size_t kSkBody = kHeaderSize + kGenericHeaderSize;  // where the IV begins
constexpr size_t kMaxMessage = 65535 - 8 - 20;                // what fits in a UDP datagram over IPv4
constexpr auto kSk = static_cast<uint8_t>(PayloadType::kEncrypted);

size_t TrailerSize(const ProtectKeys& k) {
  return IsAead(k.encr) ? crypto::IcvSize(k.encr) : crypto::IntegIcvSize(k.integ);
}

// SK_e of an AEAD is key | salt (RFC 5282 §7.1); nonce = salt | IV (§4).
BytesView AeadKey(const ProtectKeys& k) {
  const BytesView all(k.encr_key);
  return all.first(all.size() - std::min(all.size(), crypto::SaltSize(k.encr)));
}
SecretBytes AeadNonce(const ProtectKeys& k, BytesView iv) {
  SecretBytes nonce = ToSecret(BytesView(k.encr_key).subspan(AeadKey(k).size()));
  nonce.insert(nonce.end(), iv.begin(), iv.end());
  return nonce;
}

// Payloads | padding | pad length, in memory that is wiped.
SecretBytes PlainText(const Payloads& payloads, size_t block, uint8_t* first_type) {
  ByteWriter w;
  *first_type = EncodePayloads(payloads, w);
  const size_t padding = (block - (w.size() + 1) % block) % block;
  w.Zeros(padding);
  w.U8(static_cast<uint8_t>(padding));
  Bytes bytes = std::move(w).Release();
  SecretBytes plain = ToSecret(bytes);
  WipeMemory(bytes.data(), bytes.size());
  return plain;
}

// Authentic plain text of an SK payload, padding still on.  kUnauthenticated if anything is wrong.
absl::StatusOr<SecretBytes> OpenSk(const crypto::Provider& crypto, const ProtectKeys& keys, BytesView datagram) {
  const size_t iv_size = crypto::IvSize(keys.encr), trailer = TrailerSize(keys);
  if (datagram.size() < kSkBody + iv_size + trailer + 1) return absl::UnauthenticatedError("SK payload: too short");
  const BytesView iv = datagram.subspan(kSkBody, iv_size), sealed = datagram.subspan(kSkBody + iv_size);
  if (IsAead(keys.encr)) {
    const SecretBytes nonce = AeadNonce(keys, iv);
    auto plain = crypto.Open(keys.encr, AeadKey(keys), nonce, datagram.first(kSkBody), sealed);
    if (!plain.ok()) return absl::UnauthenticatedError("SK payload: integrity");
    return plain;
  }
  const BytesView covered[] = {datagram.first(datagram.size() - trailer)};
  const Bytes icv = crypto.ComputeIntegrity(keys.integ, keys.integ_key, covered);
  if (icv.empty() || !crypto.ConstantTimeEqual(icv, datagram.last(trailer)))
    return absl::UnauthenticatedError("SK payload: integrity");
  const BytesView cipher = sealed.first(sealed.size() - trailer);
  // Only somebody who has the keys gets here.
  if (cipher.size() % crypto::BlockSize(keys.encr) != 0)
    return absl::InvalidArgumentError("SK payload: not a multiple of the block size");
  return crypto.DecryptCbc(keys.encr, keys.encr_key, iv, cipher);
}

}  // namespace

absl::StatusOr<Bytes> Protect(const crypto::Provider& crypto, const ProtectKeys& keys, Header header,
                              const Payloads& payloads, uint64_t sequence, Rng& rng) {
  const bool aead = IsAead(keys.encr);
  const size_t block = crypto::BlockSize(keys.encr), trailer = TrailerSize(keys);
  if (block == 0 || trailer == 0) return absl::FailedPreconditionError("SK payload: no integrity protection");
  uint8_t first_type = 0;
  const SecretBytes plain = PlainText(payloads, block, &first_type);
  Bytes iv;
  if (aead) {
    ByteWriter counter;
    counter.U64(sequence);
    iv = std::move(counter).Release();
  } else {
    iv = rng.Take(crypto::IvSize(keys.encr));
  }
  const size_t total = kSkBody + iv.size() + plain.size() + trailer;
  if (total > kMaxMessage) return absl::ResourceExhaustedError("message longer than a datagram");

  ByteWriter out;
  EncodeHeader(header, kSk, out);
  out.PatchU32(kLengthOffset, static_cast<uint32_t>(total));
  out.U8(first_type);
  out.U8(0);
  out.U16(static_cast<uint16_t>(total - kHeaderSize));
  if (aead) {
    const SecretBytes nonce = AeadNonce(keys, iv);
    ASSIGN_OR_RETURN(const Bytes sealed, crypto.Seal(keys.encr, AeadKey(keys), nonce, out.view(), plain));
    out.Append(iv);
    out.Append(sealed);
  } else {
    ASSIGN_OR_RETURN(const Bytes cipher, crypto.EncryptCbc(keys.encr, keys.encr_key, iv, plain));
    out.Append(iv);
    out.Append(cipher);
    const BytesView covered[] = {out.view()};
    const Bytes icv = crypto.ComputeIntegrity(keys.integ, keys.integ_key, covered);
    if (icv.empty()) return absl::InternalError("SK payload: integrity algorithm");
    out.Append(icv);
  }
  return std::move(out).Release();
}

absl::StatusOr<Payloads> Unprotect(const crypto::Provider& crypto, const ProtectKeys& keys, const Header& header,
                                   BytesView datagram) {
  // SK must be the last payload (§3.14) and nobody sends another before it, so it is the only one we accept.
  if (header.next_payload != kSk || datagram.size() < kSkBody)
    return absl::UnauthenticatedError("message: no SK payload");
  ByteReader r(datagram.subspan(kHeaderSize));
  const uint8_t first_type = r.U8();
  r.U8();  // critical bit and reserved
  if (r.U16() != datagram.size() - kHeaderSize) return absl::UnauthenticatedError("SK payload: length");
  if (TrailerSize(keys) == 0 || crypto::BlockSize(keys.encr) == 0)
    return absl::FailedPreconditionError("SK payload: no integrity protection");
  ASSIGN_OR_RETURN(const SecretBytes plain, OpenSk(crypto, keys, datagram));
  if (plain.empty() || plain.back() >= plain.size()) return absl::InvalidArgumentError("SK payload: padding");
  return DecodePayloads(first_type, BytesView(plain).first(plain.size() - 1 - plain.back()));
}

}  // namespace flexvpn::ike
