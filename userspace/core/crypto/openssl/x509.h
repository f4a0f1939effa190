// SPDX-License-Identifier: Apache-2.0
// Reading certificates, names and CRLs.
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_X509_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_X509_H_

#include <openssl/x509.h>

#include "absl/status/statusor.h"
#include "core/crypto/certificate.h"
#include "core/crypto/openssl/handles.h"

namespace flexvpn::crypto {

using Cert = std::unique_ptr<X509, Freer<X509_free>>;
using Crl = std::unique_ptr<X509_CRL, Freer<X509_CRL_free>>;
using Name = std::unique_ptr<X509_NAME, Freer<X509_NAME_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;

struct FreeCerts {
  void operator()(STACK_OF(X509) * s) const { sk_X509_pop_free(s, X509_free); }
};
using Certs = std::unique_ptr<STACK_OF(X509), FreeCerts>;

// Each takes one DER object and nothing behind it; nullptr otherwise.
Cert DecodeCertificate(BytesView der);
Crl DecodeCrl(BytesView der);
Name DecodeName(BytesView der);

CertificateInfo Describe(X509* certificate);
std::string NameText(const X509_NAME* name);
UnixTime ToUnix(const ASN1_TIME* t);  // also of ASN1_GENERALIZEDTIME; 0 if malformed
std::string DateText(UnixTime t);  // "2026-11-25 22:57:40 UTC"

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_X509_H_
