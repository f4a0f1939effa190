// SPDX-License-Identifier: Apache-2.0
#include "os/udp/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/str_cat.h"

namespace flexvpn::os {
namespace {

constexpr size_t kMaxDatagram = 65535;
constexpr int kBatch = 16;
constexpr int kUdpEncapEspInUdp = 2;  // linux/udp.h UDP_ENCAP_ESPINUDP

socklen_t ToSockaddr(const net::Endpoint& e, sockaddr_storage* out) {
  memset(out, 0, sizeof *out);
  if (e.address.is_v6()) {
    auto* sin6 = reinterpret_cast<sockaddr_in6*>(out);
    sin6->sin6_family = AF_INET6;
    sin6->sin6_port = htons(e.port);
    memcpy(&sin6->sin6_addr, e.address.raw().data(), 16);
    return sizeof *sin6;
  }
  auto* sin = reinterpret_cast<sockaddr_in*>(out);
  sin->sin_family = AF_INET;
  sin->sin_port = htons(e.port);
  memcpy(&sin->sin_addr, e.address.raw().data(), 4);
  return sizeof *sin;
}

net::Endpoint FromSockaddr(const sockaddr_storage& s, net::VrfId vrf) {
  if (s.ss_family == AF_INET6) {
    const auto& sin6 = reinterpret_cast<const sockaddr_in6&>(s);
    return {net::IpAddress::FromBytes({sin6.sin6_addr.s6_addr, 16}), ntohs(sin6.sin6_port), vrf};
  }
  const auto& sin = reinterpret_cast<const sockaddr_in&>(s);
  return {net::IpAddress::V4(ntohl(sin.sin_addr.s_addr)), ntohs(sin.sin_port), vrf};
}

// What one msghdr points to.
struct Frame {
  sockaddr_storage to;
  iovec iov[2];
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(in6_pktinfo))];
};

// Source address of the datagram, so that answers leave from where they were sent to.
void SetSource(const net::IpAddress& source, msghdr* h) {
  if (source.empty() || source.is_any()) {
    h->msg_control = nullptr;
    h->msg_controllen = 0;
    return;
  }
  h->msg_controllen = source.is_v6() ? CMSG_SPACE(sizeof(in6_pktinfo)) : CMSG_SPACE(sizeof(in_pktinfo));
  cmsghdr* c = CMSG_FIRSTHDR(h);
  if (source.is_v6()) {
    in6_pktinfo info{};
    memcpy(&info.ipi6_addr, source.raw().data(), 16);
    c->cmsg_level = IPPROTO_IPV6;
    c->cmsg_type = IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
  } else {
    in_pktinfo info{};
    memcpy(&info.ipi_spec_dst, source.raw().data(), 4);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
  }
}

void Fill(const net::Endpoint& local, const net::Endpoint& remote, BytesView bytes, bool marker, msghdr* h, Frame* f) {
  static constexpr uint8_t kMarker[4] = {0, 0, 0, 0};
  f->iov[0] = {const_cast<uint8_t*>(kMarker), marker ? sizeof kMarker : 0};
  f->iov[1] = {const_cast<uint8_t*>(bytes.data()), bytes.size()};
  memset(f->control, 0, sizeof f->control);
  h->msg_namelen = ToSockaddr(remote, &f->to);
  h->msg_name = &f->to;
  h->msg_iov = f->iov;
  h->msg_iovlen = 2;
  h->msg_control = f->control;
  SetSource(local.address, h);
}

// IKE is network control (RFC 4594: CS6).  DF stays off: a message that a peer without RFC 7383 needs whole may be
// larger than the path's MTU.  None of it is worth refusing to start for.
void SetHeaderFields(int fd, bool v6) {
  const int class6 = 48 << 2, off = 0;
  if (v6) {
    const int mtu = IPV6_PMTUDISC_DONT;
    setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &class6, sizeof class6);
    setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &mtu, sizeof mtu);
    setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &off, sizeof off);
  } else {
    const int mtu = IP_PMTUDISC_DONT;
    setsockopt(fd, IPPROTO_IP, IP_TOS, &class6, sizeof class6);
    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &mtu, sizeof mtu);
  }
}

net::IpAddress LocalAddressOf(msghdr& m) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      return net::IpAddress::V4(ntohl(info.ipi_addr.s_addr));
    }
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      return net::IpAddress::FromBytes({info.ipi6_addr.s6_addr, 16});
    }
  }
  return {};
}

}  // namespace

