// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/fixture.h"
#include "os/bpf/tc_attach.h"

namespace flexvpn::bpf_test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Load : public BpfTest {
 protected:
  std::vector<std::string> Pins() {
    std::vector<std::string> names;
    DIR* d = opendir(options_.pin_dir.c_str());
    if (d == nullptr) return names;
    while (const dirent* e = readdir(d)) {
      if (e->d_name[0] != '.') names.emplace_back(e->d_name);
    }
    closedir(d);
    return names;
  }
  void Attach() {
    for (const char* device : {"gre0", "gre1"}) {
      absl::Status attached = datapath_->Attach(IfIndex(device));
      ASSERT_TRUE(attached.ok()) << attached;
    }
  }
  // Id of the program at a hook of gre0; 0 if there is none.
  uint32_t Attached(bpf_tc_attach_point point) {
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(IfIndex("gre0")), .attach_point = point);
    LIBBPF_OPTS(bpf_tc_opts, opts, .handle = os::kTcHandle, .priority = os::kTcPriority);
    return bpf_tc_query(&hook, &opts) == 0 ? opts.prog_id : 0;
  }
  // A UDP datagram into the network, so through the attached programs.
  void Send(const char* destination) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    inet_pton(AF_INET, destination, &to.sin_addr);
    sendto(fd, "x", 1, 0, reinterpret_cast<sockaddr*>(&to), sizeof to);  // the verdict is counted, not returned
    close(fd);
  }
  // A raw frame out of `device` with this mark; far0 is the other end of gre0, so what leaves there arrives here.
  void SendFrame(const char* device, const Bytes& frame, uint32_t mark) {
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark), 0);
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(IfIndex(device));
    to.sll_protocol = static_cast<uint16_t>(frame[12] | frame[13] << 8);
    sendto(fd, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
    close(fd);
  }
};

