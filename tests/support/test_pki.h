// SPDX-License-Identifier: Apache-2.0
// A certification authority for tests: keys, certificates and CRLs made on the spot, with any fault one may
// want.
#ifndef FLEXVPN_TESTS_SUPPORT_TEST_PKI_H_
#define FLEXVPN_TESTS_SUPPORT_TEST_PKI_H_

#include <openssl/ec.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/crypto/certificate.h"
#include "core/crypto/openssl/signature.h"
#include "core/crypto/openssl/x509.h"

namespace flexvpn::crypto::test {

inline constexpr UnixTime kNow = 1'790'000'000;  // 2026-09-21
inline constexpr UnixTime kDay = 86400;

struct CertSpec {
  std::string cn{};
  std::string san{};  // OpenSSL's syntax: "DNS:hub.example.net,IP:192.0.2.1"
  KeyKind key = KeyKind::kEcdsa256;
  UnixTime from = kNow - 30 * kDay, to = kNow + 30 * kDay;
  bool ca = false;
  std::string basic_constraints{};  // instead of what `ca` says
  std::string key_usage{}, extended_key_usage{}, name_constraints{};
  int key_number = 0;  // another key of the same kind
  const char* digest = "SHA256";
  std::string crl_url{}, ocsp_url{};  // where its issuer says whether it is revoked
  bool unknown_critical = false;      // an extension nobody knows
};

inline Pkey RsaPssKey(unsigned bits) {
  const PkeyCtx ctx(EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr));
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_keygen_init(ctx.get()) == 1 &&
      EVP_PKEY_CTX_set_rsa_keygen_bits(ctx.get(), static_cast<int>(bits)) == 1)
    EVP_PKEY_keygen(ctx.get(), &key);
  return Pkey(key);
}

inline EVP_PKEY* TestKey(KeyKind kind, int number = 0, unsigned rsa_bits = 2048) {
  static auto* keys = new std::map<std::tuple<KeyKind, int, unsigned>, Pkey>();  // RSA keys are slow to make
  Pkey& key = (*keys)[{kind, number, rsa_bits}];
  if (key != nullptr) return key.get();
  switch (kind) {
    case KeyKind::kRsa:
      key.reset(EVP_RSA_gen(rsa_bits));
      break;
    case KeyKind::kRsaPss:
      key = RsaPssKey(rsa_bits);
      break;
    case KeyKind::kEcdsa256:
      key.reset(EVP_EC_gen("P-256"));
      break;
    case KeyKind::kEcdsa384:
      key.reset(EVP_EC_gen("P-384"));
      break;
    case KeyKind::kEcdsa521:
      key.reset(EVP_EC_gen("P-521"));
      break;
    case KeyKind::kEd25519:
      key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
      break;
    case KeyKind::kEd448:
      key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448"));
      break;
  }
  return key.get();
}

