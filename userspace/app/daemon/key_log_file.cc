// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/key_log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "os/loop/fd.h"

namespace flexvpn::app {

absl::Status AppendKeyLog(const std::string& path, const SecretBytes& line) {
  auto failed = [&](const char* why) {
    return absl::FailedPreconditionError(absl::StrCat("key log ", path, ": ", why));
  };
  // O_NONBLOCK: opening a pipe nobody reads must not stop the daemon.
  const os::Fd fd(
      open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd.valid()) return failed(strerror(errno));
  struct stat st;
  if (fstat(fd.get(), &st) != 0) return failed(strerror(errno));
  if (!S_ISREG(st.st_mode)) return failed("not a regular file");
  if (st.st_uid != geteuid()) return failed("belongs to another user");
  if ((st.st_mode & 077) != 0) return failed("others may read it; chmod 600");
  const ssize_t n = write(fd.get(), line.data(), line.size());
  if (n < 0) return failed(strerror(errno));
  if (static_cast<size_t>(n) != line.size()) return failed("no room for a whole line");
  return absl::OkStatus();
}

}  // namespace flexvpn::app
