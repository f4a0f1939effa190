// SPDX-License-Identifier: Apache-2.0
// The Online Certificate Status Protocol (RFC 6960).  No nonce is sent: most responders sign their answers
// beforehand (RFC 5019), and thisUpdate and nextUpdate tell how old one may be.
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "absl/strings/str_cat.h"
#include "core/crypto/openssl/revocation.h"

namespace flexvpn::crypto {
namespace {

using Kind = RevocationVerdict::Kind;
using Request = std::unique_ptr<OCSP_REQUEST, Freer<OCSP_REQUEST_free>>;
using Response = std::unique_ptr<OCSP_RESPONSE, Freer<OCSP_RESPONSE_free>>;
using Basic = std::unique_ptr<OCSP_BASICRESP, Freer<OCSP_BASICRESP_free>>;
using CertId = std::unique_ptr<OCSP_CERTID, Freer<OCSP_CERTID_free>>;
using Store = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
struct FreeUrls {
  void operator()(STACK_OF(OPENSSL_STRING) * s) const { X509_email_free(s); }
};
using Urls = std::unique_ptr<STACK_OF(OPENSSL_STRING), FreeUrls>;

struct OcspObject : RevocationObject {
  bool revoked = false;
  UnixTime from = 0, until = 0;
};

// SHA-1 is what every responder knows; it names the issuer here and protects nothing.
CertId IdOf(X509* certificate, X509* issuer) {
  return CertId(OCSP_cert_to_id(EVP_sha1(), certificate, issuer));
}

Bytes EncodeRequest(X509* certificate, X509* issuer) {
  const Request request(OCSP_REQUEST_new());
  CertId id = IdOf(certificate, issuer);
  Bytes out;
  if (request == nullptr || id == nullptr || OCSP_request_add0_id(request.get(), id.get()) == nullptr)
    return out;
  id.release();
  uint8_t* der = nullptr;
  const int size = i2d_OCSP_REQUEST(request.get(), &der);
  if (size > 0) out.assign(der, der + size);
  OPENSSL_free(der);
  return out;
}

std::vector<std::string> Responders(const RevocationPolicy& policy, X509* certificate) {
  if (!policy.ocsp_url.empty()) return {policy.ocsp_url};
  std::vector<std::string> out;
  const Urls urls(X509_get1_ocsp(certificate));
  ERR_clear_error();
  for (int i = 0; urls != nullptr && i < sk_OPENSSL_STRING_num(urls.get()) && out.size() < kMaxPlaces; ++i)
    if (std::string url = sk_OPENSSL_STRING_value(urls.get(), i); net::IsFetchable(url))
      out.push_back(std::move(url));
  return out;
}

// Signed by the issuer, or by one to whom the issuer itself gave the right (id-kp-OCSPSigning, §4.2.2.2).
bool IsAuthorised(OCSP_BASICRESP* basic, X509* issuer, UnixTime at) {
  const Store store(X509_STORE_new());
  if (store == nullptr || X509_STORE_add_cert(store.get(), issuer) != 1) return false;
  X509_VERIFY_PARAM* param = X509_STORE_get0_param(store.get());
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(at));
  X509_VERIFY_PARAM_set_depth(param, 0);  // nobody between the issuer and the responder
  X509_VERIFY_PARAM_set_auth_level(param, 2);
  const Certs known(sk_X509_new_null());
  if (known == nullptr || X509_up_ref(issuer) != 1) return false;
  if (sk_X509_push(known.get(), issuer) <= 0) {
    X509_free(issuer);
    return false;
  }
  const bool good = OCSP_basic_verify(basic, known.get(), store.get(), OCSP_NOEXPLICIT) == 1;
  ERR_clear_error();
  return good;
}

absl::StatusOr<Basic> Decode(const Bytes& answer) {
  const uint8_t* p = answer.data();
  const Response response(answer.empty() ? nullptr
                                         : d2i_OCSP_RESPONSE(nullptr, &p, static_cast<long>(answer.size())));
  ERR_clear_error();
  if (response == nullptr || p != answer.data() + answer.size())
    return absl::InvalidArgumentError("what it sends is no OCSP answer");
  if (const int status = OCSP_response_status(response.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return absl::UnavailableError(absl::StrCat("the responder says ", OCSP_response_status_str(status)));
  Basic basic(OCSP_response_get1_basic(response.get()));
  ERR_clear_error();
  if (basic == nullptr) return absl::InvalidArgumentError("what it sends is no OCSP answer");
  return basic;
}

}  // namespace

RevocationVerdict AskOcsp(const RevocationCheck& check, int index) {
  RevocationVerdict verdict;
  X509* certificate = sk_X509_value(check.chain, index);
  X509* issuer = IssuerOf(check, index);
  const std::vector<std::string> responders = Responders(check.policy, certificate);
  if (issuer == nullptr || responders.empty()) {
    verdict.why = "no OCSP responder is named";
    return verdict;
  }
  const Bytes request = EncodeRequest(certificate, issuer);
  for (const std::string& url : responders) {
    const KnownRevocation* known =
        FindKnown(check, MakeFetch(RevocationMethod::kOcsp, {url, request, "application/ocsp-request", kMaxOcspSize},
                                   certificate, issuer), verdict);
    if (verdict.kind == Kind::kPending) return verdict;
    const auto* object =
        known == nullptr ? nullptr : dynamic_cast<const OcspObject*>(known->record.object.get());
    std::string failure = known == nullptr ? "not answered in time" : known->failure;
    if (object != nullptr) {
      const absl::Status dates = CheckDates(object->from, object->until, check.at, "the answer");
      if (object->revoked || dates.ok()) {
        verdict.kind = object->revoked ? Kind::kRevoked : Kind::kGood;
        return verdict;
      }
      failure = std::string(dates.message());
    }
    absl::StrAppend(&verdict.why, verdict.why.empty() ? "OCSP: " : ", ", url, ": ", failure);
  }
  return verdict;
}

absl::StatusOr<RevocationRecord> CheckOcspAnswer(const CheckRevocationAnswer& job) {
  auto decoded = Decode(job.answer);
  if (!decoded.ok()) return decoded.status();
  OCSP_BASICRESP* basic = decoded->get();
  const Cert certificate = DecodeCertificate(job.fetch.certificate),
             issuer = DecodeCertificate(job.fetch.issuer);
  const CertId id =
      certificate == nullptr || issuer == nullptr ? nullptr : IdOf(certificate.get(), issuer.get());
  if (id == nullptr) return absl::InternalError("OCSP request");
  const ASN1_OBJECT* algorithm = nullptr;
  X509_ALGOR_get0(&algorithm, nullptr, nullptr, OCSP_resp_get0_tbs_sigalg(basic));
  if (IsWeakSignature(OBJ_obj2nid(algorithm)))
    return absl::InvalidArgumentError("the answer is signed with a weak hash");
  if (!IsAuthorised(basic, issuer.get(), job.at))
    return absl::InvalidArgumentError("the answer is not signed by the CA, nor by a responder of it");
  int status = 0, reason = 0;
  ASN1_GENERALIZEDTIME *revoked = nullptr, *from = nullptr, *until = nullptr;
  if (OCSP_resp_find_status(basic, id.get(), &status, &reason, &revoked, &from, &until) != 1)
    return absl::InvalidArgumentError("the answer is about other certificates");
  if (status == V_OCSP_CERTSTATUS_UNKNOWN)
    return absl::NotFoundError("the responder does not know the certificate");
  auto object = std::make_shared<OcspObject>();
  object->revoked = status == V_OCSP_CERTSTATUS_REVOKED;
  object->from = from == nullptr ? 0 : ToUnix(from);
  object->until = until == nullptr ? 0 : ToUnix(until);
  if (absl::Status dates = CheckDates(object->from, object->until, job.at, "the answer"); !dates.ok())
    return dates;
  const UnixTime expires = EndOf(object->from, object->until);
  return RevocationRecord{std::move(object), expires, job.answer.size()};
}

}  // namespace flexvpn::crypto
