// SPDX-License-Identifier: Apache-2.0
// OpenSSL 3 calls engines deprecated, but Debian 12 has no other way to PKCS#11.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "app/daemon/key_store.h"

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/crypto/openssl/handles.h"
#include "core/crypto/openssl/signature.h"

namespace flexvpn::app {
namespace {

using crypto::Freer;
using crypto::Pkey;
using Method = std::unique_ptr<UI_METHOD, Freer<UI_destroy_method>>;
using Store = std::unique_ptr<OSSL_STORE_CTX, Freer<OSSL_STORE_close>>;
using Info = std::unique_ptr<OSSL_STORE_INFO, Freer<OSSL_STORE_INFO_free>>;

int Pin(char* buffer, int size, int, void* data) {
  const auto& pin = *static_cast<const BytesView*>(data);
  if (pin.empty() || pin.size() > static_cast<size_t>(size)) return -1;
  memcpy(buffer, pin.data(), pin.size());
  return static_cast<int>(pin.size());
}

// OpenSSL's reason that tells most: the first, which the token gave.
absl::Status NotFound(BytesView pin) {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  const std::string text = reason == nullptr ? "no reason given" : reason;
  ERR_clear_error();
  return absl::NotFoundError(absl::StrCat(
      "no private key there, or ", pin.empty() ? "it needs a PIN and none is configured" : "the PIN is wrong",
      " (", text, ")"));
}

Pkey FromStore(const std::string& uri, UI_METHOD* ui, BytesView* pin) {
  const Store store(OSSL_STORE_open(uri.c_str(), ui, pin, nullptr, nullptr));
  if (store == nullptr) return nullptr;
  OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY);
  while (OSSL_STORE_eof(store.get()) == 0) {
    const Info info(OSSL_STORE_load(store.get()));
    if (info == nullptr && OSSL_STORE_error(store.get()) != 0) return nullptr;
    if (info != nullptr && OSSL_STORE_INFO_get_type(info.get()) == OSSL_STORE_INFO_PKEY)
      return Pkey(OSSL_STORE_INFO_get1_PKEY(info.get()));
  }
  return nullptr;
}

// Loaded once and kept: keys and worker threads use it until the end.
ENGINE* Pkcs11Engine() {
  static ENGINE* const engine = [] {
    ENGINE_load_builtin_engines();
    ENGINE* e = ENGINE_by_id("pkcs11");
    if (e != nullptr) ENGINE_ctrl_cmd_string(e, "QUIET", nullptr, 0);  // it writes to stderr
    if (e != nullptr && ENGINE_init(e) != 1) {
      ENGINE_free(e);
      e = nullptr;
    }
    return e;
  }();
  return engine;
}

bool HavePkcs11Provider() {
  static const bool have = OSSL_PROVIDER_try_load(nullptr, "pkcs11", 1) != nullptr;
  ERR_clear_error();
  return have;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const crypto::SigningKey>> OpenSigningKey(const std::string& uri,
                                                                         BytesView pin) {
  const Method ui(UI_UTIL_wrap_read_pem_callback(&Pin, 0));
  if (ui == nullptr) return absl::InternalError("OpenSSL's UI_METHOD");
  Pkey key;
  if (!absl::StartsWithIgnoreCase(uri, "pkcs11:") || HavePkcs11Provider()) {
    key = FromStore(uri, ui.get(), &pin);
  } else {
    ENGINE* engine = Pkcs11Engine();
    ERR_clear_error();
    if (engine == nullptr)
      return absl::FailedPreconditionError(
          "this OpenSSL cannot use PKCS#11: neither the provider nor the engine 'pkcs11' is installed "
          "(Debian packages "
          "pkcs11-provider, libengine-pkcs11-openssl)");
    key.reset(ENGINE_load_private_key(engine, uri.c_str(), ui.get(), &pin));
  }
  if (key == nullptr) return NotFound(pin);
  ERR_clear_error();
  const auto kind = crypto::KindOf(key.get());
  if (!kind)
    return absl::InvalidArgumentError(
        "a key of a kind that IKE cannot use (wanted: RSA, ECDSA P-256/384/521, Ed25519, Ed448)");
  return std::make_shared<const crypto::OpensslSigningKey>(*kind, std::move(key));
}

}  // namespace flexvpn::app
