// SPDX-License-Identifier: Apache-2.0
#include "os/control/server.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/secret.h"
#include "os/control/client.h"
#include "os/control/frame.h"

namespace flexvpn::os {
namespace {

constexpr size_t kMaxConnections = 64;
constexpr size_t kFrameHead = 4;  // octets of the length in front of a frame: a request has begun

size_t Limit(uint32_t uid) { return uid == 0 ? kMaxRootRequest : kMaxRequest; }

// Opens the socket file to the group, if there is one.  Returns what went wrong; the socket is the owner's alone then.
std::string ShareWithGroup(const std::string& path, const std::string& name) {
  group entry{};
  group* found = nullptr;
  std::vector<char> buffer(64 * 1024);  // names of all members
  if (getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return "";
  if (chown(path.c_str(), static_cast<uid_t>(-1), found->gr_gid) == 0 && chmod(path.c_str(), 0660) == 0) return "";
  return absl::StrCat("group '", name, "' cannot use ", path, ": ", strerror(errno));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlServer>> ControlServer::Make(Loop& loop, const std::string& path, Handler handler,
                                                                   const std::string& group) {
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
  server->warning_ = ShareWithGroup(path, group);
  absl::Status s = loop.Add(server->fd_.get(), EPOLLIN, [p = server.get()](uint32_t) { p->Accept(); });
  if (!s.ok()) return s;
  return server;
}

ControlServer::~ControlServer() {
  for (auto& [id, c] : connections_) loop_.Remove(c.fd.get());
  loop_.Remove(fd_.get());
  ::unlink(path_.c_str());
}

void ControlServer::Accept() {
  for (;;) {
    Fd fd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid()) return;
    if (connections_.size() >= kMaxConnections) continue;  // closed at once
    ucred cred{};
    socklen_t length = sizeof cred;
    if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &cred, &length) != 0) continue;
    const uint64_t id = next_++;
    const int raw = fd.get();
    Connection& c = connections_[id];
    c.fd = std::move(fd);
    c.uid = cred.uid;
    if (!loop_.Add(raw, EPOLLIN | EPOLLRDHUP, [this, id](uint32_t events) { OnEvent(id, events); }).ok())
      connections_.erase(id);
  }
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
      if (it->second.in.size() > Limit(it->second.uid) + 4) return Close(id);
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
    auto frame = TakeFrame(it->second.in, Limit(it->second.uid));
    if (!frame.ok()) return Close(id);
    if (!*frame) break;
    it->second.busy = true;
    ControlRequest request{id, **std::move(frame), it->second.uid};
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
