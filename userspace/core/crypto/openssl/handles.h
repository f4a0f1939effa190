// SPDX-License-Identifier: Apache-2.0
// Owning pointers to OpenSSL objects, and its errors as Status.
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_HANDLES_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_HANDLES_H_

#include <openssl/bn.h>
#include <openssl/evp.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace flexvpn::crypto {

template <auto free_function>
struct Freer {
  template <class T>
  void operator()(T* p) const {
    free_function(p);
  }
};
using Md = std::unique_ptr<EVP_MD, Freer<EVP_MD_free>>;
using MdCtx = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using Mac = std::unique_ptr<EVP_MAC, Freer<EVP_MAC_free>>;
using MacCtx = std::unique_ptr<EVP_MAC_CTX, Freer<EVP_MAC_CTX_free>>;
using Cipher = std::unique_ptr<EVP_CIPHER, Freer<EVP_CIPHER_free>>;
using CipherCtx = std::unique_ptr<EVP_CIPHER_CTX, Freer<EVP_CIPHER_CTX_free>>;
using Pkey = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using PkeyCtx = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using BigNumber = std::unique_ptr<BIGNUM, Freer<BN_free>>;

// `what` and OpenSSL's reason; empties this thread's error queue.
absl::Status OpensslError(absl::StatusCode code, absl::string_view what);

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_HANDLES_H_
