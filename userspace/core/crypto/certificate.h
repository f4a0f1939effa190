// SPDX-License-Identifier: Apache-2.0
// X.509 certificates as IKEv2 uses them (RFC 5280, profile RFC 4945).  Parsing and checking is OpenSSL's work.
#ifndef FLEXVPN_CORE_CRYPTO_CERTIFICATE_H_
#define FLEXVPN_CORE_CRYPTO_CERTIFICATE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/secret.h"
#include "core/crypto/signature.h"
#include "core/net/ip.h"

namespace flexvpn::crypto {

using UnixTime = int64_t;  // seconds since 1970-01-01 UTC; told by the caller, core has no clock

// What a certificate says.  Nothing in it is checked.
struct CertificateInfo {
  Bytes der;
  std::string subject, issuer;  // "cn=hub,o=Example": most specific first, as IOS prints it; control characters escaped
  Bytes subject_der;
  std::string serial;           // hexadecimal digits
  UnixTime not_before = 0, not_after = 0;
  std::vector<std::string> dns, emails;   // subjectAltName
  std::vector<net::IpAddress> addresses;
  std::optional<KeyKind> key;   // none: a kind that IKE cannot use
  uint32_t key_bits = 0;
  std::string signature_algorithm;
  Bytes fingerprint;            // SHA-256 of `der`
  Bytes key_id;                 // SHA-1 of SubjectPublicKeyInfo, as in CERTREQ (RFC 7296 §3.7)
  bool ca = false;
  friend bool operator==(const CertificateInfo&, const CertificateInfo&) = default;
};
// "RSA 2048", "ECDSA P-256", "Ed25519".
std::string KeyName(const CertificateInfo& certificate);

// One DER certificate.  Error: kInvalidArgument.
absl::StatusOr<CertificateInfo> ParseCertificate(BytesView der);
// The certificates of a DER CertificateBundle (RFC 7296 §3.6), each as it is there; CRLs in it are left out.  Error
// kInvalidArgument: malformed, or more than `most`.
absl::StatusOr<std::vector<Bytes>> ParseCertificateBundle(BytesView der, size_t most);
// A DER Name as text; hexadecimal if it is none.
std::string DistinguishedNameText(BytesView der);

// --- files: PEM (several objects, other text ignored) or one DER object; errors tell what was expected ------------
absl::StatusOr<std::vector<CertificateInfo>> ParseCertificates(BytesView file);
// PKCS#8 or traditional; encrypted if `password` is given.
absl::StatusOr<std::shared_ptr<const SigningKey>> ParseSigningKey(BytesView file, BytesView password);
struct Pkcs12 {
  std::vector<CertificateInfo> certificates;  // that of `key` first
  std::shared_ptr<const SigningKey> key;      // may be missing
};
absl::StatusOr<Pkcs12> ParsePkcs12(BytesView file, BytesView password);
// DER of each CRL.
absl::StatusOr<std::vector<Bytes>> ParseCrls(BytesView file);

// --- what authentication needs -------------------------------------------------------------------------------------
// Our certificate with its key.
struct Credential {
  std::vector<CertificateInfo> chain;  // own first, then intermediates
  std::shared_ptr<const SigningKey> key;
  // Key ids of the CAs a peer may ask for to get this one (CERTREQ): intermediates and trust anchors.
  std::vector<Bytes> authorities;
};
// Error kInvalidArgument: the key does not belong to the first certificate.
absl::Status CheckKeyPair(const CertificateInfo& certificate, const SigningKey& key);

// How to learn whether a certificate is revoked, from the one place to the next if the one cannot say.
enum class RevocationMethod : uint8_t {
  kCrl,   // a current list of its issuer: from a file, or from the distribution point it names (RFC 5280 §4.2.1.13)
  kOcsp,  // its responder (RFC 6960)
  kNone,  // accepted
};
struct RevocationPolicy {
  std::vector<RevocationMethod> methods;  // in order; empty: nobody asks
  std::string ocsp_url;                   // instead of the one in the certificate; empty: that one
  friend bool operator==(const RevocationPolicy&, const RevocationPolicy&) = default;
};
// CAs whose certificates are believed, with their CRLs; opaque, shared by all jobs.
class TrustStore {
 public:
  virtual ~TrustStore() = default;
  virtual const std::vector<Bytes>& authorities() const = 0;  // key ids, for CERTREQ
  virtual bool asks_for_revocation() const = 0;               // by a method other than `none`
};
absl::StatusOr<std::shared_ptr<const TrustStore>> MakeTrustStore(const std::vector<CertificateInfo>& authorities,
                                                                 const std::vector<Bytes>& crls,
                                                                 const RevocationPolicy& revocation);

// The identity a peer claims in its ID payload, and has to prove by its certificate (RFC 4945 §3.1).
struct ClaimedIdentity {
  enum class Kind : uint8_t { kDns, kEmail, kAddress, kDn } kind{};
  Bytes value;  // as in the ID payload
};

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_CERTIFICATE_H_
