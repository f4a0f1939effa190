// SPDX-License-Identifier: Apache-2.0
// The FlexVPN sequence between whole endpoints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core_nhrp/packets.h"

namespace flexvpn::nhrp::testing {
namespace {

using ::testing::ElementsAre;

std::string PingOneTwo(World& w) { return w.Ping(w.spoke(1), World::Host(1), World::Host(2)); }
std::string PingTwoOne(World& w) { return w.Ping(w.spoke(2), World::Host(2), World::Host(1)); }

TEST(Shortcut, FollowsRedirectRequestTunnelReply) {
  World w(2);
  EXPECT_EQ(PingOneTwo(w), "spoke1 hub spoke2");
  w.Run(seconds(1));

  auto indications = w.Log(PacketType::kTrafficIndication);
  ASSERT_EQ(indications.size(), 1u);
  const Packet& ti = indications[0].packet;
  EXPECT_EQ(indications[0].to, &w.spoke(1));
  EXPECT_EQ(ti.hop_count, 255);
  EXPECT_EQ(ti.code, 0);
  EXPECT_EQ(ti.source_nbma, Ip("192.0.2.1"));
  EXPECT_EQ(ti.source_protocol, Ip("10.0.0.1"));
  EXPECT_EQ(ti.destination_protocol, World::Host(1));
  EXPECT_EQ(ti.payload.size(), 28u);

  auto requests = w.Log(PacketType::kResolutionRequest);
  ASSERT_EQ(requests.size(), 2u);  // spoke1 -> hub -> spoke2
  EXPECT_EQ(requests[0].packet.flags, 0xc802);
  EXPECT_EQ(requests[0].packet.hop_count, 255);
  EXPECT_EQ(requests[0].packet.cies[0].prefix_length, 32);
  EXPECT_EQ(requests[0].packet.cies[0].holdtime, 7200);
  EXPECT_EQ(requests[1].packet.hop_count, 254);
  auto passed = DecodeCieList(requests[1].packet.Find(kExtForwardTransit)->value);
  ASSERT_EQ(passed->size(), 1u);
  EXPECT_EQ((*passed)[0].protocol, Ip("10.0.0.1"));
  EXPECT_TRUE(requests[1].packet.Find(kExtNat)->value.empty());

  ASSERT_EQ(w.spoke(2).needed.size(), 1u);
  EXPECT_EQ(w.spoke(2).needed[0].nbma, Ip("192.0.2.11"));
  EXPECT_EQ(w.spoke(2).needed[0].protocol, World::Overlay(1));
  EXPECT_FALSE(w.spoke(2).needed[0].behind_nat);

  auto replies = w.Log(PacketType::kResolutionReply);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].from, &w.spoke(2));
  EXPECT_EQ(replies[0].to, &w.spoke(1));  // not by the hub
  EXPECT_EQ(replies[0].packet.request_id, requests[0].packet.request_id);
  EXPECT_EQ(replies[0].packet.cies[0].prefix_length, 24);
  EXPECT_EQ(replies[0].packet.cies[0].nbma, Ip("192.0.2.12"));

  EXPECT_EQ(PingOneTwo(w), "spoke1 spoke2");
  EXPECT_TRUE(w.spoke(1).shortcuts.contains(Net("192.168.2.0/24")));
  EXPECT_TRUE(w.spoke(1).shortcuts.contains(Net("10.0.0.12/32")));
  EXPECT_TRUE(w.spoke(2).shortcuts.contains(Net("10.0.0.11/32")));
  EXPECT_EQ(w.spoke(1).learned.size(), 1u);
  EXPECT_EQ(w.spoke(2).learned.size(), 1u);
}

