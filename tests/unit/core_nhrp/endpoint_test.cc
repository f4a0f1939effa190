// SPDX-License-Identifier: Apache-2.0
// One endpoint against single packets: what it refuses, bounds and answers with an error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/core_nhrp/golden_packets.h"
#include "unit/core_nhrp/packets.h"

namespace flexvpn::nhrp::testing {
namespace {

using ::testing::HasSubstr;

uint16_t LastError(World& w) {
  auto errors = w.Log(PacketType::kErrorIndication);
  return errors.empty() ? uint16_t{0} : errors.back().packet.code;
}

struct TransitCase {
  const char* name;
  std::function<void(World&, Packet&)> change;
  const char* counter;
  uint16_t error;
};
TEST(Transit, RefusesWhatMayNotPass) {
  const TransitCase kCases[] = {
      {"hop count 1", [](World&, Packet& p) { p.hop_count = 1; }, "drop_hop_count", 15},
      {"hop count 0", [](World&, Packet& p) { p.hop_count = 0; }, "drop_hop_count", 15},
      {"loop", [](World&, Packet& p) { p.extensions[1] = Passed("10.0.0.1"); }, "drop_loop", 3},
      {"unreachable", [](World&, Packet& p) { p.destination_protocol = Ip("198.18.0.1"); },
       "drop_unreachable", 6},
      {"back to where it came from", [](World&, Packet& p) { p.destination_protocol = World::Host(1); },
       "drop_back_to_ingress", 0},
      {"another's source", [](World&, Packet& p) { p.source_protocol = World::Overlay(2); },
       "drop_source_spoofed", 0},
      {"an IPv6 source that is not routed to it",
       [](World&, Packet& p) {
         p.protocol_family = net::Family::kIpv6;
         p.source_protocol = Ip("2001:db8::66");
         p.destination_protocol = Ip("2001:db8::77");
       },
       "drop_source_spoofed", 0},
      {"own source", [](World&, Packet& p) { p.source_protocol = Ip("10.0.0.1"); }, "drop_own_request", 0},
      {"multicast target", [](World&, Packet& p) { p.destination_protocol = Ip("224.0.0.1"); },
       "drop_request_addresses", 0},
      {"no NBMA", [](World&, Packet& p) { p.source_nbma = {}; }, "drop_request_addresses", 0},
      {"garbage in the transit record",
       [](World&, Packet& p) {
         p.extensions[1].value = {1, 2, 3};
       },
       "drop_malformed_extension", 0},
      {"the hub itself as target, which does not answer",
       [](World&, Packet& p) { p.destination_protocol = Ip("10.0.0.1"); }, "drop_shortcut_off", 0},
  };
  for (const TransitCase& c : kCases) {
    World w(2);
    Packet p = Request(w);
    c.change(w, p);
    w.Inject(w.hub(), AtHub(w, 1), p);
    EXPECT_EQ(Count(w.hub(), c.counter), 1u) << c.name;
    EXPECT_EQ(LastError(w), c.error) << c.name;
    EXPECT_TRUE(w.Log(PacketType::kResolutionRequest).empty()) << c.name;
  }
}

TEST(Transit, ErrorNamesTheRequestAndFailsIt) {
  World w(2);
  w.spoke(1).Route("198.18.0.0/15", w.Uplink(w.spoke(1)));
  Node& s = w.spoke(1);
  Actions out;
  // A redirect for something that the hub does not reach by itself any more.
  Packet ti;
  ti.type = PacketType::kTrafficIndication;
  ti.source_nbma = w.hub().nbma;
  ti.source_protocol = w.hub().overlay;
  ti.destination_protocol = World::Host(1);
  ti.payload = InnerPacket(World::Host(1), Ip("198.18.0.1"));
  w.Inject(s, w.Uplink(s), ti);
  w.Run(seconds(1));
  EXPECT_EQ(LastError(w), 6);
  EXPECT_EQ(w.Log(PacketType::kErrorIndication)[0].packet.destination_protocol, World::Overlay(1));
  const CacheRow* row = s.Row("198.18.0.1/32");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->type, "negative");
  ASSERT_EQ(s.notices.size(), 1u);
  EXPECT_THAT(s.notices[0], HasSubstr("error indication 6"));
  w.Run(seconds(30));
  EXPECT_EQ(w.Log(PacketType::kResolutionRequest).size(), 1u);
}

TEST(Transit, NeverAnswersAnErrorWithAnError) {
  World w(2);
  Packet p;
  p.type = PacketType::kErrorIndication;
  p.code = 6;
  p.source_nbma = w.spoke(1).nbma;
  p.source_protocol = World::Overlay(1);
  p.payload = Encode(Request(w));
  for (auto destination : {Ip("198.18.0.1"), Ip("10.0.0.1"), World::Overlay(1)}) {
    for (uint8_t hops : {uint8_t{0}, uint8_t{255}}) {
      p.destination_protocol = destination;
      p.hop_count = hops;
      w.Inject(w.hub(), AtHub(w, 1), p);
    }
  }
  EXPECT_TRUE(w.Log(PacketType::kErrorIndication).empty());
  p.destination_protocol = World::Overlay(2);  // but passes it on to whom it concerns
  w.Inject(w.hub(), AtHub(w, 1), p);
  EXPECT_EQ(w.Log(PacketType::kErrorIndication).size(), 1u);
}

TEST(Transit, ForwardsRepliesOfNodesThatAnswerAlongTheRoutedPath) {
  World w(2);
  Packet p = Request(w);
  p.type = PacketType::kResolutionReply;
  p.cies[0].nbma = w.spoke(2).nbma;
  p.cies[0].protocol = World::Overlay(2);
  w.Inject(w.hub(), AtHub(w, 2), p);
  auto replies = w.Log(PacketType::kResolutionReply);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].to, &w.spoke(1));
  EXPECT_EQ(DecodeCieList(replies[0].packet.Find(kExtReverseTransit)->value)->size(), 1u);
  EXPECT_TRUE(replies[0].packet.Find(kExtForwardTransit)->value.empty());
}

