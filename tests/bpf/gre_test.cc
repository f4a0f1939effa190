// SPDX-License-Identifier: Apache-2.0
// The programs on real GRE devices, where BPF_PROG_TEST_RUN cannot go: what the wire carries, and where the inner
// packet is found.  Skips on a kernel without GRE; the guest of the lab has it.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/fixture.h"

namespace flexvpn::bpf_test {
namespace {

// A packet socket on `device`.
class Wire {
 public:
  explicit Wire(const char* device) : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL))) {
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_protocol = htons(ETH_P_ALL);
    at.sll_ifindex = static_cast<int>(if_nametoindex(device));
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  }
  ~Wire() { close(fd_); }
  void Send(const Bytes& frame, uint32_t mark) {
    EXPECT_EQ(setsockopt(fd_, SOL_SOCKET, SO_MARK, &mark, sizeof mark), 0);
    EXPECT_EQ(send(fd_, frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  }
  // The next frame that `wanted` likes; empty after five seconds without.
  template <class F>
  Bytes Receive(F wanted) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (std::chrono::steady_clock::now() < end) {
      pollfd p{fd_, POLLIN, 0};
      if (poll(&p, 1, 100) != 1) continue;
      Bytes frame(2000);
      ssize_t n = recv(fd_, frame.data(), frame.size(), 0);
      frame.resize(n < 0 ? 0 : static_cast<size_t>(n));
      if (wanted(frame)) return frame;
    }
    return {};
  }

 private:
  int fd_;
};

uint8_t OuterProtocol(const Bytes& frame) {
  if (frame.size() < kEthernet + 40) return 0;
  return frame[kEthernet] >> 4 == 4 ? frame[kEthernet + 9] : frame[kEthernet + 6];
}
bool IsGre(const Bytes& frame) { return OuterProtocol(frame) == 47; }