TEST(Shortcut, BothDirectionsAtOnceShareOneTunnelOrSurviveTwo) {
  for (bool known : {false, true}) {
    for (int skew : {0, 1, 5, 30, 60, 200}) {
      World w(2);
      w.both_ends_know_address = known;
      PingOneTwo(w);
      w.Run(milliseconds(skew));
      PingTwoOne(w);
      w.Run(seconds(20));
      EXPECT_EQ(PingOneTwo(w), "spoke1 spoke2") << known << skew;
      EXPECT_EQ(PingTwoOne(w), "spoke2 spoke1") << known << skew;
      // Either tunnel alone is enough: the entries move to the other one.
      while (w.spoke(1).tunnels.size() > 2) {
        w.Disconnect(w.spoke(1), w.TunnelTo(w.spoke(1), w.spoke(2)));
        EXPECT_EQ(PingOneTwo(w), "spoke1 spoke2") << known << skew;
        EXPECT_EQ(PingTwoOne(w), "spoke2 spoke1") << known << skew;
      }
    }
  }
}

TEST(Shortcut, RequesterBehindNatGetsItsAnswerWhenTheOtherDirectionBuiltTheTunnel) {
  World w(2);
  w.PutBehindNat(w.spoke(1), "203.0.113.9");
  PingOneTwo(w);
  w.Run(seconds(1));
  ASSERT_EQ(w.spoke(2).needed.size(), 1u);
  EXPECT_EQ(w.spoke(2).needed[0].nbma, Ip("203.0.113.9"));  // put in by the hub
  EXPECT_TRUE(w.spoke(2).needed[0].behind_nat);
  EXPECT_EQ(Count(w.spoke(2), "tunnel_failed"), 1u);
  EXPECT_EQ(PingOneTwo(w), "spoke1 hub spoke2");
  EXPECT_TRUE(w.Log(PacketType::kResolutionReply).empty());

  PingTwoOne(w);  // the way back of the ping
  w.Run(seconds(1));
  EXPECT_EQ(PingOneTwo(w), "spoke1 spoke2");
  EXPECT_EQ(PingTwoOne(w), "spoke2 spoke1");
  const CacheRow* row = w.spoke(2).Row("192.168.1.0/24");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->nbma, Ip("203.0.113.9"));
  EXPECT_EQ(row->claimed_nbma, Ip("172.16.0.2"));
}

TEST(Shortcut, HubReplacesAFalseNatEntry) {
  World w(2);
  Packet p;
  p.request_id = 1;
  p.source_nbma = w.spoke(1).nbma;
  p.source_protocol = World::Overlay(1);
  p.destination_protocol = World::Host(2);
  p.cies.emplace_back();
  Cie victim;
  victim.nbma = Ip("198.51.100.1");
  victim.protocol = World::Overlay(1);
  p.extensions = {{kExtForwardTransit, true, {}}, {kExtNat, false, EncodeCieList({victim})}};
  net::PeerId at_hub = w.spoke(1).tunnels.at(w.Uplink(w.spoke(1))).far_id;
  w.Inject(w.hub(), at_hub, p);
  ASSERT_EQ(w.Log(PacketType::kResolutionRequest).size(), 1u);
  EXPECT_TRUE(w.Log(PacketType::kResolutionRequest)[0].packet.Find(kExtNat)->value.empty());
}

TEST(Shortcut, RowsLookAsCiscoShowsThem) {
  World w(2);
  w.spoke(1).Route("10.0.0.12/32", w.Uplink(w.spoke(1)));  // a route of the same prefix: next-hop override
  PingOneTwo(w);
  w.Run(seconds(60));
  Node& s1 = w.spoke(1);
  const CacheRow* station = s1.Row("10.0.0.12/32");
  ASSERT_NE(station, nullptr);
  EXPECT_EQ(station->type, "dynamic");
  EXPECT_THAT(station->flags, ElementsAre("router", "implicit", "rib", "nho"));
  EXPECT_EQ(station->next_hop, Ip("10.0.0.12"));
  EXPECT_EQ(station->nbma, Ip("192.0.2.12"));
  EXPECT_TRUE(station->claimed_nbma.empty());
  EXPECT_EQ(WholeSeconds(station->created_ago), 59);
  EXPECT_EQ(WholeSeconds(station->expires_in), 7140);
  const CacheRow* lan = s1.Row("192.168.2.0/24");
  ASSERT_NE(lan, nullptr);
  EXPECT_THAT(lan->flags, ElementsAre("router", "rib"));
  EXPECT_EQ(lan->next_hop, Ip("10.0.0.12"));
  EXPECT_EQ(lan->interface.substr(0, 14), "Virtual-Access");
  EXPECT_EQ(s1.rows.size(), 2u);

  const CacheRow* own = w.spoke(2).Row("192.168.2.0/24");
  ASSERT_NE(own, nullptr);
  EXPECT_THAT(own->flags, ElementsAre("router", "unique", "local", "no-socket"));
  EXPECT_EQ(own->next_hop, Ip("10.0.0.12"));
  EXPECT_EQ(own->nbma, Ip("192.0.2.12"));
  EXPECT_THAT(own->requesters, ElementsAre(Ip("10.0.0.11")));
}

