// SPDX-License-Identifier: Apache-2.0
// Front-door VRFs: a hub with interfaces in two VRFs, and peers that have the same address in each.
#include <cstring>
#include <deque>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/crypto/provider.h"
#include "core/node/node.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "support/values.h"
#include "unit/core_node/parse.h"

namespace flexvpn::node {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

std::string Profile(const char* name, const std::string& match, const char* id, const std::string& more = "") {
  return absl::StrCat("crypto ikev2 profile ", name, "\n", match, " match identity remote fqdn domain example.net\n",
                      " identity local fqdn ", id, ".example.net\n authentication local pre-share key secret\n",
                      " authentication remote pre-share key secret\n", more, "crypto ipsec profile ", name,
                      "\n set ikev2-profile ", name, "\n");
}

std::string Template(int number, const char* source, const std::string& vrf) {
  return absl::StrCat("interface Virtual-Template", number, " type tunnel\n ip unnumbered Loopback0\n tunnel source ", source,
                      "\n tunnel vrf ", vrf, "\n tunnel protection ipsec profile ", vrf, "\n");
}

// Templates for callers in red and in blue.
std::string HubConfig() {
  return absl::StrCat("vrf definition red\nvrf definition blue\ninterface Loopback0\n ip address 10.0.0.254 255.255.255.255\n",
                      Profile("red", " match fvrf red\n", "hub", " virtual-template 1\n"),
                      Profile("blue", " match fvrf blue\n", "hub", " virtual-template 2\n"), Template(1, "eth0", "red"),
                      Template(2, "eth1", "blue"));
}

// Calls `hub`; its outer packets are in `vrf`, "" = the global one.
std::string SpokeConfig(const char* hub, const std::string& vrf = "") {
  return absl::StrCat(vrf.empty() ? "" : absl::StrCat("vrf definition ", vrf, "\n"),
                      Profile("P", vrf.empty() ? "" : absl::StrCat(" match fvrf ", vrf, "\n"), "spoke"),
                      "interface Tunnel0\n ip address 10.9.0.1 255.255.255.252\n tunnel source eth0\n tunnel destination ", hub,
                      vrf.empty() ? "" : absl::StrCat("\n tunnel vrf ", vrf), "\n tunnel protection ipsec profile P\n");
}

LocalNetwork HubNetwork(const char* red = "192.0.2.1", const char* blue = "192.0.2.2") {
  return {{{"eth0", Ip(red), 24, false, "red"}, {"eth1", Ip(blue), 24, false, "blue"}}, {}, {{"red", 10}, {"blue", 20}}};
}
LocalNetwork SpokeNetwork(const std::string& vrf = "") {
  LocalNetwork n{{{"eth0", Ip("198.51.100.7"), 24, false, vrf}}, {}};
  if (!vrf.empty()) n.vrfs = {{vrf, 10}};
  return n;
}

// Node 0 is the hub; every other one is wired to one VRF of it.
class World {
 public:
  size_t Add(const std::string& text, const std::string& wired_to = "") {
    Router& r = routers_.emplace_back();
    r.wired_to = wired_to;
    r.rng = std::make_unique<SeededRng>(routers_.size());
    r.node = std::make_unique<Node>(Node::Options{}, Parse(text), *r.rng, *crypto_);
    return routers_.size() - 1;
  }
  void Run(Duration limit) {
    const Instant end = now_ + limit;
    while (true) {
      while (!queue_.empty()) {
        auto [to, input] = std::move(queue_.front());
        queue_.pop_front();
        Feed(to, input);
      }
      std::optional<Instant> next;
      for (Router& r : routers_) next = Earlier(next, r.node->NextDeadline());
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
      for (size_t i = 0; i < routers_.size(); ++i) {
        Actions out;
        routers_[i].node->OnTick(now_, out);
        Carry(i, out);
      }
    }
    now_ = end;
  }
  void Feed(size_t i, const Input& input) {
    Actions out;
    routers_[i].node->Handle(input, now_, out);
    Carry(i, out);
  }
  const Node& node(size_t i) const { return *routers_[i].node; }
  size_t Up(size_t i) const {
    size_t n = 0;
    for (const Node::PeerView& p : node(i).Peers()) n += p.up;
    return n;
  }
  const std::vector<std::string>& log(size_t i) const { return routers_[i].log; }
  size_t Logged(size_t i, const std::string& text) const {
    size_t n = 0;
    for (const std::string& line : log(i)) n += absl::StrContains(line, text);
    return n;
  }
  const std::vector<std::map<std::string, net::VrfId>>& listened(size_t i) const { return routers_[i].listened; }
  const std::vector<dataplane::Step>& steps(size_t i) const { return routers_[i].steps; }
  size_t sent(size_t i) const { return routers_[i].sent; }
  show::Json Show(size_t i, const std::string& line) {
    Feed(i, Command{1, line, true});
    return show::Data(reply_);
  }

