// SPDX-License-Identifier: Apache-2.0
// Who is at the other end of a control connection, and what that entitles to.  The kernel says it; nothing a client
// sends counts.
#ifndef FLEXVPN_OS_CONTROL_PEER_H_
#define FLEXVPN_OS_CONTROL_PEER_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace flexvpn::os {

inline constexpr char kOperators[] = "flexvpn";
inline constexpr char kAdministrators[] = "flexvpn-admin";

enum class Role : uint8_t {
  kStranger,       // is refused
  kOperator,       // may look
  kAdministrator,  // may do all, as root
};

// Unix groups by name; "" = none.
struct ControlGroups {
  std::string operators = kOperators;
  std::string administrators = kAdministrators;
};
// The same as the system has them; nullopt: there is no such group.
struct ControlGids {
  std::optional<gid_t> operators, administrators;
};
ControlGids FindGroups(const ControlGroups& groups);

// Of a process at the time it connected.
struct PeerCredentials {
  uid_t uid = 0;
  std::vector<gid_t> gids;  // primary and supplementary
};
// Error: `socket` is no connected Unix socket.
absl::StatusOr<PeerCredentials> CredentialsOf(int socket);

// The higher of what its user and each of its groups give.  `owner` runs the daemon: it may look, even if it is not root.
Role RoleOf(const PeerCredentials& peer, const ControlGids& groups, uid_t owner);

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_CONTROL_PEER_H_