TEST(Shortcut, ExpiresWithoutTrafficAndFallsBackToTheHub) {
  World w(2);
  PingOneTwo(w);
  w.Run(seconds(7190));
  EXPECT_EQ(w.spoke(1).shortcuts.size(), 2u);
  w.Run(seconds(20));
  EXPECT_TRUE(w.spoke(1).shortcuts.empty());
  EXPECT_TRUE(w.spoke(2).shortcuts.empty());
  EXPECT_EQ(w.spoke(1).Row("192.168.2.0/24"), nullptr);
  EXPECT_EQ(w.spoke(2).Row("192.168.2.0/24"), nullptr);
  EXPECT_EQ(PingOneTwo(w), "spoke1 hub spoke2");
  w.Run(seconds(1));
  EXPECT_EQ(PingOneTwo(w), "spoke1 spoke2");  // over the tunnel that is still there
  EXPECT_EQ(w.spoke(2).needed.size(), 1u);
}

TEST(Shortcut, LivesOnByTrafficAndIsRenewedOverItsOwnTunnel) {
  for (int holdtime : {30, 600, 7200}) {
    World w(2);
    w.Reconfigure([&](Node& n) { n.domain.holdtime = seconds(holdtime); });
    PingOneTwo(w);
    w.Run(seconds(1));
    w.ClearLog();
    for (int t = 0; t < 4 * holdtime; ++t) {
      ASSERT_EQ(PingOneTwo(w), "spoke1 spoke2") << holdtime << " at " << t;
      w.Run(seconds(1));
    }
    auto requests = w.Log(PacketType::kResolutionRequest);
    ASSERT_FALSE(requests.empty());
    for (const World::Sent& s : requests) EXPECT_NE(s.to, &w.hub());
    EXPECT_LE(requests.size(), 16u) << holdtime;  // two entries, once a holding time each
    EXPECT_TRUE(w.Log(PacketType::kTrafficIndication).empty());
    const CacheRow* row = w.spoke(1).Row("192.168.2.0/24");
    ASSERT_NE(row, nullptr);
    EXPECT_THAT(row->flags, ElementsAre("router", "used", "rib"));
    EXPECT_EQ(w.spoke(2).needed.size(), 1u);
  }
}

TEST(Shortcut, LateTrafficStillRenewsIt) {
  World w(2);
  w.Reconfigure([](Node& n) { n.domain.holdtime = seconds(600); });
  PingOneTwo(w);
  w.Run(seconds(530));  // idle through the first look at 480 s
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(PingOneTwo(w), "spoke1 spoke2") << i;
    w.Run(seconds(1));
  }
}

TEST(Shortcut, EndsAtOnceWhenItsPeerGoes) {
  World w(2);
  PingOneTwo(w);
  w.Run(seconds(1));
  w.Disconnect(w.spoke(1), w.TunnelTo(w.spoke(1), w.spoke(2)));
  EXPECT_TRUE(w.spoke(1).shortcuts.empty());
  EXPECT_TRUE(w.spoke(2).shortcuts.empty());
  w.Run(seconds(8));  // the hub's limiter
  EXPECT_EQ(PingOneTwo(w), "spoke1 hub spoke2");
  w.Run(seconds(1));
  EXPECT_EQ(PingOneTwo(w), "spoke1 spoke2");
}

