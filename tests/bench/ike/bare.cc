// SPDX-License-Identifier: Apache-2.0
// ike_bench bare: what one handshake costs a responder in OpenSSL alone, everything fetched and allocated
// before: ephemeral key with its public value, the peer's public value read and checked (RFC 6989), shared
// secret, and the symmetric work of a PSK handshake (14 HMAC-SHA-256: SKEYSEED, 5 of prf+, 2 for the Child SA, 3
// for each AUTH; one AES-128-GCM open and seal; 4 SHA-1 for NAT detection; 48 random octets).  With certificates AUTH
// is 1 HMAC each, and there are: the peer's certificate decoded, its signature checked with the CA's key, the signature
// of the peer's AUTH checked, ours made.
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <limits>
#include <vector>

#include "bench/ike/commands.h"
#include "bench/ike/host.h"
#include "nlohmann/json.hpp"

namespace flexvpn::bench {
namespace {

void Must(bool ok) {
  if (!ok) Die("OpenSSL failed");
}

double CpuNow() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

// ms of CPU a call: the best of five batches.
template <class F>
double Best(int calls, F f) {
  double best = std::numeric_limits<double>::max();
  for (int batch = 0; batch < 5; ++batch) {
    const double start = CpuNow();
    for (int i = 0; i < calls; ++i) f();
    best = std::min(best, (CpuNow() - start) / calls);
  }
  return best;
}

class KeyExchange {
 public:
  explicit KeyExchange(const std::string& suite) : modp_(suite == "modp2048") {
    if (suite != "x25519") {
      OSSL_PARAM params[] = {
          OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                           const_cast<char*>(modp_ ? "modp_2048" : "prime256v1"), 0),
          OSSL_PARAM_construct_end()};
      EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new_from_name(nullptr, modp_ ? "DH" : "EC", nullptr);
      Must(EVP_PKEY_fromdata_init(ctx) == 1 &&
           EVP_PKEY_fromdata(ctx, &group_, EVP_PKEY_KEY_PARAMETERS, params) == 1);
      EVP_PKEY_CTX_free(ctx);
    }
    peer_ = Generate();
    peer_public_ = PublicValue(peer_);
  }

  EVP_PKEY* Generate() {
    EVP_PKEY_CTX* ctx = group_ != nullptr ? EVP_PKEY_CTX_new_from_pkey(nullptr, group_, nullptr)
                                          : EVP_PKEY_CTX_new_from_name(nullptr, "X25519", nullptr);
    EVP_PKEY* key = nullptr;
    Must(EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_keygen(ctx, &key) == 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
  }

  static std::vector<uint8_t> PublicValue(EVP_PKEY* key) {
    std::vector<uint8_t> value(512);
    size_t size = 0;
    Must(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, value.data(), value.size(), &size) ==
         1);
    value.resize(size);
    return value;
  }

  void Exchange() {
    EVP_PKEY* own = Generate();
    PublicValue(own);
    Must(EVP_PKEY_set1_encoded_public_key(peer_, peer_public_.data(), peer_public_.size()) == 1);
    EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new_from_pkey(nullptr, own, nullptr);
    std::array<uint8_t, 512> secret;
    size_t size = secret.size();
    Must(EVP_PKEY_derive_init(ctx) == 1 && (!modp_ || EVP_PKEY_CTX_set_dh_pad(ctx, 1) == 1) &&
         EVP_PKEY_derive_set_peer_ex(ctx, peer_, 0) == 1 && EVP_PKEY_derive(ctx, secret.data(), &size) == 1);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(own);
  }

 private:
  bool modp_;
  EVP_PKEY* group_ = nullptr;
  EVP_PKEY* peer_ = nullptr;
  std::vector<uint8_t> peer_public_;
};

class Symmetric {
 public:
  Symmetric() {
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>("SHA256"), 0),
        OSSL_PARAM_construct_end()};
    mac_ = EVP_MAC_CTX_new(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    Must(EVP_MAC_CTX_set_params(mac_, params) == 1);
  }

  void Handshake(int hmacs) {
    std::array<uint8_t, 256> data{};
    for (int i = 0; i < hmacs; ++i) Hmac(BytesView(data).first(100), data.data());
    for (int i = 0; i < 2; ++i) Gcm(data, i == 0);
    for (int i = 0; i < 4; ++i) {
      Must(EVP_DigestInit_ex2(hash_, sha1_, nullptr) == 1 && EVP_DigestUpdate(hash_, data.data(), 22) == 1 &&
           EVP_DigestFinal_ex(hash_, data.data(), nullptr) == 1);
    }
    Must(RAND_bytes(data.data(), 32) == 1 && RAND_bytes(data.data(), 8) == 1 &&
         RAND_bytes(data.data(), 8) == 1);
  }

 private:
  void Hmac(BytesView data, uint8_t* out) {
    static constexpr uint8_t kKey[32] = {1};
    size_t size = 0;
    Must(EVP_MAC_init(mac_, kKey, sizeof kKey, nullptr) == 1 &&
         EVP_MAC_update(mac_, data.data(), data.size()) == 1 && EVP_MAC_final(mac_, out, &size, 32) == 1);
  }

