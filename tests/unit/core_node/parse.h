// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_TESTS_UNIT_CORE_NODE_PARSE_H_
#define FLEXVPN_TESTS_UNIT_CORE_NODE_PARSE_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "core/config/model.h"

namespace flexvpn::node {

// The model of a configuration that must be free of errors.
inline config::Model Parse(const std::string& text) {
  config::ParseResult r = config::Parse(text);
  for (const config::Diagnostic& d : r.diagnostics)
    EXPECT_NE(d.severity, config::Diagnostic::Severity::kError) << config::FormatDiagnostic(d, "test", text);
  return std::move(r.model);
}

}  // namespace flexvpn::node

#endif  // FLEXVPN_TESTS_UNIT_CORE_NODE_PARSE_H_
