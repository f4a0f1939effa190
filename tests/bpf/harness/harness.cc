// SPDX-License-Identifier: Apache-2.0
#include "bpf/harness/harness.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstdio>

#include "abi/devices.h"  // types of the skeleton
#include "probe_bpf.skel.h"

namespace flexvpn::bpf_test {

absl::Status EnterPrivateNamespaces() {
  // The programs remember per CPU: what one run leaves behind, the next must find.
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(static_cast<unsigned>(sched_getcpu()), &cpus);
  if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) return absl::ErrnoToStatus(errno, "staying on one CPU");
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
    return absl::ErrnoToStatus(errno, "a private network namespace (needs CAP_SYS_ADMIN)");
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return absl::ErrnoToStatus(errno, "mount");
  if (mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700") != 0) {
    return absl::ErrnoToStatus(errno, "mounting a bpf file system on /sys/fs/bpf");
  }
  return absl::OkStatus();
}

bool IpBatch(const std::string& lines) {
  FILE* ip = popen("ip -batch -", "w");
  if (ip == nullptr) return false;
  fwrite(lines.data(), 1, lines.size(), ip);
  return pclose(ip) == 0;
}

RunResult RunProgram(int program_fd, const RunArgs& args) {
  __sk_buff context{};
  context.ifindex = args.ifindex;
  context.ingress_ifindex = args.ifindex;
  context.mark = args.mark;
  RunResult result;
  result.frame.resize(args.frame.size() + 64);
  LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = args.frame.data(), .data_out = result.frame.data(),
              .data_size_in = static_cast<uint32_t>(args.frame.size()),
              .data_size_out = static_cast<uint32_t>(result.frame.size()), .ctx_in = &context, .ctx_out = &context,
              .ctx_size_in = sizeof context, .ctx_size_out = sizeof context,
              .repeat = static_cast<int>(args.repeat));
  if (int r = bpf_prog_test_run_opts(program_fd, &run); r != 0) {
    std::fprintf(stderr, "BPF_PROG_TEST_RUN: error %d\n", r);
    return result;
  }
  result.ran = true;
  result.verdict = run.retval;
  result.mark = context.mark;
  result.nanoseconds = run.duration;
  result.frame.resize(run.data_size_out);
  return result;
}

std::unique_ptr<Probe> Probe::Load(const os::BpfDatapath& datapath) {
  auto probe = std::make_unique<Probe>();
  probe->skeleton_ = probe_bpf::open();
  if (probe->skeleton_ == nullptr) return nullptr;
  bpf_map* map;
  bpf_object__for_each_map(map, probe->skeleton_->obj) {
    const std::string name = bpf_map__name(map);
    int fd = name.find('.') == std::string::npos ? datapath.MapFd(name) : -1;
    if (fd >= 0 && bpf_map__reuse_fd(map, fd) != 0) return nullptr;
  }
  if (probe_bpf::load(probe->skeleton_) != 0) return nullptr;
  return probe;
}

Probe::~Probe() { probe_bpf::destroy(skeleton_); }
int Probe::select_and_report() const { return bpf_program__fd(skeleton_->progs.select_and_report); }
int Probe::nop() const { return bpf_program__fd(skeleton_->progs.nop); }

probe_report Probe::Report() const {
  probe_report r{};
  __u32 zero = 0;
  bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.report), &zero, &r);
  return r;
}

}  // namespace flexvpn::bpf_test
