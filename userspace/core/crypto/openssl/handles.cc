// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/openssl/handles.h"

#include <openssl/err.h>

#include "absl/strings/str_cat.h"

namespace flexvpn::crypto {

absl::Status OpensslError(absl::StatusCode code, absl::string_view what) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  absl::Status status(code, reason == nullptr ? std::string(what) : absl::StrCat(what, ": ", reason));
  ERR_clear_error();
  return status;
}

}  // namespace flexvpn::crypto
