// SPDX-License-Identifier: Apache-2.0
// VRF devices as the kernel shows them; needs its module vrf.
#include <poll.h>

#include <algorithm>

#include "unit/os_dataplane/kernel_fixture.h"

namespace flexvpn::os {
namespace {

class VrfTest : public KernelTest {
 protected:
  void MakeVrf(const char* name, uint32_t table) {
    netlink::Message m(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    m.Body(ifinfomsg{});
    m.AttrText(IFLA_IFNAME, name);
    const size_t info = m.Begin(IFLA_LINKINFO);
    m.AttrText(IFLA_INFO_KIND, "vrf");
    const size_t data = m.Begin(IFLA_INFO_DATA);
    m.AttrU32(IFLA_VRF_TABLE, table);
    m.End(data);
    m.End(info);
    const absl::Status made = route_->Talk(std::move(m), "vrf");
    if (absl::IsUnimplemented(made)) GTEST_SKIP() << "this kernel has no VRFs (CONFIG_NET_VRF)";
    ASSERT_TRUE(made.ok()) << made;
    ASSERT_TRUE(route_->Talk(netlink::SetLinkUp(Index(name)), "up").ok());
  }
  void Enslave(int index, int master) {
    netlink::Message m(RTM_NEWLINK, 0);
    ifinfomsg body{};
    body.ifi_index = index;
    m.Body(body);
    m.AttrU32(IFLA_MASTER, static_cast<uint32_t>(master));
    ASSERT_TRUE(route_->Talk(std::move(m), "enslave").ok());
  }
  // What changed until `address` is in `vrf`.
  static KernelChange WaitFor(KernelWatch& watch, const char* address, const std::string& vrf) {
    KernelChange all;
    for (int i = 0; i < 50; ++i) {
      const auto c = watch.Process();
      EXPECT_TRUE(c.ok()) << c.status();
      if (c.ok()) all.vrfs |= c->vrfs;
      const std::vector<LocalAddress> now = watch.SnapshotAddresses();
      if (std::any_of(now.begin(), now.end(), [&](const auto& a) { return a.address == Ip(address) && a.vrf == vrf; }))
        return all;
      pollfd p{watch.event_fd(), POLLIN, 0};
      poll(&p, 1, 100);
    }
    ADD_FAILURE() << address << " never was in VRF '" << vrf << "'";
    return all;
  }
};

TEST_F(VrfTest, AddressesKnowTheVrfTheirDeviceIsIn) {
  const int wan = MakeVeth("wan0");
  ASSERT_TRUE(route_->Talk(netlink::PutAddress(wan, {"wan0", Ip("192.0.2.1"), 24}), "address").ok());
  auto made = KernelWatch::Create();
  ASSERT_TRUE(made.ok()) << made.status();
  KernelWatch& watch = **made;
  WaitFor(watch, "192.0.2.1", "");
  MakeVrf("red", 1234);
  if (IsSkipped() || HasFatalFailure()) return;
  Enslave(wan, Index("red"));
  EXPECT_TRUE(WaitFor(watch, "192.0.2.1", "red").vrfs);
  const std::vector<KernelLink> links = watch.SnapshotLinks();
  const auto red = std::find_if(links.begin(), links.end(), [](const KernelLink& l) { return l.name == "red"; });
  ASSERT_NE(red, links.end());
  EXPECT_EQ(red->vrf_table, 1234u);
  EXPECT_EQ(red->index, Index("red"));
  auto fresh = KernelWatch::Create();
  ASSERT_TRUE(fresh.ok());
  WaitFor(**fresh, "192.0.2.1", "red");
  ASSERT_TRUE(route_->Talk(netlink::DeleteLink(Index("red")), "delete").ok());
  EXPECT_TRUE(WaitFor(watch, "192.0.2.1", "").vrfs);
}

}  // namespace
}  // namespace flexvpn::os
