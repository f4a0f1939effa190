// SPDX-License-Identifier: Apache-2.0
#include "os/netlink/socket.h"

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace flexvpn::os::netlink {
namespace {

constexpr size_t kBatchMessages = 64;
constexpr size_t kBatchOctets = 48 * 1024;
constexpr size_t kReceiveOctets = 256 * 1024;
constexpr int kSocketBuffer = 4 * 1024 * 1024;
constexpr int kAnswerTimeoutMs = 10000;  // the kernel answers at once; only a bug or a frozen guest takes longer

// Answer of an NLMSG_ERROR message.
Answer ParseAnswer(const Received& m) {
  Answer a;
  auto error = m.Body<nlmsgerr>();
  if (!error) return {EBADMSG, "short acknowledgement"};
  a.error = -error->error;
  if ((m.flags & NLM_F_ACK_TLVS) == 0) return a;
  // Without NLM_F_CAPPED the request's payload follows the header it repeats.
  size_t skip = sizeof(nlmsgerr);
  if ((m.flags & NLM_F_CAPPED) == 0 && error->msg.nlmsg_len > sizeof(nlmsghdr)) {
    skip += error->msg.nlmsg_len - sizeof(nlmsghdr);
  }
  a.text = Attrs(m.After(skip)).Text(NLMSGERR_ATTR_MSG);
  return a;
}

void SetOption(mnl_socket* s, int option) {
  int on = 1;
  mnl_socket_setsockopt(s, option, &on, sizeof(on));  // older kernels lack some: harmless
}

void SetBuffers(int fd) {
  int size = kSocketBuffer;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
  }
}

}  // namespace

absl::Status ErrnoStatus(int error, absl::string_view what, absl::string_view explanation) {
  std::string text = absl::StrCat(what, ": ", std::strerror(error));
  if (!explanation.empty()) absl::StrAppend(&text, " (", explanation, ")");
  return absl::Status(absl::ErrnoToStatusCode(error), text);
}

absl::Status Answer::ToStatus(absl::string_view what) const {
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, what, text);
}

Socket::Socket(mnl_socket* s) : socket_(s), buffer_(kReceiveOctets) {}

Socket::~Socket() { mnl_socket_close(socket_); }

absl::StatusOr<std::unique_ptr<Socket>> Socket::Open(int protocol, absl::Span<const uint32_t> groups) {
  int flags = SOCK_CLOEXEC | (groups.empty() ? 0 : SOCK_NONBLOCK);
  mnl_socket* s = mnl_socket_open2(protocol, flags);
  if (s == nullptr) return ErrnoStatus(errno, absl::StrCat("open netlink socket of protocol ", protocol));
  std::unique_ptr<Socket> out(new Socket(s));
  if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) != 0) return ErrnoStatus(errno, "bind netlink socket");
  SetOption(s, NETLINK_CAP_ACK);
  SetOption(s, NETLINK_EXT_ACK);
  SetBuffers(mnl_socket_get_fd(s));
  for (uint32_t group : groups) {
    int g = static_cast<int>(group);
    if (mnl_socket_setsockopt(s, NETLINK_ADD_MEMBERSHIP, &g, sizeof(g)) != 0) {
      return ErrnoStatus(errno, absl::StrCat("join netlink group ", group));
    }
  }
  return out;
}

int Socket::fd() const { return mnl_socket_get_fd(socket_); }

absl::Status Socket::Send(BytesView bytes) {
  while (mnl_socket_sendto(socket_, bytes.data(), bytes.size()) < 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "send netlink request");
  }
  return absl::OkStatus();
}

absl::StatusOr<BytesView> Socket::Receive() {
  pollfd p{fd(), POLLIN, 0};
  int ready;
  do {
    ready = poll(&p, 1, kAnswerTimeoutMs);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return absl::DeadlineExceededError("netlink: no answer from the kernel");
  ssize_t n = mnl_socket_recvfrom(socket_, buffer_.data(), buffer_.size());
  if (n < 0) return ErrnoStatus(errno, "receive netlink answer");
  return BytesView(buffer_.data(), static_cast<size_t>(n));
}

absl::Status Socket::TalkBatch(absl::Span<Message> messages, Answer* answers) {
  uint32_t first = sequence_ + 1;
  SecretBytes out;
  for (Message& m : messages) {
    m.set_sequence(++sequence_);
    m.set_flags(m.flags() | NLM_F_ACK);
    out.insert(out.end(), m.bytes().begin(), m.bytes().end());
  }
  RETURN_IF_ERROR(Send(out));
  size_t left = messages.size();
  while (left > 0) {
    ASSIGN_OR_RETURN(BytesView data, Receive());
    while (std::optional<Received> m = NextMessage(data)) {
      uint32_t index = m->sequence - first;
      if (m->type != NLMSG_ERROR || index >= messages.size()) continue;  // a stale answer
      answers[index] = ParseAnswer(*m);
      --left;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Answer>> Socket::Talk(std::vector<Message>& messages) {
  std::vector<Answer> answers(messages.size());
  size_t begin = 0;
  while (begin < messages.size()) {
    size_t end = begin, octets = 0;
    while (end < messages.size() && end - begin < kBatchMessages &&
           (end == begin || octets + messages[end].bytes().size() <= kBatchOctets)) {
      octets += messages[end++].bytes().size();
    }
    RETURN_IF_ERROR(TalkBatch(absl::MakeSpan(messages).subspan(begin, end - begin), &answers[begin]));
    begin = end;
  }
  return answers;
}

absl::Status Socket::Talk(Message message, absl::string_view what) {
  std::vector<Message> one;
  one.push_back(std::move(message));
  ASSIGN_OR_RETURN(std::vector<Answer> answers, Talk(one));
  return answers[0].ToStatus(what);
}

absl::Status Socket::Query(Message request, const Receiver& receiver) {
  uint32_t sequence = ++sequence_;
  bool dump = (request.flags() & NLM_F_DUMP) == NLM_F_DUMP, interrupted = false;
  request.set_sequence(sequence);
  RETURN_IF_ERROR(Send(request.bytes()));
  while (true) {
    ASSIGN_OR_RETURN(BytesView data, Receive());
    while (std::optional<Received> m = NextMessage(data)) {
      if (m->sequence != sequence) continue;
      interrupted |= (m->flags & NLM_F_DUMP_INTR) != 0;
      if (m->type == NLMSG_DONE) return interrupted ? absl::AbortedError("dump interrupted") : absl::OkStatus();
      if (m->type == NLMSG_ERROR) return ParseAnswer(*m).ToStatus("netlink query");
      receiver(*m);
      if (!dump) return absl::OkStatus();
    }
  }
}

absl::Status Socket::ReadEvents(const Receiver& receiver) {
  while (true) {
    ssize_t n = mnl_socket_recvfrom(socket_, buffer_.data(), buffer_.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return absl::OkStatus();
      if (errno == ENOBUFS) return absl::DataLossError("netlink events were lost");
      return ErrnoStatus(errno, "receive netlink events");
    }
    BytesView data(buffer_.data(), static_cast<size_t>(n));
    while (std::optional<Received> m = NextMessage(data)) receiver(*m);
  }
}

absl::Status Dump(Socket& socket, const Message& request, const Socket::Receiver& receiver,
                  const std::function<void()>& restart) {
  absl::Status status;
  for (int tries = 0; tries < 5; ++tries) {
    restart();
    status = socket.Query(request, receiver);
    if (!absl::IsAborted(status)) return status;
  }
  // Under constant change the last picture is as good as any; events correct it.
  return absl::OkStatus();
}

}  // namespace flexvpn::os::netlink
