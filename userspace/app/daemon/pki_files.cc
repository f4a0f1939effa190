// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/pki_files.h"

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "app/daemon/files.h"
#include "app/daemon/key_store.h"

namespace flexvpn::app {
namespace {

using Severity = config::Diagnostic::Severity;
constexpr size_t kMaxFile = 16 << 20;  // CRLs may be long
constexpr crypto::UnixTime kSoon = 30 * 86400;

// One trustpoint on its way from lines to objects.
class Loader {
 public:
  Loader(const config::Model& model, const config::Trustpoint& t, crypto::UnixTime now,
         std::vector<config::Diagnostic>* diagnostics)
      : model_(model), t_(t), now_(now), diagnostics_(diagnostics) {}

  node::LoadedTrustpoint Run() {
    if (!t_.pkcs12_file.empty()) ReadPkcs12();
    if (!t_.certificate_file.empty() && !(t_.key_file.empty() && t_.key_uri.empty())) ReadCertificateAndKey();
    if (!t_.ca_file.empty()) ReadAuthorities();
    if (!t_.crl_file.empty()) ReadCrls();
    MakeCredential();
    MakeTrust();
    return std::move(out_);
  }

 private:
  void Say(Severity severity, const char* statement, std::string message, std::string hint = "") {
    const auto at = model_.source.at.find(absl::StrCat("crypto pki trustpoint ", t_.name, "/", statement));
    diagnostics_->push_back({severity, at == model_.source.at.end() ? t_.where : at->second,
                             absl::StrCat("crypto pki trustpoint '", t_.name, "': ", message),
                             std::move(hint)});
  }

  // The file of `statement`, read and parsed; an error is reported there.
  template <class Parse>
  auto Take(const char* statement, const std::string& path, bool secret, Parse parse)
      -> std::optional<typename decltype(parse(BytesView()))::value_type> {
    const auto data = ReadFileOf(path, kMaxFile, secret);
    if (!data.ok()) {
      Say(Severity::kError, statement, absl::StrCat(path, ": ", data.status().message()));
      return std::nullopt;
    }
    auto parsed = parse(*data);
    if (parsed.ok()) return *std::move(parsed);
    Say(Severity::kError, statement, absl::StrCat(path, ": ", parsed.status().message()));
    return std::nullopt;
  }

  void ReadCertificateAndKey() {
    auto certificates = Take("certificate-file", t_.certificate_file, false, crypto::ParseCertificates);
    auto key = t_.key_uri.empty() ? Take("key-file", t_.key_file, true,
                                         [&](BytesView file) { return crypto::ParseSigningKey(file, t_.password); })
                                  : OpenKey();
    if (!certificates || !key) return;
    own_statement_ = "certificate-file";
    chain_ = *std::move(certificates);
    key_ = *std::move(key);
    if (absl::Status fits = crypto::CheckKeyPair(chain_.front(), *key_); !fits.ok()) {
      Say(Severity::kError, t_.key_uri.empty() ? "key-file" : "private-key uri",
          absl::StrCat(t_.key_uri.empty() ? t_.key_file : t_.key_uri, ": ", fits.message(), " ",
                       chain_.front().subject),
          absl::StrCat("the first certificate in ", t_.certificate_file, " must be the one of this key"));
      chain_.clear();
    }
  }

  std::optional<std::shared_ptr<const crypto::SigningKey>> OpenKey() {
    auto key = OpenSigningKey(t_.key_uri, t_.password);
    if (key.ok()) return *std::move(key);
    Say(Severity::kError, "private-key uri", absl::StrCat(t_.key_uri, ": ", key.status().message()));
    return std::nullopt;
  }

