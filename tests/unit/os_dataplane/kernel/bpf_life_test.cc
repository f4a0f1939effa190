// SPDX-License-Identifier: Apache-2.0
// The whole datapath: netlink and the real BPF programs and maps together.
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "os/bpf/bpf_datapath.h"
#include "os/dataplane/bpf_map_writer.h"
#include "unit/os_dataplane/kernel_fixture.h"

namespace flexvpn::os {
namespace {

using dataplane::State;

class BpfLifeTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    dataplane::Device probe{"probe0", dataplane::DeviceKind::kGreExternal, net::Family::kIpv4, 0};
    absl::Status s = route_->Talk(netlink::CreateLink(probe), "probe");
    if (absl::IsUnimplemented(s)) GTEST_SKIP() << "this kernel has no GRE: " << s;
    ASSERT_TRUE(s.ok()) << s;
    ASSERT_TRUE(route_->Talk(netlink::DeleteLink(Index("probe0")), "probe").ok());
    pins_ = absl::StrCat("/sys/fs/bpf/flexvpn-test-", getpid());
    BpfOptions options;
    options.pin_dir = pins_;
    auto bpf = BpfDatapath::Load(options);
    ASSERT_TRUE(bpf.ok()) << bpf.status();
    bpf_ = *std::move(bpf);
    writer_ = std::make_unique<BpfMapWriter>(*bpf_);
    auto made = Dataplane::Create("test", writer_.get());
    ASSERT_TRUE(made.ok()) << made.status();
    dataplane_ = *std::move(made);
  }

  static State Cloud() {
    State s;
    s.Put(dataplane::Device{"flex-gre0", dataplane::DeviceKind::kGreExternal, net::Family::kIpv4, 1400});
    s.Put(dataplane::Block{Ip("198.51.100.1")});
    for (uint32_t i = 1; i <= 2; ++i) {
      dataplane::Peer p;
      p.id = net::PeerId(i);
      p.device = "flex-gre0";
      p.local = Ip("198.51.100.1");
      p.remote = Ip("203.0.113.0").Plus(i);
      p.gre_key = 5;
      p.network_id = 1;
      p.redirect = true;
      p.adjust_mss = 1360;
      s.Put(p);
      s.Put(dataplane::NextHop{"flex-gre0", Ip("10.0.0.10").Plus(i), p.id});
    }
    return s;
  }

  std::string pins_;
  std::unique_ptr<BpfDatapath> bpf_;
  std::unique_ptr<BpfMapWriter> writer_;
};

TEST_F(BpfLifeTest, PeersAndNextHopsAreReadBackFromTheMaps) {
  absl::Status s = dataplane_->Apply(Puts(Cloud()), nullptr);
  ASSERT_TRUE(s.ok()) << s;
  EXPECT_EQ(Missing(Cloud()), "");
  s = dataplane_->Apply(Removes(Cloud()), nullptr);
  ASSERT_TRUE(s.ok()) << s;
  EXPECT_EQ(Missing(State()), "");
  ASSERT_TRUE(dataplane_->RemoveAll().ok());
}

TEST_F(BpfLifeTest, RemoveAllLeavesNoDeviceAndNoPin) {
  ASSERT_TRUE(dataplane_->Apply(Puts(Cloud()), nullptr).ok());
  EXPECT_EQ(access(pins_.c_str(), F_OK), 0);
  absl::Status s = dataplane_->RemoveAll();
  ASSERT_TRUE(s.ok()) << s;
  EXPECT_EQ(Index("flex-gre0"), 0);
  EXPECT_EQ(Policies(), 0);
  EXPECT_NE(access(pins_.c_str(), F_OK), 0) << "pins are left";
}

TEST_F(BpfLifeTest, ADeviceMadeAnewGetsItsEntriesAnew) {
  ASSERT_TRUE(dataplane_->Apply(Puts(Cloud()), nullptr).ok());
  ASSERT_TRUE(route_->Talk(netlink::DeleteLink(Index("flex-gre0")), "behind our back").ok());
  absl::Status s = dataplane_->Apply(dataplane::Diff(ReadBack(), Cloud()), nullptr);
  ASSERT_TRUE(s.ok()) << s;
  EXPECT_EQ(Missing(Cloud()), "");
  ASSERT_TRUE(dataplane_->RemoveAll().ok());
}

}  // namespace
}  // namespace flexvpn::os
