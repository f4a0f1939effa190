// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl/x509.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <array>
#include <chrono>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/crypto/openssl/signature.h"

namespace flexvpn::crypto {
namespace {

using GeneralNames = std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>>;

// Null also when something follows.
template <class Ptr, auto Decode>
Ptr DecodeWhole(BytesView der) {
  const uint8_t* p = der.data();
  Ptr object(der.empty() ? nullptr : Decode(nullptr, &p, static_cast<long>(der.size())));
  ERR_clear_error();
  if (p != der.data() + der.size()) object.reset();
  return object;
}

std::string Drain(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

std::string StringText(const ASN1_STRING* s) {
  const Bio bio(BIO_new(BIO_s_mem()));
  // Control characters, octets above 127 and what would end the value are escaped: names go into logs.
  if (bio != nullptr) ASN1_STRING_print_ex(bio.get(), s, ASN1_STRFLGS_RFC2253);
  return Drain(bio.get());
}

std::string AttributeName(const ASN1_OBJECT* oid) {
  if (const int nid = OBJ_obj2nid(oid); nid != NID_undef) return absl::AsciiStrToLower(OBJ_nid2sn(nid));
  std::array<char, 128> text{};
  OBJ_obj2txt(text.data(), text.size(), oid, 1);
  return text.data();
}

void ReadAlternativeNames(X509* certificate, CertificateInfo& info) {
  const GeneralNames names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const auto* value = static_cast<const ASN1_STRING*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type));
    if (type != GEN_DNS && type != GEN_EMAIL && type != GEN_IPADD) continue;
    const BytesView data(ASN1_STRING_get0_data(value), static_cast<size_t>(ASN1_STRING_length(value)));
    if (type == GEN_DNS) info.dns.push_back(ToString(data));
    if (type == GEN_EMAIL) info.emails.push_back(ToString(data));
    if (type == GEN_IPADD && (data.size() == 4 || data.size() == 16))
      info.addresses.push_back(net::IpAddress::FromBytes(data));
  }
}

std::string SerialText(X509* certificate) {
  const BigNumber number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (number == nullptr) return "";
  char* hex = BN_bn2hex(number.get());
  std::string text = hex == nullptr ? "" : hex;
  OPENSSL_free(hex);
  return text;
}

Bytes KeyId(X509* certificate) {
  uint8_t* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return {};
  Bytes id(SHA_DIGEST_LENGTH);
  unsigned length = 0;
  EVP_Digest(der, static_cast<size_t>(size), id.data(), &length, EVP_sha1(), nullptr);
  OPENSSL_free(der);
  return id;
}

Bytes Encode(X509* certificate) {
  uint8_t* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return {};
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

}  // namespace

UnixTime ToUnix(const ASN1_TIME* t) {
  tm broken{};
  if (ASN1_TIME_to_tm(t, &broken) != 1) return 0;
  using namespace std::chrono;
  const auto day = year(broken.tm_year + 1900) / (broken.tm_mon + 1) / broken.tm_mday;
  return sys_days(day).time_since_epoch().count() * 86400 + broken.tm_hour * 3600 + broken.tm_min * 60 +
         broken.tm_sec;
}

Cert DecodeCertificate(BytesView der) { return DecodeWhole<Cert, d2i_X509>(der); }
Crl DecodeCrl(BytesView der) { return DecodeWhole<Crl, d2i_X509_CRL>(der); }
Name DecodeName(BytesView der) { return DecodeWhole<Name, d2i_X509_NAME>(der); }

std::string NameText(const X509_NAME* name) {
  std::string out;
  int previous_set = -1;
  for (int i = X509_NAME_entry_count(name); i-- > 0;) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const int set = X509_NAME_ENTRY_set(entry);
    absl::StrAppend(&out,
                    out.empty()           ? ""
                    : set == previous_set ? "+"
                                          : ",",
                    AttributeName(X509_NAME_ENTRY_get_object(entry)), "=",
                    StringText(X509_NAME_ENTRY_get_data(entry)));
    previous_set = set;
  }
  return out;
}

std::string DateText(UnixTime t) {
  using namespace std::chrono;
  const sys_seconds at{seconds(t)};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss<seconds> time(at - day);
  return absl::StrFormat("%04d-%02u-%02u %02d:%02d:%02d UTC", static_cast<int>(date.year()),
                         static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                         time.hours().count(), time.minutes().count(), time.seconds().count());
}

