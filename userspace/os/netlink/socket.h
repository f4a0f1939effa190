// SPDX-License-Identifier: Apache-2.0
// The one place that talks netlink.
#ifndef FLEXVPN_OS_NETLINK_SOCKET_H_
#define FLEXVPN_OS_NETLINK_SOCKET_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "os/netlink/message.h"

struct mnl_socket;

namespace flexvpn::os::netlink {

// The kernel's answer to one message of a batch.
struct Answer {
  int error = 0;     // errno, 0 = done
  std::string text;  // the kernel's extended acknowledgement; may be empty, may also be a warning with error 0
  absl::Status ToStatus(absl::string_view what) const;  // "what: Invalid argument (text)"
};

class Socket {
 public:
  // `protocol`: NETLINK_ROUTE or NETLINK_XFRM.  `groups`: multicast groups (by number) for an event socket.
  // Belongs to the network namespace the calling thread is in.
  static absl::StatusOr<std::unique_ptr<Socket>> Open(int protocol, absl::Span<const uint32_t> groups = {});
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // Sends all messages, many in one system call, and waits for every acknowledgement.  The kernel processes
  // every message, also those after one it refused: answers stand in the order of `messages`.
  absl::StatusOr<std::vector<Answer>> Talk(std::vector<Message>& messages);
  absl::Status Talk(Message message, absl::string_view what);

  // Sends a request and hands over each message of the reply, a dump's up to its end.  A dump the kernel marks
  // as interrupted (NLM_F_DUMP_INTR) is repeated by the caller: kAborted.
  using Receiver = std::function<void(const Received&)>;
  absl::Status Query(Message request, const Receiver& receiver);

  int fd() const;
  // Event socket: everything that waits, without blocking.  kDataLoss when events were lost (ENOBUFS): the
  // caller reads everything anew.
  absl::Status ReadEvents(const Receiver& receiver);

 private:
  explicit Socket(mnl_socket* s);
  absl::Status Send(BytesView bytes);
  absl::Status TalkBatch(absl::Span<Message> messages, Answer* answers);
  absl::StatusOr<BytesView> Receive();

  mnl_socket* socket_;
  uint32_t sequence_ = 0;
  SecretBytes buffer_;  // receive
};

// Dumps with retries while the kernel reports a concurrent change.
absl::Status Dump(Socket& socket, const Message& request, const Socket::Receiver& receiver,
                  const std::function<void()>& restart);

// errno in words with the kernel's explanation, as a Status of the right code.
absl::Status ErrnoStatus(int error, absl::string_view what, absl::string_view explanation = "");

}  // namespace flexvpn::os::netlink

#endif  // FLEXVPN_OS_NETLINK_SOCKET_H_
