// SPDX-License-Identifier: Apache-2.0
#include "core/ike/auth.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace flexvpn::ike {
namespace {

SecretBytes ComputeAuth(const crypto::Provider& crypto, BytesView secret, const AuthInput& in) {
  return SharedKeyAuth(crypto, in.prf, secret, in.first_message, in.peer_nonce, in.sk_p, IdBody(*in.id), in.int_auth);
}

absl::StatusOr<AuthPayload> MacAuth(const crypto::Provider& crypto, AuthMethod method, BytesView secret, const AuthInput& own) {
  const SecretBytes mac = ComputeAuth(crypto, secret, own);
  if (mac.empty()) return absl::InternalError("PRF failed");
  return AuthPayload{method, Bytes(mac.begin(), mac.end())};
}

bool IsMacAuth(const crypto::Provider& crypto, AuthMethod method, BytesView secret, const AuthInput& peer, const AuthPayload& auth) {
  const SecretBytes mac = ComputeAuth(crypto, secret, peer);
  return auth.method == method && !mac.empty() && crypto.ConstantTimeEqual(mac, auth.data);
}

class PskAuthenticator : public Authenticator {
 public:
  PskAuthenticator(const crypto::Provider& crypto, SecretBytes local_key, SecretBytes remote_key)
      : crypto_(crypto), local_key_(std::move(local_key)), remote_key_(std::move(remote_key)) {}

  absl::StatusOr<AuthPayload> Sign(const AuthInput& own) const override {
    if (local_key_.empty()) return absl::FailedPreconditionError("no local pre-shared key");
    return MacAuth(crypto_, AuthMethod::kSharedKey, local_key_, own);
  }

  absl::Status Verify(const AuthInput& peer, const AuthPayload& auth) const override {
    if (auth.method != AuthMethod::kSharedKey)
      return absl::UnauthenticatedError("peer does not authenticate with a pre-shared key");
    if (remote_key_.empty()) return absl::UnauthenticatedError("no pre-shared key for this peer");
    if (IsMacAuth(crypto_, AuthMethod::kSharedKey, remote_key_, peer, auth)) return absl::OkStatus();
    return absl::UnauthenticatedError("wrong pre-shared key");
  }

 private:
  const crypto::Provider& crypto_;
  SecretBytes local_key_, remote_key_;
};

}  // namespace

std::unique_ptr<Authenticator> NewPskAuthenticator(const crypto::Provider& crypto, SecretBytes local_key,
                                                   SecretBytes remote_key) {
  return std::make_unique<PskAuthenticator>(crypto, std::move(local_key), std::move(remote_key));
}

Bytes SignedOctets(const crypto::Provider& crypto, const AuthInput& in) {
  const Bytes id = IdBody(*in.id);
  const BytesView parts[] = {id};
  const SecretBytes maced_id = crypto.ComputePrf(in.prf, in.sk_p, parts);
  ByteWriter w;
  w.Append(in.first_message);
  w.Append(in.peer_nonce);
  w.Append(maced_id);
  w.Append(in.int_auth);
  return std::move(w).Release();
}

absl::StatusOr<AuthPayload> NullAuth(const crypto::Provider& crypto, const AuthInput& own) {
  return MacAuth(crypto, AuthMethod::kNull, own.sk_p, own);
}

absl::Status VerifyNullAuth(const crypto::Provider& crypto, const AuthInput& peer, const AuthPayload& auth) {
  if (IsMacAuth(crypto, AuthMethod::kNull, peer.sk_p, peer, auth)) return absl::OkStatus();
  return absl::UnauthenticatedError("its AUTH does not belong to this exchange (NULL authentication)");
}

absl::StatusOr<AuthPayload> EapAuth(const crypto::Provider& crypto, BytesView msk, const AuthInput& own) {
  return MacAuth(crypto, AuthMethod::kSharedKey, msk.empty() ? own.sk_p : msk, own);
}

absl::Status VerifyEapAuth(const crypto::Provider& crypto, BytesView msk, const AuthInput& peer, const AuthPayload& auth) {
  if (IsMacAuth(crypto, AuthMethod::kSharedKey, msk.empty() ? peer.sk_p : msk, peer, auth)) return absl::OkStatus();
  return absl::UnauthenticatedError("its AUTH is not made with the key of the EAP login");
}

AuthPayload ResumedAuth(const crypto::Provider& crypto, const AuthInput& own) {
  const Bytes octets = SignedOctets(crypto, own);
  const BytesView parts[] = {octets};
  const SecretBytes mac = crypto.ComputePrf(own.prf, own.sk_p, parts);
  return AuthPayload{AuthMethod::kSharedKey, Bytes(mac.begin(), mac.end())};
}

absl::Status VerifyResumedAuth(const crypto::Provider& crypto, const AuthInput& peer, const AuthPayload& auth) {
  const AuthPayload wanted = ResumedAuth(crypto, peer);
  if (auth.method != wanted.method || wanted.data.empty() || !crypto.ConstantTimeEqual(wanted.data, auth.data))
    return absl::UnauthenticatedError("it does not prove to be who got the ticket");
  return absl::OkStatus();
}

