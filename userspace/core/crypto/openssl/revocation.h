// SPDX-License-Identifier: Apache-2.0
// Revocation of the certificates of a verified chain, by the methods of its trustpoint.
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_REVOCATION_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_REVOCATION_H_

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/crypto/openssl/x509.h"
#include "core/crypto/provider.h"

namespace flexvpn::crypto {

struct RevocationCheck {
  const RevocationPolicy& policy;
  X509_STORE* store;       // CAs, and CRLs from files
  STACK_OF(X509) * chain;  // verified: the peer's own first, a configured CA last, which nobody asks about
  const RevocationKnowledge& known;
  bool may_fetch;
  UnixTime at;
};
// What has to be fetched before there is a verdict; empty: none is revoked.  Error kUnauthenticated: revoked,
// or no method can tell.
absl::StatusOr<std::vector<RevocationFetch>> CheckRevocation(const RevocationCheck& check);

absl::StatusOr<RevocationRecord> CheckAnswer(const CheckRevocationAnswer& job);

// --- what the two methods share (crl.cc, ocsp.cc)
// ------------------------------------------------------------------
struct RevocationVerdict {
  enum class Kind : uint8_t { kGood, kRevoked, kUnknown, kPending } kind = Kind::kUnknown;
  std::string why;         // kUnknown
  RevocationFetch needed;  // kPending
};
// About the `index`th certificate of the chain.
RevocationVerdict AskCrl(const RevocationCheck& check, int index);
RevocationVerdict AskOcsp(const RevocationCheck& check, int index);
absl::StatusOr<RevocationRecord> CheckCrlAnswer(const CheckRevocationAnswer& job);
absl::StatusOr<RevocationRecord> CheckOcspAnswer(const CheckRevocationAnswer& job);

// The certificate above; nullptr if there is none.
X509* IssuerOf(const RevocationCheck& check, int index);
RevocationFetch MakeFetch(RevocationMethod method, net::FetchRequest request, X509* certificate,
                          X509* issuer);
// Knowledge about `fetch`; nullptr: none, and where it may be fetched `verdict` is kPending on it.
const KnownRevocation* FindKnown(const RevocationCheck& check, RevocationFetch fetch, RevocationVerdict& verdict);
// From this algorithm of a signature nothing is believed (MD5, SHA-1; RFC 8247 §3).
bool IsWeakSignature(int nid);
// Until when what has this thisUpdate and nextUpdate (0: none) holds.
UnixTime EndOf(UnixTime from, UnixTime until);
// thisUpdate and nextUpdate (0: none) at `at`.  Error: not yet or no longer in force.
absl::Status CheckDates(UnixTime from, UnixTime until, UnixTime at, absl::string_view what);

inline constexpr size_t kMaxPlaces = 2;  // distribution points or responders tried for one certificate

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_REVOCATION_H_
