// SPDX-License-Identifier: Apache-2.0
// What a carrier carries, what it tells, and what callbacks may do.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "unit/os_tcp/tcp_fixture.h"

namespace flexvpn::os {
namespace {

TEST_F(Tcp, IkeGoesBothWaysAndEndpointsNameTheConnection) {
  hub_.on_ike = [&](const Got& g) { hub_.carrier->SendIke(g.local, g.remote, Ike(200, 2)); };
  SpokeSends(port_, Ike());
  ASSERT_TRUE(Wait([&] { return spoke_.ike.size() == 1; }));
  On([&] {
    EXPECT_EQ(hub_.ike[0].bytes, Ike());
    EXPECT_EQ(hub_.ike[0].local, HubLocal());
    EXPECT_EQ(hub_.ike[0].remote.address, kSpoke);
    EXPECT_EQ(hub_.ike[0].remote.carrier, net::Carrier::kTcpAccepted);
    EXPECT_NE(hub_.ike[0].remote.port, net::kTcpPort);
    EXPECT_EQ(spoke_.ike[0].bytes, Ike(200, 2));
    EXPECT_EQ(spoke_.ike[0].local, SpokeLocal());
    EXPECT_EQ(spoke_.ike[0].remote, DialTo(port_));
    const auto stats = hub_.carrier->stats();
    EXPECT_EQ(stats.connections, 1u);
    EXPECT_EQ(stats.accepted, 1u);
    EXPECT_EQ(stats.octets_in, 6u + 6 + 100);
    EXPECT_EQ(stats.octets_out, 6u + 200);
    EXPECT_EQ(spoke_.carrier->stats().dialled, 1u);
  });
}

TEST_F(Tcp, TheDialledSideWritesPrefixThenFramesAndReadsNoPrefix) {
  Listener listener;
  SpokeSends(listener.port(), Ike(30, 3));
  SpokeSends(listener.port(), Ike(40, 4));
  Plain peer = listener.Accept();
  EXPECT_EQ(ToString(peer.Read(6)), "IKETCP");
  EXPECT_EQ(peer.Read(36), *net::TcpFrame(Kind::kIke, Ike(30, 3)));
  EXPECT_EQ(peer.Read(46), *net::TcpFrame(Kind::kIke, Ike(40, 4)));
  peer.SendFrame(Kind::kIke, Ike(50, 5));
  ASSERT_TRUE(Wait([&] { return spoke_.ike.size() == 1; }));
  On([&] { EXPECT_EQ(spoke_.ike[0].bytes, Ike(50, 5)); });
}

TEST_F(Tcp, EspComesOnlyOnceSomebodyVouches) {
  Plain peer = Call();
  peer.SendPrefix();
  peer.SendFrame(Kind::kEsp, Esp(100, 1));
  ASSERT_TRUE(Counted(hub_, "ESP packets of strangers"));
  On([&] { hub_.carrier->Vouch(HubLocal(), Caller(peer), true), hub_.carrier->Vouch(HubLocal(), Caller(peer), true); });
  peer.SendFrame(Kind::kEsp, Esp(100, 3));
  ASSERT_TRUE(Wait([&] { return hub_.esp.size() == 1; }));
  On([&] {
    EXPECT_EQ(hub_.esp[0].bytes, Esp(100, 3));
    EXPECT_EQ(hub_.esp[0].local, HubLocal());
    EXPECT_EQ(hub_.esp[0].remote, Caller(peer));
    hub_.carrier->Vouch(HubLocal(), Caller(peer), false);
  });
  peer.SendFrame(Kind::kEsp, Esp(100, 5));
  ASSERT_TRUE(Wait([&] { return hub_.esp.size() == 2; })) << "one of two still vouches";
  On([&] { hub_.carrier->Vouch(HubLocal(), Caller(peer), false); });
  peer.SendFrame(Kind::kEsp, Esp(100, 7));
  ASSERT_TRUE(Counted(hub_, "ESP packets of strangers", 2));
  // Back by any carrier: the name counts.
  On([&] { EXPECT_TRUE(hub_.carrier->SendEsp({kHub, net::kTcpPort}, {kSpoke, peer.port()}, Esp(60, 9))); });
  EXPECT_EQ(peer.Read(62), *net::TcpFrame(Kind::kEsp, Esp(60, 9)));
}

TEST_F(Tcp, ALongEspStreamArrivesWhole) {
  Establish();
  constexpr size_t kPackets = 20000;
  const auto packet = [](size_t i) { return Esp(8 + i * 37 % 9000, static_cast<uint8_t>(i)); };
  size_t sent = 0;
  // As much as the queue takes; goes on when the hub has read some.
  const auto more = [&] {
    while (sent < kPackets && spoke_.carrier->SendEsp(SpokeLocal(), DialTo(port_), packet(sent))) ++sent;
  };
  size_t right = 0;
  hub_.on_esp = [&](const Got& g) {
    right += g.bytes == packet(right) ? 1 : 0;
    hub_.esp.clear();
    more();
  };
  On(more);
  ASSERT_TRUE(Wait([&] { return right == kPackets; })) << sent << " sent";
}

TEST_F(Tcp, TellsThatThePeerClosedAndDialsAgain) {
  Listener listener;
  SpokeSends(listener.port(), Ike());
  {
    Plain peer = listener.Accept();
    peer.Read(6 + 106);
    peer.SendFrame(Kind::kIke, Ike());
    ASSERT_TRUE(Wait([&] { return spoke_.ike.size() == 1; }));
  }
  ASSERT_TRUE(Wait([&] { return spoke_.lost.size() == 1; }));
  On([&] {
    EXPECT_EQ(spoke_.lost[0].local, SpokeLocal());
    EXPECT_EQ(spoke_.lost[0].remote, DialTo(listener.port()));
    EXPECT_TRUE(absl::StrContains(spoke_.why[0], "closed by the peer")) << spoke_.why[0];
    EXPECT_EQ(spoke_.carrier->stats().connections, 0u);
  });
  SpokeSends(listener.port(), Ike(64, 8));  // it had answered: no pause
  Plain again = listener.Accept();
  EXPECT_EQ(ToString(again.Read(6)), "IKETCP");
  EXPECT_EQ(again.Read(70), *net::TcpFrame(Kind::kIke, Ike(64, 8)));
}

TEST_F(Tcp, TheNextConnectionOfANameIsVouchedForAsLongAsTheSessionSays) {
  Listener listener;
  On([&] { spoke_.carrier->Vouch(SpokeLocal(), DialTo(listener.port()), true); });
  for (uint8_t i = 1; i < 6; i = static_cast<uint8_t>(i + 2)) {
    SpokeSends(listener.port(), Ike());
    Plain peer = listener.Accept();
    peer.SendFrame(Kind::kEsp, Esp(50, i));
    ASSERT_TRUE(Wait([&] { return !spoke_.esp.empty() && spoke_.esp.back().bytes == Esp(50, i); }));
    const size_t losses = i / 2 + 1u;
    peer.Close();
    ASSERT_TRUE(Wait([&] { return spoke_.lost.size() == losses; }));
  }
  On([&] { spoke_.carrier->Vouch(SpokeLocal(), DialTo(listener.port()), false); });
  SpokeSends(listener.port(), Ike());
  Plain peer = listener.Accept();
  peer.SendFrame(Kind::kEsp, Esp(50, 1));
  EXPECT_TRUE(Counted(spoke_, "ESP packets of strangers"));
}

TEST_F(Tcp, SaysNothingOfACallerNobodyVouchedFor) {
  Plain stranger = Call(), known = Call();
  On([&] { hub_.carrier->Vouch(HubLocal(), Caller(known), true); });
  const net::Endpoint caller = Caller(known);
  stranger.Reset();
  known.Reset();
  ASSERT_TRUE(Wait([&] { return hub_.carrier->stats().connections == 0 && !hub_.lost.empty(); }));
  On([&] {
    EXPECT_EQ(hub_.lost.size(), 1u);
    EXPECT_EQ(hub_.lost[0].remote, caller);
  });
}

TEST_F(Tcp, APortInUseIsNamed) {
  On([&] {
    const absl::Status s = spoke_.carrier->Listen(port_);
    EXPECT_EQ(s.code(), absl::StatusCode::kAlreadyExists) << s;
    EXPECT_TRUE(absl::StrContains(s.message(), absl::StrCat(port_))) << s;
    EXPECT_TRUE(hub_.carrier->Listen(port_).ok()) << "our own is no conflict";
    EXPECT_EQ(hub_.carrier->stats().port, port_);
    EXPECT_TRUE(hub_.carrier->Listen(0).ok());
    EXPECT_EQ(hub_.carrier->stats().port, 0);
    EXPECT_TRUE(spoke_.carrier->Listen(port_).ok()) << "free again";
    EXPECT_FALSE(hub_.carrier->Listen(port_).ok());
  });
}

TEST_F(Tcp, ConnectionsStayWhenThePortChanges) {
  Establish();
  uint16_t other = 0;
  On([&] {
    for (int i = 0; i < 10 && other == 0; ++i) {
      const uint16_t port = FreePort();
      if (hub_.carrier->Listen(port).ok()) other = port;
    }
  });
  ASSERT_NE(other, 0);
  SpokeSends(port_, Ike(60, 6));
  ASSERT_TRUE(Wait([&] { return hub_.ike.size() == 2; }));
  SpokeSends(other, Ike(60, 7));
  ASSERT_TRUE(Wait([&] { return hub_.ike.size() == 3; }));
  EXPECT_EQ(Connections(hub_), 2u);
}

// The receiver of one message makes the connection end while more messages of the same read are there.
TEST_F(Tcp, ACallbackMayEndItsOwnConnection) {
  Plain peer = Call();
  hub_.on_ike = [&](const Got& g) {
    hub_.carrier->Vouch(g.local, g.remote, true);
    for (int i = 0; i < 100000 && hub_.carrier->stats().connections != 0; ++i)
      hub_.carrier->SendIke(g.local, g.remote, Ike(60000));
    hub_.carrier->SendEsp(g.local, g.remote, Esp(60, 1));
    hub_.carrier->Vouch(g.local, g.remote, false);
  };
  Bytes all(net::kTcpPrefix.begin(), net::kTcpPrefix.end());
  for (int i = 0; i < 3; ++i) {
    const Bytes frame = *net::TcpFrame(Kind::kIke, Ike());
    all.insert(all.end(), frame.begin(), frame.end());
  }
  peer.Send(all);
  ASSERT_TRUE(Wait([&] { return hub_.lost.size() == 1; }));
  On([&] { EXPECT_EQ(hub_.ike.size(), 1u) << "what came behind it is not told any more"; });
}

TEST_F(Tcp, ACallbackMayCloseByTimeAndDialAgain) {
  Listener listener;
  spoke_.on_ike = [&](const Got& g) {
    if (spoke_.ike.size() > 1) return;
    now_ += TcpCarrier::kIdleTime;
    spoke_.carrier->OnTick(now_);
    spoke_.carrier->SendIke(g.local, g.remote, Ike(44, 4));
  };
  SpokeSends(listener.port(), Ike());
  Plain first = listener.Accept();
  first.SendFrame(Kind::kIke, Ike());
  first.SendFrame(Kind::kIke, Ike());
  EXPECT_TRUE(first.Ended());
  Plain second = listener.Accept();
  EXPECT_EQ(ToString(second.Read(6)), "IKETCP");
  EXPECT_EQ(second.Read(50), *net::TcpFrame(Kind::kIke, Ike(44, 4)));
  EXPECT_EQ(Connections(spoke_), 1u);
}

// After a reset we have not seen yet the same port calls again.
TEST_F(Tcp, ANewCallOfTheSamePortReplacesTheOldOne) {
  Plain peer = Call();
  const uint16_t port = peer.port();
  const net::Endpoint caller = Caller(peer);
  Plain other{Fd()};
  On([&] {
    hub_.carrier->Vouch(HubLocal(), caller, true);
    // The loop sees first that somebody calls, and then the end of the old one.
    other = Plain::Connect(kSpoke, 0, kHub, port_);
    peer.Reset();
    peer = Plain::Connect(kSpoke, port, kHub, port_);
  });
  peer.SendPrefix();
  peer.SendFrame(Kind::kEsp, Esp(70, 1));
  ASSERT_TRUE(Wait([&] { return hub_.esp.size() == 1 && hub_.lost.size() == 1; }));
  On([&] { EXPECT_EQ(hub_.why[0], "replaced by a new one"); });
  EXPECT_EQ(Connections(hub_), 2u);
}

TEST_F(Tcp, TheEndOfTheCarrierStillSendsWhatIsQueued) {
  Establish();
  Listener listener;
  SpokeSends(listener.port(), Ike());
  Plain peer = listener.Accept();
  peer.Read(6 + 106);
  peer.SendFrame(Kind::kIke, Ike());
  ASSERT_TRUE(Wait([&] { return spoke_.ike.size() == 1; }));
  On([&] {
    for (uint8_t i = 0; i < 20; ++i) spoke_.carrier->SendIke(SpokeLocal(), DialTo(listener.port()), Ike(1000, i));
    peer.SendFrame(Kind::kIke, Ike());  // not read any more, and yet no reset
    spoke_.carrier.reset();
    EXPECT_TRUE(spoke_.lost.empty());
  });
  for (uint8_t i = 0; i < 20; ++i) ASSERT_EQ(peer.Read(1006), *net::TcpFrame(Kind::kIke, Ike(1000, i))) << int{i};
  uint8_t more = 0;
  EXPECT_EQ(recv(peer.fd(), &more, 1, 0), 0) << "the end of the stream";
  int error = -1;
  socklen_t size = sizeof error;
  EXPECT_EQ(getsockopt(peer.fd(), SOL_SOCKET, SO_ERROR, &error, &size), 0);
  EXPECT_EQ(error, 0) << "a reset came behind it";
  ASSERT_TRUE(Wait([&] { return hub_.lost.size() == 1; }));
}

// What the kernel did not take before it takes when the peer has read.
TEST_F(Tcp, TheEndOfTheCarrierTriesOnceMoreToWrite) {
  Plain peer = Call();
  uint64_t written = 0, arrived = 0;
  Bytes buffer(1 << 20);
  On([&] {
    hub_.carrier->Vouch(HubLocal(), Caller(peer), true);
    while (hub_.carrier->SendEsp(HubLocal(), Caller(peer), Esp(1400, 1))) {
    }
    written = hub_.carrier->stats().octets_out;
    ssize_t n;
    while ((n = recv(peer.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0) arrived += static_cast<uint64_t>(n);
    hub_.carrier.reset();
  });
  ssize_t n;
  while ((n = recv(peer.fd(), buffer.data(), buffer.size(), 0)) > 0) arrived += static_cast<uint64_t>(n);
  EXPECT_EQ(n, 0);
  EXPECT_GT(arrived, written);
}

TEST_F(Tcp, SocketsAreNetworkControlAtOnceAndKeptAlive) {
  // The first accepted descriptor is the lowest free one: look at all of ours.
  Establish();
  int ours = 0;
  for (int fd = 3; fd < 64; ++fd) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0 || peer.sin_family != AF_INET) continue;
    const auto option = [fd](int level, int name) {
      int value = -1;
      socklen_t length = sizeof value;
      return getsockopt(fd, level, name, &value, &length) == 0 ? value : -1;
    };
    ++ours;
    EXPECT_EQ(option(IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(IPPROTO_IP, IP_TOS), 48 << 2);
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  }
  EXPECT_EQ(ours, 2);
}

}  // namespace
}  // namespace flexvpn::os