class Gre : public BpfTest {
 protected:
  void SetUp() override {
    BpfTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // The fixture's gre0 is a stand-in; the real ones are tun4 and tun6 over wire0, whose other end is wire1.
    if (!IpBatch("link add tun4 type gre external\nlink add tun6 type ip6gre external\n")) {
      GTEST_SKIP() << "this kernel has no GRE (CONFIG_NET_IPGRE, CONFIG_IPV6_GRE)";
    }
    ASSERT_TRUE(IpBatch(R"(link set gre0 down
link add wire0 address 02:00:00:00:00:0a type veth peer name wire1 address 02:00:00:00:00:0b
link set wire0 up arp off
link set wire1 up arp off
addr add 198.51.100.1/24 dev wire0
addr add 2001:db8::1/64 dev wire0 nodad
link set tun4 up
link set tun6 up
addr add 10.4.0.1/24 dev tun4
addr add fd04::1/64 dev tun4 nodad
addr add 10.6.0.1/24 dev tun6
route add 10.41.0.0/16 via 10.4.0.11 dev tun4
route add 10.42.0.0/16 via 10.4.0.12 dev tun4
route add 10.61.0.0/16 via 10.6.0.14 dev tun6
)"));
    for (const char* path : {"ipv4/ip_forward", "ipv6/conf/all/forwarding"}) {
      FILE* f = fopen((std::string("/proc/sys/net/") + path).c_str(), "w");
      ASSERT_NE(f, nullptr);
      fputs("1", f);
      fclose(f);
    }
    for (const char* device : {"all", "tun4", "tun6", "wire0"}) {
      FILE* f = fopen(("/proc/sys/net/ipv4/conf/" + std::string(device) + "/rp_filter").c_str(), "w");
      if (f != nullptr) {
        fputs("0", f);
        fclose(f);
      }
    }
    for (uint32_t id : {1U, 2U, 4U}) {
      dataplane::Peer peer = PeerNumber(id);
      peer.device = id == 4 ? "tun6" : "tun4";
      peer.adjust_mss = 1300;
      if (id == 2) peer.gre_key.reset();
      ASSERT_TRUE(datapath_->PutPeer(peer, IfIndex(peer.device.c_str())).ok());
    }
    ASSERT_TRUE(datapath_->PutNextHop(IfIndex("tun4"), Addr("10.4.0.11"), net::PeerId(1)).ok());
    ASSERT_TRUE(datapath_->PutNextHop(IfIndex("tun4"), Addr("fd04::11"), net::PeerId(1)).ok());
    ASSERT_TRUE(datapath_->PutNextHop(IfIndex("tun4"), Addr("10.4.0.12"), net::PeerId(2)).ok());
    ASSERT_TRUE(datapath_->PutNextHop(IfIndex("tun6"), Addr("10.6.0.14"), net::PeerId(4)).ok());
    for (const char* device : {"tun4", "tun6"}) {
      absl::Status attached = datapath_->Attach(IfIndex(device));
      ASSERT_TRUE(attached.ok()) << attached;
    }
  }
  // A GRE packet as it comes from `peer`, with the inner packet of `frame`.
  Bytes FromPeer(uint32_t id, const Bytes& frame) {
    const dataplane::Peer peer = PeerNumber(id);
    ByteWriter gre;
    const bool key = id == 1;
    gre.U16(key ? 0x2000 : 0);
    gre.Append(BytesView(frame).subspan(12, 2));
    if (key) gre.U32(0x45000101);  // begins like an IPv4 header, to mislead who looks in the wrong place
    gre.Append(BytesView(frame).subspan(kEthernet));
    Bytes out = Ip({.source = peer.remote.ToString(), .destination = peer.local.ToString(), .protocol = 47,
                    .payload = Bytes(gre.view().begin(), gre.view().end())});
    const Bytes to = FromHex("02000000000a");
    std::copy(to.begin(), to.end(), out.begin());
    return out;
  }
  void SendUdp(const char* destination) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    inet_pton(AF_INET, destination, &to.sin_addr);
    EXPECT_EQ(sendto(fd, "x", 1, 0, reinterpret_cast<sockaddr*>(&to), sizeof to), 1);
    close(fd);
  }
};

TEST_F(Gre, WhatLeavesOverIpv4) {
  Wire wire("wire1");
  SendUdp("10.41.0.5");
  Bytes frame = wire.Receive(IsGre);
  ASSERT_EQ(frame.size(), kEthernet + 20 + 8 + 29) << "outer, GRE with key, inner";
  EXPECT_EQ(frame[kEthernet + 8], 255) << "TTL";
  EXPECT_EQ(ToHex(BytesView(frame).subspan(kEthernet + 12, 8)), "c6336401c633640b");
  EXPECT_EQ(ToHex(BytesView(frame).subspan(kEthernet + 20, 8)), "2000080000000065") << "key 101, no checksum";
  EXPECT_EQ(frame[kEthernet + 6] & 0x40, frame[kEthernet + 28 + 6] & 0x40) << "DF as inside";
  SendUdp("10.42.0.5");
  frame = wire.Receive(IsGre);
  ASSERT_EQ(frame.size(), kEthernet + 20 + 4 + 29) << "no key";
  EXPECT_EQ(ToHex(BytesView(frame).subspan(kEthernet + 20, 4)), "00000800");
}

TEST_F(Gre, WhatLeavesOverIpv6) {
  Wire wire("wire1");
  SendUdp("10.61.0.5");
  Bytes frame = wire.Receive(IsGre);
  ASSERT_EQ(frame.size(), kEthernet + 40 + 4 + 29);
  EXPECT_EQ(ToHex(BytesView(frame).subspan(kEthernet + 8, 32)),
            "20010db8000000000000000000000001"
            "20010db8000000000000000000000014");
}

