// SPDX-License-Identifier: Apache-2.0
// Authentication of an IKE SA (RFC 7296 §2.15): what AUTH covers, shared keys, and the form of signatures (RFC 7427).
// Signing and checking of signatures are jobs (auth_certificate.cc).
#ifndef FLEXVPN_CORE_IKE_AUTH_H_
#define FLEXVPN_CORE_IKE_AUTH_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "core/ike/endpoint.h"

namespace flexvpn::ike {

// What one side's AUTH payload covers.
struct AuthInput {
  crypto::Prf prf{};
  BytesView first_message;  // the signer's IKE_SA_INIT message, whole
  BytesView peer_nonce;     // nonce of the other side
  BytesView sk_p;           // SK_pi or SK_pr of the signer
  const Identity* id = nullptr;  // the signer's
  BytesView int_auth{};     // what IKE_INTERMEDIATE adds to the signed octets (RFC 9242 §3.3)
};

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  virtual absl::StatusOr<AuthPayload> Sign(const AuthInput& own) const = 0;
  // Error: kUnauthenticated with the likely cause for our log.
  virtual absl::Status Verify(const AuthInput& peer, const AuthPayload& auth) const = 0;
};

// Different keys for the two directions are allowed (keyring `pre-shared-key local|remote`).
std::unique_ptr<Authenticator> NewPskAuthenticator(const crypto::Provider& crypto, SecretBytes local_key,
                                                   SecretBytes remote_key);

// InitiatorSignedOctets / ResponderSignedOctets.
Bytes SignedOctets(const crypto::Provider& crypto, const AuthInput& in);

// NULL authentication (RFC 7619 §2.1): AUTH as with a shared key, which is SK_pi or SK_pr of the signer.  It proves that the
// peer of IKE_AUTH is that of IKE_SA_INIT, and nothing about who that is.  Error kInternal: the PRF failed.
absl::StatusOr<AuthPayload> NullAuth(const crypto::Provider& crypto, const AuthInput& own);
// Error kUnauthenticated.
absl::Status VerifyNullAuth(const crypto::Provider& crypto, const AuthInput& peer, const AuthPayload& auth);

// After EAP (§2.16): AUTH as with a shared key, which is the method's key, or SK_pi or SK_pr of the signer where `msk` is empty.
// Error kInternal: the PRF failed.
absl::StatusOr<AuthPayload> EapAuth(const crypto::Provider& crypto, BytesView msk, const AuthInput& own);
// Error kUnauthenticated.
absl::Status VerifyEapAuth(const crypto::Provider& crypto, BytesView msk, const AuthInput& peer, const AuthPayload& auth);

// Session resumption (RFC 5723 §4.3.3): prf(SK_px, signed octets), as method "shared key"; no long-term key is in it.
AuthPayload ResumedAuth(const crypto::Provider& crypto, const AuthInput& own);
// Error kUnauthenticated.
absl::Status VerifyResumedAuth(const crypto::Provider& crypto, const AuthInput& peer, const AuthPayload& auth);

// --- signatures ---------------------------------------------------------------------------------------------------
// SIGNATURE_HASH_ALGORITHMS (RFC 7427 §4): what the peer can check, one bit a hash (1 << IANA number).
using HashSet = uint32_t;
constexpr HashSet Bit(crypto::SignatureHash h) { return HashSet{1} << static_cast<unsigned>(h); }
Bytes EncodeOwnHashes();
// Unknown numbers are left out.  Nothing if the size is odd or zero.
std::optional<HashSet> DecodeHashes(BytesView data);

struct AuthScheme {
  AuthMethod method{};
  crypto::SignatureScheme scheme;
};
// How to sign with `key` so that the peer can check it: Digital Signature if it announced hashes, else the method of
// RFC 7296 / RFC 4754 for the key.  Error: there is none.
// `pss`: an ordinary RSA key makes RSASSA-PSS, which needs Digital Signature, instead of PKCS#1.
absl::StatusOr<AuthScheme> ChooseScheme(crypto::KeyKind key, const std::optional<HashSet>& peer, bool pss = false);

AuthPayload SignatureAuth(AuthMethod method, const crypto::Signature& signature);
struct ReceivedSignature {
  std::optional<crypto::SignatureScheme> scheme;  // none: signature.algorithm says
  crypto::Signature signature;
};
// Error kUnauthenticated: no method of signatures, or malformed.
absl::StatusOr<ReceivedSignature> ReadSignatureAuth(const AuthPayload& auth);

// What a certificate must name; nothing for identities no certificate can prove (key-id, null).
std::optional<crypto::ClaimedIdentity> ToClaim(const Identity& id);

// --- CERT and CERTREQ (RFC 7296 §3.6, §3.7) -----------------------------------------------------------------------
inline constexpr uint8_t kX509Signature = 4;              // Cert Encoding (RFC 7296 §3.6)
inline constexpr size_t kMaxCertificates = 10;            // of one message
inline constexpr size_t kMaxCertificateSize = 16 * 1024;  // of one
inline constexpr size_t kMaxAuthorities = 64;             // key ids taken from a peer's CERTREQ, and put in ours
// The X.509 certificates of a message, in order; may be empty.  Error: more or larger than we look at.
absl::StatusOr<std::vector<Bytes>> ReadCertificates(const Payloads& payloads);

// Certificates that a peer names by URL (hash and URL, encodings 12 and 13).
inline constexpr size_t kMaxCertificateUrls = 4;            // of one message
inline constexpr size_t kMaxBundleSize = 64 * 1024;
struct CertificateUrl {
  size_t index = 0;     // of the CERT payload in its message
  bool bundle = false;
  Bytes hash;           // SHA-1 of what is there
  std::string url;
};
// Error kUnauthenticated: malformed, not to be fetched, or more than we follow.
absl::StatusOr<std::vector<CertificateUrl>> ReadCertificateUrls(const Payloads& payloads);

void AppendCertificates(const crypto::Credential& credential, Payloads& out);
std::vector<Bytes> ReadCertRequests(const Payloads& payloads);
void AppendCertRequest(const std::vector<Bytes>& authorities, Payloads& out);

// The body of an ID payload: type, reserved, data.
Bytes IdBody(const Identity& id);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_AUTH_H_
