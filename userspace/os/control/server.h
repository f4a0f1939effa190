// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_CONTROL_SERVER_H_
#define FLEXVPN_OS_CONTROL_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "os/loop/loop.h"

namespace flexvpn::os {

struct ControlRequest {
  uint64_t connection = 0;  // give back to Respond
  std::string body;         // JSON, not parsed yet
  uint32_t uid = 0;         // of the process at the other end (SO_PEERCRED)
};

// The daemon's control socket.  At most 64 connections, one request in work on each.
class ControlServer {
 public:
  using Handler = std::function<void(const ControlRequest&)>;
  // Replaces a stale socket file, refuses when a living daemon answers there.  Members of `group` may connect, too, if
  // there is such a group (mode 0660, else 0600); what they may do is for the handler to say.
  static absl::StatusOr<std::unique_ptr<ControlServer>> Make(Loop& loop, const std::string& path, Handler handler,
                                                             const std::string& group = "flexvpn");
  ~ControlServer();
  // What the operator should know about the socket; empty if all is well.
  const std::string& warning() const { return warning_; }
  // Ignored if the client has gone.
  void Respond(uint64_t connection, const std::string& body);

 private:
  struct Connection {
    Fd fd;
    std::string in, out;
    uint32_t uid = 0;
    bool busy = false;       // a request is being worked on
    bool advancing = false;  // Advance() is on the stack
    bool eof = false;        // the client sends no more
  };
  ControlServer(Loop& loop, std::string path, Fd fd, Handler handler)
      : loop_(loop), path_(std::move(path)), fd_(std::move(fd)), handler_(std::move(handler)) {}
  void Accept();
  void OnEvent(uint64_t id, uint32_t events);
  void Advance(uint64_t id);
  void Flush(uint64_t id);
  void Close(uint64_t id);

  Loop& loop_;
  std::string path_;
  Fd fd_;
  Handler handler_;
  std::string warning_;
  std::map<uint64_t, Connection> connections_;
  uint64_t next_ = 1;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_CONTROL_SERVER_H_
