// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_TESTS_BPF_FIXTURE_H_
#define FLEXVPN_TESTS_BPF_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bpf/harness/harness.h"
#include "bpf/harness/packets.h"
#include "core/net/ip.h"
#include "os/bpf/bpf_datapath.h"
#include "os/bpf/libbpf_log.h"
#include "os/bpf/tc_attach.h"

namespace flexvpn::bpf_test {

inline net::IpAddress Addr(const std::string& text) { return *net::IpAddress::Parse(text); }

// Every test has a network namespace of its own with a hub in it:
//
//   peer 1  198.51.100.11  overlay 10.0.0.11, fd00::11  behind it 10.11.0.0/16, fd00:11::/32  gre0  network 7
//   peer 2  198.51.100.12  overlay 10.0.0.12, fd00::12  behind it 10.12.0.0/16, fd00:12::/32  gre0  network 7
//   peer 3  198.51.100.13  overlay 10.0.0.13            behind it 10.13.0.0/16                gre0  network 8
//   peer 4  2001:db8::14   overlay fd00::14             behind it 10.14.0.0/16 (via IPv6)     gre0  network 7, no key
//   peer 5  198.51.100.15  overlay 10.1.0.15            behind it 10.15.0.0/16                gre1  network 7
//   lan0: 192.168.1.0/24, fd00:99::/64
//
// gre0 and gre1 are veth devices: BPF_PROG_TEST_RUN needs no tunnel, and the host's kernel may have none.
class BpfTest : public ::testing::Test {
 protected:
  void SetUp() override;
  // Loads (again) with `options`, adopting what is pinned.  Nothing is attached: only test runs count, whatever
  // the kernel sends on its own.
  void Load(const os::BpfOptions& options);

  uint32_t IfIndex(const char* name) { return if_nametoindex(name); }
  dataplane::Peer PeerNumber(uint32_t id);
  void PutPeers();

  RunResult Classify(const Bytes& frame, uint32_t mark) { return ClassifyOn("gre0", frame, mark); }
  RunResult ClassifyOn(const char* device, const Bytes& frame, uint32_t mark) {
    return RunProgram(datapath_->ProgramFd("spoke_classify"), {.frame = frame, .ifindex = IfIndex(device), .mark = mark});
  }
  RunResult Select(const Bytes& frame, uint32_t mark = 0) {
    return RunProgram(datapath_->ProgramFd("peer_select"), {.frame = frame, .ifindex = IfIndex("gre0"), .mark = mark});
  }
  RunResult SelectAndReport(const Bytes& frame, uint32_t mark = 0) {
    return RunProgram(probe_->select_and_report(), {.frame = frame, .ifindex = IfIndex("gre0"), .mark = mark});
  }

  struct Event : os::BpfEvent {
    Bytes data;  // the packet, owned
  };
  std::vector<Event> Events();
  // Drop reasons that are not 0.
  std::map<std::string, uint64_t> Drops();
  uint64_t Counter(const std::string& name) { return (*datapath_->EventCounters())[name]; }

  os::LibbpfLog quiet_;
  os::BpfOptions options_;
  bool learn_devices_ = true;  // as Attach does
  std::unique_ptr<os::BpfDatapath> datapath_;
  std::unique_ptr<Probe> probe_;
};

// Calls `done` until it is true or five seconds are over.
template <class F>
bool Eventually(F done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (std::chrono::steady_clock::now() < end) {
    if (done()) return true;
  }
  return false;
}

}  // namespace flexvpn::bpf_test

#endif  // FLEXVPN_TESTS_BPF_FIXTURE_H_
