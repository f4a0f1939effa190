// SPDX-License-Identifier: Apache-2.0
#include "core/net/tcp_stream.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace flexvpn::net {
namespace {

constexpr size_t kLengthSize = 2, kMarkerSize = 4;
constexpr size_t kMaxFrame = 65535;
constexpr size_t kIkeHeaderSize = 28;   // RFC 7296 §3.1
constexpr size_t kMinEsp = 8;           // SPI and sequence number, RFC 4303 §2
constexpr size_t kKeepCapacity = 4096;  // an ordinary ESP packet; a rare large frame does not stay allocated

size_t LengthOf(BytesView frame) { return static_cast<size_t>(frame[0]) << 8 | frame[1]; }

absl::Status BadLength(size_t length) {
  return absl::InvalidArgumentError(absl::StrCat("frame of length ", length, " in a TCP stream"));
}

}  // namespace

absl::Status TcpStream::Feed(BytesView octets, const Receiver& receiver) {
  if (error_.ok()) error_ = FeedPrefix(octets);
  while (error_.ok() && !octets.empty()) error_ = FeedFrame(octets, receiver);
  if (!error_.ok()) frame_ = {};
  return error_;
}

// Each octet is compared as it comes: who is no peer of ours is not waited for.
absl::Status TcpStream::FeedPrefix(BytesView& octets) {
  while (prefix_left_ != 0 && !octets.empty()) {
    if (octets[0] != kTcpPrefix[kTcpPrefix.size() - prefix_left_])
      return absl::InvalidArgumentError("TCP stream does not begin with IKETCP");
    --prefix_left_;
    octets = octets.subspan(1);
  }
  return absl::OkStatus();
}

// Takes one frame, or all of `octets` if they do not complete one.  A frame that comes in one piece is not copied.
absl::Status TcpStream::FeedFrame(BytesView& octets, const Receiver& receiver) {
  const auto take = [&](size_t n) {
    n = std::min(n, octets.size());
    const BytesView taken = octets.first(n);
    octets = octets.subspan(n);
    return taken;
  };
  if (frame_.empty() && octets.size() >= kLengthSize) {
    const size_t length = LengthOf(octets);
    if (length < kLengthSize) return BadLength(length);
    if (octets.size() >= length) {
      Deliver(take(length).subspan(kLengthSize), receiver);
      return absl::OkStatus();
    }
  }
  if (frame_.size() < kLengthSize) {
    const BytesView head = take(kLengthSize - frame_.size());
    frame_.insert(frame_.end(), head.begin(), head.end());
    if (frame_.size() < kLengthSize) return absl::OkStatus();
  }
  const size_t length = LengthOf(frame_);
  if (length < kLengthSize) return BadLength(length);
  const BytesView more = take(length - frame_.size());
  frame_.insert(frame_.end(), more.begin(), more.end());
  if (frame_.size() < length) return absl::OkStatus();
  Deliver(BytesView(frame_).subspan(kLengthSize), receiver);
  if (frame_.capacity() > kKeepCapacity) frame_ = {};
  frame_.clear();
  return absl::OkStatus();
}

void TcpStream::Deliver(BytesView content, const Receiver& receiver) {
  const bool marked = content.size() >= kMarkerSize && ByteReader(content).U32() == 0;
  const BytesView message = marked ? content.subspan(kMarkerSize) : content;
  if (message.size() < (marked ? kIkeHeaderSize : kMinEsp)) {
    ++ignored_;
    return;
  }
  receiver(marked ? Kind::kIke : Kind::kEsp, message);
}

std::optional<TcpFrameHead> MakeTcpFrameHead(TcpStream::Kind kind, BytesView content) {
  const bool ike = kind == TcpStream::Kind::kIke;
  if (!ike && (content.size() < kMarkerSize || ByteReader(content).U32() == 0)) return std::nullopt;
  TcpFrameHead head;
  head.size = kLengthSize + (ike ? kMarkerSize : 0);
  if (content.size() > kMaxFrame - head.size) return std::nullopt;
  const size_t length = head.size + content.size();
  head.octets[0] = static_cast<uint8_t>(length >> 8);
  head.octets[1] = static_cast<uint8_t>(length);
  return head;
}

std::optional<Bytes> TcpFrame(TcpStream::Kind kind, BytesView content) {
  const auto head = MakeTcpFrameHead(kind, content);
  if (!head) return std::nullopt;
  ByteWriter w(head->size + content.size());
  w.Append(head->view());
  w.Append(content);
  return std::move(w).Release();
}

}  // namespace flexvpn::net
