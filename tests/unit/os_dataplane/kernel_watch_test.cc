// SPDX-License-Identifier: Apache-2.0
#include "os/dataplane/kernel_watch.h"

#include <gtest/gtest.h>
#include <poll.h>

#include "unit/os_dataplane/kernel_fixture.h"

namespace flexvpn::os {
namespace {

class KernelWatchTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    wan_ = MakeVeth("wan0");
    auto watch = KernelWatch::Create();
    ASSERT_TRUE(watch.ok()) << watch.status();
    watch_ = *std::move(watch);
  }

  // An address as an administrator sets it: with its connected route.
  void AddAddress(const char* ip, int length) {
    netlink::Message m(RTM_NEWADDR, NLM_F_CREATE);
    ifaddrmsg body{};
    body.ifa_family = netlink::AddressFamily(Ip(ip).family());
    body.ifa_prefixlen = static_cast<uint8_t>(length);
    body.ifa_index = static_cast<uint32_t>(wan_);
    m.Body(body);
    m.AttrIp(IFA_LOCAL, Ip(ip));
    m.AttrIp(IFA_ADDRESS, Ip(ip));
    m.AttrU32(IFA_FLAGS, IFA_F_NODAD);
    ASSERT_TRUE(route_->Talk(std::move(m), "address").ok());
  }

  void SetDown(int index) {
    netlink::Message m(RTM_NEWLINK, 0);
    ifinfomsg body{};
    body.ifi_index = index;
    body.ifi_change = 1;  // IFF_UP
    m.Body(body);
    ASSERT_TRUE(route_->Talk(std::move(m), "down").ok());
  }

  KernelChange Process() {
    auto change = watch_->Process();
    EXPECT_TRUE(change.ok()) << change.status();
    return change.ok() ? *change : KernelChange();
  }

  // Takes in events until `done` or for five seconds: the kernel announces IPv6 addresses from a work queue.
  KernelChange WaitUntil(const std::function<bool()>& done) {
    KernelChange all;
    for (int i = 0; i < 50; ++i) {
      KernelChange c = Process();
      all = {all.links || c.links, all.addresses || c.addresses, all.routes || c.routes};
      if (done()) return all;
      pollfd p{watch_->event_fd(), POLLIN, 0};
      poll(&p, 1, 100);
    }
    ADD_FAILURE() << "the kernel never said so";
    return all;
  }

  dataplane::Route OurRoute(const char* prefix, const char* next_hop) {
    dataplane::Route r;
    r.prefix = Net(prefix);
    r.device = "wan0";
    r.next_hop = Ip(next_hop);
    return r;
  }

  int wan_ = 0;
  std::unique_ptr<KernelWatch> watch_;
};

TEST_F(KernelWatchTest, SeesAddressesAndConnectedRoutesComeAndGo) {
  Process();
  AddAddress("192.0.2.1", 24);
  AddAddress("2001:db8::1", 64);
  KernelChange change = WaitUntil([&] {
    return watch_->SnapshotAddresses().size() == 2 && watch_->SnapshotRoutes().size() == 2;
  });
  EXPECT_TRUE(change.addresses && change.routes);
  EXPECT_EQ(watch_->SnapshotAddresses(),
            (std::vector<LocalAddress>{{"wan0", Ip("192.0.2.1"), 24}, {"wan0", Ip("2001:db8::1"), 64}}));
  std::vector<KernelRoute> routes = watch_->SnapshotRoutes();
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_EQ(routes[0].prefix, Net("192.0.2.0/24"));
  EXPECT_EQ(routes[0].device, "wan0");
  EXPECT_TRUE(routes[0].gateway.empty());
  EXPECT_EQ(routes[0].protocol, 2);  // kernel
  EXPECT_EQ(routes[1].prefix, Net("2001:db8::/64"));

  ASSERT_TRUE(route_->Talk(netlink::DeleteAddress(wan_, {"wan0", Ip("192.0.2.1"), 24}), "delete").ok());
  change = Process();
  EXPECT_TRUE(change.addresses && change.routes);
  EXPECT_EQ(watch_->SnapshotRoutes().size(), 1u);
}

