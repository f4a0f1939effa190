// SPDX-License-Identifier: Apache-2.0
// crypto pki trustpoint, crypto pki certificate map.  Enrolment is not ours: a trustpoint names files.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/config/grammar.h"
#include "core/net/fetch.h"

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
  if (k.set() && ReadKey(c, k, kPassword, &password)) c.trustpoint->password = std::move(password);
}

void KeyUri(Context& c, const Call& k) {
  std::string& uri = c.trustpoint->key_uri;
  uri = k.set() ? k.Text("URI") : "";
  c.trustpoint->password = {};
  if (!k.set()) return;
  SecretBytes pin;
  if (ReadKey(c, k, kPassword, &pin)) c.trustpoint->password = std::move(pin);
  const Location where = At(k, *k.Find("URI"));
  const size_t colon = uri.find(':');
  if (colon == std::string::npos || colon == 0 || uri[0] == '/')
    c.Error(where, "no URI", "write 'private-key uri pkcs11:token=…;object=…'");
  else if (absl::StartsWithIgnoreCase(uri, "file:"))
    c.Error(where, "a private key in a file", "write 'key-file PATH'");
  else if (absl::StrContains(absl::AsciiStrToLower(uri), "pin-value="))
    c.Error(where, "the PIN would be shown with the URI",
            "write 'private-key uri URI password PIN', or pin-source=file:…");
}

void RevocationMethods(Context& c, const Call& k) {
  c.trustpoint->revocation.reset();
  if (!k.set()) return;
  std::vector<RevocationMethod> methods;
  for (const Word& w : k.Find("METHOD")->words) {
    size_t index = 0;
    if (Choose(c, k, w, {"crl", "ocsp", "none"}, "method", &index) == nullptr) return;
    const auto method = static_cast<RevocationMethod>(index);
    if (std::find(methods.begin(), methods.end(), method) != methods.end())
      return c.Error({k.line, w.column}, absl::StrCat("'", w.text, "' is there twice"));
    if (!methods.empty() && methods.back() == RevocationMethod::kNone)
      return c.Error({k.line, w.column}, absl::StrCat("nothing is tried after 'none', so '", w.text, "' is of no use"),
                     "write 'none' last");
    methods.push_back(method);
  }
  c.trustpoint->revocation = std::move(methods);
}

void OcspUrl(Context& c, const Call& k) {
  c.trustpoint->ocsp_url = k.set() ? k.Text("URL") : "";
  if (k.set() && !net::IsFetchable(c.trustpoint->ocsp_url))
    c.Error(At(k, *k.Find("URL")), "not a URL to fetch from", "write 'ocsp url http://HOST[:PORT]/PATH' (or https)");
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
      {"key-file <PATH> password 6 <KEY:secret>", "the password, encrypted by the master key",
       LockedFile<&Trustpoint::key_file>},
      {"private-key uri <URI> password 6 <KEY:secret>", "the PIN, encrypted by the master key", KeyUri},
      {"pkcs12-file <PATH> password 6 <KEY:secret>", "the password, encrypted by the master key",
       LockedFile<&Trustpoint::pkcs12_file>},
      {"private-key uri <URI> [password [0] <KEY:secret>]",
       "instead of key-file: the key is in a token (pkcs11:…), the password its PIN", KeyUri},
      {"private-key uri <URI> password hex <HEX:secret>", "the PIN as hexadecimal digits", KeyUri},
      {"pkcs12-file <PATH> password hex <HEX:secret>", "the password as hexadecimal digits",
       LockedFile<&Trustpoint::pkcs12_file>},
      {"pkcs12-file <PATH> [password [0] <KEY:secret>]", "certificate, key and CA in one PKCS#12 file",
       LockedFile<&Trustpoint::pkcs12_file>},
      {"ca-file <PATH>", "certificates of the CAs whose peers are believed (PEM or DER)",
       File<&Trustpoint::ca_file>},
      {"crl-file <PATH>", "revocation lists of these CAs (PEM or DER); read again with the configuration",
       File<&Trustpoint::crl_file>},
      {"revocation-check <METHOD:method...>",
       "crl, ocsp, none: tried in order when one cannot tell; 'none' accepts", RevocationMethods},
      {"ocsp url <URL>", "ask this OCSP responder, not the one that the certificate names", OcspUrl},
      {"ocsp disable-nonce", "what this version does anyway", nullptr},
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
  for (const char* p : {"crl <REST:line>", "chain-validation [<REST:line>]", "match <REST:line>",
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