TEST(Errors, AreSentAtABoundedRate) {
  World w(2);
  Packet p = Request(w);
  p.hop_count = 1;
  for (int i = 0; i < 500; ++i) w.Inject(w.hub(), AtHub(w, 1), p);
  EXPECT_LE(w.Log(PacketType::kErrorIndication).size(), 20u);
  EXPECT_GT(Count(w.hub(), "error_suppressed"), 400u);
}

TEST(Redirect, IsSentOncePerPeerDestinationAndInterval) {
  World w(3);
  auto sent = [&] { return w.Log(PacketType::kTrafficIndication).size(); };
  auto forward = [&](const net::IpAddress& source, const net::IpAddress& destination, uint8_t ttl = 64) {
    Actions out;
    w.hub().endpoint->OnSpokeToSpoke(AtHub(w, 1), InnerPacket(source, destination, ttl), w.now, out);
    w.Apply(w.hub(), out);
  };
  for (int i = 0; i < 10; ++i) forward(World::Host(1), World::Host(2));
  EXPECT_EQ(sent(), 1u);
  EXPECT_EQ(Count(w.hub(), "redirect_suppressed"), 9u);
  forward(World::Host(1), World::Host(3));
  EXPECT_EQ(sent(), 2u);
  w.now += seconds(8);
  forward(World::Host(1), World::Host(2));
  EXPECT_EQ(sent(), 3u);
  // Never for these:
  forward(World::Host(1), Ip("224.0.0.5"));
  forward(World::Host(1), Ip("255.255.255.255"));
  forward(World::Host(1), Ip("10.0.0.1"));    // the hub itself
  forward(World::Host(1), World::Host(1));    // back to the same peer
  forward(World::Host(1), Ip("198.18.0.1"));  // nowhere
  forward(Ip("169.254.1.1"), World::Host(2));
  forward(World::Host(1), Ip("192.168.2.9"), 1);  // dies here
  forward(Ip("2001:db8::1"), Ip("2001:db8::2"));
  Actions out;
  w.hub().endpoint->OnSpokeToSpoke(AtHub(w, 1), Bytes{0x45, 0}, w.now, out);
  w.hub().endpoint->OnSpokeToSpoke(net::PeerId(999), InnerPacket(World::Host(1), World::Host(2)), w.now, out);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(sent(), 3u);
}

