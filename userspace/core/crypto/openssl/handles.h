// SPDX-License-Identifier: Apache-2.0
// Owning pointers to OpenSSL objects, and its errors as Status.
#ifndef FLEXVPN_CORE_CRYPTO_OPENSSL_HANDLES_H_
#define FLEXVPN_CORE_CRYPTO_OPENSSL_HANDLES_H_

#include <openssl/bn.h>
#include <openssl/evp.h>

#include <atomic>
#include <memory>
#include <utility>

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

// Keeps one object that is dear to make for its next use; any number of threads may take and give.  What its last use
// left in it stays until then.
template <class Handle>
class Spare {
 public:
  Spare() = default;
  Spare(Spare&& other) noexcept : kept_(other.kept_.exchange(nullptr)) {}
  Spare& operator=(Spare&& other) noexcept {
    Give(other.Take());
    return *this;
  }
  ~Spare() { Take(); }
  Handle Take() { return Handle(kept_.exchange(nullptr)); }  // none: make one
  void Give(Handle h) { Handle(kept_.exchange(h.release())).reset(); }

 private:
  std::atomic<typename Handle::pointer> kept_{nullptr};
};

// `what` and OpenSSL's reason; empties this thread's error queue.
absl::Status OpensslError(absl::StatusCode code, absl::string_view what);

}  // namespace flexvpn::crypto

#endif  // FLEXVPN_CORE_CRYPTO_OPENSSL_HANDLES_H_
