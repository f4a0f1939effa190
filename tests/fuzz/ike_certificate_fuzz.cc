// SPDX-License-Identifier: Apache-2.0
// What certificate authentication reads of a stranger: the AUTH payload, hash lists, names, certificates, and
// the whole check of a peer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/crypto/provider.h"
#include "core/ike/auth.h"

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
  static const auto empty = crypto::MakeTrustStore({}, {}, crypto::Revocation::kNone);
  job.trust = {*empty};
  if (provider->Run(job).ok()) abort();  // nobody is believed without a CA
  return 0;
}
