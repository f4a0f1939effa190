// SPDX-License-Identifier: Apache-2.0
// PEM, DER and PKCS#12 as found in files.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>

#include "core/crypto/certificate.h"
#include "core/crypto/openssl/signature.h"
#include "core/crypto/openssl/x509.h"

namespace flexvpn::crypto {
namespace {

using Pkcs12Bag = std::unique_ptr<PKCS12, Freer<PKCS12_free>>;

Bio Reader(BytesView file) { return Bio(BIO_new_mem_buf(file.data(), static_cast<int>(file.size()))); }

// The end of PEM objects of one kind is an error to OpenSSL.
bool AtEnd() {
  const bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return end;
}

int Password(char* buffer, int size, int, void* data) {
  const auto& password = *static_cast<const BytesView*>(data);
  if (password.empty() || password.size() > static_cast<size_t>(size)) return -1;
  memcpy(buffer, password.data(), password.size());
  return static_cast<int>(password.size());
}

absl::StatusOr<std::shared_ptr<const SigningKey>> Wrap(Pkey key) {
  const auto kind = KindOf(key.get());
  if (!kind)
    return absl::InvalidArgumentError(
        "a key of a kind that IKE cannot use (wanted: RSA, ECDSA P-256/384/521, Ed25519, Ed448)");
  return std::make_shared<const OpensslSigningKey>(*kind, std::move(key));
}

}  // namespace

absl::StatusOr<std::vector<CertificateInfo>> ParseCertificates(BytesView file) {
  std::vector<CertificateInfo> out;
  if (const Cert der = DecodeCertificate(file); der != nullptr) {
    out.push_back(Describe(der.get()));
    return out;
  }
  const Bio bio = Reader(file);
  while (const Cert c = Cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)))
    out.push_back(Describe(c.get()));
  if (!AtEnd()) return absl::InvalidArgumentError("a damaged certificate");
  if (out.empty()) return absl::InvalidArgumentError("no certificate in it (PEM or DER expected)");
  return out;
}

absl::StatusOr<std::shared_ptr<const SigningKey>> ParseSigningKey(BytesView file, BytesView password) {
  const Bio bio = Reader(file);
  Pkey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, Password, &password));
  if (key == nullptr) {
    const unsigned long error = ERR_peek_last_error();
    const bool no_pem = ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (!no_pem)
      return absl::InvalidArgumentError(
          password.empty() ? "the private key is damaged, or encrypted and no password is configured"
                           : "the private key is damaged, or the password is wrong");
    const uint8_t* p = file.data();
    key.reset(d2i_AutoPrivateKey(nullptr, &p, static_cast<long>(file.size())));
    ERR_clear_error();
    if (key == nullptr) return absl::InvalidArgumentError("no private key in it (PEM or DER expected)");
  }
  return Wrap(std::move(key));
}

absl::StatusOr<Pkcs12> ParsePkcs12(BytesView file, BytesView password) {
  const uint8_t* p = file.data();
  const Pkcs12Bag bag(d2i_PKCS12(nullptr, &p, static_cast<long>(file.size())));
  if (bag == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError("no PKCS#12 file");
  }
  SecretBytes text = ToSecret(password);
  text.push_back(0);
  EVP_PKEY* raw_key = nullptr;
  X509* raw_own = nullptr;
  STACK_OF(X509)* raw_others = nullptr;
  const int done =
      PKCS12_parse(bag.get(), reinterpret_cast<const char*>(text.data()), &raw_key, &raw_own, &raw_others);
  Pkey key(raw_key);
  const Cert own(raw_own);
  const Certs others(raw_others);
  if (done != 1) {
    const bool legacy = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_UNSUPPORTED;
    ERR_clear_error();
    return absl::InvalidArgumentError(
        legacy
            ? "encrypted with an algorithm this OpenSSL does not have (RC2?); write it anew without -legacy"
            : "wrong password, or damaged");
  }
  Pkcs12 out;
  if (own != nullptr) out.certificates.push_back(Describe(own.get()));
  for (int i = 0; others != nullptr && i < sk_X509_num(others.get()); ++i)
    out.certificates.push_back(Describe(sk_X509_value(others.get(), i)));
  if (key != nullptr) {
    auto wrapped = Wrap(std::move(key));
    if (!wrapped.ok()) return wrapped.status();
    out.key = *std::move(wrapped);
  }
  ERR_clear_error();
  return out;
}

absl::StatusOr<std::vector<Bytes>> ParseCrls(BytesView file) {
  std::vector<Bytes> out;
  auto add = [&](X509_CRL* crl) {
    uint8_t* der = nullptr;
    const int size = i2d_X509_CRL(crl, &der);
    if (size > 0) out.emplace_back(der, der + size);
    OPENSSL_free(der);
  };
  if (const Crl crl = DecodeCrl(file); crl != nullptr) {
    add(crl.get());
    return out;
  }
  const Bio bio = Reader(file);
  while (const Crl crl = Crl(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr))) add(crl.get());
  if (!AtEnd()) return absl::InvalidArgumentError("a damaged CRL");
  if (out.empty()) return absl::InvalidArgumentError("no CRL in it (PEM or DER expected)");
  return out;
}

absl::Status CheckKeyPair(const CertificateInfo& certificate, const SigningKey& key) {
  const auto* own = dynamic_cast<const OpensslSigningKey*>(&key);
  const Cert decoded = DecodeCertificate(certificate.der);
  if (own == nullptr || decoded == nullptr) return absl::InternalError("not OpenSSL's");
  const int match = X509_check_private_key(decoded.get(), own->pkey.get());
  ERR_clear_error();
  if (match == 1) return absl::OkStatus();
  return absl::InvalidArgumentError("the private key does not belong to the certificate");
}

}  // namespace flexvpn::crypto
