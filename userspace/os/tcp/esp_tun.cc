// SPDX-License-Identifier: Apache-2.0
#include "os/tcp/esp_tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "core/net/peer_id.h"
#include "core/net/udp_packet.h"
#include "os/netlink/rtnl.h"
#include "os/netlink/socket.h"

namespace flexvpn::os {
namespace {

constexpr char kDevice[] = "flex-tcp0";
constexpr uint32_t kMtu = 9000;  // TCP takes any length; nothing of a tunnel is longer
// Between the kernel's rule for VRFs (1000) and ours for their sources (netlink::kRulePriority).
constexpr netlink::MarkRule kRule = {net::kTcpMark, 177177, 1900};
constexpr int kBatch = 256;  // packets read before others have their turn

// A device without any address takes no packets (fib_validate_source).  RFC 7600 reserves this one as a dummy address.
dataplane::Address DummyAddress() { return {kDevice, net::IpAddress::V4(0xc0000008), 32}; }

}  // namespace

absl::StatusOr<std::unique_ptr<EspTun>> EspTun::Make(Loop& loop, Receiver receiver) {
  Fd fd(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "open /dev/net/tun (needs CONFIG_TUN; modprobe tun)");
  ifreq request{};
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL);
  strncpy(request.ifr_name, kDevice, IFNAMSIZ - 1);
  if (ioctl(fd.get(), TUNSETIFF, &request) != 0) {
    if (errno == EBUSY) return absl::AlreadyExistsError(absl::StrCat(kDevice, ": there is such a device already"));
    return absl::ErrnoToStatus(errno, absl::StrCat("create ", kDevice));
  }
  std::unique_ptr<EspTun> tun(new EspTun(loop, std::move(fd), std::move(receiver)));
  RETURN_IF_ERROR(tun->Prepare());
  EspTun* t = tun.get();
  RETURN_IF_ERROR(loop.Add(t->fd_.get(), EPOLLIN, [t](uint32_t) { t->Receive(); }));
  return tun;
}

absl::Status EspTun::Prepare() {
  ASSIGN_OR_RETURN(auto socket, netlink::Socket::Open(NETLINK_ROUTE));
  int index = 0;
  RETURN_IF_ERROR(socket->Query(netlink::GetLink(kDevice), [&](const netlink::Received& m) {
    if (const auto link = netlink::ParseLink(m)) index = link->index;
  }));
  const auto talk = [&](netlink::Message m, const char* what) {
    return socket->Talk(std::move(m), absl::StrCat(kDevice, ": ", what));
  };
  RETURN_IF_ERROR(talk(netlink::ConfigureLink(index, "", kMtu), "mtu"));
  RETURN_IF_ERROR(talk(netlink::SetLooseSources(index), "rp_filter"));
  RETURN_IF_ERROR(talk(netlink::PutAddress(index, DummyAddress()), "address"));
  RETURN_IF_ERROR(talk(netlink::SetLinkUp(index), "up"));
  RETURN_IF_ERROR(talk(netlink::PutMarkRoute(index, kRule.table), "route"));
  (void)socket->Talk(netlink::DeleteMarkRule(kRule), "");  // one that a killed daemon left
  return talk(netlink::PutMarkRule(kRule), "rule by mark (needs CONFIG_IP_MULTIPLE_TABLES)");
}

EspTun::~EspTun() {
  loop_.Remove(fd_.get());
  if (auto socket = netlink::Socket::Open(NETLINK_ROUTE); socket.ok())
    (void)(*socket)->Talk(netlink::DeleteMarkRule(kRule), "");  // nobody is left who could be told
}

void EspTun::Receive() {
  uint8_t buffer[65536];
  for (int i = 0; i < kBatch; ++i) {
    const ssize_t n = read(fd_.get(), buffer, sizeof(buffer));
    if (n <= 0) return;
    if (buffer[0] >> 4 == 6) continue;  // what the kernel says on every new device, and may
    const auto packet = net::ParseUdpPacket(BytesView(buffer, static_cast<size_t>(n)));
    if (packet)
      receiver_(packet->source, packet->destination, packet->payload);
    else
      counters_.Add("packets on flex-tcp0 that are not ESP in UDP");
  }
}

void EspTun::Deliver(const net::Endpoint& local, const net::Endpoint& remote, BytesView esp) {
  const auto packet = net::MakeUdpPacket(remote, local, esp);
  if (!packet || write(fd_.get(), packet->data(), packet->size()) < 0)
    counters_.Add("packets flex-tcp0 did not take");
}

}  // namespace flexvpn::os
