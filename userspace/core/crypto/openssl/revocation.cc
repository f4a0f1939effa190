// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl/revocation.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace flexvpn::crypto {
namespace {

using Kind = RevocationVerdict::Kind;

std::string Which(int index, const CertificateInfo& c) {
  return index == 0 ? absl::StrCat("its certificate ", c.subject)
                    : absl::StrCat("the certificate ", c.subject);
}

// By one method after the other; `needed` gets what the first that may tell lacks.
absl::Status CheckOne(const RevocationCheck& check, int index, std::vector<RevocationFetch>& needed) {
  std::string tried;
  for (RevocationMethod method : check.policy.methods) {
    if (method == RevocationMethod::kNone) return absl::OkStatus();
    RevocationVerdict verdict =
        method == RevocationMethod::kCrl ? AskCrl(check, index) : AskOcsp(check, index);
    switch (verdict.kind) {
      case Kind::kGood:
        return absl::OkStatus();
      case Kind::kPending:
        needed.push_back(std::move(verdict.needed));
        return absl::OkStatus();
      case Kind::kRevoked: {
        const CertificateInfo c = Describe(sk_X509_value(check.chain, index));
        return absl::UnauthenticatedError(absl::StrCat(Which(index, c), " (serial ", c.serial,
                                                       ") is revoked (",
                                                       method == RevocationMethod::kCrl ? "CRL)" : "OCSP)"));
      }
      case Kind::kUnknown:
        absl::StrAppend(&tried, tried.empty() ? "" : "; ", verdict.why);
    }
  }
  const CertificateInfo c = Describe(sk_X509_value(check.chain, index));
  return absl::UnauthenticatedError(
      absl::StrCat("nobody can tell whether ", Which(index, c), " is revoked (revocation-check): ", tried));
}

}  // namespace

absl::StatusOr<std::vector<RevocationFetch>> CheckRevocation(const RevocationCheck& check) {
  std::vector<RevocationFetch> needed;
  // The last is believed because it is configured.  One that is configured and the peer's own at once is
  // asked about.
  const int count = std::max(1, sk_X509_num(check.chain) - 1);
  for (int i = 0; i < count; ++i) RETURN_IF_ERROR(CheckOne(check, i, needed));
  return needed;
}

absl::StatusOr<RevocationRecord> CheckAnswer(const CheckRevocationAnswer& job) {
  return job.fetch.method == RevocationMethod::kCrl ? CheckCrlAnswer(job) : CheckOcspAnswer(job);
}

X509* IssuerOf(const RevocationCheck& check, int index) {
  if (index + 1 < sk_X509_num(check.chain)) return sk_X509_value(check.chain, index + 1);
  X509* own = sk_X509_value(check.chain, index);
  return X509_check_issued(own, own) == X509_V_OK ? own : nullptr;
}

RevocationFetch MakeFetch(RevocationMethod method, net::FetchRequest request, X509* certificate,
                          X509* issuer) {
  RevocationFetch fetch;
  fetch.method = method;
  const CertificateInfo above = Describe(issuer);
  fetch.key = absl::StrCat(method == RevocationMethod::kCrl ? "crl " : "ocsp ", request.url, " ",
                           ToString(above.fingerprint), ToString(request.body));
  fetch.request = std::move(request);
  fetch.certificate = Describe(certificate).der;
  fetch.issuer = above.der;
  return fetch;
}

const KnownRevocation* FindKnown(const RevocationCheck& check, RevocationFetch fetch, RevocationVerdict& verdict) {
  if (check.known != nullptr) {
    const auto it =
        std::lower_bound(check.known->begin(), check.known->end(), fetch.key,
                         [](const auto& known, const std::string& key) { return known->key < key; });
    if (it != check.known->end() && (*it)->key == fetch.key) return it->get();
  }
  if (check.may_fetch) {
    verdict.kind = Kind::kPending;
    verdict.needed = std::move(fetch);
  }
  return nullptr;
}

bool IsWeakSignature(int nid) {
  int digest = NID_undef, key = NID_undef;
  if (OBJ_find_sigid_algs(nid, &digest, &key) != 1) return true;
  return digest == NID_md5 || digest == NID_sha1 || digest == NID_md5_sha1;
}

UnixTime EndOf(UnixTime from, UnixTime until) { return until != 0 ? until : from + kUndatedLifetime; }

absl::Status CheckDates(UnixTime from, UnixTime until, UnixTime at, absl::string_view what) {
  if (from > at + kClockSkew)
    return absl::FailedPreconditionError(absl::StrCat(what, " is not valid before ", DateText(from)));
  const UnixTime end = EndOf(from, until);
  if (end + kClockSkew < at)
    return absl::FailedPreconditionError(absl::StrCat(what, " is outdated since ", DateText(end)));
  return absl::OkStatus();
}

}  // namespace flexvpn::crypto