TEST(Redirect, StaysSilentWhenOffOrBetweenDomains) {
  World w(2);
  w.Reconfigure([](Node& n) { n.domain.redirect = false; });
  w.Ping(w.spoke(1), World::Host(1), World::Host(2));
  EXPECT_TRUE(w.Log(PacketType::kTrafficIndication).empty());
  w.Reconfigure([](Node& n) { n.domain.redirect = true; });
  PeerInfo other;  // spoke2 is now in another domain
  other.id = AtHub(w, 2);
  other.network_id = 2;
  other.local_protocol = w.hub().overlay;
  Actions out;
  w.hub().endpoint->PeerUp(other, w.now, out);
  w.Ping(w.spoke(1), World::Host(1), World::Host(2));
  EXPECT_TRUE(w.Log(PacketType::kTrafficIndication).empty());
}

TEST(Redirect, CarriesAnEvenNumberOfOctetsOfTheInnerPacket) {
  World w(2);
  Bytes inner = InnerPacket(World::Host(1), World::Host(2));
  for (size_t n = 20; n <= inner.size(); ++n) {
    Actions out;
    w.hub().endpoint->Clear(w.now, out);
    w.hub().endpoint->OnSpokeToSpoke(AtHub(w, 1), BytesView(inner).first(n), w.now, out);
    ASSERT_EQ(out.size(), 1u) << n;
    Packet p = *Decode(std::get<SendPacket>(out[0]).packet);
    EXPECT_EQ(p.payload.size(), std::min<size_t>(n & ~size_t{1}, 28)) << n;
  }
}

TEST(Indication, IsRefusedIfItLeadsNowhereGood) {
  World w(2);
  Node& s = w.spoke(1);
  auto indicate = [&](const Bytes& inner, uint16_t code = 0) {
    Packet ti;
    ti.type = PacketType::kTrafficIndication;
    ti.code = code;
    ti.source_protocol = w.hub().overlay;
    ti.source_nbma = w.hub().nbma;
    ti.destination_protocol = World::Host(1);
    ti.payload = inner;
    w.Inject(s, w.Uplink(s), ti);
  };
  indicate(InnerPacket(World::Host(1), World::Host(1)));    // our own LAN
  indicate(InnerPacket(World::Host(1), Ip("10.0.0.11")));   // ourselves
  indicate(InnerPacket(World::Host(1), Ip("198.18.0.1")));  // no route
  indicate(InnerPacket(World::Host(1), Ip("224.0.0.1")));
  indicate(InnerPacket(World::Host(1), World::Host(2)), 1);  // code not known
  indicate({});
  indicate(Bytes(19, 0x45));
  EXPECT_TRUE(w.Log(PacketType::kResolutionRequest).empty());
  EXPECT_EQ(Count(s, "drop_indication_not_of_the_path"), 3u);
  EXPECT_EQ(Count(s, "drop_indication_destination"), 1u);
  EXPECT_EQ(Count(s, "drop_traffic_code"), 1u);
  EXPECT_EQ(Count(s, "drop_indication_without_packet"), 2u);
  EXPECT_TRUE(s.endpoint->Rows(w.now).empty());
  EXPECT_EQ(s.endpoint->NextDeadline(), std::nullopt);
}

TEST(Indication, IsUnderstoodFromFrrAndOfDeadHopCount) {
  World w(2);
  Node& s = w.spoke(1);
  s.Route("192.168.4.0/24", w.Uplink(s));
  w.Inject(s, w.Uplink(s), FromHex(golden::kFrrOddTrafficIndication));
  auto requests = w.Log(PacketType::kResolutionRequest);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].packet.destination_protocol, Ip("192.168.4.1"));
}

