// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "os/loop/fd.h"

namespace flexvpn::app {
namespace {

absl::Status WriteAll(int fd, BytesView data) {
  while (!data.empty()) {
    const ssize_t n = write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, "write");
    data = data.subspan(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

}  // namespace

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

absl::StatusOr<SecretBytes> ReadAll(int fd, size_t limit) {
  constexpr size_t kChunk = 64 * 1024;
  SecretBytes data;
  for (size_t done = 0;;) {
    data.resize(std::min(done + kChunk, limit + 1));
    const ssize_t n = read(fd, data.data() + done, data.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::ErrnoToStatus(errno, "read");
    done += static_cast<size_t>(n);
    if (done > limit) return absl::ResourceExhaustedError(absl::StrCat("larger than ", limit >> 20, " MiB"));
    if (n > 0) continue;
    data.resize(done);
    return data;
  }
}

absl::StatusOr<SecretBytes> ReadFile(const std::string& path, size_t limit) {
  const os::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, path);
  absl::StatusOr<SecretBytes> data = ReadAll(fd.get(), limit);
  if (!data.ok()) return absl::Status(data.status().code(), absl::StrCat(path, ": ", data.status().message()));
  return data;
}

absl::StatusOr<SecretBytes> ReadFileOf(const std::string& path, size_t limit, bool secret) {
  const os::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat s {};
  if (!fd.valid() || fstat(fd.get(), &s) != 0) return absl::UnknownError(strerror(errno));
  if (!S_ISREG(s.st_mode)) return absl::InvalidArgumentError("not a regular file");
  if (secret && (s.st_mode & 077) != 0)
    return absl::PermissionDeniedError(
        absl::StrFormat("others can use this private key (mode %04o); chmod 600 it", s.st_mode & 07777));
  if (secret && s.st_uid != 0 && s.st_uid != geteuid())
    return absl::PermissionDeniedError("this private key belongs to another user; chown it to root");
  return ReadAll(fd.get(), limit);
}

absl::Status WriteFileAtomically(const std::string& path, BytesView data) {
  const std::string fresh = absl::StrCat(path, ".new");
  unlink(fresh.c_str());
  const os::Fd out(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!out.valid()) return absl::ErrnoToStatus(errno, fresh);
  absl::Status status = WriteAll(out.get(), data);
  if (status.ok() && fsync(out.get()) != 0) status = absl::ErrnoToStatus(errno, "fsync");
  if (status.ok() && rename(fresh.c_str(), path.c_str()) != 0) status = absl::ErrnoToStatus(errno, "rename");
  if (!status.ok()) {
    unlink(fresh.c_str());
    return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
  }
  // The name itself has to outlive a power cut, too.
  const os::Fd directory(open(DirectoryOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || fsync(directory.get()) != 0) return absl::ErrnoToStatus(errno, DirectoryOf(path));
  return absl::OkStatus();
}

absl::Status MakePrivateDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  if (errno != ENOENT || DirectoryOf(path) == path) return absl::ErrnoToStatus(errno, path);
  RETURN_IF_ERROR(MakePrivateDirectory(DirectoryOf(path)));
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, path);
}

}  // namespace flexvpn::app