Bytes IdBody(const Identity& id) {
  ByteWriter w;
  w.U8(static_cast<uint8_t>(id.type));
  w.Zeros(3);
  w.Append(id.data);
  return std::move(w).Release();
}

namespace {

using crypto::KeyKind;
using crypto::SignatureHash;
using crypto::SignatureKind;

constexpr SignatureHash kOwnHashes[] = {SignatureHash::kSha256, SignatureHash::kSha384, SignatureHash::kSha512,
                                        SignatureHash::kIdentity};
constexpr uint8_t kHashAndUrlCertificate = 12, kHashAndUrlBundle = 13;
constexpr size_t kKeyIdSize = 20;

// The hash that fits the strength of the key comes first.
std::vector<SignatureHash> Preferred(KeyKind key) {
  switch (key) {
    case KeyKind::kEcdsa384: return {SignatureHash::kSha384, SignatureHash::kSha512, SignatureHash::kSha256};
    case KeyKind::kEcdsa521: return {SignatureHash::kSha512, SignatureHash::kSha384, SignatureHash::kSha256};
    case KeyKind::kEd25519:
    case KeyKind::kEd448: return {SignatureHash::kIdentity};
    default: return {SignatureHash::kSha256, SignatureHash::kSha384, SignatureHash::kSha512};
  }
}

SignatureKind KindFor(KeyKind key, bool pss) {
  switch (key) {
    case KeyKind::kRsa: return pss ? SignatureKind::kRsaPss : SignatureKind::kRsaPkcs1;  // the latter every peer has
    case KeyKind::kRsaPss: return SignatureKind::kRsaPss;
    case KeyKind::kEd25519:
    case KeyKind::kEd448: return SignatureKind::kEdDsa;
    default: return SignatureKind::kEcdsa;
  }
}

}  // namespace

Bytes EncodeOwnHashes() {
  ByteWriter w;
  for (SignatureHash h : kOwnHashes) w.U16(static_cast<uint16_t>(h));
  return std::move(w).Release();
}

std::optional<HashSet> DecodeHashes(BytesView data) {
  if (data.empty() || data.size() % 2 != 0) return std::nullopt;
  HashSet out = 0;
  for (ByteReader r(data); r.left() != 0;) {
    const uint16_t number = r.U16();
    if (number >= 1 && number <= static_cast<uint16_t>(SignatureHash::kIdentity)) out |= HashSet{1} << number;
  }
  return out;
}

absl::StatusOr<AuthScheme> ChooseScheme(KeyKind key, const std::optional<HashSet>& peer, bool pss) {
  if (peer) {
    for (SignatureHash h : Preferred(key))
      if ((*peer & Bit(h)) != 0) return AuthScheme{AuthMethod::kSignature, {KindFor(key, pss), h}};
    return absl::FailedPreconditionError("the peer can check no signature that our key can make (hash algorithms)");
  }
  if (pss) return absl::FailedPreconditionError("RSASSA-PSS needs Digital Signature (RFC 7427), which the peer does not have");
  switch (key) {  // RFC 7296 §2.15: SHA-1 is what method 1 is understood with; RFC 4754 fixes the others
    case KeyKind::kRsa: return AuthScheme{AuthMethod::kRsa, {SignatureKind::kRsaPkcs1, SignatureHash::kSha1}};
    case KeyKind::kEcdsa256: return AuthScheme{AuthMethod::kEcdsa256, {SignatureKind::kEcdsaRaw, SignatureHash::kSha256}};
    case KeyKind::kEcdsa384: return AuthScheme{AuthMethod::kEcdsa384, {SignatureKind::kEcdsaRaw, SignatureHash::kSha384}};
    case KeyKind::kEcdsa521: return AuthScheme{AuthMethod::kEcdsa521, {SignatureKind::kEcdsaRaw, SignatureHash::kSha512}};
    default:
      return absl::FailedPreconditionError("our kind of key needs Digital Signature (RFC 7427), which the peer does not have");
  }
}

AuthPayload SignatureAuth(AuthMethod method, const crypto::Signature& signature) {
  ByteWriter w;
  if (method == AuthMethod::kSignature) {
    w.U8(static_cast<uint8_t>(signature.algorithm.size()));
    w.Append(signature.algorithm);
  }
  w.Append(signature.value);
  return AuthPayload{method, std::move(w).Release()};
}