struct ReplyCase {
  const char* name;
  std::function<void(ReplyWorld&)> change;
  const char* installed;  // prefix, or "" for none
};
TEST(Reply, IsBelievedWithinLimits) {
  const ReplyCase kCases[] = {
      {"as it should be", [](ReplyWorld&) {}, "192.168.2.0/24"},
      {"prefix 0 means host", [](ReplyWorld& w) { w.reply.cies[0].prefix_length = 0; }, "192.168.2.1/32"},
      {"prefix 255 means host", [](ReplyWorld& w) { w.reply.cies[0].prefix_length = 255; }, "192.168.2.1/32"},
      {"shorter than the covering route", [](ReplyWorld& w) { w.reply.cies[0].prefix_length = 12; },
       "192.168.2.1/32"},
      {"same as the covering route", [](ReplyWorld& w) { w.reply.cies[0].prefix_length = 16; },
       "192.168.0.0/16"},
      {"shorter than 8 although a default route covers",
       [](ReplyWorld& w) {
         w.spoke(1).routes.erase(Net("192.168.0.0/16"));
         w.spoke(1).Route("0.0.0.0/0", w.Uplink(w.spoke(1)));
         w.reply.cies[0].prefix_length = 1;
       },
       "192.168.2.1/32"},
      {"holds an NBMA address",
       [](ReplyWorld& w) {
         w.spoke(1).routes.erase(Net("192.168.0.0/16"));
         w.spoke(1).Route("0.0.0.0/0", w.Uplink(w.spoke(1)));
         PeerInfo i;
         i.id = net::PeerId(500);
         i.network_id = World::kNetwork;
         i.remote_nbma = Ip("192.168.77.1");
         i.local_nbma = Ip("192.0.2.11");
         i.local_protocol = World::Overlay(1);
         i.remote_protocol = Ip("10.0.0.200");
         Actions out;
         w.spoke(1).endpoint->PeerUp(i, w.now, out);
         w.reply.cies[0].prefix_length = 16;
       },
       "192.168.2.1/32"},
      {"other request id", [](ReplyWorld& w) { ++w.reply.request_id; }, ""},
      {"other target", [](ReplyWorld& w) { w.reply.destination_protocol = Ip("192.168.2.2"); }, ""},
      {"no entry", [](ReplyWorld& w) { w.reply.cies.clear(); }, ""},
      {"refused", [](ReplyWorld& w) { w.reply.cies[0].code = kCieNoBinding; }, ""},
      {"next hop is ourselves", [](ReplyWorld& w) { w.reply.cies[0].protocol = World::Overlay(1); }, ""},
      {"next hop is multicast", [](ReplyWorld& w) { w.reply.cies[0].protocol = Ip("224.1.1.1"); }, ""},
      {"next hop of another family", [](ReplyWorld& w) { w.reply.cies[0].protocol = Ip("2001:db8::1"); }, ""},
      {"route is ours by now", [](ReplyWorld& w) { w.spoke(1).Lan("192.168.2.0/24"); }, ""},
      {"came by the hub and there is no tunnel",
       [](ReplyWorld& w) {
         w.Disconnect(w.spoke(1), w.direct);
         w.direct = w.Uplink(w.spoke(1));
       },
       ""},
      {"came by the hub, the tunnel is there", [](ReplyWorld& w) { w.direct = w.Uplink(w.spoke(1)); },
       "192.168.2.0/24"},
  };
  for (const ReplyCase& c : kCases) {
    ReplyWorld w;
    c.change(w);
    w.Inject(w.spoke(1), w.direct, w.reply);
    const auto& up = w.spoke(1).shortcuts;
    if (*c.installed == 0) {
      EXPECT_TRUE(up.empty()) << c.name;
    } else {
      ASSERT_TRUE(up.contains(Net(c.installed))) << c.name;
      EXPECT_EQ(up.size(), 2u) << c.name;
      EXPECT_EQ(up.at(Net(c.installed)).peer, w.TunnelTo(w.spoke(1), w.spoke(2))) << c.name;
      EXPECT_EQ(up.at(Net(c.installed)).next_hop, World::Overlay(2)) << c.name;
    }
  }
}

TEST(Reply, TakesAPlausibleMtuOnly) {
  for (auto [mtu, expected] : {std::pair{1400, 1400}, {0, 0}, {500, 0}, {17912, 0}, {9000, 9000}}) {
    ReplyWorld w;
    w.reply.cies[0].mtu = static_cast<uint16_t>(mtu);
    w.Inject(w.spoke(1), w.direct, w.reply);
    EXPECT_EQ(w.spoke(1).shortcuts.at(Net("192.168.2.0/24")).mtu, expected);
  }
}

