// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/secret_file.h"

#include <fcntl.h>

#include "app/daemon/files.h"
#include "base/status_macros.h"
#include "os/loop/fd.h"

namespace flexvpn::app {

absl::StatusOr<SecretBytes> LoadOrMakeSecret(const std::string& path, size_t size, Rng& rng) {
  if (const os::Fd in(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)); in.valid())
    if (auto have = ReadAll(in.get(), size); have.ok() && have->size() == size) return have;
  SecretBytes secret(size);
  rng.Fill(secret);
  RETURN_IF_ERROR(WriteFileAtomically(path, secret));
  return secret;
}

}  // namespace flexvpn::app
