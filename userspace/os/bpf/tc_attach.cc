// SPDX-License-Identifier: Apache-2.0
#include "os/bpf/tc_attach.h"

#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace flexvpn::os {
namespace {

const char* PointName(bpf_tc_attach_point point) { return point == BPF_TC_INGRESS ? "ingress" : "egress"; }

absl::Status TcError(int error, uint32_t ifindex, bpf_tc_attach_point point, const char* what, const LibbpfLog& log) {
  std::string text = absl::StrCat("device ", ifindex, ": ", what, " the BPF program at tc ", PointName(point), ": ",
                                  std::strerror(error));
  if (error == ENOENT || error == EOPNOTSUPP) {
    absl::StrAppend(&text, " (CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF are needed)");
  }
  if (std::string tail = log.Tail(500); !tail.empty()) absl::StrAppend(&text, "\n", tail);
  return absl::Status(absl::ErrnoToStatusCode(error), text);
}

// Writes 1 unless it is there already.
absl::Status Enable(const std::string& path, bool optional) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return optional && errno == ENOENT ? absl::OkStatus() : absl::ErrnoToStatus(errno, path);
  }
  char value = '0';
  ssize_t n = read(fd, &value, 1);
  close(fd);
  if (n == 1 && value == '1') return absl::OkStatus();
  fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, " must be 1"));
  n = write(fd, "1", 1);
  int error = errno;
  close(fd);
  return n == 1 ? absl::OkStatus() : absl::ErrnoToStatus(error, absl::StrCat(path, " must be 1"));
}

}  // namespace

absl::Status AttachFilter(uint32_t ifindex, bpf_tc_attach_point point, int program_fd, const LibbpfLog& log) {
  LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(ifindex), .attach_point = point);
  int r = bpf_tc_hook_create(&hook);
  if (r != 0 && r != -EEXIST) return TcError(-r, ifindex, point, "preparing", log);
  LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program_fd, .flags = BPF_TC_F_REPLACE, .handle = kTcHandle,
              .priority = kTcPriority);
  r = bpf_tc_attach(&hook, &opts);
  return r == 0 ? absl::OkStatus() : TcError(-r, ifindex, point, "attaching", log);
}

absl::Status DetachFilter(uint32_t ifindex, bpf_tc_attach_point point, const LibbpfLog& log) {
  LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(ifindex), .attach_point = point);
  LIBBPF_OPTS(bpf_tc_opts, opts, .handle = kTcHandle, .priority = kTcPriority);
  int r = bpf_tc_detach(&hook, &opts);
  // No filter, no clsact qdisc, no device.
  if (r == 0 || r == -ENOENT || r == -EINVAL || r == -ENODEV) return absl::OkStatus();
  return TcError(-r, ifindex, point, "detaching", log);
}

abi_framing FramingOf(uint32_t ifindex) {
  ifreq request{};
  if (if_indextoname(ifindex, request.ifr_name) == nullptr) return ABI_FRAMING_UNKNOWN;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return ABI_FRAMING_UNKNOWN;
  int r = ioctl(fd, SIOCGIFHWADDR, &request);
  close(fd);
  if (r != 0) return ABI_FRAMING_UNKNOWN;
  switch (request.ifr_hwaddr.sa_family) {
    case ARPHRD_IPGRE:
      return ABI_FRAMING_IPV4_GRE;
    case ARPHRD_ETHER:
      return ABI_FRAMING_ETHERNET;
    default:
      return ABI_FRAMING_UNKNOWN;
  }
}

absl::Status EnableForwarding(uint32_t ifindex) {
  char name[IF_NAMESIZE] = {};
  if (if_indextoname(ifindex, name) == nullptr) {
    return absl::NotFoundError(absl::StrCat("device ", ifindex, ": no such device"));
  }
  RETURN_IF_ERROR(Enable(absl::StrCat("/proc/sys/net/ipv4/conf/", name, "/forwarding"), false));
  return Enable(absl::StrCat("/proc/sys/net/ipv6/conf/", name, "/forwarding"), true);
}

}  // namespace flexvpn::os
