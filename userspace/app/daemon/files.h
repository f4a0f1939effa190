// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_FILES_H_
#define FLEXVPN_APP_DAEMON_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/secret.h"

namespace flexvpn::app {

// What `fd` still has to read, at most `limit` octets (more: kResourceExhausted).  What it reads may be secret.
absl::StatusOr<SecretBytes> ReadAll(int fd, size_t limit);
// The same of a file; symbolic links are followed.  Errors carry the path; kNotFound if there is none.
absl::StatusOr<SecretBytes> ReadFile(const std::string& path, size_t limit);

// The same of a regular file, for a message that names it already.  `secret`: nobody but root and our user may be able to
// read or change it.
absl::StatusOr<SecretBytes> ReadFileOf(const std::string& path, size_t limit, bool secret);

// `path` holds `data` afterwards, mode 0600, or what it held before: written beside, synchronised, renamed, the
// directory synchronised.  Errors carry the path.
absl::Status WriteFileAtomically(const std::string& path, BytesView data);

// Of "/a/b": "/a"; of "b": ".".
std::string DirectoryOf(const std::string& path);

// `path` as a directory of mode 0700, with those above it; no error if it is there.
absl::Status MakePrivateDirectory(const std::string& path);

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_FILES_H_
