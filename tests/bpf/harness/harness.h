// SPDX-License-Identifier: Apache-2.0
#ifndef FLEXVPN_TESTS_BPF_HARNESS_HARNESS_H_
#define FLEXVPN_TESTS_BPF_HARNESS_HARNESS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/bytes.h"
#include "bpf/probe_report.h"
#include "os/bpf/bpf_datapath.h"

struct probe_bpf;

namespace flexvpn::bpf_test {

inline constexpr uint32_t kPass = 0xffffffff;  // TC_ACT_UNSPEC
inline constexpr uint32_t kDrop = 2;           // TC_ACT_SHOT

// Keeps this process on one CPU and moves it into network and mount namespaces of its own with an empty bpf file system on /sys/fs/bpf.
// What was there before is gone with the namespaces.  PermissionDenied without the capabilities.
absl::Status EnterPrivateNamespaces();

// Runs `ip -batch` with these lines; false (and the error on stderr) if one fails.
bool IpBatch(const std::string& lines);

struct RunResult {
  bool ran = false;  // false: BPF_PROG_TEST_RUN itself failed
  uint32_t verdict = 0;
  uint32_t mark = 0;
  uint32_t nanoseconds = 0;  // average of one run
  Bytes frame;               // as the program left it
};
struct RunArgs {
  Bytes frame;
  uint32_t ifindex = 0;  // skb->ifindex
  uint32_t mark = 0;
  uint32_t repeat = 1;
};
RunResult RunProgram(int program_fd, const RunArgs& args);

// The test-only programs, sharing the datapath's maps.
class Probe {
 public:
  static std::unique_ptr<Probe> Load(const os::BpfDatapath& datapath);
  ~Probe();
  int select_and_report() const;
  int nop() const;
  probe_report Report() const;

 private:
  probe_bpf* skeleton_ = nullptr;
};

}  // namespace flexvpn::bpf_test

#endif  // FLEXVPN_TESTS_BPF_HARNESS_HARNESS_H_
