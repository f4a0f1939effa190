// SPDX-License-Identifier: Apache-2.0
// Trustpoints, certificate maps, and what profiles want of them.  What is in the files is checked where they
// are read.
#include <algorithm>

#include "core/config/validate.h"

namespace flexvpn::config {
namespace {

template <class Use, class Has>
std::vector<const Trustpoint*> Select(const Model& model, const IkeProfile& profile, Use use, Has has) {
  std::vector<const Trustpoint*> out;
  if (profile.trustpoints.empty()) {
    for (const auto& [name, t] : model.trustpoints)
      if (has(t)) out.push_back(&t);
    return out;
  }
  for (const TrustpointUse& u : profile.trustpoints)
    if (const auto it = model.trustpoints.find(u.name);
        it != model.trustpoints.end() && use(u) && has(it->second))
      out.push_back(&it->second);
  return out;
}

}  // namespace

std::vector<const Trustpoint*> SigningTrustpoints(const Model& model, const IkeProfile& profile) {
  return Select(
      model, profile, [](const TrustpointUse& u) { return u.sign; },
      [](const Trustpoint& t) { return t.has_identity(); });
}

std::vector<const Trustpoint*> CheckingTrustpoints(const Model& model, const IkeProfile& profile) {
  return Select(
      model, profile, [](const TrustpointUse& u) { return u.verify; },
      [](const Trustpoint& t) { return t.has_ca(); });
}

void Checker::CheckProfileCertificates(const IkeProfile& p, const std::string& path,
                                       const std::string& user) {
  const bool local = p.local_rsa || p.local_elliptic, remote = p.remote_rsa || p.remote_elliptic;
  const Location trustpoint = At(path, "pki trustpoint", p.where);
  for (const TrustpointUse& u : p.trustpoints)
    Known(m.trustpoints, u.name, trustpoint, user, "crypto pki trustpoint");
  for (const std::string& map : p.match_certificate)
    Known(m.certificate_maps, map, At(path, "match certificate", p.where), user,
          "crypto pki certificate map");
  if (local && SigningTrustpoints(m, p).empty())
    Warn(At(path, p.local_rsa ? "authentication local rsa-sig" : "authentication local ecdsa-sig", p.where),
         user + " signs, but none of its trustpoints has a certificate of ours: it is inoperative, no peer matches it",
          "add 'certificate-file' and 'key-file' to a 'crypto pki trustpoint'");
  if (remote && CheckingTrustpoints(m, p).empty())
    Warn(
        At(path, p.remote_rsa ? "authentication remote rsa-sig" : "authentication remote ecdsa-sig", p.where),
        user + " expects certificates, but none of its trustpoints has a CA: no certificate is accepted",
        "add 'ca-file' to a 'crypto pki trustpoint'");
  if (p.identity_local && p.identity_local->kind == IdentityKind::kDn && !local)
    Error(p.identity_local->where,
          user + " calls itself by the subject of a certificate, but does not sign with one",
          "write 'authentication local rsa-sig' (or ecdsa-sig)");
  if (p.identity_local && p.identity_local->kind == IdentityKind::kKeyId && local)
    Warn(p.identity_local->where, user + ": no certificate can prove a key-id; peers may refuse it",
         "write 'identity local dn' or a name that the certificate has");
  if (!p.match_certificate.empty() && !remote)
    Error(At(path, "match certificate", p.where), user + " matches certificates, but expects none",
          "write 'authentication remote rsa-sig' (or ecdsa-sig)");
}

void Checker::CheckPki() {
  for (const auto& [name, t] : m.trustpoints) {
    const std::string path = absl::StrCat("crypto pki trustpoint ", name);
    const std::string user = absl::StrCat("crypto pki trustpoint '", name, "'");
    const bool key = !t.key_file.empty() || !t.key_uri.empty();
    if (!t.key_file.empty() && !t.key_uri.empty())
      Error(At(path, "private-key uri", t.where), user + " has its key twice: in a file and by URI");
    else if (!t.pkcs12_file.empty() && (!t.certificate_file.empty() || key))
      Error(At(path, "pkcs12-file", t.where),
            user + " has its certificate twice: as PKCS#12 and as single files");
    else if (t.certificate_file.empty() && key)
      Error(At(path, t.key_file.empty() ? "private-key uri" : "key-file", t.where),
            user + " has a key but no certificate",
            "add 'certificate-file PATH'");
    else if (!t.certificate_file.empty() && !key)
      Error(At(path, "certificate-file", t.where), user + " has a certificate but no key",
            "add 'key-file PATH', or 'private-key uri URI'");
    if (!t.has_identity() && !t.has_ca())
      Warn(t.where, user + " names no file",
           "add 'ca-file PATH', and 'certificate-file' and 'key-file' for our own certificate");
    const auto methods = t.revocation.value_or(std::vector<RevocationMethod>());
    const bool ocsp = std::find(methods.begin(), methods.end(), RevocationMethod::kOcsp) != methods.end();
    if (!t.ocsp_url.empty() && !ocsp)
      Warn(At(path, "ocsp url", t.where), user + " names an OCSP responder that nobody asks",
           "write 'revocation-check ocsp' (or 'ocsp crl', 'ocsp none')");
    if (t.revocation && !methods.empty() && methods.front() == RevocationMethod::kNone && !t.crl_file.empty())
      Warn(At(path, "crl-file", t.where), user + " has a CRL that nobody looks into",
           "write 'revocation-check crl'");
  }
  for (const auto& [name, map] : m.certificate_maps)
    for (const auto& [sequence, rules] : map.sequences)
      if (rules.empty())
        Error(map.where,
              absl::StrCat("crypto pki certificate map '", name, "' ", sequence,
                           " has no rule: it would match every certificate"),
              "add 'subject-name co …'");
}

}  // namespace flexvpn::config
