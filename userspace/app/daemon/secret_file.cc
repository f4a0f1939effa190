// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "os/loop/fd.h"

namespace flexvpn::app {

absl::StatusOr<SecretBytes> LoadOrMakeSecret(const std::string& path, size_t size, Rng& rng) {
  SecretBytes secret(size + 1);
  const os::Fd in(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (in.valid() && read(in.get(), secret.data(), secret.size()) == static_cast<ssize_t>(size)) {
    secret.resize(size);
    return secret;
  }
  secret.resize(size);
  rng.Fill(secret);
  // Written beside and renamed: a crash leaves the old file or the new one, never half of it.
  const std::string fresh = absl::StrCat(path, ".new");
  unlink(fresh.c_str());
  const os::Fd out(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!out.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("open ", fresh));
  if (write(out.get(), secret.data(), size) != static_cast<ssize_t>(size) || fsync(out.get()) != 0 ||
      rename(fresh.c_str(), path.c_str()) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("write ", path));
  return secret;
}

}  // namespace flexvpn::app