TEST(Shortcut, OutlivesTheHub) {
  World w(2);
  PingOneTwo(w);
  w.Run(seconds(1));
  for (int i : {1, 2}) {
    w.Disconnect(w.spoke(i), w.Uplink(w.spoke(i)));
    std::erase_if(w.spoke(i).routes, [](const auto& r) { return r.second.kind == RouteResult::Kind::kPeer; });
    Actions out;
    w.spoke(i).endpoint->RoutesChanged(w.now, out);
    w.Apply(w.spoke(i), out);
  }
  w.Run(seconds(10));
  EXPECT_EQ(PingOneTwo(w), "spoke1 spoke2");
}

TEST(Shortcut, IsPurgedWhenTheRouteBehindTheAnsweringSpokeGoes) {
  World w(2);
  PingOneTwo(w);
  w.Run(seconds(1));
  w.spoke(2).routes.erase(Net("192.168.2.0/24"));
  Actions out;
  w.spoke(2).endpoint->RoutesChanged(w.now, out);
  w.Apply(w.spoke(2), out);
  w.Run(seconds(1));
  EXPECT_FALSE(w.spoke(1).shortcuts.contains(Net("192.168.2.0/24")));
  EXPECT_TRUE(w.spoke(1).shortcuts.contains(Net("10.0.0.12/32")));
  EXPECT_EQ(w.spoke(2).Row("192.168.2.0/24"), nullptr);
  EXPECT_EQ(Count(w.spoke(2), "purge_answered"), 1u);
  EXPECT_EQ(w.Log(PacketType::kPurgeRequest).size(), 1u);
  EXPECT_EQ(w.Log(PacketType::kPurgeReply).size(), 1u);
}

TEST(Shortcut, PurgeIsRepeatedThreeTimesAndThenForgotten) {
  World w(2);
  PingOneTwo(w);
  w.Run(seconds(1));
  w.lose = [](const World::Sent& s) { return s.packet.type == PacketType::kPurgeReply; };
  w.spoke(2).routes.erase(Net("192.168.2.0/24"));
  Actions out;
  w.spoke(2).endpoint->RoutesChanged(w.now, out);
  w.Apply(w.spoke(2), out);
  w.Run(seconds(60));
  EXPECT_EQ(w.Log(PacketType::kPurgeRequest).size(), 3u);
  EXPECT_EQ(Count(w.spoke(2), "purge_unanswered"), 1u);
}

TEST(Shortcut, StrangerCannotPurgeIt) {
  World w(3);
  PingOneTwo(w);
  w.Run(seconds(1));
  Packet p = Purge(w, World::Overlay(3));
  w.Inject(w.hub(), AtHub(w, 3), p);
  w.Run(seconds(1));
  EXPECT_EQ(Count(w.spoke(1), "rx_purge_request"), 1u);
  EXPECT_EQ(w.spoke(1).shortcuts.size(), 2u);
  p.source_protocol = World::Overlay(2);  // pretends to be spoke2: the hub knows better
  w.Inject(w.hub(), AtHub(w, 3), p);
  w.Run(seconds(1));
  EXPECT_EQ(Count(w.hub(), "drop_source_spoofed"), 1u);
  EXPECT_EQ(w.spoke(1).shortcuts.size(), 2u);
}

TEST(Shortcut, MovesWhenTheNetworkMovesBehindAnotherSpoke) {
  World w(3);
  w.Reconfigure([](Node& n) { n.domain.holdtime = seconds(60); });
  PingOneTwo(w);
  w.Run(seconds(1));
  w.spoke(2).routes.erase(Net("192.168.2.0/24"));
  w.spoke(3).Lan("192.168.2.0/24");
  w.hub().Route("192.168.2.0/24", AtHub(w, 3));
  w.lose = [](const World::Sent& s) { return s.packet.type == PacketType::kPurgeRequest; };
  Actions out;
  w.spoke(2).endpoint->RoutesChanged(w.now, out);
  w.Apply(w.spoke(2), out);
  for (int i = 0; i < 70; ++i) {
    PingOneTwo(w);
    w.Run(seconds(1));
  }
  EXPECT_EQ(PingOneTwo(w), "spoke1 spoke3");
}

