// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl/signature.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace flexvpn::crypto {
namespace {

using Algorithm = std::unique_ptr<X509_ALGOR, Freer<X509_ALGOR_free>>;
using PssParams = std::unique_ptr<RSA_PSS_PARAMS, Freer<RSA_PSS_PARAMS_free>>;
using EcdsaSig = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;

constexpr SignatureHash kSha2[] = {SignatureHash::kSha256, SignatureHash::kSha384, SignatureHash::kSha512};

const char* DigestName(SignatureHash h) {
  switch (h) {
    case SignatureHash::kSha1:
      return "SHA1";
    case SignatureHash::kSha256:
      return "SHA256";
    case SignatureHash::kSha384:
      return "SHA384";
    case SignatureHash::kSha512:
      return "SHA512";
    default:
      return nullptr;
  }
}

std::optional<SignatureHash> HashOfNid(int nid) {
  switch (nid) {
    case NID_sha256:
      return SignatureHash::kSha256;
    case NID_sha384:
      return SignatureHash::kSha384;
    case NID_sha512:
      return SignatureHash::kSha512;
    default:
      return std::nullopt;
  }
}

bool Fits(SignatureKind kind, KeyKind key) {
  switch (kind) {
    case SignatureKind::kRsaPkcs1:
      return key == KeyKind::kRsa;
    case SignatureKind::kRsaPss:
      return IsRsa(key);
    case SignatureKind::kEdDsa:
      return IsEdDsa(key);
    default:
      return !IsRsa(key) && !IsEdDsa(key);
  }
}

// r and s have this many octets each in the older ECDSA methods (RFC 4754 §7).
size_t HalfSize(EVP_PKEY* key) { return (static_cast<size_t>(EVP_PKEY_get_bits(key)) + 7) / 8; }

absl::StatusOr<Bytes> ToRaw(EVP_PKEY* key, const Bytes& der) {
  const uint8_t* p = der.data();
  const EcdsaSig sig(d2i_ECDSA_SIG(nullptr, &p, static_cast<long>(der.size())));
  const size_t half = HalfSize(key);
  Bytes raw(2 * half);
  if (sig == nullptr || BN_bn2binpad(ECDSA_SIG_get0_r(sig.get()), raw.data(), static_cast<int>(half)) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(sig.get()), raw.data() + half, static_cast<int>(half)) < 0)
    return OpensslError(absl::StatusCode::kInternal, "ECDSA signature");
  return raw;
}

absl::StatusOr<Bytes> FromRaw(EVP_PKEY* key, BytesView raw) {
  const size_t half = HalfSize(key);
  if (raw.size() != 2 * half) return absl::UnauthenticatedError("ECDSA signature of the wrong size");
  const EcdsaSig sig(ECDSA_SIG_new());
  BigNumber r(BN_bin2bn(raw.data(), static_cast<int>(half), nullptr));
  BigNumber s(BN_bin2bn(raw.data() + half, static_cast<int>(half), nullptr));
  if (sig == nullptr || r == nullptr || s == nullptr || ECDSA_SIG_set0(sig.get(), r.get(), s.get()) != 1)
    return OpensslError(absl::StatusCode::kInternal, "ECDSA signature");
  r.release(), s.release();
  uint8_t* der = nullptr;
  const int size = i2d_ECDSA_SIG(sig.get(), &der);
  if (size <= 0) return OpensslError(absl::StatusCode::kInternal, "ECDSA signature");
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

bool UsePss(EVP_PKEY_CTX* ctx, const char* mgf1, int salt_size) {
  return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf1, nullptr) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt_size) == 1;
}

// A DER AlgorithmIdentifier and nothing behind it.
Algorithm DecodeAlgorithm(BytesView der) {
  const uint8_t* p = der.data();
  Algorithm a(d2i_X509_ALGOR(nullptr, &p, static_cast<long>(der.size())));
  if (a == nullptr || p != der.data() + der.size()) return nullptr;
  return a;
}

