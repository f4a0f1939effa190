// SPDX-License-Identifier: Apache-2.0
// Keys of type 6: encrypted by a master key that is no part of the configuration.
#ifndef FLEXVPN_CORE_CONFIG_KEY_CIPHER_H_
#define FLEXVPN_CORE_CONFIG_KEY_CIPHER_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "core/config/model.h"

namespace flexvpn::config {

// The master key at work.  `purpose` says what kind of key it is ("pre-shared-key"); a word sealed for one is none for
// another.
class KeyCipher {
 public:
  virtual ~KeyCipher() = default;
  // One word of text.  Equal keys of one purpose give equal words, so that a configuration differs only where it changed.
  virtual std::string Seal(BytesView key, absl::string_view purpose) const = 0;
  // kInvalidArgument: not of that form (shortened, from another maker); kUnauthenticated: another master key or purpose,
  // or altered.  The message says which, and nothing of the key.
  virtual absl::StatusOr<SecretBytes> Open(absl::string_view word, absl::string_view purpose) const = 0;
};

// As in model.h, with the master key; nullptr: there is none.  With one, `6 WORD` is read as the key it holds (an error at
// its place if it cannot be opened), and `password encryption aes` in the model makes Render write all keys so.
ParseResult Parse(absl::string_view text, const KeyCipher* cipher);
ParseResult ParseOnto(Model base, absl::string_view text, const KeyCipher* cipher);
std::string Render(const Model& model, bool all, bool secrets, const KeyCipher* cipher);

// Whether keys are to be written encrypted.
bool EncryptsKeys(const Model& model);

}  // namespace flexvpn::config

#endif  // FLEXVPN_CORE_CONFIG_KEY_CIPHER_H_
