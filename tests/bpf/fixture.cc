// SPDX-License-Identifier: Apache-2.0
#include "bpf/fixture.h"

namespace flexvpn::bpf_test {
namespace {

constexpr char kTopology[] = R"(link set lo up
link add gre0 type veth peer name far0
link add gre1 type veth peer name far1
link add lan0 type veth peer name far2
link set gre0 up arp off
link set gre1 up arp off
link set lan0 up arp off
link set far0 up
link set far1 up
link set far2 up
addr add 10.0.0.1/24 dev gre0
addr add fd00::1/64 dev gre0 nodad
addr add 10.1.0.1/24 dev gre1
addr add 192.168.1.1/24 dev lan0
addr add fd00:99::1/64 dev lan0 nodad
route add 10.11.0.0/16 via 10.0.0.11 dev gre0
route add 10.12.0.0/16 via 10.0.0.12 dev gre0
route add 10.13.0.0/16 via 10.0.0.13 dev gre0
route add 10.14.0.0/16 via inet6 fd00::14 dev gre0
route add 10.15.0.0/16 via 10.1.0.15 dev gre1
route add fd00:11::/32 via fd00::11 dev gre0
route add fd00:12::/32 via fd00::12 dev gre0
)";

}  // namespace

void BpfTest::SetUp() {
  absl::Status entered = EnterPrivateNamespaces();
  if (absl::IsPermissionDenied(entered)) GTEST_SKIP() << entered.message();
  ASSERT_TRUE(entered.ok()) << entered;
  ASSERT_TRUE(IpBatch(kTopology));
  options_.redirect_interval = std::chrono::hours(1);
  options_.unknown_interval = std::chrono::hours(1);
  options_.max_peers = 256;  // quick to make
  ASSERT_NO_FATAL_FAILURE(Load(options_));
  if (IsSkipped()) return;
  ASSERT_NO_FATAL_FAILURE(PutPeers());
}

void BpfTest::Load(const os::BpfOptions& options) {
  probe_.reset();
  datapath_.reset();
  auto loaded = os::BpfDatapath::Load(options);
  if (absl::IsPermissionDenied(loaded.status())) GTEST_SKIP() << loaded.status().message();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  datapath_ = *std::move(loaded);
  for (const char* device : {"gre0", "gre1"}) {
    absl::Status forwarding = os::EnableForwarding(IfIndex(device));
    ASSERT_TRUE(forwarding.ok()) << forwarding;
    if (learn_devices_) datapath_->LearnDevice(IfIndex(device));
  }
  probe_ = Probe::Load(*datapath_);
  ASSERT_NE(probe_, nullptr);
}

dataplane::Peer BpfTest::PeerNumber(uint32_t id) {
  dataplane::Peer p;
  p.id = net::PeerId(id);
  p.device = id == 5 ? "gre1" : "gre0";
  p.local = Addr(id == 4 ? "2001:db8::1" : "198.51.100.1");
  p.remote = Addr(id == 4 ? "2001:db8::14" : "198.51.100." + std::to_string(10 + id));
  if (id != 4) p.gre_key = 100 + id;
  p.network_id = id == 3 ? 8 : 7;
  p.redirect = true;
  return p;
}

void BpfTest::PutPeers() {
  for (uint32_t id = 1; id <= 5; ++id) {
    const dataplane::Peer peer = PeerNumber(id);
    absl::Status put = datapath_->PutPeer(peer, IfIndex(peer.device.c_str()));
    ASSERT_TRUE(put.ok()) << put;
  }
  struct {
    const char *device, *address;
    uint32_t peer;
  } hops[] = {{"gre0", "10.0.0.11", 1}, {"gre0", "10.0.0.12", 2}, {"gre0", "10.0.0.13", 3}, {"gre0", "fd00::11", 1},
              {"gre0", "fd00::12", 2},  {"gre0", "fd00::14", 4},  {"gre1", "10.1.0.15", 5}};
  for (const auto& h : hops) {
    ASSERT_TRUE(datapath_->PutNextHop(IfIndex(h.device), Addr(h.address), net::PeerId(h.peer)).ok()) << h.address;
  }
}

std::vector<BpfTest::Event> BpfTest::Events() {
  std::vector<Event> events;
  auto n = datapath_->PollEvents([&](const os::BpfEvent& e) {
    Event event;
    static_cast<os::BpfEvent&>(event) = e;
    event.data.assign(e.packet.begin(), e.packet.end());
    event.packet = {};
    events.push_back(event);
  });
  EXPECT_TRUE(n.ok()) << n.status();
  return events;
}

std::map<std::string, uint64_t> BpfTest::Drops() {
  auto all = datapath_->Drops();
  EXPECT_TRUE(all.ok()) << all.status();
  std::erase_if(*all, [](const auto& entry) { return entry.second == 0; });
  return *all;
}

}  // namespace flexvpn::bpf_test