 private:
  struct Router {
    std::string wired_to;
    std::unique_ptr<SeededRng> rng;
    std::unique_ptr<Node> node;
    std::vector<std::map<std::string, net::VrfId>> listened;
    std::vector<std::string> log;
    std::vector<dataplane::Step> steps;
    size_t sent = 0;
  };

  // As a wire does: the far end has its own numbers of VRFs, or none.
  static net::Endpoint At(const net::Endpoint& e, net::VrfId vrf) { return {e.address, e.port, vrf}; }
  net::VrfId IdAt(const Router& r, const std::string& vrf) const {
    return vrf.empty() || r.listened.empty() || !r.listened.back().contains(vrf) ? net::VrfId() : r.listened.back().at(vrf);
  }
  void Deliver(size_t from, const ike::SendDatagram& d) {
    for (size_t to = 0; to < routers_.size(); ++to) {
      if (to == from || (to != 0 && from != 0)) continue;
      const std::string& vrf = routers_[std::max(from, to)].wired_to;
      if (from == 0 && IdAt(routers_[0], vrf) != d.local.vrf) continue;
      // A spoke's own VRF, if it has one, is its only one.
      const Router& there = routers_[to];
      const net::VrfId id = to == 0 ? IdAt(there, vrf) : there.listened.empty() || there.listened.back().empty()
                                                             ? net::VrfId()
                                                             : there.listened.back().begin()->second;
      queue_.emplace_back(to, IkeDatagram{{At(d.remote, id), At(d.local, id), d.bytes}});
    }
  }
  void Carry(size_t i, Actions& out) {
    Router& r = routers_[i];
    for (Action& action : out) {
      if (auto* send = std::get_if<SendIke>(&action)) {
        ++r.sent;
        EXPECT_EQ(send->datagram.local.vrf, send->datagram.remote.vrf);
        Deliver(i, send->datagram);
      } else if (auto* listen = std::get_if<ListenIn>(&action)) {
        r.listened.push_back(listen->vrfs);
      } else if (auto* job = std::get_if<StartJob>(&action)) {
        queue_.emplace_back(i, CryptoDone{job->id, crypto_->Run(job->job)});
      } else if (auto* apply = std::get_if<Apply>(&action)) {
        r.steps.insert(r.steps.end(), apply->plan.begin(), apply->plan.end());
        queue_.emplace_back(i, ApplyDone{apply->token, absl::OkStatus()});
      } else if (auto* reply = std::get_if<Reply>(&action)) {
        reply_ = reply->document;
      } else if (auto* line = std::get_if<Log>(&action)) {
        r.log.push_back(line->text);
      }
    }
  }