CertificateInfo Describe(X509* certificate) {
  CertificateInfo info;
  info.der = Encode(certificate);
  const X509_NAME* subject = X509_get_subject_name(certificate);
  info.subject = NameText(subject);
  info.issuer = NameText(X509_get_issuer_name(certificate));
  const uint8_t* der = nullptr;
  size_t size = 0;
  if (X509_NAME_get0_der(subject, &der, &size) == 1) info.subject_der.assign(der, der + size);
  info.serial = SerialText(certificate);
  info.not_before = ToUnix(X509_get0_notBefore(certificate));
  info.not_after = ToUnix(X509_get0_notAfter(certificate));
  ReadAlternativeNames(certificate, info);
  if (EVP_PKEY* key = X509_get0_pubkey(certificate)) {
    info.key = KindOf(key);
    info.key_bits = static_cast<uint32_t>(EVP_PKEY_get_bits(key));
  }
  const char* algorithm = OBJ_nid2ln(X509_get_signature_nid(certificate));
  info.signature_algorithm = algorithm == nullptr ? "unknown" : algorithm;
  info.fingerprint.resize(SHA256_DIGEST_LENGTH);
  unsigned length = 0;
  EVP_Digest(info.der.data(), info.der.size(), info.fingerprint.data(), &length, EVP_sha256(), nullptr);
  info.key_id = KeyId(certificate);
  info.ca = X509_check_ca(certificate) != 0;
  ERR_clear_error();
  return info;
}

std::string KeyName(const CertificateInfo& c) {
  if (!c.key) return "unknown";
  switch (*c.key) {
    case KeyKind::kRsa:
      return absl::StrCat("RSA ", c.key_bits);
    case KeyKind::kRsaPss:
      return absl::StrCat("RSA-PSS ", c.key_bits);
    case KeyKind::kEcdsa256:
      return "ECDSA P-256";
    case KeyKind::kEcdsa384:
      return "ECDSA P-384";
    case KeyKind::kEcdsa521:
      return "ECDSA P-521";
    case KeyKind::kEd25519:
      return "Ed25519";
    case KeyKind::kEd448:
      return "Ed448";
  }
  return "unknown";
}

absl::StatusOr<CertificateInfo> ParseCertificate(BytesView der) {
  const Cert certificate = DecodeCertificate(der);
  if (certificate == nullptr) return absl::InvalidArgumentError("malformed certificate");
  return Describe(certificate.get());
}

namespace {

// The contents of the constructed object with this tag that `der` begins with; `der` goes on behind it.
std::optional<BytesView> TakeConstructed(BytesView& der, int tag, int tag_class) {
  const uint8_t* p = der.data();
  long length = 0;
  int found = 0, found_class = 0;
  const int flags =
      der.empty() ? 0x80 : ASN1_get_object(&p, &length, &found, &found_class, static_cast<long>(der.size()));
  ERR_clear_error();
  // 0x80: error; 1: a length that is not definite, which DER does not have
  if ((flags & 0x81) != 0 || (flags & V_ASN1_CONSTRUCTED) == 0 || found != tag || found_class != tag_class)
    return std::nullopt;
  const BytesView contents(p, static_cast<size_t>(length));
  der = der.subspan(static_cast<size_t>(p - der.data()) + contents.size());
  return contents;
}

}  // namespace

absl::StatusOr<std::vector<Bytes>> ParseCertificateBundle(BytesView der, size_t most) {
  const absl::Status malformed = absl::InvalidArgumentError("malformed certificate bundle");
  auto items = TakeConstructed(der, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
  if (!items || !der.empty()) return malformed;
  std::vector<Bytes> out;
  while (!items->empty()) {
    if (TakeConstructed(*items, 1, V_ASN1_CONTEXT_SPECIFIC)) continue;  // a CRL
    const auto certificate = TakeConstructed(*items, 0, V_ASN1_CONTEXT_SPECIFIC);
    if (!certificate) return malformed;
    if (out.size() == most)
      return absl::InvalidArgumentError(absl::StrCat("a bundle of more than ", most, " certificates"));
    out.emplace_back(certificate->begin(), certificate->end());
  }
  return out;
}

std::string DistinguishedNameText(BytesView der) {
  const Name name = DecodeName(der);
  return name == nullptr ? ToHex(der) : NameText(name.get());
}

}  // namespace flexvpn::crypto
