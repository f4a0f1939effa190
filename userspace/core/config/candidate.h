// SPDX-License-Identifier: Apache-2.0
// Lines an administrator typed, applied to the running configuration.
#ifndef FLEXVPN_CORE_CONFIG_CANDIDATE_H_
#define FLEXVPN_CORE_CONFIG_CANDIDATE_H_

#include "absl/strings/string_view.h"
#include "core/config/key_cipher.h"

namespace flexvpn::config {

// `running` with these lines, sub-modes included, applied by ParseOnto.  Of the diagnostics those are left out that the
// running configuration has without the lines: who adds a peer is not told again what was told at start.
ParseResult ParseCandidate(const Model& running, absl::string_view lines, const KeyCipher* cipher = nullptr);

// Every statement gets the place 0:0: the text it was read from is not there any more.
void ForgetPlaces(Model& model);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_CANDIDATE_H_
