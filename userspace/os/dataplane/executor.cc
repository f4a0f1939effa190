// SPDX-License-Identifier: Apache-2.0
#include "os/dataplane/executor.h"

#include <linux/rtnetlink.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "base/overloaded.h"
#include "base/status_macros.h"
#include "os/dataplane/device.h"

namespace flexvpn::os {
namespace {

using dataplane::Object;
using dataplane::Plan;
using dataplane::Sa;
using dataplane::Step;
using netlink::Answer;

template <class... Ts>
bool Is(const Object& o) {
  return (std::holds_alternative<Ts>(o) || ...);
}

bool IsPut(const Step& s) { return s.kind == Step::Kind::kPut; }

// Only these take several kernel calls, so that a failed step may have changed something.
bool MayBePartial(const Object& o) {
  return Is<dataplane::Policy, dataplane::Block, dataplane::Address, dataplane::SourceRule>(o);
}

}  // namespace

Executor::Way Executor::WayOf(const Step& step) const {
  if (Is<dataplane::Address, dataplane::Route, dataplane::SourceRule>(step.object)) return Way::kRoute;
  if (const Sa* sa = std::get_if<Sa>(&step.object); sa != nullptr && IsPut(step) && (!sa->offload_device.empty() || MovedFrom(*sa) != nullptr)) {
    return Way::kDirect;
  }
  if (Is<Sa, dataplane::Policy, dataplane::Block>(step.object)) return Way::kXfrm;
  return Way::kDirect;
}

absl::StatusOr<uint32_t> Executor::IndexOf(const std::string& device) {
  auto it = indexes_.find(device);
  if (it != indexes_.end()) return it->second;
  ASSIGN_OR_RETURN(std::optional<netlink::Link> link, FindLink(*c_.route, device));
  uint32_t index = 0;
  absl::string_view number = device;
  if (link) {
    index = static_cast<uint32_t>(link->index);
  } else if (!absl::ConsumePrefix(&number, "if") || !absl::SimpleAtoi(number, &index)) {
    return absl::NotFoundError(absl::StrCat("no interface ", device));
  }
  indexes_[device] = index;
  return index;
}

absl::StatusOr<Executor::Messages> Executor::BuildAddress(int index, const dataplane::Address& a) {
  Messages out;
  const Object* installed = c_.installed.Find(dataplane::Key(Object(a)));
  const auto* old = installed != nullptr ? std::get_if<dataplane::Address>(installed) : nullptr;
  bool other_length = old != nullptr && old->prefix_length != a.prefix_length;
  // IPv4 holds both lengths for a moment, so that routes with this source stay.  IPv6 cannot, and takes the
  // source off its routes, which are therefore put again.
  if (other_length && a.address.is_v6()) out.push_back(netlink::DeleteAddress(index, *old));
  out.push_back(netlink::PutAddress(index, a));
  if (!other_length) return out;
  if (a.address.is_v4()) out.push_back(netlink::DeleteAddress(index, *old));
  if (a.address.is_v4()) return out;
  for (const auto& [key, object] : c_.installed.all()) {
    const auto* r = std::get_if<dataplane::Route>(&object);
    if (r == nullptr || r->preferred_source != a.address) continue;
    ASSIGN_OR_RETURN(uint32_t device, IndexOf(r->device));
    out.push_back(netlink::PutRoute(static_cast<int>(device), *r));
  }
  return out;
}

// The half that makes unreachable comes first and goes last: between the two nothing finds another table.
Executor::Messages Executor::BuildRule(const dataplane::SourceRule& rule, bool put) const {
  const uint32_t tag = InstanceTag(c_.instance);
  const netlink::Rule closing = netlink::MakeRule(rule.source, 0, tag);
  const Object* installed = c_.installed.Find(dataplane::Key(Object(rule)));
  const auto* old = installed != nullptr ? std::get_if<dataplane::SourceRule>(installed) : nullptr;
  const uint32_t stale = !put ? rule.table : old != nullptr && old->table != rule.table ? old->table : 0;
  Messages out;
  if (put) out.push_back(netlink::PutRule(closing));
  if (stale != 0) out.push_back(netlink::DeleteRule(netlink::MakeRule(rule.source, stale, tag)));
  if (put && rule.table != 0) out.push_back(netlink::PutRule(netlink::MakeRule(rule.source, rule.table, tag)));
  if (!put) out.push_back(netlink::DeleteRule(closing));
  return out;
}

absl::StatusOr<Executor::Messages> Executor::Build(const Step& step) {
  using R = absl::StatusOr<Messages>;
  bool put = IsPut(step);
  auto one = [](netlink::Message m) {
    Messages out;
    out.push_back(std::move(m));
    return out;
  };
  return std::visit(
      Overloaded{
          [&](const dataplane::Address& a) -> R {
            ASSIGN_OR_RETURN(uint32_t index, IndexOf(a.device));
            int i = static_cast<int>(index);
            return put ? BuildAddress(i, a) : one(netlink::DeleteAddress(i, a));
          },
          [&](const dataplane::Route& r) -> R {
            ASSIGN_OR_RETURN(uint32_t index, IndexOf(r.device));
            int i = static_cast<int>(index);
            return one(put ? netlink::PutRoute(i, r) : netlink::DeleteRoute(i, r));
          },
          [&](const dataplane::SourceRule& r) -> R { return BuildRule(r, put); },
          [&](const Sa& s) -> R {
            if (!put) return one(netlink::DeleteSa(s));
            ASSIGN_OR_RETURN(netlink::Message m, netlink::NewSa(s, Options(s)));
            return one(std::move(m));
          },
          [&](const dataplane::Policy& p) -> R {
            return put ? netlink::PutPolicy(p, InstanceTag(c_.instance), {}) : netlink::DeletePolicy(p);
          },
          [&](const dataplane::Block& b) -> R {
            return put ? netlink::PutBlock(b, InstanceTag(c_.instance)) : netlink::DeleteBlock(b);
          },
          [](const auto&) -> R { return absl::InternalError("not a netlink object"); },
      },
      step.object);
}

absl::Status Executor::Direct(const Step& step, StepResult& result) {
  bool put = IsPut(step);
  if (Is<dataplane::Peer, dataplane::NextHop>(step.object) && c_.maps == nullptr) {
    return absl::FailedPreconditionError("no BPF datapath");
  }
  return std::visit(Overloaded{
                        [&](const dataplane::Device& d) -> absl::Status {
                          indexes_.erase(d.name);
                          DeviceMaker maker{*c_.route, c_.maps, c_.Alias()};
                          return put ? maker.Put(d, &result.note) : maker.Remove(d.name);
                        },
                        [&](const dataplane::Peer& p) -> absl::Status {
                          if (!put) return c_.maps->RemovePeer(p.id);
                          ASSIGN_OR_RETURN(uint32_t index, IndexOf(p.device));
                          return c_.maps->PutPeer(p, index);
                        },
                        [&](const dataplane::NextHop& n) -> absl::Status {
                          ASSIGN_OR_RETURN(uint32_t index, IndexOf(n.device));
                          return put ? c_.maps->PutNextHop(index, n.address, n.peer)
                                     : c_.maps->RemoveNextHop(index, n.address);
                        },
                        [&](const Sa& s) { return PutSa(s, &result.note); },
                        [](const auto&) -> absl::Status { return absl::InternalError("not a direct object"); },
                    },
                    step.object);
}

absl::Status Executor::Judge(const Step& step, const Answer& answer, StepResult& result) {
  if (answer.error == 0) return absl::OkStatus();
  if (!IsPut(step) && IsAbsent(answer.error)) return absl::OkStatus();
  if (IsPut(step) && Is<dataplane::SourceRule>(step.object) && answer.error == EEXIST) return absl::OkStatus();
  if (const Sa* sa = std::get_if<Sa>(&step.object); sa != nullptr && IsPut(step)) return PutSa(*sa, &result.note);
  return answer.ToStatus("");
}

void Executor::Record(size_t i, const Step& step, StepResult& result, const absl::Status& status) {
  result.status = status;
  if (!status.ok() && !MayBePartial(step.object)) return;
  const Object* old = c_.installed.Find(result.key);
  before_.try_emplace(i, old != nullptr ? std::optional<Object>(*old) : std::nullopt);
  if (!status.ok()) return;
  if (IsPut(step)) {
    c_.installed.Put(step.object);
  } else {
    c_.installed.Erase(result.key);
    c_.offload.erase(result.key);
  }
}

absl::Status Executor::Fail(const StepResult& result) const {
  absl::string_view reason = result.status.message();
  absl::ConsumePrefix(&reason, ": ");
  const char* verb = result.kind == Step::Kind::kPut ? "add " : "remove ";
  return absl::Status(result.status.code(), absl::StrCat(verb, result.key, ": ", reason));
}

absl::Status Executor::Flush(const Plan& plan, std::vector<StepResult>& results) {
  if (pending_.empty()) return absl::OkStatus();
  Messages messages = std::exchange(pending_, {});
  std::vector<size_t> owner = std::exchange(owner_, {});
  netlink::Socket& socket = way_ == Way::kRoute ? *c_.route : *c_.xfrm;
  absl::StatusOr<std::vector<Answer>> answers = socket.Talk(messages);
  absl::Status first;
  for (size_t m = 0; m < owner.size();) {
    size_t i = owner[m];
    absl::Status status;
    for (; m < owner.size() && owner[m] == i; ++m) {
      // Also within a put: of the old length, of the old table.
      const bool cleanup = messages[m].type() == RTM_DELADDR || messages[m].type() == RTM_DELRULE;
      if (!answers.ok()) {
        status.Update(answers.status());
      } else if (!cleanup || !IsAbsent((*answers)[m].error)) {
        status.Update(Judge(plan[i], (*answers)[m], results[i]));
      }
    }
    Record(i, plan[i], results[i], status);
    if (!status.ok()) first.Update(Fail(results[i]));
  }
  return first;
}

absl::Status Executor::Run(const Plan& plan, std::vector<StepResult>& results, bool keep_going) {
  results.clear();
  for (const Step& s : plan) {
    results.push_back({s.kind, dataplane::Key(s.object), absl::CancelledError("not reached"), ""});
  }
  absl::Status first;
  for (size_t i = 0; i < plan.size(); ++i) {
    const Step& step = plan[i];
    Way way = WayOf(step);
    if (way != way_ || way == Way::kDirect) first.Update(Flush(plan, results));
    way_ = way;
    if (!first.ok() && !keep_going) return first;
    absl::Status status;
    if (way == Way::kDirect) {
      status = Direct(step, results[i]);
    } else {
      absl::StatusOr<Messages> messages = Build(step);
      status = messages.status();
      // What hangs on a device goes with it.
      if (absl::IsNotFound(status) && !IsPut(step)) status = absl::OkStatus();
      if (messages.ok()) {
        for (netlink::Message& m : *messages) {
          pending_.push_back(std::move(m));
          owner_.push_back(i);
        }
        continue;
      }
    }
    if (absl::IsNotFound(status) && !IsPut(step)) status = absl::OkStatus();
    if (status.ok()) {
      Record(i, step, results[i], status);
      continue;
    }
    first.Update(Flush(plan, results));
    Record(i, step, results[i], status);
    first.Update(Fail(results[i]));
    if (!keep_going) return first;
  }
  first.Update(Flush(plan, results));
  return first;
}

Plan Executor::Undo(const Plan& plan) const {
  Plan undo;
  for (auto it = before_.rbegin(); it != before_.rend(); ++it) {
    const Step& step = plan[it->first];
    const std::optional<Object>& old = it->second;
    if (const Sa* sa = std::get_if<Sa>(&step.object)) {
      const Sa* before = old ? std::get_if<Sa>(&*old) : nullptr;
      // A state may come back only as an update of itself: see the header of Dataplane.
      if (!IsPut(step)) continue;
      if (before != nullptr && before->encr_key == sa->encr_key) {
        undo.push_back({Step::Kind::kPut, *before});
        continue;
      }
      undo.push_back({Step::Kind::kRemove, step.object});
      continue;
    }
    if (old) {
      undo.push_back({Step::Kind::kPut, *old});
    } else if (IsPut(step)) {
      undo.push_back({Step::Kind::kRemove, step.object});
    }
  }
  return undo;
}

}  // namespace flexvpn::os