struct Pss {
  SignatureHash hash{}, mgf1{};
  int salt_size = 0;
};
// RSASSA-PSS-params (RFC 8017 A.2.3); its defaults are SHA-1, which is refused.
absl::StatusOr<Pss> DecodePss(const X509_ALGOR* algorithm) {
  int type = 0;
  const void* value = nullptr;
  X509_ALGOR_get0(nullptr, &type, &value, algorithm);
  if (type != V_ASN1_SEQUENCE) return absl::InvalidArgumentError("RSASSA-PSS without parameters (SHA-1)");
  const auto* sequence = static_cast<const ASN1_STRING*>(value);
  const uint8_t* p = ASN1_STRING_get0_data(sequence);
  const PssParams params(d2i_RSA_PSS_PARAMS(nullptr, &p, ASN1_STRING_length(sequence)));
  if (params == nullptr) return OpensslError(absl::StatusCode::kInvalidArgument, "RSASSA-PSS parameters");
  const ASN1_OBJECT* oid = nullptr;
  std::optional<SignatureHash> hash, mgf1;
  if (params->hashAlgorithm != nullptr) {
    X509_ALGOR_get0(&oid, nullptr, nullptr, params->hashAlgorithm);
    hash = HashOfNid(OBJ_obj2nid(oid));
  }
  if (params->maskGenAlgorithm != nullptr) {
    X509_ALGOR_get0(&oid, &type, &value, params->maskGenAlgorithm);
    if (OBJ_obj2nid(oid) == NID_mgf1 && type == V_ASN1_SEQUENCE) {
      const auto* inner = static_cast<const ASN1_STRING*>(value);
      const Algorithm digest =
          DecodeAlgorithm({ASN1_STRING_get0_data(inner), static_cast<size_t>(ASN1_STRING_length(inner))});
      if (digest != nullptr) {
        X509_ALGOR_get0(&oid, nullptr, nullptr, digest.get());
        mgf1 = HashOfNid(OBJ_obj2nid(oid));
      }
    }
  }
  const long salt = params->saltLength != nullptr ? ASN1_INTEGER_get(params->saltLength) : 20;
  if (!hash || !mgf1) return absl::InvalidArgumentError("RSASSA-PSS with a hash other than SHA-2");
  if (salt < 0 || salt > 512) return absl::InvalidArgumentError("RSASSA-PSS with a bad salt length");
  return Pss{*hash, *mgf1, static_cast<int>(salt)};
}

bool VerifyOnce(EVP_PKEY* key, const SignatureScheme& scheme, const std::optional<Pss>& pss, BytesView value,
                BytesView data) {
  const MdCtx ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* pkey_ctx = nullptr;
  if (ctx == nullptr || EVP_DigestVerifyInit_ex(ctx.get(), &pkey_ctx, DigestName(scheme.hash), nullptr,
                                                nullptr, key, nullptr) != 1)
    return false;
  if (pss && !UsePss(pkey_ctx, DigestName(pss->mgf1), pss->salt_size)) return false;
  return EVP_DigestVerify(ctx.get(), value.data(), value.size(), data.data(), data.size()) == 1;
}

// What the provider of the key says, or, of keys in engines, what the RFCs say (RFC 7427 A.1, A.3; RFC 8420 A).
absl::StatusOr<Bytes> AlgorithmOf(EVP_PKEY_CTX* ctx, const SignatureScheme& scheme, KeyKind key) {
  std::array<uint8_t, 256> der{};
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, der.data(), der.size()),
      OSSL_PARAM_construct_end()};
  if (EVP_PKEY_CTX_get_params(ctx, params) == 1 && OSSL_PARAM_modified(params))
    return Bytes(der.begin(), der.begin() + static_cast<ptrdiff_t>(params[0].return_size));
  ERR_clear_error();
  const char* digest = DigestName(scheme.hash);
  int nid = key == KeyKind::kEd25519 ? NID_ED25519 : key == KeyKind::kEd448 ? NID_ED448 : NID_undef;
  if (nid == NID_undef && digest != nullptr && scheme.kind != SignatureKind::kRsaPss)
    OBJ_find_sigid_by_algs(&nid, OBJ_txt2nid(digest), IsRsa(key) ? NID_rsaEncryption : NID_X9_62_id_ecPublicKey);
  const Algorithm algorithm(X509_ALGOR_new());
  if (nid == NID_undef || algorithm == nullptr ||
      X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(nid), IsRsa(key) ? V_ASN1_NULL : V_ASN1_UNDEF, nullptr) != 1)
    return OpensslError(absl::StatusCode::kInternal, "AlgorithmIdentifier");
  uint8_t* out = nullptr;
  const int size = i2d_X509_ALGOR(algorithm.get(), &out);
  if (size <= 0) return OpensslError(absl::StatusCode::kInternal, "AlgorithmIdentifier");
  Bytes bytes(out, out + size);
  OPENSSL_free(out);
  return bytes;
}

}  // namespace

