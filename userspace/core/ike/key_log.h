// SPDX-License-Identifier: Apache-2.0
// Keys of IKE SAs as text, for decrypting captures: Wireshark's table "ikev2_decryption_table".
//
// A line is  SPI_i,SPI_r,SK_ei,SK_er,"encryption",SK_ai,SK_ar,"integrity"  in hexadecimal; SK_e is key |
// salt, SK_a is empty with an AEAD.  A suite that Wireshark has no name for comes as a comment "#flexvpn:…"
// of the same fields: it would refuse the whole file otherwise.
#ifndef FLEXVPN_CORE_IKE_KEY_LOG_H_
#define FLEXVPN_CORE_IKE_KEY_LOG_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "core/ike/codec/protect.h"

namespace flexvpn::ike {

struct KeyLogEntry {
  IkeSpi spi_i, spi_r;
  ProtectKeys initiator, responder;  // of what the original initiator / responder sends
};

// One line with its line feed.  Empty for a suite that is none of ours.
SecretBytes FormatKeyLog(const KeyLogEntry& entry);

// All lines of a file; blank ones and other comments are skipped.  Error: kInvalidArgument, which names the
// line.
absl::StatusOr<std::vector<KeyLogEntry>> ParseKeyLog(absl::string_view text);

}  // namespace flexvpn::ike

#endif  // FLEXVPN_CORE_IKE_KEY_LOG_H_
