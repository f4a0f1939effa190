// SPDX-License-Identifier: Apache-2.0
// ns per packet of each BPF program by BPF_PROG_TEST_RUN, in a private network namespace with `peers` peers and as
// many routes of each family.  Prints one JSON document.  Run by tools/bench bpf.
#include <net/if.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bpf/harness/harness.h"
#include "bpf/harness/packets.h"
#include "nlohmann/json.hpp"
#include "os/bpf/bpf_datapath.h"
#include "os/bpf/libbpf_log.h"
#include "os/bpf/tc_attach.h"

namespace flexvpn::bpf_test {
namespace {

constexpr int kBest = 15;          // the best of so many runs
constexpr uint32_t kRepeat = 100'000;  // of so many packets
constexpr uint32_t kEventBurst = 4'000;  // events that fit the ring

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "bpf_bench: %s\n", why.c_str());
  std::exit(1);
}
void Must(const absl::Status& s) {
  if (!s.ok()) Die(s.ToString());
}

struct Scene {
  int peers;
  uint32_t gre, lan;
  os::BpfOptions options;
  std::unique_ptr<os::BpfDatapath> datapath;
  std::unique_ptr<Probe> probe;
};

// Peer i (from 0): overlay 10.128.<i/256>.<i%256> and fd00::<i>, behind it 10.<i/256>.<i%256>.0/24 and
// fd01:<i>::/32.
std::string V4(int i) { return absl::StrFormat("10.128.%d.%d", i >> 8, i & 255); }
std::string V6(int i) { return absl::StrFormat("fd00::%x", i); }
std::string Lan4(int i) { return absl::StrFormat("10.%d.%d", i >> 8, i & 255); }
std::string Lan6(int i) { return absl::StrFormat("fd01:%x:", i); }

void BuildNetwork(Scene& scene) {
  std::string lines = R"(link set lo up
link add gre0 type veth peer name far0
link add lan0 type veth peer name far1
link set gre0 up arp off
link set lan0 up arp off
link set far0 up
link set far1 up
addr add 10.128.255.254/16 dev gre0
addr add fd00::ffff:1/64 dev gre0 nodad
addr add 192.168.1.1/24 dev lan0
addr add fd02::1/64 dev lan0 nodad
)";
  for (int i = 1; i <= scene.peers; ++i) {
    absl::StrAppend(&lines, "route add ", Lan4(i), ".0/24 via ", V4(i), " dev gre0\n");
    absl::StrAppend(&lines, "route add ", Lan6(i), ":/32 via ", V6(i), " dev gre0\n");
  }
  if (!IpBatch(lines)) Die("the network could not be made");
  scene.gre = if_nametoindex("gre0");
  scene.lan = if_nametoindex("lan0");
  Must(os::EnableForwarding(scene.gre));
}

void Load(Scene& scene) {
  scene.probe.reset();
  scene.datapath.reset();
  auto loaded = os::BpfDatapath::Load(scene.options);
  Must(loaded.status());
  scene.datapath = *std::move(loaded);
  scene.datapath->LearnDevice(scene.gre);
  scene.probe = Probe::Load(*scene.datapath);
  if (scene.probe == nullptr) Die("the probe programs do not load");
}

void PutPeers(Scene& scene) {
  for (int i = 1; i <= scene.peers; ++i) {
    dataplane::Peer p;
    p.id = net::PeerId(static_cast<uint32_t>(i));
    p.device = "gre0";
    p.local = *net::IpAddress::Parse("198.51.100.1");
    p.remote = *net::IpAddress::Parse(absl::StrFormat("203.0.%d.%d", i >> 8, i & 255));
    p.gre_key = 1;
    p.network_id = 1;
    p.redirect = true;
    p.adjust_mss = 1360;
    Must(scene.datapath->PutPeer(p, scene.gre));
    Must(scene.datapath->PutNextHop(scene.gre, *net::IpAddress::Parse(V4(i)), p.id));
    Must(scene.datapath->PutNextHop(scene.gre, *net::IpAddress::Parse(V6(i)), p.id));
  }
}

int Events(Scene& scene) {
  auto n = scene.datapath->PollEvents([](const os::BpfEvent&) {});
  Must(n.status());
  return *n;
}

