// SPDX-License-Identifier: Apache-2.0
#include "os/bpf/pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "abi/base.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace flexvpn::os {
namespace {

std::string PinPath(const std::string& dir, const bpf_map* map) {
  return absl::StrCat(dir, "/", bpf_map__name(map));
}

bool SameShape(int fd, const bpf_map* map) {
  bpf_map_info info{};
  __u32 size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return false;
  return info.type == static_cast<__u32>(bpf_map__type(map)) && info.key_size == bpf_map__key_size(map) &&
         info.value_size == bpf_map__value_size(map) && info.max_entries == bpf_map__max_entries(map) &&
         info.map_flags == bpf_map__map_flags(map);
}

// True if nothing is pinned, or what is pinned was made by this version.
bool SameVersion(const std::string& dir) {
  int fd = bpf_obj_get(absl::StrCat(dir, "/abi_version").c_str());
  if (fd < 0) return false;
  __u32 key = 0, version = 0;
  bool same = bpf_map_lookup_elem(fd, &key, &version) == 0 && version == ABI_VERSION;
  close(fd);
  return same;
}

}  // namespace

absl::Status EnsurePinDirectory(const std::string& dir) {
  if (mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    const std::string text = absl::StrCat("pin directory ", dir);
    // A directory that is missing in a file system that cannot hold it: sysfs says EPERM, ENOENT without a parent.
    if (errno == ENOENT || errno == EPERM) {
      return absl::FailedPreconditionError(
          absl::StrCat(text, ": its parent is not a bpf file system; mount one: mount -t bpf bpf /sys/fs/bpf"));
    }
    return absl::ErrnoToStatus(errno, text);
  }
  struct statfs fs {};
  if (statfs(dir.c_str(), &fs) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("pin directory ", dir));
  if (fs.f_type != static_cast<decltype(fs.f_type)>(BPF_FS_MAGIC)) {
    rmdir(dir.c_str());  // only if empty: the one just made in the wrong place
    return absl::FailedPreconditionError(
        absl::StrCat("pin directory ", dir, " is not on a bpf file system; mount one: mount -t bpf bpf /sys/fs/bpf"));
  }
  return absl::OkStatus();
}

std::vector<std::string> AdoptPins(const std::string& dir, const std::vector<bpf_map*>& maps) {
  const bool adopt = SameVersion(dir);
  std::vector<std::string> discarded;
  for (bpf_map* map : maps) {
    const std::string path = PinPath(dir, map);
    int fd = bpf_obj_get(path.c_str());
    if (fd >= 0) {
      if (!adopt || !SameShape(fd, map)) {
        unlink(path.c_str());
        discarded.emplace_back(bpf_map__name(map));
      }
      close(fd);
    } else {
      unlink(path.c_str());  // a pin of something else, or none
    }
    bpf_map__set_pin_path(map, path.c_str());
  }
  return discarded;
}

absl::Status RemovePins(const std::string& dir) {
  DIR* d = opendir(dir.c_str());
  if (d == nullptr) {
    return errno == ENOENT ? absl::OkStatus() : absl::ErrnoToStatus(errno, absl::StrCat("pin directory ", dir));
  }
  absl::Status status;
  while (const dirent* entry = readdir(d)) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string path = absl::StrCat(dir, "/", name);
    if (unlink(path.c_str()) != 0) status.Update(absl::ErrnoToStatus(errno, absl::StrCat("pin ", path)));
  }
  closedir(d);
  if (rmdir(dir.c_str()) != 0 && errno != ENOENT) {
    status.Update(absl::ErrnoToStatus(errno, absl::StrCat("pin directory ", dir)));
  }
  return status;
}

}  // namespace flexvpn::os
