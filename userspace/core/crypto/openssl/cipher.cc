// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl/cipher.h"

#include <openssl/err.h>

#include <limits>

namespace flexvpn::crypto {
namespace {

constexpr size_t kMaxData = 1 << 24;  // far above any datagram; keeps sizes inside int

bool IsCcm(Encr e) { return e == Encr::kAesCcm8 || e == Encr::kAesCcm12 || e == Encr::kAesCcm16; }
int Int(size_t n) { return static_cast<int>(n); }
void* Ctrl(const uint8_t* p) { return const_cast<uint8_t*>(p); }  // OpenSSL's control call is not const-correct

absl::Status CheckAead(const EVP_CIPHER* cipher, Encr e, BytesView nonce, BytesView aad, BytesView data) {
  if (cipher == nullptr || !IsAead(e)) return absl::UnimplementedError("cipher not supported");
  if (nonce.size() != SaltSize(e) + IvSize(e)) return absl::InvalidArgumentError("nonce size");
  if (aad.size() > kMaxData || data.size() > kMaxData) return absl::InvalidArgumentError("data too long");
  return absl::OkStatus();
}

// Cipher, sizes of nonce and tag, key, nonce; CCM wants the tag (to verify) and the data size first (RFC 3610).
bool Begin(EVP_CIPHER_CTX* ctx, const EVP_CIPHER* cipher, Encr e, BytesView key, BytesView nonce, BytesView aad,
           const uint8_t* tag, size_t data_size, bool encrypt) {
  int n = 0;
  const int tag_size = Int(IcvSize(e));
  bool ok = EVP_CipherInit_ex2(ctx, cipher, nullptr, nullptr, encrypt, nullptr) == 1 &&
            EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, Int(nonce.size()), nullptr) == 1;
  if (tag != nullptr || IsCcm(e)) ok = ok && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, tag_size, Ctrl(tag)) == 1;
  ok = ok && EVP_CipherInit_ex2(ctx, nullptr, key.data(), nonce.data(), encrypt, nullptr) == 1;
  if (IsCcm(e)) ok = ok && EVP_CipherUpdate(ctx, nullptr, &n, nullptr, Int(data_size)) == 1;
  return ok && (aad.empty() || EVP_CipherUpdate(ctx, nullptr, &n, aad.data(), Int(aad.size())) == 1);
}

// OpenSSL's IV: that of CBC; the first counter block of CTR, nonce | IV | 1 (RFC 3686 §4).
SecretBytes FirstBlock(Encr e, BytesView nonce) {
  SecretBytes block = ToSecret(nonce);
  if (e == Encr::kAesCtr) block.insert(block.end(), {0, 0, 0, 1});
  return block;
}

template <class Out>
bool RunPlain(const EVP_CIPHER* cipher, BytesView key, BytesView iv, BytesView in, bool encrypt, Out* out) {
  const CipherCtx ctx(EVP_CIPHER_CTX_new());
  out->resize(in.size());
  int done = 0, last = 0;
  return ctx != nullptr && EVP_CipherInit_ex2(ctx.get(), cipher, key.data(), iv.data(), encrypt, nullptr) == 1 &&
         EVP_CIPHER_CTX_set_padding(ctx.get(), 0) == 1 &&
         EVP_CipherUpdate(ctx.get(), out->data(), &done, in.data(), Int(in.size())) == 1 &&
         EVP_CipherFinal_ex(ctx.get(), out->data() + done, &last) == 1 &&
         static_cast<size_t>(done + last) == in.size();
}

}  // namespace

