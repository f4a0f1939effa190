// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_CONTROL_SERVER_H_
#define FLEXVPN_OS_CONTROL_SERVER_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "os/control/peer.h"
#include "os/loop/loop.h"

namespace flexvpn::os {

struct ControlRequest {
  uint64_t connection = 0;  // give back to Respond
  std::string body;         // JSON, not parsed yet
  uid_t uid = 0;            // of the process at the other end
  Role role{};              // … and what it may do; strangers get no request through
};

// The daemon's control socket.  At most 64 connections, one request in work on each.  Beside the answers a connection
// may be given events.
class ControlServer {
 public:
  using Handler = std::function<void(const ControlRequest&)>;
  // Replaces a stale socket file, refuses when a living daemon answers there.  Besides root the members of `groups` may
  // connect, as far as there are such groups now; what they may do is for the handler to say.  The file's mode keeps out
  // whom it can: 0600 without a group, 0660 with one, 0666 with both.  A stranger whom it lets through is told why it
  // may not, and gone.
  static absl::StatusOr<std::unique_ptr<ControlServer>> Make(Loop& loop, const std::string& path, Handler handler,
                                                             const ControlGroups& groups = {});
  ~ControlServer();
  // What the operator should know about the socket; empty if all is well.
  const std::string& warning() const { return warning_; }
  // Of who is at the other end; a stranger if the connection has ended.
  Role RoleOf(uint64_t connection) const;
  // Strangers so far.
  uint64_t refused() const { return refused_; }
  // Ignored if the client has gone.
  void Respond(uint64_t connection, const std::string& body);
  // One frame that nobody asked for just now.  A client that does not read loses what goes beyond kMaxEvents octets; it
  // is told how many when it reads again.  Answers go before events.
  void Push(uint64_t connection, const std::string& body);
  // Called when a connection has ended.
  using Closed = std::function<void(uint64_t connection)>;
  void SetClosed(Closed closed) { closed_ = std::move(closed); }
  static constexpr size_t kMaxEvents = 256 * 1024;

 private:
  struct Connection {
    Fd fd;
    std::string in, out;
    std::deque<std::string> events;  // frames that go once `out` is empty
    size_t event_octets = 0;         // of `events`
    uint64_t lost = 0;               // events there was no room for since the last that was taken
    uid_t uid = 0;
    Role role{};
    bool busy = false;       // a request is being worked on
    bool advancing = false;  // Advance() is on the stack
    bool eof = false;        // the client sends no more
  };
  ControlServer(Loop& loop, std::string path, Fd fd, Handler handler)
      : loop_(loop), path_(std::move(path)), fd_(std::move(fd)), handler_(std::move(handler)) {}
  void Share(const ControlGroups& groups);
  void Accept();
  void Admit(Fd fd);
  void Refuse(const Fd& fd);
  void OnEvent(uint64_t id, uint32_t events);
  void Advance(uint64_t id);
  void Flush(uint64_t id);
  bool Send(Connection& c);
  static void NoteLost(Connection& c);
  void Close(uint64_t id);

  Loop& loop_;
  std::string path_;
  Fd fd_;
  Handler handler_;
  Closed closed_;
  std::string warning_;
  ControlGids gids_;
  std::string refusal_;  // frame
  uint64_t refused_ = 0;
  std::map<uint64_t, Connection> connections_;
  uint64_t next_ = 1;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_CONTROL_SERVER_H_
