// SPDX-License-Identifier: Apache-2.0
#include "os/raw/nhrp_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>

#include "absl/strings/str_cat.h"

namespace flexvpn::os {
namespace {

constexpr uint16_t kGreProtocolNhrp = 0x2001;
#ifndef SO_RCVMARK
constexpr int kSoRcvMark = 75;  // asm-generic/socket.h, kernel 5.19
#else
constexpr int kSoRcvMark = SO_RCVMARK;
#endif

}  // namespace

absl::StatusOr<std::unique_ptr<NhrpSocket>> NhrpSocket::Make(const std::string& device, int ifindex) {
  // Protocol 0 until bound: otherwise packets of other devices would slip in between.
  Fd fd(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid())
    return absl::ErrnoToStatus(errno, "packet socket for NHRP (needs CAP_NET_RAW and CONFIG_PACKET)");
  const int on = 1;
  if (setsockopt(fd.get(), SOL_SOCKET, kSoRcvMark, &on, sizeof on) != 0)
    return absl::ErrnoToStatus(errno, "SO_RCVMARK (needs kernel 5.19)");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(kGreProtocolNhrp);
  address.sll_ifindex = ifindex;
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("bind NHRP socket to ", device));
  return std::unique_ptr<NhrpSocket>(new NhrpSocket(std::move(fd), device, ifindex));
}

void NhrpSocket::Receive(const std::function<void(net::PeerId, BytesView)>& receiver, int limit) {
  std::array<uint8_t, 4096> buffer;
  for (; limit > 0; --limit) {
    sockaddr_ll from{};
    iovec iov{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<uint8_t, 256> control;
    msghdr h{};
    h.msg_name = &from;
    h.msg_namelen = sizeof from;
    h.msg_iov = &iov;
    h.msg_iovlen = 1;
    h.msg_control = control.data();
    h.msg_controllen = control.size();
    const ssize_t n = recvmsg(fd_.get(), &h, 0);
    if (n < 0) return;
    if (from.sll_pkttype == PACKET_OUTGOING || (h.msg_flags & MSG_TRUNC) != 0) continue;
    uint32_t mark = 0;
    for (cmsghdr* c = CMSG_FIRSTHDR(&h); c != nullptr; c = CMSG_NXTHDR(&h, c))
      if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_MARK) memcpy(&mark, CMSG_DATA(c), sizeof mark);
    receiver(net::PeerId(mark & net::kPeerMarkMask), BytesView(buffer).first(static_cast<size_t>(n)));
  }
}

absl::Status NhrpSocket::Send(net::PeerId peer, BytesView packet) {
  // With room for the device's address, which the kernel insists on: 16 octets on ip6gre, 8 are in sockaddr_ll.
  union {
    sockaddr_ll head;
    uint8_t room[offsetof(sockaddr_ll, sll_addr) + 32];  // MAX_ADDR_LEN
  } to{};
  to.head.sll_family = AF_PACKET;
  to.head.sll_protocol = htons(kGreProtocolNhrp);
  to.head.sll_ifindex = ifindex_;
  iovec iov{const_cast<uint8_t*>(packet.data()), packet.size()};
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint32_t))] = {};
  msghdr h{};
  h.msg_name = &to;
  h.msg_namelen = sizeof to;
  h.msg_iov = &iov;
  h.msg_iovlen = 1;
  h.msg_control = control;
  h.msg_controllen = sizeof control;
  cmsghdr* c = CMSG_FIRSTHDR(&h);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SO_MARK;
  c->cmsg_len = CMSG_LEN(sizeof(uint32_t));
  const uint32_t mark = peer.value();
  memcpy(CMSG_DATA(c), &mark, sizeof mark);
  if (sendmsg(fd_.get(), &h, MSG_DONTWAIT) >= 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("send NHRP to peer ", peer.value(), " on ", device_));
}

}  // namespace flexvpn::os
