// SPDX-License-Identifier: Apache-2.0
// Words of additional key exchanges (RFC 9370) in `crypto ikev2 proposal` and `crypto ipsec profile`.
#ifndef FLEXVPN_CORE_CONFIG_ADDITIONAL_KE_H_
#define FLEXVPN_CORE_CONFIG_ADDITIONAL_KE_H_

#include <string>
#include <vector>

#include "core/config/grammar.h"

namespace flexvpn::config {

// `… additional-key-exchange N WORD…`: `none` (the exchange is optional), mlkem512 mlkem768 mlkem1024, and every
// group.  Replaces the list of that N; `no` empties it.
void SetAdditional(Context& c, const Call& k, AdditionalKe* list);

// One line for each N that is used, without the keyword's prefix: "additional-key-exchange 1 mlkem768 none".
std::vector<std::string> AdditionalLines(const AdditionalKe& list);

inline constexpr char kAdditionalSyntax[] = "additional-key-exchange <N:1-7> [<ALGORITHM:exchange...>]";

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_ADDITIONAL_KE_H_
