// SPDX-License-Identifier: Apache-2.0
// Certificate revocation lists (RFC 5280 §5, §6.3).  OpenSSL judges whether a list fits a certificate.
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "absl/strings/str_cat.h"
#include "core/crypto/openssl/revocation.h"

namespace flexvpn::crypto {
namespace {

using Kind = RevocationVerdict::Kind;
using StoreCtx = std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;
using Points = std::unique_ptr<CRL_DIST_POINTS, Freer<CRL_DIST_POINTS_free>>;
struct FreeCrls {  // of the stack alone
  void operator()(STACK_OF(X509_CRL) * s) const { sk_X509_CRL_free(s); }
};
using Crls = std::unique_ptr<STACK_OF(X509_CRL), FreeCrls>;

struct CrlObject : RevocationObject {
  Crl crl;
};

struct Findings {
  bool revoked = false, outdated = false;
  int other = X509_V_OK;  // the first thing that makes the list useless
};

int OnError(int ok, X509_STORE_CTX* ctx) {
  if (ok == 1) return 1;
  auto& found = *static_cast<Findings*>(X509_STORE_CTX_get_app_data(ctx));
  const int error = X509_STORE_CTX_get_error(ctx);
  if (error == X509_V_ERR_CERT_REVOKED)
    found.revoked = true;
  else if (error == X509_V_ERR_CRL_HAS_EXPIRED)
    found.outdated = true;
  else if (found.other == X509_V_OK)
    found.other = error;
  X509_STORE_CTX_set_error(ctx, X509_V_OK);
  return 1;
}

// The lists from files, and `fetched` if there is one.
RevocationVerdict Look(const RevocationCheck& check, int index, X509_CRL* fetched) {
  X509* certificate = sk_X509_value(check.chain, index);
  RevocationVerdict verdict;
  const StoreCtx ctx(X509_STORE_CTX_new());
  const Crls crls(sk_X509_CRL_new_null());
  if (ctx == nullptr || crls == nullptr ||
      X509_STORE_CTX_init(ctx.get(), check.store, certificate, check.chain) != 1) {
    verdict.why = "CRL check failed";
    return verdict;
  }
  if (fetched != nullptr) sk_X509_CRL_push(crls.get(), fetched);
  Findings found;
  X509_STORE_CTX_set0_crls(ctx.get(), crls.get());
  X509_STORE_CTX_set_flags(ctx.get(), X509_V_FLAG_CRL_CHECK);  // of the first in the chain
  X509_STORE_CTX_set_time(ctx.get(), 0, static_cast<time_t>(check.at));
  X509_STORE_CTX_set_verify_cb(ctx.get(), OnError);
  X509_STORE_CTX_set_app_data(ctx.get(), &found);
  const bool done = X509_verify_cert(ctx.get()) == 1;
  ERR_clear_error();
  const std::string issuer = NameText(X509_get_issuer_name(certificate));
  if (!done)
    verdict.why = "CRL check failed";
  else if (found.other == X509_V_ERR_UNABLE_TO_GET_CRL)
    verdict.why = absl::StrCat("no CRL of ", issuer);
  else if (found.other != X509_V_OK)
    verdict.why = absl::StrCat("CRL of ", issuer, ": ", X509_verify_cert_error_string(found.other));
  else if (found.revoked)  // for ever: an outdated list says so as well
    verdict.kind = Kind::kRevoked;
  else if (found.outdated)
    verdict.why = absl::StrCat("the CRL of ", issuer, " is outdated");
  else
    verdict.kind = Kind::kGood;
  return verdict;
}

// Where the issuer itself publishes its whole list.
std::vector<std::string> Places(X509* certificate) {
  std::vector<std::string> out;
  const Points points(static_cast<CRL_DIST_POINTS*>(
      X509_get_ext_d2i(certificate, NID_crl_distribution_points, nullptr, nullptr)));
  ERR_clear_error();
  for (int i = 0; points != nullptr && i < sk_DIST_POINT_num(points.get()); ++i) {
    const DIST_POINT* point = sk_DIST_POINT_value(points.get(), i);
    if (point->reasons != nullptr || point->CRLissuer != nullptr) continue;
    if (point->distpoint == nullptr || point->distpoint->type != 0) continue;
    const GENERAL_NAMES* names = point->distpoint->name.fullname;
    for (int n = 0; n < sk_GENERAL_NAME_num(names) && out.size() < kMaxPlaces; ++n) {
      int type = 0;
      const auto* value =
          static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, n), &type));
      if (type != GEN_URI) continue;
      std::string url(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                      static_cast<size_t>(ASN1_STRING_length(value)));
      if (net::IsFetchable(url)) out.push_back(std::move(url));
    }
  }
  return out;
}

}  // namespace

RevocationVerdict AskCrl(const RevocationCheck& check, int index) {
  RevocationVerdict verdict = Look(check, index, nullptr);
  X509* issuer = IssuerOf(check, index);
  if (verdict.kind != Kind::kUnknown || issuer == nullptr) return verdict;
  for (std::string& url : Places(sk_X509_value(check.chain, index))) {
    const KnownRevocation* known =
        FindKnown(check, MakeFetch(RevocationMethod::kCrl, {url, {}, "", kMaxCrlSize},
                                   sk_X509_value(check.chain, index), issuer), verdict);
    if (verdict.kind == Kind::kPending) return verdict;
    const auto* object =
        known == nullptr ? nullptr : dynamic_cast<const CrlObject*>(known->record.object.get());
    if (object == nullptr) {
      absl::StrAppend(&verdict.why, ", ", url, ": ",
                      known == nullptr ? "not fetched in time" : known->failure);
      continue;
    }
    RevocationVerdict told = Look(check, index, object->crl.get());
    if (told.kind != Kind::kUnknown) return told;
    absl::StrAppend(&verdict.why, ", ", url, ": ", told.why);
  }
  return verdict;
}

absl::StatusOr<RevocationRecord> CheckCrlAnswer(const CheckRevocationAnswer& job) {
  auto object = std::make_shared<CrlObject>();
  object->crl = DecodeCrl(job.answer);
  if (object->crl == nullptr) {  // some servers send PEM
    if (const auto read = ParseCrls(job.answer); read.ok() && read->size() == 1)
      object->crl = DecodeCrl(read->front());
  }
  const Cert issuer = DecodeCertificate(job.fetch.issuer);
  EVP_PKEY* key = issuer == nullptr ? nullptr : X509_get0_pubkey(issuer.get());
  X509_CRL* crl = object->crl.get();
  if (crl == nullptr) return absl::InvalidArgumentError("what it sends is no CRL");
  if (key == nullptr || X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer.get())) != 0)
    return absl::InvalidArgumentError(absl::StrCat("the CRL is of ", NameText(X509_CRL_get_issuer(crl))));
  if (IsWeakSignature(X509_CRL_get_signature_nid(crl)))
    return absl::InvalidArgumentError("the CRL is signed with a weak hash");
  const bool good = X509_CRL_verify(crl, key) == 1;
  ERR_clear_error();
  if (!good) return absl::InvalidArgumentError("the signature of the CRL is wrong");
  const ASN1_TIME* next = X509_CRL_get0_nextUpdate(crl);
  const UnixTime from = ToUnix(X509_CRL_get0_lastUpdate(crl)), until = next == nullptr ? 0 : ToUnix(next);
  if (absl::Status dates = CheckDates(from, until, job.at, "the CRL"); !dates.ok()) return dates;
  return RevocationRecord{std::move(object), EndOf(from, until), job.answer.size()};
}

}  // namespace flexvpn::crypto