TEST(Responder, NeedsOneTunnelForManyRequests) {
  World w(2);
  for (int i = 1; i <= 40; ++i) {
    Packet p = Request(w);
    p.request_id = static_cast<uint32_t>(i);
    p.destination_protocol = Ip("192.168.2." + std::to_string(i));
    w.Inject(w.hub(), AtHub(w, 1), p);
  }
  w.Run(seconds(1));
  EXPECT_EQ(w.spoke(2).needed.size(), 1u);
  EXPECT_EQ(w.Log(PacketType::kResolutionReply).size(), 8u);  // the last ones; the others will be repeated
}

TEST(Responder, DoesNotTryAFailedTunnelAgainBeforeThirtySeconds) {
  World w(2);
  w.PutBehindNat(w.spoke(1), "203.0.113.9");
  auto request = [&] {
    Packet p = Request(w);
    w.Inject(w.hub(), AtHub(w, 1), p);
    w.Run(seconds(1));
    return w.spoke(2).needed.size();
  };
  for (int i = 0; i < 29; ++i) EXPECT_EQ(request(), 1u) << i;
  w.Run(seconds(5));
  EXPECT_EQ(request(), 2u);
}

TEST(Responder, CancelsATunnelNobodyReportsAndForgetsTheRequest) {
  World w(2);
  w.ike_delay = seconds(3600);
  w.Inject(w.hub(), AtHub(w, 1), Request(w));
  w.Run(seconds(61));
  EXPECT_EQ(w.spoke(2).cancelled.size(), 1u);
  w.Run(seconds(60));
  EXPECT_EQ(w.spoke(2).endpoint->NextDeadline(), std::nullopt);
}

TEST(Responder, AcceptsTunnelReadyBeforePeerUp) {
  World w(2);
  w.ike_delay = seconds(3600);
  w.Inject(w.hub(), AtHub(w, 1), Request(w));
  w.Run(seconds(1));
  ASSERT_EQ(w.spoke(2).needed.size(), 1u);
  Actions out;
  w.spoke(2).endpoint->TunnelReady(w.spoke(2).needed[0].token, net::PeerId(70), w.now, out);
  EXPECT_TRUE(out.empty());
  PeerInfo i;
  i.id = net::PeerId(70);
  i.network_id = World::kNetwork;
  i.local_nbma = w.spoke(2).nbma;
  i.remote_nbma = w.spoke(1).nbma;
  i.local_protocol = World::Overlay(2);
  w.spoke(2).endpoint->PeerUp(i, w.now, out);
  int replies = 0;
  for (const Action& a : out) replies += std::holds_alternative<SendPacket>(a);
  EXPECT_EQ(replies, 1);
}

struct RequestCase {
  const char* name;
  std::function<void(World&, Packet&)> change;
  const char* counter;
};
TEST(Responder, RefusesWhatItShouldNotBuildATunnelFor) {
  const RequestCase kCases[] = {
      {"unknown compulsory extension",
       [](World&, Packet& p) {
         p.extensions.push_back({0x77, true, {1}});
       },
       "drop_unknown_extension"},
      {"requester on our own LAN", [](World&, Packet& p) { p.source_protocol = World::Host(2); },
       "drop_requester_is_local"},
      {"our own NBMA", [](World& w, Packet& p) { p.source_nbma = w.spoke(2).nbma; }, "drop_requester_nbma"},
      {"multicast NBMA", [](World&, Packet& p) { p.source_nbma = Ip("224.0.0.9"); }, "drop_requester_nbma"},
      {"loopback NBMA", [](World&, Packet& p) { p.source_nbma = Ip("127.0.0.1"); }, "drop_requester_nbma"},
  };
  for (const RequestCase& c : kCases) {
    World w(2);
    Packet p = Request(w);
    p.extensions[1] = Passed("10.0.0.1");
    c.change(w, p);
    w.Inject(w.spoke(2), w.Uplink(w.spoke(2)), p);
    EXPECT_EQ(Count(w.spoke(2), c.counter), 1u) << c.name;
    EXPECT_TRUE(w.spoke(2).needed.empty()) << c.name;
  }
}

