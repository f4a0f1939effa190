// SPDX-License-Identifier: Apache-2.0
#include "core/ike/auth.h"

namespace flexvpn::ike {
namespace {

class PskAuthenticator : public Authenticator {
 public:
  PskAuthenticator(const crypto::Provider& crypto, SecretBytes local_key, SecretBytes remote_key)
      : crypto_(crypto), local_key_(std::move(local_key)), remote_key_(std::move(remote_key)) {}

  absl::StatusOr<AuthPayload> Sign(const AuthInput& own) const override {
    if (local_key_.empty()) return absl::FailedPreconditionError("no local pre-shared key");
    const SecretBytes mac = Compute(local_key_, own);
    if (mac.empty()) return absl::InternalError("PRF failed");
    return AuthPayload{AuthMethod::kSharedKey, Bytes(mac.begin(), mac.end())};
  }

  absl::Status Verify(const AuthInput& peer, const AuthPayload& auth) const override {
    if (auth.method != AuthMethod::kSharedKey)
      return absl::UnauthenticatedError("peer does not authenticate with a pre-shared key");
    if (remote_key_.empty()) return absl::UnauthenticatedError("no pre-shared key for this peer");
    const SecretBytes mac = Compute(remote_key_, peer);
    if (mac.empty() || !crypto_.ConstantTimeEqual(mac, auth.data))
      return absl::UnauthenticatedError("wrong pre-shared key");
    return absl::OkStatus();
  }

 private:
  SecretBytes Compute(const SecretBytes& key, const AuthInput& in) const {
    return SharedKeyAuth(crypto_, in.prf, key, in.first_message, in.peer_nonce, in.sk_p, IdBody(*in.id),
                         in.int_auth);
  }

  const crypto::Provider& crypto_;
  SecretBytes local_key_, remote_key_;
};

}  // namespace

std::unique_ptr<Authenticator> NewPskAuthenticator(const crypto::Provider& crypto, SecretBytes local_key,
                                                   SecretBytes remote_key) {
  return std::make_unique<PskAuthenticator>(crypto, std::move(local_key), std::move(remote_key));
}

Bytes IdBody(const Identity& id) {
  ByteWriter w;
  w.U8(static_cast<uint8_t>(id.type));
  w.Zeros(3);
  w.Append(id.data);
  return std::move(w).Release();
}

}  // namespace flexvpn::ike
