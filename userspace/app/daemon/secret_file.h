// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_SECRET_FILE_H_
#define FLEXVPN_APP_DAEMON_SECRET_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/rng.h"
#include "base/secret.h"

namespace flexvpn::app {

// `size` random octets that outlive the daemon, in a file only its user can read; made if there is none of that size.
absl::StatusOr<SecretBytes> LoadOrMakeSecret(const std::string& path, size_t size, Rng& rng);

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_SECRET_FILE_H_
