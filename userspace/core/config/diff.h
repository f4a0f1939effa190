// SPDX-License-Identifier: Apache-2.0
// What differs between two configurations, object by object.
#ifndef FLEXVPN_CORE_CONFIG_DIFF_H_
#define FLEXVPN_CORE_CONFIG_DIFF_H_

#include <string>
#include <vector>

#include "core/config/model.h"

namespace flexvpn::config {

struct Change {
  enum class Kind : uint8_t { kAdded, kRemoved, kChanged } kind{};
  std::string object;  // "crypto ikev2 profile FLEX", "peer A of crypto ikev2 keyring K", "crypto ikev2" (globals) …
  friend bool operator==(const Change&, const Change&) = default;
};

// By kind of object, then by name; empty if the models are equal.
std::vector<Change> Diff(const Model& from, const Model& to);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_DIFF_H_
