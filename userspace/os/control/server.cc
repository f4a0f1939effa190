// SPDX-License-Identifier: Apache-2.0
#include "os/control/server.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/secret.h"
#include "nlohmann/json.hpp"
#include "os/control/client.h"
#include "os/control/frame.h"

namespace flexvpn::os {
namespace {

constexpr size_t kMaxConnections = 64;
constexpr size_t kFrameHead = 4;  // octets of the length in front of a frame: a request has begun

constexpr int kAcceptAtOnce = 16;   // then the loop has other things to do: strangers may come as fast as they like

size_t Limit(Role role) { return role == Role::kAdministrator ? kMaxAdministratorRequest : kMaxRequest; }

std::string RefusalFrame(const ControlGroups& groups) {
  std::string names;
  for (const std::string& name : {groups.operators, groups.administrators})
    if (!name.empty()) absl::StrAppend(&names, names.empty() ? "" : " or ", name);
  const std::string why = absl::StrCat("permission denied: root and members of the Unix group ", names, " may connect");
  const nlohmann::json body = {{"version", kControlVersion}, {"ok", false}, {"text", absl::StrCat("% ", why, "\n")},
                               {"data", {{"error", why}}}};
  return EncodeFrame(body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlServer>> ControlServer::Make(Loop& loop, const std::string& path, Handler handler,
                                                                   const ControlGroups& groups) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return absl::InvalidArgumentError(absl::StrCat("control socket path too long: ", path));
  path.copy(address.sun_path, path.size());
  if (ControlClient::Connect(path).ok())
    return absl::AlreadyExistsError(absl::StrCat("a daemon is running already: ", path, " answers"));
  ::unlink(path.c_str());
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "control socket");
  const mode_t old = umask(0177);
  const int bound = bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  const int error = errno;
  umask(old);
  if (bound != 0) return absl::ErrnoToStatus(error, absl::StrCat("bind ", path));
  if (listen(fd.get(), 16) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("listen ", path));
  std::unique_ptr<ControlServer> server(new ControlServer(loop, path, std::move(fd), std::move(handler)));
  server->Share(groups);
  absl::Status s = loop.Add(server->fd_.get(), EPOLLIN, [p = server.get()](uint32_t) { p->Accept(); });
  if (!s.ok()) return s;
  return server;
}

ControlServer::~ControlServer() {
  for (auto& [id, c] : connections_) loop_.Remove(c.fd.get());
  loop_.Remove(fd_.get());
  ::unlink(path_.c_str());
}

// A file has one group.  With two the mode lets everybody through, and Admit is what keeps strangers out.
void ControlServer::Share(const ControlGroups& groups) {
  gids_ = FindGroups(groups);
  refusal_ = RefusalFrame(groups);
  if (!gids_.administrators && !groups.administrators.empty() && groups.administrators != kAdministrators)
    warning_ = absl::StrCat("there is no Unix group '", groups.administrators, "': only root may change anything");
  const auto gid = gids_.operators ? gids_.operators : gids_.administrators;
  if (!gid) return;
  const bool one = !gids_.operators || !gids_.administrators || *gids_.operators == *gids_.administrators;
  if (chown(path_.c_str(), static_cast<uid_t>(-1), *gid) == 0 && chmod(path_.c_str(), one ? 0660 : 0666) == 0) return;
  warning_ = absl::StrCat("groups cannot use ", path_, ": ", strerror(errno));
}

void ControlServer::Accept() {
  for (int i = 0; i < kAcceptAtOnce; ++i) {
    Fd fd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid()) return;
    Admit(std::move(fd));
  }
}

void ControlServer::Admit(Fd fd) {
  const auto peer = CredentialsOf(fd.get());
  if (!peer.ok()) return;
  const Role role = os::RoleOf(*peer, gids_, geteuid());
  if (role == Role::kStranger) return Refuse(fd);
  if (connections_.size() >= kMaxConnections) return;  // closed at once
  const uint64_t id = next_++;
  const int raw = fd.get();
  Connection& c = connections_[id];
  c.fd = std::move(fd);
  c.uid = peer->uid;
  c.role = role;
  if (!loop_.Add(raw, EPOLLIN | EPOLLRDHUP, [this, id](uint32_t events) { OnEvent(id, events); }).ok())
    connections_.erase(id);
}

// One frame, which a fresh socket has room for, and the end: nothing is read from a stranger.
void ControlServer::Refuse(const Fd& fd) {
  ++refused_;
  [[maybe_unused]] const ssize_t n = ::send(fd.get(), refusal_.data(), refusal_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

Role ControlServer::RoleOf(uint64_t connection) const {
  const auto it = connections_.find(connection);
  return it == connections_.end() ? Role::kStranger : it->second.role;
}

void ControlServer::OnEvent(uint64_t id, uint32_t events) {
  auto it = connections_.find(id);
  if (it == connections_.end()) return;
  if ((events & EPOLLOUT) != 0) {
    Flush(id);
    Advance(id);
  }
  if ((it = connections_.find(id)) == connections_.end()) return;
  if ((events & EPOLLIN) != 0) {
    char buffer[4096];
    ssize_t n;
    while ((n = ::recv(it->second.fd.get(), buffer, sizeof buffer, 0)) > 0) {
      it->second.in.append(buffer, static_cast<size_t>(n));
      if (it->second.in.size() > Limit(it->second.role) + 4) return Close(id);
    }
    if (n == 0) {  // no more requests; what is asked already is answered
      it->second.eof = true;
      loop_.Modify(it->second.fd.get(), it->second.out.empty() ? 0u : static_cast<uint32_t>(EPOLLOUT)).IgnoreError();
    }
    Advance(id);
    it = connections_.find(id);
  }
  if (it != connections_.end() && (events & (EPOLLERR | EPOLLHUP)) != 0) Close(id);
}

// One request at a time, and none while an answer is still to be read: a client that does not read gets nothing more.
void ControlServer::Advance(uint64_t id) {
  auto it = connections_.find(id);
  if (it == connections_.end() || it->second.advancing) return;  // the loop further up goes on
  it->second.advancing = true;
  while (!it->second.busy && it->second.out.empty()) {
    auto frame = TakeFrame(it->second.in, Limit(it->second.role));
    if (!frame.ok()) return Close(id);
    if (!*frame) break;
    it->second.busy = true;
    ControlRequest request{id, **std::move(frame), it->second.uid, it->second.role};
    handler_(request);
    WipeMemory(request.body.data(), request.body.size());
    if ((it = connections_.find(id)) == connections_.end()) return;
  }
  it->second.advancing = false;
  if (it->second.eof && !it->second.busy && it->second.out.empty()) Close(id);
}

void ControlServer::Respond(uint64_t id, const std::string& body) {
  auto it = connections_.find(id);
  if (it == connections_.end()) return;
  it->second.busy = false;
  it->second.out += EncodeFrame(body);
  Flush(id);
  Advance(id);
}

// As much of `out` as the socket takes.  False: the client is gone.
bool ControlServer::Send(Connection& c) {
  size_t sent = 0;
  while (sent < c.out.size()) {
    const ssize_t n = ::send(c.fd.get(), c.out.data() + sent, c.out.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) {
      if (errno != EAGAIN) return false;
      break;
    }
    sent += static_cast<size_t>(n);
  }
  c.out.erase(0, sent);
  return true;
}

void ControlServer::NoteLost(Connection& c) {
  if (c.lost == 0) return;
  c.events.push_back(EncodeFrame(
      absl::StrCat("{\"version\":", kControlVersion, ",\"event\":\"lost\",\"lines\":", c.lost, "}")));
  c.event_octets += c.events.back().size();
  c.lost = 0;
}

void ControlServer::Push(uint64_t id, const std::string& body) {
  auto it = connections_.find(id);
  if (it == connections_.end()) return;
  Connection& c = it->second;
  if (c.event_octets + body.size() > kMaxEvents) {
    ++c.lost;
    return;
  }
  NoteLost(c);
  c.events.push_back(EncodeFrame(body));
  c.event_octets += c.events.back().size();
  if (c.out.empty()) Flush(id);
}

// A request that waits is answered before the next event goes: `undebug` must get through.
void ControlServer::Flush(uint64_t id) {
  auto it = connections_.find(id);
  if (it == connections_.end()) return;
  Connection& c = it->second;
  for (;;) {
    if (!Send(c)) return Close(id);
    if (!c.out.empty() || c.busy || c.in.size() >= kFrameHead) break;
    if (c.events.empty()) NoteLost(c);
    if (c.events.empty()) break;
    c.out = std::move(c.events.front());
    c.event_octets -= c.out.size();
    c.events.pop_front();
  }
  const uint32_t in = c.eof ? 0u : static_cast<uint32_t>(EPOLLIN | EPOLLRDHUP);
  loop_.Modify(c.fd.get(), in | (c.out.empty() ? 0u : static_cast<uint32_t>(EPOLLOUT))).IgnoreError();
}

void ControlServer::Close(uint64_t id) {
  auto it = connections_.find(id);
  if (it == connections_.end()) return;
  loop_.Remove(it->second.fd.get());
  connections_.erase(it);
  if (closed_) closed_(id);
}

}  // namespace flexvpn::os
