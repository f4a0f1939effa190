// SPDX-License-Identifier: Apache-2.0
// IKE sockets on the loopback interface.
#include "os/udp/udp.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace flexvpn::os {
namespace {

int Option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

uint16_t PortOf(int fd) {
  sockaddr_storage s{};
  socklen_t size = sizeof s;
  getsockname(fd, reinterpret_cast<sockaddr*>(&s), &size);
  return ntohs(s.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(s).sin6_port
                                       : reinterpret_cast<sockaddr_in&>(s).sin_port);
}

class UdpTest : public testing::TestWithParam<net::Family> {
 protected:
  void SetUp() override {
    auto made = UdpSocket::Make(GetParam(), 0, UdpSocket::Encap::kNone);  // any free port
    if (!made.ok() && v6()) GTEST_SKIP() << "no IPv6 here: " << made.status();
    ASSERT_TRUE(made.ok()) << made.status();
    socket_ = *std::move(made);
    self_ = {*net::IpAddress::Parse(v6() ? "::1" : "127.0.0.1"), PortOf(socket_->fd())};
  }
  bool v6() const { return GetParam() == net::Family::kIpv6; }
  // What has arrived once the last of `count` datagrams is there.
  std::vector<Bytes> Receive(size_t count) {
    std::vector<Bytes> got;
    while (got.size() < count) {
      pollfd p{socket_->fd(), POLLIN, 0};
      if (poll(&p, 1, 5000) != 1) break;
      socket_->Receive([&](const net::Endpoint& local, const net::Endpoint& remote, BytesView bytes) {
        EXPECT_EQ(local.address, self_.address);
        EXPECT_EQ(remote, self_);
        got.emplace_back(bytes.begin(), bytes.end());
      });
    }
    return got;
  }
  std::unique_ptr<UdpSocket> socket_;
  net::Endpoint self_;
};

TEST_P(UdpTest, IsNetworkControlAndMayBeFragmentedOnTheWay) {
  const int fd = socket_->fd();
  if (v6()) {
    EXPECT_EQ(Option(fd, IPPROTO_IPV6, IPV6_TCLASS), 48 << 2);
    EXPECT_EQ(Option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_DONT);
  } else {
    EXPECT_EQ(Option(fd, IPPROTO_IP, IP_TOS), 48 << 2);
    EXPECT_EQ(Option(fd, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DONT);
  }
}

TEST_P(UdpTest, QueuedDatagramsArriveInOrderWithTheirAddresses) {
  std::vector<Bytes> sent;
  for (uint8_t i = 0; i < 50; ++i) {  // more than a batch
    sent.push_back(Bytes(100u + i, i));
    socket_->Queue({self_.address, 0}, self_, sent.back());
  }
  EXPECT_TRUE(socket_->Flush().ok());
  EXPECT_EQ(Receive(sent.size()), sent);
  EXPECT_TRUE(socket_->Flush().ok()) << "nothing is left";
  EXPECT_EQ(socket_->send_errors(), 0u);
}

TEST_P(UdpTest, OneRefusedDatagramDoesNotStopTheOthers) {
  const net::Endpoint foreign{*net::IpAddress::Parse(v6() ? "2001:db8::99" : "192.0.2.99"), 0};  // not ours to send from
  socket_->Queue({self_.address, 0}, self_, {1});
  socket_->Queue(foreign, self_, {2});
  socket_->Queue({self_.address, 0}, self_, {3});
  EXPECT_FALSE(socket_->Flush().ok());
  EXPECT_EQ(socket_->send_errors(), 1u);
  EXPECT_EQ(Receive(2), (std::vector<Bytes>{{1}, {3}}));
}

TEST_P(UdpTest, SendLeavesAtOnce) {
  EXPECT_TRUE(socket_->Send({self_.address, 0}, self_, Bytes(3, 7)).ok());
  EXPECT_EQ(Receive(1), std::vector<Bytes>{Bytes(3, 7)});
}

// The loopback device stands in for one of a VRF: what matters is the binding.
TEST_P(UdpTest, ASocketBoundToADeviceSharesThePortAndItsDatagramsCarryTheVrf) {
  const auto make = [&] { return UdpSocket::Make(GetParam(), self_.port, UdpSocket::Encap::kNone, net::VrfId(7), "lo"); };
  const auto refused = make();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAlreadyExists) << refused.status();
  EXPECT_NE(refused.status().message().find("in VRF lo"), std::string::npos) << refused.status();
  socket_->AllowVrfs(true);
  auto vrf = make();
  socket_->AllowVrfs(false);
  ASSERT_TRUE(vrf.ok()) << vrf.status();
  ASSERT_TRUE(socket_->Send({self_.address, 0}, self_, Bytes{42}).ok());
  pollfd p{(*vrf)->fd(), POLLIN, 0};
  ASSERT_EQ(poll(&p, 1, 5000), 1) << "it comes by the device, so it is that socket's";
  size_t received = 0;
  (*vrf)->Receive([&](const net::Endpoint& local, const net::Endpoint& remote, BytesView bytes) {
    EXPECT_EQ(local, (net::Endpoint{self_.address, self_.port, net::VrfId(7)}));
    EXPECT_EQ(remote, (net::Endpoint{self_.address, self_.port, net::VrfId(7)}));
    received += bytes.size();
  });
  EXPECT_EQ(received, 1u);
}

// Another daemon that says it shares the port (SO_REUSEADDR) is still refused it, before and after VRFs had theirs.
TEST_P(UdpTest, NobodyElseSlipsIn) {
  const auto other = [&] { return UdpSocket::Make(GetParam(), self_.port, UdpSocket::Encap::kNone, {}, "lo").status(); };
  EXPECT_FALSE(other().ok());  // of all sockets of ours this one asks for sharing
  socket_->AllowVrfs(true);
  ASSERT_TRUE(other().ok()) << "else this test could not fail";
  socket_->AllowVrfs(false);
  EXPECT_FALSE(other().ok());
  EXPECT_EQ(Option(socket_->fd(), SOL_SOCKET, SO_REUSEADDR), 0);
}

INSTANTIATE_TEST_SUITE_P(BothFamilies, UdpTest, testing::Values(net::Family::kIpv4, net::Family::kIpv6),
                         [](const auto& test) { return test.param == net::Family::kIpv6 ? "Ipv6" : "Ipv4"; });

}  // namespace
}  // namespace flexvpn::os
