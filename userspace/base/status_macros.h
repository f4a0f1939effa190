// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_BASE_STATUS_MACROS_H_
#define FLEXVPN_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Debian 12's Abseil has neither; names and meaning as in later Abseil.
#define FLEXVPN_CONCAT_INNER(a, b) a##b
#define FLEXVPN_CONCAT(a, b) FLEXVPN_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expr)                                 \
  do {                                                        \
    if (absl::Status s_ = (expr); !s_.ok()) return s_;        \
  } while (false)

#define ASSIGN_OR_RETURN(lhs, expr) FLEXVPN_ASSIGN_OR_RETURN(FLEXVPN_CONCAT(so_, __LINE__), lhs, expr)
#define FLEXVPN_ASSIGN_OR_RETURN(so, lhs, expr) \
  auto so = (expr);                             \
  if (!so.ok()) return std::move(so).status();  \
  lhs = *std::move(so)

#endif  // FLEXVPN_BASE_STATUS_MACROS_H_
