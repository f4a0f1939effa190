// SPDX-License-Identifier: Apache-2.0
#include "core/node/debug.h"

#include "absl/strings/str_cat.h"

namespace flexvpn::node {
namespace {

template <class T>
void Turn(std::set<T>& set, const T& value, bool on) {
  if (on)
    set.insert(value);
  else
    set.erase(value);
}

absl::Status TooMany() {
  return absl::ResourceExhaustedError(
      absl::StrCat("no more than ", DebugTable::kMaxConditions, " conditions"));
}

}  // namespace

bool DebugWish::Fits(const DebugSubject& about) const {
  if (peers.empty() && profiles.empty()) return true;
  if (about.remote != nullptr && peers.contains(*about.remote)) return true;
  if (!about.profile.empty() && profiles.contains(std::string(about.profile))) return true;
  return unmatched &&
         ((!peers.empty() && about.remote == nullptr) || (!profiles.empty() && about.profile.empty()));
}

bool DebugTable::WantsIke() const {
  return Wants(DebugKind::kIke) || Wants(DebugKind::kIkeError) || Wants(DebugKind::kIkePacket) ||
         Wants(DebugKind::kIkeInternal);
}

std::vector<uint64_t> DebugTable::Takers(DebugKind kind, const DebugSubject& about) const {
  std::vector<uint64_t> out;
  for (const auto& [session, wish] : wishes_)
    if (wish.kinds.contains(kind) && wish.Fits(about)) out.push_back(session);
  return out;
}

void DebugTable::Changed() {
  std::erase_if(wishes_, [](const auto& entry) { return entry.second.empty(); });
  users_ = {};
  for (const auto& [session, wish] : wishes_)
    for (DebugKind kind : wish.kinds) ++users_[static_cast<size_t>(kind)];
}

bool DebugTable::Full(uint64_t session) const {
  const auto it = wishes_.find(session);
  return it != wishes_.end() && it->second.peers.size() + it->second.profiles.size() >= kMaxConditions;
}

void DebugTable::Turn(uint64_t session, DebugKind kind, bool on) {
  node::Turn(wishes_[session].kinds, kind, on);
  Changed();
}

absl::Status DebugTable::TurnPeer(uint64_t session, const net::IpAddress& peer, bool on) {
  if (on && Full(session)) return TooMany();
  node::Turn(wishes_[session].peers, peer, on);
  Changed();
  return absl::OkStatus();
}

absl::Status DebugTable::TurnProfile(uint64_t session, const std::string& profile, bool on) {
  if (on && Full(session)) return TooMany();
  node::Turn(wishes_[session].profiles, profile, on);
  Changed();
  return absl::OkStatus();
}

void DebugTable::TurnUnmatched(uint64_t session, bool on) {
  wishes_[session].unmatched = on;
  Changed();
}

void DebugTable::ResetConditions(uint64_t session) {
  DebugWish& wish = wishes_[session];
  wish.peers.clear();
  wish.profiles.clear();
  wish.unmatched = false;
  Changed();
}

void DebugTable::Forget(uint64_t session) {
  wishes_.erase(session);
  Changed();
}

std::vector<uint64_t> DebugTable::Clear() {
  std::vector<uint64_t> out;
  for (const auto& [session, wish] : wishes_) out.push_back(session);
  wishes_.clear();
  Changed();
  return out;
}

absl::string_view DebugFacility(DebugKind kind) {
  static constexpr absl::string_view kNames[] = {"IKEv2",          "IKEv2-ERROR", "IKEv2-PAK",
                                                 "IKEv2-INTERNAL", "NHRP",        "NHRP-PAK"};
  return kNames[static_cast<size_t>(kind)];
}

absl::string_view DebugTitle(DebugKind kind) {
  static constexpr absl::string_view kNames[] = {"IKEv2 session",  "IKEv2 error",   "IKEv2 packet",
                                                 "IKEv2 internal", "NHRP protocol", "NHRP packet"};
  return kNames[static_cast<size_t>(kind)];
}

}  // namespace flexvpn::node
