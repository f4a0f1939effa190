// SPDX-License-Identifier: Apache-2.0
// `debug …`: which session of the control socket wants to see what.  Pure bookkeeping; debug_lines.cc
// makes the lines.
#ifndef FLEXVPN_CORE_NODE_DEBUG_H_
#define FLEXVPN_CORE_NODE_DEBUG_H_

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/net/ip.h"

namespace flexvpn::node {

enum class DebugKind : uint8_t { kIke, kIkeError, kIkePacket, kIkeInternal, kNhrp, kNhrpPacket, kCount };

// What a line is about, as far as it is known.
struct DebugSubject {
  const net::IpAddress* remote = nullptr;  // outer address of the peer
  absl::string_view profile;               // IKEv2 profile
};

// What one session wants.  Conditions concern all lines.
struct DebugWish {
  std::set<DebugKind> kinds;
  std::set<net::IpAddress> peers;
  std::set<std::string> profiles;
  bool unmatched = false;  // also lines of which it is not known whether a condition fits
  // Without conditions everything fits; else what fits one of them.
  bool Fits(const DebugSubject& about) const;
  bool empty() const { return kinds.empty() && peers.empty() && profiles.empty() && !unmatched; }
};

class DebugTable {
 public:
  static constexpr size_t kMaxConditions = 32;  // of one session
  // Whether anybody wants lines of this kind: one test, for the hot path.
  bool Wants(DebugKind kind) const { return users_[static_cast<size_t>(kind)] != 0; }
  bool WantsIke() const;
  // The sessions that get this line.
  std::vector<uint64_t> Takers(DebugKind kind, const DebugSubject& about) const;

  void Turn(uint64_t session, DebugKind kind, bool on);
  // Error: kResourceExhausted, too many of them.
  absl::Status TurnPeer(uint64_t session, const net::IpAddress& peer, bool on);
  absl::Status TurnProfile(uint64_t session, const std::string& profile, bool on);
  void TurnUnmatched(uint64_t session, bool on);
  void ResetConditions(uint64_t session);
  void Forget(uint64_t session);  // everything of it
  // Everything of all; the sessions that had something.
  std::vector<uint64_t> Clear();
  const std::map<uint64_t, DebugWish>& all() const { return wishes_; }

 private:
  void Changed();
  bool Full(uint64_t session) const;
  std::map<uint64_t, DebugWish> wishes_;  // none is empty
  std::array<uint32_t, static_cast<size_t>(DebugKind::kCount)> users_{};
};

// "IKEv2", "IKEv2-ERROR" …: what a line begins with, as in IOS.
absl::string_view DebugFacility(DebugKind kind);
// "IKEv2 packet": as `debug` and `show debugging` say it.
absl::string_view DebugTitle(DebugKind kind);

}  // namespace flexvpn::node

#endif  // FLEXVPN_CORE_NODE_DEBUG_H_
