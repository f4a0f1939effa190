// SPDX-License-Identifier: Apache-2.0
#include "core/node/pki.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/node/authorization.h"

namespace flexvpn::node {
namespace {

// "CN = Hub, O=Example" -> "cn=hub,o=example"
std::string Plain(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (absl::ascii_isspace(static_cast<unsigned char>(text[i]))) {
      size_t next = i;
      while (next < text.size() && absl::ascii_isspace(static_cast<unsigned char>(text[next]))) ++next;
      const bool edge = out.empty() || next == text.size() || out.back() == '=' || out.back() == ',' ||
                        text[next] == '=' || text[next] == ',';
      if (!edge) out += ' ';
      i = next - 1;
      continue;
    }
    out += absl::ascii_tolower(static_cast<unsigned char>(text[i]));
  }
  return out;
}

std::vector<std::string> ValuesOf(const crypto::CertificateInfo& c, config::CertificateField field) {
  std::vector<std::string> alternatives = c.dns;
  alternatives.insert(alternatives.end(), c.emails.begin(), c.emails.end());
  for (const net::IpAddress& a : c.addresses) alternatives.push_back(a.ToString());
  switch (field) {
    case config::CertificateField::kSubject: return {c.subject};
    case config::CertificateField::kIssuer: return {c.issuer};
    case config::CertificateField::kSerial: return {c.serial};
    case config::CertificateField::kAltSubject: return alternatives;
    case config::CertificateField::kName: break;
  }
  alternatives.push_back(c.subject);
  return alternatives;
}

bool Holds(const config::CertificateRule& rule, const crypto::CertificateInfo& c) {
  std::string wanted = Plain(rule.value);
  // Leading zeros say nothing about a number.
  if (rule.field == config::CertificateField::kSerial)
    wanted.erase(0, std::min(wanted.find_first_not_of('0'), wanted.size() - 1));
  const std::vector<std::string> values = ValuesOf(c, rule.field);
  const bool equal = rule.op == config::CertificateOp::kEqual || rule.op == config::CertificateOp::kNotEqual;
  const bool found = std::any_of(values.begin(), values.end(), [&](const std::string& v) {
    std::string value = Plain(v);
    if (rule.field == config::CertificateField::kSerial && value.size() > 1)
      value.erase(0, std::min(value.find_first_not_of('0'), value.size() - 1));
    return equal ? value == wanted : absl::StrContains(value, wanted);
  });
  return found == (rule.op == config::CertificateOp::kEqual || rule.op == config::CertificateOp::kContains);
}

bool SameCredential(const crypto::Credential* a, const crypto::Credential* b) {
  return (a == nullptr) == (b == nullptr) && (a == nullptr || a->chain == b->chain);
}

show::CertificateRow ToRow(const crypto::CertificateInfo& c, const std::string& trustpoint, const char* role,
                           crypto::UnixTime now) {
  show::CertificateRow r;
  r.trustpoint = trustpoint;
  r.role = role;
  r.subject = c.subject;
  r.issuer = c.issuer;
  r.serial = c.serial;
  r.not_before = c.not_before;
  r.not_after = c.not_after;
  r.status = now > c.not_after ? "expired" : now < c.not_before ? "not yet valid" : "available";
  r.names = c.dns;
  r.names.insert(r.names.end(), c.emails.begin(), c.emails.end());
  for (const net::IpAddress& a : c.addresses) r.names.push_back(a.ToString());
  r.key = crypto::KeyName(c);
  r.signature_algorithm = c.signature_algorithm;
  r.fingerprint_sha256 = ToHex(c.fingerprint);
  return r;
}

}  // namespace

bool SamePki(const Pki& a, const Pki& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && SameCredential(x.second.credential.get(), y.second.credential.get()) &&
           x.second.authorities == y.second.authorities && x.second.crls == y.second.crls;
  });
}