TEST(Shortcut, MovesAtOnceWhenItsEndRedirects) {
  World w(3);
  PingOneTwo(w);
  w.Run(seconds(1));
  w.spoke(2).routes.erase(Net("192.168.2.0/24"));
  w.spoke(3).Lan("192.168.2.0/24");
  w.hub().Route("192.168.2.0/24", AtHub(w, 3));
  EXPECT_EQ(PingOneTwo(w), "spoke1 spoke2 hub spoke3");  // spoke2 and the hub redirect
  w.Run(seconds(1));
  EXPECT_EQ(PingOneTwo(w), "spoke1 spoke3");
}

TEST(Shortcut, IsNotForcedWhenBothSpokesAreBehindNats) {
  World w(2);
  w.PutBehindNat(w.spoke(1), "203.0.113.9");
  w.PutBehindNat(w.spoke(2), "203.0.113.10");
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(PingOneTwo(w), "spoke1 hub spoke2");
    ASSERT_EQ(PingTwoOne(w), "spoke2 hub spoke1");
    w.Run(seconds(1));
  }
  EXPECT_TRUE(w.Log(PacketType::kResolutionReply).empty());
  EXPECT_LE(w.spoke(1).needed.size(), 8u);
  EXPECT_LE(w.Log(PacketType::kResolutionRequest).size(), 80u);  // each hop counts: 40 questions
  EXPECT_TRUE(w.spoke(1).shortcuts.empty());
}

TEST(Shortcut, RepliesOverAnExistingTunnelAtOnce) {
  World w(2);
  PingOneTwo(w);
  w.Run(seconds(1));
  PingTwoOne(w);
  w.Run(seconds(1));
  EXPECT_EQ(PingTwoOne(w), "spoke2 spoke1");
  EXPECT_TRUE(w.spoke(1).needed.empty());
}

TEST(Shortcut, SurvivesLossOfAnySinglePacket) {
  for (PacketType type :
       {PacketType::kTrafficIndication, PacketType::kResolutionRequest, PacketType::kResolutionReply}) {
    for (int which = 0; which < 2; ++which) {
      World w(2);
      int seen = 0;
      w.lose = [&](const World::Sent& s) { return s.packet.type == type && seen++ == which; };
      for (int i = 0; i < 20; ++i) {
        PingOneTwo(w);
        w.Run(seconds(1));
      }
      EXPECT_EQ(PingOneTwo(w), "spoke1 spoke2") << static_cast<int>(type) << which;
    }
  }
}

TEST(Shortcut, ManySpokesWithLossAllFindEachOther) {
  World w(12);
  SeededRng rng(3);
  w.lose = [&](const World::Sent&) { return rng.Below(10) == 0; };
  auto all = [&](bool check) {
    for (int i = 1; i <= 12; ++i) {
      for (int j = 1; j <= 12; ++j) {
        if (i == j) continue;
        std::string way = w.Ping(w.spoke(i), World::Host(i), World::Host(j));
        if (check) {
          EXPECT_EQ(way, w.spoke(i).name + " " + w.spoke(j).name);
        }
      }
    }
  };
  for (int t = 0; t < 60; ++t) {
    all(false);
    w.Run(seconds(1));
  }
  all(true);
}

TEST(Resolution, RetriesAfter1248SecondsAndThenHoldsStillForAMinute) {
  World w(2);
  std::vector<int64_t> at;
  w.lose = [&](const World::Sent& s) {
    if (s.packet.type != PacketType::kResolutionRequest) return false;
    at.push_back(WholeSeconds(w.now.time_since_epoch()));
    return true;
  };
  PingOneTwo(w);
  w.Run(seconds(2));
  ASSERT_NE(w.spoke(1).Row("192.168.2.1/32"), nullptr);
  EXPECT_EQ(w.spoke(1).Row("192.168.2.1/32")->type, "incomplete");
  for (int i = 0; i < 75; ++i) {
    PingOneTwo(w);
    w.Run(seconds(1));
  }
  EXPECT_THAT(at, ElementsAre(0, 1, 3, 7, 15));
  EXPECT_GT(Count(w.spoke(1), "resolution_suppressed"), 4u);
  w.Run(seconds(80));
  EXPECT_EQ(w.spoke(1).Row("192.168.2.1/32"), nullptr);
  w.lose = nullptr;
  PingOneTwo(w);
  w.Run(seconds(1));
  EXPECT_EQ(PingOneTwo(w), "spoke1 spoke2");
}

