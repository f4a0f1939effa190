// SPDX-License-Identifier: Apache-2.0
// debug …, undebug …, no debug …, show debugging.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/node/views.h"

namespace flexvpn::node {
namespace {

DebugKind KindOf(const Query& q) {
  if (q.Has("nhrp")) return q.Has("packet") ? DebugKind::kNhrpPacket : DebugKind::kNhrp;
  if (q.Has("error")) return DebugKind::kIkeError;
  if (q.Has("internal")) return DebugKind::kIkeInternal;
  return q.Has("packet") ? DebugKind::kIkePacket : DebugKind::kIke;
}

std::string Title(DebugKind kind, bool on) {
  return absl::StrCat(DebugTitle(kind), " debugging is ", on ? "on" : "off");
}

}  // namespace

void Node::SyncDebugSink() { ike_.SetDebug(debug_.WantsIke() ? this : nullptr); }

absl::Status Node::TurnDebugCondition(const Query& q, bool on) {
  if (q.Has("reset")) {
    debug_.ResetConditions(q.session);
  } else if (q.Has("unmatched")) {
    debug_.TurnUnmatched(q.session, on);
  } else if (q.Has("profile")) {
    return debug_.TurnProfile(q.session, q.Text("NAME"), on);
  } else if (const config::Arg* peer = q.line.call.Find("A")) {
    return debug_.TurnPeer(q.session, peer->address, on);
  }
  return absl::OkStatus();
}

show::Document Node::TurnDebug(const Query& q) {
  const bool on = absl::StartsWith(q.line.words, "debug ");
  std::string said;
  if (q.Has("all")) {
    for (uint64_t session : debug_.Clear())
      if (session != q.session)
        out_->push_back(
            DebugLine{{session}, "DEBUG", "all debugging has been turned off by another session"});
    said = "All possible debugging has been turned off";
  } else if (q.session == 0) {
    return show::MakeError("debugging needs a connection that stays open, for the lines to come by");
  } else if (q.Has("condition")) {
    if (const absl::Status s = TurnDebugCondition(q, on); !s.ok())
      return show::MakeError(std::string(s.message()));
    said = q.Has("reset") ? "Conditions of debugging removed"
           : on           ? "Condition of debugging set"
                          : "Condition of debugging removed";
  } else {
    debug_.Turn(q.session, KindOf(q), on);
    said = Title(KindOf(q), on);
  }
  SyncDebugSink();
  return show::MakeMessage(said);
}

show::Document Node::Views::Debugging(const Query& q) const {
  std::vector<show::DebugRow> rows;
  for (const auto& [session, wish] : n_.debug_.all()) {
    show::DebugRow r;
    r.session = session;
    r.own = session == q.session;
    for (DebugKind kind : wish.kinds) r.kinds.emplace_back(DebugTitle(kind));
    for (const net::IpAddress& peer : wish.peers) r.peers.push_back(peer);
    r.profiles.assign(wish.profiles.begin(), wish.profiles.end());
    r.unmatched = wish.unmatched;
    rows.push_back(std::move(r));
  }
  return show::MakeDebugging(rows);
}

}  // namespace flexvpn::node
