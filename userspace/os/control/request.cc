// SPDX-License-Identifier: Apache-2.0
#include "os/control/request.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "os/control/frame.h"

namespace flexvpn::os {

using Json = nlohmann::ordered_json;

absl::StatusOr<ControlCommand> ParseRequest(const std::string& body) {
  const Json j = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!j.is_object() || !j.contains("command") || !j["command"].is_string() || !j.contains("version"))
    return absl::InvalidArgumentError("malformed request: {\"version\": 1, \"command\": \"show …\"} expected");
  if (j["version"] != kControlVersion)
    return absl::InvalidArgumentError(absl::StrCat("this daemon speaks control protocol version ", kControlVersion));
  ControlCommand out{j["command"].get<std::string>(), {}};
  if (!j.contains("lines")) return out;
  const Json& lines = j["lines"];
  if (!lines.is_array() || !std::all_of(lines.begin(), lines.end(), [](const Json& l) { return l.is_string(); }))
    return absl::InvalidArgumentError("malformed request: \"lines\" must be a list of strings");
  for (const Json& l : lines) out.lines.push_back(l.get<std::string>());
  return out;
}

std::string MakeResponse(bool ok, const std::string& text, const Json& data) {
  const Json j = {{"version", kControlVersion}, {"ok", ok}, {"text", text}, {"data", data}};
  return j.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string MakeRefusal(const std::string& why) { return MakeResponse(false, absl::StrCat("% ", why, "\n"), {{"error", why}}); }

}  // namespace flexvpn::os
