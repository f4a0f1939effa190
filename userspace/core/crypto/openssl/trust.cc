// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl/trust.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "core/crypto/openssl/revocation.h"
#include "core/crypto/openssl/signature.h"
#include "core/crypto/openssl/x509.h"

namespace flexvpn::crypto {
namespace {

using Store = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using StoreCtx = std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;
using KeyPurposes = std::unique_ptr<EXTENDED_KEY_USAGE, Freer<EXTENDED_KEY_USAGE_free>>;
constexpr int kMaxDepth = 8;  // intermediates
constexpr int kSecurityLevel =
    2;  // OpenSSL's: 112 bits, that is RSA 2048, P-224, no SHA-1 or MD5 (RFC 8247 §3)
constexpr char kIkeIntermediate[] = "1.3.6.1.5.5.8.2.2";

class OpensslTrustStore : public TrustStore {
 public:
  const std::vector<Bytes>& authorities() const override { return ids; }
  bool asks_for_revocation() const override {
    return !policy.methods.empty() && policy.methods.front() != RevocationMethod::kNone;
  }
  Store store;
  std::vector<Bytes> ids;
  RevocationPolicy policy;
};

absl::Status Bad(std::string why) { return absl::UnauthenticatedError(why); }

bool IsUnknownCa(int error) {
  return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
         error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN || error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

std::string Explain(X509_STORE_CTX* ctx, X509* leaf, UnixTime at) {
  const int error = X509_STORE_CTX_get_error(ctx);
  X509* culprit = X509_STORE_CTX_get_current_cert(ctx);
  if (culprit == nullptr) culprit = leaf;
  const CertificateInfo c = Describe(culprit);
  const std::string which =
      absl::StrCat(culprit == leaf ? "its certificate " : "the certificate ", c.subject);
  if (IsUnknownCa(error))
    return absl::StrCat("unknown CA: ", which, " is issued by ", c.issuer,
                        ", which no trustpoint of the profile knows");
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return absl::StrCat(which, " expired on ", DateText(c.not_after), " (it is ", DateText(at), ")");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return absl::StrCat(which, " is not valid before ", DateText(c.not_before), " (it is ", DateText(at),
                          ")");
    default:
      return absl::StrCat(which, ": ", X509_verify_cert_error_string(error));
  }
}

// The chain that leads to a CA of `trust`: the peer's own first.  Revocation is not looked at.
absl::StatusOr<Certs> CheckChain(const OpensslTrustStore& trust, X509* leaf, STACK_OF(X509) * others, UnixTime at,
                                 bool* unknown_ca) {
  const StoreCtx ctx(X509_STORE_CTX_new());
  if (ctx == nullptr || X509_STORE_CTX_init(ctx.get(), trust.store.get(), leaf, others) != 1)
    return OpensslError(absl::StatusCode::kInternal, "certificate check");
  X509_STORE_CTX_set_time(ctx.get(), 0, static_cast<time_t>(at));
  if (X509_verify_cert(ctx.get()) == 1) return Certs(X509_STORE_CTX_get1_chain(ctx.get()));
  *unknown_ca = IsUnknownCa(X509_STORE_CTX_get_error(ctx.get()));
  const absl::Status why = Bad(Explain(ctx.get(), leaf, at));
  ERR_clear_error();
  return why;
}

// RFC 4945 §5.1.3.2 and §5.1.3.12.
absl::Status CheckUsage(X509* leaf) {
  const uint32_t usage = X509_get_key_usage(leaf);  // all ones if there is no such extension
  if ((usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
    return Bad("the keyUsage of its certificate does not allow signatures");
  const KeyPurposes purposes(
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(leaf, NID_ext_key_usage, nullptr, nullptr)));
  if (purposes == nullptr) return absl::OkStatus();
  for (int i = 0; i < sk_ASN1_OBJECT_num(purposes.get()); ++i) {
    const ASN1_OBJECT* oid = sk_ASN1_OBJECT_value(purposes.get(), i);
    std::array<char, 64> text{};
    OBJ_obj2txt(text.data(), text.size(), oid, 1);
    const int nid = OBJ_obj2nid(oid);
    if (nid == NID_ipsec_IKE || nid == NID_anyExtendedKeyUsage ||
        absl::string_view(text.data()) == kIkeIntermediate)
      return absl::OkStatus();
  }
  return Bad(
      "the extended key usage of its certificate does not include IKE (ipsecIKE or any; RFC 4945 5.1.3.12)");
}

bool SameEmail(absl::string_view a, absl::string_view b) {  // RFC 5280 §7.5: only the host part without case
  const size_t at = a.rfind('@');
  return at != absl::string_view::npos && a.size() == b.size() && a.substr(0, at) == b.substr(0, at) &&
         absl::EqualsIgnoreCase(a.substr(at), b.substr(at));
}

std::string NamesOf(const CertificateInfo& c) {
  std::string out = absl::StrCat("subject ", c.subject.empty() ? "(empty)" : c.subject);
  size_t shown = 0;
  auto add = [&](absl::string_view kind, absl::string_view name) {
    if (++shown <= 4) absl::StrAppend(&out, ", ", kind, " ", absl::CHexEscape(name));
  };
  for (const std::string& n : c.dns) add("DNS", n);
  for (const std::string& n : c.emails) add("email", n);
  for (const net::IpAddress& n : c.addresses) add("IP", n.ToString());
  if (shown > 4) absl::StrAppend(&out, ", …");
  return out;
}

absl::Status CheckIdentity(X509* leaf, const CertificateInfo& c, const ClaimedIdentity& claimed) {
  const std::string text = ToString(BytesView(claimed.value));
  bool named = false;
  switch (claimed.kind) {
    case ClaimedIdentity::Kind::kDns:
      named = std::any_of(c.dns.begin(), c.dns.end(),
                          [&](const auto& n) { return absl::EqualsIgnoreCase(n, text); });
      break;
    case ClaimedIdentity::Kind::kEmail:
      named =
          std::any_of(c.emails.begin(), c.emails.end(), [&](const auto& n) { return SameEmail(text, n); });
      break;
    case ClaimedIdentity::Kind::kAddress:
      named = std::any_of(c.addresses.begin(), c.addresses.end(), [&](const net::IpAddress& a) {
        return std::equal(a.bytes().begin(), a.bytes().end(), claimed.value.begin(), claimed.value.end());
      });
      break;
    case ClaimedIdentity::Kind::kDn: {
      const Name name = DecodeName(claimed.value);
      named = name != nullptr && X509_NAME_entry_count(name.get()) > 0 &&
              X509_NAME_cmp(name.get(), X509_get_subject_name(leaf)) == 0;
      break;
    }
  }
  if (named) return absl::OkStatus();
  return Bad(absl::StrCat("identity mismatch: its certificate does not name it (", NamesOf(c), ")"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TrustStore>> MakeTrustStore(
    const std::vector<CertificateInfo>& authorities, const std::vector<Bytes>& crls,
    const RevocationPolicy& revocation) {
  auto trust = std::make_shared<OpensslTrustStore>();
  trust->store.reset(X509_STORE_new());
  trust->policy = revocation;
  if (trust->store == nullptr) return absl::InternalError("X509_STORE");
  X509_VERIFY_PARAM* param = X509_STORE_get0_param(trust->store.get());
  // A configured CA is believed, be it the root or not.
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_depth(param, kMaxDepth);
  X509_VERIFY_PARAM_set_auth_level(param, kSecurityLevel);
  for (const CertificateInfo& ca : authorities) {
    const Cert decoded = DecodeCertificate(ca.der);
    if (decoded == nullptr || X509_STORE_add_cert(trust->store.get(), decoded.get()) != 1)
      return OpensslError(absl::StatusCode::kInvalidArgument, ca.subject);
    trust->ids.push_back(ca.key_id);
  }
  for (const Bytes& der : crls) {
    const Crl crl = DecodeCrl(der);
    if (crl == nullptr || X509_STORE_add_crl(trust->store.get(), crl.get()) != 1)
      return OpensslError(absl::StatusCode::kInvalidArgument, "CRL");
  }
  return trust;
}

JobResult CheckPeer(const VerifyPeer& job) {
  if (job.chain.empty()) return Bad("it sends no certificate");
  const Cert leaf = DecodeCertificate(job.chain.front());
  EVP_PKEY* key = leaf == nullptr ? nullptr : X509_get0_pubkey(leaf.get());
  if (key == nullptr) return Bad("its certificate is malformed");
  const CertificateInfo info = Describe(leaf.get());
  if (!info.key)
    return Bad(absl::StrCat("its certificate ", info.subject, " has a key of a kind that IKE cannot use"));
  if (!(IsRsa(*info.key) ? job.rsa : job.elliptic))
    return Bad(absl::StrCat("its key is ", KeyName(info),
                            ", which the profile does not accept (authentication remote)"));
  const Certs others(sk_X509_new_null());
  for (size_t i = 1; i < job.chain.size(); ++i) {
    Cert c = DecodeCertificate(job.chain[i]);
    if (c != nullptr && sk_X509_push(others.get(), c.get()) > 0)
      c.release();  // a malformed one may not be needed
  }
  absl::StatusOr<Certs> chain = Bad("no trustpoint of the profile has a CA certificate");
  const OpensslTrustStore* decides = nullptr;
  for (const auto& trust : job.trust) {
    const auto* store = dynamic_cast<const OpensslTrustStore*>(trust.get());
    if (store == nullptr) continue;
    bool unknown_ca = false;
    chain = CheckChain(*store, leaf.get(), others.get(), job.at, &unknown_ca);
    decides = store;
    if (!unknown_ca) break;
  }
  if (!chain.ok()) return chain.status();
  RETURN_IF_ERROR(CheckUsage(leaf.get()));
  RETURN_IF_ERROR(CheckIdentity(leaf.get(), info, job.identity));
  ASSIGN_OR_RETURN(const SignatureScheme scheme, CheckSignature(key, job.scheme, job.signature, job.data));
  if (decides->asks_for_revocation()) {  // last: nobody but the owner of the certificate makes us fetch anything
    ASSIGN_OR_RETURN(std::vector<RevocationFetch> needed,
                     CheckRevocation({decides->policy, decides->store.get(), chain->get(), job.known, job.may_fetch,
                                      job.at}));
    if (!needed.empty()) return RevocationNeeded{std::move(needed)};
  }
  return VerifiedPeer{info, scheme};
}

}  // namespace flexvpn::crypto