TEST_F(Load, VerifierAcceptsEveryProgram) {
  for (const char* name : {"peer_select", "spoke_classify"}) {
    bpf_prog_info info{};
    __u32 size = sizeof info;
    ASSERT_EQ(bpf_obj_get_info_by_fd(datapath_->ProgramFd(name), &info, &size), 0) << name;
    EXPECT_GT(info.jited_prog_len, 0U) << name << " is not compiled: net.core.bpf_jit_enable=1 is needed";
    EXPECT_LT(info.verified_insns, 200'000U) << name << " comes near the verifier's limit of a million";
    RecordProperty(std::string(name) + "_verified_instructions", static_cast<int>(info.verified_insns));
    RecordProperty(std::string(name) + "_jited_octets", static_cast<int>(info.jited_prog_len));
  }
}

TEST_F(Load, ReadsBackWhatWasPut) {
  auto peers = datapath_->ListPeers();
  ASSERT_TRUE(peers.ok()) << peers.status();
  EXPECT_THAT(*peers, UnorderedElementsAre(PeerNumber(1), PeerNumber(2), PeerNumber(3), PeerNumber(4), PeerNumber(5)));
  auto hops = datapath_->ListNextHops();
  ASSERT_TRUE(hops.ok()) << hops.status();
  EXPECT_EQ(hops->size(), 7U);
  EXPECT_THAT(*hops, Contains(dataplane::NextHop{"gre1", Addr("10.1.0.15"), net::PeerId(5)}));
  EXPECT_THAT(*hops, Contains(dataplane::NextHop{"gre0", Addr("fd00::14"), net::PeerId(4)}));
}

TEST_F(Load, MapsAndProgramsOutliveTheDaemon) {
  ASSERT_NO_FATAL_FAILURE(Attach());
  const uint32_t old_ingress = Attached(BPF_TC_INGRESS), old_egress = Attached(BPF_TC_EGRESS);
  ASSERT_NE(old_ingress, 0U);
  ASSERT_NE(old_egress, 0U);
  probe_.reset();
  datapath_.reset();  // the daemon dies
  Send("10.11.0.5");
  EXPECT_EQ(Attached(BPF_TC_EGRESS), old_egress);
  ASSERT_NO_FATAL_FAILURE(BpfTest::Load(options_));  // and is back
  ASSERT_NO_FATAL_FAILURE(Attach());
  EXPECT_EQ(datapath_->ListPeers()->size(), 5U);
  EXPECT_EQ(datapath_->PeerStats(net::PeerId(1))->tx_packets, 1U) << "sent while no daemon ran";
  EXPECT_NE(Attached(BPF_TC_EGRESS), old_egress) << "replaced, not added";
  EXPECT_NE(Attached(BPF_TC_INGRESS), old_ingress);
  Send("10.11.0.5");
  EXPECT_EQ(datapath_->PeerStats(net::PeerId(1))->tx_packets, 2U) << "counted once";
}

TEST_F(Load, PlacesAreReusedAndLimited) {
  ASSERT_TRUE(datapath_->Unload().ok());
  options_.max_peers = 2;
  ASSERT_NO_FATAL_FAILURE(BpfTest::Load(options_));
  ASSERT_TRUE(datapath_->PutPeer(PeerNumber(1), IfIndex("gre0")).ok());
  ASSERT_TRUE(datapath_->PutPeer(PeerNumber(2), IfIndex("gre0")).ok());
  Classify(Ip({.source = "10.11.0.5", .destination = "192.168.1.5"}), 1);
  EXPECT_TRUE(absl::IsResourceExhausted(datapath_->PutPeer(PeerNumber(3), IfIndex("gre0"))));
  ASSERT_TRUE(datapath_->PutPeer(PeerNumber(1), IfIndex("gre0")).ok()) << "a change needs no place";
  EXPECT_EQ(datapath_->PeerStats(net::PeerId(1))->rx_packets, 1U) << "and keeps the counters";
  ASSERT_TRUE(datapath_->RemovePeer(net::PeerId(1)).ok());
  ASSERT_NO_FATAL_FAILURE(BpfTest::Load(options_));  // the places are found again
  ASSERT_TRUE(datapath_->PutPeer(PeerNumber(3), IfIndex("gre0")).ok());
  EXPECT_EQ(datapath_->PeerStats(net::PeerId(3))->rx_packets, 0U);
  EXPECT_TRUE(absl::IsResourceExhausted(datapath_->PutPeer(PeerNumber(1), IfIndex("gre0"))));
}

TEST_F(Load, OnlyIncompatibleMapsAreReplaced) {
  options_.ring_bytes = 8192;
  ASSERT_NO_FATAL_FAILURE(BpfTest::Load(options_));
  EXPECT_EQ(datapath_->ListPeers()->size(), 5U);
  EXPECT_EQ(Classify(Ip({.source = "10.11.0.5", .destination = "10.12.0.5"}), 1).verdict, kPass);
  EXPECT_EQ(Events().size(), 1U);
}

TEST_F(Load, AnotherVersionsMapsAreThrownAway) {
  __u32 zero = 0, version = 4711;
  ASSERT_EQ(bpf_map_update_elem(datapath_->MapFd("abi_version"), &zero, &version, BPF_ANY), 0);
  ASSERT_NO_FATAL_FAILURE(BpfTest::Load(options_));
  EXPECT_EQ(datapath_->ListPeers()->size(), 0U);
  ASSERT_NO_FATAL_FAILURE(PutPeers());
}

TEST_F(Load, AttachedProgramsSeeRealPackets) {
  ASSERT_NO_FATAL_FAILURE(Attach());
  Send("10.11.0.5");
  Send("10.0.0.77");
  EXPECT_EQ(datapath_->PeerStats(net::PeerId(1))->tx_packets, 1U);
  EXPECT_EQ(Drops()["tx-unknown-next-hop"], 1U);
}

TEST_F(Load, MarkedFramesEnterAndClearOnesDoNot) {
  ASSERT_NO_FATAL_FAILURE(Attach());
  const Bytes frame = Ip({.source = "10.11.0.5", .destination = "10.12.0.5"});
  const uint64_t before = Drops()["rx-without-ipsec"];
  SendFrame("far0", frame, 0);
  EXPECT_TRUE(Eventually([&] { return Drops()["rx-without-ipsec"] > before; }));
  EXPECT_EQ(datapath_->PeerStats(net::PeerId(1))->rx_packets, 0U);
  SendFrame("far0", frame, 1);
  EXPECT_TRUE(Eventually([&] { return datapath_->PeerStats(net::PeerId(1))->rx_packets == 1; }));
}

// BPF_PROG_TEST_RUN refuses them since Linux 6.18, so they come by the wire.
TEST_F(Load, TruncatedHeadersAreDropped) {
  ASSERT_NO_FATAL_FAILURE(Attach());
  const Bytes v4 = Ip({.source = "10.11.0.5", .destination = "10.12.0.5"});
  const Bytes v6 = Ip({.source = "fd00:11::5", .destination = "fd00:12::5"});
  uint64_t n = 0;
  for (const Bytes& frame : {Bytes(v4.begin(), v4.begin() + kEthernet + 19), Bytes(v6.begin(), v6.begin() + kEthernet + 39)}) {
    ++n;
    SendFrame("gre0", frame, 0);
    EXPECT_EQ(Drops()["tx-truncated"], n);
    SendFrame("far0", frame, 1);
    EXPECT_TRUE(Eventually([&] { return Drops()["rx-truncated"] == n; }));
  }
}

TEST_F(Load, EventDescriptorBecomesReadable) {
  pollfd waiting{datapath_->event_fd(), POLLIN, 0};
  ASSERT_GE(waiting.fd, 0);
  EXPECT_EQ(poll(&waiting, 1, 0), 0);
  Classify(Ip({.source = "10.11.0.5", .destination = "10.12.0.5"}), 1);
  EXPECT_EQ(poll(&waiting, 1, 5000), 1);
  EXPECT_EQ(Events().size(), 1U);
  EXPECT_EQ(Events().size(), 0U);
}

TEST_F(Load, DetachAndUnloadLeaveNothing) {
  ASSERT_NO_FATAL_FAILURE(Attach());
  ASSERT_TRUE(datapath_->Detach(IfIndex("gre0")).ok());
  ASSERT_TRUE(datapath_->Detach(IfIndex("gre0")).ok()) << "twice is no error";
  EXPECT_EQ(Attached(BPF_TC_INGRESS), 0U);
  EXPECT_EQ(Attached(BPF_TC_EGRESS), 0U);
  ASSERT_TRUE(datapath_->Detach(99999).ok()) << "nor is a device that is gone";
  EXPECT_THAT(Pins(), UnorderedElementsAre("abi_version", "counters", "decisions", "drops", "events", "limiter",
                                           "next_hops", "peer_stats", "peers", "selections"));
  ASSERT_TRUE(datapath_->Attach(IfIndex("gre0")).ok());
  absl::Status unloaded = datapath_->Unload();
  EXPECT_TRUE(unloaded.ok()) << unloaded;
  EXPECT_EQ(Attached(BPF_TC_INGRESS), 0U);
  EXPECT_EQ(Attached(BPF_TC_EGRESS), 0U);
  EXPECT_THAT(Pins(), IsEmpty());
  EXPECT_NE(access(options_.pin_dir.c_str(), F_OK), 0);
}

TEST_F(Load, UnloadDetachesWhatAnEarlierDaemonAttached) {
  ASSERT_NO_FATAL_FAILURE(Attach());
  probe_.reset();
  datapath_.reset();
  auto again = os::BpfDatapath::Load(options_);
  ASSERT_TRUE(again.ok()) << again.status();
  ASSERT_TRUE((*again)->Unload().ok());
  EXPECT_EQ(Attached(BPF_TC_INGRESS), 0U);
}

TEST_F(Load, ErrorsNameTheObject) {
  absl::Status gone = datapath_->Attach(99999);
  EXPECT_TRUE(absl::IsNotFound(gone));
  EXPECT_THAT(gone.message(), HasSubstr("99999"));
  options_.pin_dir = "/tmp/flexvpn-no-bpffs";
  absl::Status pins = os::BpfDatapath::Load(options_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(pins)) << pins;
  EXPECT_THAT(pins.message(), AllOf(HasSubstr(options_.pin_dir), HasSubstr("mount -t bpf")));
  EXPECT_NE(access(options_.pin_dir.c_str(), F_OK), 0) << "nothing left behind";
  while (umount("/sys/fs/bpf") == 0) {  // of this test and of those before
  }
  options_.pin_dir = "/sys/fs/bpf/flexvpn";
  pins = os::BpfDatapath::Load(options_).status();
  EXPECT_THAT(pins.message(), HasSubstr("mount -t bpf")) << pins;
}

TEST_F(Load, WithoutCapabilitiesItSaysWhichAreMissing) {
  ASSERT_EQ(seteuid(65534), 0);  // takes the effective capabilities away
  absl::Status refused = os::BpfDatapath::Load(options_).status();
  ASSERT_EQ(seteuid(0), 0);
  EXPECT_TRUE(absl::IsPermissionDenied(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("CAP_BPF"));
}

TEST_F(Load, BpftoolPrintsNames) {
  if (system("command -v bpftool >/dev/null") != 0) GTEST_SKIP() << "bpftool is not installed";
  auto dump = [&](const char* map) {
    std::string out, command = "bpftool map dump pinned " + options_.pin_dir + "/" + map;
    FILE* p = popen(command.c_str(), "r");
    char buffer[4096];
    while (size_t n = fread(buffer, 1, sizeof buffer, p)) out.append(buffer, n);
    pclose(p);
    return out;
  };
  EXPECT_THAT(dump("peers"), AllOf(HasSubstr("\"network_id\": 7"), HasSubstr("\"gre_key\": 101"),
                                   HasSubstr("ABI_IPV6"), HasSubstr("\"remote\"")));
  EXPECT_THAT(dump("next_hops"), AllOf(HasSubstr("\"ifindex\""), HasSubstr("ABI_IPV4")));
  EXPECT_THAT(dump("drops"), HasSubstr("\"rx_clear\": 0"));
}

}  // namespace
}  // namespace flexvpn::bpf_test