void UdpSocket::AllowVrfs(bool allow) {
  const int on = allow ? 1 : 0;
  setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

absl::StatusOr<std::unique_ptr<UdpSocket>> UdpSocket::Make(net::Family family, uint16_t port, Encap encap,
                                                           net::VrfId vrf, const std::string& device) {
  const bool v6 = family == net::Family::kIpv6;
  const std::string name =
      absl::StrCat("UDP ", v6 ? "[::]:" : "0.0.0.0:", port, device.empty() ? "" : absl::StrCat(" in VRF ", device));
  Fd fd(socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, name);
  const int on = 1, buffer = 8 << 20;
  if (v6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  setsockopt(fd.get(), v6 ? static_cast<int>(IPPROTO_IPV6) : static_cast<int>(IPPROTO_IP), v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof on);
  SetHeaderFields(fd.get(), v6);
  // A storm of spokes must not be lost in a default sized buffer.
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0)
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  UdpSocket socket(std::move(fd), family, port, encap, vrf);
  if (!device.empty()) {
    const auto size = static_cast<socklen_t>(device.size());
    if (setsockopt(socket.fd(), SOL_SOCKET, SO_BINDTODEVICE, device.c_str(), size) != 0)
      return absl::ErrnoToStatus(errno, absl::StrCat(name, ": SO_BINDTODEVICE"));
    socket.AllowVrfs(true);
  }
  sockaddr_storage address;
  const socklen_t length = ToSockaddr({net::IpAddress::Any(family), port}, &address);
  if (bind(socket.fd(), reinterpret_cast<sockaddr*>(&address), length) != 0) {
    const int error = errno;
    if (error == EADDRINUSE)
      return absl::AlreadyExistsError(absl::StrCat("bind ", name, ": is another IKE daemon running? ", strerror(error)));
    return absl::ErrnoToStatus(error, absl::StrCat("bind ", name, error == EACCES ? " (CAP_NET_BIND_SERVICE is missing)" : ""));
  }
  if (encap == Encap::kEspInUdp &&
      setsockopt(socket.fd(), IPPROTO_UDP, UDP_ENCAP, &kUdpEncapEspInUdp, sizeof kUdpEncapEspInUdp) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat(name, ": UDP_ENCAP (kernel needs CONFIG_XFRM)"));
  socket.AllowVrfs(false);
  return std::make_unique<UdpSocket>(std::move(socket));
}

void UdpSocket::Receive(const Receiver& receiver, int limit) {
  static thread_local std::vector<uint8_t> storage(kMaxDatagram * kBatch);
  while (limit > 0) {
    std::array<mmsghdr, kBatch> messages{};
    std::array<iovec, kBatch> iovs;
    std::array<sockaddr_storage, kBatch> from;
    std::array<std::array<uint8_t, 128>, kBatch> control;
    for (size_t i = 0; i < kBatch; ++i) {
      iovs[i] = {storage.data() + i * kMaxDatagram, kMaxDatagram};
      msghdr& h = messages[i].msg_hdr;
      h.msg_name = &from[i];
      h.msg_namelen = sizeof from[i];
      h.msg_iov = &iovs[i];
      h.msg_iovlen = 1;
      h.msg_control = control[i].data();
      h.msg_controllen = control[i].size();
    }
    const int wanted = std::min(kBatch, limit);
    const int n = recvmmsg(fd_.get(), messages.data(), static_cast<unsigned>(wanted), 0, nullptr);
    if (n <= 0) return;
    limit = n < wanted ? 0 : limit - n;  // fewer: nothing is left
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
      BytesView bytes(static_cast<uint8_t*>(iovs[i].iov_base), messages[i].msg_len);
      if ((messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) continue;
      if (encap_ == Encap::kEspInUdp) {
        if (bytes.size() < 4 || ByteReader(bytes).U32() != 0) continue;  // keepalive, or ESP the kernel did not take
        bytes = bytes.subspan(4);
      }
      receiver({LocalAddressOf(messages[i].msg_hdr), port_, vrf_}, FromSockaddr(from[i], vrf_), bytes);
    }
  }
}

void UdpSocket::Queue(const net::Endpoint& local, const net::Endpoint& remote, Bytes bytes) {
  queue_.push_back({local, remote, std::move(bytes)});
  if (queue_.size() >= kBatch) Flush().IgnoreError();
}

absl::Status UdpSocket::Flush() {
  absl::Status status;
  for (size_t first = 0; first < queue_.size(); first += kBatch) {
    std::array<mmsghdr, kBatch> messages{};
    std::array<Frame, kBatch> frames;
    const size_t n = std::min<size_t>(kBatch, queue_.size() - first);
    for (size_t i = 0; i < n; ++i) {
      const Outgoing& o = queue_[first + i];
      const bool marker = encap_ == Encap::kEspInUdp && o.bytes.size() > 1;  // one octet: NAT keepalive
      Fill(o.local, o.remote, o.bytes, marker, &messages[i].msg_hdr, &frames[i]);
    }
    for (size_t done = 0; done < n;) {
      const int sent = sendmmsg(fd_.get(), &messages[done], static_cast<unsigned>(n - done), MSG_DONTWAIT);
      if (sent > 0) {
        done += static_cast<size_t>(sent);
        continue;
      }
      ++send_errors_;
      if (status.ok()) status = absl::ErrnoToStatus(errno, absl::StrCat("send to ", queue_[first + done].remote.ToString()));
      ++done;  // the one refused; the others may have better luck
    }
  }
  queue_.clear();
  return status;
}

absl::Status UdpSocket::Send(const net::Endpoint& local, const net::Endpoint& remote, BytesView bytes) {
  queue_.push_back({local, remote, Bytes(bytes.begin(), bytes.end())});
  return Flush();
}

}  // namespace flexvpn::os
