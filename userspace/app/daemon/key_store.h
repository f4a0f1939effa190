// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_KEY_STORE_H_
#define FLEXVPN_APP_DAEMON_KEY_STORE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "core/crypto/signature.h"

namespace flexvpn::app {

// The private key that `uri` names, in a token or wherever an OpenSSL provider finds it; it need not be able
// to leave there.  "pkcs11:…" (RFC 7512) goes to the provider `pkcs11`, else to the engine of that name; what
// other schemes mean is up to the providers that openssl.cnf loads.  The PIN is tried once: tokens lock
// themselves after a few wrong ones; and not at all while the process is logged in to the token. Errors:
// kFailedPrecondition if what it needs is not installed, kNotFound, kInvalidArgument for a kind of key IKE
// cannot use.  No message holds the PIN.
absl::StatusOr<std::shared_ptr<const crypto::SigningKey>> OpenSigningKey(const std::string& uri,
                                                                         BytesView pin);

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_KEY_STORE_H_
