// SPDX-License-Identifier: Apache-2.0
// What the frames of the control protocol hold:
//   request   {"version": 1, "command": "show crypto ikev2 sa"}
//             {"version": 1, "command": "commit", "lines": ["interface Tunnel0", " ip mtu 1400"]}
//   response  {"version": 1, "ok": true, "text": "...", "data": {...}}
// One response for each request, in order.  Pure.
#ifndef FLEXVPN_OS_CONTROL_REQUEST_H_
#define FLEXVPN_OS_CONTROL_REQUEST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace flexvpn::os {

struct ControlCommand {
  std::string command;
  std::vector<std::string> lines;  // candidate configuration; empty if the request has none
};

// Keys it does not know are ignored.  Errors are sentences for the client: no JSON, another version, a value of the
// wrong kind.
absl::StatusOr<ControlCommand> ParseRequest(const std::string& body);

// `text` is what a terminal shows, `data` the same as JSON.
std::string MakeResponse(bool ok, const std::string& text, const nlohmann::ordered_json& data);
// A request that was not understood: {"error": why}.
std::string MakeRefusal(const std::string& why);

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_CONTROL_REQUEST_H_
