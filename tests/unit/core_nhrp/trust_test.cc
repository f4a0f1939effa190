// SPDX-License-Identifier: Apache-2.0
// A spoke that is authenticated and lies: what it cannot take from others.
#include <gtest/gtest.h>

#include "unit/core_nhrp/packets.h"

namespace flexvpn::nhrp::testing {
namespace {

// A tunnel of spoke 1 to the NBMA address of spoke 2, as its node tells of it.
PeerInfo Tunnel12(World& w, net::PeerId id) {
  PeerInfo info;
  info.id = id;
  info.network_id = World::kNetwork;
  info.local_nbma = w.spoke(1).nbma;
  info.remote_nbma = w.spoke(2).nbma;
  info.local_protocol = World::Overlay(1);
  return info;
}

bool Has(const Node& n, absl::string_view prefix) { return n.shortcuts.contains(Net(prefix)); }

TEST(Trust, ATransitRecordOfItsOwnLendsASpokeNoName) {
  World w(3);
  Packet p = Request(w);
  p.source_nbma = w.spoke(3).nbma;  // spoke3 says that it is spoke1
  p.destination_protocol = World::Host(2);
  for (const char* record : {"10.9.9.9", "10.0.0.13"}) {
    p.extensions[1] = Passed(record);
    w.Inject(w.hub(), AtHub(w, 3), p);
  }
  EXPECT_EQ(Count(w.hub(), "drop_source_spoofed"), 2u);
  EXPECT_TRUE(w.Log(PacketType::kResolutionRequest).empty());
}

// A station by two uplinks at two hubs, of which one has called the other.
TEST(Trust, AHubThatCalledUsRelaysForItsStations) {
  World w(3);
  Packet p = Request(w);
  p.source_nbma = Ip("192.0.2.111");
  p.extensions[1] = Passed("10.0.0.13");
  w.hub().announced = {{AtHub(w, 3), Net("10.0.0.0/24")}};
  w.Inject(w.hub(), AtHub(w, 3), p);
  EXPECT_EQ(Count(w.hub(), "drop_source_spoofed"), 0u);
  EXPECT_EQ(w.Log(PacketType::kResolutionRequest).size(), 1u);
}

TEST(Trust, ATransitRecordOfItsOwnPurgesNothing) {
  World w(3);
  w.Ping(w.spoke(1), World::Host(1), World::Host(2));
  w.Run(seconds(1));
  ASSERT_TRUE(Has(w.spoke(1), "192.168.2.0/24"));
  Packet p = Purge(w, World::Overlay(2));
  p.extensions = {Passed("10.9.9.9")};
  w.Inject(w.hub(), AtHub(w, 3), p);
  w.Run(seconds(1));
  EXPECT_EQ(Count(w.hub(), "drop_source_spoofed"), 1u);
  EXPECT_TRUE(Has(w.spoke(1), "192.168.2.0/24"));
}

TEST(Trust, ASpokeThatCalledUsRelaysNothing) {
  World w(3);
  w.Reconfigure([&](Node& n) { n.domain.redirect = &n == &w.hub(); });
  const net::PeerId direct = w.Connect(w.spoke(2), w.spoke(1), true);
  Packet p = Request(w);
  p.source_nbma = w.spoke(2).nbma;
  p.source_protocol = Ip("10.0.0.99");
  p.destination_protocol = World::Host(1);
  p.extensions[1] = Passed("10.0.0.1");
  w.Inject(w.spoke(1), w.spoke(2).tunnels.at(direct).far_id, p);
  EXPECT_EQ(Count(w.spoke(1), "drop_source_spoofed"), 1u);
  EXPECT_TRUE(w.spoke(1).needed.empty());
  w.Inject(w.spoke(1), w.Uplink(w.spoke(1)), p);  // by the hub, which has looked
  w.Run(seconds(1));
  EXPECT_EQ(Count(w.spoke(1), "drop_source_spoofed"), 1u);
}

TEST(Trust, AnAddressOfAnotherIsNotLearned) {
  ReplyWorld w;
  PeerInfo owner = Tunnel12(w, net::PeerId(500));  // of spoke2's address, by another tunnel
  owner.remote_nbma = Ip("192.0.2.77");
  owner.remote_protocol = World::Overlay(2);
  Actions out;
  w.spoke(1).endpoint->PeerUp(owner, w.now, out);
  w.Inject(w.spoke(1), w.direct, w.reply);
  EXPECT_TRUE(w.spoke(1).shortcuts.empty());
  EXPECT_FALSE(w.spoke(1).learned.contains(w.direct));
  EXPECT_EQ(Count(w.spoke(1), "drop_reply_without_tunnel"), 1u);
}

TEST(Trust, TwoRoutersBehindOneNatAreTwo) {
  ReplyWorld w;
  PeerInfo info = Tunnel12(w, w.direct);
  info.owner = "spoke3";
  Actions out;
  w.spoke(1).endpoint->PeerUp(info, w.now, out);
  info.id = net::PeerId(500);
  info.owner = "spoke2";
  info.remote_protocol = World::Overlay(2);
  w.spoke(1).endpoint->PeerUp(info, w.now, out);
  w.Inject(w.spoke(1), w.direct, w.reply);
  EXPECT_TRUE(w.spoke(1).shortcuts.empty());
}

// Of one router there may be two tunnels, by two uplinks: IKE says that it is the same.
TEST(Trust, AnotherTunnelOfTheSameOwnerIsTheSameStation) {
  for (const bool same : {true, false}) {
    ReplyWorld w;
    w.Inject(w.spoke(1), w.direct, w.reply);
    ASSERT_TRUE(Has(w.spoke(1), "192.168.2.0/24"));
    PeerInfo info = Tunnel12(w, w.direct);
    info.remote_protocol = World::Overlay(2);
    info.owner = "spoke2";
    Actions out;
    w.spoke(1).endpoint->PeerUp(info, w.now, out);
    info.id = net::PeerId(500);
    info.remote_nbma = Ip("192.0.2.77");
    if (!same) info.owner = "spoke3";
    w.spoke(1).endpoint->PeerUp(info, w.now, out);
    w.spoke(1).endpoint->PeerDown(w.direct, w.now, out);
    w.Apply(w.spoke(1), out);
    EXPECT_EQ(Has(w.spoke(1), "192.168.2.0/24"), same);
    if (same) {
      EXPECT_EQ(w.spoke(1).shortcuts.at(Net("192.168.2.0/24")).peer, net::PeerId(500));
    }
  }
}

TEST(Trust, AnAddressThatTheNodeTakesBackIsForgotten) {
  ReplyWorld w;
  w.Inject(w.spoke(1), w.direct, w.reply);
  ASSERT_EQ(w.spoke(1).learned.at(w.direct), World::Overlay(2));
  Actions out;
  w.spoke(1).endpoint->PeerUp(Tunnel12(w, w.direct), w.now, out);
  w.reply.cies[0].protocol = Ip("10.0.0.77");  // it can be known by another again
  w.spoke(1).endpoint->ClearShortcuts(out);
  w.Apply(w.spoke(1), out);
  w.Run(seconds(10));
  w.lose = [](const World::Sent& s) { return s.packet.type == PacketType::kResolutionRequest; };
  w.Ping(w.spoke(1), World::Host(1), World::Host(2));
  w.Run(milliseconds(100));
  w.reply.request_id = w.Log(PacketType::kResolutionRequest).back().packet.request_id;
  w.Inject(w.spoke(1), w.direct, w.reply);
  EXPECT_EQ(w.spoke(1).learned.at(w.direct), Ip("10.0.0.77"));
}

TEST(Trust, AStationOutsideOfTheOverlayGetsNoRoute) {
  for (const char* station : {"8.8.8.8", "192.168.1.10"}) {
    ReplyWorld w;
    w.reply.cies[0].protocol = Ip(station);
    w.Inject(w.spoke(1), w.direct, w.reply);
    EXPECT_FALSE(Has(w.spoke(1), absl::StrCat(station, "/32"))) << station;
    EXPECT_EQ(Has(w.spoke(1), "192.168.2.0/24"), *station == '8') << "on our own LAN there is no station";
  }
  for (const char* station : {"172.31.9.9", "100.127.0.1", "10.9.9.9"}) {  // but a hub need not announce those of spokes
    ReplyWorld w;
    w.reply.cies[0].protocol = Ip(station);
    w.Inject(w.spoke(1), w.direct, w.reply);
    EXPECT_TRUE(Has(w.spoke(1), absl::StrCat(station, "/32"))) << station;
  }
  World w(2);
  const net::PeerId direct = w.Connect(w.spoke(2), w.spoke(1), false);
  Packet p = Request(w);
  p.source_nbma = w.spoke(2).nbma;
  p.source_protocol = Ip("8.8.8.8");
  p.destination_protocol = World::Host(1);
  w.Inject(w.spoke(1), w.spoke(2).tunnels.at(direct).far_id, p);
  EXPECT_EQ(w.Log(PacketType::kResolutionReply).size(), 1u);
  EXPECT_TRUE(w.spoke(1).shortcuts.empty());
}

TEST(Trust, OnlyWhomPacketsGoByIndicatesABetterWay) {
  World w(3);
  const net::PeerId direct = w.Connect(w.spoke(2), w.spoke(1), true);
  Packet ti;
  ti.type = PacketType::kTrafficIndication;
  ti.source_nbma = w.spoke(2).nbma;
  ti.source_protocol = World::Overlay(2);
  ti.destination_protocol = World::Host(1);
  ti.payload = InnerPacket(World::Host(1), World::Host(3));
  w.Inject(w.spoke(1), w.spoke(2).tunnels.at(direct).far_id, ti);
  EXPECT_EQ(Count(w.spoke(1), "drop_indication_not_of_the_path"), 1u);
  EXPECT_TRUE(w.Log(PacketType::kResolutionRequest).empty());
}

TEST(Trust, LargeRequestsDoNotWait) {
  World w(2);
  Packet p = Request(w);
  p.extensions.push_back({0x77, false, Bytes(1024, 1)});
  w.Inject(w.hub(), AtHub(w, 1), p);
  w.Run(seconds(1));
  EXPECT_EQ(Count(w.spoke(2), "drop_request_too_large"), 1u);
  EXPECT_TRUE(w.spoke(2).needed.empty());
}

TEST(Refused, AShortcutThatTheNodeCannotHaveIsForgottenForAWhile) {
  World w(2);
  w.Ping(w.spoke(1), World::Host(1), World::Host(2));
  w.Run(seconds(1));
  ASSERT_TRUE(Has(w.spoke(1), "192.168.2.0/24"));
  const net::PeerId over = w.spoke(1).shortcuts.at(Net("192.168.2.0/24")).peer;
  Actions out;
  w.spoke(1).endpoint->ShortcutRefused(Net("192.168.2.0/24"), w.Uplink(w.spoke(1)), w.now, out);
  EXPECT_TRUE(out.empty()) << "it is another peer's by now";
  w.spoke(1).endpoint->ShortcutRefused(Net("192.168.2.0/24"), over, w.now, out);
  w.Apply(w.spoke(1), out);
  EXPECT_FALSE(Has(w.spoke(1), "192.168.2.0/24"));
  Packet guess = w.Log(PacketType::kResolutionReply).back().packet;
  guess.request_id = 0;
  w.Inject(w.spoke(1), over, guess);
  EXPECT_FALSE(Has(w.spoke(1), "192.168.2.0/24")) << "nobody has been asked";
  w.ClearLog();
  for (int s = 0; s < 150; s += 10) {
    EXPECT_EQ(w.Ping(w.spoke(1), World::Host(1), World::Host(2)), "spoke1 hub spoke2");
    w.Run(seconds(10));
  }
  EXPECT_TRUE(w.Log(PacketType::kResolutionRequest).empty());
  w.Run(seconds(60));
  w.Ping(w.spoke(1), World::Host(1), World::Host(2));
  w.Run(seconds(1));
  EXPECT_TRUE(Has(w.spoke(1), "192.168.2.0/24"));
}

}  // namespace
}  // namespace flexvpn::nhrp::testing
