// SPDX-License-Identifier: Apache-2.0
// What is fetched to learn whether a certificate is revoked: CRLs from distribution points (RFC 5280
// §4.2.1.13) and OCSP answers (RFC 6960).
//
// A peer can cause a fetch only by a certificate whose chain leads to a configured CA and whose key signed
// this very exchange; so it is the CA, not the peer, that names the URL.  Nothing is believed, nor kept,
// before its signature and its dates were checked.
#ifndef FLEXVPN_CORE_CRYPTO_REVOCATION_H_
#define FLEXVPN_CORE_CRYPTO_REVOCATION_H_

#include <memory>
#include <string>
#include <vector>

#include "core/crypto/certificate.h"
#include "core/net/fetch.h"

namespace flexvpn::crypto {

inline constexpr size_t kMaxCrlSize = 1 << 20;  // of a fetched one
inline constexpr size_t kMaxOcspSize = 64 << 10;
inline constexpr UnixTime kClockSkew = 300;  // of the clocks of CAs and ours
// An answer that does not say until when it holds is believed for so long after it was made.
inline constexpr UnixTime kUndatedLifetime = 3600;

// One thing to fetch.
struct RevocationFetch {
  RevocationMethod method{};  // kCrl or kOcsp
  net::FetchRequest request;
  Bytes certificate, issuer;  // DER: whose status it is about, and who answers for it
  std::string key;            // the same for fetches that one answer serves
  friend bool operator==(const RevocationFetch&, const RevocationFetch&) = default;
};

// A CRL or the answer of a responder, checked; opaque, shared by all jobs.
class RevocationObject {
 public:
  virtual ~RevocationObject() = default;
};
struct RevocationRecord {
  std::shared_ptr<const RevocationObject> object;
  UnixTime expires = 0;  // nextUpdate: to be fetched anew then
  size_t size = 0;       // octets as fetched
};

// What a fetch brought, earlier or now.
struct KnownRevocation {
  std::string key;
  RevocationRecord record;  // without object: `failure` says why
  std::string failure;
};
// By key, in order; nullptr: nothing.
using RevocationKnowledge = std::shared_ptr<const std::vector<std::shared_ptr<const KnownRevocation>>>;

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_REVOCATION_H_
