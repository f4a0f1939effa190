// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/master_key.h"

#include <stdlib.h>
#include <unistd.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "app/daemon/files.h"
#include "base/status_macros.h"

namespace flexvpn::app {
namespace {

constexpr size_t kSecret = 32, kMaxSecret = 4096, kNonce = 12, kTag = 16;
constexpr auto kCipher = crypto::Encr::kAesGcm16;
constexpr auto kPrf = crypto::Prf::kHmacSha256;

absl::StatusOr<std::unique_ptr<MasterKey>> FromFile(const std::string& path) {
  auto secret = ReadFileOf(path, kMaxSecret, /*secret=*/true);
  if (!secret.ok())
    return absl::Status(secret.status().code(), absl::StrCat("master key ", path, ": ", secret.status().message()));
  if (secret->size() < MasterKey::kMinSecret)
    return absl::InvalidArgumentError(absl::StrCat("master key ", path, ": shorter than ", MasterKey::kMinSecret, " octets"));
  return std::make_unique<MasterKey>(*secret);
}

}  // namespace

absl::StatusOr<std::unique_ptr<MasterKey>> MasterKey::Load(const std::string& file) {
  const char* credentials = getenv("CREDENTIALS_DIRECTORY");
  const std::string credential = credentials == nullptr ? "" : absl::StrCat(credentials, "/flexvpn-master-key");
  for (const std::string& path : {credential, file})
    if (!path.empty() && access(path.c_str(), F_OK) == 0) return FromFile(path);
  return std::unique_ptr<MasterKey>();
}

absl::StatusOr<std::unique_ptr<MasterKey>> MasterKey::Create(const std::string& file, Rng& rng) {
  if (access(file.c_str(), F_OK) == 0) return absl::AlreadyExistsError(absl::StrCat(file, " is there already"));
  SecretBytes secret(kSecret);
  rng.Fill(secret);
  RETURN_IF_ERROR(MakePrivateDirectory(DirectoryOf(file)));
  RETURN_IF_ERROR(WriteFileAtomically(file, secret));
  return std::make_unique<MasterKey>(secret);
}

MasterKey::MasterKey(BytesView secret) : crypto_(crypto::NewOpensslProvider()) {
  const auto derive = [&](absl::string_view label) {
    const BytesView part = AsView(label);
    return crypto_->ComputePrf(kPrf, secret, {&part, 1});
  };
  seal_key_ = derive("flexvpn type 6: encryption");
  nonce_key_ = derive("flexvpn type 6: nonce");
}

std::string MasterKey::Seal(BytesView key, absl::string_view purpose) const {
  const uint8_t zero[] = {0};
  const BytesView parts[] = {AsView(purpose), zero, key};
  const SecretBytes mac = crypto_->ComputePrf(kPrf, nonce_key_, parts);
  Bytes out(mac.begin(), mac.begin() + kNonce);
  // A cipher and key of fixed size: no refusal is left.
  const absl::StatusOr<Bytes> sealed = crypto_->Seal(kCipher, seal_key_, BytesView(out), AsView(purpose), key);
  if (sealed.ok()) out.insert(out.end(), sealed->begin(), sealed->end());
  return absl::WebSafeBase64Escape(ToString(out));
}

absl::StatusOr<SecretBytes> MasterKey::Open(absl::string_view word, absl::string_view purpose) const {
  std::string raw;
  if (!absl::WebSafeBase64Unescape(word, &raw) || raw.size() < kNonce + kTag)
    return absl::InvalidArgumentError("no key of type 6 that this router has written");
  const BytesView data = AsView(raw);
  absl::StatusOr<SecretBytes> key =
      crypto_->Open(kCipher, seal_key_, data.first(kNonce), AsView(purpose), data.subspan(kNonce));
  if (!key.ok())
    return absl::UnauthenticatedError("this encrypted key was altered, was written for another line, or belongs to another "
                                      "master key");
  return key;
}

}  // namespace flexvpn::app
