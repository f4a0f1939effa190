// SPDX-License-Identifier: Apache-2.0
// Is this peer who it says it is?  Chain (RFC 5280), fitness for IKE and identity (RFC 4945), signature, revocation.
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_TRUST_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_TRUST_H_

#include "core/crypto/provider.h"

namespace flexvpn::crypto {

JobResult CheckPeer(const VerifyPeer& job);

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_TRUST_H_