// The best average of kBest runs; dies if the verdict is not pass.
uint32_t Best(Scene& scene, int program, const Bytes& frame, uint32_t mark, uint32_t repeat = kRepeat) {
  uint32_t best = ~0U;
  for (int i = 0; i < kBest; ++i) {
    RunResult r = RunProgram(program, {.frame = frame, .ifindex = scene.gre, .mark = mark, .repeat = repeat});
    if (!r.ran || r.verdict != kPass) Die("a program dropped the benchmark's packet");
    best = std::min(best, r.nanoseconds);
    if (repeat == kEventBurst && Events(scene) != static_cast<int>(kEventBurst)) Die("events were lost");
  }
  Events(scene);
  return best;
}

struct Packets {
  Bytes spoke, lan, tcp;  // from a host of peer 1: to one of peer 17, to the LAN; a TCP segment to peer 17
};
Packets Make(bool v6) {
  const std::string from = v6 ? Lan6(1) + ":5" : Lan4(1) + ".5", to = v6 ? Lan6(17) + ":5" : Lan4(17) + ".5";
  return {.spoke = Ip({.source = from, .destination = to, .payload_octets = 200}),
          .lan = Ip({.source = from, .destination = v6 ? "fd02::5" : "192.168.1.5", .payload_octets = 200}),
          .tcp = Tcp(from, to, 0x10, {})};
}

nlohmann::ordered_json Measure(Scene& scene, bool v6) {
  const Packets p = Make(v6);
  auto classify = [&] { return scene.datapath->ProgramFd("spoke_classify"); };
  nlohmann::ordered_json ns;
  const uint32_t nop = Best(scene, scene.probe->nop(), p.lan, 1);
  ns["nop"] = nop;
  ns["peer_select"] = Best(scene, scene.datapath->ProgramFd("peer_select"), p.spoke, 0);
  ns["peer_select_tcp"] = Best(scene, scene.datapath->ProgramFd("peer_select"), p.tcp, 0);
  ns["spoke_classify_spoke_to_spoke"] = Best(scene, classify(), p.spoke, 1);
  const uint32_t other = Best(scene, classify(), p.lan, 1);
  ns["spoke_classify_other"] = other;
  ns["spoke_classify_other_above_nop"] = other > nop ? other - nop : 0;

  os::BpfOptions before = scene.options;
  scene.options.decision_jiffies = 0;
  scene.options.selection_jiffies = 0;
  Load(scene);
  ns["peer_select_uncached"] = Best(scene, scene.datapath->ProgramFd("peer_select"), p.spoke, 0);
  ns["spoke_classify_spoke_to_spoke_uncached"] = Best(scene, classify(), p.spoke, 1);
  ns["spoke_classify_other_uncached"] = Best(scene, classify(), p.lan, 1);
  scene.options.redirect_interval = Duration(0);
  Load(scene);
  ns["spoke_classify_event_each"] = Best(scene, classify(), p.spoke, 1, kEventBurst);
  scene.options = before;
  Load(scene);
  return ns;
}

std::string Cpu() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

int Main(int peers) {
  os::LibbpfLog quiet;
  Scene scene{.peers = peers, .gre = 0, .lan = 0, .options = {}, .datapath = nullptr, .probe = nullptr};
  Must(EnterPrivateNamespaces());
  BuildNetwork(scene);
  Load(scene);
  PutPeers(scene);
  utsname system{};
  uname(&system);
  nlohmann::ordered_json out;
  out["bench"] = "bpf";
  out["kernel"] = system.release;
  out["cpu"] = Cpu();
  out["peers"] = peers;
  out["routes"] = peers * 2;
  out["best_of"] = kBest;
  out["packets_a_run"] = kRepeat;
  out["ns_per_packet"]["ipv4"] = Measure(scene, false);
  out["ns_per_packet"]["ipv6"] = Measure(scene, true);
  std::cout << out.dump(2) << "\n";
  return 0;
}

}  // namespace
}  // namespace flexvpn::bpf_test

int main(int argc, char** argv) {
  int peers = argc > 1 ? std::atoi(argv[1]) : 10'000;
  if (peers < 17 || peers > 30'000) {
    std::fprintf(stderr, "usage: %s [PEERS]   17 to 30000, default 10000\n", argv[0]);
    return 2;
  }
  return flexvpn::bpf_test::Main(peers);
}