CipherEngine::CipherEngine() {
  constexpr const char* kNames[kFamilies][3] = {
      {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"}, {"AES-128-CTR", "AES-192-CTR", "AES-256-CTR"},
      {"AES-128-GCM", "AES-192-GCM", "AES-256-GCM"}, {"AES-128-CCM", "AES-192-CCM", "AES-256-CCM"},
      {"ChaCha20-Poly1305", nullptr, nullptr},       {"DES-EDE3-CBC", nullptr, nullptr},
  };
  for (size_t f = 0; f < kFamilies; ++f)
    for (size_t i = 0; i < 3; ++i)
      if (kNames[f][i] != nullptr) ciphers_[f][i].reset(EVP_CIPHER_fetch(nullptr, kNames[f][i], nullptr));
  ERR_clear_error();
}

const EVP_CIPHER* CipherEngine::Find(Encr e, size_t key_size) const {
  if (key_size == 0 || EncrKeySize(e, static_cast<uint16_t>(key_size * 8)) != key_size) return nullptr;
  const size_t i = (key_size - 16) / 8;
  switch (e) {
    case Encr::kAesCbc:
      return ciphers_[kCbc][i].get();
    case Encr::kAesCtr:
      return ciphers_[kCtr][i].get();
    case Encr::kAesGcm8:
    case Encr::kAesGcm12:
    case Encr::kAesGcm16:
      return ciphers_[kGcm][i].get();
    case Encr::kAesCcm8:
    case Encr::kAesCcm12:
    case Encr::kAesCcm16:
      return ciphers_[kCcm][i].get();
    case Encr::kChacha20Poly1305:
      return ciphers_[kChacha][0].get();
    case Encr::k3des:
      return ciphers_[k3DesCbc][0].get();
    default:
      return nullptr;
  }
}

bool CipherEngine::Supports(Encr e, uint16_t key_bits) const { return Find(e, EncrKeySize(e, key_bits)) != nullptr; }

const EVP_CIPHER* CipherEngine::FindPlain(Encr e, BytesView key, BytesView nonce, BytesView data) const {
  if (IsAead(e) || key.size() > 32 || nonce.size() != SaltSize(e) + IvSize(e)) return nullptr;
  if (data.empty() || data.size() > kMaxData) return nullptr;
  const EVP_CIPHER* cipher = Find(e, key.size());
  return cipher != nullptr && data.size() % BlockSize(e) == 0 ? cipher : nullptr;
}

absl::StatusOr<Bytes> CipherEngine::Encrypt(Encr e, BytesView key, BytesView nonce, BytesView plain) const {
  const EVP_CIPHER* cipher = FindPlain(e, key, nonce, plain);
  if (cipher == nullptr) return absl::InvalidArgumentError("encryption: unsupported cipher or sizes");
  Bytes out;
  if (!RunPlain(cipher, key, FirstBlock(e, nonce), plain, true, &out))
    return OpensslError(absl::StatusCode::kInternal, "encryption");
  return out;
}

absl::StatusOr<SecretBytes> CipherEngine::Decrypt(Encr e, BytesView key, BytesView nonce, BytesView data) const {
  const EVP_CIPHER* cipher = FindPlain(e, key, nonce, data);
  if (cipher == nullptr) return absl::InvalidArgumentError("decryption: unsupported cipher or sizes");
  SecretBytes out;
  if (!RunPlain(cipher, key, FirstBlock(e, nonce), data, false, &out))
    return OpensslError(absl::StatusCode::kInternal, "decryption");
  return out;
}

absl::StatusOr<Bytes> CipherEngine::Seal(Encr e, BytesView key, BytesView nonce, BytesView aad,
                                         BytesView plain) const {
  const EVP_CIPHER* cipher = key.size() > 32 ? nullptr : Find(e, key.size());
  if (absl::Status s = CheckAead(cipher, e, nonce, aad, plain); !s.ok()) return s;
  const CipherCtx ctx(EVP_CIPHER_CTX_new());
  const size_t tag_size = IcvSize(e);
  Bytes out(plain.size() + tag_size);
  constexpr uint8_t kNothing = 0;
  int done = 0, last = 0;
  const bool ok =
      ctx != nullptr && Begin(ctx.get(), cipher, e, key, nonce, aad, nullptr, plain.size(), true) &&
      EVP_CipherUpdate(ctx.get(), out.data(), &done, plain.empty() ? &kNothing : plain.data(), Int(plain.size())) == 1 &&
      EVP_CipherFinal_ex(ctx.get(), out.data() + done, &last) == 1 &&
      static_cast<size_t>(done + last) == plain.size() &&
      EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_GET_TAG, Int(tag_size), out.data() + plain.size()) == 1;
  if (!ok) return OpensslError(absl::StatusCode::kInternal, "seal");
  return out;
}

absl::StatusOr<SecretBytes> CipherEngine::Open(Encr e, BytesView key, BytesView nonce, BytesView aad,
                                               BytesView sealed) const {
  const EVP_CIPHER* cipher = key.size() > 32 ? nullptr : Find(e, key.size());
  if (absl::Status s = CheckAead(cipher, e, nonce, aad, sealed); !s.ok()) return s;
  const size_t tag_size = IcvSize(e);
  if (sealed.size() < tag_size) return absl::UnauthenticatedError("shorter than its tag");
  const BytesView data = sealed.first(sealed.size() - tag_size), tag = sealed.last(tag_size);
  const CipherCtx ctx(EVP_CIPHER_CTX_new());
  if (ctx == nullptr || !Begin(ctx.get(), cipher, e, key, nonce, aad, tag.data(), data.size(), false))
    return OpensslError(absl::StatusCode::kInternal, "open");
  SecretBytes out(data.size() + 1);  // never a null pointer
  constexpr uint8_t kNothing = 0;
  int done = 0, last = 0;
  // CCM verifies in the update that decrypts, the others in the final call (which CCM does not need).
  const bool ok =
      EVP_CipherUpdate(ctx.get(), out.data(), &done, data.empty() ? &kNothing : data.data(), Int(data.size())) == 1 &&
      (IsCcm(e) || EVP_CipherFinal_ex(ctx.get(), out.data() + done, &last) == 1);
  ERR_clear_error();
  if (!ok) return absl::UnauthenticatedError("wrong tag");
  out.resize(data.size());
  return out;
}

}  // namespace flexvpn::crypto