  void Gcm(std::array<uint8_t, 256>& data, bool encrypt) {
    static constexpr uint8_t kKey[16] = {1}, kNonce[12] = {2};
    uint8_t tag[16] = {};
    int n = 0;
    Must(EVP_CipherInit_ex2(cipher_, gcm_, kKey, kNonce, encrypt, nullptr) == 1 &&
         EVP_CipherUpdate(cipher_, nullptr, &n, data.data(), 32) == 1 &&
         EVP_CipherUpdate(cipher_, data.data(), &n, data.data(), 220) == 1);
    if (encrypt)
      Must(EVP_CipherFinal_ex(cipher_, data.data(), &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher_, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
    else
      Must(EVP_CIPHER_CTX_ctrl(cipher_, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1);
    if (!encrypt) EVP_CipherFinal_ex(cipher_, data.data(), &n);  // the tag is wrong: as dear as a right one
  }

  EVP_MAC_CTX* mac_ = nullptr;
  EVP_MD* sha1_ = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  EVP_MD_CTX* hash_ = EVP_MD_CTX_new();
  EVP_CIPHER* gcm_ = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  EVP_CIPHER_CTX* cipher_ = EVP_CIPHER_CTX_new();
};

// What ECDSA certificates add.
class Signatures {
 public:
  explicit Signatures(const std::string& pki)
      : ca_key_(X509_get_pubkey(ReadCertificate(pki + "/ca.pem"))),
        key_(ReadKey(pki + "/hub.key")),
        peer_key_(ReadKey(pki + "/spoke.key")) {
    X509* peer = ReadCertificate(pki + "/spoke.pem");
    unsigned char* der = nullptr;
    const int size = i2d_X509(peer, &der);
    Must(size > 0);
    peer_der_.assign(der, der + size);
    OPENSSL_free(der);
    X509_free(peer);
    peer_signature_ = Sign(peer_key_);
  }

  void Handshake() {
    const unsigned char* der = peer_der_.data();
    X509* peer = d2i_X509(nullptr, &der, static_cast<long>(peer_der_.size()));
    Must(peer != nullptr && X509_verify(peer, ca_key_) == 1);
    EVP_MD_CTX* ctx = EVP_MD_CTX_new();
    Must(EVP_DigestVerifyInit_ex(ctx, nullptr, "SHA256", nullptr, nullptr, X509_get0_pubkey(peer), nullptr) == 1 &&
         EVP_DigestVerify(ctx, peer_signature_.data(), peer_signature_.size(), kSigned.data(), kSigned.size()) == 1);
    EVP_MD_CTX_free(ctx);
    X509_free(peer);
    Sign(key_);
  }

 private:
  static constexpr std::array<uint8_t, 350> kSigned{};  // about an IKE_SA_INIT, a nonce and an HMAC

  static X509* ReadCertificate(const std::string& path) {
    const Bytes pem = ReadFile(path);
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    Must(certificate != nullptr);
    BIO_free(bio);
    return certificate;
  }
  static EVP_PKEY* ReadKey(const std::string& path) {
    const Bytes pem = ReadFile(path);
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    Must(key != nullptr);
    BIO_free(bio);
    return key;
  }
  static std::vector<uint8_t> Sign(EVP_PKEY* key) {
    std::vector<uint8_t> value(128);
    size_t size = value.size();
    EVP_MD_CTX* ctx = EVP_MD_CTX_new();
    Must(EVP_DigestSignInit_ex(ctx, nullptr, "SHA256", nullptr, nullptr, key, nullptr) == 1 &&
         EVP_DigestSign(ctx, value.data(), &size, kSigned.data(), kSigned.size()) == 1);
    EVP_MD_CTX_free(ctx);
    value.resize(size);
    return value;
  }

  EVP_PKEY* ca_key_;
  EVP_PKEY* key_;
  EVP_PKEY* peer_key_;
  std::vector<uint8_t> peer_der_, peer_signature_;
};

constexpr int kHmacsPsk = 14, kHmacsSignature = 10;

}  // namespace

int RunBare(const Options& o) {
  KeyExchange exchange(o.suite);
  Symmetric symmetric;
  const int hmacs = o.pki.empty() ? kHmacsPsk : kHmacsSignature;
  double signature_ms = 0;
  if (!o.pki.empty()) {
    Signatures signatures(o.pki);
    signature_ms = Best(o.count, [&] { signatures.Handshake(); });
  }
  const double asymmetric_ms = Best(o.count, [&] { exchange.Exchange(); });
  const double symmetric_ms = Best(o.count * 4, [&] { symmetric.Handshake(hmacs); });
  std::cout << nlohmann::json{{"key_exchange_ms", asymmetric_ms},
                              {"symmetric_ms", symmetric_ms},
                              {"signatures_ms", signature_ms},
                              {"total_ms", asymmetric_ms + symmetric_ms + signature_ms}}
            << std::endl;
  return 0;
}

}  // namespace flexvpn::bench
