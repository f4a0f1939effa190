// SPDX-License-Identifier: Apache-2.0
#include "os/tcp/tcp_connection.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <utility>

namespace flexvpn::os {
namespace {

constexpr size_t kReadSize = 64 * 1024;
constexpr int kReadsAtOnce = 4, kDrainsAtClose = 16;
constexpr size_t kKeepCapacity = 64 * 1024;  // of an output queue that is empty

// The kernel takes nothing just now; the connection itself is well.
bool Transient(int error) { return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM; }

}  // namespace

TcpConnection::TcpConnection(Fd fd, bool dialled)
    : fd_(std::move(fd)), state_(dialled ? State::kConnecting : State::kOpen), stream_(!dialled) {
  if (dialled) out_.assign(net::kTcpPrefix.begin(), net::kTcpPrefix.end());
}

TcpConnection::State TcpConnection::Break(std::string why) {
  state_ = State::kBroken;
  if (error_.empty()) error_ = std::move(why);
  return state_;
}

TcpConnection::Outcome TcpConnection::Send(net::TcpStream::Kind kind, BytesView content, size_t limit) {
  if (state_ == State::kBroken) return Outcome::kBroken;
  const auto head = net::MakeTcpFrameHead(kind, content);
  if (!head) return Outcome::kUnfit;
  const size_t size = head->size + content.size();
  if (queued() + size > limit) return Outcome::kFull;
  size_t done = wants_to_write() ? 0 : Write(head->view(), content);
  if (state_ == State::kBroken) return Outcome::kBroken;
  for (const BytesView part : {head->view(), content}) {
    const size_t skip = std::min(done, part.size());
    done -= skip;
    const BytesView rest = part.subspan(skip);
    out_.insert(out_.end(), rest.begin(), rest.end());
  }
  return Outcome::kTaken;
}

// How much of both the kernel took; 0 with state kBroken if the connection has ended.
size_t TcpConnection::Write(BytesView head, BytesView content) {
  iovec parts[2] = {{const_cast<uint8_t*>(head.data()), head.size()},
                    {const_cast<uint8_t*>(content.data()), content.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  const ssize_t n = sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n >= 0) {
    octets_out_ += static_cast<uint64_t>(n);
    return static_cast<size_t>(n);
  }
  if (!Transient(errno)) Break(strerror(errno));
  return 0;
}

void TcpConnection::Flush() {
  while (queued() != 0) {
    const size_t n = Write(BytesView(out_).subspan(written_), {});
    if (n == 0) break;
    written_ += n;
  }
  if (queued() == 0) {
    written_ = 0;
    out_.clear();
    if (out_.capacity() > kKeepCapacity) out_ = {};
  } else if (written_ > out_.size() / 2) {  // half at a time: moving what is left stays cheap
    out_.erase(out_.begin(), out_.begin() + static_cast<ptrdiff_t>(written_));
    written_ = 0;
  }
}

TcpConnection::State TcpConnection::OnWritable() {
  if (state_ == State::kConnecting) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return Break(strerror(error));
    sockaddr_storage peer;
    size = sizeof peer;
    // The event may have been meant for an earlier socket of this number.
    if (getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &size) != 0) return state_;
    state_ = State::kOpen;
  }
  if (state_ == State::kOpen) Flush();
  return state_;
}

TcpConnection::State TcpConnection::Read(const net::TcpStream::Receiver& receiver) {
  static thread_local Bytes buffer(kReadSize);
  for (int i = 0; i < kReadsAtOnce && state_ == State::kOpen; ++i) {
    const ssize_t n = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n == 0) return Break("closed by the peer");
    if (n < 0) return Transient(errno) ? state_ : Break(strerror(errno));
    octets_in_ += static_cast<uint64_t>(n);
    const absl::Status s = stream_.Feed(BytesView(buffer).first(static_cast<size_t>(n)), receiver);
    if (!s.ok()) return Break(std::string(s.message()));
    if (static_cast<size_t>(n) < buffer.size()) break;  // nothing is left
  }
  return state_;
}

void TcpConnection::CloseOrderly() {
  if (state_ == State::kOpen) Flush();
  if (state_ == State::kOpen && shutdown(fd_.get(), SHUT_WR) == 0) {
    // What has come and is not read would make close() reset the connection, and the peer lose what is on its way.
    // Not in the buffer of Read(): who closes may be called by it.
    std::array<uint8_t, 16 * 1024> waste;
    for (int i = 0; i < kDrainsAtClose && recv(fd_.get(), waste.data(), waste.size(), MSG_DONTWAIT) > 0; ++i) {
    }
  }
  Close();
}

void TcpConnection::Close() {
  Break("closed");
  fd_ = Fd();
}

}  // namespace flexvpn::os
