// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_OS_TCP_TCP_CONNECTION_H_
#define FLEXVPN_OS_TCP_TCP_CONNECTION_H_

#include <string>

#include "base/bytes.h"
#include "core/net/tcp_stream.h"
#include "os/loop/fd.h"

namespace flexvpn::os {

// One TCP connection of IKE and ESP: its socket, what of a frame has come and what waits to be written.  Decides
// nothing; who may call and how long a connection lives is the carrier's.
class TcpConnection {
 public:
  enum class State : uint8_t { kConnecting, kOpen, kBroken };
  enum class Outcome : uint8_t {
    kTaken,   // written, or queued
    kFull,    // there is more than `limit` queued
    kUnfit,   // no frame can carry it
    kBroken,  // see error()
  };

  // `fd`: non-blocking.  Dialled: connect() has been called, and the prefix is the first that is written; else the
  // socket is connected, and the prefix is the first that is read.
  TcpConnection(Fd fd, bool dialled);

  int fd() const { return fd_.get(); }
  State state() const { return state_; }
  const std::string& error() const { return error_; }  // why it is broken, for people

  // Writes one frame, behind what is queued.  If more than `limit` octets would be queued then, none of it.
  Outcome Send(net::TcpStream::Kind kind, BytesView content, size_t limit);
  // Call when the socket can be written to: ends connecting, writes what is queued.
  State OnWritable();
  // Reads a bounded amount, so that others get their turn.  Stops early when closed by a call to `receiver`.
  State Read(const net::TcpStream::Receiver& receiver);
  size_t queued() const { return out_.size() - written_; }
  bool wants_to_write() const { return state_ == State::kConnecting || queued() != 0; }

  // What is queued and fits goes, then the end of the stream.  The rest is forgotten.
  void CloseOrderly();
  void Close();

  uint64_t octets_in() const { return octets_in_; }
  uint64_t octets_out() const { return octets_out_; }
  uint64_t ignored() const { return stream_.ignored(); }  // frames without a message

 private:
  State Break(std::string why);
  size_t Write(BytesView head, BytesView content);
  void Flush();

  Fd fd_;
  State state_;
  std::string error_;
  net::TcpStream stream_;
  Bytes out_;           // of which `written_` octets are with the kernel
  size_t written_ = 0;
  uint64_t octets_in_ = 0, octets_out_ = 0;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_TCP_TCP_CONNECTION_H_
