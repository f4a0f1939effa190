// SPDX-License-Identifier: Apache-2.0
// Runs the steps of one plan.  Not for others.
#ifndef FLEXVPN_OS_DATAPLANE_EXECUTOR_H_
#define FLEXVPN_OS_DATAPLANE_EXECUTOR_H_

#include <map>
#include <string>
#include <vector>

#include "os/dataplane/context.h"

namespace flexvpn::os {

class Executor {
 public:
  explicit Executor(Dataplane::Context& context) : c_(context) {}

  // In order, adjacent steps of one netlink family in one batch.  Stops at the first failure unless `keep_going`.
  // Returns the first failure, naming the object.
  absl::Status Run(const dataplane::Plan& plan, std::vector<StepResult>& results, bool keep_going);
  // What leads back from what the last Run did, in reverse.
  dataplane::Plan Undo(const dataplane::Plan& plan) const;

 private:
  using Messages = std::vector<netlink::Message>;
  enum class Way { kRoute, kXfrm, kDirect };

  Way WayOf(const dataplane::Step& step) const;
  absl::StatusOr<Messages> Build(const dataplane::Step& step);
  absl::StatusOr<Messages> BuildAddress(int index, const dataplane::Address& address);
  Messages BuildRule(const dataplane::SourceRule& rule, bool put) const;
  absl::Status Direct(const dataplane::Step& step, StepResult& result);
  absl::StatusOr<uint32_t> IndexOf(const std::string& device);
  absl::Status Flush(const dataplane::Plan& plan, std::vector<StepResult>& results);
  absl::Status Judge(const dataplane::Step& step, const netlink::Answer& answer, StepResult& result);
  void Record(size_t i, const dataplane::Step& step, StepResult& result, const absl::Status& status);
  absl::Status Fail(const StepResult& result) const;

  // SAs the simple way cannot install: offloaded, already there, or refused for an attribute.
  absl::Status PutSa(const dataplane::Sa& sa, std::string* note);
  netlink::Answer TrySa(const dataplane::Sa& sa, int offload_index, const Bytes& replay_state,
                        absl::Status* broken);
  absl::Status ReplaceSa(const dataplane::Sa& sa, int offload_index);
  // The installed SA that goes on as `sa` under another destination (NAT mapping, MOBIKE), or nullptr.
  const dataplane::Sa* MovedFrom(const dataplane::Sa& sa) const;
  absl::Status MoveSa(const dataplane::Sa& from, const dataplane::Sa& sa, int offload_index);
  bool Offloaded(const dataplane::Sa& sa, int index);
  netlink::SaOptions Options(const dataplane::Sa& sa) const;

  Dataplane::Context& c_;
  std::map<std::string, uint32_t> indexes_;
  std::map<size_t, std::optional<dataplane::Object>> before_;  // of the steps that changed something
  Messages pending_;
  std::vector<size_t> owner_;  // step of each pending message
  Way way_ = Way::kDirect;
};

}  // namespace flexvpn::os

#endif  // FLEXVPN_OS_DATAPLANE_EXECUTOR_H_
