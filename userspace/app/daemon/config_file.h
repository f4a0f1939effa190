// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_CONFIG_FILE_H_
#define FLEXVPN_APP_DAEMON_CONFIG_FILE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/secret.h"
#include "core/config/key_cipher.h"
#include "core/config/model.h"
#include "core/node/pki.h"

namespace flexvpn::app {

struct LoadedConfig {
  config::Model model;
  node::Pki pki;
};

// A configuration text that was read, with the files it names.
struct CheckedConfig {
  LoadedConfig config;  // not to be used if there are errors
  std::vector<config::Diagnostic> diagnostics;  // by line
  size_t errors = 0;
};
// Reads the files of the trustpoints of `parsed`; without `files` the configuration is judged by its text alone, and has no keys.
CheckedConfig CheckFiles(config::ParseResult parsed, bool files = true);
// Every diagnostic with line, column, caret and hint; `name` stands for the text `text`.
std::string FormatDiagnostics(const CheckedConfig& checked, absl::string_view name, absl::string_view text);

// A configuration text, at most 16 MiB.
absl::StatusOr<SecretBytes> ReadConfigText(const std::string& path);
inline absl::string_view TextOf(const SecretBytes& text) {
  return {reinterpret_cast<const char*>(text.data()), text.size()};
}

// Reads and parses `path` and the files it names; prints every error and warning on standard error.  nullopt if there
// is an error.  `cipher`: of keys of type 6, or nullptr.  `files`: as CheckFiles().
std::optional<LoadedConfig> LoadConfig(const std::string& path, const config::KeyCipher* cipher, bool files = true);

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_CONFIG_FILE_H_
