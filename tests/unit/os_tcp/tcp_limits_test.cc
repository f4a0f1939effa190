// SPDX-License-Identifier: Apache-2.0
// What a carrier refuses, drops and closes: strangers, peers that do not read or answer, lack of descriptors.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>

#include "unit/os_tcp/tcp_fixture.h"

namespace flexvpn::os {
namespace {

TEST_F(Tcp, EspWithoutAConnectionIsNotSent) {
  On([&] {
    EXPECT_FALSE(spoke_.carrier->SendEsp(SpokeLocal(), DialTo(port_), Esp(60, 1)));
    EXPECT_EQ(spoke_.carrier->stats().dialled, 0u) << "ESP dials nobody";
    const net::Endpoint caller{kHub, port_, {}, net::Carrier::kTcpAccepted};
    spoke_.carrier->SendIke(Local(kSpoke, net::Carrier::kTcpAccepted), caller, Ike());
    EXPECT_EQ(spoke_.carrier->stats().dialled, 0u) << "nor do answers";
    EXPECT_EQ(spoke_.carrier->counters().Get("IKE messages without a connection"), 1u);
    EXPECT_EQ(spoke_.carrier->counters().Get("ESP packets without a connection"), 1u);
  });
}

TEST_F(Tcp, StrangersOfOneAddressAreFew) {
  std::vector<Plain> peers;
  for (size_t i = 0; i < TcpCarrier::kMaxStrangersOfSource; ++i) peers.push_back(Call());
  EXPECT_TRUE(Plain::Connect(kSpoke, 0, kHub, port_).Ended());
  On([&] { EXPECT_EQ(hub_.carrier->counters().Get("callers refused: too many from one address"), 1u); });
  // Another address may; so may the first when one is known or gone.
  Plain other = Plain::Connect(net::IpAddress::V4(0x7f000003), 0, kHub, port_);
  ASSERT_TRUE(Wait([&] { return hub_.carrier->stats().strangers == TcpCarrier::kMaxStrangersOfSource + 1; }));
  On([&] { hub_.carrier->Vouch(HubLocal(), Caller(peers[0]), true); });
  peers.push_back(Call());
  peers[1].Close();
  ASSERT_TRUE(Wait([&] { return hub_.carrier->stats().strangers == TcpCarrier::kMaxStrangersOfSource; }));
  peers.push_back(Call());
  EXPECT_TRUE(Plain::Connect(kSpoke, 0, kHub, port_).Ended());
}

TEST_F(Tcp, StrangersAreNotTooManyInAll) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t before = limit.rlim_cur, wanted = 2 * TcpCarrier::kMaxStrangers + 200;
  limit.rlim_cur = std::min(limit.rlim_max, std::max(before, wanted));
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted) GTEST_SKIP() << "not that many descriptors";
  std::vector<Plain> peers;
  for (size_t i = 0; i < TcpCarrier::kMaxStrangers; ++i) {
    const auto source = net::IpAddress::V4(0x7f000100 + static_cast<uint32_t>(i / TcpCarrier::kMaxStrangersOfSource));
    peers.push_back(Plain::Connect(source, 0, kHub, port_));
  }
  ASSERT_TRUE(Wait([&] { return hub_.carrier->stats().strangers == TcpCarrier::kMaxStrangers; }));
  EXPECT_TRUE(Plain::Connect(kSpoke, 0, kHub, port_).Ended());
  EXPECT_TRUE(Counted(hub_, "callers refused: too many"));
  peers.clear();
  EXPECT_TRUE(Wait([&] { return hub_.carrier->stats().connections == 0; }));
}

TEST_F(Tcp, ABadPrefixOrLengthCloses) {
  Plain prefix = Call();
  prefix.Send(ToBytes("IKETCQ"));
  EXPECT_TRUE(prefix.Ended());
  Plain http = Call();
  http.Send(ToBytes("G"));
  EXPECT_TRUE(http.Ended());
  Plain length = Call();
  length.SendPrefix();
  length.SendFrame(Kind::kIke, Ike());
  length.Send(FromHex("0001"));
  EXPECT_TRUE(length.Ended());
  On([&] {
    EXPECT_EQ(hub_.ike.size(), 1u);
    EXPECT_TRUE(hub_.lost.empty());
    EXPECT_EQ(hub_.carrier->stats().strangers, 0u);
  });
}

