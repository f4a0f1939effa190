// SPDX-License-Identifier: Apache-2.0
// crypto pki trustpoint, crypto pki certificate map.  Enrolment is not ours: a trustpoint names files.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"

namespace flexvpn::config {
namespace {

using S = Diagnostic::Severity;

void EnterTrustpoint(Context& c, const Call& k) {
  const std::string name = k.Text("NAME");
  if (!k.set()) {
    c.model.trustpoints.erase(name);
    return;
  }
  Trustpoint& t = c.model.trustpoints[name];
  t.name = name;
  t.where = k.where();
  c.trustpoint = &t;
  c.path = absl::StrCat("crypto pki trustpoint ", name);
}

template <auto Member>
void File(Context& c, const Call& k) {
  std::string& path = (*c.trustpoint).*Member;
  path = k.set() ? k.Text("PATH") : "";
  if (k.set() && !absl::StartsWith(path, "/"))
    c.Error(At(k, *k.Find("PATH")), "the path must begin with '/'");
}

template <auto Member>
void LockedFile(Context& c, const Call& k) {
  File<Member>(c, k);
  c.trustpoint->password = {};
  SecretBytes password;
  if (k.set() && ReadKey(c, k, &password)) c.trustpoint->password = std::move(password);
}

void RevocationMethods(Context& c, const Call& k) {
  c.trustpoint->revocation.reset();
  if (!k.set()) return;
  bool crl = false, none = false, ocsp = false;
  const Arg& methods = *k.Find("METHOD");
  for (const Word& w : methods.words) {
    size_t index = 0;
    if (Choose(c, k, w, {"crl", "none", "ocsp"}, "method", &index) == nullptr) return;
    (index == 0 ? crl : index == 1 ? none : ocsp) = true;
  }
  if (ocsp && crl) c.Warn(At(k, methods), "not supported by this version: OCSP; only the CRL is used");
  if (ocsp && !crl)
    c.Error(At(k, methods), "not supported by this version: OCSP",
            "write 'revocation-check crl' with a 'crl-file', or 'none'");
  c.trustpoint->revocation = !crl   ? RevocationCheck::kNone
                             : none ? RevocationCheck::kCrlThenNone
                                    : RevocationCheck::kCrl;
}

void EnterMap(Context& c, const Call& k) {
  const std::string name = k.Text("NAME");
  const auto sequence = static_cast<uint32_t>(k.Find("SEQ") == nullptr ? 0 : k.Find("SEQ")->number);
  if (!k.set()) {
    const auto it = c.model.certificate_maps.find(name);
    if (it == c.model.certificate_maps.end()) return;
    it->second.sequences.erase(sequence);
    if (sequence == 0 || it->second.sequences.empty()) c.model.certificate_maps.erase(it);
    return;
  }
  CertificateMap& m = c.model.certificate_maps[name];
  m.name = name;
  m.where = k.where();
  c.certificate_rules = &m.sequences[sequence];
  c.path = absl::StrCat("crypto pki certificate map ", name, " ", sequence);
}

void AddRule(Context& c, const Call& k) {
  CertificateRule rule;
  rule.field = k.Has("subject-name")       ? CertificateField::kSubject
               : k.Has("issuer-name")      ? CertificateField::kIssuer
               : k.Has("alt-subject-name") ? CertificateField::kAltSubject
               : k.Has("serial-number")    ? CertificateField::kSerial
                                           : CertificateField::kName;
  rule.op = k.Has("eq")   ? CertificateOp::kEqual
            : k.Has("ne") ? CertificateOp::kNotEqual
            : k.Has("co") ? CertificateOp::kContains
                          : CertificateOp::kContainsNot;
  rule.value = k.Text("VALUE");
  std::vector<CertificateRule>& rules = *c.certificate_rules;
  const auto it = std::find(rules.begin(), rules.end(), rule);
  if (k.set() && it == rules.end()) rules.push_back(rule);
  if (!k.set() && it != rules.end()) rules.erase(it);
}

std::vector<Command> TrustpointCommands() {
  std::vector<Command> list = {
      {"certificate-file <PATH>", "our certificate, followed by those of intermediate CAs (PEM or DER)",
       File<&Trustpoint::certificate_file>},
      {"key-file <PATH> [password [0] <KEY:secret>]",
       "its private key (PEM or DER), readable by the daemon only", LockedFile<&Trustpoint::key_file>},
      {"key-file <PATH> password hex <HEX:secret>", "the password as hexadecimal digits",
       LockedFile<&Trustpoint::key_file>},
      {"pkcs12-file <PATH> password hex <HEX:secret>", "the password as hexadecimal digits",
       LockedFile<&Trustpoint::pkcs12_file>},
      {"pkcs12-file <PATH> [password [0] <KEY:secret>]", "certificate, key and CA in one PKCS#12 file",
       LockedFile<&Trustpoint::pkcs12_file>},
      {"ca-file <PATH>", "certificates of the CAs whose peers are believed (PEM or DER)",
       File<&Trustpoint::ca_file>},
      {"crl-file <PATH>", "revocation lists of these CAs (PEM or DER); read again with the configuration",
       File<&Trustpoint::crl_file>},
      {"revocation-check <METHOD:method...>",
       "crl, none, or 'crl none': an outdated or missing list is no reason to refuse", RevocationMethods},
      {"enrollment {terminal|pkcs12} [pem]", "what this version does anyway: certificates come by hand",
       nullptr},
  };
  const std::string enrols = "enrol: put the files there and name them (certificate-file, key-file, ca-file)";
  for (const char* p : {"enrollment {url|selfsigned|profile|retry|mode|credential} [<REST:line>]", "subject-name <REST:line>",
                        "subject-alt-name <REST:line>", "fqdn <NAME>", "ip-address <REST:line>", "serial-number [none]",
                        "rsakeypair <NAME> [<BITS:360-4096> [<USAGE_BITS:360-4096>]]", "eckeypair <NAME>",
                        "auto-enroll [<REST:line>]", "hash {md5|sha1|sha256|sha384|sha512}", "usage <REST:line>",
                        "password [0|7] <KEY:secret>", "source interface <IF:interface>", "regenerate", "storage <REST:line>"})
    list.push_back(Kept(p, "enrolment", enrols));
  for (const char* p : {"crl <REST:line>", "ocsp <REST:line>", "chain-validation [<REST:line>]", "match <REST:line>",
                        "authorization <REST:line>", "eku <REST:line>", "vrf <VRF>", "primary", "root <REST:line>",
                        "on <REST:line>"})
    list.push_back(Kept(p, "other settings of a trustpoint", "use this line of a trustpoint"));
  return list;
}

std::vector<Command> MapCommands() {
  return {
      {"{subject-name|issuer-name|alt-subject-name|name} {co|eq|nc|ne} <VALUE:line>",
       "what the certificate must say; without case and blanks around '=' and ','", AddRule},
      {"serial-number {co|eq|nc|ne} <VALUE:line>", "serial number, hexadecimal", AddRule},
      Unsupported(S::kError, "{unstructured-subject-name|valid-start|expires-on} <REST:words>",
                  "this field in a certificate map"),
  };
}

}  // namespace

void AddPkiCommands(Mode& root, Mode& trustpoint, Mode& map) {
  root.Add({
      {"crypto pki trustpoint <NAME>", "a CA we believe, and our certificate under it", EnterTrustpoint,
       ModeId::kTrustpoint},
      {"crypto pki certificate map <NAME> <SEQ:1-65535>", "peers by what their certificates say", EnterMap,
       ModeId::kCertificateMap},
      KeptBlock("crypto pki server <NAME>", "a CA on this router", "run a CA", ModeId::kPkiServer),
      Unsupported(S::kWarning, "crypto pki certificate chain <NAME>",
                  "certificates inside the configuration; put them in files (ca-file, certificate-file)",
                  ModeId::kUnsupported),
  });
  trustpoint.Add(TrustpointCommands());
  map.Add(MapCommands());
}

}  // namespace flexvpn::config
