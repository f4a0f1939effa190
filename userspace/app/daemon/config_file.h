// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_CONFIG_FILE_H_
#define FLEXVPN_APP_DAEMON_CONFIG_FILE_H_

#include <optional>
#include <string>

#include "core/config/model.h"
#include "core/node/pki.h"

namespace flexvpn::app {

struct LoadedConfig {
  config::Model model;
  node::Pki pki;
};
// Reads and parses `path` and the files it names; prints every error and warning with line, column, caret and hint on
// standard error.  nullopt if there is an error.
std::optional<LoadedConfig> LoadConfig(const std::string& path);

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_CONFIG_FILE_H_
