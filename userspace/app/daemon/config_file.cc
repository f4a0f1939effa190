// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/config_file.h"

#include <stdio.h>
#include <time.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "app/daemon/files.h"
#include "app/daemon/pki_files.h"
#include "core/config/lexer.h"

namespace flexvpn::app {

CheckedConfig CheckFiles(config::ParseResult parsed, bool files) {
  CheckedConfig out;
  if (files) out.config.pki = LoadPki(parsed.model, time(nullptr), &parsed.diagnostics);
  out.config.model = std::move(parsed.model);
  out.diagnostics = std::move(parsed.diagnostics);
  std::stable_sort(out.diagnostics.begin(), out.diagnostics.end(),
                   [](const auto& a, const auto& b) { return a.where.line < b.where.line; });
  out.errors = static_cast<size_t>(std::count_if(out.diagnostics.begin(), out.diagnostics.end(), [](const auto& d) {
    return d.severity == config::Diagnostic::Severity::kError;
  }));
  return out;
}

std::string FormatDiagnostics(const CheckedConfig& checked, absl::string_view name, absl::string_view text) {
  std::string out;
  for (const config::Diagnostic& d : checked.diagnostics) absl::StrAppend(&out, config::FormatDiagnostic(d, name, text));
  return out;
}

absl::StatusOr<SecretBytes> ReadConfigText(const std::string& path) { return ReadFile(path, config::kMaxTextBytes); }

std::optional<LoadedConfig> LoadConfig(const std::string& path, const config::KeyCipher* cipher, bool files) {
  const auto text = ReadConfigText(path);
  if (!text.ok()) {
    fprintf(stderr, "flexvpnd: %s\n", std::string(text.status().message()).c_str());
    return std::nullopt;
  }
  CheckedConfig checked = CheckFiles(config::Parse(TextOf(*text), cipher), files);
  fputs(FormatDiagnostics(checked, path, TextOf(*text)).c_str(), stderr);
  if (checked.errors == 0) return std::move(checked.config);
  fprintf(stderr, "flexvpnd: %s: %zu error%s\n", path.c_str(), checked.errors, checked.errors == 1 ? "" : "s");
  return std::nullopt;
}

}  // namespace flexvpn::app
