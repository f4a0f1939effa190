// SPDX-License-Identifier: Apache-2.0
#include "os/dataplane/dataplane.h"

#include <linux/netlink.h>

#include <utility>

#include "base/status_macros.h"
#include "os/dataplane/context.h"
#include "os/dataplane/executor.h"
#include "os/dataplane/reader.h"

namespace flexvpn::os {

Dataplane::Dataplane(std::unique_ptr<Context> context) : c_(std::move(context)) {}
Dataplane::~Dataplane() = default;

absl::StatusOr<std::unique_ptr<Dataplane>> Dataplane::Create(std::string instance, MapWriter* maps) {
  auto context = std::make_unique<Context>();
  context->instance = std::move(instance);
  context->maps = maps;
  ASSIGN_OR_RETURN(context->route, netlink::Socket::Open(NETLINK_ROUTE));
  ASSIGN_OR_RETURN(context->xfrm, netlink::Socket::Open(NETLINK_XFRM));
  return std::unique_ptr<Dataplane>(new Dataplane(std::move(context)));
}

absl::Status Dataplane::Apply(const dataplane::Plan& plan, std::vector<StepResult>* results) {
  std::vector<StepResult> local;
  std::vector<StepResult>& out = results != nullptr ? *results : local;
  Executor executor(*c_);
  absl::Status status = executor.Run(plan, out, /*keep_going=*/false);
  if (status.ok()) return status;
  std::vector<StepResult> undone;
  absl::Status undo = Executor(*c_).Run(executor.Undo(plan), undone, /*keep_going=*/true);
  for (StepResult& r : out) {
    if (r.status.ok()) r.status = absl::CancelledError("undone");
  }
  if (undo.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(), "; undo failed: ", undo.message()));
}

absl::StatusOr<dataplane::State> Dataplane::Read() {
  ASSIGN_OR_RETURN(KernelObjects found, KernelReader(*c_).ReadKernel());
  dataplane::State state = KernelReader(*c_).ToState(found);
  RETURN_IF_ERROR(KernelReader(*c_).AddMaps(state));
  // Keep what the kernel does not tell of the SAs we installed ourselves.
  dataplane::State installed = state;
  for (const auto& [key, object] : c_->installed.all()) {
    if (std::holds_alternative<dataplane::Sa>(object) && state.Find(key) != nullptr) installed.Put(object);
  }
  c_->installed = std::move(installed);
  return state;
}

absl::StatusOr<std::vector<SaCounter>> Dataplane::SaCounters() { return KernelReader(*c_).Counters(); }

absl::Status Dataplane::RemoveAll() {
  absl::Status status = KernelReader(*c_).RemoveAll();
  c_->installed = dataplane::State();
  c_->offload.clear();
  return status;
}

}  // namespace flexvpn::os