TEST(Responder, CopiesUnknownExtensionsThatAreNotCompulsoryAndCachesOnlyStableSources) {
  World w(2);
  Packet p = Request(w);
  p.flags = 0xc002;  // no S bit
  p.extensions.push_back({0x77, false, {1}});
  w.Inject(w.hub(), AtHub(w, 1), p);
  w.Run(seconds(1));
  auto replies = w.Log(PacketType::kResolutionReply);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_NE(replies[0].packet.Find(0x77), nullptr);
  EXPECT_TRUE(w.spoke(2).shortcuts.empty());
}

TEST(Responder, GivesOutAHostWhenOnlyItsDefaultRouteLeadsThere) {
  World w(2);
  w.spoke(2).routes.erase(Net("192.168.2.0/24"));
  w.spoke(2).routes.erase(Net("192.168.0.0/16"));
  w.spoke(2).Lan("0.0.0.0/0");
  w.Inject(w.hub(), AtHub(w, 1), Request(w));
  w.Run(seconds(1));
  auto replies = w.Log(PacketType::kResolutionReply);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].packet.cies[0].prefix_length, 32);
}

TEST(Authentication, IsOnEveryPacketAndCheckedOnEveryPacket) {
  World w(2);
  w.Reconfigure([](Node& n) { n.domain.authentication = "secret"; });
  w.Ping(w.spoke(1), World::Host(1), World::Host(2));
  w.Run(seconds(1));
  EXPECT_EQ(w.Ping(w.spoke(1), World::Host(1), World::Host(2)), "spoke1 spoke2");
  w.spoke(2).routes.erase(Net("192.168.2.0/24"));
  Actions out;
  w.spoke(2).endpoint->RoutesChanged(w.now, out);
  w.Apply(w.spoke(2), out);
  w.Run(seconds(1));
  for (int type : {1, 2, 5, 6, 8}) {
    auto log = w.Log(static_cast<PacketType>(type));
    EXPECT_FALSE(log.empty()) << type;
    for (const World::Sent& s : log) {
      EXPECT_EQ(std::count(s.packet.extensions.begin(), s.packet.extensions.end(),
                           AuthenticationExtension("secret")),
                1)
          << type;
    }
  }
}

TEST(Authentication, RefusesAbsentWrongAndDoubleWithErrorEleven) {
  const std::vector<std::vector<Extension>> kBad = {
      {},
      {AuthenticationExtension("Secret")},
      {AuthenticationExtension("secre")},
      {AuthenticationExtension("secret"), AuthenticationExtension("secret")},
      {{kExtAuthentication, true, {}}}};
  for (const auto& extensions : kBad) {
    World w(2);
    w.Reconfigure([](Node& n) { n.domain.authentication = "secret"; });
    Packet p = Request(w);
    for (const Extension& e : extensions) p.extensions.push_back(e);
    w.Inject(w.hub(), AtHub(w, 1), p);
    EXPECT_EQ(Count(w.hub(), "drop_authentication"), 1u);
    EXPECT_EQ(LastError(w), 11);
    EXPECT_TRUE(w.Log(PacketType::kResolutionRequest).empty());
  }
}

TEST(Limits, BoundPendingResolutionsAndCache) {
  World w(2, {.cache_entries = 8, .pending = 4});
  w.lose = [](const World::Sent& s) { return s.packet.type == PacketType::kResolutionRequest; };
  for (int i = 1; i <= 20; ++i) {
    w.Ping(w.spoke(1), World::Host(1), Ip("192.168.2." + std::to_string(i)));
    w.Run(milliseconds(15));
  }
  EXPECT_EQ(w.spoke(1).endpoint->Rows(w.now).size(), 4u);
  EXPECT_GT(Count(w.spoke(1), "drop_pending_full"), 5u);

  World many(2, {.cache_entries = 3, .pending = 4});
  many.spoke(2).routes.erase(Net("192.168.2.0/24"));
  for (int i = 1; i <= 4; ++i) many.spoke(2).Lan("192.168.2." + std::to_string(i) + "/32");
  for (int i = 1; i <= 4; ++i) {
    many.Ping(many.spoke(1), World::Host(1), Ip("192.168.2." + std::to_string(i)));
    many.Run(seconds(1));
  }
  EXPECT_EQ(many.spoke(1).shortcuts.size(), 3u);
  EXPECT_GT(Count(many.spoke(1), "cache_full"), 0u);
  EXPECT_LE(many.spoke(2).endpoint->Rows(many.now).size(), 3u);
}

