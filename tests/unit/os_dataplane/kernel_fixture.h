// SPDX-License-Identifier: Apache-2.0
// A fresh network namespace a test, a pair of veth devices, and maps that live in memory.
#ifndef FLEXVPN_TESTS_UNIT_OS_DATAPLANE_KERNEL_FIXTURE_H_
#define FLEXVPN_TESTS_UNIT_OS_DATAPLANE_KERNEL_FIXTURE_H_

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "os/dataplane/dataplane.h"
#include "os/dataplane/kernel_watch.h"
#include "os/netlink/rtnl.h"
#include "os/netlink/socket.h"
#include "os/netlink/xfrm.h"
#include "support/values.h"

namespace flexvpn::os {

inline net::Prefix Net(const char* text) { return *net::Prefix::Parse(text); }

class MemoryMaps : public MapWriter {
 public:
  absl::Status Attach(uint32_t ifindex) override {
    attached.insert(ifindex);
    return absl::OkStatus();
  }
  absl::Status Detach(uint32_t ifindex) override {
    attached.erase(ifindex);
    return absl::OkStatus();
  }
  absl::Status PutPeer(const dataplane::Peer& peer, uint32_t) override {
    if (refuse_peers) return absl::ResourceExhaustedError("map is full");
    peers[peer.id] = peer;
    return absl::OkStatus();
  }
  absl::Status RemovePeer(net::PeerId id) override {
    peers.erase(id);
    return absl::OkStatus();
  }
  absl::Status PutNextHop(uint32_t ifindex, const net::IpAddress& address, net::PeerId peer) override {
    next_hops[{ifindex, address}] = peer;
    return absl::OkStatus();
  }
  absl::Status RemoveNextHop(uint32_t ifindex, const net::IpAddress& address) override {
    next_hops.erase({ifindex, address});
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<dataplane::Peer>> ListPeers() override {
    std::vector<dataplane::Peer> out;
    for (const auto& [id, p] : peers) out.push_back(p);
    return out;
  }
  absl::StatusOr<std::vector<dataplane::NextHop>> ListNextHops() override {
    std::vector<dataplane::NextHop> out;
    for (const auto& [key, peer] : next_hops) out.push_back({device, key.second, peer});
    return out;
  }
  absl::Status RemoveAll(const std::vector<uint32_t>& ifindexes) override {
    for (uint32_t i : ifindexes) attached.erase(i);
    peers.clear();
    next_hops.clear();
    return absl::OkStatus();
  }

  std::string device = "flex-gre0";  // of every next hop
  bool refuse_peers = false;
  std::set<uint32_t> attached;
  std::map<net::PeerId, dataplane::Peer> peers;
  std::map<std::pair<uint32_t, net::IpAddress>, net::PeerId> next_hops;
};

class KernelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
      GTEST_SKIP() << "needs root or unprivileged user namespaces to make a network namespace";
    }
    auto route = netlink::Socket::Open(NETLINK_ROUTE);
    auto xfrm = netlink::Socket::Open(NETLINK_XFRM);
    ASSERT_TRUE(route.ok()) << route.status();
    ASSERT_TRUE(xfrm.ok()) << xfrm.status();
    route_ = *std::move(route);
    xfrm_ = *std::move(xfrm);
    ASSERT_TRUE(route_->Talk(netlink::SetLinkUp(1), "lo up").ok());
    auto made = Dataplane::Create("test", &maps_);
    ASSERT_TRUE(made.ok()) << made.status();
    dataplane_ = *std::move(made);
  }

  // veth pair `name` and `name`-p, up; returns the index of the first.
  int MakeVeth(const std::string& name, const std::string& alias = "") {
    netlink::Message m(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    m.Body(ifinfomsg{});
    m.AttrText(IFLA_IFNAME, name);
    size_t info = m.Begin(IFLA_LINKINFO);
    m.AttrText(IFLA_INFO_KIND, "veth");
    size_t data = m.Begin(IFLA_INFO_DATA);
    size_t peer = m.Begin(VETH_INFO_PEER);
    // The nested peer begins with a fixed part of its own, which Body appends as it would anywhere.
    m.Body(ifinfomsg{});
    m.AttrText(IFLA_IFNAME, name + "-p");
    m.End(peer);
    m.End(data);
    m.End(info);
    EXPECT_TRUE(route_->Talk(std::move(m), "veth").ok());
    int first = Index(name);
    if (!alias.empty()) {
      EXPECT_TRUE(route_->Talk(netlink::ConfigureLink(first, alias, 0), "alias").ok());
    }
    EXPECT_TRUE(route_->Talk(netlink::SetLinkUp(first), "up").ok());
    EXPECT_TRUE(route_->Talk(netlink::SetLinkUp(Index(name + "-p")), "up").ok());
    return first;
  }

  int Index(const std::string& name) {
    int index = 0;
    route_->Query(netlink::GetLink(name), [&](const netlink::Received& m) { index = netlink::ParseLink(m)->index; })
        .IgnoreError();
    return index;
  }

  int Count(netlink::Socket& socket, netlink::Message dump) {
    int n = 0;
    EXPECT_TRUE(socket.Query(std::move(dump), [&n](const netlink::Received&) { ++n; }).ok());
    return n;
  }
  int Policies() { return Count(*xfrm_, netlink::DumpPolicies()); }
  int Sas() { return Count(*xfrm_, netlink::DumpSas()); }

  dataplane::State ReadBack() {
    auto state = dataplane_->Read();
    EXPECT_TRUE(state.ok()) << state.status();
    return state.ok() ? *std::move(state) : dataplane::State();
  }

  // The plan that is left between the kernel and `want`, in words; empty when they agree.
  std::string Missing(const dataplane::State& want) {
    std::string out;
    for (const dataplane::Step& s : dataplane::Diff(ReadBack(), want)) {
      out += (s.kind == dataplane::Step::Kind::kPut ? "put " : "remove ") + dataplane::Key(s.object) + "; ";
    }
    return out;
  }

  MemoryMaps maps_;
  std::unique_ptr<netlink::Socket> route_, xfrm_;
  std::unique_ptr<Dataplane> dataplane_;
};

inline dataplane::Policy GrePolicy(dataplane::Direction d, uint32_t peer, const char* remote = "203.0.113.9") {
  dataplane::Policy p;
  p.direction = d;
  p.peer = net::PeerId(peer);
  p.local = Ip("198.51.100.1");
  p.remote = Ip(remote);
  return p;
}

inline dataplane::Plan Puts(const dataplane::State& state) { return dataplane::Diff(dataplane::State(), state); }
inline dataplane::Plan Removes(const dataplane::State& state) { return dataplane::Diff(state, dataplane::State()); }

}  // namespace flexvpn::os

#endif  // FLEXVPN_TESTS_UNIT_OS_DATAPLANE_KERNEL_FIXTURE_H_