  void ReadPkcs12() {
    auto bag = Take("pkcs12-file", t_.pkcs12_file, true,
                    [&](BytesView file) { return crypto::ParsePkcs12(file, t_.password); });
    if (!bag) return;
    own_statement_ = "pkcs12-file";
    if (bag->key != nullptr && !bag->certificates.empty()) {
      key_ = bag->key;
      chain_.push_back(bag->certificates.front());
      bag->certificates.erase(bag->certificates.begin());
    } else if (bag->key != nullptr) {
      Say(Severity::kError, "pkcs12-file", absl::StrCat(t_.pkcs12_file, ": a key without its certificate"));
    }
    // Self-signed ones are the CA; others lead to it.
    for (crypto::CertificateInfo& c : bag->certificates)
      (c.subject == c.issuer || chain_.empty() ? out_.authorities : chain_).push_back(std::move(c));
  }

  void ReadAuthorities() {
    auto list = Take("ca-file", t_.ca_file, false, crypto::ParseCertificates);
    if (!list) return;
    for (crypto::CertificateInfo& c : *list) {
      if (!c.ca)
        Say(Severity::kWarning, "ca-file",
            absl::StrCat(t_.ca_file, ": ", c.subject,
                         " is no CA certificate: only this very peer is believed by it"));
      out_.authorities.push_back(std::move(c));
    }
  }

  void ReadCrls() {
    if (auto crls = Take("crl-file", t_.crl_file, false, crypto::ParseCrls)) out_.crls = *std::move(crls);
  }

  void CheckDates(const char* statement, const crypto::CertificateInfo& c) {
    const int64_t days = (c.not_after - now_) / 86400;
    if (now_ > c.not_after)
      Say(Severity::kWarning, statement,
          absl::StrCat(c.subject, " has expired ", -days, " days ago: it will be refused"), "renew it");
    else if (now_ < c.not_before)
      Say(Severity::kWarning, statement, absl::StrCat(c.subject, " is not valid yet: it will be refused"),
          "is the clock right?");
    else if (c.not_after - now_ < kSoon)
      Say(Severity::kWarning, statement, absl::StrCat(c.subject, " expires in ", days, " days"), "renew it");
  }

  void MakeCredential() {
    if (chain_.empty() || key_ == nullptr) return;
    CheckDates(own_statement_, chain_.front());
    auto credential = std::make_shared<crypto::Credential>();
    // A root is not sent: the peer has it or does not believe it.
    for (crypto::CertificateInfo& c : chain_) {
      if (&c != &chain_.front()) credential->authorities.push_back(c.key_id);
      if (&c == &chain_.front() || c.subject != c.issuer) credential->chain.push_back(std::move(c));
    }
    for (const crypto::CertificateInfo& ca : out_.authorities) credential->authorities.push_back(ca.key_id);
    credential->key = key_;
    out_.credential = std::move(credential);
  }

  void MakeTrust() {
    if (out_.authorities.empty()) return;
    for (const crypto::CertificateInfo& ca : out_.authorities)
      CheckDates(t_.ca_file.empty() ? "pkcs12-file" : "ca-file", ca);
    auto trust = crypto::MakeTrustStore(out_.authorities, out_.crls, node::ToPolicy(t_));
    if (trust.ok())
      out_.trust = *std::move(trust);
    else
      Say(Severity::kError, "ca-file", std::string(trust.status().message()));
  }

  const config::Model& model_;
  const config::Trustpoint& t_;
  const crypto::UnixTime now_;
  std::vector<config::Diagnostic>* diagnostics_;
  const char* own_statement_ = "";
  std::vector<crypto::CertificateInfo> chain_;
  std::shared_ptr<const crypto::SigningKey> key_;
  node::LoadedTrustpoint out_;
};

}  // namespace

node::Pki LoadPki(const config::Model& model, crypto::UnixTime now,
                  std::vector<config::Diagnostic>* diagnostics) {
  node::Pki pki;
  for (const auto& [name, trustpoint] : model.trustpoints)
    pki[name] = Loader(model, trustpoint, now, diagnostics).Run();
  return pki;
}

}  // namespace flexvpn::app
