// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <algorithm>

#include "app/daemon/pki_files.h"
#include "base/secret.h"

namespace flexvpn::app {
namespace {

constexpr size_t kMaxConfig = 16 << 20;

bool ReadFile(const std::string& path, std::string* text) {
  FILE* f = fopen(path.c_str(), "re");
  if (f == nullptr) {
    fprintf(stderr, "flexvpnd: %s: %s\n", path.c_str(), strerror(errno));
    return false;
  }
  char chunk[16384];
  size_t n;
  while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && text->size() <= kMaxConfig) text->append(chunk, n);
  const bool bad = ferror(f) != 0;
  WipeMemory(chunk, sizeof chunk);
  fclose(f);
  if (bad) fprintf(stderr, "flexvpnd: %s: read error\n", path.c_str());
  if (text->size() > kMaxConfig) fprintf(stderr, "flexvpnd: %s: larger than 16 MiB\n", path.c_str());
  return !bad && text->size() <= kMaxConfig;
}

}  // namespace

std::optional<LoadedConfig> LoadConfig(const std::string& path) {
  std::string text;
  if (!ReadFile(path, &text)) return std::nullopt;
  config::ParseResult result = config::Parse(text);
  node::Pki pki = LoadPki(result.model, time(nullptr), &result.diagnostics);
  std::stable_sort(result.diagnostics.begin(), result.diagnostics.end(),
                   [](const auto& a, const auto& b) { return a.where.line < b.where.line; });
  size_t errors = 0;
  for (const config::Diagnostic& d : result.diagnostics) {
    if (d.severity == config::Diagnostic::Severity::kError) ++errors;
    fputs(config::FormatDiagnostic(d, path, text).c_str(), stderr);
  }
  WipeMemory(text.data(), text.size());
  if (result.ok()) return LoadedConfig{std::move(result.model), std::move(pki)};
  fprintf(stderr, "flexvpnd: %s: %zu error%s\n", path.c_str(), errors, errors == 1 ? "" : "s");
  return std::nullopt;
}

}  // namespace flexvpn::app
