// SPDX-License-Identifier: Apache-2.0
// The real node behind the real control socket, without a kernel: what the shell asks is answered as the
// daemon does.
#ifndef FLEXVPN_TESTS_UNIT_APP_SHELL_TERMINAL_NODE_SERVER_H_
#define FLEXVPN_TESTS_UNIT_APP_SHELL_TERMINAL_NODE_SERVER_H_

#include <memory>
#include <string>
#include <thread>

#include "core/node/node.h"
#include "core/show/document.h"
#include "os/control/server.h"
#include "os/loop/loop.h"

namespace flexvpn::shell {

class NodeServer {
 public:
  NodeServer(const std::string& socket, const std::string& config, const os::ControlGroups& groups = {});
  ~NodeServer();
  // So many datagrams of 203.0.113.9 that are not IKE.
  void Datagram(size_t times = 1);

 private:
  void OnRequest(const os::ControlRequest& request);
  void Ask(uint64_t connection, node::Input input);
  void Respond(uint64_t connection, bool ok, const std::string& text, const show::Json& data);
  void Commit(uint64_t connection, const std::vector<std::string>& lines);

  std::unique_ptr<crypto::Provider> crypto_;
  SeededRng rng_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<os::Loop> loop_;
  std::unique_ptr<os::ControlServer> server_;
  std::thread thread_;
};

}  // namespace flexvpn::shell

#endif  // FLEXVPN_TESTS_UNIT_APP_SHELL_TERMINAL_NODE_SERVER_H_
