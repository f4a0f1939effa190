// SPDX-License-Identifier: Apache-2.0
// Authentication of an IKE SA (RFC 7296 §2.15).  One implementation now; certificates and EAP come as others.
#ifndef FLEXVPN_CORE_IKE_AUTH_H_
#define FLEXVPN_CORE_IKE_AUTH_H_

#include <memory>

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

// The body of an ID payload: type, reserved, data.
Bytes IdBody(const Identity& id);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_AUTH_H_