class TestCert {
 public:
  // Self-signed without `issuer`.
  explicit TestCert(const CertSpec& spec, const TestCert* issuer = nullptr)
      : key_(TestKey(spec.key, spec.key_number)), kind_(spec.key), cert_(X509_new()) {
    static long serial = 0x1000;
    X509* x = cert_.get();
    X509_set_version(x, X509_VERSION_3);
    serial_ = ++serial;
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial_);
    ASN1_TIME_set(X509_getm_notBefore(x), static_cast<time_t>(spec.from));
    ASN1_TIME_set(X509_getm_notAfter(x), static_cast<time_t>(spec.to));
    X509_NAME* name = X509_get_subject_name(x);
    AddName(name, "O", "Example");
    if (!spec.cn.empty()) AddName(name, "CN", spec.cn);
    X509_set_issuer_name(x, issuer != nullptr ? X509_get_subject_name(issuer->cert_.get()) : name);
    X509_set_pubkey(x, key_);
    X509* signer = issuer != nullptr ? issuer->cert_.get() : x;
    Extend(signer, NID_basic_constraints,
           !spec.basic_constraints.empty() ? spec.basic_constraints
           : spec.ca                       ? "critical,CA:TRUE"
                                           : "");
    Extend(signer, NID_key_usage,
           !spec.key_usage.empty() ? spec.key_usage
           : spec.ca               ? "critical,keyCertSign,cRLSign"
                                   : "");
    Extend(signer, NID_ext_key_usage, spec.extended_key_usage);
    Extend(signer, NID_subject_alt_name, spec.san);
    Extend(signer, NID_name_constraints, spec.name_constraints);
    if (spec.unknown_critical) AddUnknown();
    if (!spec.crl_url.empty()) Extend(signer, NID_crl_distribution_points, "URI:" + spec.crl_url);
    if (!spec.ocsp_url.empty()) Extend(signer, NID_info_access, "OCSP;URI:" + spec.ocsp_url);
    Sign(issuer, spec.digest);
  }

  X509* get() const { return cert_.get(); }
  CertificateInfo info() const { return Describe(cert_.get()); }
  Bytes der() const { return info().der; }
  Bytes subject() const { return info().subject_der; }
  std::shared_ptr<const SigningKey> key() const {
    EVP_PKEY_up_ref(key_);
    return std::make_shared<const OpensslSigningKey>(kind_, Pkey(key_));
  }
  std::string pem() const {
    return Text([&](BIO* b) { PEM_write_bio_X509(b, cert_.get()); });
  }
  std::string key_pem(const char* password = nullptr) const {
    return Text([&](BIO* b) {
      PEM_write_bio_PKCS8PrivateKey(b, key_, password != nullptr ? EVP_aes_128_cbc() : nullptr, password,
                                    password != nullptr ? static_cast<int>(std::string(password).size()) : 0,
                                    nullptr, nullptr);
    });
  }
  Bytes pkcs12(const char* password, const TestCert* ca = nullptr) const {
    STACK_OF(X509)* others = sk_X509_new_null();
    if (ca != nullptr) sk_X509_push(others, ca->cert_.get());
    PKCS12* bag = PKCS12_create(password, "test", key_, cert_.get(), others, 0, 0, 0, 0, 0);
    sk_X509_free(others);
    uint8_t* der = nullptr;
    const int size = i2d_PKCS12(bag, &der);
    PKCS12_free(bag);
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
  }
  // A CRL of this CA.
  Bytes crl(const std::vector<const TestCert*>& revoked, UnixTime from = kNow - kDay,
            UnixTime to = kNow + kDay) const {
    const Crl list(X509_CRL_new());
    X509_CRL_set_version(list.get(), 1);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(cert_.get()));
    ASN1_TIME* t = ASN1_TIME_new();
    X509_CRL_set1_lastUpdate(list.get(), ASN1_TIME_set(t, static_cast<time_t>(from)));
    for (const TestCert* c : revoked) {
      X509_REVOKED* entry = X509_REVOKED_new();
      ASN1_INTEGER* number = ASN1_INTEGER_new();
      ASN1_INTEGER_set(number, c->serial_);
      X509_REVOKED_set_serialNumber(entry, number);
      X509_REVOKED_set_revocationDate(entry, t);
      ASN1_INTEGER_free(number);
      X509_CRL_add0_revoked(list.get(), entry);
    }
    X509_CRL_set1_nextUpdate(list.get(), ASN1_TIME_set(t, static_cast<time_t>(to)));
    ASN1_TIME_free(t);
    X509_CRL_sign(list.get(), key_, IsEdDsa(kind_) ? nullptr : EVP_sha256());
    uint8_t* der = nullptr;
    const int size = i2d_X509_CRL(list.get(), &der);
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
  }

  // An OCSP answer about `about`, a certificate of `issuer`, by this one, which is put into it.
  struct OcspSpec {
    int status = V_OCSP_CERTSTATUS_GOOD;
    UnixTime from = kNow - kDay, to = kNow + kDay;  // to: 0 = does not say
    const char* digest = "SHA256";
  };
  Bytes ocsp(const TestCert& about, const TestCert& issuer, const OcspSpec& spec) const {
    OCSP_BASICRESP* basic = OCSP_BASICRESP_new();
    OCSP_CERTID* id = OCSP_cert_to_id(EVP_sha1(), about.get(), issuer.get());
    ASN1_TIME* from = ASN1_GENERALIZEDTIME_set(nullptr, static_cast<time_t>(spec.from));
    ASN1_TIME* to = spec.to == 0 ? nullptr : ASN1_GENERALIZEDTIME_set(nullptr, static_cast<time_t>(spec.to));
    const bool revoked = spec.status == V_OCSP_CERTSTATUS_REVOKED;
    OCSP_basic_add1_status(basic, id, spec.status, OCSP_REVOKED_STATUS_KEYCOMPROMISE, revoked ? from : nullptr,
                           from, to);
    OCSP_basic_sign(basic, cert_.get(), key_, IsEdDsa(kind_) ? nullptr : EVP_get_digestbyname(spec.digest), nullptr, 0);
    OCSP_RESPONSE* response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    uint8_t* der = nullptr;
    const int size = i2d_OCSP_RESPONSE(response, &der);
    Bytes out(der, der + size);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    return out;
  }
  Bytes ocsp(const TestCert& about) const { return ocsp(about, *this, {}); }

 private:
  static void AddName(X509_NAME* name, const char* field, const std::string& value) {
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const uint8_t*>(value.data()),
                               static_cast<int>(value.size()), -1, 0);
  }
  void Extend(X509* issuer, int nid, const std::string& value) {
    if (value.empty()) return;
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert_.get(), nullptr, nullptr, 0);
    X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, &ctx, nid, value.c_str());
    if (e == nullptr) abort();  // the test's own mistake
    X509_add_ext(cert_.get(), e, -1);
    X509_EXTENSION_free(e);
  }
  void AddUnknown() {
    ASN1_OBJECT* oid = OBJ_txt2obj("1.3.6.1.4.1.32473.1", 1);  // of examples (RFC 5612)
    ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
    X509_EXTENSION* e = X509_EXTENSION_create_by_OBJ(nullptr, oid, 1, value);
    X509_add_ext(cert_.get(), e, -1);
    X509_EXTENSION_free(e);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
  }
  void Sign(const TestCert* issuer, const char* digest) {
    const TestCert& signer = issuer != nullptr ? *issuer : *this;
    if (X509_sign(cert_.get(), signer.key_, IsEdDsa(signer.kind_) ? nullptr : EVP_get_digestbyname(digest)) ==
        0)
      abort();
  }
  template <class F>
  static std::string Text(F write) {
    const Bio bio(BIO_new(BIO_s_mem()));
    write(bio.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return std::string(data, static_cast<size_t>(size));
  }

  EVP_PKEY* key_;
  KeyKind kind_;
  Cert cert_;
  long serial_ = 0;
};

