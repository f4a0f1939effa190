// SPDX-License-Identifier: Apache-2.0
// What certificate authentication reads of a stranger: the AUTH payload, hash lists, names, certificates, and
// the whole check of a peer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/crypto/provider.h"
#include "core/ike/auth.h"
#include "support/test_pki.h"

namespace {

// What a server sends instead of a CRL or an OCSP answer: nobody has the key, so nothing can be right.
void FuzzRevocation(const flexvpn::crypto::Provider& provider, flexvpn::BytesView answer) {
  using namespace flexvpn::crypto;
  static const auto* const ca = new test::TestCert({.cn = "CA", .ca = true});
  static const auto* const cert = new test::TestCert({.cn = "peer"}, ca);
  for (RevocationMethod method : {RevocationMethod::kCrl, RevocationMethod::kOcsp}) {
    CheckRevocationAnswer job;
    job.fetch.method = method;
    job.fetch.certificate = cert->der();
    job.fetch.issuer = ca->der();
    job.answer.assign(answer.begin(), answer.end());
    job.at = test::kNow;
    if (provider.Run(job).ok()) abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flexvpn;
  static const crypto::Provider* const provider = crypto::NewOpensslProvider().release();
  ByteReader in(BytesView(data, size));
  const auto method = static_cast<ike::AuthMethod>(in.U8());
  const BytesView auth = in.Take(in.U16());
  const BytesView rest = in.TakeAll();
  if (!in.ok()) return 0;

  ike::DecodeHashes(auth);
  if (const auto info = crypto::ParseCertificate(rest); info.ok()) {
    if (crypto::DistinguishedNameText(info->subject_der) != info->subject) abort();
    if (info->der.empty() || info->key_id.size() != 20) abort();
  }
  crypto::DistinguishedNameText(rest);
  if (const auto bundle = crypto::ParseCertificateBundle(rest, ike::kMaxCertificates); bundle.ok()) {
    size_t octets = 0;
    for (const Bytes& der : *bundle) octets += der.size();
    if (bundle->size() > ike::kMaxCertificates || octets > rest.size()) abort();
  }
  const ike::Payloads by_url = {ike::CertPayload{12, Bytes(rest.begin(), rest.end())}};
  if (const auto urls = ike::ReadCertificateUrls(by_url); urls.ok())
    for (const ike::CertificateUrl& u : *urls)
      if (!net::IsFetchable(u.url) || u.hash.size() != 20) abort();
  (void)crypto::ParseCrls(rest);

  const auto read = ike::ReadSignatureAuth({method, Bytes(auth.begin(), auth.end())});
  if (!read.ok()) return 0;
  if (method == ike::AuthMethod::kSignature) {  // what was read is what was written
    if (ike::SignatureAuth(method, read->signature).data != Bytes(auth.begin(), auth.end())) abort();
  }
  crypto::VerifyPeer job;
  job.chain = {Bytes(rest.begin(), rest.end()), Bytes(auth.begin(), auth.end())};
  job.identity = {crypto::ClaimedIdentity::Kind::kDn, Bytes(auth.begin(), auth.end())};
  job.scheme = read->scheme;
  job.signature = read->signature;
  static const auto empty = crypto::MakeTrustStore({}, {}, {});
  job.trust = {*empty};
  if (provider->Run(job).ok()) abort();  // nobody is believed without a CA
  FuzzRevocation(*provider, rest);
  return 0;
}