std::string SchemeName(const SignatureScheme& scheme) {
  if (scheme.kind == SignatureKind::kEdDsa) return "EdDSA";
  const char* kind = scheme.kind == SignatureKind::kRsaPkcs1 ? "RSA"
                     : scheme.kind == SignatureKind::kRsaPss ? "RSA-PSS"
                                                             : "ECDSA";
  switch (scheme.hash) {
    case SignatureHash::kSha1:
      return absl::StrCat(kind, " with SHA-1");
    case SignatureHash::kSha256:
      return absl::StrCat(kind, " with SHA-256");
    case SignatureHash::kSha384:
      return absl::StrCat(kind, " with SHA-384");
    case SignatureHash::kSha512:
      return absl::StrCat(kind, " with SHA-512");
    default:
      return kind;
  }
}

std::optional<KeyKind> KindOf(EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA")) return KeyKind::kRsa;
  if (EVP_PKEY_is_a(key, "RSA-PSS")) return KeyKind::kRsaPss;
  if (EVP_PKEY_is_a(key, "ED25519")) return KeyKind::kEd25519;
  if (EVP_PKEY_is_a(key, "ED448")) return KeyKind::kEd448;
  std::array<char, 64> group{};
  if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1)
    return std::nullopt;
  switch (OBJ_txt2nid(group.data())) {
    case NID_X9_62_prime256v1:
      return KeyKind::kEcdsa256;
    case NID_secp384r1:
      return KeyKind::kEcdsa384;
    case NID_secp521r1:
      return KeyKind::kEcdsa521;
    default:
      return std::nullopt;
  }
}

absl::StatusOr<Signature> MakeSignature(const Sign& job) {
  const auto* own = dynamic_cast<const OpensslSigningKey*>(job.key.get());
  if (own == nullptr) return absl::FailedPreconditionError("no private key");
  if (!Fits(job.scheme.kind, own->key_kind)) return absl::InternalError("the private key is of another kind");
  const MdCtx ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* pkey_ctx = nullptr;
  EVP_PKEY* key = own->pkey.get();
  const char* digest = DigestName(job.scheme.hash);
  if (ctx == nullptr ||
      EVP_DigestSignInit_ex(ctx.get(), &pkey_ctx, digest, nullptr, nullptr, key, nullptr) != 1)
    return OpensslError(absl::StatusCode::kInternal, "signing");
  if (job.scheme.kind == SignatureKind::kRsaPss && !UsePss(pkey_ctx, digest, RSA_PSS_SALTLEN_DIGEST))
    return OpensslError(absl::StatusCode::kInternal, "RSASSA-PSS");
  Signature out;
  if (job.with_algorithm) {
    ASSIGN_OR_RETURN(out.algorithm, AlgorithmOf(pkey_ctx, job.scheme, own->key_kind));
  }
  size_t size = 0;
  if (EVP_DigestSign(ctx.get(), nullptr, &size, job.data.data(), job.data.size()) != 1)
    return OpensslError(absl::StatusCode::kInternal, "signing");
  out.value.resize(size);
  if (EVP_DigestSign(ctx.get(), out.value.data(), &size, job.data.data(), job.data.size()) != 1)
    return OpensslError(absl::StatusCode::kInternal, "signing");
  out.value.resize(size);
  if (job.scheme.kind == SignatureKind::kEcdsaRaw) {
    ASSIGN_OR_RETURN(out.value, ToRaw(key, out.value));
  }
  return out;
}