  std::unique_ptr<crypto::Provider> crypto_ = crypto::NewOpensslProvider();
  std::deque<Router> routers_;
  std::deque<std::pair<size_t, Input>> queue_;
  Instant now_{std::chrono::hours(1)};
  show::Document reply_;
};

std::map<std::string, uint32_t> Rules(const Node& node) {
  std::map<std::string, uint32_t> rules;
  for (const auto& [key, object] : node.want().all())
    if (const auto* r = std::get_if<dataplane::SourceRule>(&object)) rules[r->source.ToString()] = r->table;
  return rules;
}

// Same outer address, same identity, one in each VRF.
// A hub and one spoke behind its VRF, up.
void ConnectBy(World& w, const char* vrf) {
  w.Add(HubConfig());
  w.Add(SpokeConfig("192.0.2.1"), vrf);
  w.Feed(0, HubNetwork());
  w.Feed(1, SpokeNetwork());
  w.Run(seconds(10));
  ASSERT_EQ(w.Up(0), 1u);
}

TEST(FrontDoor, PeersWithEqualAddressesInTwoVrfsStayApart) {
  World w;
  w.Add(HubConfig());
  const size_t red = w.Add(SpokeConfig("192.0.2.1"), "red"), blue = w.Add(SpokeConfig("192.0.2.2"), "blue");
  w.Feed(0, HubNetwork());
  for (size_t spoke : {red, blue}) w.Feed(spoke, SpokeNetwork());
  w.Run(seconds(30));
  ASSERT_EQ(w.Up(0), 2u) << testing::PrintToString(w.log(0)) << testing::PrintToString(w.log(red));
  EXPECT_EQ(w.Up(red) + w.Up(blue), 2u);
  std::map<std::string, std::string> remotes;
  for (const Node::PeerView& p : w.node(0).Peers()) {
    remotes[p.local.ToString()] = p.remote.ToString();
    EXPECT_EQ(p.sessions, 1u);
  }
  EXPECT_THAT(remotes, ElementsAre(Pair("192.0.2.1", "198.51.100.7"), Pair("192.0.2.2", "198.51.100.7")));
  EXPECT_THAT(Rules(w.node(0)), ElementsAre(Pair("192.0.2.1", 10u), Pair("192.0.2.2", 20u)));
  std::map<std::string, std::string> fvrf;
  const show::Json shown = w.Show(0, "show crypto ikev2 sa");
  for (const show::Json& sa : shown["ike_sas"])
    fvrf[sa["local_address"].get<std::string>()] = sa["fvrf"].get<std::string>();
  EXPECT_THAT(fvrf, ElementsAre(Pair("192.0.2.1", "red"), Pair("192.0.2.2", "blue")));
}

TEST(FrontDoor, TheRuleStandsBeforeAnySaOfItsSource) {
  World w;
  ASSERT_NO_FATAL_FAILURE(ConnectBy(w, "red"));
  bool rule = false, sa = false;
  for (const dataplane::Step& s : w.steps(0)) {
    rule |= dataplane::Key(s.object) == "rule from 192.0.2.1";
    if (!std::holds_alternative<dataplane::Sa>(s.object)) continue;
    sa = true;
    EXPECT_TRUE(rule) << dataplane::Key(s.object);
  }
  EXPECT_TRUE(sa);
}

TEST(FrontDoor, OfTwoVrfsWithTheSameSourceTheSecondStaysDown) {
  World w;
  w.Add(HubConfig());
  w.Add(SpokeConfig("192.0.2.1"), "red");
  w.Add(SpokeConfig("192.0.2.1"), "blue");
  w.Feed(0, HubNetwork("192.0.2.1", "192.0.2.1"));
  for (size_t spoke : {1u, 2u}) w.Feed(spoke, SpokeNetwork());
  w.Run(seconds(30));
  EXPECT_EQ(w.Logged(0, "Virtual-Template2 stays down: its source 192.0.2.1"), 1u);
  EXPECT_EQ(w.Logged(0, "Virtual-Template1 stays down"), 0u);
  EXPECT_EQ(w.Up(1), 1u);
  EXPECT_EQ(w.Up(2), 0u);
  EXPECT_GT(w.Logged(0, "our address 192.0.2.1 in VRF blue is used in another VRF"), 0u);
  EXPECT_THAT(Rules(w.node(0)), ElementsAre(Pair("192.0.2.1", 10u)));
}

// Nothing would keep what the router itself sends from that address out of the VRF.
TEST(FrontDoor, AnAddressThatTheGlobalVrfHasTooIsNoSourceInAVrf) {
  World w;
  w.Add(HubConfig());
  LocalNetwork n = HubNetwork();
  n.addresses.push_back({"eth9", Ip("192.0.2.1"), 24});
  w.Feed(0, n);
  EXPECT_EQ(w.Logged(0, "Virtual-Template1 stays down"), 1u);
  EXPECT_THAT(Rules(w.node(0)), ElementsAre(Pair("192.0.2.2", 20u)));
  w.Feed(0, n);
  EXPECT_EQ(w.Logged(0, "Virtual-Template1 stays down"), 1u) << "told once";
  w.Feed(0, HubNetwork());
  EXPECT_THAT(Rules(w.node(0)), ElementsAre(Pair("192.0.2.1", 10u), Pair("192.0.2.2", 20u)));
}

// Who had the address first keeps it as long as its session lives; then the other one gets it, without another event.
TEST(FrontDoor, AnAddressThatChangedItsVrfIsFreeWhenItsSessionHasEnded) {
  World w;
  w.Add(HubConfig());
  w.Add(SpokeConfig("192.0.2.1"), "red");
  w.Add(SpokeConfig("192.0.2.1"), "blue");
  w.Feed(0, HubNetwork());
  w.Feed(1, SpokeNetwork());
  w.Run(seconds(10));
  ASSERT_EQ(w.Up(0), 1u);
  LocalNetwork moved = HubNetwork();
  moved.addresses = {{"eth1", Ip("192.0.2.1"), 24, false, "blue"}};
  w.Feed(0, moved);
  EXPECT_EQ(w.Logged(0, "Virtual-Template2 stays down"), 1u);
  EXPECT_THAT(Rules(w.node(0)), ElementsAre(Pair("192.0.2.1", 10u)));
  w.Feed(0, Command{1, "clear crypto ikev2 sa", true});
  EXPECT_THAT(Rules(w.node(0)), ElementsAre(Pair("192.0.2.1", 20u)));
  w.Feed(2, SpokeNetwork());
  w.Run(seconds(10));
  EXPECT_EQ(w.Up(2), 1u) << testing::PrintToString(w.log(0));
}

TEST(FrontDoor, AProfileWithoutMatchFvrfIsForTheGlobalVrf) {
  std::string text = HubConfig();
  text.erase(text.find(" match fvrf red\n"), strlen(" match fvrf red\n"));
  World w;
  w.Add(text);
  w.Add(SpokeConfig("192.0.2.1"), "red");
  w.Feed(0, HubNetwork());
  w.Feed(1, SpokeNetwork());
  w.Run(seconds(10));
  EXPECT_EQ(w.Up(0), 0u);
  EXPECT_THAT(w.log(0), Contains(HasSubstr("no IKEv2 profile in VRF red matches identity spoke.example.net")));
}

TEST(FrontDoor, ATunnelWaitsForTheDeviceOfItsVrfAndCallsWhenItAppears) {
  World w;
  w.Add("hostname hub\n" + Profile("P", "", "hub") +
        "interface Tunnel0\n ip address 10.9.0.2 255.255.255.252\n tunnel source eth0\n tunnel destination 198.51.100.7\n"
        " tunnel protection ipsec profile P\n shutdown\n");
  w.Add(SpokeConfig("192.0.2.1", "inet"));
  w.Feed(1, SpokeNetwork());  // eth0 is in the global VRF, and there is no other
  w.Run(seconds(100));
  EXPECT_EQ(w.sent(1), 0u);
  EXPECT_EQ(w.Logged(1, "VRF inet: there is no such VRF device"), 1u);
  EXPECT_EQ(w.Logged(1, "Tunnel0: waiting for VRF inet"), 1u);
  EXPECT_THAT(w.listened(1), ElementsAre(ElementsAre(Pair("inet", net::VrfId(1)))));
  EXPECT_THAT(Rules(w.node(1)), IsEmpty());
  LocalNetwork device_only = SpokeNetwork();
  device_only.vrfs = {{"inet", 10}};
  w.Feed(1, device_only);
  EXPECT_EQ(w.Logged(1, "Tunnel0: waiting for an address on eth0 in VRF inet"), 1u);
  EXPECT_EQ(w.sent(1), 0u);
  w.Feed(1, SpokeNetwork("inet"));
  w.Run(milliseconds(10));
  EXPECT_GT(w.sent(1), 0u) << "at once, not with the next try";
  EXPECT_THAT(Rules(w.node(1)), ElementsAre(Pair("198.51.100.7", 10u)));
}

TEST(FrontDoor, WithoutTheDeviceOfItsVrfNoSessionGoesOnElsewhere) {
  World w;
  w.Add(HubConfig());
  w.Add(SpokeConfig("192.0.2.1", "inet"), "red");
  w.Feed(0, HubNetwork());
  w.Feed(1, SpokeNetwork("inet"));
  w.Run(seconds(10));
  ASSERT_EQ(w.Up(1), 1u) << testing::PrintToString(w.log(1));
  w.Feed(1, SpokeNetwork());  // `ip link del inet`: eth0 and its address are in the global VRF now
  EXPECT_EQ(w.Up(1), 0u);
  w.Run(milliseconds(10));
  EXPECT_THAT(w.node(1).Peers(), IsEmpty());
  EXPECT_THAT(Rules(w.node(1)), IsEmpty()) << "the address is the global VRF's";
  const size_t sent = w.sent(1);
  w.Run(seconds(100));
  EXPECT_EQ(w.sent(1), sent);
  w.Feed(1, SpokeNetwork("inet"));
  w.Run(seconds(10));
  EXPECT_EQ(w.Up(1), 1u) << testing::PrintToString(w.log(1));
}

// The outer packets take another table than the route, so that a peer may announce what covers its own outer address.
TEST(FrontDoor, RoutesMayCoverThePeersOuterAddress) {
  const std::string aaa = "aaa new-model\naaa authorization network default local\n";
  const std::string group = " aaa authorization group psk list default default\n";
  for (const std::string vrf : {"", "inet"}) {
    World w;
    w.Add(absl::StrCat(aaa, "ip access-list standard L\n permit 192.0.2.0 0.0.0.255\n",
                       "crypto ikev2 authorization policy default\n route set access-list L\n",
                       "interface Loopback0\n ip address 10.0.0.254 255.255.255.255\n",
                       Profile("P", "", "hub", group + " virtual-template 1\n"),
                       "interface Virtual-Template1 type tunnel\n ip unnumbered Loopback0\n tunnel source eth0\n",
                       " tunnel protection ipsec profile P\n"));
    std::string spoke = SpokeConfig("192.0.2.1", vrf);
    const std::string line = "authentication remote pre-share key secret\n";
    spoke.insert(spoke.find(line) + line.size(), group);
    w.Add(aaa + spoke);
    w.Feed(0, LocalNetwork{{{"eth0", Ip("192.0.2.1"), 24}}, {}});
    w.Feed(1, SpokeNetwork(vrf));
    w.Run(seconds(10));
    ASSERT_EQ(w.Up(1), 1u) << testing::PrintToString(w.log(1));
    EXPECT_EQ(w.node(1).want().Find("route 192.0.2.0/24 metric 200 dev flex-gre0") != nullptr, !vrf.empty());
    EXPECT_EQ(w.Logged(1, "route 192.0.2.0/24 from hub.example.net refused"), vrf.empty() ? 1u : 0u);
  }
}

TEST(FrontDoor, AVrfIsListenedInUntilItsPeersAreTold) {
  World w;
  ASSERT_NO_FATAL_FAILURE(ConnectBy(w, "red"));
  config::Model model = w.node(0).model();
  model.interfaces.erase("Virtual-Template1");
  model.profiles.erase("red");
  config::Derive(model);
  w.Feed(0, NewConfig{model, {}});
  EXPECT_THAT(w.listened(0), ElementsAre(testing::SizeIs(2), ElementsAre(Pair("blue", testing::_))));
  w.Run(seconds(1));
  EXPECT_EQ(w.Up(0), 0u);
}

}  // namespace
}  // namespace flexvpn::node