TEST_F(Tcp, KeepalivesAreCountedAndHarmless) {
  Plain peer = Call();
  peer.SendPrefix();
  peer.Send(FromHex("0003ff 0002"));
  peer.SendFrame(Kind::kIke, Ike());
  ASSERT_TRUE(Wait([&] { return hub_.ike.size() == 1; }));
  EXPECT_TRUE(Counted(hub_, "frames without a message", 2));
}

TEST_F(Tcp, AStrangerIsClosedWhenHisTimeHasCome) {
  Plain stranger = Call(), known = Call();
  stranger.SendPrefix();
  stranger.SendFrame(Kind::kIke, Ike());
  ASSERT_TRUE(Wait([&] { return hub_.ike.size() == 1; }));
  On([&] {
    hub_.carrier->Vouch(HubLocal(), Caller(known), true);
    EXPECT_EQ(hub_.carrier->NextDeadline(), now_ + TcpCarrier::kStrangerTime);
  });
  Advance(TcpCarrier::kStrangerTime - milliseconds(1));
  EXPECT_EQ(Connections(hub_), 2u);
  Advance(milliseconds(1));
  EXPECT_TRUE(stranger.Ended());
  EXPECT_EQ(Connections(hub_), 1u);
  Advance(seconds(1000));
  EXPECT_EQ(Connections(hub_), 1u);
  On([&] {
    EXPECT_EQ(hub_.carrier->NextDeadline(), std::nullopt);
    hub_.carrier->Vouch(HubLocal(), Caller(known), false);
    EXPECT_EQ(hub_.carrier->NextDeadline(), now_ + TcpCarrier::kIdleTime);
  });
  Advance(TcpCarrier::kIdleTime);
  EXPECT_TRUE(known.Ended());
  EXPECT_EQ(Connections(hub_), 0u);
  On([&] { EXPECT_TRUE(hub_.lost.empty()); });
}

TEST_F(Tcp, ADialledConnectionNobodyUsesIsClosedAfterThePeersLastIke) {
  SpokeSends(port_, Ike());
  ASSERT_TRUE(Wait([&] { return hub_.ike.size() == 1; }));
  const net::Endpoint caller = hub_.ike[0].remote;
  On([&] { hub_.carrier->Vouch(HubLocal(), caller, true); });
  Advance(seconds(40));
  On([&] { hub_.carrier->SendIke(HubLocal(), caller, Ike()); });
  ASSERT_TRUE(Wait([&] { return spoke_.ike.size() == 1; }));
  Advance(seconds(40));
  SpokeSends(port_, Ike());  // calling a peer that has gone does not keep the connection
  Advance(seconds(19));
  EXPECT_EQ(Connections(spoke_), 1u);
  Advance(seconds(1));
  EXPECT_EQ(Connections(spoke_), 0u);
  ASSERT_TRUE(Wait([&] { return hub_.lost.size() == 1; }));
  On([&] { EXPECT_TRUE(spoke_.lost.empty()); });
}

TEST_F(Tcp, BetweenDialsThatFailIsAPauseThatGrows) {
  const uint16_t nobody = FreePort();
  Duration pause = TcpCarrier::kFirstPause;
  uint64_t dials = 0;
  for (int i = 0; i < 6; ++i) {
    SpokeSends(nobody, Ike());
    ++dials;
    ASSERT_TRUE(Wait([&] { return spoke_.lost.size() == dials; }));
    On([&] { EXPECT_EQ(spoke_.lost.back().remote, DialTo(nobody)); });
    Advance(pause - milliseconds(1));
    SpokeSends(nobody, Ike());
    On([&] { EXPECT_EQ(spoke_.carrier->stats().dialled, dials) << "in the pause"; });
    Advance(milliseconds(1));
    pause = std::min(2 * pause, TcpCarrier::kLongestPause);
  }
  EXPECT_TRUE(Counted(spoke_, "IKE messages while a peer is not dialled again", 6));
}

