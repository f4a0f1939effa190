// SPDX-License-Identifier: Apache-2.0
#include "app/shell/daemon.h"

#include "base/secret.h"
#include "base/status_macros.h"
#include "os/control/client.h"
#include "os/control/frame.h"

namespace flexvpn::shell {

using show::Json;

std::string RequestBody(const std::string& command, const std::vector<std::string>* lines, Form form) {
  Json request;
  request["version"] = os::kControlVersion;
  request["command"] = command;
  request["form"] = form == Form::kJson ? "json" : "text";
  if (lines != nullptr) request["lines"] = *lines;
  std::string body = request.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (lines != nullptr)
    for (Json& l : request["lines"])
      WipeMemory(l.get_ref<std::string&>().data(), l.get_ref<std::string&>().size());
  return body;
}

absl::StatusOr<Answer> ReadAnswer(const std::string& body) {
  Json j = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!j.is_object() || !j.contains("ok") || !j["ok"].is_boolean() || !j.contains("text") || !j.contains("data"))
    return absl::DataLossError("malformed answer of the daemon");
  Answer out{j["ok"].get<bool>(), j["text"].is_string() ? j["text"].get<std::string>() : "", std::move(j["data"])};
  if (const auto it = j.find("administrator"); it != j.end() && it->is_boolean()) out.administrator = it->get<bool>();
  return out;
}

absl::StatusOr<Answer> AskDaemon(const std::string& socket, const std::string& command,
                                 const std::vector<std::string>* lines, Form form) {
  ASSIGN_OR_RETURN(os::ControlClient client, os::ControlClient::Connect(socket));
  std::string body = RequestBody(command, lines, form);
  auto reply = client.Call(body);
  WipeMemory(body.data(), body.size());
  if (!reply.ok()) return reply.status();
  return ReadAnswer(*reply);
}

}  // namespace flexvpn::shell
