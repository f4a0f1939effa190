// SPDX-License-Identifier: Apache-2.0
// Is this peer who it says it is?  Chain (RFC 5280), fitness for IKE and identity (RFC 4945), signature.
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_TRUST_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_TRUST_H_

#include "absl/status/statusor.h"
#include "core/crypto/provider.h"

namespace flexvpn::crypto {

absl::StatusOr<VerifiedPeer> CheckPeer(const VerifyPeer& job);

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_TRUST_H_
