// SPDX-License-Identifier: Apache-2.0
#include "bpf/fixture.h"

namespace flexvpn::bpf_test {
namespace {

class AdjustMss : public BpfTest {
 protected:
  void SetUp() override {
    BpfTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (uint32_t id : {1U, 2U}) {
      dataplane::Peer peer = PeerNumber(id);
      peer.adjust_mss = 1360;
      ASSERT_TRUE(datapath_->PutPeer(peer, IfIndex("gre0")).ok());
    }
  }
};

struct Case {
  const char* what;
  const char* options;   // before, hex
  const char* expected;  // after
  uint8_t flags;
};

constexpr Case kCases[] = {
    {"1460 becomes 1360", "020405b4", "02040550", 0x02},
    {"SYN/ACK too", "020405b4", "02040550", 0x12},
    {"what Linux sends", "020405b40402080a000000010000000001030307", "020405500402080a000000010000000001030307", 0x02},
    {"at an odd offset", "01020405b4000000", "0102040550000000", 0x02},
    {"behind others", "0402030307020405b4000000", "040203030702040550000000", 0x02},
    {"smaller stays", "02040400", "02040400", 0x02},
    {"equal stays", "02040550", "02040550", 0x02},
    {"no option", "", "", 0x02},
    {"no SYN", "020405b4", "020405b4", 0x10},
    {"after the end of options", "00000000020405b4", "00000000020405b4", 0x02},
    {"option of length 0", "05000000020405b4", "05000000020405b4", 0x02},
    {"MSS of a wrong length", "020305b4", "020305b4", 0x02},
    {"option longer than the header", "05ff0000", "05ff0000", 0x02},
    {"MSS cut off by the header", "01010102", "01010102", 0x02},
};

TEST_F(AdjustMss, ClampsSynInBothDirections) {
  for (const Case& c : kCases) {
    for (bool v6 : {false, true}) {
      const std::string spoke = v6 ? "fd00:11::5" : "10.11.0.5", lan = v6 ? "fd00:99::5" : "192.168.1.5";
      const Bytes expected = FromHex(c.expected);
      const size_t offset = kEthernet + (v6 ? 40 : 20) + 20;
      const std::pair<const char*, RunResult> runs[] = {
          {"in", Classify(Tcp(spoke, lan, c.flags, FromHex(c.options)), 1)},
          {"in, cached", Classify(Tcp(spoke, lan, c.flags, FromHex(c.options)), 1)},
          {"out", Select(Tcp(lan, spoke, c.flags, FromHex(c.options)))}};
      for (const auto& [direction, r] : runs) {
        EXPECT_EQ(r.verdict, kPass);
        ASSERT_EQ(r.frame.size(), offset + expected.size()) << c.what;
        EXPECT_EQ(ToHex(BytesView(r.frame).subspan(offset)), ToHex(expected)) << c.what << " " << direction;
        EXPECT_TRUE(TcpChecksumRight(r.frame)) << c.what << " " << direction << (v6 ? " v6" : " v4");
      }
    }
  }
  EXPECT_EQ(Counter("mss-clamped"), 5U * 2 * 3);
}

TEST_F(AdjustMss, LeavesOtherPeersFragmentsAndShortPacketsAlone) {
  const Bytes syn = Tcp("192.168.1.5", "10.13.0.5", 0x02, FromHex("020405b4"));
  EXPECT_EQ(Select(syn).frame, syn) << "peer 3 has no ip tcp adjust-mss";
  Bytes segment = Tcp("192.168.1.5", "10.11.0.5", 0x02, FromHex("020405b4"));
  segment.erase(segment.begin(), segment.begin() + kEthernet + 20);
  const Bytes fragment = Ip({.source = "192.168.1.5", .destination = "10.11.0.5", .protocol = 6,
                             .fragment_offset = 100, .payload = segment});
  EXPECT_EQ(Select(fragment).frame, fragment) << "the octets of a later fragment are no TCP header";
  const Bytes truncated = Ip({.source = "192.168.1.5", .destination = "10.11.0.5", .protocol = 6, .payload_octets = 19});
  EXPECT_EQ(Select(truncated).frame, truncated);
  EXPECT_EQ(Counter("mss-clamped"), 0U);
}

}  // namespace
}  // namespace flexvpn::bpf_test
