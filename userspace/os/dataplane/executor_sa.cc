// SPDX-License-Identifier: Apache-2.0
// Installing one SA: replacement, offload with read-back, attributes an older kernel does not know.
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/dataplane/executor.h"
#include "os/netlink/algorithms.h"

namespace flexvpn::os {
namespace {

using dataplane::Object;
using dataplane::Sa;
using netlink::Answer;

bool SameKey(const Sa& a, const Sa& b) {
  const bool known = !a.encr_key.empty() || !a.integ_key.empty();  // not of an SA read back; NULL has no encryption key
  return known && a.encr_key == b.encr_key && a.integ_key == b.integ_key && a.encr == b.encr &&
         a.integ == b.integ && a.esn == b.esn;
}

// More than a link carries while a state is replaced.
constexpr uint32_t kReplaceMargin = 1 << 16;

// Where `sa` goes on from what `existing` has used up.
Bytes GoOn(const Sa& sa, const netlink::SaInfo& existing) {
  return sa.direction == dataplane::Direction::kOut ? netlink::SkipAhead(existing.replay_state, kReplaceMargin)
                                                    : existing.replay_state;
}

// The kernel's word on an SA it refused, with what it was built without where that is the reason.
absl::Status Verdict(const Answer& answer, const Sa& sa) {
  const absl::Status status = answer.ToStatus("");
  if (answer.error != ENOSYS && answer.error != ENOENT) return status;
  const std::string missing = netlink::MissingAlgorithms(sa.encr, sa.integ);
  return missing.empty() ? status : absl::Status(status.code(), absl::StrCat(status.message(), "; ", missing));
}

bool Encapsulated(const Sa& s) { return s.encap_source_port != 0 || s.encap_destination_port != 0; }

// Whether `b` is `a` with other lifetimes or encapsulation ports, which the kernel updates in place.
bool CanUpdate(const Sa& a, const Sa& b) {
  return SameKey(a, b) && a.source == b.source && a.mode == b.mode && a.peer == b.peer &&
         Encapsulated(a) == Encapsulated(b) && a.offload_device == b.offload_device;
}

}  // namespace

netlink::SaOptions Executor::Options(const Sa& sa) const {
  netlink::SaOptions o;
  o.sequence = SaTag(c_.instance, sa.direction, sa.spi);
  o.direction_attribute = c_.direction_attribute;
  return o;
}

Answer Executor::TrySa(const Sa& sa, int offload_index, const Bytes& replay_state, absl::Status* broken) {
  netlink::SaOptions options = Options(sa);
  options.offload_index = offload_index;
  options.replay_state = replay_state;
  auto attempt = [&]() -> Answer {
    absl::StatusOr<netlink::Message> m = netlink::NewSa(sa, options);
    if (!m.ok()) {
      *broken = m.status();
      return {EINVAL, ""};
    }
    Messages one;
    one.push_back(*std::move(m));
    absl::StatusOr<std::vector<Answer>> answers = c_.xfrm->Talk(one);
    if (!answers.ok()) {
      *broken = answers.status();
      return {EIO, ""};
    }
    return (*answers)[0];
  };
  Answer first = attempt();
  if (first.error != EINVAL || !options.direction_attribute || !broken->ok()) return first;
  // Before Linux 6.10 the attribute is unknown and an outbound ESN state needs a window.
  options.direction_attribute = false;
  Answer second = attempt();
  if (second.error != 0 && second.error != EEXIST) return first;
  c_.direction_attribute = false;
  return second;
}

absl::Status Executor::ReplaceSa(const Sa& sa, int offload_index) {
  std::optional<netlink::SaInfo> existing;
  RETURN_IF_ERROR(c_.xfrm->Query(netlink::GetSa(sa), [&](const netlink::Received& m) {
    existing = netlink::ParseSa(m);
  }));
  if (!existing || existing->sequence != SaTag(c_.instance, sa.direction, sa.spi)) {
    return absl::AlreadyExistsError("an SA of this SPI and destination exists that is not ours");
  }
  const Object* installed = c_.installed.Find(dataplane::Key(Object(sa)));
  const Sa* before = installed != nullptr ? std::get_if<Sa>(installed) : nullptr;
  if (before != nullptr && CanUpdate(*before, sa)) {
    ASSIGN_OR_RETURN(netlink::Message m, netlink::UpdateSa(sa, Options(sa)));
    return c_.xfrm->Talk(std::move(m), "update");
  }
  RETURN_IF_ERROR(c_.xfrm->Talk(netlink::DeleteSa(sa), "replace"));
  bool moved = before != nullptr && SameKey(*before, sa) && before->replay_window == sa.replay_window;
  absl::Status broken;
  Answer answer = TrySa(sa, offload_index, moved ? GoOn(sa, *existing) : Bytes(), &broken);
  RETURN_IF_ERROR(broken);
  return Verdict(answer, sa);
}

const Sa* Executor::MovedFrom(const Sa& sa) const {
  if (c_.installed.Find(dataplane::Key(Object(sa))) != nullptr) return nullptr;
  const std::string any = dataplane::SaKeyPrefix(sa.direction, sa.spi);
  const auto& all = c_.installed.all();
  for (auto it = all.lower_bound(any); it != all.end() && absl::StartsWith(it->first, any); ++it)
    if (const Sa* other = std::get_if<Sa>(&it->second);
        other != nullptr && other->peer == sa.peer && other->destination != sa.destination && SameKey(*other, sa))
      return other;
  return nullptr;
}

// One key, one run of sequence numbers: the old state ends before the new one begins, and that begins behind it.
absl::Status Executor::MoveSa(const Sa& from, const Sa& sa, int offload_index) {
  const Sa old = from;
  std::optional<netlink::SaInfo> existing;
  RETURN_IF_ERROR(c_.xfrm->Query(netlink::GetSa(old), [&](const netlink::Received& m) {
    existing = netlink::ParseSa(m);
  }));
  if (!existing || existing->sequence != SaTag(c_.instance, old.direction, old.spi))
    return absl::NotFoundError("the SA that moves is not in the kernel any more");
  RETURN_IF_ERROR(c_.xfrm->Talk(netlink::DeleteSa(old), "move"));
  c_.installed.Erase(dataplane::Key(Object(old)));
  absl::Status broken;
  Answer answer = TrySa(sa, offload_index, GoOn(sa, *existing), &broken);
  RETURN_IF_ERROR(broken);
  return Verdict(answer, sa);
}

bool Executor::Offloaded(const Sa& sa, int index) {
  std::optional<netlink::SaInfo> info;
  absl::Status s =
      c_.xfrm->Query(netlink::GetSa(sa), [&](const netlink::Received& m) { info = netlink::ParseSa(m); });
  return s.ok() && info && info->offload_index == index;
}

absl::Status Executor::PutSa(const Sa& sa, std::string* note) {
  OffloadState state;
  int index = 0;
  if (!sa.offload_device.empty()) {
    absl::StatusOr<uint32_t> found = IndexOf(sa.offload_device);
    if (found.ok()) {
      index = static_cast<int>(*found);
    } else {
      state.reason = std::string(found.status().message());
    }
  }
  if (const Sa* from = MovedFrom(sa)) return MoveSa(*from, sa, index);
  absl::Status broken;
  Answer answer = TrySa(sa, index, {}, &broken);
  RETURN_IF_ERROR(broken);
  if (index != 0 && answer.error != 0 && answer.error != EEXIST) {
    state.reason = std::string(answer.ToStatus(sa.offload_device).message());
    index = 0;
    answer = TrySa(sa, 0, {}, &broken);
    RETURN_IF_ERROR(broken);
  }
  absl::Status status = answer.error == EEXIST ? ReplaceSa(sa, index) : Verdict(answer, sa);
  RETURN_IF_ERROR(status);
  if (sa.offload_device.empty()) return absl::OkStatus();
  // Success does not mean offloaded: drivers without the feature accept and ignore.
  if (index != 0 && Offloaded(sa, index)) {
    state.device = sa.offload_device;
    if (sa.offload_packet) state.reason = "crypto offload: policies by mark cannot be offloaded";
    *note = absl::StrCat("offloaded on ", sa.offload_device);
  } else {
    if (state.reason.empty()) state.reason = absl::StrCat(sa.offload_device, ": the driver does not offload ESP");
    *note = absl::StrCat("in software: ", state.reason);
  }
  c_.offload[dataplane::Key(Object(sa))] = state;
  return absl::OkStatus();
}

}  // namespace flexvpn::os
