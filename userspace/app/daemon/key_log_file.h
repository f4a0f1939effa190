// SPDX-License-Identifier: Apache-2.0
// Where `debug crypto ikev2 keylog FILE` writes: a file that only its owner can read.
#ifndef FLEXVPN_APP_DAEMON_KEY_LOG_FILE_H_
#define FLEXVPN_APP_DAEMON_KEY_LOG_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "base/secret.h"

namespace flexvpn::app {

// Appends one line, making the file with mode 0600 if it is missing.  Errors name the file: it is a symbolic
// link, no regular file, of another user, or others may read it; then nothing is written.
absl::Status AppendKeyLog(const std::string& path, const SecretBytes& line);

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_KEY_LOG_FILE_H_