TEST(OnPacket, CountsWhatItCannotUse) {
  World w(2);
  w.Inject(w.hub(), net::PeerId(12345), Encode(Request(w)));
  EXPECT_EQ(Count(w.hub(), "drop_unknown_peer"), 1u);
  w.Inject(w.hub(), AtHub(w, 1), Bytes{1, 2, 3});
  EXPECT_EQ(Count(w.hub(), "drop_malformed"), 1u);
  w.Inject(w.hub(), AtHub(w, 1), FromHex(golden::kFrrRegistrationRequest));
  EXPECT_EQ(Count(w.hub(), "drop_registration"), 1u);
  PeerInfo i;
  i.id = net::PeerId(600);
  i.network_id = 99;
  Actions out;
  w.hub().endpoint->PeerUp(i, w.now, out);
  w.Inject(w.hub(), net::PeerId(600), Encode(Request(w)));
  EXPECT_EQ(Count(w.hub(), "drop_no_domain"), 1u);
}

// Whatever a peer sends: no crash, bounded state, and nothing sent that does not decode (World checks).
TEST(OnPacket, SurvivesMutatedPacketsOfEveryKind) {
  SeededRng rng(5);
  for (int round = 0; round < 60; ++round) {
    World w(2, {.cache_entries = 16, .pending = 8});
    w.Ping(w.spoke(1), World::Host(1), World::Host(2));
    w.Run(milliseconds(rng.Below(200)));
    for (int i = 0; i < 60; ++i) {
      Packet p = Request(w);
      p.type = static_cast<PacketType>(rng.Below(8) + 1);
      auto address = [&] {
        const net::IpAddress kSome[] = {Ip("10.0.0.1"),  World::Overlay(1), World::Overlay(2), World::Host(1),
                                        World::Host(2),  Ip("192.0.2.12"),  Ip("2001:db8::1"), {},
                                        Ip("224.0.0.1"), Ip("198.18.0.1")};
        return kSome[rng.Below(std::size(kSome))];
      };
      p.source_protocol = address();
      p.destination_protocol = address();
      p.source_nbma = address();
      p.hop_count = static_cast<uint8_t>(rng.Below(3) * 100);
      p.flags = static_cast<uint16_t>(rng.U32());
      p.code = static_cast<uint16_t>(rng.Below(3));
      for (uint64_t k = rng.Below(3); k > 0; --k) {
        Cie c;
        c.code = static_cast<uint8_t>(rng.Below(2));
        c.prefix_length = static_cast<uint8_t>(rng.U32());
        c.holdtime = static_cast<uint16_t>(rng.U32());
        c.nbma = address();
        c.protocol = address();
        p.cies.push_back(c);
        p.extensions.push_back({static_cast<uint16_t>(rng.Below(10) + 1), true, EncodeCieList({c})});
      }
      if (p.has_offending_packet()) {
        p.cies.clear();
        p.payload = rng.Below(2) ? InnerPacket(World::Host(1), World::Host(2)) : Encode(Request(w));
      }
      int at = static_cast<int>(rng.Below(2)) + 1;
      if (rng.Below(2)) {
        w.Inject(w.hub(), AtHub(w, at), p);
      } else {
        w.Inject(w.spoke(at), w.TunnelTo(w.spoke(at), rng.Below(2) ? w.hub() : w.spoke(3 - at)), p);
      }
      w.Run(milliseconds(rng.Below(3000)));
      EXPECT_LE(w.spoke(at).endpoint->Rows(w.now).size(), 16u + 8u);
    }
  }
}

}  // namespace
}  // namespace flexvpn::nhrp::testing
