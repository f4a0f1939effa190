// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_APP_DAEMON_MASTER_KEY_H_
#define FLEXVPN_APP_DAEMON_MASTER_KEY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/rng.h"
#include "core/config/key_cipher.h"
#include "core/crypto/provider.h"

namespace flexvpn::app {

// The master key of keys of type 6.  WORD is base64url of nonce (12 octets) | ciphertext | tag (16): AES-256-GCM with the
// purpose as associated data.  The nonce is a MAC of purpose and key under a key of its own, so it repeats only with both.
class MasterKey : public config::KeyCipher {
 public:
  // From the systemd credential `flexvpn-master-key` ($CREDENTIALS_DIRECTORY), else from `file`, which nobody but root and
  // our user may be able to read.  nullptr if there is neither.  The error says why one that is there is not used.
  static absl::StatusOr<std::unique_ptr<MasterKey>> Load(const std::string& file);
  // A random one, written to `file` (0600), which must not exist.
  static absl::StatusOr<std::unique_ptr<MasterKey>> Create(const std::string& file, Rng& rng);
  // `secret`: at least kMinSecret octets.
  explicit MasterKey(BytesView secret);

  std::string Seal(BytesView key, absl::string_view purpose) const override;
  absl::StatusOr<SecretBytes> Open(absl::string_view word, absl::string_view purpose) const override;

  static constexpr size_t kMinSecret = 16;

 private:
  std::unique_ptr<crypto::Provider> crypto_;
  SecretBytes seal_key_, nonce_key_;
};

}  // namespace flexvpn::app

#endif  // FLEXVPN_APP_DAEMON_MASTER_KEY_H_
