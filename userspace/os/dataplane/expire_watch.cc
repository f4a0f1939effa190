// SPDX-License-Identifier: Apache-2.0
#include "os/dataplane/expire_watch.h"

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "base/status_macros.h"
#include "os/netlink/xfrm.h"

namespace flexvpn::os {

absl::StatusOr<std::unique_ptr<ExpireWatch>> ExpireWatch::Create() {
  static constexpr uint32_t kGroups[] = {XFRMNLGRP_EXPIRE};
  std::unique_ptr<ExpireWatch> w(new ExpireWatch());
  ASSIGN_OR_RETURN(w->events_, netlink::Socket::Open(NETLINK_XFRM, kGroups));
  return w;
}

absl::Status ExpireWatch::Process(const Receiver& receiver) {
  return events_->ReadEvents([&](const netlink::Received& message) {
    const auto event = netlink::ParseXfrmEvent(message);
    if (!event) return;
    if (const auto* e = std::get_if<netlink::SaExpired>(&*event)) receiver(e->sa.spi, e->sa.destination, e->hard);
  });
}

}  // namespace flexvpn::os
