// SPDX-License-Identifier: Apache-2.0
#include "app/daemon/request.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "core/config/lexer.h"
#include "core/show/document.h"
#include "os/control/frame.h"

namespace flexvpn::app {
namespace {

absl::Status CheckLine(const std::string& line, size_t number) {
  const std::string where = absl::StrCat("line ", number, " of \"lines\": ");
  if (line.size() > config::kMaxLineBytes)
    return absl::InvalidArgumentError(absl::StrCat(where, "longer than ", config::kMaxLineBytes, " octets"));
  if (line.find('\n') != std::string::npos || line.find('\0') != std::string::npos)
    return absl::InvalidArgumentError(absl::StrCat(where, "a line end or a zero octet in a line"));
  return absl::OkStatus();
}

// The strings are moved out, so that wiping them wipes what the JSON held.
absl::Status TakeLines(show::Json& list, std::vector<std::string>* out) {
  if (!list.is_array()) return absl::InvalidArgumentError("malformed request: \"lines\" is no list");
  if (list.size() > static_cast<size_t>(config::kMaxLines))
    return absl::InvalidArgumentError(absl::StrCat("more than ", config::kMaxLines, " lines"));
  size_t total = 0;
  for (show::Json& e : list) {
    if (!e.is_string()) return absl::InvalidArgumentError("malformed request: \"lines\" is a list of strings");
    out->push_back(std::move(e.get_ref<std::string&>()));
    total += out->back().size() + 1;
    RETURN_IF_ERROR(CheckLine(out->back(), out->size()));
  }
  if (total > config::kMaxTextBytes) return absl::InvalidArgumentError("the lines are larger than 16 MiB");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ControlCommand> ReadRequest(absl::string_view body) {
  show::Json j = show::Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!j.is_object() || !j.contains("command") || !j["command"].is_string() || !j.contains("version"))
    return absl::InvalidArgumentError("malformed request: {\"version\": 1, \"command\": \"show …\"} expected");
  if (j["version"] != os::kControlVersion)
    return absl::InvalidArgumentError(absl::StrCat("this daemon speaks control protocol version ", os::kControlVersion));
  ControlCommand out;
  out.command = j["command"].get<std::string>();
  if (j.contains("form")) {
    if (j["form"] != "text" && j["form"] != "json")
      return absl::InvalidArgumentError("malformed request: \"form\" is \"text\" or \"json\"");
    out.form = j["form"] == "text" ? AnswerForm::kText : AnswerForm::kJson;
  }
  if (!j.contains("lines")) return out;
  if (absl::Status s = TakeLines(j["lines"], &out.lines); !s.ok()) {
    WipeLines(out.lines);
    return s;
  }
  return out;
}

std::string DebugEvent(int64_t unix_milliseconds, absl::string_view facility, absl::string_view text) {
  show::Json j;
  j["version"] = os::kControlVersion;
  j["event"] = "debug";
  j["time"] = unix_milliseconds;
  j["facility"] = std::string(facility);
  j["text"] = std::string(text);
  return j.dump(-1, ' ', false, show::Json::error_handler_t::replace);
}

void WipeLines(std::vector<std::string>& lines) {
  for (std::string& l : lines) WipeMemory(l.data(), l.size());
  lines.clear();
}

}  // namespace flexvpn::app