TEST(Resolution, AcceptsALateReplyWhileHeld) {
  World w(2);
  w.ike_delay = seconds(40);
  PingOneTwo(w);
  w.Run(seconds(39));
  EXPECT_EQ(PingOneTwo(w), "spoke1 hub spoke2");
  w.Run(seconds(2));
  EXPECT_EQ(PingOneTwo(w), "spoke1 spoke2");
  EXPECT_EQ(w.spoke(2).needed.size(), 1u);  // five requests, one tunnel
}

TEST(Clear, WithdrawsEverythingAndStartsAnew) {
  World w(2);
  PingOneTwo(w);
  w.Run(seconds(1));
  for (Node* n : {&w.spoke(1), &w.spoke(2), &w.hub()}) {
    Actions out;
    n->endpoint->Clear(w.now, out);
    w.Apply(*n, out);
    EXPECT_TRUE(n->shortcuts.empty());
    EXPECT_TRUE(n->endpoint->Rows(w.now).empty());
    EXPECT_EQ(n->endpoint->NextDeadline(), std::nullopt);
  }
  PingOneTwo(w);
  w.Run(seconds(1));
  EXPECT_EQ(PingOneTwo(w), "spoke1 spoke2");
}

TEST(Clear, OfShortcutsLeavesTheRest) {
  World w(2);
  PingOneTwo(w);
  w.Run(seconds(1));
  Node& spoke = w.spoke(1);
  ASSERT_FALSE(spoke.shortcuts.empty());
  ASSERT_FALSE(w.spoke(2).endpoint->Rows(w.now).empty());
  for (Node* n : {&spoke, &w.spoke(2)}) {
    Actions out;
    n->endpoint->ClearShortcuts(out);
    w.Apply(*n, out);
    EXPECT_TRUE(n->shortcuts.empty());
  }
  EXPECT_FALSE(w.spoke(2).endpoint->Rows(w.now).empty()) << "what it answered for stays";
  PingOneTwo(w);
  w.Run(seconds(10));  // the hub's limiter of redirects still holds
  PingOneTwo(w);
  w.Run(seconds(1));
  EXPECT_EQ(PingOneTwo(w), "spoke1 spoke2");
}

TEST(Configure, SwitchingShortcutsOffWithdrawsThem) {
  World w(2);
  PingOneTwo(w);
  w.Run(seconds(1));
  w.Reconfigure([](Node& n) { n.domain.shortcut = false; });
  EXPECT_TRUE(w.spoke(1).shortcuts.empty());
  w.Run(seconds(20));
  PingOneTwo(w);
  w.Run(seconds(1));
  EXPECT_EQ(PingOneTwo(w), "spoke1 hub spoke2");
  EXPECT_EQ(Count(w.spoke(1), "drop_shortcut_off"), 1u);
}

TEST(SameInputs, GiveTheSameActions) {
  auto run = [] {
    World w(5);
    SeededRng rng(11);
    w.lose = [&](const World::Sent&) { return rng.Below(5) == 0; };
    for (int t = 0; t < 30; ++t) {
      for (int i = 1; i <= 5; ++i) w.Ping(w.spoke(i), World::Host(i), World::Host(1 + i % 5));
      w.Run(seconds(1));
    }
    std::string all;
    for (int type = 1; type <= 8; ++type) {
      for (const World::Sent& s : w.Log(static_cast<PacketType>(type))) {
        all += s.from->name + ">" + s.to->name + ToHex(Encode(s.packet)) + "\n";
      }
    }
    return all;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace flexvpn::nhrp::testing