absl::StatusOr<SignatureScheme> ParseAlgorithm(BytesView der, EVP_PKEY* key) {
  const Algorithm algorithm = DecodeAlgorithm(der);
  if (algorithm == nullptr)
    return OpensslError(absl::StatusCode::kInvalidArgument, "malformed AlgorithmIdentifier");
  const ASN1_OBJECT* oid = nullptr;
  X509_ALGOR_get0(&oid, nullptr, nullptr, algorithm.get());
  const int nid = OBJ_obj2nid(oid);
  SignatureScheme scheme;
  if (nid == NID_rsassaPss) {
    ASSIGN_OR_RETURN(const Pss pss, DecodePss(algorithm.get()));
    scheme = {SignatureKind::kRsaPss, pss.hash};
  } else if (nid == NID_ED25519 || nid == NID_ED448) {
    scheme = {SignatureKind::kEdDsa, SignatureHash::kIdentity};
    if (EVP_PKEY_is_a(key, nid == NID_ED25519 ? "ED25519" : "ED448") != 1)
      return absl::UnauthenticatedError("signature algorithm and key of the certificate do not fit");
  } else {
    int digest = NID_undef, kind = NID_undef;
    if (OBJ_find_sigid_algs(nid, &digest, &kind) != 1 ||
        (kind != NID_rsaEncryption && kind != NID_X9_62_id_ecPublicKey))
      return absl::InvalidArgumentError("unknown signature algorithm");
    const auto hash = HashOfNid(digest);
    if (!hash) return absl::InvalidArgumentError("signature with a hash other than SHA-2");
    scheme = {kind == NID_rsaEncryption ? SignatureKind::kRsaPkcs1 : SignatureKind::kEcdsa, *hash};
  }
  const auto own = KindOf(key);
  if (!own || !Fits(scheme.kind, *own))
    return absl::UnauthenticatedError("signature algorithm and key of the certificate do not fit");
  return scheme;
}

absl::StatusOr<SignatureScheme> CheckSignature(EVP_PKEY* key, const std::optional<SignatureScheme>& given,
                                               const Signature& signature, BytesView data) {
  SignatureScheme scheme;
  std::optional<Pss> pss;
  if (given) {
    scheme = *given;
    const auto kind = KindOf(key);
    if (!kind || !Fits(scheme.kind, *kind))
      return absl::UnauthenticatedError("AUTH method and key of the certificate do not fit");
  } else {
    auto parsed = ParseAlgorithm(signature.algorithm, key);
    if (!parsed.ok()) return absl::UnauthenticatedError(parsed.status().message());
    scheme = *parsed;
    if (scheme.kind == SignatureKind::kRsaPss) {
      const Algorithm algorithm = DecodeAlgorithm(signature.algorithm);
      ASSIGN_OR_RETURN(pss, DecodePss(algorithm.get()));
    }
  }
  Bytes value = signature.value;
  if (scheme.kind == SignatureKind::kEcdsaRaw) {
    ASSIGN_OR_RETURN(value, FromRaw(key, signature.value));
  }
  bool good = false;
  if (scheme.hash == SignatureHash::kAny) {
    for (SignatureHash h : {SignatureHash::kSha1, kSha2[0], kSha2[1], kSha2[2]}) {
      scheme.hash = h;
      if (good = VerifyOnce(key, scheme, pss, value, data); good) break;
    }
  } else {
    good = VerifyOnce(key, scheme, pss, value, data);
  }
  if (good) return scheme;
  OpensslError(absl::StatusCode::kInternal, "")
      .IgnoreError();  // the reason is always the same: empties the queue
  return absl::UnauthenticatedError("wrong signature: the peer does not have the key of its certificate");
}

}  // namespace flexvpn::crypto
