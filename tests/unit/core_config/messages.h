// SPDX-License-Identifier: Apache-2.0
// What the parser says, without where.
#ifndef FLEXVPN_TESTS_UNIT_CORE_CONFIG_MESSAGES_H_
#define FLEXVPN_TESTS_UNIT_CORE_CONFIG_MESSAGES_H_

#include <string>
#include <vector>

#include "core/config/model.h"

namespace flexvpn::config {

// Diagnostics of a severity as text lines.
inline std::vector<std::string> Messages(const ParseResult& r, Diagnostic::Severity severity) {
  std::vector<std::string> out;
  for (const Diagnostic& d : r.diagnostics)
    if (d.severity == severity) out.push_back(d.message);
  return out;
}

inline std::vector<std::string> Errors(const std::string& text) {
  return Messages(Parse(text), Diagnostic::Severity::kError);
}

}  // namespace flexvpn::config

#endif  // FLEXVPN_TESTS_UNIT_CORE_CONFIG_MESSAGES_H_
