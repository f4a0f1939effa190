// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_CORE_NET_TCP_STREAM_H_
#define FLEXVPN_CORE_NET_TCP_STREAM_H_

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "base/bytes.h"

namespace flexvpn::net {

// What the side that opened the connection sends first, once (RFC 9329 §4): "IKETCP".
inline constexpr std::array<uint8_t, 6> kTcpPrefix = {'I', 'K', 'E', 'T', 'C', 'P'};

// Takes one direction of a TCP connection of IKE and ESP apart (RFC 9329 §3).  Octets come in pieces of any size; of
// those at most one frame (64 KiB) is kept.
class TcpStream {
 public:
  enum class Kind : uint8_t { kIke, kEsp };
  // `content`: an IKE message without the non-ESP marker, or an ESP packet from its SPI on.  At least an IKE header or
  // SPI and sequence number; nothing more is checked.  Valid during the call, which must not call Feed.
  using Receiver = std::function<void(Kind kind, BytesView content)>;

  // `expects_prefix`: the other side opened the connection, so kTcpPrefix comes before all frames.
  explicit TcpStream(bool expects_prefix) : prefix_left_(expects_prefix ? kTcpPrefix.size() : 0) {}

  // Gives each message that `octets` complete to `receiver`, in order.  kInvalidArgument if the prefix is another one
  // or a length is 0 or 1: what follows has no meaning, the connection is to be closed.  That error is final; the
  // messages before it have been given.
  absl::Status Feed(BytesView octets, const Receiver& receiver);

  size_t buffered() const { return frame_.size(); }  // octets of a frame that is not complete
  // Frames without a message: keepalives (no or one octet), and content too short to be one.
  uint64_t ignored() const { return ignored_; }

 private:
  absl::Status FeedPrefix(BytesView& octets);
  absl::Status FeedFrame(BytesView& octets, const Receiver& receiver);
  void Deliver(BytesView content, const Receiver& receiver);

  size_t prefix_left_;
  Bytes frame_;  // what of a frame has come, with its length
  uint64_t ignored_ = 0;
  absl::Status error_;
};

// What goes before the content: the length, and the non-ESP marker if it is IKE.
struct TcpFrameHead {
  std::array<uint8_t, 6> octets{};
  size_t size = 0;
  BytesView view() const { return BytesView(octets).first(size); }
};
// nullopt if the frame would be longer than 65535 octets, or if `content` is ESP without an SPI: the other end would
// take it for something else.
std::optional<TcpFrameHead> MakeTcpFrameHead(TcpStream::Kind kind, BytesView content);
// The whole frame; nullopt as above.
std::optional<Bytes> TcpFrame(TcpStream::Kind kind, BytesView content);

}  // namespace flexvpn::net

#endif  // FLEXVPN_CORE_NET_TCP_STREAM_H_
