// SPDX-License-Identifier: Apache-2.0
#include "os/dataplane/device.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/dataplane/context.h"
#include "os/dataplane/dataplane.h"

namespace flexvpn::os {
namespace {

absl::Status WriteFile(const std::string& path, const std::string& value) {
  int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return netlink::ErrnoStatus(errno, absl::StrCat("open ", path));
  ssize_t n = write(fd, value.data(), value.size());
  int error = errno;
  close(fd);
  return n < 0 ? netlink::ErrnoStatus(error, absl::StrCat("write ", path)) : absl::OkStatus();
}

char FirstOctet(const std::string& path) {
  char c = 0;
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  if (read(fd, &c, 1) != 1) c = 0;
  close(fd);
  return c;
}

std::string Ipv6Switch(const std::string& device) { return absl::StrCat("/proc/sys/net/ipv6/conf/", device, "/disable_ipv6"); }

// The spoke's traffic takes other ways out than in, and we must never send ICMP redirects for the overlay.
absl::Status SetSysctls(const std::string& device) {
  const std::string conf = "/proc/sys/net/ipv4/conf/";
  // The kernel takes the larger of `all` and the device's; loose mode beats a strict `all`.
  bool all = FirstOctet(conf + "all/rp_filter") > '0';
  RETURN_IF_ERROR(WriteFile(absl::StrCat(conf, device, "/rp_filter"), all ? "2" : "0"));
  RETURN_IF_ERROR(WriteFile(absl::StrCat(conf, device, "/send_redirects"), "0"));
  return WriteFile(absl::StrCat(conf, device, "/accept_redirects"), "0");
}

// Whatever the default for new devices is.  One of less than 1280 octets has no IPv6.
absl::Status TurnIpv6On(const std::string& device) {
  const std::string off = Ipv6Switch(device);
  return access(off.c_str(), F_OK) == 0 ? WriteFile(off, "0") : absl::OkStatus();
}

absl::Status SetFeature(const std::string& device, uint32_t command, uint32_t value) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return netlink::ErrnoStatus(errno, "open ioctl socket");
  ethtool_value v{command, value};
  ifreq request{};
  std::strncpy(request.ifr_name, device.c_str(), IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&v);
  int error = ioctl(fd, SIOCETHTOOL, &request) != 0 ? errno : 0;
  close(fd);
  return error != 0 ? netlink::ErrnoStatus(error, absl::StrCat("ethtool ", device)) : absl::OkStatus();
}

// Linux 6.12 drops TCP segments of GSO over GRE in transport ESP with esp4_offload loaded; see docs.
std::string AvoidGsoBug(const dataplane::Device& d) {
  const char* module = d.underlay == net::Family::kIpv6 ? "esp6_offload" : "esp4_offload";
  if (access(absl::StrCat("/sys/module/", module).c_str(), F_OK) != 0) return "";
  absl::Status s = SetFeature(d.name, ETHTOOL_STSO, 0);
  s.Update(SetFeature(d.name, ETHTOOL_SGSO, 0));
  if (!s.ok()) return absl::StrCat(module, " is loaded and GSO could not be turned off: ", s.message());
  return absl::StrCat(module, " is loaded: TSO and GSO turned off on ", d.name,
                      " (a kernel bug drops GRE segments)");
}

const char* KindOf(const dataplane::Device& d) {
  if (d.kind == dataplane::DeviceKind::kLoopback) return "dummy";
  return d.underlay == net::Family::kIpv6 ? "ip6gre" : "gre";
}

}  // namespace

bool KernelHasIpv6() {
  if (access(Ipv6Switch("all").c_str(), F_OK) != 0) return false;
  for (const char* device : {"flex-gre0", "flex-gre6"})
    if (if_nametoindex(device) != 0 && FirstOctet(Ipv6Switch(device)) != '0') return false;
  return true;
}

absl::Status DeviceMaker::Prepare(const dataplane::Device& device, int index, std::string* note) {
  RETURN_IF_ERROR(TurnIpv6On(device.name));
  if (device.kind == dataplane::DeviceKind::kGreExternal) {
    RETURN_IF_ERROR(SetSysctls(device.name));
    *note = AvoidGsoBug(device);
    if (maps != nullptr) RETURN_IF_ERROR(maps->Attach(static_cast<uint32_t>(index)));
  }
  return route.Talk(netlink::SetLinkUp(index), "set up");
}

absl::Status DeviceMaker::Create(const dataplane::Device& device, std::string* note) {
  std::vector<netlink::Message> create;
  create.push_back(netlink::CreateLink(device));
  ASSIGN_OR_RETURN(std::vector<netlink::Answer> answers, route.Talk(create));
  if (answers[0].error == EEXIST) {  // the name was free a moment ago
    return absl::AlreadyExistsError("another external GRE device of this kind exists in this network namespace");
  }
  if (answers[0].error != 0) {
    std::string text = answers[0].text;
    if (answers[0].error == EOPNOTSUPP && text.empty()) text = absl::StrCat("no ", KindOf(device), " in this kernel");
    return netlink::ErrnoStatus(answers[0].error, "create link", text);
  }
  ASSIGN_OR_RETURN(std::optional<netlink::Link> link, FindLink(route, device.name));
  if (!link) return absl::InternalError("the new link vanished");
  absl::Status s = route.Talk(netlink::ConfigureLink(link->index, alias, 0), "set alias");
  if (s.ok()) s = Prepare(device, link->index, note);
  if (!s.ok()) route.Talk(netlink::DeleteLink(link->index), "delete link").IgnoreError();
  return s;
}

absl::Status DeviceMaker::Put(const dataplane::Device& device, std::string* note) {
  if (device.name.empty() || device.name.size() >= IFNAMSIZ) {
    return absl::InvalidArgumentError("device name must have 1 to 15 characters");
  }
  ASSIGN_OR_RETURN(std::optional<netlink::Link> link, FindLink(route, device.name));
  if (link && link->alias != alias) return absl::AlreadyExistsError("a device of this name exists that is not ours");
  if (!link) return Create(device, note);
  if (link->kind != KindOf(device)) {
    RETURN_IF_ERROR(Remove(device.name));
    return Create(device, note);
  }
  RETURN_IF_ERROR(route.Talk(netlink::ConfigureLink(link->index, alias, device.mtu), "set mtu"));
  return Prepare(device, link->index, note);
}

absl::Status DeviceMaker::Remove(const std::string& name) {
  ASSIGN_OR_RETURN(std::optional<netlink::Link> link, FindLink(route, name));
  if (!link || link->alias != alias) return absl::OkStatus();
  if (maps != nullptr && (link->kind == "gre" || link->kind == "ip6gre")) {
    RETURN_IF_ERROR(maps->Detach(static_cast<uint32_t>(link->index)));
  }
  return route.Talk(netlink::DeleteLink(link->index), "delete link");
}

}  // namespace flexvpn::os