TEST_F(Gre, InnerPacketIsFoundBehindEveryOuterHeader) {
  Wire wire("wire1");
  struct {
    uint32_t peer;
    Bytes inner;
    uint64_t octets;
  } cases[] = {
      {1, Ip({.source = "10.41.0.5", .destination = "10.42.0.5"}), 120},
      {1, Ip({.source = "fd41::5", .destination = "fd04::12"}), 140},
      {2, Ip({.source = "10.42.0.5", .destination = "10.41.0.5"}), 120},
      {4, Ip({.source = "10.61.0.5", .destination = "10.41.0.5"}), 120},
      // GRE in GRE: the inner header must not be taken for the outer one.
      {4, Ip({.source = "10.61.0.5", .destination = "10.41.0.6", .protocol = 47,
              .payload = FromHex("00000800") /* then an IPv4 packet */}), 24},
  };
  std::map<uint32_t, uint64_t> octets;
  for (const auto& c : cases) {
    wire.Send(FromPeer(c.peer, c.inner), c.peer);
    octets[c.peer] += c.octets;
    EXPECT_TRUE(Eventually([&] {
      return datapath_->PeerStats(net::PeerId(c.peer))->rx_bytes == octets[c.peer];
    })) << "peer " << c.peer << ": " << datapath_->PeerStats(net::PeerId(c.peer))->rx_bytes << " of " << octets[c.peer];
  }
  std::vector<std::string> told;
  for (const Event& e : Events()) {
    if (e.type != os::BpfEvent::Type::kTrafficIndication) continue;
    auto header = net::ParseIpHeader(e.data);
    ASSERT_TRUE(header.has_value());
    told.push_back(std::to_string(e.ingress.value()) + " " + header->destination.ToString());
  }
  EXPECT_THAT(told, ::testing::ElementsAre("1 10.42.0.5", "2 10.41.0.5", "4 10.41.0.5", "4 10.41.0.6"));
}

TEST_F(Gre, NothingEntersWithoutAMark) {
  Wire wire("wire1");
  wire.Send(FromPeer(1, Ip({.source = "10.41.0.5", .destination = "192.168.1.5"})), 0);
  wire.Send(FromPeer(4, Ip({.source = "10.61.0.5", .destination = "192.168.1.5"})), 0);
  EXPECT_TRUE(Eventually([&] { return Drops()["rx-without-ipsec"] == 2; }));
}

TEST_F(Gre, MssIsClampedOnTheWayIn) {
  Wire wire("wire1"), lan("far2");
  for (uint32_t peer : {1U, 2U, 4U}) {
    wire.Send(FromPeer(peer, Tcp("10.41.0.5", "192.168.1.5", 0x02, FromHex("020405b4"))), peer);
    Bytes syn = lan.Receive([](const Bytes& f) { return OuterProtocol(f) == 6; });
    ASSERT_EQ(syn.size(), kEthernet + 44) << "peer " << peer;
    EXPECT_EQ(ToHex(BytesView(syn).subspan(kEthernet + 40)), "02040514") << "peer " << peer;
    EXPECT_TRUE(TcpChecksumRight(syn)) << "peer " << peer;
  }
}

TEST_F(Gre, NhrpOfAPacketSocketGoesToTheMarkedPeer) {
  Wire wire("wire1");
  int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  uint32_t mark = 2;
  ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark), 0);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(kEthNhrp);
  to.sll_ifindex = static_cast<int>(IfIndex("tun4"));
  const Bytes nhrp(60, 0x11);
  EXPECT_EQ(sendto(fd, nhrp.data(), nhrp.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to), 60);
  close(fd);
  Bytes frame = wire.Receive(IsGre);
  ASSERT_EQ(frame.size(), kEthernet + 20 + 4 + 60);
  EXPECT_EQ(ToHex(BytesView(frame).subspan(kEthernet + 16, 8)), "c633640c00002001");
  EXPECT_EQ(frame[kEthernet + 1], 0xc0) << "precedence 6";
}

}  // namespace
}  // namespace flexvpn::bpf_test