TEST_F(Tcp, APeerThatAcceptsAndClosesWithoutAWordIsAFailedDial) {
  Listener listener;
  SpokeSends(listener.port(), Ike());
  listener.Accept().Reset();
  ASSERT_TRUE(Wait([&] { return spoke_.lost.size() == 1; }));
  SpokeSends(listener.port(), Ike());
  On([&] { EXPECT_EQ(spoke_.carrier->stats().dialled, 1u); });
  Advance(TcpCarrier::kFirstPause);
  SpokeSends(listener.port(), Ike());
  Plain peer = listener.Accept();
  peer.SendFrame(Kind::kIke, Ike());  // success: no pause any more
  ASSERT_TRUE(Wait([&] { return spoke_.ike.size() == 1; }));
  peer.Reset();
  ASSERT_TRUE(Wait([&] { return spoke_.lost.size() == 2; }));
  SpokeSends(listener.port(), Ike());
  On([&] { EXPECT_EQ(spoke_.carrier->stats().dialled, 3u); });
}

TEST_F(Tcp, AnAddressThatIsNotOursIsAFailedDialToldLater) {
  bool inside = true, told_inside = false;
  spoke_.on_lost = [&](const Got&) { told_inside = inside; };
  On([&] {
    spoke_.carrier->SendIke(Local(net::IpAddress::V4(0xc0000263), net::Carrier::kTcpDialled), DialTo(port_), Ike());
    inside = false;
  });
  ASSERT_TRUE(Wait([&] { return spoke_.lost.size() == 1; }));
  EXPECT_FALSE(told_inside);
  On([&] {
    const net::Endpoint v6{*net::IpAddress::Parse("2001:db8::1"), 4500, {}, net::Carrier::kTcpDialled};
    spoke_.carrier->SendIke(SpokeLocal(), v6, Ike());
    spoke_.carrier->SendIke(SpokeLocal(), {kHub, port_, net::VrfId(3), net::Carrier::kTcpDialled}, Ike());
  });
  ASSERT_TRUE(Wait([&] { return spoke_.lost.size() == 2; }));
  EXPECT_EQ(Connections(spoke_), 0u);
}

