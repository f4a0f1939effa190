// SPDX-License-Identifier: Apache-2.0
// Cryptography as the protocol code sees it.  core/crypto/openssl is the implementation; a simulation may pass
// another one.  Slow operations are Jobs: the endpoint hands them out as actions and gets a JobResult as input.
#ifndef FLEXVPN_CORE_CRYPTO_PROVIDER_H_
#define FLEXVPN_CORE_CRYPTO_PROVIDER_H_

#include <memory>
#include <span>
#include <variant>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/secret.h"
#include "base/strong_id.h"
#include "core/crypto/certificate.h"
#include "core/crypto/revocation.h"
#include "core/crypto/transforms.h"

namespace flexvpn::crypto {

// Private half of an ephemeral key exchange; opaque, may be passed between threads, used by one job at a time.
class PrivateKey {
 public:
  virtual ~PrivateKey() = default;
};
struct KeyPair {
  KeMethod method{};
  Bytes public_value;  // as on the wire (RFC 7296 §3.4, RFC 5903, RFC 8031)
  std::shared_ptr<PrivateKey> private_key;
};

using JobId = StrongId<struct JobIdTag, uint64_t>;
struct GenerateKey { KeMethod method{}; };                  // -> KeyPair
struct DeriveSecret { KeyPair own; Bytes peer_public; };    // -> SecretBytes g^ir; error: bad public value
// Both in one go, all there is of it with a KEM -> KeyAnswer; errors of both.
struct AnswerKey { KeMethod method{}; Bytes peer_public; };
struct KeyAnswer { Bytes public_value; SecretBytes secret; };
struct Sign {                                               // -> Signature
  std::shared_ptr<const SigningKey> key;
  SignatureScheme scheme;
  bool with_algorithm = false;  // fill Signature::algorithm
  Bytes data;
};
// The whole proof of a peer: its chain leads to a CA we believe, is in force and fit for IKE (RFC 4945 §5), names the
// claimed identity, its key made the signature, and by the trustpoint's methods nothing of the chain is revoked.
// -> VerifiedPeer; RevocationNeeded if all is well but for revocation, of which more has to be known first; error
// kUnauthenticated with the cause for our log.
struct VerifyPeer {
  std::vector<std::shared_ptr<const TrustStore>> trust;  // the first with the chain's CA decides
  std::vector<Bytes> chain;  // DER as received: the peer's own first (RFC 7296 §3.6), others in any order
  UnixTime at = 0;
  ClaimedIdentity identity;
  bool rsa = true, elliptic = true;  // kinds of keys accepted
  std::optional<SignatureScheme> scheme;  // none: Signature::algorithm says (RFC 7427)
  Signature signature;
  Bytes data;
  RevocationKnowledge known;
  bool may_fetch = false;  // else what is not known counts as not to be had
};
struct VerifiedPeer {
  CertificateInfo certificate;
  SignatureScheme scheme;
};
struct RevocationNeeded {
  std::vector<RevocationFetch> fetches;  // at once; never empty
};
// What a fetch brought: is it an answer to the question, signed by whom it must be, and in force?
// -> RevocationRecord; the error says what is wrong with it.
struct CheckRevocationAnswer {
  RevocationFetch fetch;
  Bytes answer;
  UnixTime at = 0;
};
using Job = std::variant<GenerateKey, DeriveSecret, AnswerKey, Sign, VerifyPeer, CheckRevocationAnswer>;
// The error says what to tell the log; a peer's bad public value is kInvalidArgument.
using JobResult = absl::StatusOr<
    std::variant<KeyPair, SecretBytes, KeyAnswer, Signature, VerifiedPeer, RevocationNeeded, RevocationRecord>>;

class Provider {
 public:
  virtual ~Provider() = default;

  virtual bool Supports(Encr e, uint16_t key_bits) const = 0;
  virtual bool Supports(Prf p) const = 0;
  virtual bool Supports(Integ i) const = 0;
  virtual bool Supports(KeMethod m) const = 0;

  using Parts = std::span<const BytesView>;  // concatenated
  // prf(key, parts...).  Empty result only for an unsupported algorithm.
  virtual SecretBytes ComputePrf(Prf p, BytesView key, Parts parts) const = 0;
  // prf+(key, seed), RFC 7296 §2.13: `size` octets, at most 255 blocks of the PRF.  Empty on failure.
  virtual SecretBytes PrfPlus(Prf p, BytesView key, BytesView seed, size_t size) const = 0;
  // Truncated HMAC or CMAC (RFC 2403, RFC 2404, RFC 4494, RFC 4868).
  virtual Bytes ComputeIntegrity(Integ i, BytesView key, Parts parts) const = 0;
  virtual Bytes Sha1(Parts parts) const = 0;  // NAT detection (RFC 7296 §2.23) only
  virtual Bytes Sha256(Parts parts) const = 0;

  // All ciphers: `key` without salt, nonce = salt | IV as on the wire (CBC has no salt).
  // CBC and CTR (RFC 5930), which need an integrity algorithm beside them.  No padding: sizes are multiples of BlockSize.
  virtual absl::StatusOr<Bytes> Encrypt(Encr e, BytesView key, BytesView nonce, BytesView plain) const = 0;
  virtual absl::StatusOr<SecretBytes> Decrypt(Encr e, BytesView key, BytesView nonce, BytesView cipher) const = 0;
  // AEAD (RFC 5282, RFC 7634).  Seal returns ciphertext | tag.
  virtual absl::StatusOr<Bytes> Seal(Encr e, BytesView key, BytesView nonce, BytesView aad, BytesView plain) const = 0;
  // Error kUnauthenticated on a wrong tag.
  virtual absl::StatusOr<SecretBytes> Open(Encr e, BytesView key, BytesView nonce, BytesView aad,
                                           BytesView sealed) const = 0;

  // Thread-safe; called from workers.
  virtual JobResult Run(const Job& job) const = 0;

  // Also false for different lengths.
  virtual bool ConstantTimeEqual(BytesView a, BytesView b) const = 0;
};

// The process-wide OpenSSL 3 implementation (core/crypto/openssl).
std::unique_ptr<Provider> NewOpensslProvider();

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_PROVIDER_H_
