// SPDX-License-Identifier: Apache-2.0
// The real provider, one for a test program.
#ifndef FLEXVPN_TESTS_SUPPORT_OPENSSL_H_
#define FLEXVPN_TESTS_SUPPORT_OPENSSL_H_

#include <memory>

#include "core/crypto/provider.h"

namespace flexvpn {

inline const crypto::Provider& Openssl() {
  static const std::unique_ptr<crypto::Provider> provider = crypto::NewOpensslProvider();
  return *provider;
}

}  // namespace flexvpn

#endif  // FLEXVPN_TESTS_SUPPORT_OPENSSL_H_