// A listener whose queue is full lets the dial hang.
TEST_F(Tcp, ADialWithoutAnAnswerHoldsAFewMessagesAndEnds) {
  Listener listener(0);
  std::vector<Fd> fillers;
  for (int i = 0; i < 3; ++i) {
    fillers.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_in to = Address(kHub, listener.port());
    connect(fillers.back().get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  for (int i = 0; i < TcpCarrier::kMaxQueuedDialling + 2; ++i) SpokeSends(listener.port(), Ike());
  On([&] {
    EXPECT_EQ(spoke_.carrier->counters().Get("IKE messages while dialling"), 2u);
    EXPECT_FALSE(spoke_.carrier->SendEsp(SpokeLocal(), DialTo(listener.port()), Esp(60, 1)));
    EXPECT_EQ(spoke_.carrier->NextDeadline(), now_ + TcpCarrier::kDialTime);
    spoke_.carrier->Vouch(SpokeLocal(), DialTo(listener.port()), true);
    EXPECT_EQ(spoke_.carrier->NextDeadline(), now_ + TcpCarrier::kDialTime);
  });
  Advance(TcpCarrier::kDialTime);
  ASSERT_TRUE(Wait([&] { return spoke_.lost.size() == 1; }));
  On([&] { EXPECT_EQ(spoke_.why[0], "no answer"); });
}

TEST_F(Tcp, APeerThatDoesNotReadLosesEspThenTheConnection) {
  Plain peer = Call();
  peer.SendPrefix();
  On([&] {
    hub_.carrier->Vouch(HubLocal(), Caller(peer), true);
    // The kernels' buffers first, then the queue.
    for (int i = 0; i < 100000 && hub_.carrier->SendEsp(HubLocal(), Caller(peer), Esp(1400, 1)); ++i) {
    }
    EXPECT_EQ(hub_.carrier->counters().Get("ESP packets with a full queue"), 1u);
    EXPECT_EQ(hub_.carrier->stats().connections, 1u);
    hub_.carrier->SendIke(HubLocal(), Caller(peer), Ike());
    EXPECT_EQ(hub_.carrier->stats().connections, 1u) << "IKE still has room";
    for (int i = 0; i < 1000 && hub_.carrier->stats().connections != 0; ++i)
      hub_.carrier->SendIke(HubLocal(), Caller(peer), Ike(1000));
    EXPECT_EQ(hub_.carrier->stats().connections, 0u);
    EXPECT_TRUE(hub_.lost.empty()) << "not inside a call";
  });
  ASSERT_TRUE(Wait([&] { return hub_.lost.size() == 1; }));
  On([&] { EXPECT_EQ(hub_.why[0], "the peer does not read"); });
  EXPECT_TRUE(peer.Ended());
}

TEST_F(Tcp, AStrangerThatDoesNotReadIsNotHeldMuchFor) {
  Plain peer = Call();
  On([&] {
    uint64_t sent = 0;
    for (int i = 0; i < 100000 && hub_.carrier->stats().connections != 0; ++i, sent += 1006)
      hub_.carrier->SendIke(HubLocal(), Caller(peer), Ike(1000));
    EXPECT_LE(sent - hub_.carrier->stats().octets_out, TcpCarrier::kMaxQueuedStranger + 2000);
    EXPECT_EQ(hub_.carrier->stats().connections, 0u);
  });
}

TEST_F(Tcp, MessagesThatNoFrameCanCarryAreCounted) {
  Establish();
  On([&] {
    spoke_.carrier->SendIke(SpokeLocal(), DialTo(port_), Ike(65530));
    EXPECT_FALSE(spoke_.carrier->SendEsp(SpokeLocal(), DialTo(port_), Esp(65534, 1)));
    EXPECT_FALSE(spoke_.carrier->SendEsp(SpokeLocal(), DialTo(port_), Bytes(60, 0))) << "no SPI";
    EXPECT_EQ(spoke_.carrier->counters().Get("IKE messages too long for TCP"), 1u);
    EXPECT_EQ(spoke_.carrier->counters().Get("ESP packets that TCP cannot carry"), 2u);
    EXPECT_EQ(spoke_.carrier->stats().connections, 1u);
  });
}

TEST_F(Tcp, WithoutDescriptorsItStopsAcceptingForAWhile) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  std::vector<Fd> held_;
  Fd own(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  On([&] {
    std::vector<Fd> all;  // every number below the limit is taken
    rlimit few = before;
    few.rlim_cur = 256;
    setrlimit(RLIMIT_NOFILE, &few);
    for (;;) {
      Fd fd(dup(own.get()));
      if (!fd.valid()) break;
      all.push_back(std::move(fd));
    }
    const sockaddr_in to = Address(kHub, port_);
    EXPECT_EQ(connect(own.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    held_ = std::move(all);
  });
  ASSERT_TRUE(Counted(hub_, "pauses in accepting without descriptors"));
  On([&] {
    EXPECT_EQ(hub_.carrier->NextDeadline(), now_ + TcpCarrier::kAcceptPause);
    held_.clear();
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(hub_.carrier->counters().Get("pauses in accepting without descriptors"), 1u) << "it does not spin";
  });
  EXPECT_EQ(Connections(hub_), 0u);
  Advance(TcpCarrier::kAcceptPause);
  EXPECT_TRUE(Wait([&] { return hub_.carrier->stats().connections == 1; }));
}

}  // namespace
}  // namespace flexvpn::os
