// SPDX-License-Identifier: Apache-2.0
#include "os/control/frame.h"

#include "absl/strings/str_cat.h"
#include "base/secret.h"

namespace flexvpn::os {

std::string EncodeFrame(const std::string& body) {
  ByteWriter w;
  w.U32(static_cast<uint32_t>(body.size()));
  return ToString(w.view()) + body;
}

absl::StatusOr<std::optional<std::string>> TakeFrame(std::string& buffer, size_t limit) {
  if (buffer.size() < 4) return std::optional<std::string>();
  const size_t length = ByteReader(AsView(buffer)).U32();
  if (length > limit) return absl::InvalidArgumentError(absl::StrCat("frame of ", length, " octets: limit is ", limit));
  if (buffer.size() - 4 < length) return std::optional<std::string>();
  std::optional<std::string> body = buffer.substr(4, length);
  if (buffer.size() == 4 + length) WipeMemory(buffer.data(), buffer.size());  // lines to commit may hold keys
  buffer.erase(0, 4 + length);
  return body;
}

}  // namespace flexvpn::os
