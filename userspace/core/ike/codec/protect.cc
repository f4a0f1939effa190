// SPDX-License-Identifier: Apache-2.0
#include "core/ike/codec/protect.h"

#include "base/status_macros.h"
#include "core/ike/codec/payloads.h"

namespace flexvpn::ike {
namespace {

constexpr size_t kSkBody = kHeaderSize + kGenericHeaderSize;  // where the IV of an SK payload begins
constexpr size_t kMaxMessage = 65535 - 8 - 20;                // what fits in a UDP datagram over IPv4
constexpr size_t kUsualPlain = 512;                            // octets of payloads
constexpr auto kSk = static_cast<uint8_t>(PayloadType::kEncrypted);

size_t TrailerSize(const ProtectKeys& k) {
  return IsAead(k.encr) ? crypto::IcvSize(k.encr) : crypto::IntegIcvSize(k.integ);
}

// SK_e is key | salt and the nonce salt | IV (RFC 5282 §4 and §7.1, RFC 5930 §2, RFC 7634 §2); CBC has no salt.
BytesView CipherKey(const ProtectKeys& k) {
  const BytesView all(k.encr_key);
  return all.first(all.size() - std::min(all.size(), crypto::SaltSize(k.encr)));
}
SecretBytes Nonce(const ProtectKeys& k, BytesView iv) {
  SecretBytes nonce = ToSecret(BytesView(k.encr_key).subspan(CipherKey(k).size()));
  nonce.insert(nonce.end(), iv.begin(), iv.end());
  return nonce;
}

size_t Padding(const ProtectKeys& keys, size_t content) {
  const size_t block = crypto::BlockSize(keys.encr);
  return (block - (content + 1) % block) % block;
}

// content | padding | pad length, in memory that is wiped.
SecretBytes Padded(const ProtectKeys& keys, BytesView content) {
  SecretBytes plain = ToSecret(content);
  const size_t padding = Padding(keys, content.size());
  plain.resize(plain.size() + padding, 0);
  plain.push_back(static_cast<uint8_t>(padding));
  return plain;
}

absl::StatusOr<SecretBytes> Decrypt(const crypto::Provider& crypto, const ProtectKeys& keys, BytesView datagram,
                                    size_t body) {
  const size_t iv_size = crypto::IvSize(keys.encr), trailer = TrailerSize(keys);
  if (datagram.size() < body + iv_size + trailer + 1) return absl::UnauthenticatedError("SK payload: too short");
  const BytesView iv = datagram.subspan(body, iv_size), sealed = datagram.subspan(body + iv_size);
  const SecretBytes nonce = Nonce(keys, iv);
  if (IsAead(keys.encr)) {
    auto plain = crypto.Open(keys.encr, CipherKey(keys), nonce, datagram.first(body), sealed);
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
  return crypto.Decrypt(keys.encr, CipherKey(keys), nonce, cipher);
}

}  // namespace

size_t SealedSize(const ProtectKeys& keys, size_t content) {
  return crypto::IvSize(keys.encr) + content + Padding(keys, content) + 1 + TrailerSize(keys);
}

size_t SealedContent(const ProtectKeys& keys, size_t space) {
  const size_t block = crypto::BlockSize(keys.encr), fixed = crypto::IvSize(keys.encr) + TrailerSize(keys);
  return space < fixed + block ? 0 : (space - fixed) / block * block - 1;
}

bool CanProtect(const ProtectKeys& keys) { return TrailerSize(keys) != 0 && crypto::BlockSize(keys.encr) != 0; }

absl::Status SealInto(const crypto::Provider& crypto, const ProtectKeys& keys, BytesView content, uint64_t sequence,
                      Rng& rng, ByteWriter& out) {
  const SecretBytes plain = Padded(keys, content);
  Bytes iv;
  if (crypto::BlockSize(keys.encr) == 1) {  // AEAD and CTR: the IV must never repeat under one key
    ByteWriter counter;
    counter.U64(sequence);
    iv = std::move(counter).Release();
  } else {
    iv = rng.Take(crypto::IvSize(keys.encr));
  }
  const SecretBytes nonce = Nonce(keys, iv);
  if (IsAead(keys.encr)) {
    ASSIGN_OR_RETURN(const Bytes sealed, crypto.Seal(keys.encr, CipherKey(keys), nonce, out.view(), plain));
    out.Append(iv);
    out.Append(sealed);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Bytes cipher, crypto.Encrypt(keys.encr, CipherKey(keys), nonce, plain));
  out.Append(iv);
  out.Append(cipher);
  const BytesView covered[] = {out.view()};
  const Bytes icv = crypto.ComputeIntegrity(keys.integ, keys.integ_key, covered);
  if (icv.empty()) return absl::InternalError("SK payload: integrity algorithm");
  out.Append(icv);
  return absl::OkStatus();
}

absl::StatusOr<SecretBytes> OpenFrom(const crypto::Provider& crypto, const ProtectKeys& keys, BytesView datagram,
                                     size_t body) {
  ASSIGN_OR_RETURN(SecretBytes plain, Decrypt(crypto, keys, datagram, body));
  if (plain.empty() || plain.back() >= plain.size()) return absl::InvalidArgumentError("SK payload: padding");
  plain.resize(plain.size() - 1 - plain.back());
  return plain;
}

absl::StatusOr<Bytes> Protect(const crypto::Provider& crypto, const ProtectKeys& keys, Header header,
                              const Payloads& payloads, uint64_t sequence, Rng& rng) {
  return ProtectPlain(crypto, keys, header, EncodePlain(payloads), sequence, rng);
}

PlainPayloads EncodePlain(const Payloads& payloads) {
  ByteWriter w(kUsualPlain);
  PlainPayloads plain;
  plain.first_type = EncodePayloads(payloads, w);
  Bytes bytes = std::move(w).Release();
  plain.octets = ToSecret(bytes);
  WipeMemory(bytes.data(), bytes.size());
  return plain;
}

absl::StatusOr<Bytes> ProtectPlain(const crypto::Provider& crypto, const ProtectKeys& keys, Header header,
                                   const PlainPayloads& plain, uint64_t sequence, Rng& rng) {
  if (!CanProtect(keys)) return absl::FailedPreconditionError("SK payload: no integrity protection");
  const size_t total = kSkBody + SealedSize(keys, plain.octets.size());
  if (total > kMaxMessage) return absl::ResourceExhaustedError("message longer than a datagram");
  ByteWriter out(total);
  EncodeHeader(header, kSk, out);
  out.PatchU32(kLengthOffset, static_cast<uint32_t>(total));
  out.U8(plain.first_type);
  out.U8(0);
  out.U16(static_cast<uint16_t>(total - kHeaderSize));
  RETURN_IF_ERROR(SealInto(crypto, keys, plain.octets, sequence, rng, out));
  return std::move(out).Release();
}

absl::StatusOr<PlainPayloads> UnprotectPlain(const crypto::Provider& crypto, const ProtectKeys& keys,
                                             const Header& header, BytesView datagram) {
  // SK must be the last payload (§3.14) and nobody sends another before it, so it is the only one we accept.
  if (header.next_payload != kSk || datagram.size() < kSkBody)
    return absl::UnauthenticatedError("message: no SK payload");
  ByteReader r(datagram.subspan(kHeaderSize));
  PlainPayloads plain;
  plain.first_type = r.U8();
  r.U8();  // critical bit and reserved
  if (r.U16() != datagram.size() - kHeaderSize) return absl::UnauthenticatedError("SK payload: length");
  if (!CanProtect(keys)) return absl::FailedPreconditionError("SK payload: no integrity protection");
  ASSIGN_OR_RETURN(plain.octets, OpenFrom(crypto, keys, datagram, kSkBody));
  return plain;
}

absl::StatusOr<Payloads> Unprotect(const crypto::Provider& crypto, const ProtectKeys& keys, const Header& header,
                                   BytesView datagram) {
  ASSIGN_OR_RETURN(const PlainPayloads plain, UnprotectPlain(crypto, keys, header, datagram));
  return DecodePayloads(plain.first_type, plain.octets);
}

}  // namespace flexvpn::ike
