// SPDX-License-Identifier: Apache-2.0
#include "unit/app_shell/terminal/node_server.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/daemon/request.h"
#include "os/control/frame.h"

namespace flexvpn::shell {

NodeServer::NodeServer(const std::string& socket, const std::string& config, const os::ControlGroups& groups)
    : crypto_(crypto::NewOpensslProvider()), rng_(1), loop_(*os::Loop::Make()) {
  config::ParseResult parsed = config::Parse(config);
  EXPECT_TRUE(parsed.ok());
  node::Node::Options options;
  options.administrators = groups.administrators;
  node_ = std::make_unique<node::Node>(options, std::move(parsed.model), rng_, *crypto_);
  auto server =
      os::ControlServer::Make(*loop_, socket, [this](const os::ControlRequest& r) { OnRequest(r); }, groups);
  EXPECT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  server_->SetClosed([this](uint64_t id) { Ask(0, node::SessionEnded{id}); });
  thread_ = std::thread([this] { loop_->Run([] { return std::nullopt; }); });
}

void NodeServer::Datagram(size_t times) {
  loop_->Post([this, times] {
    const net::IpAddress peer = *net::IpAddress::Parse("203.0.113.9");
    for (size_t i = 0; i < times; ++i)
      Ask(0, node::IkeDatagram{{{*net::IpAddress::Parse("192.0.2.1"), 500, {}}, {peer, 500, {}}, Bytes(20)}});
  });
}

NodeServer::~NodeServer() {
  loop_->Post([this] { loop_->Stop(); });
  thread_.join();
}

void NodeServer::OnRequest(const os::ControlRequest& request) {
  auto asked = app::ReadRequest(request.body);
  if (!asked.ok()) return Respond(request.connection, false, std::string(asked.status().message()), {});
  const bool administrator = request.role == os::Role::kAdministrator;
  if (administrator && absl::StartsWith(asked->command, "commit")) return Commit(request.connection, asked->lines);
  Ask(request.connection, node::Command{1, asked->command, administrator, request.connection});
}

void NodeServer::Ask(uint64_t connection, node::Input input) {
  node::Actions actions;
  node_->Handle(input, os::Loop::Now(), actions);
  for (size_t i = 0; i < actions.size(); ++i) {
    if (const auto* m = std::get_if<node::Measure>(&actions[i])) {
      node::Measurements none;
      none.token = m->token;
      node_->Handle(std::move(none), os::Loop::Now(), actions);
    } else if (auto* r = std::get_if<node::Reply>(&actions[i])) {
      const std::string text = show::RenderText(r->document);
      Respond(connection, r->ok, text, show::Data(r->document));
    } else if (const auto* d = std::get_if<node::DebugLine>(&actions[i])) {
      for (uint64_t session : d->sessions) server_->Push(session, app::DebugEvent(0, d->facility, d->text));
    }
  }
}

// The driver's part of a commit.
void NodeServer::Commit(uint64_t connection, const std::vector<std::string>& lines) {
  const config::ParseResult r = config::ParseOnto(node_->model(), absl::StrJoin(lines, "\n"));
  if (!r.ok())
    return Respond(connection, false, "% the candidate has errors\n",
                   {{"error", "the candidate has errors"}});
  node::Actions actions;
  node_->Handle(node::NewConfig{r.model, {}}, os::Loop::Now(), actions);
  Respond(connection, true, absl::StrCat(lines.size(), " lines committed\n"), {{"ok", true}});
}

void NodeServer::Respond(uint64_t connection, bool ok, const std::string& text, const show::Json& data) {
  server_->Respond(
      connection,
      show::Json{{"version", os::kControlVersion},
                 {"ok", ok},
                 {"administrator", server_->RoleOf(connection) == os::Role::kAdministrator},
                 {"text", text},
                 {"data", data}}
          .dump());
}

}  // namespace flexvpn::shell