// One DER object of fewer than 64 KiB.
inline Bytes Der(uint8_t tag, const Bytes& contents) {
  Bytes out = {tag};
  if (contents.size() > 127) out.push_back(contents.size() > 255 ? 0x82 : 0x81);
  if (contents.size() > 255) out.push_back(static_cast<uint8_t>(contents.size() >> 8));
  out.push_back(static_cast<uint8_t>(contents.size()));
  out.insert(out.end(), contents.begin(), contents.end());
  return out;
}
// CertificateBundle (RFC 7296 §3.6): certificates and CRLs with their tags, [0] and [1].
inline Bytes Bundle(const std::vector<std::pair<uint8_t, Bytes>>& items) {
  Bytes all;
  for (const auto& [number, der] : items) {
    const Bytes one = Der(static_cast<uint8_t>(0xa0 | number), der);
    all.insert(all.end(), one.begin(), one.end());
  }
  return Der(0x30, all);
}

inline RevocationPolicy ByCrl() { return {{RevocationMethod::kCrl}, ""}; }
inline RevocationPolicy ByCrlIfAny() { return {{RevocationMethod::kCrl, RevocationMethod::kNone}, ""}; }

inline std::shared_ptr<const TrustStore> Trust(const std::vector<const TestCert*>& cas,
                                               const std::vector<Bytes>& crls = {},
                                               const RevocationPolicy& revocation = {}) {
  std::vector<CertificateInfo> list;
  for (const TestCert* c : cas) list.push_back(c->info());
  return *MakeTrustStore(list, crls, revocation);
}
inline std::shared_ptr<const Credential> Own(const TestCert& cert,
                                             const std::vector<const TestCert*>& above = {}) {
  auto c = std::make_shared<Credential>();
  c->chain.push_back(cert.info());
  for (const TestCert* a : above) {
    if (a->info().subject != a->info().issuer) c->chain.push_back(a->info());
    c->authorities.push_back(a->info().key_id);
  }
  c->key = cert.key();
  return c;
}

}  // namespace flexvpn::crypto::test

#endif  // FLEXVPN_TESTS_SUPPORT_TEST_PKI_H_
