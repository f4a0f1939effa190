// SPDX-License-Identifier: Apache-2.0
#include "os/control/peer.h"

#include <errno.h>
#include <grp.h>
#include <sys/socket.h>

#include <algorithm>

namespace flexvpn::os {
namespace {

constexpr size_t kMaxGroupEntry = 16 * 1024 * 1024;  // octets: names of all members

std::optional<gid_t> FindGroup(const std::string& name) {
  if (name.empty()) return std::nullopt;
  group entry{};
  group* found = nullptr;
  std::vector<char> buffer(4096);
  int error;
  while ((error = getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) == ERANGE &&
         buffer.size() < kMaxGroupEntry)
    buffer.resize(buffer.size() * 2);
  return error == 0 && found != nullptr ? std::optional(found->gr_gid) : std::nullopt;
}

}  // namespace

ControlGids FindGroups(const ControlGroups& groups) {
  return {FindGroup(groups.operators), FindGroup(groups.administrators)};
}

absl::StatusOr<PeerCredentials> CredentialsOf(int socket) {
  ucred cred{};
  socklen_t length = sizeof cred;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &length) != 0) return absl::ErrnoToStatus(errno, "SO_PEERCRED");
  PeerCredentials peer{cred.uid, std::vector<gid_t>(64)};
  length = static_cast<socklen_t>(peer.gids.size() * sizeof(gid_t));
  int error = getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.gids.data(), &length) == 0 ? 0 : errno;
  if (error == ERANGE) {  // the kernel has said how many there are; they do not change any more
    peer.gids.resize(length / sizeof(gid_t));
    error = getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.gids.data(), &length) == 0 ? 0 : errno;
  }
  if (error != 0) return absl::ErrnoToStatus(error, "SO_PEERGROUPS");
  peer.gids.resize(length / sizeof(gid_t));
  peer.gids.push_back(cred.gid);
  return peer;
}

Role RoleOf(const PeerCredentials& peer, const ControlGids& groups, uid_t owner) {
  const auto member = [&](const std::optional<gid_t>& group) {
    return group && std::find(peer.gids.begin(), peer.gids.end(), *group) != peer.gids.end();
  };
  if (peer.uid == 0 || member(groups.administrators)) return Role::kAdministrator;
  return peer.uid == owner || member(groups.operators) ? Role::kOperator : Role::kStranger;
}

}  // namespace flexvpn::os