absl::StatusOr<ReceivedSignature> ReadSignatureAuth(const AuthPayload& auth) {
  ReceivedSignature out;
  switch (auth.method) {
    case AuthMethod::kRsa: out.scheme = {SignatureKind::kRsaPkcs1, SignatureHash::kAny}; break;
    case AuthMethod::kEcdsa256: out.scheme = {SignatureKind::kEcdsaRaw, SignatureHash::kSha256}; break;
    case AuthMethod::kEcdsa384: out.scheme = {SignatureKind::kEcdsaRaw, SignatureHash::kSha384}; break;
    case AuthMethod::kEcdsa521: out.scheme = {SignatureKind::kEcdsaRaw, SignatureHash::kSha512}; break;
    case AuthMethod::kSignature: break;
    default:
      return absl::UnauthenticatedError(absl::StrCat("AUTH method ", static_cast<int>(auth.method), " is not supported"));
  }
  ByteReader r(auth.data);
  if (!out.scheme) {
    const BytesView algorithm = r.Take(r.U8());
    out.signature.algorithm.assign(algorithm.begin(), algorithm.end());
  }
  const BytesView value = r.TakeAll();
  out.signature.value.assign(value.begin(), value.end());
  if (!r.ok() || value.empty() || (!out.scheme && out.signature.algorithm.empty()))
    return absl::UnauthenticatedError("malformed signature in AUTH");
  return out;
}

std::optional<crypto::ClaimedIdentity> ToClaim(const Identity& id) {
  using Kind = crypto::ClaimedIdentity::Kind;
  switch (id.type) {
    case IdType::kFqdn: return crypto::ClaimedIdentity{Kind::kDns, id.data};
    case IdType::kEmail: return crypto::ClaimedIdentity{Kind::kEmail, id.data};
    case IdType::kIpv4:
    case IdType::kIpv6: return crypto::ClaimedIdentity{Kind::kAddress, id.data};
    case IdType::kDerAsn1Dn: return crypto::ClaimedIdentity{Kind::kDn, id.data};
    default: return std::nullopt;
  }
}

absl::StatusOr<std::vector<Bytes>> ReadCertificates(const Payloads& payloads) {
  std::vector<Bytes> out;
  bool by_url = false;
  for (const Payload& p : payloads) {
    const auto* cert = std::get_if<CertPayload>(&p);
    if (cert == nullptr) continue;
    by_url |= cert->encoding == kHashAndUrlCertificate || cert->encoding == kHashAndUrlBundle;
    if (cert->encoding != kX509Signature) continue;
    if (out.size() == kMaxCertificates)
      return absl::UnauthenticatedError(absl::StrCat("it sends more than ", kMaxCertificates, " certificates"));
    if (cert->data.size() > kMaxCertificateSize)
      return absl::UnauthenticatedError(absl::StrCat("it sends a certificate of ", cert->data.size(), " octets"));
    out.push_back(cert->data);
  }
  if (out.empty() && by_url)
    return absl::UnauthenticatedError("it sends its certificate as a URL (hash and URL), which we did not ask for");
  return out;
}

absl::StatusOr<std::vector<CertificateUrl>> ReadCertificateUrls(const Payloads& payloads) {
  constexpr size_t kHashSize = 20;
  std::vector<CertificateUrl> out;
  for (size_t i = 0; i < payloads.size(); ++i) {
    const auto* cert = std::get_if<CertPayload>(&payloads[i]);
    if (cert == nullptr || (cert->encoding != kHashAndUrlCertificate && cert->encoding != kHashAndUrlBundle)) continue;
    if (out.size() == kMaxCertificateUrls)
      return absl::UnauthenticatedError(
          absl::StrCat("it sends more than ", kMaxCertificateUrls, " URLs of certificates"));
    ByteReader r(cert->data);
    const BytesView hash = r.Take(kHashSize);
    std::string url = ToString(r.TakeAll());
    if (!r.ok() || !net::IsFetchable(url))
      return absl::UnauthenticatedError("it sends a URL of a certificate that is none of http or https");
    out.push_back({i, cert->encoding == kHashAndUrlBundle, Bytes(hash.begin(), hash.end()), std::move(url)});
  }
  return out;
}

void AppendCertificates(const crypto::Credential& credential, Payloads& out) {
  for (const crypto::CertificateInfo& c : credential.chain) out.emplace_back(CertPayload{kX509Signature, c.der});
}

std::vector<Bytes> ReadCertRequests(const Payloads& payloads) {
  std::vector<Bytes> out;
  for (const Payload& p : payloads) {
    const auto* request = std::get_if<CertReqPayload>(&p);
    if (request == nullptr || request->encoding != kX509Signature) continue;
    for (ByteReader r(request->data); r.left() >= kKeyIdSize && out.size() < kMaxAuthorities;) {
      const BytesView id = r.Take(kKeyIdSize);
      out.emplace_back(id.begin(), id.end());
    }
  }
  return out;
}

void AppendCertRequest(const std::vector<Bytes>& authorities, Payloads& out) {
  if (authorities.empty()) return;
  ByteWriter w;
  for (size_t i = 0; i < std::min(authorities.size(), kMaxAuthorities); ++i) w.Append(authorities[i]);
  out.emplace_back(CertReqPayload{kX509Signature, std::move(w).Release()});
}

}  // namespace flexvpn::ike
