// SPDX-License-Identifier: Apache-2.0
#include "app/shell/stream.h"

#include <time.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "app/shell/daemon.h"
#include "base/status_macros.h"
#include "core/config/exec.h"
#include "core/show/text.h"

namespace flexvpn::shell {
namespace {

using show::Json;

bool IsEvent(const std::string& frame) {
  const Json j = Json::parse(frame, nullptr, /*allow_exceptions=*/false);
  return j.is_object() && j.contains("event");
}

std::string TimeOf(int64_t milliseconds) {
  const time_t seconds = static_cast<time_t>(milliseconds / 1000);
  tm t{};
  gmtime_r(&seconds, &t);
  char text[32];
  strftime(text, sizeof text, "%b %e %H:%M:%S", &t);
  return absl::StrFormat("%s.%03d", text, milliseconds % 1000);
}

}  // namespace

bool IsDebugCommand(absl::string_view command) {
  const std::string words = config::ParseExec(command).words;
  for (absl::string_view begin : {"debug ", "undebug ", "no debug ", "show debugging"})
    if (absl::StartsWith(words, begin)) return true;
  return false;
}

std::string EventLine(const std::string& frame, bool json) {
  if (json) return frame + "\n";
  const Json j = Json::parse(frame, nullptr, /*allow_exceptions=*/false);
  const std::string event = show::Str(j, "event");
  if (event == "lost")
    return absl::StrCat("% ", show::Uint(j, "lines"),
                        " lines of debugging were dropped: this end reads too slowly\n");
  if (event != "debug") return "";  // of a newer daemon
  const int64_t time = std::max<int64_t>(0, show::Int(j, "time"));
  return absl::StrCat(
      TimeOf(time), ": ",
      config::PrintableLine(absl::StrCat(show::Str(j, "facility"), ": ", show::Str(j, "text"))), "\n");
}

absl::StatusOr<Answer> DebugStream::Ask(const std::string& command, Form form) {
  const std::string words = config::ParseExec(command).words;
  if (!client_) {
    if (!absl::StartsWith(words, "debug ")) return AskDaemon(socket_, command, nullptr, form);
    ASSIGN_OR_RETURN(os::ControlClient client, os::ControlClient::Connect(socket_));
    client_.emplace(std::move(client));
  }
  absl::Status failed = client_->Send(RequestBody(command, nullptr, form));
  while (failed.ok()) {
    auto frame = client_->Receive();
    if (!frame.ok()) {
      failed = frame.status();
    } else if (IsEvent(*frame)) {
      absl::StrAppend(&text_, EventLine(*frame, json_));
    } else {
      auto answer = ReadAnswer(*frame);
      if (answer.ok() && answer->ok && absl::EndsWith(words, "debug all")) client_.reset();
      return answer;
    }
  }
  client_.reset();  // its answers would be those of other commands from now on
  return failed;
}

std::string DebugStream::Take() {
  if (!client_) return std::exchange(text_, "");
  absl::Status status = client_->Fill();
  for (;;) {
    auto frame = client_->Take();
    if (!frame.ok()) status = frame.status();
    if (!frame.ok() || !*frame) break;
    absl::StrAppend(&text_, EventLine(**frame, json_));
  }
  if (!status.ok()) {
    absl::StrAppend(&text_, "% debugging has ended: ", status.message(), "\n");
    client_.reset();
  }
  return std::exchange(text_, "");
}

}  // namespace flexvpn::shell