TEST_F(KernelWatchTest, KnowsItsOwnRoutesAndDoesNotReportThem) {
  AddAddress("192.0.2.1", 24);
  Process();
  dataplane::Route r = OurRoute("10.0.0.0/8", "192.0.2.9");
  ASSERT_TRUE(route_->Talk(netlink::PutRoute(wan_, r), "route").ok());
  EXPECT_FALSE(Process().routes);
  std::vector<KernelRoute> routes = watch_->SnapshotRoutes();
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_EQ(routes[0].prefix, Net("10.0.0.0/8"));
  EXPECT_TRUE(routes[0].ours);
  EXPECT_EQ(routes[0].gateway, Ip("192.0.2.9"));
  EXPECT_EQ(routes[0].metric, dataplane::kIkeRouteMetric);

  r.next_hop = Ip("192.0.2.10");  // replaced in place
  ASSERT_TRUE(route_->Talk(netlink::PutRoute(wan_, r), "route").ok());
  Process();
  routes = watch_->SnapshotRoutes();
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_EQ(routes[0].gateway, Ip("192.0.2.10"));
  ASSERT_TRUE(route_->Talk(netlink::DeleteRoute(wan_, r), "route").ok());
  Process();
  EXPECT_EQ(watch_->SnapshotRoutes().size(), 1u);
}

TEST_F(KernelWatchTest, ALinkGoingDownTakesItsRoutesAlong) {
  AddAddress("192.0.2.1", 24);
  Process();
  ASSERT_EQ(watch_->SnapshotRoutes().size(), 1u);
  SetDown(wan_);
  KernelChange change = Process();
  EXPECT_TRUE(change.links && change.routes);
  EXPECT_TRUE(watch_->SnapshotRoutes().empty());
  for (const KernelLink& l : watch_->SnapshotLinks()) {
    if (l.name == "wan0") {
      EXPECT_FALSE(l.up);
    }
  }
}

TEST_F(KernelWatchTest, StaysEqualToAFreshReading) {
  AddAddress("192.0.2.1", 24);
  std::vector<netlink::Message> batch;
  for (uint32_t i = 0; i < 300; ++i) {
    dataplane::Route r = OurRoute("10.0.0.0/8", "192.0.2.9");
    r.prefix = net::Prefix::Host(Ip("10.0.0.0").Plus(i % 100));
    if (i % 3 == 0) r.next_hop = Ip("192.0.2.10");
    batch.push_back(i % 7 == 6 ? netlink::DeleteRoute(wan_, r) : netlink::PutRoute(wan_, r));
  }
  ASSERT_TRUE(route_->Talk(batch).ok());
  Process();
  auto fresh = KernelWatch::Create();
  ASSERT_TRUE(fresh.ok());
  EXPECT_GT((*fresh)->SnapshotRoutes().size(), 50u);
  EXPECT_EQ(watch_->SnapshotRoutes(), (*fresh)->SnapshotRoutes());
}

TEST_F(KernelWatchTest, FindsInterfaceAndSourceAddresses) {
  AddAddress("192.0.2.1", 24);
  AddAddress("2001:db8::1", 64);
  WaitUntil([&] { return watch_->SnapshotAddresses().size() == 2; });
  EXPECT_EQ(watch_->AddressOf("wan0", net::Family::kIpv4), Ip("192.0.2.1"));
  EXPECT_EQ(watch_->AddressOf("wan0", net::Family::kIpv6), Ip("2001:db8::1"));
  EXPECT_TRUE(watch_->AddressOf("nothing", net::Family::kIpv4).empty());
  EXPECT_EQ(*watch_->SourceFor(Ip("192.0.2.77")), Ip("192.0.2.1"));
  EXPECT_EQ(*watch_->SourceFor(Ip("2001:db8::77")), Ip("2001:db8::1"));
  EXPECT_EQ(watch_->SourceFor(Ip("198.51.100.1")).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace flexvpn::os