bool Matches(const config::CertificateMap& map, const crypto::CertificateInfo& certificate) {
  return std::any_of(map.sequences.begin(), map.sequences.end(), [&](const auto& sequence) {
    const std::vector<config::CertificateRule>& rules = sequence.second;
    return !rules.empty() && std::all_of(rules.begin(), rules.end(), [&](const auto& r) { return Holds(r, certificate); });
  });
}

crypto::RevocationPolicy ToPolicy(const config::Trustpoint& trustpoint) {
  crypto::RevocationPolicy policy;
  policy.ocsp_url = trustpoint.ocsp_url;
  if (!trustpoint.revocation && !trustpoint.crl_file.empty()) policy.methods = {crypto::RevocationMethod::kCrl};
  for (config::RevocationMethod m : trustpoint.revocation.value_or(std::vector<config::RevocationMethod>()))
    policy.methods.push_back(m == config::RevocationMethod::kCrl    ? crypto::RevocationMethod::kCrl
                             : m == config::RevocationMethod::kOcsp ? crypto::RevocationMethod::kOcsp
                                                                    : crypto::RevocationMethod::kNone);
  return policy;
}

bool ExpectsCertificate(const config::IkeProfile& profile) { return profile.remote_rsa || profile.remote_elliptic; }

absl::Status FillCertificates(const config::Model& model, const Pki& pki, const config::IkeProfile& profile,
                              ike::SessionPolicy& policy) {
  policy.accept_psk = profile.remote_psk;
  policy.accept_rsa = profile.remote_rsa;
  policy.accept_elliptic = profile.remote_elliptic;
  if (ExpectsCertificate(profile))
    for (const config::Trustpoint* t : config::CheckingTrustpoints(model, profile))
      if (auto it = pki.find(t->name); it != pki.end() && it->second.trust != nullptr)
        policy.trust.push_back(it->second.trust);
  if (!profile.local_rsa && !profile.local_elliptic) return absl::OkStatus();
  for (const config::Trustpoint* t : config::SigningTrustpoints(model, profile)) {
    auto it = pki.find(t->name);
    if (it == pki.end() || it->second.credential == nullptr) continue;
    if (crypto::IsRsa(it->second.credential->key->kind()) == profile.local_rsa)
      policy.credentials.push_back(it->second.credential);
  }
  if (policy.credentials.empty())
    return absl::FailedPreconditionError(absl::StrCat("profile ", profile.name, " has no certificate with ",
                                                      profile.local_rsa ? "an RSA key (authentication local rsa-sig)"
                                                                        : "an elliptic-curve key (authentication local ecdsa-sig)"));
  if (!profile.identity_local || profile.identity_local->kind == config::IdentityKind::kDn) {
    policy.credentials.resize(1);  // the identity is that of one certificate
    policy.local_id = {ike::IdType::kDerAsn1Dn, policy.credentials.front()->chain.front().subject_der};
  }
  return absl::OkStatus();
}

std::vector<Bytes> Authorities(const config::Model& model, const Pki& pki, const LocalEnd& local) {
  std::vector<Bytes> out;
  for (const auto& [name, profile] : model.profiles) {
    if (profile.down() || !ExpectsCertificate(profile)) continue;
    if (!Fits(profile, local)) continue;
    for (const config::Trustpoint* t : config::CheckingTrustpoints(model, profile))
      if (auto it = pki.find(t->name); it != pki.end())
        for (const crypto::CertificateInfo& ca : it->second.authorities)
          if (std::find(out.begin(), out.end(), ca.key_id) == out.end()) out.push_back(ca.key_id);
  }
  return out;
}

std::vector<show::CertificateRow> CertificateRows(const Pki& pki, crypto::UnixTime now) {
  std::vector<show::CertificateRow> rows;
  for (const auto& [name, t] : pki) {
    if (t.credential != nullptr)
      for (size_t i = 0; i < t.credential->chain.size(); ++i)
        rows.push_back(ToRow(t.credential->chain[i], name, i == 0 ? "own" : "intermediate", now));
    for (const crypto::CertificateInfo& ca : t.authorities) rows.push_back(ToRow(ca, name, "ca", now));
  }
  return rows;
}

}  // namespace flexvpn::node
